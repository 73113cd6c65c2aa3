package erasure

import (
	"encoding/json"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/platform"
)

// cutter finds somebody in what others said: their id, what they are called,
// and their words.
type cutter struct {
	ids    []string
	names  []string            // folded
	pieces map[string][]string // folded words that may be quoted, by their first runes
	raw    []string            // the same as they were written
}

// Below these lengths, in characters, what stands in a text may stand there by
// chance.
const (
	shortID    = 6
	shortName  = 3
	shortWords = 8
	shortPart  = 20 // of a sentence of a longer text
)

func newCutter(ids, names, words []string) *cutter {
	c := &cutter{pieces: map[string][]string{}}
	for _, id := range ids {
		if id != "" {
			c.ids = append(c.ids, id)
		}
	}
	for _, n := range names {
		if n = fold(n); utf8.RuneCountInString(n) >= shortName && !slices.Contains(c.names, n) {
			c.names = append(c.names, n)
		}
	}
	slices.SortFunc(c.names, func(a, b string) int { return len(b) - len(a) }) // longer ones first
	add := func(s string, least int) {
		f := fold(s)
		if utf8.RuneCountInString(f) < least {
			return
		}
		head := first(f, shortWords)
		if !slices.Contains(c.pieces[head], f) {
			c.pieces[head] = append(c.pieces[head], f)
			c.raw = append(c.raw, strings.TrimSpace(s))
		}
	}
	for _, w := range words {
		add(w, shortWords)
		for _, s := range strings.FieldsFunc(w, func(r rune) bool { return strings.ContainsRune(".!?\n\r…", r) }) {
			add(s, shortPart)
		}
	}
	return c
}

// first is the first n runes of s.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// fold is what a text says, whatever its markup, case and white space.
func fold(s string) string {
	if strings.ContainsAny(s, "<&") {
		s = html.UnescapeString(platform.PlainText(s))
	}
	return strings.ToLower(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '>' || r == '*' }), " "))
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// apart reports whether what stands in s from i to j is no part of a longer word.
func apart(s string, i, j int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[j:])
	start, _ := utf8.DecodeRuneInString(s[i:])
	end, _ := utf8.DecodeLastRuneInString(s[:j])
	return !(i > 0 && wordRune(before) && wordRune(start)) && !(j < len(s) && wordRune(after) && wordRune(end))
}

// holds reports whether word stands in s as a word of its own.
func holds(s, word string) bool {
	for i := 0; ; {
		n := strings.Index(s[i:], word)
		if n < 0 {
			return false
		}
		if i += n; apart(s, i, i+len(word)) {
			return true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
}

// called reports whether a text is a name of theirs.
func (c *cutter) called(name string) bool { return name != "" && slices.Contains(c.names, fold(name)) }

// names reports whether a text names them: by a name, or by an id that is no
// short one.
func (c *cutter) in(s string) bool {
	f := fold(s)
	for _, id := range c.ids {
		if len(id) >= shortID && holds(s, id) {
			return true
		}
	}
	for _, n := range c.names {
		if holds(f, n) {
			return true
		}
	}
	return c.quoted(f)
}

// quoted reports whether folded text holds words of theirs.
func (c *cutter) quoted(f string) bool {
	if len(c.pieces) == 0 {
		return false
	}
	for i := range f {
		head := first(f[i:], shortWords)
		for _, p := range c.pieces[head] {
			if strings.HasPrefix(f[i:], p) && apart(f, i, i+len(p)) {
				return true
			}
		}
	}
	return false
}

// idFields are parts of names of fields in which somebody's id stands, however short.
var idFields = []string{"id", "user", "author", "actor", "sender", "from", "by", "member", "owner", "customer"}

// body returns a body without them: a value that is their id, or holds what
// they are called or said, is empty. It reports false for a body in no form
// that can be taken apart, and whether anything changed.
func (c *cutter) body(b []byte) (out []byte, changed, ok bool) {
	doc, ok := platform.ParseBody(b)
	if !ok {
		return b, false, false
	}
	isID := func(field, s string) bool {
		if !slices.Contains(c.ids, s) {
			return false
		}
		return len(s) >= shortID || slices.ContainsFunc(idFields, func(f string) bool { return strings.Contains(strings.ToLower(field), f) })
	}
	doc, changed = doc.Change(func(field string, v any) any {
		switch x := v.(type) {
		case string:
			if isID(field, x) || c.in(x) {
				return ""
			}
		case json.Number:
			if isID(field, x.String()) {
				return nil
			}
		}
		return v
	}, func(field string) bool { return slices.Contains(c.ids, field) && len(field) >= shortID })
	if !changed {
		return b, false, true
	}
	return doc.Bytes(), true, true
}

// gap stands for what was cut out of a text.
const gap = "[…]"

// text returns a text without them.
func (c *cutter) text(s string) string {
	if s == "" || !c.in(s) {
		return s
	}
	for _, p := range c.raw {
		s = without(s, p)
	}
	for _, n := range append(slices.Clone(c.names), c.ids...) {
		if utf8.RuneCountInString(n) >= shortName && !(slices.Contains(c.ids, n) && len(n) < shortID) {
			s = without(s, n)
		}
	}
	if c.in(s) {
		return gap // it says it in another form
	}
	return s
}

// without puts a gap for each place where words stand in a text as words of their own, in whatever case.
func without(s, words string) string {
	for i := 0; i+len(words) <= len(s); {
		if strings.EqualFold(s[i:i+len(words)], words) && apart(s, i, i+len(words)) {
			s = s[:i] + gap + s[i+len(words):]
			i += len(gap)
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s
}
