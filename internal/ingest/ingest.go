// Package ingest turns deliveries into facts: it archives them, normalises
// them by their platform's adapter, reads their texts, stores accounts and
// activities, notes them by day, and then queues what has to be scored and
// viewed again, also for what was there already, since an earlier attempt may
// have died between.
package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/task"
	"rapport/internal/themed"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

// What is queued for other functions.
type (
	Score = task.Score
	View  = task.View
	Erase = task.Erase
)

// perMessage bounds how many accounts or facts one queued message names.
const perMessage = 20

// Archive keeps bytes.
type Archive interface {
	Get(ctx context.Context, key string) ([]byte, error)
	PutBatch(ctx context.Context, kept []platform.Kept) (places []string, err error)
	PutParked(ctx context.Context, workspace, id string, body []byte) (string, error)
}

// Deps is what ingest needs of the world.
type Deps struct {
	Store      *store.Store
	Archive    Archive
	Reader     *reading.Reader
	QueueScore func(ctx context.Context, m []Score) error
	QueueView  func(ctx context.Context, m []View) error
	QueueErase func(ctx context.Context, m []Erase) error
	Erased     func(ctx context.Context, workspace string, accounts []string) (map[string]time.Time, error) // as of when those of them were erased that were
	Now        func() time.Time                                                                             // for how long things are remembered
}

// Ingest handles batches of deliveries.
type Ingest struct {
	Deps
	days *byday.View
	// Remembered; one batch at a time.
	apps  map[string]appRoutes
	owned map[string]ownAccounts // by workspace
	heard map[string]time.Time   // by workspace and source: the slot noted last
	terms map[string]*terms      // by workspace
}

// New returns an Ingest. Its batches are handled one after the other.
func New(d Deps) *Ingest {
	return &Ingest{Deps: d, days: byday.New(d.Store, themed.NewTags(d.Store, d.Reader, d.Now)), apps: map[string]appRoutes{}, owned: map[string]ownAccounts{}, heard: map[string]time.Time{}, terms: map[string]*terms{}}
}

// Message is one queued delivery.
type Message struct {
	ID       string // of the queue's message
	Body     []byte
	Received int // how often the queue has handed it out
}

// ignoreAfter is how far ahead of its receipt an activity may be dated.
const ignoreAfter = 24 * time.Hour

// maxText bounds an activity's text in bytes; a longer one is cut at a rune,
// so that the fact fits an item. The archive holds it whole.
const maxText = 64 << 10

// Bounds of an activity's other fields, in bytes: far over what platforms
// send, and low enough that every fact fits an item and can be scored.
const (
	maxField = 2 << 10
	maxURL   = 8 << 10
)

// bound says which field of a is too long to be kept.
func bound(a social.Activity) error {
	for _, f := range []struct {
		name, value string
		most        int
	}{
		{"scope", a.Scope, maxField}, {"actor id", a.Actor.ID, maxField}, {"actor handle", a.Actor.Handle, maxField}, {"actor name", a.Actor.Name, maxField},
		{"object id", a.Object.ID, maxField}, {"object type", a.Object.Type, maxField}, {"in_reply_to", a.InReplyTo, maxField},
		{"conversation", a.Conversation, maxField}, {"url", a.URL, maxURL},
	} {
		if len(f.value) > f.most {
			return fmt.Errorf("the %s has %d bytes, at most %d are kept", f.name, len(f.value), f.most)
		}
	}
	return nil
}

// reserve is the time kept for queueing what was stored; as much again is kept for storing what was read.
const reserve = 8 * time.Second

// Batch handles messages and returns, by message id, the errors of those that
// must come again. One message never fails another, unless what they share
// (the archive, the queues) fails.
func (in *Ingest) Batch(ctx context.Context, messages []Message) map[string]error {
	failed := map[string]error{}
	var done []*result
	var ids []string
	// What came back goes last: should it take the time that is left, only it comes again.
	messages = slices.Clone(messages)
	slices.SortStableFunc(messages, func(a, b Message) int { return cmp.Compare(a.Received, b.Received) })
	received := map[string]int{}
	end, ends := ctx.Deadline()
	before := func(left time.Duration) (context.Context, context.CancelFunc) {
		if !ends {
			return ctx, func() {}
		}
		return context.WithDeadline(ctx, end.Add(-left))
	}
	reading, cancel := before(2 * reserve)
	defer cancel()
	for _, m := range messages {
		received[m.ID] = m.Received
		if reading.Err() != nil {
			failed[m.ID] = errNoTime
			continue
		}
		rs, err := in.read(reading, m)
		if err != nil {
			failed[m.ID] = err
			continue
		}
		for _, r := range rs {
			if r.delivery.Check != "" {
				if err := in.check(ctx, r); err != nil {
					failed[m.ID] = err
					break
				}
			}
			done, ids = append(done, r), append(ids, m.ID)
		}
	}
	fail := func(err error, ids ...string) {
		for _, id := range ids {
			if failed[id] == nil {
				failed[id] = err
			}
		}
	}

	if err := in.withhold(ctx, done); err != nil {
		// Who was erased is not known: nothing may be kept, not even in the archive.
		fail(err, ids...)
		return failed
	}

	for i, err := range in.hold(ctx, done) {
		if err != nil {
			fail(err, ids[i])
		}
	}

	// The archive first: what is a fact has its delivery kept. But one that
	// tells of an erased account is kept nowhere, as erasure leaves none.
	for i, err := range in.archive(ctx, done) {
		if err != nil {
			fail(fmt.Errorf("archive: %w", err), ids[i])
		}
	}

	keeping, cancel := before(reserve)
	defer cancel()
	scores, views := map[string][]view.Stale{}, map[string][]store.FactRef{}
	kept := map[string]*keptFacts{}
	stored, fresh, parked, ignored := 0, 0, 0, map[string]int{}
	came := map[string]time.Time{} // by workspace: when the first of its deliveries came
	for i, r := range done {
		if failed[ids[i]] != nil {
			continue
		}
		if keeping.Err() != nil {
			fail(errNoTime, ids[i])
			continue
		}
		n, err := in.keepSafely(keeping, r)
		in.came(r)
		if err != nil {
			fail(err, ids[i])
			continue
		}
		fresh += n
		for kind, n := range r.ignored {
			countIgnored(ignored, kind, n)
		}
		for _, reasons := range r.parked {
			parked += len(reasons)
		}
		for w, as := range r.facts {
			if kept[w] == nil {
				kept[w] = &keptFacts{}
			}
			if at := r.delivery.Received; !r.delivery.Replay && (came[w].IsZero() || at.Before(came[w])) {
				came[w] = at
			}
			kept[w].add(ids[i], as, received[ids[i]] > 1)
			for _, a := range as {
				stored++
				ref := store.RefOf(a)
				if a.Direction == social.Inbound && a.Actor.ID != social.Unknown {
					scores[w] = append(scores[w], view.StaleBy(a))
				}
				if a.Type.Utterance() || a.Type == social.Edit || a.Type == social.Delete {
					views[w] = append(views[w], ref) // nothing else has a part in a thread
				}
			}
		}
	}
	for _, w := range sortedKeys(kept) {
		if err := in.byDay(ctx, w, kept[w]); err != nil {
			fail(err, kept[w].ids...)
		}
	}
	if err := in.queue(ctx, scores, views, came); err != nil {
		fail(err, ids...)
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "ingested", append([]slog.Attr{slog.Int("deliveries", len(messages)), slog.Int("activities", stored), slog.Int("new", fresh),
		slog.Int("parked", parked), slog.Any("ignored", ignored), slog.Int("failed", len(failed))},
		emf.Attrs(in.Now(), emf.Count(emf.Activities, stored), emf.Count(emf.Parked, parked))...)...)
	return failed
}

// keptFacts are a workspace's facts of a batch.
type keptFacts struct {
	ids          []string // of their messages
	facts, again []social.Activity
}

func (k *keptFacts) add(id string, facts []social.Activity, again bool) {
	k.ids, k.facts = append(k.ids, id), append(k.facts, facts...)
	if again {
		k.again = append(k.again, facts...)
	}
}

// byDay notes facts by day, those of a batch together.
func (in *Ingest) byDay(ctx context.Context, w string, k *keptFacts) error {
	if err := in.days.Store(ctx, w, k.facts); err != nil {
		return fmt.Errorf("by day: %w", err)
	}
	return in.days.Again(ctx, w, k.again)
}

// errNoTime is of what comes again since others took the time.
var errNoTime = fault.New(fault.Transient, "no time was left for it")

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
func (in *Ingest) keepSafely(ctx context.Context, r *result) (n int, err error) {
	defer recovered(&err)
	return in.keep(ctx, r)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

func (in *Ingest) queue(ctx context.Context, scores map[string][]view.Stale, views map[string][]store.FactRef, came map[string]time.Time) error {
	var sm []Score
	for _, w := range sortedKeys(scores) {
		for part := range slices.Chunk(view.Merge(scores[w]), perMessage) {
			sm = append(sm, Score{Workspace: w, Accounts: part, Received: came[w]})
		}
	}
	var vm []View
	for _, w := range sortedKeys(views) {
		for part := range slices.Chunk(views[w], perMessage) {
			vm = append(vm, View{Workspace: w, Facts: part})
		}
	}
	return errors.Join(in.QueueScore(ctx, sm), in.QueueView(ctx, vm))
}

func sortedKeys[T any](m map[string]T) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// note handles what intake tells of an app beside its deliveries; it reports
// whether the message is such.
func (in *Ingest) note(ctx context.Context, m Message) (bool, error) {
	var x struct {
		Note *platform.Note `json:"note"`
	}
	if json.Unmarshal(m.Body, &x) != nil || x.Note == nil {
		return false, nil
	}
	return true, in.Store.PutNote(ctx, store.Note(*x.Note))
}

// checkWaits is longer than anybody waits for a source check: what comes later is not
// kept, since nobody would take it away.
const checkWaits = time.Minute

// check turns the delivery of a source check into one whose facts go
// into a workspace of their own, and reports how far it came.
func (in *Ingest) check(ctx context.Context, r *result) error {
	c := store.Check{ID: r.delivery.Check, Delivery: r.delivery.ID(), Received: r.delivery.Received, Events: r.seen}
	facts := map[string][]social.Activity{}
	if in.Now().Sub(c.Received) > checkWaits {
		r.facts = facts
	}
	for _, w := range sortedKeys(r.facts) {
		c.Facts = append(c.Facts, refs(r.facts[w])...)
		facts[store.CheckWorkspace(w, c.ID)] = r.facts[w]
	}
	for _, w := range sortedKeys(r.parked) {
		c.Parked = append(c.Parked, r.parked[w]...)
	}
	for _, w := range r.workspaces() {
		if err := in.Store.PutCheck(ctx, w, c); err != nil {
			return err
		}
	}
	r.facts, r.parked, r.heard, r.erase, r.revoked = facts, map[string][]string{}, nil, nil, nil
	return nil
}

func refs(facts []social.Activity) []store.FactRef {
	var out []store.FactRef
	for _, a := range facts {
		out = append(out, store.RefOf(a))
	}
	return out
}
