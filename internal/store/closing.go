package store

import (
	"context"
	"errors"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/social"
)

// closingItem is a closing of a thread, under the thread's id.
type closingItem struct {
	PK, SK string
	Schema int
	Closing
}

// Closing is what closed a thread, opened it again or said which answer was
// accepted.
type Closing struct {
	Type      string
	Account   string // who says so
	Message   string `dynamodbav:",omitempty"` // the accepted answer
	InReplyTo string `dynamodbav:",omitempty"` // the question, where the platform says so
	At        string
	Activity  string
}

// Accepted is a closing that accepts a message as an answer, and its thread.
type Accepted struct {
	Thread string
	Closing
}

type acceptedItem struct {
	PK, SK string
	Schema int
	Accepted
}

// ClosingOf returns what an activity says of a thread, and that thread: the
// platform's, or the question's, or that which begins with its object.
func ClosingOf(a social.Activity) (thread string, c Closing) {
	c = Closing{Type: string(a.Type), Account: a.Account().AccountID(), At: social.Stamp(a.Occurred), Activity: a.ID()}
	object := MessageID(a.Platform, a.Scope, a.Object.ID)
	if a.InReplyTo != "" {
		c.InReplyTo = MessageID(a.Platform, a.Scope, a.InReplyTo)
	}
	if a.Type == social.Accept {
		c.Message = object
	}
	switch {
	case a.Conversation != "":
		return ThreadID(a.Platform, a.Scope, a.Conversation), c
	case a.Type == social.Accept && c.InReplyTo != "":
		return c.InReplyTo, c
	}
	return object, c
}

// closingKey sorts reopening after closing, and both after what is accepted.
func closingKey(w, thread string, c Closing) key {
	rank := map[string]string{string(social.Accept): "a", string(social.Close): "c", string(social.Reopen): "r"}[c.Type]
	return key{threadPK(w, thread), "Z#" + c.At + "#" + rank + "#" + c.Activity}
}

func acceptedKey(w string, c Closing) key {
	return key{threadPK(w, c.Message), "J#" + c.At + "#" + c.Activity}
}

// PutClosing notes what closes a thread, and at an accepted answer that it is:
// that may come later.
func (s *Store) PutClosing(ctx context.Context, w, thread string, c Closing) error {
	k := closingKey(w, thread, c)
	if _, err := s.putNew(ctx, closingItem{k.PK, k.SK, 1, c}); err != nil && !errors.Is(err, errExists) {
		return err
	}
	if c.Message == "" {
		return nil
	}
	k = acceptedKey(w, c)
	if _, err := s.putNew(ctx, acceptedItem{k.PK, k.SK, 1, Accepted{thread, c}}); err != nil && !errors.Is(err, errExists) {
		return err
	}
	return nil
}

// ForgetClosing takes it away, and counts what was there.
func (s *Store) ForgetClosing(ctx context.Context, w, thread string, c Closing) (n int, err error) {
	keys := []key{closingKey(w, thread, c)}
	if c.Message != "" {
		keys = append(keys, acceptedKey(w, c))
	}
	for _, k := range keys {
		there, err := s.take(ctx, k)
		if err != nil {
			return n, err
		}
		if there {
			n++
		}
	}
	return n, nil
}

// Accepts returns whose question an accepted answer ends, and who gave it; ""
// where that has not arrived.
func (s *Store) Accepts(ctx context.Context, w string, c Closing) (asker, by string, err error) {
	answer, err := s.Place(ctx, w, c.Message)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", "", err
	}
	if err == nil && answer.Direction == social.Inbound {
		by = answer.Account
	}
	asked := c.InReplyTo
	if asked == "" {
		asked = answer.InReplyTo
	}
	if asked == "" {
		return "", by, nil
	}
	q, err := s.Place(ctx, w, asked)
	if fault.Is(err, fault.NotFound) || err == nil && q.Direction != social.Inbound {
		return "", by, nil
	}
	if by == q.Account {
		by = "" // who finds the answer helps nobody else
	}
	return q.Account, by, err
}

// newestClosings is how many of a thread's closings count: the newest.
const newestClosings = 20

// ends is what ends the waits of a thread's askers, as of an instant.
type ends struct {
	closed   time.Time // zero: it is open
	accepted []Closing // newest first
}

func (s *Store) ends(ctx context.Context, w, thread, to string) (e ends, err error) {
	items, err := all[closingItem](ctx, s, query{pk: threadPK(w, thread), from: "Z#", to: "Z#" + to, descending: true, limit: newestClosings})
	if err != nil {
		return e, err
	}
	told, reopened := false, false // whether it is open or closed; that what was accepted before is no more
	for _, it := range items {
		switch social.Type(it.Type) {
		case social.Accept:
			if !reopened {
				e.accepted = append(e.accepted, it.Closing)
			}
		case social.Close:
			if !told {
				if e.closed, err = social.ParseStamp(it.At); err != nil {
					return e, err
				}
			}
			told = true
		case social.Reopen:
			told, reopened = true, true
		}
	}
	return e, nil
}

// wait says who waits in a conversation since when, and who helped. own holds
// all that the asker said, where it is known; else that is read: of messages of
// which what was said before them decides whether they wait, the newest 20
// since the newest answer.
func (s *Store) wait(ctx context.Context, w string, h *Head, own []NodeRef, whole bool, to string) error {
	h.waits(NodeRef{})
	h.HelpedBy, h.Ended = "", time.Time{}
	e, err := s.ends(ctx, w, h.Thread, to)
	if err != nil {
		return err
	}
	h.Ended = e.closed
	answered := newer(h.Replied, e.closed)
	since := answered
	for _, c := range e.accepted {
		at, err := social.ParseStamp(c.At)
		if err != nil {
			return err
		}
		asker, by, err := s.Accepts(ctx, w, c)
		if err != nil {
			return err
		}
		if asker == h.Asker && at.After(answered) {
			since, h.HelpedBy = at, by
			break
		}
	}
	since = newer(since, h.Settled)
	after := func(at time.Time) string {
		if at.IsZero() {
			return " "
		}
		return social.Stamp(at) + "~" // what follows all of that instant
	}
	list := func(up string, at time.Time, newest bool, limit int) ([]NodeRef, error) {
		if !whole {
			return s.nodes(ctx, query{pk: partPK(w, h.Thread, h.Asker), from: up + after(at), to: up + to, descending: newest, limit: limit})
		}
		var out []NodeRef
		for _, n := range own {
			if ownPrefix(n.Needs) == up && n.Occurred.After(at) {
				out = append(out, n)
			}
		}
		if newest && len(out) > limit {
			out = out[len(out)-limit:]
		}
		return out, nil
	}
	depend, err := list("M#x#", since, true, newestDependents)
	if err != nil {
		return err
	}
	sortNodes(depend)
	for i := len(depend) - 1; i >= 0; i-- {
		to_, err := s.thanked(ctx, w, *h, depend[i])
		if err != nil {
			return err
		}
		if to_ == nil {
			continue
		}
		since = newer(since, to_.Occurred)
		if h.HelpedBy = ""; to_.Direction == social.Inbound {
			h.HelpedBy = to_.Account
		}
		break
	}
	first, err := list("M#q#", since, false, 1)
	if err != nil {
		return err
	}
	if len(first) > 0 {
		h.waits(first[0])
	}
	for _, n := range depend {
		if !n.Occurred.After(since) || len(first) > 0 && byTime(first[0], n) < 0 {
			continue
		}
		p, err := s.position(ctx, w, *h, n)
		if err != nil {
			return err
		}
		if n.Needs.In(p) {
			h.waits(n)
			break
		}
	}
	return nil
}

// newestDependents is how many messages are looked at of which what was said
// before them decides whether they wait.
const newestDependents = 20

// parent returns the message that one names; nil where it has not arrived.
func (s *Store) parent(ctx context.Context, w string, n NodeRef) (*Place, error) {
	if n.InReplyTo == "" {
		return nil, nil
	}
	p, err := s.Place(ctx, w, n.InReplyTo)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return &p, err
}

// position says where a message of an asker's stands in its conversation.
func (s *Store) position(ctx context.Context, w string, h Head, n NodeRef) (p conversation.Position, err error) {
	parent, err := s.parent(ctx, w, n)
	if err != nil {
		return p, err
	}
	p.After = !h.First.IsZero() && !h.First.After(n.Occurred) || parent != nil && parent.Direction == social.Outbound
	p.Among = parent != nil && parent.Direction == social.Inbound && parent.Account != n.Account
	if p.After || !n.Named || !n.Private && !n.Flat {
		return p, nil
	}
	before, err := s.saidBefore(ctx, w, h.Thread, n)
	for _, o := range before {
		p.After = p.After || o.Direction == social.Outbound && !o.Deleted
	}
	return p, err
}

// thanked returns what an asker's thanks are for; nil: they are none, or for nothing that anybody else said.
func (s *Store) thanked(ctx context.Context, w string, h Head, n NodeRef) (*conversation.Node, error) {
	if n.Needs&conversation.Thanks == 0 {
		return nil, nil
	}
	parent, err := s.parent(ctx, w, n)
	if err != nil {
		return nil, err
	}
	if parent != nil && !n.Flat && parent.Account != n.Account && !parent.Automatic {
		return &parent.Node, nil
	}
	if !n.Named {
		return nil, nil
	}
	before, err := s.saidBefore(ctx, w, h.Thread, n)
	return conversation.Thanked(n.Node, before), err
}

// saidBefore is what of a thread decides what a message means.
func (s *Store) saidBefore(ctx context.Context, w, thread string, n NodeRef) ([]conversation.Node, error) {
	if !ByPlatform(thread) {
		return nil, nil
	}
	list, err := s.SaidBefore(ctx, w, thread, n, conversation.Window)
	out := make([]conversation.Node, len(list))
	for i, o := range list {
		out[i] = o.Node
	}
	return out, err
}
