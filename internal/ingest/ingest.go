// Package ingest turns deliveries into facts: it archives them, normalises
// them by their platform's adapter, reads their texts, stores accounts and
// activities, and then queues what has to be scored and viewed again, also
// for what was there already, since an earlier attempt may have died between.
package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Score asks for an account's person to be scored again.
type Score struct {
	Workspace string   `json:"workspace"`
	Accounts  []string `json:"accounts"`
}

// View asks for the views of activities to be computed again.
type View struct {
	Workspace string          `json:"workspace"`
	Facts     []store.FactRef `json:"facts"`
}

// Erase asks that everything of an account be forgotten, because its platform demands it.
type Erase struct {
	Workspace string `json:"workspace"`
	Platform  string `json:"platform"`
	Scope     string `json:"scope,omitempty"` // within what the id is unique
	ID        string `json:"id,omitempty"`    // empty: every account of the scope
	Reason    string `json:"reason"`
	At        string `json:"at"`
	Again     bool   `json:"again,omitempty"` // it is the second pass
	Part      string `json:"part,omitempty"`  // where an attempt that ran out of time goes on; empty: at the start
	After     string `json:"after,omitempty"` // and after what
	Found     bool   `json:"found,omitempty"` // an earlier part of it found facts
}

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
	// Remembered; one batch at a time.
	apps  map[string]appRoutes
	owned map[string]ownAccounts // by workspace
	heard map[string]time.Time   // by workspace and source: the slot noted last
}

// New returns an Ingest. Its batches are handled one after the other.
func New(d Deps) *Ingest {
	return &Ingest{Deps: d, apps: map[string]appRoutes{}, owned: map[string]ownAccounts{}, heard: map[string]time.Time{}}
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

// reserve is the time kept for queueing what was stored.
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
	for _, m := range messages {
		if noted, err := in.note(ctx, m); noted || err != nil {
			if err != nil {
				failed[m.ID] = err
			}
			continue
		}
		rs, err := in.understand(ctx, m)
		if err != nil {
			failed[m.ID] = err
			continue
		}
		for _, r := range rs {
			if r.delivery.Test != "" {
				if err := in.test(ctx, r); err != nil {
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

	// The archive first: what is a fact has its delivery kept. But one that
	// tells of an erased account is kept nowhere, as erasure leaves none.
	for i, err := range in.archive(ctx, done) {
		if err != nil {
			fail(fmt.Errorf("archive: %w", err), ids[i])
		}
	}

	scores, views := map[string][]string{}, map[string][]store.FactRef{}
	stored, fresh, parked, ignored := 0, 0, 0, map[string]int{}
	for i, r := range done {
		if failed[ids[i]] != nil {
			continue
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
			fail(fault.New(fault.Transient, "no time was left for it"), ids[i])
			continue
		}
		n, err := in.keep(ctx, r)
		if err != nil {
			fail(err, ids[i])
			continue
		}
		fresh += n
		for kind, n := range r.ignored {
			ignored[kind] += n
		}
		for _, reasons := range r.parked {
			parked += len(reasons)
		}
		for w, as := range r.facts {
			for _, a := range as {
				stored++
				ref := store.RefOf(a)
				if a.Direction == social.Inbound && a.Actor.ID != social.Unknown {
					scores[w] = append(scores[w], ref.Account)
				}
				views[w] = append(views[w], ref)
			}
		}
	}
	if err := in.queue(ctx, scores, views); err != nil {
		fail(err, ids...)
	}
	slog.InfoContext(ctx, "ingested", "deliveries", len(messages), "activities", stored, "new", fresh, "parked", parked, "ignored", ignored, "failed", len(failed))
	return failed
}

func (in *Ingest) queue(ctx context.Context, scores map[string][]string, views map[string][]store.FactRef) error {
	var sm []Score
	for _, w := range sortedKeys(scores) {
		accounts := scores[w]
		slices.Sort(accounts)
		for part := range slices.Chunk(slices.Compact(accounts), perMessage) {
			sm = append(sm, Score{Workspace: w, Accounts: part})
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

// testWaits is longer than anybody waits for a test: what comes later is not
// kept, since nobody would take it away.
const testWaits = time.Minute

// test turns the delivery of a test (see store.Test) into one whose facts go
// into a workspace of their own, and reports how far it came.
func (in *Ingest) test(ctx context.Context, r *result) error {
	t := store.Test{ID: r.delivery.Test, Delivery: r.delivery.ID(), Received: r.delivery.Received, Events: r.seen}
	facts := map[string][]social.Activity{}
	if in.Now().Sub(t.Received) > testWaits {
		r.facts = facts
	}
	for _, w := range sortedKeys(r.facts) {
		t.Facts = append(t.Facts, refs(r.facts[w])...)
		facts[store.Shadow(w, t.ID)] = r.facts[w]
	}
	for _, w := range sortedKeys(r.parked) {
		t.Parked = append(t.Parked, r.parked[w]...)
	}
	for _, w := range r.workspaces() {
		if err := in.Store.PutTest(ctx, w, t); err != nil {
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
