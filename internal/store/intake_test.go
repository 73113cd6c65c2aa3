package store_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

func park(t *testing.T, s *store.Store, w, id, delivery, reason string, at time.Time) {
	t.Helper()
	if err := s.Park(t.Context(), w, store.Parked{ID: id, App: "app_1", Delivery: delivery, Received: at, Reason: reason, Object: "parked/" + w + "/" + delivery}); err != nil {
		t.Fatal(err)
	}
}

// parked lists what is parked: the ids, those understood after all in brackets.
func parked(t *testing.T, s *store.Store, w string) (out []string) {
	t.Helper()
	list, _, err := s.Parked(t.Context(), w, t0, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if !p.Replayed.IsZero() {
			p.ID = "(" + p.ID + ")"
		}
		out = append(out, p.ID)
	}
	slices.Sort(out)
	return out
}

func TestUnparkIsOfOneDelivery(t *testing.T) {
	s := storetest.New(t)
	park(t, s, "w1", "a1", "dlv_a", "one", t0)
	park(t, s, "w1", "a2", "dlv_a", "two", t0)
	park(t, s, "w1", "b1", "dlv_b", "one", t0) // received in the same millisecond
	park(t, s, "w1", "a3", "dlv_a", "one", t0.Add(time.Second))
	park(t, s, "w2", "a1", "dlv_a", "one", t0)
	if err := s.Unpark(t.Context(), "w1", t0, "dlv_a", []string{"a2"}, t0.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"(a1)", "a2", "a3", "b1"}, parked(t, s, "w1")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a1"}, parked(t, s, "w2")); d != "" {
		t.Errorf("in another workspace: %s", d)
	}
	// The second time keeps the first instant.
	if err := s.Unpark(t.Context(), "w1", t0, "dlv_a", nil, t0.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.Parked(t.Context(), "w1", t0, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if want := map[string]time.Time{"a1": t0.Add(time.Hour), "a2": t0.Add(2 * time.Hour)}[p.ID]; !p.Replayed.Equal(want) {
			t.Errorf("%s: replayed %s, want %s", p.ID, p.Replayed, want)
		}
	}
	// Parked anew, say by a replay of the archive: it is to be seen again, as it was.
	park(t, s, "w1", "a1", "dlv_a", "one", t0)
	if d := cmp.Diff([]string{"(a2)", "a1", "a3", "b1"}, parked(t, s, "w1")); d != "" {
		t.Error(d)
	}
	park(t, s, "w1", "a1", "dlv_a", "another reason", t0)
	if list, _, err = s.Parked(t.Context(), "w1", t0, "", 100); err != nil || slices.ContainsFunc(list, func(p store.Parked) bool { return p.Reason == "another reason" }) {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestDeleteParkedIsOfOneDelivery(t *testing.T) {
	s := storetest.New(t)
	park(t, s, "w1", "a1", "dlv_a", "one", t0)
	park(t, s, "w1", "a2", "dlv_a", "two", t0)
	park(t, s, "w1", "b1", "dlv_b", "one", t0)
	park(t, s, "w2", "a1", "dlv_a", "one", t0)
	for range 2 {
		if err := s.DeleteParked(t.Context(), "w1", t0, "dlv_a"); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"b1"}, parked(t, s, "w1")); d != "" {
			t.Error(d)
		}
	}
	if d := cmp.Diff([]string{"a1"}, parked(t, s, "w2")); d != "" {
		t.Errorf("in another workspace: %s", d)
	}
	// One that was erased while a replay ran is not made again by its end.
	if err := s.Unpark(t.Context(), "w1", t0, "dlv_a", nil, t0); err != nil || len(parked(t, s, "w1")) != 1 {
		t.Errorf("%v, %q", err, parked(t, s, "w1"))
	}
}

func TestCommonReason(t *testing.T) {
	for in, want := range map[string]string{
		"no JSON":               "no JSON",
		`item 12: no id at /id`: "item …: no id at /id",
		`/type is "a \"quoted\" one", which the mapping does not know`:               "/type is …, which the mapping does not know",
		`activity standard|forum|post|1|2026-11-02T09:00:00.000Z: the text is empty`: "… the text is empty",
		"activity x is dated 2026-11-02T09:00:00.000Z, over a day after":             "… is dated …, over a day after",
		"the url has 9000 bytes, at most 8192 are kept":                              "the url has … bytes, at most … are kept",
		"no source watches the scope T061EG9R6":                                      "no source watches the scope T…EG…R…",
		"":                                                                           "",
	} {
		got := store.CommonReason(in)
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if again := store.CommonReason(got); again != got {
			t.Errorf("%q: taken twice it is %q", got, again)
		}
	}
}

func TestGuests(t *testing.T) {
	s := storetest.New(t)
	app := store.App{ID: "app_1", Owner: "w1", Platform: "meta"}
	if err := s.CreateSource(t.Context(), app, true, store.Source{ID: "src_1", Workspace: "w1", App: "app_1", Platform: "meta", Scope: "1", Created: t0}); err != nil {
		t.Fatal(err)
	}
	may := func(w string) bool {
		t.Helper()
		a, err := s.App(t.Context(), "app_1")
		if err != nil || a.Owner != "w1" || a.Platform != "meta" {
			t.Fatalf("%+v, %v", a, err)
		}
		return a.MayConnect(w)
	}
	if !may("w1") || may("w2") {
		t.Error("before: the owner may, and nobody else")
	}
	for _, w := range []string{"w2", "w3", "w2"} {
		if err := s.PutGuest(t.Context(), "app_1", w, true); err != nil {
			t.Fatal(err)
		}
	}
	if !may("w2") || !may("w3") || may("w") || may("w23") {
		t.Error("guests may, and nobody whose name is like theirs")
	}
	for _, w := range []string{"w2", "w2", "w3", "w9"} { // the last guest's list is no list
		if err := s.PutGuest(t.Context(), "app_1", w, false); err != nil {
			t.Fatal(err)
		}
	}
	if !may("w1") || may("w2") || may("w3") {
		t.Error("after: the owner may, and nobody else")
	}
	for _, add := range []bool{true, false} {
		if err := s.PutGuest(t.Context(), "app_none", "w2", add); !fault.Is(err, fault.NotFound) {
			t.Errorf("an app that is not there: %v", err)
		}
	}
	if _, err := s.App(t.Context(), "app_none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a guest made an app: %v", err)
	}
}

func TestPutOwn(t *testing.T) {
	s := storetest.New(t)
	src := store.Source{ID: "src_1", Workspace: "w1", App: "app_1", Platform: "meta", Scope: "1", Name: "Page", Own: []string{"a"}, Created: t0}
	if err := s.CreateSource(t.Context(), store.App{ID: "app_1", Owner: "w1", Platform: "meta"}, true, src); err != nil {
		t.Fatal(err)
	}
	for _, own := range [][]string{{"b", "c"}, nil, {}, {"a#b", "|"}} {
		if err := s.PutOwn(t.Context(), "w1", "src_1", own, nil); err != nil {
			t.Fatal(err)
		}
		src.Own = own
		got, err := s.Source(t.Context(), "w1", "src_1")
		if err != nil || len(got.Own) != len(own) || len(own) > 0 && !cmp.Equal(got, src) {
			t.Errorf("got %+v, want %+v; %v", got, src, err)
		}
	}
	if err := s.PutOwn(t.Context(), "w2", "src_1", []string{"x"}, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace's: %v", err)
	}
}

func TestDeleteSource(t *testing.T) {
	s := storetest.New(t)
	app := store.App{ID: "app_1", Owner: "w1", Platform: "meta"}
	src := func(w, scope string) store.Source {
		return store.Source{ID: "src_" + scope, Workspace: w, App: "app_1", Platform: "meta", Scope: scope, Created: t0}
	}
	for i, x := range []store.Source{src("w1", "1"), src("w1", "2")} {
		if err := s.CreateSource(t.Context(), app, i == 0, x); err != nil {
			t.Fatal(err)
		}
	}
	routes := func() (out []string) {
		t.Helper()
		list, err := s.Routes(t.Context(), "app_1")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			out = append(out, r.Workspace+" "+r.Scope)
		}
		return out
	}
	for range 2 {
		if err := s.DeleteSource(t.Context(), src("w1", "1")); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"w1 2"}, routes()); d != "" {
			t.Error(d)
		}
	}
	if _, err := s.App(t.Context(), "app_1"); err != nil {
		t.Errorf("the app is gone: %v", err)
	}
	// Somebody else takes the scope, and then a second call to delete it arrives late.
	if err := s.CreateSource(t.Context(), app, false, src("w2", "1")); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteSource(t.Context(), src("w1", "1")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"w2 1", "w1 2"}, routes()); d != "" {
		t.Errorf("the late call took another's route: %s", d)
	}
	if _, err := s.Source(t.Context(), "w2", "src_1"); err != nil {
		t.Errorf("and its source: %v", err)
	}
}

func TestManyTombstones(t *testing.T) {
	s := storetest.New(t)
	var all []string
	want := map[string]time.Time{}
	for i := range 230 {
		tomb := fmt.Sprintf("tomb%03d", i)
		all = append(all, tomb)
		if i%3 == 0 {
			want[tomb] = t0.Add(time.Duration(i) * time.Minute)
			if err := s.PutTombstone(t.Context(), "w1", tomb, want[tomb]); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Tombstoned(t.Context(), "w1", all)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if got, err = s.Tombstoned(t.Context(), "w2", all); err != nil || len(got) != 0 {
		t.Errorf("another workspace's: %v, %v", got, err)
	}
	if got, err = s.Tombstoned(t.Context(), "w1", nil); err != nil || len(got) != 0 {
		t.Errorf("of none: %v, %v", got, err)
	}
	// The latest demand counts, in whatever order they come.
	for _, h := range []int{3, 1, 9, 2} {
		if err := s.PutTombstone(t.Context(), "w1", "tomb001", t0.Add(time.Duration(h)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = s.Tombstoned(t.Context(), "w1", []string{"tomb001"}); err != nil || !got["tomb001"].Equal(t0.Add(9*time.Hour)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTestReports(t *testing.T) {
	s, table := storetest.NewTable(t)
	want := store.Check{ID: "check_1", Delivery: "dlv_1", Received: t0, Events: []string{"post: post"}, Facts: []store.FactRef{{Account: "acc_1", SK: "F#x"}}, Parked: []string{"why"}}
	for range 2 {
		if err := s.PutCheck(t.Context(), "w1", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Check(t.Context(), "w1", "check_1")
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	for _, item := range table.Dump(t) {
		if !strings.Contains(item, fmt.Sprintf("ttl:%d", t0.Add(24*time.Hour).Unix())) {
			t.Errorf("it does not expire: %s", item)
		}
	}
	if _, err := s.Check(t.Context(), "w2", "check_1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace reads it: %v", err)
	}
	for range 2 {
		if err := s.DeleteCheck(t.Context(), "w1", "check_1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Check(t.Context(), "w1", "check_1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

// like is a reaction that its platform does not date.
func like(actor, id string, received time.Time) social.Activity {
	a := activity(actor, id, received)
	a.Type, a.Undated, a.Text, a.Known = social.React, true, "", received
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, time.Time{})
	return a
}

// An undated fact is dated by its first receipt, and its view moves there.
func TestAnUndatedFactMovesItsView(t *testing.T) {
	s, table := storetest.NewTable(t)
	days := func() (out []string) {
		for k := range table.Dump(t) {
			if strings.HasPrefix(k, "w1#D#") {
				out = append(out, k[len("w1#D#"):len("w1#D#2026-10-05")])
			}
		}
		return out
	}
	for i, h := range []int{100, 200, 50, 60, 0} {
		a := like("ann", "1", t0.Add(time.Duration(h)*time.Hour))
		isNew, err := s.PutActivity(t.Context(), "w1", a)
		if err != nil || isNew != (i == 0) {
			t.Fatalf("after %d hours: new %v, %v", h, isNew, err)
		}
		now, err := s.Activity(t.Context(), "w1", store.RefOf(a))
		want := t0.Add(time.Duration([]int{100, 100, 50, 50, 0}[i]) * time.Hour)
		if err != nil || !now.Occurred.Equal(want) || !now.Known.Equal(want) {
			t.Errorf("after %d hours: %+v, %v; want it dated %s", h, now, err, want)
		}
		if h == 50 || h == 0 {
			if got := days(); len(got) != 0 {
				t.Errorf("its view still stands at %q", got)
			}
		}
		putTuple(t, s, now)
	}
	if d := cmp.Diff([]string{"2026-10-05"}, days()); d != "" {
		t.Error(d)
	}
	// A dated one stays where it is, however early it is known.
	a := activity("bob", "2", t0)
	b := a
	b.Known = a.Known.Add(-time.Minute)
	for _, x := range []social.Activity{a, b} {
		if _, err := s.PutActivity(t.Context(), "w1", x); err != nil {
			t.Fatal(err)
		}
		if x.Known.Equal(a.Known) {
			putTuple(t, s, x)
		}
	}
	if d := cmp.Diff([]string{"2026-10-05", "2026-10-05"}, days()); d != "" {
		t.Error(d)
	}
}

// Where the process dies between, no view is left behind at the later instant.
func TestALoweringThatDiesLeavesNoView(t *testing.T) {
	for n := 1; n <= 7; n++ {
		s, table := storetest.NewTable(t)
		late, early := like("ann", "1", t0.Add(50*time.Hour)), like("ann", "1", t0)
		if _, err := s.PutActivity(t.Context(), "w1", late); err != nil {
			t.Fatal(err)
		}
		putTuple(t, s, late)
		if _, err := dying(t, table, n).PutActivity(t.Context(), "w1", early); (err == nil) != (n == 7) {
			t.Errorf("with %d requests: %v", n, err)
		}
		if _, err := s.PutActivity(t.Context(), "w1", early); err != nil { // its message comes again
			t.Fatal(err)
		}
		for k := range table.Dump(t) {
			if strings.HasPrefix(k, "w1#D#") {
				t.Errorf("after a death at request %d: %s", n, k)
			}
		}
	}
}

// dying is the store of a table that answers n requests and then none.
func dying(t *testing.T, table storetest.Table, n int) *store.Store {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = &mortal{n}
	cfg.RetryMaxAttempts = 1
	return store.New(cfg, table.Name)
}

type mortal struct{ left int }

func (m *mortal) Do(r *http.Request) (*http.Response, error) {
	if m.left--; m.left < 0 {
		return nil, errors.New("the process is gone")
	}
	return http.DefaultClient.Do(r)
}

// meddling does something just before a request of a kind is made.
type meddling struct {
	target string
	do     func()
}

func (m *meddling) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), m.target) {
		m.do()
	}
	return http.DefaultClient.Do(r)
}

// A view that somebody writes at the later instant just before that is lowered
// does not stay behind.
func TestAViewWrittenMeanwhileDoesNotStay(t *testing.T) {
	s, table := storetest.NewTable(t)
	late, early := like("ann", "1", t0.Add(50*time.Hour)), like("ann", "1", t0)
	if _, err := s.PutActivity(t.Context(), "w1", late); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	meddled := false
	cfg.HTTPClient = &meddling{"UpdateItem", func() {
		meddled = true
		putTuple(t, s, late)
	}}
	if _, err := store.New(cfg, table.Name).PutActivity(t.Context(), "w1", early); err != nil || !meddled {
		t.Fatalf("meddled %v, %v", meddled, err)
	}
	for k := range table.Dump(t) {
		if strings.HasPrefix(k, "w1#D#") {
			t.Errorf("left: %s", k)
		}
	}
}
