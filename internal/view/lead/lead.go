// Package lead is the view of where each person stands in the list of leads and,
// where a model asks for colleagues, of who works for which company and when they
// did something; package leads computes it.
package lead

import (
	"context"
	"errors"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// View is the view.
type View struct {
	leads *leads.Leads
	now   func() time.Time
}

// New returns the view over a store. The heads are as of now.
func New(s *store.Store, now func() time.Time) *View { return &View{leads.New(s), now} }

// Name is the view's name.
func (*View) Name() string { return "lead" }

// Owns reports whether an item is a head, or a person among those of a company.
func (*View) Owns(pk, sk string) bool {
	return strings.HasPrefix(pk, "CP#") || strings.HasPrefix(pk, "P#") && strings.HasPrefix(sk, "L#")
}

// Arrival says that a head may be due sooner than it need be: as soon as it
// was when it was written before, or since something is still to be announced,
// which depends on what was announced.
func (*View) Arrival(pk, sk string) []string { return []string{"Due", "G3PK", "G3SK", "Waits"} }

// Keep scores those who did what facts say. Whoever else a fact has a part in,
// as the reply to somebody does, is told by the view that finds it so. Without
// a published model there are no leads.
func (v *View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	var list []view.Stale
	for _, f := range facts {
		if f.Direction == social.Inbound && f.Actor.ID != social.Unknown {
			list = append(list, view.StaleBy(f.Activity))
		}
	}
	return v.score(ctx, w, list)
}

// Forget scores again, of all their facts, those who did what facts say: who
// did nothing else is no lead any more. What a head by a retired model holds of
// them goes, too. It returns 0: whether one was is not told.
func (v *View) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	var list []view.Stale
	var accounts []string
	for _, f := range gone {
		if f.Direction == social.Inbound && f.Actor.ID != social.Unknown {
			list = append(list, view.Stale{Account: f.Account().AccountID()})
		}
	}
	list = view.Merge(list)
	for _, s := range list {
		accounts = append(accounts, s.Account)
	}
	if err := v.leads.DropRetired(ctx, w, accounts); err != nil && !fault.Is(err, fault.NotFound) {
		return 0, err
	}
	return 0, v.score(ctx, w, list)
}

// Leave has the person of an account that goes be no colleague any more, before
// its head is taken away with all that stands beside it.
func (v *View) Leave(ctx context.Context, w, account string) error {
	return v.leads.Unlist(ctx, w, social.PersonID(account), v.now())
}

func (v *View) score(ctx context.Context, w string, list []view.Stale) error {
	var errs []error
	for _, err := range v.leads.Score(ctx, w, v.now(), view.Merge(list)...) {
		if !fault.Is(err, fault.NotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
