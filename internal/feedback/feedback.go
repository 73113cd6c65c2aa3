// Package feedback keeps the workspace's views of what was said in step with
// the facts: threads and conversations, and what is kept by day where a
// message was edited or deleted. It sends nothing to the outside.
package feedback

import (
	"context"
	"errors"
	"log/slog"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/byday"
	"rapport/internal/view/conversation"
)

// Feedback computes views again.
type Feedback struct {
	store         *store.Store
	conversations *conversation.View
	days          *byday.View
}

// New returns Feedback over a store; score asks for accounts to be scored
// again, since a reply they received counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, stale []view.Stale) error) *Feedback {
	return &Feedback{s, conversation.New(s, score), byday.New(s, nil)}
}

// hands is how many facts are read at once.
const hands = 8

// View computes everything that the activities at refs have a part in. What
// was erased has no view.
func (f *Feedback) View(ctx context.Context, w string, refs ...store.FactRef) error {
	read := make([]social.Activity, len(refs))
	errs := parallel.Each(ctx, len(refs), hands, func(i int) (err error) {
		read[i], err = f.store.Activity(ctx, w, refs[i])
		if fault.Is(err, fault.NotFound) {
			slog.WarnContext(ctx, "fact is gone", "workspace", w, "account", refs[i].Account)
			return f.store.ForgetTuplesOf(ctx, w, refs[i]) // ingest may have written it while the fact went
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
	errs = append(errs, f.conversations.Keep(ctx, w, facts))
	return errors.Join(append(errs, f.days.Amend(ctx, w, facts))...)
}
