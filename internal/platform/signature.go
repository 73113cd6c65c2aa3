package platform

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// MAC computes an HMAC of one algorithm (sha1, sha256, sha512) in one encoding (hex, base64).
type MAC struct{ Algorithm, Encoding string }

var hashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// Check refuses an algorithm or encoding that is not one of ours.
func (m MAC) Check() error {
	if hashes[m.Algorithm] == nil {
		return fmt.Errorf("algorithm %q is not one of sha1, sha256, sha512", m.Algorithm)
	}
	if m.Encoding != "hex" && m.Encoding != "base64" {
		return fmt.Errorf("encoding %q is not one of hex, base64", m.Encoding)
	}
	return nil
}

// Sum returns the encoded HMAC of the parts under key.
func (m MAC) Sum(key string, parts ...[]byte) string {
	sum := m.sum(key, parts)
	if m.Encoding == "hex" {
		return hex.EncodeToString(sum)
	}
	return base64.StdEncoding.EncodeToString(sum)
}

func (m MAC) sum(key string, parts [][]byte) []byte {
	h := hmac.New(hashes[m.Algorithm], []byte(key))
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// Matches reports whether got is the encoded HMAC of the parts under any of
// keys. Decoded sums are compared in constant time; empty keys are passed over.
func (m MAC) Matches(keys []string, got string, parts ...[]byte) bool {
	var sum []byte
	var err error
	if m.Encoding == "hex" {
		if strings.ToLower(got) != got { // platforms send lower case: one text per signature
			return false
		}
		sum, err = hex.DecodeString(got)
	} else {
		sum, err = base64.StdEncoding.Strict().DecodeString(got)
	}
	if err != nil || strings.ContainsAny(got, "\r\n") {
		return false
	}
	ok := false
	for _, k := range keys {
		if k != "" && hmac.Equal(sum, m.sum(k, parts)) {
			ok = true
		}
	}
	return ok
}

// maxSums bounds the signatures that are looked at in one header.
const maxSums = 10

// AnyMatches reports whether a header holds the MAC of the parts under any of
// keys after prefix, alone or in a list: senders that are changing their
// secret send a signature by each, separated by commas or spaces, the prefix
// before the first one or before each. Hex may be in upper case.
func (m MAC) AnyMatches(keys []string, header, prefix string, parts ...[]byte) bool {
	list, ok := strings.CutPrefix(header, prefix)
	if !ok {
		return false
	}
	sums := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, sum := range sums[:min(len(sums), maxSums)] {
		sum = strings.TrimPrefix(sum, prefix)
		if m.Encoding == "hex" && sum == strings.ToUpper(sum) { // nobody writes both in one sum
			sum = strings.ToLower(sum)
		}
		if m.Matches(keys, sum, parts...) {
			return true
		}
	}
	return false
}

// HeaderMAC is the scheme of platforms that send the MAC of the raw body in a
// header, after a prefix such as "sha256=", and nothing against replays.
type HeaderMAC struct {
	Header, Prefix string
	MAC            MAC
	Absent         string // what it means if the header is missing; may be empty
}

// Verify returns nil only if the header holds the MAC of r's body under one of s.Keys.
func (h HeaderMAC) Verify(r Request, s Secrets) error {
	got := r.Header.Get(h.Header)
	if got == "" {
		if h.Absent != "" {
			return Refuse("no %s header: %s", h.Header, h.Absent)
		}
		return Refuse("no %s header", h.Header)
	}
	sum, ok := strings.CutPrefix(got, h.Prefix)
	if !ok || !h.MAC.Matches(s.Keys, sum, r.Body) {
		return Refuse("the signature in %s does not match", h.Header)
	}
	return nil
}

// Sign sets the header. It refuses an empty key.
func (h HeaderMAC) Sign(r *Request, key string) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	r.Header.Set(h.Header, h.Prefix+h.MAC.Sum(key, r.Body))
	return nil
}

// Fetched are the methods of an adapter whose platform sends nothing: all it
// tells is fetched, so that whatever is sent in its name is refused.
type Fetched struct{}

// Handshake answers nothing: there is none.
func (Fetched) Handshake(Request, Secrets, Options, time.Time) (*Answer, error) { return nil, nil }

// Verify refuses whatever is sent.
func (Fetched) Verify(Request, Secrets, Options, time.Time) error {
	return Refuse("this platform sends nothing: it is fetched")
}

// Sign leaves r as it is, since what is fetched is not signed. It refuses an empty key.
func (Fetched) Sign(_ *Request, key, _ string, _ Options, _ time.Time) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	return nil
}

// Polls reports true: every scope is fetched.
func (Fetched) Polls(string) bool { return true }

// Refuse is the error of a signature that does not hold.
func Refuse(format string, args ...any) error {
	return fault.New(fault.Unauthenticated, format, args...)
}

// Within refuses an instant that lies more than tolerance from now, either way.
func Within(at, now time.Time, tolerance time.Duration) error {
	if d := now.Sub(at); d > tolerance {
		return Refuse("signed %s ago, over the %s allowed", d.Truncate(time.Second), tolerance)
	} else if d < -tolerance {
		return Refuse("signed %s in the future, over the %s allowed", (-d).Truncate(time.Second), tolerance)
	}
	return nil
}

// maxDepth bounds how deep a platform's JSON may nest.
const maxDepth = 64

// Decode reads one JSON value with exact numbers (json.Number), so that ids
// beyond 2^53 keep their digits. A byte order mark is passed over. It refuses
// trailing data and nesting over 64.
func Decode(body []byte, v any) error {
	body = WithoutBOM(body)
	if err := checkDepth(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field == "" && e.Type.Kind() == reflect.Slice {
			is, _, _ := strings.Cut(e.Value, " ") // what follows is the value
			return fmt.Errorf("no list: the JSON is one %s, where a list is due", is)
		}
		return fmt.Errorf("no JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("no JSON: more than one value")
	}
	return nil
}

func checkDepth(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("no usable JSON: nested deeper than %d", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// ID is a platform's id, sent as a string or as a number of any size.
type ID string

// UnmarshalJSON keeps the digits of a number as they are.
func (i *ID) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*i = ID(s)
		return nil
	}
	if _, err := strconv.ParseFloat(string(b), 64); err != nil {
		return fmt.Errorf("%.40q is no id", b)
	}
	*i = ID(b)
	return nil
}
