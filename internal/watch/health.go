// Package watch is what only the clock can tell of a workspace's sources:
// which has fallen silent, whose subscription ends, which app is sent requests
// that must be refused. HealthOfAll says how sources are; Workspace renews what is to
// be renewed and announces, once for each occasion, what crossed a line.
package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // a Lambda has no zone files

	"gonum.org/v1/gonum/mathext"

	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/silence"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Deps is what a Watch needs of the world. HealthOf needs Store and Adapter only.
type Deps struct {
	Store   *store.Store
	Adapter func(social.Platform) (platform.Adapter, error)

	Secrets   func(ctx context.Context, app string) (platform.Secrets, error)
	Fetch     func(ctx context.Context, f platform.Fetch) (fetch.Response, error)
	PublicURL string // scheme and host of the hooks; "": no subscription can be renewed
}

// Watch looks after sources. It remembers their rhythms, which change once a day.
type Watch struct {
	Deps
	mu      sync.Mutex
	rhythms map[string]silence.Rhythm
}

// New returns a Watch.
func New(d Deps) *Watch { return &Watch{Deps: d, rhythms: map[string]silence.Rhythm{}} }

// failing reports whether fetching has failed for so long that it will hardly mend itself.
func failing(p *store.Poll, now time.Time) bool {
	return p != nil && p.Failures >= 5 && now.Sub(p.Success) > time.Hour
}

// Status is how a source is, in one word.
type Status string

// The statuses. Where several hold, the first counts.
const (
	Revoked     Status = "revoked"      // the grant behind it was taken back
	Failing     Status = "failing"      // it can't be fetched, or its subscription has lapsed
	Refusing    Status = "refusing"     // far more of its app's requests are refused than usual
	Silent      Status = "silent"       // quiet for longer than its rhythm explains
	LeaseEnding Status = "lease_ending" // its subscription is about to lapse
	Waiting     Status = "waiting"      // nothing has come yet
	OK          Status = "ok"
)

// Statuses lists them all, in their order.
var Statuses = []Status{Revoked, Failing, Refusing, Silent, LeaseEnding, Waiting, OK}

// Health is what is known of a source at an instant.
type Health struct {
	Source store.Source
	Status Status
	Zone   *time.Location // the workspace's

	LastHeard   time.Time // start of the slot; zero: never
	Rhythm      silence.Rhythm
	Missing     string    // what is missing for a rhythm; "": nothing
	Probability float64   // of so long a silence within four weeks; only if nothing is missing
	AlarmAt     time.Time // when it will count as silent if nothing comes; zero: not foreseeable
	Silence     store.Silence

	Lease     *store.Lease // of a subscription that Rapport renews, once asked for
	Proof     time.Time    // when the platform last showed that it delivers here, by a handshake or a delivery; zero: never, or it makes no handshakes
	DeadSince time.Time    // when the platform's silence about the hook became too long; zero: it is not
	Overdue   bool         // a handshake should have come

	Revocation *store.Revocation // one that holds
	Polled     bool              // it is fetched
	Poll       *store.Poll       // how that goes; nil: not yet
	Refusals   Refusals          // of its app; only for the app's owner
}

// Refusals is how many of an app's requests were refused.
type Refusals struct {
	Owned   bool    // whether the workspace owns the app, and may see
	Day     int     // in the last 24 hours
	Hour    int     // in the last hour
	Reason  string  // the commonest of the day
	PerHour float64 // usually: in the seven days before; only where Hour was judged
	P       float64 // how probable as many as Hour or more are at that rate, exactly; 1 where Hour was not judged
}

const (
	fewRefusals = 10   // below so many in an hour, nothing is judged
	telling     = 3    // so many before anything came tell of a wrong secret; Discord tests a hook by one or two that are forged
	jumpBelow   = 1e-6 // the probability below which more refusals than usual are a jump
)

// Jump reports whether there were far more refusals in the last hour than usual.
func (r Refusals) Jump() bool { return r.P < jumpBelow }

// moreThanUsual is how probable it is that of two Poisson processes of equal
// rate the one watched for an hour has k events or more, given that it and the
// other, watched for the given hours, have k and before: binomial with n =
// k+before and q = 1/(1+hours). Przyborowski and Wilenski, "Homogeneity of
// Results in Testing Samples from Poisson Series", Biometrika 31, 1940.
func moreThanUsual(k, before int, hours float64) float64 {
	if k <= 0 || hours <= 0 {
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(before)+1, 1/(1+hours))
}

// appFacts is what the sources of one app have in common.
type appFacts struct {
	app       store.App
	adapter   platform.Adapter // nil: a platform that is no longer known
	handshake time.Time
	refusals  Refusals
}

// HealthOfAll returns how every source of a workspace is, by id.
func (x *Watch) HealthOfAll(ctx context.Context, w string, now time.Time) ([]Health, error) {
	list, errs, err := x.health(ctx, w, now, func(store.Source) bool { return true })
	if err == nil {
		err = errors.Join(errs...)
	}
	return list, err
}

// HealthOf returns how one source of a workspace is; an error of kind NotFound
// if there is no such source.
func (x *Watch) HealthOf(ctx context.Context, w, source string, now time.Time) (Health, error) {
	list, errs, err := x.health(ctx, w, now, func(s store.Source) bool { return s.ID == source })
	switch {
	case err != nil:
		return Health{}, err
	case len(list) == 0:
		return Health{}, fault.New(fault.NotFound, "no such source")
	}
	return list[0], errs[0]
}

// atOnce is how many sources are read at once.
const atOnce = 4

// health reads how the sources are for which want holds. Beside each health stands
// the error for which it could not be told.
func (x *Watch) health(ctx context.Context, w string, now time.Time, want func(store.Source) bool) ([]Health, []error, error) {
	ws, err := x.Store.Workspace(ctx, w)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", w, err)
	}
	zone, err := time.LoadLocation(ws.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	all, err := x.Store.Sources(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	var list []store.Source
	born := map[string]time.Time{} // of the oldest source of each app
	for _, s := range all {
		if at, there := born[s.App]; !there || s.Created.Before(at) {
			born[s.App] = s.Created
		}
		if want(s) {
			list = append(list, s)
		}
	}
	var order []string
	at := map[string]int{}
	for _, s := range list {
		if _, there := at[s.App]; !there {
			at[s.App] = len(order)
			order = append(order, s.App)
		}
	}
	facts := make([]appFacts, len(order))
	broken := parallel.Each(ctx, len(order), atOnce, func(i int) (err error) {
		facts[i], err = x.appFacts(ctx, w, order[i], born[order[i]], now)
		return err
	})
	out := make([]Health, len(list))
	errs := parallel.Each(ctx, len(list), atOnce, func(i int) (err error) {
		if err := broken[at[list[i].App]]; err != nil {
			return fmt.Errorf("source %s: %w", list[i].ID, err)
		}
		if out[i], err = x.one(ctx, list[i], facts[at[list[i].App]], zone, now); err != nil {
			return fmt.Errorf("source %s: %w", list[i].ID, err)
		}
		return nil
	})
	return out, errs, nil
}

func (x *Watch) appFacts(ctx context.Context, w, id string, born, now time.Time) (appFacts, error) {
	var f appFacts
	var err error
	if f.app, err = x.Store.App(ctx, id); err != nil {
		return f, fmt.Errorf("app %s: %w", id, err)
	}
	if f.adapter, err = x.Adapter(f.app.Platform); err != nil && !fault.Is(err, fault.Invalid) {
		return f, err
	}
	if f.handshake, err = x.Store.LastHandshake(ctx, id); err != nil {
		return f, err
	}
	f.refusals = Refusals{P: 1}
	if f.app.Owner != w {
		return f, nil
	}
	f.refusals.Owned = true
	day, err := x.Store.Notes(ctx, id, now.Add(-24*time.Hour), now)
	if err != nil {
		return f, err
	}
	hour := silence.Align(now).Add(silence.Slot - time.Hour)
	reasons := map[string]int{}
	for _, n := range day {
		f.refusals.Day += n.Refused
		reasons[n.Reason] += n.Refused
		if !n.Slot.Before(hour) {
			f.refusals.Hour += n.Refused
		}
	}
	for reason, n := range reasons {
		if best := f.refusals.Reason; n > reasons[best] || n == reasons[best] && (reason < best || best == "") {
			f.refusals.Reason = reason
		}
	}
	if f.refusals.Hour < fewRefusals {
		return f, nil
	}
	begin := hour.Add(-7 * 24 * time.Hour)
	before, err := x.Store.Notes(ctx, id, begin, hour)
	if err != nil {
		return f, err
	}
	if born.After(begin) {
		begin = born
	}
	usual := 0
	for _, n := range before {
		usual += n.Refused
	}
	if hours := hour.Sub(begin).Hours(); hours > 0 {
		f.refusals.PerHour = float64(usual) / hours
		f.refusals.P = moreThanUsual(f.refusals.Hour, usual, hours)
	}
	return f, nil
}

func (x *Watch) one(ctx context.Context, s store.Source, f appFacts, zone *time.Location, now time.Time) (Health, error) {
	h := Health{Source: s, Zone: zone, Refusals: f.refusals}
	w := s.Workspace
	var err error
	if h.LastHeard, err = x.Store.LastHeard(ctx, w, s.ID); err != nil {
		return h, err
	}
	if h.Silence, err = x.Store.Silence(ctx, w, s.ID); err != nil && !fault.Is(err, fault.NotFound) {
		return h, err
	}
	if h.Rhythm, err = x.rhythm(ctx, w, s.ID, h.LastHeard, zone); err != nil {
		return h, err
	}
	switch r, err := x.Store.Revoked(ctx, w, s.ID); {
	case err == nil && r.Holds(h.LastHeard) && !s.Created.After(r.At): // one connected anew was granted anew
		h.Revocation = &r
	case err != nil && !fault.Is(err, fault.NotFound):
		return h, err
	}
	if h.Polled = polled(f.adapter, s.Scope); h.Polled {
		switch p, err := x.Store.PollState(ctx, w, s.ID); {
		case err == nil:
			h.Poll = &p
		case !fault.Is(err, fault.NotFound):
			return h, err
		}
	} else if l, ok := f.adapter.(platform.Leaser); ok {
		if err := x.lease(ctx, &h, l.Lease(), f.handshake, now); err != nil {
			return h, err
		}
	}
	h.Missing = h.Rhythm.Missing()
	known := now
	if h.Poll != nil && h.Poll.Success.Before(now) { // what was not fetched, be it that the workspace was stopped, is no silence
		known = h.Poll.Success
	}
	if p, ok := silence.Probability(h.Rhythm, h.LastHeard, known); ok {
		h.Probability = p
		h.AlarmAt, _ = silence.AlarmAt(h.Rhythm, h.LastHeard)
	}
	h.Status = h.status(now)
	return h, nil
}

// polled reports whether a scope is fetched, so that nobody delivers it.
func polled(a platform.Adapter, scope string) bool {
	p, ok := a.(platform.Poller)
	return ok && p.Polls(scope)
}

func (x *Watch) lease(ctx context.Context, h *Health, of platform.Lease, handshake, now time.Time) error {
	if of.Renew {
		switch l, err := x.Store.Lease(ctx, h.Source.Workspace, h.Source.ID); {
		case err == nil:
			h.Lease = &l
		case !fault.Is(err, fault.NotFound):
			return err
		}
	}
	if h.Proof = handshake; h.LastHeard.After(h.Proof) {
		h.Proof = h.LastHeard
	}
	if of.Dead <= 0 || h.Proof.IsZero() {
		return nil
	}
	if dead := h.Proof.Add(of.Dead); !now.Before(dead) {
		h.DeadSince = dead
	}
	h.Overdue = !now.Before(h.Proof.Add((of.Every + of.Dead) / 2))
	return nil
}

// status is the first that holds.
func (h Health) status(now time.Time) Status {
	silent := !h.Silence.Over && h.Silence.LastHeard.Equal(h.LastHeard)
	if h.Missing == "" && h.Probability < silence.Alarm || now.Sub(h.LastHeard) > silence.Window {
		silent = true
	}
	lapsed := h.Lease != nil && !now.Before(h.Lease.Until) && h.Lease.Error != ""
	switch {
	case h.Revocation != nil:
		return Revoked
	case !h.DeadSince.IsZero(), lapsed, failing(h.Poll, now):
		return Failing
	case h.Refusals.Jump(), h.LastHeard.IsZero() && h.Refusals.Day >= telling:
		return Refusing
	case h.LastHeard.IsZero():
		return Waiting
	case silent:
		return Silent
	case h.Overdue, h.Lease != nil && h.Lease.Error != "":
		return LeaseEnding
	}
	return OK
}

// maxRhythms bounds how many rhythms are remembered, about 2 KB each.
const maxRhythms = 5000

// rhythm is that of the eight weeks before the day in which the source was
// last heard: how it was when it was well. A silence never becomes part of the
// rhythm that it is judged by. Days are those of UTC, so that a rhythm holds
// for a day whoever asks.
func (x *Watch) rhythm(ctx context.Context, w, source string, lastHeard time.Time, zone *time.Location) (silence.Rhythm, error) {
	until := lastHeard.UTC().Truncate(24 * time.Hour)
	if lastHeard.IsZero() {
		return silence.Learn(nil, zone, until), nil
	}
	key := social.Key(w, source, zone.String(), social.Stamp(until))
	x.mu.Lock()
	r, there := x.rhythms[key]
	x.mu.Unlock()
	if there {
		return r, nil
	}
	heard, err := x.Store.Heard(ctx, w, source, until.Add(-silence.Window-2*time.Hour), until)
	if err != nil {
		return r, err
	}
	r = silence.Learn(heard, zone, until)
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.rhythms) >= maxRhythms {
		clear(x.rhythms)
	}
	x.rhythms[key] = r
	return r, nil
}
