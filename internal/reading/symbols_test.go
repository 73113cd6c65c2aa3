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
	// A form's question, and the mark given to it.
	for sentiment, texts := range map[string][]string{
		social.SentimentNegative: {"1", "How satisfied are you with our support? 1", "Wie zufrieden sind Sie mit der Lieferung? 2", "¿Qué tan satisfecho está? 1/5", "How likely are you to recommend us? 6", "Würden Sie uns weiterempfehlen: 5",
			"Quanto você está satisfeito com o app? 2.", "CSAT: 2", "NPS: 3", "Êtes-vous satisfait de la livraison ? 3/10", "Please rate your stay: 1"},
		social.SentimentNeutral:  {"How satisfied are you with our support? 3", "Hoe tevreden bent u? 3", "Would you recommend us? 8", "NPS: 7"},
		social.SentimentPositive: {"How satisfied are you with our support? 5", "Quanto è soddisfatto del servizio? 4", "How likely are you to recommend us to a friend? 10", "Bitte bewerten Sie uns: 9/10", "Would you recommend us? 9"},
	} {
		for _, text := range texts {
			if got := r.Read(text); got.Sentiment.Label != sentiment || got.Sentiment.Negative+got.Sentiment.Neutral+got.Sentiment.Positive != 1 {
				t.Errorf("%q is %+v, want %s", text, got.Sentiment, sentiment)
			}
		}
	}
	// What is said of marks and signs is read as words.
	for _, text := range []string{"Why only 1/5 of my order?", "You had 5 stars, now the app crashes every day", "Are you happy? I waited 3", "Can you recommend a plan for 5", "2", "10", "How satisfied are you? 42", "Would you recommend it: with 2 seats"} {
		if got := r.Read(text); got.Sentiment.Negative == 1 || got.Sentiment.Positive == 1 {
			t.Errorf("%q is read as a mark", text)
		}
	}
}
