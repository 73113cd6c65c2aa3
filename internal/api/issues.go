package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/issue"
	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/themed"
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
	People       int      `json:"people" doc:"Who wrote in it and was neither just content nor about to buy, each account once"`
	PeopleBefore int      `json:"people_before" doc:"The same in the period of the same length before, whether it was an issue then or not"`
	Messages     int      `json:"messages" doc:"By them"`
	Share        Estimate `json:"share" doc:"Of people among all who gave feedback; 0 to 1"`
	Negative     int      `json:"negative" doc:"Messages"`
	Neutral      int      `json:"neutral" doc:"Messages"`
	Positive     int      `json:"positive" doc:"Messages"`
	Department   string   `json:"department,omitempty" enum:"product,service" doc:"Whose it is, by what is mostly asked: product has problems and wishes, service has complaints, questions and threats to leave"`
	Quotes       []Quote  `json:"quotes" doc:"Typical ones, each of another person; a text of over 1000 characters is cut, the evidence holds it whole"`
}

// IssueList is what a period's feedback comes to.
type IssueList struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	ThemeSet   string    `json:"theme_set" doc:"The version the messages were assigned by"`
	People     int       `json:"people" doc:"Who gave feedback, each once"`
	Messages   int       `json:"messages" doc:"Of feedback"`
	Unassigned int       `json:"unassigned" doc:"Messages that belong to no theme, those of people who are just content or about to buy left out"`
	Unread     []Unread  `json:"unread" doc:"Messages in languages that can't be read, most first; no other count here holds them"`
	Reach
	Items []Issue `json:"items" doc:"Most people first"`
}

// Unread is how many messages in a language could not be read.
type Unread struct {
	Language string `json:"language"`
	Messages int    `json:"messages" doc:"In this language"`
}

// Reach says how much of what was asked for an answer rests on.
type Reach struct {
	Complete bool      `json:"complete" doc:"Whether everything in the period and the one before was read, and every message of it assigned"`
	Since    time.Time `json:"since" doc:"What was done before this was not counted: the beginning of the period before, unless there was no time to read so far back"`
	Untagged int       `json:"untagged" doc:"Messages that count as of no theme, since there was no time to read them: that passes within hours of a new theme set"`
}

func reachOf(c themed.Counted) Reach { return Reach{c.Complete, c.Since, c.Untagged} }

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
	Issue    Issue     `json:"issue"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	ThemeSet string    `json:"theme_set"`
	Reach
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
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-issues", Method: http.MethodGet, Path: "/issues", Tags: []string{"feedback"}, Summary: "List what people raise",
		Description: "Counted over people, one voice each. A theme is an issue if at least a third of its messages clearly ask for something: a problem, a complaint, a wish, a question, a threat to leave, or a negative word. " +
			"Then everyone counts who wrote in it and was neither just content nor about to buy; praise that is negative with a probability of 0.25 or more may be sarcasm, and counts. Chatter and closing words are no feedback. 404 with a detail while no theme set is published. At most 400 days."},
		func(ctx context.Context, w string, in *listIssuesIn) (*Out[IssueList], error) {
			p, err := s.period(ctx, w, in.Period)
			if err != nil {
				return nil, err
			}
			sum, err := themed.Count(ctx, s.Store, w, p, in.Limit)
			if err != nil {
				return nil, err
			}
			if err := themed.Quotes(ctx, s.Store, w, sum.Issues); err != nil {
				return nil, err
			}
			out := IssueList{From: p.From, To: p.To, ThemeSet: p.Set.Version, People: sum.People, Messages: sum.Messages, Unassigned: sum.Unassigned, Reach: reachOf(sum), Unread: []Unread{}, Items: []Issue{}}
			for _, u := range sum.Unread {
				out.Unread = append(out.Unread, Unread(u))
			}
			for _, i := range sum.Issues {
				out.Items = append(out.Items, issueOf(i, sum.People))
			}
			return &Out[IssueList]{out}, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-issue", Method: http.MethodGet, Path: "/issues/{theme}", Tags: []string{"feedback"}, Summary: "Get an issue with its evidence"}, s.issue)
}

// period is what issues are counted of.
func (s *service) period(ctx context.Context, w string, in Period) (p themed.Period, err error) {
	if p.From, p.To, err = in.bounds(s.Now(), maxIssues); err != nil {
		return p, err
	}
	p.Set, p.Assigner, err = s.assigner(ctx, w)
	return p, err
}

func issueOf(i issue.Issue, people int) Issue {
	out := Issue{Theme: i.Theme, Label: i.Label, Keywords: append([]string{}, i.Keywords...), People: i.People, PeopleBefore: i.PeopleBefore, Messages: i.Messages,
		Share: estimate(report.Share(i.People, people)), Negative: i.Negative, Neutral: i.Neutral, Positive: i.Positive, Department: i.Department, Quotes: []Quote{}}
	for _, q := range i.Quotes {
		if r := []rune(q.Text); len(r) > maxQuote {
			q.Text = string(r[:maxQuote-1]) + "…"
		}
		out.Quotes = append(out.Quotes, quote(q))
	}
	return out
}

func (s *service) issue(ctx context.Context, w string, in *issueIn) (*issueOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	p, err := s.period(ctx, w, in.Period)
	if err != nil {
		return nil, err
	}
	known := slices.IndexFunc(p.Set.Themes, func(t theme.Theme) bool { return t.ID == in.Theme })
	if known < 0 {
		return nil, fault.New(fault.NotFound, "no such theme in the published theme set")
	}
	t := p.Set.Themes[known]
	// The newest messages below the cursor, and one more, if there are so many.
	newest := &placed{limit: in.Limit + 1}
	p.Each = func(x day.Tuple, _ day.ID, before bool) {
		if !before && x.Theme == in.Theme && issue.Assigned(x) && (after == "" || placeOfTuple(x) < after) {
			newest.add(x)
		}
	}
	sum, err := themed.Count(ctx, s.Store, w, p, len(p.Set.Themes))
	if err != nil {
		return nil, err
	}
	found := []issue.Issue{{Theme: t.ID, Label: t.Label, Keywords: t.Keywords}}
	var messages []day.Tuple
	if i := slices.IndexFunc(sum.Issues, func(i issue.Issue) bool { return i.Theme == in.Theme }); i >= 0 {
		found[0], messages = sum.Issues[i], newest.list()
	}
	if err := themed.Quotes(ctx, s.Store, w, found); err != nil {
		return nil, err
	}
	out := &issueOut{Body: IssueEvidence{Issue: issueOf(found[0], sum.People), From: p.From, To: p.To, ThemeSet: p.Set.Version, Reach: reachOf(sum), Evidence: Page[Message]{Items: []Message{}}}}
	page := messages[:min(in.Limit, len(messages))]
	last, err := s.evidence(ctx, w, page, len(messages) > len(page), &out.Body.Evidence)
	if err != nil {
		return nil, err
	}
	out.Body.Evidence.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

// evidence adds the messages of a page to out, as many as fit, and returns the
// place of the last one, if more follow.
func (s *service) evidence(ctx context.Context, w string, page []day.Tuple, more bool, out *Page[Message]) (string, error) {
	last, bytes := "", 0
	for part := range slices.Chunk(page, textsAtOnce) {
		said, err := s.Store.Said(ctx, w, part)
		if err != nil {
			return "", err
		}
		accounts := make([]string, len(part))
		for i, t := range part {
			accounts[i] = t.AccountID()
		}
		persons, err := s.Store.PersonIDs(ctx, w, accounts)
		if err != nil {
			return "", err
		}
		for i, it := range said {
			if it != nil { // else it is gone by now
				m := message(*it)
				m.Person = persons[i]
				b, err := json.Marshal(m)
				if err != nil {
					return "", err
				}
				if bytes += len(b) + 1; len(out.Items) > 0 && bytes > maxPage {
					return last, nil
				}
				out.Items = append(out.Items, m)
			}
			last = placeOfTuple(part[i])
		}
	}
	return placeIf(more, last), nil
}

// textsAtOnce is how many texts are read at a time; each may have 64 KB.
const textsAtOnce = 50

// placeOfTuple is an activity's place in the order of time. Its length is
// fixed, however long the platform's ids are, since cursors hold it.
func placeOfTuple(t day.Tuple) string { return social.Stamp(t.At()) + " " + t.ActivityID() }

// placed keeps the newest of what is added, up to a limit.
type placed struct {
	limit int
	kept  []day.Tuple
}

func (p *placed) add(t day.Tuple) {
	if p.kept = append(p.kept, t); len(p.kept) >= 2*p.limit+100 {
		p.kept = p.list()
	}
}

// list returns them, the newest first.
func (p *placed) list() []day.Tuple {
	slices.SortFunc(p.kept, func(a, b day.Tuple) int { return cmp.Compare(placeOfTuple(b), placeOfTuple(a)) })
	return p.kept[:min(p.limit, len(p.kept))]
}

func quote(q issue.Quote) Quote { return Quote{q.Key, q.Text, q.Author, q.Platform, q.URL, q.Occurred} }

func message(i store.Item) Message {
	return Message{Quote: quote(themed.QuoteOf(i)),
		Person: i.Person, Sentiment: i.Sentiment, Intent: i.Intent, Language: i.Language}
}

// assigner returns the active theme set of a workspace and its assigner.
func (s *service) assigner(ctx context.Context, w string) (theme.Set, *theme.Assigner, error) {
	version, err := s.Store.ActiveVersion(ctx, w, store.ThemeSets)
	if fault.Is(err, fault.NotFound) {
		return theme.Set{}, nil, fault.Wrap(fault.NotFound, err, "not enough data: no theme set is published yet. Themes are found once a week, or when a discovery is asked for")
	}
	if err != nil {
		return theme.Set{}, nil, err
	}
	x, err := s.themes.Get(ctx, w, version)
	return x.Set, x.Assigner, err
}
