package identity

import (
	"slices"
	"strings"
)

// The fields of a profile that are compared, beside an account's attributes.
const (
	fieldName     = "name"
	fieldHandle   = "handle"
	fieldCompany  = "company"
	fieldLocation = "location"
	fieldLink     = "link"
	fieldMail     = "e-mail"
	fieldPhone    = "phone"
)

// Levels of agreement of any other field, the best first. Those of names are in name.go.
const (
	same   = iota // equal
	near          // but for a letter, a digit, spaces, or day and month
	close         // much alike
	moved         // equal to another field of the other
	other         // others
	levels        // how many
)

// agreement is how two accounts compare in one field.
type agreement struct {
	field string
	level int
	value string   // that both have, by which its frequency is found
	words []string // of a name that both have
	a, b  string   // as they are shown
	// rate, if not 0, is how often others agree so: it stands for what the
	// parameters say.
	rate float64
}

// compare says how two accounts agree, field by field. Where one lacks a field
// nothing is said: missing is no evidence.
func compare(a, b *profile) []agreement {
	var out []agreement
	named := nameOther
	if len(a.name.readings) > 0 && len(b.name.readings) > 0 {
		l, words := compareNames(a.name, b.name)
		named = l
		out = append(out, agreement{field: fieldName, level: l, words: words, value: a.name.key, a: a.name.shown, b: b.name.shown})
	}
	if g, ok := compareHandles(a, b, named); ok {
		if g.level < other && (a.namedByHandle() || b.namedByHandle()) && named < nameOther {
			out = out[:0] // the handle stands as the name, too: it counts once
		}
		out = append(out, g)
	}
	if named == nameOther && (len(a.name.readings) == 0) != (len(b.name.readings) == 0) {
		if g, ok := nameInHandle(a, b); ok {
			out = append(out, g)
		}
	}
	if g, ok := compareCompanies(a, b); ok {
		out = append(out, g)
	}
	if g, ok := comparePlaces(a, b); ok {
		out = append(out, g)
	}
	if g, ok := compareLinks(a, b); ok {
		out = append(out, g)
	}
	for _, x := range a.mails {
		for _, y := range b.mails {
			if x.loose == y.loose && x.full != y.full {
				out = append(out, agreement{field: fieldMail, level: same, a: x.full, b: y.full})
			}
		}
	}
	for _, s := range a.suffixes {
		if slices.Contains(b.suffixes, s) {
			out = append(out, agreement{field: fieldPhone, level: same, a: "…" + s, b: "…" + s})
			break
		}
	}
	return append(out, compareAttributes(a.attrs, b.attrs)...)
}

// compareHandles compares handles and what stands before the "@" of e-mails:
// the best pair says.
func compareHandles(a, b *profile, named int) (agreement, bool) {
	best := agreement{field: fieldHandle, level: levels}
	given := false
	for _, x := range a.handles {
		for _, y := range b.handles {
			given = given || x.given && y.given
			if !x.given && !y.given && named == nameOther && len(a.name.readings) > 0 && len(b.name.readings) > 0 {
				continue
			}
			l := other
			switch {
			case x.core == y.core:
				l = same
			case len(x.stem) > 3 && x.stem == y.stem:
				l = near
			case len(x.core) > 6 && len(y.core) > 6 && edits(x.core, y.core, 1) <= 1:
				l = close
			}
			if l < best.level {
				best.level, best.value, best.a, best.b = l, x.core, x.core, y.core
				if l == near {
					best.value = x.stem
				}
			}
		}
	}
	if best.level == levels || best.level == other && !given {
		return best, false
	}
	if best.level < other {
		best.rate = handleRate(best, a, b, named)
	}
	return best, true
}

// handleRate is the least share of other people's accounts that have a handle
// as well: a short one or a mere given name is taken by others, too, and one
// that is made of the name says little where the names agree anyway.
func handleRate(g agreement, a, b *profile, named int) float64 {
	core := g.value
	rate := 1.0 / 50_000
	switch letters := strings.TrimRight(core, "0123456789"); {
	case len(core) <= 4:
		rate = 1.0 / 100
	case len(letters) <= 3: // mostly digits
		rate = 1.0 / 1000
	case tables().common[core] > 0 || tables().nick[core] != nil || values()["role"][core] || values()["nobody"][core]:
		rate = 1.0 / 50
	case tables().common[letters] > 0 || tables().nick[letters] != nil:
		rate = 1.0 / 1000
	case len(core) <= 6:
		rate = 1.0 / 2000
	case len(core) <= 8:
		rate = 1.0 / 10_000
	}
	made := madeOf(core, a.name)
	if m := madeOf(core, b.name); m > made {
		made = m
	}
	if made > 0 {
		switch {
		case named > nameClose: // the names don't say it already, or only in part
			rate = max(rate, min(1.0/1000, commonness(core, a, b)))
		case made == 1:
			rate = 0.15
		default:
			rate = 0.03 // digits or an initial of one's own choice
		}
	}
	if g.level != same {
		rate = min(0.5, rate*3)
	}
	return rate
}

func commonness(core string, profiles ...*profile) float64 {
	share := 0.0
	for _, p := range profiles {
		if madeOf(core, p.name) > 0 {
			f := 1.0
			for _, w := range p.name.readings[0] {
				f *= commonShare(w.text)
			}
			share = max(share, f*3)
		}
	}
	return share
}

// madeOf reports whether a handle is made of a name: 1 of two whole words of
// it, 2 of an initial and a word or with digits or more,
// 0 if it is not.
func madeOf(core string, n name) int {
	letters := strings.TrimRight(core, "0123456789")
	for _, words := range n.readings {
		for i, x := range words {
			for j, y := range words {
				if i == j || x.text == "" || y.text == "" {
					continue
				}
				switch letters {
				case x.text + y.text:
					if letters == core {
						return 1
					}
					return 2
				case x.text[:1] + y.text, x.text + y.text[:1]:
					return 2
				}
			}
		}
		for _, x := range words {
			if x.text == letters || len(x.text) > 3 && strings.Contains(letters, x.text) {
				return 2
			}
		}
	}
	return 0
}

// namedByHandle reports whether the account shows its handle as its name.
func (p *profile) namedByHandle() bool {
	return slices.ContainsFunc(p.handles, func(h handle) bool { return h.given && (h.core == p.name.key || h.stem == p.name.key) })
}

// nameInHandle finds the name of the one in the handle of the other, who gives none.
func nameInHandle(a, b *profile) (agreement, bool) {
	if len(a.name.readings) == 0 {
		a, b = b, a
	}
	for _, h := range b.handles {
		if slices.ContainsFunc(a.handles, func(x handle) bool { return x.core == h.core || x.stem == h.stem }) {
			continue // the handles say it
		}
		for _, words := range a.name.readings {
			if len(words) > 1 && madeOf(h.core, name{readings: [][]token{words}}) == 1 {
				list := make([]string, len(words))
				for i, w := range words {
					list[i] = w.text
				}
				return agreement{field: fieldName, level: nameVariant, words: list, a: a.name.shown, b: h.core}, true
			}
		}
	}
	return agreement{}, false
}

// employers are what an account says of where its owner works: the profile's
// company, and the domains of e-mails that are no provider's for everybody.
func (p *profile) employers() []string {
	var out []string
	if p.company != "" {
		out = append(out, p.company)
	}
	for _, d := range p.domains {
		out = append(out, domainLabel(d))
	}
	return out
}

func domainLabel(domain string) string {
	root := rootOf(domain)
	label, _, _ := strings.Cut(root, ".")
	return label
}

func compareCompanies(a, b *profile) (agreement, bool) {
	g := agreement{field: fieldCompany, level: other}
	x, y := a.employers(), b.employers()
	if len(x) == 0 || len(y) == 0 {
		return g, false
	}
	g.a, g.b = shownOr(a.Company, a.domains), shownOr(b.Company, b.domains)
	for _, v := range x {
		for _, w := range y {
			p, q := strings.ReplaceAll(v, " ", ""), strings.ReplaceAll(w, " ", "")
			switch {
			case p == q:
				g.level, g.value = same, p
				return g, true
			case len(p) > 3 && len(q) > 3 && (edits(p, q, 1) <= 1 || strings.HasPrefix(v, w+" ") || strings.HasPrefix(w, v+" ")):
				g.level, g.value = near, p
			}
		}
	}
	return g, true
}

func shownOr(s string, domains []string) string {
	if s == "" && len(domains) > 0 {
		return domains[0]
	}
	return s
}

func comparePlaces(a, b *profile) (agreement, bool) {
	g := agreement{field: fieldLocation, level: other, a: a.Location, b: b.Location}
	if len(a.place) == 0 || len(b.place) == 0 {
		return g, false
	}
	x, y := strings.Join(a.place, " "), strings.Join(b.place, " ")
	switch {
	case x == y || a.place[0] == b.place[0] && len(a.place[0]) > 3:
		g.level, g.value = same, a.place[0]
	case slices.ContainsFunc(a.place, func(w string) bool { return len(w) > 3 && slices.Contains(b.place, w) }):
		g.level = close
	case edits(x, y, 1) <= 1 && len(x) > 4:
		g.level = near
	}
	return g, true
}

// compareLinks compares declared addresses. One that leads to the other's
// profile says much; that anybody can declare, so alone it proves nothing:
// both ways do, see proofs.
func compareLinks(a, b *profile) (agreement, bool) {
	g := agreement{field: fieldLink, level: levels}
	for _, way := range [][2]*profile{{a, b}, {b, a}} {
		for _, l := range way[0].links {
			if slices.Contains(way[1].own, l) {
				return agreement{field: fieldLink, level: same, value: l, a: l, b: "its own profile"}, true
			}
			if slices.Contains(way[1].links, l) {
				g.level, g.value, g.a, g.b = near, l, l, l
			}
		}
	}
	return g, g.level < levels
}

// compareAttributes compares the fields that both have.
func compareAttributes(x, y []attribute) []agreement {
	var out []agreement
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch c := strings.Compare(x[i].field, y[j].field); {
		case c < 0:
			i++
			continue
		case c > 0:
			j++
			continue
		}
		a, b := x[i], y[j]
		l := compareValues(a, b)
		if l == other && (holds(y, a) || holds(x, b)) {
			l = moved
		}
		out = append(out, agreement{field: "." + a.field, level: l, value: a.value, a: a.shown, b: b.shown})
		i, j = i+1, j+1
	}
	return out
}

// holds reports whether another field of the list has the value of a, or nearly.
func holds(list []attribute, a attribute) bool {
	if len(a.value) < 3 {
		return false
	}
	return slices.ContainsFunc(list, func(x attribute) bool {
		return x.field != a.field && (x.value == a.value || len(a.value) > 4 && len(x.value) > 4 && x.value[:2] == a.value[:2] && edits(x.value, a.value, 1) <= 1)
	})
}

func compareValues(a, b attribute) int {
	x, y := a.value, b.value
	switch {
	case x == y:
		return same
	case a.date && b.date:
		if edits(x, y, 1) <= 1 || x[:4] == y[:4] && x[4:6] == y[6:] && x[6:] == y[4:6] {
			return near
		}
		if edits(x, y, 2) <= 2 {
			return close
		}
		return other
	case isDigits(x) && isDigits(y):
		if n := min(len(x), len(y)); n > 1 && edits(x, y, 1) <= 1 {
			return near
		} else if n > 3 && edits(x, y, 2) <= 2 {
			return close
		}
		return other
	}
	n := min(len(x), len(y))
	switch {
	case n > 2 && edits(x, y, 1) <= 1 || strings.ReplaceAll(x, " ", "") == strings.ReplaceAll(y, " ", ""):
		return near
	case n > 5 && edits(x, y, 2) <= 2, n > 3 && alike(x, y) >= 0.86, n > 4 && strings.Contains(x, y) || n > 4 && strings.Contains(y, x):
		return close
	}
	return other
}

// proof is a reason that is enough by itself.
type proof struct {
	field, value, reason string
}

// proofs are what shows by itself that two accounts are one person's. Whether
// the value is one that too many share is not looked at here.
func proofs(a, b *profile) []proof {
	var out []proof
	for _, x := range a.Proofs[:min(len(a.Proofs), maxValues)] {
		if slices.Contains(b.Proofs, x) {
			out = append(out, proof{"proof", x, "one person controls both: " + x})
		}
	}
	for _, m := range a.mails {
		if slices.ContainsFunc(b.mails, func(x mail) bool { return x.full == m.full }) {
			out = append(out, proof{"mail", m.full, "both have the e-mail " + m.full})
		}
	}
	for _, n := range a.phones {
		if slices.Contains(b.phones, n) {
			out = append(out, proof{"phone", n, "both have the phone number " + n})
		}
	}
	for _, l := range a.links {
		if slices.Contains(b.own, l) {
			for _, back := range b.links {
				if slices.Contains(a.own, back) {
					return append(out, proof{"link", l, "each profile links to the other: " + l + " and " + back})
				}
			}
		}
	}
	return out
}
