package scoring_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/scoring"
	"rapport/internal/social"
)

// What is beyond the horizon counts for nothing but since when the person is
// known, and leaving it out changes no score.
func TestBeyondTheHorizon(t *testing.T) {
	m := scoring.DefaultModel()
	var facts []social.Activity
	for i, days := range []float64{700, 500, 420, 4, 3, 2, 1} {
		facts = append(facts, fact(string(rune('a'+i)), social.Post, days, intent("question")))
	}
	all, err := scoring.Evaluate(m, facts, asOf)
	if err != nil {
		t.Fatal(err)
	}
	within, err := scoring.Evaluate(m, scoring.Within(m, facts, asOf), asOf)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(all, within); d != "" {
		t.Errorf("of what is within (-all +within):\n%s", d)
	}
	if i := slices.IndexFunc(all.Contributions, func(c scoring.Contribution) bool { return c.Rule == "suddenly_active" }); i < 0 || len(all.Contributions[i].Reason) > 10 && all.Contributions[i].Reason[:10] == "not enough" {
		t.Errorf("somebody known for 700 days is not known for long enough: %+v", all.Contributions)
	}

	var records []scoring.Record
	for _, a := range facts[3:] {
		records = append(records, scoring.RecordOf(a))
	}
	records = append(records, scoring.RecordOf(scoring.KnownFrom(facts[0].Occurred)))
	of, err := scoring.EvaluateRecords(m, records, asOf)
	if err != nil {
		t.Fatal(err)
	}
	if of.Micro != all.Micro || !of.NextChange.Equal(all.NextChange) || of.Contributions[0].Reason != all.Contributions[0].Reason {
		t.Errorf("of records within: %+v\nwant %+v", of, all)
	}
}

// A conversation's rounds change when its first message leaves the horizon,
// and the score says so before.
func TestAConversationLeavesTheHorizon(t *testing.T) {
	m := scoring.DefaultModel()
	topic := func(a *social.Activity) { a.Conversation = "topic" }
	var facts []social.Activity
	for i := range 20 {
		a := fact(string(rune('a'+i)), social.Post, float64(380-i), topic)
		if i%2 == 1 {
			a = fact(string(rune('a'+i)), social.Reply, float64(380-i), byBusiness, replyTo("o-"+string(rune('a'+i-1))), topic)
		}
		facts = append(facts, a)
	}
	before := asOf.AddDate(0, 0, -30)
	s, err := scoring.Evaluate(m, facts, before)
	if err != nil {
		t.Fatal(err)
	}
	if s.NextChange.IsZero() || s.NextChange.After(facts[0].Occurred.AddDate(0, 0, 365)) {
		t.Errorf("changes at %s, but the first message leaves the horizon at %s", s.NextChange, facts[0].Occurred.Add(365*24*time.Hour))
	}
}
