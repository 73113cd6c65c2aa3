// Package person is the view of whom an account belongs to: made of what was
// decided about accounts, which are facts of the account's own. Package leads
// keeps it up to date, since with it the leads change.
package person

import (
	"context"
	"maps"
	"slices"
	"strings"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// View is the view.
type View struct{ store *store.Store }

// New returns the view over a store.
func New(s *store.Store) View { return View{s} }

// Name is the view's name.
func (View) Name() string { return "person" }

// Owns reports whether an item says whom an account belongs to.
func (View) Owns(pk, sk string) bool { return strings.HasPrefix(pk, "A#") && sk == "P" }

// Keep makes it again of those who did what facts say.
func (v View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	accounts := map[string]bool{}
	for _, f := range facts {
		accounts[f.Account().AccountID()] = true
	}
	for _, a := range slices.Sorted(maps.Keys(accounts)) {
		decided, err := v.store.Links(ctx, w, a)
		if err != nil {
			return err
		}
		if len(decided) == 0 {
			continue
		}
		_, after, err := v.store.Regroup(ctx, w, a)
		if err != nil {
			return err
		}
		// Somebody may have scored the account alone before: whoever replied to it.
		for _, p := range after {
			for _, a := range p.Accounts {
				if id := social.PersonID(a); id != p.ID {
					if err := v.store.DropLeads(ctx, w, id); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// Forget has nothing to do: what was decided about an account goes with the
// account (store.Detach), not with what it did.
func (View) Forget(context.Context, string, []view.Fact) (int, error) { return 0, nil }
