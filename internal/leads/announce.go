package leads

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Kinds of announcements of leads.
const (
	KindToCall    = "lead_to_call"       // the person became one to call: by the score, or since nothing holds the call back any more
	KindNotToCall = "lead_not_to_call"   // it fell below that
	KindRose      = "lead_engagement_up" // engagement crossed another line
	KindFell      = "lead_engagement_down"
)

// stale is how old what moved a score may be: of what is older nobody is told
// any more, as when a month is imported.
const stale = 7 * 24 * time.Hour

// open reports whether a lead is one to call, as far as its head says, at the
// instant that the head is as of: whether a complaint is open is not in it.
func open(m scoring.Model, h store.Lead) bool {
	return h.Calls && !decidedAgainst(m, h) && !h.Snoozed.After(h.AsOf)
}

// decidedAgainst reports whether a lead is not one to call by a model, whatever
// its score is: somebody decided that it is no lead, or is not whom the model is for.
func decidedAgainst(m scoring.Model, h store.Lead) bool {
	return !suits(m, h) || h.Status == store.StatusNotALead
}

// news is what is to be announced when a lead that stood as in old comes to
// stand as in h, with the person's newest fact at acted, and what is known of it
// at newest. Where that is that the person is to be called, and a complaint is
// open, it waits for the complaint's end: h says so, and is due again.
func (p *past) news(ctx context.Context, m scoring.Model, old store.Lead, h *store.Lead, live bool, acted, newest, now time.Time) (*store.Announcement, error) {
	again := old.Version > 0 && old.ModelVer == h.ModelVer && open(m, *h) // it may be held no more
	ended := again && old.Calls && !open(m, old)
	if !live {
		// A snooze that passed unseen until now is left to the next tick, and so is
		// what one that was not live left to it before.
		if h.Waits = again && (old.Waits || ended && old.Working == h.Working); h.Waits && (!old.Waits || !old.Due.After(now)) {
			h.Due = now
		}
		return nil, nil
	}
	moved := acted // what was told of the person moves no score
	if h.AsOf.After(newest) {
		moved = h.AsOf // time did
	}
	if ended {
		moved = latest(moved, latest(h.Decided, h.Snoozed))
	}
	if again && old.Waits {
		moved = now
	}
	a := crossed(m, old, *h, moved, now)
	if a == nil || a.Kind != KindToCall || m.CallsWhom == scoring.Customers { // a customer who complains is whom such a model is for
		return a, nil
	}
	look, err := p.waitsFor(ctx, now)
	if err != nil || look.IsZero() {
		return a, err
	}
	if h.Waits = true; h.Due.IsZero() || look.Before(h.Due) {
		h.Due = look
	}
	return nil, nil
}

// waitsFor is when to look again whether a complaint is open; zero: none is.
// What was said within the hour may be in no conversation yet.
func (p *past) waitsFor(ctx context.Context, now time.Time) (time.Time, error) {
	just := p.saidBy(now, 1, func(r scoring.Record) bool {
		return r.Type.Utterance() && slices.Contains(complains, r.Intent) && now.Sub(r.Time()) < time.Hour
	})
	if len(just) > 0 {
		return just[0].Time().Add(time.Hour), nil
	}
	c, err := p.complaint(ctx, now)
	if c == nil || err != nil {
		return time.Time{}, err
	}
	return now.Add(min(max(now.Sub(c.Since), time.Hour), day)), nil
}

// crossed is what is to be announced when a lead that stood as in old comes to
// stand as in head: that the person became one to call, or none any more by the
// score, or else that engagement changed. Nothing is, where the model changed
// meanwhile, where what moved it, at the instant moved, is a week old, and while
// somebody decided that the person is a customer (of a model for customers: none),
// no lead, or not to be called for now.
//
// Each model announces what crosses its own lines; the text of another than the
// default one names it.
//
// It names the person by id alone. Its id is made of the person, of what
// happened, of when the score changed and of when something was decided; it is
// stored with the head or not at all, so that one crossing is announced once.
func crossed(m scoring.Model, old, head store.Lead, moved, now time.Time) *store.Announcement {
	was := store.Lead{Engagement: leastEngaged}
	if old.Version > 0 {
		was = old
		if old.ModelVer != head.ModelVer {
			return nil
		}
	}
	if now.Sub(moved) > stale || decidedAgainst(m, head) || head.Snoozed.After(now) {
		return nil
	}
	calls, called := open(m, head), open(m, was) && !was.Waits
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
	a.ID = social.HashID("ann", social.Key(a.Kind, head.Person, head.ModelVer, social.Stamp(head.AsOf), social.Stamp(head.Decided)))
	return &a
}

// leastEngaged is the engagement of who did nothing.
const leastEngaged = 4
