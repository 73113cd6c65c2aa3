package reading

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/langid"
)

// Languages are those that are read.
var Languages = []string{"en", "de", "es", "fr", "it", "nl", "pt"}

// doubtful is the probability under which a text's language is not believed, as of "ok, danke".
const doubtful = 0.5

// short is the length in bytes under which a text's language is told less surely.
const short = 40

// languageOf returns the language of a plain text, and whether it is read. What
// has no letters has no language, and is. A doubtful text is in the likeliest
// of Languages. A short one is in one of those that are expected, where some are:
// of three words a language can be told wrong, while 40 bytes are hardly ever (.9997
// of our sentences). What is hardly words, as an encoded file, is not read.
func languageOf(text string, expected []string) (language string, read bool) {
	if !hasLetter(text) {
		return langid.Undetermined, true
	}
	if !words(text) {
		return langid.Undetermined, false
	}
	language, p := langid.Identify(text)
	if p < doubtful {
		language = likeliest(text)
	}
	if len(expected) > 0 && (len(text) < short || p < doubtful) && !slices.Contains(expected, language) {
		language, _ = langid.Identify(text, expected...)
	}
	return language, slices.Contains(Languages, language)
}

// english is how many times likelier than by its letters alone a doubtful text
// is English, in which about half of the web is written (W3Techs, "Usage
// statistics of content languages for websites", 2026).
const english = 2

// likeliest is the one of Languages that a doubtful text is in.
func likeliest(text string) string {
	p := langid.Probabilities(text, Languages...)
	best, most := Languages[0], 0.0
	for k, l := range langid.Languages() {
		if l == "en" {
			p[k] *= english
		}
		if p[k] > most {
			best, most = l, p[k]
		}
	}
	return best
}

func hasLetter(text string) bool { return strings.IndexFunc(text, unicode.IsLetter) >= 0 }

// longestWord is the length in runes from which something between spaces is no word.
const longestWord = 60

// words reports whether at least half of a text stands in what may be words.
// Scripts that set no spaces between words are made of such.
func words(text string) bool {
	in, all := 0, 0
	for _, w := range strings.Fields(text) {
		n := utf8.RuneCountInString(w)
		all += n
		if n <= longestWord || strings.IndexFunc(w, func(r rune) bool { return r > unicode.MaxLatin1 && unicode.IsLetter(r) }) >= 0 {
			in += n
		}
	}
	return 2*in >= all
}
