// Package conversationtest computes conversations and response times from all
// that was said: what the stored views are held to.
package conversationtest

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/social"
)

// Conversation is one asker in one thread, with all that was said: what the
// stored views are held to.
type Conversation struct {
	conversation.Standing
	Messages  int // of the asker's
	Exchanges []conversation.Exchange
}

// Closing says that a thread needs no more answers, or does again, or which
// answer was accepted.
type Closing struct {
	Activity  string // the activity's id
	Type      social.Type
	Occurred  time.Time
	Message   string // the accepted answer
	InReplyTo string // the question it answers, where the platform says so
}

// Of computes the conversation of asker from all that was said in its thread,
// and what closed that. Deleted messages do not count, but that they were said:
// whoever replies to one replies to its author.
//
// It looks at everything at once, and is meant to be read beside docs/words.md:
// it has no windows and no lists, which the stored views need to be fast.
func Of(asker string, nodes []conversation.Node, closings ...Closing) Conversation {
	t := thread{by: map[string]conversation.Node{}, to: map[string][]conversation.Node{}, past: map[string][]conversation.Node{}}
	for _, n := range nodes {
		t.by[n.Message] = n
		if !n.Deleted {
			t.stand = append(t.stand, n)
		}
	}
	slices.SortFunc(t.stand, conversation.Order)
	for i, n := range t.stand {
		if n.Direction == social.Outbound {
			t.to[n.Message] = t.answers(n, t.stand[:i], func(m conversation.Node) bool { return !m.Deleted })
			t.past[n.Message] = t.answers(n, t.stand[:i], func(m conversation.Node) bool {
				return slices.ContainsFunc(t.stand[:i], func(o conversation.Node) bool { return o.Message == m.Message && o.Named == n.Named })
			})
		}
	}

	var c Conversation
	var asked []conversation.Node
	for _, n := range t.stand {
		if n.Direction == social.Inbound && n.Account == asker {
			asked = append(asked, n)
		}
	}
	if len(asked) == 0 {
		return c
	}
	c.Messages = len(asked)
	c.Started = slices.MinFunc(asked, byTime).Occurred
	newest := slices.MaxFunc(asked, func(a, b conversation.Node) int { return byTime(said(a), said(b)) })
	c.Last, c.LastKey = said(newest).Occurred, newest.Key

	c.Exchanges = t.exchanges(asker)
	var first, replied time.Time // by anyone; by a human, or what it replies to where that is later
	for _, e := range c.Exchanges {
		if first.IsZero() {
			first = e.Answered
		}
		c.Last = later(c.Last, e.Answered)
		if !e.Automatic {
			replied = later(replied, later(e.Asked, e.Answered))
		}
	}

	slices.SortFunc(closings, func(a, b Closing) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(rank(a.Type), rank(b.Type)), cmp.Compare(a.Activity, b.Activity))
	})
	for _, x := range closings {
		switch x.Type {
		case social.Close:
			c.Ended = x.Occurred
		case social.Reopen:
			c.Ended = time.Time{}
		}
	}
	ended := later(replied, c.Ended) // what was asked until then does not wait
	reopened := -1                   // what was accepted before it is no more
	for i, x := range closings {
		if x.Type == social.Reopen {
			reopened = i
		}
	}
	for _, x := range closings[reopened+1:] {
		if x.Type == social.Accept && x.Occurred.After(later(replied, c.Ended)) {
			if a, by := t.accepted(x); a == asker {
				ended, c.HelpedBy = x.Occurred, by
			}
		}
	}
	since := ended
	for _, m := range inTime(asked) {
		if o, ok := t.thanked(m); ok && m.Occurred.After(ended) {
			if since, c.HelpedBy = later(ended, o.Occurred), ""; o.Direction == social.Inbound {
				c.HelpedBy = o.Account
			}
		}
	}
	for _, m := range inTime(asked) {
		after := !first.IsZero() && !first.After(m.Occurred)
		if m.Occurred.After(since) && t.waits(m, after, t.by) {
			c.WaitingSince, c.WaitingKey = m.Occurred, m.Key
			break
		}
	}
	return c
}

func byTime(a, b conversation.Node) int {
	return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Activity, b.Activity))
}

// said is a message at the time from which on it may wait.
func said(n conversation.Node) conversation.Node {
	if !n.Since.IsZero() {
		n.Occurred = n.Since
	}
	return n
}

func inTime(ns []conversation.Node) (out []conversation.Node) {
	for _, n := range ns {
		out = append(out, said(n))
	}
	slices.SortFunc(out, byTime)
	return out
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func rank(t social.Type) int {
	return slices.Index([]social.Type{social.Accept, social.Close, social.Reopen}, t)
}

// thread is all that was said in a thread.
type thread struct {
	by    map[string]conversation.Node   // every message
	stand []conversation.Node            // those that stand, in order
	to    map[string][]conversation.Node // what a message of the business's answers
	past  map[string][]conversation.Node // what it counts as having answered for those after it: of what was said before it alone
}

// waits reports whether a message waits where it stands, as long as nobody
// answers; of those before it that it may reply to.
func (t thread) waits(m conversation.Node, after bool, known map[string]conversation.Node) bool {
	parent, ok := known[m.InReplyTo]
	if ok && parent.Direction == social.Inbound && parent.Account != m.Account {
		return m.Needs&conversation.WantsAmong != 0
	}
	after = after || ok && parent.Direction == social.Outbound
	if m.Named && (m.Private || m.Flat) {
		for _, o := range t.stand {
			after = after || o.Named && o.Direction == social.Outbound && conversation.Order(o, m) < 0
		}
	}
	if after {
		return m.Needs&conversation.WantsAfter != 0
	}
	return m.Needs&conversation.Wants != 0
}

// thanked returns what somebody's thanks are for.
func (t thread) thanked(m conversation.Node) (conversation.Node, bool) {
	if m.Needs&conversation.Thanks == 0 {
		return m, false
	}
	if p, ok := t.by[m.InReplyTo]; ok && !m.Flat && p.Account != m.Account && !p.Automatic {
		return p, true
	}
	var o conversation.Node
	for _, n := range t.stand {
		if m.Named && n.Named && n.Account != m.Account && !n.Automatic && conversation.Order(n, m) < 0 {
			o = n
		}
	}
	return o, o.Message != ""
}

func (t thread) accepted(x Closing) (asker, by string) {
	answer, ok := t.by[x.Message]
	if ok && answer.Direction == social.Inbound {
		by = answer.Account
	}
	q, ok := t.by[cmp.Or(x.InReplyTo, answer.InReplyTo)]
	if !ok || q.Direction != social.Inbound {
		return "", ""
	}
	if by == q.Account {
		by = ""
	}
	return q.Account, by
}

// exchanges are the replies to an asker.
func (t thread) exchanges(asker string) (out []conversation.Exchange) {
	for _, r := range t.stand {
		for _, m := range t.to[r.Message] {
			if m.Account == asker {
				out = append(out, conversation.Exchange{Asked: m.Occurred, Answered: r.Occurred, Answer: r.Activity, Message: m.Message, Automatic: r.Automatic})
			}
		}
	}
	slices.SortFunc(out, func(a, b conversation.Exchange) int {
		return cmp.Or(a.Answered.Compare(b.Answered), cmp.Compare(a.Answer, b.Answer))
	})
	any, human := map[string]bool{"": true}, map[string]bool{"": true}
	for i := range out {
		e := &out[i]
		e.FirstToIt = !any[e.Message]
		any[e.Message] = true
		if !e.Automatic {
			e.HumanToIt = !human[e.Message]
			human[e.Message] = true
		}
	}
	return out
}

// answers returns the messages that r answers.
func (t thread) answers(r conversation.Node, all []conversation.Node, known func(conversation.Node) bool) []conversation.Node {
	var named []conversation.Node
	if m, ok := t.by[r.InReplyTo]; ok && known(m) && m.Direction == social.Inbound && !m.Occurred.After(r.Occurred.Add(time.Minute)) {
		named = append(named, m)
	}
	if m, ok := t.by[r.InReplyTo]; !r.Named || ok && !m.Named && m.Direction == social.Inbound {
		return named
	}
	var before []conversation.Node
	askers := map[string]conversation.Node{} // what each said last
	names := map[string]bool{r.InReplyTo: true, "": true}
	for _, n := range all {
		if !n.Named {
			continue
		}
		before = append(before, n)
		names[n.InReplyTo] = true
		if n.Direction == social.Inbound {
			askers[n.Account] = n
		}
	}
	unnamed := func() []conversation.Node {
		var to []conversation.Node
		for _, a := range r.Addressed {
			if m, ok := askers[a]; ok {
				to = append(to, m)
			}
		}
		if len(to) > 0 {
			return to
		}
		for _, all := range []bool{len(askers) == 1, true} { // of those who wait; where nobody does, of all
			for _, n := range slices.Backward(before) { // who spoke last, first
				if n.Direction != social.Inbound {
					continue
				}
				if _, waits := t.waiting(n.Account, before); waits || all {
					return []conversation.Node{askers[n.Account]}
				}
			}
		}
		return nil
	}
	answered := func(m conversation.Node) bool {
		return slices.ContainsFunc(before, func(o conversation.Node) bool {
			return !o.Automatic && slices.ContainsFunc(t.past[o.Message], func(n conversation.Node) bool { return n.Message == m.Message })
		})
	}
	looksFlat := len(names) <= 2
	switch {
	case (r.Private || r.Flat) && len(named) > 0 && !r.Flat && !answered(named[0]):
		return named
	case r.Private || r.Flat:
	case !looksFlat:
		return named
	case len(named) > 0 && !answered(named[0]):
		return named
	case len(named) > 0:
		if m, waits := t.waiting(named[0].Account, before); waits {
			return []conversation.Node{m}
		}
	}
	if to := unnamed(); len(to) > 0 {
		return to
	}
	return named
}

// waiting returns the newest message of an asker's that waits, after all that
// was said before.
func (t thread) waiting(asker string, before []conversation.Node) (w conversation.Node, waits bool) {
	known := map[string]conversation.Node{}
	for i, n := range before {
		switch {
		case n.Direction == social.Outbound && !n.Automatic:
			waits = waits && !slices.ContainsFunc(t.past[n.Message], func(m conversation.Node) bool { return m.Account == asker })
		case n.Direction == social.Inbound && n.Account == asker:
			p, ok := known[n.InReplyTo]
			toOther := ok && !n.Flat && p.Account != asker && !p.Automatic // else it is to whoever else spoke last
			for _, o := range before[:i] {
				if n.Needs&conversation.Thanks != 0 && o.Account != asker && !o.Automatic && (!toOther || p.Message == o.Message) && conversation.Order(w, o) < 0 {
					waits = false
				}
			}
			after := slices.ContainsFunc(before[:i], func(o conversation.Node) bool {
				return slices.ContainsFunc(t.past[o.Message], func(m conversation.Node) bool { return m.Account == asker })
			})
			if t.waits(n, after, known) {
				w, waits = n, true
			}
		}
		known[n.Message] = n
	}
	return w, waits
}

// Measure collects the figures of all replies that were given in [from, to).
func Measure(cs []Conversation, from, to time.Time) conversation.Figures {
	var f conversation.Figures
	for _, c := range cs {
		first := true // by a human, so far
		for _, e := range c.Exchanges {
			if e.Automatic {
				continue
			}
			isFirst := first
			first = false
			if e.Answered.Before(from) || !e.Answered.Before(to) {
				continue
			}
			f.PerPair = append(f.PerPair, max(0, e.Answered.Sub(e.Asked).Seconds()))
			if e.HumanToIt {
				f.PerMessage = append(f.PerMessage, max(0, e.Answered.Sub(e.Asked).Seconds()))
			}
			if isFirst {
				f.PerConversation = append(f.PerConversation, max(0, e.Answered.Sub(c.Started).Seconds()))
			}
		}
	}
	f.Sort()
	return f
}
