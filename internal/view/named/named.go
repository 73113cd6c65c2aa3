// Package named is the view that tells erasure in which archived deliveries an
// account is named, where no fact of the account says so. It is made of deliveries, not of facts: ingest writes it as it
// archives them, so that Keep has nothing to do, and erasure takes it away once
// it has looked where it points, so that Forget must leave it.
package named

import (
	"context"
	"strings"

	"rapport/internal/view"
)

// View is the view.
type View struct{}

// Name names it.
func (View) Name() string { return "archive" }

// Owns reports whether a key is of a name in a delivery, of an object of the
// archive, or of what an erasure has still to look for.
func (View) Owns(pk, sk string) bool {
	switch {
	case strings.HasPrefix(pk, "A#"):
		return strings.HasPrefix(sk, "Y#")
	case strings.HasPrefix(pk, "T#"):
		return strings.HasPrefix(sk, "G#") || strings.HasPrefix(sk, "C#")
	}
	return strings.HasPrefix(pk, "B#")
}

// Says says nothing, since none of it can be made of facts: it is compared with nothing.
func (View) Says(context.Context, string) (map[string]string, error) { return nil, nil }

// Keep has nothing to do.
func (View) Keep(context.Context, string, []view.Fact) error { return nil }

// Forget leaves it.
func (View) Forget(context.Context, string, []view.Fact) (int, error) { return 0, nil }
