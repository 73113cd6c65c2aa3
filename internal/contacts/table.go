package contacts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"rapport/internal/pattern"
	"rapport/internal/platform/standard"
	"rapport/internal/profile"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

// columns are what the columns of a table are.
type columns struct {
	Mapping
	clock    clock
	names    []string
	fields   []string // of each column: a field, "attribute:NAME", or "" for one that is left out
	doings   [][4]int // of each of Activities, where its parts are; -1: nowhere
	tells    bool     // a row is an activity
	came     bool     // a row is an outcome
	describe bool     // a row describes somebody, beyond saying who it is
}

// bind finds what the columns of a header are. notes say what was decided.
func bind(header []string, m Mapping) (t *columns, notes []string, err error) {
	t = &columns{Mapping: m, clock: m.clock(), names: make([]string, len(header)), fields: make([]string, len(header))}
	given := map[string]string{}
	for name, f := range m.Columns {
		given[strings.TrimSpace(name)] = f
	}
	used := map[string]bool{}
	for i, h := range header {
		h = strings.TrimSpace(sheet.Unguarded(h))
		if h == "" {
			notes = append(notes, fmt.Sprintf("the column %d has no name and is left out", i+1))
			continue
		}
		t.names[i] = h
		f, said := given[h]
		if said {
			used[h] = true
		} else if name, _, ok := typed(h); ok && attributeName.MatchString(name) && !reserved(name) {
			f = h
		} else if f = fieldOf(h); f == "left out" {
			f = ""
		} else if f == "" {
			f = "attribute:"
		}
		t.fields[i] = f
	}
	for name := range given {
		if !used[name] {
			return nil, nil, fmt.Errorf("the mapping names a column %.60q that the file does not have; it has %s", name, listed(t.names))
		}
	}
	has := func(f string) bool { return slices.Contains(t.fields, f) }
	t.tells = has("type") && (has("occurred") || has("when"))
	t.came = has("outcome") && (has("outcome_at") || has("when"))
	for i, f := range t.fields {
		_, said := given[t.names[i]]
		switch {
		case f == "when" && t.came && !has("outcome_at"):
			t.fields[i] = "outcome_at"
		case f == "when" && t.tells && !has("occurred"):
			t.fields[i] = "occurred"
		case said:
		case f == "when", slices.Contains(activityFields, f) && !t.tells, slices.Contains(outcomeFields, f) && !t.came, f == "zone" && !t.tells && !t.came && len(m.Activities) == 0:
			t.fields[i] = attributeOf
		case f == "url" && t.tells && !has("event_url"):
			t.fields[i] = "event_url"
		}
	}
	names := map[string]string{}
	for i, f := range t.fields {
		if f == attributeOf {
			name := attributeNamed(t.names[i])
			if name == "" {
				notes = append(notes, fmt.Sprintf("the column %q is left out: say in the mapping what it is, such as \"attribute:plan\"", t.names[i]))
				t.fields[i] = ""
				continue
			}
			f = attributeOf + name
			t.fields[i] = f
		}
		if f == "" || several[f] {
			continue
		}
		if other, ok := names[f]; ok {
			return nil, nil, fmt.Errorf("two columns, %q and %q, are both %s: say in the mapping which is, and leave the other out with \"\"", other, t.names[i], f)
		}
		names[f] = t.names[i]
	}
	for _, d := range m.Activities {
		at := [4]int{-1, -1, -1, -1}
		for k, name := range []string{d.Occurred, d.ID, d.Text} {
			if name == "" {
				continue
			}
			if at[k] = slices.Index(t.names, strings.TrimSpace(name)); at[k] < 0 {
				return nil, nil, fmt.Errorf("the mapping's activities name a column %.60q that the file does not have; it has %s", name, listed(t.names))
			}
			if given[t.names[at[k]]] == "" {
				t.fields[at[k]] = "" // it is the activity's, unless the mapping says that it is something else, too
			}
		}
		t.doings = append(t.doings, at)
	}
	who := false
	for _, f := range t.fields {
		switch {
		case f == "id" || f == "email" || f == "phone" || f == "person":
			who = true
		case strings.Contains(f, ":") || f != "platform" && f != "scope" && slices.Contains(contactFields, f):
			t.describe = true
		}
	}
	if !who {
		return nil, nil, fmt.Errorf("no column says who it is: one with an id, an e-mail or a phone is needed; there are %s. Say in the mapping which it is: {\"columns\": {\"…\": \"email\"}}", listed(t.names))
	}
	var said []string
	for i, f := range t.fields {
		if f != "" {
			said = append(said, fmt.Sprintf("%s = %s", t.names[i], f))
		}
	}
	return t, append(notes, "columns: "+strings.Join(said, "; ")), nil
}

func listed(names []string) string {
	var quoted []string
	for i, n := range names {
		if i == 40 {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	return strings.Join(quoted, ", ")
}

// row reads one row.
func (t *columns) row(cells []string) (out Row, told []string, err error) {
	get := map[string]string{}
	contact := Contact{Attributes: map[string]json.RawMessage{}}
	for i, cell := range cells {
		cell = strings.TrimSpace(sheet.Unguarded(strings.TrimSpace(cell)))
		switch f := t.fields[i]; {
		case f == "" || cell == "":
		case f == "email":
			contact.Emails = append(contact.Emails, addresses(cell)...)
		case f == "phone":
			contact.Phones = append(contact.Phones, parted(cell, ";")...)
		case f == "url":
			contact.URLs = append(contact.URLs, parted(cell, " ")...)
		default:
			name, kind, ok := typed(f)
			if !ok {
				get[f] = cell
				continue
			}
			var value any = cell
			if kind != profile.Text {
				if value, err = attribute(json.RawMessage(cell)); err != nil {
					return out, nil, fmt.Errorf("%.60q in the column %s %w", cell, t.names[i], err)
				}
			}
			if contact.Attributes[name], err = json.Marshal(value); err != nil {
				return out, nil, err
			}
		}
	}
	if t.Format == "salesforce" {
		get["id"] = longID(get["id"])
	}
	contact.Platform, contact.Scope, contact.ID = get["platform"], get["scope"], get["id"]
	if contact.ID != "" && contact.Platform == "" {
		contact.Platform = t.Platform
		if contact.Scope == "" {
			contact.Scope = t.Scope
		}
	}
	contact.Handle, contact.Company, contact.Title = get["handle"], get["company"], get["title"]
	contact.Name = get["name"]
	if contact.Name == "" {
		contact.Name = strings.TrimSpace(get["given_name"] + " " + get["family_name"])
	}
	contact.Location = get["location"]
	if contact.Location == "" {
		contact.Location = joined(get["city"], get["region"], get["country"])
	}
	clock := t.clock
	if z := get["zone"]; z != "" {
		if clock.zone, err = standard.Zone(z); err != nil {
			return out, nil, err
		}
	}
	when := func(s string) (moment, error) {
		m, err := clock.read(s)
		if err == nil && m.told != "" {
			told = append(told, m.told)
		}
		return m, err
	}
	if !t.came && !t.tells || t.describe {
		out.Contact = &contact
	}
	var who Contact // as it is told apart from others
	if t.tells && contact.ID == social.Unknown {
		who = Contact{Platform: contact.Platform, Scope: contact.Scope, ID: social.Unknown}
	} else if t.tells || t.came && get["person"] == "" || len(t.doings) > 0 {
		if who, err = (&checker{}).contact(contact); err != nil {
			return out, nil, err
		}
	}
	if t.tells {
		kind := get["type"]
		if to, ok := t.Types[kind]; ok {
			kind = to
		}
		switch {
		case get["type"] == "":
			return out, nil, errors.New("it does not say what was done: its type is empty")
		case kind == "":
			told = append(told, fmt.Sprintf("%q is left out, as the mapping says", get["type"]))
		default:
			a, err := t.activity(who, kind, get, when)
			if err != nil {
				return out, nil, err
			}
			a.Object = social.LineObj{ID: get["object_id"], Type: get["object_type"]}
			if err := a.named(get["event_id"]); err != nil {
				return out, nil, err
			}
			a.Conversation, a.InReplyTo, a.Text, a.URL, a.Direction = get["conversation"], get["in_reply_to"], get["text"], get["event_url"], get["direction"]
			out.Activities = append(out.Activities, a)
		}
	}
	for i, at := range t.doings {
		cell := func(k int) string {
			if at[k] < 0 {
				return ""
			}
			return strings.TrimSpace(sheet.Unguarded(strings.TrimSpace(cells[at[k]])))
		}
		if cell(0) == "" {
			continue
		}
		m, err := when(cell(0))
		if err != nil {
			return out, nil, err
		}
		a := did(who, t.Activities[i].Type, m)
		if err := a.named(cell(1)); err != nil {
			return out, nil, err
		}
		a.Text = cell(2)
		out.Activities = append(out.Activities, a)
	}
	if t.came {
		kind := get["outcome"]
		to, mapped := t.Outcomes[kind]
		if !mapped {
			if to = called()["outcome"][folded(kind)]; to == "" {
				return out, nil, fmt.Errorf("%.60q is no outcome that is known: say in the mapping what it means, {\"outcomes\": {%.60q: \"won\"}}, or \"\" if nothing came out yet", kind, kind)
			}
		}
		if to == "" {
			told = append(told, fmt.Sprintf("%q is left out, as the mapping says", kind))
		} else {
			m, err := when(get["outcome_at"])
			if err != nil {
				return out, nil, err
			}
			o := Outcome{ID: get["outcome_id"], Person: get["person"], Kind: to, At: social.Stamp(m.at)}
			if o.Person == "" {
				o.Platform, o.Scope, o.Account = who.Platform, who.Scope, who.ID
			}
			if o.Value, o.Currency, err = t.amount(get["value"], get["currency"]); err != nil {
				return out, nil, err
			}
			out.Outcomes = append(out.Outcomes, o)
		}
	}
	return out, told, nil
}

// activity is the activity of a row, but for what it is about, with what an
// export says of it beside what lists say.
func (t *columns) activity(who Contact, kind string, get map[string]string, when func(string) (moment, error)) (Activity, error) {
	var more details
	if s := get["details"]; s != "" {
		d := json.NewDecoder(strings.NewReader(s))
		d.DisallowUnknownFields()
		if err := d.Decode(&more); err != nil {
			return Activity{}, fmt.Errorf("the activity's details can't be read: %w", err)
		}
	}
	var m moment
	if !more.Undated || get["occurred"] != "" {
		var err error
		if m, err = when(get["occurred"]); err != nil {
			return Activity{}, err
		}
	}
	a := did(who, kind, m)
	if more.Undated && m.at.IsZero() {
		a.Occurred = ""
	}
	a.Undated, a.Flat, a.Addressed, a.Automatic, a.Reaction, a.Rating = more.Undated, more.Flat, more.Addressed, more.Automatic, more.Reaction, more.Rating
	a.Key, a.Precision = get["activity_key"], cmp.Or(get["precision"], a.Precision)
	if a.Key != "" { // what an export leaves empty is empty
		a.Scope = get["activity_scope"]
	} else {
		a.Scope = cmp.Or(get["activity_scope"], a.Scope)
	}
	a.Actor.Handle, a.Actor.Name = cmp.Or(get["actor_handle"], a.Actor.Handle), cmp.Or(get["actor_name"], a.Actor.Name)
	return a, nil
}

// details is what an activity has beside what lists say.
type details struct {
	Undated   bool             `json:"undated,omitempty"`
	Flat      bool             `json:"flat,omitempty"`
	Addressed []string         `json:"addressed,omitempty"`
	Automatic bool             `json:"automatic,omitempty"`
	Reaction  string           `json:"reaction,omitempty"`
	Rating    *social.LineMark `json:"rating,omitempty"`
}

// typed reads what a column is that is an attribute; the name is empty where the column's is meant.
func typed(f string) (name string, kind profile.Kind, ok bool) {
	for _, x := range attributesOf {
		if name, ok = strings.CutPrefix(f, x.prefix); ok {
			return name, x.kind, true
		}
	}
	return "", "", false
}

var attributesOf = []struct {
	prefix string
	kind   profile.Kind
}{{attributeOf, profile.Text}, {"number:", profile.Number}, {"bool:", profile.Bool}}

// did is an activity of a contact.
func did(c Contact, kind string, m moment) Activity {
	return Activity{Line: social.Line{Platform: c.Platform, Scope: c.Scope, Type: strings.ToLower(kind), Occurred: social.Stamp(m.at),
		Actor: social.LineActor{ID: c.ID, Scope: c.Scope, Handle: c.Handle, Name: c.Name}, Precision: m.precision}}
}

// named gives an activity the id that the event has on its platform, if there is one.
func (a *Activity) named(id string) error {
	id, err := (&checker{}).id("the event's id", id)
	if err != nil || id == "" {
		return err
	}
	if a.Object.ID == "" && social.Type(a.Type).Utterance() {
		a.Object.ID = id
	}
	at, err := social.ParseStamp(a.Occurred)
	a.Key = social.ActivityKey(social.Platform(a.Platform), a.Scope, social.Type(a.Type), id, at)
	a.Precision = cmp.Or(a.Precision, string(social.ToMillisecond))
	return err
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// parted are the values of a cell that can hold several.
func parted(cell, sign string) []string {
	return strings.Split(strings.NewReplacer(" ::: ", "\n", sign, "\n").Replace(cell), "\n")
}

var inBrackets = pattern.New(`<([^<>]+)>`)

// addresses are the e-mail addresses of a cell: Ana <ana@contoso.com>; b@contoso.com
func addresses(cell string) (out []string) {
	for _, s := range strings.Split(strings.NewReplacer(" ::: ", "\n", ";", "\n", ",", "\n").Replace(cell), "\n") {
		if m := inBrackets.FindStringSubmatch(s); m != nil {
			s = m[1]
		}
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// longID is a Salesforce id of 18 letters and digits, whose last three say which
// of the others are capitals; reports show ids without them.
func longID(id string) string {
	if len(id) != 15 || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return id
	}
	for part := range 3 {
		bits := 0
		for i := range 5 {
			if c := id[part*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		id += string("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return id
}

var (
	signs   = map[string]string{"€": "EUR", "£": "GBP", "EUR": "EUR", "GBP": "GBP", "CHF": "CHF", "USD": "USD", "US$": "USD", "JPY": "JPY", "zł": "PLN", "PLN": "PLN", "SEK": "SEK", "₹": "INR"}
	figures = pattern.New(`^([^0-9+.,-]*)([0-9][0-9.,' ]*)([^0-9.,]*)$`)
)

// amount reads an amount and its currency.
func (t *columns) amount(s, code string) (value, currency string, err error) {
	s = strings.TrimSpace(strings.NewReplacer("\u00a0", " ", "\u202f", " ", "’", "'").Replace(s))
	code = strings.ToUpper(code)
	if s == "" {
		return "", "", nil
	}
	m := figures.FindStringSubmatch(s)
	if m == nil {
		return "", "", fmt.Errorf("the value %.40q is no amount", s)
	}
	sign := strings.TrimSpace(strings.TrimSpace(m[1]) + strings.TrimSpace(m[3]))
	switch {
	case sign == "":
	case signs[sign] == "" && code == "":
		return "", "", fmt.Errorf("the value %.40q is in a currency that is not clear: give its code in a column, or in the mapping (\"currency\")", s)
	case code == "":
		code = signs[sign]
	case signs[sign] != "" && signs[sign] != code:
		return "", "", fmt.Errorf("the value %.40q is not in %s, as its row says", s, code)
	}
	if code == "" {
		code = t.Currency
	}
	digits := strings.NewReplacer(" ", "", "'", "").Replace(m[2])
	point, comma := strings.Count(digits, "."), strings.Count(digits, ",")
	decimal := t.Decimal
	switch last := strings.LastIndexAny(digits, ".,"); {
	case decimal != "" || last < 0:
	case point > 0 && comma > 0:
		decimal = digits[last : last+1]
	case point > 1:
		decimal = ","
	case comma > 1:
		decimal = "."
	case len(digits)-last-1 == 3 && last <= 3 && digits[0] != '0':
		return "", "", fmt.Errorf("the value %.40q can be thousands or have three decimals: say which sign stands before decimals, \"decimal\" in the mapping", s)
	default:
		decimal = digits[last : last+1]
	}
	if decimal == "," {
		digits = strings.NewReplacer(".", "", ",", ".").Replace(digits)
	} else {
		digits = strings.ReplaceAll(digits, ",", "")
	}
	if whole, part, ok := strings.Cut(digits, "."); ok {
		if part = strings.TrimRight(part, "0"); part == "" {
			digits = whole
		} else {
			digits = whole + "." + part
		}
	}
	if !amount.MatchString(digits) {
		return "", "", fmt.Errorf("the value %.40q is no amount", s)
	}
	return digits, code, nil
}

// table reads CSV.
func (f *File) table(r io.Reader) (iter.Seq2[Answer, error], error) {
	next, stop := iter.Pull2(sheet.Rows(r))
	head, err, ok := next()
	switch {
	case !ok:
		stop()
		return nil, errors.New("it is empty: a header and rows are needed")
	case err != nil:
		stop()
		return nil, err
	case head.Err != nil:
		stop()
		return nil, fmt.Errorf("its first line is no header: %w", head.Err)
	}
	t, notes, err := bind(head.Cells, f.mapping)
	if err != nil {
		stop()
		return nil, err
	}
	f.Notes = append(f.Notes, notes...)
	return func(yield func(Answer, error) bool) {
		defer stop()
		for n := 1; ; n++ {
			row, err, ok := next()
			if !ok {
				return
			}
			if err != nil {
				yield(Answer{}, err)
				return
			}
			a := Answer{Row: n, Line: row.Line, Err: row.Err}
			switch {
			case a.Err != nil:
			case len(row.Cells) != len(t.names):
				a.Err = fmt.Errorf("it has %d fields and the header %d", len(row.Cells), len(t.names))
			case strings.ContainsRune(strings.Join(row.Cells, ""), 0):
				a.Err = errNUL
			default:
				a.Says, a.Told, a.Err = t.row(row.Cells)
			}
			if !yield(f.checked(a), nil) {
				return
			}
		}
	}, nil
}

var errNUL = errors.New("it holds a NUL character, which no text has: is the file damaged, or in another encoding?")

// record reads an object of a CRM's API as a row of a table, whose columns are its fields.
func (f *File) record(line []byte) (out Row, told []string, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		return out, nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	if p, ok := o["properties"].(map[string]any); ok { // HubSpot
		if _, there := p["id"]; !there {
			p["id"] = o["id"]
		}
		delete(p, "hs_object_id")
		o = p
	}
	delete(o, "attributes") // Salesforce: of what kind it is
	var names, cells []string
	for _, k := range slices.Sorted(maps.Keys(o)) {
		switch v := o[k].(type) {
		case string:
			names, cells = append(names, k), append(cells, v)
		case json.Number:
			names, cells = append(names, k), append(cells, v.String())
		case bool:
			names, cells = append(names, k), append(cells, fmt.Sprint(v))
		}
	}
	m := f.mapping
	m.Columns = maps.Clone(m.Columns)
	maps.DeleteFunc(m.Columns, func(c, _ string) bool { return !slices.Contains(names, c) }) // this one has no such field
	t, _, err := bind(names, m)
	if err != nil {
		return out, nil, err
	}
	return t.row(cells)
}
