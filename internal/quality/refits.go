package quality

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"rapport/internal/reading"
	"rapport/internal/refit"
	"rapport/internal/social"
)

// Told is a text's probabilities of each class, and the class that people say it is of.
type Told struct {
	P    []float64
	Said int
}

// SentimentsTold are what the reader makes of those texts that its models read.
func SentimentsTold(r *reading.Reader, texts []Labelled) []Told {
	var out []Told
	for _, x := range texts {
		c, ok := r.Chances(x.Text)
		if said := slices.Index(social.Sentiments, x.Label); ok && said >= 0 && c[refit.Sentiment] != nil {
			out = append(out, Told{c[refit.Sentiment], said})
		}
	}
	return out
}

// refits is how many times labels are drawn.
const refits = 100

// Refits measures what a refit of the sentiment to n drawn labels is worth: the
// macro-F1 on the texts that were not drawn, as the reader comes and after the
// refit where that is adopted, their difference, and how often it is adopted.
// The value is the mean over draws, low and high are its 2.5th and 97.5th
// percentile. Where fewer than 50 texts would be left there are no figures.
func Refits(name string, of []Told, n int) ([]Figure, error) {
	if len(of) < n+50 {
		return nil, nil
	}
	var before, after, gain []float64
	adopted := 0
	for seed := range uint64(refits) {
		order := rand.New(rand.NewPCG(Seed, seed)).Perm(len(of))
		cases := make([]refit.Case, n)
		for i, j := range order[:n] {
			cases[i] = refit.Case{P: of[j].P, Said: of[j].Said, Weight: 1, Fold: i % refit.Folds}
		}
		v, err := refit.Judge(cases)
		if err != nil {
			return nil, fmt.Errorf("refit of %s: %w", name, err)
		}
		if v.Adjustment != nil {
			adopted++
		}
		var want, came, fitted []string
		for _, j := range order[n:] {
			p := of[j].P
			want, came = append(want, social.Sentiments[of[j].Said]), append(came, likeliest(p))
			if v.Adjustment != nil {
				p = v.Adjustment.Of(p)
			}
			fitted = append(fitted, likeliest(p))
		}
		b, a := MacroF1(want, came, social.Sentiments), MacroF1(want, fitted, social.Sentiments)
		before, after, gain = append(before, b), append(after, a), append(gain, a-b)
	}
	name = fmt.Sprintf("refit_%s_%d", name, n)
	var out []Figure
	for _, f := range []struct {
		name string
		of   []float64
	}{{"before_macro_f1", before}, {"after_macro_f1", after}, {"gain", gain}} {
		sum := 0.0
		for _, x := range f.of {
			sum += x
		}
		slices.Sort(f.of)
		out = append(out, Figure{Name: name + "_" + f.name, Value: sum / refits, Low: f.of[refits*25/1000], High: f.of[refits*975/1000], Unit: "f1", N: len(of) - n})
	}
	return append(out, Figure{Name: name + "_adopted", Value: float64(adopted) / refits, Low: math.NaN(), High: math.NaN(), Unit: "share", N: refits}), nil
}

func likeliest(p []float64) string {
	best := 0
	for k := range p {
		if p[k] > p[best] {
			best = k
		}
	}
	return social.Sentiments[best]
}
