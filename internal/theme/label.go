package theme

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	maxKeywords = 6
	pairBonus   = 1.6 // two words say more than one that is as telling
	common      = 0.3 // share of a theme's people who use what it is named by, if anything is
	partner     = 0.1 // least share of those who use its best word with another that is named beside it
	closely     = 100 // how much more a form counts whose words stand together
	telling     = 0.7 // least log-odds of a phrase: twice as likely inside as outside
)

// phrase is one that people of a theme use.
type phrase struct {
	stems string
	share float64 // of the theme's people
	score float64
}

func (p phrase) pair() bool { return strings.Contains(p.stems, " ") }

// name gives each theme its keywords, and a label where it has none, in one
// language: the one that most people of the set speak, where a third of the
// theme's do; else the one that most of the theme's speak, and so on until one
// has a phrase that two people use. What one person alone says names no theme.
func (s *Set) name(docs []Doc, own string) {
	of, _ := s.assign(docs)
	u := usageOf(docs, of, own)
	taken := map[string]bool{}
	for _, t := range s.Themes {
		if t.Label != "" {
			taken[words(t.Label)] = true
		}
	}
	for i := range s.Themes {
		t := &s.Themes[i]
		var list []phrase
		var language string
		for _, language = range u.languages(i) {
			if list = u.phrases(i, language); len(list) > 0 {
				break
			}
		}
		t.Keywords = []string{}
		for _, k := range keywords(list) {
			t.Keywords = append(t.Keywords, written(u.forms[spoken{language, k}]))
		}
		if t.Label == "" {
			var names []string
			for _, p := range candidates(list) {
				names = append(names, written(u.forms[spoken{language, p}]))
			}
			t.Label = label(names, t.Keywords, taken)
		}
		taken[words(t.Label)] = true
	}
}

// speakers are the people who speak of a theme, or of anything, in a language.
type speakers struct {
	language string
	theme    int // its place in the set, or everything
}

const everything = -1

// usage says which phrases people use.
type usage struct {
	voices map[speakers]int            // people
	using  map[speakers]map[string]int // of these, who use a phrase
	forms  map[spoken]map[string]int   // how often a phrase is written in a form
}

// spoken is a phrase in a language: "error" is the stem of errors and of errores.
type spoken struct{ language, phrase string }

// usageOf counts who says what in docs; of holds each doc's theme, -1 for none.
// Phrases with a word of own, the customer's names, are left out.
func usageOf(docs []Doc, of []int, own string) usage {
	u := usage{map[speakers]int{}, map[speakers]map[string]int{}, map[spoken]map[string]int{}}
	type use struct{ person, phrase string } // phrase is empty for that they speak
	barred := stems(own)
	seen := map[speakers]map[use]bool{}
	first := func(g speakers, what use) bool {
		was := seen[g][what]
		seen[g][what] = true
		return !was
	}
	for i, d := range docs {
		language := languageOf(d)
		said := phrases(d.Text, language, func(phrase, form string, close bool) {
			at := spoken{language, phrase}
			if u.forms[at] == nil {
				u.forms[at] = map[string]int{}
			}
			u.forms[at][form]++
			if close {
				u.forms[at][form] += closely
			}
		})
		groups := []speakers{{language, everything}, {language, of[i]}}
		if of[i] < 0 {
			groups = groups[:1]
		}
		for _, g := range groups {
			if u.using[g] == nil {
				u.using[g], seen[g] = map[string]int{}, map[use]bool{}
			}
			if first(g, use{d.Person, ""}) {
				u.voices[g]++
			}
			for _, p := range said {
				a, b, _ := strings.Cut(p, " ")
				if !slices.Contains(barred, a) && !slices.Contains(barred, b) && first(g, use{d.Person, p}) {
					u.using[g][p]++
				}
			}
		}
	}
	return u
}

// languages are those that a theme's people speak, in the order in which it is named by them.
func (u usage) languages(theme int) []string {
	all, most := 0, ""
	var out []string
	for _, l := range languages {
		if n := u.voices[speakers{l, theme}]; n > 0 {
			all += n
			out = append(out, l)
		}
		if u.voices[speakers{l, everything}] > u.voices[speakers{most, everything}] {
			most = l
		}
	}
	rank := func(language string) int {
		n := u.voices[speakers{language, theme}]
		if language == most && 3*n >= all {
			return all
		}
		return n
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(rank(b), rank(a)) })
	return out
}

// phrases are those that at least two of a theme's people use in a language,
// best first. A phrase counts by the share of them who use it, times the
// log-odds of a person inside the theme using it against one outside, of those
// who speak the language.
func (u usage) phrases(theme int, language string) []phrase {
	inside, all := speakers{language, theme}, speakers{language, everything}
	n, total := float64(u.voices[inside]), float64(u.voices[all])
	var list []phrase
	for p, in := range u.using[inside] {
		if in < 2 {
			continue
		}
		out := float64(u.using[all][p] - in)
		odds := math.Log((float64(in) + 0.5) / (n + 1) * (total - n + 1) / (out + 0.5))
		if odds <= 0 {
			continue
		}
		x := phrase{stems: p, share: float64(in) / n}
		if x.score = x.share * odds; x.pair() {
			x.score *= pairBonus
		}
		if odds < telling {
			x.share = 0 // frequent everywhere
		}
		// The step keeps the last bits of the logarithm out of the order.
		x.score = math.Round(x.score*1e6) / 1e6
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b phrase) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.stems, b.stems))
	})
	return list
}

// keywords are the best phrases that add a word.
func keywords(list []phrase) []string {
	var keys []string
	known := map[string]bool{}
	for _, x := range list {
		fresh := false
		for _, w := range strings.Fields(x.stems) {
			fresh = fresh || !known[w]
		}
		if !fresh {
			continue
		}
		for _, w := range strings.Fields(x.stems) {
			known[w] = true
		}
		if keys = append(keys, x.stems); len(keys) == maxKeywords {
			break
		}
	}
	return keys
}

// candidates are the phrases a theme may be named by, best first: pairs of
// words that are common among its people; the best word with a partner; the
// best word alone, if it is common.
func candidates(list []phrase) []string {
	var out []string
	best := phrase{}
	for _, p := range list {
		switch {
		case p.pair() && p.share >= common:
			out = append(out, p.stems)
		case !p.pair() && best.stems == "":
			best = p
		}
	}
	for _, p := range list {
		if p.pair() && p.share >= partner && p.share < common && slices.Contains(strings.Fields(p.stems), best.stems) {
			out = append(out, p.stems)
		}
	}
	if best.share >= common {
		out = append(out, best.stems)
	}
	return out
}

// label is the first of names that no other theme has; else keywords that
// share no word, one after another until no other theme has them; else a
// keyword that is a pair; at last one with a number.
func label(names, keywords []string, taken map[string]bool) string {
	for _, l := range names {
		if !taken[words(l)] {
			return l
		}
	}
	if len(keywords) == 0 {
		keywords = []string{"various"}
	}
	l := keywords[0]
	if !taken[words(l)] && strings.Contains(l, " ") {
		return l
	}
	known := map[string]bool{}
	for _, w := range strings.Fields(l) {
		known[stem(w)] = true
	}
	for _, k := range keywords[1:] {
		shared := false
		for _, w := range strings.Fields(k) {
			shared = shared || known[stem(w)]
		}
		if shared {
			continue
		}
		for _, w := range strings.Fields(k) {
			known[stem(w)] = true
		}
		if l += ", " + k; !taken[words(l)] {
			return l
		}
	}
	if !taken[words(l)] {
		return l
	}
	for _, k := range keywords[1:] {
		if !taken[words(k)] && strings.Contains(k, " ") {
			return k
		}
	}
	for n := 2; ; n++ {
		if l := fmt.Sprintf("%s (%d)", keywords[0], n); !taken[words(l)] {
			return l
		}
	}
}

// words is a label's different stems in alphabetical order.
func words(label string) string {
	ws := stems(strings.ReplaceAll(label, ",", " "))
	slices.Sort(ws)
	return strings.Join(slices.Compact(ws), " ")
}

// written is the commonest form, of equals the first in the alphabet.
func written(forms map[string]int) string {
	best, most := "", 0
	for f, n := range forms {
		if n > most || n == most && f < best {
			best, most = f, n
		}
	}
	return best
}
