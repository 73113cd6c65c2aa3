// Package byday is the view of what was done by day: a compact tuple for each
// activity as it stands (package day), by which issues, reports and the
// discovery of themes count. It holds no texts: those that are shown are read
// from the facts.
//
// Ingest writes the tuples of its facts, a block for each workspace and hour;
// an edit or deletion adds a tuple that says more, and readers keep that one.
// So the same facts may be cut into blocks in several ways, which all say the
// same: Says tells it. The edits of a message are found where the view of
// threads notes them: it comes before this one in the list.
package byday

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Tagger assigns texts to the themes of a workspace.
type Tagger interface {
	// Tags returns the versions of the theme sets that are in use, and for each
	// of them the tags of tuples whose texts are given.
	Tags(ctx context.Context, w string, ts []day.Tuple, texts []string) (sets []string, tags [][]day.Tag, err error)
}

// View is the view.
type View struct {
	store *store.Store
	tags  Tagger
}

// New returns the view over a store. Without a tagger, tuples are written
// without tags, which they get when they are read, or tagged again.
func New(s *store.Store, tags Tagger) *View { return &View{s, tags} }

// Name is the view's name.
func (v *View) Name() string { return "day" }

// Owns reports whether an item is the view's.
func (v *View) Owns(pk, sk string) bool {
	return pk == "D" && !strings.HasPrefix(sk, "X#") || strings.HasPrefix(pk, "D#") && strings.HasPrefix(sk, "J#")
}

// atOnce is how many messages are looked at at once.
const atOnce = 8

// Keep writes the tuples of facts, and adds what edits make of messages.
func (v *View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	as := make([]social.Activity, len(facts))
	for i, f := range facts {
		as[i] = f.Activity
	}
	if err := v.Store(ctx, w, as); err != nil {
		return err
	}
	if err := v.Amend(ctx, w, facts); err != nil {
		return err
	}
	return v.settle(ctx, w, as)
}

// Store writes the tuples of facts that were just stored, as they were said.
func (v *View) Store(ctx context.Context, w string, as []social.Activity) error {
	var whole, undated []social.Activity
	for _, a := range as {
		if !a.Undated {
			whole = append(whole, a)
			continue
		}
		// It stands where it was known first, which may be earlier than this time.
		now, err := v.store.Activity(ctx, w, store.RefOf(a))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		whole, undated = append(whole, now), append(undated, now)
	}
	items := make([]store.Item, len(whole))
	for i, a := range whole {
		items[i] = store.Standing(a, nil)
	}
	if err := v.put(ctx, w, items); err != nil {
		return err
	}
	return v.settle(ctx, w, undated)
}

// Again is called after Store with facts that an earlier attempt may have
// stored and noted, and then died: it may have noted one without a time of its
// own at an instant at which it no longer stands.
func (v *View) Again(ctx context.Context, w string, as []social.Activity) error {
	var undated []social.Activity
	for _, a := range as {
		if a.Undated {
			undated = append(undated, a)
		}
	}
	return v.settle(ctx, w, undated)
}

// put writes the tuples of activities as they stand.
func (v *View) put(ctx context.Context, w string, items []store.Item) error {
	if len(items) == 0 {
		return nil
	}
	var b day.Block
	texts := make([]string, len(items))
	for i, it := range items {
		t, err := tupleOf(it)
		if err != nil {
			return err
		}
		b.Tuples, texts[i] = append(b.Tuples, t), it.Text
	}
	if v.tags != nil {
		var err error
		if b.Sets, b.Tags, err = v.tags.Tags(ctx, w, b.Tuples, texts); err != nil {
			return fmt.Errorf("themes: %w", err)
		}
	}
	return v.store.PutTuples(ctx, w, b)
}

// tupleOf is the tuple of an activity as it stands. A correction counts as one
// more edit, so that of two tuples the one that knows of it is kept.
func tupleOf(it store.Item) (day.Tuple, error) {
	if c := it.Correction; c != nil {
		if it.Edits++; c.At.After(it.Edited) {
			it.Edited = c.At
		}
	}
	return day.Of(it.Activity, it.Edits, it.Edited, it.Deleted)
}

// settle looks at facts whose tuples were just written. Those of a fact that
// is gone by now are taken away; those of one that came to be known earlier
// move there, and those of one that came to the other side are written anew.
func (v *View) settle(ctx context.Context, w string, as []social.Activity) error {
	for len(as) > 0 {
		refs := make([]store.FactRef, len(as))
		for i, a := range as {
			refs[i] = store.RefOf(a)
		}
		now, err := v.store.Activities(ctx, w, refs)
		if err != nil {
			return err
		}
		var moved, old []social.Activity
		for i, a := range as {
			switch {
			case now[i] == nil:
				old = append(old, a)
			case a.Undated && !now[i].Occurred.Equal(a.Occurred), now[i].Direction != a.Direction:
				old, moved = append(old, a), append(moved, *now[i])
			}
		}
		if len(old) > 0 {
			if _, err := v.store.ForgetTuples(ctx, w, old...); err != nil {
				return err
			}
		}
		items := make([]store.Item, len(moved))
		for i, a := range moved {
			var edits []social.Activity
			if a.Type.Utterance() {
				if edits, err = v.store.Edits(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID)); err != nil {
					return err
				}
			}
			items[i] = store.Standing(a, edits)
		}
		if err := v.put(ctx, w, items); err != nil {
			return err
		}
		as = moved // to an earlier instant, or to where its account is by now
	}
	return nil
}

// Amend adds tuples of the messages that facts are, or that they edit or
// delete, as they stand, where they were edited or corrected at all.
func (v *View) Amend(ctx context.Context, w string, facts []view.Fact) error {
	messages := map[string]view.Fact{} // the fact of an edit stands for a message that is not among facts
	var ids []string
	for _, f := range facts {
		amends := f.Type == social.Edit || f.Type == social.Delete
		if !amends && !f.Type.Utterance() {
			continue
		}
		id := store.MessageID(f.Platform, f.Scope, f.Object.ID)
		if _, ok := messages[id]; !ok {
			ids = append(ids, id)
		}
		if _, ok := messages[id]; !ok || !amends {
			messages[id] = f
		}
	}
	items := make([]*store.Item, len(ids))
	err := errors.Join(parallel.Each(ctx, len(ids), atOnce, func(i int) error {
		f := messages[ids[i]]
		ref := f.Ref
		if !f.Type.Utterance() {
			place, err := v.store.Place(ctx, w, ids[i])
			if fault.Is(err, fault.NotFound) {
				return nil // when the message arrives, it finds the edit
			}
			if err != nil {
				return err
			}
			ref = place.Ref
		}
		edits, err := v.store.Edits(ctx, w, ids[i])
		if err != nil || len(edits) == 0 && f.Correction == nil {
			return err
		}
		a, err := v.store.Activity(ctx, w, ref)
		if fault.Is(err, fault.NotFound) {
			return nil // erased meanwhile
		}
		if err != nil {
			return err
		}
		it := store.Standing(a, edits)
		items[i] = &it
		return nil
	})...)
	if err != nil {
		return err
	}
	var amended []store.Item
	var as []social.Activity
	for _, it := range items {
		if it != nil {
			amended, as = append(amended, *it), append(as, it.Activity)
		}
	}
	if err := v.put(ctx, w, amended); err != nil {
		return err
	}
	return v.settle(ctx, w, as)
}

// Forget takes away the tuples of facts. A message of somebody else that one
// of them edited stands as it does without that.
func (v *View) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	as := make([]social.Activity, len(gone))
	going := map[store.FactRef]bool{}
	for i, f := range gone {
		as[i], going[f.Ref] = f.Activity, true
	}
	n, err := v.store.ForgetTuples(ctx, w, as...)
	if err != nil {
		return n, err
	}
	for _, f := range gone {
		if f.Type != social.Edit && f.Type != social.Delete {
			continue
		}
		place, err := v.store.Place(ctx, w, store.MessageID(f.Platform, f.Scope, f.Object.ID))
		if err == nil && going[place.Ref] || fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		a, err := v.store.Activity(ctx, w, place.Ref)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		if err := v.restate(ctx, w, a); err != nil {
			return n, err
		}
	}
	return n, nil
}

// restate makes a message stand as it does by its edits that are there, where
// its tuples say more. What is right is written before the others are taken
// away: whoever dies in between leaves no message without its edits, of which
// nobody would know any more once the facts that go are gone.
func (v *View) restate(ctx context.Context, w string, a social.Activity) error {
	edits, err := v.store.Edits(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
	if err != nil {
		return err
	}
	it := store.Standing(a, edits)
	right, err := tupleOf(it)
	if err != nil {
		return err
	}
	if err := v.put(ctx, w, []store.Item{it}); err != nil {
		return err
	}
	if _, err := v.store.TakeTuples(ctx, w, a.Occurred, func(t day.Tuple) bool {
		t.Tag, t.Tagged = right.Tag, right.Tagged
		return t.Account == right.Account && t.Activity == right.Activity && t != right
	}); err != nil {
		return err
	}
	return v.Keep(ctx, w, []view.Fact{view.FactOf(a)})
}

// Says returns what the tuples of a workspace say, one for each activity,
// without their themes: those are another set's after a week.
func (v *View) Says(ctx context.Context, w string) (map[string]string, error) {
	out := map[string]string{}
	all := store.Span{From: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Strong: true}
	err := v.store.Days(ctx, w, all, func(_ time.Time, ts []day.Tuple) error {
		for _, t := range ts {
			t.Tagged = false
			out[social.Stamp(t.At())+" "+t.ActivityID()] = fmt.Sprintf("%s %s %+v", t.AccountID(), t.Type, t)
		}
		return nil
	})
	return out, err
}
