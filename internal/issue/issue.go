// Package issue says what people raise, and how many: themes counted over
// people, one voice each, never over posts. Pure.
package issue

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// maxQuotes is how many messages an issue quotes.
const maxQuotes = 3

// Feedback reports whether i is an activity by someone outside that holds an
// opinion or need: something said, not gone, and not spam.
func Feedback(i store.Item) bool {
	return i.Direction == social.Inbound && i.Type.Utterance() && !i.Deleted && strings.TrimSpace(i.Text) != "" && i.Intent != "spam" && i.Actor.ID != social.Unknown
}

// asks reports whether feedback clearly asks for something to be done: a
// problem, a wish, a question, a threat to leave, or a negative word.
func asks(i store.Item) bool {
	switch i.Intent {
	case "problem", "wish", "question", "churn":
		return true
	}
	return i.Sentiment == "negative"
}

// pleased reports whether feedback is nothing but content.
func pleased(i store.Item) bool {
	return (i.Intent == "praise" || i.Intent == "recommendation" || i.Sentiment == "positive") && !asks(i)
}

// minAsking is the share of a theme's messages, pleased ones left out, that
// must clearly ask for something for the theme to be an issue. The rest may be
// put so plainly that the reader does not see the problem in them ("still no
// parcel"); among others that ask, they count.
const minAsking = 1.0 / 3

// Quote is one message that stands for others.
type Quote struct {
	Key, Text, Author, Platform, URL string
	Occurred                         time.Time
}

// Issue is a theme that people raised.
type Issue struct {
	Theme        string // its lasting id
	Label        string
	Keywords     []string
	People       int // who raised it, each once
	PeopleBefore int // the same for the period before
	Messages     int // by them
	Negative     int // messages by sentiment
	Neutral      int
	Positive     int
	Quotes       []Quote // nearest to the theme first, each of another person
	Evidence     []string
}

// Summary is what a period's feedback comes to under one theme set.
type Summary struct {
	Messages    int // of feedback
	People      int // who gave feedback, each once
	IssuePeople int // who raised any issue, each once
	Unassigned  int // messages that belong to no theme, pleased ones left out
	Issues      []Issue
}

// Top counts a period's issues under a theme set, whose assigner is a, by
// people, most first, and compares each with the period before. A theme is an
// issue if a third of its messages clearly ask for something; then everyone
// counts who wrote in it and was not just pleased.
func Top(items, before []store.Item, set theme.Set, a *theme.Assigner, limit int) Summary {
	var s Summary
	type found struct {
		item store.Item
		near float64
	}
	themes := map[string]theme.Theme{}
	for _, t := range set.Themes {
		themes[t.ID] = t
	}
	byTheme, asking := map[string][]found{}, map[string]int{}
	people, raisers := map[string]bool{}, map[string]bool{}
	for _, i := range items {
		if !Feedback(i) {
			continue
		}
		s.Messages++
		people[i.Person] = true
		if pleased(i) {
			continue
		}
		as := a.Assign(i.Text)
		if !as.OK {
			s.Unassigned++
			continue
		}
		byTheme[as.ThemeID] = append(byTheme[as.ThemeID], found{i, as.Similarity})
		if asks(i) {
			asking[as.ThemeID]++
		}
	}
	for id, fs := range byTheme {
		if float64(asking[id]) < minAsking*float64(len(fs)) {
			delete(byTheme, id)
			continue
		}
		for _, f := range fs {
			raisers[f.item.Person] = true
		}
	}
	s.People, s.IssuePeople = len(people), len(raisers)

	previous := map[string]map[string]bool{}
	for _, i := range before {
		if !Feedback(i) || pleased(i) {
			continue
		}
		if as := a.Assign(i.Text); as.OK {
			if previous[as.ThemeID] == nil {
				previous[as.ThemeID] = map[string]bool{}
			}
			previous[as.ThemeID][i.Person] = true
		}
	}

	for id, fs := range byTheme {
		is := Issue{Theme: id, Label: themes[id].Label, Keywords: themes[id].Keywords, Messages: len(fs), PeopleBefore: len(previous[id])}
		slices.SortFunc(fs, func(x, y found) int {
			return cmp.Or(-cmp.Compare(x.near, y.near), cmp.Compare(x.item.Key, y.item.Key))
		})
		quoted := map[string]bool{}
		for _, f := range fs {
			switch f.item.Sentiment {
			case "negative":
				is.Negative++
			case "positive":
				is.Positive++
			default:
				is.Neutral++
			}
			is.Evidence = append(is.Evidence, f.item.Key)
			if !quoted[f.item.Person] {
				quoted[f.item.Person] = true
				if len(is.Quotes) < maxQuotes {
					is.Quotes = append(is.Quotes, quote(f.item))
				}
			}
		}
		is.People = len(quoted)
		s.Issues = append(s.Issues, is)
	}
	slices.SortFunc(s.Issues, func(x, y Issue) int {
		return cmp.Or(-cmp.Compare(x.People, y.People), -cmp.Compare(x.Messages, y.Messages), cmp.Compare(x.Theme, y.Theme))
	})
	s.Issues = s.Issues[:min(limit, len(s.Issues))]
	return s
}

func quote(i store.Item) Quote {
	author := i.Actor.Handle
	if author == "" {
		author = i.Actor.Name
	}
	return Quote{Key: i.Key, Text: i.Text, Author: author, Platform: string(i.Platform), URL: i.URL, Occurred: i.Occurred}
}
