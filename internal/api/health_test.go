package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/parallel"
	"rapport/internal/store"
)

type health struct {
	Source    string     `json:"source"`
	Status    string     `json:"status"`
	WhatToDo  string     `json:"what_to_do"`
	AsOf      time.Time  `json:"as_of"`
	LastHeard *time.Time `json:"last_heard"`
	Silence   struct {
		Since         *time.Time `json:"since"`
		Probability   *float64   `json:"probability"`
		NotEnoughData string     `json:"not_enough_data"`
		AlarmAt       *time.Time `json:"alarm_at"`
	} `json:"silence"`
	Rhythm *struct {
		Weeks        int     `json:"weeks"`
		Slots        int     `json:"slots"`
		SlotsPerWeek float64 `json:"slots_per_week"`
		BusiestHour  int     `json:"busiest_hour"`
		QuietHours   int     `json:"quiet_hours"`
	} `json:"rhythm"`
	Refusals *struct {
		Day    int    `json:"last_24_hours"`
		Reason string `json:"reason"`
	} `json:"refusals"`
	Parked struct {
		Count    int  `json:"count"`
		AtLeast  bool `json:"at_least"`
		ByReason []struct {
			Reason string `json:"reason"`
			Count  int    `json:"count"`
		} `json:"by_reason"`
	} `json:"parked"`
	Lease *struct {
		Until   *time.Time `json:"until"`
		Problem string     `json:"problem"`
	} `json:"lease"`
	Revoked *struct {
		Reason string `json:"reason"`
	} `json:"revoked"`
	Polling *struct {
		Failures int    `json:"failures"`
		Problem  string `json:"problem"`
	} `json:"polling"`
}

// connect makes a workspace with a source of the app "app", as if by hand.
func (x *world) connect(w, id, app, scope string, newApp bool) {
	x.t.Helper()
	if err := x.store.CreateSource(x.t.Context(), store.App{ID: app, Owner: w, Platform: "meta"}, newApp,
		store.Source{ID: id, Workspace: w, App: app, Platform: "meta", Scope: scope, Name: "Our page", Created: x.now.Add(-70 * 24 * time.Hour)}); err != nil {
		x.t.Fatal(err)
	}
}

func TestHealthOfASource(t *testing.T) {
	x := newWorld(t)
	x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": "acme", "name": "Acme", "time_zone": "Europe/Berlin"}).want(t, http.StatusCreated, nil)
	x.connect("acme", "src_1", "app_1", "1", true)
	x.connect("acme", "src_2", "app_2", "2", true)
	const path = "/v1/workspaces/acme/sources/src_1/health"
	get := func(caller string) health {
		t.Helper()
		var h health
		x.call(caller, "GET", path, nil).want(t, http.StatusOK, &h)
		return h
	}
	h := get("ann")
	if h.Status != "waiting" || !strings.Contains(h.WhatToDo, "Register the source's hook address") || h.LastHeard != nil || h.Silence.NotEnoughData == "" || h.Silence.Probability != nil ||
		h.Rhythm != nil || h.Refusals == nil || !h.AsOf.Equal(x.now) {
		t.Errorf("waiting: %+v", h)
	}

	// Eight weeks of a slot in each of ten hours of each day, the last of them now.
	last := x.now.UTC().Truncate(time.Hour)
	for _, err := range parallel.Each(t.Context(), 57*10, 8, func(i int) error {
		return x.store.PutHeard(t.Context(), "acme", "src_1", last.Add(-time.Duration(i/10)*24*time.Hour-time.Duration(i%10)*time.Hour))
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	x.now = last.Add(10 * time.Minute)
	h = get("ann")
	if h.Status != "ok" || h.WhatToDo != "" || h.LastHeard == nil || !h.LastHeard.Equal(last) || !h.Silence.Since.Equal(last.Add(5*time.Minute)) || h.Silence.Probability == nil ||
		*h.Silence.Probability < 0.5 || h.Silence.AlarmAt == nil || h.Silence.AlarmAt.Sub(last) > 4*24*time.Hour || h.Silence.NotEnoughData != "" {
		t.Errorf("ok: %+v", h)
	}
	if r := h.Rhythm; r == nil || r.Weeks != 8 || r.Slots < 540 || r.SlotsPerWeek < 60 || r.SlotsPerWeek > 80 || r.QuietHours == 0 {
		t.Errorf("rhythm %+v", h.Rhythm)
	}
	x.now = *h.Silence.AlarmAt
	if h = get("ann"); h.Status != "silent" || *h.Silence.Probability >= 0.001 || !strings.Contains(h.WhatToDo, "Meta developer portal") {
		t.Errorf("silent: %+v", h)
	}

	note := store.Note{App: "app_1", Instance: "i", Slot: x.now.Add(-2 * time.Hour), Refused: 3, Reason: "no signature"}
	if err := x.store.PutNote(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	if h = get("ann"); h.Refusals.Day != 3 || h.Refusals.Reason != "no signature" || !strings.Contains(h.WhatToDo, "3 of the app's requests were refused, mostly: no signature") {
		t.Errorf("refused: %+v", h.Refusals)
	}
	if err := x.store.PutLease(t.Context(), "acme", "src_1", store.Lease{Asked: x.now, Until: x.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := x.store.PutRevoked(t.Context(), "acme", "src_1", x.now, "the app was removed"); err != nil {
		t.Fatal(err)
	}
	if h = get("ann"); h.Status != "revoked" || h.Revoked == nil || h.Revoked.Reason != "the app was removed" || h.Lease != nil { // Meta's subscriptions have no lease
		t.Errorf("revoked: %+v", h)
	}

	// What is renewed and what is fetched says how that goes.
	for _, y := range []store.Source{{ID: "src_3", App: "app_3", Platform: "youtube", Scope: "UC0123456789012345678901"}, {ID: "src_4", App: "app_4", Platform: "feed", Scope: "https://blog.example/feed"}} {
		y.Workspace, y.Created = "acme", x.now
		if err := x.store.CreateSource(t.Context(), store.App{ID: y.App, Owner: "acme", Platform: y.Platform}, true, y); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.store.PutLease(t.Context(), "acme", "src_3", store.Lease{Asked: x.now, Error: "the platform answered with the status 503"}); err != nil {
		t.Fatal(err)
	}
	if err := x.store.MovePoll(t.Context(), &store.Poll{Workspace: "acme", Source: "src_4", Failures: 7, Reason: "no feed there"}, x.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var all struct{ Items []health }
	x.call("ann", "GET", "/v1/workspaces/acme/health", nil).want(t, http.StatusOK, &all)
	if len(all.Items) == 4 {
		if h := all.Items[2]; h.Status != "failing" || h.Lease == nil || h.Lease.Until != nil || h.Lease.Problem != "the platform answered with the status 503" {
			t.Errorf("renewed: %+v", h)
		}
		if h := all.Items[3]; h.Status != "failing" || h.Polling == nil || h.Polling.Failures != 7 || h.Polling.Problem != "no feed there" {
			t.Errorf("fetched: %+v", h)
		}
	}
	if len(all.Items) != 4 || all.Items[0].Status != "revoked" || all.Items[1].Source != "src_2" || all.Items[1].Status != "waiting" {
		t.Errorf("all: %+v", all.Items)
	}
	x.call("ann", "GET", "/v1/workspaces/acme/sources/src_9/health", nil).want(t, http.StatusNotFound, nil)
	x.call("eve", "GET", path, nil).want(t, http.StatusNotFound, nil)
}

func TestParkedIsCountedForSevenDays(t *testing.T) {
	x := newWorld(t)
	x.now = time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC) // the seven days begin in October
	x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": "acme", "name": "Acme", "time_zone": "UTC"}).want(t, http.StatusCreated, nil)
	x.connect("acme", "src_1", "app_1", "1", true)
	park := func(n int, app, reason string, ago time.Duration) {
		t.Helper()
		for _, err := range parallel.Each(t.Context(), n, 8, func(i int) error {
			return x.store.Park(t.Context(), "acme", store.Parked{ID: fmt.Sprint(app, reason, ago, i), App: app, Delivery: fmt.Sprint("dlv", i), Received: x.now.Add(-ago), Reason: reason})
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	park(3, "app_1", "no actor", time.Hour)
	park(5, "app_1", "no id", 6*24*time.Hour)
	park(4, "app_1", "no id", 8*24*time.Hour)
	park(9, "app_2", "no time", time.Hour)
	park(1, "app_1", "understood since", 2*time.Hour)
	if err := x.store.Unpark(t.Context(), "acme", x.now.Add(-2*time.Hour), "dlv0", nil, x.now); err != nil {
		t.Fatal(err)
	}
	get := func() health {
		t.Helper()
		var h health
		x.call("ann", "GET", "/v1/workspaces/acme/sources/src_1/health", nil).want(t, http.StatusOK, &h)
		return h
	}
	h := get()
	if h.Parked.Count != 8 || h.Parked.AtLeast || len(h.Parked.ByReason) != 2 || h.Parked.ByReason[0].Reason != "no id" || h.Parked.ByReason[0].Count != 5 || h.Parked.ByReason[1].Count != 3 {
		t.Errorf("%+v", h.Parked)
	}
	park(1000, "app_1", "too much", 30*time.Minute)
	if h = get(); h.Parked.Count != 1000 || !h.Parked.AtLeast {
		t.Errorf("more than are looked at: %d, %t", h.Parked.Count, h.Parked.AtLeast)
	}
}

func TestAnnouncementsByPages(t *testing.T) {
	x := newWorld(t)
	x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": "acme", "name": "Acme", "time_zone": "UTC"}).want(t, http.StatusCreated, nil)
	var want []string
	for i := range 5 {
		id := fmt.Sprint("ann_", i)
		if _, err := x.store.Announce(t.Context(), "acme", store.Announcement{ID: id, Kind: "source_silent", Source: "src_1", At: x.now.Add(-time.Duration(i) * time.Hour), Text: "Silent.",
			Evidence: map[string]string{"probability": "0.0004"}}); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	for _, limit := range []int{1, 2, 5, 50} {
		var got []string
		path := fmt.Sprint("/v1/workspaces/acme/announcements?limit=", limit)
		cursor := ""
		for range 9 {
			var page struct {
				Items []struct {
					ID, Kind, Source, Text string
					Evidence               map[string]string
				}
				NextCursor string `json:"next_cursor"`
			}
			at := path
			if cursor != "" {
				at += "&cursor=" + cursor
			}
			x.call("ann", "GET", at, nil).want(t, http.StatusOK, &page)
			for _, a := range page.Items {
				got = append(got, a.ID)
				if a.Kind != "source_silent" || a.Source != "src_1" || a.Text != "Silent." || a.Evidence["probability"] != "0.0004" {
					t.Errorf("%+v", a)
				}
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("by %d: %s", limit, d)
		}
	}
	x.call("eve", "GET", "/v1/workspaces/acme/announcements", nil).want(t, http.StatusNotFound, nil)
}
