package themed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rapport/internal/day"
	"rapport/internal/issue"
	"rapport/internal/reading"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// Tags is the Tagger that knows the published theme sets. It is safe for
// concurrent use.
type Tags struct {
	store  *store.Store
	reader *reading.Reader
	now    func() time.Time

	mu    sync.Mutex
	inUse map[string]inUse      // by workspace
	kept  map[string]*assigning // by workspace and version: published ones never change
	size  int                   // of those kept, in bytes
	turn  int                   // counts uses
}

type inUse struct {
	active, pending string
	read            time.Time
}

type assigning struct {
	*theme.Assigner
	size, used int
}

const (
	remembered    = time.Minute // for how long it is known which sets are in use
	maxWorkspaces = 10_000      // for which that is remembered
	maxAssigners  = 96 << 20    // bytes of assigners kept
)

// NewTags returns a Tags over a store.
func NewTags(s *store.Store, r *reading.Reader, now func() time.Time) *Tags {
	return &Tags{store: s, reader: r, now: now, inUse: map[string]inUse{}, kept: map[string]*assigning{}}
}

// Tags implements Tagger. Only what is assigned to themes at all has its text read.
func (g *Tags) Tags(ctx context.Context, w string, ts []day.Tuple, texts []string) ([]string, [][]day.Tag, error) {
	u, err := g.sets(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	var sets []string
	var tags [][]day.Tag
	for _, version := range []string{u.active, u.pending} {
		if version == "" || len(sets) > 0 && sets[0] == version {
			continue
		}
		of := make([]day.Tag, len(ts))
		var a *assigning
		for i, t := range ts {
			if !issue.Assigned(t) {
				continue
			}
			if a == nil {
				if a, err = g.assigner(ctx, w, version); err != nil {
					return nil, nil, err
				}
			}
			of[i] = TagOf(a.Assigner, texts[i])
		}
		sets, tags = append(sets, version), append(tags, of)
	}
	return sets, tags, nil
}

// TagOf is what a text is assigned to.
func TagOf(a *theme.Assigner, text string) day.Tag {
	as := a.Assign(text)
	if !as.OK {
		return day.Tag{}
	}
	return day.Tag{Theme: as.ThemeID, Near: int16(as.Similarity * 4096)}
}

func (g *Tags) sets(ctx context.Context, w string) (inUse, error) {
	g.mu.Lock()
	u, ok := g.inUse[w]
	g.mu.Unlock()
	if ok && g.now().Sub(u.read) < remembered {
		return u, nil
	}
	u.read = g.now()
	var err error
	u.active, u.pending, err = g.store.InUse(ctx, w, store.ThemeSets)
	if err != nil {
		return u, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.inUse) >= maxWorkspaces {
		clear(g.inUse)
	}
	g.inUse[w] = u
	return u, nil
}

func (g *Tags) assigner(ctx context.Context, w, version string) (*assigning, error) {
	id := w + "#" + version
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	if a := g.kept[id]; a != nil {
		a.used = g.turn
		return a, nil
	}
	d, err := g.store.Document(ctx, w, store.ThemeSets, version)
	if err != nil {
		return nil, err
	}
	set, err := theme.Parse(d.Body)
	if err != nil {
		return nil, fmt.Errorf("theme set %s of %s: %w", version, w, err)
	}
	// Its vectors, and about a hundred bytes for each term.
	size := 4*len(set.Themes)*(reading.Dim+len(set.Terms)) + 100*len(set.Terms)
	for g.size+size > maxAssigners && len(g.kept) > 0 {
		oldest := ""
		for k, a := range g.kept {
			if oldest == "" || a.used < g.kept[oldest].used {
				oldest = k
			}
		}
		g.size -= g.kept[oldest].size
		delete(g.kept, oldest)
	}
	a := &assigning{theme.NewAssigner(g.reader, set), size, g.turn}
	g.kept[id] = a
	g.size += size
	return a, nil
}
