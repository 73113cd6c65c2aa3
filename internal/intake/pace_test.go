package intake_test

import (
	"strconv"
	"testing"
	"time"

	"rapport/internal/limit"
	"rapport/internal/platform"
)

// An app that sends more than the limit of a minute is told to wait, if its
// platform sends again; others are taken ten times as many. No other app waits.
func TestPace(t *testing.T) {
	const key = "f1f10123456789abcdef0123456789ab"
	most := limit.Set{}.Most(limit.Deliveries)
	for app, want := range map[string]int{"meta-1": most, "github-1": 10 * most} {
		scope := map[string]string{"meta-1": "100", "github-1": "acme/widgets"}[app]
		g := newGate(t, map[string]platform.Secrets{app: {Keys: []string{key}}, "meta-2": {Keys: []string{key}}})
		r := sample(t, app, scope, key)
		taken := 0
		for {
			w := g.do(r)
			if w.Code == 429 {
				if s, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || s < 1 || s > 60 {
					t.Errorf("%s: Retry-After is %q", app, w.Header().Get("Retry-After"))
				}
				break
			}
			if taken++; taken > want {
				break
			}
		}
		if taken != want || len(g.queued) != want {
			t.Errorf("%s: %d taken, %d queued, want %d", app, taken, len(g.queued), want)
		}
		if w := g.do(sample(t, "meta-2", "100", key)); w.Code != 200 {
			t.Errorf("another app waits for %s: %d", app, w.Code)
		}
		g.clock = g.clock.Add(time.Second)
		if w := g.do(r); w.Code/100 != 2 {
			t.Errorf("%s: a second later: %d", app, w.Code)
		}
	}
}
