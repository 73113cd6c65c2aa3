package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/parallel"
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

// AllFacts returns what an account did and what others did to it, such as the
// replies it received: what has no time of its own first, then oldest first;
// after the given place ("" from the first), at most limit, and the places of
// each. It reads at most limit items of either kind.
func (s *Store) AllFacts(ctx context.Context, w, account, after string, limit int) ([]social.Activity, []string, error) {
	own, received, _ := strings.Cut(after, " ") // how far each of the two is
	did, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: "F#", after: own, limit: limit})
	if err != nil {
		return nil, nil, fmt.Errorf("facts of %s: %w", account, err)
	}
	done, err := all[activityItem](ctx, s, query{pk: accountPK(w, account), prefix: "R#", after: received, limit: limit})
	if err != nil {
		return nil, nil, fmt.Errorf("facts received by %s: %w", account, err)
	}
	when := func(it activityItem) string { at, _, _ := strings.Cut(it.SK[len("F#"):], "#"); return at }
	var facts []social.Activity
	var places []string
	for len(facts) < limit && len(did)+len(done) > 0 {
		var it activityItem
		if len(done) == 0 || len(did) > 0 && when(did[0]) <= when(done[0]) {
			it, did = did[0], did[1:]
			own = it.SK
		} else {
			it, done = done[0], done[1:]
			received = it.SK
		}
		a, err := it.activity()
		if err != nil {
			return nil, nil, err
		}
		facts, places = append(facts, a), append(places, own+" "+received)
	}
	return facts, places, nil
}

// deletionsAtOnce is how many messages DeletedOf asks about at a time.
const deletionsAtOnce = 16

// DeletedOf reports which of some activities are messages that were deleted by
// now, or edits of such: what they say is not to be shown. It makes a request
// for each message, some at a time.
func (s *Store) DeletedOf(ctx context.Context, w string, as []social.Activity) ([]bool, error) {
	said := func(a social.Activity) bool { return a.Type.Utterance() || a.Type == social.Edit }
	var messages []string
	for _, a := range as {
		if said(a) {
			messages = append(messages, MessageID(a.Platform, a.Scope, a.Object.ID))
		}
	}
	slices.Sort(messages)
	messages = slices.Compact(messages)
	gone := make([]bool, len(messages))
	errs := parallel.Each(ctx, len(messages), deletionsAtOnce, func(i int) error {
		items, err := all[activityItem](ctx, s, query{pk: threadPK(w, messages[i]), prefix: deletions, limit: 1})
		gone[i] = len(items) > 0
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("deletions: %w", err)
	}
	out := make([]bool, len(as))
	for i, a := range as {
		if said(a) {
			at, _ := slices.BinarySearch(messages, MessageID(a.Platform, a.Scope, a.Object.ID))
			out[i] = gone[at]
		}
	}
	return out, nil
}
