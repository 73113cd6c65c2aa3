package theme

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/reading"
)

// stop holds words that name no theme.
var stop = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`a about above after again ago all almost already also although always am an and another any anybody anyone
		anything are aren't arent around as ask asked asking at away back be because been before being between both but by can can't cannot cant
		come could couldn't couldnt did didn't didnt do does doesn't doesnt doing don't dont done down during each either else even ever
		every everyone everything few for from further get gets getting give given go goes going gone gonna got had hadn't has hasn't hasnt
		have haven't havent having he her here hers him his how however i i'd i'll i'm i've id if ill im in instead into is isn't isnt it it's its
		itself ive just keep keeps know last least less let let's lets like look looking lot made make makes many may maybe me mean might mine
		more most much must my myself need needs never no nobody none nor not nothing now of off oh ok okay on once one ones only or other others
		our ours out over own per perhaps please pls plz put quite rather re really right said same say says see seem seems shall she should
		shouldn't since so some somebody someone something still such sure take tell than thank thanks that that's thats the their theirs them
		themselves then there there's theres these they they're thing things think this those though through till to today together told
		too tried try trying two u under until up upon ur us use used using very via want wanted wants was wasn't wasnt way we we're we've well
		went were weren't what what's whats when where where's which while who whom whose why will with without won't wont would wouldn't
		wouldnt yes yet you you're you've youve your yours yourself hi hello hey dear guys anyway actually able happen happened happening
		help amp rt ve ll don didn doesn isn wasn haven couldn wouldn won couldn http https www able day days time week month year hour hours minutes`) {
		m[w] = true
	}
	return m
}()

// word is one word of a text: its stem, under which it is counted, and how
// it was written, in lower case.
type word struct{ stem, text string }

// maxWord bounds a word in bytes: what is longer is no word, and would make a
// set as long as someone likes.
const maxWord = 40

// split cuts a text into lower-case words of letters, digits and apostrophes;
// links, handles and what is longer than maxWord are left out, and a sentence's end stands as a word
// without a stem.
func split(text string) []word {
	s := strings.ToLower(strings.ReplaceAll(reading.Plain(text), "’", "'"))
	var ws []word
	from := -1
	flush := func(to int) {
		if from < 0 {
			return
		}
		if w := strings.Trim(s[from:to], "'"); w != "" && len(w) <= maxWord {
			ws = append(ws, word{stem(w), w})
		}
		from = -1
	}
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || r == '\'' {
			if from < 0 {
				from = i
			}
			continue
		}
		flush(i)
		if strings.ContainsRune(".!?;:\n", r) && len(ws) > 0 && ws[len(ws)-1].stem != "" {
			ws = append(ws, word{})
		}
	}
	flush(len(s))
	return ws
}

// stem takes the endings of number, tense and possession off an English word,
// roughly: enough to count "delays", "delayed" and "delay" as one.
func stem(w string) string {
	w = strings.TrimSuffix(w, "'s")
	n := len(w)
	switch {
	case utf8.RuneCountInString(w) < 4:
		return w
	case strings.HasSuffix(w, "ies") && n > 4:
		return w[:n-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"):
		return w[:n-2]
	case strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return trimE(w[:n-1])
	case strings.HasSuffix(w, "ing") && n > 6:
		return undouble(w[:n-3])
	case strings.HasSuffix(w, "ed") && n > 5:
		return undouble(w[:n-2])
	}
	return trimE(w)
}

func trimE(w string) string {
	if len(w) > 4 && w[len(w)-1] == 'e' {
		return w[:len(w)-1]
	}
	return w
}

func undouble(w string) string {
	n := len(w)
	if n > 3 && w[n-1] == w[n-2] && w[n-1] != 's' && w[n-1] != 'l' {
		return w[:n-1]
	}
	return trimE(w)
}

// stems returns the stems of all words of a text, in order.
func stems(text string) []string {
	var out []string
	for _, w := range split(text) {
		if w.stem != "" {
			out = append(out, w.stem)
		}
	}
	return out
}

// phrases returns the stems of text's words that are no stop words and longer
// than one letter, and the pairs of them that follow each other within a
// sentence, joined by a space. Stop words between the two of a pair are
// passed over, so that "cancel my subscription" holds "cancel subscription". A
// number or a particle counts only right after another word ("top up").
// written is told each phrase with the form it was written in.
func phrases(text string, written func(phrase, form string)) []string {
	var out []string
	add := func(phrase, form string) {
		out = append(out, phrase)
		written(phrase, form)
	}
	var before word
	adjacent := false
	for _, w := range split(text) {
		switch {
		case w.stem == "":
			before = word{}
		case particle[w.text] || isNumber(w.text):
			if adjacent && before.stem != "" {
				add(before.stem+" "+w.stem, before.text+" "+w.text)
			}
		case stop[w.text] || stop[w.stem] || reading.StopWord(w.text) || utf8.RuneCountInString(w.text) < 2:
			adjacent = false
			continue
		default:
			add(w.stem, w.text)
			if before.stem != "" && before.stem != w.stem {
				add(before.stem+" "+w.stem, before.text+" "+w.text)
			}
			before, adjacent = w, true
			continue
		}
		adjacent = false
	}
	return out
}

// particle holds words that say something only after another, as in "top up".
var particle = map[string]bool{"up": true, "down": true, "out": true, "off": true, "back": true, "in": true, "on": true}

func isNumber(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}
