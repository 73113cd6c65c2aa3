package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/day"
	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

func activity(actor, id string, at time.Time) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: actor, Name: "N " + actor}, Object: social.Object{ID: id, Type: "note"},
		Text: "text " + id, URL: "https://x.example/" + id, Occurred: at, Known: at.Add(time.Hour), Direction: social.Inbound, Reading: social.Reading{Language: "en", Sentiment: "neutral", Intent: "other"}}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, at)
	return a
}

func TestActivityIsPutOnce(t *testing.T) {
	s := storetest.New(t)
	a := activity("ann", "1", t0)
	var fresh atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			isNew, err := s.PutActivity(t.Context(), "w1", a)
			if err != nil {
				t.Error(err)
			}
			if isNew {
				fresh.Add(1)
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 {
		t.Errorf("%d of 8 puts were new, want 1", fresh.Load())
	}

	later, earlier := a, a
	later.Known, later.Text = a.Known.Add(time.Hour), "changed"
	earlier.Known = a.Known.Add(-time.Minute)
	for _, x := range []social.Activity{later, earlier, later} {
		if isNew, err := s.PutActivity(t.Context(), "w1", x); err != nil || isNew {
			t.Errorf("again: new %v, %v", isNew, err)
		}
	}
	want := a
	want.Known = earlier.Known
	facts, err := s.Facts(t.Context(), "w1", a.Account().AccountID())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]social.Activity{want}, facts); d != "" {
		t.Errorf("a fact stays but for the earliest known (-want +got):\n%s", d)
	}
	other, err := s.Facts(t.Context(), "w2", a.Account().AccountID())
	if err != nil || len(other) != 0 {
		t.Errorf("another workspace sees %d facts, %v", len(other), err)
	}
	if _, err := s.Activity(t.Context(), "w2", store.RefOf(a)); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace reads it: %v", err)
	}
}

func TestStaleVersionIsAConflict(t *testing.T) {
	s := storetest.New(t)
	l := store.Lead{Person: "per_1", Model: "default", ModelVer: "default@1", Micro: 5, AsOf: t0, SeenOn: "meta"}
	if err := s.PutLead(t.Context(), "w1", l, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.PutLead(t.Context(), "w1", l, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second writer that read nothing: %v, want a conflict", err)
	}
	l.Version, l.Micro = version(t, s, "w1", l), 7
	if err := s.PutLead(t.Context(), "w1", l, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.PutLead(t.Context(), "w1", l, nil); !fault.Is(err, fault.Conflict) {
		t.Errorf("a writer with the version before: %v, want a conflict", err)
	}
	got, err := s.Lead(t.Context(), "w1", "per_1", "default")
	if err != nil {
		t.Fatal(err)
	}
	l.Version++
	if d := cmp.Diff(l, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	drill.Show(t, "2 writers with a version before the newest: 2 conflicts, version %d stands", got.Version)
}

func TestLeadsPageByFallingStep(t *testing.T) {
	s := storetest.New(t)
	var want []string
	place := func(l store.Lead) string { return fmt.Sprintf("%04d %s", 5000-store.Step(l.Micro), l.Person) }
	for i := range 41 {
		l := store.Lead{Person: fmt.Sprintf("per_%02d", i), Model: "default", Micro: int64(i/2*1_000_000 - 5_000_000), AsOf: t0, SeenOn: "meta"}
		if err := s.PutLead(t.Context(), "w1", l, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, place(l))
	}
	if err := s.PutLead(t.Context(), "w2", store.Lead{Person: "per_x", Model: "default", Micro: 99, AsOf: t0}, nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	for _, size := range []int{1, 7, 41, 100} {
		var got []string
		after := ""
		for range 100 {
			ls, next, err := s.Leads(t.Context(), "w1", "default", after, size)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range ls {
				got = append(got, place(l))
			}
			if after = next; next == "" {
				break
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, d)
		}
	}
}

// A lead's head takes one write unit, whatever the person is called and however
// long the workspace's name is.
func TestAHeadIsSmall(t *testing.T) {
	s := storetest.New(t)
	units := 0.0
	s.Consumed = func(_, write float64) { units += write }
	long := strings.Repeat("ä", 400)
	l := store.Lead{Person: "per_" + strings.Repeat("x", 32), Model: "default", ModelVer: "default@1000", Micro: 123_456_789, Engagement: 1, Grade: "?1", Fit: "unknown",
		AsOf: t0, NextChange: t0, Due: t0, First: t0, Seen: t0, SeenOn: "hackernews", Undated: true, Name: store.ShortName(long), Handle: store.ShortName(long),
		NamedBy: "2026-10-05T08:00:00.000Z#abcdefgh", LinkedBy: "2026-10-05T08:00:00.000Z#abcdefgh", URL: "https://example.com/" + strings.Repeat("x", 180)}
	if !store.ShortURL(l.URL) || store.ShortURL(l.URL+"x") {
		t.Error("the longest link that a head keeps is not this")
	}
	w := "a-workspace-" + strings.Repeat("x", 28)
	if err := s.PutLead(t.Context(), w, l, nil); err != nil {
		t.Fatal(err)
	}
	first := units
	l.Version, l.Micro = version(t, s, w, l), l.Micro+1
	if err := s.PutLead(t.Context(), w, l, nil); err != nil {
		t.Fatal(err)
	}
	if first != 3 || units != 4 {
		t.Errorf("a new head took %v write units, want 3 with its places in two lists; one on the same step %v more, want 1", first, units-first)
	}
}

func TestAccountsPage(t *testing.T) {
	s := storetest.New(t)
	want := map[string]bool{}
	for i := range 23 {
		a := activity(fmt.Sprint("actor", i), "1", t0)
		for range 2 {
			if err := s.PutAccount(t.Context(), "w1", a); err != nil {
				t.Fatal(err)
			}
		}
		want[a.Account().AccountID()] = true
	}
	got := map[string]bool{}
	after := ""
	for range 30 {
		ids, err := s.Accounts(t.Context(), "w1", after, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if got[id] {
				t.Errorf("%s comes twice", id)
			}
			got[id] = true
			after = id
		}
		if len(ids) < 5 {
			break
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("accounts (-want +got):\n%s", d)
	}
}

func TestParkedNewestFirstAndOnce(t *testing.T) {
	s := storetest.New(t)
	for i := range 11 {
		p := store.Parked{ID: fmt.Sprintf("prk_%02d", i), App: "a", Delivery: "d", Received: t0.Add(time.Duration(i) * time.Minute), Reason: "r", Object: "o"}
		for range 2 {
			if err := s.Park(t.Context(), "w1", p); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	after := ""
	for range 10 {
		ps, last, err := s.Parked(t.Context(), "w1", t0, after, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			got = append(got, p.ID)
		}
		if after = last; len(ps) < 4 {
			break
		}
	}
	var want []string
	for i := 10; i >= 0; i-- {
		want = append(want, fmt.Sprintf("prk_%02d", i))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("parked (-want +got):\n%s", d)
	}
}

// putTuple writes the tuple of an activity.
func putTuple(t *testing.T, s *store.Store, as ...social.Activity) {
	t.Helper()
	var b day.Block
	for _, a := range as {
		x, err := day.Of(a, 0, time.Time{}, false)
		if err != nil {
			t.Fatal(err)
		}
		b.Tuples = append(b.Tuples, x)
	}
	if err := s.PutTuples(t.Context(), "w1", b); err != nil {
		t.Error(err)
	}
}

func TestDaysOfAPeriodAreHalfOpen(t *testing.T) {
	s := storetest.New(t)
	names := map[string]string{}
	put := func(id string, at time.Time) {
		a := activity("ann", id, at)
		names[a.ID()] = id
		putTuple(t, s, a)
	}
	from, to := t0.Add(-20*time.Hour), t0.Add(30*time.Hour)
	put("before", from.Add(-time.Millisecond))
	put("first", from)
	put("last", to.Add(-time.Millisecond))
	put("middle", t0)
	put("after", to)
	var got []string
	err := s.Days(t.Context(), "w1", store.Span{From: from, To: to}, func(_ time.Time, ts []day.Tuple) error {
		for _, x := range ts {
			got = append(got, names[x.ActivityID()])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"last", "middle", "first"}, got); d != "" { // the newest hour first
		t.Errorf("tuples (-want +got):\n%s", d)
	}
}

func TestRunIsClaimedOnce(t *testing.T) {
	s := storetest.New(t)
	due, now := t0, t0.Add(time.Hour)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if _, err := s.ClaimRun(t.Context(), "w1", "weekly", due, now, time.Minute); err == nil {
				won.Add(1)
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d of 6 claimed it, want 1", won.Load())
	}
	again, err := s.ClaimRun(t.Context(), "w1", "weekly", due, now.Add(2*time.Minute), time.Minute)
	if err != nil {
		t.Fatalf("after the lease: %v", err)
	}
	again.State = store.RunSending
	if err := s.PutRun(t.Context(), "w1", &again); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ClaimRun(t.Context(), "w1", "weekly", due, now.Add(time.Hour), time.Minute); !fault.Is(err, fault.Conflict) {
		t.Errorf("a run whose mail was begun is claimed again: %v", err)
	}
}

// However often a message was edited, it says what the newest edit says, and
// is gone once it was deleted.
func TestTheNewestOfManyEditsCounts(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ann"}, Object: social.Object{ID: "1"}, Text: "as it was", Occurred: at, Known: at, Direction: social.Inbound}
	message := store.MessageID(a.Platform, a.Scope, a.Object.ID)
	amend := func(typ social.Type, text string, n int) {
		e := a
		e.Type, e.Text, e.Occurred = typ, text, at.Add(time.Duration(n)*time.Second)
		e.Key = social.ActivityKey(e.Platform, e.Scope, e.Type, e.Object.ID, e.Occurred)
		if err := s.PutEdit(t.Context(), "acme", message, e); err != nil {
			t.Error(err)
		}
	}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if _, err := s.PutActivity(t.Context(), "acme", a); err != nil {
		t.Fatal(err)
	}
	says := func(text string, deleted bool) {
		t.Helper()
		it, err := s.Item(t.Context(), "acme", store.RefOf(a))
		if err != nil || it.Text != text || it.Deleted != deleted {
			t.Errorf("it says %q, deleted %t, %v; want %q, %t", it.Text, it.Deleted, err, text, deleted)
		}
		now, err := s.Amended(t.Context(), "acme", []string{message, message})
		if m := now[message]; err != nil || m.Words(a.Text) != text || m.Shown(a).Text != text || m.Deleted != deleted {
			t.Errorf("amended: %+v, %v; want %q, %t", m, err, text, deleted)
		}
	}
	says("as it was", false)
	const edits = 1003
	parallel.Each(t.Context(), edits, 16, func(i int) error {
		amend(social.Edit, fmt.Sprint("edit ", i), 1+i)
		return nil
	})
	says(fmt.Sprint("edit ", edits-1), false)
	amend(social.Delete, "", 5)
	says("", true)
}

func TestPublishedVersionsNeverChange(t *testing.T) {
	s := storetest.New(t)
	doc := store.Document{Version: "1", Published: t0, Body: json.RawMessage(`{"a":1}`)}
	for range 2 {
		if err := s.Publish(t.Context(), "w1", store.Models, doc); err != nil {
			t.Fatal(err)
		}
	}
	changed := doc
	changed.Body = json.RawMessage(`{"a":2}`)
	if err := s.Publish(t.Context(), "w1", store.Models, changed); !fault.Is(err, fault.Conflict) {
		t.Errorf("another content under the same version: %v, want a conflict", err)
	}
	got, err := s.Active(t.Context(), "w1", store.Models)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(doc.Body), string(got.Body)); d != "" {
		t.Error(d)
	}
	if _, err := s.Active(t.Context(), "w2", store.Models); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace: %v", err)
	}
}

func TestVersionsAreListedByPublication(t *testing.T) {
	s := storetest.New(t)
	publish := func(version string, hours int) {
		t.Helper()
		d := store.Document{Version: version, Published: t0.Add(time.Duration(hours) * time.Hour), Body: json.RawMessage(`{"a":1}`)}
		if err := s.Publish(t.Context(), "w1", store.Models, d); err != nil {
			t.Fatal(err)
		}
	}
	publish("9", 0)
	publish("10", 1)
	publish("a", 2)
	publish("9", 3) // again: it is active, and keeps its place
	if err := s.Publish(t.Context(), "w1", store.ThemeSets, store.Document{Version: "t", Published: t0, Body: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, 10} {
		var got []string
		after := ""
		for {
			list, err := s.Versions(t.Context(), "w1", store.Models, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, v := range list {
				got, after = append(got, v.Version+" "+social.Stamp(v.Published)), v.Place
			}
		}
		want := []string{"a " + social.Stamp(t0.Add(2*time.Hour)), "10 " + social.Stamp(t0.Add(time.Hour)), "9 " + social.Stamp(t0)}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("limit %d: %s", limit, d)
		}
	}
	if v, err := s.ActiveVersion(t.Context(), "w1", store.Models); err != nil || v != "9" {
		t.Errorf("active: %q, %v", v, err)
	}
}

func TestSourceIsAllOrNothing(t *testing.T) {
	s := storetest.New(t)
	app := store.App{ID: "a1", Owner: "w1", Platform: "meta"}
	src := store.Source{ID: "s1", Workspace: "w1", App: "a1", Platform: "meta", Scope: "page#1", Created: t0}
	if err := s.CreateSource(t.Context(), app, true, src); err != nil {
		t.Fatal(err)
	}
	src.ID = "s2"
	if err := s.CreateSource(t.Context(), app, false, src); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same scope again: %v, want a conflict", err)
	}
	sources, err := s.Sources(t.Context(), "w1")
	if err != nil || len(sources) != 1 {
		t.Errorf("%d sources, %v; want 1: a refused one leaves nothing", len(sources), err)
	}
	routes, err := s.Routes(t.Context(), "a1")
	if err != nil || len(routes) != 1 || routes[0].Scope != "page#1" {
		t.Errorf("routes %+v, %v", routes, err)
	}
}

// version is that of a stored lead.
func version(t *testing.T, s *store.Store, w string, l store.Lead) int64 {
	t.Helper()
	v, err := s.LeadVersion(t.Context(), w, l.Person, l.Model)
	if err != nil || v == 0 {
		t.Fatal(v, err)
	}
	return v
}
