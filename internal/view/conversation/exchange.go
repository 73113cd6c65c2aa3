package conversation

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// answered settles the replies that a message of an asker's has a part in:
// those that name it, and the private ones after it, until the next of the
// asker's. As it stands now, or is deleted, they may be to another message.
func (k *keeping) answered(ctx context.Context, root string, p store.Place, below store.Below) error {
	named := func(r store.NodeRef) error { return k.settle(ctx, root, p.Account, r, &p.NodeRef) }
	if !below.Whole {
		if err := k.store.RepliesTo(ctx, k.w, p.Message, named); err != nil {
			return err
		}
	} else {
		for _, r := range below.Replies {
			if err := named(r); err != nil {
				return err
			}
		}
	}
	private, err := k.store.HasPrivate(ctx, k.w, root)
	if err != nil || !private {
		return err
	}
	window, err := k.store.Window(ctx, k.w, root, p.NodeRef, true)
	if err != nil {
		return err
	}
	for _, r := range window {
		if err := k.settle(ctx, root, p.Account, r, nil); err != nil {
			return err
		}
	}
	return nil
}

// settle brings what is kept of one reply to one asker up to date, and touches
// the asker's conversation: the copy among the asker's facts, the exchange, and
// which reply is the first to its message, the one that it names (nil: none).
// It looks again at the messages after it has written, until it finds
// everything as it should be.
func (k *keeping) settle(ctx context.Context, thread, asker string, r store.NodeRef, names *store.NodeRef) error {
	w := k.w
	var noted []social.Activity
	c := replied(r.Occurred)
	var root string
	var lower []string
	err := store.Again(ctx, func() error {
		looks := false
		path, err := k.store.Path(ctx, w, thread)
		if err != nil {
			return err
		}
		// What stands below moves up first: the message that is replied to may be
		// on its way, and what an earlier round wrote.
		root = path[len(path)-1]
		if lower = path[:len(path)-1]; len(lower) > 0 {
			c.Whole = true
		}
		if err := k.raise(ctx, w, lower, root, asker); err != nil {
			return err
		}
		list := listOf(w, root, r)
		old, err := k.store.Pair(ctx, w, root, asker, list, r, names)
		if err != nil {
			return err
		}
		stands, deleted := old.Reply, false
		if !stands {
			if deleted, err = k.store.Deleted(ctx, list, r); err != nil {
				return err
			}
		}
		var m *store.NodeRef // that it is to, if it stands
		given := false       // one was there, deleted since or not
		switch {
		case names == nil:
			m, given, err = k.asked(ctx, w, root, asker, r)
		case old.Place && names.Direction == social.Inbound && !r.Occurred.Before(names.Occurred):
			if given = true; old.Message {
				m = names
			}
		}
		if err != nil {
			return err
		}
		switch {
		case len(noted) > 0 && !(given && (stands || deleted)): // one of the two was erased meanwhile
			for _, a := range noted {
				if err := k.store.DeleteReceived(ctx, w, asker, a); err != nil {
					return err
				}
			}
		case len(noted) == 0 && given && (deleted || stands && old.Exchange.Answered.IsZero()):
			if noted, err = k.received(ctx, w, asker, r, deleted); err != nil {
				return err
			}
			looks = len(noted) > 0
			stands = stands && looks // its fact was erased: whoever views it takes it out of the list
		}
		changed, err := k.pair(ctx, w, root, asker, r, m, stands, old)
		if err != nil || changed || looks {
			return cmp.Or(err, fault.New(fault.Conflict, "looks again"))
		}
		return k.rooted(ctx, w, &root, asker)
	})
	k.touch(root, asker, c)
	if err != nil {
		return err
	}
	return k.off(ctx, w, lower, asker)
}

func listOf(w, root string, r store.NodeRef) store.List {
	if r.InReplyTo != "" {
		return store.Replies(w, r.InReplyTo)
	}
	return store.Unnamed(w, root)
}

// asked returns the message of an asker's that a private reply is to, which
// names none: the newest before it, if one stands; and whether one was there,
// deleted since or not: then the reply was given.
func (v *View) asked(ctx context.Context, w, root, asker string, r store.NodeRef) (m *store.NodeRef, given bool, err error) {
	own := store.Own(w, root, asker)
	n, ok, err := v.store.Before(ctx, own, r.Occurred)
	if err != nil || ok {
		return &n, ok, err
	}
	gone, err := v.store.DeletedBetween(ctx, own, time.Time{}, r.Occurred, 1)
	return nil, len(gone) > 0, err
}

// received notes a reply among the asker's facts, with its own edits if it was
// deleted, so that no score rests on it, and has the asker scored again. That
// a message is deleted takes it off the conversation, but the reply to it was
// given: else the facts would depend on which came first. It returns what it
// noted: nothing, where the reply was erased.
func (v *View) received(ctx context.Context, w, asker string, r store.NodeRef, deleted bool) ([]social.Activity, error) {
	a, err := v.store.Activity(ctx, w, r.Ref)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all := []social.Activity{a}
	if deleted {
		edits, err := v.store.Edits(ctx, w, r.Message)
		if err != nil {
			return nil, err
		}
		all = append(all, edits...)
	}
	for _, a := range all {
		if err := v.store.PutReceived(ctx, w, asker, a, reading.Version); err != nil {
			return nil, err
		}
	}
	return all, v.score(ctx, w, []view.Stale{{Account: asker, Since: r.Occurred}})
}

// pair writes the exchange of a reply r and the message m that it is to (nil:
// none), which is stored as old, and reports whether it had to.
func (v *View) pair(ctx context.Context, w, root, asker string, r store.NodeRef, m *store.NodeRef, stands bool, old store.Pair) (changed bool, err error) {
	want := conversation.Exchange{}
	var first, next *store.NodeRef
	if m != nil {
		if first, next, err = v.firstAndNext(ctx, w, root, *m, r); err != nil {
			return false, err
		}
		if stands {
			want = conversation.Exchange{Asked: m.Occurred, Answered: r.Occurred, Answer: r.Activity, Message: m.Message, FirstToIt: first != nil && first.Activity == r.Activity}
		}
	}
	if o := old.Exchange; o.Message != "" && o.Message != want.Message && r.InReplyTo == "" {
		// It was to another message, whose first reply may be another one now.
		if err := v.firstOf(ctx, w, root, asker, o.Message); err != nil {
			return false, err
		}
	}
	exchange, day := want, want
	exchange.FirstToIt, day.Message = false, ""
	if old.Exchange != exchange || old.Day != day {
		changed = true
		if want.Answered.IsZero() {
			_, err = v.store.DeletePair(ctx, w, root, asker, r)
		} else {
			err = v.store.PutPair(ctx, w, root, asker, r, want)
		}
		if err != nil {
			return changed, err
		}
	}
	if next == nil {
		return changed, nil
	}
	marked, err := v.mark(ctx, w, asker, *next, first.Activity == next.Activity)
	return changed || marked, err
}

// firstAndNext returns the first reply to a message of an asker's, and the one
// that follows r.
func (v *View) firstAndNext(ctx context.Context, w, root string, m, r store.NodeRef) (first, next *store.NodeRef, err error) {
	named := store.Replies(w, m.Message)
	var a, b []store.NodeRef
	if a, err = v.store.After(ctx, named, m.Occurred, nil, 2); err != nil {
		return nil, nil, err
	}
	if i := slices.IndexFunc(a, func(n store.NodeRef) bool { return before(r, n) }); i >= 0 {
		b = a[i : i+1]
	} else if len(a) == 2 {
		if b, err = v.store.After(ctx, named, m.Occurred, &r, 1); err != nil {
			return nil, nil, err
		}
	}
	a = a[:min(1, len(a))]
	private, err := v.store.HasPrivate(ctx, w, root)
	if err != nil {
		return nil, nil, err
	}
	if private {
		c, d, err := v.store.FirstInWindow(ctx, w, root, m, r)
		if err != nil {
			return nil, nil, err
		}
		a, b = append(a, c...), append(b, d...)
	}
	return earliest(a), earliest(b), nil
}

func before(a, b store.NodeRef) bool {
	if c := a.Occurred.Compare(b.Occurred); c != 0 {
		return c < 0
	}
	return a.Activity < b.Activity
}

func earliest(ns []store.NodeRef) *store.NodeRef {
	var out *store.NodeRef
	for i := range ns {
		if out == nil || before(ns[i], *out) {
			out = &ns[i]
		}
	}
	return out
}

// firstOf marks the first reply to a message, if the message stands.
func (v *View) firstOf(ctx context.Context, w, root, asker, message string) error {
	p, err := v.store.Place(ctx, w, message)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	stands, err := v.store.Stands(ctx, store.Own(w, root, asker), p.NodeRef)
	if err != nil || !stands {
		return err
	}
	first, _, err := v.firstAndNext(ctx, w, root, p.NodeRef, p.NodeRef)
	if err != nil || first == nil {
		return err
	}
	_, err = v.mark(ctx, w, asker, *first, true)
	return err
}

// mark says of a reply whether it is the first to its message, where it stands
// on its day otherwise, and reports whether it did. One that does not stand
// there yet is written by whoever stores it, who looks afterwards.
func (v *View) mark(ctx context.Context, w, asker string, r store.NodeRef, first bool) (bool, error) {
	is, there, err := v.store.First(ctx, w, asker, r)
	if err != nil || !there || is == first {
		return false, err
	}
	return true, v.store.MarkFirst(ctx, w, asker, r, first)
}
