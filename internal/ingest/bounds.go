package ingest

import (
	"fmt"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// Bounds of one delivery. What is over them is parked whole, with the reason,
// and can be replayed: no sender takes the time of others.
const (
	maxEvents   = 5_000   // it tells of, and elements of one list in it
	maxElements = 200_000 // of all lists and objects in it, or of tags
	maxDepth    = 1_000   // of lists and objects within each other

	maxReasons = 20    // of why parts of it are parked, that are listed
	maxReason  = 1_000 // bytes of one of them

	// understandWithin is how long reading one delivery may take, which is time for
	// some 2,000 messages: what takes
	// longer comes again and, should it do so again, is parked.
	understandWithin = 90 * time.Second
)

// tooMuch says why a delivery holds more than is taken apart; "": it does not.
// It looks at the bytes alone, since decoding them is what it guards.
func tooMuch(r platform.Request) string {
	body := r.Body
	if len(body) < maxEvents && len(body) < maxDepth {
		return ""
	}
	var commas []int // of each list and object that is open
	elements, tags, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		if quoted {
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
			continue
		}
		switch c {
		case '"':
			quoted = true
		case '<':
			tags++
		case '[', '{':
			if commas = append(commas, 0); len(commas) > maxDepth {
				return fmt.Sprintf("nested deeper than %d levels", maxDepth)
			}
		case ',':
			elements++
			if n := len(commas); n > 0 {
				commas[n-1]++
			}
		case ']', '}':
			n := len(commas)
			if n == 0 {
				continue
			}
			if commas[n-1] >= maxEvents && c == ']' {
				return fmt.Sprintf("a list of %d elements, at most %d are taken in one delivery", commas[n-1]+1, maxEvents)
			}
			commas = commas[:n-1]
		}
	}
	if n := max(elements, tags); n > maxElements {
		return fmt.Sprintf("it has %d elements, at most %d are taken in one delivery", n, maxElements)
	}
	return ""
}

// ignoreAfter is how far ahead of its receipt an activity may be dated.
const ignoreAfter = 24 * time.Hour

// maxText bounds an activity's text in bytes; a longer one is cut at a rune,
// so that the fact fits an item. The archive holds it whole.
const maxText = 64 << 10

// Bounds of an activity's other fields, in bytes: far over what platforms
// send, and low enough that every fact fits an item and can be scored.
const (
	maxField = 2 << 10
	maxURL   = 8 << 10
)

// bound says which field of a is too long to be kept.
func bound(a social.Activity) error {
	for _, f := range []struct {
		name, value string
		most        int
	}{
		{"scope", a.Scope, maxField}, {"actor id", a.Actor.ID, maxField}, {"actor handle", a.Actor.Handle, maxField}, {"actor name", a.Actor.Name, maxField},
		{"object id", a.Object.ID, maxField}, {"object type", a.Object.Type, maxField}, {"in_reply_to", a.InReplyTo, maxField},
		{"conversation", a.Conversation, maxField}, {"url", a.URL, maxURL}, {"reaction", a.Reaction, maxField},
	} {
		if len(f.value) > f.most {
			return fmt.Errorf("the %s has %d bytes, at most %d are kept", f.name, len(f.value), f.most)
		}
	}
	return nil
}
