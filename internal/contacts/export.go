package contacts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rapport/internal/profile"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

// Exported is an account as a contact: what holds of it, and where nobody told
// a name or a handle, those under which it was seen last. Checked takes it as it is, but for an
// id that lists can't have and for more than 40 attributes beside the well-known ones: see Parts.
func Exported(ref social.AccountRef, held []profile.Held, seen social.Actor) Contact {
	out := Contact{Platform: string(ref.Platform), Scope: ref.Scope, ID: ref.ID}
	var c checker
	in := Contact{Name: seen.Name, Handle: seen.Handle}
	lists := map[string]*[]string{profile.Email: &in.Emails, profile.Phone: &in.Phones, profile.Website: &in.URLs}
	for _, h := range byNumber(held) {
		base, _, _ := strings.Cut(h.Name, "_")
		switch list := lists[base]; {
		case list != nil && (h.Name == base || further.MatchString(h.Name)):
			*list = append(*list, h.Value)
		case h.Name == "name":
			in.Name = h.Value
		case h.Name == "handle":
			in.Handle = h.Value
		case h.Name == profile.Company:
			out.Company = h.Value
		case h.Name == profile.Title:
			out.Title = h.Value
		case h.Name == profile.Location:
			out.Location = h.Value
		case reserved(h.Name):
		default:
			raw := json.RawMessage(h.Value)
			if h.Kind != profile.Number && h.Kind != profile.Bool {
				raw, _ = json.Marshal(h.Value) // a text always can be
			}
			if out.Attributes == nil {
				out.Attributes = map[string]json.RawMessage{}
			}
			out.Attributes[h.Name] = raw
		}
	}
	out.Name, out.Handle = c.text("", in.Name), c.text("", strings.TrimLeft(c.text("", in.Handle), "@ "))
	c.lists(&out, in)
	return out
}

// byNumber sorts attributes by name, email_2 before email_10.
func byNumber(held []profile.Held) []profile.Held {
	number := func(name string) int {
		_, n, _ := strings.Cut(name, "_")
		i, _ := strconv.Atoi(n)
		return i
	}
	out := slices.Clone(held)
	slices.SortFunc(out, func(a, b profile.Held) int {
		return cmp.Or(cmp.Compare(number(a.Name), number(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Parts are a contact as rows can have it: one, or several with up to 40
// attributes beside the well-known ones, each of which names it in full.
func (c Contact) Parts() []Contact {
	if len(c.Attributes) <= maxAttributes {
		return []Contact{c}
	}
	var out []Contact
	for part := range slices.Chunk(slices.Sorted(maps.Keys(c.Attributes)), maxAttributes) {
		x := c
		x.Attributes = map[string]json.RawMessage{}
		for _, name := range part {
			x.Attributes[name] = c.Attributes[name]
		}
		out = append(out, x)
	}
	return out
}

// Listed is a contact as it is exported.
type Listed struct {
	Person  string  `json:"person" doc:"Whose account it is"`
	Account string  `json:"account" doc:"Rapport's id of the account"`
	Contact Contact `json:"contact" doc:"The account, and what holds of it: a row that import-rows takes"`
	TooMany bool    `json:"attributes_left_out,omitempty" doc:"So many attributes were told of the account (over 2,000) that they can't be read: the contact is without them. Neither is its person scored. Erasing the account is the way out"`
}

// Shape is which columns a table of contacts needs: it is to see every contact
// before the first is written.
type Shape struct {
	emails, phones, urls int
	attributes           map[string]bool // by the names of their columns
}

// See notes what columns a contact needs.
func (s *Shape) See(c Contact) {
	s.emails, s.phones, s.urls = max(s.emails, len(c.Emails)), max(s.phones, len(c.Phones)), max(s.urls, len(c.URLs))
	for name, raw := range c.Attributes {
		if s.attributes == nil {
			s.attributes = map[string]bool{}
		}
		s.attributes[columnOf(name, raw)] = true
	}
}

// columnOf is the column of an attribute, which says of what kind it is: see typed.
func columnOf(name string, raw json.RawMessage) string {
	kind := profile.Text
	switch {
	case len(raw) > 0 && (raw[0] == 't' || raw[0] == 'f'):
		kind = profile.Bool
	case len(raw) > 0 && raw[0] != '"':
		kind = profile.Number
	}
	for _, x := range attributesOf {
		if x.kind == kind {
			return x.prefix + name
		}
	}
	return attributeOf + name
}

// contactColumns are those before the lists and after them.
var contactColumns = [2][]string{{"rapport_person_id", "rapport_account", "platform", "scope", "id", "handle", "name"}, {"company", "title", "location"}}

// Table begins a table of contacts. Write writes one; it is to be flushed in the end.
func (s *Shape) Table(w *sheet.Writer) (write func(Listed) error, err error) {
	head := slices.Clone(contactColumns[0])
	for _, x := range []struct {
		name string
		n    int
	}{{"email", s.emails}, {"phone", s.phones}, {"url", s.urls}} {
		for i := range x.n {
			head = append(head, x.name)
			if i > 0 {
				head[len(head)-1] = fmt.Sprintf("%s_%d", x.name, i+1)
			}
		}
	}
	head = append(head, contactColumns[1]...)
	attributes := slices.Sorted(maps.Keys(s.attributes))
	head = append(head, attributes...)
	if len(head) > sheet.MaxColumns {
		return nil, fmt.Errorf("the contacts have %d attributes, and a table has at most %d columns: export them as jsonl", len(attributes), sheet.MaxColumns)
	}
	if err := w.Write(head); err != nil {
		return nil, err
	}
	return func(l Listed) error {
		c := l.Contact
		row := []string{l.Person, l.Account, c.Platform, c.Scope, c.ID, c.Handle, c.Name}
		for _, x := range []struct {
			list []string
			n    int
		}{{c.Emails, s.emails}, {c.Phones, s.phones}, {c.URLs, s.urls}} {
			row = append(append(row, x.list...), make([]string, x.n-len(x.list))...)
		}
		row = append(row, c.Company, c.Title, c.Location)
		cells := map[string]string{}
		for name, raw := range c.Attributes {
			column := columnOf(name, raw)
			if cells[column] = string(raw); raw[0] == '"' {
				var text string
				if err := json.Unmarshal(raw, &text); err != nil {
					return fmt.Errorf("the attribute %s: %w", name, err)
				}
				cells[column] = text
			}
		}
		for _, a := range attributes {
			row = append(row, cells[a])
		}
		return w.Write(row)
	}, nil
}

// WriteCard writes a contact as a vCard 4.0 (RFC 6350).
func WriteCard(w io.Writer, l Listed) error {
	c := l.Contact
	var b strings.Builder
	line := func(name string, parts ...string) {
		for i, p := range parts {
			parts[i] = escaped.Replace(p)
		}
		fold(&b, name+":"+strings.Join(parts, ";"))
	}
	some := func(name, value string) {
		if value != "" {
			line(name, value)
		}
	}
	several := func(name string, list []string) {
		for i, v := range list {
			if i == 0 {
				line(name+";PREF=1", v)
			} else {
				line(name, v)
			}
		}
	}
	line("BEGIN", "VCARD")
	line("VERSION", "4.0")
	line("UID", l.Account)
	line("X-RAPPORT-PERSON", l.Person)
	line(cardAccount, c.Platform, c.Scope, c.ID, c.Handle)
	line("FN", c.Name) // each card has one
	several("EMAIL", c.Emails)
	several("TEL", c.Phones)
	several("URL", c.URLs)
	some("ORG", c.Company)
	some("TITLE", c.Title)
	if c.Location != "" {
		line("ADR", "", "", "", c.Location, "", "", "")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		raw, text := c.Attributes[name], ""
		if json.Unmarshal(raw, &text) == nil {
			line(cardAttribute+";NAME="+name, text)
		} else {
			line(cardAttribute+";NAME="+name+";VALUE=json", string(raw))
		}
	}
	line("END", "VCARD")
	_, err := io.WriteString(w, b.String())
	return err
}

// escaped is a text as the value of a card's property.
var escaped = strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`, "\x00", "")

// maxFolded is how many bytes a line of a card has at most, without its end (RFC 6350, 3.2).
const maxFolded = 75

// fold writes a line, folded between letters.
func fold(b *strings.Builder, line string) {
	room := maxFolded
	for len(line) > room {
		cut := room
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line, room = line[cut:], maxFolded-1
	}
	b.WriteString(line + "\r\n")
}

// ActivityColumns are the columns of a table of activities.
var ActivityColumns = []string{"rapport_person_id", "activity_key", "platform", "scope", "id", "actor_handle", "actor_name", "type", "occurred", "activity_precision", "activity_scope",
	"object_id", "object_type", "conversation", "in_reply_to", "text", "event_url", "direction", "activity_details"}

// ActivityRow is an activity as a row of such a table.
func ActivityRow(l social.Line) ([]string, error) {
	more := ""
	if d := (details{l.Undated, l.Flat, l.Addressed, l.Automatic, l.Reaction, l.Rating}); d.some() {
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		more = string(b)
	}
	if l.Undated { // it is when it was imported
		l.Occurred = ""
	}
	return []string{l.Person, l.Key, l.Platform, l.Actor.Scope, l.Actor.ID, l.Actor.Handle, l.Actor.Name, l.Type, l.Occurred, l.Precision, l.Scope,
		l.Object.ID, l.Object.Type, l.Conversation, l.InReplyTo, l.Text, l.URL, l.Direction, more}, nil
}

func (d details) some() bool {
	return d.Undated || d.Flat || len(d.Addressed) > 0 || d.Automatic || d.Reaction != "" || d.Rating != nil
}

// OutcomeColumns are the columns of a table of outcomes.
var OutcomeColumns = []string{"rapport_person_id", "outcome_id", "platform", "scope", "id", "outcome", "outcome_at", "value", "currency"}

// OutcomeRow is an outcome of an account as a row of such a table.
func OutcomeRow(person string, o Outcome) []string {
	value := o.Value
	if _, part, ok := strings.Cut(value, "."); ok && len(part) == 3 { // 1.999 could be thousands
		value += "0"
	}
	return []string{person, o.ID, o.Platform, o.Scope, o.Account, o.Kind, o.At, value, o.Currency}
}
