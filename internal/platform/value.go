package platform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"rapport/internal/social"
)

// Unix reads an instant given as a whole number of units since 1970
// (time.Second, time.Millisecond, time.Microsecond), as a number or as text.
func Unix(n string, unit time.Duration) (time.Time, error) {
	v, err := strconv.ParseInt(n, 10, 64)
	if err != nil || v <= 0 {
		return time.Time{}, fmt.Errorf("%.40q is no time in %s since 1970", n, map[time.Duration]string{
			time.Second: "seconds", time.Millisecond: "milliseconds", time.Microsecond: "microseconds"}[unit])
	}
	var t time.Time
	switch unit {
	case time.Second:
		t = time.Unix(v, 0)
	case time.Millisecond:
		t = time.UnixMilli(v)
	default:
		t = time.UnixMicro(v)
	}
	if t.Year() < 1990 || t.Year() > 2999 {
		return time.Time{}, fmt.Errorf("%.40q is a time in the year %d", n, t.Year())
	}
	return social.Instant(t), nil
}

// Time reads an instant of a layout; without layouts, of RFC 3339.
func Time(s string, layouts ...string) (time.Time, error) {
	if len(layouts) == 0 {
		layouts = []string{time.RFC3339Nano}
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return social.Instant(t), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time of the form %s", s, strings.Join(layouts, ", "))
}

// Text is a string that may be null or a number or a truth value, too, in
// platforms that are not sure; objects and lists are errors.
type Text string

// UnmarshalJSON keeps a number's digits as they are.
func (t *Text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(s)
		return nil
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		return errors.New("an object or a list where a text is due")
	}
	*t = Text(b)
	return nil
}

// blocks are the elements that begin a line.
var blocks = map[atom.Atom]bool{atom.P: true, atom.Div: true, atom.Br: true, atom.Li: true, atom.Blockquote: true, atom.Pre: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Tr: true, atom.Aside: true}

// PlainText is what a person reads of a piece of HTML: its text, a line for
// each block, without scripts and styles. Text without markup stays, but for
// its white space at the ends.
func PlainText(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	skip := false
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		switch kind {
		case html.TextToken:
			if !skip {
				b.Write(z.Text())
			}
			continue
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		name, _ := z.TagName()
		a := atom.Lookup(name)
		switch {
		case a == atom.Script || a == atom.Style:
			skip = kind != html.EndTagToken // "<script/>" begins one, too: HTML knows no other
		case blocks[a]:
			b.WriteByte('\n')
		}
	}
	lines := strings.Split(b.String(), "\n")
	out := lines[:0]
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// PathToken is a secret part of a hook's path, made of the app's secret: 32
// hex digits that nobody can make without it.
func PathToken(key string, parts ...string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte("path|" + social.Key(append([]string{""}, parts...)...)))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// HasPathToken reports whether got is the token of any of keys, in constant
// time; empty keys are passed over.
func HasPathToken(keys []string, got string, parts ...string) bool {
	ok := false
	for _, k := range keys {
		if k != "" && hmac.Equal([]byte(got), []byte(PathToken(k, parts...))) {
			ok = true
		}
	}
	return ok
}

// NoConfig refuses any document: for platforms whose apps need none.
func NoConfig(raw json.RawMessage) error {
	if len(raw) > 0 && string(raw) != "null" && string(raw) != "{}" {
		return errors.New("config: this platform takes no document")
	}
	return nil
}

// Flag is something that a platform says is so. Whatever else stands there, as
// where it is not said, is no fault: it is not so.
type Flag bool

// UnmarshalJSON reads true, also as a text or as 1.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`, "1", `"1"`:
		*f = true
	default:
		*f = false
	}
	return nil
}
