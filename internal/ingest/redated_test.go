package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/platform/feed"
	"rapport/internal/store"
)

// TestACorrectedDateIsNoOtherFact: a feed that corrects the date of a post
// tells of the one that is there, under the instant that it has.
func TestACorrectedDateIsNoOtherFact(t *testing.T) {
	const url = "https://blog.example/feed"
	d := newDesk(t)
	app := store.App{ID: "app2", Owner: w, Platform: "feed"}
	if err := d.store.CreateSource(t.Context(), app, true, store.Source{ID: "src2", Workspace: w, App: "app2", Platform: "feed", Scope: url, Created: received}); err != nil {
		t.Fatal(err)
	}
	of := func(hour int) platform.Delivery {
		body := fmt.Sprintf(`<rss version="2.0"><channel><item><title>Kettles</title><guid>https://blog.example/1</guid><pubDate>Mon, 05 Oct 2026 %02d:00:00 GMT</pubDate></item></channel></rss>`, hour)
		return platform.Delivery{App: "app2", Received: received, Request: platform.Request{Method: http.MethodGet, URL: url, Header: http.Header{}, Body: []byte(body)}}
	}
	for hour := 6; hour < 9; hour++ {
		b, err := json.Marshal(of(hour))
		if err != nil {
			t.Fatal(err)
		}
		if failed := d.Batch(t.Context(), []ingest.Message{{ID: fmt.Sprint(hour), Body: b, Received: 1}}); len(failed) > 0 {
			t.Fatal(failed)
		}
		if hour == 6 { // the conversations' view has seen it
			events, err := feed.Adapter{}.Normalise(of(6).Request, platform.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.store.PutPlace(t.Context(), w, store.Place{NodeRef: store.NodeOf(*events[0].Activity), Thread: "t"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	events, _ := feed.Adapter{}.Normalise(of(8).Request, platform.Options{})
	facts, err := d.store.Facts(t.Context(), w, events[0].Activity.Account().AccountID())
	if err != nil || len(facts) != 1 || facts[0].Occurred.Hour() != 6 {
		t.Errorf("%+v, %v; want one, of 6 o'clock", facts, err)
	}
	would, err := d.Would(t.Context(), w, of(9), &ingest.Told{})
	if err != nil || len(would.Add) != 0 || would.Same != 1 {
		t.Errorf("a replay would come to %+v, %v", would, err)
	}
}
