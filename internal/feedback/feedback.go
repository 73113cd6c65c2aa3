// Package feedback keeps the workspace's views of what was said in step with
// the facts: each activity as it stands after edits and deletions, and each
// conversation. It sends nothing to the outside.
package feedback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

// Feedback computes views again.
type Feedback struct {
	store *store.Store
	days  *byday.View
	score func(ctx context.Context, workspace string, accounts []string) error
}

// New returns Feedback over a store; score asks for accounts to be scored
// again, since a reply they received counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, accounts []string) error) *Feedback {
	return &Feedback{s, byday.New(s, nil), score}
}

// hands is how many activities or threads are worked on at once.
const hands = 8

// View computes everything that the activities at refs have a part in: each
// conversation once, however many of them are in it. What was erased has no view.
func (f *Feedback) View(ctx context.Context, w string, refs ...store.FactRef) error {
	facts, touched := make([]social.Activity, len(refs)), make([]touch, len(refs))
	errs := parallel.Each(ctx, len(refs), hands, func(i int) (err error) {
		facts[i], err = f.store.Activity(ctx, w, refs[i])
		switch a := facts[i]; {
		case fault.Is(err, fault.NotFound):
			slog.WarnContext(ctx, "fact is gone", "workspace", w, "account", refs[i].Account)
			return f.store.ForgetTuplesOf(ctx, w, refs[i]) // it may have been written while the fact went
		case err != nil:
			return err
		case a.Type == social.Edit || a.Type == social.Delete:
			touched[i], err = f.amended(ctx, w, a)
		case a.Type.Utterance():
			touched[i], err = f.place(ctx, w, a, refs[i])
		}
		return err
	})
	// What fails keeps nothing else from being viewed: the message comes again as a whole.
	errs = append(errs, f.conversations(ctx, w, touched), f.amend(ctx, w, refs, facts))
	return errors.Join(append(errs, parallel.Each(ctx, len(refs), hands, func(i int) error {
		if facts[i].Key == "" {
			return nil
		}
		return f.look(ctx, w, facts[i], refs[i], touched[i])
	})...)...)
}

// amend brings what is kept by day in step with edits and deletions.
func (f *Feedback) amend(ctx context.Context, w string, refs []store.FactRef, facts []social.Activity) error {
	var there []view.Fact
	for i, a := range facts {
		if a.Key != "" {
			there = append(there, view.Fact{Ref: refs[i], Activity: a})
		}
	}
	return f.days.Amend(ctx, w, there)
}

// look takes away what was written of a fact, if an erasure took the fact and
// the views that it found meanwhile.
func (f *Feedback) look(ctx context.Context, w string, a social.Activity, ref store.FactRef, t touch) error {
	_, err := f.store.Activity(ctx, w, ref)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := f.store.ForgetViews(ctx, w, a); err != nil || t.thread == "" {
		return err
	}
	// Without its place the thread isn't found any more, but here it is known.
	n := nodeOf(a)
	if err := f.store.DeleteNode(ctx, w, t.thread, n); err != nil {
		return err
	}
	root, err := f.store.Root(ctx, w, t.root)
	if err != nil {
		return err
	}
	if n.Direction == social.Outbound {
		askers := slices.Sorted(maps.Keys(t.askers))
		if len(askers) == 0 {
			return nil
		}
		for _, asker := range askers {
			if err := f.store.DeleteReceived(ctx, w, asker, a); err != nil {
				return err
			}
		}
		return errors.Join(f.converse(ctx, w, root, askers), f.score(ctx, w, askers))
	}
	_, nodes, err := f.store.Tree(ctx, w, root, n.Account)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(nodes, func(o store.NodeRef) bool { return o.Account == n.Account }) {
		return f.converse(ctx, w, root, []string{n.Account})
	}
	return f.store.DeleteHead(ctx, w, root, n.Account)
}

// touch is what an activity has a part in: conversations of one thread.
type touch struct {
	thread string // where the message's node was put
	root   string // "": none
	askers map[string]bool
}

// conversations computes those that were touched.
func (f *Feedback) conversations(ctx context.Context, w string, touched []touch) error {
	tops, askers := map[string]string{}, map[string]map[string]bool{} // by root as it was touched, and as it is
	for _, t := range touched {
		if len(t.askers) == 0 {
			continue
		}
		top, ok := tops[t.root]
		if !ok {
			var err error
			if top, err = f.store.Root(ctx, w, t.root); err != nil { // others of them may have linked it below another
				return err
			}
			tops[t.root] = top
		}
		if askers[top] == nil {
			askers[top] = map[string]bool{}
		}
		maps.Copy(askers[top], t.askers)
	}
	roots := slices.Sorted(maps.Keys(askers))
	return errors.Join(parallel.Each(ctx, len(roots), hands, func(i int) error {
		return f.converse(ctx, w, roots[i], slices.Sorted(maps.Keys(askers[roots[i]])))
	})...)
}

func messageOf(a social.Activity) string {
	return store.MessageID(a.Platform, a.Scope, a.Object.ID)
}

func nodeOf(a social.Activity) conversation.Node {
	n := conversation.Node{Message: messageOf(a), Activity: a.ID(), Key: a.Key, Account: a.Account().AccountID(), Direction: a.Direction,
		Occurred: a.Occurred, Private: a.Type == social.Message, Content: a.Intent == reading.Spam || a.Intent == reading.Praise}
	if a.InReplyTo != "" {
		n.InReplyTo = store.MessageID(a.Platform, a.Scope, a.InReplyTo)
	}
	return n
}

// amended applies an edit or deletion to the message it is about, if that has arrived.
func (f *Feedback) amended(ctx context.Context, w string, a social.Activity) (t touch, err error) {
	msg := messageOf(a)
	if err := f.store.PutEdit(ctx, w, msg, a, reading.Version); err != nil {
		return t, err
	}
	p, err := f.store.Place(ctx, w, msg)
	if fault.Is(err, fault.NotFound) {
		return t, nil // when the message arrives, it finds the edit
	}
	if err != nil {
		return t, err
	}
	of, err := f.store.Activity(ctx, w, p.Ref)
	if fault.Is(err, fault.NotFound) {
		return t, nil // erased meanwhile
	}
	if err != nil {
		return t, err
	}
	if err := f.tell(ctx, w, p.Ref.Account, []social.Activity{a}); err != nil {
		return t, err
	}
	if a.Type == social.Delete {
		if t, err = f.place(ctx, w, of, p.Ref); err != nil {
			return t, err
		}
	}
	return t, f.look(ctx, w, of, p.Ref, t)
}

// tell notes edits and deletions that somebody else made, a moderator or
// nobody named, among the facts of the account that wrote the message, and
// has it scored again: a score must not rest on what was taken away.
func (f *Feedback) tell(ctx context.Context, w, account string, edits []social.Activity) error {
	told := false
	for _, e := range edits {
		if e.Account().AccountID() == account {
			continue // it is among the account's facts already
		}
		if err := f.store.PutReceived(ctx, w, account, e, reading.Version); err != nil {
			return err
		}
		told = true
	}
	if !told {
		return nil
	}
	return f.score(ctx, w, []string{account})
}

// place notes a message in its thread, and returns the conversations that it
// has a part in, those that stand in another thread by it too.
func (f *Feedback) place(ctx context.Context, w string, a social.Activity, ref store.FactRef) (touch, error) {
	n := nodeOf(a)
	thread, err := f.threadOf(ctx, w, a, n)
	if err != nil {
		return touch{}, err
	}
	p, err := f.store.PutPlace(ctx, w, store.Place{Message: n.Message, Thread: thread, Ref: ref, Direction: a.Direction, Occurred: a.Occurred})
	if err != nil {
		return touch{}, err
	}
	if err := f.store.PutNode(ctx, w, p.Thread, n, ref); err != nil {
		return touch{}, err
	}
	edits, err := f.store.Edits(ctx, w, n.Message)
	if err != nil {
		return touch{}, err
	}
	if err := f.tell(ctx, w, n.Account, edits); err != nil {
		return touch{}, err
	}
	if slices.ContainsFunc(edits, func(e social.Activity) bool { return e.Type == social.Delete }) {
		if err := f.store.MarkDeleted(ctx, w, p.Thread, n); err != nil {
			return touch{}, err
		}
	}
	root, err := f.link(ctx, w, p.Thread)
	if err != nil {
		return touch{}, err
	}
	askers := map[string]bool{}
	if p.Thread != n.Message && a.Conversation == "" {
		// Replies may have come before this message, and stand under its own id.
		has, err := f.store.HasNodes(ctx, w, n.Message)
		if err != nil {
			return touch{}, err
		}
		if has {
			if root, err = f.link(ctx, w, n.Message); err != nil {
				return touch{}, err
			}
			if err := f.move(ctx, w, n.Message, root, askers); err != nil {
				return touch{}, err
			}
		}
	}
	switch {
	case a.Direction == social.Inbound:
		askers[n.Account] = true
	case n.InReplyTo != "":
		parent, err := f.store.Place(ctx, w, n.InReplyTo)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return touch{}, err
		}
		if err == nil && parent.Direction == social.Inbound {
			askers[parent.Ref.Account] = true
		}
	case n.Private:
		_, nodes, err := f.store.Tree(ctx, w, root, "")
		if err != nil {
			return touch{}, err
		}
		addAskers(nodes, askers)
	}
	return touch{p.Thread, root, askers}, nil
}

// threadOf finds the thread of a message: the platform's, or that of the
// message it replies to, or one of its own.
func (f *Feedback) threadOf(ctx context.Context, w string, a social.Activity, n conversation.Node) (string, error) {
	switch {
	case a.Conversation != "":
		return store.ThreadID(a.Platform, a.Scope, a.Conversation), nil
	case n.InReplyTo == "":
		return n.Message, nil
	}
	parent, err := f.store.Place(ctx, w, n.InReplyTo)
	if fault.Is(err, fault.NotFound) {
		return n.InReplyTo, nil // the parent's own place will say more
	}
	if err != nil {
		return "", err
	}
	return f.store.Root(ctx, w, parent.Thread)
}

// link makes sure that thread hangs below its root and returns the root. It
// looks again after it has written, since the root may have got a parent meanwhile.
func (f *Feedback) link(ctx context.Context, w, thread string) (string, error) {
	last := thread
	for {
		root, err := f.store.Root(ctx, w, thread)
		if err != nil || root == last {
			return root, err
		}
		if err := f.store.PutMerged(ctx, w, root, thread); err != nil {
			return "", err
		}
		last = root
	}
}

// move takes the conversations that were computed under thread, and under
// those linked below it, off the lists, and adds their askers to those to be
// computed at the root.
func (f *Feedback) move(ctx context.Context, w, thread, root string, askers map[string]bool) error {
	below, nodes, err := f.store.Tree(ctx, w, thread, "")
	if err != nil {
		return err
	}
	addAskers(nodes, askers)
	for _, t := range below {
		if t == root {
			continue
		}
		if err := f.store.DeleteHeads(ctx, w, t); err != nil {
			return err
		}
	}
	return nil
}

func addAskers(nodes []store.NodeRef, askers map[string]bool) {
	for _, n := range nodes {
		if n.Direction == social.Inbound {
			askers[n.Account] = true
		}
	}
}

// converse computes the conversations of askers in the thread whose root is
// given, notes new replies among each asker's facts and has the asker scored
// again. The thread is read once for all of them.
func (f *Feedback) converse(ctx context.Context, w, root string, askers []string) error {
	return store.Again(ctx, func() error {
		old := make([]store.Head, len(askers))
		err := errors.Join(parallel.Each(ctx, len(askers), hands, func(i int) (err error) {
			old[i], err = f.store.Head(ctx, w, root, askers[i])
			return err
		})...)
		if err != nil {
			return err
		}
		only := "" // of everybody
		if len(askers) == 1 {
			only = askers[0]
		}
		_, found, err := f.store.Tree(ctx, w, root, only)
		if err != nil {
			return err
		}
		errs := parallel.Each(ctx, len(askers), hands, func(i int) error {
			return f.head(ctx, w, old[i], found)
		})
		var late []string // somebody else wrote their heads meanwhile
		var failed error
		for i, err := range errs {
			if fault.Is(err, fault.Conflict) {
				late = append(late, askers[i])
			} else {
				failed = errors.Join(failed, err)
			}
		}
		after, err := f.store.Root(ctx, w, root)
		if err != nil {
			return err
		}
		if after != root { // the thread was linked below another meanwhile
			if err := f.store.DeleteHeads(ctx, w, root); err != nil {
				return err
			}
			root = after
			return fault.New(fault.Conflict, "the thread has a new root")
		}
		if failed != nil {
			return failed
		}
		if askers = late; len(late) > 0 {
			return fault.New(fault.Conflict, "conversations were written meanwhile")
		}
		return nil
	})
}

// head writes one conversation, of the nodes found in its thread; it stood as in old.
func (f *Feedback) head(ctx context.Context, w string, old store.Head, found []store.NodeRef) error {
	var nodes []conversation.Node
	refs := map[string]store.FactRef{}
	for _, n := range found {
		if n.Direction == social.Outbound || n.Account == old.Asker {
			nodes = append(nodes, n.Node)
			refs[n.Activity] = n.Ref
		}
	}
	for {
		gone, err := f.received(ctx, w, old, nodes, refs)
		if err != nil {
			return err
		}
		if gone == "" {
			break
		}
		nodes = slices.DeleteFunc(nodes, func(n conversation.Node) bool { return n.Activity == gone })
	}
	// Written also where nothing changed, as in item.
	return f.store.PutHead(ctx, w, store.Head{Conversation: conversation.Of(old.Asker, nodes), Thread: old.Thread, Asker: old.Asker, Version: old.Version})
}

// received notes the replies to an asker that old does not have among the
// asker's facts, and then asks for the asker to be scored: in this order, and
// before the head is written, so that a crash between leaves nothing undone.
// That a message is deleted takes it off the conversation, but the reply to
// it was given: else the facts would depend on which came first. A reply whose
// fact was erased is returned: it is none.
func (f *Feedback) received(ctx context.Context, w string, old store.Head, nodes []conversation.Node, refs map[string]store.FactRef) (gone string, err error) {
	asker := old.Asker
	known := map[string]bool{}
	for _, e := range old.Exchanges {
		known[e.Answer] = true
	}
	var kept time.Time // what was answered before was noted, and is no longer in old
	if len(old.Exchanges) >= store.MaxExchanges {
		kept = old.Exchanges[0].Answered
	}
	given := slices.Clone(nodes)
	for i := range given {
		given[i].Deleted = false
	}
	deleted := map[string]bool{}
	for _, n := range nodes {
		deleted[n.Activity] = n.Deleted
	}
	fresh := false
	for _, e := range conversation.Of(asker, given).Exchanges {
		if (known[e.Answer] || e.Answered.Before(kept)) && !deleted[e.Answer] {
			continue
		}
		reply, err := f.store.Activity(ctx, w, refs[e.Answer])
		if fault.Is(err, fault.NotFound) {
			return e.Answer, nil
		}
		if err != nil {
			return "", fmt.Errorf("reply: %w", err)
		}
		if err := f.store.PutReceived(ctx, w, asker, reply, reading.Version); err != nil {
			return "", err
		}
		if deleted[e.Answer] { // so that no score rests on it
			edits, err := f.store.Edits(ctx, w, messageOf(reply))
			if err != nil {
				return "", err
			}
			for _, edit := range edits {
				if err := f.store.PutReceived(ctx, w, asker, edit, reading.Version); err != nil {
					return "", err
				}
			}
		}
		fresh = true
	}
	if !fresh {
		return "", nil
	}
	return "", f.score(ctx, w, []string{asker})
}
