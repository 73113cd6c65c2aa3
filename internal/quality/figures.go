package quality

import (
	"fmt"
	"math"
	"strconv"

	"rapport/internal/reading"
	"rapport/internal/theme"
)

// Figure is one measured number with its 95 % bootstrap interval; without an
// interval Low and High are NaN.
type Figure struct {
	Name      string
	Value     float64
	Low, High float64
	Unit      string
	N         int // things it rests on
}

const draws = 1000

// Tone is the sentiment of a mean rating: beyond half a point from zero it is
// negative or positive, else neutral.
func Tone(rating float64) string {
	switch {
	case rating < -0.5:
		return reading.Negative
	case rating > 0.5:
		return reading.Positive
	}
	return reading.Neutral
}

// Sentiment measures the sentiment model on the texts of one set that were
// held out of its training: macro-F1, accuracy, and the expected calibration
// error of its most probable label in ten bins.
func Sentiment(r *reading.Reader, rated []Rated, set string) []Figure {
	var want, got []string
	var sure []float64
	for _, x := range rated {
		if x.Set != set || !HeldOut(x.Text) {
			continue
		}
		s := r.Read(x.Text).Sentiment
		want, got = append(want, Tone(x.Rating)), append(got, s.Label)
		sure = append(sure, max(s.Negative, s.Neutral, s.Positive))
	}
	f := macro("sentiment_"+set+"_macro_f1", want, got, reading.Sentiments)
	var hits, conf, count [10]float64
	right := 0.0
	for i := range want {
		b := min(9, int(sure[i]*10))
		count[b]++
		conf[b] += sure[i]
		if want[i] == got[i] {
			hits[b]++
			right++
		}
	}
	ece := 0.0
	for b := range count {
		ece += math.Abs(hits[b]-conf[b]) / float64(len(want))
	}
	n := len(want)
	return []Figure{f,
		{Name: "sentiment_" + set + "_accuracy", Value: right / float64(n), Low: math.NaN(), High: math.NaN(), Unit: "share", N: n},
		{Name: "sentiment_" + set + "_calibration_error", Value: ece, Low: math.NaN(), High: math.NaN(), Unit: "share", N: n}}
}

func macro(name string, want, got, labels []string) Figure {
	low, high := Bootstrap(len(want), draws, Seed, func(index []int) float64 {
		return MacroF1(Pick(want, index), Pick(got, index), labels)
	})
	return Figure{Name: name, Value: MacroF1(want, got, labels), Low: low, High: high, Unit: "f1", N: len(want)}
}

// reviewIntents maps the classes of the app reviews to intents. Information
// giving has no counterpart: whatever is said of such a review counts only
// as a false alarm of the three.
var reviewIntents = map[string]string{
	"problem discovery": reading.Problem, "feature request": reading.Wish, "information seeking": reading.Question,
	"information giving": reading.Other,
}

// Intents measures the intent model on app reviews, which it has never seen:
// the F1 of problem, wish and question and their mean over all reviews.
func Intents(r *reading.Reader, reviews []Labelled) []Figure {
	var want, got []string
	for _, x := range reviews {
		want, got = append(want, reviewIntents[x.Label]), append(got, r.Read(x.Text).Intent.Label)
	}
	labels := []string{reading.Problem, reading.Wish, reading.Question}
	out := []Figure{macro("intents_app_reviews_macro_f1", want, got, labels)}
	for _, l := range labels {
		out = append(out, macro("intents_app_reviews_"+l+"_f1", want, got, []string{l}))
	}
	return out
}

// Themes measures how well k themes found in texts without their labels agree
// with the labels: the NMI of Discover and Assign, texts of no theme standing
// together as one more, and the share of texts that have a theme. Each text
// counts as a different person's. The value is the mean over the seeds 1 to
// runs of Discover, low and high are the least and the greatest: a bootstrap
// over texts would be biased, since a text drawn twice agrees with itself.
func Themes(r *reading.Reader, name string, texts []Labelled, k, runs int) ([]Figure, error) {
	docs := make([]theme.Doc, len(texts))
	for i, x := range texts {
		docs[i] = theme.Doc{ID: strconv.Itoa(i), Text: x.Text}
	}
	n := len(texts)
	nmi := Figure{Name: name + "_themes_nmi", Low: math.Inf(1), High: math.Inf(-1), Unit: "nmi", N: n}
	share := Figure{Name: name + "_themes_assigned", Low: math.Inf(1), High: math.Inf(-1), Unit: "share", N: n}
	add := func(f *Figure, x float64) {
		f.Value += x / float64(runs)
		f.Low, f.High = min(f.Low, x), max(f.High, x)
	}
	for seed := range runs {
		set, err := theme.Discover(r, docs, theme.Options{K: k, Seed: uint64(seed + 1)})
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", name, err)
		}
		a := theme.NewAssigner(r, set)
		var want, got []string
		assigned := 0.0
		for _, x := range texts {
			as := a.Assign(x.Text)
			want, got = append(want, x.Label), append(got, as.ThemeID)
			if as.OK {
				assigned++
			}
		}
		add(&nmi, NMI(want, got))
		add(&share, assigned/float64(n))
	}
	return []Figure{nmi, share}, nil
}
