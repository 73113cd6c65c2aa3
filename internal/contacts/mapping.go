package contacts

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/platform"
	"rapport/internal/platform/standard"
	"rapport/internal/social"
)

// Mapping says how a file is to be read, where it does not say so itself. Nothing in it needs to be given.
type Mapping struct {
	Format   string `json:"format,omitempty"`   // one of Formats; "": told by how the file begins
	Encoding string `json:"encoding,omitempty"` // as web pages name them; "": UTF-8 or UTF-16, else Windows-1252
	Zone     string `json:"zone,omitempty"`     // whose clocks show times that say no zone
	Dates    string `json:"dates,omitempty"`    // one of Orders
	Decimal  string `json:"decimal,omitempty"`  // "." or ",": what stands before the decimals of amounts
	Currency string `json:"currency,omitempty"` // of amounts that say none

	Platform string `json:"platform,omitempty"` // of ids that say none
	Scope    string `json:"scope,omitempty"`    // of ids that say none

	Columns    map[string]string `json:"columns,omitempty"`    // what a column is: a field, "attribute:NAME", or "" to leave it out
	Types      map[string]string `json:"types,omitempty"`      // what the values of the column type mean; to "": no activity
	Outcomes   map[string]string `json:"outcomes,omitempty"`   // what the values of the column outcome mean; to "": no outcome
	Activities []Doing           `json:"activities,omitempty"` // what each row tells that somebody did, by columns of their own
}

// Doing says where a row tells an activity of one type. The parts name columns.
type Doing struct {
	Type     string `json:"type"`
	Occurred string `json:"occurred"` // where nothing stands in it, it was not done
	ID       string `json:"id,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Formats are the formats of files that are read.
var Formats = []string{"csv", "vcard", "jsonl", "hubspot", "salesforce"}

// ParseMapping reads a mapping.
func ParseMapping(b []byte) (Mapping, error) {
	var m Mapping
	d := json.NewDecoder(bytes.NewReader(platform.WithoutBOM(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("the mapping can't be read: %w", err)
	}
	return m, m.Check()
}

// Check says everything that is wrong with a mapping.
func (m Mapping) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.Format != "" && !slices.Contains(Formats, m.Format) {
		bad("format: %.20q is none of %s", m.Format, strings.Join(Formats, ", "))
	}
	if m.Dates != "" && !slices.Contains(Orders, m.Dates) {
		bad("dates: %.20q is none of %s", m.Dates, strings.Join(Orders, ", "))
	}
	if m.Zone != "" {
		if _, err := standard.Zone(m.Zone); err != nil {
			bad("zone: %w", err)
		}
	}
	if m.Decimal != "" && m.Decimal != "." && m.Decimal != "," {
		bad(`decimal: %.20q is neither "." nor ","`, m.Decimal)
	}
	if m.Currency != "" && !currency.MatchString(m.Currency) {
		bad("currency: %.20q is no code of three capital letters", m.Currency)
	}
	if m.Platform != "" && !platformName.MatchString(m.Platform) {
		bad("platform: %.60q is none: write it in small letters, as docs/platforms does", m.Platform)
	}
	for _, c := range slices.Sorted(maps.Keys(m.Columns)) {
		f := m.Columns[c]
		name, isAttribute := strings.CutPrefix(f, attributeOf)
		if f != "" && !fields[f] && !isAttribute {
			bad("columns: %.60q can't be %.60q: there are %s, attribute:NAME, and \"\" to leave it out", c, f, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		if isAttribute && (!attributeName.MatchString(name) || reserved(name)) {
			bad("columns: %.60q can't be the attribute %.60q: its name has small letters, digits and _, a letter first, and is no field's", c, name)
		}
	}
	for _, x := range []struct {
		name string
		of   map[string]string
		ok   func(string) bool
	}{{"types", m.Types, func(s string) bool { return social.Type(s).Valid() }}, {"outcomes", m.Outcomes, func(s string) bool { return slices.Contains(outcomeKinds, s) }}} {
		for _, from := range slices.Sorted(maps.Keys(x.of)) {
			if to := x.of[from]; to != "" && !x.ok(to) {
				bad("%s: %.60q can't mean %.60q", x.name, from, to)
			}
		}
	}
	for i, d := range m.Activities {
		if !social.Type(d.Type).Valid() {
			bad("activities: %d: %.60q is no type of activity: there are %s", i+1, d.Type, typeNames())
		}
		if d.Occurred == "" {
			bad("activities: %d: occurred is missing: name the column that says when", i+1)
		}
	}
	return errors.Join(errs...)
}

func (m Mapping) clock() clock {
	c := clock{order: m.Dates}
	if m.Zone != "" {
		c.zone, _ = standard.Zone(m.Zone) // Check looked
	}
	return c
}

const attributeOf = "attribute:"

// fields are what a column can be.
var fields = func() map[string]bool {
	m := map[string]bool{}
	for _, f := range slices.Concat(contactFields, activityFields, outcomeFields, bothFields) {
		m[f] = true
	}
	return m
}()

var (
	contactFields  = []string{"id", "platform", "scope", "handle", "name", "given_name", "family_name", "email", "phone", "company", "title", "location", "city", "region", "country", "url"}
	activityFields = []string{"type", "occurred", "event_id", "object_id", "object_type", "conversation", "in_reply_to", "text", "event_url", "direction",
		"activity_key", "activity_scope", "precision", "actor_handle", "actor_name", "details"} // these as the export writes them
	outcomeFields = []string{"outcome", "outcome_at", "outcome_id", "value", "currency", "person"}
	bothFields    = []string{"when", "zone"} // of the activity or the outcome
)

// several are fields that several columns can be.
var several = map[string]bool{"email": true, "phone": true, "url": true}

//go:embed fields.txt
var fieldsFile string

// called says by a column's name, folded, what it is; outcomes are under their own words.
var called = sync.OnceValue(func() map[string]map[string]string {
	m := map[string]map[string]string{"field": {}, "outcome": {}}
	in, to := "", ""
	for line := range strings.Lines(fieldsFile) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			in, to = "field", strings.Trim(line, "[]")
			if kind, ok := strings.CutPrefix(to, "outcome "); ok {
				in, to = "outcome", kind
			}
		default:
			for _, w := range strings.Fields(line) {
				m[in][folded(w)] = to
			}
		}
	}
	return m
})

// folded is a name as names of columns are compared.
func folded(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ł':
			b.WriteByte('l')
		case r == 'ø':
			b.WriteByte('o')
		case r == 'ı':
			b.WriteByte('i')
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// fieldOf is the field that a column is by its name; "" where the name says nothing.
func fieldOf(name string) string {
	f := folded(name)
	if to := called()["field"][f]; to != "" {
		return to
	}
	return called()["field"][strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, f)]
}

// attributeNamed is the attribute that a column without a field becomes; "" where its name gives none.
func attributeNamed(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(strings.ReplaceAll(name, "ß", "ss"))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	s := strings.TrimRight(b.String()[:min(b.Len(), 40)], "_")
	if !attributeName.MatchString(s) || reserved(s) {
		return ""
	}
	return s
}
