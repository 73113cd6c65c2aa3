// Package discover finds a workspace's themes and publishes the next theme set.
package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rapport/internal/fault"
	"rapport/internal/issue"
	"rapport/internal/reading"
	"rapport/internal/store"
	"rapport/internal/theme"
)

const (
	window = 90 * 24 * time.Hour // of feedback that themes are found in
	every  = 7 * 24 * time.Hour  // how often the tick finds them again
	soon   = 6 * time.Hour       // when it tries again where there were none
	seed   = 1

	// readable is the language whose texts make themes: the reader's vectors
	// know no other, and would put others together by language.
	readable = "en"
)

// Discover finds themes.
type Discover struct {
	store  *store.Store
	reader *reading.Reader
}

// New returns a Discover over a store.
func New(s *store.Store, r *reading.Reader) *Discover { return &Discover{s, r} }

// Tick has the themes found of every workspace where that was last done over a
// week ago, or six hours where none were found: send is told which. That it
// is due is taken back for six hours before, so that a workspace whose run is
// killed does not keep the others waiting.
func (d *Discover) Tick(ctx context.Context, now time.Time, send func(ctx context.Context, workspaces []string) error) error {
	ws, err := d.store.Ticked(ctx)
	if err != nil {
		return err
	}
	var due []string
	var errs []error
	for _, w := range ws {
		next, err := d.store.NextDiscovery(ctx, w)
		if err == nil && next.After(now) {
			continue
		}
		if err == nil {
			err = d.store.PutNextDiscovery(ctx, w, now.Add(soon))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("themes of %s: %w", w, err))
			continue
		}
		due = append(due, w)
	}
	if len(due) > 0 {
		errs = append(errs, send(ctx, due))
	}
	return errors.Join(errs...)
}

// Run finds the themes in the 90 days of feedback before at, and publishes
// them unless there are none yet. Themes of the active set keep their identity.
func (d *Discover) Run(ctx context.Context, w string, at, now time.Time) (theme.Set, error) {
	ws, err := d.store.Workspace(ctx, w)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return theme.Set{}, err
	}
	opt := theme.Options{Seed: seed, Own: ws.Name}
	active, err := Active(ctx, d.store, w)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return theme.Set{}, err
	}
	if err == nil {
		opt.Previous = &active
	}
	items, err := d.store.Items(ctx, w, at.Add(-window), at)
	if err != nil {
		return theme.Set{}, err
	}
	var docs []theme.Doc
	for _, i := range items {
		if issue.Feedback(i) && i.Language == readable {
			docs = append(docs, theme.Doc{ID: i.ID(), Person: i.Person, Text: i.Text})
		}
	}
	set, err := theme.Discover(d.reader, docs, opt)
	if err != nil {
		return set, fmt.Errorf("themes of %s: %w", w, err)
	}
	slog.InfoContext(ctx, "themes found", "workspace", w, "texts", set.Docs, "people", set.People, "themes", len(set.Themes), "version", set.Version)
	if len(set.Themes) == 0 {
		return set, d.store.PutNextDiscovery(ctx, w, now.Add(soon))
	}
	body, err := json.Marshal(set)
	if err != nil {
		return set, err
	}
	if err := d.store.Publish(ctx, w, store.ThemeSets, store.Document{Version: set.Version, Published: now, Body: body}); err != nil {
		return set, err
	}
	return set, d.store.PutNextDiscovery(ctx, w, now.Add(every))
}

// Active returns a workspace's active theme set; an error of kind NotFound if there is none yet.
func Active(ctx context.Context, s *store.Store, w string) (theme.Set, error) {
	var set theme.Set
	doc, err := s.Active(ctx, w, store.ThemeSets)
	if err != nil {
		return set, err
	}
	if err := json.Unmarshal(doc.Body, &set); err != nil {
		return set, fmt.Errorf("theme set %s: %w", doc.Version, err)
	}
	return set, nil
}
