package erasure_test

import (
	"context"
	"testing"
	"time"

	"rapport/internal/erasure"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

// A view that is written while the fact it is of goes is taken away by whoever
// writes it: here the fact goes after it was read and before it is viewed.
func TestViewWrittenWhileTheFactGoes(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	said := social.Activity{Key: "standard|forum|post|1|x", Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ann", Scope: "forum"},
		Object: social.Object{ID: "1"}, Text: "words that must not stay", Occurred: at, Known: at, Direction: social.Inbound}
	if _, err := s.PutActivity(t.Context(), "acme", said); err != nil {
		t.Fatal(err)
	}
	account := said.Account().AccountID()
	f := talk.New(s, func(context.Context, string, []view.Stale) error { return nil })
	if err := f.View(t.Context(), "acme", store.RefOf(said)); err != nil {
		t.Fatal(err)
	}
	days := byday.New(s, nil)
	if err := days.Store(t.Context(), "acme", []social.Activity{said}); err != nil {
		t.Fatal(err)
	}
	if says, err := days.Says(t.Context(), "acme"); err != nil || len(says) != 1 {
		t.Fatalf("no tuple to begin with: %v, %v", says, err)
	}
	if err := erasure.New(s, time.Now).Account(t.Context(), "acme", account, erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	// What a slower writer had in hand.
	for name, look := range map[string]func() error{
		"ingest, whose facts are viewed then": func() error { return f.View(t.Context(), "acme", store.RefOf(said)) },
		"whoever keeps it":                    func() error { return days.Keep(t.Context(), "acme", []view.Fact{view.FactOf(said)}) },
	} {
		if err := days.Store(t.Context(), "acme", []social.Activity{said}); err != nil {
			t.Fatal(err)
		}
		if err := look(); err != nil {
			t.Fatal(err)
		}
		if says, err := days.Says(t.Context(), "acme"); err != nil || len(says) != 0 {
			t.Errorf("%s: still there: %v, %v", name, says, err)
		}
	}
}
