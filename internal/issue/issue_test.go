package issue_test

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/issue"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
)

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

var late = []string{"my parcel is late again", "the parcel is two days late", "where is my parcel, it is late", "parcel late, nobody says why", "late parcel for the third time", "is my parcel late or lost?"}
var crash = []string{"the app crashes when I log in", "app crashes on start", "your app crashes after the update", "crashes, crashes, the app just crashes", "why does the app crash every time", "app crash on my phone"}

func item(person, text, intent, sentiment string, n int) store.Item {
	a := social.Activity{Key: fmt.Sprintf("k%03d", n), Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: person, Handle: "h_" + person},
		Object: social.Object{ID: fmt.Sprint(n)}, Text: text, Occurred: t0.Add(time.Duration(n) * time.Minute), Direction: social.Inbound, Language: "en", Intent: intent, Sentiment: sentiment}
	return store.Item{Activity: a, Person: "per_" + person}
}

// assigner knows two themes, of late parcels and of a crashing app.
func assigner(t *testing.T) (theme.Set, *theme.Assigner, func(text string) string) {
	t.Helper()
	r := reading.New()
	var docs []theme.Doc
	for i, text := range append(append([]string{}, late...), crash...) {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("d", i), Person: fmt.Sprint("p", i), Text: text})
	}
	set, err := theme.Discover(r, docs, theme.Options{K: 2, Seed: 1})
	if err != nil || len(set.Themes) != 2 {
		t.Fatalf("%d themes, %v", len(set.Themes), err)
	}
	a := theme.NewAssigner(r, set)
	return set, a, func(text string) string { return a.Assign(text).ThemeID }
}

func TestIssuesCountPeople(t *testing.T) {
	set, a, of := assigner(t)
	items := []store.Item{
		item("ann", late[0], "problem", "negative", 1), item("ann", late[1], "problem", "negative", 2), // one voice
		item("bob", late[2], "question", "neutral", 3),
		item("cyd", late[3], "other", "neutral", 4),            // not clearly asking, but among others that do
		item("dan", late[4], "praise", "positive", 5),          // pleased: feedback, but no voice for the issue
		item("eve", crash[0], "problem", "negative", 6),        //
		item("fay", "buy followers now", "spam", "neutral", 7), // no feedback
		item("gus", "", "other", "neutral", 8),                 // says nothing
	}
	gone := item("hal", late[5], "problem", "negative", 9)
	gone.Deleted, gone.Text = true, ""
	us := item("us", late[5], "problem", "negative", 10)
	us.Direction = social.Outbound
	like := item("ivy", "", "", "", 11)
	like.Type = social.React
	nobody := item(social.Unknown, late[5], "problem", "negative", 12)
	items = append(items, gone, us, like, nobody)

	s := issue.Top(items, []store.Item{item("zoe", late[0], "problem", "negative", 0)}, set, a, 10)
	if s.Messages != 6 || s.People != 5 || s.IssuePeople != 4 {
		t.Errorf("%d messages of %d people, %d raise issues; want 6, 5, 4", s.Messages, s.People, s.IssuePeople)
	}
	if len(s.Issues) != 2 || s.Issues[0].Theme != of(late[0]) {
		t.Fatalf("issues %+v", s.Issues)
	}
	top := s.Issues[0]
	if top.People != 3 || top.Messages != 4 || top.PeopleBefore != 1 || top.Negative != 2 || top.Neutral != 2 || top.Positive != 0 || len(top.Evidence) != 4 {
		t.Errorf("late parcels: %+v; want 3 people, 4 messages, 1 person before", top)
	}
	seen := map[string]bool{}
	for _, q := range top.Quotes {
		if seen[q.Author] || q.Key == "" || q.Text == "" {
			t.Errorf("quotes %+v; want each of another person, with its evidence", top.Quotes)
		}
		seen[q.Author] = true
	}
	if s := issue.Top(items, nil, set, a, 1); len(s.Issues) != 1 {
		t.Errorf("a limit of 1 gives %d", len(s.Issues))
	}
}

func TestChatIsNoIssue(t *testing.T) {
	set, a, _ := assigner(t)
	var items []store.Item
	for i, text := range late {
		items = append(items, item(fmt.Sprint("p", i), text, "other", "neutral", i))
	}
	if s := issue.Top(items, nil, set, a, 10); len(s.Issues) != 0 || s.IssuePeople != 0 || s.Messages != len(late) {
		t.Errorf("nobody asks for anything: %+v", s)
	}
	items[0].Intent, items[1].Intent = "problem", "wish"
	if s := issue.Top(items, nil, set, a, 10); len(s.Issues) != 1 || s.Issues[0].People != len(late) {
		t.Errorf("a third asks: %+v", s.Issues)
	}
}
