package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/limit"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

// SourceCheck is what became of a made-up event that was sent through
// everything behind a source's hook.
type SourceCheck struct {
	OK    bool   `json:"ok"`
	Steps []Step `json:"steps" doc:"In order; after one that failed there are no more"`
}

// Step is one step of a source check.
type Step struct {
	Name   string `json:"name" enum:"secret,sample,answered,understood,stored,viewed,scored,cleaned"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail" doc:"What was seen, or what to do"`
	After  int64  `json:"after_ms" doc:"Since the check began"`
}

// CheckTime is how long a source check may take: less than the API has, and more than
// batches wait for others on its way.
const CheckTime = 22 * time.Second

func (s *service) checks(api huma.API) {
	members(s, api, social.Owner, huma.Operation{OperationID: "check-source", Method: http.MethodPost, Path: "/sources/{source}/checks", Tags: []string{"sources"}, Summary: "Check a source with a made-up event",
		Description: "A sample of the platform's usual event is signed with the app's secret and posted to the source's hook, as the platform would; then each step is followed: verified and queued, understood, stored, viewed, scored. " +
			"It is kept apart from the workspace's own data and taken away at the end: no number changes. It takes up to 22 seconds: what is new waits 10 of them, so that it is scored and viewed together with what comes next.",
		DefaultStatus: http.StatusOK}, s.checkSource)
}

// steps collects what a source check sees.
type steps struct {
	SourceCheck
	began time.Time
	now   func() time.Time
}

func (t *steps) add(name string, ok bool, format string, args ...any) bool {
	t.Steps = append(t.Steps, Step{name, ok, fmt.Sprintf(format, args...), t.now().Sub(t.began).Milliseconds()})
	t.OK = ok
	return ok
}

func (s *service) checkSource(ctx context.Context, w string, in *InSource) (*Out[SourceCheck], error) {
	x, err := s.Store.Source(ctx, w, in.Source)
	if err != nil {
		return nil, err
	}
	src := s.source(ctx, x)
	if src.Polled {
		return nil, invalid("path.source", "is fetched: nothing is sent to it; its health says how fetching goes")
	}
	app, err := s.Store.App(ctx, x.App)
	if err != nil {
		return nil, err
	}
	adapter, err := all.Find(x.Platform)
	if err != nil {
		return nil, err
	}
	signer, ok := adapter.(platform.Signer)
	if !ok {
		return nil, invalid("path.source", "is of a platform that can't be checked")
	}
	if err := s.ask(ctx, w, limit.Checks); err != nil {
		return nil, err
	}
	id, err := s.randomID("check")
	if err != nil {
		return nil, err
	}
	t := &steps{began: s.Now(), now: s.Now}
	err = s.walk(ctx, t, w, id, x, app, adapter, signer, src.HookURL)
	return &Out[SourceCheck]{t.SourceCheck}, err
}

// walk goes step by step until one fails; its error is a fault of ours.
func (s *service) walk(ctx context.Context, t *steps, w, id string, x store.Source, app store.App, adapter platform.Adapter, signer platform.Signer, hook string) error {
	keys, err := s.Secrets(ctx, app.ID)
	if fault.Is(err, fault.NotFound) || err == nil && len(keys.Keys) == 0 {
		t.add("secret", false, "the app has no secret: rotate to one")
		return nil
	}
	if err != nil {
		return err
	}
	t.add("secret", true, "%d accepted", len(keys.Keys))

	scope := x.Scope
	if scope == "*" {
		scope = "rapport-check"
	}
	opts := platform.Options{Legacy: app.Legacy, Config: app.Config}
	r := platform.SampleOf(signer, scope, fmt.Sprint(t.began.UnixMilli()), social.Instant(t.began), opts)
	r.URL = hook // before it is signed, since some platforms sign it
	if p, ok := adapter.(platform.Pather); ok {
		r.URL += "/" + p.Path(scope, keys.Keys[0])
	} else if r.Query != "" {
		r.URL += "?" + r.Query
	}
	platform.MarkCheck(&r, keys.Keys[0], id)
	if err := signer.Sign(&r, keys.Keys[0], id, opts, t.began); err != nil {
		t.add("sample", false, "it could not be signed: %v", err)
		return nil
	}
	t.add("sample", true, "%d bytes, signed as the platform would", len(r.Body))

	ctx, cancel := context.WithTimeout(ctx, CheckTime)
	defer cancel()
	status, _, err := s.Post(ctx, r)
	if err != nil {
		t.add("answered", false, "the hook %s could not be reached: is PublicUrl right?", hook)
		return nil
	}
	if !t.add("answered", status/100 == 2, "%d %s%s", status, http.StatusText(status), map[bool]string{true: ": the signature does not hold; within seconds of a rotation that is so"}[status == http.StatusUnauthorized]) {
		return nil
	}

	var done store.Check
	if !s.wait(ctx, func() bool { done, err = s.Store.Check(ctx, w, id); return err == nil }) {
		t.add("understood", false, "ingest has not had it within %s: look at its log, and at the queue of replays: where a large replay is under way, check again later", CheckTime)
		return nil
	}
	defer func() {
		err := s.clean(context.WithoutCancel(ctx), w, id, x, app, done)
		switch {
		case err != nil:
			slog.ErrorContext(ctx, "source check not cleaned", "workspace", w, "source", x.ID, "check", id, "error", err.Error())
			if t.OK {
				t.add("cleaned", false, "some of it is left, where nothing counts it: look at the log of the API")
			}
		case t.OK:
			t.add("cleaned", true, "nothing of it is left")
		}
	}()
	if !t.add("understood", len(done.Facts) > 0 && len(done.Parked) == 0, "%s", strings.Join(append(done.Events, done.Parked...), "; ")) {
		return nil
	}
	apart := store.CheckWorkspace(w, id)
	var fact social.Activity
	if !s.wait(ctx, func() bool { fact, err = s.Store.Activity(ctx, apart, done.Facts[0]); return err == nil }) {
		t.add("stored", false, "the fact is not in the table: look at ingest's log")
		return nil
	}
	t.add("stored", true, "%s by %s", fact.Type, fact.Actor.ID)
	if !s.wait(ctx, func() bool { found, err := s.viewed(ctx, apart, fact); return err == nil && found }) {
		t.add("viewed", false, "its views were not made: look at the logs of ingest and feedback, and at the feedback queue")
		return nil
	}
	t.add("viewed", true, "it reads as %s, %s", fact.Intent, fact.Sentiment)
	if fact.Direction == social.Outbound {
		t.add("scored", true, "nothing to score: it is done by an account of the business")
		return nil
	}
	if !s.wait(ctx, func() bool {
		v, err := s.Store.LeadVersion(ctx, apart, social.PersonID(done.Facts[0].Account), leads.ModelID)
		return err == nil && v > 0
	}) {
		t.add("scored", false, "it was not scored: look at score's log and the scoring queue")
		return nil
	}
	t.add("scored", true, "its author is a lead")
	return nil
}

// viewed reports whether a fact is noted by day, and has its place in a thread
// if it says something.
func (s *service) viewed(ctx context.Context, w string, a social.Activity) (bool, error) {
	found := false
	err := s.Store.Days(ctx, w, store.Span{From: a.Occurred, To: a.Occurred.Add(time.Millisecond), Strong: true}, func(_ time.Time, ts []day.Tuple) error {
		found = found || slices.ContainsFunc(ts, func(t day.Tuple) bool { return t.ActivityID() == a.ID() })
		return nil
	})
	if err != nil || !found || !a.Type.Utterance() {
		return found, err
	}
	_, err = s.Store.Place(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
	return err == nil, err
}

// clean takes away what a source check left: in the source's workspace, in that of the
// app's owner, who is told of each delivery, and in any that watches the same scope.
func (s *service) clean(ctx context.Context, w, id string, x store.Source, app store.App, done store.Check) error {
	routes, err := s.Store.Routes(ctx, app.ID)
	if err != nil {
		return err
	}
	workspaces := []string{w, app.Owner}
	for _, r := range routes {
		if r.Scope == x.Scope || r.Scope == "*" {
			workspaces = append(workspaces, r.Workspace)
		}
	}
	var accounts []string
	for _, f := range done.Facts {
		accounts = append(accounts, f.Account)
	}
	slices.Sort(workspaces)
	slices.Sort(accounts)
	accounts = slices.Compact(accounts)
	var errs []error
	for _, v := range slices.Compact(workspaces) {
		for _, a := range accounts {
			errs = append(errs, s.Forget(ctx, store.CheckWorkspace(v, id), a))
		}
		errs = append(errs, s.Store.DeleteCheck(ctx, v, id))
	}
	return errors.Join(errs...)
}

// wait looks every quarter of a second until ready or the time is over.
func (s *service) wait(ctx context.Context, ready func() bool) bool {
	for {
		if ready() {
			return true
		}
		if s.Wait(ctx, 250*time.Millisecond); ctx.Err() != nil {
			return false
		}
	}
}
