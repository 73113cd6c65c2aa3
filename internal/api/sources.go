package api

import (
	"context"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/side"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Source is a connected origin.
type Source struct {
	ID       string    `json:"id"`
	App      string    `json:"app" doc:"The registration whose deliveries it takes part in; give it to add another scope"`
	Platform string    `json:"platform" example:"meta"`
	Name     string    `json:"name" example:"Our page"`
	Scope    string    `json:"scope" doc:"The platform-side page, team, channel or forum; *: whatever the app delivers"`
	HookURL  string    `json:"hook_url" doc:"Where the platform sends its deliveries; of a platform that signs nothing the answer to its creation, and no other, has the secret end of it"`
	Polled   bool      `json:"polled" doc:"Rapport fetches it: the platform sends nothing"`
	Own      []string  `json:"own_accounts" doc:"Platform-side ids of accounts that act for the business"`
	Created  time.Time `json:"created"`
}

// CreatedSource is a source and, this once, the secret that was made for it.
type CreatedSource struct {
	Source
	Secret string `json:"secret,omitempty" doc:"The secret made for the app, where none was given. It is shown this once"`
}

// NewSource is what a source is created from.
type NewSource struct {
	Platform    string          `json:"platform" minLength:"1" maxLength:"40" example:"standard"`
	Name        string          `json:"name" minLength:"1" maxLength:"200" example:"Our forum"`
	Scope       string          `json:"scope" minLength:"1" maxLength:"200" example:"*" doc:"The platform-side page, team, channel or forum, as docs/platforms says; * where the app is one account: whatever it delivers"`
	Config      json.RawMessage `json:"config,omitempty" doc:"The platform's own document: for standard the mapping and, where it is not Standard Webhooks, the signature"`
	Secret      string          `json:"secret,omitempty" maxLength:"1024" doc:"What deliveries are signed with. Where the platform lets us choose it, one is made without it and shown once"`
	VerifyToken string          `json:"verify_token,omitempty" maxLength:"512" doc:"What a handshake must bring, where the platform has one"`
	Token       string          `json:"api_token,omitempty" maxLength:"4096" doc:"What the platform's API asks for, where Rapport calls it: to poll, to renew a subscription. It is sent to the host of this scope alone"`
	Own         []string        `json:"own_accounts,omitempty" maxItems:"200" doc:"Platform-side ids of accounts that act for the business: what they do is outbound"`
	Legacy      bool            `json:"legacy_signatures,omitempty" doc:"Accept the platform's legacy signature too"`
	App         string          `json:"app,omitempty" pattern:"^app_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"An app of this workspace, or one whose owner lets it connect, to add another scope to; then secret, verify_token, api_token, config and legacy_signatures stay away"`
}

// InSource is the part of a request that names a source.
type InSource struct {
	InWorkspace
	Source string `path:"source" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
}

type createSourceIn struct {
	InWorkspace
	Body NewSource
}

func (s *service) sources(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-sources", Method: http.MethodGet, Path: "/sources", Tags: []string{"sources"}, Summary: "List sources"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Source]], error) {
			list, err := s.Store.Sources(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Source]]{List[Source]{Items: []Source{}}}
			for _, x := range list {
				out.Body.Items = append(out.Body.Items, s.source(ctx, x))
			}
			return out, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "create-source", Method: http.MethodPost, Path: "/sources", Tags: []string{"sources"}, Summary: "Connect a source",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}, s.createSource)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-source", Method: http.MethodGet, Path: "/sources/{source}", Tags: []string{"sources"}, Summary: "Get a source"},
		func(ctx context.Context, w string, in *InSource) (*Out[Source], error) {
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			return &Out[Source]{s.source(ctx, x)}, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-own-accounts", Method: http.MethodPut, Path: "/sources/{source}/own_accounts", Tags: []string{"sources"}, Summary: "Say which accounts act for the business",
		Description: "It holds for what comes from now on, within a minute, and for what is there: an account that is named is seen as the business's own in everything that is computed, one that is taken off as a customer again, unless another source names it, is it, or the platform itself says that it is the business's. That is applied from a few seconds later on; get-own-accounts says whether it is done. Reports that were made stay as they are. If-Match takes the source's ETag.", Errors: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, w string, in *ownIn) (*Out[Source], error) {
			if err := ownAccounts(in.Body.Own); err != nil {
				return nil, err
			}
			there, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			var only *[]string // as which it may be replaced
			if in.given() {
				if err := in.holds(s.source(ctx, there)); err != nil {
					return nil, err
				}
				only = &there.Own
			}
			// Asked for first: it waits a little, and finds the list as it is then.
			if err := s.side(ctx, w, there.Platform, differing(there.Own, in.Body.Own)); err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, SideAfter/2)
			defer cancel()
			if err := s.Store.PutOwn(ctx, w, in.Source, in.Body.Own, only); err != nil {
				return nil, changedIf(err)
			}
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			return &Out[Source]{s.source(ctx, x)}, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-own-accounts", Method: http.MethodGet, Path: "/sources/{source}/own_accounts", Tags: []string{"sources"}, Summary: "Say which accounts act for the business, and which of them are being applied"},
		func(ctx context.Context, w string, in *InSource) (*Out[OwnAccounts], error) {
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			list, err := s.Store.Sidings(ctx, w, x.Platform, maxApplied)
			if err != nil {
				return nil, err
			}
			out := OwnAccounts{Own: append([]string{}, x.Own...), Applied: []Applied{}}
			for _, a := range list {
				out.Applied = append(out.Applied, Applied{a.ID, a.Since, a.Facts})
			}
			return &Out[OwnAccounts]{out}, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-source", Method: http.MethodDelete, Path: "/sources/{source}", Tags: []string{"sources"}, Summary: "Disconnect a source",
		Description: "What it brought stays, and so does which accounts were the business's own then. An app that no other source uses, and that no guest may use, goes with it, and its secrets; of one that stays, what comes for the scope from now on is parked.", DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *InSource) (*struct{}, error) {
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			if err := s.Store.UnschedulePoll(ctx, w, x.ID); err != nil {
				return nil, err
			}
			if err := s.Store.DeleteSource(ctx, x); err != nil {
				return nil, err
			}
			return nil, s.deleteUnused(ctx, w, x.App)
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-source-name", Method: http.MethodPut, Path: "/sources/{source}/name", Tags: []string{"sources"}, Summary: "Rename a source",
		Description: "Nothing else changes."},
		func(ctx context.Context, w string, in *renameSourceIn) (*Out[Source], error) {
			if err := plain("body.name", in.Body.Name); err != nil {
				return nil, err
			}
			if err := s.Store.RenameSource(ctx, w, in.Source, in.Body.Name); err != nil {
				return nil, err
			}
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			return &Out[Source]{s.source(ctx, x)}, nil
		})
}

type renameSourceIn struct {
	InSource
	Body NewName
}

type ownIn struct {
	InSource
	IfMatch
	Body struct {
		Own []string `json:"own_accounts" maxItems:"200" doc:"The whole list: it replaces the one before"`
	}
}

// OwnAccounts are the accounts that a source says act for the business.
type OwnAccounts struct {
	Own     []string  `json:"own_accounts" doc:"Platform-side ids"`
	Applied []Applied `json:"being_applied" doc:"Accounts of the source's platform, whichever source names or named them, for which it is being applied to what they did before. Until then, what is computed may show some of it on either side; what arrives within those minutes may take a quarter of an hour longer"`
}

// Applied is an account for which it is being applied that it was named as own, or is no more.
type Applied struct {
	ID         string    `json:"id" doc:"The platform's"`
	Since      time.Time `json:"since" doc:"When that was asked for. If it is more than an hour ago, and activities does not grow, whoever operates the stack finds an alarm of the queue of bulk work"`
	Activities int       `json:"activities" doc:"That were gone through"`
}

// maxApplied bounds how many accounts being applied are listed.
const maxApplied = 400

// SideAfter is how long the work waits that applies a list of own accounts:
// twice as long as the list may take to be written.
const SideAfter = 10 * time.Second

// side asks that sides of accounts be applied to what they did.
func (s *service) side(ctx context.Context, w string, p social.Platform, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	now := social.Instant(s.Now())
	errs := parallel.Each(ctx, len(ids), 16, func(i int) error {
		return s.Store.PutSiding(ctx, w, store.Siding{Platform: p, ID: ids[i], Since: now})
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.Side(ctx, side.State{Workspace: w, Platform: p, IDs: ids, Since: now})
}

// differing lists what is in one of two lists only, each once.
func differing(a, b []string) []string {
	var out []string
	for _, id := range slices.Concat(a, b) {
		if slices.Contains(a, id) != slices.Contains(b, id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// maxOwn bounds an account's id in bytes.
const maxOwn = 200

func ownAccounts(list []string) error {
	for i, id := range list {
		here := fmt.Sprintf("body.own_accounts[%d]", i)
		if err := plain(here, id); err != nil {
			return err
		}
		if len(id) > maxOwn {
			return invalid(here, "is longer than %d bytes", maxOwn)
		}
	}
	return nil
}

func (s *service) source(ctx context.Context, x store.Source) Source {
	base := s.PublicURL
	if base == "" {
		base = "https://" + requestOf(ctx).Host
	}
	out := Source{ID: x.ID, App: x.App, Platform: string(x.Platform), Name: x.Name, Scope: x.Scope,
		HookURL: strings.TrimSuffix(base, "/") + "/hooks/" + x.App, Own: []string{}, Created: x.Created}
	out.Own = append(out.Own, x.Own...)
	if adapter, err := all.Find(x.Platform); err == nil {
		p, ok := adapter.(platform.Poller)
		out.Polled = ok && p.Polls(x.Scope)
	}
	return out
}

// createSource writes the secret before the app can be found: a delivery that
// comes between finds no app, never an app without a secret.
func (s *service) createSource(ctx context.Context, w string, in *createSourceIn) (*CreatedOut[CreatedSource], error) {
	b := in.Body
	if err := plain("body.name", b.Name); err != nil {
		return nil, err
	}
	if err := plain("body.scope", b.Scope); err != nil {
		return nil, err
	}
	p := social.Platform(b.Platform)
	adapter, err := all.Find(p)
	if err != nil {
		var names []string
		for _, a := range all.Adapters() {
			names = append(names, string(a.Platform()))
		}
		return nil, invalid("body.platform", "is none of %s", strings.Join(names, ", "))
	}
	if problem := checkScope(adapter, b.Scope); problem != "" {
		return nil, invalid("body.scope", "%s", problem)
	}
	if f, err := platform.PollOf(adapter, b.Scope, "", platform.Secrets{}, platform.Options{Config: b.Config}); err == nil { // it is fetched
		if err := s.Refuses(f.URL); err != nil {
			return nil, invalid("body.scope", "can't be fetched: %s", err)
		}
	}
	if err := ownAccounts(b.Own); err != nil {
		return nil, err
	}
	if string(b.Config) == "null" {
		b.Config = nil
	}
	if err := s.roomForSource(ctx, w, adapter, b); err != nil {
		return nil, err
	}

	var app store.App
	made := ""
	if b.App != "" {
		if b.Secret != "" || b.VerifyToken != "" || b.Token != "" || b.Legacy || len(b.Config) > 0 {
			return nil, invalid("body.app", "has its own secret, verify_token, api_token, config and legacy_signatures: leave them out")
		}
		app, err = s.Store.App(ctx, b.App)
		if fault.Is(err, fault.NotFound) || err == nil && !app.MayConnect(w) {
			return nil, invalid("body.app", "is no app of this workspace, nor one whose owner lets it connect")
		}
		if err != nil {
			return nil, err
		}
		if app.Platform != p {
			return nil, invalid("body.platform", "is not the app's")
		}
		if err := s.mayWatch(ctx, w, app, b.Scope); err != nil {
			return nil, err
		}
		if err := s.tokenFits(ctx, adapter, app, b.Scope); err != nil {
			return nil, err
		}
	} else {
		if err := adapter.CheckConfig(b.Config); err != nil {
			return nil, configProblem(err)
		}
		secret, err := s.appSecret(ctx, adapter, b)
		if err != nil {
			return nil, err
		}
		if b.Secret == "" {
			made = secret
		}
		id, err := idFrom(s.random(ctx), "app")
		if err != nil {
			return nil, err
		}
		app = store.App{ID: id, Owner: w, Platform: p, Config: b.Config, Legacy: b.Legacy}
		// An attempt before this one may have made it, and its secret may have been rotated since.
		if _, err := s.Store.App(ctx, id); fault.Is(err, fault.NotFound) {
			err = s.PutSecret(ctx, id, bound(adapter, b, secret))
			if err != nil {
				return nil, err
			}
		} else if err != nil {
			return nil, err
		}
	}
	x := store.Source{ID: social.HashID("src", social.Key(app.ID, b.Scope)), Workspace: w, App: app.ID, Platform: p, Scope: b.Scope, Name: b.Name, Own: b.Own, Created: s.begun(ctx)}
	if err := s.side(ctx, w, p, own(x)); err != nil {
		return nil, err
	}
	if err := s.Store.CreateSource(ctx, app, b.App == "", x); err != nil && !s.madeBefore(ctx, x) {
		if b.App == "" {
			// Nothing refers to the secret of an app that was not made.
			s.DeleteSecret(context.WithoutCancel(ctx), app.ID)
		}
		if fault.Is(err, fault.Conflict) {
			return nil, fault.New(fault.Conflict, "the app already delivers this scope")
		}
		return nil, err
	}
	out := s.source(ctx, x)
	if out.Polled {
		if err := s.Store.SchedulePoll(ctx, w, x.ID, x.Created); err != nil {
			// It would stand there and never be fetched.
			return nil, errors.Join(err, s.Store.DeleteSource(context.WithoutCancel(ctx), x))
		}
	}
	if p, ok := adapter.(platform.Pather); ok && !out.Polled {
		keys, err := s.Secrets(ctx, app.ID)
		if err != nil {
			return nil, err
		}
		if len(keys.Keys) > 0 {
			out.HookURL += "/" + p.Path(x.Scope, keys.Keys[0])
		}
	}
	return &CreatedOut[CreatedSource]{Location: "/v1/workspaces/" + w + "/sources/" + x.ID, Body: CreatedSource{out, made}}, nil
}

// own lists the accounts that a new source makes the business's own.
func own(x store.Source) []string {
	if x.Scope == "*" {
		return differing(x.Own, nil)
	}
	return differing(append([]string{x.Scope}, x.Own...), nil)
}

// madeBefore reports whether an attempt of the same request made the source.
func (s *service) madeBefore(ctx context.Context, x store.Source) bool {
	there, err := s.Store.Source(ctx, x.Workspace, x.ID)
	return again(ctx) && err == nil && there.App == x.App && there.Created.Equal(x.Created)
}

// mayWatch refuses a scope of an app that would bring a workspace what is
// another's: everything, where several share the app.
func (s *service) mayWatch(ctx context.Context, w string, app store.App, scope string) error {
	if scope == "*" && app.Owner != w {
		return invalid("body.scope", "can't be * for the app of another workspace: name the page, team, channel or forum")
	}
	routes, err := s.Store.Routes(ctx, app.ID)
	if err != nil {
		return err
	}
	for _, r := range routes {
		switch {
		case r.Workspace == w:
		case scope == "*":
			return invalid("body.scope", "can't be *: another workspace has a source of this app")
		case r.Scope == "*":
			return invalid("body.scope", "can't be taken: a source of another workspace gets whatever the app delivers")
		}
	}
	return nil
}

// bound is an app's secrets; its token is for the host of the scope that it was given with.
func bound(adapter platform.Adapter, b NewSource, secret string) platform.Secrets {
	s := platform.Secrets{Keys: []string{secret}, VerifyToken: b.VerifyToken, Token: b.Token}
	if b.Token != "" {
		s.TokenHost = platform.TokenHost(adapter, b.Scope)
	}
	return s
}

// tokenFits refuses a scope at another host than the one that the app's token is for.
func (s *service) tokenFits(ctx context.Context, adapter platform.Adapter, app store.App, scope string) error {
	if platform.TokenHost(adapter, scope) == "" {
		return nil
	}
	keys, err := s.Secrets(ctx, app.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if keys.TokenElsewhere(adapter, scope) {
		return invalid("body.scope", "is at another host than the one that the app's api_token is for: connect it without app, so that it has an app and, if need be, a token of its own")
	}
	return nil
}

// checkScope says what is wrong with a scope, or "".
func checkScope(adapter platform.Adapter, scope string) string {
	if c, ok := adapter.(platform.ScopeChecker); ok {
		if err := c.CheckScope(scope); err != nil {
			return err.Error()
		}
		return ""
	}
	if scope == "*" {
		return "can't be * for this platform: name the page, team, channel or forum"
	}
	return ""
}

// appSecret returns the secret given, or one made here where the platform
// lets us choose it; where all there is to do is to poll, an unused one.
func (s *service) appSecret(ctx context.Context, adapter platform.Adapter, b NewSource) (string, error) {
	if b.Secret != "" {
		return b.Secret, checkKey(adapter, "body.secret", b.Secret, platform.Options{Legacy: b.Legacy, Config: b.Config})
	}
	polled := false
	if p, ok := adapter.(platform.Poller); ok {
		polled = p.Polls(b.Scope)
	}
	maker, ok := adapter.(platform.KeyMaker)
	if !ok && !polled {
		return "", invalid("body.secret", "is required: the platform shows it where the app is registered")
	}
	raw := make([]byte, 32)
	if _, err := io.ReadFull(s.random(ctx), raw); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	if !ok {
		return hex.EncodeToString(raw), nil
	}
	return maker.MakeKey(raw), nil
}

// checkKey refuses a secret that can't work or that somebody could guess.
func checkKey(adapter platform.Adapter, location, key string, o platform.Options) error {
	if err := platform.CheckKey(adapter, key, o); err != nil {
		return invalid(location, "%s", err.Error())
	}
	return nil
}

// quoted is a value that an adapter repeats.
var quoted = pattern.New(`"(?:[^"\\]|\\.)*"\s*`)

// configProblem turns what an adapter says of its document into a 422: one
// line for each field, "config.field: what is wrong".
func configProblem(err error) error {
	var list []FieldError
	for line := range strings.Lines(err.Error()) {
		field, detail, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || !strings.HasPrefix(field, "config") || strings.ContainsAny(field, " \"") {
			field, detail = "config", strings.TrimSpace(line)
		}
		if !strings.Contains(detail, "unknown field") {
			detail = quoted.ReplaceAllString(detail, "")
		}
		list = append(list, FieldError{"body." + field, detail})
	}
	return newProblem(http.StatusUnprocessableEntity, "the platform's document can't work", list...)
}

// randomID returns prefix, "_" and 128 random bits in [a-z2-7].
func (s *service) randomID(prefix string) (string, error) { return idFrom(s.Random, prefix) }

func idFrom(random io.Reader, prefix string) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), nil
}

// placeIf is place if more comes after it, else "".
func placeIf(more bool, place string) string {
	if more {
		return place
	}
	return ""
}
