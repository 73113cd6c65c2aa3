package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/silence"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/watch"
)

const (
	w   = "acme"
	day = 24 * time.Hour
)

// t0 is a Monday, eight weeks after the first thing heard.
var t0 = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// leased is an adapter whose subscriptions end.
type leased struct {
	platform.Adapter
	lease platform.Lease
}

func (l leased) Lease() platform.Lease { return l.lease }

// renewed is one whose subscriptions Rapport renews.
type renewed struct {
	leased
	nothing bool // there is nothing to ask
}

func (r renewed) Renewal(scope, hook string, s platform.Secrets, o platform.Options) (*platform.Fetch, string) {
	if r.nothing {
		return nil, "the app's document names no webhook"
	}
	return &platform.Fetch{Method: "POST", URL: "https://hub.example/" + scope, Body: []byte(hook + " " + s.Keys[0] + " " + string(o.Config))}, ""
}

func (renewed) Path(scope, key string) string { return scope + "/" + key[:3] }

// fetched is one whose scopes are fetched.
type fetched struct{ platform.Adapter }

func (fetched) Polls(string) bool { return true }
func (fetched) Poll(string, string, platform.Secrets, platform.Options) (platform.Fetch, error) {
	return platform.Fetch{}, nil
}
func (fetched) Next(platform.Request, string) (string, bool, error) { return "", false, nil }
func (fetched) Every() time.Duration                                { return time.Hour }

type world struct {
	table storetest.Table
	t     *testing.T
	store *store.Store
	watch *watch.Watch
	deps  watch.Deps
	asked []string
	reply func() (fetch.Response, error)
}

func newWorld(t *testing.T, adapter platform.Adapter) *world {
	s, table := storetest.NewTable(t)
	x := &world{t: t, store: s, table: table, reply: func() (fetch.Response, error) { return fetch.Response{Status: 202}, nil }}
	var mu sync.Mutex
	x.deps = watch.Deps{Store: x.store, PublicURL: "https://hooks.example/",
		Adapter: func(p social.Platform) (platform.Adapter, error) {
			if p == "gone" {
				return nil, fault.New(fault.Invalid, "no platform %q", p)
			}
			return adapter, nil
		},
		Secrets: func(context.Context, string) (platform.Secrets, error) {
			return platform.Secrets{Keys: []string{"key-0"}}, nil
		},
		Fetch: func(_ context.Context, f platform.Fetch) (fetch.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			x.asked = append(x.asked, f.Method+" "+f.URL+" "+string(f.Body))
			return x.reply()
		},
	}
	x.watch = watch.New(x.deps)
	if err := x.store.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: "Acme", TimeZone: "Europe/Berlin", Created: t0.Add(-60 * day)}, "ann"); err != nil {
		t.Fatal(err)
	}
	x.source(w, "src", "app", "chan", true)
	return x
}

func (x *world) source(w, id, app, scope string, newApp bool) {
	x.t.Helper()
	if err := x.store.CreateSource(x.t.Context(), store.App{ID: app, Owner: w, Platform: "meta", Config: []byte(`{}`)}, newApp,
		store.Source{ID: id, Workspace: w, App: app, Platform: "meta", Scope: scope, Name: "Our page", Created: t0.Add(-60 * day)}); err != nil {
		x.t.Fatal(err)
	}
}

func plain(t *testing.T) platform.Adapter {
	t.Helper()
	a, err := all.Find("meta")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (x *world) heard(source string, at ...time.Time) {
	x.t.Helper()
	if err := errors.Join(parallel.Each(x.t.Context(), len(at), 8, func(i int) error {
		return x.store.PutHeard(x.t.Context(), w, source, at[i])
	})...); err != nil {
		x.t.Fatal(err)
	}
}

// usual is eight weeks of slots from 8 to 16 o'clock, UTC, one each hour, the last of them at t0.
func usual() []time.Time {
	out := []time.Time{t0}
	for d := 1; d <= 56; d++ {
		for h := range 9 {
			out = append(out, t0.Add(-time.Duration(d)*day+time.Duration(h)*time.Hour+time.Duration(d*h%12)*silence.Slot))
		}
	}
	return out
}

func (x *world) run(now time.Time) {
	x.t.Helper()
	if err := x.watch.Workspace(x.t.Context(), w, now); err != nil {
		x.t.Fatal(err)
	}
}

// announced lists the kinds of what was announced, oldest first, and the newest.
func (x *world) announced() ([]string, store.Announcement) {
	x.t.Helper()
	list, _, err := x.store.Announcements(x.t.Context(), w, "", 100)
	if err != nil {
		x.t.Fatal(err)
	}
	slices.Reverse(list)
	var kinds []string
	var last store.Announcement
	for _, a := range list {
		kinds, last = append(kinds, a.Kind), a
	}
	return kinds, last
}

func (x *world) want(what string, kinds ...string) store.Announcement {
	x.t.Helper()
	got, last := x.announced()
	if d := cmp.Diff(kinds, got); d != "" {
		x.t.Errorf("%s: %s", what, d)
	}
	return last
}

func (x *world) status(now time.Time) watch.Health {
	x.t.Helper()
	h, err := x.watch.HealthOf(x.t.Context(), w, "src", now)
	if err != nil {
		x.t.Fatal(err)
	}
	return h
}

func TestASilenceIsAnnouncedOnceAndSoIsItsEnd(t *testing.T) {
	x := newWorld(t, plain(t))
	x.heard("src", usual()...)
	h := x.status(t0.Add(10 * time.Minute))
	if h.Status != watch.OK || h.AlarmAt.Before(t0.Add(3*time.Hour)) || h.AlarmAt.After(t0.Add(3*day)) {
		t.Fatalf("%s, alarm at %s", h.Status, h.AlarmAt)
	}
	if r := h.Rhythm; r.Weeks != 8 || r.Slots != 56*9 {
		t.Errorf("a rhythm of %d weeks and %d slots", r.Weeks, r.Slots)
	}
	x.run(h.AlarmAt.Add(-time.Second))
	x.want("before the alarm")

	var wg sync.WaitGroup
	for i := range 4 { // a message that comes four times at once, and later again
		wg.Go(func() {
			other := watch.New(x.deps)
			if err := other.Workspace(t.Context(), w, h.AlarmAt.Add(time.Duration(i)*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	x.run(h.AlarmAt.Add(5 * day))
	a := x.want("silent", watch.KindSilent)
	if a.Source != "src" || !strings.Contains(a.Text, "Our page (Meta) since Mon 2 Nov 2026 09:05 CET") || !strings.Contains(a.Text, "subscribe the page to the app again") || a.Evidence["silent_since"] != "2026-11-02T08:05:00.000Z" {
		t.Errorf("%+v", a)
	}
	if h := x.status(h.AlarmAt); h.Status != watch.Silent || h.Probability >= silence.Alarm || h.WhatToDo() == "" {
		t.Errorf("%s with %g", h.Status, h.Probability)
	}

	back := t0.Add(6 * day)
	x.heard("src", back)
	for range 2 {
		x.run(back.Add(10 * time.Minute))
	}
	if a := x.want("heard again", watch.KindSilent, watch.KindHeard); !strings.Contains(a.Text, "silent since Mon 2 Nov 2026 09:05 CET") {
		t.Errorf("%+v", a)
	}
	if h := x.status(back.Add(10 * time.Minute)); h.Status != watch.OK {
		t.Errorf("heard again, but %s", h.Status)
	}
	again := x.status(back.Add(10 * time.Minute)).AlarmAt
	x.run(again)
	x.run(again.Add(time.Hour))
	x.want("silent a second time", watch.KindSilent, watch.KindHeard, watch.KindSilent)
}

func TestAnEndIsAnnouncedOnlyOfASilenceThatWas(t *testing.T) {
	x := newWorld(t, plain(t))
	x.heard("src", usual()...)
	// What a run leaves that ended between its two writes.
	if err := x.store.PutSilence(t.Context(), w, "src", store.Silence{LastHeard: t0}); err != nil {
		t.Fatal(err)
	}
	x.heard("src", t0.Add(time.Hour))
	x.run(t0.Add(70 * time.Minute))
	x.want("nothing was announced")
	if q, err := x.store.Silence(t.Context(), w, "src"); err != nil || !q.Over {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestALongSilenceStaysSilentWhenItsRhythmIsForgotten(t *testing.T) {
	x := newWorld(t, plain(t))
	x.heard("src", t0, t0.Add(-time.Hour))
	if h := x.status(t0.Add(20 * day)); h.Status != watch.OK || h.Missing == "" || !h.AlarmAt.IsZero() {
		t.Errorf("without enough data: %s, %q, %s", h.Status, h.Missing, h.AlarmAt)
	}
	if h := x.status(t0.Add(57 * day)); h.Status != watch.Silent {
		t.Errorf("after eight weeks: %s", h.Status)
	}
	if err := x.store.PutSilence(t.Context(), w, "src", store.Silence{LastHeard: t0}); err != nil {
		t.Fatal(err)
	}
	if h := x.status(t0.Add(20 * day)); h.Status != watch.Silent {
		t.Errorf("announced: %s", h.Status)
	}
}

func TestNothingHeardYet(t *testing.T) {
	x := newWorld(t, plain(t))
	x.run(t0)
	x.want("waiting")
	h := x.status(t0)
	if h.Status != watch.Waiting || !strings.Contains(h.WhatToDo(), "Register the source's hook address") {
		t.Errorf("%s: %s", h.Status, h.WhatToDo())
	}
	refused := func(n int) {
		if err := x.store.PutNote(t.Context(), store.Note{App: "app", Instance: "i", Slot: t0.Add(-time.Hour), Refused: n, Reason: "no signature"}); err != nil {
			t.Fatal(err)
		}
	}
	refused(2)
	if h := x.status(t0); h.Status != watch.Waiting || !strings.Contains(h.WhatToDo(), "2 of the app's requests were refused, mostly: no signature.") {
		t.Errorf("%s: %s", h.Status, h.WhatToDo())
	}
	refused(3)
	if h := x.status(t0); h.Status != watch.Refusing || h.Refusals.Day != 3 || h.Refusals.Reason != "no signature" || !strings.Contains(h.WhatToDo(), "Compare the secret") {
		t.Errorf("%s: %+v", h.Status, h.Refusals)
	}
	if h := x.status(t0.Add(day)); h.Status != watch.Waiting {
		t.Errorf("a day later: %s", h.Status)
	}
}

func TestALeaseIsRenewedAtItsHalf(t *testing.T) {
	const every = 10 * day
	x := newWorld(t, renewed{leased: leased{plain(t), platform.Lease{Every: every, Renew: true}}})
	asked := func(what string, n int) {
		t.Helper()
		if len(x.asked) != n {
			t.Fatalf("%s: asked %d times, want %d", what, len(x.asked), n)
		}
	}
	lease := func() store.Lease {
		t.Helper()
		l, err := x.store.Lease(t.Context(), w, "src")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	x.run(t0)
	asked("none was granted yet", 1)
	if want := "POST https://hub.example/chan https://hooks.example/hooks/app/chan/key key-0 {}"; x.asked[0] != want {
		t.Errorf("asked %q, want %q", x.asked[0], want)
	}
	if l := lease(); l != (store.Lease{Asked: t0, Until: t0.Add(every)}) {
		t.Errorf("%+v", l)
	}
	x.run(t0.Add(every/2 - time.Second))
	asked("before its half", 1)
	x.reply = func() (fetch.Response, error) { return fetch.Response{Status: 403}, nil }
	half := t0.Add(every / 2)
	x.run(half)
	asked("at its half", 2)
	if l := lease(); l != (store.Lease{Asked: half, Until: t0.Add(every), Error: "the platform answered with the status 403"}) {
		t.Errorf("%+v", l)
	}
	if a := x.want("refused", watch.KindLease); !strings.Contains(a.Text, "status 403. It ends Thu 12 Nov 2026 09:00 CET. It is tried again every 15 minutes.") {
		t.Error(a.Text)
	}
	x.run(half.Add(14 * time.Minute))
	asked("too soon again", 2)
	x.reply = func() (fetch.Response, error) {
		return fetch.Response{}, fault.Wrap(fault.Transient, errors.New("dial 192.0.2.1 with key-0"), "the server could not be reached")
	}
	x.run(half.Add(15 * time.Minute))
	asked("again", 3)
	x.want("the same lease is announced once", watch.KindLease)
	if l := lease(); l.Error != "the server could not be reached" || !l.Until.Equal(t0.Add(every)) {
		t.Errorf("%+v", l)
	}
	x.heard("src", half)
	if h := x.status(half.Add(16 * time.Minute)); h.Status != watch.LeaseEnding || h.WhatToDo() == "" {
		t.Errorf("failing: %s", h.Status)
	}
	if h := x.status(t0.Add(every)); h.Status != watch.Failing {
		t.Errorf("lapsed: %s", h.Status)
	}
	x.reply = func() (fetch.Response, error) { return fetch.Response{Status: 200}, nil }
	x.run(half.Add(31 * time.Minute))
	if l := lease(); l != (store.Lease{Asked: half.Add(31 * time.Minute), Until: half.Add(31*time.Minute + every)}) {
		t.Errorf("%+v", l)
	}
	if h := x.status(half.Add(32 * time.Minute)); h.Status != watch.OK {
		t.Errorf("renewed: %s", h.Status)
	}
}

func TestWhatCanNotBeRenewed(t *testing.T) {
	lease := leased{plain(t), platform.Lease{Every: day, Renew: true}}
	nothing := newWorld(t, renewed{leased: lease, nothing: true})
	nothing.run(t0)
	nothing.want("nothing to ask")
	if _, err := nothing.store.Lease(t.Context(), w, "src"); !fault.Is(err, fault.NotFound) || len(nothing.asked) > 0 {
		t.Errorf("nothing to ask: %v, asked %v", err, nothing.asked)
	}

	homeless := newWorld(t, renewed{leased: lease})
	homeless.deps.PublicURL = ""
	homeless.watch = watch.New(homeless.deps)
	homeless.run(t0)
	if a := homeless.want("no address", watch.KindLease); !strings.Contains(a.Text, "set PublicUrl") || len(homeless.asked) > 0 {
		t.Errorf("%s, asked %v", a.Text, homeless.asked)
	}

	locked := newWorld(t, renewed{leased: lease})
	locked.deps.Secrets = func(context.Context, string) (platform.Secrets, error) {
		return platform.Secrets{}, errors.New("key-0 in the error")
	}
	locked.watch = watch.New(locked.deps)
	locked.run(t0)
	if a := locked.want("no secrets", watch.KindLease); strings.Contains(fmt.Sprint(a), "key-0") || !strings.Contains(a.Text, "secrets can't be read") {
		t.Error(a)
	}

	mute := newWorld(t, renewed{leased: lease})
	mute.reply = func() (fetch.Response, error) { return fetch.Response{}, errors.New("key-0 in the error") }
	mute.run(t0)
	if a := mute.want("an error without words", watch.KindLease); !strings.Contains(a.Text, "could not be renewed: Rapport could not ask the platform.") {
		t.Error(a)
	}

	theirs := newWorld(t, leased{plain(t), platform.Lease{Every: day}})
	theirs.run(t0)
	theirs.want("the platform comes by itself")
	if len(theirs.asked) > 0 {
		t.Errorf("asked %v", theirs.asked)
	}
}

func TestHandshakesThatStayAway(t *testing.T) {
	x := newWorld(t, leased{plain(t), platform.Lease{Every: 2 * time.Hour, Dead: 6 * time.Hour}})
	x.run(t0)
	x.want("never connected")
	if err := x.store.PutNote(t.Context(), store.Note{App: "app", Instance: "i", Handshake: t0}); err != nil {
		t.Fatal(err)
	}
	x.heard("src", t0.Add(-time.Hour))
	for _, r := range []struct {
		after time.Duration
		want  watch.Status
		kinds []string
	}{
		{3 * time.Hour, watch.OK, nil}, {4 * time.Hour, watch.LeaseEnding, nil}, {6*time.Hour - time.Second, watch.LeaseEnding, nil},
		{6 * time.Hour, watch.Failing, []string{watch.KindHandshake}}, {30 * time.Hour, watch.Failing, []string{watch.KindHandshake}},
	} {
		x.run(t0.Add(r.after))
		a := x.want(r.after.String(), r.kinds...)
		if h := x.status(t0.Add(r.after)); h.Status != r.want {
			t.Errorf("%s: %s, want %s", r.after, h.Status, r.want)
		}
		if len(r.kinds) > 0 && !strings.Contains(a.Text, "since Mon 2 Nov 2026 09:00 CET") {
			t.Error(a.Text)
		}
	}
	// A delivery shows as well as a handshake that the platform delivers.
	x.heard("src", t0.Add(31*time.Hour))
	if h := x.status(t0.Add(32 * time.Hour)); h.Status != watch.OK {
		t.Errorf("a delivery came: %s", h.Status)
	}
}

func TestMoreRefusalsThanUsual(t *testing.T) {
	note := func(x *world, at time.Time, n int, reason string) {
		t.Helper()
		if err := x.store.PutNote(t.Context(), store.Note{App: "app", Instance: reason, Slot: at, Refused: n, Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	now := t0.Add(2 * time.Minute)
	for _, r := range []struct {
		what       string
		usual, now int // per hour
		jump       bool
	}{
		{"nine are few", 0, 9, false}, {"ten out of nothing", 0, 10, true}, {"as ever", 30, 32, false}, {"a little more", 30, 60, false}, {"twice and more", 30, 75, true},
	} {
		x := newWorld(t, plain(t))
		x.heard("src", t0)
		if r.usual > 0 {
			if err := errors.Join(parallel.Each(t.Context(), 7*24, 8, func(i int) error {
				return x.store.PutNote(t.Context(), store.Note{App: "app", Instance: "i", Slot: t0.Add(-time.Duration(i+1) * time.Hour), Refused: r.usual, Reason: "no signature"})
			})...); err != nil {
				t.Fatal(err)
			}
		}
		note(x, t0.Add(-30*time.Minute), r.now-3, "the signature does not hold")
		note(x, t0, 3, "too old")
		h := x.status(now)
		if h.Refusals.Hour != r.now || h.Refusals.Jump() != r.jump || (h.Status == watch.Refusing) != r.jump {
			t.Errorf("%s: %s, %+v", r.what, h.Status, h.Refusals)
		}
		x.run(now)
		x.run(now.Add(10 * time.Minute))
		x.source(w, "src2", "app", "chan2", false)
		x.run(now.Add(15 * time.Minute)) // one app, two sources
		if !r.jump {
			x.want(r.what)
			continue
		}
		a := x.want(r.what, watch.KindRefusals)
		if !strings.Contains(a.Text, fmt.Sprintf("%d requests to the hook of the app app (Meta) were refused", r.now)) || a.Evidence["app"] != "app" || a.Source != "" {
			t.Errorf("%+v", a)
		}
	}

	// An app of yesterday has not been quiet for a week: it was not there.
	young := newWorld(t, plain(t))
	if err := young.store.CreateSource(t.Context(), store.App{ID: "young", Owner: w, Platform: "meta"}, true,
		store.Source{ID: "new", Workspace: w, App: "young", Platform: "meta", Scope: "1", Created: t0.Add(-3 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := young.store.PutNote(t.Context(), store.Note{App: "young", Instance: "i", Slot: t0.Add(-time.Duration(i) * time.Hour), Refused: 20, Reason: "no signature"}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := young.watch.HealthOf(t.Context(), w, "new", now); err != nil || h.Refusals.Jump() || h.Refusals.Hour != 20 {
		t.Errorf("%+v, %v", h.Refusals, err)
	}

	guest := newWorld(t, plain(t))
	if err := guest.store.CreateWorkspace(t.Context(), store.Workspace{ID: "guest", TimeZone: "UTC", Created: t0}, "bob"); err != nil {
		t.Fatal(err)
	}
	guest.source("guest", "theirs", "app", "other", false)
	note(guest, t0, 500, "no signature")
	if err := guest.watch.Workspace(t.Context(), "guest", now); err != nil {
		t.Fatal(err)
	}
	if list, _, err := guest.store.Announcements(t.Context(), "guest", "", 10); err != nil || len(list) > 0 {
		t.Errorf("a guest of the app is told what its owner is sent: %+v, %v", list, err)
	}
	if h, err := guest.watch.HealthOf(t.Context(), "guest", "theirs", now); err != nil || h.Refusals.Day != 0 || h.Refusals.Owned {
		t.Errorf("%+v, %v", h.Refusals, err)
	}
}

func TestARevokedGrant(t *testing.T) {
	x := newWorld(t, renewed{leased: leased{plain(t), platform.Lease{Every: day, Dead: day, Renew: true}}})
	x.heard("src", usual()...)
	if err := x.store.PutRevoked(t.Context(), w, "src", t0.Add(2*time.Minute), "the app was removed"); err != nil {
		t.Fatal(err)
	}
	x.run(t0.Add(5 * time.Minute))
	x.run(t0.Add(20 * day)) // silent for long, and its subscription over: the revocation says why
	if a := x.want("revoked", watch.KindRevoked); !strings.Contains(a.Text, "the app was removed") || len(x.asked) > 0 {
		t.Errorf("%s, asked %v", a.Text, x.asked)
	}
	if h := x.status(t0.Add(20 * day)); h.Status != watch.Revoked || !strings.Contains(h.WhatToDo(), "grant access again") {
		t.Errorf("%s", h.Status)
	}
	x.heard("src", t0.Add(20*day))
	if h := x.status(t0.Add(20*day + time.Minute)); h.Status != watch.OK || h.Revocation != nil {
		t.Errorf("heard again: %s", h.Status)
	}
}

// A source that is connected again has the id, and what was noted, of the one before.
func TestARevokedGrantEndsWithItsSource(t *testing.T) {
	x := newWorld(t, plain(t))
	if err := x.store.PutRevoked(t.Context(), w, "src", t0, "the app was removed"); err != nil {
		t.Fatal(err)
	}
	s, err := x.store.Source(t.Context(), w, "src")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.DeleteSource(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.Created = t0.Add(time.Hour)
	if err := x.store.CreateSource(t.Context(), store.App{ID: "app", Owner: w, Platform: "meta"}, false, s); err != nil {
		t.Fatal(err)
	}
	x.run(t0.Add(2 * time.Hour))
	x.want("connected again")
	if h := x.status(t0.Add(2 * time.Hour)); h.Status != watch.Waiting || h.Revocation != nil {
		t.Errorf("connected again: %s", h.Status)
	}
}

// Connecting a source writes it, then schedules it: of what died in between
// nobody else would ever ask.
func TestASourceThatNobodyScheduledIsFetched(t *testing.T) {
	x := newWorld(t, fetched{leased{plain(t), platform.Lease{Every: time.Hour, Dead: time.Hour}}})
	x.run(t0)
	due, err := x.store.DuePolls(t.Context(), t0, 10)
	if err != nil || len(due) != 1 || due[0].Source != "src" || due[0].Workspace != w {
		t.Fatalf("due: %+v, %v; want src", due, err)
	}
	x.run(t0.Add(5 * time.Minute))
	if again, err := x.store.DuePolls(t.Context(), t0.Add(time.Hour), 10); err != nil || !cmp.Equal(again, due) {
		t.Errorf("at the next tick: %+v, %v; want it left alone", again, err)
	}
}

func TestWhatCanNotBeFetched(t *testing.T) {
	x := newWorld(t, fetched{leased{plain(t), platform.Lease{Every: time.Hour, Dead: time.Hour}}})
	x.heard("src", t0)
	if h := x.status(t0.Add(time.Hour)); h.Status != watch.OK || !h.Polled || h.Poll != nil {
		t.Errorf("not fetched yet: %s", h.Status)
	}
	poll := store.Poll{Workspace: w, Source: "src"}
	for _, r := range []struct {
		failures int
		success  time.Time
		reason   string
		want     watch.Status
	}{
		{0, t0, "", watch.OK},
		{4, t0.Add(-2 * day), "503", watch.OK},
		{50, t0.Add(90 * time.Minute), "503", watch.OK},
		{5, t0.Add(-2 * time.Hour), "no such feed", watch.Failing},
		{5, time.Time{}, "no such feed", watch.Failing},
	} {
		poll.Failures, poll.Success, poll.Reason = r.failures, r.success, r.reason
		if err := x.store.MovePoll(t.Context(), &poll, t0.Add(time.Duration(poll.Version)*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if h := x.status(t0.Add(2 * time.Hour)); h.Status != r.want {
			t.Errorf("%+v: %s", r, h.Status)
		}
		x.run(t0.Add(2 * time.Hour))
		x.run(t0.Add(2*time.Hour + time.Minute))
	}
	x.want("two runs of failures", watch.KindPolling, watch.KindPolling)
	texts, _, err := x.store.Announcements(t.Context(), w, "", 10)
	if err != nil || !slices.ContainsFunc(texts, func(a store.Announcement) bool {
		return strings.Contains(a.Text, "no such feed. It failed 5 times in a row, and succeeded last Mon 2 Nov 2026 07:00 CET.")
	}) {
		t.Errorf("%+v, %v", texts, err)
	}
}

func TestOneSourceThatFailsDoesNotStopTheOthers(t *testing.T) {
	x := newWorld(t, renewed{leased: leased{plain(t), platform.Lease{Every: day, Renew: true}}})
	// A source whose app is gone, and one of a platform that is no longer known.
	if err := x.store.CreateSource(t.Context(), store.App{ID: "none", Owner: w, Platform: "meta"}, true, store.Source{ID: "broken", Workspace: w, App: "none", Platform: "meta", Scope: "1", Created: t0}); err != nil {
		t.Fatal(err)
	}
	app := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "APP#none"}, "SK": &types.AttributeValueMemberS{Value: "@"}}
	if _, err := x.table.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &x.table.Name, Key: app}); err != nil {
		t.Fatal(err)
	}
	if err := x.store.CreateSource(t.Context(), store.App{ID: "old", Owner: w, Platform: "gone"}, true, store.Source{ID: "old", Workspace: w, App: "old", Platform: "gone", Scope: "1", Created: t0}); err != nil {
		t.Fatal(err)
	}
	if err := x.store.PutRevoked(t.Context(), w, "old", t0, "closed"); err != nil {
		t.Fatal(err)
	}
	err := x.watch.Workspace(t.Context(), w, t0)
	if err == nil || !strings.Contains(err.Error(), "source broken") {
		t.Errorf("the failure is not told: %v", err)
	}
	if len(x.asked) != 1 {
		t.Errorf("asked %v", x.asked)
	}
	x.want("the others", watch.KindRevoked)
	if _, err := x.watch.HealthOf(t.Context(), w, "nowhere", t0); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such source: %v", err)
	}
	if _, err := x.watch.HealthOfAll(t.Context(), "nowhere", t0); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such workspace: %v", err)
	}
}

func TestEveryPlatformAndStatusHasItsAdvice(t *testing.T) {
	for _, a := range all.Adapters() {
		for _, s := range []watch.Status{watch.Revoked, watch.Failing, watch.Refusing, watch.Silent, watch.LeaseEnding, watch.Waiting, watch.OK} {
			text := watch.Health{Source: store.Source{Platform: a.Platform()}, Status: s}.WhatToDo()
			if polled := (watch.Health{Source: store.Source{Platform: a.Platform()}, Status: s, Polled: true}).WhatToDo(); (s == watch.Waiting || s == watch.Silent || s == watch.Failing) && strings.Contains(polled, "hook") {
				t.Errorf("%s, %s, fetched: %q", a.Platform(), s, polled)
			}
			if (text == "") != (s == watch.OK) || strings.Contains(text, "  ") || strings.Contains(text, " .") || strings.Contains(text, "..") {
				t.Errorf("%s, %s: %q", a.Platform(), s, text)
			}
		}
		if watch.PlatformName(a.Platform()) == string(a.Platform()) {
			t.Errorf("%s gives no Advice: an operator would not know where to look", a.Platform())
		}
	}
}

// A source of which nothing came since its first request failed is not told to wait.
func TestAFirstRequestThatFailsIsSaidAtOnce(t *testing.T) {
	h := watch.Health{Source: store.Source{Platform: "feed"}, Status: watch.Waiting, Polled: true, Poll: &store.Poll{Failures: 1, Reason: "fetch wiki.example: 10.0.0.7 is a private address (RFC 1918)"}}
	if text := h.WhatToDo(); strings.Contains(text, "Nothing to do") || !strings.Contains(text, "10.0.0.7 is a private address (RFC 1918). Open the feed's address") {
		t.Error(text)
	}
	h.Poll = &store.Poll{}
	if text := h.WhatToDo(); !strings.Contains(text, "Nothing to do but to wait") {
		t.Error(text)
	}
}

// The subscriptions of a workspace that is stopped are renewed, since what
// comes by them is kept; nothing is announced before it goes on. One that is
// deleted is left alone.
func TestAStoppedWorkspaceKeepsItsSubscriptions(t *testing.T) {
	const every = 10 * day
	x := newWorld(t, renewed{leased: leased{plain(t), platform.Lease{Every: every, Renew: true}}})
	x.heard("src", usual()...)
	rest := func(now time.Time) {
		t.Helper()
		if err := x.watch.Resting(t.Context(), w, now); err != nil {
			t.Fatal(err)
		}
	}
	rest(t0)
	l, err := x.store.Lease(t.Context(), w, "src")
	if err != nil || len(x.asked) != 1 || !l.Until.Equal(t0.Add(every)) {
		t.Fatalf("asked %q, %+v, %v", x.asked, l, err)
	}
	x.reply = func() (fetch.Response, error) { return fetch.Response{Status: 500}, nil }
	late := t0.Add(6 * day) // long silent, too
	rest(late)
	if len(x.asked) != 2 {
		t.Errorf("half of it is over: asked %q", x.asked)
	}
	x.want("while it is stopped")
	x.run(late.Add(time.Hour))
	kinds, _ := x.announced() // of one instant, in any order
	if slices.Sort(kinds); !slices.Equal(kinds, []string{watch.KindLease, watch.KindSilent}) {
		t.Errorf("once it goes on: announced %q", kinds)
	}
	if err := x.store.DeleteWorkspace(t.Context(), w, late); err != nil {
		t.Fatal(err)
	}
	n := len(x.asked)
	if rest(late.Add(day)); len(x.asked) != n {
		t.Errorf("deleted: asked %q", x.asked[n:])
	}
}

// A source that was not fetched for a while, be it that its workspace was
// stopped, is not silent for that: it is once it was fetched and nothing came.
func TestWhatWasNotFetchedIsNoSilence(t *testing.T) {
	x := newWorld(t, fetched{plain(t)})
	x.heard("src", usual()...)
	went := func(at time.Time) {
		t.Helper()
		p, err := x.store.PollState(t.Context(), w, "src")
		if fault.Is(err, fault.NotFound) {
			p, err = store.Poll{Workspace: w, Source: "src"}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Success = at
		if err := x.store.MovePoll(t.Context(), &p, at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	went(t0.Add(10 * time.Minute))
	x.run(t0.Add(6 * day))
	x.want("not fetched for six days")
	went(t0.Add(6 * day))
	x.run(t0.Add(6*day + time.Minute))
	x.want("fetched, and nothing came", watch.KindSilent)
}
