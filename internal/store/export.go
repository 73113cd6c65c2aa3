package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// OwnFacts returns what an account itself did, without the replies it
// received, oldest first, after the given place ("" from the first), at most
// limit, and the places of each.
func (s *Store) OwnFacts(ctx context.Context, w, account, after string, limit int) ([]social.Activity, []string, error) {
	items, err := all[activityItem](ctx, s, query{pk: accountPK(w, account), prefix: "F#", after: after, limit: limit})
	if err != nil {
		return nil, nil, fmt.Errorf("facts of %s: %w", account, err)
	}
	facts, places := make([]social.Activity, len(items)), make([]string, len(items))
	for i, it := range items {
		if facts[i], err = it.activity(); err != nil {
			return nil, nil, err
		}
		places[i] = it.SK
	}
	return facts, places, nil
}

// ItemAt returns the view of the activity of a key, which an account did at an
// instant; one that is not there yet is the zero Item.
func (s *Store) ItemAt(ctx context.Context, w, account, activity string, at time.Time) (Item, error) {
	var it dayItem
	err := s.get(ctx, key{dayPK(w, at, account), daySK(social.Activity{Key: activity, Occurred: at})}, &it)
	if fault.Is(err, fault.NotFound) {
		return Item{}, nil
	}
	if err != nil {
		return Item{}, err
	}
	return it.item()
}

// itemReaders is how many days ItemsWide reads at once.
const itemReaders = 16

// ItemsWide is Items for long periods: it reads several days at a time.
func (s *Store) ItemsWide(ctx context.Context, w string, from, to time.Time) ([]Item, error) {
	var days [][2]time.Time
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
		start, end := day, day.Add(24*time.Hour)
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		days = append(days, [2]time.Time{start, end})
	}
	parts, errs := make([][]Item, len(days)), make([]error, len(days))
	var wait sync.WaitGroup
	gate := make(chan struct{}, itemReaders)
	for i, d := range days {
		gate <- struct{}{}
		wait.Go(func() {
			defer func() { <-gate }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				parts[i], errs[i] = s.Items(ctx, w, d[0], d[1])
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
}
