package issue_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/day"
	"rapport/internal/issue"
	"rapport/internal/social"
	"rapport/internal/theme"
)

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

var late = []string{"my parcel is late again", "the parcel is two days late", "where is my parcel, it is late", "parcel late, nobody says why", "late parcel for the third time", "is my parcel late or lost?"}
var crash = []string{"the app crashes when I log in", "app crashes on start", "your app crashes after the update", "crashes, crashes, the app just crashes", "why does the app crash every time", "app crash on my phone"}

// item is a message and its tuple.
type item struct {
	social.Activity
	gone bool
}

func said(person, text, intent, sentiment string, n int) item {
	a := social.Activity{Key: fmt.Sprintf("k%03d", n), Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: person, Handle: "h_" + person},
		Object: social.Object{ID: fmt.Sprint(n)}, Text: text, Occurred: t0.Add(time.Duration(n) * time.Minute), Direction: social.Inbound, Reading: social.Reading{Language: "en", Intent: intent, Sentiment: sentiment}}
	return item{Activity: a}
}

// top counts items, tagged under the set, as if they came in any order.
func top(t *testing.T, items, before []item, set theme.Set, a *theme.Assigner, limit int) issue.Summary {
	t.Helper()
	count := func(in []item) issue.Summary {
		c := issue.NewCounter(set)
		tuple := func(i item) day.Tuple {
			x, err := day.Of(i.Activity, 0, time.Time{}, i.gone)
			if err != nil {
				t.Fatal(err)
			}
			if as := a.Assign(i.Text); as.OK && issue.Assigned(x) {
				x.Theme, x.Near = as.ThemeID, int16(as.Similarity*4096)
			}
			return x
		}
		for _, i := range in {
			c.Add(tuple(i))
		}
		for _, i := range before {
			c.AddBefore(tuple(i))
		}
		return c.Summary(limit)
	}
	want := count(items)
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(1, seed))
		mixed := slices.Clone(items)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if d := cmp.Diff(want, count(mixed)); d != "" {
			t.Errorf("in another order (-want +got):\n%s", d)
		}
	}
	return want
}

// assigner knows two themes, of late parcels and of a crashing app.
func assigner(t *testing.T) (theme.Set, *theme.Assigner, func(text string) string) {
	t.Helper()
	var docs []theme.Doc
	for i, text := range append(append([]string{}, late...), crash...) {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("d", i), Person: fmt.Sprint("p", i), Text: text})
	}
	set, err := theme.Discover(docs, theme.Options{K: 2, Seed: 1})
	if err != nil || len(set.Themes) != 2 {
		t.Fatalf("%d themes, %v", len(set.Themes), err)
	}
	a := theme.NewAssigner(set)
	return set, a, func(text string) string { return a.Assign(text).ThemeID }
}

func TestIssuesCountPeople(t *testing.T) {
	set, a, of := assigner(t)
	items := []item{
		said("ann", late[0], "problem", "negative", 1), said("ann", late[1], "problem", "negative", 2), // one voice
		said("bob", late[2], "question", "neutral", 3),
		said("cyd", late[3], "other", "neutral", 4),            // not clearly asking, but among others that do
		said("dan", late[4], "praise", "positive", 5),          // pleased: feedback, but no voice for the issue
		said("eve", crash[0], "problem", "negative", 6),        //
		said("fay", "buy followers now", "spam", "neutral", 7), // no feedback
		said("gus", "", "other", "neutral", 8),                 // says nothing
	}
	gone := said("hal", late[5], "problem", "negative", 9)
	gone.gone, gone.Text = true, ""
	us := said("us", late[5], "problem", "negative", 10)
	us.Direction = social.Outbound
	like := said("ivy", "", "", "", 11)
	like.Type = social.React
	nobody := said(social.Unknown, late[5], "problem", "negative", 12)
	items = append(items, gone, us, like, nobody)

	s := top(t, items, []item{said("zoe", late[0], "problem", "negative", 0)}, set, a, 10)
	if s.Messages != 6 || s.People != 5 || s.IssuePeople != 4 {
		t.Errorf("%d messages of %d people, %d raise issues; want 6, 5, 4", s.Messages, s.People, s.IssuePeople)
	}
	if len(s.Issues) != 2 || s.Issues[0].Theme != of(late[0]) {
		t.Fatalf("issues %+v", s.Issues)
	}
	first := s.Issues[0]
	if first.People != 3 || first.Messages != 4 || first.PeopleBefore != 1 || first.Negative != 2 || first.Neutral != 2 || first.Positive != 0 {
		t.Errorf("late parcels: %+v; want 3 people, 4 messages, 1 person before", first)
	}
	seen := map[day.ID]bool{}
	for i, x := range first.Near {
		if seen[x.Account] || i > 0 && x.Near > first.Near[i-1].Near {
			t.Errorf("nearest: %+v; want each of another person, the nearest first", first.Near)
		}
		seen[x.Account] = true
	}
	if len(first.Near) != 3 {
		t.Errorf("%d nearest, want one of each person", len(first.Near))
	}
	first.Quote([]*issue.Quote{nil, {Text: "a"}, {}, {Text: "b"}, {Text: "c"}, {Text: "d"}})
	if d := cmp.Diff([]issue.Quote{{Text: "a"}, {Text: "b"}, {Text: "c"}}, first.Quotes); d != "" {
		t.Errorf("the first three that are still there (-want +got):\n%s", d)
	}
	if s := top(t, items, nil, set, a, 1); len(s.Issues) != 1 {
		t.Errorf("a limit of 1 gives %d", len(s.Issues))
	}
}

func TestChatIsNoIssue(t *testing.T) {
	set, a, _ := assigner(t)
	var items []item
	for i, text := range late {
		items = append(items, said(fmt.Sprint("p", i), text, "other", "neutral", i))
	}
	if s := top(t, items, nil, set, a, 10); len(s.Issues) != 0 || s.IssuePeople != 0 || s.Messages != len(late) {
		t.Errorf("nobody asks for anything: %+v", s)
	}
	items[0].Intent, items[1].Intent = "problem", "wish"
	if s := top(t, items, nil, set, a, 10); len(s.Issues) != 1 || s.Issues[0].People != len(late) {
		t.Errorf("a third asks: %+v", s.Issues)
	}
}

func TestWhatCannotBeReadIsCountedApart(t *testing.T) {
	set, a, _ := assigner(t)
	in := func(language string, i item) item {
		i.Language, i.Sentiment, i.Intent = language, social.SentimentUnread, social.IntentUnread
		return i
	}
	read := []item{said("a", late[0], social.IntentProblem, social.SentimentNegative, 1), said("b", late[1], social.IntentProblem, social.SentimentNegative, 2)}
	unread := []item{in("nl", said("c", "mijn parcel is late", "", "", 3)), in("de", said("d", "Das parcel ist late", "", "", 4)), in("de", said("d", "parcel late, wieso", "", "", 5))}
	gone := in("de", said("e", "parcel", "", "", 6))
	gone.gone = true
	got := top(t, append(slices.Concat(read, unread), gone), unread, set, a, 10)
	want := top(t, read, nil, set, a, 10)
	want.Unread = []issue.Unread{{Language: "de", Messages: 2}, {Language: "nl", Messages: 1}}
	if d := cmp.Diff(want, got); d != "" || want.Messages != 2 {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Who is content, about to buy, chatting or closing raises no issue; who is not
// surely content does.
func TestIssuesHoldThoseWhoAsk(t *testing.T) {
	for _, tt := range []struct {
		intent, sentiment string
		negative          float64
		feedback, counts  bool
	}{
		{social.IntentProblem, social.SentimentPositive, 0, true, true}, // a polite request
		{social.IntentComplaint, social.SentimentNeutral, 0, true, true},
		{social.IntentWish, social.SentimentPositive, 0, true, true},
		{social.IntentQuestion, social.SentimentPositive, 0, true, true},
		{social.IntentChurn, social.SentimentNeutral, 0, true, true},
		{"", social.SentimentNeutral, 0, true, true},
		{"", social.SentimentPositive, 0.1, true, false},
		{social.IntentPraise, social.SentimentPositive, 0.24, true, false},
		{social.IntentPraise, social.SentimentPositive, 0.25, true, true}, // it may be sarcasm
		{social.IntentPraise, social.SentimentNegative, 0.9, true, true},
		{social.IntentRecommendation, social.SentimentPositive, 0, true, false},
		{social.IntentRecommendation, social.SentimentNegative, 0.8, true, true}, // "I would not recommend it"
		{social.IntentPurchase, social.SentimentNeutral, 0, true, false},
		{social.IntentPurchase, social.SentimentNegative, 0.9, true, false},
		{social.IntentChatter, social.SentimentNegative, 0.9, false, false},
		{social.IntentClosing, social.SentimentPositive, 0, false, false},
		{social.IntentSpam, social.SentimentNegative, 0.9, false, false},
		{social.IntentUnread, social.SentimentUnread, 0, false, false},
	} {
		i := said("ann", "x", tt.intent, tt.sentiment, 1)
		i.Negative = tt.negative
		x, err := day.Of(i.Activity, 0, time.Time{}, false)
		if err != nil {
			t.Fatal(err)
		}
		if issue.Feedback(x) != tt.feedback || issue.Assigned(x) != tt.counts {
			t.Errorf("%s, %s, negative by %v: feedback %t, counts %t; want %t, %t", tt.intent, tt.sentiment, tt.negative, issue.Feedback(x), issue.Assigned(x), tt.feedback, tt.counts)
		}
		i.Automatic = true
		if x, err = day.Of(i.Activity, 0, time.Time{}, false); err != nil || issue.Feedback(x) || issue.Assigned(x) {
			t.Errorf("%s: a machine gives feedback, %v", tt.intent, err)
		}
	}
}

func TestAnIssueThatEndedIsTold(t *testing.T) {
	set, a, of := assigner(t)
	var before []item
	for i, text := range late {
		before = append(before, said(fmt.Sprint("p", i), text, social.IntentProblem, social.SentimentNegative, i))
	}
	chat := said("ann", crash[0], "", social.SentimentNeutral, 20) // was no issue, and is none
	s := top(t, []item{said("bob", crash[1], "", social.SentimentNeutral, 30)}, append(before, chat), set, a, 10)
	if len(s.Issues) != 0 || len(s.Ended) != 1 || s.Ended[0].Theme != of(late[0]) || s.Ended[0].People != 0 || s.Ended[0].PeopleBefore != len(late) {
		t.Errorf("issues %+v, ended %+v; want late parcels ended", s.Issues, s.Ended)
	}
}

func TestWhoseAnIssueIs(t *testing.T) {
	set, a, _ := assigner(t)
	for _, tt := range []struct {
		intents []string
		want    string
	}{
		{[]string{social.IntentProblem, social.IntentWish, social.IntentQuestion}, issue.Product},
		{[]string{social.IntentComplaint, social.IntentChurn, social.IntentProblem}, issue.Service},
		{[]string{social.IntentQuestion, social.IntentProblem}, issue.Service},
		{[]string{""}, ""},
		{[]string{social.IntentComplaint}, issue.Service},
	} {
		var items []item
		for i, intent := range tt.intents {
			sentiment := social.SentimentNeutral
			if intent == "" {
				sentiment = social.SentimentNegative
			}
			items = append(items, said(fmt.Sprint("p", i), late[i], intent, sentiment, i))
		}
		if s := top(t, items, nil, set, a, 10); len(s.Issues) != 1 || s.Issues[0].Department != tt.want {
			t.Errorf("%v: %+v, want one of %q", tt.intents, s.Issues, tt.want)
		}
	}
}
