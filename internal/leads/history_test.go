package leads_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// ann is the account that the histories are of.
var ann = asked("1", 0).Account().AccountID()

// life is what Ann did and what was done to her: n facts of all kinds, most of
// them at most an hour apart, some at the same instant.
func life(r *rand.Rand, n int) []social.Activity {
	var out []social.Activity
	at := t0.AddDate(0, 0, -100)
	for i := range n {
		at = at.Add(time.Duration(r.IntN(4)) * 20 * time.Minute)
		if r.IntN(20) == 0 {
			at = at.Add(time.Duration(r.IntN(10*24)) * time.Hour)
		}
		a := asked(fmt.Sprint(i), 0)
		a.Occurred, a.Known, a.Text = at, at.Add(time.Second), ""
		a.Intent = []string{"", "purchase", "question", "spam"}[r.IntN(4)]
		if r.IntN(3) > 0 {
			a.Actor.Name = ""
		}
		if r.IntN(3) == 0 {
			a.URL = fmt.Sprint("https://example.com/", i)
		}
		old := func() string { return fmt.Sprint(r.IntN(i + 1)) }
		us := social.Actor{ID: "us"}
		switch r.IntN(10) {
		case 0, 1, 2:
			a.Type, a.Object.ID = social.React, "post"
		case 3:
			a.Type, a.Object.ID = social.Edit, old()
		case 4:
			a.Type, a.Object.ID, a.Actor = social.Delete, old(), us
		case 5, 6:
			a.Type, a.InReplyTo, a.Actor, a.Direction = social.Reply, old(), us, social.Outbound
		case 7:
			a.Type, a.Object.ID, a.Undated, a.Occurred = social.Click, "button", true, a.Known
		}
		occurred := a.Occurred
		if a.Undated {
			occurred = time.Time{}
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, fmt.Sprint(i), occurred)
		out = append(out, a)
	}
	return out
}

// happens stores facts, and returns what asks for Ann to be scored again.
func happens(t testing.TB, s *store.Store, facts ...social.Activity) view.Stale {
	t.Helper()
	var out []view.Stale
	for _, a := range facts {
		if _, err := s.PutActivity(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
		if a.Account().AccountID() != ann {
			if err := s.PutReceived(t.Context(), w, ann, a); err != nil {
				t.Fatal(err)
			}
		}
		st := view.StaleBy(a)
		st.Account = ann
		out = append(out, st)
	}
	return view.Merge(out)[0]
}

// plain is the default model, which asks for no texts.
func plain(t testing.TB) scoring.Model {
	t.Helper()
	m := scoring.DefaultModel()
	if m.Texts() {
		t.Fatal("the default model reads texts")
	}
	return m
}

// wordy is the default model with a rule about texts.
func wordy(t testing.TB) scoring.Model {
	t.Helper()
	b, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	m, err := scoring.ParseModel([]byte(strings.Replace(string(b), "subject == 'job'", "lower(text) contains 'my cv'", 1)))
	if err != nil || !m.Texts() {
		t.Fatalf("%v, reads texts: %v", err, m.Texts())
	}
	return m
}

func now() time.Time { return t0.AddDate(0, 0, -20) }

// expect is the table that all facts at once give.
func expect(t *testing.T, m scoring.Model, facts []social.Activity) map[string]string {
	t.Helper()
	s, table := storetest.NewTable(t)
	publishModel(t, s, m)
	happens(t, s, facts...)
	if err := errors.Join(leads.New(s).Score(t.Context(), w, now(), view.Stale{Account: ann})...); err != nil {
		t.Fatal(err)
	}
	out := dump(t, table)
	blocks, err := s.Blocks(t.Context(), w, ann, "", store.EndOfHistory)
	if err != nil || len(facts) > 20 && len(blocks) < 2 {
		t.Fatalf("%d blocks of %d facts, %v: nothing is tested", len(blocks), len(facts), err)
	}
	return out
}

// In whatever order facts come, however often, and scored by however many at
// once, heads and histories are the same.
func TestHistoryInAnyOrder(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			facts := life(r, 40+r.IntN(10))
			m := plain(t)
			if seed == 2 {
				m = wordy(t)
			}
			want := expect(t, m, facts)
			s, table := storetest.NewTable(t)
			publishModel(t, s, m)
			l := leads.New(s)
			switch {
			case seed%2 == 0: // late by a few, as most are
				for i := range facts {
					j := max(0, i-r.IntN(12))
					facts[i], facts[j] = facts[j], facts[i]
				}
			default:
				r.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
			}
			var wait sync.WaitGroup
			for len(facts) > 0 {
				n := min(len(facts), 1+r.IntN(6))
				st := happens(t, s, facts[:n]...)
				facts = facts[n:]
				for range 1 + r.IntN(2) {
					wait.Go(func() {
						if err := errors.Join(l.Score(t.Context(), w, now(), st)...); err != nil {
							t.Error(err)
						}
					})
				}
				if r.IntN(3) == 0 {
					wait.Wait()
				}
			}
			wait.Wait()
			if d := cmp.Diff(want, dump(t, table)); d != "" {
				t.Errorf("(-at once +as they came):\n%s", d)
			}
		})
	}
}

// dying is a way to the table that ends at a request, before or after it was
// carried out.
type dying struct {
	n     atomic.Int64
	at    int64
	after bool
}

func (d *dying) Do(r *http.Request) (*http.Response, error) {
	n := d.n.Add(1)
	if n < d.at || n == d.at && d.after {
		res, err := http.DefaultClient.Do(r)
		if n == d.at && err == nil {
			res.Body.Close()
			return nil, errors.New("died")
		}
		return res, err
	}
	return nil, errors.New("died")
}

// Killed at any request and tried again, scoring leaves the same behind: also
// where facts came late into blocks that had been closed.
func TestScoringKilledAtAnyRequest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	facts := life(r, 24)
	m := plain(t)
	want := expect(t, m, facts)
	late := []social.Activity{facts[5], facts[6], facts[14]}
	first := slices.DeleteFunc(slices.Clone(facts), func(a social.Activity) bool {
		return slices.ContainsFunc(late, func(l social.Activity) bool { return l.Key == a.Key })
	})
	deaths := 0
	for _, after := range []bool{false, true} {
		for at := int64(1); ; at++ {
			s, table := storetest.NewTable(t)
			publishModel(t, s, m)
			done := true
			for _, part := range [][]social.Activity{first[:12], first[12:], late} {
				st := happens(t, s, part...)
				cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMaxAttempts(1))
				if err != nil {
					t.Fatal(err)
				}
				way := &dying{at: at, after: after}
				cfg.HTTPClient = way
				dead := errors.Join(leads.New(store.New(cfg, table.Name)).Score(t.Context(), w, now(), st)...)
				done = done && way.n.Load() < at
				if dead != nil || way.n.Load() >= at {
					if err := errors.Join(leads.New(s).Score(t.Context(), w, now(), st)...); err != nil {
						t.Fatal(err)
					}
				}
			}
			if d := cmp.Diff(want, dump(t, table)); d != "" {
				t.Fatalf("killed at request %d (after it %v) (-whole +killed):\n%s", at, after, d)
			}
			if done {
				break
			}
			deaths++
		}
	}
	drill.Show(t, "killed before and after each of its requests, %d deaths in all: the same heads and histories", deaths)
}

// What is erased until an instant is in no block and no head, whoever scores
// meanwhile, and what came later stays as if nothing else had been.
func TestHistoryOfWhoIsErased(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			var facts []social.Activity
			for _, a := range life(r, 40) {
				if a.Account().AccountID() == ann && a.Type != social.Edit && !a.Undated {
					facts = append(facts, a)
				}
			}
			until := facts[len(facts)*int(seed)*9/20].Occurred
			if seed == 2 {
				until = facts[len(facts)-1].Occurred
			}
			m := plain(t)
			var stay []social.Activity
			for _, a := range facts {
				if a.Occurred.After(until) {
					stay = append(stay, a)
				}
			}
			s, table := storetest.NewTable(t)
			publishModel(t, s, m)
			l := leads.New(s)
			st := happens(t, s, facts...)
			if err := errors.Join(l.Score(t.Context(), w, now(), st)...); err != nil {
				t.Fatal(err)
			}
			var wait sync.WaitGroup
			stop := make(chan bool)
			for range 2 {
				wait.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							if err := errors.Join(l.Score(t.Context(), w, now(), st)...); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			e := erasure.New(s, now)
			if err := e.Account(t.Context(), w, ann, until, map[string]int{}); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.Score(t.Context(), w, now(), view.Stale{Account: ann})...); err != nil {
				t.Fatal(err)
			}
			close(stop)
			wait.Wait()
			got := dump(t, table)

			clean, cleanTable := storetest.NewTable(t)
			publishModel(t, clean, m)
			if len(stay) > 0 {
				happens(t, clean, stay...)
				var kept []view.Fact
				for _, a := range stay {
					kept = append(kept, view.FactOf(a))
				}
				for _, v := range all.Views(clean, now) { // erasure keeps every view of what stays
					if err := v.Keep(t.Context(), w, kept); err != nil {
						t.Fatal(err)
					}
				}
				if err := clean.PutAccount(t.Context(), w, stay[len(stay)-1]); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(leads.New(clean).Score(t.Context(), w, now(), view.Stale{Account: ann})...); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(dump(t, cleanTable), got); d != "" {
				t.Errorf("(-never been +erased):\n%s", d)
			}
		})
	}
}

// The score of the compact history is that of the facts, to the last digit and
// word, as of any instant, and so is the ledger's evidence.
func TestTheSameScoreAsOfTheFacts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	facts := life(r, 150)
	for i := range facts { // three years, far beyond the horizon
		if !facts[i].Undated {
			facts[i].Occurred = facts[i].Occurred.AddDate(0, 0, -7*(150-i))
			facts[i].Key = social.ActivityKey(facts[i].Platform, facts[i].Scope, facts[i].Type, fmt.Sprint(i), facts[i].Occurred)
		}
	}
	for _, m := range []scoring.Model{plain(t), wordy(t)} {
		s := storetest.New(t)
		publishModel(t, s, m)
		l := leads.New(s)
		for part := range slices.Chunk(facts, 10) {
			if err := errors.Join(l.Score(t.Context(), w, time.Time{}, happens(t, s, part...))...); err != nil {
				t.Fatal(err)
			}
		}
		known, err := s.Facts(t.Context(), w, ann)
		if err != nil {
			t.Fatal(err)
		}
		parsed := publishedModel(t, m)
		for i := range 9 {
			asOf := now().AddDate(0, 0, -125*i)
			want, err := scoring.Evaluate(parsed, known, asOf)
			if err != nil {
				t.Fatal(err)
			}
			got, err := l.Evaluate(t.Context(), w, social.PersonID(ann), asOf)
			if err != nil {
				t.Fatalf("as of %s: %v", asOf, err)
			}
			if d := cmp.Diff(want, got.Score); d != "" {
				t.Errorf("as of %s (-of the facts +of the history):\n%s", asOf, d)
			}
		}
	}
}
