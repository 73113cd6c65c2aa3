package scoring

import (
	"cmp"
	"fmt"
	"slices"

	"rapport/internal/social"
)

// Group sorts lines into the facts of each person, in order of time
// and key. A line belongs to the person it names. One that names none belongs,
// if it is an edit or a deletion, to the person of the object it changes; if
// it is inbound, to the actor's account, which is a person of its own; and if
// it is outbound, to the person whose object it replies to. Outbound lines
// that concern nobody are left out. The error names the first line, from 1,
// that is no activity.
func Group(lines []social.Line) (map[string][]social.Activity, error) {
	all := make([]social.Activity, len(lines))
	for i, l := range lines {
		a, err := l.Activity()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		all[i] = a
	}
	// Whose an object is: first the inbound ones, then the replies to them.
	// Of several lines for the same object the first by time and key decides.
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(compare(&all[i], &all[j]), cmp.Compare(lines[i].Person, lines[j].Person))
	})
	owner := map[objectKey]string{}
	own := func(k objectKey, person string) {
		if _, ok := owner[k]; !ok && person != "" {
			owner[k] = person
		}
	}
	for _, i := range order {
		a := &all[i]
		if a.Direction == social.Inbound && a.Type.Utterance() {
			own(objectOf(a), personOf(lines[i], a))
		}
	}
	replies := map[objectKey]string{}
	for _, i := range order {
		a := &all[i]
		if a.Direction == social.Outbound && a.Type.Utterance() {
			person := lines[i].Person
			if person == "" && a.InReplyTo != "" {
				person = owner[repliedTo(a)]
			}
			if _, ok := replies[objectOf(a)]; !ok && person != "" {
				replies[objectOf(a)] = person
			}
		}
	}
	for k, person := range replies {
		own(k, person)
	}

	out := map[string][]social.Activity{}
	for _, i := range order {
		a := &all[i]
		person := lines[i].Person
		if person == "" && (a.Type == social.Edit || a.Type == social.Delete) {
			person = owner[objectOf(a)]
		}
		if person == "" && a.Direction == social.Inbound {
			person = personOf(lines[i], a)
		}
		if person == "" && a.InReplyTo != "" {
			person = owner[repliedTo(a)]
		}
		if person != "" {
			out[person] = append(out[person], *a)
		}
	}
	return out, nil
}

// personOf is the person an inbound line names, or else the actor's account on its own.
func personOf(l social.Line, a *social.Activity) string {
	if l.Person != "" {
		return l.Person
	}
	return social.PersonID(a.Account().AccountID())
}

type objectKey struct {
	platform  social.Platform
	scope, id string
}

func objectOf(a *social.Activity) objectKey  { return objectKey{a.Platform, a.Scope, a.Object.ID} }
func repliedTo(a *social.Activity) objectKey { return objectKey{a.Platform, a.Scope, a.InReplyTo} }

// compare orders activities by time and key, and two that share both by all
// that could tell them apart.
func compare(a, b *social.Activity) int {
	if c := cmp.Compare(a.Occurred.UnixMilli(), b.Occurred.UnixMilli()); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Key, b.Key); c != 0 {
		return c
	}
	return cmp.Or(
		a.Known.Compare(b.Known), a.Occurred.Compare(b.Occurred),
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Scope, b.Scope),
		cmp.Compare(a.Actor.ID, b.Actor.ID), cmp.Compare(a.Actor.Handle, b.Actor.Handle), cmp.Compare(a.Actor.Name, b.Actor.Name),
		cmp.Compare(a.Object.ID, b.Object.ID), cmp.Compare(a.Object.Type, b.Object.Type),
		cmp.Compare(a.InReplyTo, b.InReplyTo), cmp.Compare(a.Conversation, b.Conversation),
		cmp.Compare(a.Text, b.Text), cmp.Compare(a.URL, b.URL),
		cmp.Compare(a.Language, b.Language), cmp.Compare(a.Sentiment, b.Sentiment), cmp.Compare(a.Intent, b.Intent),
	)
}
