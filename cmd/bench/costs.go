package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/refit"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/talk"
	"rapport/internal/view"
)

// rig is the way of an activity as the functions run it, with everything that costs counted.
type rig struct {
	store    *store.Store
	template template
	meter    meter
	used     *usage
	in       *ingest.Ingest
	feedback *talk.Talk
	leads    *leads.Leads
	bucket   *nowhere
	scores   []ingest.Score
	views    []ingest.View
	hold     bool // scores are not worked off
}

func newRig(s *store.Store, t template) *rig {
	x := &rig{store: s, template: t, used: newUsage(), bucket: &nowhere{}, leads: leads.New(s)}
	send := func(n int) { x.used.requests += math.Ceil(float64(n) / 10) }
	x.in = ingest.New(ingest.Deps{Store: s, Archive: x.bucket, Read: func(text string, by *refit.Document, expected ...string) social.Reading {
		return opened().KeptBy(by, text, expected...)
	},
		QueueScore: func(_ context.Context, m []ingest.Score) error {
			x.scores = append(x.scores, m...)
			send(len(m))
			return nil
		},
		QueueView: func(_ context.Context, m []ingest.View) error {
			x.views = append(x.views, m...)
			send(len(m))
			return nil
		},
		QueueErase: func(context.Context, []ingest.Erase) error { return nil },
		Erased:     erasure.Erased(s, []byte("a key for the bench")), Now: time.Now})
	x.feedback = talk.New(s, func(_ context.Context, w string, stale []view.Stale) error {
		x.scores = append(x.scores, ingest.Score{Workspace: w, Accounts: stale})
		x.used.requests++
		return nil
	})
	s.Consumed = x.meter.add
	return x
}

// function runs what a function does once for a batch of messages from its
// queue, and counts it.
func (x *rig) function(name string, messages int, do func() error) error {
	x.meter.take()
	start := cpu()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m := x.meter.take()
	u := x.used
	u.invocations[name]++
	u.seconds[name] += (cpu() - start).Seconds()
	u.trips[name] += m.calls
	u.read, u.write = u.read+m.read, u.write+m.write
	u.requests += 2 * math.Ceil(float64(messages)/10) // received and deleted in tens
	u.lines++
	return nil
}

// take hands deliveries to ingest, so many in a batch, and works off what it
// queues, so many messages at once.
func (x *rig) take(ctx context.Context, bodies []delivered, deliveries, messages int) error {
	before := x.bucket.puts
	for len(bodies) > 0 {
		var batch []ingest.Message
		n := min(deliveries, len(bodies))
		for i, d := range bodies[:n] {
			b, err := json.Marshal(deliveryTo(d.app, d.body))
			if err != nil {
				return err
			}
			batch = append(batch, ingest.Message{ID: fmt.Sprint(i), Body: b, Received: 1})
		}
		bodies = bodies[n:]
		x.used.activities += float64(n)
		x.used.requests += float64(n) // intake's
		if err := x.function("IngestFunction", n, func() error {
			for _, err := range x.in.Batch(ctx, batch) {
				return err
			}
			return nil
		}); err != nil {
			return err
		}
	}
	x.used.puts += x.bucket.puts - before
	if err := x.work(ctx, messages); err != nil {
		return err
	}
	return nil
}

// work does what feedback and score do until nothing is queued.
func (x *rig) work(ctx context.Context, messages int) error {
	for len(x.views) > 0 {
		n := min(messages, len(x.views))
		batch := x.views[:n]
		x.views = x.views[n:]
		if err := x.function("FeedbackFunction", n, func() error {
			for _, v := range batch {
				if err := x.feedback.View(ctx, v.Workspace, v.Facts...); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for len(x.scores) > 0 && !x.hold {
		n := min(messages, len(x.scores))
		batch := x.scores[:n]
		x.scores = x.scores[n:]
		if err := x.function("ScoreFunction", n, func() error {
			for w, list := range byWorkspace(batch) {
				if err := errors.Join(x.leads.Score(ctx, w, received, view.Merge(list)...)...); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func byWorkspace(ms []ingest.Score) map[string][]view.Stale {
	out := map[string][]view.Stale{}
	for _, m := range ms {
		out[m.Workspace] = append(out[m.Workspace], m.Accounts...)
	}
	return out
}

// delivered is a delivery's body and the app that it is for.
type delivered struct{ app, body string }

// customer is a workspace with an app of its own.
func customer(ctx context.Context, s *store.Store, w string, model []byte) error {
	app := store.App{ID: "app_" + w, Owner: w, Platform: "standard", Config: json.RawMessage(mapping)}
	if err := s.CreateSource(ctx, app, true, store.Source{ID: "src", Workspace: w, App: app.ID, Platform: "standard", Scope: "forum", Created: received}); err != nil {
		return err
	}
	return s.Publish(ctx, w, store.Models, store.Document{Version: "1", Published: received, Body: model})
}

// costs measures three cases on history that was viewed and scored: one busy
// workspace; 500 workspaces whose sizes follow Zipf's law; and a million
// activities a month, which is one in three seconds, so that batches are small.
func costs(ctx context.Context, s *store.Store) error {
	t, err := readTemplate("template.yaml")
	if err != nil {
		return err
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, seed))
	zipf := rand.NewZipf(r, 1.01, 1, 499)
	people := map[string][]int{} // by workspace
	var spread []string          // the workspace of each of the people who are spread
	who := 0
	add := func(w string) error {
		if len(people[w]) == 0 {
			if err := customer(ctx, s, w, model); err != nil {
				return err
			}
		}
		people[w] = append(people[w], who)
		who++
		return nil
	}
	for range perBatch {
		if err := add(workspace); err != nil {
			return err
		}
	}
	for range perBatch {
		w := fmt.Sprintf("w%03d", zipf.Uint64())
		spread = append(spread, w)
		if err := add(w); err != nil {
			return err
		}
	}

	x := newRig(s, t)
	fmt.Fprintf(os.Stderr, "bench: %d people do %d things each, which are viewed and scored …\n", who, history)
	n := 0
	event := func(w string, person int, at time.Time) delivered {
		n++
		return delivered{"app_" + w, event(r, fmt.Sprintf("e%d", n), person, at, n%10 < 7)}
	}
	x.hold = true // people are scored once, at the end: their heads and blocks are the same
	var held []ingest.Score
	for h := history; h > 0; h-- {
		var bodies []delivered
		for w, list := range people {
			for _, p := range list {
				bodies = append(bodies, event(w, p, received.Add(-time.Duration(h*8)*time.Hour)))
			}
		}
		if err := x.take(ctx, bodies, len(bodies), 1000); err != nil {
			return err
		}
		held = append(held, x.scores...)
		x.scores = nil
		if h%20 == 0 {
			fmt.Fprintf(os.Stderr, "bench: %d to go\n", h)
		}
	}

	x.hold, x.scores = false, nil
	for w, list := range byWorkspace(held) {
		if err := errors.Join(x.leads.Score(ctx, w, received, view.Merge(list)...)...); err != nil {
			return err
		}
	}

	batchOf := func(name string, perSecond float64) int { // how many messages a function finds in its window
		return max(1, min(int(t.batch[name]), int(1+perSecond*t.window[name])))
	}
	const monthly = 1e6 / monthSeconds // activities a second
	slow := batchOf("IngestFunction", monthly)
	for _, c := range []struct {
		name                 string
		deliveries, messages int
		of                   func(i int) (string, int)
	}{
		{"reference", perBatch, int(t.batch["ScoreFunction"]), func(i int) (string, int) { return workspace, people[workspace][i%perBatch] }},
		{"500_workspaces", perBatch, int(t.batch["ScoreFunction"]), func(i int) (string, int) {
			w := spread[i%len(spread)]
			return w, people[w][i%len(people[w])]
		}},
		{"1m_a_month", slow, batchOf("ScoreFunction", monthly/float64(slow)), func(i int) (string, int) { return workspace, people[workspace][i%perBatch] }},
	} {
		x.used = newUsage()
		for b := range batches {
			var bodies []delivered
			for i := range perBatch {
				w, p := c.of(i)
				bodies = append(bodies, event(w, p, received.Add(time.Duration(b*60+i)*time.Second)))
			}
			if err := x.take(ctx, bodies, c.deliveries, c.messages); err != nil {
				return err
			}
		}
		u := x.used
		line("wru_per_activity_"+c.name, u.write/u.activities, "WRU")
		line("rru_per_activity_"+c.name, u.read/u.activities, "RRU")
		line("s3_puts_per_activity_"+c.name, u.puts/u.activities, "puts")
		tellDollars(c.name, t.dollars(u))
	}
	quiet := newUsage()
	quiet.read, quiet.requests = 4, 3
	t.tellQuiet(quiet)
	return nil
}
