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
// returns the persons that they belong to by it. queue is called before those
// are made, so that they are made if this is cut short. A decision that an older one
// stands against is refused: that one is to be undone first. The same decision
// sent again, by its id, is made once.
func (l *Leads) Decide(ctx context.Context, w string, d person.Decision, now time.Time, queue func(accounts []string) error) ([]store.Person, error) {
	accounts := slices.Concat(d.One, d.Other)
	tied, err := l.store.Tied(ctx, w, accounts...)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(tied.Decided, func(o person.Decision) bool { return o.ID == d.ID })
	switch {
	case i >= 0 && !alike(tied.Decided[i], d):
		return nil, fault.New(fault.Conflict, "another decision about these accounts has this id: give each its own")
	case i < 0:
		more := []person.Decision{d}
		if d.Verb == person.Apart {
			more = append(more, together(d, "one", d.One), together(d, "other", d.Other))
		}
		for _, o := range tied.Decided {
			if d.Verb == person.Undo && strings.HasPrefix(o.ID, d.Undoes+".") {
				more = append(more, person.Decision{ID: d.ID + strings.TrimPrefix(o.ID, d.Undoes), At: d.At, Verb: person.Undo, Undoes: o.ID, One: d.One, By: d.By, Why: d.Why})
			}
		}
		if err := allowed(tied, more); err != nil {
			return nil, err
		}
		about := accounts
		for _, o := range tied.Decided {
			if d.Verb == person.Undo && o.ID == d.Undoes {
				about = slices.Concat(about, o.One, o.Other)
			}
		}
		for _, x := range more {
			if x.Verb == person.Same && len(x.One)+len(x.Other) < 2 {
				continue
			}
			if err := l.store.PutLink(ctx, w, x, about...); err != nil {
				return nil, err
			}
		}
		accounts = about
	}
	if err := queue(accounts); err != nil {
		return nil, err
	}
	var out []store.Person
	seen := map[string]bool{}
	for _, a := range accounts {
		if seen[a] {
			continue
		}
		_, after, err := l.Regroup(ctx, w, a, now)
		if err != nil {
			return nil, err
		}
		for _, p := range after {
			for _, a := range p.Accounts {
				seen[a] = true
			}
			if !slices.ContainsFunc(out, func(o store.Person) bool { return o.ID == p.ID }) {
				out = append(out, p)
			}
		}
	}
	return slices.DeleteFunc(out, func(p store.Person) bool {
		return !slices.ContainsFunc(p.Accounts, func(a string) bool { return slices.Contains(accounts, a) })
	}), nil
}

func alike(a, b person.Decision) bool {
	return a.Verb == b.Verb && a.Undoes == b.Undoes && a.By == b.By && a.Why == b.Why && slices.Equal(sorted(a.One, a.Other), sorted(b.One, b.Other))
}

func sorted(lists ...[]string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...))))
}

// together says that each side of accounts that are taken apart stays one person.
func together(d person.Decision, side string, accounts []string) person.Decision {
	return person.Decision{ID: d.ID + "." + side, At: d.At, Verb: person.Same, One: accounts, By: d.By, Why: d.Why}
}

// allowed reports why decisions can't be made.
func allowed(t store.Tied, more []person.Decision) error {
	d := more[0]
	if d.Verb == person.Undo {
		if !slices.ContainsFunc(t.Decided, func(o person.Decision) bool { return o.ID == d.Undoes && o.Verb != person.Undo }) {
			return fault.New(fault.NotFound, "no such decision about this person")
		}
		return nil
	}
	was := person.Persons(t.Accounts, nil, t.Decided, nil)
	is := person.Persons(t.Accounts, nil, slices.Concat(t.Decided, more), nil)
	if d.Verb == person.Apart {
		return nil
	}
	size := map[string]int{}
	for _, a := range t.Accounts {
		size[is[a]]++
		for _, b := range t.Accounts {
			if was[a] == was[b] && is[a] != is[b] || slices.Contains(d.One, a) && slices.Contains(d.Other, b) && is[a] != is[b] {
				return fault.New(fault.Conflict, "it was decided that some of these accounts are not one person's%s: undo that first", standing(t.Decided))
			}
		}
		if size[is[a]] > person.MaxAccounts {
			return fault.New(fault.TooLarge, "a person has at most %d accounts", person.MaxAccounts)
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
