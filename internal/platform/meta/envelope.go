package meta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/platform"
	"rapport/internal/social"
)

var envelopeKinds = []platform.Kind{
	{Name: "permissions revoked", Becomes: platform.Revoked},
	{Name: "permissions granted", Becomes: platform.Ignored, Note: "a grant is no act of a person's"},
	{Name: "test", Becomes: platform.Ignored, Note: "the app dashboard's test button: entry.id is 0"},
	{Name: "entry", Becomes: platform.Ignored, Note: "an entry that holds nothing"},
}

// part is the smallest piece of a delivery that can stand in one by itself:
// a change, a message, an entry that holds nothing or can't be read, a value
// of Threads. All its events have the same scopes.
type part struct {
	entry  int             // which entry it is of
	list   string          // the list of the entry it is in: changes, messaging, standby; "": it is the entry
	raw    json.RawMessage // the element, or the entry
	events []platform.Event
}

// envelope is a delivery taken apart.
type envelope struct {
	top     map[string]json.RawMessage
	entries []json.RawMessage // of all products but Threads
	parts   []part
}

// Normalise reads every entry, change and message. One that is malformed is parked alone.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	if signed, ok := signedRequest(r.Body); ok {
		return callback(signed, r.Query)
	}
	e, err := open(r.Body)
	if err != nil {
		return nil, err
	}
	var events []platform.Event
	for _, p := range e.parts {
		events = append(events, p.events...)
	}
	return events, nil
}

// open takes a delivery apart. Names in it are exact, as Meta writes them.
func open(body []byte) (envelope, error) {
	var e envelope
	if err := platform.Decode(body, &e.top); err != nil {
		return e, err
	}
	if has(e.top, "values") && !has(e.top, "entry") {
		return e, openThreads(&e)
	}
	var object string
	if err := get(e.top, "object", &object); err != nil {
		return e, fmt.Errorf("object: %w", err)
	}
	if object == "" {
		return e, errors.New("no object")
	}
	if err := get(e.top, "entry", &e.entries); err != nil {
		return e, fmt.Errorf("entry: %w", err)
	}
	if len(e.entries) == 0 {
		return e, errors.New("no entry")
	}
	for i, raw := range e.entries {
		e.parts = append(e.parts, openEntry(object, i, raw)...)
	}
	return e, nil
}

// has reports whether m has a value of that name other than null.
func has(m map[string]json.RawMessage, name string) bool {
	raw, ok := m[name]
	return ok && string(raw) != "null"
}

// get reads a field, if it is there.
func get(m map[string]json.RawMessage, name string, into any) error {
	if !has(m, name) {
		return nil
	}
	return platform.Decode(m[name], into)
}

// lists of an entry, in the order in which they are read.
var lists = []string{"changes", "messaging", "standby"}

// openEntry takes an entry apart.
func openEntry(object string, i int, raw json.RawMessage) []part {
	whole := func(e platform.Event) []part { return []part{{i, "", raw, []platform.Event{e}}} }
	var m map[string]json.RawMessage
	if err := platform.Decode(raw, &m); err != nil {
		return whole(platform.Park("entry", fmt.Errorf("an entry: %w", err)))
	}
	var id, uid platform.ID
	if err := errors.Join(get(m, "id", &id), get(m, "uid", &uid)); err != nil {
		return whole(platform.Park("entry", fmt.Errorf("an entry's id: %w", err)))
	}
	of := first(id, uid)
	switch of {
	case "":
		return whole(platform.Park("entry", errors.New("an entry without its id")))
	case "0":
		return whole(platform.Ignore("test", "a test by the app dashboard's button", of))
	}
	var sent platform.Text
	if err := get(m, "time", &sent); err != nil {
		sent = "" // what needs it is parked
	}
	var parts []part
	for _, list := range lists {
		var elements []json.RawMessage
		if err := get(m, list, &elements); err != nil {
			return whole(platform.Park("entry", fmt.Errorf("the %s of an entry: %w", list, err), of))
		}
		for _, el := range elements {
			p := part{i, list, el, nil}
			if list == "changes" {
				p.events = change(object, of, sent, el)
			} else {
				p.events = messagingEvents(of, el)
			}
			parts = append(parts, p)
		}
	}
	if has(m, "field") {
		// Business Login for Instagram: the only change is the entry itself.
		p := part{i, "", raw, change(object, of, sent, raw)}
		if len(parts) > 0 {
			return whole(platform.Park("entry", errors.New("an entry that is a change and holds others"), of))
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return whole(platform.Ignore("entry", "an entry without changes or messages", of))
	}
	return parts
}

// change reads a change of an entry of object with this id.
func change(object, of string, sent platform.Text, raw json.RawMessage) []platform.Event {
	var c map[string]json.RawMessage
	var field string
	park := func(kind string, err error) []platform.Event { return []platform.Event{platform.Park(kind, err, of)} }
	if err := platform.Decode(raw, &c); err != nil {
		return park("change", fmt.Errorf("a change: %w", err))
	}
	if err := get(c, "field", &field); err != nil {
		return park("change", fmt.Errorf("a change's field: %w", err))
	}
	if field == "" {
		return park("change", errors.New("a change without its field"))
	}
	if object == "whatsapp_business_account" {
		return whatsappChange(of, field, c["value"])
	}
	if object == "permissions" {
		return []platform.Event{permission(of, field, c["value"])}
	}
	if (object == "page" || object == "instagram") && messagingFields[field] && has(c, "value") {
		return messagingEvents(of, c["value"])
	}
	switch {
	case object == "page" && (field == "feed" || field == "mention" || field == "ratings"):
		return []platform.Event{pageChange(of, sent, field, c["value"])}
	case object == "page" && field == "leadgen":
		return []platform.Event{platform.Ignore(field, leadgenNote, of)}
	case object == "instagram":
		return []platform.Event{instagramChange(of, sent, field, c["value"])}
	}
	return []platform.Event{platform.Ignore(object+" "+field, "it is not known to tell what someone did", of)}
}

// permissionValue says what became of a permission, and for which pages and accounts.
type permissionValue struct {
	Verb    string        `json:"verb"`
	Targets []platform.ID `json:"target_ids"`
}

// permission reads a change of what somebody granted to the app. What it was
// granted for are pages and accounts; sources watch these.
// https://developers.facebook.com/docs/graph-api/webhooks/reference/permissions
func permission(user, field string, raw json.RawMessage) platform.Event {
	var v permissionValue
	if len(raw) > 0 {
		if err := platform.Decode(raw, &v); err != nil {
			return platform.Park("permissions", err, user)
		}
	}
	var scopes []string
	for _, t := range v.Targets {
		if t != "" {
			scopes = append(scopes, string(t))
		}
	}
	if len(scopes) == 0 {
		scopes = []string{user}
	}
	switch v.Verb {
	case "revoked", "revoke":
		return platform.Event{Kind: "permissions revoked", Scopes: scopes,
			Revoked: fmt.Sprintf("the permission %.60q was withdrawn: an admin of the page or account has to connect the app again and leave it ticked", field)}
	case "granted", "grant":
		return platform.Ignore("permissions granted", "a grant is no act of a person's", scopes...)
	}
	return platform.Ignore("permissions "+v.Verb, "it is not known to tell what someone did", scopes...)
}

// Split makes a delivery of each entry and, where an entry's changes concern
// several phone numbers or pages, of each of these.
func (Adapter) Split(r platform.Request, _ platform.Options) []platform.Request {
	if _, ok := signedRequest(r.Body); ok {
		return []platform.Request{r}
	}
	e, err := open(r.Body)
	if err != nil {
		return []platform.Request{r}
	}
	type group struct {
		entry int
		parts []part
	}
	var groups []group
	index := map[string]int{}
	of := map[int]int{} // how many groups an entry has
	for _, p := range e.parts {
		var scopes []string
		if len(p.events) > 0 {
			scopes = p.events[0].Scopes
		}
		key := fmt.Sprint(p.entry, "|", social.Key(append([]string{""}, scopes...)...))
		g, ok := index[key]
		if !ok {
			g = len(groups)
			index[key] = g
			groups = append(groups, group{entry: p.entry})
			of[p.entry]++
		}
		groups[g].parts = append(groups[g].parts, p)
	}
	if len(groups) < 2 {
		return []platform.Request{r}
	}
	out := make([]platform.Request, 0, len(groups))
	for _, g := range groups {
		one := r
		switch {
		case e.entries == nil:
			one.Body = only(e.top, threadsFields, map[string][]part{"values": g.parts})
		case of[g.entry] == 1:
			one.Body = only(e.top, []string{"object"}, map[string][]part{"entry": {{raw: e.entries[g.entry]}}})
		default:
			var m map[string]json.RawMessage
			if err := platform.Decode(e.entries[g.entry], &m); err != nil { // it was read before
				panic(err)
			}
			in := map[string][]part{}
			for _, p := range g.parts {
				in[p.list] = append(in[p.list], p)
			}
			one.Body = only(e.top, []string{"object"}, map[string][]part{"entry": {{raw: only(m, []string{"id", "uid", "time"}, in)}}})
		}
		out = append(out, one)
	}
	return out
}

// only is the JSON of an object with some of m's fields, and lists of parts.
func only(m map[string]json.RawMessage, fields []string, lists map[string][]part) []byte {
	c := map[string]any{}
	for _, f := range fields {
		if raw, ok := m[f]; ok {
			c[f] = raw
		}
	}
	for name, parts := range lists {
		of := make([]json.RawMessage, len(parts))
		for i, p := range parts {
			of[i] = p.raw
		}
		c[name] = of
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil { // it was read from JSON
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
