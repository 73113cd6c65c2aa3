package leads

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Tells stores attributes with an account of a person: leads and companies
// follow by Score, of that account as decided. A fact that is stored with
// another of the person's accounts is not stored again.
func (l *Leads) Tells(ctx context.Context, w, account string, of store.Person, facts []profile.Fact) error {
	there, err := l.store.AttributesOf(ctx, w, of.Accounts...)
	if err != nil {
		return err
	}
	told := profile.Of{Account: account}
	for _, f := range facts {
		known := false
		for _, o := range there {
			i := slices.IndexFunc(o.Facts, func(x profile.Fact) bool { return x.ID == f.ID })
			switch {
			case i < 0:
			case !o.Facts[i].Says(f):
				return fault.New(fault.Conflict, "another attribute of this person has the id %s: give each its own", f.ID)
			default:
				known = true
			}
		}
		if !known {
			told.Facts = append(told.Facts, f)
		}
	}
	_, errs := l.store.PutAttributes(ctx, w, told)
	return errors.Join(errs...)
}

// Counted is a company in the list, and how many people are known there.
type Counted struct {
	store.Company
	People int
	More   bool // there are more, or may be
}

// maxColleagues bounds how many accounts of a company are counted.
const maxColleagues = 100

// maxCompanies bounds how many companies are looked at for one page.
const maxCompanies = 300

// Companies lists companies by domain or name, of those whose name or domain
// holds a text, after a place, at most limit. With a text a page may hold fewer
// while there is a next one.
func (l *Leads) Companies(ctx context.Context, w, text, after string, limit int) (list []Counted, next string, err error) {
	text = strings.ToLower(text)
	var found []store.ListedCompany
looking:
	for looked := 0; looked < maxCompanies; looked += limit {
		page, more, err := l.store.Companies(ctx, w, after, limit)
		if err != nil {
			return nil, "", err
		}
		for i, c := range page {
			if strings.Contains(strings.ToLower(c.Name), text) || strings.Contains(c.Domain, text) {
				found = append(found, c)
			}
			if len(found) == limit {
				if next = more; i < len(page)-1 {
					next = c.Place
				}
				break looking
			}
		}
		if after, next = more, more; more == "" {
			break
		}
	}
	list = make([]Counted, len(found))
	errs := parallel.Each(ctx, len(found), atOnce, func(i int) error {
		accounts, err := l.store.AccountsAt(ctx, w, found[i].ID, "", maxColleagues+1)
		if err != nil {
			return err
		}
		more := len(accounts) > maxColleagues
		ids, err := l.store.PersonIDs(ctx, w, accounts[:min(len(accounts), maxColleagues)])
		slices.Sort(ids)
		list[i] = Counted{found[i].Company, len(slices.Compact(ids)), more}
		return err
	})
	return list, next, errors.Join(errs...)
}

// Colleague is a person of a company.
type Colleague struct {
	Person     string
	Attributes []profile.Held
	Lead       *Evaluated // nil: there is no score
}

// Colleagues lists the people of a company as of now, after one of the
// company's accounts, at most limit; a page may hold fewer while there is a
// next one. Who is of two of its accounts comes once, and who works elsewhere
// by another account not at all. Those of a page are in the order of the scores.
func (l *Leads) Colleagues(ctx context.Context, w, company, after string, limit int, now time.Time) (list []Colleague, next string, err error) {
	accounts, err := l.store.AccountsAt(ctx, w, company, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(accounts) > limit {
		accounts = accounts[:limit]
		next = accounts[limit-1]
	}
	persons, err := l.store.PersonsOf(ctx, w, accounts)
	if err != nil {
		return nil, "", err
	}
	var all []string
	for _, p := range persons {
		all = append(all, p.Accounts...)
	}
	of, err := l.store.AttributesOf(ctx, w, all...)
	if err != nil {
		return nil, "", err
	}
	var ids []string
	for i, p := range persons {
		mine := of[:len(p.Accounts)]
		of = of[len(p.Accounts):]
		first := slices.IndexFunc(mine, func(o profile.Of) bool { return profile.FirmOf([]profile.Of{o}, forever).ID == company })
		if first < 0 || mine[first].Account != accounts[i] || profile.FirmOf(mine, forever).ID != company {
			continue
		}
		list, ids = append(list, Colleague{Person: p.ID, Attributes: profile.Holding(mine, now)}), append(ids, p.ID)
	}
	heads, err := l.store.LeadsOf(ctx, w, ModelID, ids)
	if err != nil {
		return nil, "", err
	}
	heads = slices.DeleteFunc(heads, func(h store.Lead) bool { return h.Version == 0 })
	if len(heads) == 0 {
		return list, next, nil
	}
	m, err := l.Model(ctx, w)
	if err != nil {
		return nil, "", err
	}
	found, _, err := l.evaluateAll(ctx, w, m, heads, now)
	if err != nil {
		return nil, "", err
	}
	for i := range list {
		if k := slices.IndexFunc(found, func(e Evaluated) bool { return e.Person == list[i].Person }); k >= 0 {
			list[i].Lead = &found[k]
		}
	}
	slices.SortStableFunc(list, func(a, b Colleague) int { return before(a.Lead, b.Lead) })
	return list, next, nil
}

// before orders leads by score, and those last that have none.
func before(a, b *Evaluated) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil || a.Micro > b.Micro:
		return -1
	case a.Micro < b.Micro:
		return 1
	}
	return 0
}
