// Package all lists the stored views, for whoever must reach every one:
// erasure, rebuilding and tests. To add one: a package below internal/view, a
// line here, its keys in store/keys.go, and a call of its Keep where facts of its
// kind come in (ingest, package talk or package leads).
package all

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/blocking"
	"rapport/internal/view/byday"
	"rapport/internal/view/company"
	"rapport/internal/view/conversation"
	"rapport/internal/view/history"
	"rapport/internal/view/lead"
	"rapport/internal/view/named"
	"rapport/internal/view/person"
)

// Views returns every view over a store, each after those that it reads. now
// is the instant that leads are scored for.
func Views(s *store.Store, now func() time.Time) []view.View {
	l := leads.New(s)
	score := func(ctx context.Context, w string, stale []view.Stale) error {
		var errs []error
		for _, err := range l.Score(ctx, w, now(), view.Merge(stale)...) {
			if !fault.Is(err, fault.NotFound) { // without a model there are no leads
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	return []view.View{
		conversation.New(s, score),
		byday.New(s, nil),
		history.New(s),
		person.New(s),
		company.New(s),
		blocking.New(s),
		lead.New(s, now),
		named.View{},
	}
}

// Split is Views in two parts: those that are made of single facts, and those
// of all that somebody did, which it would take ever longer to make again for
// each part of somebody's facts.
func Split(s *store.Store, now func() time.Time) (single, whole []view.View) {
	for _, v := range Views(s, now) {
		switch v.(type) {
		case *history.History, *lead.View:
			whole = append(whole, v)
		default:
			single = append(single, v)
		}
	}
	return single, whole
}

// Leave has views that hold the person of an account among others take it from
// there, before what stands with the person goes.
func Leave(ctx context.Context, views []view.View, w, account string) error {
	for _, v := range views {
		if v, ok := v.(*lead.View); ok {
			if err := v.Leave(ctx, w, account); err != nil {
				return fmt.Errorf("view %s: %w", v.Name(), err)
			}
		}
	}
	return nil
}

// ForgetRebuilt has what a rebuild made of facts forgotten, which is there
// while one runs, or after one that was broken off.
func ForgetRebuilt(ctx context.Context, s *store.Store, views []view.View, w string, gone []view.Fact) error {
	there, err := s.HasRebuilt(ctx, w)
	if err != nil || !there {
		return err
	}
	for part := range slices.Chunk(gone, perPart) {
		for _, v := range views {
			if _, err := v.Forget(ctx, store.Rebuilt(w), part); err != nil {
				return fmt.Errorf("view %s, as it was rebuilt: %w", v.Name(), err)
			}
		}
	}
	for _, f := range gone {
		account := f.Account().AccountID()
		if err := Leave(ctx, views, store.Rebuilt(w), account); err != nil {
			return err
		}
		for _, p := range []string{"A#" + account, "P#" + social.PersonID(account)} {
			if err := s.DropRebuilt(ctx, w, store.Partition(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

// perPart bounds how many facts are forgotten at once.
const perPart = 100
