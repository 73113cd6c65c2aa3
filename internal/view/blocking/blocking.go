// Package blocking is the view by which those are found who may be one person
// with an account: its profile, as others are compared with it, and, for each
// of the profile's blocking keys (package identity), a list of the accounts
// that have the key.
//
// A profile is what the newest dated activity says that names the account, as a
// lead's head has it, and what was told of the account: e-mail, phone, company,
// location, website, and the name where no activity names the account. An e-mail or a phone
// counts if a member, the CRM or an import told it: in a form anybody can write
// anybody's. Package matching keeps the view up to date as these change.
package blocking

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// View is the view.
type View struct{ store *store.Store }

// New returns the view over a store.
func New(s *store.Store) View { return View{s} }

// Name is the view's name.
func (View) Name() string { return "blocking" }

// Owns reports whether an item is a profile, or stands in the list of a key.
func (View) Owns(pk, sk string) bool {
	return strings.HasPrefix(pk, "A#") && sk == "BK" || strings.HasPrefix(pk, "BK#")
}

// Keep brings the profiles of those up to date whom facts name.
func (v View) Keep(ctx context.Context, w string, facts []view.Fact) error {
	accounts := map[string]bool{}
	for _, f := range facts {
		if names(f.Activity) {
			accounts[f.Ref.Account] = true
		}
	}
	return v.each(ctx, accounts, func(account string) error {
		_, _, err := v.Update(ctx, w, account, false)
		return err
	})
}

// Forget makes the profiles of those again who did what goes, without it.
func (v View) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	accounts, refs := map[string]bool{}, map[store.FactRef]bool{}
	for _, f := range gone {
		accounts[f.Ref.Account], refs[f.Ref] = true, true
	}
	removed := make(chan int, len(accounts))
	err := v.each(ctx, accounts, func(account string) error {
		was, is, err := v.update(ctx, w, account, refs, false)
		if was.Version > 0 && is.Version == 0 {
			removed <- 1 + len(was.Keys)
		}
		return err
	})
	close(removed)
	n := 0
	for k := range removed {
		n += k
	}
	return n, err
}

// atOnce is how many requests wait for the table at once.
const atOnce = 16

func (View) each(ctx context.Context, accounts map[string]bool, f func(account string) error) error {
	list := slices.Sorted(maps.Keys(accounts))
	return errors.Join(parallel.Each(ctx, len(list), atOnce, func(i int) error { return f(list[i]) })...)
}

// names reports whether an activity says what somebody outside is called.
func names(a social.Activity) bool {
	return a.Direction == social.Inbound && !a.Automatic && !a.Type.Closing() && !a.Undated && a.Actor.ID != social.Unknown && (a.Actor.Name != "" || a.Actor.Handle != "")
}

// called is an account as an activity names it.
func called(a social.Activity) identity.Account {
	return identity.Account{ID: a.Account().AccountID(), Platform: string(a.Platform), Handle: Shown(a.Actor.Handle), Name: Shown(a.Actor.Name)}
}

// told adds what was told of an account, the name if it is not named otherwise,
// and reports whether anything of it tells who that is.
func told(p *identity.Account, of profile.Of, named bool) bool {
	some := false
	for _, h := range profile.Holding([]profile.Of{of}, profile.Newest([]profile.Of{of})) {
		proven := h.Source == profile.Member || h.Source == profile.CRM || h.Source == profile.Import
		switch h.Name {
		case profile.Email:
			if !proven {
				continue
			}
			p.Emails = []string{h.Value}
		case profile.Phone:
			if !proven {
				continue
			}
			p.Phones = []string{h.Value}
		case profile.Company:
			p.Company = Shown(h.Value)
		case profile.Location:
			p.Location = Shown(h.Value)
		case profile.Website:
			p.URLs = []string{h.Value}
		case "name":
			if named {
				continue
			}
			p.Name = Shown(h.Value)
		default:
			continue
		}
		some = true
	}
	return some
}

// KeepAccounts brings the profiles of accounts up to date.
func (v View) KeepAccounts(ctx context.Context, w string, accounts ...string) error {
	list := map[string]bool{}
	for _, a := range accounts {
		list[a] = true
	}
	return v.each(ctx, list, func(account string) error {
		_, _, err := v.Update(ctx, w, account, false)
		return err
	})
}

// Shown is a name or a handle as a profile holds it.
func Shown(s string) string { return store.ShortName(social.Shown(s)) }

// hashed are the keys of a profile as they are stored.
func hashed(p identity.Account) []string {
	var out []string
	for _, k := range identity.Keys(p) {
		out = append(out, store.HashedKey(k))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Update makes the profile of an account again, and the lists that it stands
// in, and reports whether anything changed by that. With again nothing is
// taken to be done already: an attempt may have died.
func (v View) Update(ctx context.Context, w, account string, again bool) (p store.Profile, changed bool, err error) {
	was, is, err := v.update(ctx, w, account, nil, again)
	return is, err == nil && (was.Open || was.Version != is.Version), err
}

// update is Update as if the facts in gone were not there. It returns the
// profile that it found and the one that stands now.
//
// The profile is written first, with the keys of before and of now: whoever
// takes it away finds every list that the account may stand in. Last it is
// written with those of now, unless somebody else wrote it meanwhile: then all
// is done again, since what either did to the lists may have crossed.
func (v View) update(ctx context.Context, w, account string, gone map[store.FactRef]bool, again bool) (was, is store.Profile, err error) {
	var mine []string // in whose lists this attempt may have put the account
	first := true
	err = store.Again(ctx, func() error {
		old, err := v.store.Profile(ctx, w, account)
		if err != nil {
			return err
		}
		if first {
			was = old
		}
		a, named, err := v.store.OwnNewest(ctx, w, account, func(a social.Activity) bool { return names(a) && !gone[store.RefOf(a)] })
		if err != nil {
			return err
		}
		of, err := v.store.AttributesOf(ctx, w, account)
		if err != nil {
			return err
		}
		now, keys := store.Profile{Account: identity.Account{ID: account}, Version: old.Version}, []string(nil)
		byFact := named
		if named {
			now.Account = called(a)
		} else if len(of[0].Facts) > 0 {
			ref, err := v.store.Account(ctx, w, account)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			now.Platform = string(ref.Platform)
		}
		if now.Platform != "" {
			named = told(&now.Account, of[0], named) || named
		}
		if named {
			keys = hashed(now.Account)
		}
		if !named && old.Version == 0 && len(mine) == 0 {
			is = old
			return nil
		}
		if named && first && !again && !old.Open && slices.Equal(old.Keys, keys) && reflect.DeepEqual(old.Account, now.Account) {
			is = old
			return nil
		}
		first = false
		all := slices.Concat(old.Keys, keys, mine)
		slices.Sort(all)
		all = slices.Compact(all)
		mine = all
		if named {
			now.Keys, now.Open = all, true
			if now.Version, err = v.store.PutProfile(ctx, w, now); err != nil {
				return err
			}
		}
		errs := parallel.Each(ctx, len(all), atOnce, func(i int) error {
			if _, in := slices.BinarySearch(keys, all[i]); in {
				return v.store.PutCandidate(ctx, w, all[i], store.Candidate{Account: account, Platform: now.Platform})
			}
			return v.store.DeleteCandidate(ctx, w, all[i], account)
		})
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if !named {
			is = store.Profile{Account: now.Account}
			if old.Version == 0 {
				return nil
			}
			return v.store.DeleteProfile(ctx, w, old)
		}
		now.Keys, now.Open = keys, false
		if now.Version, err = v.store.PutProfile(ctx, w, now); err != nil {
			return err
		}
		is, mine = now, keys
		// Before that was there, an erasure may have looked for it.
		if len(of[0].Facts) > 0 {
			there, err := v.store.AttributesOf(ctx, w, account)
			if err != nil {
				return err
			}
			if len(there[0].Facts) < len(of[0].Facts) {
				return fault.New(fault.Conflict, "what was told of the account is gone")
			}
		}
		if !byFact {
			return nil
		}
		switch there, err := v.store.Activity(ctx, w, store.RefOf(a)); {
		case fault.Is(err, fault.NotFound), err == nil && !names(there):
			return fault.New(fault.Conflict, "what names the account is gone")
		default:
			return err
		}
	})
	return was, is, err
}
