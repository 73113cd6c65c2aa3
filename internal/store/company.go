package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/profile"
)

// For which company the owner of an account works is a view of the attributes
// that were told of the account: one item, in the lists of the companies and of
// each company's accounts. Companies themselves are nowhere: one is as long as
// an account names it.

// companyItem says for which company the owner of an account works.
type companyItem struct {
	PK, SK     string
	G1PK, G1SK string
	G2PK, G2SK string
	Schema     int
	Version    int64
	Company    string
	Name       string
	Domain     string `dynamodbav:",omitempty"`
}

// Company is a company, as an account says it.
type Company struct {
	ID, Name, Domain string
}

// CompanyOf returns the company of an account, as it is stored, and the
// version; 0: none is.
func (s *Store) CompanyOf(ctx context.Context, w, account string) (Company, int64, error) {
	var it companyItem
	err := s.get(ctx, companyKey(w, account), &it)
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return it.company(), it.Version, err
}

func (it companyItem) company() Company { return Company{it.Company, it.Name, it.Domain} }

// PutCompany writes the company of an account, of which the version read
// before is given; without an id it is taken away.
func (s *Store) PutCompany(ctx context.Context, w, account string, f profile.Firm, version int64) error {
	k := companyKey(w, account)
	switch {
	case f.ID != "":
		return s.putVersion(ctx, companyItem{PK: k.PK, SK: k.SK, G1PK: companyG1(w, f.ID), G1SK: account, G2PK: companyG2(w, f.ID), G2SK: companyPlace(f.Key, f.ID) + account,
			Schema: 1, Version: nextVersion(version), Company: f.ID, Name: ShortName(f.Name), Domain: f.Domain}, version)
	case version > 0:
		return s.deleteVersion(ctx, k, version)
	}
	return nil
}

// ListedCompany is a company in the list of companies.
type ListedCompany struct {
	Company
	Place string // in the list
}

// Companies lists companies by domain or name, after a place ("" from the
// first), at most limit, and the place of the last one, "" where there are no
// more. It reads a page of 25 accounts for each company at most.
func (s *Store) Companies(ctx context.Context, w, after string, limit int) (list []ListedCompany, next string, err error) {
	pks := allShards(w + "#CN")
	parts := make([][]named, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) (err error) {
		parts[i], err = s.companiesIn(ctx, pks[i], after, limit+1, accountsAtOnce)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, "", err
	}
	found := slices.Concat(parts...)
	slices.SortFunc(found, func(a, b named) int { return cmp.Compare(a.place, b.place) })
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].place
	}
	keys := make([]key, len(found))
	for i, f := range found {
		keys[i] = companyKey(w, f.account)
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	for i, av := range items {
		var it companyItem
		if err := attributevalue.UnmarshalMap(av, &it); err != nil {
			return nil, "", err
		}
		if it.Company == found[i].company { // else it changed a moment ago
			list = append(list, ListedCompany{it.company(), found[i].place})
		}
	}
	return list, next, nil
}

// named is a company and the first account that names it.
type named struct{ place, company, account string }

// How many accounts are read at a time: most companies have fewer than the first.
const (
	accountsAtOnce  = 25
	accountsCounted = 1000
)

// companiesIn lists the companies of a shard after a place.
func (s *Store) companiesIn(ctx context.Context, pk, after string, limit, atOnce int) (out []named, err error) {
	for len(out) < limit {
		if after != "" {
			after += "\U0010FFFF" // whatever account follows
		}
		n := 0
		err := s.scan(ctx, query{index: "G2", pk: pk, after: after, limit: atOnce, keysOnly: true}, func(it map[string]types.AttributeValue) (bool, error) {
			n++
			sk := text(it["G2SK"])
			place := sk[:strings.LastIndexByte(sk, '#')+1]
			if after = place; len(out) == 0 || out[len(out)-1].place != place {
				company := strings.TrimSuffix(place, "#")
				out = append(out, named{place, lastPart(company), lastPart(sk)})
			}
			return len(out) < limit, nil
		})
		if err != nil || n == 0 {
			return out, err
		}
	}
	return out, nil
}

// AccountsAt lists the accounts of a company, after one of them, at most limit.
func (s *Store) AccountsAt(ctx context.Context, w, company, after string, limit int) (accounts []string, err error) {
	err = s.scan(ctx, query{index: "G1", pk: companyG1(w, company), after: after, limit: limit, keysOnly: true}, func(it map[string]types.AttributeValue) (bool, error) {
		accounts = append(accounts, text(it["G1SK"]))
		return true, nil
	})
	return accounts, err
}

// CompanyByID returns a company, as the first of its accounts says it; an error
// of kind NotFound where none does.
func (s *Store) CompanyByID(ctx context.Context, w, id string) (Company, error) {
	accounts, err := s.AccountsAt(ctx, w, id, "", 1)
	if err != nil {
		return Company{}, err
	}
	if len(accounts) == 1 {
		if c, _, err := s.CompanyOf(ctx, w, accounts[0]); err != nil || c.ID == id {
			return c, err
		}
	}
	return Company{}, fault.New(fault.NotFound, "no such company: list-companies lists them")
}

// CountCompanies counts the companies of a workspace, up to a limit.
func (s *Store) CountCompanies(ctx context.Context, w string, limit int) (int, error) {
	pks := allShards(w + "#CN")
	counts := make([]int, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) error {
		found, err := s.companiesIn(ctx, pks[i], "", limit, accountsCounted)
		counts[i] = len(found)
		return err
	})
	n := 0
	for _, c := range counts {
		n += c
	}
	return min(n, limit), errors.Join(errs...)
}
