package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/platform/all"
	"rapport/internal/silence"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/watch"
)

// Health is how a source is.
type Health struct {
	Source    string         `json:"source" doc:"The source's id"`
	Name      string         `json:"name" example:"Our page"`
	Platform  string         `json:"platform" example:"meta"`
	AsOf      time.Time      `json:"as_of" doc:"The instant this is as of"`
	Status    string         `json:"status" enum:"revoked,failing,refusing,silent,lease_ending,waiting,ok" doc:"The first that holds. revoked: the grant behind it was taken back; failing: it can't be fetched, or its subscription has lapsed; refusing: far more of its app's requests are refused than usual, or some before anything came; silent: quiet for longer than its rhythm explains; lease_ending: its subscription is about to lapse; waiting: for the first delivery; ok"`
	WhatToDo  string         `json:"what_to_do,omitempty" doc:"In plain words; absent where nothing is to be done"`
	LastHeard *time.Time     `json:"last_heard,omitempty" doc:"The slot of five minutes in which something last came, by its start; absent if nothing ever did"`
	Silence   Silence        `json:"silence"`
	Rhythm    *Rhythm        `json:"rhythm,omitempty" doc:"When something usually comes; absent without enough data"`
	Refusals  *Refusals      `json:"refusals,omitempty" doc:"Requests to the app's hook that were refused; for the app's owner only"`
	Parked    ParkedCount    `json:"parked" doc:"What the app was sent in the last 7 days that could not be understood, and still is not"`
	Lease     *Lease         `json:"lease,omitempty" doc:"The subscription, where Rapport renews it"`
	LastSign  *time.Time     `json:"last_sign,omitempty" doc:"When the platform last showed, by a handshake or a delivery, that it delivers here; of platforms that test the hook"`
	Revoked   *RevokedGrant  `json:"revoked,omitempty"`
	Polling   *PollingHealth `json:"polling,omitempty" doc:"Where Rapport fetches the source"`
}

// Silence is what the present quiet of a source means.
type Silence struct {
	Since         *time.Time `json:"since,omitempty" doc:"Since when nothing has come"`
	Probability   *float64   `json:"probability,omitempty" minimum:"0" maximum:"1" doc:"That a source of this rhythm is quiet for so long at least once in four weeks by chance. Below 0.001 it is silent"`
	NotEnoughData string     `json:"not_enough_data,omitempty" doc:"What is missing for a probability" example:"2 more whole weeks"`
	AlarmAt       *time.Time `json:"alarm_at,omitempty" doc:"When it will count as silent if nothing comes until then; absent where that can't be foreseen"`
}

// Rhythm is when a source is usually heard.
type Rhythm struct {
	Weeks        int     `json:"weeks" doc:"Whole weeks that it is learnt from, at most 8"`
	Slots        int     `json:"slots" doc:"Slots of five minutes in them in which something came"`
	SlotsPerWeek float64 `json:"slots_per_week" doc:"How many are usual in a week"`
	BusiestDay   string  `json:"busiest_weekday" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday" doc:"Of the busiest hour"`
	BusiestHour  int     `json:"busiest_hour" minimum:"0" maximum:"23" doc:"In the workspace's time zone"`
	QuietHours   int     `json:"quiet_hours" minimum:"0" maximum:"168" doc:"Hours of the week in which hardly anything ever comes: in fewer than 1 of 100 of their slots"`
	Resumes      float64 `json:"resumes" doc:"How fast something comes again once it is quiet, as a multiple of the rhythm's rate: 1 where deliveries come one by one, less where they come in bursts"`
}

// Refusals counts requests to an app's hook that were refused.
type Refusals struct {
	Day    int    `json:"last_24_hours"`
	Hour   int    `json:"last_hour"`
	Reason string `json:"reason,omitempty" doc:"The commonest"`
}

// ParkedCount counts what is parked.
type ParkedCount struct {
	Count    int           `json:"count"`
	AtLeast  bool          `json:"at_least" doc:"There is more in the workspace than was counted"`
	ByReason []ReasonCount `json:"by_reason" doc:"The ten commonest reasons"`
}

// ReasonCount is how often something happened for a reason, without what
// differs from one to the other.
type ReasonCount struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Lease is the state of a subscription.
type Lease struct {
	Asked   time.Time  `json:"asked" doc:"When Rapport last asked for it"`
	Until   *time.Time `json:"until,omitempty" doc:"When what was granted ends; absent if nothing was"`
	Problem string     `json:"problem,omitempty" doc:"Why the last asking was in vain"`
}

// RevokedGrant says that the grant behind a source has ended.
type RevokedGrant struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// PollingHealth is how fetching a source goes.
type PollingHealth struct {
	Failures    int        `json:"failures" doc:"In a row"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
	Problem     string     `json:"problem,omitempty" doc:"Of the last failure"`
	Next        *time.Time `json:"next,omitempty" doc:"When it is fetched next"`
}

// Announcement is something that crossed a line.
type Announcement struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind" example:"source_silent" doc:"source_silent, source_heard_again, grant_revoked, renewal_failed, handshake_missing, requests_refused, fetching_fails, lead_to_call, lead_not_to_call, lead_engagement_up, lead_engagement_down; there may be others"`
	Source   string            `json:"source,omitempty" doc:"The source it is about, if it is about one"`
	Person   string            `json:"person,omitempty" doc:"The person it is about, if it is about one: get-lead shows who that is"`
	At       time.Time         `json:"at" doc:"When it was announced"`
	Text     string            `json:"text" doc:"For people"`
	Evidence map[string]string `json:"evidence" doc:"What it rests on, by name"`
}

type announcementsIn struct {
	InWorkspace
	Paged
}

// health registers what tells how sources are.
func (s *service) health(api huma.API) {
	x := watch.New(watch.Deps{Store: s.Store, Adapter: all.Find})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-source-health", Method: http.MethodGet, Path: "/sources/{source}/health", Tags: []string{"sources"}, Summary: "Get a source's health",
		Description: "Whether it is heard as often as usual, whether its subscription holds, what was refused or could not be understood, and what to do."},
		func(ctx context.Context, w string, in *InSource) (*Out[Health], error) {
			now := s.Now().UTC()
			h, err := x.HealthOf(ctx, w, in.Source, now)
			if err != nil {
				return nil, err
			}
			parked, err := s.parkedCounts(ctx, w, now)
			if err != nil {
				return nil, err
			}
			return &Out[Health]{health(h, parked, now)}, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-health", Method: http.MethodGet, Path: "/health", Tags: []string{"sources"}, Summary: "List the health of all sources"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Health]], error) {
			now := s.Now().UTC()
			list, err := x.HealthOfAll(ctx, w, now)
			if err != nil {
				return nil, err
			}
			parked, err := s.parkedCounts(ctx, w, now)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Health]]{List[Health]{Items: []Health{}}}
			for _, h := range list {
				out.Body.Items = append(out.Body.Items, health(h, parked, now))
			}
			return out, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-announcements", Method: http.MethodGet, Path: "/announcements", Tags: []string{"sources"}, Summary: "List announcements",
		Description: "Newest first: what crossed a line, each occasion once. The newest may take a moment to appear."}, s.listAnnouncements)
}

func health(h watch.Health, parked parkedCounts, now time.Time) Health {
	out := Health{Source: h.Source.ID, Name: h.Source.Name, Platform: string(h.Source.Platform), AsOf: now, Status: string(h.Status), WhatToDo: h.WhatToDo(),
		LastHeard: some(h.LastHeard), Parked: parked.of(h.Source.App), LastSign: some(h.Proof)}
	out.Silence.NotEnoughData = h.Missing
	if !h.LastHeard.IsZero() {
		out.Silence.Since = some(silence.SilentSince(h.LastHeard))
	}
	if h.Missing == "" {
		p := h.Probability
		out.Silence.Probability, out.Silence.AlarmAt = &p, some(h.AlarmAt)
		r := Rhythm{Weeks: h.Rhythm.Weeks, Slots: h.Rhythm.Slots, SlotsPerWeek: h.Rhythm.PerWeek(), Resumes: h.Rhythm.Resume}
		best := 0
		for hour, chance := range h.Rhythm.Chance {
			if chance > h.Rhythm.Chance[best] {
				best = hour
			}
			if chance < 0.01 {
				r.QuietHours++
			}
		}
		r.BusiestDay, r.BusiestHour = strings.ToLower(time.Weekday(best/24).String()), best%24
		out.Rhythm = &r
	}
	if h.Refusals.Owned {
		out.Refusals = &Refusals{Day: h.Refusals.Day, Hour: h.Refusals.Hour, Reason: h.Refusals.Reason}
	}
	if l := h.Lease; l != nil {
		out.Lease = &Lease{Asked: l.Asked, Until: some(l.Until), Problem: l.Error}
	}
	if r := h.Revocation; r != nil {
		out.Revoked = &RevokedGrant{At: r.At, Reason: r.Reason}
	}
	if p := h.Poll; p != nil {
		out.Polling = &PollingHealth{Failures: p.Failures, LastSuccess: some(p.Success), Problem: p.Reason, Next: some(p.Due)}
	}
	return out
}

const (
	parkedFor     = 7 * 24 * time.Hour // how far back what is parked is counted
	parkedAtMost  = 1000               // how much of it is looked at, of the whole workspace
	parkedReasons = 10                 // how many reasons are told
)

// parkedCounts is what is parked in a workspace, by app and reason.
type parkedCounts struct {
	since time.Time
	more  bool
	byApp map[string]map[string]int
}

// parkedCounts counts what was parked in the seven days before now, the newest
// thousand at most, and has not been understood since.
func (s *service) parkedCounts(ctx context.Context, w string, now time.Time) (parkedCounts, error) {
	c := parkedCounts{since: now.Add(-parkedFor), byApp: map[string]map[string]int{}}
	left := parkedAtMost
	first := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }
	for month := first(now); !month.Before(first(c.since)); month = month.AddDate(0, -1, 0) {
		list, _, err := s.Store.Parked(ctx, w, month, "", left+1)
		if err != nil {
			return c, err
		}
		for _, p := range list {
			switch {
			case p.Received.Before(c.since):
				return c, nil
			case left == 0:
				c.more = true
				return c, nil
			}
			left--
			if !p.Replayed.IsZero() {
				continue
			}
			if c.byApp[p.App] == nil {
				c.byApp[p.App] = map[string]int{}
			}
			c.byApp[p.App][store.CommonReason(p.Reason)]++
		}
	}
	return c, nil
}

// of is what is parked of an app.
func (c parkedCounts) of(app string) ParkedCount {
	out := ParkedCount{AtLeast: c.more, ByReason: []ReasonCount{}}
	for reason, n := range c.byApp[app] {
		out.Count += n
		out.ByReason = append(out.ByReason, ReasonCount{reason, n})
	}
	slices.SortFunc(out.ByReason, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	out.ByReason = out.ByReason[:min(parkedReasons, len(out.ByReason))]
	return out
}

func (s *service) listAnnouncements(ctx context.Context, w string, in *announcementsIn) (*PageOut[Announcement], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, last, err := s.Store.Announcements(ctx, w, after, in.Limit)
	if err != nil {
		return nil, err
	}
	if len(list) == in.Limit {
		rest, _, err := s.Store.Announcements(ctx, w, last, 1)
		if err != nil {
			return nil, err
		}
		last = placeIf(len(rest) > 0, last)
	} else {
		last = ""
	}
	out := &PageOut[Announcement]{Body: Page[Announcement]{Items: []Announcement{}}}
	for _, a := range list {
		if a.Evidence == nil {
			a.Evidence = map[string]string{}
		}
		out.Body.Items = append(out.Body.Items, Announcement(a))
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}
