package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Item is an activity as the workspace sees it today: with its edits applied,
// or gone.
type Item struct {
	social.Activity
	Account string
	Person  string
	Edited  time.Time // zero: never
	Deleted bool
	Version int64
}

type dayItem struct {
	activityItem
	Account string
	Person  string
	Edited  string `dynamodbav:",omitempty"`
	Deleted bool   `dynamodbav:",omitempty"`
	Version int64
}

// Item returns the stored view of a; one that is not there is the zero Item.
func (s *Store) Item(ctx context.Context, w string, a social.Activity) (Item, error) {
	var it dayItem
	err := s.get(ctx, key{dayPK(w, a.Occurred, a.Account().AccountID()), daySK(a)}, &it)
	if fault.Is(err, fault.NotFound) {
		return Item{}, nil
	}
	if err != nil {
		return Item{}, err
	}
	return it.item()
}

func (it dayItem) item() (Item, error) {
	a, err := it.activity()
	if err != nil {
		return Item{}, err
	}
	i := Item{Activity: a, Account: it.Account, Person: it.Person, Deleted: it.Deleted, Version: it.Version}
	if it.Edited != "" {
		i.Edited, err = social.ParseStamp(it.Edited)
	}
	return i, err
}

// PutItem writes the view of an activity; its Version is the one read before.
func (s *Store) PutItem(ctx context.Context, w string, i Item, reader string) error {
	it := dayItem{activityItem: toItem(dayPK(w, i.Occurred, i.Account), daySK(i.Activity), i.Activity, reader),
		Account: i.Account, Person: i.Person, Deleted: i.Deleted, Version: i.Version + 1}
	if !i.Edited.IsZero() {
		it.Edited = social.Stamp(i.Edited)
	}
	return s.putVersion(ctx, it, i.Version)
}

// DeleteItem takes the view of an activity away; one that is not there stays away.
func (s *Store) DeleteItem(ctx context.Context, w string, a social.Activity) error {
	return s.delete(ctx, key{dayPK(w, a.Occurred, a.Account().AccountID()), daySK(a)})
}

// itemReaders is how many days Items reads at once.
const itemReaders = 16

// Items returns the activities that occurred in [from, to), oldest first, with
// their edits applied. It reads several days at a time.
func (s *Store) Items(ctx context.Context, w string, from, to time.Time) ([]Item, error) {
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
	parts := make([][]Item, len(days))
	errs := parallel.Each(ctx, len(days), itemReaders, func(i int) (err error) {
		parts[i], err = s.itemsOfDay(ctx, w, days[i][0], days[i][1])
		return err
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
}

// itemsOfDay returns the activities in [from, to), which lie in one day.
func (s *Store) itemsOfDay(ctx context.Context, w string, from, to time.Time) ([]Item, error) {
	var out []Item
	for _, pk := range allShards(w + "#D#" + from.UTC().Format(time.DateOnly)) {
		items, err := all[dayItem](ctx, s, query{pk: pk, from: "F#" + social.Stamp(from), to: "F#" + social.Stamp(to), most: maxPeriod})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			i, err := it.item()
			if err != nil {
				return nil, err
			}
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Item) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), cmp.Compare(a.Key, b.Key))
	})
	return out, nil
}
