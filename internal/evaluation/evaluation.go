// Package evaluation says how good scores were, once it is known how things came
// out, and whether other scores would have been better: figures with
// their intervals, and a verdict in words.
//
// It takes the scores as they are. That each is of before its outcome is for whoever
// computes them.
package evaluation

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"rapport/internal/stats"
)

// level is the confidence of all intervals.
const level = 0.95

// Enough outcomes for figures: in all, and of the rarer kind.
const (
	NeededOutcomes = 20
	NeededOfEach   = 5
)

// Case is something that was scored and came out one way or the other.
type Case struct {
	Positive bool
	Score    float64
	Chance   float64 // of a positive, as the model said; NaN where it says none
	Unit     int     // cases of one unit (a person) are not independent: they are drawn together
}

// Figure is a number and its interval.
type Figure struct {
	Value, Low, High float64
}

// Top is how it is among the highest scores. Cases with the score at the edge count in part.
type Top struct {
	Share     float64 // of all cases: 0.01, 0.05, 0.1
	Cases     int
	Precision Figure // the share of positives among them
	Lift      Figure // precision against the share of positives among all
}

// Bin is a part of the cases in the order of their scores.
type Bin struct {
	Low, High float64 // scores
	Said      float64 // mean chance; NaN where the model says none
	Share     float64 // of positives
	ShareLow  float64 // Wilson's interval
	ShareHigh float64
	Cases     int
}

// Figures say how good scores were.
type Figures struct {
	Cases, Positives int
	AUC              Figure
	Top              []Top
	Calibration      []Bin

	// Of models that say chances.
	Chances  bool
	Accuracy Figure  // the share that came out as the likelier of both said
	Always   float64 // accuracy of saying the more frequent of both always
	Brier    Figure
	LogLoss  Figure
}

// tops are the shares of the highest scores that are looked at.
var tops = []float64{0.01, 0.05, 0.10}

// Draws are how many times cases are drawn again for an interval.
const Draws = 1000

// bins of the calibration curve.
const bins = 10

// Missing says in words what is missing for figures; it is empty where nothing is.
func Missing(cases []Case) string {
	positives := 0
	for _, c := range cases {
		positives += count(c.Positive)
	}
	rarer := min(positives, len(cases)-positives)
	switch {
	case len(cases) < NeededOutcomes:
		return fmt.Sprintf("not enough data: %s, %d are needed", outcomes(len(cases)), NeededOutcomes)
	case rarer < NeededOfEach && positives == rarer:
		return fmt.Sprintf("not enough data: %d of %d outcomes are positive, %d are needed", positives, len(cases), NeededOfEach)
	case rarer < NeededOfEach:
		return fmt.Sprintf("not enough data: %d of %d outcomes are negative, %d are needed", rarer, len(cases), NeededOfEach)
	}
	return ""
}

func outcomes(n int) string {
	if n == 1 {
		return "1 outcome"
	}
	return fmt.Sprintf("%d outcomes", n)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Of returns the figures of cases of which nothing is Missing. The intervals are percentiles of
// what comes out when as many units are drawn again with replacement, those
// with a positive and those without by themselves (Efron and Tibshirani, "An
// Introduction to the Bootstrap", 1993); the time is Draws times the cases.
func Of(cases []Case, seed uint64) (Figures, error) {
	if missing := Missing(cases); missing != "" {
		return Figures{}, fmt.Errorf("%s", missing)
	}
	r := rank(cases)
	values := r.measure(nil)
	draws := r.draw(seed)
	figure := func(of func(m measured) float64) Figure {
		xs := make([]float64, len(draws))
		for i, m := range draws {
			xs[i] = of(m)
		}
		lo, _ := stats.Quantile(xs, (1-level)/2)
		hi, _ := stats.Quantile(xs, (1+level)/2)
		return Figure{of(values), lo, hi}
	}
	f := Figures{Cases: len(cases), AUC: figure(func(m measured) float64 { return m.auc }), Calibration: r.calibration()}
	for _, c := range cases {
		f.Positives += count(c.Positive)
	}
	for i, share := range tops {
		f.Top = append(f.Top, Top{Share: share, Cases: topOf(len(cases), share),
			Precision: figure(func(m measured) float64 { return m.top[i] }),
			Lift:      figure(func(m measured) float64 { return m.top[i] / m.share })})
	}
	if f.Chances = r.chances; f.Chances {
		f.Accuracy = figure(func(m measured) float64 { return m.right })
		f.Brier = figure(func(m measured) float64 { return m.brier })
		f.LogLoss = figure(func(m measured) float64 { return m.loss })
		p := float64(f.Positives) / float64(f.Cases)
		f.Always = max(p, 1-p)
	}
	return f, nil
}

// topOf is how many of n cases the highest share is.
func topOf(n int, share float64) int { return max(1, int(math.Round(share*float64(n)))) }

// ranked is cases from the highest score down.
type ranked struct {
	cases   []Case
	ends    []int // where each run of equal scores ends
	chances bool
	brier   []float64
	loss    []float64
}

func rank(cases []Case) *ranked {
	r := &ranked{cases: slices.Clone(cases), chances: true}
	// Of equal scores the order is by all else that counts, so that the order the cases are given in does not.
	slices.SortStableFunc(r.cases, func(a, b Case) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Chance, a.Chance), cmp.Compare(count(a.Positive), count(b.Positive)))
	})
	for i, c := range r.cases {
		if i+1 == len(r.cases) || r.cases[i+1].Score != c.Score {
			r.ends = append(r.ends, i+1)
		}
		y := float64(count(c.Positive))
		p := min(max(c.Chance, 1e-15), 1-1e-15)
		r.chances = r.chances && !math.IsNaN(c.Chance)
		r.brier = append(r.brier, (c.Chance-y)*(c.Chance-y))
		r.loss = append(r.loss, -y*math.Log(p)-(1-y)*math.Log(1-p))
	}
	return r
}

// measured is what one pass over the cases finds.
type measured struct {
	auc, share, right, brier, loss float64
	top                            [3]float64
}

// measure looks at the cases, the i-th so many times; once each where times is nil.
func (r *ranked) measure(times []int32) (m measured) {
	total := float64(len(r.cases))
	if times != nil {
		total = 0
		for _, t := range times {
			total += float64(t)
		}
	}
	edges := [len(m.top)]float64{}
	for i, share := range tops {
		edges[i] = max(1, math.Round(share*total))
	}
	var seen, positives, negatives, pairs float64
	var hits [len(m.top)]float64
	from := 0
	for _, end := range r.ends {
		var pos, neg float64
		for i := from; i < end; i++ {
			n := 1.0
			if times != nil {
				n = float64(times[i])
			}
			c := &r.cases[i]
			if c.Positive {
				pos += n
			} else {
				neg += n
			}
			if c.Positive == (c.Chance >= 0.5) {
				m.right += n
			}
			m.brier += n * r.brier[i]
			m.loss += n * r.loss[i]
		}
		from = end
		here := pos + neg
		if here == 0 {
			continue
		}
		for i, edge := range edges {
			if seen < edge {
				hits[i] += pos * min(1, (edge-seen)/here)
			}
		}
		pairs += neg * (positives + pos/2)
		positives, negatives, seen = positives+pos, negatives+neg, seen+here
	}
	m.auc = pairs / (positives * negatives)
	m.share = positives / seen
	m.right, m.brier, m.loss = m.right/seen, m.brier/seen, m.loss/seen
	for i, edge := range edges {
		m.top[i] = hits[i] / edge
	}
	return m
}

// draw measures as many units drawn with replacement as there are, again and again.
func (r *ranked) draw(seed uint64) []measured {
	units := map[int][]int32{}
	var order []int
	for i, c := range r.cases {
		if _, ok := units[c.Unit]; !ok {
			order = append(order, c.Unit)
		}
		units[c.Unit] = append(units[c.Unit], int32(i))
	}
	var strata [2][][]int32
	for _, u := range order {
		c := count(slices.ContainsFunc(units[u], func(i int32) bool { return r.cases[i].Positive }))
		strata[c] = append(strata[c], units[u])
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	times := make([]int32, len(r.cases))
	var out []measured
	for range Draws {
		clear(times)
		for _, s := range strata {
			for range s {
				for _, i := range s[rng.IntN(len(s))] {
					times[i]++
				}
			}
		}
		if m := r.measure(times); !math.IsNaN(m.auc) { // units with both kinds may leave one kind out
			out = append(out, m)
		}
	}
	return out
}

// calibration cuts the cases into parts of about the same size; equal scores stay together.
func (r *ranked) calibration() []Bin {
	var out []Bin
	from := 0
	for _, end := range r.ends {
		if size := end - from; size < len(r.cases)/bins && end < len(r.cases) || size == 0 {
			continue
		}
		b := Bin{Low: r.cases[end-1].Score, High: r.cases[from].Score, Cases: end - from}
		positives := 0
		for _, c := range r.cases[from:end] {
			positives += count(c.Positive)
			b.Said += c.Chance / float64(b.Cases)
		}
		b.Share = float64(positives) / float64(b.Cases)
		b.ShareLow, b.ShareHigh, _ = stats.Wilson(positives, b.Cases, level)
		out = append(out, b)
		from = end
	}
	slices.Reverse(out)
	return out
}
