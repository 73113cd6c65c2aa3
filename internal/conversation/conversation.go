// Package conversation says where one asker in one thread stands with the
// business: who waits, since when, and how fast answers came. Pure.
package conversation

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/social"
)

// Node is one message of a thread.
type Node struct {
	Message       string           // its id in the workspace
	Activity      string           // the activity's id
	Key           string           // the activity's key: the evidence
	Account       string           // the author's account
	Direction     social.Direction //
	Occurred      time.Time        //
	InReplyTo     string           // the id in the workspace of the message replied to; may be empty
	Private       bool             // in a thread of just the asker and the business
	NoReplyWanted bool             // it is spam or plain praise, by the reader
	Deleted       bool             //
}

// WantsReply reports whether a message of an intent, which the reader told,
// waits for a reply: spam and plain praise don't.
func WantsReply(intent string) bool {
	return intent != social.IntentSpam && intent != social.IntentPraise
}

// Exchange is a message of the asker's and one reply of the business to it.
type Exchange struct {
	Asked      time.Time
	Answered   time.Time
	Answer     string // the answer's activity id
	Message    string // the id of the message that was answered
	FirstToIt  bool   // no earlier reply to the same message
	FirstToAll bool   // no earlier reply to any message of the asker's in this thread
}

// Standing is where one asker in one thread stands with the business.
type Standing struct {
	Started      time.Time // the asker's first message
	Last         time.Time // the newest message of either side; zero: the asker said nothing that stands
	LastKey      string    // the asker's newest message
	WaitingSince time.Time // the first message since the newest reply that wants one and has none; zero: nobody waits
	WaitingKey   string    // that message
}

// Conversation is one asker in one thread, with all that was said: what the
// stored views are held to.
type Conversation struct {
	Standing
	Messages  int // of the asker's
	Exchanges []Exchange
}

// Of computes the conversation of asker from the nodes of its thread, of
// which it needs the asker's own and all of the business's. Deleted messages
// do not count. A reply of the business is to the message it names; in a
// private thread, a reply that names none is to the asker's newest message
// before it. Replies that are dated before what they reply to are left out.
func Of(asker string, nodes []Node) Conversation {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b Node) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Activity, b.Activity))
	})
	var c Conversation
	mine := map[string]Node{}
	var asked []Node
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
			i, _ := slices.BinarySearchFunc(asked, n.Occurred, func(m Node, t time.Time) int { return m.Occurred.Compare(t) })
			if ok = i > 0; ok {
				m = asked[i-1]
			}
		}
		if !ok || n.Occurred.Before(m.Occurred) {
			continue
		}
		c.Exchanges = append(c.Exchanges, Exchange{Asked: m.Occurred, Answered: n.Occurred, Answer: n.Activity, Message: m.Message,
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

// State is where a conversation stands.
type State string

const (
	Waiting  State = "waiting"  // the asker's newest messages have no reply
	Answered State = "answered" //
	Closed   State = "closed"   // answered, and silent for a week
)

// closedAfter is the silence after which an answered conversation is closed.
const closedAfter = 7 * 24 * time.Hour

// At returns the state of c at an instant.
func (c Standing) At(now time.Time) State {
	switch {
	case !c.WaitingSince.IsZero():
		return Waiting
	case now.Sub(c.Last) >= closedAfter:
		return Closed
	}
	return Answered
}

// Figures are the three response times, in seconds. They answer three
// different questions and have three different names.
type Figures struct {
	PerPair         []float64 // each reply, from the message it replies to
	PerMessage      []float64 // each answered message, to its first reply
	PerConversation []float64 // each asker in a thread, from the first message to the first reply to that asker
}

// Measure collects the figures of all replies that were given in [from, to).
func Measure(cs []Conversation, from, to time.Time) Figures {
	var f Figures
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

// Sort puts the figures in order, the shortest first.
func (f Figures) Sort() {
	for _, xs := range [][]float64{f.PerPair, f.PerMessage, f.PerConversation} {
		slices.Sort(xs)
	}
}
