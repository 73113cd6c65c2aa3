package reading

import (
	"slices"
	"strings"
	"unicode"

	"rapport/internal/langid"
)

// stopWords are frequent words that hardly occur in the other languages.
var stopWords = map[string]string{
	"en": "the and is are was were you your my it's its this that with have has had not but for they them what when why how can't don't i'm i've will would please just been of to from there get got does did a an i it on me we us so if or be do can at as by all",
	"de": "der die das und ist nicht ich sie wir ein eine einen mit für auf auch aber wie noch bei sehr nur kein keine habe haben wird werden ihr euch mir mich dass schon immer warum seit leider bitte danke vom zum zur",
	"fr": "le les des est et une un je vous nous pas pour dans que qui sur avec mais plus très c'est j'ai mon votre vos cette être sont été toujours depuis merci pourquoi quand du au aux ne",
	"es": "el los las una un que y es por para con no muy pero más como mi su está están gracias desde cuando porque todo hola del al lo se nos ya",
	"it": "il gli che è di una un per non con sono ma come più mi grazie anche questo della del nel ho hai molto sempre perché ancora ciao lo si",
	"pt": "os uma um que não é com para por muito mas mais meu minha você vocês está obrigado obrigada isso quando porque já sem do da dos das em ao foi",
	"nl": "het een en is niet ik je jullie van voor met maar ook op dat wat hoe nog wel geen heb heeft wordt zijn waarom bedankt graag mijn aan bij",
}

var stopIndex = func() map[string][]string {
	m := map[string][]string{}
	for lang, list := range stopWords {
		for _, w := range strings.Fields(list) {
			m[w] = append(m[w], lang)
		}
	}
	return m
}()

// StopWord reports whether a lower-case word is among the frequent words of
// one of the languages that the reader tells apart.
func StopWord(w string) bool { return len(stopIndex[w]) > 0 }

// readable are the languages that are read.
var readable = []string{"en"}

// known are the languages in one of which a doubtful text is taken to be.
var known = []string{"en", "de", "es", "pt", "fr", "it", "nl"}

// doubtful is the probability under which a text's language is not believed, as of "ok, danke".
const doubtful = 0.5

// languageOf returns the language of a plain text, and whether it is read. What
// has no letters has no language, and is. A doubtful text is English if its
// words are, else the likeliest of the known languages.
func (v *index) languageOf(plain string) (language string, read bool) {
	if !hasLetter(plain) {
		return langid.Undetermined, true
	}
	language, p := langid.Identify(plain)
	if p < doubtful {
		if v.english(plain) {
			return "en", true
		}
		language, _ = langid.Identify(plain, known...)
	}
	return language, slices.Contains(readable, language)
}

// english reports whether at least half of a text's words are whole words of
// the English vocabulary, and no other language has more of its frequent words in it.
func (v *index) english(plain string) bool {
	counts := map[string]int{}
	total, english := 0, 0
	for _, w := range strings.FieldsFunc(strings.ToLower(plain), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' }) {
		w = strings.Trim(strings.ReplaceAll(w, "’", "'"), "'")
		if w == "" {
			continue
		}
		total++
		for _, lang := range stopIndex[w] {
			counts[lang]++
		}
		key := []byte(w)
		if isASCII(w) && len(w) > 1 && v.find(hashBytes(fnvOffset, key), "", key) >= 0 || strings.Contains(w, "'") && isASCII(w) {
			english++
		}
	}
	for lang, n := range counts {
		if lang != "en" && n > counts["en"] {
			return false
		}
	}
	return total > 0 && 2*english >= total
}
