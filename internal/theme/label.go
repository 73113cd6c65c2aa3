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

// name gives each theme its keywords, and a label where it has none. A phrase
// counts by the share of the theme's people who use it, times the log-odds of
// a person inside using it against one outside.
func (s *Set) name(docs []Doc, own string) {
	barred := map[string]bool{}
	for _, stem := range stems(own) {
		barred[stem] = true
	}
	of, _ := s.assign(docs)
	type use struct{ phrase, person string }
	all := map[string]int{}              // people who use a phrase
	inside := map[int]map[string]int{}   // the same, by theme
	forms := map[string]map[string]int{} // how a phrase is written
	voices, total := map[int]int{}, s.People
	seen, seenIn, spoke := map[use]bool{}, map[int]map[use]bool{}, map[int]map[string]bool{}
	for i, d := range docs {
		c := of[i]
		if inside[c] == nil {
			inside[c], seenIn[c], spoke[c] = map[string]int{}, map[use]bool{}, map[string]bool{}
		}
		if !spoke[c][d.Person] {
			spoke[c][d.Person] = true
			voices[c]++
		}
		for _, p := range phrases(d.Text, languageOf(d), func(phrase, form string, close bool) {
			if forms[phrase] == nil {
				forms[phrase] = map[string]int{}
			}
			forms[phrase][form]++
			if close {
				forms[phrase][form] += closely
			}
		}) {
			if a, b, _ := strings.Cut(p, " "); barred[a] || barred[b] {
				continue
			}
			u := use{p, d.Person}
			if !seen[u] {
				seen[u] = true
				all[p]++
			}
			if !seenIn[c][u] {
				seenIn[c][u] = true
				inside[c][p]++
			}
		}
	}
	taken := map[string]bool{}
	for _, t := range s.Themes {
		if t.Label != "" {
			taken[words(t.Label)] = true
		}
	}
	for i := range s.Themes {
		t := &s.Themes[i]
		n := float64(voices[i])
		var list []phrase
		for p, in := range inside[i] {
			if in < 2 {
				continue
			}
			out := float64(all[p] - in)
			odds := math.Log((float64(in) + 0.5) / (n + 1) * (float64(total) - n + 1) / (out + 0.5))
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
		t.Keywords = []string{}
		for _, k := range keywords(list) {
			t.Keywords = append(t.Keywords, written(forms[k]))
		}
		if t.Label == "" {
			var names []string
			for _, p := range candidates(list) {
				names = append(names, written(forms[p]))
			}
			t.Label = label(names, t.Keywords, taken)
		}
		taken[words(t.Label)] = true
	}
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
