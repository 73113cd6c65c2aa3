// Package talk keeps threads and conversations in step with the facts, for the
// function feedback; and what is kept by day, where a message was edited or
// deleted. It sends nothing to the outside.
package talk

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/byday"
	"rapport/internal/view/conversation"
)

// Talk computes the views of what was said again.
type Talk struct {
	store         *store.Store
	conversations *conversation.View
	days          *byday.View
}

// New returns a Talk over a store; score asks for accounts to be scored
// again, since a reply they received counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, stale []view.Stale) error) *Talk {
	return &Talk{s, conversation.New(s, score), byday.New(s, nil)}
}

// atOnce is how many facts are read at once.
const atOnce = 8

// View computes everything that the activities at refs have a part in. What
// was erased has no view.
func (t *Talk) View(ctx context.Context, w string, refs ...store.FactRef) error {
	began := time.Now()
	read := make([]social.Activity, len(refs))
	errs := parallel.Each(ctx, len(refs), atOnce, func(i int) (err error) {
		read[i], err = t.store.Activity(ctx, w, refs[i])
		if fault.Is(err, fault.NotFound) {
			slog.WarnContext(ctx, "fact is gone", "workspace", w, "account", refs[i].Account)
			return t.store.ForgetTuplesOf(ctx, w, refs[i]) // ingest may have written it while the fact went
		}
		return err
	})
	var facts []view.Fact
	for i, a := range read {
		if a.Key != "" {
			facts = append(facts, view.Fact{Ref: refs[i], Activity: a})
		}
	}
	// What fails keeps nothing else from being viewed: the message comes again
	// as a whole. Edits are noted by the first, and found there by the second.
	errs = append(errs, t.conversations.Keep(ctx, w, facts))
	err := errors.Join(append(errs, t.days.Amend(ctx, w, facts))...)
	emf.Work(ctx, "viewed", w, began, err, "asked", len(refs), "facts", len(facts))
	return err
}
