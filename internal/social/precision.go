package social

import "time"

// Precision is how exactly the time of an activity is known that a list told.
// The list's key of an event is not the platform's, so that by both the event
// is known by its time: see Told.
type Precision string

// The precisions.
const (
	Exactly       Precision = "" // as the platform told it, under the platform's key
	ToMillisecond Precision = "millisecond"
	ToSecond      Precision = "second"
	ToMinute      Precision = "minute"
)

// Precisions are those of lists, the finest first.
var Precisions = []Precision{ToMillisecond, ToSecond, ToMinute}

var within = map[Precision]time.Duration{Exactly: 0, ToMillisecond: time.Millisecond, ToSecond: time.Second, ToMinute: time.Minute}

// Valid reports whether there is such a precision.
func (p Precision) Valid() bool { _, ok := within[p]; return ok }

// Within is how long after Occurred, to the millisecond before, an activity of
// this precision may have been done; 0: it was done then.
func (p Precision) Within() time.Duration { return within[p] }

// Told reports whether an activity can be the event that another, whose time is
// known more exactly, tells, too: one account did both, they are of one type and
// about the same, and the exact time lies within the other.
func (a Activity) Told(exact Activity) bool {
	return a.Precision.Within() > exact.Precision.Within() && !a.Undated && !exact.Undated &&
		a.Account() == exact.Account() && a.Scope == exact.Scope && a.Type == exact.Type && (a.Object.ID == "" || a.Object.ID == exact.Object.ID) &&
		!exact.Occurred.Before(a.Occurred) && exact.Occurred.Before(a.Occurred.Add(a.Precision.Within()))
}
