package store

import (
	"context"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// PutTick puts a workspace on the list that ticks go through.
func (s *Store) PutTick(ctx context.Context, w string) error {
	return s.put(ctx, key{tickPK, "W#" + w})
}

// Ticked lists the workspaces that ticks go through.
func (s *Store) Ticked(ctx context.Context) ([]string, error) {
	items, err := all[key](ctx, s, query{pk: tickPK, prefix: "W#", most: maxWorkspaces})
	var out []string
	for _, it := range items {
		out = append(out, it.SK[len("W#"):])
	}
	return out, err
}

type tickItem struct {
	PK, SK string
	Next   string
}

// PutNextDiscovery notes when a workspace's themes are to be found again.
func (s *Store) PutNextDiscovery(ctx context.Context, w string, at time.Time) error {
	return s.put(ctx, tickItem{PK: kindPK(w, ThemeSets), SK: "N", Next: social.Stamp(at)})
}

// NextDiscovery returns when a workspace's themes are to be found again; the
// zero instant if they never were.
func (s *Store) NextDiscovery(ctx context.Context, w string) (time.Time, error) {
	var it tickItem
	err := s.get(ctx, key{kindPK(w, ThemeSets), "N"}, &it)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return social.ParseStamp(it.Next)
}
