// Package conversation is the view of who asked what in which thread, who
// waits for an answer, and how fast answers came.
//
// A message stands in its thread (thread.go). From that its exchanges are told
// (exchange.go), and from those the conversation's head: the newest and the
// first of a list each, so that a message costs as much in a conversation of
// thousands as in a new one. Each writes first and looks afterwards whether
// what it wrote rests on what still is so. A thread's root is looked at again
// too: see package store.
package conversation

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// View keeps conversations.
type View struct {
	store *store.Store
	score func(ctx context.Context, workspace string, stale []view.Stale) error
}

// New returns the view over a store; score asks for accounts to be scored
// again, since a reply they received, or what was edited by others, counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, stale []view.Stale) error) *View {
	return &View{s, score}
}

var _ view.View = (*View)(nil)

// Name is the view's name.
func (*View) Name() string { return "conversation" }

// Owns says which items are the view's: messages in their threads, what an
// asker received, and responses by day. Decisions, which stand beside them, are facts.
func (*View) Owns(pk, sk string) bool {
	switch {
	case strings.HasPrefix(pk, "C#"):
		return !strings.HasPrefix(sk, "D#") && !strings.HasPrefix(sk, "DI#")
	case strings.HasPrefix(pk, "A#"):
		return strings.HasPrefix(sk, "R#")
	case pk == "D", strings.HasPrefix(pk, "D#"):
		return strings.HasPrefix(sk, "X#")
	}
	return false
}

// Arrival says that a message's place keeps the thread it was first found in,
// and whom it was ever thought to be to.
func (*View) Arrival(pk, sk string) []string {
	if strings.HasPrefix(pk, "C#") && sk == "@" && strings.Count(pk, "#") == 1 {
		return []string{"Thread", "Below", "To"}
	}
	return nil
}

// atOnce is how many messages or conversations are worked on at once.
const atOnce = 8

// part is one asker in one thread.
type part struct{ thread, asker string }

// keeping is one call of Keep.
type keeping struct {
	*View
	w       string
	whole   bool // nothing of the heads as they are is to be relied on
	mu      sync.Mutex
	touched map[part]store.Change // conversations whose heads are to be computed, and what came or went there
}

func (k *keeping) touch(root, asker string, c store.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c.Whole = c.Whole || k.whole
	c.And(k.touched[part{root, asker}])
	k.touched[part{root, asker}] = c
}

// said and replied are changes of one message or reply, of a time.
func said(at time.Time) store.Change {
	return store.Change{Said: store.Extent{From: at, To: at}}
}

func replied(at time.Time) store.Change {
	return store.Change{Answered: store.Extent{From: at, To: at}}
}

// Keep brings the conversations that facts have a part in up to date: each
// once, however many of the facts are in it.
func (v *View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	return (&keeping{View: v, w: w, touched: map[part]store.Change{}}).keep(ctx, facts)
}

// place is where a message is.
type place struct {
	store.Place
	rooted bool // nothing of the message was written yet, and Thread was the root just now
}

func (k *keeping) keep(ctx context.Context, facts []view.Fact) error {
	// Places first: with those of all facts, roots are what they will be.
	places := make([]*place, len(facts))
	errs := parallel.Each(ctx, len(facts), atOnce, func(i int) (err error) {
		places[i], err = k.place(ctx, facts[i].Activity)
		return err
	})
	placed := slices.Clone(errs)
	among := map[string]bool{}
	for _, p := range places {
		if p != nil {
			among[p.Message] = true
		}
	}
	for _, p := range places {
		if p != nil && p.Thread != p.Message && among[p.Thread] {
			p.rooted = false // its root may have got a place after it was found
		}
	}
	// What fails keeps nothing else from being viewed: the message comes again as a whole.
	errs = append(errs, parallel.Each(ctx, len(facts), atOnce, func(i int) error {
		if facts[i].Type.Closing() {
			return k.closed(ctx, facts[i].Activity)
		}
		if placed[i] != nil || places[i] == nil {
			return nil
		}
		return k.stand(ctx, *places[i])
	})...)
	errs = append(errs, k.heads(ctx))
	errs = append(errs, parallel.Each(ctx, len(facts), atOnce, func(i int) error { return k.look(ctx, facts[i], places[i]) })...)
	return errors.Join(errs...)
}

// place notes where a fact's message is, or what was edited of it, and returns
// the message whose conversations have a part in it; nil: none.
func (k *keeping) place(ctx context.Context, a social.Activity) (*place, error) {
	if a.Type == social.Edit || a.Type == social.Delete {
		return k.amended(ctx, a)
	}
	if !a.Type.Utterance() {
		return nil, nil
	}
	thread, err := k.store.ThreadOf(ctx, k.w, a)
	if err != nil {
		return nil, err
	}
	p, fresh, err := k.store.PutPlace(ctx, k.w, store.Place{NodeRef: store.NodeOf(a), Thread: thread})
	return &place{p, fresh}, err
}

// amended notes an edit or deletion at its message, which it returns.
func (k *keeping) amended(ctx context.Context, a social.Activity) (*place, error) {
	msg := store.MessageID(a.Platform, a.Scope, a.Object.ID)
	if err := k.store.PutEdit(ctx, k.w, msg, a); err != nil {
		return nil, err
	}
	p, err := k.store.Place(ctx, k.w, msg)
	if fault.Is(err, fault.NotFound) {
		return nil, nil // when the message arrives, it finds the edit
	}
	if err != nil {
		return nil, err
	}
	if err := k.tell(ctx, k.w, p, []social.Activity{a}); err != nil {
		return nil, err
	}
	of, err := k.store.Activity(ctx, k.w, p.Ref)
	if fault.Is(err, fault.NotFound) { // erased meanwhile
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.NodeRef = store.NodeOf(of)
	return &place{Place: p}, nil
}

// tell notes edits and deletions that somebody else made, a moderator or
// nobody named, among the facts of the account that wrote the message, and
// has it scored again: a score must not rest on what was taken away.
func (v *View) tell(ctx context.Context, w string, p store.Place, edits []social.Activity) error {
	var since time.Time
	told := false
	for _, e := range edits {
		if e.Account().AccountID() == p.Account {
			continue // it is among the account's facts already
		}
		if err := v.store.PutReceived(ctx, w, p.Account, e); err != nil {
			return err
		}
		if !told || e.Occurred.Before(since) {
			since = e.Occurred
		}
		told = true
	}
	if !told || p.Direction == social.Outbound { // nobody scores the business
		return nil
	}
	return v.score(ctx, w, []view.Stale{{Account: p.Account, Since: since}})
}

// heads computes the conversations that were touched, each once.
func (k *keeping) heads(ctx context.Context) error {
	parts := slices.SortedFunc(maps.Keys(k.touched), func(a, b part) int { return cmp.Or(cmp.Compare(a.thread, b.thread), cmp.Compare(a.asker, b.asker)) })
	return errors.Join(parallel.Each(ctx, len(parts), atOnce, func(i int) error {
		return k.head(ctx, k.w, parts[i].thread, parts[i].asker, k.touched[parts[i]])
	})...)
}

// head writes one conversation, to which a change came. It is written also
// where nothing changed: the new version refuses a slower writer who read the
// old one before the facts that made it so.
func (v *View) head(ctx context.Context, w, root, asker string, c store.Change) error {
	var lower []string // threads that were the root
	err := store.Again(ctx, func() error {
		old, err := v.store.Head(ctx, w, root, asker)
		if fault.Is(err, fault.NotFound) {
			old, err = store.Head{Thread: root, Asker: asker}, nil
		}
		if err != nil {
			return err
		}
		now, err := v.store.StandAfter(ctx, w, old, c)
		if err != nil {
			return err
		}
		if err := v.store.PutHead(ctx, w, now, old); err != nil {
			return err
		}
		was := root
		if err = v.rooted(ctx, w, &root, asker); root != was {
			c.Whole, lower = true, append(lower, was)
		}
		return err
	})
	if err != nil {
		return err
	}
	return v.off(ctx, w, lower, asker)
}

// off takes an asker off the lists of threads from which everything of the
// asker's was moved up.
func (v *View) off(ctx context.Context, w string, lower []string, asker string) error {
	for _, thread := range lower {
		if err := v.store.DeleteAsker(ctx, w, thread, asker); err != nil {
			return err
		}
	}
	return nil
}

// raise moves an asker's part of lower threads up to the root. The asker is on
// the root's list first: wherever something of an asker's may stand, the list
// says so, and whoever takes up an attempt that died finds it.
func (v *View) raise(ctx context.Context, w string, lower []string, root, asker string) error {
	if len(lower) == 0 {
		return nil
	}
	if err := v.store.PutAsker(ctx, w, root, asker); err != nil {
		return err
	}
	for _, thread := range lower {
		if err := v.store.MovePart(ctx, w, thread, root, asker); err != nil {
			return err
		}
	}
	return nil
}

// rooted looks whether a thread in which something of an asker's was written
// is still a root. If not, the asker's part of it is moved up, and the error
// is of kind Conflict: root is the new one.
func (v *View) rooted(ctx context.Context, w string, root *string, asker string) error {
	after, err := v.store.Root(ctx, w, *root)
	if err != nil || after == *root {
		return err
	}
	if err := v.raise(ctx, w, []string{*root}, after, asker); err != nil {
		return err
	}
	*root = after
	return fault.New(fault.Conflict, "the thread has a new root")
}

// look takes away what was written of a fact, if an erasure took the fact and
// the views that it found meanwhile; and views again what came to the other
// side, or was corrected, meanwhile. p is where the message is; nil: there was none.
func (k *keeping) look(ctx context.Context, f view.Fact, p *place) error {
	if !f.Type.Utterance() && f.Type != social.Edit && f.Type != social.Delete && !f.Type.Closing() {
		return nil
	}
	now, err := k.store.Activity(ctx, k.w, f.Ref)
	if fault.Is(err, fault.NotFound) {
		_, err = k.Forget(ctx, k.w, []view.Fact{f})
		return err
	}
	if err == nil && now.Direction != f.Direction {
		if _, err := k.Forget(ctx, k.w, []view.Fact{f}); err != nil {
			return err
		}
		return k.Keep(ctx, k.w, []view.Fact{{Ref: f.Ref, Activity: now}})
	}
	if err == nil && p != nil && p.Ref != f.Ref { // an edit of it
		now, err = k.store.Activity(ctx, k.w, p.Ref)
	}
	if fault.Is(err, fault.NotFound) { // whoever erased it views what is left of it
		return nil
	}
	if err != nil || p == nil || newestOf(now.Correction) == newestOf(p.Correction) {
		return err
	}
	return k.Keep(ctx, k.w, []view.Fact{{Ref: p.Ref, Activity: now}})
}

// newestOf is the id of a correction; empty: there is none.
func newestOf(c *social.Correction) string {
	if c == nil {
		return ""
	}
	return c.ID
}

// Forget takes away what was made of facts that are gone, and brings the
// conversations of others that they had a part in up to date.
func (v *View) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	going := map[store.FactRef]bool{}
	for _, f := range gone {
		going[f.Ref] = true
	}
	n := 0
	stale := map[store.FactRef]bool{}
	keeps := &keeping{View: v, w: w, whole: true, touched: map[part]store.Change{}}
	for _, f := range gone {
		var k int
		var again []store.FactRef
		var err error
		switch {
		case f.Type == social.Edit || f.Type == social.Delete:
			k, again, err = v.store.ForgetEdit(ctx, w, f.Activity)
		case f.Type.Utterance():
			k, again, err = v.store.ForgetMessage(ctx, w, f.Activity)
		case f.Type.Closing():
			thread, c := store.ClosingOf(f.Activity)
			k, err = v.store.ForgetClosing(ctx, w, thread, c)
		}
		if err != nil {
			return n, err
		}
		n += k
		for _, ref := range again {
			if !going[ref] {
				stale[ref] = true
			}
		}
	}
	var others []view.Fact
	var scores []view.Stale
	for ref := range stale {
		a, err := v.store.Activity(ctx, w, ref)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		others = append(others, view.Fact{Ref: ref, Activity: a})
		if a.Direction == social.Inbound && a.Actor.ID != social.Unknown { // nobody scores others
			scores = append(scores, view.Stale{Account: ref.Account})
		}
	}
	for _, f := range gone {
		if f.Type.Closing() {
			thread, c := store.ClosingOf(f.Activity)
			if err := keeps.reclosed(ctx, thread, c); err != nil {
				return n, err
			}
		}
	}
	slices.SortFunc(scores, func(a, b view.Stale) int { return cmp.Compare(a.Account, b.Account) })
	return n, errors.Join(keeps.keep(ctx, others), v.score(ctx, w, slices.Compact(scores)))
}
