// Package consent holds what proves that somebody wants our mail: links that
// only we can have made, and the keyed hash under which an address is known,
// so that nobody can read from the table who does not want to be written to.
package consent

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/fault"
	"rapport/internal/pattern"
)

// Lasts is how long a link to confirm may be used.
const Lasts = 7 * 24 * time.Hour

// Key makes links and hashes. Its parts are derived (HKDF, RFC 5869) from one
// secret that stays: with another one, nobody has confirmed or unsubscribed.
type Key struct{ addresses, links []byte }

// New derives the keys from a secret of at least 32 bytes.
func New(secret []byte) (Key, error) {
	if len(secret) < 32 {
		return Key{}, fmt.Errorf("a secret of %d bytes, want at least 32", len(secret))
	}
	addresses, err := hkdf.Key(sha256.New, secret, nil, "rapport mail address", 32)
	if err != nil {
		return Key{}, err
	}
	links, err := hkdf.Key(sha256.New, secret, nil, "rapport mail link", 32)
	return Key{addresses, links}, err
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

var encode = base64.RawURLEncoding.EncodeToString

// Hash is what an address is known by: the same however its letters are
// written, since no provider tells mailboxes apart by that.
func (k Key) Hash(address string) string {
	return encode(mac(k.addresses, strings.ToLower(address))[:16])
}

// What a link does.
const (
	Confirm     = "confirm"
	Unsubscribe = "unsubscribe"
)

// Link is what somebody who follows a link of a mail may do, without any other proof.
type Link struct {
	Does      string // Confirm or Unsubscribe
	Workspace string
	Report    string
	Address   string    // its hash
	Until     time.Time // to the second; zero: for good
}

var linkForm = pattern.New(`^([a-z0-9-]{3,40})\.([a-z0-9-]{1,40})\.([A-Za-z0-9_-]{22})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})$`)

// Token is the last part of the link's path: what it allows, in plain, and
// the proof that we wrote it.
func (k Key) Token(l Link) string {
	var until int64
	if !l.Until.IsZero() {
		until = l.Until.Unix()
	}
	s := strings.Join([]string{l.Workspace, l.Report, l.Address, strconv.FormatInt(until, 10)}, ".")
	return s + "." + encode(mac(k.links, l.Does+"."+s))
}

// ErrExpired is in the chain of the error for a link of ours whose time is over.
var ErrExpired = fault.New(fault.Invalid, "the link has expired")

// Open reads a token of a link that does what is named. One that we did not
// write is an error of kind NotFound.
func (k Key) Open(does, token string, now time.Time) (Link, error) {
	m := linkForm.FindStringSubmatch(token)
	if m == nil {
		return Link{}, fault.New(fault.NotFound, "no such link")
	}
	until, err := strconv.ParseInt(m[4], 10, 64)
	if err != nil {
		return Link{}, fault.New(fault.NotFound, "no such link")
	}
	l := Link{Does: does, Workspace: m[1], Report: m[2], Address: m[3]}
	if until > 0 {
		l.Until = time.Unix(until, 0).UTC()
	}
	if !hmac.Equal([]byte(k.Token(l)), []byte(token)) {
		return Link{}, fault.New(fault.NotFound, "no such link")
	}
	if until > 0 && !now.Before(l.Until) {
		return l, ErrExpired
	}
	return l, nil
}

// URL is the address of a link below a root URL.
func (k Key) URL(root string, l Link) string {
	return strings.TrimSuffix(root, "/") + "/mail/" + l.Does + "/" + k.Token(l)
}

// maxName is how many characters of a name are shown to a recipient.
const maxName = 60

// Quoted returns a name that somebody else chose as one plain line in quotation
// marks that it cannot close: without what turns the writing direction, ends
// a line or is not seen, and cut to 60 characters.
func Quoted(name string) string { return `"` + cut(unmarked(name)) + `"` }

// Unlinked is Quoted without anything of which a mail reader would make a
// link, for mail to somebody who has not asked for it.
func Unlinked(name string) string {
	return `"` + cut(unmarked(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune("-&'’", r) {
			return r
		}
		return ' '
	}, name))) + `"`
}

// unmarked returns name without quotation marks, control and format
// characters, with single spaces, and with at most four marks on a letter.
func unmarked(name string) string {
	var b strings.Builder
	marks := 0
	for _, r := range name {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > 4 {
				continue
			}
		case r == '\'' || r == '’': // closes nothing here
			marks = 0
		case unicode.In(r, unicode.Quotation_Mark):
			r, marks = ' ', 0
		case unicode.IsSpace(r):
			marks = 0
		case unicode.In(r, unicode.C) || r == utf8.RuneError:
			continue
		default:
			marks = 0
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:maxName-1])) + "…"
}
