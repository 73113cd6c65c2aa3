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

type versionIn struct {
	InWorkspace
	Version string `path:"version" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
}

type listVersionsIn struct {
	InWorkspace
	Paged
}

type discoverIn struct {
	InWorkspace
	Body *Discovery
}

func (s *service) documents(api huma.API) {
	for _, k := range []struct{ kind, path, id, many string }{
		{store.Models, "/models", "models", "scoring models"}, {store.ThemeSets, "/theme-sets", "theme-sets", "theme sets"},
	} {
		members(s, api, social.Viewer, huma.Operation{OperationID: "list-" + k.id, Method: http.MethodGet, Path: k.path, Tags: []string{"models"}, Summary: "List published " + k.many + ", the newest first"},
			func(ctx context.Context, w string, in *listVersionsIn) (*PageOut[Version], error) {
				after, err := s.place(ctx, in.Cursor)
				if err != nil {
					return nil, err
				}
				list, err := s.Store.Versions(ctx, w, k.kind, after, in.Limit+1)
				if err != nil {
					return nil, err
				}
				active, err := s.active(ctx, w, k.kind)
				if err != nil {
					return nil, err
				}
				last := ""
				if len(list) > in.Limit {
					list = list[:in.Limit]
					last = list[in.Limit-1].Place
				}
				out := &PageOut[Version]{Body: Page[Version]{Items: []Version{}}}
				for _, v := range list {
					out.Body.Items = append(out.Body.Items, Version{v.Version, v.Published, v.Version == active})
				}
				out.Body.NextCursor, out.Link, err = s.next(ctx, last)
				return out, err
			})
	}
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-model", Method: http.MethodGet, Path: "/models/{version}", Tags: []string{"models"}, Summary: "Get a scoring model"},
		func(ctx context.Context, w string, in *versionIn) (*Out[Model], error) {
			d, v, err := s.document(ctx, w, store.Models, in.Version)
			if err != nil {
				return nil, err
			}
			return &Out[Model]{Model{v, d.Body}}, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-theme-set", Method: http.MethodGet, Path: "/theme-sets/{version}", Tags: []string{"models"}, Summary: "Get a theme set"},
		func(ctx context.Context, w string, in *versionIn) (*Out[ThemeSet], error) {
			d, v, err := s.document(ctx, w, store.ThemeSets, in.Version)
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
			out := ThemeSet{Version: v, Reader: set.Reader, People: set.People, Docs: set.Docs, Themes: []Theme{}}
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

func (s *service) document(ctx context.Context, w, kind, v string) (store.Document, Version, error) {
	d, err := s.Store.Document(ctx, w, kind, v)
	if err != nil {
		return d, Version{}, err
	}
	active, err := s.active(ctx, w, kind)
	return d, Version{d.Version, d.Published, d.Version == active}, err
}
