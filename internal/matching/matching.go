// Package matching finds who may be one person with an account whose name is
// new, by package identity: it merges them where that is likely enough, and
// else suggests it. What it decides is a fact like what a member decides, and
// older than all of those, so that theirs come before it.
package matching

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/person"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view/blocking"
)

// Matching finds and joins accounts of one person.
type Matching struct {
	store *store.Store
	leads *leads.Leads
	view  blocking.View
	now   func() time.Time
}

// New returns Matching over a store.
func New(s *store.Store, l *leads.Leads, now func() time.Time) *Matching {
	return &Matching{s, l, blocking.New(s), now}
}

const (
	atOnce  = 16 // requests that wait for the table
	perOnce = 5  // suggestions that are made of an account, the likeliest
)

// Changed returns those accounts whose names are not what their profiles say.
func (m *Matching) Changed(ctx context.Context, w string, named []leads.Named) ([]string, error) {
	if strings.Contains(w, "!") { // of a source check, which is nobody
		return nil, nil
	}
	accounts := make([]string, len(named))
	for i, n := range named {
		accounts[i] = n.Account
	}
	profiles, err := m.store.Profiles(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	var out []string
	for i, p := range profiles {
		if p.Version == 0 || p.Name != blocking.Shown(named[i].Name) || p.Handle != blocking.Shown(named[i].Handle) {
			out = append(out, p.ID)
		}
	}
	return out, nil
}

// Match brings an account's profile up to date and, if it changed by that,
// looks for whom it is one person with. again says that an attempt may have died.
func (m *Matching) Match(ctx context.Context, w, account string, again bool) error {
	p, changed, err := m.view.Update(ctx, w, account, again)
	if err != nil || !changed && !again {
		return err
	}
	found, model, err := m.candidates(ctx, w, p)
	if err != nil {
		return err
	}
	suggested := map[string]bool{}
	for _, f := range found {
		made, err := m.say(ctx, w, model, p, f, len(suggested) < perOnce)
		if err != nil {
			return err
		}
		if made {
			suggested[f.with.ID] = true
		}
	}
	// What was suggested by an earlier name.
	old, err := m.store.SuggestionsOf(ctx, w, account)
	if err != nil {
		return err
	}
	for _, x := range old {
		if suggested[x.One] || suggested[x.Other] {
			continue
		}
		if err := m.store.DeleteSuggestion(ctx, w, x.One, x.Other); err != nil {
			return err
		}
	}
	return nil
}

// find is an account that may be the same person's.
type find struct {
	with store.Profile
	identity.Verdict
}

// candidates compares an account with those that have the rarest keys in
// common with it, and returns who may be the same person, the likeliest first.
// It reads at most MaxKeys lists of at most MaxBlock accounts, and compares
// MaxCandidates.
func (m *Matching) candidates(ctx context.Context, w string, p store.Profile) ([]find, *identity.Model, error) {
	if p.Version == 0 {
		return nil, nil, nil
	}
	keys := identity.Keys(p.Account)
	lists, about := make([][]store.Candidate, len(keys)), make([]int, len(keys))
	errs := parallel.Each(ctx, len(keys), atOnce, func(i int) (err error) {
		lists[i], about[i], err = m.store.Candidates(ctx, w, store.HashedKey(keys[i]), identity.MaxBlock+1)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	ids, place := make([][]string, len(keys)), map[string]int{}
	for i, l := range lists {
		place[keys[i]] = i
		for _, c := range l {
			ids[i] = append(ids[i], c.Account)
		}
	}
	closest := identity.Closest(ids, p.ID)
	if len(closest) == 0 {
		return nil, nil, nil
	}
	accounts, err := m.store.AboutAccounts(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	counts := map[string]int{}
	for value, k := range identity.Counted(p.Account) {
		if i, ok := place[k]; ok {
			counts[value] = about[i]
		}
	}
	model := identity.Assumed(accounts, counts)
	tooMany := func(field, value string) bool {
		i, ok := place[field+"|"+value]
		if !ok {
			return false
		}
		on := map[string]int{}
		for _, c := range lists[i] {
			on[c.Platform]++
		}
		most := 0
		for _, n := range on {
			most = max(most, n)
		}
		return identity.TooMany(about[i], most)
	}
	profiles, err := m.store.Profiles(ctx, w, closest)
	if err != nil {
		return nil, nil, err
	}
	out := judged(model, p.Account, profiles, tooMany)
	if len(out) > 1 {
		// Accounts of one person count once, where something is found rare.
		with := make([]store.Profile, len(out))
		for i, f := range out {
			with[i] = f.with
		}
		if err := m.once(ctx, w, with, ids, place, p.Account, counts); err != nil {
			return nil, nil, err
		}
		out = judged(model, p.Account, with, tooMany)
	}
	slices.SortFunc(out, func(a, b find) int {
		return cmp.Or(cmp.Compare(b.Outcome, a.Outcome), cmp.Compare(b.Bits, a.Bits), cmp.Compare(a.with.ID, b.with.ID))
	})
	return out, model, nil
}

func judged(model *identity.Model, p identity.Account, with []store.Profile, tooMany func(field, value string) bool) []find {
	var out []find
	for _, q := range with {
		if q.Version == 0 {
			continue // erased right now
		}
		a, b := p, q.Account
		if b.ID < a.ID { // the same words, whoever came first
			a, b = b, a
		}
		if v := model.Judge(a, b, tooMany); v.Outcome > identity.Nothing {
			out = append(out, find{q, v})
		}
	}
	return out
}

// once takes off the counts those of some accounts whose person is counted
// already by another of them.
func (m *Matching) once(ctx context.Context, w string, with []store.Profile, lists [][]string, place map[string]int, p identity.Account, counts map[string]int) error {
	accounts := make([]string, len(with))
	for i, q := range with {
		accounts[i] = q.ID
	}
	persons, err := m.store.PersonIDs(ctx, w, accounts)
	if err != nil {
		return err
	}
	for value, k := range identity.Counted(p) {
		i, ok := place[k]
		if !ok {
			continue
		}
		seen := map[string]bool{}
		for j, a := range accounts {
			if !slices.Contains(lists[i], a) {
				continue
			}
			if seen[persons[j]] {
				counts[value]--
			}
			seen[persons[j]] = true
		}
	}
	return nil
}

// say merges an account with another, or suggests it, and reports whether it
// is suggested. Persons about whom anything was ever decided are left alone.
func (m *Matching) say(ctx context.Context, w string, model *identity.Model, p store.Profile, f find, more bool) (bool, error) {
	one, other := min(p.ID, f.with.ID), max(p.ID, f.with.ID)
	tied, err := m.store.Tied(ctx, w, one, other)
	if err != nil {
		return false, err
	}
	d := person.Decision{ID: social.HashID("mat", social.Key(one, other)), At: person.ByEvidence, Verb: person.Same, One: []string{one}, Other: []string{other}, By: person.Rapport,
		Why: strings.Join(f.For, "; ")}
	if slices.ContainsFunc(tied.Decided, func(o person.Decision) bool { return o.ID == d.ID }) {
		_, err := m.leads.RegroupAll(ctx, w, []string{one, other}, m.now()) // an attempt may have died before that
		return false, err
	}
	if leads.Settled(tied, one, other) {
		return false, nil
	}
	merge := f.Outcome >= identity.Merge
	if f.Outcome == identity.Merge {
		if merge, err = m.agree(ctx, w, model, tied.Owner(one).Accounts, tied.Owner(other).Accounts); err != nil {
			return false, err
		}
	}
	if merge {
		_, err := m.leads.Decide(ctx, w, d, nil, m.now(), func([]string) error { return nil }) // the message comes again
		switch {
		case err == nil || fault.Is(err, fault.Conflict):
			return false, nil
		case fault.Is(err, fault.TooLarge):
			slog.WarnContext(ctx, "accounts not merged", "workspace", w, "one", one, "other", other, "error", err.Error())
			return false, nil
		}
		return false, err
	}
	if !more {
		return false, nil
	}
	x := store.Suggestion{One: one, Other: other, At: m.now(), Probability: f.P, Reasons: slices.Clone(f.For)}
	for _, s := range f.Against {
		x.Reasons = append(x.Reasons, "but "+s)
	}
	if err := m.store.PutSuggestion(ctx, w, x); err != nil {
		return false, err
	}
	// Somebody may have decided, or may have been erased, meanwhile.
	if tied, err = m.store.Tied(ctx, w, one, other); err != nil {
		return false, err
	}
	profiles, err := m.store.Profiles(ctx, w, []string{one, other})
	if err != nil {
		return false, err
	}
	gone := slices.ContainsFunc(profiles, func(p store.Profile) bool { return p.Version == 0 })
	if gone || leads.Settled(tied, one, other) {
		return false, m.store.DeleteSuggestion(ctx, w, one, other)
	}
	return true, nil
}

// agree reports whether no account of the one person stands against one of the other.
func (m *Matching) agree(ctx context.Context, w string, model *identity.Model, one, other []string) (bool, error) {
	all := map[string]identity.Account{}
	list, err := m.store.Profiles(ctx, w, slices.Concat(one, other))
	if err != nil {
		return false, err
	}
	for _, p := range list {
		all[p.ID] = p.Account
	}
	for _, a := range one {
		for _, b := range other {
			if all[a].Platform == "" || all[b].Platform == "" {
				continue // of which nothing is known but that it is the same
			}
			if model.Against(all[a], all[b]) {
				return false, nil
			}
		}
	}
	return true, nil
}

// MatchAll is Match of several accounts. It returns the first error that is worth another try.
func (m *Matching) MatchAll(ctx context.Context, w string, accounts []string, again bool) error {
	for _, a := range accounts {
		if err := m.Match(ctx, w, a, again); err != nil && fault.Retryable(err) {
			return err
		} else if err != nil {
			slog.ErrorContext(ctx, "account not matched", "workspace", w, "account", a, "error", err.Error())
		}
	}
	return nil
}
