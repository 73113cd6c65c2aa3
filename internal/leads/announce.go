package leads

import (
	"fmt"
	"time"

	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Kinds of announcements of leads.
const (
	KindToCall    = "lead_to_call"       // the score reached the one from which somebody should call
	KindNotToCall = "lead_not_to_call"   // it fell below that
	KindRose      = "lead_engagement_up" // engagement crossed another line
	KindFell      = "lead_engagement_down"
)

// stale is how old what moved a score may be: of what is older nobody is told
// any more, as when a month is imported.
const stale = 7 * 24 * time.Hour

// crossed is what is to be announced when a lead that stood as in old comes to
// stand as in head: that the score crossed the model's call from, or else that
// engagement changed. Nothing is, where the model changed meanwhile, where what moved
// the score, at the instant moved, is a week old, and where somebody decided that the person is a
// customer (of a model for customers: none), no lead, or not to be called for now.
//
// Each model announces what crosses its own lines; the text of another than the
// default one names it.
//
// It names the person by id alone. Its id is made of the person, of what
// happened and of when the score changed; it is stored with the head or not at
// all, so that one crossing is announced once.
func crossed(m scoring.Model, old, head store.Lead, moved, now time.Time) *store.Announcement {
	was := store.Lead{Engagement: leastEngaged}
	if old.Version > 0 {
		was = old
		if old.ModelVer != head.ModelVer {
			return nil
		}
	}
	if now.Sub(moved) > stale || !suits(m, head) || head.Status == store.StatusNotALead || head.Snoozed.After(now) {
		return nil
	}
	calls, called := head.Calls, old.Version > 0 && was.Calls
	points, from := scoring.Decimal(head.Micro), scoring.Decimal(m.CallsFrom())
	a := store.Announcement{Person: head.Person, At: now, Evidence: map[string]string{"points": points, "call_from": from, "engagement": fmt.Sprint(head.Engagement),
		"grade": head.Grade, "model": head.ModelVer, "as_of": social.Stamp(head.AsOf)}}
	if old.Version > 0 {
		a.Evidence["engagement_before"] = fmt.Sprint(was.Engagement)
	}
	lead := "lead"
	if m.CallsWhom == scoring.Customers {
		lead = "customer"
	}
	if m.ID != ModelID {
		lead = fmt.Sprintf("By the scoring model %s a %s", m.ID, lead)
	} else {
		lead = "A " + lead
	}
	switch {
	case calls && !called:
		a.Kind, a.Text = KindToCall, fmt.Sprintf("%s has %s points. From %s on somebody should call.", lead, points, from)
	case called && !calls:
		a.Kind, a.Text = KindNotToCall, fmt.Sprintf("%s has %s points, which is below %s, from which on somebody should call.", lead, points, from)
	case head.Engagement < was.Engagement:
		a.Kind, a.Text = KindRose, fmt.Sprintf("%s has %s points: engagement %d, after %d. 1 is the most.", lead, points, head.Engagement, was.Engagement)
	case head.Engagement > was.Engagement:
		a.Kind, a.Text = KindFell, fmt.Sprintf("%s has %s points: engagement %d, after %d. 1 is the most.", lead, points, head.Engagement, was.Engagement)
	default:
		return nil
	}
	a.ID = social.HashID("ann", social.Key(a.Kind, head.Person, head.ModelVer, social.Stamp(head.AsOf)))
	return &a
}

// leastEngaged is the engagement of who did nothing.
const leastEngaged = 4
