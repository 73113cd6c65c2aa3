package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

func attribute(id, name, value string) profile.Fact {
	return profile.Fact{ID: id, Name: name, Kind: profile.Text, Value: value, Source: profile.CRM, At: t0, Known: t0, By: "key_a"}
}

// An attribute is told once, however often it is sent, all of an account's at
// once or none, and no more than are kept.
func TestAttributes(t *testing.T) {
	s, table := storetest.NewTable(t)
	var accounts []string
	for i := range 25 {
		a := social.Activity{Platform: "standard", Scope: "shop", Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("u", i)}, Occurred: t0}
		if err := s.PutAccount(t.Context(), "acme", a); err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, a.Account().AccountID())
	}
	var rows []profile.Of
	for _, a := range accounts {
		rows = append(rows, profile.Of{Account: a, Facts: []profile.Fact{attribute("title-0001", "title", "CTO"), attribute("email-0001", "email", "a@contoso.com")}})
	}
	rows = append(rows, profile.Of{Account: "acc_nobody", Facts: []profile.Fact{attribute("title-0001", "title", "CTO")}})
	fresh, errs := s.PutAttributes(t.Context(), "acme", rows...)
	if !slices.Equal(fresh[:25], slices.Repeat([]int{2}, 25)) || errors.Join(errs[:25]...) != nil || !fault.Is(errs[25], fault.NotFound) {
		t.Fatalf("stored %v, %v", fresh, errs)
	}
	fresh, errs = s.PutAttributes(t.Context(), "acme", rows[:25]...)
	if !slices.Equal(fresh, make([]int, 25)) || errors.Join(errs...) != nil {
		t.Errorf("stored again: %v, %v", fresh, errs)
	}
	_, errs = s.PutAttributes(t.Context(), "acme", profile.Of{Account: accounts[0], Facts: []profile.Fact{attribute("title-0002", "title", "CEO"), attribute("title-0001", "title", "CEO")}})
	if !fault.Is(errs[0], fault.Conflict) || !strings.Contains(errs[0].Error(), "title-0001") {
		t.Errorf("an id that is another's: %v", errs[0])
	}
	of, err := s.AttributesOf(t.Context(), "acme", accounts[0], "acc_nobody", accounts[1])
	if err != nil || len(of) != 3 || len(of[0].Facts) != 2 || len(of[1].Facts) != 0 || of[2].Account != accounts[1] {
		t.Fatalf("%+v, %v", of, err)
	}
	if got := of[0].Facts[1]; got != attribute("title-0001", "title", "CTO") {
		t.Errorf("read back as %+v", got)
	}
	if there, err := s.AttributesOf(t.Context(), store.Rebuilt("acme"), accounts[0]); err != nil || len(there[0].Facts) != 2 {
		t.Errorf("a rebuild sees %+v, %v", there, err)
	}
	for n := 2; n < store.MaxAttributes; n += store.MaxTold {
		o := profile.Of{Account: accounts[0]}
		for i := range min(store.MaxTold, store.MaxAttributes-n) {
			o.Facts = append(o.Facts, attribute(fmt.Sprintf("many-%05d", n+i), "title", "CTO"))
		}
		if _, errs := s.PutAttributes(t.Context(), "acme", o); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	_, errs = s.PutAttributes(t.Context(), "acme", profile.Of{Account: accounts[0], Facts: []profile.Fact{attribute("one-more1", "title", "CTO")}})
	if !fault.Is(errs[0], fault.TooLarge) {
		t.Errorf("one over the bound: %v", errs[0])
	}
	over := table.TellMany(t, accounts[1], 24)
	if of, err := s.AttributesOf(t.Context(), "acme", accounts[1]); err != nil || len(of[0].Facts) != over || over <= store.MaxAttributes+store.MaxTold {
		t.Errorf("told by many at once: %d of %d are read, %v", len(of[0].Facts), over, err)
	}
	// More than can be read is said, and never half of it.
	table.TellMany(t, accounts[1], 81)
	if _, err := s.AttributesOf(t.Context(), "acme", accounts[1]); !fault.Is(err, fault.TooLarge) {
		t.Errorf("over what is read: %v", err)
	}
	if _, errs := s.PutAttributes(t.Context(), "acme", profile.Of{Account: accounts[1], Facts: []profile.Fact{attribute("one-more1", "title", "CTO")}}); !fault.Is(errs[0], fault.TooLarge) {
		t.Errorf("told to whom too much was: %v", errs[0])
	}
	// Nobody passes the bound by telling at the same time.
	table.TellMany(t, accounts[2], 19) // 477 with the two
	at := make([]profile.Of, 8)
	for n := range at {
		at[n] = profile.Of{Account: accounts[2]}
		for i := range 4 {
			at[n].Facts = append(at[n].Facts, attribute(fmt.Sprintf("once-%05d", 10*n+i), "title", "CTO"))
		}
	}
	_, errs = s.PutAttributes(t.Context(), "acme", at...)
	refused := 0
	for _, err := range errs {
		if fault.Is(err, fault.TooLarge) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if of, err = s.AttributesOf(t.Context(), "acme", accounts[2]); err != nil || len(of[0].Facts) != 497 || refused != 3 {
		t.Errorf("told at once: %d stand, %d refused, %v", len(of[0].Facts), refused, err)
	}
	if n, err := s.ForgetAttributes(t.Context(), "acme", accounts[0]); n != store.MaxAttributes || err != nil {
		t.Errorf("%d were forgotten, %v", n, err)
	}
	if of, err = s.AttributesOf(t.Context(), "acme", accounts[0]); err != nil || len(of[0].Facts) != 0 {
		t.Errorf("left: %+v, %v", of, err)
	}
}
