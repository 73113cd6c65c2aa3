package leads_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/drill"
	"rapport/internal/lambdatest"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

// A model is published, and the person scored by it, after a slow run has read
// and before it has written: the lead must not stay on the old model.
func TestModelPublishedMidFlight(t *testing.T) {
	moments := 0
	for _, at := range []string{".BatchGetItem", ".GetItem", ".Query", ".PutItem"} { // before the head, the model, the facts, the write
		moments++
		t.Run(at, func(t *testing.T) {
			s, table := storetest.NewTable(t)
			publishModel(t, s, plain(t))
			first := asked("1", 0)
			put(t, s, first)
			account := first.Account().AccountID()
			var once sync.Once
			endpoint := lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, r *http.Request) bool {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), at) {
					once.Do(func() {
						m := plain(t)
						m.Version = 2
						b, err := json.Marshal(m)
						if err != nil {
							t.Error(err)
						}
						if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "2", Published: t0.AddDate(0, 0, 1), Body: b}); err != nil {
							t.Error(err)
						}
						if err := leadstest.Rescore(t.Context(), leads.New(s), w, account); err != nil {
							t.Error(err)
						}
					})
				}
				return true
			})
			t.Setenv("AWS_ENDPOINT_URL", endpoint)
			cfg, err := config.LoadDefaultConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := leadstest.Rescore(t.Context(), leads.New(store.New(cfg, table.Name)), w, account); err != nil {
				t.Fatal(err)
			}
			l, err := s.Lead(t.Context(), w, social.PersonID(account), leads.ModelID)
			if err != nil || l.ModelVer != "default@2" {
				t.Errorf("the lead stands by model %q, %v; the active one is default@2", l.ModelVer, err)
			}
		})
	}
	drill.Show(t, "a model published before each of %d kinds of requests of a running score: the lead stands by the new one each time", moments)
}

// What a score costs does not depend on how much there was before the model's
// horizon. RAPPORT_GROWTH=100000 compares with so many facts.
func TestGrowthOfAScore(t *testing.T) {
	const within = 200
	many := 500
	if v := os.Getenv("RAPPORT_GROWTH"); v != "" {
		fmt.Sscan(v, &many)
	}
	s := storetest.New(t)
	publishModel(t, s, plain(t))
	l := leads.New(s)
	newest := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	did := func(who string, i int, at time.Time) social.Activity {
		a := asked(fmt.Sprint(i), 0)
		a.Actor, a.Occurred, a.Known, a.Text = social.Actor{ID: who, Name: who}, at, at, strings.Repeat("long words ", 60)
		if i%10 < 7 {
			a.Type, a.Object.ID, a.Intent = social.React, "post", ""
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, fmt.Sprint(who, i), at)
		return a
	}
	var read, write float64
	measure := func(who string, facts int) (rru, wru float64, took time.Duration) {
		s.Consumed = nil
		var page []social.Activity
		store := func() {
			put(t, s, page...)
			page = nil
		}
		for i := range facts {
			// within of them a year, the others in the ten years before.
			at := newest.Add(-time.Duration(within-i) * 40 * time.Hour)
			if i >= within {
				at = newest.AddDate(-1, 0, -1).Add(-time.Duration(i) * 45 * time.Minute)
			}
			if page = append(page, did(who, i, at)); len(page) == 100 {
				store()
			}
		}
		store()
		account := did(who, 0, newest).Account().AccountID()
		start := time.Now()
		if err := leadstest.Rescore(t.Context(), l, w, account); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d facts scored from scratch in %s", facts, time.Since(start))
		const times = 16
		start = time.Now()
		for i := range times {
			a := did(who, 1_000_000+i, newest.Add(time.Duration(i)*time.Hour))
			s.Consumed = nil
			put(t, s, a)
			s.Consumed = func(r, w float64) { read += r; write += w }
			if err := errors.Join(l.Score(t.Context(), w, a.Occurred, view.StaleBy(a))...); err != nil {
				t.Fatal(err)
			}
		}
		rru, wru, took = read/times, write/times, time.Since(start)/times
		read, write = 0, 0
		return rru, wru, took
	}
	r1, w1, t1 := measure("few", within)
	r2, w2, t2 := measure("many", many)
	t.Logf("a new fact of a person with %d: %.2f RRU, %.2f WRU, %s; with %d: %.2f RRU, %.2f WRU, %s", within, r1, w1, t1, many, r2, w2, t2)
	if r2 > 1.2*r1 || w2 > 1.2*w1 {
		t.Errorf("it grows: %.2f times the reads, %.2f times the writes", r2/r1, w2/w1)
	}
	if r1 > 10 || w1 > 2.5 {
		t.Errorf("a score takes %.2f RRU and %.2f WRU", r1, w1)
	}
}
