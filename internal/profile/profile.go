// Package profile says what is known of a person beside what the person did:
// attributes, as sources told them, and the company. What somebody told is a
// fact and is kept; what holds at an instant is a pure function of the facts.
package profile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/identity"
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// Source is who told an attribute.
type Source string

// The sources.
const (
	Member   Source = "member"  // somebody of the business, by hand
	CRM      Source = "crm"     //
	Form     Source = "form"    // the person, in a form
	Import   Source = "import"  // a file
	Platform Source = "profile" // the person's profile on a platform
)

// Sources lists the sources, the most trusted first.
var Sources = []Source{Member, CRM, Form, Import, Platform}

// Kind is what a value is.
type Kind string

// The kinds.
const (
	Text   Kind = "text"
	Number Kind = "number" // in digits, with at most 12 before and 6 after the point
	Bool   Kind = "bool"   // true or false
	Date   Kind = "date"   // year-month-day
)

// The well-known names. There may be any others.
const (
	Email    = "email"
	Phone    = "phone"
	Company  = "company"
	Title    = "title"
	Location = "location"
	Website  = "website"
	Bio      = "bio"

	// Domain is of the person's company, by the e-mail: nobody tells it.
	Domain = "domain"
)

// WellKnown lists the well-known names.
var WellKnown = []string{Email, Phone, Company, Title, Location, Website, Bio}

// Fact is what a source told of an account.
type Fact struct {
	ID     string // made up by whoever tells it: the same again is the same fact
	Name   string
	Kind   Kind
	Value  string // in the form that its kind has; "": the source takes back what it told
	Source Source
	At     time.Time // since when it holds
	Known  time.Time // when it was told
	By     string    // the id of a member or of a machine key, or Rapport's
}

// Bounds of a fact.
const (
	MaxID    = 64
	MaxValue = 1000 // bytes
)

var (
	ids     = pattern.New(`^[A-Za-z0-9_-]{8,64}$`)
	names   = pattern.New(`^[a-z][a-z0-9_]{0,39}$`)
	numbers = pattern.New(`^-?[0-9]{1,12}([.][0-9]{1,6})?$`)
)

// Wrong is what is wrong with a fact, and with which of its parts.
type Wrong struct{ Part, Why string }

func (w Wrong) Error() string { return w.Part + " " + w.Why }

// Read returns a fact with its value in the form that its kind has, or why
// there can be no such fact: the error is a Wrong.
func Read(f Fact) (Fact, error) {
	f.Kind = cmp.Or(f.Kind, Text)
	wrong := func(part, format string, args ...any) (Fact, error) {
		return f, Wrong{part, fmt.Sprintf(format, args...)}
	}
	switch {
	case !ids.MatchString(f.ID):
		return wrong("id", "is no id: give 8 to %d letters, digits, - and _", MaxID)
	case !names.MatchString(f.Name):
		return wrong("name", "is no name: give up to 40 small letters, digits and _, a letter first")
	case f.Name == Domain:
		return wrong("name", "is one that nobody tells: the domain is that of the e-mail")
	case !slices.Contains(Sources, f.Source):
		return wrong("source", "is none of member, crm, form, import, profile")
	case slices.Contains(WellKnown, f.Name) && f.Kind != Text:
		return wrong("kind", "does not go with %s, which is text", f.Name)
	case f.At.IsZero():
		return wrong("since", "is missing")
	case f.Known.IsZero() || f.At.After(f.Known):
		return wrong("since", "is later than now: tell it once it holds")
	case !utf8.ValidString(f.Value):
		return wrong("value", "is not UTF-8")
	}
	value := f.Value
	f.Value = social.Shown(value)
	if len(f.Value) > MaxValue {
		return wrong("value", "is longer than %d bytes", MaxValue)
	}
	if f.Value == "" {
		if value != "" {
			return wrong("value", "holds nothing that can be seen: leave it out to take back what was told")
		}
		return f, nil
	}
	switch f.Kind {
	case Text:
		return text(f)
	case Number:
		if !numbers.MatchString(f.Value) {
			return wrong("value", "is no number: give digits, and a point before at most six decimals")
		}
		f.Value = number(f.Value)
	case Bool:
		if f.Value = strings.ToLower(f.Value); f.Value != "true" && f.Value != "false" {
			return wrong("value", "is neither true nor false")
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, f.Value); err != nil {
			return wrong("value", "is no date: give year-month-day, as 2026-11-29")
		}
	default:
		return wrong("kind", "is none of text, number, bool, date")
	}
	return f, nil
}

// text reads the value of a text.
func text(f Fact) (Fact, error) {
	why := ""
	switch f.Name {
	case Email:
		var address string
		if address, _, why = identity.Mail(f.Value); why == "" {
			f.Value = address
		}
	case Phone:
		var number string
		if number, why = identity.Phone(f.Value); why == "" {
			f.Value = number
		} else if why == identity.NoCountry { // it can be called from there
			why = ""
		}
	case Website:
		_, why = identity.Link(f.Value)
	}
	if why == "" && platform.NamesNobody(f.Value) {
		why = "stands for nothing"
	}
	if why != "" {
		return f, Wrong{"value", why + ": leave it out"}
	}
	return f, nil
}

// number writes a number in one way: without zeros before it or after its decimals.
func number(s string) string {
	s, minus := strings.CutPrefix(s, "-")
	whole, part, _ := strings.Cut(s, ".")
	whole, part = cmp.Or(strings.TrimLeft(whole, "0"), "0"), strings.TrimRight(part, "0")
	if part != "" {
		whole += "." + part
	}
	if minus && whole != "0" {
		whole = "-" + whole
	}
	return whole
}

// Says reports whether two facts tell the same.
func (f Fact) Says(o Fact) bool {
	return f.ID == o.ID && f.Name == o.Name && f.Kind == o.Kind && f.Value == o.Value && f.Source == o.Source && f.By == o.By
}

// Of is what was told of an account, in any order.
type Of struct {
	Account string
	Facts   []Fact
}

// Held is a fact that holds, and of which account it was told.
type Held struct {
	Fact
	Account string
}

// Holding returns the attributes that hold of a person at an instant, by name:
// of each name what the most trusted source told, and of that source the
// newest. What a source told of one account it replaces or takes back there.
func Holding(of []Of, asOf time.Time) []Held {
	best := map[string]Held{}
	for _, h := range told(of, asOf) {
		if b, ok := best[h.Name]; !ok || rather(h, b) < 0 {
			best[h.Name] = h
		}
	}
	out := slices.Collect(maps.Values(best))
	slices.SortFunc(out, func(a, b Held) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// told is what each source tells of each account at an instant, the newest of each name.
func told(of []Of, asOf time.Time) (out []Held) {
	type key struct {
		name   string
		source Source
	}
	for _, o := range of {
		newest := map[key]Held{}
		for _, f := range o.Facts {
			h, k := Held{f, o.Account}, key{f.Name, f.Source}
			if b, ok := newest[k]; !f.At.After(asOf) && (!ok || rather(h, b) < 0) {
				newest[k] = h
			}
		}
		for _, h := range newest {
			if h.Value != "" {
				out = append(out, h)
			}
		}
	}
	return out
}

// rather orders facts, those first that hold rather than others.
func rather(a, b Held) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Sources, a.Source), slices.Index(Sources, b.Source)),
		b.At.Compare(a.At), b.Known.Compare(a.Known), cmp.Compare(b.ID, a.ID), cmp.Compare(b.Account, a.Account),
	)
}

// Newest is the instant since which the newest of all facts holds; zero where there are none.
func Newest(of []Of) (at time.Time) {
	for _, o := range of {
		for _, f := range o.Facts {
			if f.At.After(at) {
				at = f.At
			}
		}
	}
	return at
}
