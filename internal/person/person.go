// Package person groups accounts into persons, by evidence and by what people
// decided. What evidence there is says package identity.
package person

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/social"
)

// ID is the id of the person of a set of accounts: of one account that
// which it has always had, of several one that is made of all of them. Their
// order and how they came together don't matter.
func ID(accounts ...string) string {
	list := slices.Compact(slices.Sorted(slices.Values(accounts)))
	return social.PersonOf(list)
}

// MaxAccounts bounds how many accounts a person has.
const MaxAccounts = 20

// Verb is what somebody decided.
type Verb string

const (
	Same  Verb = "same"  // all of the accounts are one person's
	Apart Verb = "apart" // none of the one accounts is the person of any of the other
	Undo  Verb = "undo"  // an earlier decision counts no more
)

// Decision is a fact: what somebody decided of accounts.
type Decision struct {
	ID     string
	At     time.Time
	Verb   Verb
	One    []string // accounts; an Undo has none
	Other  []string
	Undoes string // the id of a decision
	By     string // a member's subject, or Rapport
	Why    string // in words, for people to read
}

// Rapport is who decided what evidence alone decides.
const Rapport = "rapport"

// ByEvidence is when evidence decides: before everybody, so that whatever
// somebody decides comes before it.
var ByEvidence = time.Unix(0, 0).UTC()

// Tie is evidence enough for two accounts to be one person's.
type Tie struct {
	A, B    string
	Certain bool
	Bits    float64 // the weight of what is not certain
}

// Persons groups accounts into persons, and returns each account's person. The
// order of accounts, ties and decisions doesn't matter. What people decided
// comes before all evidence, the newest decision before older ones; then comes
// what is certain; then what is likely, the heaviest first. Accounts that were
// decided to be apart are never joined, not even by a chain over others, and
// what is merely likely doesn't join persons any of whose accounts stand
// against each other.
func Persons(accounts []string, ties []Tie, decisions []Decision, against func(a, b string) bool) map[string]string {
	g := &groups{of: map[string][]string{}, apart: map[[2]string]bool{}}
	for _, a := range accounts {
		g.of[a] = []string{a}
	}
	for _, d := range InForce(decisions) {
		if d.Verb == Apart {
			g.part(d.One, d.Other)
			continue
		}
		all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(d.One, d.Other))))
		for i, b := range all {
			for _, a := range all[:i] {
				g.join(a, b, nil)
			}
		}
	}
	order := slices.SortedFunc(slices.Values(ties), func(x, y Tie) int {
		sure := func(t Tie) int {
			if t.Certain {
				return 0
			}
			return 1
		}
		if c := cmp.Or(cmp.Compare(sure(x), sure(y)), cmp.Compare(y.Bits, x.Bits)); c != 0 && !(x.Certain && y.Certain) {
			return c
		}
		return cmp.Or(cmp.Compare(min(x.A, x.B), min(y.A, y.B)), cmp.Compare(max(x.A, x.B), max(y.A, y.B)))
	})
	for _, t := range order {
		if t.Certain {
			g.join(t.A, t.B, nil)
		} else {
			g.join(t.A, t.B, against)
		}
	}
	out := make(map[string]string, len(accounts))
	for _, a := range accounts {
		if _, done := out[a]; done {
			continue
		}
		id := ID(g.of[a]...)
		for _, b := range g.of[a] {
			out[b] = id
		}
	}
	return out
}

// InForce are the decisions that count, the newest first.
func InForce(decisions []Decision) []Decision {
	order := slices.SortedFunc(slices.Values(decisions), func(x, y Decision) int {
		return cmp.Or(y.At.Compare(x.At), cmp.Compare(y.ID, x.ID))
	})
	undone := map[string]bool{}
	var out []Decision
	for _, d := range order {
		switch {
		case undone[d.ID]:
		case d.Verb == Undo:
			undone[d.Undoes] = true
		default:
			out = append(out, d)
		}
	}
	return out
}

// groups are accounts in sets, and which of them must not be in one.
type groups struct {
	of    map[string][]string // each account's set, in order
	apart map[[2]string]bool
}

func both(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// part keeps two lists of accounts apart; those that are together stay so.
func (g *groups) part(one, other []string) {
	for _, a := range one {
		for _, b := range other {
			if a != b {
				g.apart[both(a, b)] = true
			}
		}
	}
}

// join makes one set of two accounts' sets, unless some of their accounts are
// apart or, where it is given, stand against each other.
func (g *groups) join(a, b string, against func(a, b string) bool) {
	x, y := g.of[a], g.of[b]
	if x == nil || y == nil || slices.Contains(x, b) {
		return
	}
	for _, p := range x {
		for _, q := range y {
			if g.apart[both(p, q)] || against != nil && against(p, q) {
				return
			}
		}
	}
	all := slices.Sorted(slices.Values(slices.Concat(x, y)))
	for _, p := range all {
		g.of[p] = all
	}
}

// KeptApart says which accounts decisions keep apart, whatever else joins them.
func KeptApart(decisions []Decision) func(a, b string) bool {
	g := &groups{apart: map[[2]string]bool{}}
	for _, d := range InForce(decisions) {
		if d.Verb == Apart {
			g.part(d.One, d.Other)
		}
	}
	return func(a, b string) bool { return g.apart[both(a, b)] }
}

// EverDecided reports whether anything was ever decided about whether two
// persons are one, undone or not: a decision names an account of each.
func EverDecided(decisions []Decision, one, other []string) bool {
	names := func(d Decision, accounts []string) bool {
		return slices.ContainsFunc(accounts, func(a string) bool { return slices.Contains(d.One, a) || slices.Contains(d.Other, a) })
	}
	return slices.ContainsFunc(decisions, func(d Decision) bool { return names(d, one) && names(d, other) })
}
