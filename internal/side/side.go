// Package side applies to the past that an account was named as one of the
// business's own, or is no more: it walks what the account did, notes at each
// fact on which side it is, and makes the views again that it has a part in.
// It works in steps, each of which can be repeated, also after it died anywhere.
package side

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// Side applies sides.
type Side struct {
	Store  *store.Store
	Single []view.View // made of single facts
	Whole  []view.View // made of all that somebody did
	Leads  *leads.Leads
	Now    func() time.Time
}

// New returns what applies sides over a store.
func New(s *store.Store, now func() time.Time) *Side {
	single, whole := all.Split(s, now)
	return &Side{s, single, whole, leads.New(s), now}
}

// Between is the time from one pass to the next: as long as any function runs,
// and remembers which accounts are own.
const Between = 15 * time.Minute

// State is the work between two steps. The first four say what is to be done:
// on which side the accounts are is looked up as it is done.
type State struct {
	Workspace string          `json:"workspace"`
	Platform  social.Platform `json:"platform"`
	IDs       []string        `json:"ids"` // the platform's, of accounts that were named, or are no more
	Since     time.Time       `json:"since"`

	Again   bool   `json:"again,omitempty"` // it is a later pass
	Wait    bool   `json:"wait,omitempty"`  // the pass is over, and another is to follow after Between
	Done    bool   `json:"done,omitempty"`  // the last one is over
	Found   int    `json:"found,omitempty"` // facts that were on the other side, in this pass
	After   string `json:"after,omitempty"` // the last account, in the list of all, that was looked at
	Account string `json:"account,omitempty"`
	ID      string `json:"id,omitempty"`    // the platform's, of Account, which is being worked on
	Scope   string `json:"scope,omitempty"` // within which it is unique
	Place   string `json:"place,omitempty"` // the last of its facts that is done
	Facts   int    `json:"facts,omitempty"` // of it that are done
	Turns   bool   `json:"turns,omitempty"` // some of them are on the account's side, not on one that the platform says
}

const (
	perStep  = 100   // facts
	accounts = 1_000 // that are looked through at once
	atOnce   = 16
)

// Run makes steps until the pass is over or until the instant stop (zero: none).
func (x *Side) Run(ctx context.Context, s State, stop time.Time) (State, error) {
	if s.Wait {
		s = State{Workspace: s.Workspace, Platform: s.Platform, IDs: s.IDs, Since: s.Since, Again: true}
	}
	for !s.Wait && !s.Done && (stop.IsZero() || x.Now().Before(stop)) {
		next, err := x.step(ctx, s)
		if err != nil {
			return s, fmt.Errorf("sides of %s on %s after %q, %q: %w", s.Workspace, s.Platform, s.After, s.Place, err)
		}
		s = next
	}
	return s, nil
}

func (x *Side) step(ctx context.Context, s State) (State, error) {
	if s.Account == "" {
		return x.next(ctx, s)
	}
	own, err := x.Store.OwnAccounts(ctx, s.Workspace)
	if err != nil {
		return s, err
	}
	account := social.AccountRef{Platform: s.Platform, Scope: s.Scope, ID: s.ID}
	did, places, err := x.Store.OwnFacts(ctx, s.Workspace, s.Account, s.Place, perStep)
	if err != nil {
		return s, err
	}
	turn, found, err := x.apply(ctx, s.Workspace, did, own.Has(account))
	if err != nil {
		return s, err
	}
	s.Found, s.Facts, s.Turns = s.Found+found, s.Facts+len(did), s.Turns || turn > 0
	if len(did) == perStep {
		s.Place = places[len(places)-1]
		return s, x.Store.MoveSiding(ctx, s.Workspace, store.Siding{Platform: s.Platform, ID: s.ID, Since: s.Since, Facts: s.Facts})
	}
	if s.Turns {
		if err := x.person(ctx, s.Workspace, s.Account, own.Has(account)); err != nil {
			return s, err
		}
	}
	s.Account, s.ID, s.Scope, s.Place, s.Facts, s.Turns = "", "", "", "", 0, false
	return s, nil
}

// next looks for the next of the accounts. After the last of them the pass is over.
func (x *Side) next(ctx context.Context, s State) (State, error) {
	found, after, err := x.Store.AccountsCalled(ctx, s.Workspace, s.Platform, s.IDs, s.After, accounts)
	if err != nil {
		return s, err
	}
	if len(found) > 0 {
		a := found[0]
		s.After, s.Account, s.ID, s.Scope = a.ID, a.ID, a.AccountRef.ID, a.Scope
		return s, nil
	}
	if s.After = after; after != "" {
		return s, nil
	}
	// What was on its way, with the side that was remembered, is found by another pass.
	s.Wait = !s.Again || s.Found > 0
	s.Done = !s.Wait
	return s, errors.Join(parallel.Each(ctx, len(s.IDs), atOnce, func(i int) error {
		return x.Store.EndSiding(ctx, s.Workspace, store.Siding{Platform: s.Platform, ID: s.IDs[i], Since: s.Since})
	})...)
}

// apply brings facts of an account to its side, and says how many turn with
// it, and how many of these were on the other. It is as if they were erased there, and came anew here. What is here
// already is brought up to date all the same: an attempt may have died.
func (x *Side) apply(ctx context.Context, w string, did []social.Activity, own bool) (turn, found int, err error) {
	var there, here []view.Fact // as on the other side, and on this one
	for _, a := range did {
		if !a.Own && a.Direction == social.Outbound {
			continue // the platform itself says so
		}
		was, is := view.FactOf(a.Sided(!own)), view.FactOf(a.Sided(own))
		there, here = append(there, was), append(here, is)
	}
	if len(here) == 0 {
		return 0, 0, nil
	}
	if err := x.forget(ctx, w, there); err != nil {
		return 0, 0, err
	}
	changed := make([]bool, len(here))
	errs := parallel.Each(ctx, len(here), atOnce, func(i int) (err error) {
		changed[i], err = x.Store.PutSide(ctx, w, here[i].Activity)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	for _, c := range changed {
		if c {
			found++
		}
	}
	// Views that were being written meanwhile: whoever writes one looks at the
	// fact afterwards, and finds it on this side from here on.
	if err := x.forget(ctx, w, there); err != nil {
		return 0, 0, err
	}
	for _, v := range x.Single {
		if err := v.Keep(ctx, w, here); err != nil {
			return 0, 0, fmt.Errorf("view %s: %w", v.Name(), err)
		}
	}
	return len(here), found, nil
}

func (x *Side) forget(ctx context.Context, w string, facts []view.Fact) error {
	for _, v := range x.Single {
		if _, err := v.Forget(ctx, w, facts); err != nil {
			return fmt.Errorf("view %s: %w", v.Name(), err)
		}
	}
	return all.ForgetRebuilt(ctx, x.Store, append(x.Single[:len(x.Single):len(x.Single)], x.Whole...), w, facts)
}

// person scores again, of all its facts, whom an account is of. Of the business
// there is neither a lead nor a history.
func (x *Side) person(ctx context.Context, w, account string, own bool) error {
	for _, err := range x.Leads.Score(ctx, w, x.Now(), view.Stale{Account: account}) {
		if err != nil && !fault.Is(err, fault.NotFound) { // without a model there are no leads
			return err
		}
	}
	if !own {
		return nil
	}
	_, err := x.Store.DropHistory(ctx, w, account)
	return err
}
