package leads_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"bytes"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/lambdatest"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

const w = "acme"

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

func asked(id string, m int) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ann", Name: "Ann"}, Object: social.Object{ID: id},
		Text: "What does it cost?", Reading: social.Reading{Intent: "purchase"}, Occurred: t0.Add(time.Duration(m) * time.Minute), Known: t0.Add(24 * time.Hour), Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, a.Occurred)
	return a
}

func publish(t testing.TB, s *store.Store) { publishModel(t, s, scoring.DefaultModel()) }

// publishedModel is a model as it is read back.
func publishedModel(t testing.TB, m scoring.Model) scoring.Model {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = scoring.ParseModel(b); err != nil {
		t.Fatal(err)
	}
	return m
}

func publishModel(t testing.TB, s *store.Store, m scoring.Model) {
	t.Helper()
	model, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: t0, Body: model}); err != nil {
		t.Fatal(err)
	}
}

// dump is a table but for when heads are due, which may be sooner than need be.
func dump(t *testing.T, table storetest.Table) map[string]string {
	t.Helper()
	return table.DumpBut(t, func(pk, sk string) []string {
		if strings.Contains(pk, "#P#") && strings.HasPrefix(sk, "L#") {
			return []string{"Due", "G3PK", "G3SK"}
		}
		return nil
	})
}

func put(t *testing.T, s *store.Store, as ...social.Activity) {
	t.Helper()
	for _, a := range as {
		if _, err := s.PutActivity(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFactBetweenReadAndWrite holds the write of a view until, after its
// reads, another fact was stored and the person scored by somebody else. The
// late writer must not put its older view over the newer one.
func TestFactBetweenReadAndWrite(t *testing.T) {
	s, table := storetest.NewTable(t)
	publish(t, s)
	first, second := asked("1", 0), asked("2", 90)
	put(t, s, first)
	account := first.Account().AccountID()

	var once sync.Once
	conflicts := 0
	endpoint := lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") && bytes.Contains(body, []byte(`"L#default"`)) {
			conflicts++
			once.Do(func() {
				put(t, s, second)
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
	if conflicts != 2 {
		t.Errorf("the held writer wrote %d times; want 2: one refused, one after reading again", conflicts)
	}

	clean, cleanTable := storetest.NewTable(t)
	publish(t, clean)
	put(t, clean, first, second)
	if err := leadstest.Rescore(t.Context(), leads.New(clean), w, account); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(dump(t, cleanTable), dump(t, table)); d != "" {
		t.Errorf("a fact between read and write (-without race +with):\n%s", d)
	}
	drill.Show(t, "a fact and a newer lead between read and write: the old one is refused, and written after reading again (%d writes)", conflicts)
}

func TestEvaluateAsOf(t *testing.T) {
	s := storetest.New(t)
	publish(t, s)
	a, b := asked("1", 0), asked("2", 60*24*3)
	put(t, s, a, b)
	l := leads.New(s)
	person := social.PersonID(a.Account().AccountID())
	if err := leadstest.Rescore(t.Context(), l, w, a.Account().AccountID()); err != nil {
		t.Fatal(err)
	}

	_, err := l.Evaluate(t.Context(), w, person, t0.Add(-time.Minute))
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("before the first fact: got %v, want not found", err)
	}
	early, err := l.Evaluate(t.Context(), w, person, t0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range early.Score.Contributions {
		for _, k := range c.Evidence {
			if k != a.Key {
				t.Errorf("as of the first fact, rule %s rests on %s", c.Rule, k)
			}
		}
	}
	now, err := l.Evaluate(t.Context(), w, person, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.Lead(t.Context(), w, person, leads.ModelID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(now.Lead, stored); d != "" {
		t.Errorf("evaluated now and as stored (-evaluated +stored):\n%s", d)
	}
	if !now.AsOf.Equal(b.Occurred) {
		t.Errorf("as of %s, want the newest fact's %s", now.AsOf, b.Occurred)
	}

	top, complete, err := l.Top(t.Context(), w, t0, 5)
	if err != nil || !complete || len(top) != 1 || top[0].Micro != early.Micro {
		t.Errorf("top as of the first fact: %d leads, complete %v, %v", len(top), complete, err)
	}
}

// Whoever the platform doesn't name is nobody: what all of them did makes no lead.
func TestNobodyIsNoLead(t *testing.T) {
	s := storetest.New(t)
	publish(t, s)
	nobody := asked("1", 0)
	nobody.Actor = social.Actor{ID: social.Unknown}
	put(t, s, nobody, asked("2", 1))
	l := leads.New(s)
	for _, a := range []social.Activity{nobody, asked("2", 1)} {
		if err := leadstest.Rescore(t.Context(), l, w, a.Account().AccountID()); err != nil {
			t.Fatal(err)
		}
	}
	top, _, err := s.Leads(t.Context(), w, leads.ModelID, "", 10)
	if err != nil || len(top) != 1 || top[0].Person != social.PersonID(asked("2", 1).Account().AccountID()) {
		t.Errorf("%+v, %v; want Ann alone", top, err)
	}
}

// Machines are no leads, nor is who only closes a thread; who also speaks is one by that alone.
func TestMachinesAndClosingsMakeNoLead(t *testing.T) {
	s := storetest.New(t)
	publish(t, s)
	bot, closes, both, later := asked("1", 0), asked("2", 1), asked("3", 2), asked("4", 3)
	bot.Actor.ID, closes.Actor.ID = "builder", "closer"
	bot.Automatic, later.Automatic, closes.Type = true, true, social.Close
	put(t, s, bot, closes, both, later)
	l := leads.New(s)
	for _, a := range []social.Activity{bot, closes, both} {
		if err := leadstest.Rescore(t.Context(), l, w, a.Account().AccountID()); err != nil {
			t.Fatal(err)
		}
	}
	top, _, err := s.Leads(t.Context(), w, leads.ModelID, "", 10)
	if err != nil || len(top) != 1 || top[0].Person != social.PersonID(both.Account().AccountID()) || !top[0].Seen.Equal(both.Occurred) {
		t.Errorf("%+v, %v; want one lead, seen at %s", top, err, both.Occurred)
	}
}

// A lead that is due stays due then, whatever comes; once that is past, it is
// due when its place changes.
func TestALeadStaysDue(t *testing.T) {
	s := storetest.New(t)
	publishModel(t, s, plain(t))
	l := leads.New(s)
	score := func(now time.Time, facts ...social.Activity) store.Lead {
		t.Helper()
		st := happens(t, s, facts...)
		if err := errors.Join(l.Score(t.Context(), w, now, st)...); err != nil {
			t.Fatal(err)
		}
		head, err := s.Lead(t.Context(), w, social.PersonID(st.Account), leads.ModelID)
		if err != nil {
			t.Fatal(err)
		}
		return head
	}
	first := asked("1", 0)
	one := score(first.Occurred, first)
	if !one.Due.After(first.Occurred) {
		t.Fatalf("due %s, scored %s", one.Due, first.Occurred)
	}
	second := asked("2", 60*62)
	if two := score(second.Occurred, second); !two.Due.Equal(one.Due) || two.Micro <= one.Micro {
		t.Errorf("due %s with %d, and before %s with %d", two.Due, two.Micro, one.Due, one.Micro)
	}
	if three := score(one.Due, second); !three.Due.After(one.Due) {
		t.Errorf("scored when it was due, %s, it is due %s", one.Due, three.Due)
	}
}
