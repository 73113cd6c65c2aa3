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
	Message   string           // its id in the workspace
	Activity  string           // the activity's id
	Key       string           // the activity's key: the evidence
	Account   string           // the author's account
	Direction social.Direction //
	Occurred  time.Time        //
	InReplyTo string           // the id in the workspace of the message replied to; may be empty
	Private   bool             // in a thread of just the asker and the business
	Named     bool             // the platform names its thread
	Flat      bool             // the platform's threads are flat: InReplyTo names at most where the thread began
	Automatic bool             // no human wrote it
	Addressed []string         // the accounts that its text addresses
	Needs     Needs            // whether it waits for an answer, of an asker's
	Since     time.Time        // of an asker's that an edit made into one that waits: when; else zero
	Deleted   bool             //
}

// Order compares two messages of a thread by when they were said. Platforms
// date to the second, so what the business says follows all of its second.
func Order(a, b Node) int {
	return cmp.Or(a.Occurred.Truncate(time.Second).Compare(b.Occurred.Truncate(time.Second)), cmp.Compare(a.Direction, b.Direction),
		a.Occurred.Compare(b.Occurred), cmp.Compare(a.Activity, b.Activity)) // "inbound" before "outbound"
}

// Exchange is a message of the asker's and one reply of the business to it.
type Exchange struct {
	Asked     time.Time
	Answered  time.Time
	Answer    string // the answer's activity id
	Message   string // the id of the message that was answered
	Automatic bool   // no human wrote the answer
	FirstToIt bool   // no earlier reply to the same message
	HumanToIt bool   // by a human, as no earlier one to the same message
}

// Took is how long the answer to something asked took. Clocks differ: one that
// is dated before what it answers took no time.
func Took(asked, answered time.Time) time.Duration { return max(0, answered.Sub(asked)) }

// Standing is where one asker in one thread stands with the business.
type Standing struct {
	Started      time.Time // the asker's first message
	Last         time.Time // the newest message of either side; zero: the asker said nothing that stands
	LastKey      string    // the asker's newest message
	WaitingSince time.Time // the first message since the newest reply by a human, closing or thanks that wants a reply; zero: nobody waits
	WaitingKey   string    // that message
	Ended        time.Time // when the thread was closed on its platform; zero: it is open
	HelpedBy     string    // the account of the customer whom the asker thanked, or whose answer was accepted, since the newest reply by a human; may be empty
}

// State is where a conversation stands.
type State string

const (
	Waiting  State = "waiting"  // the asker's newest messages have no reply
	Answered State = "answered" //
	Closed   State = "closed"   // nobody waits, and it was closed on its platform or is silent for a week
)

// closedAfter is the silence after which an answered conversation is closed.
const closedAfter = 7 * 24 * time.Hour

// At returns the state of c at an instant.
func (c Standing) At(now time.Time) State {
	switch {
	case !c.WaitingSince.IsZero():
		return Waiting
	case !c.Ended.IsZero() && !c.Last.After(c.Ended), now.Sub(c.Last) >= closedAfter:
		return Closed
	}
	return Answered
}

// Figures are the three response times, in seconds, of answers by humans. They
// answer three different questions and have three different names.
type Figures struct {
	PerPair         []float64 // each reply, from the message it replies to
	PerMessage      []float64 // each answered message, to its first reply
	PerConversation []float64 // each asker in a thread, from the first message to the first reply to that asker
}

// Sort puts the figures in order, the shortest first.
func (f Figures) Sort() {
	for _, xs := range [][]float64{f.PerPair, f.PerMessage, f.PerConversation} {
		slices.Sort(xs)
	}
}
