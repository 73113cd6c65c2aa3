package reading

import (
	"strings"
	"unicode"
)

// Undetermined is the language of a text that gives no clear sign of one
// (BCP 47 "und").
const Undetermined = "und"

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

// language names the language of a plain text: the one of stopWords that
// clearly has most of its words; without any, "en" where at least half of
// the words are Latin and in the English vocabulary as a whole; else "und".
// It is a rough guard for models that read English only, not an identifier
// of languages.
func (v *index) language(plain string) string {
	counts := map[string]int{}
	total, english := 0, 0
	seen := 0
	for _, f := range strings.FieldsFunc(strings.ToLower(plain), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' }) {
		if seen++; seen > 400 {
			break
		}
		f = strings.Trim(strings.ReplaceAll(f, "’", "'"), "'")
		if f == "" {
			continue
		}
		total++
		for _, lang := range stopIndex[f] {
			counts[lang]++
		}
		key := []byte(f)
		if isASCII(f) && len(f) > 1 && v.find(hashBytes(fnvOffset, key), "", key) >= 0 || strings.Contains(f, "'") && isASCII(f) {
			english++
		}
	}
	best, second := Undetermined, 0
	for _, lang := range []string{"en", "de", "fr", "es", "it", "pt", "nl"} {
		switch n := counts[lang]; {
		case n > counts[best]:
			best, second = lang, counts[best]
		case n > second:
			second = n
		}
	}
	n := counts[best]
	switch {
	case total == 0:
		return Undetermined
	case best == "en" && 2*english >= total, n > 0 && best != "en" && n > second && 10*n >= total && (n > 1 || 3*english < 2*total):
		return best
	case n == second || n == 0 || best != "en":
		if 10*english >= 6*total && counts["en"] >= second-1 {
			return "en"
		}
	}
	return Undetermined
}
