package reading

import (
	"strconv"
	"strings"
	"unicode"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// outOf is a text that is nothing but a mark on a scale of five or ten: "4/5",
// "2 von 5 Sternen". starred is one that names stars, of which there are five.
var (
	outOf   = pattern.New(`^(?i)(\d{1,2}(?:[.,]\d)?) ?(?:/|out of|of|von|de|sur|su|van|em) ?(5|10)(?: ?\p{L}{4,9})?[.!]*$`)
	starred = pattern.New(`^(?i)([0-5](?:[.,]\d)?)[ -]?(?:stars?|sterne?n?|estrellas?|étoiles?|stell[ae]|sterren|ster|estrelas?)[.!]*$`)
)

// mark returns the sentiment of a text that is nothing but a mark, by the
// table of social.Rating; false for every other text.
func mark(text string) (string, bool) {
	m, best := "", 5.0
	if f := outOf.FindStringSubmatch(text); f != nil {
		m = f[1]
		if f[2] == "10" {
			best = 10
		}
	} else if f := starred.FindStringSubmatch(text); f != nil {
		m = f[1]
	} else {
		full, empty := 0, 0
		for _, r := range text {
			switch r {
			case '★', '⭐', '🌟':
				full++
			case '☆', '✩':
				empty++
			case ' ', '\ufe0f':
			default:
				return "", false
			}
		}
		if full+empty < 2 || full+empty > 5 {
			return "", false
		}
		m = strconv.Itoa(full)
	}
	v, err := strconv.ParseFloat(strings.Replace(m, ",", ".", 1), 64)
	if err != nil || v > best {
		return "", false
	}
	return social.Rating{Value: max(v, 1), Worst: 1, Best: best, Kind: social.Stars}.Sentiment(), true
}

// signs returns what a text means that holds nothing but emoji and
// punctuation, by the valences of package social, of which the greater part
// decides; false for every other text, and where none of them has a valence.
func signs(text string) (string, bool) {
	good, bad := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return "", false
		case social.Valence(string(r)) > 0:
			good++
		case social.Valence(string(r)) < 0:
			bad++
		}
	}
	switch {
	case good > bad:
		return social.SentimentPositive, true
	case bad > good:
		return social.SentimentNegative, true
	}
	return social.SentimentNeutral, good > 0
}

// certain is a sentiment that is sure.
func certain(label string) Sentiment {
	s := Sentiment{Label: label}
	switch label {
	case social.SentimentNegative:
		s.Negative = 1
	case social.SentimentPositive:
		s.Positive = 1
	default:
		s.Neutral = 1
	}
	return s
}

// unlikely is the probability that marks and kind signs need an answer. It is
// not zero, which would say that it is not known.
const unlikely = 1. / 64

// marked is what a mark says: it asks nothing.
func marked(sentiment string) Reading {
	intent := map[string]string{social.SentimentNegative: social.IntentComplaint, social.SentimentPositive: social.IntentPraise}[sentiment]
	if intent == "" {
		intent = social.IntentChatter
	}
	return Reading{Sentiment: certain(sentiment), Intent: Intent{intent, 1}, NeedsAnswer: unlikely, NeedsAnswerAfter: unlikely}
}
