package themed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"rapport/internal/cache"
	"rapport/internal/day"
	"rapport/internal/issue"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/vector"
)

// Tags is the Tagger that knows the published theme sets. It is safe for
// concurrent use.
type Tags struct {
	inUse cache.Cache[inUse]
	sets  *Sets
}

type inUse struct{ active, pending string }

const (
	remembered    = time.Minute // for how long it is known which sets are in use
	maxWorkspaces = 10_000      // for which that is remembered
	maxAssigners  = 96 << 20    // bytes of assigners kept
)

// NewTags returns a Tags over a store.
func NewTags(s *store.Store, now func() time.Time) *Tags {
	return &Tags{sets: NewSets(s, now), inUse: cache.Cache[inUse]{Now: now, Random: rand.Float64, Most: maxWorkspaces,
		Load: func(ctx context.Context, w string) (u inUse, err error) {
			u.active, u.pending, err = s.InUse(ctx, w, store.ThemeSets)
			return u, err
		}}}
}

// Sets keeps published theme sets, which never change, with their assigners.
// It is safe for concurrent use.
type Sets struct{ kept cache.Cache[Set] }

// Set is a theme set and its assigner.
type Set struct {
	theme.Set
	Assigner *theme.Assigner
}

// NewSets returns a Sets over a store.
func NewSets(s *store.Store, now func() time.Time) *Sets {
	return &Sets{cache.Cache[Set]{Now: now, Random: rand.Float64, Most: maxAssigners,
		// Its vectors, and about a hundred bytes for each term.
		Weigh: func(x Set) int { return 4*len(x.Themes)*(vector.Dim+len(x.Terms)) + 100*len(x.Terms) },
		Load: func(ctx context.Context, id string) (Set, error) {
			w, version, _ := strings.Cut(id, "#")
			d, err := s.Document(ctx, w, store.ThemeSets, version)
			if err != nil {
				return Set{}, err
			}
			set, err := theme.Parse(d.Body)
			if err != nil {
				return Set{}, fmt.Errorf("theme set %s of %s: %w", version, w, err)
			}
			return Set{set, theme.NewAssigner(set)}, nil
		}}}
}

// Get returns a theme set of a workspace, by its version.
func (x *Sets) Get(ctx context.Context, w, version string) (Set, error) {
	return x.kept.Get(ctx, w+"#"+version, cache.Forever)
}

// Tags implements Tagger. Only what is assigned to themes at all has its text read.
func (g *Tags) Tags(ctx context.Context, w string, ts []day.Tuple, texts []string) ([]string, [][]day.Tag, error) {
	u, err := g.inUse.Get(ctx, w, remembered)
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
		var a *theme.Assigner
		for i, t := range ts {
			if !issue.Assigned(t) {
				continue
			}
			if a == nil {
				set, err := g.sets.Get(ctx, w, version)
				if err != nil {
					return nil, nil, err
				}
				a = set.Assigner
			}
			of[i] = TagOf(a, texts[i])
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
