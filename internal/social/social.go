// Package social holds the types that all of Rapport speaks in: an activity (what
// an account did), who the account is, and how both are named. The grammar is ActivityStreams 2.0
// (https://www.w3.org/TR/activitystreams-vocabulary/): an actor does a type
// of thing to an object. The types carry no storage or wire format.
package social

import (
	"fmt"
	"time"
)

// Platform names where something happened, for example "meta" or "standard".
type Platform string

// Type is what was done.
type Type string

const (
	Post          Type = "post"
	Reply         Type = "reply"
	Mention       Type = "mention"
	Repost        Type = "repost"
	Quote         Type = "quote"
	React         Type = "react"
	Unreact       Type = "unreact" // takes back the actor's reaction to the object
	Follow        Type = "follow"
	Unfollow      Type = "unfollow"
	Join          Type = "join"
	Leave         Type = "leave"
	Message       Type = "message" // private, to the business
	Review        Type = "review"
	Recommend     Type = "recommend"
	Visit         Type = "visit"
	Click         Type = "click"
	SignUp        Type = "sign_up"
	ProfileChange Type = "profile_change"
	Purchase      Type = "purchase"
	Edit          Type = "edit"   // replaces the text of the object
	Delete        Type = "delete" // takes the object away, also if it arrives before the object
	Close         Type = "close"  // says that the object, a thread or a question, needs no more answers
	Reopen        Type = "reopen" // says that it does again
	Accept        Type = "accept" // says that the object, a message, answers the question it replies to
)

// Types lists every type, in the order of the constants.
var Types = []Type{Post, Reply, Mention, Repost, Quote, React, Unreact, Follow, Unfollow, Join, Leave, Message, Review, Recommend, Visit, Click, SignUp, ProfileChange, Purchase, Edit, Delete, Close, Reopen, Accept}

// Valid reports whether t is one of Types.
func (t Type) Valid() bool {
	for _, x := range Types {
		if x == t {
			return true
		}
	}
	return false
}

// Utterance reports whether an activity of type t says something of its own,
// so that its object is the very thing that was said.
func (t Type) Utterance() bool {
	switch t {
	case Post, Reply, Mention, Quote, Message, Review, Recommend:
		return true
	}
	return false
}

// Closing reports whether an activity of type t says no more than whether a
// thread or a question still needs an answer. It is nobody's engagement.
func (t Type) Closing() bool { return t == Close || t == Reopen || t == Accept }

// Direction says on whose side the actor stands.
type Direction string

const (
	Inbound  Direction = "inbound"  // someone outside
	Outbound Direction = "outbound" // the business itself
)

// Actor is the account that acts, as the platform names it.
type Actor struct {
	ID     string // the platform's immutable id; required
	Scope  string // within what ID is unique; empty: on the whole platform
	Handle string // as shown with an @, without it; may be empty
	Name   string // display name; may be empty
}

// Object is the thing acted upon. For an utterance it is the utterance
// itself; for a reaction, edit or deletion it is what is reacted to, edited
// or deleted.
type Object struct {
	ID   string
	Type string // note, article, comment, page …; may be empty
}

// Rating is a number that someone gave on a scale. Its question is the words
// of whoever asked, never of who answered.
type Rating struct {
	Value       float64    // between Worst and Best
	Worst, Best float64    // the ends of the scale; Worst may be the greater number, as where 1 is the best mark
	Kind        RatingKind //
	Question    string     // as it was asked; may be empty
}

// RatingKind is what a rating measures.
type RatingKind string

// The kinds of ratings.
const (
	NPS   RatingKind = "nps"   // would recommend, 0 to 10
	CSAT  RatingKind = "csat"  // satisfaction
	CES   RatingKind = "ces"   // how easy it was
	Stars RatingKind = "stars" // of a review
	Thumb RatingKind = "thumb" // 0 is down, 1 is up
	Score RatingKind = "score" // another scale
)

// Activity is one thing one account did: a fact.
type Activity struct {
	Key          string    // made by Key from immutable parts of the event
	Platform     Platform  // where
	Scope        string    // the platform-side page, team, channel or forum within which ids of objects are unique; empty: the whole platform
	Type         Type      //
	Actor        Actor     //
	Object       Object    //
	InReplyTo    string    // the platform's id of the message replied to; may be empty
	Conversation string    // the platform's id of the thread, where it has one; may be empty
	Text         string    // plain text, UTF-8; may be empty
	URL          string    // where a person can look at it; may be empty
	Occurred     time.Time // when it was done, UTC, milliseconds
	Undated      bool      // the platform does not say when: Occurred is Known, and zero for one not yet stored
	Precision    Precision // of what a list told: how exactly Occurred is known
	Known        time.Time // when Rapport first received it, UTC, milliseconds; zero for one not yet stored
	Direction    Direction //
	Own          bool      // the platform takes it for a customer's, but the account is one of the business's own: Direction is outbound for that
	Flat         bool      // the platform's threads are flat: InReplyTo names at most where the thread began
	Addressed    []string  // ids of the accounts that the text addresses, as Actor.ID has them, at most MaxAddressed; may be empty
	Automatic    bool      // no human did it: a bot, an automatic reply, a machine that answers
	Reaction     string    // of a reaction: which, as the platform names it, for example "angry" or "👎"; may be empty
	Rating       *Rating   // nil: none was given

	Reading // what is known of what Text says: what the reader says, or a correction of it; zero without text

	Correction *Correction // the newest of its corrections, also where it does not hold for Text; nil: there was none
	Read       *Reading    // what the reader says of Text, where Reading is corrected; else nil
}

// MaxAddressed bounds whom a text is noted to address.
const MaxAddressed = 20

// Account returns the identity of the actor's account.
func (a Activity) Account() AccountRef {
	return AccountRef{Platform: a.Platform, Scope: a.Actor.Scope, ID: a.Actor.ID}
}

// Sided is the activity as it stands where its account is one of the business's
// own, or is none. What the platform itself says is the business's stays that.
func (a Activity) Sided(own bool) Activity {
	switch {
	case own && a.Direction == Inbound:
		a.Direction, a.Own = Outbound, true
	case !own && a.Own:
		a.Direction, a.Own = Inbound, false
	}
	return a
}

// ID is the activity's id within its workspace.
func (a Activity) ID() string { return HashID("act", a.Key) }

// Validate reports the first thing that keeps a from being stored.
func (a Activity) Validate() error {
	switch {
	case a.Key == "":
		return fmt.Errorf("activity without a key")
	case a.Platform == "":
		return fmt.Errorf("activity %q without a platform", a.Key)
	case !a.Type.Valid():
		return fmt.Errorf("activity %q has the unknown type %q", a.Key, a.Type)
	case a.Actor.ID == "":
		return fmt.Errorf("activity %q without an actor", a.Key)
	case a.Object.ID == "" && (a.Type.Utterance() || a.Type.Closing() || a.Type == Edit || a.Type == Delete || a.Type == React || a.Type == Unreact):
		return fmt.Errorf("activity %q of type %s without an object", a.Key, a.Type)
	case a.Direction != Inbound && a.Direction != Outbound:
		return fmt.Errorf("activity %q has the unknown direction %q", a.Key, a.Direction)
	case a.Undated && (a.Type.Utterance() || a.Type == Edit || a.Type == Delete):
		return fmt.Errorf("activity %q of type %s without a time: threads and edits need one", a.Key, a.Type)
	case a.Undated && a.Occurred.IsZero() && a.Known.IsZero():
	case a.Occurred.IsZero():
		return fmt.Errorf("activity %q without a time", a.Key)
	case !a.Precision.Valid():
		return fmt.Errorf("activity %q has the unknown precision %q", a.Key, a.Precision)
	case a.Occurred.Year() < 1990 || a.Occurred.Year() > 2999:
		return fmt.Errorf("activity %q is of the year %d", a.Key, a.Occurred.Year())
	}
	if a.Rating != nil {
		if err := a.Rating.check(); err != nil {
			return fmt.Errorf("activity %q has %w", a.Key, err)
		}
	}
	return nil
}

// Instant returns t as Rapport keeps instants: UTC, milliseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Unknown stands for an actor that the platform does not name, for example
// who deleted a comment. Nobody is scored under it.
const Unknown = "?"
