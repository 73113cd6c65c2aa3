package erasure

import (
	"context"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/feedback"
	"rapport/internal/leads"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Made is all that feedback and leads make of facts, as one view.
type Made struct{ Store *store.Store }

// Name names it.
func (Made) Name() string { return "made" }

// Owns claims nothing: the views it stands for say which keys are theirs.
func (Made) Owns(string, string) bool { return false }

// Keep views facts again, and scores their accounts.
func (m Made) Keep(ctx context.Context, w string, facts []view.Fact) error {
	var refs []store.FactRef
	for _, f := range facts {
		refs = append(refs, f.Ref)
	}
	return m.again(ctx, w, refs)
}

// Forget takes away what was made of facts.
func (m Made) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	var list []social.Activity
	for _, f := range gone {
		list = append(list, f.Activity)
	}
	return m.Store.ForgetMade(ctx, w, list, func(ctx context.Context, refs []store.FactRef) error { return m.again(ctx, w, refs) })
}

func (m Made) again(ctx context.Context, w string, refs []store.FactRef) error {
	l := leads.New(m.Store)
	score := func(ctx context.Context, w string, accounts []string) error {
		for _, a := range accounts {
			if err := l.Rescore(ctx, w, a); err != nil && !fault.Is(err, fault.NotFound) { // no model: no scores
				return err
			}
		}
		return nil
	}
	f := feedback.New(m.Store, score)
	if err := f.View(ctx, w, refs...); err != nil {
		return err
	}
	var accounts []string
	for _, ref := range refs {
		a, err := m.Store.Activity(ctx, w, ref)
		if fault.Is(err, fault.NotFound) {
			continue // erased meanwhile
		}
		if err != nil {
			return err
		}
		if a.Actor.ID != social.Unknown {
			accounts = append(accounts, ref.Account)
		}
	}
	slices.Sort(accounts)
	return score(ctx, w, slices.Compact(accounts))
}
