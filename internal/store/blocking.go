package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"rapport/internal/identity"
	"rapport/internal/social"
)

// Who may be one person: each account's profile, as others are compared with
// it, and for each of its keys a list of the accounts that have it.

// Profile is an account as others are compared with it.
type Profile struct {
	identity.Account
	Keys    []string // hashed: in their lists the account may stand
	Open    bool     // the lists are being brought up to date
	Version int64    // 0: there is none
}

type profileItem struct {
	PK, SK     string
	Schema     int
	Version    int64
	Platform   string
	Handle     string            `dynamodbav:",omitempty"`
	Name       string            `dynamodbav:",omitempty"`
	Emails     []string          `dynamodbav:",omitempty"`
	Phones     []string          `dynamodbav:",omitempty"`
	Company    string            `dynamodbav:",omitempty"`
	Location   string            `dynamodbav:",omitempty"`
	URLs       []string          `dynamodbav:",omitempty"`
	Attributes map[string]string `dynamodbav:",omitempty"`
	Keys       []string          `dynamodbav:",omitempty"`
	Open       bool              `dynamodbav:",omitempty"`
}

// HashedKey is a blocking key as it is stored: it holds personal data otherwise.
func HashedKey(k string) string { return social.HashID("key", k)[len("key_"):][:hashedKey] }

const hashedKey = 16 // letters of 5 bits: two keys of a workspace never share one

// Profile returns how others are compared with an account: one without a version if there is none.
func (s *Store) Profile(ctx context.Context, w, account string) (Profile, error) {
	list, err := s.Profiles(ctx, w, []string{account})
	if err != nil {
		return Profile{}, err
	}
	return list[0], nil
}

// Profiles is Profile of several accounts, in their order.
func (s *Store) Profiles(ctx context.Context, w string, accounts []string) ([]Profile, error) {
	keys := make([]key, len(accounts))
	for i, a := range accounts {
		keys[i] = profileKey(w, a)
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	out := make([]Profile, len(accounts))
	for i, av := range items {
		var it profileItem
		if err := attributevalue.UnmarshalMap(av, &it); err != nil {
			return nil, err
		}
		out[i] = Profile{identity.Account{ID: accounts[i], Platform: it.Platform, Handle: it.Handle, Name: it.Name, Emails: it.Emails, Phones: it.Phones,
			Company: it.Company, Location: it.Location, URLs: it.URLs, Attributes: it.Attributes}, it.Keys, it.Open, it.Version}
	}
	return out, nil
}

// PutProfile writes a profile on condition that what was read before, p.Version,
// still stands, and returns the version that stands now.
func (s *Store) PutProfile(ctx context.Context, w string, p Profile) (int64, error) {
	k, version := profileKey(w, p.ID), nextVersion(p.Version)
	return version, s.putVersion(ctx, profileItem{PK: k.PK, SK: k.SK, Schema: 1, Version: version, Platform: p.Platform, Handle: p.Handle, Name: p.Name, Emails: p.Emails,
		Phones: p.Phones, Company: p.Company, Location: p.Location, URLs: p.URLs, Attributes: p.Attributes, Keys: p.Keys, Open: p.Open}, p.Version)
}

// DeleteProfile takes a profile away, unless it was written since it was read.
func (s *Store) DeleteProfile(ctx context.Context, w string, p Profile) error {
	return s.deleteVersion(ctx, profileKey(w, p.ID), p.Version)
}

// Candidate is an account in the list of a key.
type Candidate struct{ Account, Platform string }

type candidateItem struct {
	PK, SK   string
	Schema   int
	Platform string
}

// PutCandidate puts an account into the list of a hashed key.
func (s *Store) PutCandidate(ctx context.Context, w, hashed string, c Candidate) error {
	return s.put(ctx, candidateItem{PK: listedPK(w, hashed), SK: c.Account, Schema: 1, Platform: c.Platform})
}

// DeleteCandidate takes an account off the list of a hashed key.
func (s *Store) DeleteCandidate(ctx context.Context, w, hashed, account string) error {
	return s.delete(ctx, key{listedPK(w, hashed), account})
}

// Candidates returns the first accounts in the list of a hashed key, at most
// limit, and how many there are about: the ids are evenly spread, so that where
// the last one lies among all ids says it.
func (s *Store) Candidates(ctx context.Context, w, hashed string, limit int) (list []Candidate, about int, err error) {
	items, err := all[candidateItem](ctx, s, query{pk: listedPK(w, hashed), limit: limit})
	if err != nil {
		return nil, 0, fmt.Errorf("accounts of a key: %w", err)
	}
	for _, it := range items {
		list = append(list, Candidate{it.SK, it.Platform})
	}
	last := ""
	if len(list) == limit {
		last = list[limit-1].Account
	}
	return list, spread(len(list), last), nil
}

// AboutAccounts returns about how many accounts a workspace has: exactly if there are few.
func (s *Store) AboutAccounts(ctx context.Context, w string) (int, error) {
	const few = 60 // a sixth off or so
	items, err := all[key](ctx, s, query{index: "G1", pk: allShards(factsOf(w) + "#AA")[0], limit: few, keysOnly: true})
	if err != nil {
		return 0, fmt.Errorf("how many accounts: %w", err)
	}
	last := ""
	if len(items) == few {
		last = lastPart(items[few-1].PK)
	}
	return shards * spread(len(items), last), nil
}

// spread is how many ids there are if n of them, the lowest, lie up to last;
// "": those are all.
func spread(n int, last string) int {
	h, ok := social.Hash(last)
	if !ok {
		return n
	}
	part := float64(binary.BigEndian.Uint64(h[:8])) / math.MaxUint64
	return max(n, int(math.Round(float64(n-1)/max(part, 1e-12))))
}

// OwnNewest returns the newest dated activity of an account that is one of
// those asked for; false if there is none.
func (s *Store) OwnNewest(ctx context.Context, w, account string, is func(social.Activity) bool) (found social.Activity, ok bool, err error) {
	// The first page is small, since it is mostly the newest.
	for limit, after := 1, ""; ; limit = min(limit*8, historyPage) {
		items, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), from: "F#0", to: "F#~", after: after, descending: true, limit: limit})
		if err != nil {
			return found, false, fmt.Errorf("newest of %s: %w", account, err)
		}
		for _, it := range items {
			a, err := it.activity()
			if err != nil {
				return found, false, err
			}
			if is(a) {
				return a, true, nil
			}
		}
		if len(items) < limit {
			return found, false, nil
		}
		after = items[len(items)-1].SK
	}
}
