package scoring

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Bounds of what Evaluate reads.
const (
	maxFacts = 100_000
	maxText  = 1 << 20 // bytes of one activity's text
	maxField = 8 << 10 // bytes of any other of its fields
)

// history is what one person did, and how the business answered, with edits,
// deletions and taken-back reactions applied, in order of (time, key).
type history struct {
	own     []*social.Activity
	answers []*social.Activity // the business's utterances in reply to own ones
}

type objectKey struct {
	platform  social.Platform
	scope, id string
}

func objectOf(a *social.Activity) objectKey  { return objectKey{a.Platform, a.Scope, a.Object.ID} }
func repliedTo(a *social.Activity) objectKey { return objectKey{a.Platform, a.Scope, a.InReplyTo} }

type reaction struct {
	object objectKey
	actor  string
}

// settle applies the facts up to asOf (milliseconds) to one another. Neither
// the order nor repetitions of facts matter. It fails for facts that are
// invalid or over a bound.
//
// A deletion removes the utterance whenever it came. The latest edit gives
// the text and its reading. An unreact takes back the account's reactions to
// the object up to its own instant.
func settle(facts []social.Activity, asOf int64) (history, error) {
	if len(facts) > maxFacts {
		return history{}, fault.New(fault.TooLarge, "%d facts of one person, at most %d are read", len(facts), maxFacts)
	}
	all := make([]*social.Activity, 0, len(facts))
	for i := range facts {
		a := &facts[i]
		if err := a.Validate(); err != nil {
			return history{}, fault.Wrap(fault.Invalid, err, "a fact is invalid")
		}
		if len(a.Text) > maxText || max(len(a.Key), len(a.Scope), len(a.Actor.ID), len(a.Actor.Handle), len(a.Actor.Name),
			len(a.Object.ID), len(a.Object.Type), len(a.InReplyTo), len(a.Conversation), len(a.URL)) > maxField {
			return history{}, fault.New(fault.TooLarge, "activity %q has a text over %d or another field over %d bytes", clip(a.Key), maxText, maxField)
		}
		if a.Occurred.UnixMilli() <= asOf {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, compare)

	seen := make(map[string]bool, len(all))
	once := all[:0]
	deleted, edits, unreacts := map[objectKey]bool{}, map[objectKey]*social.Activity{}, map[reaction]int64{}
	for _, a := range all {
		if seen[a.Key] {
			continue
		}
		seen[a.Key] = true
		switch a.Type {
		case social.Delete:
			deleted[objectOf(a)] = true
		case social.Edit:
			edits[objectOf(a)] = a
		case social.Unreact:
			unreacts[reaction{objectOf(a), a.Actor.ID}] = a.Occurred.UnixMilli()
		default:
			once = append(once, a)
		}
	}

	var h history
	said := map[objectKey]bool{}
	var outbound []*social.Activity
	for _, a := range once {
		switch {
		case a.Type.Utterance():
			key := objectOf(a)
			if deleted[key] {
				continue
			}
			if e := edits[key]; e != nil {
				changed := *a
				changed.Text, changed.Language, changed.Sentiment, changed.Intent = e.Text, e.Language, e.Sentiment, e.Intent
				a = &changed
			}
			if a.Direction == social.Inbound {
				said[key] = true
			} else {
				outbound = append(outbound, a)
			}
		case a.Type == social.React:
			if until, ok := unreacts[reaction{objectOf(a), a.Actor.ID}]; ok && a.Occurred.UnixMilli() <= until {
				continue
			}
		}
		if a.Direction == social.Inbound {
			h.own = append(h.own, a)
		}
	}
	for _, a := range outbound {
		if a.InReplyTo != "" && said[repliedTo(a)] {
			h.answers = append(h.answers, a)
		}
	}
	return h, nil
}

// compare orders activities by time and id, and two that share both by all
// that could tell them apart.
func compare(a, b *social.Activity) int {
	if c := cmp.Compare(a.Occurred.UnixMilli(), b.Occurred.UnixMilli()); c != 0 {
		return c
	}
	if c := strings.Compare(a.Key, b.Key); c != 0 {
		return cmp.Or(cmp.Compare(hashOf(a.Key), hashOf(b.Key)), c)
	}
	x, y := RecordOf(*a), RecordOf(*b)
	return cmp.Or(compareRecords(&x, &y),
		a.Known.Compare(b.Known), a.Occurred.Compare(b.Occurred), cmp.Compare(a.Actor.ID, b.Actor.ID),
		cmp.Compare(a.Actor.Handle, b.Actor.Handle), cmp.Compare(a.Actor.Name, b.Actor.Name),
		cmp.Compare(a.Text, b.Text), cmp.Compare(a.URL, b.URL),
	)
}

func days(n int) int64 { return int64(n) * (24 * time.Hour).Milliseconds() }
