package store_test

import (
	"testing"
	"time"

	"rapport/internal/outcomes"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// Who is a customer as of an instant is told by what was known by then, whenever it happened.
func TestACustomerIsOneFromWhenItIsKnown(t *testing.T) {
	s := storetest.New(t)
	a := social.Activity{Platform: "standard", Scope: "shop", Type: social.Post, Actor: social.Actor{ID: "ann"}, Occurred: t0}
	if err := s.PutAccount(t.Context(), "acme", a); err != nil {
		t.Fatal(err)
	}
	account := a.Account().AccountID()
	of := store.Person{ID: social.PersonID(account), Accounts: []string{account}}
	day := func(n int) time.Time { return t0.AddDate(0, 0, n) }
	for _, o := range []store.Outcome{
		{ID: "deal-1", Account: account, Kind: outcomes.Won, At: day(1), Recorded: day(5), By: "mem_1"},
		{ID: "sub-1", Account: account, Kind: outcomes.Churned, At: day(2), Recorded: day(7), By: "mem_1"},
	} {
		if _, _, err := s.PutOutcome(t.Context(), "acme", of, o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.WithdrawOutcome(t.Context(), "acme", "sub-1", "mem_1", day(9)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day      int
		customer bool
		decided  time.Time
	}{{3, false, time.Time{}}, {6, true, day(5)}, {8, false, day(7)}, {10, true, day(9)}} {
		k, err := s.WorkingWith(t.Context(), "acme", of.Accounts, day(c.day))
		if err != nil || k.Customer != c.customer || !k.Decided.Equal(c.decided) {
			t.Errorf("as of day %d: customer %v, decided %v, %v", c.day, k.Customer, k.Decided, err)
		}
	}
}
