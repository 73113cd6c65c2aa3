package platform

import (
	"strings"
	"unicode"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// nobody are the words that programs and forms write where an id is missing.
var nobody = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range []string{"null", "undefined", "none", "nil", "nan", "n/a", "#n/a", "n.a.", "na", "void", "empty", "missing", "blank", "not set", "not available", "false", "true", "-1",
		"anonymous", "anonym", "anon", "unknown", "guest", "visitor", "nobody", "no one", "test", "deleted", "removed", "object object", "object", "array",
		"00000000-0000-0000-0000-000000000000"} {
		m[w] = true
	}
	return m
}()

var (
	// zero is a number that counts nothing.
	zero = pattern.New(`^[+-]?0+([.,]0+)?$`)

	// unfilled is a place in a template that nobody filled.
	unfilled = pattern.New(`^(\{+[^{}]*\}+|\$\{[^{}]*\}|%[A-Za-z_.]+%|<%[^%]*%>|\*\|[^|]*\|\*)$`)
)

// NamesNobody reports whether what stands in the place of an id, where a
// sender writes ids as it likes, is but a sign that there is none: all who
// have it would be one person. It is nothing for the ids that a platform gives
// itself. docs/platforms/standard.md lists the signs.
func NamesNobody(id string) bool {
	id = strings.TrimFunc(id, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r) || social.Hidden(r) || r == '\u200c' || r == '\u200d'
	})
	if unfilled.MatchString(id) {
		return true
	}
	// What is left without quotes, brackets and dashes around it.
	id = strings.TrimFunc(id, func(r rune) bool { return strings.ContainsRune(`"'()[]{}<>`, r) || unicode.IsSpace(r) })
	if strings.TrimFunc(id, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.S) }) == "" {
		return true
	}
	return nobody[strings.Join(strings.Fields(strings.ToLower(id)), " ")] || zero.MatchString(id)
}
