package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/silence"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Kinds of announcements.
const (
	KindSilent    = "source_silent"
	KindHeard     = "source_heard_again"
	KindRevoked   = "grant_revoked"
	KindLease     = "renewal_failed"
	KindHandshake = "handshake_missing"
	KindRefusals  = "requests_refused"
	KindPolling   = "fetching_fails"
)

// retry is how long after a renewal that failed the next one is tried.
const retry = 15 * time.Minute

// Workspace renews the subscriptions of a workspace's sources that are half
// over, schedules those to be fetched that nobody did, and announces what
// crossed a line. Doing so again, or twice at once,
// announces nothing twice. One source's failure does not stop the others.
func (x *Watch) Workspace(ctx context.Context, w string, now time.Time) (err error) {
	began, sources := time.Now(), 0
	defer func() { emf.Work(ctx, "watched", w, began, err, "sources", sources) }()
	now = social.Instant(now)
	list, unseen, err := x.health(ctx, w, now, func(store.Source) bool { return true })
	sources = len(list)
	if err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(list), atOnce, func(i int) error {
		if unseen[i] != nil {
			return unseen[i]
		}
		if err := x.tend(ctx, list[i], now); err != nil {
			return fmt.Errorf("source %s: %w", list[i].Source.ID, err)
		}
		return nil
	})
	told := map[string]bool{}
	for i, h := range list {
		if unseen[i] == nil && !told[h.Source.App] && h.Refusals.Jump() {
			told[h.Source.App] = true
			errs = append(errs, x.announce(ctx, w, refused(h, now)))
		}
	}
	return errors.Join(errs...)
}

// Resting renews the subscriptions of a workspace that is stopped, and does
// nothing else: what is delivered to it is kept, and a subscription that lapsed
// would lose it. A renewal that fails is announced when the workspace goes on.
func (x *Watch) Resting(ctx context.Context, w string, now time.Time) (err error) {
	began, sources := time.Now(), 0
	defer func() { emf.Work(ctx, "watched at rest", w, began, err, "sources", sources) }()
	if gone, err := x.Store.IsDeleting(ctx, w); err != nil || gone {
		return err
	}
	now = social.Instant(now)
	list, unseen, err := x.health(ctx, w, now, func(store.Source) bool { return true })
	if err != nil {
		return err
	}
	sources = len(list)
	return errors.Join(parallel.Each(ctx, len(list), atOnce, func(i int) error {
		if unseen[i] != nil || list[i].Revocation != nil {
			return unseen[i]
		}
		if _, err := x.renew(ctx, list[i], now); err != nil {
			return fmt.Errorf("source %s: %w", list[i].Source.ID, err)
		}
		return nil
	})...)
}

// tend does what one source needs.
func (x *Watch) tend(ctx context.Context, h Health, now time.Time) error {
	if h.Polled && h.Poll == nil { // whoever connected it, or tried to disconnect it, died in between
		if err := x.Store.SchedulePoll(ctx, h.Source.Workspace, h.Source.ID, now); err != nil {
			return err
		}
	}
	var due []store.Announcement
	if h.Revocation != nil {
		due = append(due, revoked(h, now))
	} else {
		a, err := x.renew(ctx, h, now)
		if err != nil {
			return err
		}
		due = append(due, a...)
	}
	if !h.DeadSince.IsZero() && h.Revocation == nil {
		due = append(due, noHandshake(h, now))
	}
	if failing(h.Poll, now) {
		due = append(due, notFetched(h, now))
	}
	for _, a := range due {
		if err := x.announce(ctx, h.Source.Workspace, a); err != nil {
			return err
		}
	}
	return x.silence(ctx, h, now)
}

// announce puts a into the outbox, once.
func (x *Watch) announce(ctx context.Context, w string, a store.Announcement) error {
	fresh, err := x.Store.Announce(ctx, w, a)
	if err == nil && fresh {
		slog.InfoContext(ctx, "announced", "workspace", w, "source", a.Source, "kind", a.Kind, "announcement", a.ID)
	}
	return err
}

// silence announces a silence, and its end. What is silent is noted first, so
// that the end is announced too, whatever happens in between; an end is
// announced only of a silence that was.
func (x *Watch) silence(ctx context.Context, h Health, now time.Time) error {
	w, id := h.Source.Workspace, h.Source.ID
	if q := h.Silence; !q.LastHeard.IsZero() && !q.Over && h.LastHeard.After(q.LastHeard) {
		_, err := x.Store.Announcement(ctx, w, occasion(KindSilent, id, q.LastHeard))
		if err == nil {
			err = x.announce(ctx, w, heardAgain(h, now))
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := x.Store.PutSilence(ctx, w, id, store.Silence{LastHeard: q.LastHeard, Over: true}); err != nil {
			return err
		}
	}
	if h.LastHeard.IsZero() || h.Missing != "" || h.Probability >= silence.Alarm || h.Revocation != nil {
		return nil
	}
	if !h.Silence.LastHeard.Equal(h.LastHeard) {
		if err := x.Store.PutSilence(ctx, w, id, store.Silence{LastHeard: h.LastHeard}); err != nil {
			return err
		}
	}
	return x.announce(ctx, w, silent(h, now))
}

// renew asks the platform for a new lease where half of the old one is over,
// or none was granted yet, and returns what is to be announced of it.
func (x *Watch) renew(ctx context.Context, h Health, now time.Time) ([]store.Announcement, error) {
	adapter, err := x.Adapter(h.Source.Platform)
	if err != nil {
		return nil, nil // a platform that is no longer known has nothing to renew
	}
	_, ok := adapter.(platform.Renewer)
	l, leases := adapter.(platform.Leaser)
	if !ok || !leases || !l.Lease().Renew {
		return nil, nil
	}
	if polled(adapter, h.Source.Scope) {
		return nil, nil
	}
	every := l.Lease().Every
	was := store.Lease{}
	if h.Lease != nil {
		was = *h.Lease
	}
	switch {
	case h.Lease == nil:
	case was.Error != "":
		if now.Before(was.Asked.Add(retry)) {
			return nil, nil
		}
	case now.Before(was.Until.Add(-every / 2)):
		return nil, nil
	}
	next := store.Lease{Asked: now, Until: was.Until}
	asked, err := x.ask(ctx, adapter, h.Source)
	switch {
	case err == nil && !asked:
		return nil, nil
	case err == nil:
		next.Until = now.Add(every)
	default:
		next.Error = cmp.Or(fault.Message(err), "Rapport could not ask the platform")
	}
	if err := x.Store.PutLease(ctx, h.Source.Workspace, h.Source.ID, next); err != nil || next.Error == "" {
		return nil, err
	}
	slog.WarnContext(ctx, "subscription not renewed", "workspace", h.Source.Workspace, "source", h.Source.ID, "reason", next.Error)
	return []store.Announcement{notRenewed(h, next, now)}, nil
}

// ask sends the request that renews a source's subscription. It reports false
// where there is nothing to ask. Its errors have messages that can be shown.
func (x *Watch) ask(ctx context.Context, adapter platform.Adapter, s store.Source) (bool, error) {
	app, err := x.Store.App(ctx, s.App)
	if err != nil {
		return false, err
	}
	secrets, err := x.Secrets(ctx, s.App)
	if err != nil {
		return false, fault.Wrap(fault.Transient, err, "the app's secrets can't be read")
	}
	hook := strings.TrimSuffix(x.PublicURL, "/") + "/hooks/" + s.App
	if p, ok := adapter.(platform.Pather); ok && len(secrets.Keys) > 0 {
		if path := p.Path(s.Scope, secrets.Keys[0]); path != "" {
			hook += "/" + path
		}
	}
	f, _ := platform.RenewalOf(adapter, s.Scope, hook, secrets, platform.Options{Legacy: app.Legacy, Config: app.Config})
	if f == nil {
		return false, nil
	}
	if x.PublicURL == "" {
		return false, fault.New(fault.Invalid, "Rapport does not know its own address: set PublicUrl where it is deployed")
	}
	out, err := x.Fetch(ctx, *f)
	if err != nil {
		return false, err
	}
	if out.Status < 200 || out.Status > 299 {
		return false, fault.New(fault.Invalid, "the platform answered with the status %d", out.Status)
	}
	return true, nil
}

// occasion is the id of an announcement: of its kind, about a source (or an
// app), and since an instant that no later tick changes.
func occasion(kind, about string, since time.Time) string {
	return social.HashID("ann", social.Key(kind, about, social.Stamp(since)))
}

func (h Health) announcement(kind string, since, now time.Time, text string, evidence map[string]string) store.Announcement {
	return store.Announcement{ID: occasion(kind, h.Source.ID, since), Kind: kind, Source: h.Source.ID, At: now, Text: text, Evidence: evidence}
}

// name is what the source is called, for people.
func (h Health) name() string {
	n := strings.TrimSpace(h.Source.Name)
	if n == "" {
		n = h.Source.ID
	}
	return n + " (" + PlatformName(h.Source.Platform) + ")"
}

// when is an instant for people, in the workspace's time zone.
func (h Health) when(t time.Time) string { return t.In(h.Zone).Format("Mon 2 Jan 2006 15:04 MST") }

func silent(h Health, now time.Time) store.Announcement {
	since := silence.SilentSince(h.LastHeard)
	return h.announcement(KindSilent, h.LastHeard, now,
		fmt.Sprintf("Nothing has come from %s since %s. So long a silence comes by chance in fewer than 1 of %.0f stretches of four weeks. %s", h.name(), h.when(since), 1/silence.Alarm, h.advice(Silent)),
		map[string]string{"silent_since": social.Stamp(since), "probability": strconv.FormatFloat(h.Probability, 'g', 3, 64),
			"usual_slots_per_week": strconv.FormatFloat(h.Rhythm.PerWeek(), 'f', 1, 64)})
}

func heardAgain(h Health, now time.Time) store.Announcement {
	since := silence.SilentSince(h.Silence.LastHeard)
	return h.announcement(KindHeard, h.Silence.LastHeard, now,
		fmt.Sprintf("%s is heard again. It was silent since %s; what the platform did not send again in the meantime is missing.", h.name(), h.when(since)),
		map[string]string{"silent_since": social.Stamp(since), "last_heard": social.Stamp(h.LastHeard)})
}

func revoked(h Health, now time.Time) store.Announcement {
	return h.announcement(KindRevoked, h.Revocation.At, now,
		fmt.Sprintf("The grant behind %s has ended: %s. %s", h.name(), h.Revocation.Reason, h.advice(Revoked)),
		map[string]string{"revoked": social.Stamp(h.Revocation.At), "reason": h.Revocation.Reason})
}

func notRenewed(h Health, l store.Lease, now time.Time) store.Announcement {
	holds := "There is none yet, so that nothing is delivered."
	evidence := map[string]string{"asked": social.Stamp(l.Asked), "error": l.Error}
	if !l.Until.IsZero() {
		holds = "It ends " + h.when(l.Until) + "."
		evidence["until"] = social.Stamp(l.Until)
	}
	return h.announcement(KindLease, l.Until, now,
		fmt.Sprintf("The subscription of %s could not be renewed: %s. %s It is tried again every %.0f minutes. %s", h.name(), l.Error, holds, retry.Minutes(), h.advice(LeaseEnding)), evidence)
}

func noHandshake(h Health, now time.Time) store.Announcement {
	return h.announcement(KindHandshake, h.Proof, now,
		fmt.Sprintf("%s has neither tested the hook of %s nor delivered to it since %s, and sends nothing to hooks that it has not tested for so long. %s",
			PlatformName(h.Source.Platform), h.name(), h.when(h.Proof), h.advice(Failing)),
		map[string]string{"last_sign": social.Stamp(h.Proof), "too_long_since": social.Stamp(h.DeadSince)})
}

func notFetched(h Health, now time.Time) store.Announcement {
	p := h.Poll
	last := "never since it was connected"
	if !p.Success.IsZero() {
		last = "last " + h.when(p.Success)
	}
	return h.announcement(KindPolling, p.Success, now,
		fmt.Sprintf("%s can't be fetched: %s. It failed %d times in a row, and succeeded %s. %s", h.name(), p.Reason, p.Failures, last, h.advice(Failing)),
		map[string]string{"failures": strconv.Itoa(p.Failures), "error": p.Reason})
}

// refused is about an app, at most once in a day of UTC.
func refused(h Health, now time.Time) store.Announcement {
	day := now.UTC().Truncate(24 * time.Hour)
	return store.Announcement{ID: occasion(KindRefusals, h.Source.App, day), Kind: KindRefusals, At: now,
		Text: fmt.Sprintf("%d requests to the hook of the app %s (%s) were refused within an hour; usually it is %.2g. Mostly: %s. %s",
			h.Refusals.Hour, h.Source.App, PlatformName(h.Source.Platform), h.Refusals.PerHour, h.Refusals.Reason, h.advice(Refusing)),
		Evidence: map[string]string{"app": h.Source.App, "refused_in_an_hour": strconv.Itoa(h.Refusals.Hour), "usual_per_hour": strconv.FormatFloat(h.Refusals.PerHour, 'g', 3, 64),
			"probability": strconv.FormatFloat(h.Refusals.P, 'g', 3, 64), "reason": h.Refusals.Reason}}
}
