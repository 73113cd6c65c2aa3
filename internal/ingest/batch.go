package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Message is one queued delivery.
type Message struct {
	ID       string // of the queue's message
	Body     []byte
	Received int // how often the queue has handed it out
}

// reserve is the time kept for queueing what was stored; as much again is kept for storing what was read.
const reserve = 8 * time.Second

// errNoTime is of what comes again since others took the time.
var errNoTime = fault.New(fault.Transient, "no time was left for it")

// Batch handles messages and returns, by message id, the errors of those that
// must come again. One message never fails another, unless what they share
// (the archive, the queues) fails.
func (in *Ingest) Batch(ctx context.Context, messages []Message) map[string]error {
	b := &batch{in: in, failed: map[string]error{}, kept: map[string]*keptFacts{}}
	b.read(ctx, messages)
	if err := in.withhold(ctx, b.results); err != nil {
		// Who was erased is not known: nothing may be kept, not even in the archive.
		b.failAll(err)
		return b.failed
	}
	b.failEach(in.hold(ctx, b.results))
	// The archive first: what is a fact has its delivery kept. But one that
	// tells of an erased account is kept nowhere, as erasure leaves none.
	b.failEach(in.archive(ctx, b.results))
	b.keep(ctx)
	b.byDay(ctx)
	if err := b.queue(ctx); err != nil {
		b.failAll(err)
	}
	b.log(ctx, len(messages))
	return b.failed
}

// batch is what is known of messages that are handled together; its methods
// are the steps.
type batch struct {
	in      *Ingest
	failed  map[string]error // by message id
	results []*result
	kept    map[string]*keptFacts // by workspace
}

// keptFacts are a workspace's facts of a batch, with what they make stale.
type keptFacts struct {
	messages  []string // ids of the messages that they came in
	facts     []social.Activity
	again     []social.Activity // those that came before, in an attempt that may have died
	first     time.Time         // when the first of the deliveries came, but for replays
	stale     []view.Stale      // persons to score
	inThreads []store.FactRef   // facts that have a part in a thread
	regroup   []string          // accounts of which it became known to whom they belong
}

func (b *batch) fail(message string, err error) {
	if b.failed[message] == nil {
		b.failed[message] = err
	}
}

func (b *batch) failAll(err error) {
	for _, r := range b.results {
		b.fail(r.message, err)
	}
}

// failEach fails the messages of the results that have an error in their place.
func (b *batch) failEach(errs []error) {
	for i, err := range errs {
		if err != nil {
			b.fail(b.results[i].message, err)
		}
	}
}

// until is ctx, but ends when as much time is left of it.
func until(ctx context.Context, left time.Duration) (context.Context, context.CancelFunc) {
	end, ends := ctx.Deadline()
	if !ends {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-left))
}

// read understands the messages, each by itself, as long as there is time.
func (b *batch) read(ctx context.Context, messages []Message) {
	reading, cancel := until(ctx, 2*reserve)
	defer cancel()
	// What came back goes last: should it take the time that is left, only it comes again.
	messages = slices.Clone(messages)
	slices.SortStableFunc(messages, func(a, b Message) int { return cmp.Compare(a.Received, b.Received) })
	for _, m := range messages {
		if reading.Err() != nil {
			b.fail(m.ID, errNoTime)
			continue
		}
		rs, err := b.in.read(reading, m)
		if err != nil {
			b.fail(m.ID, err)
			continue
		}
		for _, r := range rs {
			if r.delivery.Check != "" {
				if err := b.in.check(ctx, r); err != nil {
					b.fail(m.ID, err)
					break
				}
			}
			r.message, r.again = m.ID, m.Received > 1
			b.results = append(b.results, r)
		}
	}
}

// keep stores the facts of each result that has not failed, as long as there is time.
func (b *batch) keep(ctx context.Context) {
	keeping, cancel := until(ctx, reserve)
	defer cancel()
	for _, r := range b.results {
		if b.failed[r.message] != nil {
			continue
		}
		if keeping.Err() != nil {
			b.fail(r.message, errNoTime)
			continue
		}
		err := b.in.keepSafely(keeping, r)
		b.in.came(r)
		if err != nil && keeping.Err() != nil {
			err = errNoTime // the time ended while it was stored
		}
		if err != nil {
			b.fail(r.message, err)
			continue
		}
		for w, facts := range r.facts {
			if b.kept[w] == nil {
				b.kept[w] = &keptFacts{}
			}
			b.kept[w].add(r, facts)
			b.kept[w].regroup = append(b.kept[w].regroup, r.regroup[w]...)
		}
	}
}

func (k *keptFacts) add(r *result, facts []social.Activity) {
	k.messages, k.facts = append(k.messages, r.message), append(k.facts, facts...)
	if r.again {
		k.again = append(k.again, facts...)
	}
	if at := r.delivery.Received; !r.delivery.Replay && (k.first.IsZero() || at.Before(k.first)) {
		k.first = at
	}
	for _, a := range facts {
		if a.Direction == social.Inbound && a.Actor.ID != social.Unknown {
			k.stale = append(k.stale, view.StaleBy(a))
		}
		if a.Type.Utterance() || a.Type == social.Edit || a.Type == social.Delete || a.Type.Closing() {
			k.inThreads = append(k.inThreads, store.RefOf(a))
		}
	}
}

// byDay notes the facts by day, those of a workspace together.
func (b *batch) byDay(ctx context.Context) {
	for _, w := range sortedKeys(b.kept) {
		k := b.kept[w]
		err := b.in.days.Store(ctx, w, k.facts)
		if err == nil {
			err = b.in.days.Again(ctx, w, k.again)
		}
		if err != nil {
			for _, m := range k.messages {
				b.fail(m, fmt.Errorf("by day: %w", err))
			}
		}
	}
}

// queue asks for the scores and the parts of threads that the facts make stale.
func (b *batch) queue(ctx context.Context) error {
	var scores []Score
	var views []View
	for _, w := range sortedKeys(b.kept) {
		k := b.kept[w]
		for part := range slices.Chunk(view.Merge(k.stale), perMessage) {
			scores = append(scores, Score{Workspace: w, Accounts: part, Received: k.first})
		}
		for part := range slices.Chunk(k.regroup, perMessage) {
			scores = append(scores, Score{Workspace: w, Regroup: part, Received: k.first})
		}
		for part := range slices.Chunk(k.inThreads, perMessage) {
			views = append(views, View{Workspace: w, Facts: part, Received: k.first})
		}
	}
	return errors.Join(b.in.QueueScore(ctx, scores), b.in.QueueView(ctx, views))
}

// log writes the batch's line: what came of it, but for what comes again.
func (b *batch) log(ctx context.Context, deliveries int) {
	stored, fresh, parked, ignored := 0, 0, 0, map[string]int{}
	for _, r := range b.results {
		if b.failed[r.message] != nil {
			continue // it comes again, and is counted then
		}
		for _, facts := range r.facts {
			stored += len(facts)
		}
		for _, n := range r.fresh {
			fresh += n
		}
		for kind, n := range r.ignored {
			countIgnored(ignored, kind, n)
		}
		for _, reasons := range r.parked {
			parked += len(reasons)
		}
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "ingested", append([]slog.Attr{slog.Int("deliveries", deliveries), slog.Int("activities", stored), slog.Int("new", fresh),
		slog.Int("parked", parked), slog.Any("ignored", ignored), slog.Int("failed", len(b.failed))},
		emf.Attrs(b.in.Now(), emf.Count(emf.Activities, stored), emf.Count(emf.Parked, parked))...)...)
}

// read is what a message comes to: nothing, if it was a note, which is taken here.
// A panic is the message's own fault.
func (in *Ingest) read(ctx context.Context, m Message) (rs []*result, err error) {
	defer recovered(&err)
	if noted, err := in.note(ctx, m); noted || err != nil {
		return nil, err
	}
	return in.understand(ctx, m)
}

// keepSafely is keep, whose panic is the delivery's own fault.
func (in *Ingest) keepSafely(ctx context.Context, r *result) (err error) {
	defer recovered(&err)
	return in.keep(ctx, r)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
