package conversation

import (
	"cmp"
	"context"
	"slices"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// answered settles the replies that name a message of an asker's.
func (k *keeping) answered(ctx context.Context, p store.Place, below store.Below) error {
	named := func(r store.NodeRef) error { return k.reply(ctx, r, p) }
	if !below.Whole {
		return k.store.RepliesTo(ctx, k.w, p.Message, named)
	}
	for _, r := range below.Replies {
		if err := named(r); err != nil {
			return err
		}
	}
	return nil
}

// reply settles a reply that names a message of an asker's.
func (k *keeping) reply(ctx context.Context, r store.NodeRef, m store.Place) error {
	if !r.Named {
		return k.tree(ctx, r, m)
	}
	p, err := k.store.Place(ctx, k.w, r.Message)
	if fault.Is(err, fault.NotFound) {
		return nil // whoever views it settles it
	}
	if err != nil {
		return err
	}
	return k.inThread(ctx, p.Thread, r)
}

// tree settles a reply in a tree: it is to the message that it names, if both
// stand and clocks allow it.
func (k *keeping) tree(ctx context.Context, r store.NodeRef, m store.Place) error {
	var lower []string
	root := m.Thread
	c := replied(r.Occurred)
	err := store.Again(ctx, func() error {
		path, err := k.store.Path(ctx, k.w, m.Thread)
		if err != nil {
			return err
		}
		// What stands below moves up first: the message that is replied to may be
		// on its way, and what an earlier round wrote.
		root = path[len(path)-1]
		if lower = path[:len(path)-1]; len(lower) > 0 {
			c.Whole = true
		}
		if err := k.raise(ctx, k.w, lower, root, m.Account); err != nil {
			return err
		}
		changed, err := k.settle(ctx, root, m.Account, r, func(p store.Pair) *store.NodeRef {
			if p.Reply && p.Message && m.Direction == social.Inbound && m.Before(r.Node) {
				return &m.NodeRef
			}
			return nil
		}, &m.NodeRef)
		if err != nil || changed {
			return cmp.Or(err, fault.New(fault.Conflict, "looks again"))
		}
		return k.rooted(ctx, k.w, &root, m.Account)
	})
	k.touch(root, m.Account, c)
	if err != nil {
		return err
	}
	return k.off(ctx, k.w, lower, m.Account)
}

// inThread settles what the business said in a thread that the platform names,
// from a message on: that message may decide about what follows it. It looks
// again after it has written, until it finds everything as it should be. Of
// askers whose conversations may stand elsewhere for it, those are touched.
func (k *keeping) inThread(ctx context.Context, thread string, from store.NodeRef) error {
	return store.Again(ctx, func() error {
		after, err := k.store.SaidFrom(ctx, k.w, thread, from, conversation.Window+1)
		if err != nil {
			return err
		}
		replies := false
		for _, n := range after {
			if n.Direction == social.Outbound {
				replies = true
			} else if n.Needs.Depends() {
				k.touch(thread, n.Account, store.Change{})
			}
		}
		if !replies {
			return nil
		}
		before, err := k.store.SaidBefore(ctx, k.w, thread, from, conversation.Window)
		if err != nil {
			return err
		}
		all := slices.Concat(before, after)
		changed := false
		for i := len(before); i < len(all); i++ {
			if all[i].Direction != social.Outbound {
				continue
			}
			did, err := k.decide(ctx, thread, all[i], all[max(0, i-conversation.Window):i])
			if err != nil {
				return err
			}
			changed = changed || did
		}
		if changed {
			return fault.New(fault.Conflict, "looks again")
		}
		return nil
	})
}

// decide brings up to date to whom a reply is, of what was said before it, and
// reports whether it had to.
func (k *keeping) decide(ctx context.Context, thread string, r store.NodeRef, before []store.NodeRef) (changed bool, err error) {
	is := map[string]store.NodeRef{}
	var window []conversation.Node
	for _, n := range before {
		if !n.Deleted {
			is[n.Message] = n
			window = append(window, n.Node)
		}
	}
	var named *store.NodeRef
	if r.InReplyTo != "" {
		m, err := k.store.Place(ctx, k.w, r.InReplyTo)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return false, err
		case m.Direction == social.Inbound && (!m.Named || m.Thread != thread):
			// It answers in another thread, as in a tree.
			if changed, err = k.deliver(ctx, thread, r, nil); err != nil {
				return changed, err
			}
			return changed, k.tree(ctx, r, m)
		default:
			n, err := k.store.SaidNow(ctx, k.w, thread, m.NodeRef)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return false, err
			}
			if err == nil && !n.Deleted {
				named = &n
				is[n.Message] = n
			}
		}
	}
	var to []store.NodeRef
	if !r.Deleted {
		var node *conversation.Node
		if named != nil {
			node = &named.Node
		}
		for _, m := range conversation.Answers(r.Node, window, node) {
			to = append(to, is[m.Message])
		}
	}
	return k.deliver(ctx, thread, r, to)
}

// deliver writes that a reply in a named thread is to messages, and to none
// else. To whom it may be stands with the reply before anything else is
// written: whoever comes later finds it.
func (k *keeping) deliver(ctx context.Context, thread string, r store.NodeRef, to []store.NodeRef) (changed bool, err error) {
	noted, err := k.store.To(ctx, k.w, r.Message)
	if err != nil {
		return false, err
	}
	for _, m := range to {
		if slices.Contains(noted, m.Account) {
			continue
		}
		if there, err := k.store.PutTo(ctx, k.w, r.Message, m.Account); err != nil || !there {
			return changed, err
		}
		noted, changed = append(noted, m.Account), true
	}
	for _, asker := range noted {
		var m *store.NodeRef
		if i := slices.IndexFunc(to, func(m store.NodeRef) bool { return m.Account == asker }); i >= 0 {
			m = &to[i]
		}
		did, err := k.settle(ctx, thread, asker, r, func(store.Pair) *store.NodeRef { return m }, nil)
		if err != nil {
			return changed, err
		}
		if changed = changed || did; m != nil || did {
			k.touch(thread, asker, replied(r.Occurred))
			continue
		}
		asks, err := k.store.Asks(ctx, k.w, thread, asker)
		if err != nil {
			return changed, err
		}
		if asks {
			k.touch(thread, asker, replied(r.Occurred)) // whoever took it away may have died before the head was written
		} else if err := k.store.DeleteTo(ctx, k.w, r.Message, asker); err != nil { // the asker was erased
			return changed, err
		}
	}
	return changed, nil
}

// settle brings what is kept of one reply to one asker up to date, and reports
// whether it had to: the exchange, the response of its day, the copy among the
// asker's facts, and which reply is the first to its message. to says of what
// is stored which message the reply is to (nil: none); names is the one that it
// names in a tree.
func (k *keeping) settle(ctx context.Context, root, asker string, r store.NodeRef, to func(store.Pair) *store.NodeRef, names *store.NodeRef) (changed bool, err error) {
	old, err := k.store.Pair(ctx, k.w, root, asker, r, names)
	if err != nil {
		return false, err
	}
	m := to(old)
	if m != nil && !old.Received {
		there, err := k.received(ctx, asker, r)
		if err != nil {
			return false, err
		}
		if changed = there; !there {
			m = nil // it was erased: whoever views it takes away what was made of it
		}
	}
	want := conversation.Exchange{}
	if m != nil {
		want = conversation.Exchange{Asked: m.Occurred, Answered: r.Occurred, Answer: r.Activity, Message: m.Message, Automatic: r.Automatic}
	}
	// The replies to the message that it is not to any more are told first: who
	// dies before it is taken away finds it still.
	was := old.Exchange
	if was.Message != "" && was.Message != want.Message {
		if _, err := k.firsts(ctx, root, asker, was, r, false); err != nil {
			return changed, err
		}
	}
	day := want
	day.Message = ""
	if was != want || old.Day != day {
		changed = true
		if m == nil {
			_, err = k.store.DeletePair(ctx, k.w, root, asker, r)
		} else {
			err = k.store.PutPair(ctx, k.w, root, asker, r, want, m.Language)
		}
		if err != nil {
			return changed, err
		}
	}
	if m == nil && old.Received {
		changed = true
		if err := k.returned(ctx, asker, r); err != nil {
			return changed, err
		}
	}
	if want.Message != "" {
		did, err := k.firsts(ctx, root, asker, want, r, true)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	if was.Message != "" && was.Message != want.Message {
		_, err = k.firsts(ctx, root, asker, was, r, false)
	}
	return changed, err
}

// received notes a reply among the asker's facts and has the asker scored
// again. It reports whether the reply is still there.
func (k *keeping) received(ctx context.Context, asker string, r store.NodeRef) (bool, error) {
	a, err := k.store.Activity(ctx, k.w, r.Ref)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := k.store.PutReceived(ctx, k.w, asker, a); err != nil {
		return false, err
	}
	return true, k.score(ctx, k.w, []view.Stale{{Account: asker, Since: r.Occurred}})
}

// returned takes a reply away from the asker's facts: it is to somebody else,
// or what it replies to was deleted.
func (k *keeping) returned(ctx context.Context, asker string, r store.NodeRef) error {
	a := social.Activity{Key: r.Key, Occurred: r.Occurred}
	if err := k.store.DeleteReceived(ctx, k.w, asker, a); err != nil {
		return err
	}
	return k.score(ctx, k.w, []view.Stale{{Account: asker, Since: r.Occurred}})
}

// firsts says of the replies to a message of an asker's which is the first, and
// which the first by a human: of those that r may have moved, itself if it is
// one of them, and what follows it.
func (k *keeping) firsts(ctx context.Context, root, asker string, of conversation.Exchange, r store.NodeRef, is bool) (bool, error) {
	all, err := k.store.RepliesOf(ctx, k.w, root, asker, of.Message, of.Asked)
	if err != nil {
		return false, err
	}
	var list []conversation.Exchange
	any, human := 0, 0                // so far
	followed, byHuman := false, false // what follows r
	for _, e := range all {
		if e.Answer == r.Activity && !is {
			continue
		}
		after := e.Answered.After(r.Occurred) || e.Answered.Equal(r.Occurred) && e.Answer > r.Activity
		any++
		e.FirstToIt = any == 1
		if !e.Automatic {
			human++
			e.HumanToIt = human == 1
		}
		if e.FirstToIt || e.HumanToIt || e.Answer == r.Activity || after && (!followed || !byHuman && !e.Automatic) {
			list = append(list, e)
		}
		if after {
			followed, byHuman = true, byHuman || !e.Automatic
		}
	}
	return k.store.MarkFirst(ctx, k.w, asker, list)
}
