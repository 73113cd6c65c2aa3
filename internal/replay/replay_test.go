package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/replay"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

const w = "acme"

var t0 = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// shelf keeps objects in memory; those of the archive hold lists of deliveries.
type shelf struct {
	objects  map[string][]byte
	archived map[string][]platform.Delivery
}

func (s shelf) Get(_ context.Context, key string) ([]byte, error) {
	if b, ok := s.objects[key]; ok {
		return b, nil
	}
	return nil, fault.New(fault.NotFound, "no such object")
}

func (s shelf) Deliveries(_ context.Context, _, key string) ([]platform.Delivery, error) {
	return s.archived[key], nil
}

func (s shelf) Archived(_ context.Context, workspace string, from, to time.Time, f func(string) error) error {
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(to); day = day.Add(24 * time.Hour) {
		key := "archive/" + workspace + "/" + day.Format(time.DateOnly)
		if _, ok := s.archived[key]; ok {
			if err := f(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// desk is a replay over a table of its own.
type desk struct {
	*replay.Replay
	t      *testing.T
	shelf  shelf
	queued []platform.Delivery
	asked  []string // bodies of what Would was asked about
	would  map[string]ingest.Outcome
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, shelf: shelf{map[string][]byte{}, map[string][]platform.Delivery{}}, would: map[string]ingest.Outcome{}}
	d.Replay = &replay.Replay{Store: storetest.New(t), Archive: d.shelf,
		Would: func(_ context.Context, workspace string, x platform.Delivery, _ *ingest.Told) (ingest.Outcome, error) {
			if workspace != w {
				t.Errorf("asked about the workspace %s", workspace)
			}
			d.asked = append(d.asked, string(x.Request.Body))
			if o, ok := d.would[string(x.Request.Body)]; ok {
				return o, nil
			}
			return ingest.Outcome{Add: []string{"key of " + string(x.Request.Body)}}, nil
		},
		Enqueue: func(_ context.Context, x platform.Delivery) error { d.queued = append(d.queued, x); return nil }}
	return d
}

func delivery(app, body string, at time.Time) platform.Delivery {
	return platform.Delivery{App: app, Received: at, Request: platform.Request{Method: "POST", URL: "https://x/hooks/" + app, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}}
}

// park parks a delivery for reasons; the ids are the body, "#" and a number.
func (d *desk) park(app, body string, at time.Time, reasons ...string) platform.Delivery {
	d.t.Helper()
	x := delivery(app, body, at)
	b, err := json.Marshal(x)
	if err != nil {
		d.t.Fatal(err)
	}
	object := "parked/" + w + "/" + x.ID()
	d.shelf.objects[object] = b
	for i, reason := range reasons {
		p := store.Parked{ID: fmt.Sprintf("%.20s#%d", body, i), App: app, Delivery: x.ID(), Received: at, Reason: reason, Object: object}
		if err := d.Store.Park(d.t.Context(), w, p); err != nil {
			d.t.Fatal(err)
		}
	}
	return x
}

func bodies(ds []platform.Delivery) (out []string) {
	for _, x := range ds {
		out = append(out, string(x.Request.Body))
	}
	slices.Sort(out)
	return out
}

func TestWhatIsReplayed(t *testing.T) {
	d := newDesk(t)
	days := func(n int) time.Time { return t0.Add(-time.Duration(n) * 24 * time.Hour) }
	d.park("app_1", "new", t0, "no source watches the scope 42")
	d.park("app_1", "two reasons", days(1), "item 0: no id", "item 1: no id", "no source watches the scope 43")
	d.park("app_2", "other app", days(2), "no JSON")
	d.park("app_1", "month before", days(40), "no JSON")
	d.park("app_1", "year before", days(330), "no JSON")
	gone := d.park("app_1", "erased", days(3), "no JSON")
	delete(d.shelf.objects, "parked/"+w+"/"+gone.ID())
	done := d.park("app_1", "done", days(4), "no JSON")
	if err := d.Store.Unpark(t.Context(), w, done.Received, done.ID(), nil, t0); err != nil {
		t.Fatal(err)
	}
	end := t0.Add(time.Millisecond)
	for name, c := range map[string]struct {
		which replay.Which
		want  []string
	}{
		"all of a year":                    {replay.Which{From: days(365), To: end}, []string{"month before", "new", "other app", "two reasons", "year before"}},
		"of a month":                       {replay.Which{From: days(28), To: end}, []string{"new", "other app", "two reasons"}},
		"the first is in, the last is not": {replay.Which{From: days(1), To: t0}, []string{"two reasons"}},
		"several months back":              {replay.Which{From: days(335), To: days(30)}, []string{"month before", "year before"}},
		"by a reason":                      {replay.Which{From: days(365), To: end, Reason: "no JSON"}, []string{"month before", "other app", "year before"}},
		"by a part of a reason":            {replay.Which{From: days(28), To: end, Reason: "the scope 4"}, []string{"new", "two reasons"}},
		"by app":                           {replay.Which{From: days(28), To: end, App: "app_2"}, []string{"other app"}},
		"by id":                            {replay.Which{From: days(365), To: end, IDs: []string{"month before#0", "new#0"}}, []string{"month before", "new"}},
		"by two ids of one":                {replay.Which{From: days(28), To: end, IDs: []string{"two reasons#0", "two reasons#2"}}, []string{"two reasons"}},
		"by id and another reason":         {replay.Which{From: days(28), To: end, IDs: []string{"new#0"}, Reason: "no JSON"}, nil},
		"of no such id":                    {replay.Which{From: days(365), To: end, IDs: []string{"none"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d.queued, d.asked = nil, nil
			c.which.Workspace = w
			r, err := d.DryRun(t.Context(), c.which, nil)
			if err != nil || r.Deliveries != len(c.want) || r.Add != len(c.want) || r.More || len(d.queued) != 0 {
				t.Errorf("dry run: %+v, %v; %d queued", r, err, len(d.queued))
			}
			slices.Sort(d.asked)
			if diff := cmp.Diff(c.want, d.asked); diff != "" {
				t.Errorf("dry run (-want +got)\n%s", diff)
			}
			ran, err := d.Run(t.Context(), c.which)
			if err != nil || !cmp.Equal(r, ran) {
				t.Errorf("%+v, %v; the dry run said %+v", ran, err, r)
			}
			if diff := cmp.Diff(c.want, bodies(d.queued)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, x := range d.queued {
				if !x.Replay || x.Request.Header.Get("Content-Type") != "application/json" {
					t.Errorf("queued %+v, want it marked, and as it came", x)
				}
			}
		})
	}
	if r, err := d.DryRun(t.Context(), replay.Which{Workspace: w, From: t0, To: t0}, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("of no time: %+v, %v", r, err)
	}
}

// Of more than a page of one month, none is left out and none is twice.
func TestManyParked(t *testing.T) {
	d := newDesk(t)
	for i := range 205 {
		d.park("app_1", fmt.Sprintf("%03d", i), t0.Add(-time.Duration(i/3)*time.Minute), "no JSON")
	}
	which := replay.Which{Workspace: w, From: t0.Add(-24 * time.Hour), To: t0.Add(time.Second)}
	r, err := d.Run(t.Context(), which)
	if err != nil || r.Deliveries != 205 || len(d.queued) != 205 || len(slices.Compact(bodies(d.queued))) != 205 || r.More || len(r.Keys) != 50 {
		t.Errorf("%+v, %v; %d queued", r, err, len(d.queued))
	}
	for limit, more := range map[int]bool{1: true, 100: true, 204: true, 205: false, 206: false} {
		d.queued, d.asked = nil, nil
		which.Limit = limit
		r, err := d.Run(t.Context(), which)
		if err != nil || r.Deliveries != min(limit, 205) || len(d.queued) != r.Deliveries || r.More != more || len(d.asked) != r.Deliveries {
			t.Errorf("limit %d: %+v, %v; %d queued", limit, r, err, len(d.queued))
		}
	}
}

func TestArchive(t *testing.T) {
	d := newDesk(t)
	at := func(h int) time.Time { return t0.Add(time.Duration(h) * time.Hour) }
	put := func(xs ...platform.Delivery) {
		for _, x := range xs {
			key := "archive/" + w + "/" + x.Received.Format(time.DateOnly)
			d.shelf.archived[key] = append(d.shelf.archived[key], x)
		}
	}
	put(delivery("app_1", "before", at(-30)), delivery("app_1", "a", at(-1)), delivery("app_1", "a", at(-1)), delivery("app_2", "b", at(0)), delivery("app_1", "after", at(20)))
	d.shelf.archived["archive/other/2026-11-02"] = []platform.Delivery{delivery("app_1", "another workspace's", t0)}
	d.park("app_1", "parked", at(0), "no JSON")
	which := replay.Which{Workspace: w, From: at(-2), To: at(1), Archived: true}
	if _, err := d.Run(t.Context(), which); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, bodies(d.queued)); diff != "" { // an event that was archived twice is one
		t.Errorf("(-want +got)\n%s", diff)
	}
	d.queued = nil
	which.App, which.Limit = "app_1", 1
	if r, err := d.Run(t.Context(), which); err != nil || r.More || r.Deliveries != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	which.App = ""
	if r, err := d.Run(t.Context(), which); err != nil || !r.More {
		t.Errorf("%+v, %v", r, err)
	}
}

// A workspace replays for itself alone; but what the owner of an app has parked,
// since nobody watched its scope, goes to whoever watches it now.
func TestForWhomItIsReplayed(t *testing.T) {
	d := newDesk(t)
	for id, owner := range map[string]string{"app_own": w, "app_guest": "other"} {
		if err := d.Store.CreateSource(t.Context(), store.App{ID: id, Owner: owner, Platform: "meta"}, true,
			store.Source{ID: "src_" + id, Workspace: owner, App: id, Platform: "meta", Scope: "1", Created: t0}); err != nil {
			t.Fatal(err)
		}
		d.park(id, "parked at "+id, t0, "no JSON")
		x := delivery(id, "archived at "+id, t0)
		d.shelf.archived["archive/"+w+"/2026-11-02"] = append(d.shelf.archived["archive/"+w+"/2026-11-02"], x)
	}
	d.park("app_gone", "parked at app_gone", t0, "no JSON")
	got := map[string]string{}
	for _, archived := range []bool{false, true} {
		d.queued = nil
		if _, err := d.Run(t.Context(), replay.Which{Workspace: w, From: t0, To: t0.Add(time.Second), Archived: archived}); err != nil {
			t.Fatal(err)
		}
		for _, x := range d.queued {
			got[string(x.Request.Body)] = x.For
		}
	}
	want := map[string]string{"parked at app_own": "", "parked at app_guest": w, "parked at app_gone": w, "archived at app_own": w, "archived at app_guest": w}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What is said of deliveries is summed, and what two of them would add counts once.
func TestOutcomesAreSummed(t *testing.T) {
	d := newDesk(t)
	for i, b := range []string{"a", "b", "c"} {
		d.park("app_1", b, t0.Add(-time.Duration(i)*time.Minute), "no JSON")
	}
	d.would["a"] = ingest.Outcome{Add: []string{"k1", "k2"}, Same: 1, Differ: []string{"k9"}, Ignored: 4}
	d.would["b"] = ingest.Outcome{Add: []string{"k2", "k3", "k3"}, Erased: 2, Parked: []string{"x", "y"}}
	d.would["c"] = ingest.Outcome{Erased: 1}
	r, err := d.DryRun(t.Context(), replay.Which{Workspace: w, From: t0.Add(-time.Hour), To: t0.Add(time.Hour)}, nil)
	want := replay.Result{Deliveries: 3, Add: 3, Same: 3, Differ: 1, Erased: 3, Parked: 2, Ignored: 4, Keys: []string{"k1", "k2", "k9", "k3"}}
	if diff := cmp.Diff(want, r); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A delivery that can't be queued ends the replay with its error; what was
// queued before is.
func TestAFailureEndsTheReplay(t *testing.T) {
	d := newDesk(t)
	for i := range 3 {
		d.park("app_1", fmt.Sprint(i), t0.Add(-time.Duration(i)*time.Minute), "no JSON")
	}
	next := d.Enqueue
	d.Enqueue = func(ctx context.Context, x platform.Delivery) error {
		if len(d.queued) == 1 {
			return errors.New("the queue is down")
		}
		return next(ctx, x)
	}
	which := replay.Which{Workspace: w, From: t0.Add(-time.Hour), To: t0.Add(time.Hour)}
	if r, err := d.Run(t.Context(), which); err == nil || len(d.queued) != 1 {
		t.Errorf("%+v, %v; %d queued", r, err, len(d.queued))
	}
	d.shelf.objects["parked/"+w+"/"+delivery("app_1", "0", t0).ID()] = []byte("no delivery")
	if r, err := d.DryRun(t.Context(), which, nil); err == nil {
		t.Errorf("an object that is no delivery: %+v", r)
	}
}

// A body over what a queue takes goes to Enqueue whole, which knows what to do with it.
func TestLargeBodiesAreWhole(t *testing.T) {
	d := newDesk(t)
	large := strings.Repeat("ä\x00\xff", 800_000)
	d.park("app_1", large, t0, "no JSON")
	if _, err := d.Run(t.Context(), replay.Which{Workspace: w, From: t0, To: t0.Add(time.Second)}); err != nil || len(d.queued) != 1 || string(d.queued[0].Request.Body) != large || d.queued[0].Object != "" {
		t.Errorf("%d queued, %v", len(d.queued), err)
	}
}
