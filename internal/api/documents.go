package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/themed"
)

// Version is one published version of what a workspace computes by.
type Version struct {
	Version   string    `json:"version"`
	Published time.Time `json:"published"`
	Active    bool      `json:"active" doc:"Whether it is the one in use"`
}

// Model is a published scoring model.
type Model struct {
	Version
	Model json.RawMessage `json:"model" doc:"The document of rules"`
}

// ThemeSet is a published list of themes.
type ThemeSet struct {
	Version
	Reader string  `json:"reader" doc:"The version of the reader it was found with"`
	People int     `json:"people" doc:"Whose texts it was found in"`
	Docs   int     `json:"messages" doc:"The texts it was found in"`
	Themes []Theme `json:"themes" doc:"Most people first"`
}

// Theme is what some people talk about.
type Theme struct {
	ID       string   `json:"id" doc:"It lasts from set to set"`
	Label    string   `json:"label"`
	Keywords []string `json:"keywords"`
	People   int      `json:"people"`
	Messages int      `json:"messages"`
	Quotes   []string `json:"quotes" doc:"Typical messages, shortened, as they stand: of an edited one what it says now, of a deleted one nothing"`
}

// Discovery asks for themes to be found.
type Discovery struct {
	At string `json:"at,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"As of this instant; by default now"`
}

// Accepted says that something was asked for and will be done.
type Accepted struct {
	Accepted bool `json:"accepted"`
}

// InVersion is the part of a request that names a version.
type InVersion struct {
	InWorkspace
	Version string `path:"version" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
}

type listVersionsIn struct {
	InWorkspace
	Paged
}

type modelVersionIn struct {
	InVersion
	InModel
}

type discoverIn struct {
	InWorkspace
	Body *Discovery
}

func (s *service) documents(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-models", Method: http.MethodGet, Path: "/models", Tags: []string{"models"}, Summary: "List scoring models: those in use, and the versions of one, the newest first",
		Description: "Versions are counted by model. Those of one that was retired stay."}, s.listModels)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-theme-sets", Method: http.MethodGet, Path: "/theme-sets", Tags: []string{"models"}, Summary: "List published theme sets, the newest first"},
		func(ctx context.Context, w string, in *listVersionsIn) (*PageOut[Version], error) {
			active, err := s.active(ctx, w, store.ThemeSets)
			if err != nil {
				return nil, err
			}
			out := &PageOut[Version]{}
			out.Body, out.Link, err = s.versions(ctx, w, store.ThemeSets, active, in.Paged)
			return out, err
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-model", Method: http.MethodGet, Path: "/models/{version}", Tags: []string{"models"}, Summary: "Get a scoring model"},
		func(ctx context.Context, w string, in *modelVersionIn) (*Out[Model], error) {
			d, err := s.Store.Document(ctx, w, store.ModelKind(in.Model), in.Version)
			if err != nil {
				return nil, err
			}
			active, err := s.activeModels(ctx, w)
			if err != nil {
				return nil, err
			}
			return &Out[Model]{Model{Version{d.Version, d.Published, d.Version == active[in.Model]}, d.Body}}, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-theme-set", Method: http.MethodGet, Path: "/theme-sets/{version}", Tags: []string{"models"}, Summary: "Get a theme set"},
		func(ctx context.Context, w string, in *InVersion) (*Out[ThemeSet], error) {
			d, err := s.Store.Document(ctx, w, store.ThemeSets, in.Version)
			if err != nil {
				return nil, err
			}
			active, err := s.active(ctx, w, store.ThemeSets)
			if err != nil {
				return nil, err
			}
			set, err := theme.Parse(d.Body)
			if err != nil {
				return nil, fmt.Errorf("theme set %s of %s: %w", d.Version, w, err)
			}
			if err := themed.QuoteSet(ctx, s.Store, w, &set); err != nil {
				return nil, err
			}
			out := ThemeSet{Version: Version{d.Version, d.Published, d.Version == active}, Reader: set.Reader, People: set.People, Docs: set.Docs, Themes: []Theme{}}
			for _, t := range set.Themes {
				x := Theme{ID: t.ID, Label: t.Label, Keywords: append([]string{}, t.Keywords...), People: t.People, Messages: t.Docs, Quotes: []string{}}
				for _, q := range t.Quotes {
					x.Quotes = append(x.Quotes, q.Text)
				}
				out.Themes = append(out.Themes, x)
			}
			return &Out[ThemeSet]{out}, nil
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "discover-themes", Method: http.MethodPost, Path: "/theme-sets", Tags: []string{"models"}, Summary: "Ask for themes to be found",
		Description: "Themes are found once a week anyway. The new set is listed when it is ready.", DefaultStatus: http.StatusAccepted},
		func(ctx context.Context, w string, in *discoverIn) (*Out[Accepted], error) {
			var at time.Time
			if in.Body != nil {
				var err error
				if at, err = requestTime("body.at", in.Body.At); err != nil {
					return nil, err
				}
			}
			if err := s.ask(ctx, w, limit.Discoveries); err != nil {
				return nil, err
			}
			if err := s.Discover(ctx, w, at); err != nil {
				return nil, err
			}
			return &Out[Accepted]{Accepted{true}}, nil
		})
}

// active returns the version in use, "" where none was published.
func (s *service) active(ctx context.Context, w, kind string) (string, error) {
	v, err := s.Store.ActiveVersion(ctx, w, kind)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return v, err
}

// versions is a page of the published versions of a kind.
func (s *service) versions(ctx context.Context, w, kind, active string, in Paged) (page Page[Version], link string, err error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return page, "", err
	}
	list, err := s.Store.Versions(ctx, w, kind, after, in.Limit+1)
	if err != nil {
		return page, "", err
	}
	last := ""
	if len(list) > in.Limit {
		list = list[:in.Limit]
		last = list[in.Limit-1].Place
	}
	page.Items = []Version{}
	for _, v := range list {
		page.Items = append(page.Items, Version{v.Version, v.Published, v.Version == active})
	}
	page.NextCursor, link, err = s.next(ctx, last)
	return page, link, err
}
