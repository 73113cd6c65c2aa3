package conversation

import "time"

// Decision is what somebody of the business decided about a conversation: a
// fact. Of each kind the newest holds.
type Decision struct {
	ID    string    // made by whoever asks: the same again is the same decision
	At    time.Time //
	By    string    // the id of a member or of a machine key
	Kind  Kind      //
	To    string    // of an assignment: the member's id; "": to nobody
	Until time.Time // of a snooze
	Text  string    // of a note; of the others why, which may be empty
}

// Kind is what was decided.
type Kind string

// The kinds of decisions.
const (
	Done      Kind = "done"       // what was said until now is dealt with
	NotNeeded Kind = "not_needed" // what was said until now needs no answer
	Reopened  Kind = "reopened"   // neither: it waits as if nothing had been decided
	Assigned  Kind = "assigned"   // a member answers it, or nobody in particular any more
	Snoozed   Kind = "snoozed"    // it is to be looked at again at an instant
	Noted     Kind = "noted"      // something to be known about it
)

// Kinds lists every kind.
var Kinds = []Kind{Done, NotNeeded, Reopened, Assigned, Snoozed, Noted}

// Decided is what decisions come to.
type Decided struct {
	Settled  time.Time // what was said until then waits for nothing; zero: nobody said so
	Assigned string    // a member's id; "": nobody's
	Snoozed  time.Time // until then it is kept off the list of who waits; zero: not
	Since    time.Time // when that was decided
}

// And takes in a newer decision.
func (d *Decided) And(n Decision) {
	switch n.Kind {
	case Done, NotNeeded:
		d.Settled = n.At
	case Reopened:
		d.Settled, d.Snoozed, d.Since = time.Time{}, time.Time{}, time.Time{}
	case Assigned:
		d.Assigned = n.To
	case Snoozed:
		d.Snoozed, d.Since = n.Until, n.At
	}
}
