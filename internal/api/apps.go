package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

// App is a platform's registration: it signs the deliveries of one or many
// sources, also of several workspaces.
type App struct {
	ID       string   `json:"id"`
	Platform string   `json:"platform"`
	Owner    string   `json:"owner" doc:"The workspace that made it, and sees what it can't route"`
	Legacy   bool     `json:"legacy_signatures"`
	Config   any      `json:"config,omitempty" doc:"The platform's own document"`
	Guests   []string `json:"guests" doc:"Workspaces that may connect sources to it"`
	Secrets  []Secret `json:"secrets" doc:"What deliveries may be signed with, the current one first"`
}

// Secret stands for a secret, which is never shown.
type Secret struct {
	ID      string `json:"id" doc:"Tells secrets apart, and nothing about them"`
	Current bool   `json:"current" doc:"What Rapport itself signs with; the others are accepted until they are revoked"`
}

// NewSecret is a secret to rotate to.
type NewSecret struct {
	Secret string `json:"secret,omitempty" maxLength:"1024" doc:"As the platform shows it. Where the platform lets us choose it, one is made without it and shown once"`
	Token  string `json:"api_token,omitempty" maxLength:"4096" doc:"A new token of the platform's API, too, for the same host; the one before is dropped at once"`
}

// RotatedApp is an app and, this once, the secret that was made for it.
type RotatedApp struct {
	App
	Secret string `json:"secret,omitempty" doc:"The secret made, where none was given. It is shown this once"`
	Hooks  []Hook `json:"hooks,omitempty" doc:"Of a platform that signs nothing: where it is to send from now on. They are shown this once"`
}

// Hook is where a platform that signs nothing sends a source's deliveries.
type Hook struct {
	Source  string `json:"source"`
	HookURL string `json:"hook_url"`
}

// InApp is the part of a request that names an app.
type InApp struct {
	InWorkspace
	App string `path:"app" pattern:"^app_[A-Za-z0-9_-]{1,60}$" maxLength:"64"`
}

// AppSettings is what of an app can be changed.
type AppSettings struct {
	Config json.RawMessage `json:"config,omitempty" doc:"The platform's own document, whole; absent: none"`
	Legacy bool            `json:"legacy_signatures,omitempty" doc:"Accept the platform's legacy signature too"`
}

type settingsIn struct {
	InApp
	IfMatch
	Body AppSettings
}

type rotateIn struct {
	InApp
	Body NewSecret
}

type revokeIn struct {
	InApp
	Secret string `path:"secret" pattern:"^sec_[0-9a-f]{16}$" maxLength:"20" example:"sec_0123456789abcdef" doc:"The secret's id, as the app lists it"`
}

type guestIn struct {
	InApp
	Guest string `path:"guest" pattern:"^[a-z0-9-]{3,40}$" maxLength:"40" doc:"The other workspace's id"`
}

// maxSecrets bounds how many secrets an app accepts at once.
const maxSecrets = 5

func (s *service) apps(api huma.API) {
	tags := []string{"sources"}
	members(s, api, social.Owner, huma.Operation{OperationID: "get-app", Method: http.MethodGet, Path: "/apps/{app}", Tags: tags, Summary: "Get an app",
		Description: "Only the workspace that made it sees it."},
		func(ctx context.Context, w string, in *InApp) (*Out[App], error) {
			a, err := s.ownApp(ctx, w, in.App)
			if err != nil {
				return nil, err
			}
			out, err := s.app(ctx, a)
			return &Out[App]{out}, err
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "list-apps", Method: http.MethodGet, Path: "/apps", Tags: tags, Summary: "List the apps that the workspace made",
		Description: "Also those that no source uses any more."},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[App]], error) {
			ids, err := s.Store.AppsOf(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[List[App]]{List[App]{Items: []App{}}}
			for _, id := range ids {
				a, err := s.ownApp(ctx, w, id)
				if fault.Is(err, fault.NotFound) {
					continue
				}
				if err != nil {
					return nil, err
				}
				x, err := s.app(ctx, a)
				if err != nil {
					return nil, err
				}
				out.Body.Items = append(out.Body.Items, x)
			}
			return out, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-app", Method: http.MethodDelete, Path: "/apps/{app}", Tags: tags, Summary: "Delete an app and its secrets",
		Description: "One that sources use, also of other workspaces, can't be deleted.", DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusConflict}},
		func(ctx context.Context, w string, in *InApp) (*struct{}, error) {
			if _, err := s.ownApp(ctx, w, in.App); err != nil {
				return nil, err
			}
			return nil, s.deleteApp(ctx, w, in.App)
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-app", Method: http.MethodPut, Path: "/apps/{app}", Tags: tags, Summary: "Change an app's document",
		Description: "It holds within a minute. What was parked because of the document before can then be replayed; facts that are there stay as they are.", Errors: []int{http.StatusPreconditionFailed}}, s.putApp)
	members(s, api, social.Owner, huma.Operation{OperationID: "rotate-secret", Extensions: whileStopped(), Method: http.MethodPost, Path: "/apps/{app}/secrets", Tags: tags, Summary: "Rotate an app's secret",
		Description: "The new secret is the current one from now on, and those before are accepted until they are revoked: a platform may sign with the old one for an hour yet. It holds within five seconds.",
		Errors:      []int{http.StatusConflict}}, s.rotateSecret)
	members(s, api, social.Owner, huma.Operation{OperationID: "revoke-secret", Method: http.MethodDelete, Path: "/apps/{app}/secrets/{secret}", Tags: tags, Summary: "Revoke a secret",
		Description: "It verifies nothing any more, within a minute. The last one can't be revoked.", Errors: []int{http.StatusConflict}}, s.revokeSecret)
	members(s, api, social.Owner, huma.Operation{OperationID: "put-guest", Method: http.MethodPut, Path: "/apps/{app}/guests/{guest}", Tags: tags, Summary: "Let another workspace connect sources to an app",
		Description: "It may take any scope of the app that no source has. Each workspace gets its own scopes' events only."},
		func(ctx context.Context, w string, in *guestIn) (*Out[App], error) { return s.guest(ctx, w, in, true) })
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-guest", Method: http.MethodDelete, Path: "/apps/{app}/guests/{guest}", Tags: tags, Summary: "Let a workspace connect no more sources to an app",
		Description: "Sources that it has connected stay."},
		func(ctx context.Context, w string, in *guestIn) (*Out[App], error) { return s.guest(ctx, w, in, false) })
}

// deleteApp takes an app that no source uses away, and then its secret: a
// delivery that comes between finds no app.
func (s *service) deleteApp(ctx context.Context, w, app string) error {
	if err := s.Store.DeleteApp(ctx, app); err != nil {
		return err
	}
	if err := s.DeleteSecret(ctx, app); err != nil {
		return err
	}
	return s.Store.EndApp(ctx, w, app)
}

// deleteUnused takes the app of a source that was deleted away, if it is this
// workspace's, or nobody's, no other source uses it and no guest may.
func (s *service) deleteUnused(ctx context.Context, w, app string) error {
	a, err := s.Store.App(ctx, app)
	if err == nil && (a.Owner == w || a.Owner == "") && len(a.Guests) == 0 {
		err = s.deleteApp(ctx, w, app)
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// ownApp returns an app that the workspace made; any other does not exist to it.
func (s *service) ownApp(ctx context.Context, w, id string) (store.App, error) {
	a, err := s.Store.App(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && a.Owner != w {
		return a, fault.New(fault.NotFound, "no such app")
	}
	return a, err
}

func (s *service) app(ctx context.Context, a store.App) (App, error) {
	out := App{ID: a.ID, Platform: string(a.Platform), Owner: a.Owner, Legacy: a.Legacy, Guests: append([]string{}, a.Guests...), Secrets: []Secret{}}
	slices.Sort(out.Guests)
	if len(a.Config) > 0 {
		out.Config = a.Config
	}
	keys, err := s.Secrets(ctx, a.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return out, err
	}
	for i, k := range keys.Keys {
		id, err := s.secretID(ctx, k)
		if err != nil {
			return out, err
		}
		out.Secrets = append(out.Secrets, Secret{id, i == 0})
	}
	return out, nil
}

func (s *service) putApp(ctx context.Context, w string, in *settingsIn) (*Out[App], error) {
	a, err := s.ownApp(ctx, w, in.App)
	if err != nil {
		return nil, err
	}
	adapter, err := all.Find(a.Platform)
	if err != nil {
		return nil, err
	}
	if string(in.Body.Config) == "null" {
		in.Body.Config = nil
	}
	if err := adapter.CheckConfig(in.Body.Config); err != nil {
		return nil, configProblem(err)
	}
	read := a
	var only *store.App // as which it may be replaced
	if in.given() {
		there, err := s.app(ctx, a)
		if err != nil {
			return nil, err
		}
		if err := in.holds(there); err != nil {
			return nil, err
		}
		only = &read
	}
	a.Config, a.Legacy = in.Body.Config, in.Body.Legacy
	if err := s.Store.PutAppSettings(ctx, a, only); err != nil {
		return nil, changedIf(err)
	}
	out, err := s.app(ctx, a)
	return &Out[App]{out}, err
}

// secretID names a secret by a keyed hash, so that a guess can't be tried on it.
func (s *service) secretID(ctx context.Context, secret string) (string, error) {
	key, err := s.CursorKey(ctx)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("secret|" + secret))
	return "sec_" + hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func (s *service) rotateSecret(ctx context.Context, w string, in *rotateIn) (*Out[RotatedApp], error) {
	a, err := s.ownApp(ctx, w, in.App)
	if err != nil {
		return nil, err
	}
	adapter, err := all.Find(a.Platform)
	if err != nil {
		return nil, err
	}
	keys, err := s.Secrets(ctx, a.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	made := ""
	switch {
	case in.Body.Secret == "" && in.Body.Token != "":
		// Only the token.
	case in.Body.Secret == "":
		if _, ok := adapter.(platform.KeyMaker); !ok {
			return nil, invalid("body.secret", "is required: the platform shows it where the app is registered")
		}
		if made, err = s.appSecret(ctx, adapter, NewSource{Config: a.Config, Legacy: a.Legacy}); err != nil {
			return nil, err
		}
		in.Body.Secret = made
	default:
		if err := checkKey(adapter, "body.secret", in.Body.Secret, platform.Options{Legacy: a.Legacy, Config: a.Config}); err != nil {
			return nil, err
		}
	}
	if in.Body.Token != "" {
		keys.Token = in.Body.Token
		if keys.TokenHost == "" {
			if keys.TokenHost, err = s.tokenHost(ctx, w, a, adapter); err != nil {
				return nil, err
			}
		}
	}
	if k := in.Body.Secret; k != "" {
		keys.Keys = append([]string{k}, slices.DeleteFunc(keys.Keys, func(old string) bool { return old == k })...)
		if len(keys.Keys) > maxSecrets {
			return nil, fault.New(fault.Conflict, "the app accepts %d secrets already: revoke one first", maxSecrets)
		}
	}
	if err := s.PutSecret(ctx, a.ID, keys); err != nil {
		return nil, err
	}
	out, err := s.app(ctx, a)
	if err != nil {
		return nil, err
	}
	var hooks []Hook
	if in.Body.Secret != "" {
		hooks, err = s.hooks(ctx, w, a, adapter, in.Body.Secret)
	}
	return &Out[RotatedApp]{RotatedApp{out, made, hooks}}, err
}

// tokenHost is the host that the first token of an app is for: that of the
// owner's sources. A guest's scope does not say where it is sent.
func (s *service) tokenHost(ctx context.Context, w string, a store.App, adapter platform.Adapter) (string, error) {
	list, err := s.Store.Sources(ctx, w)
	if err != nil {
		return "", err
	}
	host := ""
	for _, x := range list {
		switch h := platform.TokenHost(adapter, x.Scope); {
		case x.App != a.ID || h == "" || h == host:
		case host != "":
			return "", fault.New(fault.Conflict, "the app's sources are at several hosts, %s and %s, and a token is for one: connect those of the one host with an app of their own, and give that one the token", host, h)
		default:
			host = h
		}
	}
	if _, uses := adapter.(platform.TokenUser); uses && host == "" {
		return "", fault.New(fault.Conflict, "a token is for the host of the app's sources, and this workspace has none of them: connect one first")
	}
	return host, nil
}

// hooks are the full hook URLs of the workspace's sources of an app whose
// platform signs nothing.
func (s *service) hooks(ctx context.Context, w string, a store.App, adapter platform.Adapter, key string) ([]Hook, error) {
	p, ok := adapter.(platform.Pather)
	if !ok {
		return nil, nil
	}
	list, err := s.Store.Sources(ctx, w)
	if err != nil {
		return nil, err
	}
	var out []Hook
	for _, x := range list {
		if src := s.source(ctx, x); x.App == a.ID && !src.Polled {
			out = append(out, Hook{x.ID, src.HookURL + "/" + p.Path(x.Scope, key)})
		}
	}
	return out, nil
}

func (s *service) revokeSecret(ctx context.Context, w string, in *revokeIn) (*Out[App], error) {
	a, err := s.ownApp(ctx, w, in.App)
	if err != nil {
		return nil, err
	}
	keys, err := s.Secrets(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, k := range keys.Keys {
		id, err := s.secretID(ctx, k)
		if err != nil {
			return nil, err
		}
		if id != in.Secret {
			left = append(left, k)
		}
	}
	switch {
	case len(left) == len(keys.Keys):
		return nil, fault.New(fault.NotFound, "no such secret")
	case len(left) == 0:
		return nil, fault.New(fault.Conflict, "it is the app's last secret: rotate to another one first")
	}
	keys.Keys = left
	if err := s.PutSecret(ctx, a.ID, keys); err != nil {
		return nil, err
	}
	out, err := s.app(ctx, a)
	return &Out[App]{out}, err
}

// maxGuests bounds how many workspaces may connect to one app.
const maxGuests = 1000

func (s *service) guest(ctx context.Context, w string, in *guestIn, may bool) (*Out[App], error) {
	a, err := s.ownApp(ctx, w, in.App)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Guest == w:
		return nil, invalid("path.guest", "is this workspace: it may anyway")
	case may && len(a.Guests) >= maxGuests:
		return nil, fault.New(fault.Conflict, "the app has %d guests already", maxGuests)
	}
	// Whether there is such a workspace is not said: it is nobody else's business.
	if err := s.Store.PutGuest(ctx, a.ID, in.Guest, may); err != nil {
		return nil, err
	}
	if a, err = s.Store.App(ctx, a.ID); err != nil {
		return nil, err
	}
	out, err := s.app(ctx, a)
	return &Out[App]{out}, err
}
