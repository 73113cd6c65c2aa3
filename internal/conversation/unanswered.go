package conversation

import "time"

// FirstWait is how long an asker waited for the first answer by a human.
type FirstWait struct {
	Asked time.Time     // the asker's first message
	Took  time.Duration // until the answer, or until somebody settled or closed it
	Ended bool          // it came; else the asker still waits
}

// FirstWaitOf returns how long the asker of a conversation waited for the first
// answer by a human, which came at an instant (zero: not yet); settled is when a
// member said that it needs none, or is done (zero: nobody did). Of somebody who
// asked for nothing, or whom another customer helped, there is none: ok is false.
func FirstWaitOf(c Standing, first, settled time.Time) (f FirstWait, ok bool) {
	f.Asked = c.Started
	switch {
	case c.Started.IsZero():
		return f, false
	case !first.IsZero():
		f.Took, f.Ended = Took(c.Started, first), true
	case !c.WaitingSince.IsZero():
		f.Asked = c.WaitingSince // what was said before needed no answer
	case c.HelpedBy != "":
		return f, false
	case !c.Ended.IsZero(), !settled.IsZero():
		end := c.Ended
		if end.IsZero() || !settled.IsZero() && settled.Before(end) {
			end = settled
		}
		if end.Before(c.Started) { // it was said in what was closed already
			return f, false
		}
		f.Took, f.Ended = Took(c.Started, end), true
	default:
		return f, false
	}
	return f, true
}

// Unanswered counts those of waits that had lasted for a time by an instant,
// and those of them that had no answer by then.
func Unanswered(waits []FirstWait, after time.Duration, now time.Time) (without, of int) {
	for _, w := range waits {
		if now.Sub(w.Asked) < after {
			continue
		}
		if of++; !w.Ended || w.Took > after {
			without++
		}
	}
	return without, of
}
