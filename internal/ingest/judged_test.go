package ingest

import (
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/reading/readtest"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
)

// A rating decides how an activity sounds, and what its words say besides is kept.
func TestARatingDecides(t *testing.T) {
	in := New(Deps{Read: readtest.Read(t)})
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	read := func(a social.Activity) social.Activity {
		a.Type, a.Occurred = social.Review, at
		return in.complete(a, at)
	}
	nps := func(v float64) *social.Rating {
		return &social.Rating{Value: v, Best: 10, Kind: social.NPS, Question: "How likely are you to recommend us?"}
	}
	const glad = "I love it, great work, thank you so much!"
	for name, c := range map[string]struct {
		a                        social.Activity
		sentiment, words, intent string
	}{
		"no words":               {social.Activity{Rating: nps(0)}, social.SentimentNegative, "", ""},
		"no words, and content":  {social.Activity{Rating: nps(10)}, social.SentimentPositive, "", ""},
		"words that say so, too": {social.Activity{Rating: nps(9), Text: glad}, social.SentimentPositive, "", social.IntentPraise},
		"words that say else":    {social.Activity{Rating: nps(2), Text: glad}, social.SentimentNegative, social.SentimentPositive, social.IntentPraise},
		"words and no rating":    {social.Activity{Text: glad}, social.SentimentPositive, "", social.IntentPraise},
		"words unread":           {social.Activity{Rating: nps(1), Reading: platform.UnreadWords}, social.SentimentNegative, social.SentimentUnread, social.IntentUnread},
		"nothing but unread":     {social.Activity{Reading: platform.UnreadWords}, social.SentimentUnread, "", social.IntentUnread},
	} {
		if got := read(c.a); got.Sentiment != c.sentiment || got.Words != c.words || got.Intent != c.intent {
			t.Errorf("%s: reads as %+v", name, got.Reading)
		}
	}
}

// A review ends no talk: a closing in one is praise, a complaint or chatter, by its sentiment.
func TestAReviewClosesNothing(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for sentiment, intent := range map[string]string{social.SentimentPositive: social.IntentPraise, social.SentimentNegative: social.IntentComplaint, social.SentimentNeutral: social.IntentChatter} {
		in := New(Deps{Read: func(string, *refit.Document, ...string) social.Reading {
			return social.Reading{Language: "en", Sentiment: sentiment, Intent: social.IntentClosing}
		}})
		for kind, want := range map[social.Type]string{social.Review: intent, social.Recommend: intent, social.Message: social.IntentClosing, social.Reply: social.IntentClosing} {
			if got := in.complete(social.Activity{Type: kind, Text: "thanks", Occurred: at}, at); got.Intent != want {
				t.Errorf("%s %s: %s, want %s", sentiment, kind, got.Intent, want)
			}
		}
	}
}

func TestExpectedLanguagesHaveAShortTextReadAgain(t *testing.T) {
	in := New(Deps{Read: readtest.Read(t)})
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	read := func(text string, expected ...string) social.Activity {
		facts := []social.Activity{in.complete(social.Activity{Type: social.Review, Text: text, Rating: &social.Rating{Value: 1, Best: 5, Kind: social.Stars}, Occurred: at}, at)}
		in.readFor(facts, store.Terms{Languages: expected})
		return facts[0]
	}
	const text = "zero complaints"
	before := read(text)
	if before.Language == "en" {
		t.Fatalf("%q is told to be English without being expected: use another text", text)
	}
	if got := read(text, "en", "de"); got.Language != "en" || got.Sentiment != social.SentimentNegative || got.Words == "" {
		t.Errorf("reads as %+v, want English, negative by its rating, with what its words say", got.Reading)
	}
	if got := read(text, before.Language); got.Reading != before.Reading {
		t.Errorf("reads as %+v where its language is expected, else as %+v", got.Reading, before.Reading)
	}
}

// Also where the workspace has a reader of its own.
func TestANumberInAChatIsNoMark(t *testing.T) {
	in := New(Deps{Read: readtest.Read(t)})
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for typ, want := range map[social.Type]string{social.Message: social.SentimentNeutral, social.Review: social.SentimentNegative} {
		if got := in.complete(social.Activity{Type: typ, Text: "1", Occurred: at}, at); got.Sentiment != want {
			t.Errorf("1 in a %s is %s, want %s", typ, got.Sentiment, want)
		}
		of := []social.Activity{in.complete(social.Activity{Type: typ, Text: "1", Occurred: at}, at)}
		in.readFor(of, store.Terms{Reader: &store.InUse{Document: refit.Document{}}})
		if of[0].Sentiment != want {
			t.Errorf("1 in a %s is %s by a reader of the workspace's own, want %s", typ, of[0].Sentiment, want)
		}
	}
}
