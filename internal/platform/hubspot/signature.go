package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
)

const (
	header        = "X-HubSpot-Signature-v3"
	stampHeader   = "X-HubSpot-Request-Timestamp"
	legacyHeader  = "X-HubSpot-Signature"
	versionHeader = "X-HubSpot-Signature-Version"

	// tolerance is HubSpot's: https://developers.hubspot.com/docs/api/webhooks/validating-requests
	tolerance = 5 * time.Minute
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "base64"}

// Verify checks HMAC-SHA256 over method, URL, body and timestamp (v3). The
// URL is the one that HubSpot was given, so r.URL must be the public one. The
// older hashes (v1, v2) count only where the app allows them and v3 is absent.
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) error {
	got := r.Header.Get(header)
	if got == "" {
		return legacy(r, s, o)
	}
	stamp := r.Header.Get(stampHeader)
	at, err := platform.Unix(stamp, time.Millisecond)
	if err != nil {
		return platform.Refuse("%s: %v", stampHeader, err)
	}
	if err := platform.Within(at, now, tolerance); err != nil {
		return err
	}
	for _, u := range urls(r.URL) {
		if mac.Matches(s.Keys, got, []byte(r.Method+u), r.Body, []byte(stamp)) {
			return nil
		}
	}
	return platform.Refuse("the signature in %s does not match: the client secret is another, or HubSpot was given another URL than %.200q", header, r.URL)
}

// escapes are what HubSpot decodes of a URL before it signs, and nothing else.
var (
	escape  = pattern.New(`(?i)%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)`)
	decoded = map[string]string{"3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'", "28": "(", "29": ")", "2A": "*", "2C": ",", "3B": ";"}
)

// urls are the forms in which HubSpot may have signed a URL: as it is called,
// and with its escapes decoded.
func urls(u string) []string {
	d := escape.ReplaceAllStringFunc(u, func(e string) string { return decoded[strings.ToUpper(e[1:])] })
	if d == u {
		return []string{u}
	}
	return []string{d, u}
}

// legacy checks the hashes of versions 1 and 2: not HMACs, and of any age.
func legacy(r platform.Request, s platform.Secrets, o platform.Options) error {
	got := r.Header.Get(legacyHeader)
	if got == "" {
		return platform.Refuse("no %s header", header)
	}
	var parts []string
	switch v := r.Header.Get(versionHeader); v {
	case "v1":
		parts = []string{string(r.Body)}
	case "v2":
		for _, u := range urls(r.URL) {
			parts = append(parts, r.Method+u+string(r.Body))
		}
	default:
		return platform.Refuse("%s is %.20q, neither v1 nor v2", versionHeader, v)
	}
	ok := false
	for _, k := range s.Keys {
		for _, p := range parts {
			sum := sha256.Sum256([]byte(k + p))
			if k != "" && hmac.Equal([]byte(got), []byte(hex.EncodeToString(sum[:]))) {
				ok = true
			}
		}
	}
	switch {
	case !ok:
		return platform.Refuse("the signature in %s does not match", legacyHeader)
	case !o.Legacy:
		return platform.Refuse("only the legacy signature in %s: it holds, but the app does not allow it", legacyHeader)
	}
	return nil
}

// Sign signs r as HubSpot does (v3).
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the client secret is empty")
	}
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	r.Header.Set(stampHeader, stamp)
	r.Header.Set(header, mac.Sum(key, []byte(r.Method+urls(r.URL)[0]), r.Body, []byte(stamp)))
	return nil
}
