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

// Of computes the conversation of asker from the nodes of its thread, of
// which it needs the asker's own and all of the business's. Deleted messages
// do not count. A reply of the business is to the message it names; in a
// private thread, a reply that names none is to the asker's newest message
// before it. Replies that are dated before what they reply to are left out.
func Of(asker string, nodes []conversation.Node) Conversation {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b conversation.Node) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Activity, b.Activity))
	})
	var c Conversation
	mine := map[string]conversation.Node{}
	var asked []conversation.Node
	for _, n := range nodes {
		if n.Deleted || n.Direction != social.Inbound || n.Account != asker {
			continue
		}
		mine[n.Message] = n
		asked = append(asked, n)
	}
	if len(asked) == 0 {
		return c
	}
	c.Started, c.Messages = asked[0].Occurred, len(asked)
	newest := asked[len(asked)-1]
	c.Last, c.LastKey = newest.Occurred, newest.Key
	answered := map[string]bool{}
	var lastReply time.Time
	for _, n := range nodes {
		if n.Deleted || n.Direction != social.Outbound {
			continue
		}
		m, ok := mine[n.InReplyTo]
		if !ok && n.Private && n.InReplyTo == "" {
			i, _ := slices.BinarySearchFunc(asked, n.Occurred, func(m conversation.Node, t time.Time) int { return m.Occurred.Compare(t) })
			if ok = i > 0; ok {
				m = asked[i-1]
			}
		}
		if !ok || n.Occurred.Before(m.Occurred) {
			continue
		}
		c.Exchanges = append(c.Exchanges, conversation.Exchange{Asked: m.Occurred, Answered: n.Occurred, Answer: n.Activity, Message: m.Message,
			FirstToIt: !answered[m.Message], FirstToAll: len(c.Exchanges) == 0})
		answered[m.Message] = true
		if n.Occurred.After(lastReply) {
			lastReply = n.Occurred
		}
	}
	if lastReply.After(c.Last) {
		c.Last = lastReply
	}
	for _, m := range asked {
		if !answered[m.Message] && !m.NoReplyWanted && m.Occurred.After(lastReply) {
			c.WaitingSince, c.WaitingKey = m.Occurred, m.Key
			break
		}
	}
	return c
}

// Measure collects the figures of all replies that were given in [from, to).
func Measure(cs []Conversation, from, to time.Time) conversation.Figures {
	var f conversation.Figures
	for _, c := range cs {
		for _, e := range c.Exchanges {
			if e.Answered.Before(from) || !e.Answered.Before(to) {
				continue
			}
			f.PerPair = append(f.PerPair, e.Answered.Sub(e.Asked).Seconds())
			if e.FirstToIt {
				f.PerMessage = append(f.PerMessage, e.Answered.Sub(e.Asked).Seconds())
			}
			if e.FirstToAll {
				f.PerConversation = append(f.PerConversation, e.Answered.Sub(c.Started).Seconds())
			}
		}
	}
	f.Sort()
	return f
}
