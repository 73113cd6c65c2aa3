package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
)

type appRoutes struct {
	app    store.App
	routes []store.Route
	read   time.Time
}

// maxApps bounds how many apps and workspaces are remembered.
const maxApps = 1000

// remembered is how long an app, its routes and a workspace's sources are
// kept in memory. A scope that no route knows is looked up again at once.
const remembered = time.Minute

// servedStale is how old they may be while they can't be read.
const servedStale = 15 * time.Minute

// lives is remembered less up to a quarter, which depends on what it is, so
// that what was read together is not read again together.
func lives(id string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(id))
	return remembered - time.Duration(h.Sum32()%1024)*(remembered/4)/1024
}

// app returns an app and its routes: those remembered, unless fresh asks again.
func (in *Ingest) app(ctx context.Context, id string, fresh bool) (appRoutes, error) {
	was, ok := in.apps[id]
	if ok && !fresh && in.Now().Sub(was.read) < lives(id) {
		return was, nil
	}
	ar := appRoutes{read: in.Now()}
	var err error
	switch ar.app, err = in.Store.App(ctx, id); {
	case fault.Is(err, fault.NotFound):
		ar, err = appRoutes{read: ar.read}, nil // deleted since it sent
	case err != nil:
		err = fmt.Errorf("app %s: %w", id, err)
	default:
		if ar.routes, err = in.Store.Routes(ctx, id); err != nil {
			err = fmt.Errorf("routes of %s: %w", id, err)
		} else if ar, err = in.withoutDeleted(ctx, ar); err != nil {
			err = fmt.Errorf("workspaces of %s: %w", id, err)
		}
	}
	if err != nil && ok && !fresh && fault.Is(err, fault.Transient) && in.Now().Sub(was.read) < servedStale {
		return was, nil
	}
	if err != nil {
		return ar, err
	}
	if len(in.apps) >= maxApps {
		clear(in.apps)
	}
	in.apps[id] = ar
	return ar, nil
}

// withoutDeleted takes workspaces that are being deleted out of an app: what
// comes for them is not kept.
func (in *Ingest) withoutDeleted(ctx context.Context, ar appRoutes) (appRoutes, error) {
	gone, err := in.Store.Deleting(ctx, append(workspacesOf(ar.routes), ar.app.Owner))
	if err != nil {
		return ar, err
	}
	ar.routes = slices.DeleteFunc(ar.routes, func(r store.Route) bool { return gone[r.Workspace] })
	if gone[ar.app.Owner] {
		ar.app.Owner = ""
	}
	return ar, nil
}

// nobodys reports whether there is no workspace that could keep what the app sends.
func (ar appRoutes) nobodys() bool { return ar.app.Owner == "" && len(ar.routes) == 0 }

// route lists the routes that watch any of the scopes.
func (ar appRoutes) route(scopes []string) []store.Route {
	var out []store.Route
	for _, r := range ar.routes {
		if r.Scope == "*" || slices.Contains(scopes, r.Scope) {
			out = append(out, r)
		}
	}
	return out
}

// only is the app as one workspace has it: the routes that are its own, and
// what can't be routed is its to see. With "", the app as it is.
func (ar appRoutes) only(w string) appRoutes {
	if w != "" && !ar.nobodys() {
		ar.routes = slices.DeleteFunc(slices.Clone(ar.routes), func(r store.Route) bool { return r.Workspace != w })
		ar.app.Owner = w
	}
	return ar
}

func workspacesOf(routes []store.Route) []string {
	var out []string
	for _, r := range routes {
		out = append(out, r.Workspace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type ownAccounts struct {
	store.OwnAccounts
	read time.Time
}

// own reports whether an account acts for the workspace, as its sources say.
func (in *Ingest) own(ctx context.Context, w string, account social.AccountRef) (bool, error) {
	o, ok := in.owned[w]
	if !ok || in.Now().Sub(o.read) >= lives(w) {
		list, err := in.Store.OwnAccounts(ctx, w)
		if err != nil && ok && fault.Is(err, fault.Transient) && in.Now().Sub(o.read) < servedStale {
			return o.Has(account), nil
		}
		if err != nil {
			return false, err
		}
		o = ownAccounts{list, in.Now()}
		if len(in.owned) >= maxApps {
			clear(in.owned)
		}
		in.owned[w] = o
	}
	return o.Has(account), nil
}

// result is what one delivery, or one part of it, came to.
type result struct {
	owner    string // of the app
	delivery platform.Delivery
	queued   string                                  // the id of the delivery that was queued: its own, unless it is a part
	facts    map[string][]social.Activity            // by workspace
	withheld map[string]bool                         // workspaces in which an account was erased that it tells of
	aliases  map[string]map[social.AccountRef]string // by workspace: the other id of an account
	regroup  map[string][]string                     // by workspace: accounts of which it became known to whom they belong
	fresh    map[string]int                          // how many of the facts were new, by workspace
	parked   map[string][]string                     // reasons by workspace
	ignored  map[string]int                          // by kind
	heard    map[store.Route]bool                    // the sources it came for
	revoked  []revoked
	erase    []Erase
	seen     []string // what became of each event, for a source check
	platform social.Platform
	named    []platform.Named
	place    string // in the archive
	message  string // the id of the queue's message
	again    bool   // the queue has handed the message out before
}

func newResult(app store.App, d platform.Delivery) *result {
	return &result{owner: app.Owner, platform: app.Platform, delivery: d, facts: map[string][]social.Activity{}, withheld: map[string]bool{}, aliases: map[string]map[social.AccountRef]string{}, regroup: map[string][]string{}, fresh: map[string]int{}, parked: map[string][]string{},
		ignored: map[string]int{}, heard: map[store.Route]bool{}}
}

// parkedWhole is what comes of a delivery that is not taken apart. Who is told is who made the app.
func parkedWhole(app store.App, d platform.Delivery, why string) *result {
	r := newResult(app, d)
	r.queued = d.ID()
	r.park(app.Owner, why)
	return r
}

type revoked struct {
	route  store.Route
	reason string
}

// parkAfter is the receive count from which a message that makes the code
// panic is parked instead of tried again.
const parkAfter = 3

// understand reads one message: a delivery, or its parts where it is for
// several workspaces. It returns an error only for what may pass later.
func (in *Ingest) understand(ctx context.Context, m Message) ([]*result, error) {
	var d platform.Delivery
	if err := json.Unmarshal(m.Body, &d); err != nil {
		return nil, err // never queued by intake: it ends in the dead-letter queue, whole
	}
	if d.Object != "" {
		body, err := in.Archive.Get(ctx, d.Object)
		if err != nil {
			return nil, fmt.Errorf("body of %s: %w", d.Object, err)
		}
		d.Request.Body, d.Object = body, ""
	}
	return in.understandDelivery(ctx, d, m.Received)
}

// understandDelivery is understand of a delivery that is there whole.
func (in *Ingest) understandDelivery(ctx context.Context, d platform.Delivery, received int) (out []*result, err error) {
	if d.App == platform.Imports {
		return in.understandImport(ctx, d)
	}
	known, err := in.app(ctx, d.App, false)
	if err != nil {
		return nil, err
	}
	gone, err := in.Store.Deleting(ctx, forOf(d))
	if err != nil {
		return nil, err
	}
	if known.nobodys() || gone[d.For] {
		slog.WarnContext(ctx, "delivery of nobody's: its app or its workspace was deleted", "app", d.App, "delivery", d.ID())
		return nil, nil
	}
	known = known.only(d.For)
	if why := tooMuch(d.Request); why != "" {
		return []*result{parkedWhole(known.app, d, why)}, nil
	}
	within, cancel := context.WithTimeout(ctx, understandWithin)
	defer cancel()
	if out, err = in.understandRouted(within, known, d, received); errors.Is(err, errSlow) && ctx.Err() == nil && received >= parkAfter {
		return []*result{parkedWhole(known.app, d, fault.Message(err))}, nil
	}
	return out, err
}

// forOf is the workspace that a replay is for, if it is for one.
func forOf(d platform.Delivery) []string {
	if d.For == "" {
		return nil
	}
	return []string{d.For}
}

// understandRouted is understandDelivery with the routes that are known.
func (in *Ingest) understandRouted(ctx context.Context, known appRoutes, d platform.Delivery, received int) ([]*result, error) {
	out, routed, err := in.understandParts(ctx, known, d, received)
	if err != nil || routed {
		return out, err
	}
	// A source may have been connected since the routes were read. It may be
	// another workspace's, so that the delivery is split anew.
	fresh, err := in.app(ctx, d.App, true)
	fresh = fresh.only(d.For)
	if err != nil || slices.Equal(fresh.routes, known.routes) {
		return out, err
	}
	out, _, err = in.understandParts(ctx, fresh, d, received)
	return out, err
}

// understandParts is understandDelivery with the routes that are known. It
// reports whether each event that is to be routed has a route.
func (in *Ingest) understandParts(ctx context.Context, ar appRoutes, d platform.Delivery, received int) (out []*result, routed bool, err error) {
	routed = true
	parts := in.parts(ar, d)
	if len(parts) == 0 {
		return []*result{parkedWhole(ar.app, d, "it holds events of too many scopes to be split")}, true, nil
	}
	for _, part := range parts {
		r, whole, err := in.understandPart(ctx, ar, part, received)
		if err != nil {
			return nil, false, err
		}
		r.queued = d.ID()
		out, routed = append(out, r), routed && whole
	}
	return out, routed, nil
}

// parts splits a delivery of an app that serves several workspaces, so that
// each keeps its own events only.
func (in *Ingest) parts(ar appRoutes, d platform.Delivery) (parts []platform.Delivery) {
	whole := []platform.Delivery{d}
	if len(workspacesOf(ar.routes)) < 2 {
		return whole
	}
	adapter, err := all.Find(ar.app.Platform)
	if err != nil {
		return whole
	}
	splitter, ok := adapter.(platform.Splitter)
	if !ok {
		return whole
	}
	defer func() {
		if recover() != nil {
			parts = whole // normalising it will say what is wrong
		}
	}()
	list := splitter.Split(d.Request, platform.Options{Legacy: ar.app.Legacy, Config: ar.app.Config})
	if len(list) == 0 {
		return nil
	}
	if len(list) == 1 {
		return whole
	}
	for _, r := range list {
		p := d
		p.Request, p.Part = r, d.ID()
		parts = append(parts, p)
	}
	return parts
}

func (in *Ingest) understandPart(ctx context.Context, ar appRoutes, d platform.Delivery, received int) (r *result, routed bool, err error) {
	r = newResult(ar.app, d)
	r.named = named(ar.app, d)
	events, err := in.normalise(ctx, ar.app, d)
	if ctx.Err() != nil {
		return nil, false, errSlow
	}
	if p, ok := errors.AsType[panicError](err); ok && received < parkAfter {
		return nil, false, p
	}
	if err != nil {
		// Who is told of a delivery that can't be understood at all: who made the app.
		r.park(ar.app.Owner, err.Error())
		return r, true, nil
	}
	if len(events) > maxEvents {
		r.park(ar.app.Owner, fmt.Sprintf("it tells of %d events, at most %d are taken in one delivery", len(events), maxEvents))
		return r, true, nil
	}
	routed = true
	whole := false // the app as a whole was heard
	for _, e := range events {
		if ctx.Err() != nil {
			return nil, false, errSlow
		}
		to := ar.route(e.Scopes)
		if len(e.Scopes) == 0 && (e.Ignored != "" || e.Erase != nil || e.Revoked != "") {
			if to = ar.routes; whole && e.Ignored != "" { // it is about the app as a whole
				to = nil
			}
			whole = true
		}
		routed = routed && (len(to) > 0 || e.Ignored != "")
		for _, route := range to {
			r.heard[route] = true
		}
		r.seen = append(r.seen, strings.TrimSpace(e.Kind+": "+e.Becomes()+" "+e.Ignored+e.Parked+e.Revoked))
		if err := in.take(ctx, r, e, to); err != nil {
			return nil, false, err
		}
	}
	return r, routed, nil
}

// errSlow is that reading a delivery took longer than it may.
var errSlow = fault.New(fault.Transient, "reading it takes over %s", understandWithin)

// maxKinds bounds how many kinds of ignored events are counted each by its name: who sends them chooses it.
const maxKinds = 50

func countIgnored(counts map[string]int, kind string, n int) {
	if _, known := counts[kind]; !known && len(counts) >= maxKinds {
		kind = "others"
	}
	counts[kind] += n
}

// park notes why something is parked for a workspace. Of an app that nobody
// owns, what no source watches is nobody's to see.
func (r *result) park(w, reason string) {
	if w == "" {
		countIgnored(r.ignored, "nobody's", 1)
		return
	}
	r.parked[w] = append(r.parked[w], reason)
}

// take adds what one event comes to for the sources it is for.
func (in *Ingest) take(ctx context.Context, r *result, e platform.Event, to []store.Route) error {
	workspaces := workspacesOf(to)
	if len(workspaces) == 0 {
		workspaces = []string{r.owner}
	}
	switch {
	case e.Ignored != "":
		countIgnored(r.ignored, e.Kind, 1)
	case e.Parked != "":
		for _, w := range workspaces {
			r.park(w, e.Parked)
		}
	case len(to) == 0:
		r.park(r.owner, fmt.Sprintf("no source watches the scope %.200s", strings.Join(e.Scopes, ", ")))
	case e.Revoked != "":
		for _, route := range to {
			r.revoked = append(r.revoked, revoked{route, e.Revoked})
		}
	case e.Erase != nil && e.Erase.ID == "" && e.Erase.Scope == "":
		for _, w := range workspaces { // else it would mean every account of the platform
			r.park(w, "a demand to forget that names neither an account nor a scope")
		}
	case e.Erase != nil:
		for _, route := range to {
			r.erase = append(r.erase, eraseOf(route, *e.Erase, e.Kind, r.delivery.Received)...)
		}
	default:
		problem := bound(*e.Activity)
		if problem == nil && e.Activity.Occurred.After(r.delivery.Received.Add(ignoreAfter)) {
			problem = fmt.Errorf("activity %s is dated %s, over a day after its receipt", e.Activity.Key, social.Stamp(e.Activity.Occurred))
		}
		for _, w := range workspaces {
			if problem != nil {
				r.park(w, problem.Error())
				continue
			}
			a := *e.Activity
			if a.Direction == social.Inbound {
				own, err := in.own(ctx, w, a.Account())
				if err != nil {
					return err
				}
				a = a.Sided(own)
			}
			r.facts[w] = append(r.facts[w], a)
			if e.Alias != "" && a.Direction == social.Inbound && len(e.Alias) <= maxAlias && !platform.NamesNobody(e.Alias) {
				if r.aliases[w] == nil {
					r.aliases[w] = map[social.AccountRef]string{}
				}
				r.aliases[w][a.Account()] = e.Alias
			}
		}
	}
	return nil
}

// maxAlias bounds the other id of an account, in bytes.
const maxAlias = 200

// eraseOf lists whom a demand to forget means at one source: the account as
// the platform named it and, where ids are the source's own, that id in it.
func eraseOf(route store.Route, ref social.AccountRef, kind string, at time.Time) []Erase {
	e := Erase{Workspace: route.Workspace, Platform: string(ref.Platform), Scope: ref.Scope, ID: ref.ID, Reason: kind, At: social.Stamp(at)}
	out := []Erase{e}
	if ref.ID != "" && ref.Scope == "" && route.Scope != "*" {
		e.Scope = route.Scope
		out = append(out, e)
	}
	return out
}

// complete adds what the fact needs beyond the platform's word: when it was known, and how its text reads.
func (in *Ingest) complete(a social.Activity, received time.Time) social.Activity {
	if a.Undated {
		a.Occurred = received
	}
	a.Occurred, a.Known = social.Instant(a.Occurred), social.Instant(received)
	a.Text = strings.ToValidUTF8(a.Text, "\uFFFD")
	if len(a.Text) > maxText {
		a.Text = strings.ToValidUTF8(a.Text[:maxText], "")
	}
	if in.Read != nil && strings.TrimSpace(a.Text) != "" {
		a.Reading = in.reading(a, nil)
	}
	return a.Judged()
}

// reading is what an activity's text says. "1" in a chat is a choice or a
// number, and no mark. A review ends no talk: who says thanks in one is content.
func (in *Ingest) reading(a social.Activity, by *refit.Document, languages ...string) social.Reading {
	r := in.Read(a.Text, by, languages...)
	if a.Type == social.Message && strings.TrimSpace(a.Text) == "1" {
		r.Sentiment, r.Negative, r.Intent = social.SentimentNeutral, 0, social.IntentChatter
	}
	if (a.Type == social.Review || a.Type == social.Recommend) && r.Intent == social.IntentClosing {
		r.Intent = map[string]string{social.SentimentPositive: social.IntentPraise, social.SentimentNegative: social.IntentComplaint, social.SentimentNeutral: social.IntentChatter}[r.Sentiment]
	}
	return r
}

type panicError struct{ error }

// normalise calls the adapter, has the texts read and turns a panic into an error.
func (in *Ingest) normalise(ctx context.Context, app store.App, d platform.Delivery) (events []platform.Event, err error) {
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
	if len(events) > maxEvents {
		return events, err // parked whole
	}
	for i := range events {
		if ctx.Err() != nil {
			return nil, errSlow
		}
		if a := events[i].Activity; a != nil {
			*a = in.complete(*a, d.Received)
		}
	}
	return events, err
}
