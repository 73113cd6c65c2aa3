package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

// Lead is a person with a score.
type Lead struct {
	Person       string     `json:"person"`
	Score        string     `json:"score" example:"27.25" doc:"Points, exact"`
	MicroPoints  int64      `json:"micro_points" doc:"The same in millionths of a point"`
	Grade        string     `json:"grade" example:"?1" doc:"Fit (A to D, or ?) and engagement (1 to 4)"`
	Engagement   int        `json:"engagement" minimum:"1" maximum:"4" doc:"1 is the most engaged"`
	Fit          string     `json:"fit" example:"unknown"`
	AsOf         time.Time  `json:"as_of" doc:"The instant the score holds for"`
	NextChangeAt *time.Time `json:"next_change_at,omitempty" doc:"When to look again if nothing new happens: until then engagement and what counts stay, and only decay goes on"`
	Model        string     `json:"model" example:"default@1" doc:"Id and version of the scoring model"`
	Reasons      []string   `json:"reasons" doc:"The strongest first"`
	Name         string     `json:"name,omitempty"`
	Handle       string     `json:"handle,omitempty"`
	Platform     string     `json:"platform" doc:"Of the newest activity"`
	URL          string     `json:"url,omitempty"`
}

// Contribution is what one rule of the scoring model gave.
type Contribution struct {
	Rule        string   `json:"rule"`
	Points      string   `json:"points" example:"4.5"`
	MicroPoints int64    `json:"micro_points"`
	Reason      string   `json:"reason" doc:"A sentence with the numbers in it"`
	Evidence    []string `json:"evidence" doc:"Keys of the activities it rests on"`
}

// LeadLedger is a lead with everything its score is the sum of.
type LeadLedger struct {
	Lead
	Contributions []Contribution `json:"contributions" doc:"They add up to the score, exactly"`
}

// LeadPage is one page of leads.
type LeadPage struct {
	Page[Lead]
	AsOf     *time.Time `json:"as_of,omitempty" doc:"The instant that all of them were evaluated for"`
	Complete *bool      `json:"complete,omitempty" doc:"With as_of: whether every lead was evaluated, not only the 300 that stand highest today"`
}

// AsOf is the part of a request that asks for the state at an instant.
type AsOf struct {
	AsOf string `query:"as_of" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Evaluate as of this instant; without it, as of now"`
}

type listLeadsIn struct {
	InWorkspace
	Paged
	AsOf
}

type listLeadsOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body LeadPage
}

type leadIn struct {
	InWorkspace
	AsOf
	Person string `path:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64"`
}

func (s *service) leads(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-leads", Method: http.MethodGet, Path: "/leads", Tags: []string{"leads"}, Summary: "List leads, the best first",
		Description: "Each page is evaluated as of now and in the order of the scores. From page to page the score falls in steps, each a quarter to a seventh of the one below: leads of one step may be in any order over several pages. With as_of the leads are evaluated at that instant and ordered by it; there is one page then."}, s.listLeads)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-lead", Method: http.MethodGet, Path: "/leads/{person}", Tags: []string{"leads"}, Summary: "Get a lead with its ledger",
		Description: "Evaluated now, from the facts, by the active scoring model."},
		func(ctx context.Context, w string, in *leadIn) (*Out[LeadLedger], error) {
			asOf, err := requestTime("query.as_of", in.AsOf.AsOf)
			if err != nil {
				return nil, err
			}
			if asOf.IsZero() {
				asOf = social.Instant(s.Now())
			}
			e, err := s.Leads.Evaluate(ctx, w, in.Person, asOf)
			if err != nil {
				return nil, err
			}
			return &Out[LeadLedger]{ledger(e)}, nil
		})
}

func lead(l leads.Evaluated) Lead {
	return Lead{Person: l.Person, Score: scoring.Decimal(l.Micro), MicroPoints: l.Micro, Grade: l.Grade, Engagement: l.Engagement, Fit: l.Fit,
		AsOf: l.AsOf, NextChangeAt: some(l.NextChange), Model: l.ModelVer, Reasons: append([]string{}, l.Reasons...),
		Name: l.Name, Handle: l.Handle, Platform: l.Platform, URL: l.URL}
}

func ledger(e leads.Evaluated) LeadLedger {
	out := LeadLedger{Lead: lead(e), Contributions: []Contribution{}}
	for _, c := range e.Score.Contributions {
		out.Contributions = append(out.Contributions, Contribution{c.Rule, scoring.Decimal(c.Micro), c.Micro, c.Reason, append([]string{}, c.Evidence...)})
	}
	return out
}

func (s *service) listLeads(ctx context.Context, w string, in *listLeadsIn) (*listLeadsOut, error) {
	asOf, err := requestTime("query.as_of", in.AsOf.AsOf)
	if err != nil {
		return nil, err
	}
	out := &listLeadsOut{Body: LeadPage{Page: Page[Lead]{Items: []Lead{}}}}
	if !asOf.IsZero() {
		if in.Cursor != "" {
			return nil, invalid("query.cursor", "does not go with as_of, which gives one page")
		}
		top, complete, err := s.Leads.Top(ctx, w, asOf, in.Limit)
		if err != nil {
			return nil, err
		}
		for _, e := range top {
			out.Body.Items = append(out.Body.Items, lead(e))
		}
		out.Body.AsOf, out.Body.Complete = &asOf, &complete
		return out, nil
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	now := social.Instant(s.Now())
	list, next, _, err := s.Leads.Page(ctx, w, after, in.Limit, now)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		out.Body.Items = append(out.Body.Items, lead(l))
	}
	out.Body.AsOf = &now
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}
