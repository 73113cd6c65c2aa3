// Package identity says which accounts are one person: by evidence that is
// certain, by the weight of what is alike, and by what people decided. It is
// pure: accounts, decisions and parameters in, persons and reasons out.
//
// docs/people.md tells it in plain words, with the sources.
package identity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/social"
)

// Account is what is known of an account, or of a row of a list of people.
type Account struct {
	ID         string // of the account within its workspace: social.AccountRef.AccountID
	Platform   string
	Handle     string
	Name       string
	Emails     []string // verified: that a profile merely mentions one is no evidence
	Phones     []string
	Company    string
	Location   string
	URLs       []string // that the account declares as its own
	Attributes map[string]string
	// Proofs are what two accounts share only if one person controls both: an
	// OAuth grant, a sign-in, a presence page, the platform's own other id.
	Proofs []string
}

// Bounds of what is compared of an account: more is passed over.
const (
	maxValues     = 20 // e-mails, phones, addresses, proofs
	maxAttributes = 24
	maxText       = 200 // runes of a text
)

// profile is an account as it is compared.
type profile struct {
	Account
	name     name
	handles  []handle
	mails    []mail
	phones   []string // E.164
	suffixes []string // the last digits of any phone
	links    []string
	own      []string // addresses of its own profile
	company  string
	domains  []string // of e-mails that are no provider's for everybody
	place    []string
	attrs    []attribute
	ignored  []string
}

// handle is a handle or the like, as it is compared.
type handle struct {
	core  string // letters and digits
	stem  string // without digits at the end
	given bool   // the account's own, not made of its e-mail
}

// attribute is a field that is compared by its name alone.
type attribute struct {
	field, value, shown string
	date                bool
}

// profileOf prepares an account, and notes what of it names nobody.
func profileOf(a Account) *profile {
	p := &profile{Account: a}
	ignore := func(what, value, why string) {
		p.ignored = append(p.ignored, fmt.Sprintf("%s %q %s", what, social.Shown(clip(value, 60)), why))
	}
	if p.name = nameOf(a.Name); a.Name != "" && len(p.name.readings) == 0 {
		ignore("name", a.Name, "names nobody")
	}
	if a.Handle != "" {
		if h := handleOf(a.Handle); h.core == "" || nothing(a.Handle) {
			ignore("handle", a.Handle, "names nobody")
		} else {
			h.given = true
			p.handles = append(p.handles, h)
			p.own = profilesOf(a.Platform, a.Handle)
		}
	}
	for _, s := range a.Emails[:min(len(a.Emails), maxValues)] {
		m, why := mailOf(s)
		if m.own && m.domain != "" && !slices.Contains(p.domains, m.domain) {
			p.domains = append(p.domains, m.domain)
		}
		if why != "" {
			ignore("e-mail", s, why)
			continue
		}
		if !slices.ContainsFunc(p.mails, func(x mail) bool { return x.full == m.full }) {
			p.mails = append(p.mails, m)
			if h := handleOf(m.local); len(h.core) > 3 {
				p.handles = append(p.handles, h)
			}
		}
	}
	for _, s := range a.Phones[:min(len(a.Phones), maxValues)] {
		n, why := phoneOf(s)
		if why != "" {
			ignore("phone", s, why)
		} else if !slices.Contains(p.phones, n) {
			p.phones = append(p.phones, n)
		}
		if d := digits(s); len(d) >= 8 && !nothing(s) && !strings.Contains(why, "example") && !slices.Contains(p.suffixes, d[len(d)-8:]) {
			p.suffixes = append(p.suffixes, d[len(d)-8:])
		}
	}
	for _, s := range a.URLs[:min(len(a.URLs), maxValues)] {
		l, why := linkOf(s)
		if why != "" {
			ignore("address", s, why)
		} else if !slices.Contains(p.links, l) {
			p.links = append(p.links, l)
		}
	}
	if nothing(a.Company) {
		if a.Company != "" {
			ignore("company", a.Company, "names none")
		}
	} else {
		p.company = companyOf(a.Company)
	}
	if !nothing(a.Location) {
		p.place = strings.Fields(latin(strings.ReplaceAll(clip(a.Location, maxText), ",", " ")))
	}
	fields := slices.Sorted(maps.Keys(a.Attributes))
	for _, f := range fields[:min(len(fields), maxAttributes)] {
		v := a.Attributes[f]
		if strings.TrimSpace(v) == "" {
			continue
		}
		if nothing(v) && v != "true" && v != "false" { // a truth value is a value here
			ignore(f, v, "stands for nothing")
			continue
		}
		if x := attributeOf(f, v); x.value != "" {
			p.attrs = append(p.attrs, x)
		}
	}
	return p
}

// row reports whether p is a row of a list of people rather than an account of
// a platform: nothing keeps a list from naming one person twice.
func (p *profile) row() bool { return p.Handle == "" && len(p.attrs) > 2 }

func handleOf(s string) handle {
	s = strings.TrimPrefix(strings.TrimSpace(clip(s, maxText)), "@")
	if user, _, ok := strings.Cut(s, "@"); ok {
		s = user
	}
	s = strings.TrimSuffix(s, ".bsky.social")
	if i := strings.LastIndexByte(s, '#'); i > 0 && isDigits(s[i+1:]) {
		s = s[:i] // Discord's former tags
	}
	core := strings.ReplaceAll(latin(s), " ", "")
	core = core[:min(len(core), maxCompared)]
	return handle{core: core, stem: strings.TrimRight(core, "0123456789")}
}

// companyOf is a company's name without its legal form.
func companyOf(s string) string {
	var out []string
	for _, w := range strings.Fields(latin(clip(s, maxText))) {
		if !values()["legal"][w] {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// attributeOf reads a field's value; a date stands as year, month, day.
func attributeOf(field, value string) attribute {
	value = clip(value, maxText)
	v := latin(value)
	a := attribute{field: field, value: v, shown: social.Shown(clip(value, 60))}
	if d, ok := dateOf(v); ok {
		a.value, a.date = d, true
	}
	a.value = a.value[:min(len(a.value), maxCompared)]
	return a
}

// dateOf reads a date in one of the usual numeric forms: year first, or, where
// the number leaves no doubt, day or month first.
func dateOf(v string) (string, bool) {
	f := strings.Fields(v)
	if len(f) == 1 && len(v) == 8 && isDigits(v) {
		f = []string{v[:4], v[4:6], v[6:]}
	}
	if len(f) != 3 || !isDigits(f[0]) || !isDigits(f[1]) || !isDigits(f[2]) {
		return "", false
	}
	if len(f[2]) == 4 {
		f[0], f[2] = f[2], f[0]
		if len(f[1]) <= 2 && f[1] > "12" && len(f[1]) == 2 {
			f[1], f[2] = f[2], f[1]
		}
	}
	if len(f[0]) != 4 || f[0] < "1850" || f[0] > "2150" || len(f[1]) > 2 || len(f[2]) > 2 {
		return "", false
	}
	return f[0] + strings.Repeat("0", 2-len(f[1])) + f[1] + strings.Repeat("0", 2-len(f[2])) + f[2], true
}
