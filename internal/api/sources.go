package api

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/platform/standard"
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
	HookURL  string    `json:"hook_url" doc:"Where the platform sends its deliveries"`
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
	Scope       string          `json:"scope" minLength:"1" maxLength:"200" example:"*" doc:"The platform-side page, team, channel or forum; * (standard only): whatever the app delivers"`
	Config      json.RawMessage `json:"config,omitempty" doc:"The platform's own document: for standard the mapping and, where it is not Standard Webhooks, the signature"`
	Secret      string          `json:"secret,omitempty" maxLength:"1024" doc:"What deliveries are signed with. Without one, standard makes its own and shows it once"`
	VerifyToken string          `json:"verify_token,omitempty" maxLength:"512" doc:"What a handshake must bring, where the platform has one"`
	Legacy      bool            `json:"legacy_signatures,omitempty" doc:"Accept the platform's legacy signature too"`
	App         string          `json:"app,omitempty" pattern:"^app_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"An app of this workspace, to add another scope to; then secret, verify_token, config and legacy_signatures stay away"`
}

type sourceIn struct {
	InWorkspace
	Source string `path:"source" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
}

type createSourceIn struct {
	InWorkspace
	Body NewSource
}

// ParkedDelivery is a delivery, or a part of one, that could not be understood.
type ParkedDelivery struct {
	ID       string    `json:"id"`
	App      string    `json:"app"`
	Delivery string    `json:"delivery" doc:"The delivery's id"`
	Received time.Time `json:"received"`
	Reason   string    `json:"reason"`
}

type parkedIn struct {
	InWorkspace
	Paged
	Month string `query:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" maxLength:"7" example:"2026-01" doc:"Of receipt, UTC; by default this one"`
}

func (s *service) sources(api huma.API) {
	members(s, api, huma.Operation{OperationID: "list-sources", Method: http.MethodGet, Path: "/sources", Tags: []string{"sources"}, Summary: "List sources"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[Page[Source]], error) {
			list, err := s.Store.Sources(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[Page[Source]]{Page[Source]{Items: []Source{}}}
			for _, x := range list {
				out.Body.Items = append(out.Body.Items, s.source(ctx, x))
			}
			return out, nil
		})
	members(s, api, huma.Operation{OperationID: "create-source", Method: http.MethodPost, Path: "/sources", Tags: []string{"sources"}, Summary: "Connect a source",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}, s.createSource)
	members(s, api, huma.Operation{OperationID: "get-source", Method: http.MethodGet, Path: "/sources/{source}", Tags: []string{"sources"}, Summary: "Get a source"},
		func(ctx context.Context, w string, in *sourceIn) (*Out[Source], error) {
			x, err := s.Store.Source(ctx, w, in.Source)
			if err != nil {
				return nil, err
			}
			return &Out[Source]{s.source(ctx, x)}, nil
		})
	members(s, api, huma.Operation{OperationID: "list-parked", Method: http.MethodGet, Path: "/parked", Tags: []string{"sources"}, Summary: "List deliveries that could not be understood",
		Description: "Newest first: what could not be understood or kept, or came for a scope that no source watches, each with its reason; its delivery is kept whole. " +
			"What a platform sends that is known to tell of nobody's doing is not listed: it is in the archive only."}, s.listParked)
}

func (s *service) source(ctx context.Context, x store.Source) Source {
	base := s.PublicURL
	if base == "" {
		base = "https://" + requestOf(ctx).Host
	}
	return Source{ID: x.ID, App: x.App, Platform: string(x.Platform), Name: x.Name, Scope: x.Scope,
		HookURL: strings.TrimSuffix(base, "/") + "/hooks/" + x.App, Created: x.Created}
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
	if b.Scope == "*" && p != (standard.Adapter{}).Platform() {
		return nil, invalid("body.scope", "can be * for standard only: name the page, team, channel or forum")
	}
	if string(b.Config) == "null" {
		b.Config = nil
	}

	var app store.App
	made := ""
	if b.App != "" {
		if b.Secret != "" || b.VerifyToken != "" || b.Legacy || len(b.Config) > 0 {
			return nil, invalid("body.app", "has its own secret, verify_token, config and legacy_signatures: leave them out")
		}
		app, err = s.Store.App(ctx, b.App)
		if fault.Is(err, fault.NotFound) || err == nil && app.Owner != w {
			return nil, invalid("body.app", "is no app of this workspace")
		}
		if err != nil {
			return nil, err
		}
		if app.Platform != p {
			return nil, invalid("body.platform", "is not the app's")
		}
	} else {
		if err := adapter.CheckConfig(b.Config); err != nil {
			return nil, configProblem(err)
		}
		secret, err := s.appSecret(p, b)
		if err != nil {
			return nil, err
		}
		if b.Secret == "" {
			made = secret
		}
		id, err := s.randomID("app")
		if err != nil {
			return nil, err
		}
		app = store.App{ID: id, Owner: w, Platform: p, Config: b.Config, Legacy: b.Legacy}
		if err := s.PutSecret(ctx, id, platform.Secrets{Keys: []string{secret}, VerifyToken: b.VerifyToken}); err != nil {
			return nil, err
		}
	}
	x := store.Source{ID: social.HashID("src", social.Key(app.ID, b.Scope)), Workspace: w, App: app.ID, Platform: p, Scope: b.Scope, Name: b.Name, Created: social.Instant(s.Now())}
	if err := s.Store.CreateSource(ctx, app, b.App == "", x); err != nil {
		if b.App == "" {
			// Nothing refers to the secret of an app that was not made.
			s.DeleteSecret(context.WithoutCancel(ctx), app.ID)
		}
		if fault.Is(err, fault.Conflict) {
			return nil, fault.New(fault.Conflict, "the app already delivers this scope")
		}
		return nil, err
	}
	return &CreatedOut[CreatedSource]{Location: "/v1/workspaces/" + w + "/sources/" + x.ID, Body: CreatedSource{s.source(ctx, x), made}}, nil
}

// appSecret returns the secret given, or one made here where the platform lets us choose it.
func (s *service) appSecret(p social.Platform, b NewSource) (string, error) {
	if p != (standard.Adapter{}).Platform() {
		if strings.TrimSpace(b.Secret) == "" {
			return "", invalid("body.secret", "is required: the platform shows it where the app is registered")
		}
		return b.Secret, nil
	}
	var c standard.Config
	if err := json.Unmarshal(b.Config, &c); err != nil {
		return "", invalid("body.config", "is not the platform's document")
	}
	switch {
	case b.Secret == "":
		key := make([]byte, 32)
		if _, err := io.ReadFull(s.Random, key); err != nil {
			return "", fmt.Errorf("make a secret: %w", err)
		}
		return "whsec_" + base64.StdEncoding.EncodeToString(key), nil
	case c.Signature != nil:
		if strings.TrimSpace(b.Secret) == "" {
			return "", invalid("body.secret", "is blank")
		}
	default:
		raw, ok := strings.CutPrefix(b.Secret, "whsec_")
		if key, err := base64.StdEncoding.DecodeString(raw); !ok || err != nil || len(key) < 24 {
			return "", invalid("body.secret", "is not whsec_ and the base64 of at least 24 bytes, which Standard Webhooks asks for")
		}
	}
	return b.Secret, nil
}

// quoted is a value that an adapter repeats.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"\s*`)

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
func (s *service) randomID(prefix string) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return prefix + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)), nil
}

func (s *service) listParked(ctx context.Context, w string, in *parkedIn) (*PageOut[ParkedDelivery], error) {
	month := s.Now().UTC()
	if in.Month != "" {
		var err error
		if month, err = time.Parse("2006-01", in.Month); err != nil {
			return nil, invalid("query.month", "is no month")
		}
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, last, err := s.Store.Parked(ctx, w, month, after, in.Limit)
	if err != nil {
		return nil, err
	}
	if len(list) == in.Limit {
		rest, _, err := s.Store.Parked(ctx, w, month, last, 1)
		if err != nil {
			return nil, err
		}
		last = placeIf(len(rest) > 0, last)
	} else {
		last = ""
	}
	out := &PageOut[ParkedDelivery]{Body: Page[ParkedDelivery]{Items: []ParkedDelivery{}}}
	for _, p := range list {
		out.Body.Items = append(out.Body.Items, ParkedDelivery{p.ID, p.App, p.Delivery, p.Received, p.Reason})
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

// placeIf is place if more comes after it, else "".
func placeIf(more bool, place string) string {
	if more {
		return place
	}
	return ""
}

// pageAfter returns the items of a sorted list after a place, at most limit,
// and the place of the last one if more follow. place orders as the list does.
func pageAfter[T any](list []T, place func(T) string, after string, limit int) ([]T, string) {
	i := 0
	if after != "" {
		i, _ = slices.BinarySearchFunc(list, after, func(x T, after string) int {
			if place(x) <= after {
				return -1
			}
			return 1
		})
	}
	list = list[i:]
	if len(list) <= limit {
		return list, ""
	}
	return list[:limit], place(list[limit-1])
}
