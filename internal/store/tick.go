package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

// dueBy lists what is due by now, at most limit, oldest first. Each of the
// lists gives its share at most, unless others give less: a workspace that
// fills one leaves room for those in the others. The index behind it lags a
// moment: what was written just now is on the next tick's list.
func dueBy[T any](ctx context.Context, s *Store, kind string, now time.Time, limit int) ([]T, error) {
	type placed struct {
		at   string
		list int // its place in its own list, in shares
		item T
	}
	var found []placed
	share := max(1, limit/shards)
	for _, pk := range allShards("DUE#" + kind) {
		n := 0
		err := s.scan(ctx, query{index: "G3", pk: pk, from: " ", to: social.Stamp(now) + "$", limit: limit}, func(it map[string]types.AttributeValue) (bool, error) {
			p := placed{at: text(it["G3SK"]), list: n / share}
			n++
			err := attributevalue.UnmarshalMap(it, &p.item)
			found = append(found, p)
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return cmp.Or(a.list-b.list, strings.Compare(a.at, b.at)) })
	found = found[:min(limit, len(found))]
	slices.SortFunc(found, func(a, b placed) int { return strings.Compare(a.at, b.at) })
	out := make([]T, len(found))
	for i, p := range found {
		out[i] = p.item
	}
	return out, nil
}
