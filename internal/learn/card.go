package learn

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"rapport/internal/stats"
)

// round makes points of the weights, one bin of neighbours with the same points, and leaves out
// attributes that have none.
func (c *Card) round() {
	c.Base = int(math.Round(c.Intercept * perUnit))
	points := func(l Level) int { return int(math.Round(l.Weight * perUnit)) }
	c.Attributes = slices.DeleteFunc(c.Attributes, func(a *Attribute) bool {
		a.merge(func(i int) bool { return points(a.Levels[i]) == points(a.Levels[i-1]) })
		says := false
		for l := range a.Levels {
			a.Levels[l].Points = points(a.Levels[l])
			says = says || a.Levels[l].Points != 0
		}
		if !says {
			c.Notes = append(c.Notes, Note{a.Name, true, "it says nothing beyond the others"})
		}
		return !says
	})
}

// Score is what a row comes to: the points that the card gives, and the log odds before rounding.
type Score struct {
	Points  int
	LogOdds float64
}

// Score adds up what the card says of a row of the table that it was learned from.
func (c *Card) Score(t *Table, row int) Score {
	s := Score{c.Base, c.Intercept}
	for _, a := range c.Attributes {
		if l := a.level(t.Cell(row, a.column)); l >= 0 {
			s.Points += a.Levels[l].Points
			s.LogOdds += a.Levels[l].Weight
		}
	}
	return s
}

// Chance is the chance of a positive at so many points: 0 points are even odds.
func Chance(points float64) float64 { return 1 / (1 + math.Exp2(-points/DoubleOdds)) }

// Row is a line of the card as it is shown.
type Row struct {
	Attribute string
	Level     string
	Points    int
	Rows      int     // learned from, of this level
	Share     float64 // of all rows learned from
	Positive  float64 // share of positives among them
	Sentence  string
}

// Rows are the lines of the card: what everybody begins with, then each level
// of each attribute, those first whose points lie farthest apart. The outcome
// is named as the sentences are to name it.
func (c *Card) Rows(outcome string) []Row {
	all := float64(c.Positives) / float64(c.Learned)
	lines := []Row{{"(base)", "", c.Base, c.Learned, 1, all,
		fmt.Sprintf("Everybody begins with %s; %s are %q. %d points double the odds, and 0 points are even odds.", pointsOf(c.Base), percent(all), outcome, DoubleOdds)}}
	attributes := slices.Clone(c.Attributes)
	slices.SortStableFunc(attributes, func(a, b *Attribute) int { return b.spread() - a.spread() })
	for _, a := range attributes {
		for _, l := range a.Levels {
			share, positive := float64(l.Rows)/float64(c.Learned), float64(l.Positives)/float64(max(1, l.Rows))
			lines = append(lines, Row{a.Name, l.Name, l.Points, l.Rows, share, positive, a.sentence(l, share, positive, outcome)})
		}
	}
	return lines
}

// spread is how far the points of an attribute lie apart.
func (a *Attribute) spread() int {
	lo, hi := a.Levels[0].Points, a.Levels[0].Points
	for _, l := range a.Levels {
		lo, hi = min(lo, l.Points), max(hi, l.Points)
	}
	return hi - lo
}

// sentence says what a level is and does, with its numbers.
func (a *Attribute) sentence(l Level, share, positive float64, outcome string) string {
	is := fmt.Sprintf("%s is %s", a.Name, l.Name)
	if a.Shape == Words && l.Name != missing && l.Name != other {
		is = fmt.Sprintf("%s is %q", a.Name, l.Name)
	}
	if l.Name == other && a.Shape == Words {
		is = fmt.Sprintf("%s is another, rarer value", a.Name)
	}
	does := "0 points: as the average"
	if l.Points != 0 {
		does = fmt.Sprintf("%s: the odds are %s times the average's, all else alike", pointsOf(l.Points), strconv.FormatFloat(math.Exp2(float64(l.Points)/DoubleOdds), 'g', 2, 64))
	}
	return fmt.Sprintf("%s (%s of the rows, %s of them %q): %s.", is, percent(share), percent(positive), outcome, does)
}

func pointsOf(n int) string {
	if n == 1 || n == -1 {
		return strconv.Itoa(n) + " point"
	}
	return strconv.Itoa(n) + " points"
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" }

// Drifted is the population stability index from which on something has shifted enough to be looked at.
const Drifted = 0.1

// Drift is how far rows lie elsewhere than others, as population stability indexes.
type Drift struct {
	Points     float64   // by tenths of the points
	Attributes []float64 // by their levels
}

// Drift compares rows of the table that the card was learned from with others of it.
func (c *Card) Drift(t *Table, before, now []int) Drift {
	var d Drift
	for _, a := range c.Attributes {
		levels := func(rows []int) []int {
			counts := make([]int, len(a.Levels)+1) // the last: what the card does not know
			for _, i := range rows {
				l := a.level(t.Cell(i, a.column))
				counts[(l+len(counts))%len(counts)]++
			}
			return counts
		}
		psi, _ := stats.PSI(levels(before), levels(now))
		d.Attributes = append(d.Attributes, psi)
	}
	points := func(rows []int) []float64 {
		out := make([]float64, len(rows))
		for n, i := range rows {
			out[n] = float64(c.Score(t, i).Points)
		}
		return out
	}
	was, is := points(before), points(now)
	var edges []float64
	for q := 1; q < 10; q++ {
		e, _ := stats.Quantile(was, float64(q)/10)
		edges = append(edges, e)
	}
	edges = slices.Compact(edges)
	tenths := func(xs []float64) []int {
		counts := make([]int, len(edges)+1)
		for _, x := range xs {
			i, _ := slices.BinarySearch(edges, x)
			counts[i]++
		}
		return counts
	}
	d.Points, _ = stats.PSI(tenths(was), tenths(is))
	return d
}
