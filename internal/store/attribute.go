package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/social"
)

// Attributes are facts: what a source told of an account stands with it, under
// the id that whoever told it made up, and follows it where persons are merged
// and taken apart.

// attributeItem is an attribute as it was told.
type attributeItem struct {
	PK, SK    string
	Schema    int
	Name      string
	Kind      string
	Value     string `dynamodbav:",omitempty"`
	Source    string
	At, Known string
	By        string
}

// MaxAttributes bounds how many attributes were told of one account, those that hold no more among them.
const MaxAttributes = 500

// readAttributes bounds how many attributes of one account are read. There are
// more than MaxAttributes where they were told before the bound held of who
// tells at the same time as others.
const readAttributes = 4 * MaxAttributes

// MaxTold bounds how many attributes of one account are stored at once.
const MaxTold = 50

func (it attributeItem) fact() (profile.Fact, error) {
	f := profile.Fact{ID: it.SK[len(attributes):], Name: it.Name, Kind: profile.Kind(it.Kind), Value: it.Value, Source: profile.Source(it.Source), By: it.By}
	var err error
	if f.At, err = social.ParseStamp(it.At); err == nil {
		f.Known, err = social.ParseStamp(it.Known)
	}
	return f, err
}

// AttributesOf returns what was told of accounts, in their order, by the ids of
// the facts: all of it, or an error of kind TooLarge where one has over 2,000.
func (s *Store) AttributesOf(ctx context.Context, w string, accounts ...string) ([]profile.Of, error) {
	out := make([]profile.Of, len(accounts))
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) error {
		items, err := all[attributeItem](ctx, s, query{pk: accountPK(factsOf(w), accounts[i]), prefix: attributes, limit: readAttributes + 1})
		if err == nil && len(items) > readAttributes {
			err = fault.New(fault.TooLarge, "over %d attributes were told of one account: they can't be read, and its person is not scored. The way out is to erase the account", readAttributes)
		}
		if err != nil {
			return fmt.Errorf("attributes of %s: %w", accounts[i], err)
		}
		out[i] = profile.Of{Account: accounts[i], Facts: make([]profile.Fact, len(items))}
		for k, it := range items {
			if out[i].Facts[k], err = it.fact(); err != nil {
				return err
			}
		}
		return nil
	})
	return out, errors.Join(errs...)
}

// PutAttributes stores what was told of accounts, those of one account all or
// none of them, with the audit line that the context brings. For each it
// returns how many were not there before, and an error or nil: of kind
// Conflict where a fact of one of the ids says something else, NotFound where
// the account is not known, TooLarge where there would be too many.
//
// The facts are as profile.Read returned them. Whoever stores some has leads
// and companies made again afterwards: leads.Score of the accounts as decided,
// or a message in its queue.
func (s *Store) PutAttributes(ctx context.Context, w string, told ...profile.Of) (fresh []int, errs []error) {
	fresh = make([]int, len(told))
	errs = parallel.Each(ctx, len(told), 16, func(i int) error {
		var taken error
		err := Again(ctx, func() (err error) {
			fresh[i], taken, err = s.putAttributes(ctx, w, told[i])
			return err
		})
		if err != nil {
			return err
		}
		return taken
	})
	return fresh, errs
}

// putAttributes stores what was told of one account. taken says that an id is
// another fact's, err what may pass when it is tried again.
func (s *Store) putAttributes(ctx context.Context, w string, told profile.Of) (fresh int, taken, err error) {
	if len(told.Facts) > MaxTold {
		return 0, nil, fault.New(fault.TooLarge, "%d attributes of one account at once: at most %d are stored", len(told.Facts), MaxTold)
	}
	// The account says which attributes it has. Read before these, it is as it
	// was when they are stored: nobody passes the bound by telling at the same time.
	pk := accountPK(factsOf(w), told.Account)
	account := key{pk, "@"}
	var was struct{ Told string }
	if err := s.get(ctx, account, &was); fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.NotFound, "this account is not known: it may be erased right now"), nil
	} else if err != nil {
		return 0, nil, err
	}
	there, err := s.AttributesOf(ctx, w, told.Account)
	if fault.Is(err, fault.TooLarge) {
		return 0, err, nil
	}
	if err != nil {
		return 0, nil, err
	}
	has := map[string]profile.Fact{}
	for _, f := range there[0].Facts {
		has[f.ID] = f
	}
	var puts []types.TransactWriteItem
	for _, f := range told.Facts {
		if old, ok := has[f.ID]; ok {
			if !old.Says(f) {
				return 0, fault.New(fault.Conflict, "another attribute has the id %s: give each its own", f.ID), nil
			}
			continue
		}
		has[f.ID] = f
		put, err := s.putting(attributeItem{PK: pk, SK: attributes + f.ID, Schema: 1, Name: f.Name, Kind: string(f.Kind), Value: f.Value, Source: string(f.Source), At: social.Stamp(f.At), Known: social.Stamp(f.Known), By: f.By}, "attribute_not_exists(PK)")
		if err != nil {
			return 0, nil, err
		}
		puts = append(puts, put)
	}
	if len(puts) == 0 {
		return 0, nil, nil
	}
	if len(has) > MaxAttributes {
		return 0, nil, fault.New(fault.TooLarge, "%d attributes were told of this account already: no more than %d are kept", len(there[0].Facts), MaxAttributes)
	}
	// None with an account that is gone: an erasure that took that would not find it.
	ids := sha256.Sum256([]byte(social.Key(slices.Sorted(maps.Keys(has))...)))
	set := &types.Update{TableName: &s.table, Key: account.av(), UpdateExpression: aws.String("SET Told = :is"), ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Told)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":is": str(hex.EncodeToString(ids[:16]))}}
	if was.Told != "" {
		set.ConditionExpression, set.ExpressionAttributeValues[":was"] = aws.String("attribute_exists(PK) AND Told = :was"), str(was.Told)
	}
	err = s.change(ctx, "attributes", append(puts, types.TransactWriteItem{Update: set})...)
	return len(puts), nil, err
}

// Told returns the values, each once, of the attributes of an account whose
// names pass, however many there are.
func (s *Store) Told(ctx context.Context, w, account string, pass func(name string) bool) ([]string, error) {
	items, err := all[attributeItem](ctx, s, query{pk: accountPK(w, account), prefix: attributes, most: maxForgotten})
	var out []string
	for _, it := range items {
		if pass(it.Name) {
			out = append(out, it.Value)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(v string) bool { return v == "" }), err
}

// ForgetAttributes takes away what was told of an account, and returns how much there was.
func (s *Store) ForgetAttributes(ctx context.Context, w, account string) (int, error) {
	return s.takeAll(ctx, query{pk: accountPK(w, account), prefix: attributes, most: maxForgotten})
}
