package theme

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"rapport/internal/reading"
)

const (
	maxKeywords = 6
	pairBonus   = 1.6 // two words say more than one that is as telling
)

// name gives each theme its keywords, and a label where it has none. A phrase
// counts by the share of the theme's people who use it, times the log-odds of
// a person inside using it against one outside. A label is the best pair of
// words, or the best two words where no pair comes near; no two labels have
// the same words.
func (s *Set) name(r *reading.Reader, docs []Doc) {
	of, _ := s.assign(r, docs)
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
		for _, p := range phrases(d.Text, func(phrase, form string) {
			if forms[phrase] == nil {
				forms[phrase] = map[string]int{}
			}
			forms[phrase][form]++
		}) {
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
		type scored struct {
			phrase string
			score  float64
		}
		var list []scored
		for p, in := range inside[i] {
			if in < 2 {
				continue
			}
			out := float64(all[p] - in)
			odds := math.Log((float64(in) + 0.5) / (n + 1) * (float64(total) - n + 1) / (out + 0.5))
			score := float64(in) / n * odds
			if strings.Contains(p, " ") {
				score *= pairBonus
			}
			if odds > 0 {
				// The step keeps the last bits of the logarithm out of the order.
				list = append(list, scored{p, math.Round(score*1e6) / 1e6})
			}
		}
		slices.SortFunc(list, func(a, b scored) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.phrase, b.phrase))
		})
		// Keywords: the best phrases that add a word.
		var keys []string
		known := map[string]bool{}
		for _, x := range list {
			fresh := false
			for _, w := range strings.Fields(x.phrase) {
				fresh = fresh || !known[w]
			}
			if !fresh {
				continue
			}
			for _, w := range strings.Fields(x.phrase) {
				known[w] = true
			}
			if keys = append(keys, x.phrase); len(keys) == maxKeywords {
				break
			}
		}
		t.Keywords = []string{}
		for _, k := range keys {
			t.Keywords = append(t.Keywords, written(forms[k]))
		}
		if t.Label == "" {
			t.Label = label(t.Keywords, taken)
		}
		taken[words(t.Label)] = true
	}
}

// label makes a label of keywords that no other theme has: the first if it is
// a pair; a single word with the next that shares no word with it; if that is
// taken, with more of them; another pair; and at last with a number.
func label(keywords []string, taken map[string]bool) string {
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
