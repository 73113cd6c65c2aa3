package reading

import (
	"math"
	"testing"
)

// BenchmarkLoad is what a cold start pays: both indexes and both heads.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		newIndex(vocabulary)
		newIndex(lexiconText)
		if _, rest, err := parseHead(heads); err != nil {
			b.Fatal(err)
		} else if _, _, err = parseHead(rest); err != nil {
			b.Fatal(err)
		}
	}
}

// The wanted values are those of vaderSentiment 3.3.2.
func TestLexiconScoresLikeVADER(t *testing.T) {
	x := newIndex(lexiconText)
	for text, want := range map[string]float64{
		"The food was good.":                              0.4404,
		"The food was not good.":                          -0.3412,
		"The food was VERY good!!!":                       0.7005,
		"The food was good, but the service was horrible": -0.5859,
		"It isn't the least bit useful":                   0.4404,
		"This is kind of great":                           0.5868,
		"never so happy":                                  0.6948,
		"no good or nice people here":                     -0.5773,
		"Not bad at all":                                  0.4310,
		"Least helpful staff ever":                        -0.3252,
		"I HATE this":                                     -0.6633,
		"lol :)":                                          0.7003,
		"What?? terrible":                                 -0.5362,
		"hardly a great day":                              0.5888,
	} {
		if got := x.score(text).compound; math.Abs(got-want) > 0.0002 {
			t.Errorf("%q: got %.4f, want %.4f", text, got, want)
		}
	}
}
