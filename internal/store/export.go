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

// amendedAtOnce is how many messages Amended asks about at a time.
const amendedAtOnce = 16

// Amended is what became of a message since it was written: it was deleted, or
// says what its newest edit says, or (zero) stands as it was written.
type Amended struct {
	Deleted bool
	Edit    *social.Activity
}

// Shown returns what may be shown of a message, or of an edit of it: of a
// deleted one no words, of an edited one those of its newest edit, and of an
// edit none that it no longer says.
func (m Amended) Shown(a social.Activity) social.Activity {
	switch {
	case !said(a) || m == Amended{} || m.Edit != nil && a.Key == m.Edit.Key:
		return a
	case m.Edit != nil && a.Type != social.Edit:
		a.Text, a.Reading = m.Edit.Text, m.Edit.Reading
	default:
		a.Text, a.Reading = "", social.Reading{}
	}
	return a
}

// Words are what a message says by now that said text when it was read; a deleted one says nothing.
func (m Amended) Words(text string) string {
	switch {
	case m.Deleted:
		return ""
	case m.Edit != nil:
		return m.Edit.Text
	}
	return text
}

// said reports whether an activity holds words of a message.
func said(a social.Activity) bool { return a.Type.Utterance() || a.Type == social.Edit }

// Amended returns what became of messages, by their ids. It makes a request for
// each, some at a time, and one more for each that was edited.
func (s *Store) Amended(ctx context.Context, w string, messages []string) (map[string]Amended, error) {
	messages = slices.Compact(slices.Sorted(slices.Values(messages)))
	list := make([]Amended, len(messages))
	errs := parallel.Each(ctx, len(messages), amendedAtOnce, func(i int) error {
		q := query{pk: threadPK(w, messages[i]), prefix: "E#", limit: 1} // deletions first, then the oldest edit
		items, err := all[activityItem](ctx, s, q)
		if err != nil || len(items) == 0 {
			return err
		}
		if list[i].Deleted = strings.HasPrefix(items[0].SK, deletions); list[i].Deleted {
			return nil
		}
		q.descending = true
		if items, err = all[activityItem](ctx, s, q); err != nil || len(items) == 0 {
			return err
		}
		a, err := items[0].activity()
		if list[i].Edit = &a; strings.HasPrefix(items[0].SK, deletions) { // the edit was erased meanwhile
			list[i] = Amended{Deleted: true}
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("edits and deletions: %w", err)
	}
	out := make(map[string]Amended, len(messages))
	for i, m := range messages {
		out[m] = list[i]
	}
	return out, nil
}

// AmendedOf is Amended of the messages that activities are, or that they edit, in their order.
func (s *Store) AmendedOf(ctx context.Context, w string, as []social.Activity) ([]Amended, error) {
	id := func(a social.Activity) string { return MessageID(a.Platform, a.Scope, a.Object.ID) }
	var messages []string
	for _, a := range as {
		if said(a) {
			messages = append(messages, id(a))
		}
	}
	found, err := s.Amended(ctx, w, messages)
	if err != nil {
		return nil, err
	}
	out := make([]Amended, len(as))
	for i, a := range as {
		if said(a) {
			out[i] = found[id(a)]
		}
	}
	return out, nil
}
