package store_test

import (
	"fmt"
	"sync"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// Of many who want a person's last workspace at once, one gets it, and the
// others are told the limit.
func TestTheLastWorkspaceOfAPerson(t *testing.T) {
	s := storetest.New(t)
	most := limit.Set{}.Most(limit.Workspaces)
	errs := make([]error, most+10)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.CreateWorkspace(t.Context(), store.Workspace{ID: fmt.Sprintf("w%02d", i), Name: "W", TimeZone: "UTC", Created: t0}, "ann")
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !fault.Is(err, fault.RateLimited):
			t.Error(err)
		}
	}
	if made != most {
		t.Errorf("%d were made, want %d", made, most)
	}
}
