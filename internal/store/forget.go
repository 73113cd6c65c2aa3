package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/social"
)

// ForgetMessage takes away what was made in threads and conversations of a
// message that is gone, and returns how many items went and what others did
// that has to be viewed again. It can be called again.
func (s *Store) ForgetMessage(ctx context.Context, w string, a social.Activity) (views int, again []FactRef, err error) {
	f := forgetting{store: s, w: w, account: a.Account().AccountID(), again: map[FactRef]bool{}}
	if err := f.said(ctx, a); err != nil {
		return 0, nil, err
	}
	for _, m := range f.messages {
		if err := f.message(ctx, m); err != nil {
			return 0, nil, err
		}
	}
	for ref := range f.again {
		again = append(again, ref)
	}
	return f.views, again, nil
}

// ForgetEdit takes away what was made of an edit or deletion that is gone, and
// returns how many items went and whose message has to be viewed again.
func (s *Store) ForgetEdit(ctx context.Context, w string, a social.Activity) (views int, again []FactRef, err error) {
	f := forgetting{store: s, w: w, account: a.Account().AccountID(), again: map[FactRef]bool{}}
	if err := f.unedit(ctx, a); err != nil {
		return 0, nil, err
	}
	for ref := range f.again {
		again = append(again, ref)
	}
	return f.views, again, nil
}

// forgetting is a message, edit or deletion of an account that is being forgotten.
type forgetting struct {
	store      *Store
	w, account string
	views      int              // that went
	again      map[FactRef]bool // facts of others to be viewed again
	messages   []string         // whose places go at the end: while a message has its place, an attempt that died finds its thread
}

// view takes an item away and counts it, if it was there.
func (f *forgetting) view(ctx context.Context, k key) error {
	was, err := f.store.take(ctx, k)
	if was {
		f.views++
	}
	return err
}

// unedit takes away what was made of an edit or deletion. One that stays is by
// nobody named, and may stand in the same place: it is left alone.
func (f *forgetting) unedit(ctx context.Context, a social.Activity) error {
	msg := MessageID(a.Platform, a.Scope, a.Object.ID)
	if err := f.takeOf(ctx, key{threadPK(f.w, msg), editSK(a)}, a); err != nil {
		return err
	}
	place, err := f.store.Place(ctx, f.w, msg)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.again[place.Ref] = true
	if err := f.takeOf(ctx, key{accountPK(f.w, place.Account), receivedSK(a)}, a); err != nil {
		return err
	}
	// When it is viewed again, it stands as it is without.
	path, err := f.store.Path(ctx, f.w, place.Thread)
	if err != nil {
		return err
	}
	edits, err := f.store.Edits(ctx, f.w, msg)
	if err != nil {
		return err
	}
	if place.Direction == social.Inbound {
		if len(edits) == 0 && !place.Needs.Depends() {
			if err := f.store.delete(ctx, Dependents(f.w, place.InReplyTo).at(place.NodeRef)); err != nil {
				return err
			}
		}
		for _, t := range path {
			if err := f.store.DropEdit(ctx, Own(f.w, t, place.Account), place.NodeRef, a); err != nil {
				return err
			}
		}
	}
	if a.Type != social.Delete {
		return nil
	}
	for _, e := range edits {
		if e.Type == social.Delete {
			return nil
		}
	}
	if err := f.store.delete(ctx, Replies(f.w, place.InReplyTo).deletedAt(place.NodeRef)); err != nil {
		return err
	}
	for _, t := range path {
		if err := f.store.delete(ctx, Own(f.w, t, place.Account).deletedAt(place.NodeRef)); err != nil {
			return err
		}
	}
	return nil
}

// takeOf takes an item away that holds an activity, if it is by the same actor.
func (f *forgetting) takeOf(ctx context.Context, k key, a social.Activity) error {
	out, err := f.store.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &f.store.table, Key: k.av(), ConditionExpression: aws.String("ActorID = :a"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":a": str(a.Actor.ID)}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err = classify("forget", err); fault.Is(err, fault.Conflict) {
		return nil
	}
	if err == nil {
		f.views++
		f.store.wrote(out.ConsumedCapacity)
	}
	return err
}

// said takes away what was made of one message of the account, but for its
// place. Where a message stood is told by the message itself, so that it is
// found without its place, too.
func (f *forgetting) said(ctx context.Context, a social.Activity) error {
	s := f.store
	n := NodeOf(a)
	place, err := s.Place(ctx, f.w, n.Message)
	switch {
	case err == nil && place.Ref.Account != f.account:
		return nil
	case err == nil && place.Direction != a.Direction: // it stands on the other side by now, which stays
	case err == nil:
		f.messages = append(f.messages, n.Message)
		n = place.NodeRef
	case !fault.Is(err, fault.NotFound):
		return err
	default:
		if place.Thread, err = s.ThreadOf(ctx, f.w, a); err != nil {
			return err
		}
	}
	edits, err := s.Edits(ctx, f.w, n.Message)
	if err != nil {
		return err
	}
	for _, e := range edits { // as they are noted among the author's facts
		if e.Account().AccountID() != n.Account {
			if err := f.view(ctx, key{accountPK(f.w, n.Account), receivedSK(e)}); err != nil {
				return err
			}
		}
	}
	path, err := s.Path(ctx, f.w, place.Thread)
	if err != nil {
		return err
	}
	if n.Direction == social.Outbound {
		return f.replied(ctx, n, path)
	}
	return f.asked(ctx, n, path, edits)
}

// gone reports whether the fact of a message was erased: else it is on the other side.
func (f *forgetting) gone(ctx context.Context, n NodeRef) (bool, error) {
	_, err := f.store.Activity(ctx, f.w, n.Ref)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return false, err
}

// asked takes away a message of an asker's.
func (f *forgetting) asked(ctx context.Context, n NodeRef, path []string, edits []social.Activity) error {
	s := f.store
	for _, t := range path { // the lowest first: what is being moved is moved up
		own := Own(f.w, t, n.Account)
		for _, k := range append(own.editedKeys(n, edits), own.deletedAt(n)) {
			if err := f.view(ctx, k); err != nil {
				return err
			}
		}
	}
	if n.InReplyTo != "" {
		if err := f.view(ctx, Dependents(f.w, n.InReplyTo).at(n)); err != nil {
			return err
		}
	}
	if err := f.dependents(ctx, n); err != nil {
		return err
	}
	unpair := func(r NodeRef) error {
		if err := s.DeleteTo(ctx, f.w, r.Message, n.Account); err != nil {
			return err
		}
		for _, t := range path {
			if err := f.count(s.DeletePair(ctx, f.w, t, n.Account, r)); err != nil {
				return err
			}
		}
		return f.view(ctx, key{accountPK(f.w, n.Account), "R#" + order(r)})
	}
	err := s.RepliesTo(ctx, f.w, n.Message, func(r NodeRef) error {
		f.stale(r.Ref) // it may be to another message now
		return unpair(r)
	})
	if err != nil {
		return err
	}
	if n.Named {
		if err := f.unsaid(ctx, n, path[0], func(r NodeRef) error {
			to, err := s.To(ctx, f.w, r.Message)
			if err != nil || !slices.Contains(to, n.Account) {
				return err
			}
			f.stale(r.Ref)
			return unpair(r)
		}); err != nil {
			return err
		}
	}
	for _, t := range path {
		left, err := all[nodeItem](ctx, s, query{pk: partPK(f.w, t, n.Account), from: "M#", to: "M$", limit: 1})
		if err != nil {
			return err
		}
		if err := f.count(s.DeleteHead(ctx, f.w, t, n.Account)); err != nil {
			return err
		}
		if len(left) > 0 {
			n, err := left[0].node()
			if err != nil {
				return err
			}
			f.stale(n.Ref)
			continue
		}
		gone, err := f.gone(ctx, n)
		if err != nil {
			return err
		}
		if gone {
			if err := f.count(s.takeDecisions(ctx, partPK(f.w, t, n.Account))); err != nil { // made since they were taken
				return err
			}
		}
		if err := f.view(ctx, key{threadPK(f.w, t), askerSK(n.Account)}); err != nil {
			return err
		}
	}
	return nil
}

// dependents has what depends on a message viewed again: questions of which it
// is the accepted answer, and what names it and waits or not by it.
func (f *forgetting) dependents(ctx context.Context, n NodeRef) error {
	accepted, err := all[acceptedItem](ctx, f.store, query{pk: threadPK(f.w, n.Message), prefix: "J#", limit: newestClosings})
	if err != nil {
		return err
	}
	for _, it := range accepted {
		asked := cmp.Or(it.InReplyTo, n.InReplyTo)
		if asked == "" {
			continue
		}
		q, err := f.store.Place(ctx, f.w, asked)
		if err == nil {
			f.stale(q.Ref)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return f.store.DependentsOf(ctx, f.w, n.Message, func(d NodeRef) error { f.stale(d.Ref); return nil })
}

// unsaid takes a message out of the list of all that was said in its thread,
// and calls f with the business's messages that it may have decided about.
// Whatever followed it first is viewed again, and with it what follows that.
func (f *forgetting) unsaid(ctx context.Context, n NodeRef, thread string, do func(NodeRef) error) error {
	if err := f.count(f.store.DeleteSaid(ctx, f.w, thread, n)); err != nil {
		return err
	}
	after, err := f.store.SaidFrom(ctx, f.w, thread, n, conversation.Window)
	if err != nil {
		return err
	}
	for i, r := range after {
		if i == 0 {
			f.stale(r.Ref)
		}
		if r.Direction == social.Outbound {
			if err := do(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// replied takes away a message of the business's.
func (f *forgetting) replied(ctx context.Context, n NodeRef, path []string) error {
	s := f.store
	unpair := func(thread, asker string) error {
		if err := f.count(s.DeletePair(ctx, f.w, thread, asker, n)); err != nil {
			return err
		}
		return f.view(ctx, key{accountPK(f.w, asker), "R#" + order(n)})
	}
	if err := f.dependents(ctx, n); err != nil {
		return err
	}
	if n.Private && n.InReplyTo != "" && !n.Named {
		for _, t := range path {
			if err := f.count(s.Remove(ctx, Named(f.w, t), n)); err != nil {
				return err
			}
		}
	}
	if n.InReplyTo != "" {
		if err := f.count(s.Remove(ctx, Replies(f.w, n.InReplyTo), n)); err != nil {
			return err
		}
	}
	if n.Named {
		to, err := s.To(ctx, f.w, n.Message)
		if err != nil {
			return err
		}
		for _, asker := range to {
			one, err := all[nodeItem](ctx, s, query{pk: partPK(f.w, path[0], asker), from: "M#", to: "M$", limit: 1})
			if err != nil {
				return err
			}
			for _, it := range one {
				m, err := it.node()
				if err != nil {
					return err
				}
				f.stale(m.Ref) // its conversation stands elsewhere now
			}
			if err := unpair(path[0], asker); err != nil {
				return err
			}
		}
		if err := f.unsaid(ctx, n, path[0], func(NodeRef) error { return nil }); err != nil {
			return err
		}
	}
	if n.InReplyTo == "" {
		return nil
	}
	p, err := s.Place(ctx, f.w, n.InReplyTo)
	if fault.Is(err, fault.NotFound) || err == nil && p.Direction != social.Inbound {
		return nil
	}
	if err != nil {
		return err
	}
	path, err = s.Path(ctx, f.w, p.Thread)
	if err != nil {
		return err
	}
	f.stale(p.Ref)
	for _, t := range path {
		if err := unpair(t, p.Account); err != nil {
			return err
		}
	}
	return nil
}

// stale notes a message to be viewed again.
func (f *forgetting) stale(ref FactRef) { f.again[ref] = true }

func (f *forgetting) count(n int, err error) error {
	f.views += n
	return err
}

// message takes away a message's place. Of it, where others' places name it,
// stays the thread it is in. Its edits are facts of their own.
func (f *forgetting) message(ctx context.Context, msg string) error {
	var it nodeItem
	err := f.store.get(ctx, key{threadPK(f.w, msg), "@"}, &it)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.views++
	if it.Below && it.Thread != msg {
		return f.store.put(ctx, nodeItem{PK: it.PK, SK: it.SK, Schema: 1, Thread: it.Thread, Below: true})
	}
	return f.store.delete(ctx, key{it.PK, it.SK})
}
