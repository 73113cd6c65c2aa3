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

// asked is a form's question about content with the mark given to it: "How
// satisfied are you? 2", "Würden Sie uns empfehlen: 9/10". recommending is one
// of which the mark is a net promoter score.
var (
	asked        = pattern.New(`^(?i)([^?:.!]{0,200}(?:satisf|soddisf|content|happy|zufrieden|tevreden|recom|empfehl|consigl|raccom|aanbevel|likely|wahrscheinlich|probab|waarschijnlijk|\brat(?:e|ing)\b|bewert|calific|valora|avali|\bnot(?:e|ez|er)\b|évalu|valut|beoordel|\bcsat\b|\bnps\b)[^?:.!]{0,200}[?:]) ?(\d{1,2})(?: ?(?:/|out of|of|von|de|sur|su|van|em) ?(5|10))?[.!]*$`)
	recommending = pattern.New(`(?i)recom|empfehl|consigl|raccom|aanbevel|likely|wahrscheinlich|probab|waarschijnlijk|\bnps\b`)
)

// answered returns what a mark says that stands after a form's question. Of
// how many it is follows from the question, where the mark does not say so:
// of ten if it is about recommending or the mark is above five, else of five.
func answered(text string) (string, bool) {
	end := strings.TrimRight(text, ".!")
	if end == "" || len(text) > 300 || end[len(end)-1] < '0' || end[len(end)-1] > '9' { // most texts, and not worth the search
		return "", false
	}
	f := asked.FindStringSubmatch(text)
	if f == nil {
		return "", false
	}
	v, err := strconv.ParseFloat(f[2], 64)
	r := social.Rating{Value: v, Worst: 1, Best: 5, Kind: social.CSAT}
	switch {
	case recommending.MatchString(f[1]) && f[3] != "5":
		r.Worst, r.Best, r.Kind = 0, 10, social.NPS
	case v > 5 || f[3] == "10":
		r.Best = 10
	}
	if err != nil || v > r.Best {
		return "", false
	}
	r.Value = max(v, r.Worst)
	return r.Sentiment(), true
}

// mark returns the sentiment of a text that is nothing but a mark, by the
// table of social.Rating; false for every other text. One point alone is the
// worst mark on every scale; of other numbers alone nobody knows the scale.
func mark(text string) (string, bool) {
	m, best := "", 5.0
	if text == "1" {
		return social.SentimentNegative, true
	}
	if s, ok := answered(text); ok {
		return s, true
	}
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
