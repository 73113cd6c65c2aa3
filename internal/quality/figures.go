package quality

import (
	"fmt"
	"math"
	"strconv"

	"rapport/internal/reading"
	"rapport/internal/social"
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
		return social.SentimentNegative
	case rating > 0.5:
		return social.SentimentPositive
	}
	return social.SentimentNeutral
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
	return sentiment("sentiment_"+set, want, got, sure)
}

// Tweets measures the sentiment model on tweets of one language: as Sentiment,
// and how many of them are read at all. A tweet that is unread counts as read wrong.
func Tweets(r *reading.Reader, language string, tweets []Labelled) []Figure {
	var want, got []string
	var sure []float64
	read := 0.0
	for _, x := range tweets {
		s := r.Read(x.Text).Sentiment
		if s.Label != social.SentimentUnread {
			read++
		}
		want, got = append(want, x.Label), append(got, s.Label)
		sure = append(sure, max(s.Negative, s.Neutral, s.Positive))
	}
	n := len(tweets)
	return append(sentiment("tweets_"+language, want, got, sure), Figure{Name: "tweets_" + language + "_read", Value: read / float64(n), Low: math.NaN(), High: math.NaN(), Unit: "share", N: n})
}

func sentiment(name string, want, got []string, sure []float64) []Figure {
	right := 0.0
	hit := make([]bool, len(want))
	for i := range want {
		if hit[i] = want[i] == got[i]; hit[i] {
			right++
		}
	}
	n := len(want)
	return []Figure{macro(name+"_macro_f1", want, got, social.Sentiments),
		{Name: name + "_accuracy", Value: right / float64(n), Low: math.NaN(), High: math.NaN(), Unit: "share", N: n},
		{Name: name + "_calibration_error", Value: calibration(hit, sure), Low: math.NaN(), High: math.NaN(), Unit: "share", N: n}}
}

// calibration is the expected calibration error in ten bins (Guo et al. 2017):
// how far the probability of what was said is from how often it was right.
func calibration(right []bool, sure []float64) (ece float64) {
	var off [10]float64
	for i, p := range sure {
		b := min(9, int(p*10))
		if right[i] {
			off[b]++
		}
		off[b] -= p
	}
	for _, x := range off {
		ece += math.Abs(x) / float64(len(sure))
	}
	return ece
}

// NeedsAnswer measures how well the reader tells which messages are owed an
// answer: precision and recall at a probability of 0.5, the precision where the
// recall is 0.8, and the calibration error. The figures' names begin with name.
func NeedsAnswer(r *reading.Reader, name string, of []Support) []Figure {
	p := make([]float64, len(of))
	right, sure := make([]bool, len(of)), make([]float64, len(of))
	for i, x := range of {
		read := r.Read(x.Text)
		if p[i] = read.NeedsAnswer; x.After {
			p[i] = read.NeedsAnswerAfter
		}
		right[i], sure[i] = (p[i] >= 0.5) == x.Owed, max(p[i], 1-p[i])
	}
	at := func(index []int, least float64) (precision, recall float64) {
		var said, owed, both float64
		for _, i := range index {
			if of[i].Owed {
				owed++
			}
			if p[i] >= least {
				said++
				if of[i].Owed {
					both++
				}
			}
		}
		return both / max(1, said), both / max(1, owed)
	}
	half := func(index []int) float64 { v, _ := at(index, 0.5); return v }
	found := func(index []int) float64 { _, v := at(index, 0.5); return v }
	where := func(index []int) float64 { // the precision at the highest threshold with a recall of 0.8
		best := 0.0
		for t := 99; t >= 0; t-- {
			if v, recall := at(index, float64(t)/100); recall >= 0.8 {
				best = v
				break
			}
		}
		return best
	}
	var out []Figure
	all := make([]int, len(of))
	for i := range all {
		all[i] = i
	}
	for _, f := range []struct {
		name string
		of   func([]int) float64
	}{{"precision", half}, {"recall", found}, {"precision_at_recall_80", where}} {
		low, high := Bootstrap(len(of), draws, Seed, f.of)
		out = append(out, Figure{Name: name + "_" + f.name, Value: f.of(all), Low: low, High: high, Unit: "share", N: len(of)})
	}
	return append(out, Figure{Name: name + "_calibration_error", Value: calibration(right, sure), Low: math.NaN(), High: math.NaN(), Unit: "share", N: len(of)})
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
	"problem discovery": social.IntentProblem, "feature request": social.IntentWish, "information seeking": social.IntentQuestion,
	"information giving": social.IntentChatter,
}

// Intents measures the intent model on app reviews, which it has never seen:
// the F1 of problem, wish and question and their mean over all reviews.
func Intents(r *reading.Reader, reviews []Labelled) []Figure {
	var want, got []string
	for _, x := range reviews {
		want, got = append(want, reviewIntents[x.Label]), append(got, r.Read(x.Text).Intent.Label)
	}
	labels := []string{social.IntentProblem, social.IntentWish, social.IntentQuestion}
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
func Themes(name string, texts []Labelled, k, runs int) ([]Figure, error) {
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
		set, err := theme.Discover(docs, theme.Options{K: k, Seed: uint64(seed + 1)})
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", name, err)
		}
		a := theme.NewAssigner(set)
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
