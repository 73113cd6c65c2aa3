package conversation

import (
	"context"
	"slices"

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
	switch {
	case p.Direction == social.Inbound:
		c := said(p.Occurred)
		c.Whole = e.moved || root != e.path[len(e.path)-1]
		k.touch(root, p.Account, c)
		return k.answered(ctx, root, p.Place, e.below)
	case p.InReplyTo != "":
		m, err := k.store.Place(ctx, k.w, p.InReplyTo)
		if fault.Is(err, fault.NotFound) || err == nil && m.Direction != social.Inbound {
			return nil // when the message arrives, it finds the reply
		}
		if err != nil {
			return err
		}
		return k.settle(ctx, m.Thread, m.Account, p.NodeRef, &m.NodeRef)
	case p.Private && store.ByPlatform(root):
		askers, err := k.store.Askers(ctx, k.w, root, "", store.MaxAskers)
		if err != nil {
			return err
		}
		for _, asker := range askers {
			if err := k.settle(ctx, root, asker, p.NodeRef, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// entered is a message that was put into its thread.
type entered struct {
	path  []string // from its thread up to the root
	moved bool     // what stood in lower threads was moved up to the root
	below store.Below
}

// enter puts a message into the lists that it is found in, as deleted if it was.
func (k *keeping) enter(ctx context.Context, p place) (e entered, err error) {
	w := k.w
	lists := func(thread string) (ls []store.List) {
		switch {
		case p.Direction == social.Inbound:
			return []store.List{store.Own(w, thread, p.Account)}
		case p.Private && p.InReplyTo == "":
			return []store.List{store.Unnamed(w, thread)}
		case p.Private:
			ls = []store.List{store.Named(w, thread)}
		}
		if p.InReplyTo != "" {
			ls = append(ls, store.Replies(w, p.InReplyTo))
		}
		return ls
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
		} else if p.Private && p.InReplyTo != "" {
			for _, t := range lower {
				if err := k.store.MovePrivate(ctx, w, t, root); err != nil {
					return err
				}
			}
		}
		// One that is deleted is not entered again, not for a moment: whoever brings
		// it up to date and dies then may not be followed by another.
		var edits []social.Activity
		if !p.rooted {
			if edits, err = k.store.Edits(ctx, w, p.Message); err != nil {
				return err
			}
		}
		p.rooted = false
		if !deleted(edits) {
			for _, l := range lists(root) {
				if err := k.store.Enter(ctx, l, p.NodeRef); err != nil {
					return err
				}
			}
		}
		// Whoever deletes it notes that before looking for its place.
		if e.below, err = k.store.Below(ctx, w, p.Message); err != nil {
			return err
		}
		if edits = e.below.Edits; !e.below.Whole {
			if edits, err = k.store.Edits(ctx, w, p.Message); err != nil {
				return err
			}
		}
		if !told {
			if err := k.tell(ctx, w, p.Place, edits); err != nil {
				return err
			}
			told = true
		}
		if deleted(edits) {
			for _, l := range lists(root) {
				if err := k.store.Strike(ctx, l, p.NodeRef); err != nil {
					return err
				}
			}
		}
		after, err := k.store.Root(ctx, w, root)
		if err == nil && after != root {
			err = fault.New(fault.Conflict, "the thread has a new root")
		}
		return err
	})
	return e, err
}

func deleted(edits []social.Activity) bool {
	return slices.ContainsFunc(edits, func(e social.Activity) bool { return e.Type == social.Delete })
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
