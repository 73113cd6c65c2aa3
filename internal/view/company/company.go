// Package company is the view of the company that the owner of an account
// works for: made of the attributes that were told of the account, which are
// facts. Package leads keeps it up to date, since the leads show it.
//
// It is of accounts, not of persons, so that merging and taking apart change
// nothing: a person's company is that of one of the accounts (profile.FirmOf).
package company

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/store"
	"rapport/internal/view"
)

// View is the view.
type View struct{ store *store.Store }

// New returns the view over a store.
func New(s *store.Store) View { return View{s} }

// Name is the view's name.
func (View) Name() string { return "company" }

// Owns reports whether an item says for which company the owner of an account works.
func (View) Owns(pk, sk string) bool { return strings.HasPrefix(pk, "A#") && sk == "O" }

// Keep makes it again of those who did what facts say.
func (v View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	accounts := map[string]bool{}
	for _, f := range facts {
		accounts[f.Account().AccountID()] = true
	}
	return v.KeepAccounts(ctx, w, slices.Sorted(maps.Keys(accounts))...)
}

// KeepAccounts makes it again of accounts.
func (v View) KeepAccounts(ctx context.Context, w string, accounts ...string) error {
	return errors.Join(v.KeepEach(ctx, w, accounts...)...)
}

// KeepEach makes it again of accounts, and returns an error or nil for each.
func (v View) KeepEach(ctx context.Context, w string, accounts ...string) []error {
	return parallel.Each(ctx, len(accounts), 16, func(i int) error {
		return store.Again(ctx, func() error {
			// First what stands, with its version, then the facts: whoever writes later sees these.
			was, version, err := v.store.CompanyOf(ctx, w, accounts[i])
			if err != nil {
				return err
			}
			of, err := v.store.AttributesOf(ctx, w, accounts[i])
			if err != nil {
				return err
			}
			firm := profile.FirmOf(of, profile.Newest(of))
			if (store.Company{ID: firm.ID, Name: store.ShortName(firm.Name), Domain: firm.Domain}) == was {
				return nil
			}
			return v.store.PutCompany(ctx, w, accounts[i], firm, version)
		})
	})
}

// Forget has nothing to do: what was told of an account goes with the account
// (store.ForgetAttributes), not with what it did.
func (View) Forget(context.Context, string, []view.Fact) (int, error) { return 0, nil }
