package identity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rapport/internal/social"
)

// Outcome is what follows of two accounts' evidence.
type Outcome int

const (
	Nothing Outcome = iota
	Suggest         // somebody should look
	Merge           // likely enough to be done
	Certain         // done
)

// Limits of probability, and of the weight that contradicts.
const (
	MergeFrom   = 0.99
	RareFrom    = 0.998 // by a name and a handle that is made of it
	SuggestFrom = 0.30
	contradicts = -12.0 // bits: what is likely doesn't join persons over such a pair
)

// Verdict is what two accounts' evidence says, with the reasons in words.
type Verdict struct {
	Outcome Outcome
	P       float64 // that both are one person's
	Bits    float64
	For     []string // reasons, the heaviest first
	Against []string
}

// Judge compares two accounts. tooMany, if given, tells the values of certain
// evidence that too many share.
func (m *Model) Judge(a, b Account, tooMany func(field, value string) bool) Verdict {
	return m.judge(profileOf(a), profileOf(b), tooMany)
}

func (m *Model) judge(a, b *profile, tooMany func(field, value string) bool) Verdict {
	list := compare(a, b)
	v := Verdict{Bits: m.Prior + m.weight(list)}
	v.P = odds(v.Bits)
	shared := proofs(a, b)
	if v.P < SuggestFrom && len(shared) == 0 {
		return v
	}
	names := nameOther
	named := false
	kinds, own, made, attributes := 0, 0, 0, 0
	slices.SortStableFunc(list, func(x, y agreement) int { return -1 * compareFloats(m.bits(x), m.bits(y)) })
	for _, g := range list {
		bits := m.bits(g)
		if g.field == fieldName {
			names, named = g.level, true
		}
		if bits >= 1 {
			v.For = append(v.For, m.words(g))
		} else if bits <= -1 {
			v.Against = append(v.Against, against(g))
		}
		if bits < 2 || g.level == other {
			continue
		}
		switch {
		case g.field[0] == '.':
			attributes++
		case g.field == fieldHandle && g.rate >= 0.03:
			kinds++
			made++ // of the name: no evidence of its own, but where the name is rare
		case g.field == fieldHandle || g.field == fieldLink && g.level == same || g.field == fieldMail || g.field == fieldPhone:
			own++
			kinds++
		default:
			kinds++
		}
	}
	if attributes >= 3 {
		own++
	}
	kinds += attributes
	if v.P >= RareFrom {
		own += made
	}
	// Two names of which neither is the other's nickname, part or spelling.
	strangers := named && names == nameOther && len(a.name.readings[0]) > 1 && len(b.name.readings[0]) > 1 && a.name.other == b.name.other
	var sure []string
	for _, p := range shared {
		if tooMany != nil && tooMany(p.field, p.value) {
			v.Against = append(v.Against, fmt.Sprintf("%s is shared by too many to be one person's", p.value))
			continue
		}
		sure = append(sure, p.reason)
		if p.field == "proof" || !strangers {
			v.Outcome = Certain
		}
	}
	if len(sure) > 0 {
		v.For = append(sure, v.For...)
		if v.Outcome == Certain {
			v.P = 1
			return v
		}
		v.Outcome = Suggest // a mailbox or a phone of two
		return v
	}
	alike := a.row() && b.row()
	switch {
	case a.Platform == b.Platform && !alike:
		// Two ids of one platform are two accounts, which one person may have;
		// what profiles say can't tell, so a human does.
		if v.P >= SuggestFrom && kinds > 1 && own > 0 {
			v.Outcome = Suggest
		}
	case v.P >= MergeFrom && (kinds > 1 && own > 0 || kinds > 2) && !strangers:
		v.Outcome = Merge
	case v.P >= SuggestFrom && (kinds > 1 || own > 0):
		v.Outcome = Suggest
	}
	return v
}

func compareFloats(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// inN is a share in words.
func inN(share float64) string {
	n := 1 / share
	if n < 2 {
		return "1 in 2"
	}
	digits := math.Pow(10, math.Max(0, math.Floor(math.Log10(n))-1))
	s := fmt.Sprintf("%.0f", math.Round(n/digits)*digits)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return "1 in " + s
}

func shown(s string) string { return social.Shown(clip(s, 60)) }

// words is an agreement as a sentence.
func (m *Model) words(g agreement) string {
	a, b := shown(g.a), shown(g.b)
	rare := inN(m.rate(g))
	switch g.field {
	case fieldName:
		switch {
		case g.level == nameSame && otherScript(g.a) == otherScript(g.b):
			return fmt.Sprintf("both are called %s, a name of %s here", a, rare)
		case g.level <= nameVariant:
			return fmt.Sprintf("%s and %s are forms of one name, %s here", a, b, rare)
		}
		return fmt.Sprintf("the names %s and %s are near each other", a, b)
	case fieldHandle:
		switch {
		case g.level == same && g.rate >= 0.03:
			return fmt.Sprintf("both have the handle %s, made of the name", a)
		case g.level == same:
			return fmt.Sprintf("both have the handle %s, of %s here", a, rare)
		}
		return fmt.Sprintf("the handles %s and %s are near each other", a, b)
	case fieldCompany:
		if g.level == same {
			return fmt.Sprintf("both work at %s, as does %s here", a, rare)
		}
		return fmt.Sprintf("the companies %s and %s are near each other", a, b)
	case fieldLocation:
		if g.level == same {
			return fmt.Sprintf("both are in %s, as is %s here", a, rare)
		}
		return fmt.Sprintf("the places %s and %s have a part in common", a, b)
	case fieldLink:
		if g.level == same {
			return fmt.Sprintf("one links to the other's profile, %s", a)
		}
		return fmt.Sprintf("both link to %s", a)
	case fieldMail:
		return fmt.Sprintf("the e-mails %s and %s may be one mailbox", a, b)
	case fieldPhone:
		return fmt.Sprintf("the phone numbers end alike, %s", a)
	}
	field := shown(g.field[1:])
	switch g.level {
	case same:
		return fmt.Sprintf("%s is the same, %s, as of %s here", field, a, rare)
	case near:
		return fmt.Sprintf("%s differs by a letter or so: %s, %s", field, a, b)
	case close:
		return fmt.Sprintf("%s is alike: %s, %s", field, a, b)
	}
	return fmt.Sprintf("%s stands in another field of the other: %s", field, a)
}

func against(g agreement) string {
	return fmt.Sprintf("%s differs: %s, %s", strings.TrimPrefix(g.field, "."), shown(g.a), shown(g.b))
}
