package store

import (
	"context"
	"fmt"

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
