package platform

import (
	"errors"
	"strings"
)

// A secret that somebody chose has at least so many characters, of which so
// many are different: random ones of 16 hex digits nearly always have.
const (
	minKey   = 16
	minKinds = 6
)

// CheckKey refuses a secret that can't work or that somebody could guess. Its
// errors say what to do, and repeat nothing of it.
func CheckKey(a Adapter, key string, o Options) error {
	if strings.TrimSpace(key) == "" {
		return errors.New("is blank")
	}
	if c, ok := a.(KeyChecker); ok {
		if err := c.CheckKey(key, o); err != nil {
			return err
		}
	}
	return strong(key)
}

// strong refuses what is short, or made of a few characters or of one part
// again and again.
func strong(key string) error {
	const better = "; take a random one, for example of openssl rand -hex 32, and give it to the platform, too"
	key = strings.TrimPrefix(key, "whsec_")
	kinds := map[rune]bool{}
	for _, r := range key {
		kinds[r] = true
	}
	switch {
	case len(key) < minKey:
		return errors.New("is too short to be safe: it must have 16 characters or more" + better)
	case len(kinds) < minKinds:
		return errors.New("has too few different characters to be safe" + better)
	}
	// A text that is found in itself doubled, elsewhere than at its ends, is a part repeated.
	if strings.Contains((key + key)[1:2*len(key)-1], key) {
		return errors.New("is one part again and again, which can be guessed" + better)
	}
	return nil
}
