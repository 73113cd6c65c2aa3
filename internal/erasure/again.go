package erasure

import (
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
)

// perLook bounds how many accounts are looked at at once.
const perLook = 100

// restored is the reason that a receipt gives where the first one is not there.
const restored = "restored from a backup"

// Again looks through all accounts of a workspace for those whose facts are
// there although a tombstone says that they were erased, as after a restore
// from a backup. It calls found with the demand that forgets them as of the
// tombstone's instant, so that what they did afterwards stays; where everyone
// of a scope was erased, that is one demand. It tells progress of each page: how
// many accounts were looked at. Whoever stops it begins from the start: what
// has been erased by then is found no more.
func Again(ctx context.Context, s *store.Store, key []byte, w string, found func(ingest.Erase) error, progress func(accounts int)) error {
	erased := Erased(s, key)
	scopes := map[ingest.Erase]bool{}
	for looked, after := 0, ""; ; {
		accounts, err := s.Accounts(ctx, w, after, perLook)
		if err != nil || len(accounts) == 0 {
			return err
		}
		tombs, err := erased(ctx, w, accounts)
		if err != nil {
			return err
		}
		back := make([]*social.AccountRef, len(accounts)) // those that have facts until then
		err = errors.Join(parallel.Each(ctx, len(accounts), 8, func(i int) (err error) {
			if at, ok := tombs[accounts[i]]; ok {
				back[i], err = standing(ctx, s, w, accounts[i], at)
			}
			return err
		})...)
		if err != nil {
			return err
		}
		var everyone []string
		for _, ref := range back {
			if ref != nil {
				everyone = append(everyone, nobodyOf(*ref).AccountID())
			}
		}
		slices.Sort(everyone)
		scoped, err := erased(ctx, w, slices.Compact(everyone))
		if err != nil {
			return err
		}
		for i, ref := range back {
			if ref == nil {
				continue
			}
			m := ingest.Erase{Workspace: w, Platform: string(ref.Platform), Scope: ref.Scope, ID: ref.ID, Reason: restored, At: social.Stamp(tombs[accounts[i]])}
			// Only a demand that means everyone of a scope erases whoever is not named.
			if at, ok := scoped[nobodyOf(*ref).AccountID()]; ok && !at.Before(tombs[accounts[i]]) {
				m.ID, m.At = "", social.Stamp(at)
				if scopes[m] {
					continue
				}
				scopes[m] = true
			}
			if err := found(m); err != nil {
				return err
			}
		}
		looked, after = looked+len(accounts), accounts[len(accounts)-1]
		progress(looked)
	}
}

// standing returns who an account is that did something until an instant; nil
// if it did nothing.
func standing(ctx context.Context, s *store.Store, w, account string, at time.Time) (*social.AccountRef, error) {
	for after := ""; ; {
		facts, last, err := s.FactsUntil(ctx, w, account, at, after, perPart)
		if err != nil {
			return nil, err
		}
		if len(facts) > 0 {
			ref := facts[0].Account()
			return &ref, nil
		}
		if after = last; last == "" {
			return nil, nil
		}
	}
}

// nobodyOf is whoever is not named in the account's scope.
func nobodyOf(ref social.AccountRef) social.AccountRef {
	ref.ID = social.Unknown
	return ref
}
