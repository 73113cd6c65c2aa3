package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/consent"
	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
	"rapport/internal/platform"
	"rapport/internal/replay"
	"rapport/internal/scoring"
	"rapport/internal/side"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// world is the API over a table of its own. A token is its subject's name.
type world struct {
	forgotten map[string]time.Time // accounts, and since when
	t         *testing.T
	store     *store.Store
	table     storetest.Table
	deps      api.Deps
	handler   http.Handler
	now       time.Time
	secrets   map[string]platform.Secrets
	noSecrets error
	onSecret  func(app string) // called when a secret is written
	objects   map[string]string
	objectErr error
	asked     []string // runs and discoveries
	sides     []side.State
	post      func(platform.Request) (int, []byte, error)
	queued    []platform.Delivery // by replays
	erase     []ingest.Erase
	outcome   ingest.Outcome // of each delivery that is replayed
}

// shelf is the world's objects as replay sees them.
type shelf struct{ x *world }

func (s shelf) Get(_ context.Context, key string) ([]byte, error) {
	if v, ok := s.x.objects[key]; ok {
		return []byte(v), nil
	}
	return nil, fault.New(fault.NotFound, "no such object")
}

func (s shelf) Archived(_ context.Context, workspace string, _, _ time.Time, f func(string) error) error {
	for key := range s.x.objects {
		if strings.HasPrefix(key, "archive/"+workspace+"/") {
			if err := f(key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s shelf) Deliveries(ctx context.Context, _, key string) ([]platform.Delivery, error) {
	b, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	var d platform.Delivery
	return []platform.Delivery{d}, d.UnmarshalJSON(b)
}

func newWorld(t *testing.T) *world {
	s, table := storetest.NewTable(t)
	x := &world{t: t, store: s, table: table, now: t0, secrets: map[string]platform.Secrets{}, objects: map[string]string{},
		post: func(platform.Request) (int, []byte, error) { return http.StatusUnauthorized, nil, nil }}
	x.deps = api.Deps{Store: s, Leads: leads.New(s), Refuses: fetch.New("127.0.0.1:4719").Refuses,
		Verify: func(_ context.Context, token string) (api.Caller, error) {
			if token == "bad" {
				return api.Caller{}, fault.New(fault.Unauthenticated, "the access token does not hold")
			}
			return api.Caller{Subject: token}, nil
		},
		Wipe: func(_ context.Context, w string) error { x.asked = append(x.asked, "wipe "+w); return nil },
		Side: func(_ context.Context, s side.State) error { x.sides = append(x.sides, s); return nil },
		PutSecret: func(ctx context.Context, app string, v platform.Secrets) error {
			if _, err := s.App(ctx, app); !fault.Is(err, fault.NotFound) && x.secrets[app].Keys == nil {
				t.Errorf("the app %s could be found before its secret was written (%v)", app, err)
			}
			if x.noSecrets == nil {
				x.secrets[app] = v
			}
			if x.onSecret != nil {
				x.onSecret(app)
			}
			return x.noSecrets
		},
		Secrets: func(_ context.Context, app string) (platform.Secrets, error) {
			v, ok := x.secrets[app]
			if !ok {
				return v, fault.New(fault.NotFound, "the app has no secret")
			}
			return v, nil
		},
		Post:    func(_ context.Context, r platform.Request) (int, []byte, error) { return x.post(r) },
		Regroup: func(_ context.Context, w string, accounts []string) error { return nil },
		Score:   func(_ context.Context, m ingest.Score) error { return nil },
		Compare: func(_ context.Context, w string) error {
			x.asked = append(x.asked, "compare "+w)
			return nil
		},
		Backtest: func(_ context.Context, w, id string) error {
			x.asked = append(x.asked, "backtest "+w)
			return nil
		},
		Refit: func(_ context.Context, w, id string) error {
			x.asked = append(x.asked, "refit "+w)
			return nil
		},
		Rescore: func(_ context.Context, w string, by leads.Rescoring) error {
			x.asked = append(x.asked, "rescore "+w+" "+by.Model+" "+by.Version)
			return nil
		},
		Forget: func(_ context.Context, w, account string) error { x.asked = append(x.asked, "forget "+w); return nil },
		Erase:  func(_ context.Context, m ingest.Erase) error { x.erase = append(x.erase, m); return nil },
		Replay: &replay.Replay{Store: s, Archive: shelf{x}, Enqueue: func(_ context.Context, d platform.Delivery) error {
			x.queued = append(x.queued, d)
			return nil
		}, Would: func(context.Context, string, platform.Delivery, *ingest.Told) (ingest.Outcome, error) {
			return x.outcome, nil
		}},
		DeleteSecret: func(_ context.Context, app string) error { delete(x.secrets, app); return nil },
		Object: func(_ context.Context, key string) ([]byte, error) {
			if x.objectErr != nil {
				return nil, x.objectErr
			}
			if v, ok := x.objects[key]; ok {
				return []byte(v), nil
			}
			return nil, fault.New(fault.NotFound, "no such object")
		},
		RunReport: func(_ context.Context, w, report string, due time.Time, how api.RunHow) error {
			x.asked = append(x.asked, fmt.Sprintf("run %s %s %s%s%s", w, report, social.Stamp(due), map[bool]string{true: " and mail"}[how.Mail], map[bool]string{true: " again"}[how.Again]))
			return nil
		},
		Import: func(_ context.Context, d platform.Delivery) error { x.queued = append(x.queued, d); return nil },
		Erased: func(_ context.Context, w string, accounts []string) (map[string]time.Time, error) {
			return x.forgotten, nil
		},
		MailKey: func(context.Context) (consent.Key, error) { return consent.New(make([]byte, 32)) },
		Discover: func(_ context.Context, w string, at time.Time) error {
			x.asked = append(x.asked, fmt.Sprintf("discover %s %v", w, at))
			return nil
		},
		CursorKey: func(context.Context) ([]byte, error) { return []byte("a key of a test, long enough for it"), nil },
		Now:       func() time.Time { return x.now },
		Random:    rand.NewChaCha8([32]byte{1}),
	}
	x.handler = api.Handler(x.deps)
	return x
}

// dump is what stands in the table, but for the audit log and the counts of what was asked for.
func (x *world) dump() map[string]string {
	items := x.table.Dump(x.t)
	maps.DeleteFunc(items, func(k, _ string) bool { return strings.Contains(k, "#L#") || strings.Contains(k, "#Z#") })
	return items
}

type reply struct {
	status int
	header http.Header
	body   string
}

// call sends one request as caller; body may be nil, a string or a value for JSON.
func call(h http.Handler, caller, method, path string, body any, headers ...string) reply {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		j, _ := json.Marshal(b)
		in = bytes.NewReader(j)
	}
	r := httptest.NewRequest(method, "https://api.example.com"+path, in)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if caller != "" {
		r.Header.Set("Authorization", "Bearer "+caller)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

func (x *world) call(caller, method, path string, body any, headers ...string) reply {
	return call(x.handler, caller, method, path, body, headers...)
}

// get calls and expects 200; v receives the body.
func (x *world) get(caller, path string, v any) reply {
	x.t.Helper()
	r := x.call(caller, "GET", path, nil)
	r.want(x.t, http.StatusOK, v)
	return r
}

func (r reply) want(t *testing.T, status int, v any) {
	t.Helper()
	if r.status != status {
		t.Fatalf("got %d %s, want %d", r.status, r.body, status)
	}
	if v != nil {
		d := json.NewDecoder(strings.NewReader(r.body))
		if err := d.Decode(v); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
	}
}

// problem expects a problem document of a status and returns it.
func (r reply) problem(t *testing.T, status int) api.Problem {
	t.Helper()
	var p api.Problem
	r.want(t, status, &p)
	if got := r.header.Get("Content-Type"); got != "application/problem+json" || p.Status != status || p.Title != http.StatusText(status) {
		t.Errorf("no problem document: %s %s", got, r.body)
	}
	return p
}

// at expects a 422 about one place.
func (r reply) at(t *testing.T, location string) {
	t.Helper()
	p := r.problem(t, http.StatusUnprocessableEntity)
	if len(p.Errors) != 1 || p.Errors[0].Location != location || p.Errors[0].Detail == "" {
		t.Errorf("got %s, want one error at %s", r.body, location)
	}
}

// workspace creates a workspace with its first member.
func (x *world) workspace(id, member string) {
	x.t.Helper()
	x.call(member, "POST", "/v1/workspaces", map[string]any{"id": id, "name": "A " + id, "time_zone": "Europe/Berlin"}).want(x.t, http.StatusCreated, nil)
}

// activity puts a fact of an account into a workspace, with its account.
func (x *world) activity(w string, a social.Activity) social.Activity {
	x.t.Helper()
	if a.Platform == "" {
		a.Platform = "standard"
	}
	if a.Scope == "" {
		a.Scope = "forum"
	}
	if a.Direction == "" {
		a.Direction = social.Inbound
	}
	a.Known = t0
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if err := a.Validate(); err != nil {
		x.t.Fatal(err)
	}
	if err := x.store.PutAccount(x.t.Context(), w, a); err != nil {
		x.t.Fatal(err)
	}
	if _, err := x.store.PutActivity(x.t.Context(), w, a); err != nil {
		x.t.Fatal(err)
	}
	return a
}

func post(who, id, text string, ago time.Duration) social.Activity {
	return social.Activity{Type: social.Post, Actor: social.Actor{ID: who, Handle: who}, Object: social.Object{ID: id, Type: "note"}, Text: text,
		Reading: social.Reading{Intent: "question", Sentiment: "neutral"}, Occurred: t0.Add(-ago)}
}

func personOf(a social.Activity) string { return social.PersonID(a.Account().AccountID()) }

var update = flag.Bool("update", false, "write openapi.yaml")

func TestDescriptionIsTheCommittedOne(t *testing.T) {
	got, err := api.Description()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("../../openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("openapi.yaml is not what the operations say; run go run ./cmd/openapi:\n%s", d)
	}
	h := api.Handler(api.Deps{Now: func() time.Time { return t0 }, Verify: refuse})
	r := call(h, "", "GET", "/v1/openapi.yaml", nil)
	if r.status != 200 || r.body != string(want) || r.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("served: %d %s", r.status, r.header.Get("Content-Type"))
	}
	var doc map[string]any
	call(h, "", "GET", "/v1/openapi.json", nil).want(t, 200, &doc)
	if doc["openapi"] == nil {
		t.Error("openapi.json is no description")
	}
}

func refuse(context.Context, string) (api.Caller, error) {
	return api.Caller{}, fault.New(fault.Unauthenticated, "the access token does not hold")
}

// operation is one operation of the description, with a request it accepts.
type operation struct {
	method, path string
	body         any
}

var bodies = map[string]any{
	"POST /v1/workspaces":                                                       map[string]any{"id": "newco", "name": "New", "time_zone": "UTC"},
	"POST /v1/workspaces/{workspace}/sources":                                   map[string]any{"platform": "meta", "name": "Page", "scope": "1", "secret": "0123456789abcdef"},
	"POST /v1/workspaces/{workspace}/models":                                    map[string]any{"model": scoring.DefaultModel()},
	"POST /v1/workspaces/{workspace}/model-trials":                              map[string]any{"model": scoring.DefaultModel(), "people": []string{"per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"POST /v1/workspaces/{workspace}/models/{version}/activations":              nil,
	"PUT /v1/workspaces/{workspace}/model-drafts/{draft}":                       map[string]any{"model": map[string]any{}},
	"DELETE /v1/workspaces/{workspace}/model-drafts/{draft}":                    nil,
	"POST /v1/workspaces/{workspace}/theme-sets":                                map[string]any{},
	"PUT /v1/workspaces/{workspace}/reports/{report}":                           map[string]any{"name": "W", "weekday": "friday", "time": "09:00", "recipients": []string{}},
	"POST /v1/workspaces/{workspace}/reports/{report}/runs":                     map[string]any{},
	"POST /v1/workspaces/{workspace}/sources/{source}/checks":                   nil,
	"DELETE /v1/workspaces/{workspace}/sources/{source}":                        nil,
	"PUT /v1/workspaces/{workspace}/sources/{source}/own_accounts":              map[string]any{"own_accounts": []string{"1"}},
	"PUT /v1/workspaces/{workspace}/apps/{app}":                                 map[string]any{},
	"POST /v1/workspaces/{workspace}/replays":                                   map[string]any{"dry_run": true},
	"POST /v1/workspaces/{workspace}/erasures":                                  map[string]any{"platform": "x", "id": "1"},
	"POST /v1/workspaces/{workspace}/apps/{app}/secrets":                        map[string]any{"secret": "0123456789abcdef"},
	"DELETE /v1/workspaces/{workspace}/apps/{app}/secrets/{secret}":             nil,
	"PUT /v1/workspaces/{workspace}/apps/{app}/guests/{guest}":                  nil,
	"DELETE /v1/workspaces/{workspace}/apps/{app}/guests/{guest}":               nil,
	"POST /v1/invitations/redeem":                                               map[string]any{"code": "ri_x"},
	"PUT /v1/workspaces/{workspace}/stopped":                                    map[string]any{"stopped": false},
	"PUT /v1/workspaces/{workspace}/languages":                                  map[string]any{"languages": []string{"de", "en"}},
	"PUT /v1/workspaces/{workspace}/name":                                       map[string]any{"name": "Renamed"},
	"DELETE /v1/workspaces/{workspace}":                                         nil,
	"PUT /v1/workspaces/{workspace}/members/{member}":                           map[string]any{"role": "viewer"},
	"DELETE /v1/workspaces/{workspace}/members/{member}":                        nil,
	"POST /v1/workspaces/{workspace}/invitations":                               map[string]any{"role": "viewer"},
	"DELETE /v1/workspaces/{workspace}/invitations/{invitation}":                nil,
	"POST /v1/workspaces/{workspace}/keys":                                      map[string]any{"name": "CRM", "role": "viewer", "expires": "2027-01-01T00:00:00Z"},
	"DELETE /v1/workspaces/{workspace}/keys/{key}":                              nil,
	"DELETE /v1/workspaces/{workspace}/apps/{app}":                              nil,
	"DELETE /v1/workspaces/{workspace}/reports/{report}":                        nil,
	"PUT /v1/workspaces/{workspace}/sources/{source}/name":                      map[string]any{"name": "Renamed"},
	"POST /v1/workspaces/{workspace}/people/{person}/attributes":                map[string]any{"attributes": []map[string]any{{"id": "0b7c2a9e-title", "name": "title", "value": "Head of IT"}}},
	"POST /v1/workspaces/{workspace}/people/{person}/decisions":                 map[string]any{"id": "0b7c2a9e-same", "kind": "same", "with": "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"POST /v1/workspaces/{workspace}/leads/{person}/decisions":                  map[string]any{"id": "0b7c2a9e-lead", "kind": "status", "status": "contacted"},
	"POST /v1/workspaces/{workspace}/people/{person}/outcomes":                  map[string]any{"id": "deal-1", "kind": "won", "at": "2026-10-01T09:00:00Z"},
	"POST /v1/workspaces/{workspace}/backtests":                                 map[string]any{"version": "1", "positive": []string{"won"}},
	"POST /v1/workspaces/{workspace}/outcomes":                                  map[string]any{"outcomes": []any{map[string]any{"id": "deal-2", "person": "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", "kind": "lost", "at": "2026-10-01T09:00:00Z"}}},
	"DELETE /v1/workspaces/{workspace}/outcomes/{outcome}":                      nil,
	"POST /v1/workspaces/{workspace}/imports/rows":                              map[string]any{"rows": []any{map[string]any{"contact": map[string]any{"name": "Ana Lindqvist", "emails": []string{"ana@contoso.com"}}}}},
	"POST /v1/workspaces/{workspace}/conversations/{thread}/{person}/decisions": map[string]any{"id": "0b7c2a9e-done", "kind": "done"},
	"PUT /v1/workspaces/{workspace}/messages/{message}/correction":              map[string]any{"intent": "question", "chosen": "picked"},
	"DELETE /v1/workspaces/{workspace}/messages/{message}/correction":           nil,
	"DELETE /v1/workspaces/{workspace}/models":                                  nil,
	"POST /v1/workspaces/{workspace}/reader/refits":                             nil,
	"DELETE /v1/workspaces/{workspace}/reader":                                  nil,
}

func operations(t *testing.T) []operation {
	t.Helper()
	h := api.Handler(api.Deps{Now: func() time.Time { return t0 }, Verify: refuse})
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	call(h, "", "GET", "/v1/openapi.json", nil).want(t, 200, &doc)
	var out []operation
	for path, ms := range doc.Paths {
		for m := range ms {
			m = strings.ToUpper(m)
			body, ok := bodies[m+" "+path]
			if !ok && m != "GET" {
				t.Fatalf("no sample body for %s %s", m, path)
			}
			out = append(out, operation{m, path, body})
		}
	}
	if len(out) < 25 {
		t.Fatalf("only %d operations", len(out))
	}
	return out
}

func (o operation) at(workspace string) string {
	return strings.NewReplacer("{workspace}", workspace, "{thread}", "thr_x", "{person}", "per_x", "{company}", "com_x", "{theme}", "thm_x", "{message}", "msg_x", "{source}", "src_x", "{version}", "1",
		"{report}", "weekly", "{due}", "20261102T070000Z", "{form}", "html", "{app}", "app_x", "{secret}", "sec_0123456789abcdef", "{guest}", "other",
		"{outcome}", "deal-1", "{backtest}", "bkt_x", "{draft}", "draft-x", "{refit}", "rft_x",
		"{member}", "mem_x", "{invitation}", "inv_"+strings.Repeat("a", 26), "{key}", "key_"+strings.Repeat("a", 26)).Replace(o.path) + o.query()
}

// query is what the operation can't do without.
func (o operation) query() string {
	if o.method == "DELETE" && o.path == "/v1/workspaces/{workspace}" {
		return "?name=A+acme"
	}
	if o.method == "DELETE" && o.path == "/v1/workspaces/{workspace}/models" {
		return "?model=linkedin"
	}
	return ""
}

func TestNobodyWithoutAToken(t *testing.T) {
	// There is no store: whatever is read before the token panics, and is a 500. Every token holds but one.
	h := api.Handler(api.Deps{Now: func() time.Time { return t0 }, Verify: func(ctx context.Context, token string) (api.Caller, error) {
		if token == "bad" {
			return refuse(ctx, token)
		}
		return api.Caller{Subject: "ann"}, nil
	}})
	for _, o := range operations(t) {
		for name, headers := range map[string][]string{"none": nil, "bad": {"Authorization", "Bearer bad"}, "basic": {"Authorization", "Basic YTpi"}, "bare": {"Authorization", "Bearer "}} {
			r := call(h, "", o.method, o.at("acme"), o.body, headers...)
			if r.status != http.StatusUnauthorized || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s with token %q: got %d %s", o.method, o.path, name, r.status, r.body)
			}
		}
	}
	drill.Show(t, "%d operations without a token, or with one of three that do not hold: 401 before anything is read", len(operations(t)))
}

// A stranger gets the same bytes for a workspace that is there as for one that is not, for every operation there is.
func TestStrangersSeeNoWorkspace(t *testing.T) {
	x, asked := newWorld(t), 0
	x.workspace("acme", "ann")
	ops := operations(t)
	slices.SortFunc(ops, func(a, b operation) int { return strings.Compare(b.method+b.path, a.method+a.path) }) // DELETE last: else the report is gone before its run is asked for
	for _, o := range ops {
		if !strings.Contains(o.path, "{workspace}") {
			continue
		}
		asked++
		there := x.call("eve", o.method, o.at("acme"), o.body)
		gone := x.call("eve", o.method, o.at("nowhere"), o.body)
		if there.status != http.StatusNotFound || there.body != gone.body || !cmp.Equal(there.header, gone.header) {
			t.Errorf("%s %s: %d %s for one that is there, %d %s for one that is not", o.method, o.path, there.status, there.body, gone.status, gone.body)
		}
		if strings.Contains(o.query(), "name=") {
			continue // it would end the workspace
		}
		if mine := x.call("ann", o.method, o.at("acme"), o.body); strings.Contains(mine.body, "no such workspace") {
			t.Errorf("%s %s: a member is refused: %s", o.method, o.path, mine.body)
		}
	}
	if len(x.asked) != 6 { // the member's run, discovery, models, backtest, and refit
		t.Errorf("asked for %q", x.asked)
	}
	for app := range x.secrets {
		if a, err := x.store.App(t.Context(), app); err != nil || a.Owner != "acme" {
			t.Errorf("a secret of %v, %v", a, err)
		}
	}
	drill.Show(t, "%d operations: a stranger gets the same bytes for a workspace that is there as for one that is not", asked)
}

func TestCreateWorkspace(t *testing.T) {
	x := newWorld(t)
	in := map[string]any{"id": "acme", "name": "Acme Inc.", "time_zone": "America/New_York", "recipients": []string{"ada@example.com"}}
	r := x.call("ann", "POST", "/v1/workspaces", in)
	var ws api.Workspace
	r.want(t, http.StatusCreated, &ws)
	if d := cmp.Diff(api.Workspace{ID: "acme", Name: "Acme Inc.", TimeZone: "America/New_York", Languages: []string{}, Created: t0, Role: "owner", Member: store.MemberID("ann")}, ws); d != "" {
		t.Error(d)
	}
	if got := r.header.Get("Location"); got != "/v1/workspaces/acme" {
		t.Errorf("Location: %q", got)
	}
	x.workspace("other", "bob")
	var list api.Page[api.Workspace]
	x.get("ann", "/v1/workspaces", &list)
	if d := cmp.Diff([]api.Workspace{ws}, list.Items); d != "" {
		t.Error(d)
	}
	x.get("ann", "/v1/workspaces/acme", &ws)

	var rep api.Report
	x.get("ann", "/v1/workspaces/acme/reports/weekly", &rep)
	// 2 November 2026, 09:30 UTC is 04:30 in New York: the report of that Monday is still to come, at 08:00 EST.
	due := time.Date(2026, 11, 2, 13, 0, 0, 0, time.UTC)
	if rep.Weekday != "monday" || rep.Time != "08:00" || !rep.NextDue.Equal(due) || !cmp.Equal(rep.Recipients, []string{"ada@example.com"}) {
		t.Errorf("weekly report: %+v", rep)
	}
	dues, err := x.store.DueBy(t.Context(), due, 10)
	if err != nil || len(dues) != 1 || dues[0] != (store.Due{Workspace: "acme", Report: "weekly", At: due}) {
		t.Errorf("due: %v, %v", dues, err)
	}
	if ticked, err := x.store.Ticked(t.Context()); err != nil || !cmp.Equal(ticked, []string{"acme", "other"}) {
		t.Errorf("ticked: %v, %v", ticked, err)
	}
	var models api.Page[api.Version]
	x.get("ann", "/v1/workspaces/acme/models", &models)
	if len(models.Items) != 1 || models.Items[0] != (api.Version{Version: "1", Published: t0, Active: true}) {
		t.Errorf("models: %+v", models)
	}
	var m struct{ Model struct{ Rules []any } }
	x.get("ann", "/v1/workspaces/acme/models/1", &m)
	if len(m.Model.Rules) == 0 {
		t.Error("the model has no rules")
	}
	x.call("ann", "GET", "/v1/workspaces/acme/models/2", nil).problem(t, 404)
	second, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.Publish(t.Context(), "acme", store.Models, store.Document{Version: "2", Published: t0.Add(time.Hour), Body: second}); err != nil {
		t.Fatal(err)
	}
	x.get("ann", "/v1/workspaces/acme/models", &models)
	if d := cmp.Diff([]api.Version{{Version: "2", Published: t0.Add(time.Hour), Active: true}, {Version: "1", Published: t0}}, models.Items); d != "" {
		t.Error(d)
	}

	t.Run("a taken id is a conflict, for its owner too", func(t *testing.T) {
		for _, who := range []string{"ann", "bob"} {
			x.call(who, "POST", "/v1/workspaces", in).problem(t, http.StatusConflict)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for location, change := range map[string]map[string]any{
			"body.id":            {"id": "Acme#1"},
			"body.name":          {"name": "two\nlines"},
			"body.time_zone":     {"time_zone": "Mars/Olympus"},
			"body.recipients[1]": {"recipients": []string{"a@example.com", "Ann <ann@example.com>"}},
			"body.extra":         {"extra": 1},
		} {
			b := map[string]any{"id": "acme-2", "name": "n", "time_zone": "UTC"}
			for k, v := range change {
				b[k] = v
			}
			x.call("ann", "POST", "/v1/workspaces", b).at(t, location)
		}
		b := map[string]any{"id": "acme-2", "name": "n", "time_zone": "UTC", "recipients": []string{"a@example.com", "a@example.com"}}
		x.call("ann", "POST", "/v1/workspaces", b).at(t, "body.recipients[1]")
		delete(b, "recipients")
		b["name"] = "   "
		x.call("ann", "POST", "/v1/workspaces", b).at(t, "body.name")
	})
}

// An outage after the first write leaves a workspace without its report; its creator asks again and it is whole.
func TestHalfCreatedWorkspaceIsFinished(t *testing.T) {
	x := newWorld(t)
	if err := x.store.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: t0}, "ann"); err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"id": "acme", "name": "Acme", "time_zone": "UTC"}
	x.call("bob", "POST", "/v1/workspaces", in).problem(t, http.StatusConflict)
	x.call("ann", "GET", "/v1/workspaces/acme/reports/weekly", nil).problem(t, 404)
	x.call("ann", "POST", "/v1/workspaces", in).want(t, http.StatusCreated, nil)
	x.get("ann", "/v1/workspaces/acme/reports/weekly", nil)
	x.call("ann", "POST", "/v1/workspaces", in).problem(t, http.StatusConflict)
}

func TestRequestsAreHeldToTheContract(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for _, c := range []struct {
		name, method, path, body, kind, location string
		status                                   int
	}{
		{"unknown parameter", "GET", "/v1/workspaces/acme/leads?secretvalue=1", "", "", "query.secretvalue", 422},
		{"limit too large", "GET", "/v1/workspaces/acme/leads?limit=secretvalue", "", "", "query.limit", 422},
		{"no cursor of ours", "GET", "/v1/workspaces/acme/leads?cursor=secretvalue", "", "", "query.cursor", 422},
		{"no time", "GET", "/v1/workspaces/acme/leads?as_of=secretvalue", "", "", "query.as_of", 422},
		{"a parameter without a value", "GET", "/v1/workspaces/acme/leads?cursor=", "", "", "query.cursor", 422},
		{"a parameter twice", "GET", "/v1/workspaces/acme/leads?limit=1&limit=2", "", "", "query.limit", 422},
		{"a time long ago", "GET", "/v1/workspaces/acme/leads?as_of=0001-01-01T00:00:00Z", "", "", "query.as_of", 422},
		{"an empty period", "GET", "/v1/workspaces/acme/response-times?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "", "", "query.from", 422},
		{"issues of a long period", "GET", "/v1/workspaces/acme/issues?from=2020-01-01T00:00:00Z", "", "", "query.from", 422},
		{"no month", "GET", "/v1/workspaces/acme/parked?month=2026-13", "", "", "query.month", 422},
		{"a person's id that is none", "GET", "/v1/workspaces/acme/leads/secretvalue", "", "", "path.person", 422},
		{"a workspace's id that is none", "GET", "/v1/workspaces/SECRETVALUE", "", "", "path.workspace", 422},
		{"unknown field", "POST", "/v1/workspaces", `{"id":"abc","name":"n","time_zone":"UTC","Name":"secretvalue"}`, "application/json", "body.Name", 422},
		{"wrong type", "POST", "/v1/workspaces", `{"id":"abc","name":"n","time_zone":["secretvalue"]}`, "application/json", "body.time_zone", 422},
		{"null", "POST", "/v1/workspaces", `{"id":"abc","name":"n","time_zone":"UTC","recipients":null}`, "application/json", "body", 400},
		{"no JSON", "POST", "/v1/workspaces", `{"id":secretvalue`, "application/json", "body", 400},
		{"too large", "POST", "/v1/workspaces", `{"id":"` + strings.Repeat("x", 65<<10) + `"}`, "application/json", "", 413},
		{"another media type", "POST", "/v1/workspaces", "<id>secretvalue</id>", "text/xml", "", 415},
		{"no such route", "GET", "/v1/secretvalue", "", "", "", 404},
		{"no such method", "DELETE", "/v1/workspaces", "", "", "", 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			var body any
			if c.body != "" {
				body = c.body
			}
			r := x.call("ann", c.method, c.path, body, "Content-Type", c.kind)
			p := r.problem(t, c.status)
			if c.location != "" && (len(p.Errors) == 0 || p.Errors[0].Location != c.location) {
				t.Errorf("got %s, want an error at %s", r.body, c.location)
			}
			if c.location != "query.secretvalue" && strings.Contains(strings.ToLower(r.body), "secretvalue") {
				t.Errorf("the value is repeated: %s", r.body)
			}
		})
	}
	if allow := x.call("ann", "DELETE", "/v1/workspaces", nil).header.Get("Allow"); !strings.Contains(allow, "POST") {
		t.Errorf("Allow: %q", allow)
	}
}

func TestFaultsOfOursShowNothing(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.run("acme", "weekly", t0, "reports/acme/x")
	path := "/v1/workspaces/acme/reports/weekly/runs/20261102T093000Z/html"
	x.objectErr = errors.New("secretvalue: bucket arn")
	p := x.call("ann", "GET", path, nil).problem(t, 500)
	if p.Detail != "" || p.Errors != nil {
		t.Errorf("%+v", p)
	}
	x.objectErr = fault.Wrap(fault.Transient, errors.New("secretvalue: timeout"), "")
	r := x.call("ann", "GET", path, nil)
	r.problem(t, 503)
	if strings.Contains(r.body, "secretvalue") || r.header.Get("Retry-After") == "" {
		t.Errorf("%s %v", r.body, r.header)
	}
	x.deps.Object = func(context.Context, string) ([]byte, error) { panic("secretvalue") }
	x.handler = api.Handler(x.deps)
	if r := x.call("ann", "GET", path, nil); strings.Contains(r.body, "secretvalue") {
		t.Error(r.body)
	} else {
		r.problem(t, 500)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for _, r := range []reply{x.call("ann", "GET", "/v1/workspaces", nil), x.call("", "GET", "/v1/workspaces", nil), x.call("ann", "GET", "/v1/nothing", nil)} {
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "max-age=31536000"} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%d: %s: got %q, want %q", r.status, name, got, want)
			}
		}
		if cache := r.header.Get("Cache-Control"); r.status == 200 && cache != "private, no-cache" || r.status != 200 && cache != "no-store" {
			t.Errorf("%d: Cache-Control: %q", r.status, cache)
		}
	}
}

func TestWhatHasNotChangedIsNotSentAgain(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	first := x.call("ann", "GET", "/v1/workspaces/acme", nil)
	tag := first.header.Get("ETag")
	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if r := x.call("ann", "GET", "/v1/workspaces/acme", nil, "If-None-Match", header); r.status != http.StatusNotModified || r.body != "" || r.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: got %d %q", header, r.status, r.body)
		}
	}
	if r := x.call("ann", "GET", "/v1/workspaces/acme", nil, "If-None-Match", `"other"`); r.status != 200 || r.body != first.body {
		t.Errorf("another tag: got %d", r.status)
	}
	if r := x.call("ann", "HEAD", "/v1/workspaces/acme", nil); r.status != 200 || r.body != "" || r.header.Get("ETag") != tag {
		t.Errorf("HEAD: got %d %q", r.status, r.body)
	}
}

// standardConfig is a mapping that works.
const standardConfig = `{"mapping":{"scope":{"path":"/forum"},"type":{"value":"post"},"id":{"path":"/id"},"actor_id":{"path":"/user"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`

func source(changes map[string]any) map[string]any {
	b := map[string]any{"platform": "standard", "name": "Forum", "scope": "*", "config": json.RawMessage(standardConfig)}
	for k, v := range changes {
		if b[k] = v; v == nil {
			delete(b, k)
		}
	}
	return b
}

func TestConnectASource(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	const path = "/v1/workspaces/acme/sources"
	r := x.call("ann", "POST", path, source(nil))
	var made api.CreatedSource
	r.want(t, http.StatusCreated, &made)
	if !regexp.MustCompile(`^app_[a-z2-7]{26}$`).MatchString(made.App) || made.HookURL != "https://api.example.com/hooks/"+made.App {
		t.Errorf("app %q, hook %q", made.App, made.HookURL)
	}
	if got := x.secrets[made.App].Keys; len(got) != 1 || got[0] != made.Secret || !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=$`).MatchString(made.Secret) {
		t.Errorf("the secret kept, %q, is not the one shown, %q", got, made.Secret)
	}
	a, err := x.store.App(t.Context(), made.App)
	if err != nil || a.Owner != "acme" || a.Platform != "standard" || string(a.Config) != standardConfig {
		t.Errorf("app: %+v, %v", a, err)
	}
	if routes, err := x.store.Routes(t.Context(), made.App); err != nil || !cmp.Equal(routes, []store.Route{{Scope: "*", Workspace: "acme", Source: made.ID}}) {
		t.Errorf("routes: %v, %v", routes, err)
	}
	one := x.get("ann", r.header.Get("Location"), nil)
	list := x.get("ann", path, nil)
	for _, body := range []string{one.body, list.body} {
		if strings.Contains(body, "whsec_") || !strings.Contains(body, made.HookURL) {
			t.Errorf("shows the secret again, or no hook: %s", body)
		}
	}
	for key, item := range x.table.Dump(t) {
		if strings.Contains(item, strings.TrimPrefix(made.Secret, "whsec_")) {
			t.Errorf("the secret is in the table at %s", key)
		}
	}

	t.Run("a second scope of the app", func(t *testing.T) {
		more := map[string]any{"platform": "standard", "name": "Second", "scope": "shop", "app": made.App}
		var second api.CreatedSource
		x.call("ann", "POST", path, more).want(t, http.StatusCreated, &second)
		if second.App != made.App || second.Secret != "" || second.ID == made.ID {
			t.Errorf("%+v", second)
		}
		x.call("ann", "POST", path, more).problem(t, http.StatusConflict)
		// Another's app is refused as one that is not there.
		foreign := x.call("bob", "POST", "/v1/workspaces/other/sources", more)
		foreign.at(t, "body.app")
		more["app"] = "app_nothing"
		if gone := x.call("bob", "POST", "/v1/workspaces/other/sources", more); gone.body != foreign.body {
			t.Errorf("an app of another: %s, no app: %s", foreign.body, gone.body)
		}
		more["app"], more["secret"] = made.App, "x"
		x.call("ann", "POST", path, more).at(t, "body.app")
		delete(more, "secret")
		more["platform"], more["scope"] = "meta", "9"
		x.call("ann", "POST", path, more).at(t, "body.platform")
	})
	t.Run("the public URL, where it is set", func(t *testing.T) {
		x.deps.PublicURL = "https://hooks.example.com/"
		h := api.Handler(x.deps)
		var s api.Source
		call(h, "ann", "GET", path+"/"+made.ID, nil).want(t, 200, &s)
		if s.HookURL != "https://hooks.example.com/hooks/"+made.App {
			t.Error(s.HookURL)
		}
	})
	t.Run("meta", func(t *testing.T) {
		in := map[string]any{"platform": "meta", "name": "Page", "scope": "123", "secret": "0123456789abcdef", "verify_token": "tok", "legacy_signatures": true}
		r := x.call("ann", "POST", path, in)
		var s api.CreatedSource
		r.want(t, http.StatusCreated, &s)
		if strings.Contains(r.body, "0123456789abcdef") || strings.Contains(r.body, `"tok"`) {
			t.Errorf("a secret that was given is shown: %s", r.body)
		}
		if d := cmp.Diff(platform.Secrets{Keys: []string{"0123456789abcdef"}, VerifyToken: "tok"}, x.secrets[s.App]); d != "" {
			t.Error(d)
		}
		if a, _ := x.store.App(t.Context(), s.App); !a.Legacy {
			t.Error("legacy signatures were allowed, and are not")
		}
	})
	t.Run("refused", func(t *testing.T) {
		before := len(x.secrets)
		for _, c := range []struct {
			location string
			change   map[string]any
		}{
			{"body.platform", map[string]any{"platform": "myspace"}},
			{"body.scope", map[string]any{"platform": "meta", "config": nil, "secret": "0123456789abcdef"}},
			{"body.scope", map[string]any{"scope": "a\x00b"}},
			{"body.name", map[string]any{"name": "a\u2028b"}},
			{"body.name", map[string]any{"name": "Acme \u202bLtd\u202c"}},
			{"body.secret", map[string]any{"platform": "meta", "config": nil, "scope": "1"}},
			{"body.secret", map[string]any{"secret": "plain"}},
			{"body.secret", map[string]any{"secret": "whsec_c2hvcnQ="}},
			{"body.secret", map[string]any{"secret": "whsec_not base64"}},
			{"body.config", map[string]any{"platform": "meta", "scope": "1", "secret": "0123456789abcdef"}},
			{"body.config.mapping", map[string]any{"config": nil}},
			{"body.config.mapping.direction", map[string]any{"config": json.RawMessage(strings.Replace(standardConfig, "inbound", "secretvalue", 1))}},
			{"body.config.signature", map[string]any{"config": json.RawMessage(`{"signature":{"header":"X","algorithm":"secretvalue","encoding":"hex"},` + standardConfig[1:])}},
		} {
			r := x.call("ann", "POST", path, source(c.change))
			r.at(t, c.location)
			if strings.Contains(r.body, "secretvalue") {
				t.Errorf("the value is repeated: %s", r.body)
			}
		}
		if len(x.secrets) != before {
			t.Error("a refused source left a secret")
		}
	})
	t.Run("a secret that can't be kept leaves no app", func(t *testing.T) {
		before := len(x.dump())
		x.noSecrets = fault.Wrap(fault.Transient, errors.New("ssm"), "")
		x.call("ann", "POST", path, source(nil)).problem(t, 503)
		x.noSecrets = nil
		if after := len(x.dump()); after != before {
			t.Errorf("%d items, before %d", after, before)
		}
	})
	t.Run("an app that can't be made leaves no secret", func(t *testing.T) {
		before := len(x.secrets)
		x.onSecret = func(app string) { // somebody takes the id in this moment
			a := store.App{ID: app, Owner: "other", Platform: "standard"}
			if err := x.store.CreateSource(t.Context(), a, true, store.Source{ID: "src_" + app, Workspace: "other", App: app, Scope: "*", Created: t0}); err != nil {
				t.Error(err)
			}
		}
		x.call("ann", "POST", path, source(nil)).problem(t, http.StatusConflict)
		x.onSecret = nil
		if len(x.secrets) != before {
			t.Error("the secret stays")
		}
	})
	t.Run("a secret of its own, and the same with a signature described", func(t *testing.T) {
		x.call("ann", "POST", path, source(map[string]any{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})).want(t, 201, nil)
		signed := json.RawMessage(`{"signature":{"header":"X-Sig","algorithm":"sha256","encoding":"hex"},` + standardConfig[1:])
		x.call("ann", "POST", path, source(map[string]any{"secret": "any words of some length", "config": signed})).want(t, 201, nil)
	})
}

func TestParkedPages(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	var want []string
	for i := range 5 {
		p := store.Parked{ID: fmt.Sprint("prk_", i), App: "app_1", Delivery: fmt.Sprint("dlv_", i), Received: t0.Add(-time.Duration(i) * time.Minute), Reason: "no actor", Object: "parked/acme/x"}
		if err := x.store.Park(t.Context(), "acme", p); err != nil {
			t.Fatal(err)
		}
		want = append(want, p.ID)
	}
	for _, limit := range []int{1, 2, 5, 100} {
		var got []string
		pages := x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/parked?limit=%d", limit), func(b string) {
			var p api.Page[api.ParkedDelivery]
			json.Unmarshal([]byte(b), &p)
			for _, d := range p.Items {
				got = append(got, d.ID)
			}
		})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("limit %d: %s", limit, d)
		}
		if want := (5 + limit - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages, want %d", limit, pages, want)
		}
	}
	var empty api.Page[api.ParkedDelivery]
	x.get("ann", "/v1/workspaces/acme/parked?month=2026-10", &empty)
	x.get("bob", "/v1/workspaces/other/parked", &empty)
	if len(empty.Items) != 0 {
		t.Errorf("%+v", empty)
	}
}

// pages follows a list to its end by its cursors and returns the number of pages.
func (x *world) pages(caller, path string, each func(body string), headers ...string) int {
	x.t.Helper()
	next := regexp.MustCompile(`^<([^>]*)>; rel="next"$`)
	for n := 1; ; n++ {
		r := x.call(caller, "GET", path, nil, headers...)
		r.want(x.t, 200, nil)
		each(r.body)
		link := r.header.Get("Link")
		if link == "" {
			return n
		}
		m := next.FindStringSubmatch(link)
		if m == nil || n > 100 {
			x.t.Fatalf("page %d links to %q", n, link)
		}
		path = m[1]
	}
}

func TestCursorIsGoodForItsListAlone(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "ann")
	for i := range 3 {
		for _, w := range []string{"acme", "other"} {
			a := x.activity(w, post(fmt.Sprint("u", i), fmt.Sprint("p", i), "What does it cost?", time.Hour))
			if err := leadstest.Rescore(t.Context(), x.deps.Leads, w, a.Account().AccountID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	var page api.LeadPage
	x.get("ann", "/v1/workspaces/acme/leads?limit=1", &page)
	c := page.NextCursor
	if c == "" {
		t.Fatal("no cursor")
	}
	x.get("ann", "/v1/workspaces/acme/leads?limit=2&cursor="+c, nil)
	flip := []byte(c)
	if flip[len(flip)/2]++; flip[len(flip)/2] > 'z' || flip[len(flip)/2] == '[' || flip[len(flip)/2] == ':' {
		flip[len(flip)/2] = 'A'
	}
	for name, path := range map[string]string{
		"another workspace": "/v1/workspaces/other/leads?cursor=" + c,
		"another list":      "/v1/workspaces/acme/activities?cursor=" + c,
		"another query":     "/v1/workspaces/acme/conversations?state=all&cursor=" + c,
		"a changed byte":    "/v1/workspaces/acme/leads?cursor=" + string(flip),
		"cut":               "/v1/workspaces/acme/leads?cursor=" + c[:20],
		"another version":   "/v1/workspaces/acme/leads?cursor=B" + c[1:],
		"a place in plain":  "/v1/workspaces/acme/leads?cursor=AWJvYg",
	} {
		t.Run(name, func(t *testing.T) { x.call("ann", "GET", path, nil).at(t, "query.cursor") })
	}
	t.Run("another key", func(t *testing.T) {
		x.deps.CursorKey = func(context.Context) ([]byte, error) { return []byte("another key of a test, long enough"), nil }
		call(api.Handler(x.deps), "ann", "GET", "/v1/workspaces/acme/leads?cursor="+c, nil).at(t, "query.cursor")
	})
	t.Run("another filter of the same list", func(t *testing.T) {
		var p api.Page[social.Line]
		x.get("ann", "/v1/workspaces/acme/activities?limit=1", &p)
		x.call("ann", "GET", "/v1/workspaces/acme/activities?person=per_x&cursor="+p.NextCursor, nil).at(t, "query.cursor")
	})
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
