package social

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hidden is the rule for what names, handles and titles hold: it reports
// whether r has no place in one that is shown. These are control characters and
// line ends; format characters, among them those that turn the direction of
// writing, by which a name could make the text around it say something else;
// and what has no meaning of its own. The joiners that scripts and emoji need are not.
func Hidden(r rune) bool {
	switch r {
	case '\u200c', '\u200d': // zero width non-joiner, joiner
		return false
	case '\u2028', '\u2029', unicode.ReplacementChar:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// Shown is a stranger's name, or other text, safe to show on one line: what is
// Hidden goes, invalid UTF-8 becomes U+FFFD, more than four combining marks in
// a row go, and white space becomes single spaces. Facts keep names as the
// platform gives them; whatever shows one shows it so.
func Shown(s string) string {
	var b strings.Builder
	marks, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case r != unicode.ReplacementChar && Hidden(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > 4 {
				continue
			}
		case r != '\u200c' && r != '\u200d':
			marks = 0
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// Excerpt is s as it is shown, cut to at most n runes; a cut text ends in "…".
func Excerpt(s string, n int) string {
	s = Shown(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)[:n-1]
	return strings.TrimRight(string(r), " \u200c\u200d") + "…"
}
