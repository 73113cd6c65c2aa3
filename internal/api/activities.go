package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/social"
)

type listActivitiesIn struct {
	InWorkspace
	Person string `query:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"This person's facts only: what they did and the replies they received"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"At most so many; a page of long texts holds fewer"`
	Cursor string `query:"cursor" maxLength:"1000" pattern:"^[A-Za-z0-9_-]+$" doc:"next_cursor of the page before"`
}

type listActivitiesOut struct {
	ContentType string `header:"Content-Type"`
	Link        string `header:"Link" doc:"The next page, rel=next"`
	Body        []byte
}

const (
	ndjson   = "application/x-ndjson"
	maxPage  = 2 << 20 // bytes of a page, or one item: far enough from what Lambda takes, whatever the texts hold
	accounts = 100     // asked for at a time
)

func (s *service) activities(api huma.API) {
	page := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Page[social.Line]](), true, "")
	line := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[social.Line](), true, "")
	members(s, api, huma.Operation{OperationID: "list-activities", Method: http.MethodGet, Path: "/activities", Tags: []string{"activities"}, Summary: "Export activities",
		Description: "Every fact of the workspace exactly once, account by account, or all that a person's score rests on. With Accept: application/x-ndjson, one activity per line and the next page in the Link header.",
		Responses: map[string]*huma.Response{"200": {Description: "A page of activities",
			Headers: map[string]*huma.Param{"Link": {Description: "The next page, rel=next", Schema: &huma.Schema{Type: "string"}}},
			Content: map[string]*huma.MediaType{"application/json": {Schema: page}, ndjson: {Schema: line}}}},
	}, func(ctx context.Context, w string, in *listActivitiesIn) (*listActivitiesOut, error) {
		after, err := s.place(ctx, in.Cursor)
		if err != nil {
			return nil, err
		}
		p := exported{limit: in.Limit}
		if in.Person != "" {
			err = s.personActivities(ctx, w, in.Person, after, &p)
		} else {
			err = s.allActivities(ctx, w, after, &p)
		}
		if err != nil {
			return nil, err
		}
		return s.export(ctx, p)
	})
}

// exported collects lines until there are enough, by number or by bytes.
type exported struct {
	limit int
	lines [][]byte
	bytes int
	last  string // the place of the last line
	more  bool   // lines follow it
}

// add adds a line at a place, or reports that it belongs to the next page.
func (p *exported) add(a social.Activity, person, place string) (bool, error) {
	l := a.ToLine()
	l.Person = person
	b, err := json.Marshal(l)
	if err != nil {
		return false, err
	}
	if len(p.lines) == p.limit || len(p.lines) > 0 && p.bytes+len(b) > maxPage {
		p.more = true
		return false, nil
	}
	p.lines, p.bytes, p.last = append(p.lines, b), p.bytes+len(b)+1, place
	return true, nil
}

// personActivities adds a person's facts in the order of their time.
func (s *service) personActivities(ctx context.Context, w, person, after string, p *exported) error {
	facts, err := s.Leads.Facts(ctx, w, person)
	if err != nil {
		return err
	}
	if len(facts) == 0 {
		return fault.New(fault.NotFound, "no such person")
	}
	slices.SortFunc(facts, func(a, b social.Activity) int { return cmp.Compare(placeOf(a), placeOf(b)) })
	for _, a := range facts {
		if placeOf(a) <= after {
			continue
		}
		if ok, err := p.add(a, person, placeOf(a)); !ok || err != nil {
			return err
		}
	}
	return nil
}

// placeOf is an activity's place in the order of time. Its length is fixed,
// however long the platform's ids are, since cursors hold it.
func placeOf(a social.Activity) string { return social.Stamp(a.Occurred) + " " + a.ID() }

// fitting returns how many of items, from the first on, make a page of at most
// maxPage bytes; at least one, if there are any.
func fitting[T any](items []T) (int, error) {
	bytes := 0
	for i, x := range items {
		b, err := json.Marshal(x)
		if err != nil {
			return 0, err
		}
		if bytes += len(b) + 1; i > 0 && bytes > maxPage {
			return i, nil
		}
	}
	return len(items), nil
}

// allActivities adds what every account did itself. A place is an account and
// a place among its facts.
func (s *service) allActivities(ctx context.Context, w, after string, p *exported) error {
	account, within, _ := strings.Cut(after, " ")
	own := func(account, within string) (bool, error) {
		for {
			facts, places, err := s.Store.OwnFacts(ctx, w, account, within, p.limit)
			if err != nil {
				return false, err
			}
			for i, a := range facts {
				if ok, err := p.add(a, social.PersonID(account), account+" "+places[i]); !ok || err != nil {
					return false, err
				}
			}
			if len(facts) < p.limit {
				return true, nil
			}
			within = places[len(places)-1]
		}
	}
	if account != "" {
		if ok, err := own(account, within); !ok || err != nil {
			return err
		}
	}
	for {
		list, err := s.Store.Accounts(ctx, w, account, accounts)
		if err != nil {
			return err
		}
		for _, account = range list {
			if ok, err := own(account, ""); !ok || err != nil {
				return err
			}
		}
		if len(list) < accounts {
			return nil
		}
	}
}

func (s *service) export(ctx context.Context, p exported) (*listActivitiesOut, error) {
	cursor, link, err := s.next(ctx, placeIf(p.more, p.last))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if accepts(requestOf(ctx).Header.Get("Accept"), ndjson) {
		for _, l := range p.lines {
			b.Write(l)
			b.WriteByte('\n')
		}
		return &listActivitiesOut{ndjson, link, b.Bytes()}, nil
	}
	out := Page[json.RawMessage]{Items: []json.RawMessage{}, NextCursor: cursor}
	for _, l := range p.lines {
		out.Items = append(out.Items, l)
	}
	body, err := json.Marshal(out)
	return &listActivitiesOut{"application/json", link, body}, err
}

// accepts reports whether an Accept header names a media type itself, and does not refuse it.
func accepts(header, media string) bool {
	for part := range strings.SplitSeq(header, ",") {
		m, params, err := mime.ParseMediaType(part)
		if err == nil && m == media && strings.Trim(params["q"], "0.") == "" && params["q"] != "" {
			return false
		}
		if err == nil && m == media {
			return true
		}
	}
	return false
}
