package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/ingest"
	"rapport/internal/limit"
	"rapport/internal/platform/all"
	"rapport/internal/replay"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ParkedDelivery is a delivery, or a part of one, that could not be understood.
type ParkedDelivery struct {
	ID       string     `json:"id"`
	App      string     `json:"app"`
	Delivery string     `json:"delivery" doc:"The delivery's id"`
	Received time.Time  `json:"received"`
	Reason   string     `json:"reason"`
	Others   []string   `json:"other_reasons,omitempty" maxItems:"19" doc:"Other reasons of the same delivery, each once; further ones are left out"`
	Events   int        `json:"events" minimum:"1" doc:"How many of the delivery's events were parked"`
	Replayed *time.Time `json:"replayed,omitempty" doc:"When a replay understood it after all"`
}

// ParkedReason is how often deliveries were parked for one reason.
type ParkedReason struct {
	Reason  string    `json:"reason" doc:"Without what differs from one to the other: figures and quoted values stand as …"`
	Count   int       `json:"count"`
	Newest  time.Time `json:"newest"`
	Example string    `json:"example" doc:"The id of the newest"`
	Whole   string    `json:"example_reason" doc:"Its reason as it stands"`
}

// ParkedMonth says of which month.
type ParkedMonth struct {
	Month string `query:"month" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" maxLength:"7" example:"2026-01" doc:"Of receipt, UTC; by default this one"`
}

type parkedIn struct {
	InWorkspace
	Paged
	ParkedMonth
	Reason   string `query:"reason" maxLength:"200" doc:"Only those whose reason holds this text"`
	Replayed bool   `query:"replayed" doc:"Also those that a replay understood"`
}

type parkedReasonsIn struct {
	InWorkspace
	ParkedMonth
}

// NewReplay says what to replay.
type NewReplay struct {
	IDs      []string `json:"ids,omitempty" maxItems:"100" doc:"Of parked deliveries; absent: all that the rest says"`
	Reason   string   `json:"reason,omitempty" maxLength:"200" doc:"Only parked ones whose reason holds this text"`
	App      string   `json:"app,omitempty" maxLength:"64" doc:"Only those of this app"`
	From     string   `json:"from,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Received from this instant on; by default 28 days before to"`
	To       string   `json:"to,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Received before this instant; by default now"`
	Archived bool     `json:"archived,omitempty" doc:"The whole archive of that time instead of what was parked"`
	DryRun   bool     `json:"dry_run,omitempty" doc:"Say what it would come to, and do nothing"`
}

// ReplayResult is what a replay comes to, as of before it.
type ReplayResult struct {
	DryRun bool `json:"dry_run"`
	replay.Result
}

type replayIn struct {
	InWorkspace
	Body NewReplay
}

// maxReplay bounds the deliveries of one replay through the API: what a call can do in its time.
const maxReplay = 200

// scanned bounds how many parked deliveries are looked at for one page or list of reasons.
const scanned = 2000

func (s *service) parked(api huma.API) {
	tags := []string{"sources"}
	members(s, api, social.Analyst, huma.Operation{OperationID: "list-parked", Method: http.MethodGet, Path: "/parked", Tags: tags, Summary: "List deliveries that could not be understood",
		Description: "Newest first: what could not be understood or kept, or came for a scope that no source watches, each with its reason; its delivery is kept whole. " +
			"What a platform sends that is known to tell of nobody's doing is not listed: it is in the archive only."}, s.listParked)
	members(s, api, social.Analyst, huma.Operation{OperationID: "list-parked-reasons", Method: http.MethodGet, Path: "/parked/reasons", Tags: tags, Summary: "Count what is parked by its reason",
		Description: "Of the newest 2,000 of the month, the commonest reason first. Those that a replay understood are left out."}, s.parkedReasons)
	members(s, api, social.Owner, huma.Operation{OperationID: "create-replay", Method: http.MethodPost, Path: "/replays", Tags: tags, Summary: "Send parked or archived deliveries through today's code",
		Description: "At most 200 deliveries; more says that there are more. With dry_run nothing happens. Else they are queued as if they had just come, with the instant of their first receipt; " +
			"facts that are there stay as they are, so nothing doubles: a dry run afterwards adds 0. `rapport replay` does it without bounds.",
		DefaultStatus: http.StatusOK}, s.createReplay)
	members(s, api, social.Owner, huma.Operation{OperationID: "list-erasures", Method: http.MethodGet, Path: "/erasures", Tags: tags, Summary: "List what was erased",
		Description: "Newest first: the receipts of what platforms demanded, or somebody asked for. They say how much went and what stays, and nobody can be told by them."}, s.listErasures)
	members(s, api, social.Owner, huma.Operation{OperationID: "create-erasure", Extensions: whileStopped(), Method: http.MethodPost, Path: "/erasures", Tags: tags, Summary: "Forget an account whose person asked for it",
		Description: "What the account did until now goes, and all that was made of it, as when its platform demands it; it can't be undone. It is queued: its receipt is listed once it has begun, and says when it is done. " +
			"platform, scope and id are the actor's, as the activities show them. Somebody with accounts on several platforms needs a call for each.",
		DefaultStatus: http.StatusAccepted}, s.createErasure)
}

func (s *service) monthOf(m ParkedMonth) (time.Time, error) {
	if m.Month == "" {
		return s.Now().UTC(), nil
	}
	t, err := time.Parse("2006-01", m.Month)
	if err != nil {
		return t, invalid("query.month", "is no month")
	}
	return t, nil
}

func (s *service) listParked(ctx context.Context, w string, in *parkedIn) (*PageOut[ParkedDelivery], error) {
	month, err := s.monthOf(in.ParkedMonth)
	if err != nil {
		return nil, err
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &PageOut[ParkedDelivery]{Body: Page[ParkedDelivery]{Items: []ParkedDelivery{}}}
	more := true
	for seen := 0; more && seen < scanned && len(out.Body.Items) < in.Limit; {
		list, _, err := s.Store.Parked(ctx, w, month, after, 100)
		if err != nil {
			return nil, err
		}
		more = len(list) == 100
		seen += len(list)
		for i, p := range list {
			after = p.Place
			if p.About(in.Reason) && (in.Replayed || p.Replayed.IsZero()) {
				out.Body.Items = append(out.Body.Items, ParkedDelivery{p.ID, p.App, p.Delivery, p.Received, p.Reason, p.Others, max(p.Events, 1+len(p.Others)), some(p.Replayed)})
				if len(out.Body.Items) == in.Limit {
					more = more || i+1 < len(list)
					break
				}
			}
		}
	}
	if more {
		rest, _, err := s.Store.Parked(ctx, w, month, after, 1)
		if err != nil {
			return nil, err
		}
		more = len(rest) > 0
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(more, after))
	return out, err
}

func (s *service) parkedReasons(ctx context.Context, w string, in *parkedReasonsIn) (*Out[List[ParkedReason]], error) {
	month, err := s.monthOf(in.ParkedMonth)
	if err != nil {
		return nil, err
	}
	list, _, err := s.Store.Parked(ctx, w, month, "", scanned)
	if err != nil {
		return nil, err
	}
	return &Out[List[ParkedReason]]{List[ParkedReason]{Items: reasonsOf(list)}}, nil
}

// reasonsOf counts by reason, the commonest first.
func reasonsOf(list []store.Parked) []ParkedReason {
	at := map[string]int{}
	out := []ParkedReason{}
	for _, p := range list { // newest first
		if !p.Replayed.IsZero() {
			continue
		}
		counted := map[string]bool{} // a delivery counts once for a reason
		for _, whole := range p.Reasons() {
			reason := store.CommonReason(whole)
			if counted[reason] {
				continue
			}
			counted[reason] = true
			i, ok := at[reason]
			if !ok {
				i = len(out)
				at[reason] = i
				out = append(out, ParkedReason{Reason: reason, Newest: p.Received, Example: p.ID, Whole: whole})
			}
			out[i].Count++
		}
	}
	slices.SortStableFunc(out, func(a, b ParkedReason) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Reason, b.Reason)) })
	return out
}

func (s *service) createReplay(ctx context.Context, w string, in *replayIn) (*Out[ReplayResult], error) {
	b := in.Body
	if b.Archived && (len(b.IDs) > 0 || b.Reason != "") {
		return nil, invalid("body.archived", "goes without ids and reason: the archive holds whole deliveries")
	}
	var err error
	which := replay.Which{Workspace: w, IDs: b.IDs, Reason: b.Reason, App: b.App, Archived: b.Archived, Limit: maxReplay}
	if which.To, err = requestTime("body.to", b.To); err != nil {
		return nil, err
	}
	if which.To.IsZero() {
		which.To = social.Instant(s.Now()).Add(time.Millisecond)
	}
	if which.From, err = requestTime("body.from", b.From); err != nil {
		return nil, err
	}
	if which.From.IsZero() {
		which.From = which.To.Add(-defaultPeriod)
	}
	if !which.From.Before(which.To) {
		return nil, invalid("body.from", "is not before to")
	}
	if err := s.ask(ctx, w, limit.Replays); err != nil {
		return nil, err
	}
	out := &Out[ReplayResult]{ReplayResult{DryRun: b.DryRun}}
	if b.DryRun {
		out.Body.Result, err = s.Replay.DryRun(ctx, which, nil)
	} else {
		out.Body.Result, err = s.Replay.Run(ctx, which)
	}
	return out, err
}

// NewErasure names an account that is to be forgotten.
type NewErasure struct {
	Platform string `json:"platform" maxLength:"40" doc:"As the activity's actor has it"`
	Scope    string `json:"scope,omitempty" maxLength:"2048" doc:"The actor's scope; left out where the actor has none"`
	ID       string `json:"id" minLength:"1" maxLength:"2048" doc:"The actor's id on the platform"`
	Reason   string `json:"reason,omitempty" maxLength:"80" doc:"For the receipt: names nobody. By default \"asked for\""`
}

// QueuedErasure says what is going to be forgotten.
type QueuedErasure struct {
	At       time.Time `json:"at" doc:"What is done after this instant stays; the receipt has the same"`
	Platform string    `json:"platform"`
	Reason   string    `json:"reason"`
}

type newErasureIn struct {
	InWorkspace
	Body NewErasure
}

func (s *service) createErasure(ctx context.Context, w string, in *newErasureIn) (*Out[QueuedErasure], error) {
	b := in.Body
	if _, err := all.Find(social.Platform(b.Platform)); err != nil {
		return nil, invalid("body.platform", "is none that is known")
	}
	if b.ID == social.Unknown {
		return nil, invalid("body.id", "stands for nobody")
	}
	if err := s.ask(ctx, w, limit.Erasures); err != nil {
		return nil, err
	}
	at, reason := s.begun(ctx), cmp.Or(b.Reason, "asked for")
	if err := s.Erase(ctx, ingest.Erase{Workspace: w, Platform: b.Platform, Scope: b.Scope, ID: b.ID, Reason: reason, At: social.Stamp(at)}); err != nil {
		return nil, err
	}
	return &Out[QueuedErasure]{QueuedErasure{at, b.Platform, reason}}, nil
}

// Stays is something of an erased account that stays, or stays a while.
type Stays struct {
	What  string     `json:"what"`
	Why   string     `json:"why"`
	Until *time.Time `json:"until,omitempty" doc:"When it is gone at the latest; absent: it stays"`
}

// left says what stays of an erasure that was demanded at an instant.
func left(at time.Time) []Stays {
	until := func(days int) *time.Time { t := at.Add(time.Duration(days) * 24 * time.Hour); return &t }
	return []Stays{
		{"a keyed hash of the account's id", "so that nothing of it comes back by a redelivery", nil},
		{"this receipt", "it names nobody", nil},
		{"that others' messages were edited or deleted", "done by nobody named, so that what was deleted stays so", nil},
		{"mails that were sent and files that were fetched", "they have left", nil},
		{"backups of the table", "point-in-time recovery keeps each second of 35 days", until(36)},
		{"messages in queues and dead letters", "until they are done or expire", until(15)},
		{"logs", "an error may name an activity's key; they expire after LogRetentionDays, 30 by default", nil},
	}
}

// Erasure is the receipt of something that was erased.
type Erasure struct {
	ID       string         `json:"id" doc:"A keyed hash: who has the key and the account, or the scope where all of it went, can tell that it is the one"`
	At       time.Time      `json:"at" doc:"When it was demanded or asked for"`
	Platform string         `json:"platform"`
	Reason   string         `json:"reason" doc:"The platform's event, or what was given when it was asked for"`
	Done     bool           `json:"done" doc:"False while it is being carried out, or waits to be tried again; true once everything is gone. A second pass follows 15 minutes later, for what was being written meanwhile"`
	Removed  map[string]int `json:"removed" doc:"How many of what went: facts, decisions, views, quotes, reports, deliveries of the archive, others' deliveries out of which it was cut, parked ones"`
	Stays    []Stays        `json:"stays" doc:"What stays where, and why"`
}

type erasuresIn struct {
	InWorkspace
	Paged
}

func (s *service) listErasures(ctx context.Context, w string, in *erasuresIn) (*PageOut[Erasure], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, last, err := s.Store.Receipts(ctx, w, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &PageOut[Erasure]{Body: Page[Erasure]{Items: []Erasure{}}}
	for _, r := range list {
		out.Body.Items = append(out.Body.Items, Erasure{r.ID, r.At, r.Platform, r.Reason, r.Done, r.Removed, left(r.At)})
	}
	rest, _, err := s.Store.Receipts(ctx, w, last, 1)
	if err != nil {
		return nil, err
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(len(list) == in.Limit && len(rest) > 0, last))
	return out, err
}
