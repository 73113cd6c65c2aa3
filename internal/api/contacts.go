package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/contacts"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
)

type listContactsIn struct {
	InWorkspace
	Paged
}

func (s *service) contacts(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-contacts", Method: http.MethodGet, Path: "/contacts", Tags: []string{"leads"}, Summary: "Export contacts",
		Description: "Every account exactly once, with the person it belongs to and what holds of it now: of each attribute what the most trusted source told of the account, and of that the newest. Whose name or handle nobody told has the newest under which it acted. " +
			"The order is always the same, and says nothing; an account that comes while you read may be left out. At most 20 e-mails, phones and pages of an account are listed. An account of which over 2,000 attributes were told comes without them, and says so. A page holds at most 2 MB, and so may hold fewer than asked for."}, s.listContacts)
}

// contactsAtOnce is how many accounts are read at a time: with all that could be told of each they fit the memory.
const contactsAtOnce = 20

func (s *service) listContacts(ctx context.Context, w string, in *listContactsIn) (*PageOut[contacts.Listed], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, now := []contacts.Listed{}, social.Instant(s.Now())
	next, more := after, true
	for more && len(list) < in.Limit {
		want := min(contactsAtOnce, in.Limit-len(list))
		accounts, err := s.Store.AccountRefs(ctx, w, next, want)
		if err != nil {
			return nil, err
		}
		part, err := s.contactsOf(ctx, w, accounts, now)
		if err != nil {
			return nil, err
		}
		n, err := fitting(append(list, part...))
		if err != nil {
			return nil, err
		}
		if n < len(list)+len(part) && n > 0 { // the others belong to the next page
			list = append(list, part...)[:n]
			next = list[n-1].Account
			break
		}
		list = append(list, part...)
		if more = len(accounts) == want; len(accounts) > 0 {
			next = accounts[len(accounts)-1].ID
		}
	}
	out := &PageOut[contacts.Listed]{Body: Page[contacts.Listed]{Items: list}}
	out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(more, next))
	return out, err
}

// contactsOf is what is known of accounts, in their order, without the one that stands for nobody.
func (s *service) contactsOf(ctx context.Context, w string, accounts []store.Account, now time.Time) ([]contacts.Listed, error) {
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	persons, err := s.Store.PersonIDs(ctx, w, ids)
	if err != nil {
		return nil, err
	}
	all := make([]contacts.Listed, len(accounts))
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) error {
		of, err := s.Store.AttributesOf(ctx, w, ids[i])
		tooMany := fault.Is(err, fault.TooLarge)
		if err != nil && !tooMany {
			return err
		}
		c, err := s.contactOf(ctx, w, accounts[i], of[0], now)
		all[i] = contacts.Listed{Person: persons[i], Account: ids[i], Contact: c, TooMany: tooMany}
		return err
	})
	var out []contacts.Listed
	for _, l := range all {
		if l.Contact.ID != social.Unknown {
			out = append(out, l)
		}
	}
	return out, errors.Join(errs...)
}

// contactOf is what holds of an account.
func (s *service) contactOf(ctx context.Context, w string, a store.Account, of profile.Of, now time.Time) (contacts.Contact, error) {
	c := contacts.Exported(a.AccountRef, profile.Holding([]profile.Of{of}, now), social.Actor{})
	if c.Name != "" && c.Handle != "" {
		return c, nil
	}
	newest, err := s.Store.OwnFrom(ctx, w, a.ID, time.Time{}, now, true, 1)
	if err != nil || len(newest) == 0 {
		return c, err
	}
	return contacts.Exported(a.AccountRef, profile.Holding([]profile.Of{of}, now), newest[0].Actor), nil
}
