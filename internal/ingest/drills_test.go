package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	function "rapport/internal/app/ingest"
	"rapport/internal/drill"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/lambdatest"
	"rapport/internal/platform"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// function returns ingest as it is deployed, in this process, with AWS at endpoint.
func (x world) function(t *testing.T, endpoint string) lambdasqs.Handler {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	env := map[string]string{}
	for _, e := range x.env {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	h, err := function.New(t.Context(), func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// hand hands an event to the function until nothing of it comes back, as the
// queue would, and returns how many messages came back on the way.
func hand(t *testing.T, h lambdasqs.Handler, raw []byte) (back int) {
	t.Helper()
	var e events.SQSEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		out, err := h(t.Context(), e)
		if err != nil {
			t.Error(err)
			return back
		}
		failed := map[string]bool{}
		for _, f := range out.BatchItemFailures {
			failed[f.ItemIdentifier] = true
		}
		if len(failed) == 0 {
			return back
		}
		back += len(failed)
		var again []events.SQSMessage
		for _, m := range e.Records {
			if failed[m.MessageId] {
				again = append(again, m)
			}
		}
		e.Records = again
	}
	t.Errorf("%d messages come back for the fifth time", len(e.Records))
	return back
}

// eventOf is an event of one delivery for each body.
func eventOf(t *testing.T, at time.Time, bodies ...string) []byte {
	t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		d, err := json.Marshal(platform.Delivery{App: "app1", Received: at, Request: platform.Request{Method: http.MethodPost, URL: "https://x/hooks/app1", Header: http.Header{}, Body: []byte(b)}})
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("m", i), Body: string(d), Attributes: map[string]string{"ApproximateReceiveCount": "1"}})
	}
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// state is what the table says: each item, but for what tells how it came
// about, and what those views say whose items may be cut in several ways.
func (x world) state(t *testing.T) map[string]string {
	t.Helper()
	views := all.Views(x.store, func() time.Time { return received })
	out := map[string]string{}
	for k, v := range x.table.DumpBut(t, func(pk, sk string) []string {
		rest := strings.TrimPrefix(pk, w+"#")
		if strings.HasPrefix(rest, "P#") { // when a lead is due, which may be sooner than need be
			return []string{"Due", "G3PK", "G3SK"}
		}
		return view.Arrival(views, rest, sk)
	}) {
		pk, sk, _ := strings.Cut(k, " | ")
		cut := false
		for _, o := range views {
			_, canonical := o.(view.Canonical)
			cut = cut || canonical && o.Owns(strings.TrimPrefix(pk, w+"#"), sk)
		}
		if !cut {
			out[k] = strings.ReplaceAll(v, x.table.Name, "TABLE")
		}
	}
	for _, o := range views {
		if c, ok := o.(view.Canonical); ok {
			says, err := c.Says(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range says {
				out[o.Name()+": "+k] = v
			}
		}
	}
	return out
}

// A batch comes five times, and eight times at once: the same state as once.
func TestABatchThatComesAgain(t *testing.T) {
	endpoint, event := os.Getenv("AWS_ENDPOINT_URL"), batch(t)
	once := newWorld(t)
	hand(t, once.function(t, endpoint), event)
	once.drain(t)
	want := once.state(t)
	if len(want) < 30 {
		t.Fatalf("%d items: the batch does too little for this test", len(want))
	}

	again := newWorld(t)
	h := again.function(t, endpoint)
	for range 5 {
		hand(t, h, event)
	}
	again.drain(t)
	if d := cmp.Diff(want, again.state(t)); d != "" {
		t.Errorf("five times (-once +again):\n%s", d)
	}

	together := newWorld(t)
	var wg sync.WaitGroup
	var back atomic.Int64
	for range 8 {
		h := together.function(t, endpoint)
		wg.Go(func() { back.Add(int64(hand(t, h, event))) })
	}
	wg.Wait()
	together.drain(t)
	if d := cmp.Diff(want, together.state(t)); d != "" {
		t.Errorf("eight times at once (-once +together):\n%s", d)
	}
	drill.Show(t, "8 deliveries five times in turn and eight times at once: %d items, the same bytes as once; %d messages came back on the way", len(want), back.Load())
}

// The process dies when the answer to its n-th message to a queue is under
// way: the message is sent, and nobody knows. The batch comes again.
func TestKilledAfterSending(t *testing.T) {
	bin, event := lambdatest.Build(t, "ingest"), batch(t)
	whole := newWorld(t)
	sends := 0
	run := func(x world, killAt int) {
		t.Helper()
		var p atomic.Pointer[lambdatest.Process]
		var n atomic.Int64
		endpoint := lambdatest.Deaf(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, _ bool, r *http.Request) bool {
			if !strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.Send") || n.Add(1) != int64(killAt) {
				return false
			}
			p.Load().Kill()
			return true
		})
		p.Store(lambdatest.Start(t, bin, append(x.env, "AWS_ENDPOINT_URL="+endpoint)...))
		out, err := p.Load().Invoke(event)
		if killAt > 0 {
			if err != lambdatest.ErrDied {
				t.Fatalf("killed after message %d: got %s, %v; want a dead process", killAt, out, err)
			}
			return
		}
		if err != nil || string(out) != `{"batchItemFailures":[]}` {
			t.Fatalf("batch: %s, %v", out, err)
		}
		p.Load().Kill()
		sends = int(n.Load())
	}
	run(whole, 0)
	whole.drain(t)
	want := whole.state(t)
	if sends < 2 {
		t.Fatalf("%d messages sent: the batch does too little for this test", sends)
	}
	all := sends
	for n := 1; n <= all; n++ {
		x := newWorld(t)
		run(x, n)
		run(x, 0)
		x.drain(t)
		if d := cmp.Diff(want, x.state(t)); d != "" {
			t.Errorf("killed after message %d of %d, then redelivered (-whole +killed):\n%s", n, all, d)
		}
	}
	drill.Show(t, "killed after each of %d messages it sends: %d items, the same bytes as without", all, len(want))
}

// The table throttles each n-th request, also of those who make views; then it
// throttles all of them for longer than the SDK tries.
func TestThrottledTable(t *testing.T) {
	engine, event := os.Getenv("AWS_ENDPOINT_URL"), batch(t)
	once := newWorld(t)
	hand(t, once.function(t, engine), event)
	once.drain(t)
	want := once.state(t)

	var throttled atomic.Int64
	for _, each := range []int{2, 3, 7} {
		x := newWorld(t)
		endpoint := lambdatest.Throttled(t, engine, func(n int) bool {
			if n%each == 0 {
				throttled.Add(1)
			}
			return n%each == 0
		})
		hand(t, x.function(t, endpoint), event)
		slow := x
		cfg, err := config.LoadDefaultConfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slow.store = store.New(cfg, x.table.Name)
		slow.drain(t)
		if d := cmp.Diff(want, x.state(t)); d != "" {
			t.Errorf("each %d. request throttled (-without +with):\n%s", each, d)
		}
	}

	x := newWorld(t)
	var stuck atomic.Bool
	stuck.Store(true)
	h := x.function(t, lambdatest.Throttled(t, engine, func(int) bool { return stuck.Load() }))
	var e events.SQSEvent
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	out, err := h(t.Context(), e)
	if err != nil || len(out.BatchItemFailures) != len(e.Records) {
		t.Errorf("throttled for good: %d of %d messages come back, %v", len(out.BatchItemFailures), len(e.Records), err)
	}
	stuck.Store(false)
	hand(t, h, event)
	x.drain(t)
	if d := cmp.Diff(want, x.state(t)); d != "" {
		t.Errorf("after it was throttled for good (-without +with):\n%s", d)
	}
	drill.Show(t, "%d requests throttled (each 2nd, 3rd, 7th): the same %d items; all throttled: %d of %d messages came back, and were stored later", throttled.Load(), len(want), len(out.BatchItemFailures), len(e.Records))
}

// For an hour deliveries come, and nobody scores or makes views. Then they do.
func TestScoreAndFeedbackDownForAnHour(t *testing.T) {
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	up, down := newWorld(t), newWorld(t)
	hUp, hDown := up.function(t, endpoint), down.function(t, endpoint)
	bodies := []string{
		`{"id":"1","by":"ann","text":"My parcel is late again, where is it?","at":"2026-10-05T08:00:00Z","staff":false}`,
		`{"id":"2","by":"us","text":"Sorry! Let me look.","at":"2026-10-05T08:20:00Z","parent":"1","staff":true}`,
		`{"id":"3","by":"ann","text":"Thank you, it is here.","at":"2026-10-05T09:20:00Z","parent":"2","staff":false}`,
		`{"id":"4","by":"bob","text":"Mine too","at":"2026-10-05T10:00:00Z","parent":"1","staff":false}`,
		`{"id":"6","by":"cyd","text":"Do you deliver to Malta?","at":"2026-10-05T11:00:00Z","staff":false}`,
		`{"id":"7","by":"cyd","text":"Hello?","at":"2026-10-06T11:00:00Z","parent":"6","staff":false}`,
	}
	for i, b := range bodies {
		event := eventOf(t, received.Add(time.Duration(i)*12*time.Minute), b)
		hand(t, hUp, event)
		up.drain(t)
		hand(t, hDown, event)
	}
	facts := func(x world) (n int) {
		t.Helper()
		accounts, err := x.store.Accounts(t.Context(), w, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range accounts {
			list, err := x.store.Facts(t.Context(), w, a)
			if err != nil {
				t.Fatal(err)
			}
			n += len(list)
		}
		return n
	}
	top, _, err := down.store.Leads(t.Context(), w, "default", "", 10)
	if err != nil || len(top) > 0 || facts(down) != len(bodies) {
		t.Errorf("while they are down: %d leads, %d facts, %v", len(top), facts(down), err)
	}
	down.drain(t)
	want := up.state(t)
	if d := cmp.Diff(want, down.state(t)); d != "" {
		t.Errorf("after an hour (-up +down):\n%s", d)
	}
	drill.Show(t, "%d deliveries in an hour were stored meanwhile; afterwards %d items, the same bytes as if nobody had been down", len(bodies), len(want))
}

// Whoever receives has a clock of their own: the same events, received ten
// minutes apart, in either order, are the same facts, first known by the
// earlier clock.
func TestClocksThatDiffer(t *testing.T) {
	early, late := received.Add(-10*time.Minute), received.Add(10*time.Minute)
	bodies := []string{good("1"), good("2"), strings.Replace(good("3"), "2026-10-05T08:00:00Z", early.Add(2*time.Minute).Format(time.RFC3339), 1)}
	stored := func(receipts ...time.Time) []byte {
		t.Helper()
		d := newDesk(t)
		for _, at := range receipts {
			var ms []ingest.Message
			for _, b := range bodies {
				ms = append(ms, delivered("app1", at, b))
			}
			d.batch(t, ms...)
		}
		facts := d.facts(t, w)
		for _, a := range facts {
			if !a.Known.Equal(early) {
				t.Errorf("received at %v: %s is first known at %s, want %s", receipts, a.Object.ID, a.Known, early)
			}
		}
		if len(facts) != len(bodies) {
			t.Errorf("received at %v: %d facts, want %d", receipts, len(facts), len(bodies))
		}
		out, err := json.Marshal(facts)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if d := cmp.Diff(string(stored(early, late)), string(stored(late, early))); d != "" {
		t.Errorf("(-earlier clock first +later clock first):\n%s", d)
	}
	drill.Show(t, "%d events received 20 minutes apart in either order, one dated ahead of a clock: the same facts, known since the earlier receipt", len(bodies))
}
