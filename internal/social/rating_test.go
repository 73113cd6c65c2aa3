package social_test

import (
	"math"
	"testing"
	"time"

	"rapport/internal/social"
)

func TestRatingsDecideSentiment(t *testing.T) {
	stars := func(v float64) social.Rating { return social.Rating{Value: v, Worst: 1, Best: 5, Kind: social.Stars} }
	nps := func(v float64) social.Rating { return social.Rating{Value: v, Best: 10, Kind: social.NPS} }
	school := func(v float64) social.Rating { return social.Rating{Value: v, Worst: 6, Best: 1, Kind: social.Score} }
	effort := func(v float64) social.Rating { return social.Rating{Value: v, Worst: 1, Best: 7, Kind: social.CES} }
	thumb := func(v float64) social.Rating { return social.Rating{Value: v, Best: 1, Kind: social.Thumb} }
	csat := func(v, best float64) social.Rating { return social.Rating{Value: v, Best: best, Kind: social.CSAT} }
	for want, list := range map[string][]social.Rating{
		"negative": {stars(1), stars(2), nps(0), nps(3), nps(6), school(6), school(5), effort(1), effort(3), thumb(0), csat(0, 1), csat(39, 100)},
		"neutral":  {stars(3), nps(7), nps(8), school(4), school(3), effort(4), csat(40, 100), csat(60, 100), csat(5, 10)},
		"positive": {stars(4), stars(5), nps(9), nps(10), school(2), school(1), effort(5), effort(7), thumb(1), csat(1, 1), csat(61, 100)},
	} {
		for _, r := range list {
			if got := r.Sentiment(); got != want {
				t.Errorf("%+v is %s, want %s", r, got, want)
			}
		}
	}
}

func TestWhatTheWordsSayBesideTheRatingIsKept(t *testing.T) {
	a := social.Activity{Type: social.Review, Text: "Could be better.", Rating: &social.Rating{Value: 1, Worst: 1, Best: 5, Kind: social.Stars},
		Reading: social.Reading{Sentiment: social.SentimentPositive, Intent: social.IntentPraise}}
	got := a.Judged()
	if got.Sentiment != social.SentimentNegative || got.Words != social.SentimentPositive || got.Intent != social.IntentPraise {
		t.Errorf("got %+v", got.Reading)
	}
	if again := got.Judged(); again.Reading != got.Reading {
		t.Errorf("judged again it is %+v, want %+v", again.Reading, got.Reading)
	}
	a.Text, a.Reading = "", social.Reading{}
	if got := a.Judged(); got.Sentiment != social.SentimentNegative || got.Words != "" || got.Intent != "" {
		t.Errorf("without words: %+v", got.Reading)
	}
	a.Rating = nil
	if got := a.Judged(); got.Reading != a.Reading {
		t.Errorf("without a rating: %+v", got.Reading)
	}
	for reaction, want := range map[string]string{"angry": "negative", "👎🏽": "negative", "love": "positive", "wow": "", "": ""} {
		if got := (social.Activity{Type: social.React, Reaction: reaction}).Judged().Sentiment; got != want {
			t.Errorf("the reaction %q is %q, want %q", reaction, got, want)
		}
		if got := (social.Activity{Type: social.Unreact, Reaction: reaction}).Judged().Sentiment; got != "" {
			t.Errorf("the reaction %q taken back is %q", reaction, got)
		}
	}
}

func TestAnEditKeepsTheRatingUnlessItGivesAnother(t *testing.T) {
	a := social.Activity{Type: social.Review, Text: "Bad.", Addressed: []string{"1"}, Rating: &social.Rating{Value: 1, Worst: 1, Best: 5, Kind: social.Stars}}
	e := social.Activity{Type: social.Edit, Text: "Good by now.", Reading: social.Reading{Language: "en", Sentiment: social.SentimentPositive}}
	got := a.Saying(e)
	if got.Text != e.Text || got.Language != "en" || got.Sentiment != social.SentimentNegative || got.Words != social.SentimentPositive || got.Addressed != nil {
		t.Errorf("got %+v", got)
	}
	e.Rating = &social.Rating{Value: 5, Worst: 1, Best: 5, Kind: social.Stars}
	if got := a.Saying(e); got.Rating.Value != 5 || got.Sentiment != social.SentimentPositive || got.Words != "" {
		t.Errorf("with another rating got %+v", got)
	}
	if got := a.Silenced(); got.Text != "" || got.Rating != nil || got.Addressed != nil || got.Reading != (social.Reading{}) {
		t.Errorf("silenced it is %+v", got)
	}
}

func TestRatingsThatAreNone(t *testing.T) {
	valid := social.Activity{Key: "k", Platform: "p", Type: social.Review, Actor: social.Actor{ID: "1"}, Object: social.Object{ID: "1"}, Direction: social.Inbound,
		Occurred: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Rating: &social.Rating{Value: 6, Worst: 6, Best: 1, Kind: social.Score}}
	if err := valid.Validate(); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]social.Rating{
		"over the scale":  {Value: 6, Worst: 1, Best: 5, Kind: social.Stars},
		"under the scale": {Value: 0, Worst: 5, Best: 1, Kind: social.Stars},
		"no scale":        {Value: 1, Worst: 1, Best: 1, Kind: social.Stars},
		"no number":       {Value: math.NaN(), Best: 1, Kind: social.Stars},
		"an endless end":  {Value: 1, Best: math.Inf(1), Kind: social.Stars},
		"no kind":         {Value: 1, Best: 5},
		"another kind":    {Value: 1, Best: 5, Kind: "hearts"},
	} {
		a := valid
		a.Rating = &r
		if a.Validate() == nil {
			t.Errorf("%s passes: %+v", name, r)
		}
	}
}

func TestValenceOfReactions(t *testing.T) {
	for want, list := range map[int][]string{
		+1: {"like", "LIKE", "love", "care", "APPRECIATION", "+1", ":+1:", "+1::skin-tone-3", "heart", "❤", "❤️", "👍", "👍🏿", "👍️", "up", "star"},
		0:  {"", "haha", "wow", "eyes", "👀", "😂", "blobby", "5361908541012345678", "shruggie"},
		-1: {"angry", "ANGRY", "sad", "-1", ":thumbsdown:", "👎", "👎🏻", "☹️", "💔", "down", "😡", "🖕🏼"},
	} {
		for _, r := range list {
			if got := social.Valence(r); got != want {
				t.Errorf("the valence of %q is %d, want %d", r, got, want)
			}
		}
	}
}
