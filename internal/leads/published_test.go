package leads_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/drill"
	"rapport/internal/lambdatest"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

// A model is published while a slow run scores a person: before or after it
// reads what it scores by, and whether or not somebody else has scored the
// person by the new model meanwhile. The lead stands by the new one.
func TestAModelPublishedWhileAScoreIsComputed(t *testing.T) {
	for name, c := range map[string]struct {
		operation, about string // of the request before which it is published
		scored, known    bool   // by the new model by somebody else; has a lead before
	}{
		"before the lead is read":                      {".BatchGetItem", "L#default", true, false},
		"before the lead is read, by nobody else":      {".BatchGetItem", "L#default", false, false},
		"before the facts are read":                    {".Query", "F#", true, false},
		"before the facts are read, by nobody else":    {".Query", "F#", false, false},
		"before the lead is written":                   {".PutItem", "L#default", true, false},
		"before the lead is written, by nobody else":   {".PutItem", "L#default", false, false},
		"before a known lead is written, by nobody":    {".PutItem", "L#default", false, true},
		"before a known lead is written, by the other": {".PutItem", "L#default", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, table := storetest.NewTable(t)
			publish(t, s)
			first := asked("1", 0)
			put(t, s, first)
			account := first.Account().AccountID()
			score := func(l *leads.Leads) {
				t.Helper()
				if err := errors.Join(l.Score(t.Context(), w, t0, view.Stale{Account: account})...); err != nil {
					t.Error(err)
				}
			}
			if c.known {
				score(leads.New(s))
			}
			var once sync.Once
			published := false
			endpoint := lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, r *http.Request) bool {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if strings.HasSuffix(r.Header.Get("X-Amz-Target"), c.operation) && bytes.Contains(body, []byte(c.about)) {
					once.Do(func() {
						published = true
						m := scoring.DefaultModel()
						m.Version = 2
						b, err := json.Marshal(m)
						if err != nil {
							t.Error(err)
						}
						if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "2", Published: t0.AddDate(0, 0, 1), Body: b}); err != nil {
							t.Error(err)
						}
						if c.scored {
							score(leads.New(s))
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
			score(leads.New(store.New(cfg, table.Name)))
			if !published {
				t.Fatal("nothing was published: the run does not make the request that the test waits for")
			}
			l, err := s.Lead(t.Context(), w, social.PersonID(account), leads.ModelID)
			if err != nil || l.ModelVer != "default@2" {
				t.Errorf("the lead stands by %s, and 2 is active: %v", l.ModelVer, err)
			}
		})
	}
	drill.Show(t, "published at each point of a score, scored by others or not: the lead is on the new model")
}

// Another model is published, or retired, while a slow run scores a person: the
// lead stands by all that are in use at the end, and by no other.
func TestAnotherModelWhileAScoreIsComputed(t *testing.T) {
	for name, retired := range map[string]bool{"published": false, "retired": true} {
		for _, at := range []string{".BatchGetItem", ".Query", ".PutItem"} { // before the heads, the facts, the write
			t.Run(name+at, func(t *testing.T) {
				s, table := storetest.NewTable(t)
				publish(t, s)
				first := asked("1", 0)
				put(t, s, first)
				account := first.Account().AccountID()
				nobody := func(leads.Rescoring) error { return nil } // the bulk work finds no lead to score, or to take away
				change := func() {
					var err error
					if l := leads.New(s); retired {
						err = l.By("fans").Retire(t.Context(), w, nobody)
					} else {
						_, err = l.Publish(t.Context(), w, []byte(fans), t0, nobody)
					}
					if err != nil {
						t.Error(err)
					}
				}
				if retired {
					if _, err := leads.New(s).Publish(t.Context(), w, []byte(fans), t0, nobody); err != nil {
						t.Fatal(err)
					}
				}
				var once sync.Once
				changed := false
				endpoint := lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, r *http.Request) bool {
					if strings.HasSuffix(r.Header.Get("X-Amz-Target"), at) {
						once.Do(func() { changed = true; change() })
					}
					return true
				})
				t.Setenv("AWS_ENDPOINT_URL", endpoint)
				cfg, err := config.LoadDefaultConfig(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(leads.New(store.New(cfg, table.Name)).Score(t.Context(), w, t0, view.Stale{Account: account})...); err != nil {
					t.Fatal(err)
				}
				models, err := s.LeadModels(t.Context(), w, social.PersonID(account))
				want := []string{"default", "fans"}
				if retired {
					want = want[:1]
				}
				if !changed || err != nil || !slices.Equal(models, want) {
					t.Errorf("%s: leads by %q, want %q; %v", name, models, want, err)
				}
			})
		}
	}
}
