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
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
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

// perMessage bounds how many accounts or facts one queued message names.
const perMessage = 20

// Archive keeps bytes.
type Archive interface {
	Get(ctx context.Context, key string) ([]byte, error)
	PutDeliveries(ctx context.Context, workspace string, ds []platform.Delivery) (string, error)
	PutParked(ctx context.Context, workspace, id string, body []byte) (string, error)
}

// Deps is what ingest needs of the world.
type Deps struct {
	Store      *store.Store
	Archive    Archive
	Reader     *reading.Reader
	QueueScore func(ctx context.Context, m []Score) error
	QueueView  func(ctx context.Context, m []View) error
}

// Ingest handles batches of deliveries.
type Ingest struct {
	Deps
	apps map[string]appRoutes // remembered; one batch at a time
}

// New returns an Ingest. Its batches are handled one after the other.
func New(d Deps) *Ingest { return &Ingest{Deps: d, apps: map[string]appRoutes{}} }

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

// result is what one delivery came to.
type result struct {
	owner    string // of the app
	delivery platform.Delivery
	facts    map[string][]social.Activity // by workspace
	parked   map[string][]string          // reasons by workspace
	ignored  int
}

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
		r, err := in.understand(ctx, m)
		if err != nil {
			failed[m.ID] = err
			continue
		}
		done, ids = append(done, r), append(ids, m.ID)
	}
	fail := func(err error, ids ...string) {
		for _, id := range ids {
			if failed[id] == nil {
				failed[id] = err
			}
		}
	}

	// The archive first: what is a fact has its delivery kept.
	byWorkspace := map[string][]int{}
	for i, r := range done {
		for w := range r.facts {
			byWorkspace[w] = append(byWorkspace[w], i)
		}
		for w := range r.parked {
			if _, ok := r.facts[w]; !ok {
				byWorkspace[w] = append(byWorkspace[w], i)
			}
		}
		if len(r.facts)+len(r.parked) == 0 { // all ignored: kept all the same
			byWorkspace[r.owner] = append(byWorkspace[r.owner], i)
		}
	}
	for w, is := range byWorkspace {
		var ds []platform.Delivery
		var of []string
		for _, i := range is {
			ds, of = append(ds, done[i].delivery), append(of, ids[i])
		}
		if _, err := in.Archive.PutDeliveries(ctx, w, ds); err != nil {
			fail(fmt.Errorf("archive: %w", err), of...)
		}
	}

	scores, views := map[string][]string{}, map[string][]store.FactRef{}
	stored, fresh, parked, ignored := 0, 0, 0, 0
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
		ignored += r.ignored
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

type appRoutes struct {
	app    store.App
	routes []store.Route
}

// maxApps bounds how many apps are remembered.
const maxApps = 1000

// app returns an app and its routes. They are remembered, since neither
// changes but for routes that are added: fresh asks again.
func (in *Ingest) app(ctx context.Context, id string, fresh bool) (appRoutes, error) {
	if ar, ok := in.apps[id]; ok && !fresh {
		return ar, nil
	}
	var ar appRoutes
	var err error
	if ar.app, err = in.Store.App(ctx, id); err != nil {
		return ar, fmt.Errorf("app %s: %w", id, err)
	}
	if ar.routes, err = in.Store.Routes(ctx, id); err != nil {
		return ar, fmt.Errorf("routes of %s: %w", id, err)
	}
	if len(in.apps) >= maxApps {
		clear(in.apps)
	}
	in.apps[id] = ar
	return ar, nil
}

// parkAfter is the receive count from which a message that makes the code
// panic is parked instead of tried again.
const parkAfter = 3

// understand reads one message. It returns an error only for what may pass later.
func (in *Ingest) understand(ctx context.Context, m Message) (*result, error) {
	var d platform.Delivery
	if err := json.Unmarshal(m.Body, &d); err != nil {
		return nil, err // never queued by intake: it ends in the dead-letter queue, whole
	}
	ar, err := in.app(ctx, d.App, false)
	if err != nil {
		return nil, err
	}
	if d.Object != "" {
		body, err := in.Archive.Get(ctx, d.Object)
		if err != nil {
			return nil, fmt.Errorf("body of %s: %w", d.Object, err)
		}
		d.Request.Body, d.Object = body, ""
	}
	r := &result{owner: ar.app.Owner, delivery: d, facts: map[string][]social.Activity{}, parked: map[string][]string{}}
	events, err := in.normalise(ar.app, d)
	if p, ok := errors.AsType[panicError](err); ok && m.Received < parkAfter {
		return nil, p
	}
	if err != nil {
		for _, w := range ar.workspaces() {
			r.parked[w] = append(r.parked[w], err.Error())
		}
		return r, nil
	}
	refreshed := false
	for _, e := range events {
		to := ar.route(e.Scopes)
		if len(to) == 0 && e.Ignored == "" && !refreshed {
			if ar, err = in.app(ctx, d.App, true); err != nil {
				return nil, err
			}
			refreshed, to = true, ar.route(e.Scopes)
		}
		switch {
		case e.Ignored != "":
			r.ignored++
		case e.Parked != "" || len(to) == 0:
			reason := e.Parked
			if reason == "" {
				reason = fmt.Sprintf("no source watches the scope %.80q", e.Scopes)
			}
			if len(to) == 0 {
				to = []string{ar.app.Owner}
			}
			for _, w := range to {
				r.parked[w] = append(r.parked[w], reason)
			}
		default:
			a := *e.Activity
			if err := bound(a); err != nil {
				for _, w := range to {
					r.parked[w] = append(r.parked[w], err.Error())
				}
				continue
			}
			if a.Occurred.After(d.Received.Add(ignoreAfter)) {
				for _, w := range to {
					r.parked[w] = append(r.parked[w], fmt.Sprintf("activity %s is dated %s, over a day after its receipt", a.Key, social.Stamp(a.Occurred)))
				}
				continue
			}
			for _, w := range to {
				r.facts[w] = append(r.facts[w], a)
			}
		}
	}
	return r, nil
}

// complete adds what the fact needs beyond the platform's word: when it was known, and how its text reads.
func (in *Ingest) complete(a social.Activity, received time.Time) social.Activity {
	a.Occurred, a.Known = social.Instant(a.Occurred), social.Instant(received)
	a.Text = strings.ToValidUTF8(a.Text, "\uFFFD")
	if len(a.Text) > maxText {
		a.Text = strings.ToValidUTF8(a.Text[:maxText], "")
	}
	if strings.TrimSpace(a.Text) != "" {
		read := in.Reader.Read(a.Text)
		a.Language, a.Sentiment, a.Intent = read.Language, read.Sentiment.Label, read.Intent.Label
	}
	return a
}

type panicError struct{ error }

// normalise calls the adapter, has the texts read and turns a panic into an error.
func (in *Ingest) normalise(app store.App, d platform.Delivery) (events []platform.Event, err error) {
	adapter, err := all.Find(app.Platform)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic", "delivery", d.ID(), "app", d.App, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			events, err = nil, panicError{fmt.Errorf("it made Rapport fail, which is a fault of ours (platform %s)", app.Platform)}
		}
	}()
	events, err = adapter.Normalise(d.Request, platform.Options{Legacy: app.Legacy, Config: app.Config})
	for i := range events {
		if a := events[i].Activity; a != nil {
			*a = in.complete(*a, d.Received)
		}
	}
	return events, err
}

// route lists the workspaces that watch any of the scopes.
func (ar appRoutes) route(scopes []string) []string {
	var out []string
	for _, r := range ar.routes {
		if r.Scope == "*" || slices.Contains(scopes, r.Scope) {
			out = append(out, r.Workspace)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// workspaces lists who is told of a delivery that can't be understood at all: who made the app.
func (ar appRoutes) workspaces() []string { return []string{ar.app.Owner} }

// writers is how many facts of a delivery are stored at once.
const writers = 16

// keep stores the facts of one delivery and parks the rest. It returns how many facts were new.
func (in *Ingest) keep(ctx context.Context, r *result) (int, error) {
	fresh := 0
	for _, w := range sortedKeys(r.facts) {
		facts := r.facts[w]
		accounts := map[string]social.Activity{}
		for _, a := range facts {
			accounts[a.Account().AccountID()] = a
		}
		ids := sortedKeys(accounts)
		if err := errors.Join(parallel.Each(ctx, len(ids), writers, func(i int) error { return in.Store.PutAccount(ctx, w, accounts[ids[i]]) })...); err != nil {
			return fresh, err
		}
		isNew := make([]bool, len(facts))
		errs := parallel.Each(ctx, len(facts), writers, func(i int) (err error) {
			isNew[i], err = in.Store.PutActivity(ctx, w, facts[i], reading.Version)
			return err
		})
		var kept []social.Activity
		for i, err := range errs {
			switch {
			case err == nil:
				kept = append(kept, facts[i])
				if isNew[i] {
					fresh++
				}
			case fault.Retryable(err):
				return fresh, fmt.Errorf("store %s: %w", facts[i].Key, err)
			default:
				r.parked[w] = append(r.parked[w], fmt.Sprintf("activity %s: %s", facts[i].Key, fault.Message(err)))
			}
		}
		r.facts[w] = kept
	}
	for _, w := range sortedKeys(r.parked) {
		body, err := json.Marshal(r.delivery)
		if err != nil {
			return fresh, err
		}
		object, err := in.Archive.PutParked(ctx, w, r.delivery.ID(), body)
		if err != nil {
			return fresh, err
		}
		for i, reason := range r.parked[w] {
			p := store.Parked{ID: social.HashID("prk", social.Key(r.delivery.ID(), fmt.Sprint(i), reason)), App: r.delivery.App, Delivery: r.delivery.ID(),
				Received: r.delivery.Received, Reason: reason, Object: object}
			if err := in.Store.Park(ctx, w, p); err != nil {
				return fresh, err
			}
		}
	}
	return fresh, nil
}
