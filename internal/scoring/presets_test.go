package scoring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rapport/internal/drill"
	"rapport/internal/profile"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

func preset(t *testing.T, name string) scoring.Model {
	t.Helper()
	for _, p := range scoring.Presets() {
		if p.Name == name {
			return p.Model
		}
	}
	t.Fatalf("no preset is called %s", name)
	return scoring.Model{}
}

func TestPresetsAreModelsToPublish(t *testing.T) {
	schema := validator(t)
	for _, p := range scoring.Presets() {
		b, err := json.Marshal(p.Model)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := scoring.ParseModel(b); err != nil || len(scoring.Compare(p.Model, again)) > 0 {
			t.Errorf("%s is read back as another model: %v", p.Name, err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("the schema refuses %s: %v", p.Name, err)
		}
		id := p.Name // each can stand beside the default one
		if p.Name == "community" {
			id = "default"
		}
		if p.Model.ID != id || p.Model.Title == "" || p.About == "" || p.Model.Texts() {
			t.Errorf("%s: id %q, title %q, about %q, asks for texts: %v", p.Name, p.Model.ID, p.Model.Title, p.About, p.Model.Texts())
		}
	}
}

// behaviours are the ten of the LinkedIn preset, each as much of it as one does
// in a month, by the label of the preset.
var behaviours = []struct {
	label string
	facts func() []social.Activity
}{
	{"updated recommendations", func() []social.Activity { return many(6, social.ProfileChange, 1, 4, of("recommendation")) }},
	{"uses the network more often", func() []social.Activity { return many(30, social.React, 0.1, 0.4) }},
	{"changed or ended the last position", func() []social.Activity { return many(2, social.ProfileChange, 2, 5, of("position")) }},
	{"changed the description", func() []social.Activity { return many(4, social.ProfileChange, 3, 6, of("description")) }},
	{"changed the e-mail address", func() []social.Activity { return many(1, social.ProfileChange, 4, 1, of("email")) }},
	{"made many new connections", func() []social.Activity { return many(25, social.Follow, 0.2, 1.1) }},
	{"visited the jobs page", func() []social.Activity { return many(9, social.Visit, 0.3, 3, of("jobs")) }},
	{"joined groups", func() []social.Activity { return many(8, social.Join, 0.4, 3) }},
	{"began to ask or answer", func() []social.Activity {
		return many(5, social.Post, 0.6, 5, intent(social.IntentQuestion))
	}},
	{othersActive, func() []social.Activity { return nil }}, // nothing that the person does
}

const othersActive = "others at the company are active"

// scoreOf is the score of what some of the behaviours leave.
func scoreOf(t *testing.T, m scoring.Model, which ...int) scoring.Score {
	t.Helper()
	contoso := &scoring.Company{Name: "Contoso"}
	for _, i := range which {
		if behaviours[i].label == othersActive {
			for n := range 9 {
				contoso.Others = append(contoso.Others, scoring.Days{scoring.DayOf(asOf) - 1 - n})
			}
		}
	}
	var records []scoring.Record
	for _, a := range madeHistory(which...) {
		records = append(records, scoring.RecordOf(a))
	}
	s, err := scoring.EvaluateAmong(m, records, contoso, asOf)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func of(objectType string) func(*social.Activity) {
	return func(a *social.Activity) { a.Object.Type = objectType }
}

// quiet is what the person did long ago: enough to be known, and to have a rate.
func quiet() []social.Activity { return many(2, social.React, 150, 100) }

// madeHistory is what some of the behaviours leave, with keys of their own.
func madeHistory(which ...int) []social.Activity {
	out := quiet()
	for _, i := range which {
		for n, a := range behaviours[i].facts() {
			a.Key, a.Object.ID = fmt.Sprintf("b%d-%d", i, n), fmt.Sprintf("o-b%d-%d", i, n)
			out = append(out, a)
		}
	}
	return out
}

// patternOf returns the labels in the sentence of the pattern, nil if it gave nothing.
func patternOf(s scoring.Score) (seen []string, sentence string) {
	for _, c := range s.Contributions {
		if c.Rule == "looks_around" {
			_, list, _ := strings.Cut(c.Reason, "needed): ")
			return strings.Split(strings.TrimSuffix(list, ", 15 points"), ", "), c.Reason
		}
	}
	return nil, ""
}

func TestNoBehaviourAloneMakesACandidate(t *testing.T) {
	m := preset(t, "linkedin")
	most := int64(0)
	for i, b := range behaviours {
		s := scoreOf(t, m, i)
		if seen, sentence := patternOf(s); m.Calls(s) || seen != nil {
			t.Errorf("%s alone: %s points, %s", b.label, scoring.Decimal(s.Micro), sentence)
		}
		if s.Micro == 0 {
			t.Errorf("%s alone gives nothing: the history does not show it", b.label)
		}
		most = max(most, s.Micro)
	}
	drill.Show(t, "%d behaviours, each alone at its fullest: at most %s points, and %s make a candidate", len(behaviours), scoring.Decimal(most), scoring.Decimal(int64(m.CallFrom)))
}

// Of ten behaviours each three make a candidate, and the sentence names them.
func TestThreeBehavioursMakeACandidate(t *testing.T) {
	m := preset(t, "linkedin")
	candidates, example := 0, ""
	for i := range behaviours {
		for j := range i {
			for k := range j {
				s := scoreOf(t, m, i, j, k)
				seen, sentence := patternOf(s)
				for _, n := range []int{i, j, k} {
					if !strings.Contains(sentence, behaviours[n].label) {
						t.Errorf("%s is not in %q", behaviours[n].label, sentence)
					}
				}
				if !m.Calls(s) || len(seen) < 3 {
					t.Errorf("%s: %s points", sentence, scoring.Decimal(s.Micro))
				}
				var sum int64
				for _, c := range s.Contributions {
					sum += c.Micro
				}
				if sum != s.Micro {
					t.Errorf("the contributions add up to %d, the score is %d", sum, s.Micro)
				}
				candidates, example = candidates+1, sentence
			}
		}
	}
	drill.Show(t, "%d threes of behaviours, each a candidate; the last: %s", candidates, example)
}

// What a customer says of leaving is a reason to call, and so is a bad rating with a complaint.
func TestWhoMayLeave(t *testing.T) {
	m := preset(t, "churn")
	if m.CallsWhom != scoring.Customers {
		t.Errorf("it calls %q", m.CallsWhom)
	}
	nps := func(value float64) func(*social.Activity) {
		return func(a *social.Activity) {
			a.Rating = &social.Rating{Value: value, Best: 10, Kind: social.NPS}
			*a = a.Judged()
		}
	}
	detractor := many(1, social.Recommend, 2, 1, nps(6))
	for _, tt := range []struct {
		name  string
		facts []social.Activity
		calls bool
		rules string
	}{
		{"says they leave", many(1, social.Post, 1, 1, intent(social.IntentChurn)), true, "leaves"},
		{"a detractor", detractor, false, "bad_rating"},
		{"a passive", many(4, social.Recommend, 1, 1, nps(7)), false, ""},
		{"a detractor with a complaint", slices.Concat(detractor, many(1, social.Message, 1, 1, intent(social.IntentComplaint))), true, "bad_rating complaint"},
		{"a problem", many(1, social.Message, 1, 1, intent(social.IntentProblem)), false, "problem"},
		{"a problem every week", many(4, social.Message, 1, 7, intent(social.IntentProblem)), true, "problem"},
		{"asks and praises", slices.Concat(many(9, social.Post, 1, 1, intent(social.IntentQuestion)), many(9, social.Reply, 1, 1, intent(social.IntentPraise))), false, ""},
	} {
		s := evaluate(t, m, tt.facts)
		var rules []string
		for _, c := range s.Contributions {
			rules = append(rules, c.Rule)
		}
		if got := strings.Join(rules, " "); m.Calls(s) != tt.calls || got != tt.rules {
			t.Errorf("%s: %s points by %q", tt.name, scoring.Decimal(s.Micro), got)
		}
	}
}

// Each a little: once, a month ago, and not more than before.
func TestFewConnectionsAndAWordAreNoPattern(t *testing.T) {
	m := preset(t, "linkedin")
	facts := append(quiet(), many(4, social.Follow, 5, 5)...)
	facts = append(facts, fact("desc", social.ProfileChange, 12, of("description")), fact("old", social.ProfileChange, 31, of("position")), fact("q", social.Post, 3, intent(social.IntentQuestion)))
	s := evaluate(t, m, facts)
	if seen, sentence := patternOf(s); seen != nil || m.Calls(s) {
		t.Errorf("%s, %s points", sentence, scoring.Decimal(s.Micro))
	}
}

// The example that the Orbit model was published with: activities of weight 1
// and 3, some periods ago, and what they add up to for three members.
func TestOrbitsExample(t *testing.T) {
	b, err := os.ReadFile("testdata/orbit.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := scoring.ParseModel(b)
	if err != nil {
		t.Fatal(err)
	}
	const period = 30
	ago := func(key string, t social.Type, periods float64) social.Activity { return fact(key, t, periods*period) }
	for want, facts := range map[string][]social.Activity{
		"0.729": {ago("a", social.React, 3)},
		"0.81":  {ago("a", social.React, 2)},
		"2.7":   {ago("a", social.Post, 1)},
		"3":     {ago("a", social.Post, 0)},
		"5.4":   {ago("a", social.Post, 1), ago("b", social.Post, 1.5)},
		"3.729": {ago("a", social.Post, 0.9), ago("b", social.React, 3.1)},
	} {
		if got := scoring.Decimal(evaluate(t, m, facts).Micro); got != want {
			t.Errorf("love is %s, want %s", got, want)
		}
	}
}

func TestAnAdvocateRecommendsAndADetractorDoesNot(t *testing.T) {
	m := preset(t, "advocates")
	rated := func(value float64, words string) func(*social.Activity) {
		return func(a *social.Activity) {
			a.Text, a.Intent, a.Rating = words, social.IntentRecommendation, &social.Rating{Value: value, Best: 10, Kind: social.NPS}
			*a = a.Judged()
		}
	}
	for _, tt := range []struct {
		name  string
		facts []social.Activity
		calls bool
	}{
		{"two recommendations", many(2, social.Recommend, 1, 20, rated(10, "go for it")), true},
		{"a detractor who speaks of recommending", many(2, social.Recommend, 1, 20, rated(2, "I would not recommend it")), false},
		{"praise alone", many(1, social.Post, 1, 1, intent(social.IntentPraise), func(a *social.Activity) { a.Sentiment = social.SentimentPositive }), false},
		{"who only passes on", many(40, social.Repost, 1, 2), false},
	} {
		s := evaluate(t, m, tt.facts)
		recommends := slices.ContainsFunc(s.Contributions, func(c scoring.Contribution) bool { return c.Rule == "recommendation" })
		if m.Calls(s) != tt.calls || recommends != tt.calls {
			t.Errorf("%s: %s points, %+v", tt.name, scoring.Decimal(s.Micro), s.Contributions)
		}
	}
}

// What a seller would do with each of these people.
func TestWhoIsWarmInSocialSelling(t *testing.T) {
	m := preset(t, "social-selling")
	// A dialogue of n rounds: asked, answered by one of yours, asked again.
	dialogue := func(n int) (out []social.Activity) {
		for i := range n + 1 {
			at := 6 - float64(i)
			out = append(out, fact(fmt.Sprint("said", i), social.Message, at, inThread("dm"), intent(social.IntentQuestion)))
			if i < n {
				out = append(out, fact(fmt.Sprint("answer", i), social.Message, at-0.5, inThread("dm"), byBusiness, replyTo(fmt.Sprint("o-said", i))))
			}
		}
		return out
	}
	comment := intent(social.IntentPraise)
	for _, tt := range []struct {
		name  string
		facts []social.Activity
		calls bool
	}{
		{"likes everything", many(300, social.React, 0, 0.1), false},
		{"likes, shares and visits all day", slices.Concat(many(100, social.React, 0, 0.2), many(40, social.Repost, 0, 0.5), many(40, social.Visit, 0, 0.5, of("profile"))), false},
		{"comments under every post", many(60, social.Reply, 0, 0.5, comment), false},
		{"says lol under every post", many(60, social.Reply, 0, 0.5, intent(social.IntentChatter)), false},
		{"accepted a connection", many(1, social.Follow, 1, 1), false},
		{"connected, visited, commented", slices.Concat(many(1, social.Follow, 1, 1), many(2, social.Visit, 1, 1, of("profile")), many(2, social.Reply, 1, 3, comment)), true},
		{"visits pages, not profiles", slices.Concat(many(1, social.Follow, 1, 1), many(2, social.Visit, 1, 1, of("page")), many(2, social.Reply, 1, 3, comment)), false},
		{"a dialogue of three rounds", dialogue(3), true},
		{"advertises in private", many(5, social.Message, 1, 1, intent(social.IntentSpam)), false},
		{"looks for a job", slices.Concat(dialogue(1), many(2, social.Message, 1, 1, func(a *social.Activity) { a.Text = "I am looking for a new job in support" })), false},
	} {
		s := evaluate(t, m, tt.facts)
		if m.Calls(s) != tt.calls {
			t.Errorf("%s: %s points of %s, %+v", tt.name, scoring.Decimal(s.Micro), scoring.Decimal(m.CallsFrom()), s.Contributions)
		}
	}
	// Dialogue counts most.
	talk, loud := evaluate(t, m, dialogue(4)), evaluate(t, m, slices.Concat(many(100, social.React, 0, 0.2), many(40, social.Repost, 0, 0.5), many(60, social.Reply, 0, 0.5, comment)))
	if talk.Micro <= loud.Micro {
		t.Errorf("a dialogue gives %s, noise %s", scoring.Decimal(talk.Micro), scoring.Decimal(loud.Micro))
	}
}

func TestCompare(t *testing.T) {
	a := model(t, posts, likes, visits)
	b := model(t, visits, strings.Replace(likes, `"points": 2`, `"points": 3`, 1), spam)
	b.Version, b.CallFrom, b.Title = 9, 7e6, "x"
	want := []scoring.Change{
		{What: scoring.Changed, Field: "call_from", After: []byte(`"7"`)},
		{What: scoring.Changed, Field: "title", After: []byte(`"x"`)},
		{What: scoring.Changed, Field: "order", Before: []byte(`["likes","visits"]`), After: []byte(`["visits","likes"]`)},
		{Rule: "posts", What: scoring.Removed},
		{Rule: "likes", What: scoring.Changed, Field: "points", Before: []byte(`"2"`), After: []byte(`"3"`)},
		{Rule: "spam", What: scoring.Added},
	}
	got := scoring.Compare(a, b)
	for i, c := range got {
		switch c.What {
		case scoring.Removed:
			if !bytes.Contains(c.Before, []byte(`"posts"`)) || c.After != nil {
				t.Errorf("removed: %s, %s", c.Before, c.After)
			}
			got[i].Before = nil
		case scoring.Added:
			if !bytes.Contains(c.After, []byte(`"casino`)) && !bytes.Contains(c.After, []byte("casino")) || c.Before != nil {
				t.Errorf("added: %s, %s", c.Before, c.After)
			}
			got[i].After = nil
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if same := scoring.Compare(a, a); len(same) > 0 {
		t.Errorf("a model differs from itself: %+v", same)
	}
}

// Relevance is the score, reach is fit; likes and spam are neither.
func TestAnInfluencerSpeaksAboutYou(t *testing.T) {
	m := preset(t, "influencers")
	followers := func(n string) []profile.Held {
		return []profile.Held{{Fact: profile.Fact{Name: "followers", Kind: profile.Number, Value: n, Source: profile.CRM, At: asOf}}}
	}
	for _, tt := range []struct {
		name      string
		facts     []social.Activity
		followers string
		fit       string
		calls     bool
	}{
		{"speaks every week", many(5, social.Post, 1, 7, intent(social.IntentPraise)), "120000", "A", true},
		{"complains every week", many(5, social.Mention, 1, 7, intent(social.IntentComplaint)), "12000", "B", true},
		{"speaks twice", many(2, social.Post, 1, 7, intent(social.IntentPraise)), "1500", "C", false},
		{"likes everything", many(200, social.React, 0, 0.2), "900000", "A", false},
		{"greets every day", many(60, social.Post, 0, 1, intent(social.IntentChatter)), "10", "D", false},
		{"advertises", many(20, social.Post, 1, 2, intent(social.IntentSpam)), "50000", "B", false},
	} {
		s := m.WithFit(evaluate(t, m, tt.facts), followers(tt.followers))
		if m.Calls(s) != tt.calls || s.Fit != tt.fit {
			t.Errorf("%s: %s points, fit %s, want %v and %s", tt.name, scoring.Decimal(s.Micro), s.Fit, tt.calls, tt.fit)
		}
	}
}
