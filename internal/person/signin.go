package person

import (
	"cmp"
	"slices"
	"time"
)

// SignIn says that somebody on a device showed who they are.
type SignIn struct {
	At      time.Time
	Account string
}

// VisitorOf is the account that an anonymous visit on a device belongs to: of
// the last who had signed in there by then, or, before anybody had, of the
// first who did. It is empty where nobody ever signed in. A device makes no
// two of its users one person.
func VisitorOf(signIns []SignIn, at time.Time) string {
	order := slices.SortedFunc(slices.Values(signIns), func(a, b SignIn) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Account, b.Account))
	})
	who := ""
	for _, s := range order {
		if who == "" || !s.At.After(at) {
			who = s.Account
		}
	}
	return who
}
