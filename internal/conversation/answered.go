package conversation

import (
	"slices"
	"time"

	"rapport/internal/social"
)

// Window is how many messages of a thread before one decide what it means
// there: whom an answer is to that names nobody, and whether thanks are thanks
// for what somebody else said. It bounds what a message costs in a long thread.
const Window = 50

// Skew is by how much clocks may differ: an answer that is dated so much before
// the question that it names answers it.
const Skew = time.Minute

// Before reports whether a message is not too much later than a reply that names it.
func (n Node) Before(r Node) bool { return !n.Occurred.After(r.Occurred.Add(Skew)) }

// Answers returns the messages that r, which the business said, answers: one
// of each asker's whom it answers. before is what stands in its thread before it,
// in order, at most Window of it, and nothing where no platform names the thread:
// that is a tree of replies. named is the message that r names, if it stands.
//
// In a tree it is the message that is named. In a private or flat thread, and
// in one that looks flat since everybody names the same message or none, naming
// where the thread began is naming the thread, and so is naming what the
// business said. Such an answer is to whom it addresses; else, with one asker,
// to that one; else to whoever of the waiting spoke last before it, and where
// nobody waits to whoever spoke last.
func Answers(r Node, before []Node, named *Node) []Node {
	t := replay(before)
	if named != nil && (named.Direction != social.Inbound || !named.Before(r)) {
		named = nil
	}
	t.far = named != nil && len(before) > 0 && Order(*named, before[0]) < 0
	return t.answered(r, named)
}

// talk is what is known of a thread up to a message.
type talk struct {
	said   map[string]Node // by message
	newest map[string]Node // the newest message of each asker's
	done   map[string]bool // messages that a human answered
	waits  map[string]Node // the newest of each asker's that waits
	heard  map[string]bool // whom the business answered
	names  map[string]bool // messages that are named by any
	spoke  bool            // the business did
	others []Node          // what humans said, in order
	far    bool            // what an answer names stands before all of it
}

func replay(before []Node) *talk {
	t := &talk{map[string]Node{}, map[string]Node{}, map[string]bool{}, map[string]Node{}, map[string]bool{}, map[string]bool{}, false, nil, false}
	for _, n := range before {
		if n.Direction == social.Outbound {
			var named *Node
			if m, ok := t.said[n.InReplyTo]; ok && m.Direction == social.Inbound {
				named = &m
			}
			for _, m := range t.answered(n, named) {
				t.heard[m.Account] = true
				if !n.Automatic {
					t.answeredAll(m)
				}
			}
			t.spoke = true
		} else {
			t.asked(n)
		}
		t.said[n.Message] = n
		if n.InReplyTo != "" {
			t.names[n.InReplyTo] = true
		}
		if !n.Automatic {
			t.others = append(t.others, n)
		}
	}
	return t
}

func (t *talk) answeredAll(m Node) {
	t.done[m.Message] = true
	delete(t.waits, m.Account)
}

func (t *talk) asked(n Node) {
	parent, known := t.said[n.InReplyTo]
	p := Position{After: t.heard[n.Account] || parent.Direction == social.Outbound || t.spoke && (n.Private || n.Flat),
		Among: known && parent.Direction == social.Inbound && parent.Account != n.Account}
	if w, ok := t.waits[n.Account]; ok && n.Needs&Thanks != 0 {
		other := &parent
		if !known || n.Flat || parent.Account == n.Account || parent.Automatic {
			other = Thanked(n, t.others)
		}
		if other != nil && Order(w, *other) < 0 {
			delete(t.waits, n.Account)
		}
	}
	t.newest[n.Account] = n
	if n.Needs.In(p) {
		t.waits[n.Account] = n
	}
}

// Thanked returns the message of somebody else's that thanks in a named thread
// are for, which name nobody else's: the newest before them that a human wrote.
func Thanked(n Node, before []Node) *Node {
	for _, o := range slices.Backward(before) {
		if o.Account != n.Account && !o.Automatic && !o.Deleted {
			return &o
		}
	}
	return nil
}

func (t *talk) answered(r Node, named *Node) []Node {
	switch {
	case !r.Named:
		return some(named)
	case r.Private || r.Flat:
		if named != nil && !r.Flat && !t.done[named.Message] {
			return some(named) // a quotation
		}
		if to := t.unnamed(r); len(to) > 0 {
			return to
		}
		return some(named)
	case !t.looksFlat(r):
		return some(named)
	}
	// Nothing says whether the thread is flat. An asker's message that was not
	// answered is meant itself; of one that was, the asker's newest since.
	// Of one that stands before all that is looked at nobody knows whether it
	// was: if others name it too, it is where the thread began.
	if named != nil && !(t.far && t.names[r.InReplyTo]) {
		w, waits := t.waits[named.Account]
		switch {
		case !t.done[named.Message]:
			return some(named)
		case waits:
			return some(&w)
		case len(t.newest) == 1:
			return t.unnamed(r)
		}
	}
	if to := t.unnamed(r); len(to) > 0 {
		return to
	}
	return some(named)
}

func some(n *Node) []Node {
	if n == nil {
		return nil
	}
	return []Node{*n}
}

// looksFlat reports whether all who name a message name the same.
func (t *talk) looksFlat(r Node) bool {
	return len(t.names) == 0 || len(t.names) == 1 && (r.InReplyTo == "" || t.names[r.InReplyTo])
}

// unnamed returns the messages that an answer is to which names none.
func (t *talk) unnamed(r Node) []Node {
	var to []Node
	for _, account := range r.Addressed {
		if m, ok := t.newest[account]; ok && !slices.ContainsFunc(to, func(n Node) bool { return n.Account == account }) {
			to = append(to, m)
		}
	}
	if len(to) > 0 {
		return to
	}
	from := t.newest
	if len(t.newest) > 1 && len(t.waits) > 0 {
		from = t.waits
	}
	var last *Node
	for account := range from {
		if m := t.newest[account]; last == nil || Order(*last, m) < 0 {
			last = &m
		}
	}
	return some(last)
}
