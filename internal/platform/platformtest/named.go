package platformtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// named holds that whoever does something, is addressed, or is to be forgotten, is among the
// accounts that the delivery names; also once some value in it is wrong, so
// that it is ignored or parked: erasure finds deliveries by these names.
func (s Suite) named(t *testing.T, list []fixture) {
	checked := 0
	for _, f := range list {
		_, events := s.tell(f.request)
		whom := accountsOf(events)
		got := s.names(t, f.name, f.request)
		for _, ref := range whom {
			if !slices.ContainsFunc(got, func(n platform.Named) bool { return n.Ref == ref }) {
				t.Errorf("%s: %+v is not among the named: %+v", f.name, ref, got)
			}
		}
		for _, e := range events {
			if e.Activity == nil {
				continue
			}
			for _, id := range e.Activity.Addressed {
				if !slices.ContainsFunc(got, func(n platform.Named) bool { return n.Ref.ID == id }) {
					t.Errorf("%s: %s, whom a text addresses, is not among the named: %+v", f.name, id, got)
				}
			}
		}
		doc, ok := parse(f.request.Body)
		if !ok || len(whom) == 0 {
			continue
		}
		leaves := doc.leaves()
		for _, at := range leaves {
			if len(leaves) == 1 {
				break // without it there is nothing
			}
			r := f.request
			r.Body = doc.with(map[string]any{at: []any{}})
			what := fmt.Sprintf("%s without %s", f.name, at)
			events, _ := s.Adapter.Normalise(r, s.options())
			still, left := accountsOf(events), s.names(t, what, r)
			for _, ref := range whom {
				// The id itself may be what is missing, and the scope's may be.
				id, there := strings.ToLower(ref.ID), strings.ToLower(strings.TrimSpace(text(doc.at(at))))
				if slices.Contains(still, ref) || strings.Contains(id, there) || strings.Contains(there, id) {
					continue
				}
				checked++
				if s.ByEvents {
					continue
				}
				if !slices.ContainsFunc(left, func(n platform.Named) bool { return n.Ref.ID == ref.ID }) {
					t.Errorf("%s: %+v is no longer among the named: %+v", what, ref, left)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no fixture with something wrong in it was looked at")
	}
}

func (s Suite) names(t *testing.T, what string, r platform.Request) []platform.Named {
	t.Helper()
	got := s.Adapter.Named(r, s.options())
	for _, n := range got {
		if n.Ref.Platform != s.Adapter.Platform() || n.Ref.ID == social.Unknown || n.Ref.ID == "" && n.Handle == "" && n.Email == "" {
			t.Errorf("%s: named is %+v", what, n)
		}
	}
	return got
}

// accountsOf lists who does something in events, and who is to be forgotten.
func accountsOf(events []platform.Event) []social.AccountRef {
	var out []social.AccountRef
	for _, n := range platform.NamedBy(events) {
		if !slices.Contains(out, n.Ref) {
			out = append(out, n.Ref)
		}
	}
	return out
}
