package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/lambdatest"
	"rapport/internal/platform"
	"rapport/internal/reading/readtest"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// shelf keeps objects in memory.
type shelf struct {
	objects  map[string][]byte
	archived map[string]int // deliveries by workspace
	kept     map[string][]platform.Delivery
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, error) {
	if b, ok := s.objects[key]; ok {
		return b, nil
	}
	return nil, fault.New(fault.NotFound, "no such object")
}
func (s *shelf) PutBatch(_ context.Context, kept []platform.Kept) ([]string, error) {
	places := make([]string, len(kept))
	for i, k := range kept {
		for _, w := range k.Workspaces {
			s.archived[w]++
			s.kept[w] = append(s.kept[w], k.Delivery)
		}
		places[i] = k.Received.UTC().Format(time.DateOnly) + "/" + k.ID() + "#0"
	}
	return places, nil
}
func (s *shelf) PutParked(_ context.Context, _, id string, body []byte) (string, error) {
	s.objects["parked/"+id] = body
	return "parked/" + id, nil
}

type desk struct {
	*ingest.Ingest
	store  *store.Store
	shelf  *shelf
	now    time.Time
	erased map[string]time.Time // accounts, as of when
	erase  []ingest.Erase
	scores []ingest.Score
	views  []ingest.View
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{now: received, store: storetest.New(t), shelf: &shelf{objects: map[string][]byte{}, archived: map[string]int{}, kept: map[string][]platform.Delivery{}}}
	d.Ingest = ingest.New(ingest.Deps{Store: d.store, Archive: d.shelf, Read: readtest.Read(t),
		QueueScore: func(_ context.Context, m []ingest.Score) error { d.scores = append(d.scores, m...); return nil },
		QueueView:  func(_ context.Context, m []ingest.View) error { d.views = append(d.views, m...); return nil },
		QueueErase: func(_ context.Context, m []ingest.Erase) error { d.erase = append(d.erase, m...); return nil },
		Erased:     func(context.Context, string, []string) (map[string]time.Time, error) { return d.erased, nil },
		Now:        func() time.Time { return d.now }})
	app := store.App{ID: "app1", Owner: w, Platform: "standard", Config: json.RawMessage(strings.Replace(mapping, `"value":"forum"`, `"path":"/room","default":"forum"`, 1))}
	if err := d.store.CreateSource(t.Context(), app, true, store.Source{ID: "src1", Workspace: w, App: "app1", Platform: "standard", Scope: "forum", Created: received}); err != nil {
		t.Fatal(err)
	}
	return d
}

func message(id, body string) ingest.Message {
	b, _ := json.Marshal(platform.Delivery{App: "app1", Received: received, Request: platform.Request{Method: "POST", Header: http.Header{}, Body: []byte(body)}})
	return ingest.Message{ID: id, Body: b, Received: 1}
}

func (d *desk) parked(t *testing.T, workspace string) string {
	t.Helper()
	ps, _, err := d.store.Parked(t.Context(), workspace, received, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range ps {
		if len(d.shelf.objects[p.Object]) == 0 {
			t.Errorf("nothing is kept of %q", p.Reason)
		}
		out = append(out, p.Reasons()...)
	}
	return strings.Join(out, "\n")
}

func good(id string) string {
	return fmt.Sprintf(`{"id":%q,"by":"ann","text":"hello","at":"2026-10-05T08:00:00Z","staff":false}`, id)
}

// TestNothingBlocksItsBatch: whatever stands beside it, the good delivery is
// stored, and what is not stored is parked with its reason.
func TestNothingBlocksItsBatch(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	for name, c := range map[string]struct{ body, reason string }{
		"no JSON":            {"\x00\xff", "no JSON"},
		"nested 100 deep":    {strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested deeper"},
		"without a time":     {`{"id":"1","by":"ann","staff":false}`, "occurred"},
		"a huge actor":       {fmt.Sprintf(`{"id":"1","by":%q,"at":"2026-10-05T08:00:00Z","staff":false}`, long), "actor id has 500000 bytes"},
		"dated in 2099":      {strings.Replace(good("1"), "2026", "2099", 1), "over a day after its receipt"},
		"an unknown value":   {strings.Replace(good("1"), "false", `"perhaps"`, 1), "which the mapping does not know"},
		"an unwatched scope": {strings.Replace(good("1"), `{"id"`, `{"room":"other","id"`, 1), "no source watches the scope"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if failed := d.Batch(t.Context(), []ingest.Message{message("m1", c.body), message("m2", good("2"))}); len(failed) > 0 {
				t.Fatalf("failed: %v", failed)
			}
			if got := d.parked(t, w); !strings.Contains(got, c.reason) {
				t.Errorf("parked: %q, want %q", got, c.reason)
			}
			if len(d.views) != 1 || len(d.views[0].Facts) != 1 || len(d.scores) != 1 {
				t.Errorf("of the good one, %v to view and %v to score", d.views, d.scores)
			}
			if d.shelf.archived[w] != 2 {
				t.Errorf("%d deliveries archived, want 2", d.shelf.archived[w])
			}
		})
	}
}

func TestIgnoredDeliveriesAreArchived(t *testing.T) {
	d := newDesk(t)
	doc := strings.Replace(mapping, `"false":"inbound"`, `"false":"inbound","system":""`, 1)
	app := store.App{ID: "app2", Owner: "w2", Platform: "standard", Config: json.RawMessage(doc)}
	if err := d.store.CreateSource(t.Context(), app, true, store.Source{ID: "s", Workspace: "w2", App: "app2", Platform: "standard", Scope: "forum", Created: received}); err != nil {
		t.Fatal(err)
	}
	m := message("m1", strings.Replace(good("1"), "false", `"system"`, 1))
	m.Body = []byte(strings.Replace(string(m.Body), `"app1"`, `"app2"`, 1))
	if failed := d.Batch(t.Context(), []ingest.Message{m}); len(failed) > 0 || d.shelf.archived["w2"] != 1 || d.parked(t, "w2") != "" || len(d.views) != 0 {
		t.Errorf("failed %v, archived %v, parked %q, viewed %v", failed, d.shelf.archived, d.parked(t, "w2"), d.views)
	}
}

func TestOneDeliveryOfManyActivities(t *testing.T) {
	d := newDesk(t)
	var items []string
	for i := range 600 {
		items = append(items, good(fmt.Sprint(i)))
	}
	if failed := d.Batch(t.Context(), []ingest.Message{message("m1", "["+strings.Join(items, ",")+"]")}); len(failed) > 0 {
		t.Fatal(failed)
	}
	n := 0
	for _, v := range d.views {
		if len(v.Facts) > 20 {
			t.Errorf("one message names %d facts", len(v.Facts))
		}
		n += len(v.Facts)
	}
	if n != 600 {
		t.Errorf("%d facts to view, want 600", n)
	}
}

// TestLittleTimeLeft: what there is no time for comes again, and only that.
func TestLittleTimeLeft(t *testing.T) {
	d := newDesk(t)
	failed := d.Batch(lambdatest.Left(t.Context(), 5*time.Second), []ingest.Message{message("m1", good("1"))})
	if !fault.Is(failed["m1"], fault.Transient) || len(d.views) != 0 {
		t.Errorf("failed %v, viewed %v", failed, d.views)
	}
}

func TestAppThatCameLater(t *testing.T) {
	d := newDesk(t)
	other := strings.Replace(good("1"), `{"id"`, `{"room":"annex","id"`, 1)
	d.Batch(t.Context(), []ingest.Message{message("m1", good("1"))}) // now the app is remembered
	if err := d.store.CreateSource(t.Context(), store.App{ID: "app1"}, false, store.Source{ID: "src2", Workspace: w, App: "app1", Platform: "standard", Scope: "annex", Created: received}); err != nil {
		t.Fatal(err)
	}
	d.views = nil
	if failed := d.Batch(t.Context(), []ingest.Message{message("m2", other)}); len(failed) > 0 || len(d.views) != 1 || d.parked(t, w) != "" {
		t.Errorf("a scope that was added: failed %v, viewed %v, parked %q", failed, d.views, d.parked(t, w))
	}
}
