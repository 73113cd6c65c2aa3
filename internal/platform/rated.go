package platform

import (
	"math"
	"strconv"
	"strings"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// What questions ask for, in the words of the seven languages that are read.
// Each is a turn by which one asks for a judgement, not a word that questions
// hold anyway ("may we help you", "are you happy for us to call").
var (
	asksSatisfaction   = pattern.New(`(?i)satisf|\bhappy with\b|\bpleased with\b|zufrieden|glücklich|\bcontent[oa]s?\b|(êtes|es)[- ](vous|tu) contente?s?\b|soddisf|tevreden|\bblij met\b`)
	asksRecommendation = pattern.New(`(?i)recommend us|recommend (this|our|it|the)|(would|will|likely|to) (\S+ )?recommend|weiterempf|empfehlen|recomendar|recomiend|recommander|raccomand|consiglier|aanbevel|aanraden`)
	asksEase           = pattern.New(`(?i)\beas(y|e|ily|ier)\b|\beinfach\b|\bleicht\b|\bf[áa]cil|\bfacil(e|it)|gemakkelijk|makkelijk|eenvoudig`)
	asksHelp           = pattern.New(`(?i)\bhelpful\b|\bhelped\b|\bresolved\b|\bsolved\b|hilfreich|geholfen|gelöst|\bútil\b|\butile\b|\bha ayudado|\bayudó\b|\bajudou\b|\bha aiutato|\baidée?s?\b|risolt|résolu|resuelt|resolvid|behulpzaam|geholpen|opgelost`)
	asksEffort         = pattern.New(`(?i)\beffort\b|\baufwand|anstreng|\bmühe\b|esfuerzo|esforço|\bsforzo|\bmoeite\b|difficult|schwierig|\bschwer\b|\bdif[íi]cil|\bdifficile|\bmoeilijk|\blastig`)
	asksDiscontent     = pattern.New(`(?i)dissatisf|unsatisf|unhappy|unzufrieden|insatisf|insoddisf|ontevreden|mécontent|descontent|scontent|unresolved|ungelöst|\bnot\b|\bno longer\b`)
)

// KindOf is what a question on a scale measures, by its words, and whether the
// small numbers are the good ones: of effort, and of discontent.
func KindOf(question string) (kind social.RatingKind, reversed bool) {
	switch {
	case asksDiscontent.MatchString(question):
		return social.Score, asksSatisfaction.MatchString(question)
	case asksEase.MatchString(question):
		return social.CES, false
	case asksEffort.MatchString(question):
		return social.CES, true
	case asksSatisfaction.MatchString(question):
		return social.CSAT, false
	}
	return social.Score, false
}

// Judges reports whether yes in answer to a question is a good mark and no a
// bad one: it asks whether somebody is content, was helped or would recommend.
func Judges(question string) bool {
	return !asksDiscontent.MatchString(question) &&
		(asksSatisfaction.MatchString(question) || asksRecommendation.MatchString(question) || asksHelp.MatchString(question))
}

// maxNumber bounds the numbers of scales: no scale is longer, and up to here none loses a digit.
const maxNumber = 1e9

// Number reads a number of a scale, that may be written as a text.
func Number(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && math.Abs(v) <= maxNumber // which NaN is not
}

// Rated is a mark on a scale, nil where it is no number or not on the scale.
func Rated(value string, worst, best float64, kind social.RatingKind, question string) *social.Rating {
	v, ok := Number(value)
	if !ok || v < min(worst, best) || v > max(worst, best) {
		return nil
	}
	return &social.Rating{Value: v, Worst: worst, Best: best, Kind: kind, Question: question}
}

func thumb(value float64, question string) *social.Rating {
	return &social.Rating{Value: value, Best: 1, Kind: social.Thumb, Question: question}
}

// ThumbUp is a good mark of two.
func ThumbUp(question string) *social.Rating { return thumb(1, question) }

// ThumbDown is a bad mark of two.
func ThumbDown(question string) *social.Rating { return thumb(0, question) }

// UnreadWords is the reading of something said of which no words are known:
// of a type that is not known, or malformed.
var UnreadWords = social.Reading{Sentiment: social.SentimentUnread, Intent: social.IntentUnread}

// Address adds the accounts that a text addresses, each once, and no more than are noted.
func Address(a *social.Activity, ids ...string) {
	for _, id := range ids {
		known := id == "" || id == social.Unknown
		for _, k := range a.Addressed {
			known = known || k == id
		}
		if !known && len(a.Addressed) < social.MaxAddressed {
			a.Addressed = append(a.Addressed, id)
		}
	}
}
