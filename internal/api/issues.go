package api

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/issue"
	"rapport/internal/report"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// Estimate is a number with its 95 % interval; where there are too few
// observations it says how many it takes, and nothing else.
type Estimate struct {
	N      int      `json:"n" doc:"Observations"`
	Needed int      `json:"needed" doc:"How many it takes"`
	Enough bool     `json:"enough" doc:"Whether there are enough; if not, there is no value"`
	Value  *float64 `json:"value,omitempty"`
	Low    *float64 `json:"low,omitempty" doc:"Of the 95 % interval"`
	High   *float64 `json:"high,omitempty" doc:"Of the 95 % interval"`
}

func estimate(e report.Estimate) Estimate {
	out := Estimate{N: e.N, Needed: e.Needed, Enough: e.Enough}
	if e.Enough {
		out.Value, out.Low, out.High = &e.Value, &e.Low, &e.High
	}
	return out
}

// Quote is one message that stands for others.
type Quote struct {
	Key      string    `json:"key" doc:"The activity's"`
	Text     string    `json:"text"`
	Author   string    `json:"author,omitempty" doc:"Handle, else name"`
	Platform string    `json:"platform"`
	URL      string    `json:"url,omitempty"`
	Occurred time.Time `json:"occurred"`
}

// Issue is a theme that people raised.
type Issue struct {
	Theme        string   `json:"theme" doc:"It lasts from theme set to theme set"`
	Label        string   `json:"label"`
	Keywords     []string `json:"keywords"`
	People       int      `json:"people" doc:"Who wrote in it and was not just pleased, each once"`
	PeopleBefore int      `json:"people_before" doc:"The same in the period of the same length before, whether it was an issue then or not"`
	Messages     int      `json:"messages" doc:"By them"`
	Share        Estimate `json:"share" doc:"Of people among all who gave feedback; 0 to 1"`
	Negative     int      `json:"negative" doc:"Messages"`
	Neutral      int      `json:"neutral" doc:"Messages"`
	Positive     int      `json:"positive" doc:"Messages"`
	Quotes       []Quote  `json:"quotes" doc:"Typical ones, each of another person; a text of over 1000 characters is cut, the evidence holds it whole"`
}

// IssueList is what a period's feedback comes to.
type IssueList struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	ThemeSet   string    `json:"theme_set" doc:"The version the messages were assigned by"`
	People     int       `json:"people" doc:"Who gave feedback, each once"`
	Messages   int       `json:"messages" doc:"Of feedback"`
	Unassigned int       `json:"unassigned" doc:"Messages that belong to no theme, those that are just pleased left out"`
	Items      []Issue   `json:"items" doc:"Most people first"`
}

// Message is a message of feedback.
type Message struct {
	Quote
	Person    string `json:"person"`
	Sentiment string `json:"sentiment,omitempty"`
	Intent    string `json:"intent,omitempty"`
	Language  string `json:"language,omitempty"`
}

// IssueEvidence is an issue with the messages it was counted from.
type IssueEvidence struct {
	Issue    Issue         `json:"issue"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	ThemeSet string        `json:"theme_set"`
	Evidence Page[Message] `json:"evidence" doc:"Newest first"`
}

type listIssuesIn struct {
	InWorkspace
	Period
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"At most so many"`
}

type issueIn struct {
	InWorkspace
	Period
	Paged
	Theme string `path:"theme" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
}

type issueOut struct {
	Link string `header:"Link" doc:"The next page of evidence, rel=next"`
	Body IssueEvidence
}

// maxQuote bounds an issue's quote, in characters, so that 100 issues fit an answer.
const maxQuote = 1000

// maxIssues is the longest period that issues are counted for: each day of it
// and of the one before is read.
const maxIssues = 400 * 24 * time.Hour

func (s *service) issues(api huma.API) {
	members(s, api, huma.Operation{OperationID: "list-issues", Method: http.MethodGet, Path: "/issues", Tags: []string{"feedback"}, Summary: "List what people raise",
		Description: "Counted over people, one voice each. A theme is an issue if at least a third of its messages clearly ask for something: a problem, a wish, a question, a threat to leave, or a negative word. " +
			"Then everyone counts who wrote in it and was not just pleased; messages that are just pleased count neither way. 404 with a detail while no theme set is published. At most 400 days."},
		func(ctx context.Context, w string, in *listIssuesIn) (*Out[IssueList], error) {
			v, err := s.view(ctx, w, in.Period)
			if err != nil {
				return nil, err
			}
			sum := issue.Top(v.items, v.before, v.set, v.assigner, in.Limit)
			out := IssueList{From: v.from, To: v.to, ThemeSet: v.set.Version, People: sum.People, Messages: sum.Messages, Unassigned: sum.Unassigned, Items: []Issue{}}
			for _, i := range sum.Issues {
				out.Items = append(out.Items, issueOf(i, sum.People))
			}
			return &Out[IssueList]{out}, nil
		})
	members(s, api, huma.Operation{OperationID: "get-issue", Method: http.MethodGet, Path: "/issues/{theme}", Tags: []string{"feedback"}, Summary: "Get an issue with its evidence"}, s.issue)
}

// view is what issues are counted from.
type view struct {
	from, to      time.Time
	items, before []store.Item
	set           theme.Set
	assigner      *theme.Assigner
}

func (s *service) view(ctx context.Context, w string, p Period) (view, error) {
	var v view
	var err error
	if v.from, v.to, err = p.bounds(s.Now(), maxIssues); err != nil {
		return v, err
	}
	if v.set, v.assigner, err = s.assigner(ctx, w); err != nil {
		return v, err
	}
	if v.items, err = s.Store.Items(ctx, w, v.from, v.to); err != nil {
		return v, err
	}
	v.before, err = s.Store.Items(ctx, w, v.from.Add(-v.to.Sub(v.from)), v.from)
	return v, err
}

func issueOf(i issue.Issue, people int) Issue {
	out := Issue{Theme: i.Theme, Label: i.Label, Keywords: append([]string{}, i.Keywords...), People: i.People, PeopleBefore: i.PeopleBefore, Messages: i.Messages,
		Share: estimate(report.Share(i.People, people)), Negative: i.Negative, Neutral: i.Neutral, Positive: i.Positive, Quotes: []Quote{}}
	for _, q := range i.Quotes {
		if r := []rune(q.Text); len(r) > maxQuote {
			q.Text = string(r[:maxQuote-1]) + "…"
		}
		out.Quotes = append(out.Quotes, Quote(q))
	}
	return out
}

func (s *service) issue(ctx context.Context, w string, in *issueIn) (*issueOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	v, err := s.view(ctx, w, in.Period)
	if err != nil {
		return nil, err
	}
	known := slices.IndexFunc(v.set.Themes, func(t theme.Theme) bool { return t.ID == in.Theme })
	if known < 0 {
		return nil, fault.New(fault.NotFound, "no such theme in the published theme set")
	}
	t := v.set.Themes[known]
	sum := issue.Top(v.items, v.before, v.set, v.assigner, math.MaxInt)
	found := issue.Issue{Theme: t.ID, Label: t.Label, Keywords: t.Keywords}
	if i := slices.IndexFunc(sum.Issues, func(i issue.Issue) bool { return i.Theme == in.Theme }); i >= 0 {
		found = sum.Issues[i]
	}
	evidence := map[string]bool{}
	for _, key := range found.Evidence {
		evidence[key] = true
	}
	var messages []store.Item
	place := func(i store.Item) string { return placeOf(i.Activity) }
	for _, i := range v.items {
		if evidence[i.Key] && (after == "" || place(i) < after) {
			messages = append(messages, i)
		}
	}
	slices.SortFunc(messages, func(a, b store.Item) int { return cmp.Compare(place(b), place(a)) }) // newest first
	out := &issueOut{Body: IssueEvidence{Issue: issueOf(found, sum.People), From: v.from, To: v.to, ThemeSet: v.set.Version, Evidence: Page[Message]{Items: []Message{}}}}
	for _, i := range messages[:min(in.Limit, len(messages))] {
		out.Body.Evidence.Items = append(out.Body.Evidence.Items, message(i))
	}
	n, err := fitting(out.Body.Evidence.Items)
	if err != nil {
		return nil, err
	}
	out.Body.Evidence.Items = out.Body.Evidence.Items[:n]
	last := ""
	if n < len(messages) {
		last = place(messages[n-1])
	}
	out.Body.Evidence.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

func message(i store.Item) Message {
	author := i.Actor.Handle
	if author == "" {
		author = i.Actor.Name
	}
	return Message{Quote: Quote{Key: i.Key, Text: i.Text, Author: author, Platform: string(i.Platform), URL: i.URL, Occurred: i.Occurred},
		Person: i.Person, Sentiment: i.Sentiment, Intent: i.Intent, Language: i.Language}
}

// assigners keeps the assigners of published theme sets, which never change.
type assigners struct {
	mu   sync.Mutex
	kept map[string]assignerOf // by workspace and version
}

type assignerOf struct {
	set      theme.Set
	assigner *theme.Assigner
}

// maxAssigners bounds how many are kept; each takes about 1 MB.
const maxAssigners = 32

// assigner returns the active theme set of a workspace and its assigner.
func (s *service) assigner(ctx context.Context, w string) (theme.Set, *theme.Assigner, error) {
	d, err := s.Store.Active(ctx, w, store.ThemeSets)
	if fault.Is(err, fault.NotFound) {
		return theme.Set{}, nil, fault.Wrap(fault.NotFound, err, "not enough data: no theme set is published yet. Themes are found once a week, or when a discovery is asked for")
	}
	if err != nil {
		return theme.Set{}, nil, err
	}
	id := w + "#" + d.Version
	s.assigners.mu.Lock()
	defer s.assigners.mu.Unlock()
	if a, ok := s.assigners.kept[id]; ok {
		return a.set, a.assigner, nil
	}
	set, err := theme.Parse(d.Body)
	if err != nil {
		return theme.Set{}, nil, fmt.Errorf("theme set %s of %s: %w", d.Version, w, err)
	}
	if s.assigners.kept == nil || len(s.assigners.kept) >= maxAssigners {
		s.assigners.kept = map[string]assignerOf{}
	}
	a := assignerOf{set, theme.NewAssigner(s.Reader, set)}
	s.assigners.kept[id] = a
	return a.set, a.assigner, nil
}
