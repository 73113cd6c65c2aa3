package ingest_test

import (
	"testing"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/store"
)

// TestNothingIsKeptForADeletedWorkspace: what comes for it, or of an app that
// went, is nobody's and ends there; another workspace's on the same app is kept.
func TestNothingIsKeptForADeletedWorkspace(t *testing.T) {
	d := newDesk(t)
	for _, err := range []error{
		d.store.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: received}, "ann"),
		d.store.CreateSource(t.Context(), store.App{ID: "app1"}, false, store.Source{ID: "theirs", Workspace: "w2", App: "app1", Platform: "standard", Scope: "annex", Created: received}),
		d.store.DeleteWorkspace(t.Context(), w, received),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	kept := func(id string) string { return `{"room":"annex",` + good(id)[1:] }
	if failed := d.Batch(t.Context(), []ingest.Message{message("m1", good("1")), message("m2", kept("2")), message("m3", "\x00\xff")}); len(failed) > 0 {
		t.Fatalf("failed: %v", failed)
	}
	for workspace, want := range map[string]int{w: 0, "w2": 1} {
		list, err := d.store.Accounts(t.Context(), workspace, "", 10)
		if err != nil || len(list) != want || d.shelf.archived[workspace] != want {
			t.Errorf("%s: %d accounts, %d archived, %v, want %d", workspace, len(list), d.shelf.archived[workspace], err, want)
		}
	}
	if got := d.parked(t, w) + d.parked(t, ""); got != "" || len(d.shelf.kept[""]) > 0 || d.shelf.archived[""] > 0 {
		t.Errorf("parked: %q; archived for nobody: %d", got, d.shelf.archived[""])
	}

	// The rest of it goes, and the app with its last source: deliveries that wait end there, too.
	if err := d.store.DeleteRoutes(t.Context(), "app1", w); err != nil {
		t.Fatal(err)
	}
	if err := d.store.DeleteSource(t.Context(), store.Source{ID: "theirs", Workspace: "w2", App: "app1", Scope: "annex"}); err != nil {
		t.Fatal(err)
	}
	if err := d.store.DeleteApp(t.Context(), "app1"); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Hour)
	if failed := d.Batch(t.Context(), []ingest.Message{message("m4", kept("4"))}); len(failed) > 0 || d.shelf.archived["w2"] != 1 {
		t.Errorf("an app that is gone: %v, %d archived", failed, d.shelf.archived["w2"])
	}
}
