package scoring_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

var asOf = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// fact is an own activity some days before asOf, of object o1, o2 … by its key.
func fact(key string, t social.Type, daysAgo float64, more ...func(*social.Activity)) social.Activity {
	a := social.Activity{
		Key: key, Platform: "meta", Scope: "page", Type: t, Actor: social.Actor{ID: "u1"}, Object: social.Object{ID: "o-" + key},
		Occurred: asOf.Add(-time.Duration(daysAgo * float64(24*time.Hour))).Truncate(time.Millisecond), Direction: social.Inbound,
	}
	for _, f := range more {
		f(&a)
	}
	return a
}

func object(id string) func(*social.Activity)  { return func(a *social.Activity) { a.Object.ID = id } }
func text(s string) func(*social.Activity)     { return func(a *social.Activity) { a.Text = s } }
func intent(s string) func(*social.Activity)   { return func(a *social.Activity) { a.Intent = s } }
func replyTo(id string) func(*social.Activity) { return func(a *social.Activity) { a.InReplyTo = id } }
func inThread(id string) func(*social.Activity) {
	return func(a *social.Activity) { a.Conversation = id }
}
func byBusiness(a *social.Activity) { a.Direction, a.Actor.ID = social.Outbound, "page" }

func model(t testing.TB, rules ...string) scoring.Model {
	t.Helper()
	m, err := scoring.ParseModel([]byte(`{"id": "m", "version": 3, "horizon_days": 365, "engagement": ["5", "10", "20"],
		"groups": [{"id": "g", "cap": "10"}], "rules": [` + strings.Join(rules, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func evaluate(t testing.TB, m scoring.Model, facts []social.Activity) scoring.Score {
	t.Helper()
	s, err := scoring.Evaluate(m, facts, asOf)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	posts     = `{"id": "posts", "kind": "activity", "label": {"one": "post", "many": "posts"}, "when": {"types": ["post"]}, "points": "5"}`
	questions = `{"id": "questions", "kind": "activity", "label": {"one": "question", "many": "questions"},
		"when": {"types": ["post"], "expr": "intent == 'question'"}, "within_days": 14, "points": "5", "decay": {"half_life_days": 7}, "cap": "10"}`
	likes = `{"id": "likes", "kind": "activity", "label": {"one": "like", "many": "likes"}, "when": {"types": ["react"]}, "within_days": 30,
		"points": 2, "cap_per": {"points": "5", "days": 7}}`
	visits = `{"id": "visits", "kind": "activity", "label": {"one": "visit", "many": "visits"}, "when": {"types": ["visit"]},
		"points": "1", "decay": {"expires_days": 10}}`
	spam = `{"id": "spam", "kind": "activity", "label": {"one": "spam post", "many": "spam posts"},
		"when": {"expr": "intent == 'spam' or lower(text) contains 'casino'"}, "points": "-20", "cap": "30"}`
	dialogue = `{"id": "dialogue", "kind": "dialogue", "within_days": 90, "half_at": 6, "points": "24"}`
	pattern  = `{"id": "pattern", "kind": "pattern", "within_days": 30, "at_least": 2, "points": "15", "behaviours": [
		{"label": "asked", "when": {"expr": "intent == 'question'"}}, {"label": "followed", "when": {"types": ["follow"]}}, {"label": "visited", "when": {"types": ["visit"]}}]}`
	rate = `{"id": "rate", "kind": "rate", "label": {"one": "activity", "many": "activities"}, "when": {"types": ["visit"]},
		"recent_days": 7, "baseline_days": 90, "at_least": 3, "p_below": "0.01", "points": "8"}`
)

func many(n int, t social.Type, daysAgo, step float64, more ...func(*social.Activity)) []social.Activity {
	var out []social.Activity
	for i := range n {
		out = append(out, fact(fmt.Sprintf("%s%02d", t, i), t, daysAgo+step*float64(i), more...))
	}
	return out
}

func reaction(s string) func(*social.Activity) {
	return func(a *social.Activity) { a.Reaction = s; *a = a.Judged() }
}
func automatic(a *social.Activity) { a.Automatic = true }

// What no human did, and what says whether a thread needs an answer, counts nowhere.
func TestMachinesAndClosingsCountForNothing(t *testing.T) {
	anything := `{"id": "anything", "kind": "activity", "label": {"one": "thing", "many": "things"}, "when": {"expr": "true"}, "points": "5"}`
	for name, facts := range map[string][]social.Activity{
		"a bot":              many(3, social.Message, 1, 1, automatic, intent("question")),
		"a bot that reacts":  many(3, social.React, 1, 1, automatic),
		"a closed thread":    many(2, social.Close, 1, 1),
		"a reopened thread":  many(2, social.Reopen, 1, 1),
		"an accepted answer": many(2, social.Accept, 1, 1),
	} {
		for _, m := range []scoring.Model{model(t, anything), scoring.DefaultModel()} {
			if s := evaluate(t, m, facts); s.Micro != 0 || len(s.Contributions) > 0 && m.ID == "m" {
				t.Errorf("%s gives %d by %s: %+v", name, s.Micro, m.ID, s.Contributions)
			}
		}
	}
	// A bot of others ends no round of a dialogue; the business's own does.
	talk := func(second ...func(*social.Activity)) []social.Activity {
		return []social.Activity{fact("q", social.Message, 3), fact("b", social.Reply, 2, byBusiness, automatic, replyTo("o-q")), fact("r", social.Reply, 1, append(second, replyTo("o-b"))...)}
	}
	if s := evaluate(t, model(t, dialogue), talk()); s.Micro == 0 {
		t.Error("the answer of the business's bot counts for no round")
	}
	if s := evaluate(t, model(t, dialogue), talk(automatic)); s.Micro != 0 {
		t.Errorf("a bot's next message makes a round: %+v", s.Contributions)
	}
	if _, err := scoring.ParseModel([]byte(`{"id": "m", "version": 1, "horizon_days": 9, "engagement": [1, 2, 3], "rules": [{"id": "c", "kind": "activity", "label": {"one": "a", "many": "b"}, "when": {"types": ["close"]}, "points": "1"}]}`)); err == nil || !strings.Contains(err.Error(), "is not counted") {
		t.Errorf("a rule that counts closings: %v", err)
	}
}

func TestRulesSeeReactions(t *testing.T) {
	for expr, want := range map[string]string{
		"valence < 0": "angry 👎", "valence > 0": "love 👍🏽", "valence == 0": "wow none", "reaction == 'love'": "love", "reaction in ['wow', 'angry']": "angry wow",
		"sentiment == 'negative'": "angry 👎", "reaction == ''": "none",
	} {
		m := model(t, `{"id": "r", "kind": "activity", "label": {"one": "a", "many": "b"}, "when": {"types": ["react"], "expr": "`+expr+`"}, "points": "1"}`)
		var got []string
		for _, r := range []string{"angry", "love", "none", "wow", "👍🏽", "👎"} {
			name := r
			if r == "none" {
				name = ""
			}
			facts := []social.Activity{fact("k", social.React, 1, reaction(name))}
			s := evaluate(t, m, facts)
			packed, err := scoring.EvaluateRecords(m, unpack(t, scoring.Pack(records(facts))), asOf)
			if err != nil || packed.Micro != s.Micro {
				t.Errorf("%s of %q gives %d, packed %d, %v", expr, name, s.Micro, packed.Micro, err)
			}
			if s.Micro > 0 {
				got = append(got, r)
			}
		}
		want := strings.Fields(want)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds for %q, want %q", expr, got, want)
		}
	}
}

// By the default model, to be against the business is no engagement.
func TestTheDefaultModelRewardsNoAnger(t *testing.T) {
	m := scoring.DefaultModel()
	rated := func(v float64) func(*social.Activity) {
		return func(a *social.Activity) {
			a.Rating = &social.Rating{Value: v, Best: 1, Kind: social.Thumb}
			*a = a.Judged()
		}
	}
	for name, c := range map[string]struct {
		facts []social.Activity
		gives bool
	}{
		"love":            {many(1, social.React, 1, 1, reaction("love")), true},
		"an unknown one":  {many(1, social.React, 1, 1, reaction("blobby")), true},
		"angry":           {many(1, social.React, 1, 1, reaction("angry")), false},
		"many thumbs":     {many(9, social.React, 0, 0.1, reaction("👎")), false},
		"recommended":     {many(1, social.Recommend, 1, 1, rated(1)), true},
		"not recommended": {many(1, social.Recommend, 1, 1, rated(0)), false},
	} {
		if s := evaluate(t, m, c.facts); (s.Micro > 0) != c.gives {
			t.Errorf("%s gives %d: %+v", name, s.Micro, s.Contributions)
		}
	}
}

func TestReasons(t *testing.T) {
	question := intent("question")
	ask := func(depth int) []social.Activity { // a conversation of so many rounds
		out := []social.Activity{fact("q0", social.Message, 20)}
		for i := range depth {
			out = append(out,
				fact(fmt.Sprintf("b%d", i), social.Reply, 19.9-float64(i), byBusiness, replyTo(fmt.Sprintf("o-q%d", i))),
				fact(fmt.Sprintf("q%d", i+1), social.Reply, 19.5-float64(i), replyTo(fmt.Sprintf("o-b%d", i))))
		}
		return out
	}
	tests := []struct {
		name  string
		rule  string
		facts []social.Activity
		micro int64
		want  string // "" for no contribution
	}{
		{"one activity, no decay", posts, many(1, social.Post, 3, 1), 5e6, "1 post in the last 365 days, 5 points"},
		{"an activity at asOf counts", posts, many(1, social.Post, 0, 1), 5e6, "1 post in the last 365 days, 5 points"},
		{"an activity as old as the window does not count", posts, many(1, social.Post, 365, 1), 0, ""},
		{"half-life and cap", questions, []social.Activity{fact("a", social.Post, 0, question), fact("b", social.Post, 0, question), fact("c", social.Post, 7, question)}, 10e6,
			"3 questions in the last 14 days, 12.5 points after decay (half-life 7 days), capped at 10"},
		{"between half-lives", questions, []social.Activity{fact("a", social.Post, 3.5, question)}, 3535533, // 5/√2 = 3.53553390…
			"1 question in the last 14 days, 3.535533 points after decay (half-life 7 days)"},
		{"a rate of giving", likes, append(many(4, social.React, 0.1, 1), fact("old", social.React, 12)), 7e6,
			"5 likes in the last 30 days, at most 5 per 7 days, 7 points"},
		{"linear decay ends counting", visits, []social.Activity{fact("a", social.Visit, 2.5), fact("b", social.Visit, 9), fact("c", social.Visit, 10)}, 850000,
			"2 visits in the last 10 days, 0.85 points after decay (to nothing over 10 days)"},
		{"negative points are capped by size", spam, []social.Activity{fact("a", social.Post, 1, intent("spam")), fact("b", social.Post, 2, text("Best CASINO"))}, -30e6,
			"2 spam posts in the last 365 days, -40 points, capped at -30"},
		{"one point", visits, []social.Activity{fact("a", social.Visit, 0)}, 1e6, "1 visit in the last 10 days, 1 point after decay (to nothing over 10 days)"},
		{"more activities than evidence", posts, many(25, social.Post, 1, 1), 125e6, "25 posts in the last 365 days (evidence: the latest 20 of 25), 125 points"},

		{"an answer alone is no round", dialogue, ask(1)[:2], 0, ""},
		{"one round", dialogue, ask(1), 3428571, // 24·1/7
			"1 round of dialogue in 1 conversation in the last 90 days, at most 1 round deep, weight 1, 3.428571 points"},
		{"three rounds of one conversation weigh 1+2+3", dialogue, ask(3), 12e6,
			"3 rounds of dialogue in 1 conversation in the last 90 days, at most 3 rounds deep, weight 6, 12 points"},
		{"talking on unanswered is no dialogue", dialogue, []social.Activity{
			fact("a", social.Post, 5, inThread("t")), fact("b", social.Post, 4, inThread("t")), fact("c", social.Post, 3, inThread("t"))}, 0, ""},
		{"rounds within a thread that names no replies", dialogue, []social.Activity{
			fact("a", social.Post, 5, inThread("t")), fact("b", social.Reply, 4, byBusiness, inThread("t"), replyTo("o-a")), fact("c", social.Post, 3, inThread("t"))}, 3428571,
			"1 round of dialogue in 1 conversation in the last 90 days, at most 1 round deep, weight 1, 3.428571 points"},
		{"rounds in a private chat, where nothing names what it replies to", dialogue, []social.Activity{
			fact("a", social.Message, 5, inThread("t")), fact("b", social.Message, 4, byBusiness, inThread("t")), fact("c", social.Message, 3, inThread("t")),
			fact("d", social.Message, 2, byBusiness, inThread("t"), replyTo("o-b")), fact("e", social.Message, 1, inThread("t"))}, 8e6,
			"2 rounds of dialogue in 1 conversation in the last 90 days, at most 2 rounds deep, weight 3, 8 points"},
		{"a business that writes in another chat", dialogue, []social.Activity{
			fact("a", social.Message, 5, inThread("t")), fact("b", social.Message, 4, byBusiness, inThread("u")), fact("c", social.Message, 3, inThread("t"))}, 0, ""},
		{"a business that answers whoever opened the thread", dialogue, []social.Activity{
			fact("a", social.Post, 5, inThread("o-x")), fact("b", social.Reply, 4, byBusiness, inThread("o-x"), replyTo("o-x")), fact("c", social.Post, 3, inThread("o-x"))}, 0, ""},
		{"a business that answers somebody else", dialogue, []social.Activity{
			fact("a", social.Post, 5, inThread("t")), fact("b", social.Reply, 4, byBusiness, inThread("t"), replyTo("o-x")), fact("c", social.Post, 3, inThread("t"))}, 0, ""},

		{"two of three behaviours", pattern, []social.Activity{fact("a", social.Follow, 29), fact("b", social.Visit, 1), fact("c", social.Visit, 2)}, 15e6,
			"2 of 3 behaviours in the last 30 days (at least 2 needed): followed, visited, 15 points"},
		{"one behaviour twice is not two", pattern, []social.Activity{fact("b", social.Visit, 1), fact("c", social.Visit, 2)}, 0, ""},
		{"a behaviour out of the window", pattern, []social.Activity{fact("a", social.Follow, 30), fact("b", social.Visit, 1)}, 0, ""},

		{"suddenly active", rate, append(many(4, social.Visit, 1, 1), fact("x", social.Visit, 50), fact("old", social.Post, 200)), 8e6,
			// 5·(7/97)⁴·(90/97) + (7/97)⁵ = 0.000127783…
			"4 activities in the last 7 days against 1 in the 90 days before, p = 0.00013 (below 0.01): more than usual, 8 points"},
		{"as active as before", rate, append(many(33, social.Visit, 1, 2.5), fact("old", social.Post, 200)), 0,
			"3 activities in the last 7 days against 30 in the 90 days before, p = 0.43 (not below 0.01): no more than usual, 0 points"},
		{"known for just long enough", rate, append(many(4, social.Visit, 1, 1), fact("first", social.Post, 97)), 8e6,
			"4 activities in the last 7 days against 0 in the 90 days before, p < 0.0001 (below 0.01): more than usual, 8 points"},
		{"known for a millisecond less", rate, append(many(4, social.Visit, 1, 1), fact("first", social.Post, 97-1e-3/86400)), 0,
			"not enough data: 4 activities in the last 7 days, known for 96 days of the 97 needed, 0 points"},
		{"known for too short a time", rate, many(4, social.Visit, 1, 1), 0,
			"not enough data: 4 activities in the last 7 days, known for 4 days of the 97 needed, 0 points"},
		{"too few to judge by", rate, []social.Activity{fact("a", social.Visit, 1), fact("old", social.Post, 200)}, 0,
			"not enough data: 1 activity in the last 7 days, at least 3 needed, 0 points"},
		{"nothing recent", rate, []social.Activity{fact("a", social.Visit, 50), fact("old", social.Post, 200)}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := evaluate(t, model(t, tt.rule), tt.facts)
			if s.Micro != tt.micro {
				t.Errorf("got %d micro-points, want %d", s.Micro, tt.micro)
			}
			got := ""
			for _, c := range s.Contributions {
				got += c.Reason
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestScore(t *testing.T) {
	facts := append(many(2, social.Post, 1, 1), fact("v", social.Visit, 5))
	got := evaluate(t, model(t, visits, posts), facts)
	want := scoring.Score{
		Model: "m@3", AsOf: asOf, Micro: 10_500_000, Engagement: 2, Fit: "unknown", Grade: "?2",
		Contributions: []scoring.Contribution{
			{Rule: "posts", Micro: 10_000_000, Reason: "2 posts in the last 365 days, 10 points", Evidence: []string{"post00", "post01"}},
			{Rule: "visits", Micro: 500_000, Reason: "1 visit in the last 10 days, 0.5 points after decay (to nothing over 10 days)", Evidence: []string{"v"}},
		},
		NextChange: asOf.AddDate(0, 0, 5), // the visit expires; engagement would stay 2
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("score (-want +got):\n%s", diff)
	}

	empty := evaluate(t, model(t, posts), nil)
	if want := (scoring.Score{Model: "m@3", AsOf: asOf, Engagement: 4, Fit: "unknown", Grade: "?4"}); !cmp.Equal(want, empty) {
		t.Errorf("of no facts got %+v, want %+v", empty, want)
	}
}

func TestGroupCapGoesInOrderOfTheModel(t *testing.T) {
	in := func(rule string) string { return strings.TrimSuffix(rule, "}") + `, "group": "g"}` }
	facts := append(many(1, social.Post, 1, 1), many(4, social.React, 1, 7)...)
	for _, tt := range []struct {
		name  string
		rules []string
		want  []string
	}{
		{"posts first", []string{in(posts), in(likes)}, []string{"4 likes in the last 30 days, 8 points, cut to 5 by the group g (at most 10)", "1 post in the last 365 days, 5 points"}},
		{"likes first", []string{in(likes), in(posts)}, []string{"4 likes in the last 30 days, 8 points", "1 post in the last 365 days, 5 points, cut to 2 by the group g (at most 10)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := evaluate(t, model(t, tt.rules...), facts)
			var got []string
			for _, c := range s.Contributions {
				got = append(got, c.Reason)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || s.Micro != 10e6 {
				t.Errorf("got %d micro-points, reasons (-want +got):\n%s", s.Micro, diff)
			}
		})
	}
}

func TestEffects(t *testing.T) {
	question := intent("question")
	like := func(key string, ago float64) social.Activity { return fact(key, social.React, ago, object("p")) }
	unlike := func(key string, ago float64) social.Activity { return fact(key, social.Unreact, ago, object("p")) }
	for _, tt := range []struct {
		name  string
		rule  string
		facts []social.Activity
		want  []string // evidence
	}{
		{"a deletion takes the utterance away", posts, []social.Activity{fact("a", social.Post, 2), fact("d", social.Delete, 1, object("o-a"))}, nil},
		{"a deletion before the creation too", posts, []social.Activity{fact("a", social.Post, 2), fact("d", social.Delete, 3, object("o-a"))}, nil},
		{"a deletion after asOf does not yet", posts, []social.Activity{fact("a", social.Post, 2), fact("d", social.Delete, -1, object("o-a"))}, []string{"a"}},
		{"a deletion in another scope", posts, []social.Activity{fact("a", social.Post, 2), fact("d", social.Delete, 1, object("o-a"), func(a *social.Activity) { a.Scope = "x" })}, []string{"a"}},
		{"a fact after asOf", posts, []social.Activity{fact("a", social.Post, -0.1)}, nil},
		{"a fact twice", posts, []social.Activity{fact("a", social.Post, 2), fact("a", social.Post, 2)}, []string{"a"}},
		{"an edit changes the text and its reading", spam, []social.Activity{fact("a", social.Post, 2, intent("spam")), fact("e", social.Edit, 1, object("o-a"), question)}, nil},
		{"the latest edit holds", spam, []social.Activity{fact("a", social.Post, 3), fact("e", social.Edit, 1, object("o-a"), text("casino")), fact("f", social.Edit, 2, object("o-a"), text("fine"))}, []string{"a"}},
		{"a reaction taken back", likes, []social.Activity{like("a", 3), unlike("u", 2)}, nil},
		{"a reaction given again", likes, []social.Activity{like("a", 3), unlike("u", 2), like("b", 1)}, []string{"b"}},
		{"a reaction another account takes back", likes, []social.Activity{like("a", 3), fact("u", social.Unreact, 2, object("p"), func(a *social.Activity) { a.Actor.ID = "u2" })}, []string{"a"}},
		{"what the business does", posts, []social.Activity{fact("a", social.Post, 2, byBusiness)}, nil},
		{"an answer that was deleted", dialogue, []social.Activity{fact("a", social.Post, 5), fact("b", social.Reply, 4, byBusiness, replyTo("o-a")),
			fact("c", social.Reply, 3, replyTo("o-b")), fact("d", social.Delete, 2, object("o-b"), byBusiness)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := evaluate(t, model(t, tt.rule), tt.facts)
			var got []string
			for _, c := range s.Contributions {
				got = append(got, c.Evidence...)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvaluateRefuses(t *testing.T) {
	bad := fact("a", social.Post, 1)
	bad.Actor.ID = ""
	big := fact("a", social.Post, 1, text(strings.Repeat("x", 1<<20+1)))
	for _, tt := range []struct {
		name  string
		model scoring.Model
		facts []social.Activity
		at    time.Time
		want  fault.Kind
	}{
		{"a model put together by hand", scoring.Model{ID: "m", Version: 1}, nil, asOf, fault.Invalid},
		{"no instant", model(t, posts), nil, time.Time{}, fault.Invalid},
		{"an invalid fact", model(t, posts), []social.Activity{bad}, asOf, fault.Invalid},
		{"a huge text", model(t, posts), []social.Activity{big}, asOf, fault.TooLarge},
		{"too many facts", model(t, posts), slices.Repeat([]social.Activity{fact("a", social.Post, 364)}, 100_001), asOf, fault.TooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := scoring.Evaluate(tt.model, tt.facts, tt.at); !fault.Is(err, tt.want) {
				t.Errorf("got %v, want a fault of kind %s", err, tt.want)
			}
		})
	}
}

func TestConditionFields(t *testing.T) {
	a := fact("a", social.Quote, 0, text("Hello Rapport"), replyTo("x"), intent("wish"), func(a *social.Activity) {
		a.Language, a.Sentiment, a.URL, a.Object.Type, a.Actor.Handle, a.Actor.Name = "de", "positive", "https://x.example/p", "note", "kim", "Kim"
	})
	for _, e := range []string{
		`type == 'quote'`, `platform == 'meta'`, `scope == 'page'`, `text contains 'Rapport'`, `intent in ['wish', 'question']`, `sentiment != 'negative'`,
		`language == 'de'`, `url startsWith 'https://x.example/'`, `object_type == 'note'`, `handle == 'kim'`, `name == 'Kim'`, `is_reply`,
		`hour == 12`, `weekday == 2`, `lower(text) matches '^hello\\b' and len(text) > 5`, `(upper(trim(text)) endsWith 'RAPPORT') ? true : false`, `not (hour < 9 || hour >= 17)`,
	} {
		rule := func(expr string) string {
			q, _ := json.Marshal(expr)
			return `{"id": "r", "kind": "activity", "label": {"one": "x", "many": "x"}, "points": 1, "when": {"expr": ` + string(q) + `}}`
		}
		if s := evaluate(t, model(t, rule(e)), []social.Activity{a}); s.Micro != 1e6 {
			t.Errorf("%s does not hold", e)
		}
		if s := evaluate(t, model(t, rule("not ("+e+")")), []social.Activity{a}); s.Micro != 0 {
			t.Errorf("the negation of %s holds", e)
		}
	}
}

func TestConditionsSeeTheBeginningOfALongText(t *testing.T) {
	for ahead, want := range map[int]int64{8192 - 6: -20e6, 8192 - 5: 0} {
		if s := evaluate(t, model(t, spam), []social.Activity{fact("a", social.Post, 1, text(strings.Repeat("x", ahead)+"casino"))}); s.Micro != want {
			t.Errorf("with %d bytes ahead of the word got %d micro-points, want %d", ahead, s.Micro, want)
		}
	}
}

func TestDefaultModelJudges(t *testing.T) {
	for _, tt := range []struct {
		name  string
		facts []social.Activity
		grade string
		top   string // the rule that gave or took most
	}{
		{"somebody about to buy", []social.Activity{fact("a", social.Message, 1, intent("purchase")), fact("b", social.Post, 2, intent("question")), fact("c", social.Follow, 3)}, "?2", "buying"},
		{"a hundred likes", many(100, social.React, 0.1, 0.1), "?4", "reaction"},
		{"one question", []social.Activity{fact("a", social.Post, 0, intent("question"))}, "?3", "question"},
		{"a job seeker", []social.Activity{fact("a", social.Message, 1, intent("question"), text("Hello! Are you hiring? I can send my CV."))}, "?4", "job_seeker"},
		{"a product that does the job", []social.Activity{fact("a", social.Message, 1, intent("question"), text("Would it do the job in a small office?"))}, "?3", "question"},
		{"a spammer", many(30, social.Post, 0.1, 0.1, intent("spam")), "?4", "spam"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := evaluate(t, scoring.DefaultModel(), tt.facts)
			if s.Grade != tt.grade || s.Contributions[0].Rule != tt.top {
				t.Errorf("got %s with %s points, first %q; want %s by the rule %s", s.Grade, scoring.Decimal(s.Micro), s.Contributions[0].Reason, tt.grade, tt.top)
			}
		})
	}
}

// randomFacts is a life of n activities over 500 days, with conversations,
// edits, deletions, reactions taken back, repetitions and clashing times.
func randomFacts(r *rand.Rand, n int) []social.Activity {
	types := []social.Type{social.Post, social.Post, social.Message, social.React, social.Unreact, social.Visit, social.Visit, social.Follow, social.Edit, social.Delete, social.Reply, social.Reply, social.Close, social.Reopen, social.Accept}
	intents := []string{"", "question", "spam", "purchase", "wish", "praise"}
	var out []social.Activity
	for i := range n {
		a := fact(fmt.Sprintf("k%03d", r.IntN(n)), types[r.IntN(len(types))], float64(r.IntN(500*24))/24-5, intent(intents[r.IntN(len(intents))]),
			object(fmt.Sprintf("o%d", r.IntN(n))))
		if r.IntN(3) == 0 && a.Type == social.Reply {
			byBusiness(&a)
		}
		if a.Automatic = r.IntN(10) == 0; a.Type == social.React {
			a.Reaction = []string{"", "love", "angry", "👎"}[r.IntN(4)]
		}
		if a.Type == social.Reply {
			a.InReplyTo = fmt.Sprintf("o%d", r.IntN(n))
		}
		if r.IntN(3) == 0 {
			a.Conversation = fmt.Sprintf("t%d", r.IntN(3))
		}
		if i > 0 && r.IntN(8) == 0 {
			a.Occurred = out[i-1].Occurred
		}
		out = append(out, a)
	}
	return out
}

func randomModel(t testing.TB, r *rand.Rand) scoring.Model {
	all := []string{posts, questions, likes, visits, spam, dialogue, pattern, rate}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:1+r.IntN(len(all))]
	for i := range all {
		if !strings.Contains(all[i], "-20") && r.IntN(3) == 0 {
			all[i] = strings.TrimSuffix(all[i], "}") + `, "group": "g"}`
		}
		if r.IntN(2) == 0 && strings.Contains(all[i], `"spam"`) {
			all[i] = strings.TrimSuffix(all[i], "}") + `, "decay": {"half_life_days": 3}}`
		}
	}
	return model(t, all...)
}

func TestScoreIsTheSumOfItsContributionsWhateverTheOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	nonzero := 0
	for range 300 {
		m, facts := randomModel(t, r), randomFacts(r, 20+r.IntN(60))
		want := evaluate(t, m, facts)
		var sum int64
		for _, c := range want.Contributions {
			sum += c.Micro
			if len(c.Evidence) == 0 || len(c.Evidence) > 20 {
				t.Fatalf("%d pieces of evidence for %q", len(c.Evidence), c.Reason)
			}
		}
		if sum != want.Micro {
			t.Fatalf("the contributions sum to %d, the score is %d", sum, want.Micro)
		}
		if sum != 0 {
			nonzero++
		}
		again := append([]social.Activity{}, facts...)
		again = append(again, facts[:r.IntN(len(facts))]...)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if diff := cmp.Diff(want, evaluate(t, m, again)); diff != "" {
			t.Fatalf("repeated and in another order (-want +got):\n%s", diff)
		}
	}
	if nonzero < 150 {
		t.Errorf("only %d of 300 random scores are not 0", nonzero)
	}
}

// life is what a person does in a year: n activities in order of time, one of
// them every so often answered by the business.
func life(r *rand.Rand, n int) []social.Activity {
	types := []social.Type{social.Post, social.Message, social.React, social.React, social.Visit, social.Follow, social.Mention, social.Reply, social.Reply}
	intents := []string{"question", "purchase", "other", "praise"}
	said := []string{
		"Does the new version work with the older charger, or would I have to buy another one? I am looking at it for our office.",
		"Thanks, that works! Where can I book a demo for my team next week?",
		"I saw your talk yesterday, and the part on pricing was a surprise to all of us here. Is there a discount for schools?",
	}
	var out []social.Activity
	for i := range n {
		typ := types[r.IntN(len(types))]
		a := fact(fmt.Sprintf("meta|page|%s|1234567890_%d|2026-01-02T03:04:05.678Z", typ, i), typ, 365-365*(float64(i)+r.Float64())/float64(n), object(fmt.Sprintf("1234567890_%d", i)))
		a.Actor.Handle, a.Actor.Name, a.URL = "kim", "Kim Example", "https://social.example/1234567890/posts/"+fmt.Sprint(i)
		if typ.Utterance() {
			a.Text, a.Intent, a.Sentiment, a.Language = said[r.IntN(len(said))], intents[r.IntN(len(intents))], "neutral", "en"
			a.Conversation = fmt.Sprintf("1234567890_t%d", i/9)
		}
		if typ == social.Reply && i > 0 && r.IntN(2) == 0 {
			byBusiness(&a)
			a.InReplyTo = out[i-1].Object.ID
		}
		out = append(out, a)
	}
	return out
}

// TestALongHistoryIsScored: the bound on facts is one within the horizon.
func TestALongHistoryIsScored(t *testing.T) {
	m := model(t, posts, dialogue, rate)
	recent := append(many(5, social.Visit, 1, 1), many(3, social.Post, 5, 30)...)
	old := slices.Repeat([]social.Activity{fact("old", social.Post, 365)}, 50_000)
	for i := range 60_000 {
		old = append(old, fact(fmt.Sprintf("x%d", i), social.Visit, 366+float64(i)/100))
	}
	got := evaluate(t, m, append(old, recent...))
	if diff := cmp.Diff(evaluate(t, m, append(recent, old[0])), got); diff != "" {
		t.Errorf("with a long history (-want +got):\n%s", diff)
	}
	if !strings.Contains(fmt.Sprint(got), "more than usual") {
		t.Errorf("nobody knew the person: %+v", got.Contributions)
	}
	if since := m.Since(asOf); !since.Equal(old[0].Occurred) {
		t.Errorf("the horizon begins at %s, want %s", since, old[0].Occurred)
	}
}
