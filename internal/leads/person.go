package leads

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/person"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Decide stores what somebody decided about whom accounts belong to, and
// returns the persons that they belong to by it. An Undo names no accounts: of
// says whose decision it undoes. queue asks for the persons to be made, should
// this be cut short before it has made them. A decision that an older one
// stands against is refused: that one is to be undone first.
func (l *Leads) Decide(ctx context.Context, w string, d person.Decision, of []string, now time.Time, queue func(accounts []string) error) ([]store.Person, error) {
	tied, err := l.store.Tied(ctx, w, slices.Concat(d.One, d.Other, of)...)
	if err != nil {
		return nil, err
	}
	about := map[string][]string{} // by decision
	for _, o := range tied.Decided {
		about[o.ID] = slices.Concat(o.One, o.Other)
	}
	if _, taken := about[d.ID]; taken {
		return nil, fault.New(fault.Conflict, "another decision about these accounts has this id: give each its own")
	}
	more := []store.Linked{{Decision: d, With: slices.Concat(d.One, d.Other, about[d.Undoes])}}
	switch d.Verb {
	case person.Apart:
		for side, accounts := range map[string][]string{".one": d.One, ".other": d.Other} {
			if len(accounts) > 1 { // each side stays one person
				more = append(more, store.Linked{Decision: person.Decision{ID: d.ID + side, At: d.At, Verb: person.Same, One: accounts, By: d.By}, With: accounts})
			}
		}
	case person.Undo:
		for _, side := range []string{".one", ".other"} {
			if accounts, ok := about[d.Undoes+side]; ok {
				more = append(more, store.Linked{Decision: person.Decision{ID: d.ID + side, At: d.At, Verb: person.Undo, Undoes: d.Undoes + side, By: d.By}, With: accounts})
			}
		}
	}
	if err := allowed(tied, more); err != nil {
		return nil, err
	}
	if err := l.store.PutLinks(ctx, w, more...); err != nil {
		return nil, err
	}
	return l.carryOut(ctx, w, more[0].With, now, queue)
}

func (l *Leads) carryOut(ctx context.Context, w string, accounts []string, now time.Time, queue func(accounts []string) error) ([]store.Person, error) {
	if err := queue(accounts); err != nil {
		return nil, err
	}
	return l.RegroupAll(ctx, w, accounts, now)
}

// Decided returns the decision of an id about a person, also about one that is
// taken apart by now, and carries it out again: it may have been cut short. It
// reports false where there is none.
func (l *Leads) Decided(ctx context.Context, w, personID, id string, now time.Time, queue func(accounts []string) error) (d person.Decision, people []store.Person, ok bool, err error) {
	was, err := l.store.PersonsByID(ctx, w, []string{personID})
	if err != nil || len(was[0].Accounts) == 0 {
		return d, nil, false, err
	}
	tied, err := l.store.Tied(ctx, w, was[0].Accounts...)
	if err != nil {
		return d, nil, false, err
	}
	about := map[string][]string{}
	for _, o := range tied.Decided {
		about[o.ID] = slices.Concat(o.One, o.Other)
		if o.ID == id {
			d, ok = o, true
		}
	}
	if !ok {
		return d, nil, false, nil
	}
	people, err = l.carryOut(ctx, w, slices.Concat(about[id], about[d.Undoes]), now, queue)
	return d, people, true, err
}

// allowed reports why decisions can't be made.
func allowed(t store.Tied, more []store.Linked) error {
	d, then := more[0], slices.Clone(t.Decided)
	for _, x := range more {
		then = append(then, x.Decision)
	}
	if d.Verb == person.Undo && !slices.ContainsFunc(t.Decided, func(o person.Decision) bool { return o.ID == d.Undoes && o.Verb != person.Undo }) {
		return fault.New(fault.NotFound, "no such decision about this person")
	}
	was, is := person.Persons(t.Accounts, nil, t.Decided, nil), person.Persons(t.Accounts, nil, then, nil)
	size := map[string]int{}
	for _, a := range t.Accounts {
		if size[is[a]]++; size[is[a]] > person.MaxAccounts {
			return fault.New(fault.TooLarge, "a person has at most %d accounts", person.MaxAccounts)
		}
		for _, b := range t.Accounts {
			if d.Verb == person.Same && (was[a] == was[b] && is[a] != is[b] || slices.Contains(d.One, a) && slices.Contains(d.Other, b) && is[a] != is[b]) {
				return fault.New(fault.Conflict, "it was decided that some of these accounts are not one person's%s: undo that first", standing(t.Decided))
			}
		}
	}
	return nil
}

// standing names decisions that keep accounts apart.
func standing(list []person.Decision) string {
	var ids []string
	for _, d := range list {
		if d.Verb == person.Apart {
			ids = append(ids, d.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return " (" + strings.Join(ids, ", ") + ")"
}

// AccountFor is the account that stands for a person where something is
// decided about it: of an id of one account that account, though it may belong
// to a person of several by now.
func AccountFor(id string, p store.Person) string {
	if !social.Several(id) {
		return social.AccountOf(id)
	}
	return p.Accounts[0]
}
