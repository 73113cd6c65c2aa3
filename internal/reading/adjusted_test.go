package reading_test

import (
	"math"
	"testing"

	"rapport/internal/reading"
	"rapport/internal/reading/readtest"
	"rapport/internal/refit"
	"rapport/internal/social"
)

func TestReadingIsAdjusted(t *testing.T) {
	r := readtest.Reader(t)
	const text = "How do I change my password?"
	as := r.Read(text)
	d := &refit.Document{Reader: reading.Version, Heads: map[refit.Head]refit.Adjustment{
		refit.Sentiment:   {Slope: 0.5, Offsets: []float64{1.5, -1.5, 0}},
		refit.NeedsAnswer: {Slope: 0.5, Offsets: []float64{1.5, -1.5}},
	}}
	got := r.ReadBy(d, text)
	if as.Sentiment.Label != social.SentimentNeutral || got.Sentiment.Label != social.SentimentNegative || got.NeedsAnswer > as.NeedsAnswer-0.2 {
		t.Errorf("reads as %+v, as it comes %+v", got, as)
	}
	if sum := got.Sentiment.Negative + got.Sentiment.Neutral + got.Sentiment.Positive; math.Abs(sum-1) > 1e-9 || got.Sentiment.Negative != math.Floor(got.Sentiment.Negative*4096)/4096 {
		t.Errorf("probabilities %+v", got.Sentiment)
	}
	// What no head of the document is of stays.
	got.Sentiment, got.NeedsAnswer = as.Sentiment, as.NeedsAnswer
	if got != as {
		t.Errorf("the rest reads as %+v, as it comes %+v", got, as)
	}
	if k := r.KeptBy(d, text); k.Reader != d.Version() || k.Sentiment != social.SentimentNegative {
		t.Errorf("kept as %+v", k)
	}
	if k := r.KeptBy(nil, text); k != as.Kept() {
		t.Errorf("without adjustments kept as %+v", k)
	}
	// What the models do not read is not adjusted, but was read by that version.
	if k := r.KeptBy(d, "👍"); k.Sentiment != social.SentimentPositive || k.Reader != d.Version() {
		t.Errorf("kept as %+v", k)
	}
	// One that was made for another reader, or is broken, does nothing.
	for name, other := range map[string]refit.Document{
		"another version": {Reader: "r0-0", Heads: d.Heads},
		"too far":         {Reader: reading.Version, Heads: map[refit.Head]refit.Adjustment{refit.Sentiment: {Slope: 1, Offsets: []float64{9, 0, 0}}}},
		"too few classes": {Reader: reading.Version, Heads: map[refit.Head]refit.Adjustment{refit.Intent: {Slope: 1, Offsets: []float64{1, 0, 0}}}},
	} {
		if k := r.KeptBy(&other, text); k != as.Kept() {
			t.Errorf("%s: kept as %+v", name, k)
		}
	}
}

// What a refit is fitted to is what the reader reads by: an adjustment that
// changes nothing leaves the reading, also of what is remembered.
func TestChancesAreWhatIsRead(t *testing.T) {
	r := readtest.Reader(t)
	remembering := r.Remembering()
	for _, text := range []string{"How do I change my password?", "Nichts geht mehr, seit drei Tagen!", "Thanks, that was quick 😊", "👍", "", "Мой заказ так и не пришёл", "★☆☆☆☆"} {
		read := r.Read(text)
		c, ok := r.Chances(text)
		if want := !(text == "" || text == "★☆☆☆☆" || read.Intent.Label == social.IntentUnread); ok != want {
			t.Errorf("%q: there are chances: %t", text, ok)
		}
		switch {
		case text == "👍":
			if c[refit.Sentiment] != nil || c[refit.NeedsAnswer] != nil || c[refit.Intent] == nil {
				t.Errorf("%q: %v", text, c)
			}
		case ok && (math.Abs(c[refit.Sentiment][0]-read.Sentiment.Negative) > 1./4096 || math.Abs(c[refit.NeedsAnswer][1]-read.NeedsAnswer) > 1./4096):
			t.Errorf("%q: %v, read as %+v", text, c, read)
		}
		d := &refit.Document{Reader: reading.Version, Heads: map[refit.Head]refit.Adjustment{refit.Sentiment: {Slope: 0.5, Offsets: []float64{1.5, -1.5, 0}}}}
		for range 2 {
			if a, b := remembering.Read(text), remembering.ReadBy(d, text); a != read || b != r.ReadBy(d, text) {
				t.Errorf("%q: remembered as %+v and %+v", text, a, b)
			}
		}
	}
}
