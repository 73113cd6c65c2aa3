package refit

import (
	"fmt"
	"math"

	"rapport/internal/stats"
)

// Enough is how many labels a head needs to be adjusted.
const Enough = 100

// level is that of the intervals; normal is how many standard errors it is to each side.
const (
	level  = 0.95
	normal = 1.96
)

// Interval is a figure and its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Figures say how well a head's probabilities fit what people said.
type Figures struct {
	LogLoss float64  `json:"log_loss"` // the mean of -ln of the probability of what was said; 0 is perfect
	Right   Interval `json:"right"`    // the share of texts whose likeliest class is the one that was said (Wilson's)
}

// Verdict is what came of the refit of one head.
type Verdict struct {
	Labels     int         `json:"labels"`
	Before     *Figures    `json:"before,omitempty"`     // of the reader as it comes; nil: not enough labels
	After      *Figures    `json:"after,omitempty"`      // of each text by what was fitted to the others
	Difference *Interval   `json:"difference,omitempty"` // of the log loss, after less before: below 0 is better
	Adjustment *Adjustment `json:"adjustment,omitempty"` // fitted to all; nil: the head stays as it comes
	Why        string      `json:"why"`                  // why it was adjusted, or was not, in words
}

// Judge fits an adjustment to the cases of one head, and says whether the head
// is better with it: where there are Enough labels and the log loss on texts
// that it was not fitted to is lower, with the whole 95 % interval of the
// paired difference below 0.
func Judge(cases []Case) (Verdict, error) {
	v := Verdict{Labels: len(cases)}
	if v.Labels < Enough {
		labels := "labels"
		if v.Labels == 1 {
			labels = "label"
		}
		v.Why = fmt.Sprintf("not enough data: %d drawn %s, %d are needed", v.Labels, labels, Enough)
		return v, nil
	}
	weights := weigh(cases)
	var held [Folds]Adjustment
	for f := range held {
		var err error
		if held[f], err = fit(cases, weights, func(i int) bool { return cases[i].Fold != f }); err != nil {
			return v, err
		}
	}
	n := 0.0 // as many cases of equal weight would say as much
	for _, w := range weights {
		n += w
	}
	var loss, right [2]float64
	diff := make([]float64, len(cases))
	for i, c := range cases {
		after := held[c.Fold].Of(c.P)
		for k, p := range [][]float64{Adjustment{1, make([]float64, len(c.P))}.Of(c.P), after} {
			l := -math.Log(p[c.Said])
			loss[k] += weights[i] * l / n
			if likeliest(p) == c.Said {
				right[k] += weights[i] / n
			}
			diff[i] += float64(2*k-1) * l
		}
	}
	figures := func(k int) *Figures {
		f := Figures{LogLoss: thousandths(loss[k]), Right: Interval{Value: thousandths(right[k])}}
		whole := int(n + 0.5)
		low, high, _ := stats.Wilson(min(int(right[k]*n+0.5), whole), whole, level)
		f.Right.Low, f.Right.High = thousandths(low), thousandths(high)
		return &f
	}
	v.Before, v.After = figures(0), figures(1)
	mean, square := loss[1]-loss[0], 0.0
	for i, d := range diff {
		square += (weights[i] / n * (d - mean)) * (weights[i] / n * (d - mean))
	}
	half := normal * math.Sqrt(square*n/(n-1))
	v.Difference = &Interval{thousandths(mean), thousandths(mean - half), thousandths(mean + half)}
	said := fmt.Sprintf("log loss %.3f against %.3f, difference %.3f [%.3f, %.3f] on %d drawn labels", loss[1], loss[0], mean, mean-half, mean+half, v.Labels)
	if !(mean+half < 0) {
		v.Why = "no better: " + said
		return v, nil
	}
	a, err := fit(cases, weights, func(int) bool { return true })
	if err != nil {
		return v, err
	}
	v.Adjustment, v.Why = &a, "better: "+said
	return v, nil
}

// thousandths rounds a figure to what is told of it.
func thousandths(x float64) float64 { return math.Round(x*1000)/1000 + 0 }

// likeliest is the class of the greatest probability; of equals the first.
func likeliest(p []float64) int {
	best := 0
	for k := range p {
		if p[k] > p[best] {
			best = k
		}
	}
	return best
}
