package scoring

import (
	"time"

	"rapport/internal/social"
)

// Within returns what a score by m as of an instant rests on: the facts that
// are not older than the model's horizon, nor later than asOf. Nothing older
// counts for any rule: a conversation begins with its first message within the
// horizon, and what was edited or taken back before it is as it was.
//
// One thing is known for longer: since when. The earliest thing that the person
// did stands among the facts, if it is older, as a visit, which no window
// reaches; also if it was taken back since.
func Within(m Model, facts []social.Activity, asOf time.Time) []social.Activity {
	now := asOf.UnixMilli()
	since := now - days(m.HorizonDays)
	var first *social.Activity
	out := make([]social.Activity, 0, len(facts))
	for i := range facts {
		a := &facts[i]
		at := a.Occurred.UnixMilli()
		if at > now {
			continue
		}
		if at > since {
			out = append(out, *a)
		}
		if began(a.Type, a.Direction) && (first == nil || compare(a, first) < 0) {
			first = a
		}
	}
	if first != nil && first.Occurred.UnixMilli() <= since {
		out = append(out, social.Activity{Key: first.Key, Platform: first.Platform, Type: social.Visit, Actor: first.Actor,
			Occurred: first.Occurred, Known: first.Known, Undated: first.Undated, Direction: social.Inbound})
	}
	return out
}

// began reports whether an activity is something that a person did of their own.
func began(t social.Type, d social.Direction) bool {
	return d == social.Inbound && t != social.Edit && t != social.Delete && t != social.Unreact
}

// KnownFrom stands for the earliest thing that a person did, where all that is
// known of it is its instant: for Within, and of older ones it asks no more.
func KnownFrom(t time.Time) social.Activity {
	return social.Activity{Key: "-", Platform: "-", Type: social.Visit, Actor: social.Actor{ID: "-"}, Occurred: t, Direction: social.Inbound}
}

// Began reports whether an activity is something that a person did of their
// own: by its earliest one the person is known.
func Began(a social.Activity) bool { return began(a.Type, a.Direction) }

// RateDays is how far back the rules of m compare what a person does now with
// what the person did before: 0 if none does.
func (m Model) RateDays() int {
	n := 0
	for _, r := range m.Rules {
		if r.Kind == RateRule {
			n = max(n, r.RecentDays+r.BaseDays)
		}
	}
	return n
}
