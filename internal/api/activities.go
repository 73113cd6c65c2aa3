package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
)

type listActivitiesIn struct {
	InWorkspace
	Person string `query:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"This person's facts only: what they did and the replies they received"`
	From   string `query:"from" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"What was done from this instant on, newest first; by default 28 days before to. Without from and to, everything comes account by account"`
	To     string `query:"to" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"What was done before this instant, newest first; by default now"`
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
	members(s, api, social.Analyst, huma.Operation{OperationID: "list-activities", Method: http.MethodGet, Path: "/activities", Tags: []string{"activities"}, Summary: "Export activities",
		Description: "Every fact of the workspace exactly once, account by account; or what was done in a period, newest first; or all that a person's score rests on. With Accept: application/x-ndjson, one activity per line and the next page in the Link header. Of a message that was edited you get what it says now, and of a deleted one that it was there: what it said before is in neither, though a score rests on what was said first.",
		Responses: map[string]*huma.Response{"200": {Description: "A page of activities",
			Headers: map[string]*huma.Param{"Link": {Description: "The next page, rel=next", Schema: &huma.Schema{Type: "string"}}},
			Content: map[string]*huma.MediaType{"application/json": {Schema: page}, ndjson: {
				Schema:  &huma.Schema{Type: "string", Description: "One activity per line, each a JSON object of the schema Line"},
				Example: `{"key":"standard/forum/post/90211","platform":"standard","type":"post"}` + "\n"}}}},
	}, func(ctx context.Context, w string, in *listActivitiesIn) (*listActivitiesOut, error) {
		after, err := s.place(ctx, in.Cursor)
		if err != nil {
			return nil, err
		}
		p := exported{limit: in.Limit}
		switch dated := in.From != "" || in.To != ""; {
		case dated && in.Person != "":
			return nil, invalid("query.from", "goes without person: a person's activities come in the order of time")
		case dated:
			err = s.activitiesBetween(ctx, w, Period{in.From, in.To}, after, &p)
		case in.Person != "":
			err = s.personActivities(ctx, w, in.Person, after, &p)
		default:
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

// add adds a line at a place, or reports that it belongs to the next page. It
// has the words that the message has by now.
func (p *exported) add(a social.Activity, m store.Amended, person, place string) (bool, error) {
	l := m.Shown(a).ToLine()
	l.Person, l.Deleted, l.Edited = person, m.Deleted, m.Edit != nil && m.Edit.Key != a.Key
	if a.Type.Utterance() || a.Type == social.Edit {
		l.Message = store.MessageID(a.Platform, a.Scope, a.Object.ID)
	}
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

// personActivities adds a person's facts, account by account, in the order of
// their time. A place is an account, and one among what it did and one among
// what was done to it.
func (s *service) personActivities(ctx context.Context, w, id, after string, p *exported) error {
	person, err := s.Leads.Person(ctx, w, id)
	if err != nil {
		return err
	}
	account, within, found := strings.Cut(after, " ")
	for _, a := range person.Accounts {
		if a < account {
			continue
		}
		if a > account {
			within = ""
		}
		there, full, err := s.accountActivities(ctx, w, person.ID, a, within, p)
		if err != nil || full {
			return err
		}
		found = found || there
	}
	if !found {
		return fault.New(fault.NotFound, "no such person")
	}
	return nil
}

// accountActivities adds an account's facts. It reports whether there were any, and whether the page is full.
func (s *service) accountActivities(ctx context.Context, w, person, account, after string, p *exported) (found, full bool, err error) {
	for {
		facts, places, err := s.Store.AllFacts(ctx, w, account, after, p.atOnce())
		if err != nil {
			return found, false, err
		}
		found = found || len(facts) > 0
		now, err := s.Store.AmendedOf(ctx, w, facts)
		if err != nil {
			return found, false, err
		}
		for i, a := range facts {
			if ok, err := p.add(a, now[i], person, account+" "+places[i]); !ok || err != nil {
				return found, true, err
			}
		}
		if len(facts) < p.atOnce() {
			return found, false, nil
		}
		after = places[len(places)-1]
	}
}

// atOnce is how many facts are read at a time: the page, and one more that says whether
// another follows, but no more than fit the memory with the longest texts.
func (p *exported) atOnce() int { return min(p.limit+1, 100) }

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// activitiesBetween adds what was done in a period, the newest first. It reads
// the hours that the page is of.
func (s *service) activitiesBetween(ctx context.Context, w string, period Period, after string, p *exported) error {
	from, to, err := period.bounds(s.Now(), 0)
	if err != nil {
		return err
	}
	if stamp, _, ok := strings.Cut(after, " "); ok {
		at, err := social.ParseStamp(stamp)
		if err != nil {
			return err
		}
		to = at.Add(time.Millisecond) // what follows may be of the same instant
	}
	newest := &placed{limit: p.limit + 1}
	err = s.Store.Days(ctx, w, store.Span{From: from, To: to, Few: true}, func(_ time.Time, ts []day.Tuple) error {
		for _, t := range ts {
			if after == "" || placeOfTuple(t) < after {
				newest.add(t)
			}
		}
		if len(newest.kept) > p.limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for part := range slices.Chunk(newest.list(), textsAtOnce) {
		refs := make([]store.FactRef, len(part))
		for i, t := range part {
			refs[i] = store.RefTo(t)
		}
		facts, err := s.Store.Activities(ctx, w, refs)
		if err != nil {
			return err
		}
		standing := make([]social.Activity, len(facts))
		for i, a := range facts {
			if a != nil {
				standing[i] = *a
			}
		}
		now, err := s.Store.AmendedOf(ctx, w, standing)
		if err != nil {
			return err
		}
		accounts := make([]string, len(refs))
		for i, r := range refs {
			accounts[i] = r.Account
		}
		persons, err := s.Store.PersonIDs(ctx, w, accounts)
		if err != nil {
			return err
		}
		for i, a := range facts {
			if a == nil {
				continue // erased by now
			}
			if ok, err := p.add(*a, now[i], persons[i], placeOfTuple(part[i])); !ok || err != nil {
				return err
			}
		}
	}
	return nil
}

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
		persons, err := s.Store.PersonIDs(ctx, w, []string{account})
		if err != nil {
			return false, err
		}
		for {
			facts, places, err := s.Store.OwnFacts(ctx, w, account, within, p.atOnce())
			if err != nil {
				return false, err
			}
			now, err := s.Store.AmendedOf(ctx, w, facts)
			if err != nil {
				return false, err
			}
			for i, a := range facts {
				if ok, err := p.add(a, now[i], persons[0], account+" "+places[i]); !ok || err != nil {
					return false, err
				}
			}
			if len(facts) < p.atOnce() {
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
