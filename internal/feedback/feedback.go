// Package feedback keeps the workspace's views of what was said in step with
// the facts: each activity as it stands after edits and deletions, and each
// conversation. It sends nothing to the outside.
package feedback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Feedback computes views again.
type Feedback struct {
	store *store.Store
	score func(ctx context.Context, workspace string, accounts []string) error
}

// New returns Feedback over a store; score asks for accounts to be scored
// again, since a reply they received counts for them.
func New(s *store.Store, score func(ctx context.Context, workspace string, accounts []string) error) *Feedback {
	return &Feedback{s, score}
}

// View computes everything that the activity at ref has a part in.
func (f *Feedback) View(ctx context.Context, w string, ref store.FactRef) error {
	a, err := f.store.Activity(ctx, w, ref)
	if err != nil {
		return err
	}
	switch {
	case a.Type == social.Edit || a.Type == social.Delete:
		err = f.amended(ctx, w, a)
	case a.Type.Utterance():
		err = f.said(ctx, w, a, ref)
	}
	if err := errors.Join(err, f.item(ctx, w, a)); err != nil {
		return err
	}
	// An erasure may have taken the fact, and the views that it found, while these were written.
	if _, err := f.store.Activity(ctx, w, ref); fault.Is(err, fault.NotFound) {
		return f.store.ForgetViews(ctx, w, a)
	} else if err != nil {
		return err
	}
	return nil
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
			edits, err := f.store.Edits(ctx, w, messageOf(a))
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
	if err != nil || now.Occurred.Equal(a.Occurred) {
		return err
	}
	if err := f.store.DeleteItem(ctx, w, *a); err != nil {
		return err
	}
	*a = now
	return fault.New(fault.Conflict, "it was known earlier")
}

// amended applies an edit or deletion to the message it is about, if that has arrived.
func (f *Feedback) amended(ctx context.Context, w string, a social.Activity) error {
	msg := messageOf(a)
	if err := f.store.PutEdit(ctx, w, msg, a, reading.Version); err != nil {
		return err
	}
	p, err := f.store.Place(ctx, w, msg)
	if fault.Is(err, fault.NotFound) {
		return nil // when the message arrives, it finds the edit
	}
	if err != nil {
		return err
	}
	of, err := f.store.Activity(ctx, w, p.Ref)
	if err != nil {
		return err
	}
	if err := f.tell(ctx, w, p.Ref.Account, []social.Activity{a}); err != nil {
		return err
	}
	if a.Type == social.Delete {
		if err := f.said(ctx, w, of, p.Ref); err != nil {
			return err
		}
	}
	return f.item(ctx, w, of)
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

// said places a message in its thread and computes the conversations it touches.
func (f *Feedback) said(ctx context.Context, w string, a social.Activity, ref store.FactRef) error {
	n := nodeOf(a)
	thread, err := f.threadOf(ctx, w, a, n)
	if err != nil {
		return err
	}
	p, err := f.store.PutPlace(ctx, w, store.Place{Message: n.Message, Thread: thread, Ref: ref, Direction: a.Direction, Occurred: a.Occurred})
	if err != nil {
		return err
	}
	if err := f.store.PutNode(ctx, w, p.Thread, n, ref); err != nil {
		return err
	}
	edits, err := f.store.Edits(ctx, w, n.Message)
	if err != nil {
		return err
	}
	if err := f.tell(ctx, w, n.Account, edits); err != nil {
		return err
	}
	if slices.ContainsFunc(edits, func(e social.Activity) bool { return e.Type == social.Delete }) {
		if err := f.store.MarkDeleted(ctx, w, p.Thread, n); err != nil {
			return err
		}
	}
	root, err := f.link(ctx, w, p.Thread)
	if err != nil {
		return err
	}
	askers := map[string]bool{}
	if p.Thread != n.Message && a.Conversation == "" {
		// Replies may have come before this message, and stand under its own id.
		has, err := f.store.HasNodes(ctx, w, n.Message)
		if err != nil {
			return err
		}
		if has {
			if root, err = f.link(ctx, w, n.Message); err != nil {
				return err
			}
			if err := f.move(ctx, w, n.Message, root, askers); err != nil {
				return err
			}
		}
	}
	switch {
	case a.Direction == social.Inbound:
		askers[n.Account] = true
	case n.InReplyTo != "":
		parent, err := f.store.Place(ctx, w, n.InReplyTo)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil && parent.Direction == social.Inbound {
			askers[parent.Ref.Account] = true
		}
	case n.Private:
		_, nodes, err := f.store.Tree(ctx, w, root, "")
		if err != nil {
			return err
		}
		addAskers(nodes, askers)
	}
	for _, asker := range sorted(askers) {
		if err := f.converse(ctx, w, root, asker); err != nil {
			return err
		}
	}
	return nil
}

func sorted(set map[string]bool) []string {
	var out []string
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
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
	here := map[string]bool{}
	addAskers(nodes, here)
	for asker := range here {
		askers[asker] = true
		for _, t := range below {
			if t == root {
				continue
			}
			if err := f.store.DeleteHead(ctx, w, t, asker); err != nil {
				return err
			}
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

// converse computes the conversation of asker in the thread whose root is
// given, notes new replies among the asker's facts and has the asker scored again.
func (f *Feedback) converse(ctx context.Context, w, root, asker string) error {
	return store.Again(ctx, func() error {
		old, err := f.store.Head(ctx, w, root, asker)
		if err != nil {
			return err
		}
		_, found, err := f.store.Tree(ctx, w, root, asker)
		if err != nil {
			return err
		}
		nodes, refs := make([]conversation.Node, len(found)), map[string]store.FactRef{}
		for i, n := range found {
			nodes[i], refs[n.Activity] = n.Node, n.Ref
		}
		now := store.Head{Conversation: conversation.Of(asker, nodes), Thread: root, Asker: asker, Version: old.Version}
		if err := f.received(ctx, w, old, asker, nodes, refs); err != nil {
			return err
		}
		// Written also where nothing changed, as in item.
		if err := f.store.PutHead(ctx, w, now); err != nil {
			return err
		}
		after, err := f.store.Root(ctx, w, root)
		if err != nil || after == root {
			return err
		}
		// The thread was linked below another meanwhile.
		if err := f.store.DeleteHead(ctx, w, root, asker); err != nil {
			return err
		}
		root = after
		return fault.New(fault.Conflict, "the thread has a new root")
	})
}

// received notes the replies to asker that old does not have among the
// asker's facts, and then asks for the asker to be scored: in this order, and
// before the head is written, so that a crash between leaves nothing undone.
// That a message is deleted takes it off the conversation, but the reply to
// it was given: else the facts would depend on which came first.
func (f *Feedback) received(ctx context.Context, w string, old store.Head, asker string, nodes []conversation.Node, refs map[string]store.FactRef) error {
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
		if err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		if err := f.store.PutReceived(ctx, w, asker, reply, reading.Version); err != nil {
			return err
		}
		if deleted[e.Answer] { // so that no score rests on it
			edits, err := f.store.Edits(ctx, w, messageOf(reply))
			if err != nil {
				return err
			}
			for _, edit := range edits {
				if err := f.store.PutReceived(ctx, w, asker, edit, reading.Version); err != nil {
					return err
				}
			}
		}
		fresh = true
	}
	if !fresh {
		return nil
	}
	return f.score(ctx, w, []string{asker})
}
