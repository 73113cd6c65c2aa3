package ingest

import (
	"testing"

	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// An account without id and scope would stand for every account of the platform.
func TestDemandThatNamesNobodyIsParked(t *testing.T) {
	to := []store.Route{{Scope: "forum", Workspace: "acme", Source: "src1"}}
	for _, tt := range []struct {
		name           string
		ref            social.AccountRef
		erases, parked int
	}{
		{"an account", social.AccountRef{Platform: "standard", ID: "7"}, 2, 0}, // of the platform, and of the scope
		{"an account of a scope", social.AccountRef{Platform: "standard", Scope: "forum", ID: "7"}, 1, 0},
		{"a scope", social.AccountRef{Platform: "standard", Scope: "forum"}, 1, 0},
		{"neither", social.AccountRef{Platform: "standard"}, 0, 1},
	} {
		r := &result{owner: "acme", parked: map[string][]string{}}
		if err := New(Deps{}).take(t.Context(), r, platform.Event{Kind: "forget", Erase: &tt.ref}, to); err != nil {
			t.Fatal(err)
		}
		if len(r.erase) != tt.erases || len(r.parked["acme"]) != tt.parked {
			t.Errorf("%s: to erase %+v, parked %v", tt.name, r.erase, r.parked)
		}
	}
}
