package side_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

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
	for _, a := range as {
		x.take(a.Sided(own.Has(a.Account())))
	}
}

func (x stack) take(a social.Activity) {
	x.t.Helper()
	if err := x.store.PutAccount(x.t.Context(), w, a); err != nil {
		x.t.Fatal(err)
	}
	a, _, _, err := x.store.PutFact(x.t.Context(), w, a, "")
	if err != nil {
		x.t.Fatal(err)
	}
	x.keep(a)
}

func (x stack) keep(a social.Activity) {
	x.t.Helper()
	for _, v := range all.Views(x.store, now) {
		if err := v.Keep(x.t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
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
		if !ok || rest == "S" || strings.HasPrefix(rest, "S#") {
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
	for seed := range uint64(4) {
		as := viewtest.Facts(seed, 24)
		for _, id := range []string{"asker1", "moderator", "fan"} {
			t.Run(fmt.Sprint(id, ", seed ", seed), func(t *testing.T) {
				x := newStack(t)
				x.come(as[:len(as)*2/3]...)
				before := x.items()
				x.name("forum", id)
				x.pass(begun(id))
				x.come(as[len(as)*2/3:]...)
				compare(t, "named late", fresh(t, as, id), x.items())
				x.name("forum")
				x.pass(begun(id))
				compare(t, "taken off again", fresh(t, as), x.items())
				if len(before) == 0 {
					t.Error("nothing was stored")
				}
			})
		}
	}
}

var _ = rand.New
var _ = context.Background
