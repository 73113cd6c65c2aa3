// Package feedback keeps the workspace's views of what was said in step with
// the facts: each activity as it stands after edits and deletions, and each
// conversation. It sends nothing to the outside.
package feedback

import (
	"context"
	"errors"
	"log/slog"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/conversation"
)

// Feedback computes views again.
type Feedback struct {
	store *store.Store
	views []view.View
}

// New returns Feedback over a store; score asks for accounts to be scored
// again, since a reply they received counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, stale []view.Stale) error) *Feedback {
	return &Feedback{s, []view.View{conversation.New(s, score)}}
}

// hands is how many activities are worked on at once.
const hands = 8

// View computes everything that the activities at refs have a part in. What
// was erased has no view.
func (f *Feedback) View(ctx context.Context, w string, refs ...store.FactRef) error {
	read := make([]social.Activity, len(refs))
	errs := parallel.Each(ctx, len(refs), hands, func(i int) (err error) {
		read[i], err = f.store.Activity(ctx, w, refs[i])
		if fault.Is(err, fault.NotFound) {
			slog.WarnContext(ctx, "fact is gone", "workspace", w, "account", refs[i].Account)
			return nil
		}
		return err
	})
	var facts []view.Fact
	for i, a := range read {
		if a.Key != "" {
			facts = append(facts, view.Fact{Ref: refs[i], Activity: a})
		}
	}
	// What fails keeps nothing else from being viewed: the message comes again as a whole.
	for _, v := range f.views {
		errs = append(errs, v.Keep(ctx, w, facts))
	}
	return errors.Join(append(errs, f.items(ctx, w, facts))...)
}

// items computes each activity as it stands, and the messages that were edited.
func (f *Feedback) items(ctx context.Context, w string, facts []view.Fact) error {
	return errors.Join(parallel.Each(ctx, len(facts), hands, func(i int) error {
		a, ref := facts[i].Activity, facts[i].Ref
		if err := f.item(ctx, w, a); err != nil {
			return err
		}
		if err := f.look(ctx, w, a, ref); err != nil || a.Type != social.Edit && a.Type != social.Delete {
			return err
		}
		p, err := f.store.Place(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
		if fault.Is(err, fault.NotFound) {
			return nil // when the message arrives, it finds the edit
		}
		if err != nil {
			return err
		}
		of, err := f.store.Activity(ctx, w, p.Ref)
		if fault.Is(err, fault.NotFound) {
			return nil // erased meanwhile
		}
		if err != nil {
			return err
		}
		if err := f.item(ctx, w, of); err != nil {
			return err
		}
		return f.look(ctx, w, of, p.Ref)
	})...)
}

// look takes the view of an activity away, if an erasure took the fact and the
// views that it found meanwhile.
func (f *Feedback) look(ctx context.Context, w string, a social.Activity, ref store.FactRef) error {
	_, err := f.store.Activity(ctx, w, ref)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	return f.store.ForgetItem(ctx, w, a)
}

// item computes the workspace's view of one activity: with the text of its
// newest edit, or gone. A deletion wins, whenever it arrives.
func (f *Feedback) item(ctx context.Context, w string, a social.Activity) error {
	return store.Again(ctx, func() error {
		old, err := f.store.Item(ctx, w, a)
		if err != nil {
			return err
		}
		i := store.Item{Activity: a, Account: a.Account().AccountID(), Version: old.Version}
		i.Person = social.PersonID(i.Account)
		if a.Type.Utterance() {
			edits, err := f.store.Edits(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
			if err != nil {
				return err
			}
			for _, e := range edits { // oldest first
				if e.Type == social.Delete {
					i.Deleted, i.Text, i.Language, i.Sentiment, i.Intent = true, "", "", "", ""
				} else if !i.Deleted {
					i.Text, i.Language, i.Sentiment, i.Intent, i.Edited = e.Text, e.Language, e.Sentiment, e.Intent, e.Occurred
				}
			}
		}
		// Written also where it says what stood there: the new version refuses a
		// slower writer who read the old one before the facts that made it so.
		if err := f.store.PutItem(ctx, w, i, reading.Version); err != nil || !a.Undated {
			return err
		}
		return f.moved(ctx, w, &a)
	})
}

// moved looks whether an undated activity came to be known earlier while its
// view was written: then the view moves there.
func (f *Feedback) moved(ctx context.Context, w string, a *social.Activity) error {
	now, err := f.store.Activity(ctx, w, store.RefOf(*a))
	if fault.Is(err, fault.NotFound) {
		return nil // erased meanwhile: look sees it
	}
	if err != nil || now.Occurred.Equal(a.Occurred) {
		return err
	}
	if err := f.store.DeleteItem(ctx, w, *a); err != nil {
		return err
	}
	*a = now
	return fault.New(fault.Conflict, "it was known earlier")
}
