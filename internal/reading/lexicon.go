package reading

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexiconText is VADER's lexicon with its emoji, made by models/lexicon.py.
//
//go:embed model/lexicon.txt
var lexiconText string

// The rules and constants of VADER: Hutto and Gilbert, "VADER: A Parsimonious
// Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
const (
	boost       = 0.293 // what an intensifier adds to a rating
	shout       = 0.733 // what capitals add where not all is capitals
	negate      = -0.74 // what a negation multiplies a rating by
	exclamation = 0.292 // what each of up to four exclamation marks adds
	alpha       = 15    // normalises a sum of ratings to (-1, 1)
)

var boosters = words(+boost, `absolutely amazingly awfully completely considerable considerably decidedly deeply effing enormous
	enormously entirely especially exceptional exceptionally extreme extremely fabulously flipping flippin frackin fracking fricking
	frickin frigging friggin fully fuckin fucking fuggin fugging greatly hella highly hugely incredible incredibly intensely major
	majorly more most particularly purely quite really remarkably so substantially thoroughly total totally tremendous tremendously
	uber unbelievably unusually utter utterly very`, -boost, `almost barely hardly kinda kindof kind-of less little marginal
	marginally occasional occasionally partly scarce scarcely slight slightly somewhat sorta sortof sort-of`)

var negations = words(1, `aint arent cannot cant couldnt darent didnt doesnt dont hadnt hasnt havent isnt mightnt mustnt neither
	neednt never none nope nor not nothing nowhere oughtnt shant shouldnt uhuh uh-uh wasnt werent without wont wouldnt rarely
	seldom despite`)

// phrases are sequences whose rating is not that of their words.
var phrases = map[string]float64{"the shit": 3, "the bomb": 3, "bad ass": 1.5, "badass": 1.5, "bus stop": 0,
	"yeah right": -2, "kiss of death": -1.5, "to die for": 3, "beating heart": 3.5}

// words maps each word of a list to the number before the list.
func words(list ...any) map[string]float64 {
	m := map[string]float64{}
	for i := 0; i < len(list); i += 2 {
		v, ok := list[i].(float64)
		if !ok {
			v = float64(list[i].(int))
		}
		for _, w := range strings.Fields(list[i+1].(string)) {
			m[w] = v
		}
	}
	return m
}

// valence is what the lexicon says of a text.
type valence struct {
	compound      float64 // -1 to 1
	positive      float64 // sum of the positive ratings, each at least 0
	negative      float64 // sum of the negative ratings, as a positive number
	neutral       int     // words without a rating
	negated       int     // negations
	capitals      int     // words in capitals
	strongest     float64 // the rating furthest from 0
	last          float64 // the last rating that is not 0
	exclaim, asks int     // "!" and "?" in the text
}

// lexiconWord is one word as the rules see it.
type lexiconWord struct {
	lower  string
	rating float64
	known  bool
	caps   bool
}

// score rates a plain text by VADER's rules for words, intensifiers,
// negations, capitals, "but", "least", a few phrases and punctuation.
func (x *index) score(text string) valence {
	ws, caps := x.split(text)
	v := valence{exclaim: strings.Count(text, "!"), asks: strings.Count(text, "?"), capitals: caps}
	some := caps > 0 && caps < len(ws)
	but := -1
	ratings := make([]float64, len(ws))
	for i, w := range ws {
		if w.lower == "but" && but < 0 {
			but = i
		}
		if isNegation(w.lower) {
			v.negated++
		}
		if _, isBooster := boosters[w.lower]; !w.known || isBooster {
			continue
		}
		if w.lower == "kind" && i+1 < len(ws) && ws[i+1].lower == "of" {
			continue
		}
		ratings[i] = rate(ws, i, some)
	}
	sum := 0.0
	for i, r := range ratings {
		if but >= 0 && i < but {
			r *= 0.5
		} else if but >= 0 && i > but {
			r *= 1.5
		}
		switch {
		case r > 0:
			v.positive += r
		case r < 0:
			v.negative -= r
		default:
			v.neutral++
			continue
		}
		sum += r
		v.last = r
		if math.Abs(r) > math.Abs(v.strongest) {
			v.strongest = r
		}
	}
	emphasis := float64(min(v.exclaim, 4)) * exclamation
	if v.asks > 3 {
		emphasis += 0.96
	} else if v.asks > 1 {
		emphasis += float64(v.asks) * 0.18
	}
	if sum > 0 {
		sum += emphasis
	} else if sum < 0 {
		sum -= emphasis
	}
	v.compound = sum / math.Sqrt(float64(sum*sum)+alpha)
	return v
}

// rate is the rating of the i-th word in its surroundings.
func rate(ws []lexiconWord, i int, someCaps bool) float64 {
	w := ws[i]
	r := w.rating
	lower := func(back int) string {
		if i-back < 0 {
			return ""
		}
		return ws[i-back].lower
	}
	if w.lower == "no" && i+1 < len(ws) && ws[i+1].known {
		return 0
	}
	if lower(1) == "no" || lower(2) == "no" || lower(3) == "no" && (lower(1) == "or" || lower(1) == "nor") {
		r *= negate
	}
	if w.caps && someCaps {
		r += math.Copysign(shout, r)
	}
	for back := 1; back <= 3 && i-back >= 0; back++ {
		b := ws[i-back]
		if b.known {
			continue
		}
		if s := boosters[b.lower]; s != 0 {
			if r < 0 {
				s = -s
			}
			if b.caps && someCaps {
				s += math.Copysign(shout, r)
			}
			r += float64(s * []float64{1, 0.95, 0.9}[back-1])
		}
		switch {
		case back > 1 && b.lower == "never" && (lower(back-1) == "so" || lower(back-1) == "this"):
			r *= 1.25
		case back > 1 && b.lower == "without" && lower(back-1) == "doubt":
		case isNegation(b.lower):
			r *= negate
		}
	}
	for _, span := range [][2]int{{1, 0}, {2, 0}, {0, -1}, {0, -2}, {1, -1}} {
		from, to := i-span[0], i-span[1]
		if from < 0 || to >= len(ws) {
			continue
		}
		p := ws[from].lower
		for k := from + 1; k <= to; k++ {
			p += " " + ws[k].lower
		}
		if s, ok := phrases[p]; ok {
			r = s
		}
	}
	if two := lower(3) + " " + lower(2); two == "kind of" || two == "sort of" {
		r -= boost
	} else if two := lower(2) + " " + lower(1); two == "kind of" || two == "sort of" {
		r -= boost
	}
	if lower(1) == "least" && lower(2) != "at" && lower(2) != "very" {
		r *= negate
	}
	return r
}

func isNegation(w string) bool {
	_, ok := negations[w]
	return ok || strings.HasSuffix(w, "n't")
}

// split cuts a text at space, emoji each a word of its own, strips
// punctuation from words of more than two characters (shorter ones are
// emoticons), looks each up, and counts the words in capitals.
func (x *index) split(text string) (ws []lexiconWord, capitals int) {
	add := func(f string) {
		if s := strings.TrimFunc(f, isASCIIPunct); utf8.RuneCountInString(s) > 2 {
			f = s
		}
		w := lexiconWord{lower: strings.ToLower(f)}
		w.caps = f != w.lower && strings.ToUpper(f) == f
		if w.caps {
			capitals++
		}
		w.lower = strings.ReplaceAll(w.lower, "’", "'")
		key := []byte(w.lower)
		if line := x.find(hashBytes(fnvOffset, key), "", key); line >= 0 {
			w.known = true
			w.rating, _ = strconv.ParseFloat(x.value(line), 64)
		}
		ws = append(ws, w)
	}
	for _, f := range strings.Fields(text) {
		from := 0
		for i, r := range f {
			if r < 0x2190 || !unicode.Is(unicode.So, r) {
				continue
			}
			if from < i {
				add(f[from:i])
			}
			from = i + utf8.RuneLen(r)
			add(f[i:from])
		}
		if from < len(f) {
			add(f[from:])
		}
	}
	return ws, capitals
}

func isASCIIPunct(r rune) bool { return r < utf8.RuneSelf && isPunct(r) }
