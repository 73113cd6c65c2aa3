package reading_test

import (
	"testing"

	"rapport/internal/reading/readtest"
	"rapport/internal/social"
)

func TestMarksAndSignsAreReadByTables(t *testing.T) {
	r := readtest.Reader(t)
	for sentiment, texts := range map[string][]string{
		social.SentimentNegative: {"★★☆☆☆", "⭐️☆☆☆☆", "⭐⭐", "0 stars", "1 star.", "2/5", "1,5 von 5 Sternen", "3/10", "2 sur 5 étoiles", "🤢", "😠😠", "💩🙄", "😞 👎!"},
		social.SentimentNeutral:  {"★★★☆☆", "3 stars", "3/5", "👍👎"},
		social.SentimentPositive: {"★★★★★", "⭐⭐⭐⭐", "5 Sterne", "4.5 stars", "10/10", "9/10!", "5 de 5 estrellas", "❤️", "👌🏽", "🎉🎉🎉", "🙌 😍"},
	} {
		for _, text := range texts {
			if got := r.Read(text); got.Sentiment.Label != sentiment {
				t.Errorf("%q is %s, want %s", text, got.Sentiment.Label, sentiment)
			} else if sentiment == social.SentimentPositive && (got.NeedsAnswer > 0.1 || got.NeedsAnswerAfter > 0.1) {
				t.Errorf("%q needs an answer", text)
			}
		}
	}
	// What is said of marks and signs is read as words.
	for _, text := range []string{"Why only 1/5 of my order?", "You had 5 stars, now the app crashes every day"} {
		if got := r.Read(text); got.Sentiment.Negative == 1 || got.Sentiment.Positive == 1 {
			t.Errorf("%q is read as a mark", text)
		}
	}
}
