package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/intake"
	"rapport/internal/leads/leadstest"
	"rapport/internal/platform"
	"rapport/internal/reading/readtest"
	"rapport/internal/store"
	"rapport/internal/talk"
	"rapport/internal/view"
)

// none is an archive that a source check must not need.
type none struct{ t *testing.T }

func (n none) Get(context.Context, string) ([]byte, error) { return nil, errors.New("not asked for") }
func (n none) PutBatch(_ context.Context, kept []platform.Kept) ([]string, error) {
	n.t.Errorf("%d deliveries of a check are archived", len(kept))
	return make([]string, len(kept)), nil
}
func (n none) PutParked(_ context.Context, w, id string, _ []byte) (string, error) {
	n.t.Errorf("the delivery %s of a check is parked for %s", id, w)
	return "", nil
}

// way is the whole way behind the hooks, each part of which can be stopped.
type way struct {
	noIngest, noViews, noScores bool
	change                      func(*platform.Delivery)
	posted                      []string // URLs
}

// through makes the world's Post go through the real intake, ingest, feedback and leads.
func (x *world) through(y *way) {
	x.t.Helper()
	var views []ingest.View
	var scores []ingest.Score
	in := ingest.New(ingest.Deps{Store: x.store, Archive: none{x.t}, Read: readtest.Read(x.t),
		QueueScore: func(_ context.Context, m []ingest.Score) error { scores = append(scores, m...); return nil },
		QueueView:  func(_ context.Context, m []ingest.View) error { views = append(views, m...); return nil },
		QueueErase: func(context.Context, []ingest.Erase) error { return nil },
		Erased:     func(context.Context, string, []string) (map[string]time.Time, error) { return nil, nil },
		Now:        func() time.Time { return x.now }})
	score := func(ctx context.Context, w string, stale []view.Stale) error {
		for _, a := range stale {
			if y.noScores {
				continue
			}
			if err := leadstest.Rescore(ctx, x.deps.Leads, w, a.Account); err != nil {
				return err
			}
		}
		return nil
	}
	f := talk.New(x.store, score)
	hooks := intake.Handler(intake.Deps{App: x.store.App, Secrets: x.deps.Secrets, PublicURL: "https://api.example.com",
		Enqueue: func(ctx context.Context, d platform.Delivery) error {
			if y.change != nil {
				y.change(&d)
			}
			b, err := json.Marshal(d)
			if err != nil || y.noIngest {
				return err
			}
			if failed := in.Batch(ctx, []ingest.Message{{ID: "m", Body: b, Received: 1}}); len(failed) > 0 {
				return failed["m"]
			}
			for _, v := range views {
				for _, ref := range v.Facts {
					if y.noViews {
						continue
					}
					if err := f.View(ctx, v.Workspace, ref); err != nil {
						return err
					}
				}
			}
			for _, s := range scores {
				for _, a := range s.Accounts {
					if err := score(ctx, s.Workspace, []view.Stale{a}); err != nil {
						return err
					}
				}
			}
			return nil
		}, Now: func() time.Time { return x.now }})
	x.post = func(r platform.Request) (int, []byte, error) {
		y.posted = append(y.posted, r.URL)
		req := httptest.NewRequest(r.Method, r.URL, bytes.NewReader(r.Body))
		req.Header = r.Header
		rec := httptest.NewRecorder()
		hooks.ServeHTTP(rec, req)
		return rec.Code, rec.Body.Bytes(), nil
	}
	x.deps.Forget = func(ctx context.Context, w, account string) error {
		e := erasure.New(x.store, time.Now)
		return e.Account(ctx, w, account, erasure.Forever, map[string]int{})
	}
	x.handler = api.Handler(x.deps)
}

// connected connects a source and returns its id and app.
func (x *world) connected(caller, w string, in map[string]any) api.CreatedSource {
	x.t.Helper()
	var s api.CreatedSource
	x.call(caller, "POST", "/v1/workspaces/"+w+"/sources", in).want(x.t, http.StatusCreated, &s)
	return s
}

func (x *world) check(w string, s api.CreatedSource) api.SourceCheck {
	x.t.Helper()
	var out api.SourceCheck
	x.call("ann", "POST", "/v1/workspaces/"+w+"/sources/"+s.ID+"/checks", nil).want(x.t, http.StatusOK, &out)
	return out
}

func names(steps []api.Step) string {
	var out []string
	for _, s := range steps {
		if out = append(out, s.Name); !s.OK {
			out = append(out, "failed")
		}
	}
	return strings.Join(out, " ")
}

// A source check of every platform that has them goes the whole way, whatever it signs
// with, and nothing of it is left.
func TestASourceCheckGoesTheWholeWay(t *testing.T) {
	for name, in := range map[string]map[string]any{
		"standard":                     source(map[string]any{"scope": "forum"}),
		"standard, all":                source(nil),
		"meta":                         {"platform": "meta", "name": "Page", "scope": "123", "secret": "0123456789abcdef"},
		"a secret path and a query":    {"platform": "trustpilot", "name": "Reviews", "scope": "46d6a890000064000500e0c3"},
		"a secret path with the scope": {"platform": "youtube", "name": "Channel", "scope": "UCaaaaaaaaaaaaaaaaaaaaaa"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(t)
			x.workspace("acme", "ann")
			y := &way{}
			x.through(y)
			s := x.connected("ann", "acme", in)
			before := x.dump()
			got := x.check("acme", s)
			if want := "secret sample answered understood stored viewed scored cleaned"; !got.OK || names(got.Steps) != want {
				t.Errorf("got %+v, want %s", got, want)
			}
			if d := cmp.Diff(before, x.dump()); d != "" {
				t.Errorf("left in the table (-before +after)\n%s", d)
			}
		})
	}
}

func TestASourceCheckSaysWhereTheWayEnds(t *testing.T) {
	for _, c := range []struct {
		name, want, detail string
		set                func(x *world, y *way, app string)
	}{
		{"no secret", "secret failed", "rotate", func(x *world, _ *way, app string) { delete(x.secrets, app) }},
		{"an empty list of secrets", "secret failed", "rotate", func(x *world, _ *way, app string) { x.secrets[app] = platform.Secrets{} }},
		{"a secret that nothing can be signed with", "secret sample failed", "signed", func(x *world, _ *way, app string) {
			x.secrets[app] = platform.Secrets{Keys: []string{"whsec_?"}}
		}},
		{"not reached", "secret sample answered failed", "PublicUrl", func(x *world, _ *way, _ string) {
			x.post = func(platform.Request) (int, []byte, error) { return 0, nil, errors.New("no such host") }
		}},
		{"another secret at the hook", "secret sample answered failed", "rotation", func(x *world, _ *way, app string) {
			next := x.post
			x.post = func(r platform.Request) (int, []byte, error) {
				kept := x.secrets[app]
				x.secrets[app] = platform.Secrets{Keys: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}
				defer func() { x.secrets[app] = kept }()
				return next(r)
			}
		}},
		{"ingest stands still", "secret sample answered understood failed", "ingest", func(_ *world, y *way, _ string) { y.noIngest = true }},
		{"not understood", "secret sample answered understood failed", "no JSON", func(_ *world, y *way, _ string) {
			y.change = func(d *platform.Delivery) { d.Request.Body = []byte("{") }
		}},
		{"understood in part", "secret sample answered understood failed", "no id at", func(_ *world, y *way, _ string) {
			y.change = func(d *platform.Delivery) {
				d.Request.Body = []byte("[" + string(d.Request.Body) + `,{"forum":"forum"}]`)
			}
		}},
		{"feedback stands still", "secret sample answered understood stored viewed failed", "feedback", func(_ *world, y *way, _ string) { y.noViews = true }},
		{"score stands still", "secret sample answered understood stored viewed scored failed", "score", func(_ *world, y *way, _ string) { y.noScores = true }},
		{"it can't be taken away", "secret sample answered understood stored viewed scored cleaned failed", "left", func(x *world, _ *way, _ string) {
			x.deps.Forget = func(context.Context, string, string) error { return fault.New(fault.Transient, "busy") }
			x.handler = api.Handler(x.deps)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newWorld(t)
			x.workspace("acme", "ann")
			y := &way{}
			x.through(y)
			s := x.connected("ann", "acme", source(map[string]any{"scope": "forum"}))
			before := x.dump()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			x.deps.Wait = func(context.Context, time.Duration) { cancel() } // what is waited for stands still: the time is over
			x.handler = api.Handler(x.deps)
			c.set(x, y, s.App)
			r := httptest.NewRequest("POST", "https://api.example.com/v1/workspaces/acme/sources/"+s.ID+"/checks", nil).WithContext(ctx)
			r.Header.Set("Authorization", "Bearer ann")
			rec := httptest.NewRecorder()
			x.handler.ServeHTTP(rec, r)
			var got api.SourceCheck
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusOK {
				t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
			}
			if names(got.Steps) != c.want || got.OK || !strings.Contains(got.Steps[len(got.Steps)-1].Detail, c.detail) {
				t.Errorf("got %+v, want %s, saying %q", got, c.want, c.detail)
			}
			for _, k := range append(x.secrets[s.App].Keys, s.Secret, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") {
				if strings.Contains(rec.Body.String(), k) {
					t.Errorf("a secret is shown: %s", rec.Body)
				}
			}
			if c.name == "it can't be taken away" {
				return
			}
			if d := cmp.Diff(before, x.dump()); d != "" {
				t.Errorf("left in the table (-before +after)\n%s", d)
			}
		})
	}
}

// The owner of an app is told of a guest's source check while it runs, and keeps nothing of it.
func TestACheckOfAGuestsSourceLeavesNothingWithTheOwner(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("owner", "olaf")
	y := &way{}
	x.through(y)
	own := x.connected("olaf", "owner", source(map[string]any{"scope": "shop"}))
	x.call("olaf", "PUT", "/v1/workspaces/owner/apps/"+own.App+"/guests/acme", nil).want(t, 200, nil)
	s := x.connected("ann", "acme", map[string]any{"platform": "standard", "name": "Forum", "scope": "forum", "app": own.App})
	before := x.dump()
	if got := x.check("acme", s); !got.OK {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff(before, x.dump()); d != "" {
		t.Errorf("left in the table (-before +after)\n%s", d)
	}
}

func TestWhatCanNotBeChecked(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.through(&way{})
	polled := x.connected("ann", "acme", map[string]any{"platform": "feed", "name": "Blog", "scope": "https://blog.example.com/feed.xml"})
	x.call("ann", "POST", "/v1/workspaces/acme/sources/"+polled.ID+"/checks", nil).at(t, "path.source")
	x.call("ann", "POST", "/v1/workspaces/acme/sources/src_none/checks", nil).problem(t, 404)
	if err := x.store.CreateSource(t.Context(), store.App{ID: "app_y", Owner: "acme", Platform: "standard"}, true,
		store.Source{ID: "src_y", Workspace: "acme", App: "app_y", Platform: "standard", Scope: "y", Created: t0}); err != nil {
		t.Fatal(err)
	}
	x.workspace("other", "bob")
	x.call("bob", "POST", "/v1/workspaces/other/sources/src_y/checks", nil).problem(t, 404)
}
