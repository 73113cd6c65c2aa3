package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/limit"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// What is imported is stored and scored as what came, is in no archive, and is no news.
func TestAnImport(t *testing.T) {
	d := newDesk(t)
	a := social.Activity{Platform: "discord", Type: social.Message, Actor: social.Actor{ID: "7"}, Object: social.Object{ID: "m1"}, Text: "The lid is broken, I am angry", Occurred: received.Add(-30 * 24 * time.Hour), Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, "m1", a.Occurred)
	line, err := json.Marshal(a.ToLine())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(ingest.Imported(w, platform.Delivery{Received: received, Request: platform.Request{Method: "POST", Body: append(line, '\n')}}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if failed := d.Batch(t.Context(), []ingest.Message{{ID: "1", Body: b, Received: 1}}); len(failed) > 0 {
			t.Fatal(failed)
		}
	}
	got, err := d.store.Facts(t.Context(), w, a.Account().AccountID())
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if f := got[0]; f.Key != a.Key || !f.Occurred.Equal(a.Occurred) || !f.Known.Equal(received) || f.Sentiment != "negative" {
		t.Errorf("%+v", f)
	}
	if len(d.shelf.archived) > 0 || len(d.shelf.objects) > 0 {
		t.Errorf("archived %v, kept %v", d.shelf.archived, d.shelf.objects)
	}
	if len(d.scores) == 0 || len(d.views) == 0 {
		t.Errorf("%d scores and %d views are queued", len(d.scores), len(d.views))
	}
	for _, m := range d.scores {
		if !m.Received.IsZero() {
			t.Errorf("it is taken for news: %+v", m)
		}
	}
	for _, m := range d.views {
		if !m.Received.IsZero() {
			t.Errorf("it is taken for news: %+v", m)
		}
	}
	live := newDesk(t)
	if failed := live.Batch(t.Context(), []ingest.Message{message("a", good("1"))}); len(failed) > 0 {
		t.Fatal(failed)
	}
	if len(live.views) != 1 || !live.views[0].Received.Equal(received) {
		t.Errorf("what a platform sends is no news: %+v", live.views)
	}
}

// How much is imported was asked before it was queued: it is stored over the
// month's limit, and not counted a second time.
func TestAnImportIsCountedOnce(t *testing.T) {
	d := heldDesk(t)
	if err := d.store.SetLimit(t.Context(), w, limit.Activities, 1, false); err != nil {
		t.Fatal(err)
	}
	if err := d.store.Ask(t.Context(), w, limit.Activities, 1, 1, d.now); err != nil {
		t.Fatal(err)
	}
	a := social.Activity{Platform: "discord", Type: social.Join, Actor: social.Actor{ID: "7"}, Occurred: received.Add(-time.Hour), Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, "7", a.Occurred)
	line, err := json.Marshal(a.ToLine())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(ingest.Imported(w, platform.Delivery{Received: received, Request: platform.Request{Method: "POST", Body: append(line, '\n')}}))
	if err != nil {
		t.Fatal(err)
	}
	if failed := d.Batch(t.Context(), []ingest.Message{{ID: "1", Body: b, Received: 1}}); len(failed) > 0 {
		t.Fatal(failed)
	}
	if n := len(d.facts(t, w)); n != 1 {
		t.Errorf("%d facts", n)
	}
	d.now = d.now.Add(2 * time.Minute)
	d.batch(t, message("m1", good("1"))) // counts what came
	if n, err := d.store.Asked(t.Context(), w, limit.Activities, d.now); err != nil || n != 1 {
		t.Errorf("%d are counted, %v", n, err)
	}
}
