package refitting_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/refit"
	"rapport/internal/refitting"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

var t0 = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// chances are made: the reader gives the middle class 0.8, whatever the text.
func chances(text string, _ ...string) (refit.Chances, bool) {
	n, _ := strconv.Atoi(strings.TrimPrefix(text, "text "))
	if n == 7 {
		return nil, false
	}
	return refit.Chances{refit.Sentiment: {0.1, 0.8, 0.1}, refit.NeedsAnswer: {0.3, 0.7}}, true
}

// TestARefitGoesOnWhereItStopped: in two runs, after a time that ran out, it
// comes to what it comes to in one, and is of the corrections as they stand.
func TestARefitGoesOnWhereItStopped(t *testing.T) {
	s := storetest.New(t)
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: t0}, "ann"); err != nil {
		t.Fatal(err)
	}
	no := false
	const labels = 130
	for i := range labels {
		a := social.Activity{Platform: "standard", Scope: "forum", Direction: social.Inbound, Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("kim", i%10)}, Object: social.Object{ID: fmt.Sprint("p", i), Type: "note"},
			Text: fmt.Sprint("text ", i), Reading: social.Reading{Reader: "r0", Language: "en", Sentiment: "neutral", Intent: "question"}, Occurred: t0.Add(-time.Hour), Known: t0}
		if i < 20 {
			a.Type, a.InReplyTo = social.Reply, "elsewhere"
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		if _, err := s.PutActivity(t.Context(), "acme", a); err != nil {
			t.Fatal(err)
		}
		c := social.Correction{ID: fmt.Sprint("cor_", i), At: t0.Add(time.Duration(i) * time.Second), By: "mem_ann", Of: social.TextID(a.Text), Drawn: true, Probability: 0.1, Corrected: social.Corrected{Sentiment: social.SentimentNegative, NeedsAnswer: &no}}
		if i == 3 { // of a text that it does not say any more
			c.Of = social.TextID("another text")
		}
		if err := s.Correct(t.Context(), "acme", store.Standing(a, nil), c); err != nil {
			t.Fatal(err)
		}
	}
	x := refitting.Refitting{Store: s, Chances: chances}
	now := t0.Add(time.Hour)
	carryOut := func(id string, steps ...int) (out refitting.Result) {
		t.Helper()
		if _, err := refitting.Begin(t.Context(), s, "acme", id, "mem_ann", now); err != nil {
			t.Fatal(err)
		}
		for _, n := range steps {
			asked := 0
			clock := func() time.Time { asked++; return now.Add(time.Duration(asked) * time.Second) }
			if done, err := x.Go(t.Context(), "acme", id, clock, now.Add(time.Duration(n)*time.Second)); done || err != nil {
				t.Fatalf("done %t, %v", done, err)
			}
			var state refitting.State
			if r, err := s.Refit(t.Context(), "acme", id); err != nil || json.Unmarshal(r.State, &state) != nil || state.Steps != 1 || state.Looked != 100 {
				t.Errorf("it stopped at %+v, %v", state, err)
			}
		}
		if done, err := x.Go(t.Context(), "acme", id, func() time.Time { return now }, time.Time{}); !done || err != nil {
			t.Fatalf("done %t, %v", done, err)
		}
		r, err := s.Refit(t.Context(), "acme", id)
		if err != nil || json.Unmarshal(r.Result, &out) != nil {
			t.Fatalf("%+v, %v", r, err)
		}
		return out
	}
	once := carryOut("rft_1")
	if once.Drawn != labels-2 || once.Unread != 1 || once.Gone != 1 || once.Heads[refit.Sentiment].Labels != labels-2 || once.Heads[refit.NeedsAnswer].Labels != labels-20 || once.Heads[refit.Intent].Labels != 0 {
		t.Errorf("%+v", once)
	}
	if a := once.Heads[refit.Sentiment].Adjustment; a == nil || a.Offsets[0] <= a.Offsets[1] || once.Document == nil {
		t.Errorf("sentiment %+v", once.Heads[refit.Sentiment])
	}
	// It does a step also where the time to stop has passed, and stops then.
	if twice := carryOut("rft_2", -60); !cmp.Equal(once, twice) {
		t.Errorf("in parts: %s", cmp.Diff(once, twice))
	}
	if use, err := s.ReaderOf(t.Context(), "acme"); err != nil || use == nil || use.Refit != "rft_2" || use.Document.ID() != once.Document.ID() {
		t.Errorf("in use is %+v, %v", use, err)
	}
	// What is said later is not looked at by one that began before.
	now = t0.Add(time.Minute)
	if early := carryOut("rft_3"); early.Drawn != 59 || early.Document != nil {
		t.Errorf("of the first minute: %+v", early)
	}
}

// TestWhatCannotBeFittedFails: the same labels would fail again, so that the
// refit is not tried again, and says that it failed.
func TestWhatCannotBeFittedFails(t *testing.T) {
	s := storetest.New(t)
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: t0}, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := refitting.Begin(t.Context(), s, "acme", "rft_1", "mem_ann", t0); err != nil {
		t.Fatal(err)
	}
	var cases []map[string]any
	for i := range refit.Enough {
		cases = append(cases, map[string]any{"i": fmt.Sprint("cor_", i), "w": 1e308, "f": i % refit.Folds, // the sum of the weights is infinite
			"s": map[refit.Head]int{refit.Sentiment: 0}, "p": refit.Chances{refit.Sentiment: {0.1, 0.8, 0.1}}})
	}
	if err := s.PutCases(t.Context(), "acme", "rft_1", 0, cases, t0); err != nil {
		t.Fatal(err)
	}
	x := refitting.Refitting{Store: s, Chances: chances}
	done, err := x.Go(t.Context(), "acme", "rft_1", func() time.Time { return t0 }, time.Time{})
	if done || err == nil || fault.Retryable(err) || fault.Message(err) != "the labels of sentiment can't be fitted to" {
		t.Fatalf("done %t, %v", done, err)
	}
	if err := x.Fail(t.Context(), "acme", "rft_1", err, t0); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Refit(t.Context(), "acme", "rft_1"); err != nil || !r.Ended() || r.Failed == "" {
		t.Errorf("%+v, %v", r, err)
	}
}
