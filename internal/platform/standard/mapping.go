package standard

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// Mapping says where in a JSON body the parts of an activity are. Paths are
// JSON Pointers (RFC 6901), relative to one item.
type Mapping struct {
	Items        string `json:"items,omitempty"` // path of an array of items; absent: the body is one item, or an array of them
	Scope        Field  `json:"scope"`           // the platform-side page, team or channel
	Type         Field  `json:"type"`            // one of social.Types
	ID           Field  `json:"id"`              // the platform's id of the event
	ObjectID     Field  `json:"object_id"`       // what is acted upon; absent: the same as id
	ObjectType   Field  `json:"object_type"`
	ActorID      Field  `json:"actor_id"`
	ActorHandle  Field  `json:"actor_handle"`
	ActorName    Field  `json:"actor_name"`
	InReplyTo    Field  `json:"in_reply_to"`
	Conversation Field  `json:"conversation"`
	Text         Field  `json:"text"`
	URL          Field  `json:"url"`
	Occurred     Field  `json:"occurred"`
	Layout       string `json:"layout,omitempty"` // of occurred: a layout of Go's time package, unix, unix_ms; absent: RFC 3339
	Direction    Field  `json:"direction"`        // inbound (someone outside) or outbound (the business)

	Rating    *Rating `json:"rating,omitempty"`
	Reaction  Field   `json:"reaction"`       // of a reaction: which
	Automatic Field   `json:"automatic"`      // true: no human did it
	Addressed Field   `json:"addressed"`      // whom the text addresses: an id, a list of ids, or of objects with an id
	Flat      bool    `json:"flat,omitempty"` // in_reply_to names at most where the thread began
}

// Rating says where a mark on a scale is.
type Rating struct {
	Value    Field `json:"value"`
	Worst    Field `json:"worst"` // the ends of the scale; absent: those that the kind has as a rule
	Best     Field `json:"best"`
	Kind     Field `json:"kind"` // one of social's kinds of ratings; absent: score
	Question Field `json:"question"`
}

// scales are the ends of the scales that kinds of ratings have as a rule.
var scales = map[social.RatingKind][2]string{social.NPS: {"0", "10"}, social.CSAT: {"1", "5"}, social.CES: {"1", "7"}, social.Stars: {"1", "5"}, social.Thumb: {"0", "1"}}

func (r *Rating) check() (errs []error) {
	if r.Value.isZero() {
		errs = append(errs, errors.New("config.mapping.rating.value: required"))
	}
	scaled := true
	for _, k := range r.Kind.possible() {
		_, known := scales[social.RatingKind(k)]
		if !known && k != string(social.Score) {
			errs = append(errs, fmt.Errorf("config.mapping.rating.kind: %q is none of nps, csat, ces, stars, thumb and score", k))
		}
		scaled = scaled && known
	}
	if (r.Kind.isZero() || !scaled) && (r.Worst.isZero() || r.Best.isZero()) {
		errs = append(errs, errors.New("config.mapping.rating: worst and best are required, since the kind is score or not given: the ends of the scale, the bad one first"))
	}
	return errs
}

// read is the mark of an item; nil where none was given.
func (r *Rating) read(get func(Field) (string, error)) (*social.Rating, error) {
	var parts [5]string
	for i, f := range []Field{r.Value, r.Worst, r.Best, r.Kind, r.Question} {
		var err error
		if parts[i], err = get(f); err != nil {
			return nil, err
		}
	}
	value, worst, best, kind := strings.TrimSpace(parts[0]), parts[1], parts[2], social.RatingKind(cmp.Or(parts[3], string(social.Score)))
	if value == "" {
		return nil, nil
	}
	if _, known := scales[kind]; !known && kind != social.Score {
		return nil, fmt.Errorf("the rating's kind is %.40q: it must be nps, csat, ces, stars, thumb or score", string(kind))
	}
	w, isWorst := platform.Number(cmp.Or(worst, scales[kind][0]))
	b, isBest := platform.Number(cmp.Or(best, scales[kind][1]))
	if !isWorst || !isBest {
		return nil, fmt.Errorf("the rating's scale goes from %.40q to %.40q: worst and best must be numbers", worst, best)
	}
	mark := platform.Rated(value, w, b, kind, parts[4])
	if mark == nil {
		return nil, fmt.Errorf("the rating at %s is %.40q: it must be a number from %g to %g; map words to numbers, and other scales by worst and best", r.Value.Path, value, min(w, b), max(w, b))
	}
	return mark, nil
}

// Field is where a part is, or what it is.
type Field struct {
	Value   string            `json:"value,omitempty"`   // a constant
	Path    string            `json:"path,omitempty"`    // a JSON Pointer
	Map     map[string]string `json:"map,omitempty"`     // from what stands there to what it means; to "": the event is none of ours
	Present string            `json:"present,omitempty"` // what it means that anything stands there
	Default string            `json:"default,omitempty"` // what it means that nothing stands there, or nothing that map knows
	Zone    string            `json:"zone,omitempty"`    // of occurred: whose clock shows a time that says no zone itself
}

func (f Field) isZero() bool {
	return f.Value == "" && f.Path == "" && f.Map == nil && f.Present == "" && f.Default == "" && f.Zone == ""
}

// possible lists what a field can come to, where that is known beforehand.
func (f Field) possible() []string {
	if f.Value != "" {
		return []string{f.Value}
	}
	var out []string
	for _, v := range f.Map {
		if v != "" {
			out = append(out, v)
		}
	}
	for _, v := range []string{f.Present, f.Default} {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (m *Mapping) check() []error {
	var errs []error
	bad := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("config.mapping."+name+": "+format, args...))
	}
	if m.Items != "" && !isPointer(m.Items) {
		bad("items", "%q is no JSON Pointer: it begins with /, and ~ stands before 0 or 1", m.Items)
	}
	var rating Rating
	if m.Rating != nil {
		rating = *m.Rating
		errs = append(errs, rating.check()...)
	}
	for _, x := range []struct {
		name     string
		f        Field
		required bool
	}{
		{"scope", m.Scope, true}, {"type", m.Type, true}, {"id", m.ID, true}, {"actor_id", m.ActorID, true},
		{"occurred", m.Occurred, true}, {"direction", m.Direction, true}, {"object_id", m.ObjectID, false},
		{"object_type", m.ObjectType, false}, {"actor_handle", m.ActorHandle, false}, {"actor_name", m.ActorName, false},
		{"in_reply_to", m.InReplyTo, false}, {"conversation", m.Conversation, false}, {"text", m.Text, false}, {"url", m.URL, false},
		{"reaction", m.Reaction, false}, {"automatic", m.Automatic, false}, {"addressed", m.Addressed, false},
		{"rating.value", rating.Value, false}, {"rating.worst", rating.Worst, false}, {"rating.best", rating.Best, false},
		{"rating.kind", rating.Kind, false}, {"rating.question", rating.Question, false},
	} {
		switch {
		case x.f.isZero() && x.required:
			bad(x.name, "required")
		case x.f.isZero():
		case x.f.Zone != "" && x.name != "occurred":
			bad(x.name, "has a zone: only occurred has one")
		case x.f.Value != "" && x.f.Path != "":
			bad(x.name, "has both a value and a path")
		case x.f.Value == "" && x.f.Path == "":
			bad(x.name, "needs a value or a path")
		case x.f.Path != "" && !isPointer(x.f.Path):
			bad(x.name, "path %q is no JSON Pointer: it begins with /, and ~ stands before 0 or 1", x.f.Path)
		case x.f.Value != "" && (x.f.Map != nil || x.f.Present != "" || x.f.Default != ""):
			bad(x.name, "is a constant: map, present and default mean nothing beside a value")
		case x.f.Map != nil && x.f.Present != "":
			bad(x.name, "has both a map and present")
		case x.f.Map != nil && x.required && len(x.f.possible()) == 0:
			bad(x.name, "maps everything to nothing")
		}
	}
	if m.ActorID.Value != "" && m.ActorID.Value != social.Unknown && platform.NamesNobody(m.ActorID.Value) {
		bad("actor_id", "%q names nobody: all would be one person; a value of %q says that it is not known who", m.ActorID.Value, social.Unknown)
	}
	for _, x := range []struct{ name, value, why string }{
		{"id", m.ID.Value, "all events would be one"}, {"occurred", m.Occurred.Value, "no event would have its own time"},
	} {
		if x.value != "" {
			bad(x.name, "is a constant: %s", x.why)
		}
	}
	for _, v := range m.Type.possible() {
		if !social.Type(v).Valid() {
			bad("type", "%q is no type of activity", v)
		}
	}
	for _, v := range m.Automatic.possible() {
		if _, ok := truth(v); !ok {
			bad("automatic", "%q is neither true nor false", v)
		}
	}
	if f := m.Addressed; f.Value != "" || f.Map != nil || f.Present != "" || f.Default != "" {
		bad("addressed", "takes a path alone: to an id, a list of ids, or a list of objects with an id")
	}
	for _, v := range m.Direction.possible() {
		if v != string(social.Inbound) && v != string(social.Outbound) {
			bad("direction", "%q is neither inbound nor outbound", v)
		}
	}
	switch {
	case m.Layout == "" || m.Layout == "unix" || m.Layout == "unix_ms":
	case strings.Contains(m.Layout, "MST"): // time.Parse takes a name it does not know for UTC
		bad("layout", "%q names the time zone: names are ambiguous, an offset such as -0700 is not", m.Layout)
	default:
		if _, err := time.Parse(m.Layout, time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC).Format(m.Layout)); err != nil || !strings.Contains(m.Layout, "2006") {
			bad("layout", "%q is no layout of Go's time package with a year, nor unix or unix_ms", m.Layout)
		}
	}
	if _, err := m.zone(); err != nil {
		bad("occurred", "%v", err)
	} else if m.unix() && m.Occurred.Zone != "" {
		bad("occurred", "has a zone, which a time in seconds since 1970 does not need")
	} else if m.Layout != "" && !m.unix() && !offset.MatchString(m.Layout) && m.Occurred.Zone == "" {
		bad("layout", "%q says no time zone: %s", m.Layout, addZone)
	}
	return errs
}

// errIgnored is a value that a map maps to nothing: the event is not for us.
var errIgnored = errors.New("mapped to nothing")

func (f Field) get(item any) (string, error) {
	if f.Value != "" {
		return f.Value, nil
	}
	if f.Path == "" {
		return "", nil
	}
	v, err := text(pointer(item, f.Path))
	if err != nil {
		return "", fmt.Errorf("%s: %w", f.Path, err)
	}
	switch {
	case v == "":
		return f.Default, nil
	case f.Map != nil:
		if to, ok := f.Map[v]; ok && to == "" {
			return "", fmt.Errorf("%s is %.60q: %w", f.Path, v, errIgnored)
		} else if ok {
			return to, nil
		}
		if f.Default != "" {
			return f.Default, nil
		}
		return "", fmt.Errorf("%s is %.60q, which the mapping does not know: map it, or map it to \"\" to ignore such events", f.Path, v)
	case f.Present != "":
		return f.Present, nil
	}
	return v, nil
}

// isPointer reports whether path is a JSON Pointer to a part of a document.
func isPointer(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(path), "~")
}

// pointer evaluates a JSON Pointer; what is not there is nil.
func pointer(v any, path string) any {
	for _, tok := range strings.Split(path, "/")[1:] {
		tok = strings.NewReplacer("~1", "/", "~0", "~").Replace(tok)
		switch x := v.(type) {
		case map[string]any:
			v = x[tok]
		case []any:
			i, err := strconv.Atoi(tok)
			if err != nil || i < 0 || i >= len(x) || strconv.Itoa(i) != tok {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// truth reads whether something is so; what is not there is not.
func truth(s string) (is, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0", "":
		return false, true
	}
	return false, false
}

// ids are the ids that stand in a value: itself, a list of them, or a list of
// objects with one each. What is none of these is passed over.
func ids(v any) (out []string) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			e = o["id"]
		}
		if id, err := text(e); err == nil && !platform.NamesNobody(id) {
			out = append(out, id)
		}
	}
	return out
}

func text(v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	case bool:
		return strconv.FormatBool(x), nil
	}
	return "", errors.New("holds an object or a list, not a value")
}

// Normalise maps each item of the body to an activity. An item that can't be
// mapped is parked alone.
func (Adapter) Normalise(r platform.Request, o platform.Options) ([]platform.Event, error) {
	c, err := parseConfig(o.Config)
	if err != nil {
		return nil, err
	}
	if c.Mapping == nil {
		return nil, errors.New("config.mapping: required: it says where actor, time, id … are")
	}
	var body any
	if err := platform.Decode(r.Body, &body); err != nil {
		return nil, err
	}
	items := []any{body}
	if c.Mapping.Items != "" {
		list, ok := pointer(body, c.Mapping.Items).([]any)
		if !ok {
			return nil, fmt.Errorf("no list at %s", c.Mapping.Items)
		}
		items = list
	} else if list, ok := body.([]any); ok {
		items = list
	}
	if len(items) == 0 {
		return []platform.Event{platform.Ignore("no items", "the delivery holds no items")}, nil
	}
	zone, err := c.Mapping.zone()
	if err != nil {
		return nil, fmt.Errorf("config.mapping.occurred: %w", err)
	}
	events := make([]platform.Event, 0, len(items))
	for _, item := range items {
		a, scope, err := c.Mapping.activity(item, zone)
		var scopes []string
		if scope != "" {
			scopes = []string{scope}
		}
		switch {
		case errors.Is(err, errIgnored):
			events = append(events, platform.Ignore(c.Mapping.name(item), err.Error(), scopes...))
		case err != nil:
			events = append(events, platform.Park("item", err, scopes...))
		default:
			events = append(events, platform.Act("item", a, nil, scopes...))
		}
	}
	return events, nil
}

// name is what the sender calls the type of an item.
func (m *Mapping) name(item any) string {
	if m.Type.Path != "" {
		if s, err := text(pointer(item, m.Type.Path)); err == nil && s != "" {
			return s
		}
	}
	return "untyped item"
}

// actor is the id of who acts. What is but a sign that there is no id is
// nothing there.
func (m *Mapping) actor(item any) (string, error) {
	id, err := m.ActorID.get(item)
	if err != nil || m.ActorID.Value != "" || !platform.NamesNobody(id) {
		return id, err
	}
	if m.ActorID.Default == social.Unknown {
		return social.Unknown, nil
	}
	if id == "" {
		return "", fmt.Errorf("no actor at %s: send the account's id, or %s", m.ActorID.Path, sayUnknown)
	}
	return "", fmt.Errorf("%s is %.60q, which names nobody: send the account's id, or %s", m.ActorID.Path, id, sayUnknown)
}

// sayUnknown is what keeps an event that nobody is named for.
const sayUnknown = `say in the mapping that it is not known who, "actor_id": {"path": …, "default": "?"} (docs/platforms/standard.md, Ids that name nobody)`

func (m *Mapping) activity(item any, zone *time.Location) (a social.Activity, scope string, err error) {
	get := func(f Field) (s string) {
		if err == nil {
			s, err = f.get(item)
		}
		return s
	}
	scope = get(m.Scope)
	by, nobody := m.actor(item)
	if errors.Is(nobody, errIgnored) {
		err = nobody
	}
	id, typ := get(m.ID), get(m.Type)
	a = social.Activity{
		Platform: "standard", Scope: scope, Type: social.Type(typ),
		Actor:     social.Actor{ID: by, Scope: scope, Handle: get(m.ActorHandle), Name: get(m.ActorName)},
		Object:    social.Object{ID: get(m.ObjectID), Type: get(m.ObjectType)},
		InReplyTo: get(m.InReplyTo), Conversation: get(m.Conversation), Text: get(m.Text), URL: get(m.URL),
		Direction: social.Direction(get(m.Direction)),
	}
	when := get(m.Occurred)
	a.Reaction, a.Flat = get(m.Reaction), m.Flat
	if is := get(m.Automatic); err == nil {
		var ok bool
		if a.Automatic, ok = truth(is); !ok {
			err = fmt.Errorf("%s is %.40q, which is neither true nor false: map it", m.Automatic.Path, is)
		}
	}
	if m.Addressed.Path != "" {
		platform.Address(&a, ids(pointer(item, m.Addressed.Path))...)
	}
	if m.Rating != nil && err == nil {
		a.Rating, err = m.Rating.read(func(f Field) (string, error) { return f.get(item) })
	}
	if err != nil {
		return a, scope, err
	}
	if id == "" {
		return a, scope, fmt.Errorf("no id at %s", m.ID.Path)
	}
	if scope == "" {
		return a, scope, fmt.Errorf("no scope at %s", m.Scope.Path)
	}
	if nobody != nil {
		return a, scope, nobody
	}
	if a.Occurred, err = m.mappedTime(when, zone); err != nil {
		return a, scope, err
	}
	if a.Object.ID == "" && (a.Type == social.Close || a.Type == social.Reopen) {
		a.Object.ID = a.Conversation
	}
	if a.Object.ID == "" {
		a.Object.ID = id
	}
	a.Key = social.ActivityKey(a.Platform, scope, a.Type, id, a.Occurred)
	return a, scope, a.Validate()
}
