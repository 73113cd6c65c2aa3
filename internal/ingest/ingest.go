// Package ingest turns deliveries into facts: it archives them, normalises
// them by their platform's adapter, reads their texts, stores accounts and
// activities, notes them by day, and then queues what has to be scored and
// viewed again, also for what was there already, since an earlier attempt may
// have died between.
package ingest

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/platform"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/task"
	"rapport/internal/themed"
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
	Read       func(text string, by *refit.Document, expected ...string) social.Reading // by may be nil; Read nil: texts are not read, as where nothing is kept
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
	return &Ingest{Deps: d, days: byday.New(d.Store, themed.NewTags(d.Store, d.Now)), apps: map[string]appRoutes{}, owned: map[string]ownAccounts{}, heard: map[string]time.Time{}, terms: map[string]*terms{}}
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

// CheckWaits is less than the API waits for a source check: what comes later is not
// kept, since nobody would take it away.
const CheckWaits = 20 * time.Second

// check turns the delivery of a source check into one whose facts go
// into a workspace of their own, and reports how far it came.
func (in *Ingest) check(ctx context.Context, r *result) error {
	c := store.Check{ID: r.delivery.Check, Delivery: r.delivery.ID(), Received: r.delivery.Received, Events: r.seen}
	facts := map[string][]social.Activity{}
	if in.Now().Sub(c.Received) > CheckWaits {
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
