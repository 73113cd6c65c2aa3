package erasure_test

import (
	"context"
	"testing"
	"time"

	"rapport/internal/feedback"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// A view that is written while the fact it is of goes is taken away by whoever
// writes it: here the fact goes after it was read and before it is viewed.
func TestViewWrittenWhileTheFactGoes(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	said := social.Activity{Key: "standard|forum|post|1|x", Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ann", Scope: "forum"},
		Object: social.Object{ID: "1"}, Text: "words that must not stay", Occurred: at, Known: at, Direction: social.Inbound}
	if _, err := s.PutActivity(t.Context(), "acme", said, "r"); err != nil {
		t.Fatal(err)
	}
	account := said.Account().AccountID()
	f := feedback.New(s, func(context.Context, string, []string) error { return nil })
	if err := f.View(t.Context(), "acme", store.RefOf(said)); err != nil {
		t.Fatal(err)
	}
	item, err := s.Item(t.Context(), "acme", said)
	if err != nil || item.Text == "" {
		t.Fatalf("no view to begin with: %+v, %v", item, err)
	}
	if err := s.ForgetAccount(t.Context(), "acme", account); err != nil {
		t.Fatal(err)
	}
	// What a slower writer had in hand.
	if err := s.PutItem(t.Context(), "acme", store.Item{Activity: said, Account: account, Person: social.PersonID(account)}, "r"); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetViews(t.Context(), "acme", said); err != nil { // as View does once it sees that the fact is gone
		t.Fatal(err)
	}
	if item, err = s.Item(t.Context(), "acme", said); err != nil || item.Text != "" || item.Version != 0 {
		t.Errorf("still there: %+v, %v", item, err)
	}
}
