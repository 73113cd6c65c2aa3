package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	told, err := f.told(ctx, place)
	if err != nil {
		return err
	}
	for _, account := range told {
		if err := f.takeOf(ctx, key{accountPK(f.w, account), receivedSK(a)}, a); err != nil {
			return err
		}
	}
	if a.Type != social.Delete {
		return nil
	}
	edits, err := f.store.Edits(ctx, f.w, msg)
	if err != nil {
		return err
	}
	for _, e := range edits {
		if e.Type == social.Delete {
			return nil
		}
	}
	// It is deleted no more: when it is viewed again, it stands as it is.
	path, err := f.store.Path(ctx, f.w, place.Thread)
	if err != nil {
		return err
	}
	lists := []List{Replies(f.w, place.InReplyTo)}
	for _, t := range path {
		lists = append(lists, Own(f.w, t, place.Account), Unnamed(f.w, t))
	}
	for _, l := range lists {
		if err := f.store.delete(ctx, l.deletedAt(place.NodeRef)); err != nil {
			return err
		}
	}
	return nil
}

// told lists the accounts among whose facts edits of a message are noted: its
// author's, and those that it replied to.
func (f *forgetting) told(ctx context.Context, p Place) ([]string, error) {
	out := []string{p.Account}
	switch {
	case p.Direction != social.Outbound:
	case p.InReplyTo != "":
		parent, err := f.store.Place(ctx, f.w, p.InReplyTo)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if err == nil {
			out = append(out, parent.Account)
		}
	case p.Private:
		root, err := f.store.Root(ctx, f.w, p.Thread)
		if err != nil {
			return nil, err
		}
		err = f.eachAsker(ctx, root, func(asker string) error { out = append(out, asker); return nil })
		if err != nil {
			return nil, err
		}
	}
	return out, nil
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
	return f.asked(ctx, n, path)
}

// asked takes away a message of an asker's.
func (f *forgetting) asked(ctx context.Context, n NodeRef, path []string) error {
	s, root := f.store, path[len(path)-1]
	private, err := s.HasPrivate(ctx, f.w, root)
	if err != nil {
		return err
	}
	var windows []NodeRef // private replies that may have answered it
	if private {
		if windows, err = s.Window(ctx, f.w, root, n, true); err != nil {
			return err
		}
		if old, ok, err := s.Before(ctx, Own(f.w, root, n.Account), n.Occurred); err != nil {
			return err
		} else if ok {
			f.stale(old.Ref) // they may be to that one now
		}
	}
	unpair := func(r NodeRef) error {
		for _, t := range path {
			if err := f.count(s.DeletePair(ctx, f.w, t, n.Account, r)); err != nil {
				return err
			}
		}
		return f.view(ctx, key{accountPK(f.w, n.Account), "R#" + order(r)})
	}
	for _, t := range path { // the lowest first: what is being moved is moved up
		if err := f.count(s.Remove(ctx, Own(f.w, t, n.Account), n)); err != nil {
			return err
		}
	}
	for _, r := range windows {
		if err := unpair(r); err != nil {
			return err
		}
	}
	if err := s.RepliesTo(ctx, f.w, n.Message, unpair); err != nil {
		return err
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
		if err := f.view(ctx, key{threadPK(f.w, t), askerSK(n.Account)}); err != nil {
			return err
		}
	}
	return nil
}

// replied takes away a message of the business's.
func (f *forgetting) replied(ctx context.Context, n NodeRef, path []string) error {
	s, root := f.store, path[len(path)-1]
	edits, err := s.Edits(ctx, f.w, n.Message)
	if err != nil {
		return err
	}
	unpair := func(thread, asker string) error {
		if err := f.count(s.DeletePair(ctx, f.w, thread, asker, n)); err != nil {
			return err
		}
		for _, e := range edits {
			if err := f.view(ctx, key{accountPK(f.w, asker), receivedSK(e)}); err != nil {
				return err
			}
		}
		return f.view(ctx, key{accountPK(f.w, asker), "R#" + order(n)})
	}
	if n.Private {
		l := Unnamed(f.w, root)
		if n.InReplyTo != "" {
			l = Named(f.w, root)
		}
		for _, t := range path {
			l.pk = threadPK(f.w, t)
			if err := f.count(s.Remove(ctx, l, n)); err != nil {
				return err
			}
		}
	}
	if n.InReplyTo != "" {
		if err := f.count(s.Remove(ctx, Replies(f.w, n.InReplyTo), n)); err != nil {
			return err
		}
		p, err := s.Place(ctx, f.w, n.InReplyTo)
		if fault.Is(err, fault.NotFound) || err == nil && p.Direction != social.Inbound {
			return nil
		}
		if err != nil {
			return err
		}
		path, err := s.Path(ctx, f.w, p.Thread)
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
	if !n.Private {
		return nil
	}
	return f.eachAsker(ctx, root, func(asker string) error {
		if err := unpair(root, asker); err != nil {
			return err
		}
		m, ok, err := s.Before(ctx, Own(f.w, root, asker), n.Occurred)
		if ok {
			f.stale(m.Ref)
		}
		return err
	})
}

// eachAsker calls do with each asker of a thread.
func (f *forgetting) eachAsker(ctx context.Context, root string, do func(string) error) error {
	for after := ""; ; {
		askers, err := f.store.Askers(ctx, f.w, root, after, MaxAskers)
		if err != nil {
			return err
		}
		for _, after = range askers {
			if err := do(after); err != nil {
				return err
			}
		}
		if len(askers) < MaxAskers {
			return nil
		}
	}
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
