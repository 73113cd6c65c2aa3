package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Person is a human, as far as is known: one account, or several that were decided to be one human's.
type Person struct {
	Person    string           `json:"person" doc:"Made of the set of accounts: it changes when one joins or leaves, and old ids lead on"`
	Accounts  []PersonAccount  `json:"accounts"`
	Decisions []PersonDecision `json:"decisions" doc:"What was decided about these accounts, oldest first"`

	Attributes []PersonAttribute `json:"attributes" doc:"What holds now, by name: of each name what the most trusted source told, and of that source the newest"`
	Company    *PersonCompany    `json:"company,omitempty" doc:"Where the person works: by the domain of an e-mail at work, else by the attribute company"`
}

// PersonAccount is an identity on one platform.
type PersonAccount struct {
	Account  string     `json:"account"`
	Platform string     `json:"platform"`
	Handle   string     `json:"handle,omitempty"`
	Name     string     `json:"name,omitempty"`
	LastSeen *time.Time `json:"last_seen,omitempty" doc:"When its newest activity happened"`
	URL      string     `json:"url,omitempty" doc:"Of that activity"`
}

// PersonDecision is what somebody decided about accounts.
type PersonDecision struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Kind   string    `json:"kind" enum:"same,apart,undo" doc:"same: the accounts are one human's. apart: none of accounts is the human of any of others. undo: an earlier decision counts no more"`
	One    []string  `json:"accounts"`
	Other  []string  `json:"others" doc:"Further accounts: of same, they are that human's too"`
	Undoes string    `json:"undoes,omitempty" doc:"Of undo: the id of the decision"`
	Text   string    `json:"text,omitempty" doc:"Why"`
}

// NewPersonDecision is what is to be decided about a person.
type NewPersonDecision struct {
	ID       string   `json:"id" pattern:"^[A-Za-z0-9_-]{8,64}$" maxLength:"64" doc:"Made up by you, say a UUID: the same decision under the same id is made once, whenever it is sent again"`
	Kind     string   `json:"kind" enum:"same,apart,undo" doc:"same: the person named by with is this one. apart: the person named by with is another, or, without with, the accounts named are not this person's. undo: an earlier decision counts no more"`
	With     string   `json:"with,omitempty" pattern:"^(per_[A-Za-z0-9_-]{1,60})?$" maxLength:"64" doc:"Of same and apart: another person"`
	Accounts []string `json:"accounts,omitempty" maxItems:"20" doc:"Of apart, without with: accounts of this person to be taken out; together they are a person of their own"`
	Decision string   `json:"decision,omitempty" maxLength:"80" doc:"Of undo: the id of the decision"`
	Text     string   `json:"text,omitempty" maxLength:"500" doc:"Why"`
}

// DecidedPeople are the persons that a decision makes.
type DecidedPeople struct {
	People []Person `json:"people" doc:"To whom the accounts belong now"`
}

// Suggestion says that two persons may be one human.
type Suggestion struct {
	ID          string            `json:"id"`
	At          time.Time         `json:"at"`
	Probability float64           `json:"probability"`
	Reasons     []string          `json:"reasons"`
	People      []SuggestedPerson `json:"people"`
}

// SuggestedPerson is one of two persons who may be one human.
type SuggestedPerson struct {
	Person   string             `json:"person"`
	Accounts []SuggestedAccount `json:"accounts"`
}

// SuggestedAccount is an account of one of two persons who may be one human.
type SuggestedAccount struct {
	Account  string `json:"account"`
	Platform string `json:"platform"`
	Handle   string `json:"handle,omitempty"`
	Name     string `json:"name,omitempty"`
	Alike    bool   `json:"alike"`
}

type listSuggestionsIn struct {
	InWorkspace
	Paged
}

// InPerson is the part of a request that names a person.
type InPerson struct {
	InWorkspace
	Person string `path:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64"`
}

type decidePersonIn struct {
	InPerson
	Body NewPersonDecision
}

func (s *service) people(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-person", Method: http.MethodGet, Path: "/people/{person}", Tags: []string{"leads"}, Summary: "Get a person: accounts, and why they are one",
		Description: "An id that was given out leads on: of a person that became part of another, that one is shown. Of one that was taken apart the answer is 404 and names the parts."}, s.getPerson)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-standing", Method: http.MethodGet, Path: "/people/{person}/standing", Tags: []string{"leads"}, Summary: "See how a person stands in your community",
		Description: "Four readings, each with what it is made of and where it stands among your people: engagement (the score), influence (who takes up what the person says), outreach (whom the person takes up) and relationship (what you and the person did toward each other). All but engagement look 90 days back. Whom a person is compared with is computed when somebody first asks on a day: until then it is as of the day before, and where there is none, the percentiles are missing for a moment."}, s.getStanding)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-person-suggestions", Method: http.MethodGet, Path: "/people/suggestions", Tags: []string{"leads"}, Summary: "List who may be one human, the likeliest first",
		Description: "Found by what accounts on several platforms are called, when an account is new or is called something new. Decide on one with decide-person: same or apart. Then it is gone, and is never made again, also if what was decided is undone. " +
			"A page may hold fewer than asked for while there is a next one."}, s.listSuggestions)
	members(s, api, social.Agent, huma.Operation{OperationID: "decide-person", Method: http.MethodPost, Path: "/people/{person}/decisions", Tags: []string{"leads"}, Summary: "Merge persons, take one apart, or undo that",
		Description: "What is decided is kept, with who and when. Scores, leads and conversations follow at once; facts are never changed, so undoing gives exactly what was there before. " +
			"A newer decision comes before an older one. A merger that would part others who were decided to be the same is refused: undo what keeps them apart first.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound, http.StatusConflict}}, s.decidePerson)
}

func (s *service) getPerson(ctx context.Context, w string, in *InPerson) (*Out[Person], error) {
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return nil, err
	}
	out, err := s.person(ctx, w, p)
	return &Out[Person]{out}, err
}

func (s *service) listSuggestions(ctx context.Context, w string, in *listSuggestionsIn) (*PageOut[Suggestion], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, last, err := s.Store.Suggestions(ctx, w, after, in.Limit)
	if err != nil {
		return nil, err
	}
	alike := make([]string, 0, 2*len(list))
	for _, x := range list {
		alike = append(alike, x.One, x.Other)
	}
	persons, err := s.Store.PersonsOf(ctx, w, alike)
	if err != nil {
		return nil, err
	}
	var accounts []string
	for _, p := range persons {
		accounts = append(accounts, p.Accounts...)
	}
	profiles, err := s.Store.Profiles(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	known := map[string]store.Profile{}
	for _, p := range profiles {
		known[p.ID] = p
	}
	out := &PageOut[Suggestion]{Body: Page[Suggestion]{Items: []Suggestion{}}}
	seen := map[[2]string]bool{}
	for i, x := range list {
		pair := persons[2*i : 2*i+2]
		if ids := [2]string{min(pair[0].ID, pair[1].ID), max(pair[0].ID, pair[1].ID)}; ids[0] == ids[1] || seen[ids] {
			continue // one person by now, or suggested by another two of their accounts
		} else {
			seen[ids] = true
		}
		shown := Suggestion{ID: x.ID(), At: x.At, Probability: x.Probability, Reasons: x.Reasons}
		for _, p := range pair {
			shown.People = append(shown.People, suggestedPerson(p, known, x))
		}
		out.Body.Items = append(out.Body.Items, shown)
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

func suggestedPerson(p store.Person, known map[string]store.Profile, x store.Suggestion) SuggestedPerson {
	out := SuggestedPerson{Person: p.ID, Accounts: []SuggestedAccount{}}
	for _, a := range p.Accounts {
		if k := known[a]; k.Version > 0 {
			out.Accounts = append(out.Accounts, SuggestedAccount{a, k.Platform, k.Handle, k.Name, a == x.One || a == x.Other})
		}
	}
	return out
}

// person is what is shown of a person. One of whom nothing is stored is an error of kind NotFound.
func (s *service) person(ctx context.Context, w string, p store.Person) (Person, error) {
	out := Person{Person: p.ID, Accounts: []PersonAccount{}, Decisions: []PersonDecision{}}
	for _, a := range p.Accounts {
		ref, err := s.Store.Account(ctx, w, a)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return out, err
		}
		shown := PersonAccount{Account: a, Platform: string(ref.Platform)}
		newest, err := s.Store.OwnFrom(ctx, w, a, time.Time{}, s.Now(), true, 1)
		if err != nil {
			return out, err
		}
		for _, f := range newest {
			shown.Handle, shown.Name, shown.LastSeen, shown.URL = social.Shown(f.Actor.Handle), social.Shown(f.Actor.Name), some(f.Occurred), f.URL
		}
		out.Accounts = append(out.Accounts, shown)
	}
	if len(out.Accounts) == 0 {
		return out, fault.New(fault.NotFound, "no such person")
	}
	tied, err := s.Store.Tied(ctx, w, p.Accounts...)
	if err != nil {
		return out, err
	}
	of, err := s.Store.AttributesOf(ctx, w, p.Accounts...)
	if err != nil {
		return out, err
	}
	now := social.Instant(s.Now())
	out.Attributes = attributes(profile.Holding(of, now))
	if f := profile.FirmOf(of, now); f.ID != "" {
		out.Company = &PersonCompany{f.ID, f.Name, f.Domain, string(f.Source), f.Since}
	}
	for _, d := range tied.Decided {
		out.Decisions = append(out.Decisions, PersonDecision{ID: d.ID, At: d.At, By: d.By, Kind: string(d.Verb), One: append([]string{}, d.One...), Other: append([]string{}, d.Other...), Undoes: d.Undoes, Text: d.Why})
	}
	return out, nil
}

func (s *service) decidePerson(ctx context.Context, w string, in *decidePersonIn) (*Out[DecidedPeople], error) {
	queue := func(accounts []string) error { return s.Regroup(ctx, w, accounts) }
	made, now, again, err := s.Leads.Decided(ctx, w, in.Person, in.Body.ID, social.Instant(s.Now()), queue)
	if err != nil {
		return nil, err
	}
	if again {
		if string(made.Verb) != in.Body.Kind || made.Why != in.Body.Text || made.Undoes != in.Body.Decision {
			return nil, fault.New(fault.Conflict, "another decision about these accounts has this id: give each its own")
		}
		return s.decidedPeople(ctx, w, now)
	}
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return nil, err
	}
	if _, err := s.person(ctx, w, p); err != nil {
		return nil, err
	}
	d, err := s.personDecision(ctx, w, in.Person, p, in.Body)
	if err != nil {
		return nil, err
	}
	if now, err = s.Leads.Decide(ctx, w, d, p.Accounts, social.Instant(s.Now()), queue); err != nil {
		return nil, err
	}
	return s.decidedPeople(ctx, w, now)
}

// decidedPeople shows the persons that a decision made, but for those of whom nothing is known.
func (s *service) decidedPeople(ctx context.Context, w string, now []store.Person) (*Out[DecidedPeople], error) {
	out := &Out[DecidedPeople]{DecidedPeople{People: []Person{}}}
	for _, p := range now {
		shown, err := s.person(ctx, w, p)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Body.People = append(out.Body.People, shown)
	}
	return out, nil
}

// personDecision reads what is to be decided about a person.
func (s *service) personDecision(ctx context.Context, w, id string, p store.Person, b NewPersonDecision) (person.Decision, error) {
	caller := callerOf(ctx)
	d := person.Decision{ID: b.ID, At: social.Instant(s.begun(ctx)), By: caller.by(), Verb: person.Verb(b.Kind), Why: b.Text}
	switch {
	case d.Verb == person.Undo && b.Decision == "":
		return d, invalid("body.decision", "is missing: it is the id of the decision that counts no more")
	case d.Verb == person.Undo && (b.With != "" || len(b.Accounts) > 0):
		return d, invalid("body.with", "does not go with undo, nor do accounts")
	case d.Verb == person.Undo:
		d.Undoes = b.Decision
		return d, nil
	case b.Decision != "":
		return d, invalid("body.decision", "goes with undo only")
	case d.Verb == person.Same && len(b.Accounts) > 0:
		return d, invalid("body.accounts", "goes with apart only: say with whom this person is the same")
	case (b.With == "") == (len(b.Accounts) == 0):
		return d, invalid("body.with", "is missing: say which other person is meant, or, of apart, which accounts")
	}
	if b.With != "" {
		other, err := s.Leads.Person(ctx, w, b.With)
		if err != nil {
			return d, err
		}
		if _, err := s.person(ctx, w, other); err != nil {
			return d, err
		}
		switch {
		case d.Verb == person.Apart:
			d.One, d.Other = p.Accounts, other.Accounts
		default:
			d.One, d.Other = []string{leads.AccountFor(id, p)}, []string{leads.AccountFor(b.With, other)}
		}
		if other.ID == p.ID {
			return d, invalid("body.with", "is this very person")
		}
		return d, nil
	}
	for _, a := range p.Accounts {
		if slices.Contains(b.Accounts, a) {
			d.One = append(d.One, a)
		} else {
			d.Other = append(d.Other, a)
		}
	}
	if len(d.One) != len(b.Accounts) {
		return d, invalid("body.accounts", "holds what is no account of this person: get-person lists them")
	}
	if len(d.Other) == 0 {
		return d, invalid("body.accounts", "are all accounts of this person: leave some")
	}
	return d, nil
}
