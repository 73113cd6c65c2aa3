package learn

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	missing = "missing"
	other   = "other"
)

// Level is one value, or a range of values, of an attribute.
type Level struct {
	Name      string
	Rows      int     // learned from
	Positives int     // among them
	Weight    float64 // natural log of the odds, against the average of the rows
	Points    int     // the weight, rounded
}

// Attribute is a column as the model reads it: what it says is one of its levels.
type Attribute struct {
	Name   string
	Shape  Shape
	Levels []Level
	column int
	cuts   []float64      // of numbers: level i holds what is below cuts[i] and not below cuts[i-1]
	words  map[string]int // of words: their levels
	whole  bool           // all numbers are whole
	none   int            // the level of what is missing; -1: there is none
	rest   int            // the level of rare and unknown words; -1: there is none
}

// Shape says how the points of an attribute of numbers go with the number.
type Shape string

// The shapes. Words have none.
const (
	Words   Shape = ""
	Rising  Shape = "rising"
	Falling Shape = "falling"
	Free    Shape = "free" // up and down: the rows clearly contradict both
)

// isMissing tells the usual ways to write that nothing is known.
func isMissing(s string) bool {
	switch strings.ToLower(s) {
	case "", "?", "na", "n/a", "#n/a", "nan", "null", "-", ".":
		return true
	}
	return false
}

// number reads a number; a comma may be its decimal sign.
func number(s string) (float64, bool) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil && strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		x, err = strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	}
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

// level is the level of what a row says; -1 where it says what was never seen and there is no level for that.
func (a *Attribute) level(s string) int {
	if isMissing(s) {
		return a.none
	}
	if a.Shape == Words {
		if l, ok := a.words[s]; ok {
			return l
		}
		return a.rest
	}
	x, ok := number(s)
	if !ok {
		return a.rest
	}
	l, found := slices.BinarySearch(a.cuts, x)
	if found {
		l++
	}
	return l
}

// Sizes of levels. A level needs rows to be judged by; more levels than the most can't be read.
const (
	minRows   = 20
	maxBins   = 24
	maxWords  = 40
	minValues = 3 // different numbers; what has fewer is read as words
)

// newAttribute finds the levels of a column in the rows, without looking at the target.
// left says why the column can't be used; it is empty where it can.
func newAttribute(t *Table, c int, rows []int) (a *Attribute, left string) {
	col := &t.columns[c]
	counts := col.count(rows, t.rows)
	known, numbers, distinct := 0, 0, 0
	values := map[float64]int{}
	for _, k := range counts {
		if isMissing(k.Value) {
			continue
		}
		known += k.Rows
		distinct++
		if x, ok := number(k.Value); ok {
			numbers += k.Rows
			values[x] += k.Rows
		}
	}
	if left := idLike(known, distinct, values); left != "" {
		return nil, left
	}
	a = &Attribute{Name: t.Names[c], column: c, none: -1, rest: -1}
	if len(values) >= minValues && float64(numbers) >= 0.95*float64(known) {
		a.bins(values)
		known -= numbers // what is left are words
	} else {
		a.pool(counts, len(rows))
		known = 0
	}
	if known > 0 {
		a.rest = a.add("no number")
	}
	if slices.ContainsFunc(counts, func(k Count) bool { return isMissing(k.Value) }) {
		a.none = a.add(missing)
	}
	switch {
	case len(a.Levels) == 0 || len(a.Levels) == 1 && a.rest < 0:
		return nil, "it says the same in all rows"
	case len(a.Levels) == 1:
		return nil, fmt.Sprintf("no value of its %d is in %d rows or more", distinct, leastRows(len(rows)))
	}
	return a, ""
}

// leastRows is how many of n rows a word needs for a level of its own.
func leastRows(n int) int { return max(minRows/2, n/1000) }

func (a *Attribute) add(name string) int {
	a.Levels = append(a.Levels, Level{Name: name})
	return len(a.Levels) - 1
}

// idLike says why a column is an id. Words are if all are different. Numbers are if all are
// different although so many between the smallest and the largest would hardly be by chance (as with birthdays: n
// of R all differ with a probability of about exp(-n²/2R)).
func idLike(known, distinct int, values map[float64]int) string {
	if distinct < known || known < minRows {
		return ""
	}
	if len(values) == known {
		lo, hi := math.Inf(1), math.Inf(-1)
		for x := range values {
			if x != math.Trunc(x) {
				return ""
			}
			lo, hi = min(lo, x), max(hi, x)
		}
		n := float64(known)
		if math.Exp(-n*n/(2*(hi-lo+1))) > 0.01 {
			return ""
		}
	}
	return "it is an id: no two rows have the same"
}

// pool gives each frequent word a level; the others share one.
func (a *Attribute) pool(counts []Count, n int) {
	a.words = map[string]int{}
	var names []string
	rare := false
	for _, k := range counts { // the most frequent first
		switch {
		case isMissing(k.Value):
		case k.Rows >= leastRows(n) && len(names) < maxWords:
			names = append(names, k.Value)
		default:
			rare = true
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a.words[name] = a.add(name)
	}
	if rare {
		a.rest = a.add(other)
	}
}

// bins cuts numbers into bins of about the same number of rows. A number that
// is in more rows than a bin would have is a bin by itself, and does not make the others larger.
func (a *Attribute) bins(values map[float64]int) {
	a.Shape = Free
	type value struct {
		x    float64
		rows int
	}
	var vs []value
	n := 0
	a.whole = true
	for x, rows := range values {
		vs = append(vs, value{x, rows})
		n += rows
		a.whole = a.whole && x == math.Trunc(x)
	}
	slices.SortFunc(vs, func(a, b value) int { return cmp.Compare(a.x, b.x) })
	most := min(maxBins, max(2, n/(2*minRows)))
	rest := n
	for _, v := range vs {
		if v.rows > n/most {
			rest -= v.rows
		}
	}
	size := max(minRows, rest/most)
	in := 0
	for i, v := range vs[:len(vs)-1] {
		in += v.rows
		if in >= size || in >= minRows && vs[i+1].rows > size || v.rows > size {
			a.cuts = append(a.cuts, between(v.x, vs[i+1].x))
			in = 0
		}
	}
	for range len(a.cuts) + 1 {
		a.add("")
	}
	a.nameBins()
}

// between is the roundest number that is above lo and not above hi.
func between(lo, hi float64) float64 {
	if lo < 0 && hi >= 0 {
		return 0
	}
	for e := int(math.Ceil(math.Log10(hi-lo))) + 1; e > -300; e-- {
		for _, f := range []float64{1, 0.5} {
			x := hi
			if p := int(math.Abs(float64(e))); e >= 0 {
				step := math.Pow10(p) * f
				x = math.Floor(hi/step) * step
			} else { // dividing by a whole number gives the decimal itself
				step := math.Pow10(p) / f
				x = math.Floor(hi*step) / step
			}
			if x > lo && x <= hi {
				return x
			}
		}
	}
	return hi
}

// nameBins says which numbers each bin holds.
func (a *Attribute) nameBins() {
	show := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	for i := range len(a.cuts) + 1 {
		l := &a.Levels[i]
		switch {
		case len(a.cuts) == 0:
			l.Name = "any number"
		case i == 0 && a.whole:
			l.Name = "up to " + show(math.Ceil(a.cuts[0])-1)
		case i == 0:
			l.Name = "below " + show(a.cuts[0])
		case i == len(a.cuts):
			l.Name = show(a.cuts[i-1]) + " or more"
		case a.whole && math.Ceil(a.cuts[i-1]) == math.Ceil(a.cuts[i])-1:
			l.Name = show(math.Ceil(a.cuts[i-1]))
		case a.whole:
			l.Name = show(math.Ceil(a.cuts[i-1])) + " to " + show(math.Ceil(a.cuts[i])-1)
		default:
			l.Name = show(a.cuts[i-1]) + " to below " + show(a.cuts[i])
		}
	}
}

// merge makes of each run of bins for which together says so (the i-th with
// the one before it) one bin. Levels that are no bins stay.
func (a *Attribute) merge(together func(i int) bool) {
	if a.Shape == Words {
		return
	}
	var cuts []float64
	levels := []Level{a.Levels[0]}
	bins := len(a.cuts) + 1
	for i := 1; i < bins; i++ {
		if !together(i) {
			cuts = append(cuts, a.cuts[i-1])
			levels = append(levels, a.Levels[i])
			continue
		}
		l, m := &levels[len(levels)-1], a.Levels[i]
		rows := float64(l.Rows + m.Rows)
		if rows > 0 {
			l.Weight = (l.Weight*float64(l.Rows) + m.Weight*float64(m.Rows)) / rows
		}
		l.Rows, l.Positives = l.Rows+m.Rows, l.Positives+m.Positives
	}
	gone := bins - len(levels)
	a.Levels = append(levels, a.Levels[bins:]...)
	a.cuts = cuts
	if a.none >= 0 {
		a.none -= gone
	}
	if a.rest >= 0 {
		a.rest -= gone
	}
	a.nameBins()
}
