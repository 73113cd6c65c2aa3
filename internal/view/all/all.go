// Package all lists the stored views, for whoever must reach every one:
// erasure, rebuilding and tests. To add one: a package below internal/view, a
// line here, its keys in store/keys.go, and a call of its Keep where facts of its
// kind come in (ingest, package talk or package leads).
package all

import (
	"context"
	"errors"
	"time"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/byday"
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
		lead.New(s, now),
		named.View{},
	}
}
