package erasure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// New returns what is needed to forget accounts without an archive (Account).
func New(s *store.Store, now func() time.Time) *Erasure {
	e := &Erasure{Store: s, Now: now}
	e.Views, e.Whole = all.Split(s, now)
	return e
}

// keep makes views of facts.
func (e *Erasure) keep(ctx context.Context, w string, facts []view.Fact) error {
	for part := range slices.Chunk(facts, perPart) {
		for _, v := range e.Views {
			if err := v.Keep(ctx, w, part); err != nil {
				return fmt.Errorf("view %s: %w", v.Name(), err)
			}
		}
		for _, v := range e.Whole {
			if err := v.Keep(ctx, w, persons(part)); err != nil {
				return fmt.Errorf("view %s: %w", v.Name(), err)
			}
		}
	}
	return nil
}

// forget takes away what was made of facts of an account that goes, and of
// facts of others that go with them. It returns how many items went.
func (e *Erasure) forget(ctx context.Context, w string, own, with []view.Fact) (int, error) {
	removed := 0
	each := func(views []view.View, facts []view.Fact) error {
		for part := range slices.Chunk(facts, perPart) {
			for _, v := range views {
				n, err := v.Forget(ctx, w, part)
				removed += n
				if err != nil {
					return fmt.Errorf("view %s: %w", v.Name(), err)
				}
			}
		}
		return nil
	}
	err := each(e.Views, slices.Concat(own, with))
	if err == nil {
		err = each(e.Whole, with)
	}
	if err == nil {
		err = all.ForgetRebuilt(ctx, e.Store, slices.Concat(e.Views, e.Whole), w, slices.Concat(own, with))
	}
	return removed, err
}

// persons leaves those facts by which somebody may be a lead.
func persons(facts []view.Fact) []view.Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f view.Fact) bool {
		return f.Direction != social.Inbound || f.Actor.ID == social.Unknown
	})
}

// Forever is after every instant that is kept.
var Forever = time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)

// Account takes away what an account did until an instant, and all that was
// made of it, and adds up in removed what went. It looks neither for quotes nor
// into the archive: alone it is for a source check, which has neither.
func (e *Erasure) Account(ctx context.Context, w, account string, until time.Time, removed map[string]int) error {
	x := &demand{workspace: w, at: until}
	for after := ""; ; {
		facts, last, err := e.Store.FactsUntil(ctx, w, account, until, after, perPart)
		if err != nil {
			return err
		}
		with, err := e.others(ctx, x, facts, func(with []store.SourceOf) error { return e.take(ctx, x, store.Sought{}, nil, with, removed) })
		if err != nil {
			return err
		}
		if err := e.take(ctx, x, store.Sought{}, facts, with, removed); err != nil {
			return err
		}
		if after = last; last == "" {
			return e.close(ctx, w, account, until, removed)
		}
	}
}

// close takes away an account whose facts are gone, or makes the views again
// of what it did later.
func (e *Erasure) close(ctx context.Context, w, account string, until time.Time, removed map[string]int) error {
	partOf, err := e.Store.PersonsPartOf(ctx, w, account)
	if err != nil {
		return err
	}
	outcomes, err := e.Store.ForgetOutcomes(ctx, w, account, partOf) // before the decisions, among which they stand
	if err != nil {
		return err
	}
	decided, err := e.Store.ForgetLeadDecisions(ctx, w, account, partOf)
	if err != nil {
		return err
	}
	told, err := e.forgetAttributes(ctx, w, account)
	if err != nil {
		return err
	}
	suggested, err := e.Store.ForgetSuggestions(ctx, w, account)
	if suggested > 0 {
		removed["suggestions"] += suggested
	}
	if err != nil {
		return err
	}
	others, links, err := e.Store.Detach(ctx, w, account)
	if err != nil {
		return err
	}
	if links > 0 {
		removed["decisions"] += links
	}
	if _, err := leads.New(e.Store).RegroupAll(ctx, w, others, e.Now()); err != nil {
		return err
	}
	if err := all.Leave(ctx, e.Whole, w, account); err != nil {
		return err
	}
	if err := e.Store.ForgetPersons(ctx, w, account); err != nil {
		return err
	}
	later, views, err := e.Store.CloseAccount(ctx, w, account, until)
	removed["views"] += views
	if err != nil {
		return err
	}
	// What was decided and told meanwhile: with an account that is gone nothing is stored any more.
	came, err := e.Store.ForgetOutcomes(ctx, w, account, partOf)
	if err != nil {
		return err
	}
	late, err := e.Store.ForgetLeadDecisions(ctx, w, account, partOf)
	if err != nil {
		return err
	}
	again, err := e.forgetAttributes(ctx, w, account)
	if err != nil {
		return err
	}
	if told+again > 0 {
		removed["attributes"] += told + again
	}
	if outcomes+came > 0 {
		removed["outcomes"] += outcomes + came
	}
	if decided+late > 0 {
		removed["decisions"] += decided + late
	}
	n, err := e.Store.ForgetCorrections(ctx, w, account)
	if n > 0 {
		removed["corrections"] += n
	}
	if err != nil {
		return err
	}
	var keep []view.Fact
	for _, a := range later {
		keep = append(keep, view.FactOf(a))
	}
	return e.keep(ctx, w, keep)
}

// forgetAttributes takes away what was told of an account, and what was made
// of that. It returns how much was told.
func (e *Erasure) forgetAttributes(ctx context.Context, w, account string) (int, error) {
	n, err := e.Store.ForgetAttributes(ctx, w, account)
	if err != nil {
		return n, err
	}
	there, err := e.Store.HasRebuilt(ctx, w)
	if err != nil {
		return n, err
	}
	views := slices.Concat(e.Views, e.Whole)
	if there {
		if err := view.KeepAccounts(ctx, views, store.Rebuilt(w), account); err != nil {
			return n, err
		}
	}
	return n, view.KeepAccounts(ctx, views, w, account)
}

// others returns the facts of others that go with facts of an account. Where
// there are many, it calls f with all but the last of them, a part at a time;
// f takes them away.
func (e *Erasure) others(ctx context.Context, x *demand, facts []store.SourceOf, f func(with []store.SourceOf) error) ([]store.SourceOf, error) {
	as := make([]social.Activity, len(facts))
	for i, s := range facts {
		as[i] = s.Activity
	}
	for {
		list, rest, err := e.Store.GoesWith(ctx, x.workspace, as, x.at, perPart)
		if err != nil {
			return nil, err
		}
		var with []store.SourceOf
		for _, a := range list {
			o, err := e.Store.Fact(ctx, x.workspace, store.RefOf(a))
			if fault.Is(err, fault.NotFound) { // its views may still be there
				o, err = store.SourceOf{Activity: a}, nil
			}
			if err != nil {
				return nil, err
			}
			with = append(with, o)
		}
		if !rest {
			return with, nil
		}
		if err := f(with); err != nil {
			return nil, err
		}
	}
}
