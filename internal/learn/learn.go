// Package learn finds out from past outcomes how much each attribute says, and
// writes it as a scorecard: a table of whole points that a person can read, add up
// and argue with.
//
// The model is a logistic regression on levels: each frequent word of a
// column is one, the rare ones share one, numbers are cut into ranges, and
// that a value is missing is a level too. Ranges go up or down with the
// number unless the rows clearly contradict it. How much the weights are held
// back is chosen by cross-validation. Scorecards, points to double the odds and drift: Siddiqi,
// "Credit Risk Scorecards", 2006.
//
// What is learned depends on what the rows say and on the seed, not on the
// order of the rows. Nothing here knows when something was known: that no attribute
// comes from after the outcome is for whoever makes the table.
package learn

import (
	"fmt"
	"math"
	"slices"

	"rapport/internal/stats"
)

// DoubleOdds is how many points double the odds: as usual among scorecards.
const DoubleOdds = 20

// perUnit is points per unit of log odds.
const perUnit = DoubleOdds / math.Ln2

// Needed is how many rows of each class are needed to learn from.
const Needed = 15

// Card is what was learned.
type Card struct {
	Base       int     // the points that everybody begins with
	Intercept  float64 // the same as log odds, before rounding
	Attributes []*Attribute
	Lambda     float64 // how strongly the weights are held back
	Learned    int     // rows
	Positives  int     // among them
	Notes      []Note
}

// Note is something about a column that whoever uses the card has to know.
type Note struct {
	Attribute string
	Left      bool // the column is not in the card
	Text      string
}

// Options say how to learn.
type Options struct {
	Target   int    // the column of the outcome
	Group    int    // rows that say the same there are never both learned from and judged by; -1: none
	Seed     uint64 // of the order in which rows are drawn
	Progress func(format string, args ...any)
}

const (
	mergeBelow = 0.5
	folds      = 5
	crossed    = 20_000 // rows that the strength is chosen on, at most
	alone      = 0.98   // the AUC from which one attribute alone is suspicious
	doubt      = 0.001  // the p-value below which the rows clearly contradict a direction
)

// lambdas are the strengths to choose among, the strongest first.
var lambdas = []float64{1000, 300, 100, 30, 10, 3, 1, 0.3}

// Learn learns from the rows of a table. It needs Needed rows of each class.
func Learn(t *Table, rows []int, positive []bool, o Options) (*Card, error) {
	rows = t.shuffled(rows, o.Seed)
	card := &Card{Learned: len(rows)}
	for _, i := range rows {
		card.Positives += class(positive[i])
	}
	if least := min(card.Positives, card.Learned-card.Positives); least < Needed {
		return nil, fmt.Errorf("not enough data: %d rows of the rarer class, %d are needed", least, Needed)
	}
	for c, name := range t.Names {
		if c == o.Target || c == o.Group {
			continue
		}
		a, left := newAttribute(t, c, rows)
		if left != "" {
			card.Notes = append(card.Notes, Note{name, true, left})
			continue
		}
		card.Attributes = append(card.Attributes, a)
	}
	if len(card.Attributes) == 0 {
		return nil, fmt.Errorf("no column says anything: each is an id or says the same in all rows")
	}
	d := newDesign(t, card.Attributes, rows, positive)
	d.count()
	for k, a := range card.Attributes {
		if auc := d.alone(k); auc >= alone {
			card.Notes = append(card.Notes, Note{a.Name, false, fmt.Sprintf("it tells the outcome nearly by itself (AUC %.3f): was it known before the outcome? If not, take the column out", auc)})
		}
	}
	var err error
	if card.Lambda, err = d.choose(t, rows, o); err != nil {
		return nil, err
	}
	o.Progress("the weights are held back by %g, the best of %d strengths in %d-fold cross-validation", card.Lambda, len(lambdas), folds)
	w, err := d.fit(card.Lambda, nil, nil)
	if err != nil {
		return nil, err
	}
	d.shape(w)
	// What has a direction keeps it: where neighbours contradict it together with the other attributes, they
	// become one. Each round takes away bins, so this ends.
	for merged := true; merged; {
		d = newDesign(t, card.Attributes, rows, positive)
		d.count()
		if w, err = d.fit(card.Lambda, nil, nil); err != nil {
			return nil, err
		}
		card.take(d, w)
		merged = false
		for _, a := range card.Attributes {
			before := len(a.cuts)
			a.merge(func(i int) bool {
				step := a.Levels[i].Weight - a.Levels[i-1].Weight
				return a.Shape == Rising && step < 0 || a.Shape == Falling && step > 0
			})
			merged = merged || len(a.cuts) < before
		}
	}
	card.round()
	return card, nil
}

// count notes how many rows each level has, and how many positives.
func (d *design) count() {
	for k, a := range d.attributes {
		for l := range a.Levels {
			a.Levels[l].Rows, a.Levels[l].Positives = 0, 0
		}
		for n, y := range d.y {
			l := &a.Levels[int(d.row(n)[k])-d.first[k]]
			l.Rows++
			l.Positives += class(y)
		}
	}
}

// alone is the AUC of one attribute's levels, by the share of positives in each.
func (d *design) alone(k int) float64 {
	score := make([]float64, len(d.y))
	for n := range score {
		l := d.attributes[k].Levels[int(d.row(n)[k])-d.first[k]]
		score[n] = float64(l.Positives) / float64(l.Rows)
	}
	auc, _ := stats.AUC(d.y, score)
	return auc
}

// choose returns the strength with the least loss on rows that the weights were
// not fitted to. The rows are in random order.
func (d *design) choose(t *Table, rows []int, o Options) (float64, error) {
	fold := make([]int, len(rows))
	seen := [2]int{}
	for n, i := range rows {
		c := class(d.y[n])
		fold[n] = seen[c] % folds
		seen[c]++
		if o.Group >= 0 {
			fold[n] = int(hash(o.Seed+1, t.Cell(i, o.Group)) % folds)
		}
		if n >= crossed {
			fold[n] = -1
		}
	}
	losses := make([]float64, 0, len(lambdas))
	starts := make([][]float64, folds)
	best := 0
	for i, lambda := range lambdas {
		loss := 0.0
		for f := range folds {
			w, err := d.fit(lambda, starts[f], func(n int) bool { return fold[n] >= 0 && fold[n] != f })
			if err != nil {
				return 0, err
			}
			starts[f] = w
			for n := range fold {
				if fold[n] == f {
					l, _ := logLoss(d.logit(n, w), d.y[n])
					loss += l
				}
			}
		}
		o.Progress("strength %g: a loss of %.4f a row", lambda, loss/float64(min(len(rows), crossed)))
		losses = append(losses, loss)
		if loss < losses[best] {
			best = i
		}
		if i >= best+2 {
			break
		}
	}
	return lambdas[best], nil
}

// shape decides for each attribute of numbers whether its weights rise, fall, or go up
// and down, all else as it is, and makes one bin of neighbours that differ by
// no more than chance.
func (d *design) shape(w []float64) {
	curve, slope := make([]float64, d.size), make([]float64, d.size)
	for n, y := range d.y {
		z := d.logit(n, w)
		_, r := logLoss(z, y)
		p := r + float64(class(y))
		for _, j := range d.row(n) {
			curve[j] += p * (1 - p)
			slope[j] -= r
		}
	}
	for k, a := range d.attributes {
		if a.Shape == Words {
			continue
		}
		bins := len(a.cuts) + 1
		// What each bin's weight would be if nothing held it back, and its certainty (a Newton step).
		weight, sure := make([]float64, bins), make([]float64, bins)
		for l := range bins {
			j := d.first[k] + l
			sure[l] = max(curve[j], 1e-6)
			weight[l] = w[j] + slope[j]/sure[l]
		}
		up := stats.Isotonic(weight, sure)
		down := negated(stats.Isotonic(negated(weight), sure))
		fit, shape := up, Rising
		if distance(weight, down, sure) < distance(weight, up, sure) {
			fit, shape = down, Falling
		}
		steps := 1
		for l := 1; l < bins; l++ {
			steps += class(fit[l] != fit[l-1])
		}
		// As many degrees of freedom as bins are pooled are more than are used, so this clings to the direction:
		// Robertson, Wright and Dykstra, "Order Restricted Statistical Inference", 1988.
		if stats.ChiSquaredAbove(distance(weight, fit, sure), bins-steps) < doubt {
			fit, shape = weight, Free
		}
		a.Shape = shape
		group := alike(fit, sure)
		a.merge(func(i int) bool { return group[i] == group[i-1] })
	}
}

func negated(xs []float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = -x
	}
	return out
}

func distance(a, b, w []float64) (sum float64) {
	for i := range a {
		sum += w[i] * (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

// alike numbers runs of neighbours that can't be told apart: the two that differ
// least become one as long as their difference squared is under half its variance (bottom-up, as in
// Kerber, "ChiMerge", AAAI 1992). A stricter test would read shorter and order worse.
func alike(weight, sure []float64) []int {
	type run struct {
		mean, sure float64
		n          int
	}
	var runs []run
	for i := range weight {
		runs = append(runs, run{weight[i], sure[i], 1})
	}
	for len(runs) > 1 {
		at, least := 0, math.Inf(1)
		for i := 1; i < len(runs); i++ {
			a, b := runs[i-1], runs[i]
			if q := (a.mean - b.mean) * (a.mean - b.mean) / (1/a.sure + 1/b.sure); q < least {
				at, least = i, q
			}
		}
		if least > mergeBelow {
			break
		}
		a, b := runs[at-1], runs[at]
		sum := a.sure + b.sure
		runs[at-1] = run{(a.mean*a.sure + b.mean*b.sure) / sum, sum, a.n + b.n}
		runs = slices.Delete(runs, at, at+1)
	}
	var out []int
	for k, r := range runs {
		for range r.n {
			out = append(out, k)
		}
	}
	return out
}

// take sets the weights of the levels from those that were fitted, each against the average of the rows.
func (c *Card) take(d *design, w []float64) {
	c.Intercept = w[0]
	for k, a := range c.Attributes {
		mean, n := 0.0, 0
		for l := range a.Levels {
			a.Levels[l].Weight = w[d.first[k]+l]
			mean += a.Levels[l].Weight * float64(a.Levels[l].Rows)
			n += a.Levels[l].Rows
		}
		mean /= float64(n)
		for l := range a.Levels {
			a.Levels[l].Weight -= mean
		}
		c.Intercept += mean
	}
}
