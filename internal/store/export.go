package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// OwnFacts returns what an account itself did, without the replies it
// received, oldest first, after the given place ("" from the first), at most
// limit, and the places of each.
func (s *Store) OwnFacts(ctx context.Context, w, account, after string, limit int) ([]social.Activity, []string, error) {
	items, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: "F#", after: after, limit: limit})
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

// sameInstant bounds how many things one account is looked at for in one millisecond.
const sameInstant = 100

// ItemAt returns the activity of a key, which an account did at an instant, as
// it stands; an error of kind NotFound if it is gone.
func (s *Store) ItemAt(ctx context.Context, w, account, activity string, at time.Time) (Item, error) {
	items, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: "F#" + social.Stamp(at) + "#", limit: sameInstant})
	if err != nil {
		return Item{}, err
	}
	for _, it := range items {
		if it.Key == activity {
			a, err := it.activity()
			if err != nil {
				return Item{}, err
			}
			return s.standing(ctx, w, a)
		}
	}
	return Item{}, fault.New(fault.NotFound, "the activity is gone")
}
