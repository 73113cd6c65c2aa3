// Package typeform receives Typeform's webhooks: what people answer in a form.
// https://www.typeform.com/developers/webhooks/example-payload/
package typeform

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("typeform")
	header = "Typeform-Signature"
)

var scheme = platform.HeaderMAC{Header: header, Prefix: "sha256=", MAC: platform.MAC{Algorithm: "sha256", Encoding: "base64"}, Absent: "the webhook has no secret"}

// Adapter is the typeform platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "form_response", Becomes: string(social.Review), Note: "with a rating, an opinion scale or a net promoter score"},
		{Name: "form_response", Becomes: string(social.Message), Note: "without one"},
		{Name: "form_response", Becomes: platform.Ignored, Note: "nothing was answered but who it is"},
		{Name: "form_response_partial", Becomes: platform.Ignored, Note: "not submitted yet"},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// MakeKey makes the webhook's secret: whoever sets the webhook up chooses it.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the raw body, in base64:
// https://www.typeform.com/developers/webhooks/secure-your-webhooks/
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	return scheme.Verify(r, s)
}

// Sign signs r as Typeform does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	return scheme.Sign(r, key)
}

// Sample is a response to a form of one question.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	field := m{"id": "f1", "ref": "f1", "type": "long_text", "title": "What should we know?"}
	body, _ := json.Marshal(m{"event_id": "sample-" + id, "event_type": "form_response", "form_response": m{"form_id": scope, "token": id,
		"submitted_at": now.UTC().Format(time.RFC3339Nano), "definition": m{"id": scope, "title": "A form", "fields": []m{field}},
		"answers": []m{{"type": "text", "text": "Does it work?", "field": field}}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

type delivery struct {
	Type     string `json:"event_type"`
	Response struct {
		Form       platform.ID    `json:"form_id"`
		Token      platform.ID    `json:"token"` // of the response: the same whenever it is sent
		Submitted  platform.Text  `json:"submitted_at"`
		Hidden     map[string]any `json:"hidden"`
		Definition struct {
			Fields []field `json:"fields"`
		} `json:"definition"`
		Answers []json.RawMessage `json:"answers"`
	} `json:"form_response"`
}

type field struct {
	ID         platform.ID   `json:"id"`
	Title      platform.Text `json:"title"`
	Type       platform.Text `json:"type"`
	Properties struct {
		Fields []field       `json:"fields"` // of a group
		Steps  platform.Text `json:"steps"`  // of a scale, where Typeform says so
		AtOne  platform.Flag `json:"start_at_one"`
	} `json:"properties"`
}

// recalled is what Typeform sends in a question for an earlier answer, a hidden
// field or a variable that it repeats.
var recalled = pattern.New(`\{\{[a-z_]+:[^{}]*\}\}`)

// asked collects the questions of a form by their ids.
func asked(fields []field, into map[platform.ID]field) {
	for _, f := range fields {
		f.Title = platform.Text(strings.Join(strings.Fields(recalled.ReplaceAllString(string(f.Title), "…")), " "))
		into[f.ID] = f
		asked(f.Properties.Fields, into)
	}
}

// rating is what an answer says on a scale, nil if it is none. Whether a scale
// begins at 0 and where it ends, Typeform says in the form's own document, and
// of some forms here, too; else it is what a new question of the type has:
// stars from 1 to 5, a scale from 0 to 10.
// https://www.typeform.com/developers/create/reference/create-form/
func rating(a answer, q field) *social.Rating {
	question := string(q.Title)
	worst, best := 0.0, 10.0
	kind, reversed := platform.KindOf(question)
	switch a.Field.Type {
	case "nps":
		return platform.Rated(string(a.Number), worst, best, social.NPS, question)
	case "rating":
		if worst, best = 1, 5; kind == social.Score {
			kind = social.Stars
		}
		if steps, ok := platform.Number(string(q.Properties.Steps)); ok && steps >= 2 {
			best = steps
		}
	case "opinion_scale":
		if q.Properties.AtOne {
			worst = 1
		}
		if steps, ok := platform.Number(string(q.Properties.Steps)); ok && steps >= 2 {
			best = worst + steps - 1
		}
	case "yes_no":
		switch {
		case a.Boolean == nil || !platform.Judges(question):
			return nil
		case *a.Boolean:
			return platform.ThumbUp(question)
		}
		return platform.ThumbDown(question)
	default:
		return nil
	}
	if v, ok := platform.Number(string(a.Number)); ok && v > best {
		best = 10 // the most that Typeform has
	}
	if reversed {
		worst, best = best, worst
	}
	return platform.Rated(string(a.Number), worst, best, kind, question)
}

// Normalise reads the one response of a delivery. An answer that is malformed
// stands as unread in it.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var head struct {
		Type     platform.Text `json:"event_type"`
		Response struct {
			Form platform.ID `json:"form_id"`
		} `json:"form_response"`
	}
	if err := platform.Decode(r.Body, &head); err != nil {
		return nil, err
	}
	kind, form := string(head.Type), string(head.Response.Form)
	if kind == "" || form == "" {
		return nil, errors.New("no event_type, or no form_response.form_id")
	}
	switch kind {
	case "form_response":
	case "form_response_partial":
		return []platform.Event{platform.Ignore(kind, "not submitted yet", form)}, nil
	default:
		return []platform.Event{platform.Ignore(kind, "it is not known to tell what someone did", form)}, nil
	}
	var d delivery
	if err := platform.Decode(r.Body, &d); err != nil {
		return []platform.Event{platform.Park(kind, err, form)}, nil
	}
	v := d.Response
	at, err := platform.Time(string(v.Submitted))
	if err != nil {
		err = fmt.Errorf("form_response.submitted_at: %w", err)
	}
	if err == nil && v.Token == "" {
		err = errors.New("a response without its token")
	}
	questions := map[platform.ID]field{}
	asked(v.Definition.Fields, questions)
	var words []string
	var mark *social.Rating
	email, rated, answered, unread := "", false, false, false
	for _, raw := range v.Answers {
		a, bad := read(raw)
		if bad != nil {
			answered, unread = true, true
			continue
		}
		switch a.Type {
		case "email":
			if email == "" {
				email = strings.ToLower(strings.TrimSpace(string(a.Email)))
			}
			continue
		case "phone_number":
			continue
		}
		switch a.Field.Type {
		case "rating", "opinion_scale", "nps":
			rated = true
		}
		// A form may ask for several marks: would they recommend it says most, then the first.
		if r := rating(a, questions[a.Field.ID]); r != nil && (mark == nil || r.Kind == social.NPS && mark.Kind != social.NPS) {
			mark = r
		}
		switch says := a.says(); {
		case says != "":
			words, answered = append(words, says), true
		case a.given():
			answered = true
		case !known[a.Type] && a.Type != "":
			answered, unread = true, true
		}
	}
	if err == nil && !answered {
		return []platform.Event{platform.Ignore(kind, "nothing was answered but who it is", form)}, nil
	}
	a := social.Activity{
		Platform: name, Scope: form, Type: social.Message, Actor: who(v.Hidden, email, form, string(v.Token)),
		Object: social.Object{ID: string(v.Token), Type: "response"}, Text: strings.Join(words, "\n"), Rating: mark,
		URL: "https://admin.typeform.com/form/" + url.PathEscape(form) + "/results", Occurred: at, Direction: social.Inbound,
	}
	if rated {
		a.Type = social.Review
	}
	if (unread || rated && mark == nil) && a.Text == "" {
		a.Reading = platform.UnreadWords
	}
	a.Key = social.ActivityKey(name, form, a.Type, string(v.Token), at)
	return []platform.Event{platform.Act(kind, a, err, form)}, nil
}

// template stands for the value of each hidden field in the link that Typeform
// shows to be shared. Whoever shares it as it is says nobody's name with it.
const template = "xxxxx"

// who is the one who answered. Typeform has no accounts: a hidden field
// user_id, set by whoever links to the form, says it best; then an e-mail
// address, hidden or answered, which is the same one in every form; else
// nobody but this response. None of them is proved.
func who(hidden map[string]any, email, form, token string) social.Actor {
	hide := func(name string) string {
		switch v := hidden[name].(type) {
		case string:
			if v = strings.TrimSpace(v); v == template || platform.NamesNobody(v) {
				return ""
			}
			return v
		case json.Number:
			if platform.NamesNobody(v.String()) {
				return ""
			}
			return v.String()
		}
		return ""
	}
	a := social.Actor{Name: hide("name")}
	switch {
	case hide("user_id") != "":
		a.ID, a.Scope = "user:"+hide("user_id"), form
	case strings.Contains(hide("email"), "@"):
		a.ID = "email:" + strings.ToLower(hide("email"))
	case email != "":
		a.ID = "email:" + email
	case token != "":
		a.ID, a.Scope = "response:"+token, form
	}
	return a
}

type answer struct {
	Type  string `json:"type"`
	Field field  `json:"field"`

	Text    platform.Text `json:"text"`
	Email   platform.Text `json:"email"`
	URL     platform.Text `json:"url"`
	FileURL platform.Text `json:"file_url"`
	Number  platform.Text `json:"number"`
	Date    platform.Text `json:"date"`
	Boolean *bool         `json:"boolean"`
	Choice  *struct {
		Label platform.Text `json:"label"`
		Other platform.Text `json:"other"`
	} `json:"choice"`
	Choices *choices `json:"choices"`
	Payment *struct {
		Amount platform.Text `json:"amount"`
	} `json:"payment"`
	Signature struct {
		URL platform.Text `json:"url"`
	} `json:"signature"`
	Spoken struct {
		Transcript platform.Text `json:"transcript"`
	} `json:"multi_format"` // a video, or a sound
}

// choices are several of those that were offered: their labels or, of a
// checkbox, a list of them.
type choices struct {
	Labels []platform.Text `json:"labels"`
	Other  platform.Text   `json:"other"`
}

// UnmarshalJSON reads both.
func (c *choices) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		type plain choices
		return json.Unmarshal(b, (*plain)(c))
	}
	var list []struct {
		Label platform.Text `json:"label"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, one := range list {
		c.Labels = append(c.Labels, one.Label)
	}
	return nil
}

// known are the types of answers that are read.
var known = map[string]bool{"text": true, "email": true, "phone_number": true, "url": true, "file_url": true, "number": true, "date": true, "boolean": true,
	"choice": true, "choices": true, "payment": true, "signature": true}

func read(raw json.RawMessage) (answer, error) {
	var a answer
	if err := platform.Decode(raw, &a); err != nil {
		return a, fmt.Errorf("an answer: %w", err)
	}
	return a, nil
}

// says is what the person said: in words of their own or, where they chose, in
// those that they chose. Questions are the business's words.
func (a answer) says() string {
	var parts []platform.Text
	switch {
	case a.Choice != nil:
		parts = append(parts, a.Choice.Label, a.Choice.Other)
	case a.Choices != nil:
		parts = append(parts, a.Choices.Labels...)
		parts = append(parts, a.Choices.Other)
	default:
		parts = append(parts, a.Text, a.URL, a.Spoken.Transcript)
	}
	var out []string
	for _, p := range parts {
		if s := strings.TrimSpace(string(p)); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// given reports whether something was answered that is no words: a number, a
// date, yes or no, a file, a payment.
func (a answer) given() bool {
	return a.Boolean != nil || a.Payment != nil || a.Number != "" || a.Date != "" || a.FileURL != "" || a.Signature.URL != ""
}
