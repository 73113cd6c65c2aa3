package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/view/byday"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

func (d *desk) connect(t *testing.T, app store.App, isNew bool, workspace, scope string, own ...string) store.Source {
	t.Helper()
	x := store.Source{ID: "src_" + app.ID + "_" + scope, Workspace: workspace, App: app.ID, Platform: app.Platform, Scope: scope, Own: own, Created: received}
	if err := d.store.CreateSource(t.Context(), app, isNew, x); err != nil {
		t.Fatal(err)
	}
	return x
}

func delivered(app string, at time.Time, body string, headers ...string) ingest.Message {
	d := platform.Delivery{App: app, Received: at, Request: platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}}
	for i := 0; i+1 < len(headers); i += 2 {
		d.Request.Header.Set(headers[i], headers[i+1])
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return ingest.Message{ID: social.HashID("m", fmt.Sprint(at, body)), Body: b, Received: 1}
}

func (d *desk) batch(t *testing.T, ms ...ingest.Message) {
	t.Helper()
	if failed := d.Batch(t.Context(), ms); len(failed) > 0 {
		t.Fatalf("failed: %v", failed)
	}
}

// facts returns every fact of the workspace, by account.
func (d *desk) facts(t *testing.T, workspace string) []social.Activity {
	t.Helper()
	accounts, err := d.store.Accounts(t.Context(), workspace, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []social.Activity
	for _, a := range accounts {
		facts, err := d.store.Facts(t.Context(), workspace, a)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, facts...)
	}
	slices.SortFunc(out, func(a, b social.Activity) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func page(id, comment, by string) string {
	return fmt.Sprintf(`{"id":%q,"time":1790000000,"changes":[{"field":"feed","value":{"item":"comment","verb":"add","comment_id":%q,"post_id":"%s_1","parent_id":"%s_1","from":{"id":%q,"name":"Ada"},"message":"of %s","created_time":1790000000}}]}`,
		id, comment, id, id, by, id)
}

// Two workspaces' pages in one delivery: each keeps its own part, and nothing
// of the other's stands anywhere in its data.
func TestDeliveryForTwoWorkspacesIsSplit(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	d.connect(t, app, true, w, "100")
	d.connect(t, app, false, "other", "200")
	body := `{"object":"page","entry":[` + page("100", "c1", "7") + "," + page("200", "c2", "8") + "," + page("300", "c3", "9") + `]}`
	d.batch(t, delivered("app_meta", received, body))
	for workspace, want := range map[string]string{w: "of 100", "other": "of 200"} {
		facts := d.facts(t, workspace)
		if len(facts) != 1 || facts[0].Text != want {
			t.Errorf("%s has %+v, want one that says %q", workspace, facts, want)
		}
		for _, x := range d.shelf.kept[workspace] {
			for other, theirs := range map[string]string{w: "of 100", "other": "of 200"} {
				if other != workspace && strings.Contains(string(x.Request.Body), theirs) {
					t.Errorf("the archive of %s holds what is %s's: %s", workspace, other, x.Request.Body)
				}
			}
		}
		if len(d.shelf.kept[workspace]) == 0 {
			t.Errorf("nothing is archived for %s", workspace)
		}
	}
	// What nobody watches is parked with whoever made the app, alone.
	if got := d.parked(t, w); !strings.Contains(got, "no source watches the scope 300") || strings.Contains(got, "\n") {
		t.Errorf("parked at the app: %q", got)
	}
	if got := d.parked(t, "other"); got != "" {
		t.Errorf("parked at a guest: %q", got)
	}
	for key, b := range d.shelf.objects {
		var x platform.Delivery
		if err := x.UnmarshalJSON(b); err != nil || strings.Contains(string(x.Request.Body), "of 100") || strings.Contains(string(x.Request.Body), "of 200") {
			t.Errorf("%s holds more than what was parked: %s, %v", key, x.Request.Body, err)
		}
	}
}

// A workspace that connects while the app's routes are remembered: the first
// delivery that tells of it is split all the same.
func TestDeliveryIsSplitForAWorkspaceThatJustConnected(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	d.connect(t, app, true, w, "100")
	d.batch(t, delivered("app_meta", received, `{"object":"page","entry":[`+page("100", "c0", "7")+`]}`))
	d.connect(t, app, false, "other", "200")
	d.batch(t, delivered("app_meta", received, `{"object":"page","entry":[`+page("100", "c1", "7")+","+page("200", "c2", "8")+`]}`))
	if facts := d.facts(t, "other"); len(facts) != 1 {
		t.Errorf("other has %+v, want one fact", facts)
	}
	for workspace, theirs := range map[string]string{w: "of 200", "other": "of 100"} {
		if len(d.shelf.kept[workspace]) == 0 {
			t.Errorf("nothing is archived for %s", workspace)
		}
		for _, x := range d.shelf.kept[workspace] {
			if strings.Contains(string(x.Request.Body), theirs) {
				t.Errorf("the archive of %s holds what is another's: %s", workspace, x.Request.Body)
			}
		}
	}
}

// The same event through two sources of two apps: one fact, in whatever order.
func TestTwoSourcesOneFact(t *testing.T) {
	d := newDesk(t)
	d.connect(t, store.App{ID: "app_m1", Owner: w, Platform: "meta"}, true, w, "100")
	d.connect(t, store.App{ID: "app_m2", Owner: w, Platform: "meta"}, true, w, "100")
	body := `{"object":"page","entry":[` + page("100", "c1", "7") + `]}`
	later := received.Add(time.Hour)
	d.batch(t, delivered("app_m1", later, body), delivered("app_m2", received, body), delivered("app_m1", later.Add(time.Hour), body))
	facts := d.facts(t, w)
	if len(facts) != 1 || !facts[0].Known.Equal(received) {
		t.Errorf("got %+v, want one fact, known since %s", facts, received)
	}
}

func TestOwnAccountsAreOutbound(t *testing.T) {
	d := newDesk(t)
	d.now = received
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	x := d.connect(t, app, true, w, "100", "42")
	d.connect(t, store.App{ID: "app_sister", Owner: w, Platform: "meta"}, true, w, "555") // a sister page
	send := func(comment, by string) {
		d.batch(t, delivered("app_meta", received, `{"object":"page","entry":[`+page("100", comment, by)+`]}`))
	}
	send("c1", "7")
	send("c2", "42")
	send("c3", "555")
	send("c4", "77")
	if err := d.store.PutOwn(t.Context(), w, x.ID, []string{"77"}, nil); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(2 * time.Minute) // what was remembered is looked up again
	send("c5", "77")
	got := map[string]social.Direction{}
	for _, a := range d.facts(t, w) {
		got[a.Object.ID] = a.Direction
	}
	want := map[string]social.Direction{"c1": social.Inbound, "c2": social.Outbound, "c3": social.Outbound, "c4": social.Inbound, "c5": social.Outbound}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directions (-want +got):\n%s", diff)
	}
}

func fixture(t *testing.T, platform, name string) (string, []string) {
	t.Helper()
	base := filepath.Join("..", "platform", platform, "testdata", name)
	b, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var headers []string
	if h, err := os.ReadFile(base + ".headers"); err == nil {
		for line := range strings.Lines(string(h)) {
			k, v, _ := strings.Cut(line, ":")
			headers = append(headers, k, strings.TrimSpace(v))
		}
	}
	return string(b), headers
}

// A like without a time of its own is one fact however often and whenever it
// is received, and dated by its first receipt.
func TestUndatedIsOneFactDatedByItsFirstReceipt(t *testing.T) {
	body, headers := fixture(t, "discourse", "post_liked")
	for name, order := range map[string][]time.Duration{"in order": {0, time.Hour, 50 * time.Hour}, "backwards": {50 * time.Hour, time.Hour, 0}, "mixed": {time.Hour, 50 * time.Hour, 0}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.connect(t, store.App{ID: "app_d", Owner: w, Platform: "discourse"}, true, w, "forum.example.com")
			for _, after := range order {
				d.batch(t, delivered("app_d", received.Add(after), body, headers...))
			}
			facts := d.facts(t, w)
			if len(facts) != 1 || !facts[0].Undated || !facts[0].Occurred.Equal(received) || !facts[0].Known.Equal(received) {
				t.Fatalf("got %+v, want one fact of %s", facts, received)
			}
			// It is nobody's message, so that it has no part in a thread; by day it
			// stands once, at its first receipt.
			says, err := byday.New(d.store, nil).Says(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			if len(d.views) != 0 || len(says) != 1 {
				t.Errorf("it is viewed as %v, and stands by day as %v", d.views, says)
			}
			for k := range says {
				if !strings.HasPrefix(k, social.Stamp(received)) {
					t.Errorf("by day it stands at %s, want %s", k, social.Stamp(received))
				}
			}
		})
	}
}

// An erased account's doings are not stored again, whoever sends them.
func TestErasedDoesNotComeBack(t *testing.T) {
	d := newDesk(t)
	ref := social.AccountRef{Platform: "standard", Scope: "forum", ID: "ann"}
	d.erased = map[string]time.Time{ref.AccountID(): time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)} // when good says hello
	d.batch(t, message("m1", good("1")), message("m2", strings.Replace(good("2"), `"ann"`, `"bob"`, 1)))
	facts := d.facts(t, w)
	// What the account does afterwards is new.
	d.batch(t, message("m3", strings.Replace(good("3"), "08:00:00Z", "08:00:01Z", 1)))
	if after := d.facts(t, w); len(after) != 2 || after[1].Object.ID != "3" {
		t.Errorf("a second later: %+v", after)
	}
	if len(facts) != 1 || facts[0].Actor.ID != "bob" || len(d.views) != 2 || len(d.views[0].Facts) != 1 {
		t.Errorf("got %+v, to view %v; want bob's only", facts, d.views)
	}
}

// Nor does the archive get what tells of an erased account, say by a delivery
// that waited in the dead-letter queue meanwhile.
func TestErasedIsNotArchivedAgain(t *testing.T) {
	d := newDesk(t)
	ref := social.AccountRef{Platform: "standard", Scope: "forum", ID: "ann"}
	d.erased = map[string]time.Time{ref.AccountID(): time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)}
	byBob := strings.Replace(good("2"), `"ann"`, `"bob"`, 1)
	d.batch(t, message("m1", good("1")), message("m2", "["+good("3")+","+byBob+"]"), message("m3", byBob))
	for _, x := range d.shelf.kept[w] {
		if strings.Contains(string(x.Request.Body), "ann") {
			t.Errorf("archived: %s", x.Request.Body)
		}
	}
	if facts := d.facts(t, w); len(facts) != 1 || d.shelf.archived[w] != 1 {
		t.Errorf("%d archived, facts %+v; want bob's", d.shelf.archived[w], facts)
	}
}

// What a platform demands is queued for each workspace it concerns, and a
// withdrawn grant is noted at its source.
func TestDemandsAndRevocations(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_s", Owner: w, Platform: "slack"}
	x := d.connect(t, app, true, w, "T061EG9R6")
	body := func(event string) string {
		return `{"token":"t","team_id":"T061EG9R6","api_app_id":"A1","type":"event_callback","event_id":"Ev1","event_time":1790000000,"event":` + event + `}`
	}
	d.batch(t, delivered("app_s", received, body(`{"type":"tokens_revoked","tokens":{"oauth":["U1"],"bot":["U2"]},"event_ts":"1790000000.000100"}`)))
	r, err := d.store.Revoked(t.Context(), w, x.ID)
	if err != nil || r.Reason == "" || !r.At.Equal(received) {
		t.Errorf("revoked: %+v, %v", r, err)
	}
	d.batch(t, delivered("app_s", received, body(`{"type":"app_uninstalled"}`)))
	if len(d.erase) == 0 || d.erase[0].Workspace != w || d.erase[0].Platform != "slack" || d.erase[0].ID != "" || d.erase[0].Scope != "T061EG9R6" {
		t.Errorf("to erase: %+v, want all of the team", d.erase)
	}
	heard, err := d.store.Heard(t.Context(), w, x.ID, received.Add(-time.Hour), received.Add(time.Hour))
	if err != nil || len(heard) != 1 || !heard[0].Equal(received.Truncate(5*time.Minute)) {
		t.Errorf("heard at %v, %v", heard, err)
	}
}

// A test's facts stand apart, its report says what became of them, and neither
// archive nor health nor the lists know of it.
func TestTrialStandsApart(t *testing.T) {
	d := newDesk(t)
	m := message("m1", good("1"))
	m.Body = []byte(strings.Replace(string(m.Body), `"app":`, `"check":"check_1","app":`, 1))
	d.batch(t, m)
	if facts := d.facts(t, w); len(facts) != 0 || d.shelf.archived[w] != 0 {
		t.Errorf("the workspace has %d facts and %d archived deliveries of a test", len(facts), d.shelf.archived[w])
	}
	if facts := d.facts(t, store.CheckWorkspace(w, "check_1")); len(facts) != 1 {
		t.Errorf("the test has %d facts, want 1", len(facts))
	}
	done, err := d.store.Check(t.Context(), w, "check_1")
	if err != nil || len(done.Facts) != 1 || len(done.Events) != 1 || len(done.Parked) != 0 {
		t.Errorf("its report: %+v, %v", done, err)
	}
	for _, v := range d.views {
		if v.Workspace != store.CheckWorkspace(w, "check_1") {
			t.Errorf("views are asked for in %s", v.Workspace)
		}
	}
	if heard, err := d.store.Heard(t.Context(), w, "src1", received.Add(-time.Hour), received.Add(time.Hour)); err != nil || len(heard) != 0 {
		t.Errorf("the source was heard: %v, %v", heard, err)
	}
	bad := message("m2", `{"id":"1"}`)
	bad.Body = []byte(strings.Replace(string(bad.Body), `"app":`, `"check":"check_2","app":`, 1))
	d.batch(t, bad)
	if done, err = d.store.Check(t.Context(), w, "check_2"); err != nil || len(done.Parked) != 1 || d.parked(t, w) != "" {
		t.Errorf("one that is not understood: %+v, %v; parked %q", done, err, d.parked(t, w))
	}
}

// Whoever asked for a source check takes away what there is when the wait is over: what comes later is not kept.
func TestCheckThatComesLateLeavesNothing(t *testing.T) {
	d := newDesk(t)
	d.now = received.Add(ingest.CheckWaits + time.Second)
	m := message("m1", good("1"))
	m.Body = []byte(strings.Replace(string(m.Body), `"app":`, `"check":"check_1","app":`, 1))
	d.batch(t, m)
	if facts := d.facts(t, store.CheckWorkspace(w, "check_1")); len(facts) != 0 || len(d.views) != 0 || len(d.scores) != 0 {
		t.Errorf("facts %+v, to view %v, to score %v", facts, d.views, d.scores)
	}
	if done, err := d.store.Check(t.Context(), w, "check_1"); err != nil || len(done.Facts) != 0 || len(done.Events) != 1 {
		t.Errorf("its report: %+v, %v", done, err)
	}
}

func TestNotesAreKept(t *testing.T) {
	d := newDesk(t)
	note := func(n platform.Note) ingest.Message {
		b, _ := json.Marshal(map[string]any{"note": n})
		return ingest.Message{ID: "n", Body: b, Received: 1}
	}
	slot := received.Truncate(5 * time.Minute)
	for _, n := range []int{10, 1, 10, 100, 1} { // in any order, repeated
		d.batch(t, note(platform.Note{App: "app1", Instance: "i1", Slot: slot, Refused: n, Reason: fmt.Sprint("after ", n)}))
	}
	d.batch(t, note(platform.Note{App: "app1", Instance: "i2", Slot: slot, Refused: 1, Reason: "once"}),
		note(platform.Note{App: "app1", Instance: "i1", Slot: slot, Handshake: received}))
	notes, err := d.store.Notes(t.Context(), "app1", slot, slot.Add(time.Minute))
	sum := 0
	for _, n := range notes {
		sum += n.Refused
	}
	if err != nil || sum != 101 {
		t.Errorf("refused %d, %v; want 100 of one instance and 1 of the other: %+v", sum, err, notes)
	}
	if at, err := d.store.LastHandshake(t.Context(), "app1"); err != nil || !at.Equal(received) {
		t.Errorf("the last handshake was at %v, %v", at, err)
	}
}

// What was parked because of a scope that nobody watched is replayed once
// somebody does; a dry run says so before, and adds nothing after.
func TestWouldAndReplay(t *testing.T) {
	d := newDesk(t)
	m := message("m1", strings.Replace(good("1"), `{"id"`, `{"room":"other","id"`, 1))
	d.batch(t, m)
	var x platform.Delivery
	if err := x.UnmarshalJSON(m.Body); err != nil {
		t.Fatal(err)
	}
	would := func() ingest.Outcome {
		t.Helper()
		o, err := d.Would(t.Context(), w, x, &ingest.Told{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := would(); len(o.Add) != 0 || len(o.Parked) != 1 {
		t.Errorf("before it is watched: %+v", o)
	}
	app, err := d.store.App(t.Context(), "app1")
	if err != nil {
		t.Fatal(err)
	}
	d.connect(t, app, false, w, "other")
	if o := would(); len(o.Add) != 1 || len(o.Parked) != 0 || len(d.facts(t, w)) != 0 {
		t.Errorf("once it is watched: %+v", o)
	}
	x.Replay = true
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	archived := d.shelf.archived[w]
	d.batch(t, ingest.Message{ID: "r", Body: b, Received: 1})
	if o := would(); len(o.Add) != 0 || o.Same != 1 || len(o.Differ) != 0 {
		t.Errorf("after the replay: %+v", o)
	}
	facts := d.facts(t, w)
	if len(facts) != 1 || !facts[0].Known.Equal(received) || d.shelf.archived[w] != archived {
		t.Errorf("got %+v, %d archived; want one fact, known since its first receipt, archived once", facts, d.shelf.archived[w])
	}
	list, _, err := d.store.Parked(t.Context(), w, received, "", 10)
	if err != nil || len(list) != 1 || list[0].Replayed.IsZero() {
		t.Errorf("what was parked: %+v, %v; want it marked as replayed", list, err)
	}
	// Today's code reads it otherwise: that is said, and the fact stays.
	x.Request.Body = []byte(strings.Replace(string(x.Request.Body), "hello", "good bye", 1))
	if o := would(); len(o.Differ) != 1 || o.Same != 0 || len(o.Add) != 0 {
		t.Errorf("read otherwise: %+v", o)
	}
}

// What was parked whole, when one workspace alone used the app, is replayed
// in parts once there are two: it counts as understood.
func TestReplaySplitsWhatWasParkedWhole(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	d.connect(t, app, true, w, "1")
	m := delivered("app_meta", received, `{"object":"page","entry":[`+page("100", "c1", "7")+","+page("200", "c2", "8")+`]}`)
	d.batch(t, m)
	if got := d.parked(t, w); strings.Count(got, "no source watches") != 2 {
		t.Fatalf("parked: %q", got)
	}
	d.connect(t, app, false, w, "100")
	d.connect(t, app, false, "other", "200")
	var x platform.Delivery
	if err := x.UnmarshalJSON(m.Body); err != nil {
		t.Fatal(err)
	}
	x.Replay = true
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	d.batch(t, ingest.Message{ID: "r", Body: b, Received: 1})
	list, _, err := d.store.Parked(t.Context(), w, received, "", 10)
	if err != nil || len(list) != 1 || len(list[0].Others) != 1 || list[0].Events != 2 {
		t.Fatalf("%+v, %v; want one item of two reasons", list, err)
	}
	for _, p := range list {
		if p.Replayed.IsZero() {
			t.Errorf("still stands as not understood: %s", p.Reason)
		}
	}
}

// A source's id is made of its app and scope, so that a scope that moves to
// another workspace keeps it: it is heard there all the same.
func TestSourcesOfOneIDAreHeardInEachWorkspace(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	x := d.connect(t, app, true, w, "100")
	send := func(comment string) {
		d.batch(t, delivered("app_meta", received, `{"object":"page","entry":[`+page("100", comment, "7")+`]}`))
	}
	send("c1")
	if err := d.store.DeleteSource(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	d.connect(t, app, false, "other", "100")
	d.now = d.now.Add(2 * time.Minute) // the routes are read again
	send("c2")
	if at, err := d.store.LastHeard(t.Context(), "other", x.ID); err != nil || !at.Equal(received.Truncate(5*time.Minute)) {
		t.Errorf("heard at %v, %v", at, err)
	}
}

// A workspace replays for itself alone: what its archive holds is neither
// parked at the app's owner nor given to who has the scope by now.
func TestReplayStaysInItsWorkspace(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	d.connect(t, app, true, w, "100")
	guests := d.connect(t, app, false, "guest", "200")
	body := `{"object":"page","entry":[` + page("200", "c2", "8") + `]}`
	d.batch(t, delivered("app_meta", received, body))
	if err := d.store.DeleteSource(t.Context(), guests); err != nil {
		t.Fatal(err)
	}
	replay := func() {
		t.Helper()
		d.now = d.now.Add(2 * time.Minute) // what was remembered is looked up again
		var x platform.Delivery
		if err := x.UnmarshalJSON(delivered("app_meta", received, body).Body); err != nil {
			t.Fatal(err)
		}
		x.Replay, x.For = true, "guest"
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		d.batch(t, ingest.Message{ID: "r", Body: b, Received: 1})
	}
	replay()
	if got := d.parked(t, w); got != "" {
		t.Errorf("parked at the app's owner: %q", got)
	}
	if got := d.parked(t, "guest"); !strings.Contains(got, "no source watches") {
		t.Errorf("parked at who replayed: %q", got)
	}
	d.connect(t, app, false, "third", "200")
	replay()
	if facts := d.facts(t, "third"); len(facts) != 0 {
		t.Errorf("who has the scope by now got %+v", facts)
	}
	for key, b := range d.shelf.objects {
		if strings.Contains(string(b), `"for"`) || strings.Contains(string(b), `"replay"`) {
			t.Errorf("%s is kept as a replay: %s", key, b)
		}
	}
}

// That somebody was erased in one workspace concerns no other delivery of the
// batch: least of all does it put another workspace's into its archive.
func TestErasureInOneWorkspaceConcernsNoOther(t *testing.T) {
	d := newDesk(t)
	app := store.App{ID: "app_other", Owner: "other", Platform: "meta"}
	d.connect(t, app, true, "other", "200")
	ref := social.AccountRef{Platform: "standard", Scope: "forum", ID: "ann"}
	d.erased = map[string]time.Time{ref.AccountID(): received}
	d.batch(t, message("m1", good("1")), delivered("app_other", received, `{"object":"page","entry":[`+page("200", "c2", "8")+`]}`))
	for _, x := range d.shelf.kept[w] {
		t.Errorf("archived for %s: %s of %s", w, x.Request.Body, x.App)
	}
	if n := len(d.shelf.kept["other"]); n != 1 || len(d.facts(t, "other")) != 1 || len(d.facts(t, w)) != 0 {
		t.Errorf("other has %d archived deliveries and %d facts, %s has %d facts; want 1, 1, 0", n, len(d.facts(t, "other")), w, len(d.facts(t, w)))
	}
}
