package conversation

import (
	"context"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
)

// stand puts a message into its thread and touches the conversations that it
// has a part in, those that stood under its own id too.
func (k *keeping) stand(ctx context.Context, p place) error {
	e, err := k.enter(ctx, p)
	if err != nil {
		return err
	}
	root := e.path[len(e.path)-1]
	if root != p.Message && (p.Private || len(e.below.Askers) > 0 || !e.below.Whole || len(e.path) > 1) {
		// Replies came before this message, and stand under its own id; or an
		// attempt that died left them on the way up.
		path := e.path
		if path[0] != p.Message {
			path = append([]string{p.Message}, path...)
		}
		if root, err = k.lift(ctx, p.Place, path); err != nil {
			return err
		}
	}
	if err := k.dependents(ctx, p.Place, e.below); err != nil {
		return err
	}
	if p.Named {
		if err := k.inThread(ctx, p.Thread, p.NodeRef); err != nil {
			return err
		}
	}
	switch {
	case p.Direction == social.Inbound:
		c := said(p.Occurred)
		for _, edit := range e.edits {
			c.Said.Add(edit.Occurred) // it may wait since then
		}
		c.Whole = e.moved || root != e.path[len(e.path)-1] || len(e.edits) > 0 || p.Correction != nil
		k.touch(root, p.Account, c)
		return k.answered(ctx, p.Place, e.below)
	case p.InReplyTo != "" && !p.Named:
		m, err := k.store.Place(ctx, k.w, p.InReplyTo)
		if fault.Is(err, fault.NotFound) || err == nil && m.Direction != social.Inbound {
			return nil // when the message arrives, it finds the reply
		}
		if err != nil {
			return err
		}
		return k.tree(ctx, p.NodeRef, m)
	}
	return nil
}

// dependents touches the conversations of whoever said something that depends
// on a message, and of whose question it is the accepted answer.
func (k *keeping) dependents(ctx context.Context, p store.Place, below store.Below) error {
	one := func(n store.NodeRef) error {
		at, err := k.store.Place(ctx, k.w, n.Message)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		root, err := k.store.Root(ctx, k.w, at.Thread)
		if err == nil {
			k.touch(root, n.Account, store.Change{})
		}
		return err
	}
	for _, a := range below.Accepted {
		if err := k.accepted(ctx, a.Thread, a.Closing); err != nil {
			return err
		}
	}
	if !below.Whole {
		return k.store.DependentsOf(ctx, k.w, p.Message, one)
	}
	for _, n := range below.Dependents {
		if err := one(n); err != nil {
			return err
		}
	}
	return nil
}

// closed notes what a closing says, and touches the conversations that it ends
// or opens again: those of all askers of the thread, which costs as much as they
// are many.
func (k *keeping) closed(ctx context.Context, a social.Activity) error {
	thread, c := store.ClosingOf(a)
	if err := k.store.PutClosing(ctx, k.w, thread, c); err != nil {
		return err
	}
	return k.reclosed(ctx, thread, c)
}

func (k *keeping) reclosed(ctx context.Context, thread string, c store.Closing) error {
	if c.Message != "" {
		return k.accepted(ctx, thread, c)
	}
	for after := ""; ; {
		askers, err := k.store.Askers(ctx, k.w, thread, after, pageOfAskers)
		if err != nil {
			return err
		}
		for _, after = range askers {
			k.touch(thread, after, store.Change{})
		}
		if len(askers) < pageOfAskers {
			return nil
		}
	}
}

// accepted touches the conversation of the asker whose question was answered.
func (k *keeping) accepted(ctx context.Context, thread string, c store.Closing) error {
	asker, _, err := k.store.Accepts(ctx, k.w, c)
	if err != nil || asker == "" {
		return err
	}
	asks, err := k.store.Asks(ctx, k.w, thread, asker)
	if err == nil && asks {
		k.touch(thread, asker, store.Change{})
	}
	return err
}

// entered is a message that was put into its thread.
type entered struct {
	path  []string // from its thread up to the root
	moved bool     // what stood in lower threads was moved up to the root
	below store.Below
	edits []social.Activity
}

// enter puts a message into the lists that it is found in, as deleted if it was.
func (k *keeping) enter(ctx context.Context, p place) (e entered, err error) {
	w := k.w
	list := func(thread string) (l store.List, listed bool) {
		switch {
		case p.Direction == social.Inbound:
			return store.Own(w, thread, p.Account), true
		case p.InReplyTo != "":
			return store.Replies(w, p.InReplyTo), true
		}
		return l, false
	}
	told := false
	err = store.Again(ctx, func() error {
		path := []string{p.Thread}
		if !p.rooted {
			if path, err = k.store.Path(ctx, w, p.Thread); err != nil {
				return err
			}
		}
		root := path[len(path)-1]
		e.path = path
		lower := path[:len(path)-1] // an attempt that died may have left it there
		e.moved = e.moved || len(lower) > 0
		if p.Direction == social.Inbound {
			if err := k.store.PutAsker(ctx, w, root, p.Account); err != nil {
				return err
			}
			if err := k.raise(ctx, w, lower, root, p.Account); err != nil {
				return err
			}
			if err := k.off(ctx, w, lower, p.Account); err != nil {
				return err
			}
		} else if p.Private && p.InReplyTo != "" && !p.Named {
			for _, t := range lower {
				if err := k.store.MovePrivate(ctx, w, t, root); err != nil {
					return err
				}
			}
		}
		// It is entered as its edits left it. One that is deleted is not entered
		// again, not for a moment: whoever brings it up to date and dies then may not
		// be followed by another.
		var edits []social.Activity
		if !p.rooted {
			if edits, err = k.store.Edits(ctx, w, p.Message); err != nil {
				return err
			}
		}
		p.rooted = false
		l, listed := list(root)
		put := func() error {
			n := store.AsEdited(p.NodeRef, edits)
			if p.Named { // before its own list: whoever looks for it there decides by this one
				if err := k.store.PutSaid(ctx, w, p.Thread, n); err != nil {
					return err
				}
			}
			changed := len(edits) > 0 || n.Correction != nil
			if n.Direction == social.Inbound && n.InReplyTo != "" && (p.Needs.Depends() || changed) {
				if err := k.store.Enter(ctx, store.Dependents(w, n.InReplyTo), p.NodeRef); err != nil {
					return err
				}
			}
			if n.Direction == social.Outbound && n.Private && n.InReplyTo != "" && !n.Named {
				if err := k.store.Enter(ctx, store.Named(w, root), p.NodeRef); err != nil {
					return err
				}
			}
			switch {
			case !listed:
				return nil
			case n.Direction == social.Inbound && changed:
				return k.store.EnterEdited(ctx, l, n, edits)
			case n.Deleted:
				return k.store.Strike(ctx, l, p.NodeRef)
			}
			return k.store.Enter(ctx, l, p.NodeRef)
		}
		if err := put(); err != nil {
			return err
		}
		// Whoever edits or deletes it notes that before looking for its place.
		if e.below, err = k.store.Below(ctx, w, p.Message); err != nil {
			return err
		}
		e.edits = e.below.Edits
		if !e.below.Whole {
			if e.edits, err = k.store.Edits(ctx, w, p.Message); err != nil {
				return err
			}
		}
		if !told {
			if err := k.tell(ctx, w, p.Place, e.edits); err != nil {
				return err
			}
			told = true
		}
		if len(e.edits) != len(edits) {
			return fault.New(fault.Conflict, "it was edited meanwhile")
		}
		after, err := k.store.Root(ctx, w, root)
		if err == nil && after != root {
			err = fault.New(fault.Conflict, "the thread has a new root")
		}
		return err
	})
	return e, err
}

// pageOfAskers is how many askers are moved before the next are looked for.
const pageOfAskers = 200

// lift moves what stands in the lower threads of a path up to the root, which
// it returns: what came under a message's id before it, and what an attempt
// that died left on the way. Each asker's part moves, then the asker's head is
// computed, and only then the asker is off the list below.
func (k *keeping) lift(ctx context.Context, p store.Place, path []string) (root string, err error) {
	for len(path) > 1 {
		lower := path[:len(path)-1]
		root = path[len(path)-1]
		moved := false
		for _, from := range lower {
			n, err := k.liftFrom(ctx, p, from, lower, root)
			if err != nil {
				return "", err
			}
			moved = moved || n > 0 || p.Private
		}
		if !moved {
			return root, nil
		}
		if path, err = k.store.Path(ctx, k.w, root); err != nil { // which may have got a parent meanwhile
			return "", err
		}
	}
	return path[0], nil
}

// liftFrom moves what the askers on the list of one thread have in any of the
// lower ones up to the root, and counts the askers. Whoever died may have moved
// something of theirs into a thread from whose list others took them since.
func (k *keeping) liftFrom(ctx context.Context, p store.Place, from string, lower []string, root string) (n int, err error) {
	for {
		askers, err := k.store.Askers(ctx, k.w, from, "", pageOfAskers)
		if err != nil {
			return n, err
		}
		if len(askers) > 0 {
			if err := k.store.MarkBelow(ctx, k.w, from); err != nil {
				return n, err
			}
		}
		for _, err := range parallel.Each(ctx, len(askers), atOnce, func(i int) error { return k.moveUp(ctx, from, lower, root, askers[i]) }) {
			if err != nil {
				return n, err
			}
		}
		if n += len(askers); len(askers) < pageOfAskers {
			break
		}
	}
	if p.Private { // so is what replies to it
		return n, store.Again(ctx, func() error { return k.store.MovePrivate(ctx, k.w, from, root) })
	}
	return n, nil
}

func (k *keeping) moveUp(ctx context.Context, from string, lower []string, root, asker string) error {
	err := store.Again(ctx, func() error { return k.raise(ctx, k.w, lower, root, asker) })
	if err != nil {
		return err
	}
	if err := k.head(ctx, k.w, root, asker, store.Change{Whole: true}); err != nil {
		return err
	}
	return k.store.DeleteAsker(ctx, k.w, from, asker)
}
