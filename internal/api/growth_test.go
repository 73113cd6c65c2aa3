package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
)

// TestGrowthOfPages: a page costs as much in a workspace of many as in one of
// few, the first and one far on. RAPPORT_GROWTH=100000 sets how many leads,
// conversations and activities are many.
func TestGrowthOfPages(t *testing.T) {
	few, many := 300, 1200
	if n, err := strconv.Atoi(os.Getenv("RAPPORT_GROWTH")); err == nil {
		few, many = 1000, n
	}
	x := newWorld(t)
	filled := func(w string, n int) {
		x.workspace(w, "ann")
		started := time.Now()
		errs := parallel.Each(t.Context(), n, 16, func(i int) error {
			a := post(fmt.Sprintf("u%06d", i), fmt.Sprintf("p%06d", i), "What does it cost?", time.Duration(i%(28*24*60))*time.Minute)
			a.Platform, a.Scope, a.Direction, a.Known = "standard", "forum", social.Inbound, t0
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
			if err := x.store.PutAccount(t.Context(), w, a); err != nil {
				return err
			}
			if _, err := x.store.PutActivity(t.Context(), w, a); err != nil {
				return err
			}
			l := store.Lead{Person: personOf(a), Model: leads.ModelID, Micro: int64(i) * 1000, First: a.Occurred, Seen: a.Occurred, AsOf: a.Occurred}
			if err := x.store.PutLead(t.Context(), w, l, nil); err != nil {
				return err
			}
			h := store.Head{Thread: fmt.Sprintf("thr_%06d", i), Asker: a.Account().AccountID(), Said: a.Occurred, Waiting: store.RefOf(a)}
			h.Started, h.Last, h.LastKey, h.WaitingSince, h.WaitingKey = a.Occurred, a.Occurred, a.Key, a.Occurred, a.Key
			return x.store.PutHead(t.Context(), w, h, store.Head{})
		})
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s filled in %s", w, time.Since(started).Round(time.Second))
	}
	filled("few", few)
	filled("many", many)

	// cost is what the first page of 50 costs, and the third, in read units.
	var lock sync.Mutex
	read := 0.0
	x.store.Consumed = func(r, _ float64) { lock.Lock(); read += r; lock.Unlock() }
	cost := func(w, path string) (first, third float64) {
		cursor := ""
		for page := range 3 {
			read = 0
			var p api.Page[json.RawMessage]
			x.call("ann", "GET", "/v1/workspaces/"+w+path+cursor, nil).want(t, http.StatusOK, &p)
			if len(p.Items) < 48 || p.NextCursor == "" {
				t.Fatalf("page %d of %s%s has %d items, and %q after it", page, w, path, len(p.Items), p.NextCursor)
			}
			if cursor = "&cursor=" + p.NextCursor; page == 0 {
				first = read
			}
		}
		return first, read
	}
	for name, path := range map[string]string{"leads": "/leads?limit=50", "waiting": "/conversations?order=oldest&limit=50", "conversations": "/conversations?state=all&limit=50", "activities": "/activities?limit=50"} {
		one, oneFar := cost("few", path)
		two, twoFar := cost("many", path)
		t.Logf("a page of %s: %.1f RRU of %d, %.1f of %d; far on %.1f, %.1f", name, one, few, two, many, oneFar, twoFar)
		if one == 0 || two > 1.2*one || twoFar > 1.2*oneFar {
			t.Errorf("a page of %s costs %.1f RRU of %d, and %.1f of %d", name, one, few, two, many)
		}
	}
}
