package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/person"
	"rapport/internal/social"
)

// Whom an account belongs to. What somebody or a rule decided about two
// accounts is a fact, stored with both of them. Which person each account
// belongs to is a view of these: an account of which nothing stands there is
// a person of its own.

// linkItem is a decision about accounts, as it stands with one of them.
type linkItem struct {
	PK, SK string
	Schema int
	Verb   string
	One    []string `dynamodbav:",omitempty"`
	Other  []string `dynamodbav:",omitempty"`
	Undoes string   `dynamodbav:",omitempty"`
	By     string
	Why    string `dynamodbav:",omitempty"`
}

// maxLinks bounds how many decisions are about one account.
const maxLinks = 500

func (it linkItem) decision() (person.Decision, error) {
	at, id, _ := strings.Cut(strings.TrimPrefix(it.SK, links), "#")
	t, err := social.ParseStamp(at)
	return person.Decision{ID: id, At: t, Verb: person.Verb(it.Verb), One: it.One, Other: it.Other, Undoes: it.Undoes, By: it.By, Why: it.Why}, err
}

// Linked is a decision and the accounts that it stands with.
type Linked struct {
	person.Decision
	With []string
}

// PutLinks stores decisions about accounts, all or none of them, each with the
// accounts that it stands with, and with the audit line that the context
// brings. It fails with fault.TooLarge where too much was decided about an account.
func (s *Store) PutLinks(ctx context.Context, w string, list ...Linked) error {
	var writes []types.TransactWriteItem
	more := map[string]int{}
	for _, d := range list {
		for _, account := range unique(d.With) {
			more[account]++
			put, err := s.putting(linkOf(w, account, d.Decision), "")
			if err != nil {
				return err
			}
			writes = append(writes, put)
		}
	}
	if len(writes) > 99 {
		return fault.New(fault.TooLarge, "a decision about %d accounts: a person has at most %d", len(more), person.MaxAccounts)
	}
	for account, n := range more {
		there, err := s.Links(ctx, w, account)
		if err != nil {
			return err
		}
		if len(there)+n > maxLinks {
			return fault.New(fault.TooLarge, "%d decisions are about one account already: no more are kept", len(there))
		}
	}
	return s.change(ctx, "links", writes...)
}

func linkOf(w, account string, d person.Decision) linkItem {
	return linkItem{PK: accountPK(factsOf(w), account), SK: linkSK(d.At, d.ID), Schema: 1, Verb: string(d.Verb), One: d.One, Other: d.Other, Undoes: d.Undoes, By: d.By, Why: d.Why}
}

// Links returns what was decided about an account, oldest first.
func (s *Store) Links(ctx context.Context, w, account string) ([]person.Decision, error) {
	items, err := all[linkItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: links, most: maxLinks})
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", account, err)
	}
	out := make([]person.Decision, len(items))
	for i, it := range items {
		if out[i], err = it.decision(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Account returns which identity an account is; an error of kind NotFound where nothing is known of it.
func (s *Store) Account(ctx context.Context, w, account string) (social.AccountRef, error) {
	var it accountItem
	err := s.get(ctx, key{accountPK(factsOf(w), account), "@"}, &it)
	return social.AccountRef{Platform: social.Platform(it.Platform), Scope: it.Scope, ID: it.ID}, err
}

// Person is who an account belongs to.
type Person struct {
	ID       string
	Accounts []string // sorted
}

// personItem says which accounts the id of a person of several stands for. It
// never changes: the id is made of them. So an id that was given out leads on.
type personItem struct {
	PK, SK   string
	Schema   int
	Accounts []string
}

// belongsItem says which person of several accounts an account belongs to.
type belongsItem struct {
	PK, SK     string
	G1PK, G1SK string
	Schema     int
	Version    int64
	Person     string
}

// PersonsOf returns whom accounts belong to, in their order.
func (s *Store) PersonsOf(ctx context.Context, w string, accounts []string) ([]Person, error) {
	ids, _, err := s.belong(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	out, err := s.PersonsByID(ctx, w, ids)
	for i, p := range out {
		if len(p.Accounts) == 0 { // somebody of it is being erased
			out[i] = Person{social.PersonID(accounts[i]), accounts[i : i+1]}
		}
	}
	return out, err
}

// PersonIDs returns the ids of the persons whom accounts belong to, in their order.
func (s *Store) PersonIDs(ctx context.Context, w string, accounts []string) ([]string, error) {
	ids, _, err := s.belong(ctx, w, accounts)
	return ids, err
}

// belong returns the persons whom accounts belong to, and the versions of what says so.
func (s *Store) belong(ctx context.Context, w string, accounts []string) ([]string, []int64, error) {
	keys := make([]key, len(accounts))
	for i, a := range accounts {
		keys[i] = belongsKey(w, a)
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("persons of accounts: %w", err)
	}
	ids, versions := make([]string, len(accounts)), make([]int64, len(accounts))
	for i, it := range items {
		var b belongsItem
		if err := attributevalue.UnmarshalMap(it, &b); err != nil {
			return nil, nil, err
		}
		ids[i], versions[i] = cmp.Or(b.Person, social.PersonID(accounts[i])), b.Version
	}
	return ids, versions, nil
}

// PersonsByID returns persons by their ids, in their order. An id of several
// accounts that is not known is one without accounts.
func (s *Store) PersonsByID(ctx context.Context, w string, ids []string) ([]Person, error) {
	out := make([]Person, len(ids))
	var keys []key
	var at []int
	for i, id := range ids {
		if out[i].ID = id; !social.Several(id) {
			out[i].Accounts = []string{social.AccountOf(id)}
			continue
		}
		keys, at = append(keys, key{personPK(factsOf(w), id), "@"}), append(at, i)
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("accounts of persons: %w", err)
	}
	for j, it := range items {
		var p personItem
		if err := attributevalue.UnmarshalMap(it, &p); err != nil {
			return nil, err
		}
		out[at[j]].Accounts = p.Accounts
	}
	return out, nil
}

// Successors returns the persons to whom the accounts of an id belong now: the
// person itself, the one that it became part of, or those into which it was
// taken apart. An id that was never given out is an error of kind NotFound.
func (s *Store) Successors(ctx context.Context, w, id string) ([]Person, error) {
	of, err := s.PersonsByID(ctx, w, []string{id})
	if err != nil {
		return nil, err
	}
	if len(of[0].Accounts) == 0 {
		return nil, fault.New(fault.NotFound, "no such person")
	}
	ids, err := s.PersonIDs(ctx, w, of[0].Accounts)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	return s.PersonsByID(ctx, w, slices.Compact(ids))
}

// Merged calls f with each account that belongs to a person of several, and
// that person: as many reads as such accounts fill, 60 in a unit or so.
func (s *Store) Merged(ctx context.Context, w string, f func(account, person string)) error {
	for _, pk := range allShards(w + "#PA") {
		err := s.scan(ctx, query{index: "G1", pk: pk, most: maxMerged, keysOnly: true}, func(it map[string]types.AttributeValue) (bool, error) {
			account, person, _ := strings.Cut(text(it["G1SK"]), "#")
			f(account, person)
			return true, nil
		})
		if err != nil {
			return fmt.Errorf("merged accounts: %w", err)
		}
	}
	return nil
}

// maxMerged bounds how many accounts of a shard belong to persons of several.
const maxMerged = 1_000_000

// Regroup makes what says whom an account belongs to again, and whom those
// belong to who were or are with it. It returns the persons of before and of
// after. It reads the links of at most maxTied accounts.
func (s *Store) Regroup(ctx context.Context, w, account string) (before, after []Person, err error) {
	err = Again(ctx, func() error {
		before, after, err = s.regroup(ctx, w, account)
		return err
	})
	return before, after, err
}

// maxTied bounds the accounts that decisions tie to one another, also over those apart.
const maxTied = 10 * person.MaxAccounts

// Tied is all that says whom some accounts belong to.
type Tied struct {
	Accounts []string          // sorted: those asked for, and all who were decided to be with them or belong to one person with them
	Persons  []Person          // to whom they belong, as it stands
	Decided  []person.Decision // about any of them, oldest first

	ids      []string // of the accounts' persons
	versions []int64  // of what says so
}

// Owner is to whom one of the accounts belongs, as it stands.
func (t Tied) Owner(account string) Person {
	i := slices.IndexFunc(t.Persons, func(p Person) bool { return slices.Contains(p.Accounts, account) })
	if i < 0 { // somebody of it is being erased
		return Person{social.PersonID(account), []string{account}}
	}
	return t.Persons[i]
}

// Tied returns all that says whom accounts belong to. It reads what was
// decided about at most maxTied accounts.
func (s *Store) Tied(ctx context.Context, w string, of ...string) (t Tied, err error) {
	// Until nobody comes to it: first what stands of them with its versions,
	// then the facts. Whoever writes later sees these.
	about := map[string]bool{}
	for _, a := range of {
		about[a] = true
	}
	for n := 0; n < len(about); {
		if n = len(about); n > maxTied {
			return t, fault.New(fault.TooLarge, "more than %d accounts are tied to one another by what was decided about them: a person has at most %d", maxTied, person.MaxAccounts)
		}
		t.Accounts = slices.Sorted(maps.Keys(about))
		if t.ids, t.versions, err = s.belong(ctx, w, t.Accounts); err != nil {
			return t, err
		}
		if t.Persons, err = s.PersonsByID(ctx, w, unique(t.ids)); err != nil {
			return t, err
		}
		found := make([][]person.Decision, len(t.Accounts))
		errs := parallel.Each(ctx, len(t.Accounts), 16, func(i int) (err error) {
			found[i], err = s.Links(ctx, w, t.Accounts[i])
			return err
		})
		if err := errors.Join(errs...); err != nil {
			return t, err
		}
		t.Decided = distinct(slices.Concat(found...))
		for _, p := range t.Persons {
			for _, a := range p.Accounts {
				about[a] = true
			}
		}
		for _, d := range t.Decided {
			if d.Verb == person.Same {
				for _, a := range slices.Concat(d.One, d.Other) {
					about[a] = true
				}
			}
		}
	}
	return t, nil
}

func (s *Store) regroup(ctx context.Context, w, account string) (before, after []Person, err error) {
	t, err := s.Tied(ctx, w, account)
	if err != nil {
		return nil, nil, err
	}
	before, ids, versions, accounts := t.Persons, t.ids, t.versions, t.Accounts
	sets := map[string][]string{}
	now := person.Persons(accounts, nil, t.Decided, nil)
	for _, a := range accounts {
		sets[now[a]] = append(sets[now[a]], a)
	}
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		p := Person{id, sets[id]}
		after = append(after, p)
		if err := s.putPerson(ctx, w, p); err != nil {
			return nil, nil, err
		}
	}
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) error {
		a, id := accounts[i], now[accounts[i]]
		switch {
		case id == ids[i]:
			return nil
		case social.Several(id):
			k := belongsKey(w, a)
			return s.putVersion(ctx, belongsItem{PK: k.PK, SK: k.SK, G1PK: belongsG1(w, a), G1SK: a + "#" + id, Schema: 1, Version: nextVersion(versions[i]), Person: id}, versions[i])
		}
		return s.deleteVersion(ctx, belongsKey(w, a), versions[i])
	})
	return before, after, errors.Join(errs...)
}

// putPerson notes which accounts a person's id stands for, and with each account that it does.
func (s *Store) putPerson(ctx context.Context, w string, p Person) error {
	if !social.Several(p.ID) {
		return nil
	}
	if err := s.put(ctx, personItem{PK: personPK(factsOf(w), p.ID), SK: "@", Schema: 1, Accounts: p.Accounts}); err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(p.Accounts), 16, func(i int) error {
		return s.put(ctx, key{accountPK(factsOf(w), p.Accounts[i]), knownAsSK(p.ID)})
	})
	return errors.Join(errs...)
}

// distinct are decisions, each once.
func distinct(list []person.Decision) []person.Decision {
	slices.SortFunc(list, func(a, b person.Decision) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return slices.CompactFunc(list, func(a, b person.Decision) bool { return a.ID == b.ID && a.At.Equal(b.At) })
}

func unique(ids []string) []string {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// PersonsKnown returns the ids of persons of several accounts that an account was ever part of.
func (s *Store) PersonsKnown(ctx context.Context, w, account string) ([]string, error) {
	items, err := all[key](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: knownAsSK(""), most: maxLinks})
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = lastPart(it.SK)
	}
	return out, err
}

// PersonsPartOf returns the persons of several accounts that an account was ever part of.
func (s *Store) PersonsPartOf(ctx context.Context, w, account string) ([]Person, error) {
	known, err := s.PersonsKnown(ctx, w, account)
	if err != nil {
		return nil, err
	}
	return s.PersonsByID(ctx, w, known)
}

// Detach takes an account that is being erased out of what was decided about
// it and others, and returns who was ever one person with it, and how many
// decisions there were. What was decided about the others stays, without
// words. It can be repeated, until ForgetPersons.
func (s *Store) Detach(ctx context.Context, w, account string) (others []string, n int, err error) {
	decided, err := s.Links(ctx, w, account)
	if err != nil {
		return nil, 0, err
	}
	persons, err := s.PersonsPartOf(ctx, w, account)
	if err != nil {
		return nil, 0, err
	}
	is := func(a string) bool { return a == account }
	for _, p := range persons {
		others = append(others, p.Accounts...)
	}
	others = slices.DeleteFunc(unique(others), is)
	with, empty := map[string][]string{}, map[string]bool{}
	for _, d := range decided {
		with[d.ID] = slices.DeleteFunc(unique(slices.Concat(d.One, d.Other, with[d.Undoes])), is)
		d.One, d.Other, d.Why = slices.DeleteFunc(slices.Clone(d.One), is), slices.DeleteFunc(slices.Clone(d.Other), is), ""
		switch d.Verb {
		case person.Same:
			empty[d.ID] = len(d.One)+len(d.Other) < 2
		case person.Apart:
			empty[d.ID] = len(d.One) == 0 || len(d.Other) == 0
		default:
			empty[d.ID] = empty[d.Undoes]
		}
		errs := parallel.Each(ctx, len(with[d.ID]), 16, func(i int) error {
			it := linkOf(w, with[d.ID][i], d)
			if empty[d.ID] {
				return s.delete(ctx, key{it.PK, it.SK})
			}
			return s.put(ctx, it)
		})
		if err := errors.Join(errs...); err != nil {
			return nil, 0, err
		}
	}
	errs := parallel.Each(ctx, len(decided), 16, func(i int) error {
		return s.delete(ctx, key{accountPK(w, account), linkSK(decided[i].At, decided[i].ID)})
	})
	return others, len(decided), errors.Join(errs...)
}

// ForgetPersons takes away the persons of several accounts that an account was
// part of, once those who were one with it belong elsewhere.
func (s *Store) ForgetPersons(ctx context.Context, w, account string) error {
	persons, err := s.PersonsPartOf(ctx, w, account)
	if err != nil {
		return err
	}
	for _, p := range persons {
		if err := errors.Join(s.DropLeads(ctx, w, p.ID), s.ForgetAnnouncements(ctx, w, p.ID)); err != nil {
			return err
		}
		for _, a := range p.Accounts {
			if a == account {
				continue // last: it says what is to be done
			}
			if err := s.delete(ctx, key{accountPK(w, a), knownAsSK(p.ID)}); err != nil {
				return err
			}
		}
		for _, k := range []key{{personPK(w, p.ID), "@"}, {accountPK(w, account), knownAsSK(p.ID)}} {
			if err := s.delete(ctx, k); err != nil {
				return err
			}
		}
	}
	return errors.Join(s.ForgetAnnouncements(ctx, w, social.PersonID(account)), s.delete(ctx, belongsKey(w, account)))
}

// DropLeads takes away the leads of a person that is none any more, and the
// person from among those of a company.
func (s *Store) DropLeads(ctx context.Context, w, person string) error {
	heads, err := all[leadItem](ctx, s, query{pk: personPK(w, person), prefix: leadSK(""), most: maxModelsOf})
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.ListedAt != "" {
			if err := s.delete(ctx, key{colleaguesPK(w, h.ListedAt), person}); err != nil {
				return err
			}
		}
	}
	errs := parallel.Each(ctx, len(heads), 16, func(i int) error { return s.delete(ctx, key{heads[i].PK, heads[i].SK}) })
	return errors.Join(errs...)
}

// maxModelsOf bounds how many scoring models a person has a lead of.
const maxModelsOf = 100
