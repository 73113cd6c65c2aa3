package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/scoring"
	"rapport/internal/social"
)

// Company is a company that people work for.
type Company struct {
	Company string `json:"company" doc:"Made of the domain, or, where none is known, of the name without its legal form"`
	Name    string `json:"name" doc:"As one of its people names it, cut at 64 bytes; else the domain"`
	Domain  string `json:"domain,omitempty" doc:"Of its people's e-mails, as it was registered"`
}

// ListedCompany is a company in the list.
type ListedCompany struct {
	Company
	People     int  `json:"people" doc:"Who is known there, of 100 accounts at most"`
	PeopleMore bool `json:"people_more" doc:"There are more accounts"`
}

// CompanyTotals counts the companies of a workspace.
type CompanyTotals struct {
	Companies     int  `json:"companies" doc:"At most 1000 are counted"`
	CompaniesMore bool `json:"companies_more" doc:"There are more than companies"`
}

// CompanyPage is one page of companies.
type CompanyPage struct {
	Page[ListedCompany]
	Totals *CompanyTotals `json:"totals,omitempty" doc:"With totals=true: of all companies, whatever the filter"`
}

// Colleague is a person of a company.
type Colleague struct {
	Person     string     `json:"person"`
	Name       string     `json:"name,omitempty"`
	Handle     string     `json:"handle,omitempty"`
	Title      string     `json:"title,omitempty" doc:"The attribute title"`
	Email      string     `json:"email,omitempty" doc:"The attribute email"`
	Score      string     `json:"score,omitempty" example:"27.25" doc:"Points, exact, as of now; absent: the person has none"`
	Grade      string     `json:"grade,omitempty"`
	Engagement int        `json:"engagement,omitempty" minimum:"1" maximum:"4" doc:"1 is the most engaged"`
	ToCall     bool       `json:"to_call" doc:"Somebody should call"`
	LastSeen   *time.Time `json:"last_seen,omitempty" doc:"When the person did something last"`
}

// CompanyPeople is a company and a page of its people.
type CompanyPeople struct {
	Company
	People Page[Colleague] `json:"people" doc:"A page of them, in the order of the scores within it; the next one with cursor"`
}

type listCompaniesIn struct {
	InWorkspace
	Paged
	Text   string `query:"text" maxLength:"100" doc:"Only whose name or domain holds this, whatever its case"`
	Totals bool   `query:"totals" doc:"Also how many there are; it costs as much as several pages"`
}

type listCompaniesOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body CompanyPage
}

type companyIn struct {
	InWorkspace
	Company string `path:"company" pattern:"^com_[a-z2-7]{1,60}$" maxLength:"64"`
	Paged
}

type companyOut struct {
	Link string `header:"Link" doc:"The next page of people, rel=next"`
	Body CompanyPeople
}

// maxCompaniesCounted is how many companies are counted.
const maxCompaniesCounted = 1000

func (s *service) companies(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-companies", Method: http.MethodGet, Path: "/companies", Tags: []string{"leads"}, Summary: "List companies that people work for",
		Description: "By domain or name. A company is as long as an attribute of somebody names it: an e-mail at work (not one of a provider for everybody, nor one for a few minutes), else the attribute company. " +
			"With text a page may hold fewer than asked for while there is a next one: for each page at most 300 companies are looked at."}, s.listCompanies)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-company", Method: http.MethodGet, Path: "/companies/{company}", Tags: []string{"leads"}, Summary: "Get a company with its people",
		Description: "Scores are as of now. A page may hold fewer people than asked for while there is a next one: who has several accounts there comes once."}, s.getCompany)
}

func (s *service) listCompanies(ctx context.Context, w string, in *listCompaniesIn) (*listCompaniesOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Leads.Companies(ctx, w, in.Text, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listCompaniesOut{Body: CompanyPage{Page: Page[ListedCompany]{Items: []ListedCompany{}}}}
	for _, c := range list {
		out.Body.Items = append(out.Body.Items, ListedCompany{Company{c.ID, c.Name, c.Domain}, c.People, c.More})
	}
	if in.Totals {
		n, err := s.Store.CountCompanies(ctx, w, maxCompaniesCounted+1)
		if err != nil {
			return nil, err
		}
		out.Body.Totals = &CompanyTotals{min(n, maxCompaniesCounted), n > maxCompaniesCounted}
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}

func (s *service) getCompany(ctx context.Context, w string, in *companyIn) (*companyOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	c, err := s.Store.CompanyByID(ctx, w, in.Company)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Leads.Colleagues(ctx, w, in.Company, after, in.Limit, social.Instant(s.Now()))
	if err != nil {
		return nil, err
	}
	out := &companyOut{Body: CompanyPeople{Company: Company{c.ID, c.Name, c.Domain}, People: Page[Colleague]{Items: []Colleague{}}}}
	for _, p := range list {
		shown := Colleague{Person: p.Person}
		for _, h := range p.Attributes {
			switch h.Name {
			case "title":
				shown.Title = h.Value
			case "email":
				shown.Email = h.Value
			}
		}
		if l := p.Lead; l != nil {
			shown.Name, shown.Handle, shown.Score, shown.Grade, shown.Engagement, shown.ToCall, shown.LastSeen = l.Name, l.Handle, scoring.Decimal(l.Micro), l.Grade, l.Engagement, l.ToCall, some(l.LastSeen)
		}
		out.Body.People.Items = append(out.Body.People.Items, shown)
	}
	out.Body.People.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}
