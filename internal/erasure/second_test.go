package erasure

import (
	"encoding/json"
	"fmt"
	"testing"

	"rapport/internal/ingest"
	"rapport/internal/social"
)

// Each activity that goes is named once, there is a second pass also where
// nothing goes, one message alone does all of it, and each fits into the queue.
func TestSecondPassIsWhole(t *testing.T) {
	m := ingest.Erase{Workspace: "acme", Platform: "slack", Scope: "T061EG9R6", Reason: "app_uninstalled", At: "2026-11-02T09:00:00.000Z"}
	for n, want := range map[int]int{0: 1, 1: 1, perPass: 1, perPass + 1: 2, 3 * perPass: 3} {
		gone := make([]ingest.Gone, n)
		for i := range gone {
			gone[i] = ingest.Gone{ID: social.Activity{Key: fmt.Sprint(i)}.ID(), Said: m.At}
		}
		named := map[string]int{}
		passes := secondPass(m, gone)
		if len(passes) != want {
			t.Errorf("%d activities: %d messages, want %d", n, len(passes), want)
		}
		for i, p := range passes {
			b, err := json.Marshal(p)
			if err != nil || len(b) > 256_000 || !p.Again || p.Quotes != (i > 0) || p.Scope != m.Scope || p.At != m.At {
				t.Errorf("%d activities: message %d of %d bytes, %+.200v, %v", n, i, len(b), p, err)
			}
			for _, g := range p.Gone {
				named[g.ID]++
			}
		}
		for _, g := range gone {
			if named[g.ID] != 1 {
				t.Fatalf("%d activities: %s is named %d times", n, g.ID, named[g.ID])
			}
		}
	}
}
