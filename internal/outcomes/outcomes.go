// Package outcomes says how it can come out with a person, and which outcomes
// answer which question.
package outcomes

import (
	"slices"
	"strings"

	"rapport/internal/fault"
)

// Kind is how it came out.
type Kind string

// The kinds there are, in pairs: who asks for one of a pair takes the other as its contrary.
const (
	Won      Kind = "won"       // a deal was made
	Lost     Kind = "lost"      // a deal was not made
	Hired    Kind = "hired"     // the person took the job
	NotHired Kind = "not_hired" // the person was asked, and did not
	Renewed  Kind = "renewed"   // a customer stayed
	Churned  Kind = "churned"   // a customer left
)

var contrary = map[Kind]Kind{Won: Lost, Lost: Won, Hired: NotHired, NotHired: Hired, Renewed: Churned, Churned: Renewed}

// Kinds lists all of them.
func Kinds() []Kind { return []Kind{Won, Lost, Hired, NotHired, Renewed, Churned} }

// Valid reports whether there is such a kind.
func (k Kind) Valid() bool { return contrary[k] != "" }

// Customer says whether a person of whom this is the newest such outcome is a
// customer; ok is false of those that say nothing about that.
func (k Kind) Customer() (is, ok bool) {
	return k == Won || k == Renewed, k == Won || k == Renewed || k == Churned
}

// Question is what a model is asked: which outcomes are those to look for, and
// which their contrary. The others say nothing about it.
type Question struct {
	Positive []Kind
	Negative []Kind
}

// Asking returns the question of which these are the outcomes to look for, the
// contrary of each being what else can come out.
func Asking(positive ...Kind) (Question, error) {
	q := Question{Positive: positive}
	if len(positive) == 0 {
		return q, fault.New(fault.Invalid, "no outcome is named that is looked for: won, say")
	}
	for _, k := range positive {
		switch {
		case !k.Valid():
			return q, fault.New(fault.Invalid, "no outcome is called %q; there are %s", string(k), Names())
		case slices.Contains(positive, contrary[k]):
			return q, fault.New(fault.Invalid, "%s and %s are contraries: one of them only can be looked for", k, contrary[k])
		}
		q.Negative = append(q.Negative, contrary[k])
	}
	return q, nil
}

// Names are the kinds in words.
func Names() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Of says whether an outcome is one to look for; ok is false of one that says nothing about the question.
func (q Question) Of(k Kind) (positive, ok bool) {
	positive = slices.Contains(q.Positive, k)
	return positive, positive || slices.Contains(q.Negative, k)
}
