package leads_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

func document(t *testing.T, change func(*scoring.Model)) []byte {
	t.Helper()
	m := scoring.DefaultModel()
	change(&m)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// All leads come to stand by a model that is published, in steps that end
// anywhere and are done again; another model meanwhile ends it; and one that is
// published by two at once is two versions.
func TestLeadsAreScoredByAPublishedModel(t *testing.T) {
	s := storetest.New(t)
	publish(t, s)
	l := leads.New(s)
	const people = 203 // more than a step
	var stale []view.Stale
	var persons []string
	for i := range people {
		a := asked(fmt.Sprint(i), i%50)
		a.Actor.ID = fmt.Sprint("p", i)
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		put(t, s, a)
		if err := s.PutAccount(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
		stale = append(stale, view.Stale{Account: a.Account().AccountID()})
		persons = append(persons, social.PersonID(a.Account().AccountID()))
	}
	if err := errors.Join(l.Score(t.Context(), w, t0, stale...)...); err != nil {
		t.Fatal(err)
	}
	var queued []string
	queue := func(by leads.Rescoring) error { queued = append(queued, by.Version); return nil }
	d, err := l.Publish(t.Context(), w, document(t, func(m *scoring.Model) { m.Rules[0].Points = 7e6 }), t0.AddDate(0, 0, 1), queue)
	if err != nil || d.Version != "2" || len(queued) != 1 {
		t.Fatalf("published %s, queued %v, %v", d.Version, queued, err)
	}

	// Each run has time for one step.
	state, runs := leads.Rescoring{Version: "2"}, 0
	var seen []string
	for ; state.Phase != leads.RescoringDone && runs < 20; runs++ {
		now, asked := t0.AddDate(0, 0, 2), 0
		clock := func() time.Time { asked++; return now.Add(time.Duration(asked) * time.Minute) }
		if state, err = l.Rescore(t.Context(), w, state, clock, now.Add(90*time.Second)); err != nil {
			t.Fatal(err)
		}
		x, err := s.Scored(t.Context(), w, leads.ModelID)
		if err != nil {
			t.Fatal(err)
		}
		if x.Version != "2" || x.Ended != (state.Phase == leads.RescoringDone) {
			t.Errorf("noted: %+v after %+v", x, state)
		}
		seen = append(seen, fmt.Sprintf("%d of %d", x.Done, x.Of))
		if runs == 3 { // cut short before its message was gone: it is done again
			if _, err := l.Rescore(t.Context(), w, state, time.Now, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if runs < 5 || state.Done != people || state.Of != people || state.Failed != 0 {
		t.Errorf("after %d runs: %+v", runs, state)
	}
	heads, err := s.LeadsOf(t.Context(), w, leads.ModelID, persons)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range heads {
		if h.ModelVer != "default@2" || h.Micro > 8e6 { // it was 16 and more
			t.Fatalf("a lead stands by %s with %d micro-points", h.ModelVer, h.Micro)
		}
	}
	drill.Show(t, "%d leads scored by a model that was published, in %d runs: %v", people, runs, seen)

	// One is scored before the model is gone back from, and nobody after it.
	if _, err := l.Activate(t.Context(), w, "1", t0.AddDate(0, 0, 3), queue); err != nil {
		t.Fatal(err)
	}
	if state, err = l.Rescore(t.Context(), w, leads.Rescoring{Version: "2"}, time.Now, time.Time{}); err != nil || state.Phase != leads.RescoringDone || state.Done != 0 {
		t.Errorf("of a model that is not in use: %+v, %v", state, err)
	}
	if x, err := s.Scored(t.Context(), w, leads.ModelID); err != nil || x.Version != "1" || x.Ended {
		t.Errorf("noted: %+v, %v", x, err)
	}

	var wg sync.WaitGroup
	versions := make([]string, 4)
	for i := range versions {
		wg.Go(func() {
			d, err := l.Publish(t.Context(), w, document(t, func(m *scoring.Model) { m.Title = "of " + strconv.Itoa(i) }), t0.AddDate(0, 0, 4), func(leads.Rescoring) error { return nil })
			if err != nil {
				t.Error(err)
			}
			versions[i] = d.Version
		})
	}
	wg.Wait()
	titles := map[string]string{}
	for i, v := range versions {
		d, err := s.Document(t.Context(), w, store.Models, v)
		if err != nil {
			t.Fatal(err)
		}
		m, err := scoring.ParseModel(d.Body)
		if err != nil || m.Title != "of "+strconv.Itoa(i) || titles[v] != "" || strconv.Itoa(m.Version) != v {
			t.Errorf("version %s is %q of version %d, %v", v, m.Title, m.Version, err)
		}
		titles[v] = m.Title
	}
}
