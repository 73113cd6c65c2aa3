// Package api is the HTTP API that front ends and programs call: the operations
// below /v1, declared once, in Go. Its description, openapi.yaml at the root of the repository, is
// made from them by `go run ./cmd/openapi`.
//
// Whoever calls brings an access token (NewVerifier). Each operation on a
// workspace asks first whether the caller is a member; to anyone else the
// workspace does not exist. Errors are problem documents (RFC 9457) that name
// the part of the request and never repeat its value.
//
// To add an operation, write a func on service beside its kind and register
// it in New's list with the role that it needs; members does the asking.
package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/cache"
	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/replay"
	"rapport/internal/side"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/themed"
)

// Deps is what the API needs of the world.
type Deps struct {
	Store *store.Store
	Leads *leads.Leads

	Verify       func(ctx context.Context, token string) (Caller, error)                                      // see NewVerifier
	PutSecret    func(ctx context.Context, app string, s platform.Secrets) error                              //
	Secrets      func(ctx context.Context, app string) (platform.Secrets, error)                              // of kind NotFound where there are none
	DeleteSecret func(ctx context.Context, app string) error                                                  //
	Post         func(ctx context.Context, r platform.Request) (status int, body []byte, err error)           // a request to a hook of ours
	Wait         func(ctx context.Context, d time.Duration)                                                   // until the time has passed, or ctx has ended
	Replay       *replay.Replay                                                                               //
	Forget       func(ctx context.Context, workspace, account string) error                                   // takes away what a test left
	Erase        func(ctx context.Context, m ingest.Erase) error                                              // queues that an account is forgotten
	View         func(ctx context.Context, m ingest.View) error                                               // queues that views of activities are computed again
	Score        func(ctx context.Context, m ingest.Score) error                                              // queues that people are scored again
	Object       func(ctx context.Context, key string) ([]byte, error)                                        // of the bucket; kind NotFound where there is none
	RunReport    func(ctx context.Context, workspace, report string, due time.Time, how RunHow) error         // asks for a run, without waiting for it
	Discover     func(ctx context.Context, workspace string, at time.Time) error                              // asks for themes as of an instant, without waiting; zero: now
	Wipe         func(ctx context.Context, workspace string) error                                            // asks that a deleted workspace's data be taken away, in a minute
	Side         func(ctx context.Context, x side.State) error                                                // asks that named accounts' sides be applied, in SideAfter
	Refuses      func(url string) error                                                                       // why a URL will never be fetched; nil: it may be
	Regroup      func(ctx context.Context, workspace string, accounts []string) error                         // asks for the persons of accounts to be made again
	Rescore      func(ctx context.Context, workspace string, by leads.Rescoring) error                        // asks for all leads to be scored by a published model, or taken away with a retired one
	Compare      func(ctx context.Context, workspace string) error                                            // asks for how its people stand to be computed
	Backtest     func(ctx context.Context, workspace, backtest string) error                                  // asks for a backtest to be carried out
	Refit        func(ctx context.Context, workspace, refit string) error                                     // asks for a refit of the reader to be carried out
	Creators     []string                                                                                     // who may create workspaces: see mayCreate; empty: whoever has a token
	Import       func(ctx context.Context, d platform.Delivery) error                                         // queues imported activities
	Erased       func(ctx context.Context, workspace string, accounts []string) (map[string]time.Time, error) // as of when those of them were forgotten that were
	MailKey      func(ctx context.Context) (consent.Key, error)                                               // under which mail addresses are known
	CursorKey    func(ctx context.Context) ([]byte, error)                                                    //
	PublicURL    string                                                                                       // scheme and host of the hooks; "": the request's own
	Now          func() time.Time                                                                             //
	Random       io.Reader                                                                                    // for ids and secrets: must be unpredictable
}

type service struct {
	Deps
	themes *themed.Sets
	usual  *cache.Cache[map[store.Channel]time.Duration] // see usualAnswers
}

const (
	openapiJSON = "/v1/openapi.json"
	openapiYAML = "/v1/openapi.yaml"
	maxBody     = 64 << 10 // bytes
)

// Handler serves the API.
func Handler(d Deps) http.Handler {
	configure()
	mux := http.NewServeMux()
	s := &service{Deps: d, themes: themed.NewSets(d.Store, d.Now)}
	s.usual = s.usualAnswers()
	s.operations(&later{API: humago.New(http.NewServeMux(), settings()), mux: mux})
	for path, form := range map[string]func() (string, []byte, error){
		openapiYAML: func() (string, []byte, error) { b, err := described().YAML(); return "application/yaml", b, err },
		openapiJSON: func() (string, []byte, error) {
			b, err := described().MarshalJSON()
			return "application/json", b, err
		},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			kind, b, err := form()
			if err != nil {
				newProblem(http.StatusInternalServerError, "").write(w)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Write(b)
		})
	}
	return &edge{mux: mux, verify: d.Verify, key: s.keyCaller, now: d.Now}
}

// Description returns the API's description, openapi.yaml.
func Description() ([]byte, error) { return described().YAML() }

// described is the description of all operations, made when it is first asked for.
var described = sync.OnceValue(func() *huma.OpenAPI {
	configure()
	api := humago.New(http.NewServeMux(), settings())
	(&service{}).operations(api)
	describe(api.OpenAPI())
	return api.OpenAPI()
})

// later is an API whose operations are each made when they are first called.
// To make them all, with their schemas and messages, takes huma longer than
// everything else that a cold start does, and the call that waits for it
// needs one. An operation that can't be made fails a test: the description
// is made of all of them.
type later struct {
	huma.API // holds schemas that operations look up before they are registered, and no operation
	mux      *http.ServeMux
}

// register serves a pattern of mux with the operation that register makes.
func (l *later) register(pattern string, register func(huma.API)) {
	made := sync.OnceValue(func() http.Handler {
		mux := http.NewServeMux()
		register(humago.New(mux, settings()))
		return mux
	})
	l.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { made().ServeHTTP(w, r) })
}

// settings are huma's, ours in place of its own.
func settings() huma.Config {
	cfg := huma.DefaultConfig("Rapport", "1.0.0")
	cfg.Info.Description = "Public social activity as scored leads, feedback themes and reports. Every workspace sees its own data only. " +
		"Lists that take a cursor are paged: pass next_cursor as cursor, or follow the Link header. Scores are decimal strings, exact to a millionth of a point. " +
		"Errors are problem documents (RFC 9457)."
	cfg.Info.Contact = &huma.Contact{Name: "The operator of this deployment"}
	cfg.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	cfg.Tags = []*huma.Tag{
		{Name: "workspaces", Description: "Who a customer is"},
		{Name: "sources", Description: "What is connected, and what could not be understood"},
		{Name: "leads", Description: "People with a score, and why"},
		{Name: "feedback", Description: "What people raise, who waits, how fast answers come"},
		{Name: "activities", Description: "The facts that everything is computed from"},
		{Name: "models", Description: "Published versions of what is computed by"},
		{Name: "reports", Description: "What comes regularly"},
	}
	cfg.Servers = []*huma.Server{{URL: "{origin}", Description: "A deployment of Rapport; its operator knows the address (ApiUrl in the outputs of the stack)",
		Variables: map[string]*huma.ServerVariable{"origin": {Default: "https://api.example.com", Description: "Scheme and host; of the local cloud http://localhost:4566 with the path that make run prints"}}}}
	cfg.CreateHooks, cfg.SchemasPath, cfg.DocsPath, cfg.OpenAPIPath = nil, "", "", "" // no $schema in bodies; no pages of huma's
	cfg.RejectUnknownQueryParameters = true
	f := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	cfg.Formats = map[string]huma.Format{"application/json": f, "json": f}
	cfg.DefaultFormat = "application/json"
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer",
		Description: "An access token of the deployment's user pool (Amazon Cognito; the outputs of the stack name the pool and its client), got by signing in there. " +
			"It holds for an hour; a refresh token, for 30 days, gets another one. The id token is not accepted. Or a machine key of the workspace (rk_…), which an owner makes."}}
	cfg.Security = []map[string][]string{{"token": {}}}
	return cfg
}

// operations registers all there are.
func (s *service) operations(api huma.API) {
	s.workspaces(api)
	s.members(api)
	s.keys(api)
	s.audit(api)
	s.sources(api)
	s.apps(api)
	s.parked(api)
	s.health(api)
	s.checks(api)
	s.leads(api)
	s.people(api)
	s.attributes(api)
	s.companies(api)
	s.outcomes(api)
	s.imports(api)
	s.contacts(api)
	s.issues(api)
	s.conversations(api)
	s.corrections(api)
	s.refits(api)
	s.activities(api)
	s.documents(api)
	s.models(api)
	s.drafts(api)
	s.backtests(api)
	s.reports(api)
	s.usage(api)
}

// InWorkspace is the part of a request that names the workspace.
type InWorkspace struct {
	Workspace string `path:"workspace" pattern:"^[a-z0-9-]{3,40}$" maxLength:"40" example:"acme" doc:"The workspace's id"`
}

func (in InWorkspace) workspace() string { return in.Workspace }

// Paged is the part of a request that asks for a page.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"At most so many"`
	Cursor string `query:"cursor" maxLength:"1000" pattern:"^[A-Za-z0-9_-]+$" doc:"next_cursor of the page before"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Pass it as cursor for the next page; absent on the last one"`
}

// List is a whole list: it is short enough for one answer.
type List[T any] struct {
	Items []T `json:"items" doc:"All of them"`
}

// PageOut is the answer that holds a page.
type PageOut[T any] struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body Page[T]
}

// Out is an answer that is one thing.
type Out[T any] struct{ Body T }

// CreatedOut is the answer to the creation of one thing.
type CreatedOut[T any] struct {
	Location string `header:"Location" doc:"Where it is"`
	Body     T
}

// require says in the contract whom an operation needs: in the extension
// x-role, and in a sentence of its description.
func require(op *huma.Operation, role, sentence string) {
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions["x-role"] = role
	op.Description = strings.TrimSpace(op.Description + " " + sentence)
}

// open registers an operation that any caller with a token may use.
func open[I, O any](api huma.API, op huma.Operation, f func(ctx context.Context, caller Caller, in *I) (*O, error)) {
	if l, ok := api.(*later); ok {
		l.register(op.Method+" "+op.Path, func(api huma.API) { open(api, op, f) })
		return
	}
	if op.Extensions["x-role"] == nil {
		require(&op, "none", "Needs an access token, and no role.")
	}
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if op.Method == http.MethodGet {
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{}
		}
		op.Responses["304"] = &huma.Response{}
	} else {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		op.MaxBodyBytes = cmp.Or(op.MaxBodyBytes, maxBody)
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if err := oneOfEach(requestOf(ctx).URL.Query()); err != nil {
			return nil, err
		}
		out, err := f(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, problemOf(ctx, err)
		}
		return out, nil
	})
}

// oneOfEach refuses what huma would read as if it were absent: a parameter
// without a value, and the second of a name.
func oneOfEach(query url.Values) error {
	for name, values := range query {
		switch {
		case len(values) > 1:
			return invalid("query."+name, "stands more than once")
		case values[0] == "":
			return invalid("query."+name, "has no value")
		}
	}
	return nil
}

var errNoWorkspace = fault.New(fault.NotFound, "no such workspace")

// owned is a request that may be about the caller's own: then any role may do it.
type owned interface{ own(Caller) bool }

// members registers an operation that only members of the workspace may use
// whose role may what need may. Nothing is read before that is known.
func members[I, O any, P interface {
	*I
	workspace() string
}](s *service, api huma.API, need social.Role, op huma.Operation, f func(ctx context.Context, w string, in *I) (*O, error)) {
	op.Path = "/v1/workspaces/{workspace}" + op.Path
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusNotFound)
	require(&op, string(need), "Needs the role "+string(need)+".")
	if op.Method == http.MethodPost {
		f = once(s, &op, f)
	}
	if op.Method != http.MethodGet && !slices.Contains(op.Errors, http.StatusConflict) {
		op.Errors = append(op.Errors, http.StatusConflict)
	}
	open(api, op, func(ctx context.Context, caller Caller, in *I) (out *O, err error) {
		w, need := P(in).workspace(), need
		if o, ok := any(in).(owned); ok && o.own(caller) {
			need = social.Viewer
		}
		if err := s.may(ctx, caller, w, need); err != nil {
			return nil, err
		}
		if op.Method == http.MethodGet {
			return f(ctx, w, in)
		}
		terms, err := s.Store.Terms(ctx, w)
		if err != nil {
			return nil, err
		}
		if err := stopped(op, terms); err != nil {
			return nil, err
		}
		ctx = context.WithValue(ctx, termsKey{}, terms)
		err = s.audited(ctx, w, op.OperationID, func(ctx context.Context) error {
			out, err = f(ctx, w, in)
			return err
		})
		return out, err
	})
}

// unmarshal reads JSON and refuses null, which huma lets through for every
// optional field and the contract does not, and a name that stands twice. A
// source's config is any JSON, and who reads a model says what is wrong with it.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(e.Value, " ") // what follows is the value
		return fmt.Errorf("a %s of it can't be read", kind)
	}
	if p, ok := v.(*any); ok && err == nil {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := noneTwice(d); err != nil {
			return err
		}
		return noNull("body", *p)
	}
	return err
}

// noneTwice refuses a name that stands twice in one object: who reads the
// first one would see another request than who reads the last.
func noneTwice(d *json.Decoder) error {
	begin, err := d.Token()
	if err != nil || begin != json.Delim('{') && begin != json.Delim('[') {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		if begin == json.Delim('{') {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			if seen[name] {
				return errors.New("a name stands twice in one object")
			}
			seen[name] = true
		}
		if err := noneTwice(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func noNull(at string, v any) error {
	switch v := v.(type) {
	case nil:
		return fmt.Errorf("null is not allowed at %s", at)
	case map[string]any:
		for k, e := range v {
			if at == "body" && (k == "config" || k == "model") {
				continue
			}
			if err := noNull(at+"."+k, e); err != nil {
				return err
			}
		}
	case []any:
		for i, e := range v {
			if err := noNull(fmt.Sprintf("%s[%d]", at, i), e); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2999, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// requestTime reads a time of the request; absent is the zero time.
func requestTime(location, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, invalid(location, "is no RFC 3339 time")
	}
	if y := t.Year(); y < 1990 || y > 2999 {
		return t, invalid(location, "lies outside the years 1990 to 2999")
	}
	// Where the time zone takes it out of these years, it is their end.
	t = t.UTC().Truncate(time.Millisecond)
	if t.Before(earliest) {
		t = earliest
	} else if t.After(latest) {
		t = latest
	}
	return t, nil
}

// Period is the part of a request that bounds a time.
type Period struct {
	From string `query:"from" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"From this instant on; by default 28 days before to"`
	To   string `query:"to" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Before this instant; by default now"`
}

const defaultPeriod = 28 * 24 * time.Hour

// bounds returns the period, of at most max unless that is 0.
func (p Period) bounds(now time.Time, max time.Duration) (from, to time.Time, err error) {
	if to, err = requestTime("query.to", p.To); err != nil {
		return from, to, err
	}
	if to.IsZero() {
		to = now.UTC().Truncate(time.Millisecond)
	}
	if from, err = requestTime("query.from", p.From); err != nil {
		return from, to, err
	}
	if from.IsZero() {
		from = to.Add(-defaultPeriod)
	}
	switch {
	case !from.Before(to):
		return from, to, invalid("query.from", "is not before to")
	case max > 0 && to.Sub(from) > max:
		return from, to, invalid("query.from", "is more than %d days before to", int(max.Hours()/24))
	}
	return from, to, nil
}

// some is a pointer to t, or nil for the zero time.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
