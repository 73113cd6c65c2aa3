package theme

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/langid"
	"rapport/internal/plain"
)

//go:embed stopwords.txt
var stopwords string

// stopOf holds, by language, words that name no theme in texts of it.
var stopOf = func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	for line := range strings.Lines(stopwords) {
		ws := strings.Fields(line)
		if ws[0] == "#" {
			continue
		}
		if m[ws[0]] == nil {
			m[ws[0]] = map[string]bool{}
		}
		for _, w := range ws[1:] {
			m[ws[0]][w] = true
		}
	}
	return m
}()

// languageOf tells the language of a doc among those that stop words are known
// of, where its writer does not.
func languageOf(d Doc) string {
	if d.Language == "en" || stopOf[d.Language] != nil {
		return d.Language
	}
	language, _ := langid.Identify(plain.Text(d.Text), languages...)
	return language
}

// languages are those whose stop words are known, in order.
var languages = slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(stopOf)), "en")))

// stop holds words that name no theme, in texts of any language.
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
		help amp rt ve ll don didn doesn isn wasn haven couldn wouldn won couldn http https www able day days time week month year hour hours minutes
		monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december
		one two three four five six seven eight nine ten first second third fourth fifth sixth half dozen time times noon
		tomorrow yesterday tonight morning afternoon evening night weekend greetings cheers regards sorry welcome
		good great nice bad best better worst worse big small little new old full long short high low early different whole
		came comes coming happens left seen sent send wrote write kept become became found find work works working worked
		man woman people person guy lol omg dear team honestly actually completely course probably quite simply etc soon instantly`) {
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

// elided holds what French and Italian write together with the next word, as in l'ordine.
var elided = map[string]bool{"l": true, "d": true, "j": true, "n": true, "qu": true, "un": true, "dell": true, "all": true, "nell": true, "dall": true, "sull": true}

// split cuts a text into lower-case words of letters, digits and apostrophes;
// links, handles and what is longer than maxWord are left out, and a sentence's end stands as a word
// without a stem.
func split(text string) []word {
	s := strings.ToLower(strings.ReplaceAll(plain.Text(text), "’", "'"))
	var ws []word
	from := -1
	flush := func(to int) {
		if from < 0 {
			return
		}
		w := strings.Trim(s[from:to], "'")
		if article, rest, ok := strings.Cut(w, "'"); ok && elided[article] {
			w = rest
		}
		if w != "" && len(w) <= maxWord {
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

// window is how many words that are no stop words a pair may span.
const window = 3

// phrases returns the stems of the words of a text in a language that are no stop words and longer
// than two letters, and the pairs of them that stand near each other within a
// sentence, in alphabetical order and joined by a space: "late delivery" and
// "delivery was late" hold the same pair. A particle counts only right after
// another word ("top up"). written is told each phrase with the form it was
// written in, a pair in the order of the text, and whether nothing but stop
// words stood between.
func phrases(text, language string, written func(phrase, form string, close bool)) []string {
	var out []string
	add := func(phrase, form string, close bool) {
		out = append(out, phrase)
		written(phrase, form, close)
	}
	var before []word
	adjacent := false
	for _, w := range split(text) {
		switch {
		case w.stem == "":
			before = before[:0]
		case particle[w.text]:
			if last := len(before) - 1; adjacent && (w.text != "in" || enters[before[last].stem]) {
				add(pair(before[last].stem, w.stem), before[last].text+" "+w.text, true)
			}
		case names(w, language):
			add(w.stem, w.text, true)
			for i, b := range before {
				if b.stem != w.stem {
					add(pair(b.stem, w.stem), b.text+" "+w.text, i == len(before)-1)
				}
			}
			if before = append(before, w); len(before) > window-1 {
				before = before[1:]
			}
			adjacent = true
			continue
		}
		adjacent = false
	}
	return out
}

// names reports whether a word of a text in a language can be part of a theme's name.
func names(w word, language string) bool {
	return !stop[w.text] && !stop[w.stem] && !stopOf[language][w.text] && utf8.RuneCountInString(w.text) > 2 && strings.IndexFunc(w.text, unicode.IsDigit) < 0
}

func pair(a, b string) string {
	return min(a, b) + " " + max(a, b)
}

// particle holds words that say something only after another, as in "top up";
// "in" does so after what enters holds.
var (
	particle = map[string]bool{"up": true, "down": true, "out": true, "off": true, "back": true, "in": true}
	enters   = map[string]bool{"log": true, "logg": true, "sign": true, "check": true, "plug": true, "opt": true}
)
