package leads_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/person"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

// acted is what an account did at random: it writes, is answered, reacts, takes back, edits and deletes.
func acted(r *rand.Rand, who string, n int) []social.Activity {
	var out []social.Activity
	for i := range n {
		a := social.Activity{Platform: "standard", Scope: "forum", Actor: social.Actor{ID: who, Name: who}, Direction: social.Inbound,
			Type:     []social.Type{social.Post, social.Post, social.Message, social.Reply, social.React, social.Visit, social.Follow, social.Click}[r.IntN(8)],
			Object:   social.Object{ID: fmt.Sprint(who, i)},
			Occurred: t0.Add(-time.Duration(r.IntN(120*24)) * time.Hour), Conversation: fmt.Sprint("c", r.IntN(2)),
			Reading: social.Reading{Intent: []string{"question", "purchase", "praise", "problem", "spam", "chatter"}[r.IntN(6)], Sentiment: []string{"negative", "neutral", "positive"}[r.IntN(3)], Language: "en"}}
		if len(out) > 0 {
			of := out[r.IntN(len(out))]
			switch r.IntN(6) {
			case 0: // the business answers
				a.Type, a.Direction, a.Actor, a.InReplyTo, a.Conversation = social.Reply, social.Outbound, social.Actor{ID: "brand"}, of.Object.ID, of.Conversation
			case 1:
				a.Type, a.Object.ID, a.Occurred = []social.Type{social.Edit, social.Delete, social.Unreact}[r.IntN(3)], of.Object.ID, of.Occurred.Add(time.Hour)
			case 2:
				a.Occurred = of.Occurred // two things at one instant
			}
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, fmt.Sprint(who, i), a.Occurred)
		out = append(out, a)
	}
	return out
}

// Over 10,000 random histories of several accounts and decisions about them:
// the reasons sum up to the score, the order of facts and decisions does not
// matter, merging and undoing it leaves what there was, and histories that are
// packed in blocks and read again give the same.
func TestRandomHistoriesOfPersons(t *testing.T) {
	m := scoring.DefaultModel()
	for run := range 10_000 {
		r := rand.New(rand.NewPCG(uint64(run), 11))
		facts, accounts := map[string][]social.Activity{}, []string{}
		for i := range 2 + r.IntN(4) {
			list := acted(r, fmt.Sprint("who", i), 1+r.IntN(8))
			account := social.AccountRef{Platform: "standard", Scope: "", ID: fmt.Sprint("who", i)}.AccountID()
			accounts, facts[account] = append(accounts, account), list
		}
		some := func() []string { return []string{accounts[r.IntN(len(accounts))]} }
		var decisions []person.Decision
		for i := range r.IntN(5) {
			decisions = append(decisions, person.Decision{ID: fmt.Sprint(i), At: t0.Add(time.Duration(r.IntN(4)) * time.Minute),
				Verb: []person.Verb{person.Same, person.Same, person.Apart, person.Undo}[r.IntN(4)], One: some(), Other: some(), Undoes: fmt.Sprint(r.IntN(5))})
		}
		scores := func(decisions []person.Decision, blocks bool) map[string]scoring.Score {
			members := map[string][]string{}
			for account, p := range person.Persons(accounts, nil, decisions, nil) {
				members[p] = append(members[p], account)
			}
			out := map[string]scoring.Score{}
			for p, of := range members {
				r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
				var records []scoring.Record
				for _, a := range of {
					var own []scoring.Record
					for _, f := range facts[a] {
						own = append(own, scoring.RecordOf(f))
					}
					if blocks {
						var back []scoring.Record
						for part := range slices.Chunk(own, 3) {
							b, err := scoring.Unpack(scoring.Pack(part))
							if err != nil {
								t.Fatal(err)
							}
							back = append(back, b...)
						}
						own = append(back, back[0]) // one is read twice
					}
					records = append(records, own...)
				}
				r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
				s, err := scoring.EvaluateRecords(m, records, t0)
				if err != nil {
					t.Fatalf("run %d: %v", run, err)
				}
				out[p] = s
			}
			return out
		}
		want := scores(decisions, false)
		for p, s := range want {
			sum := int64(0)
			for _, c := range s.Contributions {
				sum += c.Micro
			}
			if sum != s.Micro {
				t.Fatalf("run %d: the reasons of %s sum up to %d, the score is %d", run, p, sum, s.Micro)
			}
		}
		again := slices.Clone(decisions)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if d := cmp.Diff(want, scores(again, false)); d != "" {
			t.Fatalf("run %d: another order gives others (-want +got):\n%s", run, d)
		}
		again = append(again, person.Decision{ID: "x", At: t0.Add(time.Hour), Verb: person.Same, One: accounts[:1], Other: accounts[1:]}, person.Decision{ID: "y", At: t0.Add(2 * time.Hour), Verb: person.Undo, Undoes: "x"})
		if d := cmp.Diff(want, scores(again, true)); d != "" {
			t.Fatalf("run %d: merged, unmerged and read from blocks it is not what was (-want +got):\n%s", run, d)
		}
	}
}
