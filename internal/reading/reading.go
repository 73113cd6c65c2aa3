// Package reading says what a text says: its language, sentiment and intent,
// and its vector. A reading is a pure function of the text and of the reader's
// Version; where nothing is known of a text it says so by flat probabilities.
//
// The models are English. They are static sentence vectors (distilled from
// all-MiniLM-L6-v2), VADER's lexicon and rules, and two multinomial logistic
// models over both and hashed word and character n-grams, all embedded; see
// model/MODEL.md for where they come from, and cmd/train for how they are made.
package reading

import (
	_ "embed"
	"sync"

	"rapport/internal/social"
)

// Labels of a sentiment, in the order of the model's classes.
const (
	Negative = social.SentimentNegative
	Neutral  = social.SentimentNeutral
	Positive = social.SentimentPositive
)

// Labels of an intent.
const (
	Problem        = social.IntentProblem
	Wish           = social.IntentWish
	Question       = social.IntentQuestion
	Praise         = social.IntentPraise
	Purchase       = social.IntentPurchase
	Churn          = social.IntentChurn
	Recommendation = social.IntentRecommendation
	Spam           = social.IntentSpam
	Other          = social.IntentOther
)

// Sentiments and Intents list the labels in the order of the models' classes.
var (
	Sentiments = []string{Negative, Neutral, Positive}
	Intents    = []string{Problem, Wish, Question, Praise, Purchase, Churn, Recommendation, Spam, Other}
)

// vocabulary is BERT's uncased vocabulary, a token a line.
//
//go:embed model/vocab.txt
var vocabulary string

// Reading is what a text says.
type Reading struct {
	Language  string // one of langid.Languages, or und where the text shows none
	Sentiment Sentiment
	Intent    Intent
}

// Sentiment is a label and the probability of each; the three sum to 1
// exactly, each being a multiple of 1/4096. Of what is unread they are zero.
type Sentiment struct {
	Label                       string
	Negative, Neutral, Positive float64
}

// Intent is the most probable of Intents with its probability, a multiple of
// 1/4096; of what is unread it is zero.
type Intent struct {
	Label string
	P     float64
}

// Reader reads texts. It is safe for concurrent use.
type Reader struct {
	vocab, lexicon func() *index
}

var shared = &Reader{
	vocab:   sync.OnceValue(func() *index { return newIndex(vocabulary) }),
	lexicon: sync.OnceValue(func() *index { return newIndex(lexiconText) }),
}

// New returns the reader; all callers share one. What it needs is read at the
// first text, or by Load.
func New() *Reader { return shared }

// Load reads what the first text would wait for. It is for functions that
// read texts at once: at a function's start the whole processor is its own.
func (r *Reader) Load() *Reader {
	r.Read("Load what reading needs.")
	return r
}

// Read says what text says. It reads at most MaxRunes runes. A text that is
// not in English is unread: only its language is told. What has no letters, as
// emoji, is read in any language.
func (r *Reader) Read(text string) Reading {
	plain := Plain(text)
	language, read := r.vocab().languageOf(plain)
	out := Reading{Language: language}
	if !read {
		return Reading{Language: language, Sentiment: Sentiment{Label: social.SentimentUnread}, Intent: Intent{Label: social.IntentUnread}}
	}
	v := r.lexicon().score(plain)
	f := r.features(plain, v)
	s := sentimentHead().probabilities(f)
	out.Sentiment.Negative, out.Sentiment.Positive = grid(s[0]), grid(s[2])
	out.Sentiment.Neutral = 1 - out.Sentiment.Negative - out.Sentiment.Positive
	out.Sentiment.Label = Sentiments[argmax([]float64{out.Sentiment.Negative, out.Sentiment.Neutral, out.Sentiment.Positive})]
	p := intentHead().probabilities(f)
	best := argmax(p)
	out.Intent = Intent{Label: Intents[best], P: grid(p[best])}
	return out
}

// Vector returns the vector of text, without its links and handles: Dim
// components, L2-normalised, or zero where the text has no known token.
func (r *Reader) Vector(text string) []float32 {
	v := make([]float32, Dim)
	embed(v, r.Tokens(Plain(text)))
	return v
}

// Tokens returns the ids of text's WordPiece tokens (BERT uncased, without
// [CLS] and [SEP]), of at most MaxRunes runes.
func (r *Reader) Tokens(text string) []int32 {
	text = bound(text)
	return r.vocab().appendTokens(make([]int32, 0, len(text)/4+4), text)
}

// grid rounds a probability down to a multiple of 1/4096, so that the last
// bits, in which processors may differ, are no part of a reading.
func grid(p float64) float64 { return float64(int(p*4096)) / 4096 }

// argmax returns the index of the largest; of equals the first.
func argmax(p []float64) int {
	best := 0
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	return best
}
