// Package poll fetches from the platforms that send no webhooks, such as feeds
// and searches, and queues what they answer as deliveries. A tick claims the hosts
// whose sources are due and sends a message for each. Whoever takes it asks
// the host's sources by their adapters, queues what the answers tell like
// deliveries of other platforms, and only then moves the source's cursor: a
// run that dies in between asks again, and the facts are the same.
//
// So a host that is slow keeps one taker, and no other host, waiting; and of
// hosts that are not known to answer, a workspace has a few asked in a minute.
package poll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/limit"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Deps is what polling needs.
type Deps struct {
	Store   *store.Store
	Secrets func(ctx context.Context, app string) (platform.Secrets, error) // NotFound: the app has none
	Adapter func(social.Platform) (platform.Adapter, error)
	Fetch   func(context.Context, platform.Fetch) (fetch.Response, error)
	Enqueue func(context.Context, platform.Delivery) error
	Send    func(context.Context, []Asking) error // to whoever calls Host with each

	Now  func() time.Time
	Wait func(context.Context, time.Duration) // until the time has passed, or the context has ended
	Rand func() float64                       // in [0, 1)
}

const (
	atOnce  = 8    // sources prepared at the same time
	maxDue  = 1000 // places of the list looked at in a tick
	maxMore = 8    // requests for one source in a run

	// Budgets of a tick, so that nobody has more than a share of the takers,
	// of whom template.yaml allows 20, with a minute each.
	maxHosts   = 400 // that are asked
	maxDoubted = 40  // of them not known to answer: never asked before, or failing; each may take 20 s
	ofOne      = 15  // of these, of one workspace
	ofList     = 200 // places of one workspace that may stand on a list that is full
	atMost     = 500 // places that a tick moves, to make room
	perHost    = 15  // sources of one host: as many as a run can ask

	pause       = 2 * time.Second  // between two requests to one host
	resting     = 15 * time.Minute // between two looks at whether a workspace goes on that was stopped
	begins      = 30 * time.Second // of a run: later no request begins, so that the last one ends within the function's minute
	sourceLease = 3 * time.Minute  // longer than a function can run
	hostLease   = 90 * time.Second // likewise
	queued      = 5 * time.Minute  // how long a host waits for a taker, before a tick sends it again

	maxTold   = 8       // digests kept of what was told
	maxCursor = 4 << 10 // bytes of a cursor: a server may have made it
	maxTag    = 1 << 10 // bytes of an ETag or a Last-Modified; longer ones are not sent back
	backlog   = 60      // places of a host that may stay on the list beside those that are asked

	hostPause  = time.Minute    // after a host's first failure; then it doubles
	hostMost   = 6 * time.Hour  // at most
	sourceMost = 24 * time.Hour // at most between two requests for a source that fails; of a Retry-After too
)

// Asking asks for the sources of a host.
type Asking struct {
	Host    string  `json:"host"`
	Version int64   `json:"version"` // of the claim: whoever finds another comes too late
	Sources []Place `json:"sources"`
}

// Place is a source that is due.
type Place struct {
	Workspace string    `json:"workspace"`
	Source    string    `json:"source"`
	At        time.Time `json:"at"`
}

// Tick sends a message for each host whose sources are due by now. An error
// means that the store, the queue or a secret could not be reached: what was
// not sent is due at the next tick.
func Tick(ctx context.Context, d Deps) error {
	t := tick{Deps: d, end: d.Now().Add(begins), secrets: &sync.Map{}}
	due, err := d.Store.DuePolls(ctx, d.Now(), maxDue)
	if err != nil {
		return err
	}
	full := len(due) == maxDue
	due = inTurn(due)
	var errs []error
	if full {
		due, errs = t.crowded(ctx, due)
	}
	due, fresh, more := t.hosts(ctx, due)
	errs = append(errs, more...)
	var order []string // of hosts: by turns of the workspaces, each one's oldest first
	byHost := map[string][]store.DuePoll{}
	for _, x := range due {
		if byHost[x.Host] == nil {
			order = append(order, x.Host)
		}
		byHost[x.Host] = append(byHost[x.Host], x)
	}
	var messages []Asking
	doubted, of := 0, map[string]int{}
	for i, host := range order {
		if len(messages) == maxHosts || !t.Now().Before(t.end) {
			break
		}
		h, err := t.Store.Host(ctx, host)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if wait := h.Until.Sub(t.Now()); wait > 0 {
			if wait > queued { // it is given time: its sources must not stand before others
				errs = append(errs, t.postpone(ctx, byHost[host], h.Until))
			}
			continue
		}
		w := byHost[host][0].Workspace
		if fresh[host] || h.Failures > 0 {
			if doubted == maxDoubted || of[w] == ofOne {
				if len(order) > maxHosts { // else many such hosts fill the list
					errs = append(errs, t.postpone(ctx, byHost[host], t.Now().Add(time.Duration(i)*time.Second)))
				}
				continue
			}
			doubted, of[w] = doubted+1, of[w]+1
		}
		h.Until = t.Now().Add(queued)
		if err := t.Store.PutHost(ctx, &h); err != nil {
			errs = append(errs, err)
			continue
		}
		places := byHost[host]
		if left := len(places) - perHost; left > backlog { // else a host of many sources fills the list, and no other is asked
			errs = append(errs, t.postpone(ctx, places[perHost+backlog:], t.Now().Add(time.Duration(left)*pause)))
		}
		m := Asking{Host: host, Version: h.Version}
		for _, x := range places[:min(len(places), perHost)] {
			m.Sources = append(m.Sources, Place{x.Workspace, x.Source, x.At})
		}
		messages = append(messages, m)
	}
	if len(messages) > 0 {
		errs = append(errs, t.Send(ctx, messages))
	}
	return noConflict(errs)
}

// inTurn puts what is due in an order in which each workspace has a place
// after the other, its oldest first.
func inTurn(due []store.DuePoll) []store.DuePoll {
	var order []string
	of := map[string][]store.DuePoll{}
	for _, x := range due {
		if of[x.Workspace] == nil {
			order = append(order, x.Workspace)
		}
		of[x.Workspace] = append(of[x.Workspace], x)
	}
	out := due[:0:0]
	for n := 0; len(out) < len(due); n++ {
		for _, w := range order {
			if n < len(of[w]) {
				out = append(out, of[w][n])
			}
		}
	}
	return out
}

// crowded makes room on the list: of a workspace with more than a share of it
// the others are due when it is their turn.
func (t tick) crowded(ctx context.Context, due []store.DuePoll) (stay []store.DuePoll, errs []error) {
	var leave []store.DuePoll
	var when []time.Time
	of := map[string]int{}
	for _, x := range due {
		if of[x.Workspace]++; of[x.Workspace] <= ofList || len(leave) == atMost {
			stay = append(stay, x)
			continue
		}
		leave = append(leave, x)
		when = append(when, t.Now().Add(time.Duration(of[x.Workspace]/ofOne)*time.Minute))
	}
	return stay, parallel.Each(ctx, len(leave), atOnce, func(i int) error { return t.postpone(ctx, leave[i:i+1], when[i]) })
}

// hosts finds out the hosts of sources that were never asked, which are in
// their first requests: of as many as may be asked in a tick. It returns what
// has a host, and the hosts that nothing else is known of.
func (t tick) hosts(ctx context.Context, due []store.DuePoll) (known []store.DuePoll, fresh map[string]bool, errs []error) {
	fresh = map[string]bool{}
	var look []int
	of := map[string]int{}
	for i, x := range due {
		if x.Host == "" && len(look) < 2*maxDoubted && of[x.Workspace] < 2*ofOne {
			of[x.Workspace]++
			look = append(look, i)
		}
	}
	errs = parallel.Each(ctx, len(look), atOnce, func(n int) error {
		j, ok, err := t.prepare(ctx, due[look[n]])
		if err == nil && ok {
			due[look[n]].Host = j.host
		}
		return err
	})
	asked := map[int]bool{}
	for _, i := range look {
		asked[i] = true
		fresh[due[i].Host] = true
	}
	for i, x := range due {
		if x.Host == "" {
			continue
		}
		if known = append(known, x); !asked[i] {
			delete(fresh, x.Host)
		}
	}
	return known, fresh, errs
}

type tick struct {
	Deps
	end     time.Time // no request begins later
	secrets *sync.Map // of the apps met so far
}

// appSecrets reads an app's secrets once in a tick; an app may have none.
func (t tick) appSecrets(ctx context.Context, app string) (platform.Secrets, error) {
	if s, ok := t.secrets.Load(app); ok {
		return s.(platform.Secrets), nil
	}
	s, err := t.Secrets(ctx, app)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return s, err
	}
	t.secrets.Store(app, s)
	return s, nil
}

// job is a source that is due, with all that asking it needs.
type job struct {
	state   store.Poll
	source  store.Source
	poller  platform.Poller
	adapter platform.Adapter
	secrets platform.Secrets
	options platform.Options
	terms   store.Terms
	next    platform.Fetch
	host    string // of next
}

// prepare reads what asking a source needs. It returns false where there is
// nothing to ask: the place is outdated, the source is gone, or it can't be
// asked, which is then kept with it.
func (t tick) prepare(ctx context.Context, x store.DuePoll) (job, bool, error) {
	var j job
	var err error
	if j.state, err = t.Store.PollState(ctx, x.Workspace, x.Source); fault.Is(err, fault.NotFound) || err == nil && !j.state.Due.Equal(x.At) {
		return j, false, nil // the index was behind
	}
	if err != nil {
		return j, false, err
	}
	if j.source, err = t.Store.Source(ctx, x.Workspace, x.Source); fault.Is(err, fault.NotFound) {
		return j, false, t.Store.UnschedulePoll(ctx, x.Workspace, x.Source)
	}
	if err != nil {
		return j, false, err
	}
	if j.terms, err = t.Store.Terms(ctx, x.Workspace); err != nil && !fault.Is(err, fault.NotFound) {
		return j, false, err
	}
	if !j.terms.Stopped.IsZero() {
		return j, false, t.Store.MovePoll(ctx, &j.state, t.Now().Add(resting))
	}
	app, err := t.Store.App(ctx, j.source.App)
	if fault.Is(err, fault.NotFound) {
		return j, false, t.fail(ctx, &j, "the app of the source is gone", sourceMost)
	}
	if err != nil {
		return j, false, err
	}
	j.options = platform.Options{Legacy: app.Legacy, Config: app.Config}
	if j.secrets, err = t.appSecrets(ctx, app.ID); err != nil {
		return j, false, err
	}
	j.adapter, err = t.Adapter(j.source.Platform)
	poller, polls := j.adapter.(platform.Poller)
	if err != nil || !polls {
		return j, false, t.fail(ctx, &j, fmt.Sprintf("%s is not polled", j.source.Platform), sourceMost)
	}
	j.poller = poller
	if err := j.plan(); err != nil {
		return j, false, t.fail(ctx, &j, err.Error(), sourceMost)
	}
	return j, true, nil
}

// plan makes the source's next request.
func (j *job) plan() error {
	f, err := platform.PollOf(j.adapter, j.source.Scope, j.state.Cursor, j.secrets, j.options)
	if err != nil {
		return err
	}
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" {
		return errors.New("the scope gives no URL that can be asked")
	}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	j.next, j.host = f, strings.ToLower(u.Host)
	return nil
}

// Host asks the sources of one host, one after another, as long as it answers
// and the run lasts. What fails at a platform is kept with its source; what
// was not done is due at the next tick.
func Host(ctx context.Context, d Deps, a Asking) error {
	t := tick{Deps: d, end: d.Now().Add(begins), secrets: &sync.Map{}}
	h, err := t.Store.Host(ctx, a.Host)
	if err != nil {
		return err
	}
	if h.Version != a.Version {
		return nil // the message came twice, or too late: somebody else has the host
	}
	h.Until = t.Now().Add(hostLease)
	if err := t.Store.PutHost(ctx, &h); err != nil {
		return noConflict([]error{err})
	}
	name := a.Host
	var due []store.DuePoll
	for _, x := range a.Sources {
		due = append(due, store.DuePoll{Workspace: x.Workspace, Source: x.Source, Host: a.Host, At: x.At})
	}
	var errs []error
	asked, next := false, t.Now() // when the next request may begin
	for i, x := range due {
		if ctx.Err() != nil || !next.Before(t.end) || !t.Now().Before(t.end) {
			break
		}
		t.waitUntil(ctx, next)
		r, err := t.source(ctx, x, name)
		errs = append(errs, err)
		if r.asked {
			asked, next = true, t.Now().Add(pause)
		}
		if r.slower > 0 {
			h.Failures++
			h.Until = t.Now().Add(t.growing(hostPause, hostMost, h.Failures, r.slower))
			errs = append(errs, t.Store.PutHost(ctx, &h), t.postpone(ctx, due[i+1:], h.Until))
			return noConflict(errs)
		}
		if r.asked && r.answered {
			h.Failures = 0
		}
	}
	h.Until = t.Now()
	if asked {
		h.Until = next
	}
	return noConflict(append(errs, t.Store.PutHost(ctx, &h)))
}

// noConflict joins errors but for those that mean that somebody else wrote
// first: then it is theirs.
func noConflict(errs []error) error {
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return fault.Is(err, fault.Conflict) })...)
}

func (t tick) waitUntil(ctx context.Context, at time.Time) {
	if d := at.Sub(t.Now()); d > 0 {
		t.Wait(ctx, d)
	}
}

// postpone moves sources to when their host may be asked again, a little
// apart. It moves at most a hundred in a tick.
func (t tick) postpone(ctx context.Context, due []store.DuePoll, until time.Time) error {
	var errs []error
	for _, x := range due[:min(len(due), 100)] {
		p, err := t.Store.PollState(ctx, x.Workspace, x.Source)
		if err == nil && p.Due.Equal(x.At) {
			p.Host = x.Host
			err = t.Store.MovePoll(ctx, &p, until.Add(time.Duration(t.Rand()*float64(time.Minute))))
		}
		if !fault.Is(err, fault.NotFound) {
			errs = append(errs, err)
		}
	}
	return noConflict(errs)
}

// result says what asking a source means for its host.
type result struct {
	asked    bool          // a request was made
	answered bool          // and the host is well
	slower   time.Duration // the host is to be left alone, for so long at least; 0: not
}

// source claims a source and asks it, page by page.
func (t tick) source(ctx context.Context, x store.DuePoll, host string) (result, error) {
	j, ok, err := t.prepare(ctx, x)
	if err != nil || !ok {
		return result{}, err
	}
	j.state.Host = j.host
	if j.host != host { // the scope's URL is another's now: with that one's sources, at the next tick
		return result{}, t.Store.MovePoll(ctx, &j.state, t.Now())
	}
	if err := t.Store.MovePoll(ctx, &j.state, t.Now().Add(sourceLease)); err != nil {
		return result{}, err
	}
	began, out := t.Now(), outcome{}
	for page := 1; ; page++ {
		out, err = t.ask(ctx, &j, out)
		if err != nil {
			// Neither the answer nor the cursor is lost: the lease ends.
			return result{asked: true, answered: out.status > 0}, err
		}
		if !out.more || page == maxMore || !t.Now().Add(pause).Before(t.end) || ctx.Err() != nil {
			break
		}
		if err := t.Store.MovePoll(ctx, &j.state, t.Now().Add(sourceLease)); err != nil {
			return result{asked: true, answered: true}, err
		}
		t.waitUntil(ctx, t.Now().Add(pause))
		if err := j.plan(); err != nil {
			out.reason = err.Error()
			break
		}
		if j.host != host {
			break
		}
	}
	slog.InfoContext(ctx, "polled", "workspace", x.Workspace, "source", x.Source, "platform", j.source.Platform, "host", host, "status", out.status,
		"requests", out.requests, "bytes", out.bytes, "queued", out.queued, "more", out.more, "failures", j.state.Failures, "reason", out.reason, "ms", t.Now().Sub(began).Milliseconds())
	r := result{asked: true, answered: out.status > 0 && out.slower == 0, slower: out.slower}
	if out.reason != "" {
		return r, t.fail(ctx, &j, out.reason, max(j.poller.Every(), j.least(), out.slower))
	}
	wait := pause
	if !out.more {
		wait = t.apart(j)
	}
	return r, t.Store.MovePoll(ctx, &j.state, t.Now().Add(wait))
}

// least is the time that the workspace's limit wants between two requests.
func (j *job) least() time.Duration {
	return time.Duration(j.terms.Limits.Most(limit.PollMinutes)) * time.Minute
}

// apart is the time until a source is asked again that answered: what its
// platform wants, give or take a tenth so that sources made at once don't
// stay together, or what the limit wants and up to a fifth more.
func (t tick) apart(j job) time.Duration {
	r := 0.2 * t.Rand()
	return max(time.Duration((0.9+r)*float64(j.poller.Every())), time.Duration((1+r)*float64(j.least())))
}

// outcome is what came of the requests for one source.
type outcome struct {
	requests, bytes, queued int
	status                  int // of the newest answer; 0: none
	more                    bool
	reason                  string        // why it failed, for people; "": it did not
	slower                  time.Duration // as in result
}

// ask makes the request that was planned, queues what the answer tells, and
// moves the job's state on, in memory. A failure of the platform is in the
// outcome; an error is one of ours.
func (t tick) ask(ctx context.Context, j *job, out outcome) (outcome, error) {
	f, s := j.next, &j.state
	out.more = false
	asked := social.HashID("url", f.URL)
	f.Header = f.Header.Clone()
	if f.Header == nil {
		f.Header = http.Header{}
	}
	if s.Asked == asked {
		setIf(f.Header, "If-None-Match", s.ETag)
		setIf(f.Header, "If-Modified-Since", s.LastModified)
	}
	s.Tried = social.Instant(t.Now())
	resp, err := t.Fetch(ctx, f)
	out.requests++
	out.status, out.bytes = resp.Status, out.bytes+len(resp.Body)
	if out.reason, out.slower = t.judge(resp, err); out.reason != "" {
		if says := explained(resp.Body, j.secrets); err == nil && says != "" {
			out.reason += " (it says: " + says + ")"
		}
		if j.secrets.TokenElsewhere(j.adapter, j.source.Scope) {
			out.reason += "; the app's token is for another host and was not sent"
		}
		return out, nil
	}
	if resp.Status == http.StatusNotModified {
		went(s, t.Now())
		return out, nil
	}
	r := platform.Request{Method: http.MethodGet, URL: clean(f.URL, j.secrets), Header: http.Header{}, Body: resp.Body}
	_, r.Query, _ = strings.Cut(r.URL, "?")
	for _, k := range []string{"Content-Type", "Etag", "Date"} {
		setIf(r.Header, k, resp.Header.Get(k))
	}
	cursor, more, err := j.poller.Next(r, s.Cursor)
	if err != nil {
		out.reason = "the answer can't be read: " + err.Error()
		return out, nil
	}
	if len(cursor) > maxCursor {
		out.reason = fmt.Sprintf("the answer can't be read: its position has %d bytes, at most %d are kept", len(cursor), maxCursor)
		return out, nil
	}
	if told := digest(j.adapter, r, j.options); told != "" && !slices.Contains(s.Told, told) {
		if err := t.Enqueue(ctx, platform.Delivery{App: j.source.App, Received: social.Instant(t.Now()), Request: r}); err != nil {
			return out, fmt.Errorf("queue what %s told: %w", s.Source, err)
		}
		out.queued++
		s.Told = append([]string{told}, s.Told[:min(len(s.Told), maxTold-1)]...)
	}
	s.Cursor, out.more = cursor, more
	s.Asked, s.ETag, s.LastModified = "", "", ""
	if !more { // else "not modified" would keep what follows from being asked for
		s.Asked, s.ETag, s.LastModified = asked, tag(resp.Header.Get("Etag")), tag(resp.Header.Get("Last-Modified"))
	}
	went(s, t.Now())
	return out, nil
}

// tag is v, unless it is too long to be kept.
func tag(v string) string {
	if len(v) > maxTag {
		return ""
	}
	return v
}

func setIf(h http.Header, k, v string) {
	if v != "" {
		h.Set(k, v)
	}
}

// judge says why an answer is none, for people, and for how long the host is
// to be left alone.
func (t tick) judge(resp fetch.Response, err error) (reason string, slower time.Duration) {
	if err != nil {
		reason = fault.Message(err)
		if reason == "" {
			reason = "the server could not be asked"
		}
		if fault.Is(err, fault.Transient) {
			slower = hostPause
		}
		return reason, slower
	}
	status := resp.Status
	reason = fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
	switch {
	case status/100 == 2 || status == http.StatusNotModified:
		return "", 0
	case status == http.StatusTooManyRequests || status >= 500 || status == http.StatusForbidden && resp.Header.Get("Retry-After") != "":
		return reason, max(hostPause, retryAfter(resp.Header.Get("Retry-After"), t.Now()))
	case status == http.StatusUnauthorized:
		reason += ": the app's token is missing, wrong or has run out"
	case status == http.StatusForbidden:
		reason += ": it wants a token that may read this, or refuses requests from where Rapport runs"
	case status == http.StatusNotFound:
		reason += ": there is nothing by this scope"
	case status == http.StatusGone:
		reason += ": what was there is gone for good"
	}
	return reason, 0
}

// explained is what the JSON of a refusal says of why, at most 120 bytes: its
// message, or its error, which may hold them again. Our secrets are taken out
// of it, since some platforms repeat them.
func explained(body []byte, s platform.Secrets) string {
	var x struct{ Error, Message json.RawMessage }
	if platform.Decode(body, &x) != nil {
		return ""
	}
	var says string
	if json.Unmarshal(x.Message, &says) != nil || says == "" {
		var inner struct{ Message string }
		if json.Unmarshal(x.Error, &says) != nil && json.Unmarshal(x.Error, &inner) == nil {
			says = inner.Message
		}
	}
	for _, k := range append([]string{s.Token, s.VerifyToken}, s.Keys...) {
		if k != "" {
			says = strings.ReplaceAll(says, k, "…")
		}
	}
	says = strings.Join(strings.Fields(platform.PlainText(says)), " ")
	return strings.ToValidUTF8(says[:min(len(says), 120)], "")
}

// retryAfter reads the header: seconds or an instant
// (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after); at most a day.
func retryAfter(v string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), sourceMost)
}

// growing is how long to leave alone what failed n times in a row: first,
// doubled for each further time up to most, of which half is left to chance;
// but at least least, and then up to a tenth more.
func (t tick) growing(first, most time.Duration, n int, least time.Duration) time.Duration {
	d := most
	if n < 20 && first<<(max(n, 1)-1) < most {
		d = first << (max(n, 1) - 1)
	}
	d = d/2 + time.Duration(t.Rand()*float64(d/2))
	if d < least {
		d = least + time.Duration(t.Rand()*float64(least)/10)
	}
	return d
}

// fail keeps why a source could not be asked, and asks it again later: after
// a time that grows, but not before least.
func (t tick) fail(ctx context.Context, j *job, reason string, least time.Duration) error {
	s := &j.state
	s.Failures++
	if s.Reason = reason; len(s.Reason) > 300 {
		s.Reason = strings.ToValidUTF8(s.Reason[:300], "")
	}
	s.Tried = social.Instant(t.Now())
	return t.Store.MovePoll(ctx, s, t.Now().Add(t.growing(least, sourceMost, s.Failures, least)))
}

// digest names what an answer tells, by the keys of its facts: whatever else
// changes from answer to answer (votes, the time) makes no new delivery, and
// what was told once is a fact for good. It is empty where nothing is told.
func digest(a platform.Adapter, r platform.Request, o platform.Options) string {
	events, err := a.Normalise(r, o)
	if err != nil { // queued once, so that it is parked where people can see it
		return social.HashID("told", string(r.Body))
	}
	var keys []string
	for _, e := range events {
		switch {
		case e.Activity != nil:
			keys = append(keys, e.Activity.Key)
		case e.Erase != nil:
			keys = append(keys, social.Key("erase", string(e.Erase.Platform), e.Erase.Scope, e.Erase.ID))
		case e.Revoked != "" || e.Parked != "":
			keys = append(keys, social.Key(e.Kind, e.Revoked, e.Parked))
		}
	}
	if len(keys) == 0 {
		return ""
	}
	slices.Sort(keys)
	return social.HashID("told", social.Key(slices.Compact(keys)...))
}

// clean takes the app's secrets out of a URL that is kept with what was fetched.
func clean(raw string, s platform.Secrets) string {
	base, query, ok := strings.Cut(raw, "?")
	if !ok {
		return raw
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		_, v, _ := strings.Cut(part, "=")
		if u, err := url.QueryUnescape(v); err == nil {
			v = u
		}
		if v == "" || v != s.Token && v != s.VerifyToken && !slices.Contains(s.Keys, v) {
			kept = append(kept, part)
		}
	}
	return base + "?" + strings.Join(kept, "&")
}

// went notes that a source was asked and answered.
func went(s *store.Poll, now time.Time) {
	s.Failures, s.Reason, s.Success = 0, "", social.Instant(now)
}
