package api_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/drill"
	"rapport/internal/limit"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Each limit that a caller can reach: as many as it has room for pass, one more
// is answered 429 and told what is used, and another workspace goes on.
func TestLimitsAreReached(t *testing.T) {
	const room = 2
	names := 0
	rate := map[limit.Name]time.Duration{limit.Runs: time.Hour, limit.Replays: time.Hour, limit.Discoveries: 24 * time.Hour, limit.Publications: 24 * time.Hour, limit.Backtests: 24 * time.Hour, limit.Erasures: time.Hour, limit.Checks: time.Hour}
	source := func(name string) map[string]any {
		return map[string]any{"platform": "github", "name": name, "scope": name, "secret": "kR7vQ2mX9sLw4TzB8nYc"}
	}
	for name, try := range map[limit.Name]func(x *world, w string, i int) reply{
		limit.Invitations: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/invitations", map[string]any{"role": "viewer"})
		},
		limit.Keys: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/keys", map[string]any{"name": "k", "role": "viewer", "expires": x.now.Add(time.Hour)})
		},
		limit.Sources: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/sources", source(fmt.Sprintf("a/b%d", i)))
		},
		limit.Apps: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/sources", source(fmt.Sprintf("a/b%d", i)))
		},
		limit.Polled: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/sources", map[string]any{"platform": "feed", "name": "f", "scope": fmt.Sprintf("https://example.com/%d.xml", i)})
		},
		limit.Reports: func(x *world, w string, i int) reply { // it has the weekly one
			return x.call("ann", "PUT", fmt.Sprintf("/v1/workspaces/%s/reports/r%d", w, i), map[string]any{"name": "W", "weekday": "friday", "time": "09:00", "recipients": []string{}})
		},
		limit.Drafts: func(x *world, w string, i int) reply {
			return x.call("ann", "PUT", fmt.Sprintf("/v1/workspaces/%s/model-drafts/d%d", w, i), map[string]any{"model": map[string]any{}})
		},
		limit.Members: func(x *world, w string, i int) reply { // it has its owner
			var inv api.CreatedInvitation
			x.call("ann", "POST", "/v1/workspaces/"+w+"/invitations", map[string]any{"role": "viewer"}).want(t, http.StatusCreated, &inv)
			return x.call(fmt.Sprint("m", i), "POST", "/v1/invitations/redeem", map[string]any{"code": inv.Code})
		},
		limit.Runs: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/reports/weekly/runs", map[string]any{})
		},
		limit.Replays: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/replays", map[string]any{"dry_run": i%2 == 0})
		},
		limit.Discoveries: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/theme-sets", map[string]any{})
		},
		limit.Publications: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/models/1/activations", nil)
		},
		limit.Backtests: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/backtests", map[string]any{"version": "1", "positive": []string{"won"}})
		},
		limit.Erasures: func(x *world, w string, i int) reply {
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/erasures", map[string]any{"platform": "x", "id": fmt.Sprint(i)})
		},
		limit.Checks: func(x *world, w string, i int) reply {
			list, err := x.store.Sources(t.Context(), w)
			if err != nil || len(list) == 0 {
				x.call("ann", "POST", "/v1/workspaces/"+w+"/sources", source("a/b")).want(t, http.StatusCreated, nil)
				list, _ = x.store.Sources(t.Context(), w)
			}
			return x.call("ann", "POST", "/v1/workspaces/"+w+"/sources/"+list[0].ID+"/checks", nil)
		},
	} {
		t.Run(string(name), func(t *testing.T) {
			x := newWorld(t)
			x.workspace("acme", "ann")
			x.workspace("other", "ann")
			most := room
			if name == limit.Reports || name == limit.Members {
				most++
			}
			if err := x.store.SetLimit(t.Context(), "acme", name, most, false); err != nil {
				t.Fatal(err)
			}
			for i := range room {
				if r := try(x, "acme", i); r.status/100 != 2 {
					t.Fatalf("the %d. of %d: %d %s", i+1, room, r.status, r.body)
				}
			}
			names++
			r := try(x, "acme", room)
			p := r.problem(t, http.StatusTooManyRequests)
			if want := fmt.Sprintf("the limit %s is reached, %d of %d", name, most, most); !strings.Contains(p.Detail, want) || !strings.Contains(p.Detail, "): ") {
				t.Errorf("told %q, want %q and what to do", p.Detail, want)
			}
			wait := r.header.Get("Retry-After")
			if (wait != "") != (rate[name] > 0) {
				t.Errorf("Retry-After is %q", wait)
			}
			if r := try(x, "other", room+1); r.status/100 != 2 {
				t.Errorf("another workspace: %d %s", r.status, r.body)
			}
			var u api.Usage
			x.get("ann", "/v1/workspaces/acme/usage", &u)
			for _, l := range u.Limits {
				if l.Name == string(name) && (l.Most != most || l.Used == nil || *l.Used != most || l.Default) {
					t.Errorf("usage says %+v", l)
				}
			}
			if rate[name] == 0 {
				return
			}
			x.now = x.now.Truncate(rate[name]).Add(rate[name])
			if r := try(x, "acme", room+2); r.status/100 != 2 {
				t.Errorf("in the next window: %d %s", r.status, r.body)
			}
		})
	}
	drill.Show(t, "%d limits: the one more is answered 429, and another workspace is not", names)
}

// atOnce runs f n times at once and returns how many were answered with the status.
func atOnce(n, status int, f func(i int) int) (got int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		wg.Go(func() {
			s := f(i)
			mu.Lock()
			defer mu.Unlock()
			if s == status {
				got++
			}
		})
	}
	wg.Wait()
	return got
}

// The last place is taken once, however many want it at the same time.
func TestTheLastPlaceIsTakenOnce(t *testing.T) {
	x := newWorld(t)
	most := limit.Set{}.Most(limit.Workspaces)
	for i := range most - 1 {
		x.workspace(fmt.Sprintf("w%02d", i), "ann")
	}
	if n := atOnce(6, http.StatusCreated, func(i int) int {
		return x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": fmt.Sprintf("last%d", i), "name": "L", "time_zone": "UTC"}).status
	}); n != 1 {
		t.Errorf("the last workspace was made %d times", n)
	}
	p := x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": "more", "name": "L", "time_zone": "UTC"}).problem(t, http.StatusTooManyRequests)
	if !strings.Contains(p.Detail, "workspaces is reached, 20 of 20") {
		t.Errorf("told %q", p.Detail)
	}
	x.workspace("bobs", "bob")

	if err := x.store.SetLimit(t.Context(), "w00", limit.Members, 2, false); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for range 5 {
		var inv api.CreatedInvitation
		x.call("ann", "POST", "/v1/workspaces/w00/invitations", map[string]any{"role": "viewer"}).want(t, http.StatusCreated, &inv)
		codes = append(codes, inv.Code)
	}
	if n := atOnce(5, http.StatusCreated, func(i int) int {
		return x.call(fmt.Sprint("guest", i), "POST", "/v1/invitations/redeem", map[string]any{"code": codes[i]}).status
	}); n != 1 {
		t.Errorf("the last member's place was taken %d times", n)
	}
	if list, err := x.store.Members(t.Context(), "w00"); err != nil || len(list) != 2 {
		t.Errorf("%d members, %v", len(list), err)
	}
	// What is asked for in a window, too.
	if n := atOnce(8, http.StatusAccepted, func(int) int {
		if x.store.Ask(context.Background(), "w00", limit.Discoveries, 1, 3, x.now) == nil {
			return http.StatusAccepted
		}
		return http.StatusTooManyRequests
	}); n != 3 {
		t.Errorf("%d passed a limit of 3", n)
	}
}

// A workspace that is stopped can be read and not changed, but for what must
// go on; who stopped it decides who can start it.
func TestStoppedWorkspace(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.invite("acme", "ann", "vera", social.Viewer)
	stop := func(who string, v bool) reply {
		return x.call(who, "PUT", "/v1/workspaces/acme/stopped", map[string]any{"stopped": v})
	}
	stop("vera", true).problem(t, http.StatusForbidden)
	stop("ann", true).want(t, http.StatusOK, nil)
	rename := func() reply {
		return x.call("ann", "PUT", "/v1/workspaces/acme/name", map[string]any{"name": "New"})
	}
	if p := rename().problem(t, http.StatusConflict); !strings.Contains(p.Detail, "an owner starts it") {
		t.Errorf("told %q", p.Detail)
	}
	x.get("vera", "/v1/workspaces/acme/leads", nil)
	x.call("ann", "POST", "/v1/workspaces/acme/erasures", map[string]any{"platform": "x", "id": "1"}).want(t, http.StatusAccepted, nil)
	x.call("ann", "DELETE", "/v1/workspaces/acme/members/"+store.MemberID("vera"), nil).want(t, http.StatusNoContent, nil)
	if rests, err := x.store.Rests(t.Context(), "acme"); err != nil || !rests {
		t.Errorf("it rests: %v, %v", rests, err)
	}
	stop("ann", false).want(t, http.StatusOK, nil)
	rename().want(t, http.StatusOK, nil)

	if err := x.store.StopWorkspace(t.Context(), "acme", store.Operator, x.now); err != nil {
		t.Fatal(err)
	}
	for _, v := range []bool{false, true} {
		if p := stop("ann", v).problem(t, http.StatusConflict); !strings.Contains(p.Detail, "operator") {
			t.Errorf("an owner against the operator: %q", p.Detail)
		}
	}
	if p := rename().problem(t, http.StatusConflict); !strings.Contains(p.Detail, "ask the operator") {
		t.Errorf("told %q", p.Detail)
	}
	if err := x.store.StartWorkspace(t.Context(), "acme", store.Operator); err != nil {
		t.Fatal(err)
	}
	rename().want(t, http.StatusOK, nil)
}

// price reads a figure of docs/cost.md: the value in the row of that name.
func price(t *testing.T, row string) float64 {
	t.Helper()
	cost, err := os.ReadFile("../../docs/cost.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(cost), "\n| "+row+" | ")
	value, _, _ := strings.Cut(rest, " ")
	v, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		t.Fatalf("docs/cost.md has no figure %q", row)
	}
	return v
}

// Usage counts what happened in a month of UTC and stands, in its workspace
// alone; parked deliveries are none of it, and the month's limit counts what
// was received. Its price is that of docs/cost.md.
func TestUsage(t *testing.T) {
	million, quiet := price(t, "the same, 500 workspaces"), price(t, "each further quiet workspace, a month")
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i, at := range []time.Time{november.Add(-time.Millisecond), november, x.now.Add(-time.Hour), november.AddDate(0, 1, 0).Add(-time.Millisecond), november.AddDate(0, 1, 0)} {
		p := post("ada", fmt.Sprint(i), strings.Repeat("x", 2000*(i+1)), 0)
		p.Occurred = at
		x.item("acme", p)
	}
	x.item("other", post("ada", "0", "short", time.Hour))
	for i := range 3 {
		if err := x.store.Park(t.Context(), "acme", store.Parked{ID: fmt.Sprint("prk_", i), App: "app_1", Delivery: fmt.Sprint("dlv_", i), Received: x.now, Reason: "no actor", Object: "parked/acme/x"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.store.AddAsked(t.Context(), "acme", limit.Activities, 8, x.now); err != nil { // as ingest counts, late ones and edits too
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, w, month    string
		activities, text int // bytes of text of an activity, in the mean
		counted          int // of the limit, which is of now
	}{
		{"ann", "acme", "2026-01", 0, 0, 8},
		{"ann", "acme", "2026-10", 1, 2000, 8},
		{"ann", "acme", "2026-11", 3, (4000 + 6000 + 8000) / 3, 8},
		{"ann", "acme", "2026-12", 1, 10_000, 8},
		{"bob", "other", "2026-10", 0, 0, 0},
		{"bob", "other", "2026-11", 1, 5, 0},
	} {
		var u api.Usage
		x.get(c.who, "/v1/workspaces/"+c.w+"/usage?month="+c.month, &u)
		if u.Activities != c.activities || u.More || u.Month != c.month || u.Stopped != nil {
			t.Errorf("%+v: %+v", c, u)
		}
		if want := quiet + float64(c.activities)*million/1e6; math.Abs(u.Dollars-want) > 1e-12 {
			t.Errorf("%+v: %v dollars, want %v", c, u.Dollars, want)
		}
		each := 0
		if c.activities > 0 {
			each = int(u.StoredBytes) / c.activities
		}
		if each < c.text || each > c.text+1500*min(c.activities, 1) { // what stands beside the text
			t.Errorf("%+v: %d bytes for an activity", c, each)
		}
		for _, l := range u.Limits {
			if l.Name == string(limit.Activities) && (l.Used == nil || *l.Used != c.counted || l.Most != 1_000_000 || !l.Default || !l.Renewed.Equal(november.AddDate(0, 1, 0))) {
				t.Errorf("%+v: %+v, used %v", c, l, l.Used)
			}
		}
	}
	var now api.Usage
	if x.get("ann", "/v1/workspaces/acme/usage", &now); now.Month != "2026-11" || now.Activities != 3 {
		t.Errorf("without a month: %+v", now)
	}
	x.call("bob", "GET", "/v1/workspaces/acme/usage", nil).problem(t, http.StatusNotFound)
}
