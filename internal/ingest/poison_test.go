package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/lambdatest"
	"rapport/internal/reading/readtest"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// listed is the mapping of a sender whose items are in a list.
func listed() json.RawMessage {
	return json.RawMessage(strings.Replace(mapping, `{"mapping":{`, `{"mapping":{"items":"/events",`, 1))
}

// counted is a desk over a table whose requests are counted.
func counted(t *testing.T) (*desk, *atomic.Int64) {
	t.Helper()
	d := newDesk(t)
	_, table := storetest.NewTable(t)
	var requests atomic.Int64
	t.Setenv("AWS_ENDPOINT_URL", lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(int, *http.Request) bool { requests.Add(1); return true }))
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.store = store.New(cfg, table.Name)
	d.Ingest = ingest.New(ingest.Deps{Store: d.store, Archive: d.shelf, Read: readtest.Read(t),
		QueueScore: func(_ context.Context, m []ingest.Score) error { d.scores = append(d.scores, m...); return nil },
		QueueView:  func(_ context.Context, m []ingest.View) error { d.views = append(d.views, m...); return nil },
		QueueErase: func(_ context.Context, m []ingest.Erase) error { return nil },
		Erased:     func(context.Context, string, []string) (map[string]time.Time, error) { return nil, nil },
		Now:        func() time.Time { return d.now }})
	for id, doc := range map[string]json.RawMessage{"app1": json.RawMessage(mapping), "app2": listed()} {
		app := store.App{ID: id, Owner: w, Platform: "standard", Config: doc}
		if err := d.store.CreateSource(t.Context(), app, true, store.Source{ID: "src_" + id, Workspace: w, App: id, Platform: "standard", Scope: "forum", Created: received}); err != nil {
			t.Fatal(err)
		}
	}
	return d, &requests
}

// A delivery that is made to take the time of others is parked whole; its
// neighbours are stored, and the batch takes little of a processor, which is not
// counted by the clock: others may use it too.
func TestPoisonIsParkedWhole(t *testing.T) {
	var slowest time.Duration
	var largest uint64
	cases := 0
	for name, c := range map[string]struct{ app, body, reason string }{
		"40,000 events of 80 KB":       {"app2", `{"events":[` + strings.Repeat("1,", 39_999) + `1]}`, "a list of 40000 elements, at most 5000"},
		"2.1 million events of 4 MB":   {"app1", "[" + strings.Repeat("1,", 2_096_999) + "1]", "a list of 2097000 elements"},
		"lists of lists":               {"app1", "[" + strings.Repeat("["+strings.Repeat("1,", 4_000)+"1],", 100) + "1]", "elements, at most 200000"},
		"nested 100,000 deep":          {"app1", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "nested deeper"},
		"nested without an end":        {"app1", strings.Repeat(`{"a":`, 100_000), "nested deeper"},
		"tags without an end":          {"app1", strings.Repeat("<i>", 300_000), "it has 300000 elements"},
		"a number of 4 million digits": {"app1", `{"id":1` + strings.Repeat("0", 4_000_000) + `,"by":"ann","at":"2026-10-05T08:00:00Z","staff":false}`, "bytes, at most"},
		"a number too large":           {"app1", `{"id":"1","by":"ann","at":1e999999999,"staff":false}`, "occurred"},
	} {
		t.Run(name, func(t *testing.T) {
			d, requests := counted(t)
			requests.Store(0)
			began, heap := processor(t), peak()
			failed := d.Batch(t.Context(), []ingest.Message{message("m1", good("1")), delivered(c.app, received, c.body), message("m2", good("2"))})
			took, asked, grown := processor(t)-began, requests.Load(), heap()
			if slowest, largest = max(slowest, took), max(largest, grown); grown > mostMemory {
				t.Errorf("it takes %d MB, at most %d", grown>>20, mostMemory>>20)
			}
			if len(failed) > 0 || took > 20*time.Second || asked > 60 {
				t.Errorf("failed %v, after %s of a processor and %d requests", failed, took, asked)
			}
			if got := d.parked(t, w); !strings.Contains(got, c.reason) {
				t.Errorf("parked: %.200q, want %q", got, c.reason)
			}
			if n := len(d.facts(t, w)); n != 2 {
				t.Errorf("%d facts of its neighbours, want 2", n)
			}
		})
		cases++
	}
	drill.Show(t, "%d poisons parked, their neighbours stored; the worst took %.1f s of a processor and %d MB", cases, slowest.Seconds(), largest>>20)
}

// processor is the processor time that this process has used.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// mostMemory is what one poisoned batch may add to the heap: the function has
// 512 MB, of which the reader's model and the runtime take their part.
const mostMemory = 200 << 20

// peak begins to watch the heap; what it returns ends that and says by how
// much it grew at most.
func peak() func() uint64 {
	runtime.GC()
	heap := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	base, most := heap(), uint64(0)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			most = max(most, heap())
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-ended
		return most - min(most, base)
	}
}

// Parking is one write for a delivery, however much of it is not understood.
func TestParkingIsOneWrite(t *testing.T) {
	d, requests := counted(t)
	var items []string
	for i := range 4_000 {
		items = append(items, fmt.Sprintf(`{"id":"%d","by":"ann","at":"no time %d","staff":false}`, i, i))
	}
	requests.Store(0)
	d.batch(t, delivered("app2", received, `{"events":[`+strings.Join(append(items, good("1")), ",")+`]}`))
	if n := requests.Load(); n > 40 {
		t.Errorf("%d requests", n)
	}
	list, _, err := d.store.Parked(t.Context(), w, received, "", 100)
	if err != nil || len(list) != 1 || list[0].Events != 4_000 || len(list[0].Reasons()) != 20 {
		t.Fatalf("%d parked, %.500v, %v; want one, of 4,000 events, with 20 reasons", len(list), list, err)
	}
	if n := len(d.facts(t, w)); n != 1 {
		t.Errorf("%d facts of what was understood, want 1", n)
	}
}

// What there is no time to store comes again, and what was stored is queued.
func TestNoTimeIsLeftForAll(t *testing.T) {
	d := newDesk(t)
	ctx := lambdatest.Left(t.Context(), 16*time.Second+3*time.Millisecond) // what is kept in reserve, and less than 400 messages take to read
	var ms []ingest.Message
	for i := range 400 {
		ms = append(ms, message(fmt.Sprint("m", i), good(fmt.Sprint(i))))
	}
	failed := d.Batch(ctx, ms)
	for id, err := range failed {
		if !fault.Is(err, fault.Transient) {
			t.Errorf("%s: %v", id, err)
		}
	}
	views := 0
	for _, v := range d.views {
		views += len(v.Facts)
	}
	if views+len(failed) != 400 || len(failed) == 0 {
		t.Errorf("%d failed, %d queued", len(failed), views)
	}
}
