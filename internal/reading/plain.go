package reading

import (
	"html"
	"strings"
	"unicode/utf8"
)

// MaxRunes bounds what is read of a text; the rest is ignored.
const MaxRunes = 20000

// Plain returns what a text says: its first MaxRunes runes as valid UTF-8,
// HTML entities resolved, without links and @handles (a handle such as
// @united holds words that nobody said), # taken off hashtags, and runs of
// space as one.
func Plain(text string) string {
	text = bound(text)
	if strings.IndexByte(text, '&') >= 0 {
		text = html.UnescapeString(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, w := range strings.Fields(text) {
		if len(w) > 1 && w[0] == '#' && letterAt(w, 1) {
			w = w[1:]
		}
		if isHandle(w) || isLink(w) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// bound returns the first MaxRunes runes of text, invalid UTF-8 replaced.
func bound(text string) string {
	if len(text) > MaxRunes {
		n := 0
		for i := range text {
			if n == MaxRunes {
				text = text[:i]
				break
			}
			n++
		}
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, " ")
	}
	return text
}

func isHandle(w string) bool {
	w = strings.TrimLeft(w, `.("'`)
	return len(w) > 1 && w[0] == '@' && (letterAt(w, 1) || w[1] == '_')
}

func isLink(w string) bool {
	w = strings.TrimLeft(w, `("'<`)
	if len(w) > 8 {
		w = w[:8]
	}
	w = strings.ToLower(w)
	return strings.HasPrefix(w, "http://") || strings.HasPrefix(w, "https://") || strings.HasPrefix(w, "www.")
}

// letterAt reports whether the byte of w at i begins a letter or digit (any
// byte beyond ASCII counts).
func letterAt(w string, i int) bool {
	c := w[i]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}
