// Package discover finds a workspace's themes and publishes the next theme set.
package discover

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rapport/internal/day"
	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/issue"
	"rapport/internal/langid"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/themed"
)

const (
	window = 90 * 24 * time.Hour // of feedback that themes are found in
	every  = 7 * 24 * time.Hour  // how often the tick finds them again
	soon   = 6 * time.Hour       // when it tries again where there were none
	seed   = 1
)

// Discover finds themes.
type Discover struct {
	store *store.Store
}

// New returns a Discover over a store.
func New(s *store.Store) *Discover { return &Discover{s} }

// Tick has the themes found of every workspace where that was last done over a
// week ago, or six hours where none were found, or where a theme set is still
// being prepared: send is told which. That it is due is taken back for six
// hours before, so that a workspace whose run is killed does not keep the
// others waiting.
func (d *Discover) Tick(ctx context.Context, now time.Time, send func(ctx context.Context, workspaces []string) error) error {
	ws, err := d.store.Ticked(ctx)
	if err != nil {
		return err
	}
	var due []string
	var errs []error
	for _, w := range ws {
		pending, _, err := d.store.Pending(ctx, w, store.ThemeSets)
		if err == nil && pending == "" {
			var next time.Time
			if next, err = d.store.NextDiscovery(ctx, w); err == nil && next.After(now) {
				continue
			}
			if err == nil {
				err = d.store.PutNextDiscovery(ctx, w, now.Add(soon))
			}
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

// Visit goes on with a workspace's theme set that is being prepared; where
// there is none, it finds the themes.
func (d *Discover) Visit(ctx context.Context, w string, now time.Time) error {
	pending, _, err := d.store.Pending(ctx, w, store.ThemeSets)
	if err != nil {
		return err
	}
	if pending != "" {
		_, err = d.finish(ctx, w, now)
		return err
	}
	_, err = d.Run(ctx, w, now, now)
	return err
}

// Run finds the themes in the 90 days of feedback before at, tags what was
// said by them and publishes them, unless there are none yet. Themes of the
// active set keep their identity. What it has no time to tag the next visits
// do; until then the set before stays active.
func (d *Discover) Run(ctx context.Context, w string, at, now time.Time) (set theme.Set, err error) {
	began := time.Now()
	defer func() {
		emf.Work(ctx, "themes found", w, began, err, "texts", set.Docs, "people", set.People, "themes", len(set.Themes), "version", set.Version)
	}()
	ws, err := d.store.Workspace(ctx, w)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return theme.Set{}, err
	}
	opt := theme.Options{Seed: seed, Own: ws.Name, At: social.Instant(at)}
	active, err := Active(ctx, d.store, w)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return theme.Set{}, err
	}
	if err == nil {
		opt.Previous = &active
	}
	docs, err := d.sample(ctx, w, at.Add(-window), at)
	if err != nil {
		return theme.Set{}, err
	}
	set, err = theme.Discover(docs, opt)
	if err != nil {
		return set, fmt.Errorf("themes of %s: %w", w, err)
	}
	if len(set.Themes) == 0 {
		return set, d.store.PutNextDiscovery(ctx, w, now.Add(soon))
	}
	body, err := json.Marshal(set)
	if err != nil {
		return set, err
	}
	if err := d.store.Prepare(ctx, w, store.ThemeSets, store.Document{Version: set.Version, Published: now, Body: body}); err != nil {
		return set, err
	}
	if err := d.store.PutNextDiscovery(ctx, w, now.Add(every)); err != nil {
		return set, err
	}
	_, err = d.finish(ctx, w, now)
	return set, err
}

// maxBytes bounds the texts that themes are found in, together.
const maxBytes = 64 << 20

// sampled is a message and the hash of its id.
type sampled struct {
	hash [sha256.Size]byte
	day.Tuple
}

// lowest is a heap of messages, the highest hash first.
type lowest []sampled

func (h lowest) Len() int           { return len(h) }
func (h lowest) Less(i, j int) bool { return bytes.Compare(h[i].hash[:], h[j].hash[:]) > 0 }
func (h lowest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lowest) Push(x any)        { *h = append(*h, x.(sampled)) }
func (h *lowest) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// sample returns the texts that themes are found in: of the period's feedback
// that could be read, the 20,000 whose ids hash lowest, and of these as many as
// have 64 MB together. Where nine in ten are in one language, it is of that one
// alone: the few others would make no themes, and vectors for one language tell
// its themes better. The same facts give the same sample.
func (d *Discover) sample(ctx context.Context, w string, from, to time.Time) ([]theme.Doc, error) {
	byLanguage, count, all := map[string]*lowest{}, map[string]int{}, 0
	err := d.store.Days(ctx, w, store.Span{From: from, To: to, Strong: true}, func(_ time.Time, ts []day.Tuple) error {
		for _, t := range ts {
			if !issue.Feedback(t) || t.Language == langid.Undetermined {
				continue
			}
			all++
			if count[t.Language]++; byLanguage[t.Language] == nil {
				byLanguage[t.Language] = &lowest{}
			}
			kept := byLanguage[t.Language]
			x := sampled{sha256.Sum256([]byte(t.ActivityID())), t}
			switch {
			case kept.Len() < theme.MaxDocs:
				heap.Push(kept, x)
			case bytes.Compare(x.hash[:], (*kept)[0].hash[:]) < 0:
				(*kept)[0] = x
				heap.Fix(kept, 0)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var kept lowest
	for language, n := range count {
		if theme.OneLanguage(n, all) {
			kept = *byLanguage[language]
		}
	}
	if kept == nil {
		for _, some := range byLanguage {
			kept = append(kept, *some...)
		}
	}
	slices.SortFunc(kept, func(a, b sampled) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	kept = kept[:min(len(kept), theme.MaxDocs)]
	var docs []theme.Doc
	size := 0
	for part := range slices.Chunk(kept, readAtOnce) {
		ts := make([]day.Tuple, len(part))
		for i, x := range part {
			ts[i] = x.Tuple
		}
		said, err := d.store.Said(ctx, w, ts)
		if err != nil {
			return nil, err
		}
		for k, i := range said {
			if i == nil {
				continue // gone by now
			}
			if size += len(i.Text); size > maxBytes {
				return docs, nil
			}
			docs = append(docs, theme.Doc{ID: i.ID(), Person: i.Person, Text: i.Text, At: store.RefTo(ts[k]).String(), Language: ts[k].Language})
		}
	}
	return docs, nil
}

const (
	readAtOnce = 100
	// reserve is the time in which a day that is being tagged should be done.
	reserve = 90 * time.Second
)

// finish tags what was said in the 90 days before the theme set that is being
// prepared was found, and since, day by day, and then makes it the active one.
// It reports whether it came to the end: it stops where time is short, and
// goes on at the next day when it is called again.
func (d *Discover) finish(ctx context.Context, w string, now time.Time) (bool, error) {
	version, reached, err := d.store.Pending(ctx, w, store.ThemeSets)
	if err != nil || version == "" {
		return err == nil, err
	}
	doc, err := d.store.Document(ctx, w, store.ThemeSets, version)
	if err != nil {
		return false, err
	}
	set, err := theme.Parse(doc.Body)
	if err != nil {
		return false, fmt.Errorf("theme set %s of %s: %w", version, w, err)
	}
	active, err := d.store.ActiveVersion(ctx, w, store.ThemeSets)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	a := theme.NewAssigner(set)
	from := now.Add(-window).UTC().Truncate(24 * time.Hour)
	if reached.After(from) {
		from = reached
	}
	for date := from; !date.After(now.Add(24 * time.Hour)); date = date.Add(24 * time.Hour) {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
			slog.InfoContext(ctx, "tagging goes on later", "workspace", w, "version", version, "at", date)
			return false, nil
		}
		n, err := d.Retag(ctx, w, active, set, a, date)
		if err != nil {
			return false, fmt.Errorf("tag %s of %s: %w", date.Format(time.DateOnly), w, err)
		}
		if n > 0 {
			if err := d.store.PutReached(ctx, w, store.ThemeSets, version, date); err != nil {
				return false, err
			}
		}
	}
	return true, d.store.Publish(ctx, w, store.ThemeSets, doc)
}

// Retag tags what was said in one day, UTC, by a theme set whose assigner is
// a, beside the tags of the active set. It returns how many blocks it tagged;
// it does nothing to those that are tagged already.
func (d *Discover) Retag(ctx context.Context, w, active string, set theme.Set, a *theme.Assigner, date time.Time) (int, error) {
	return d.store.Retag(ctx, w, date, active, set.Version, func(ctx context.Context, ts []day.Tuple) ([]day.Tag, error) {
		return themed.TagsOf(ctx, d.store, w, a, ts)
	})
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
