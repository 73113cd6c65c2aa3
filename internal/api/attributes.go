package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// PersonAttribute is an attribute of a person, as it was told.
type PersonAttribute struct {
	ID      string    `json:"id" doc:"Made by whoever told it"`
	Name    string    `json:"name"`
	Kind    string    `json:"kind" enum:"text,number,bool,date"`
	Value   string    `json:"value" doc:"Empty: the source takes back what it told"`
	Source  string    `json:"source" enum:"member,crm,form,import,profile" doc:"Who told it, the most trusted first: a member by hand, the CRM, the person in a form, a file, the profile on a platform"`
	Since   time.Time `json:"since" doc:"Since when it holds"`
	Told    time.Time `json:"told" doc:"When it was told"`
	By      string    `json:"by" doc:"The id of the member, or of the machine key, who told it"`
	Account string    `json:"account,omitempty" doc:"With which account of the person it stands"`
}

// PersonCompany is where a person works.
type PersonCompany struct {
	Company string    `json:"company" doc:"Its id: get-company shows it"`
	Name    string    `json:"name" doc:"As it was told; else the domain"`
	Domain  string    `json:"domain,omitempty" doc:"Of the e-mail at work"`
	Source  string    `json:"source" enum:"member,crm,form,import,profile" doc:"Of what says so"`
	Since   time.Time `json:"since" doc:"Since when that holds"`
}

// NewAttribute is an attribute to be stored.
type NewAttribute struct {
	ID     string `json:"id" pattern:"^[A-Za-z0-9_-]{8,64}$" maxLength:"64" doc:"Made up by you, say a UUID or a hash of your record and its version: the same attribute under the same id is stored once, whenever it is sent again"`
	Name   string `json:"name" pattern:"^[a-z][a-z0-9_]{0,39}$" maxLength:"40" doc:"email, phone, company, title, location, website and bio are known to Rapport; any other is yours"`
	Kind   string `json:"kind,omitempty" enum:"text,number,bool,date" default:"text" doc:"number: digits, and a point before at most six decimals. bool: true or false. date: year-month-day. The known names are text"`
	Value  string `json:"value,omitempty" maxLength:"1000" doc:"Left out: the source takes back what it told of this name, and what less trusted ones told holds again"`
	Source string `json:"source,omitempty" enum:"member,crm,form,import" doc:"Where you have it from; left out by a member: member. A machine key says it, and never member"`
	Since  string `json:"since,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Since when it holds; left out: now"`
}

// NewAttributes are attributes to be stored, all or none of them.
type NewAttributes struct {
	Attributes []NewAttribute `json:"attributes" minItems:"1" maxItems:"50"`
}

type tellPersonIn struct {
	InPerson
	Body NewAttributes
}

type listAttributesIn struct {
	InPerson
	Paged
}

func (s *service) attributes(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-person-attributes", Method: http.MethodGet, Path: "/people/{person}/attributes", Tags: []string{"leads"}, Summary: "List what was told of a person",
		Description: "All attributes that were ever told of the person's accounts, the newest first: those that hold no more and those that were taken back among them. get-person shows what holds.", Errors: []int{http.StatusNotFound}}, s.listAttributes)
	members(s, api, social.Agent, huma.Operation{OperationID: "tell-person", Method: http.MethodPost, Path: "/people/{person}/attributes", Tags: []string{"leads"}, Summary: "Store attributes of a person",
		Description: "What is told is kept, with who, when and from where, and never changed: tell it again under another id. What holds is, of each name, what the most trusted source told (member, crm, form, import, profile), and of that the newest. " +
			"It is kept with an account of the person and follows it where persons are merged and taken apart. Fit, company and lists of leads follow at once. " +
			"A value that stands for nobody or nothing (null, n/a, noreply@…) is refused. Of one account at most 500 are kept.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge}}, s.tellPerson)
}

// attributes are shown by name.
func attributes(list []profile.Held) []PersonAttribute {
	out := []PersonAttribute{}
	for _, h := range list {
		out = append(out, PersonAttribute{h.ID, h.Name, string(h.Kind), h.Value, string(h.Source), h.At, h.Known, h.By, h.Account})
	}
	return out
}

func (s *service) listAttributes(ctx context.Context, w string, in *listAttributesIn) (*PageOut[PersonAttribute], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return nil, err
	}
	of, err := s.Store.AttributesOf(ctx, w, p.Accounts...)
	if err != nil {
		return nil, err
	}
	var list []profile.Held
	for _, o := range of {
		for _, f := range o.Facts {
			list = append(list, profile.Held{Fact: f, Account: o.Account})
		}
	}
	place := func(h profile.Held) string { return social.Stamp(h.Known) + " " + h.ID + " " + h.Account }
	slices.SortFunc(list, func(a, b profile.Held) int { return cmp.Compare(place(b), place(a)) })
	if after != "" {
		list = slices.DeleteFunc(list, func(h profile.Held) bool { return place(h) >= after })
	}
	next := ""
	if len(list) > in.Limit {
		list = list[:in.Limit]
		next = place(list[in.Limit-1])
	}
	out := &PageOut[PersonAttribute]{Body: Page[PersonAttribute]{Items: attributes(list)}}
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}

func (s *service) tellPerson(ctx context.Context, w string, in *tellPersonIn) (*Out[Person], error) {
	facts, err := s.attributesOf(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return nil, err
	}
	account := leads.AccountFor(in.Person, p)
	if err := s.Leads.Tells(ctx, w, account, p, facts); err != nil {
		return nil, err
	}
	// Made again here, and from the queue, should this be cut short.
	now := social.Instant(s.Now())
	stale := view.Stale{Account: account, Since: now, Until: now, Decided: true}
	if err := s.Score(ctx, ingest.Score{Workspace: w, Accounts: []view.Stale{stale}, Match: []string{account}}); err != nil {
		return nil, err
	}
	for _, err := range s.Leads.Score(ctx, w, now, stale) {
		if err != nil && !fault.Is(err, fault.NotFound) { // without a model there are no leads
			return nil, err
		}
	}
	out, err := s.person(ctx, w, p)
	return &Out[Person]{out}, err
}

// attributesOf reads attributes that are to be stored.
func (s *service) attributesOf(ctx context.Context, b NewAttributes) ([]profile.Fact, error) {
	caller := callerOf(ctx)
	now := social.Instant(s.begun(ctx))
	out := make([]profile.Fact, len(b.Attributes))
	for i, a := range b.Attributes {
		at := func(part string) string { return fmt.Sprintf("body.attributes[%d].%s", i, part) }
		f := profile.Fact{ID: a.ID, Name: a.Name, Kind: profile.Kind(a.Kind), Value: a.Value, Source: profile.Source(a.Source), At: now, Known: now, By: caller.Key.ID}
		switch {
		case !caller.machine():
			f.By, f.Source = store.MemberID(caller.Subject), cmp.Or(f.Source, profile.Member)
		case f.Source == "":
			return nil, invalid(at("source"), "is missing: a machine key says where it has this from")
		case f.Source == profile.Member:
			return nil, invalid(at("source"), "is a member's to say: crm, form or import")
		}
		since, err := requestTime(at("since"), a.Since)
		if err != nil {
			return nil, err
		}
		if !since.IsZero() {
			f.At = social.Instant(since)
		}
		if out[i], err = profile.Read(f); err != nil {
			wrong := profile.Wrong{}
			if errors.As(err, &wrong) {
				return nil, invalid(at(wrong.Part), "%s", wrong.Why)
			}
			return nil, err
		}
		if slices.ContainsFunc(out[:i], func(o profile.Fact) bool { return o.ID == a.ID }) {
			return nil, invalid(at("id"), "stands twice: give each its own")
		}
	}
	return out, nil
}
