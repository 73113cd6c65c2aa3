package side_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/erasure"
	"rapport/internal/rebuild"
	"rapport/internal/scoring"
	"rapport/internal/side"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/view/viewtest"
)

const w = "acme"

func now() time.Time { return time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC) }

// stack is a workspace with two sources, which name accounts.
type stack struct {
	t     *testing.T
	store *store.Store
	table storetest.Table
}

func newStack(t *testing.T) stack {
	t.Helper()
	s, table := storetest.NewTable(t)
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: now(), Body: model}); err != nil {
		t.Fatal(err)
	}
	for i, scope := range []string{"forum", "other"} {
		app := store.App{ID: "app_" + scope, Owner: w, Platform: "standard"}
		if err := s.CreateSource(t.Context(), app, true, store.Source{ID: "src_" + scope, Workspace: w, App: app.ID, Platform: "standard", Scope: scope, Created: now().AddDate(0, 0, i)}); err != nil {
			t.Fatal(err)
		}
	}
	return stack{t, s, table}
}

func (x stack) name(source string, own ...string) {
	x.t.Helper()
	if err := x.store.PutOwn(x.t.Context(), w, "src_"+source, own, nil); err != nil {
		x.t.Fatal(err)
	}
}

// come takes activities as ingest does, and makes their views.
func (x stack) come(as ...social.Activity) {
	x.t.Helper()
	own, err := x.store.OwnAccounts(x.t.Context(), w)
	if err != nil {
		x.t.Fatal(err)
	}
	var facts []view.Fact
	for _, a := range as {
		facts = append(facts, x.put(a.Sided(own.Has(a.Account()))))
	}
	x.keep(facts...)
}

func (x stack) put(a social.Activity) view.Fact {
	x.t.Helper()
	if err := x.store.PutAccount(x.t.Context(), w, a); err != nil {
		x.t.Fatal(err)
	}
	a, _, _, err := x.store.PutFact(x.t.Context(), w, a, "")
	if err != nil {
		x.t.Fatal(err)
	}
	return view.FactOf(a)
}

func (x stack) keep(facts ...view.Fact) {
	x.t.Helper()
	for _, v := range all.Views(x.store, now) {
		if err := v.Keep(x.t.Context(), w, facts); err != nil {
			x.t.Fatalf("view %s: %v", v.Name(), err)
		}
	}
}

// pass makes one pass over accounts.
func (x stack) pass(s side.State) side.State {
	x.t.Helper()
	s, err := side.New(x.store, now).Run(x.t.Context(), s, time.Time{})
	if err != nil {
		x.t.Fatal(err)
	}
	return s
}

func begun(ids ...string) side.State {
	return side.State{Workspace: w, Platform: "standard", IDs: ids, Since: now()}
}

// items is all that is stored of what people did, and all views of it.
func (x stack) items() map[string]string {
	x.t.Helper()
	views := all.Views(x.store, now)
	out := map[string]string{}
	for k, v := range x.table.DumpBut(x.t, func(pk, sk string) []string { return view.Arrival(views, strings.TrimPrefix(pk, w+"#"), sk) }) {
		pk, sk, _ := strings.Cut(k, " | ")
		rest, ok := strings.CutPrefix(pk, w+"#")
		if !ok || rest == "S" || rest == "D" && strings.HasPrefix(sk, "X#") { // a month that had responses stays listed
			continue
		}
		canonical := false
		for _, v := range views {
			if _, is := v.(view.Canonical); is && v.Owns(rest, sk) {
				canonical = true
			}
		}
		if !canonical {
			out[k] = v
		}
	}
	for _, v := range views {
		c, ok := v.(view.Canonical)
		if !ok {
			continue
		}
		says, err := c.Says(x.t.Context(), w)
		if err != nil {
			x.t.Fatal(err)
		}
		for k, what := range says {
			out[v.Name()+": "+k] = what
		}
	}
	return out
}

func compare(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	n := 0
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if want[k] != got[k] {
			if n++; n <= 10 {
				t.Errorf("%s: %s\n  want %.600s\n  got  %.600s", what, k, want[k], got[k])
			}
		}
	}
	if n > 10 {
		t.Errorf("%s: and %d more", what, n-10)
	}
}

// fresh is what is stored where the lists were so from the beginning.
func fresh(t *testing.T, as []social.Activity, own ...string) map[string]string {
	t.Helper()
	x := newStack(t)
	x.name("forum", own...)
	x.come(as...)
	return x.items()
}

// TestAsFromTheBeginning: over made-up histories, what an account that is
// named late did, and all that is made of it, is what it is where it was named
// before anything came; and as if it was never named, once it is taken off.
func TestAsFromTheBeginning(t *testing.T) {
	for seed, ids := range [][]string{{"asker1"}, {"asker0", "moderator", "fan"}, {"asker2", "asker0"}} {
		as := viewtest.Facts(uint64(seed), 20)
		t.Run(fmt.Sprint(ids), func(t *testing.T) {
			x := newStack(t)
			x.come(as[:len(as)*2/3]...)
			x.name("forum", ids...)
			x.pass(begun(ids...))
			x.come(as[len(as)*2/3:]...)
			named := x.items()
			compare(t, "named late", fresh(t, as, ids...), named)
			x.name("forum")
			x.pass(begun(ids...))
			again := x.items()
			compare(t, "taken off again", fresh(t, as), again)
			if maps.Equal(named, again) {
				t.Error("it makes no difference")
			}
		})
	}
}

// counted is a client that calls at before its n-th request, which fails where that is an error.
type counted struct {
	mu    sync.Mutex
	n, at int
	do    func() error
}

func (c *counted) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.n++
	n := c.n
	c.mu.Unlock()
	if n == c.at {
		if err := c.do(); err != nil {
			c.at++ // the process is dead
			return nil, err
		}
	}
	return http.DefaultClient.Do(r)
}

// asked is the store as it is asked through a client.
func (x stack) asked(c *counted) *store.Store {
	x.t.Helper()
	cfg, err := config.LoadDefaultConfig(x.t.Context(), config.WithRetryMaxAttempts(1))
	if err != nil {
		x.t.Fatal(err)
	}
	cfg.HTTPClient = c
	return store.New(cfg, x.table.Name)
}

// TestDeathAnywhere: whoever does the work dies before a request; the message
// comes again.
func TestDeathAnywhere(t *testing.T) {
	as := viewtest.Facts(1, 4)
	id := as[0].Actor.ID
	want := fresh(t, as, id)
	for at, done := 1, false; !done; at += 2 + at/2 {
		x := newStack(t)
		x.come(as...)
		x.name("forum", id)
		c := &counted{at: at, do: func() error { return errors.New("dead") }}
		_, err := side.New(x.asked(c), now).Run(t.Context(), begun(id), time.Time{})
		if done = c.n < at; !done && err == nil {
			t.Errorf("dead before request %d, and nobody says so", at)
		}
		x.pass(begun(id))
		compare(t, fmt.Sprint("dead before request ", at), want, x.items())
	}
}

// TestHeldView: whoever makes views of a fact is held before a request, while
// its account is named.
func TestHeldView(t *testing.T) {
	as := viewtest.Facts(1, 5)
	id := as[0].Actor.ID
	want := fresh(t, as, id)
	for at, done := 1, false; !done; at += 2 + at/3 {
		x := newStack(t)
		f := x.put(as[0])
		x.come(as[1:]...)
		x.name("forum", id)
		c := &counted{at: at, do: func() error { x.pass(begun(id)); return nil }}
		for _, v := range all.Views(x.asked(c), now)[:2] { // what is made of single facts
			if err := v.Keep(t.Context(), w, []view.Fact{f}); err != nil {
				t.Fatal(err)
			}
		}
		if done = c.n < at; done {
			return
		}
		compare(t, fmt.Sprint("held before request ", at), want, x.items())
	}
}

// TestLate: what came with the side that ingest remembered is found by the
// second pass, and then there is a third, which finds nothing.
func TestLate(t *testing.T) {
	as := viewtest.Facts(0, 12)
	id := "asker0"
	x := newStack(t)
	x.come(as[:8]...)
	x.name("forum", id)
	first := x.pass(begun(id))
	var late []view.Fact
	for _, a := range as[8:] {
		late = append(late, x.put(a))
	}
	x.keep(late...)
	second := x.pass(first)
	third := x.pass(second)
	if !first.Wait || first.Found == 0 || !second.Wait || second.Found == 0 || !third.Done || third.Found != 0 {
		t.Errorf("%+v, %+v, %+v", first, second, third)
	}
	compare(t, "late", fresh(t, as, id), x.items())
	// Delivered again by who remembers another list: it stays as it is.
	x.keep(x.put(as[0]))
	compare(t, "again", fresh(t, as, id), x.items())
}

// TestSourcesDisagree: one source that names an account suffices.
func TestSourcesDisagree(t *testing.T) {
	as := viewtest.Facts(1, 6)
	id := as[0].Actor.ID
	x := newStack(t)
	x.come(as...)
	x.name("forum", id)
	x.name("other", id)
	x.pass(begun(id))
	want := x.items()
	x.name("forum")
	x.pass(begun(id))
	compare(t, "another source names it", want, x.items())
	x.name("other")
	x.pass(begun(id))
	compare(t, "none names it", fresh(t, as), x.items())
}

// TestMany: an account of more activities than a page holds is done in pages, whose progress is shown; a rebuild finds nothing amiss.
func TestMany(t *testing.T) {
	var as []social.Activity
	for i := range 120 {
		at := now().Add(time.Duration(i-200) * time.Minute)
		a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "agent"}, Object: social.Object{ID: fmt.Sprint("m", i)}, Conversation: fmt.Sprint("t", i/3),
			Text: "words", Occurred: at, Known: at, Direction: social.Inbound, Reading: social.Reading{Language: "en", Sentiment: social.SentimentNeutral, Intent: social.IntentQuestion}}
		if i%12 == 0 {
			a.Actor.ID = "ann"
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		as = append(as, a)
	}
	x := newStack(t)
	x.come(as...)
	x.name("forum", "agent")
	asked := store.Siding{Platform: "standard", ID: "agent", Since: now()}
	if err := x.store.PutSiding(t.Context(), w, asked); err != nil {
		t.Fatal(err)
	}
	clock, s := now(), begun("agent")
	worker := side.New(x.store, func() time.Time { clock = clock.Add(time.Second); return clock })
	steps, most := 0, 0
	for ; !s.Wait; steps++ {
		var err error
		if s, err = worker.Run(t.Context(), s, clock.Add(2*time.Second)); err != nil { // a step at a time
			t.Fatal(err)
		}
		list, err := x.store.Sidings(t.Context(), w, "standard", 10)
		if err != nil || len(list) != 1 && !s.Wait {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, l := range list {
			most = max(most, l.Facts)
		}
		if s.Wait && len(list) > 0 {
			t.Errorf("done, and still %+v", list)
		}
	}
	if steps < 4 || most != 100 {
		t.Errorf("%d steps, the last said it had gone through %d", steps, most)
	}
	compare(t, "many", fresh(t, as, "agent"), x.items())
	r := &rebuild.Rebuild{Store: x.store, Now: now, Views: func(s *store.Store) []view.View { return all.Views(s, now) }}
	built, err := r.Run(t.Context(), rebuild.State{Workspace: w}, time.Time{}, func(rebuild.State) {})
	if err != nil || built.Different() > 0 {
		t.Errorf("a rebuild: %s, %v", built, err)
	}
}

// TestErasedMeanwhile: an account comes to the other side before a request of
// its erasure, and nothing of it is left.
func TestErasedMeanwhile(t *testing.T) {
	as := viewtest.Facts(1, 5)
	id := as[0].Actor.ID
	account := as[0].Account().AccountID()
	for at := 1; ; at += 2 + at/3 {
		x := newStack(t)
		x.come(as...)
		x.name("forum", id)
		c := &counted{at: at, do: func() error { x.pass(begun(id)); return nil }}
		if err := erasure.New(x.asked(c), now).Account(t.Context(), w, account, erasure.Forever, map[string]int{}); err != nil {
			t.Fatal(err)
		}
		if c.n < at {
			return
		}
		for k, v := range x.items() {
			if strings.Contains(k+v, account) || strings.Contains(k+v, social.PersonID(account)) {
				t.Errorf("named before request %d of its erasure: left in %s: %.300s", at, k, v)
			}
		}
	}
}
