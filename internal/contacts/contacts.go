// Package contacts reads lists of people, of what they did and of how it came
// out with them, as spreadsheets, address books and CRMs write them, and writes
// lists that it reads back. It is pure: a file goes in, and for each of its rows comes
// what it says, or why it can't be taken. Nothing is guessed: what can be read in two ways is
// refused, and says what to do.
package contacts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/identity"
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/profile"
	"rapport/internal/social"
)

// Row is what a row of a list says, in the exchange form: what the API takes and the export writes.
type Row struct {
	Contact    *Contact   `json:"contact,omitempty" doc:"Somebody: an account, and what is known of it"`
	Activities []Activity `json:"activities,omitempty" maxItems:"20" doc:"What somebody did"`
	Outcomes   []Outcome  `json:"outcomes,omitempty" maxItems:"20" doc:"How it came out with somebody"`
}

// Contact is an account and what is known of it. Attributes are texts, numbers and truth values.
type Contact struct {
	Platform   string                     `json:"platform,omitempty" maxLength:"40" doc:"Where the account is; absent: standard"`
	Scope      string                     `json:"scope,omitempty" maxLength:"200" doc:"Within what the id is unique; absent: on the whole platform, and of standard: import"`
	ID         string                     `json:"id,omitempty" maxLength:"500" doc:"The account's id there, or the contact's in the CRM; absent: the first e-mail, else the first phone"`
	Handle     string                     `json:"handle,omitempty" maxLength:"200"`
	Name       string                     `json:"name,omitempty" maxLength:"500"`
	Emails     []string                   `json:"emails,omitempty" maxItems:"20" doc:"The first is the main one"`
	Phones     []string                   `json:"phones,omitempty" maxItems:"20" doc:"The first is the main one"`
	Company    string                     `json:"company,omitempty"`
	Title      string                     `json:"title,omitempty" doc:"The job"`
	Location   string                     `json:"location,omitempty"`
	URLs       []string                   `json:"urls,omitempty" maxItems:"20" doc:"Web pages of the person, the main one first"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty" doc:"Whatever else is known, by a name of small letters, digits and _: texts, numbers and truth values"`
}

// Activity is an activity in the exchange form. Without a key it gets that of the same event from elsewhere.
type Activity struct{ social.Line }

// Outcome is how it came out with a person: one that is named by its id, by an account, or by an e-mail.
type Outcome struct {
	ID       string `json:"id,omitempty" maxLength:"200" doc:"Of the deal, say; absent: made of what the outcome says, so that the same is one"`
	Person   string `json:"person,omitempty" maxLength:"64" doc:"The id of the person"`
	Platform string `json:"platform,omitempty" maxLength:"40" doc:"Or the platform of an account; absent: standard"`
	Scope    string `json:"scope,omitempty" maxLength:"200" doc:"Of the account; as in contact"`
	Account  string `json:"account,omitempty" maxLength:"500" doc:"The account's id on its platform, or the contact's in the CRM"`
	Email    string `json:"email,omitempty" maxLength:"254" doc:"Or an e-mail under which a contact was imported"`
	Kind     string `json:"kind" enum:"won,lost,hired,not_hired,renewed,churned"`
	At       string `json:"at" format:"date-time" maxLength:"64" doc:"When it happened"`
	Value    string `json:"value,omitempty" maxLength:"20" doc:"What it was worth, a decimal number"`
	Currency string `json:"currency,omitempty" maxLength:"3" doc:"Of the value (ISO 4217)"`
}

// Answer is what became of one row of a file.
type Answer struct {
	Row  int // its number among the rows, from 1
	Line int // of the file, where it begins
	Says Row
	Told []string // what was left out or decided in it, for somebody to look at
	Err  error    // why nothing of it is taken
}

// Bounds of a row.
const (
	maxList       = 20  // e-mails, phones, pages, activities, outcomes
	maxAttributes = 40  // beside the well-known ones
	maxID         = 500 // bytes
	maxText       = 1000
)

// Import is the scope within which contacts have their ids that come with no platform's.
const Import = "import"

// attributeName is the form of an attribute's name, as package profile has it.
var attributeName = pattern.New(`^[a-z][a-z0-9_]{0,39}$`)

// Ref is the account that a contact is. Its form was checked by Checked.
func (c Contact) Ref() social.AccountRef { return refOf(c.Platform, c.Scope, c.ID) }

func refOf(platform, scope, id string) social.AccountRef {
	if platform == "" || platform == Standard {
		return social.AccountRef{Platform: Standard, Scope: cmp.Or(scope, Import), ID: id}
	}
	return social.AccountRef{Platform: social.Platform(platform), Scope: scope, ID: id}
}

// Standard is the platform of contacts that come with none.
const Standard = "standard"

// Checked is a row as it is taken: its values in the form in which they are
// compared, those that stand for nobody left out, ids made where there are none. told says what
// was left out. now is when it is imported.
func Checked(r Row, now time.Time) (out Row, told []string, err error) {
	c := checker{now: now}
	if r.Contact == nil && len(r.Activities) == 0 && len(r.Outcomes) == 0 {
		return r, nil, errors.New("it says nothing that can be taken: give a contact, an activity or an outcome")
	}
	if len(r.Activities) > maxList || len(r.Outcomes) > maxList {
		return r, nil, fmt.Errorf("it has %d activities and %d outcomes: at most %d of each are taken", len(r.Activities), len(r.Outcomes), maxList)
	}
	if r.Contact != nil {
		x, err := c.contact(*r.Contact)
		if err != nil {
			return r, nil, err
		}
		out.Contact = &x
	}
	for _, a := range r.Activities {
		x, err := c.activity(a, out.Contact)
		if err != nil {
			return r, nil, err
		}
		out.Activities = append(out.Activities, x)
	}
	for _, o := range r.Outcomes {
		x, err := c.outcome(o, out.Contact)
		if err != nil {
			return r, nil, err
		}
		out.Outcomes = append(out.Outcomes, x)
	}
	return out, c.told, nil
}

type checker struct {
	now  time.Time
	told []string
}

func (c *checker) tell(format string, args ...any) {
	c.told = append(c.told, fmt.Sprintf(format, args...))
}

// text is a text as it is kept: on one line, nothing where it only says that there is none.
func (c *checker) text(what, s string) string {
	s = social.Shown(s)
	switch {
	case s == "":
	case platform.NamesNobody(s):
		c.tell("%s %q stands for nothing and is left out", what, social.Excerpt(s, 40))
		return ""
	case len(s) > maxText:
		c.tell("%s is longer than %d bytes and is left out", what, maxText)
		return ""
	}
	return s
}

// list is a list of values without those that can't be used and those that stand there twice.
func (c *checker) list(what string, in []string, read func(string) (value, why string)) (out []string) {
	for _, s := range in {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		value, why := read(s)
		switch {
		case why != "":
			c.tell("%s %q %s and is left out", what, social.Excerpt(s, 60), why)
		case slices.Contains(out, value):
		case len(out) == maxList:
			c.tell("%s %q is left out: at most %d are kept", what, social.Excerpt(s, 60), maxList)
		default:
			out = append(out, value)
		}
	}
	return out
}

// lists takes over e-mails, phones and pages.
func (c *checker) lists(out *Contact, in Contact) {
	out.Emails = c.list("the e-mail", in.Emails, func(s string) (string, string) {
		address, _, why := identity.Mail(s)
		return address, why
	})
	out.Phones = c.list("the phone", in.Phones, func(s string) (string, string) {
		if Shortened(s) {
			return "", "was made short by a spreadsheet, which lost its digits,"
		}
		number, why := identity.Phone(s)
		if why == identity.NoCountry { // it can be called from there
			return social.Shown(s), ""
		}
		return number, why
	})
	out.URLs = c.list("the page", in.URLs, func(s string) (string, string) {
		_, why := identity.Link(s)
		return social.Shown(s), why
	})
}

func (c *checker) contact(in Contact) (Contact, error) {
	out := Contact{Handle: strings.TrimPrefix(c.text("the handle", in.Handle), "@"), Name: c.text("the name", in.Name), Company: c.text("the company", in.Company),
		Title: c.text("the title", in.Title), Location: c.text("the location", in.Location)}
	c.lists(&out, in)
	for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
		if !attributeName.MatchString(name) || reserved(name) {
			return out, fmt.Errorf("the attribute %.60q has no name that one can have: up to 40 small letters, digits and _, a letter first, and none of a field that has a place of its own", name)
		}
		value, err := attribute(in.Attributes[name])
		if err != nil {
			return out, fmt.Errorf("the attribute %s %w", name, err)
		}
		if text, ok := value.(string); ok {
			if value = c.text("the attribute "+name, text); value == "" {
				continue
			}
		}
		if len(out.Attributes) == maxAttributes {
			c.tell("the attribute %s is left out: at most %d are kept", name, maxAttributes)
			continue
		}
		if out.Attributes == nil {
			out.Attributes = map[string]json.RawMessage{}
		}
		if out.Attributes[name], err = json.Marshal(value); err != nil {
			return out, err
		}
	}
	var err error
	out.Platform, out.Scope, out.ID, err = c.account(in.Platform, in.Scope, in.ID, out)
	return out, err
}

// attribute reads a text, a number or a truth value.
func attribute(raw json.RawMessage) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("is no JSON")
	}
	switch v.(type) {
	case nil:
		return "", nil
	case string, json.Number, bool:
		return v, nil
	}
	return nil, errors.New("is a list or an object: give a text, a number or a truth value")
}

var (
	platformName = pattern.New(`^[a-z0-9][a-z0-9_-]{0,39}$`)

	// shortened is a number as spreadsheets show long ones.
	shortened = pattern.New(`^[0-9]([.,][0-9]+)?[eE]\+?[0-9]{1,3}$`)

	// rounded is a whole number of more digits than spreadsheets keep, the others of which are 0.
	rounded = pattern.New(`^[0-9]{15}0+$`)
)

// Shortened reports whether an id or a phone number was made short by a spreadsheet.
func Shortened(s string) bool { return shortened.MatchString(strings.TrimSpace(s)) }

// id reads an id; "" where it only says that there is none.
func (c *checker) id(what, s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case Shortened(s):
		return "", fmt.Errorf("%s %s was made short by a spreadsheet, and its digits are lost: format the column as text, and export it anew", what, s)
	case s != "" && platform.NamesNobody(s):
		c.tell("%s %q stands for nobody and is left out", what, social.Excerpt(s, 40))
		return "", nil
	case len(s) > maxID:
		return "", fmt.Errorf("%s is longer than %d bytes", what, maxID)
	case strings.ContainsFunc(s, social.Hidden):
		return "", fmt.Errorf("%s %q holds characters that can't be seen", what, social.Excerpt(s, 40))
	case rounded.MatchString(s):
		c.tell("%s %s may have been rounded by a spreadsheet: it ends in zeros after 15 digits", what, s)
	}
	return s, nil
}

// account is the account that a contact is: that of its id, else one that is named by its e-mail or phone.
func (c *checker) account(name, scope, id string, of Contact) (string, string, string, error) {
	name, scope = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(scope)
	if name != "" && !platformName.MatchString(name) {
		return "", "", "", fmt.Errorf("the platform %.60q is none: write it in small letters, as docs/platforms does", name)
	}
	if len(scope) > 200 || strings.ContainsFunc(scope, social.Hidden) {
		return "", "", "", errors.New("the scope is longer than 200 bytes, or holds characters that can't be seen")
	}
	id, err := c.id("the id", id)
	if err != nil {
		return "", "", "", err
	}
	if id != "" {
		ref := refOf(name, scope, id)
		return string(ref.Platform), ref.Scope, ref.ID, nil
	}
	if name != "" && name != Standard {
		return "", "", "", fmt.Errorf("it has no id on %s: give one, or leave the platform out, so that the e-mail says who it is", name)
	}
	// Whichever list it is from: the same e-mail is the same contact.
	switch {
	case len(of.Emails) > 0 && identity.OfOne(of.Emails[0]):
		id = of.Emails[0]
	case len(of.Emails) > 0: // several people's: the name says which
		id = strings.TrimSpace(of.Emails[0] + " " + strings.ToLower(of.Name))
	case len(of.Phones) > 0 && strings.HasPrefix(of.Phones[0], "+"):
		id = of.Phones[0]
	default:
		return "", "", "", errors.New("nothing in it says who it is: give an id, an e-mail, or a phone with its country")
	}
	return Standard, Import, id, nil
}

// Told is an attribute that a contact tells.
type Told struct {
	Name  string
	Kind  profile.Kind
	Value string
}

// Tells are the attributes that a checked contact comes to. Of several e-mails,
// phones and pages the first is the attribute, and the others are numbered.
func (c Contact) Tells() (out []Told) {
	text := func(name, value string) {
		if value != "" {
			out = append(out, Told{name, profile.Text, value})
		}
	}
	text("name", c.Name)
	text("handle", c.Handle)
	for name, list := range map[string][]string{profile.Email: c.Emails, profile.Phone: c.Phones, profile.Website: c.URLs} {
		for i, v := range list {
			if i > 0 {
				name := fmt.Sprintf("%s_%d", name, i+1)
				text(name, v)
				continue
			}
			text(name, v)
		}
	}
	text(profile.Company, c.Company)
	text(profile.Title, c.Title)
	text(profile.Location, c.Location)
	for name, raw := range c.Attributes {
		switch v, _ := attribute(raw); v := v.(type) { // Checked read them
		case string:
			text(name, v)
		case json.Number:
			out = append(out, Told{name, profile.Number, v.String()})
		case bool:
			out = append(out, Told{name, profile.Bool, fmt.Sprint(v)})
		}
	}
	slices.SortFunc(out, func(a, b Told) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
