// Package conversation says where one asker in one thread stands with the
// business: who waits, since when, and how fast answers came. Pure.
package conversation

import (
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

// Sort puts the figures in order, the shortest first.
func (f Figures) Sort() {
	for _, xs := range [][]float64{f.PerPair, f.PerMessage, f.PerConversation} {
		slices.Sort(xs)
	}
}
