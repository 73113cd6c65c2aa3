package theme

import "strings"

// stopWords are frequent words, by language.
var stopWords = map[string]string{
	"en": "the and is are was were you your my it's its this that with have has had not but for they them what when why how can't don't i'm i've will would please just been of to from there get got does did a an i it on me we us so if or be do can at as by all",
	"de": "der die das und ist nicht ich sie wir ein eine einen mit für auf auch aber wie noch bei sehr nur kein keine habe haben wird werden ihr euch mir mich dass schon immer warum seit leider bitte danke vom zum zur",
	"fr": "le les des est et une un je vous nous pas pour dans que qui sur avec mais plus très c'est j'ai mon votre vos cette être sont été toujours depuis merci pourquoi quand du au aux ne",
	"es": "el los las una un que y es por para con no muy pero más como mi su está están gracias desde cuando porque todo hola del al lo se nos ya",
	"it": "il gli che è di una un per non con sono ma come più mi grazie anche questo della del nel ho hai molto sempre perché ancora ciao lo si",
	"pt": "os uma um que não é com para por muito mas mais meu minha você vocês está obrigado obrigada isso quando porque já sem do da dos das em ao foi",
	"nl": "het een en is niet ik je jullie van voor met maar ook op dat wat hoe nog wel geen heb heeft wordt zijn waarom bedankt graag mijn aan bij",
}

var frequent = func() map[string]bool {
	m := map[string]bool{}
	for _, list := range stopWords {
		for _, w := range strings.Fields(list) {
			m[w] = true
		}
	}
	return m
}()

// stopWord reports whether a lower-case word is among the frequent words of a language.
func stopWord(w string) bool { return frequent[w] }
