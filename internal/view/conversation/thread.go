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
	root := e.root
	if root != p.Message && (p.Private || len(e.below.Askers) > 0 || !e.below.Whole) {
		// Replies came before this message, and stand under its own id.
		if err := k.lift(ctx, p.Place, root); err != nil {
			return err
		}
	}
	switch {
	case p.Direction == social.Inbound:
		c := said(p.Occurred)
		c.Whole = e.moved
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
	root  string
	moved bool // what stood in lower threads was moved up to the root
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
		e.root = root
		for _, lower := range path[:len(path)-1] { // an attempt that died may have left it there
			e.moved = true
			if p.Direction == social.Inbound {
				err = k.store.MovePart(ctx, w, lower, root, p.Account)
			} else if p.Private && p.InReplyTo != "" {
				err = k.store.MovePrivate(ctx, w, lower, root)
			}
			if err != nil {
				return err
			}
		}
		if p.Direction == social.Inbound {
			if err := k.store.PutAsker(ctx, w, root, p.Account); err != nil {
				return err
			}
			for _, lower := range path[:len(path)-1] {
				if err := k.store.DeleteAsker(ctx, w, lower, p.Account); err != nil {
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

// lift moves what stands under a message's id, as replies that came before it
// do, up to its root: each asker's part, then the asker's head is computed
// there, and only then the asker is off the list. So an attempt that dies is
// taken up where it ended.
func (k *keeping) lift(ctx context.Context, p store.Place, root string) error {
	from := p.Message
	for from != root {
		askers, err := k.store.Askers(ctx, k.w, from, "", pageOfAskers)
		if err != nil {
			return err
		}
		if len(askers) > 0 {
			if err := k.store.MarkBelow(ctx, k.w, from); err != nil {
				return err
			}
		}
		for _, err := range parallel.Each(ctx, len(askers), hands, func(i int) error { return k.moveUp(ctx, from, root, askers[i]) }) {
			if err != nil {
				return err
			}
		}
		if p.Private { // so is what replies to it
			if err := store.Again(ctx, func() error { return k.store.MovePrivate(ctx, k.w, from, root) }); err != nil {
				return err
			}
		}
		if len(askers) == 0 && !p.Private {
			return nil
		}
		if len(askers) < pageOfAskers {
			from = root // which may have got a parent meanwhile
		}
		if root, err = k.store.Root(ctx, k.w, from); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeping) moveUp(ctx context.Context, from, root, asker string) error {
	err := store.Again(ctx, func() error { return k.store.MovePart(ctx, k.w, from, root, asker) })
	if err != nil {
		return err
	}
	if err := k.store.PutAsker(ctx, k.w, root, asker); err != nil {
		return err
	}
	if err := k.head(ctx, k.w, root, asker, store.Change{Whole: true}); err != nil {
		return err
	}
	return k.store.DeleteAsker(ctx, k.w, from, asker)
}
