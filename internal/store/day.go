package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
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

// Items returns the activities that occurred in [from, to), oldest first, with their edits applied.
func (s *Store) Items(ctx context.Context, w string, from, to time.Time) ([]Item, error) {
	var out []Item
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
		for _, pk := range allShards(w + "#D#" + day.Format("2006-01-02")) {
			items, err := all[dayItem](ctx, s, query{pk: pk, from: "F#" + social.Stamp(from), to: "F#" + social.Stamp(to)})
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
	}
	slices.SortFunc(out, func(a, b Item) int {
		if c := a.Occurred.Compare(b.Occurred); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return out, nil
}
