// Package drill is for tests that are drills: a fault or an attack is carried
// out, and what was measured stands in the table that `make drills` prints.
package drill

import (
	"fmt"
	"testing"
)

// Evidence is the name of the attribute that the table reads: https://pkg.go.dev/testing#T.Attr
const Evidence = "evidence"

// Show says what a drill measured in this run: a number, or a sentence with
// numbers in it, on one line.
func Show(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Attr(Evidence, fmt.Sprintf(format, args...))
}
