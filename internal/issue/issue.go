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

// concern reports whether feedback asks for something to be done: a problem,
// a wish, a question, a threat to leave, or a negative word.
func concern(i store.Item) bool {
	switch i.Intent {
	case "problem", "wish", "question", "churn":
		return true
	}
	return i.Sentiment == "negative"
}

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
	Unassigned  int // concerns that belong to no theme
	Issues      []Issue
}

// Top counts a period's issues under a theme set, whose assigner is a, by
// people, most first, and compares each with the period before. Only concerns count for an issue; what is nice about a
// theme is feedback, but nobody's issue.
func Top(items, before []store.Item, set theme.Set, a *theme.Assigner, limit int) Summary {
	var s Summary
	keywords := map[string][]string{}
	for _, t := range set.Themes {
		keywords[t.ID] = t.Keywords
	}
	type found struct {
		item store.Item
		near float64
	}
	byTheme := map[string][]found{}
	labels := map[string]string{}
	people, raisers := map[string]bool{}, map[string]bool{}
	for _, i := range items {
		if !Feedback(i) {
			continue
		}
		s.Messages++
		people[i.Person] = true
		if !concern(i) {
			continue
		}
		as := a.Assign(i.Text)
		if !as.OK {
			s.Unassigned++
			continue
		}
		raisers[i.Person] = true
		labels[as.ThemeID] = as.Label
		byTheme[as.ThemeID] = append(byTheme[as.ThemeID], found{i, as.Similarity})
	}
	s.People, s.IssuePeople = len(people), len(raisers)

	previous := map[string]map[string]bool{}
	for _, i := range before {
		if !Feedback(i) || !concern(i) {
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
		is := Issue{Theme: id, Label: labels[id], Keywords: keywords[id], Messages: len(fs), PeopleBefore: len(previous[id])}
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
