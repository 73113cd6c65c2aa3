package ingest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/limit"
	"rapport/internal/platform"
	"rapport/internal/store"
)

// replayOf is a message as a replay queues it.
func replayOf(t *testing.T, m ingest.Message) ingest.Message {
	t.Helper()
	var x platform.Delivery
	if err := x.UnmarshalJSON(m.Body); err != nil {
		t.Fatal(err)
	}
	x.Replay, x.For = true, w
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Message{ID: "r" + m.ID, Body: b, Received: 1}
}

func heldDesk(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	for _, id := range []string{w, "other"} {
		if err := d.store.CreateWorkspace(t.Context(), store.Workspace{ID: id, Name: id, TimeZone: "UTC", Created: received}, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	d.connect(t, store.App{ID: "app2", Owner: "other", Platform: "github"}, true, "other", "acme/widgets")
	return d
}

// What comes for a workspace that is stopped is parked and archived, nothing
// is made of it, and it comes back whole by a replay once it goes on.
func TestAStoppedWorkspaceLosesNothing(t *testing.T) {
	d := heldDesk(t)
	d.batch(t, message("m1", good("1")))
	if err := d.store.StopWorkspace(t.Context(), w, store.Operator, d.now); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Minute)
	scores, views, archived := len(d.scores), len(d.views), d.shelf.archived[w]
	later := received.Add(10 * time.Minute)
	came := []ingest.Message{message("m2", good("2")), delivered("app1", later, good("3"))}
	d.batch(t, came...)
	if n := len(d.facts(t, w)); n != 1 || len(d.scores) != scores || len(d.views) != views {
		t.Errorf("stopped: %d facts, %d scores and %d views queued", n, len(d.scores)-scores, len(d.views)-views)
	}
	if got := d.parked(t, w); strings.Count(got, "the workspace is stopped") != 2 || d.shelf.archived[w] != archived+2 {
		t.Errorf("parked %q, %d archived", got, d.shelf.archived[w]-archived)
	}
	sources, err := d.store.Sources(t.Context(), w)
	if err != nil || len(sources) != 1 {
		t.Fatalf("%+v, %v", sources, err)
	}
	if heard, err := d.store.LastHeard(t.Context(), w, sources[0].ID); err != nil || !heard.Equal(later.Truncate(5*time.Minute)) {
		t.Errorf("heard %s, %v; what is parked is heard all the same, so that no silence is announced afterwards", heard, err)
	}
	if err := d.store.StartWorkspace(t.Context(), w, store.Operator); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(6 * time.Second) // what held it is looked up again
	d.batch(t, replayOf(t, came[0]), replayOf(t, came[1]))
	if n := len(d.facts(t, w)); n != 3 {
		t.Errorf("after the replay there are %d facts", n)
	}
	list, _, err := d.store.Parked(t.Context(), w, received, "", 10)
	if err != nil || len(list) != 2 || list[0].Replayed.IsZero() || list[1].Replayed.IsZero() {
		t.Errorf("what was parked: %+v, %v", list, err)
	}
}

// What is over the month's limit is parked, whoever counts, and comes back
// when the limit is raised. Nothing of it touches another workspace.
func TestTheMonthsLimit(t *testing.T) {
	d := heldDesk(t)
	if err := d.store.SetLimit(t.Context(), w, limit.Activities, 3, false); err != nil {
		t.Fatal(err)
	}
	d.batch(t, message("m1", good("1")), message("m1again", good("1"))) // the second is not new
	d.now = d.now.Add(time.Minute)
	d.batch(t, message("m2", good("2")))
	var batch []ingest.Message
	for i := range 4 {
		batch = append(batch, message(fmt.Sprint("n", i), good(fmt.Sprint("n", i))))
	}
	issue := `{"action":"opened","issue":{"id":1,"number":1,"title":"It fails","body":"","html_url":"https://github.com/acme/widgets/issues/1","user":{"login":"ada","id":7},"created_at":"2026-10-05T08:00:00Z"},"repository":{"id":1,"full_name":"acme/widgets"},"sender":{"login":"ada","id":7}}`
	batch = append(batch, delivered("app2", received, issue, "X-GitHub-Event", "issues"))
	d.batch(t, batch...)
	if n := len(d.facts(t, w)); n != 3 {
		t.Errorf("%d facts, want as many as the limit", n)
	}
	if got := d.parked(t, w); strings.Count(got, "over the month's limit of 3 activities") != 3 {
		t.Errorf("parked %q", got)
	}
	if n := len(d.facts(t, "other")); n != 1 {
		t.Errorf("another workspace has %d facts", n)
	}
	if err := d.store.SetLimit(t.Context(), w, limit.Activities, 100, false); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(6 * time.Second)
	var again []ingest.Message
	for _, m := range batch[:4] {
		again = append(again, replayOf(t, m))
	}
	d.batch(t, again...)
	if n := len(d.facts(t, w)); n != 6 {
		t.Errorf("after the replay there are %d facts", n)
	}
	d.now = d.now.Add(time.Minute)
	d.batch(t, message("last", good("last"))) // notes what came
	if n, err := d.store.Asked(t.Context(), w, limit.Activities, d.now); err != nil || n != 6 {
		t.Errorf("%d are counted, %v; want what came until the last look", n, err)
	}
}
