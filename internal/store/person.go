package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Whom an account belongs to. What somebody or a rule decided about two
// accounts is a fact, stored with both of them. Which person each account
// belongs to is a view of these: an account of which nothing stands there is
// a person of its own.

// linkItem is a decision about two accounts, as it stands with one of them.
type linkItem struct {
	PK, SK string
	Schema int
	Kind   string
	By     string
	Why    string `dynamodbav:",omitempty"`
}

// maxLinks bounds how many decisions are about one account.
const maxLinks = 500

func (it linkItem) link() (identity.Link, error) {
	parts := strings.Split(it.SK, "#") // K, other, time, id
	if len(parts) != 4 {
		return identity.Link{}, fmt.Errorf("link %q", it.SK)
	}
	at, err := social.ParseStamp(parts[2])
	return identity.Link{A: lastPart(it.PK), B: parts[1], Kind: identity.Kind(it.Kind), By: it.By, Why: it.Why, At: at, ID: parts[3]}, err
}

// PutLinks stores decisions about accounts. Each is written once, however often
// it is sent. It fails with fault.TooLarge where too much was decided about an account.
func (s *Store) PutLinks(ctx context.Context, w string, links []identity.Link) error {
	about := map[string]int{}
	for _, l := range links {
		about[l.A]++
		about[l.B]++
	}
	for account, n := range about {
		there, err := s.Links(ctx, w, account)
		if err != nil {
			return err
		}
		if len(there)+n > maxLinks {
			return fault.New(fault.TooLarge, "%d decisions are about one account already: more than %d are not kept", len(there), maxLinks)
		}
	}
	for part := range slices.Chunk(links, 40) { // two writes each, of the hundred that a transaction may have
		var writes []types.TransactWriteItem
		for _, l := range part {
			for _, side := range [][2]string{{l.A, l.B}, {l.B, l.A}} {
				put, err := s.putting(linkItem{PK: accountPK(factsOf(w), side[0]), SK: linkSK(side[1], l.At, l.ID), Schema: 1, Kind: string(l.Kind), By: l.By, Why: l.Why}, "")
				if err != nil {
					return err
				}
				writes = append(writes, put)
			}
		}
		if err := s.change(ctx, "links", writes...); err != nil {
			return err
		}
	}
	return nil
}

// Links returns what was decided about an account and others, the account as A.
func (s *Store) Links(ctx context.Context, w, account string) ([]identity.Link, error) {
	items, err := all[linkItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: links, most: maxLinks})
	if err != nil {
		return nil, fmt.Errorf("links of %s: %w", account, err)
	}
	out := make([]identity.Link, len(items))
	for i, it := range items {
		if out[i], err = it.link(); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	PK, SK  string
	Schema  int
	Version int64
	Person  string
}

// PersonsOf returns whom accounts belong to, in their order.
func (s *Store) PersonsOf(ctx context.Context, w string, accounts []string) ([]Person, error) {
	ids, _, err := s.belong(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	return s.AccountsOf(ctx, w, ids)
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
		keys[i] = key{belongsPK(w, a), a}
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

// AccountsOf returns persons by their ids, in their order. An id of several
// accounts that is not known is one without accounts.
func (s *Store) AccountsOf(ctx context.Context, w string, ids []string) ([]Person, error) {
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
	of, err := s.AccountsOf(ctx, w, []string{id})
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
	return s.AccountsOf(ctx, w, slices.Compact(ids))
}

// Merged calls f with each account that belongs to a person of several, and
// that person: as many reads as such accounts fill, 60 in a unit or so.
func (s *Store) Merged(ctx context.Context, w string, f func(account, person string)) error {
	for _, pk := range allShards(w + "#PA") {
		err := s.scan(ctx, query{pk: pk, most: maxMerged}, func(it map[string]types.AttributeValue) (bool, error) {
			f(text(it[attrSK]), text(it["Person"]))
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
// after: the same if nothing changed. It reads the links of at most about
// twice as many accounts as a person may have.
func (s *Store) Regroup(ctx context.Context, w, account string) (before, after []Person, err error) {
	err = Again(ctx, func() error {
		before, after, err = s.regroup(ctx, w, account)
		return err
	})
	return before, after, err
}

func (s *Store) regroup(ctx context.Context, w, account string) (before, after []Person, err error) {
	// All who may change; then the versions of what stands, then the facts.
	about := map[string]bool{account: true}
	var ids []string
	var versions []int64
	var accounts []string
	var decided []identity.Link
	for {
		accounts = slices.Sorted(maps.Keys(about))
		if ids, versions, err = s.belong(ctx, w, accounts); err != nil {
			return nil, nil, err
		}
		if before, err = s.AccountsOf(ctx, w, unique(ids)); err != nil {
			return nil, nil, err
		}
		if decided, err = s.linksAround(ctx, w, accounts); err != nil {
			return nil, nil, err
		}
		n := len(about)
		for _, p := range before {
			for _, a := range p.Accounts {
				about[a] = true
			}
		}
		for _, set := range identity.Groups(decided, accounts...) {
			for _, a := range set {
				about[a] = true
			}
		}
		if len(about) == n {
			break
		}
		if len(about) > 4*identity.MaxAccounts {
			return nil, nil, fault.New(fault.TooLarge, "%d accounts are tied to one another, which is more than one human has", len(about))
		}
	}
	now := map[string]string{}
	for _, set := range identity.Groups(decided, accounts...) {
		p := Person{social.PersonOf(set), set}
		after = append(after, p)
		for _, a := range set {
			now[a] = p.ID
		}
		if len(set) == 1 {
			continue
		}
		item, err := attributevalue.MarshalMap(personItem{PK: personPK(factsOf(w), p.ID), SK: "@", Schema: 1, Accounts: set})
		if err != nil {
			return nil, nil, err
		}
		if _, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: item}); err != nil {
			return nil, nil, classify("put person", err)
		}
		for _, a := range set {
			item, err := attributevalue.MarshalMap(key{accountPK(factsOf(w), a), knownAsSK(p.ID)})
			if err != nil {
				return nil, nil, err
			}
			if _, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: item}); err != nil {
				return nil, nil, classify("put a name of a person", err)
			}
		}
	}
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) error {
		a, id := accounts[i], now[accounts[i]]
		switch {
		case id == ids[i]:
			return nil
		case social.Several(id):
			return s.putVersion(ctx, belongsItem{PK: belongsPK(w, a), SK: a, Schema: 1, Version: nextVersion(versions[i]), Person: id}, versions[i])
		}
		return s.deleteVersion(ctx, key{belongsPK(w, a), a}, versions[i])
	})
	return before, after, errors.Join(errs...)
}

func unique(ids []string) []string {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// linksAround returns what was decided about accounts, and about those whom
// that ties to them, and so on, as far as a few persons reach.
func (s *Store) linksAround(ctx context.Context, w string, accounts []string) ([]identity.Link, error) {
	var out []identity.Link
	seen := map[string]bool{}
	for next := accounts; len(next) > 0 && len(seen) <= 4*identity.MaxAccounts; {
		found := make([][]identity.Link, len(next))
		errs := parallel.Each(ctx, len(next), 16, func(i int) (err error) {
			found[i], err = s.Links(ctx, w, next[i])
			return err
		})
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		for _, a := range next {
			seen[a] = true
		}
		links := slices.Concat(found...)
		out = append(out, links...)
		tied := map[string]bool{}
		for _, l := range identity.Standing(links) {
			if l.Kind == identity.Same && !seen[l.B] {
				tied[l.B] = true
			}
		}
		next = slices.Sorted(maps.Keys(tied))
	}
	return out, nil
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

// Unlink takes away what was decided about an account that is being erased,
// on both sides, and the persons of several that it was part of.
func (s *Store) Unlink(ctx context.Context, w, account string) (others []string, n int, err error) {
	links, err := s.Links(ctx, w, account)
	if err != nil {
		return nil, 0, err
	}
	persons, err := s.PersonsKnown(ctx, w, account)
	if err != nil {
		return nil, 0, err
	}
	of, err := s.AccountsOf(ctx, w, persons)
	if err != nil {
		return nil, 0, err
	}
	var keys []key
	for _, l := range links {
		others = append(others, l.B)
		keys = append(keys, key{accountPK(w, l.B), linkSK(account, l.At, l.ID)}, key{accountPK(w, account), linkSK(l.B, l.At, l.ID)})
	}
	for _, p := range of {
		keys = append(keys, key{personPK(w, p.ID), "@"})
		for _, a := range p.Accounts {
			keys = append(keys, key{accountPK(w, a), knownAsSK(p.ID)})
			if others = append(others, a); a == account {
				others = others[:len(others)-1]
			}
		}
	}
	keys = append(keys, key{belongsPK(w, account), account})
	errs := parallel.Each(ctx, len(keys), 16, func(i int) error { return s.delete(ctx, keys[i]) })
	return unique(others), len(keys), errors.Join(errs...)
}

// DropLeads takes away the leads of a person that is none any more.
func (s *Store) DropLeads(ctx context.Context, w, person string) error {
	heads, err := all[key](ctx, s, query{pk: personPK(w, person), prefix: leadSK(""), most: maxModelsOf})
	if err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(heads), 16, func(i int) error { return s.delete(ctx, heads[i]) })
	return errors.Join(errs...)
}

// maxModelsOf bounds how many scoring models a person has a lead of.
const maxModelsOf = 100
