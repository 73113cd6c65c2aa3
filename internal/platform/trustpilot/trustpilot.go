// Package trustpilot receives Trustpilot's webhook notifications: reviews of
// the business and of its products. Trustpilot signs nothing, so the hook's
// path is secret.
// https://support.trustpilot.com/hc/en-us/articles/115015822068
package trustpilot

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const name = social.Platform("trustpilot")

// Adapter is the trustpilot platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	var kinds []platform.Kind
	for _, what := range []string{"service", "product"} {
		kinds = append(kinds,
			platform.Kind{Name: what + "-review-created", Becomes: string(social.Review)},
			platform.Kind{Name: what + "-review-updated", Becomes: string(social.Edit)},
			platform.Kind{Name: what + "-review-deleted", Becomes: string(social.Delete)})
	}
	return kinds
}

// config is the app's document.
type config struct {
	BasicUser string `json:"basic_user,omitempty"` // HTTP basic authentication is asked for, with this name and the app's secret
}

func parse(raw json.RawMessage) (c config, err error) {
	err = platform.Config(raw, &c)
	return c, err
}

// CheckConfig refuses a document of other fields, and a name that HTTP can't send.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	c, err := parse(raw)
	if err == nil && strings.ContainsAny(c.BasicUser, ":\r\n\x00") {
		err = errors.New("config.basic_user: contains a colon or a line break")
	}
	return err
}

// MakeKey makes the app's secret: Trustpilot has none of its own.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }

// Path is what makes the hook secret, and the business unit, which the events
// do not name. The sources of its locations share its hook.
func (Adapter) Path(scope, key string) string {
	unit, _, _ := strings.Cut(scope, "/")
	return platform.PathToken(key, string(name), unit) + "?" + url.Values{"unit": {unit}}.Encode()
}

// unit is the business unit that the hook's URL was made for.
func unit(r platform.Request) string {
	q, _ := url.ParseQuery(r.Query)
	return q.Get("unit")
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks that the path is the one made for the business unit, and the
// basic authentication where the app asks for it. Neither covers the body.
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, _ time.Time) error {
	c, err := parse(o.Config)
	if err != nil {
		return platform.Refuse("%v", err)
	}
	if !platform.HasPathToken(s.Keys, r.Path, string(name), unit(r)) {
		return platform.Refuse("the path is not the one that was made for this business unit")
	}
	if c.BasicUser == "" {
		return nil
	}
	ok := false
	for _, k := range s.Keys {
		if k != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(basic(c.BasicUser, k))) == 1 {
			ok = true
		}
	}
	if !ok {
		return platform.Refuse("the user name or the password is not the app's")
	}
	return nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Sign sets the path, and the authentication where the app asks for it.
func (Adapter) Sign(r *platform.Request, key, _ string, o platform.Options, _ time.Time) error {
	c, err := parse(o.Config)
	if err != nil {
		return err
	}
	if key == "" {
		return errors.New("the secret is empty")
	}
	r.Path = platform.PathToken(key, string(name), unit(*r))
	if c.BasicUser != "" {
		r.Header.Set("Authorization", basic(c.BasicUser, key))
	}
	return nil
}

// Sample is a review of a business unit.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	body, _ := json.Marshal(m{"events": []m{{"eventName": "service-review-created", "version": "1", "eventData": m{"id": id, "language": "en", "title": "Does it work?",
		"text": "It does.", "stars": 4, "createdAt": now.UTC().Format(time.RFC3339Nano), "consumer": m{"id": "consumer-1", "name": "Ada"}}}}})
	q := url.Values{"unit": {scope}}.Encode()
	return platform.Request{Method: http.MethodPost, URL: "https://rapport.example/hooks/app?" + q, Query: q, Header: http.Header{}, Body: body}
}

type event struct {
	Name string          `json:"eventName"`
	Data json.RawMessage `json:"eventData"`
}

type review struct {
	ID       platform.ID   `json:"id"`
	Title    platform.Text `json:"title"`
	Text     platform.Text `json:"text"`
	Content  platform.Text `json:"content"` // the text of product reviews
	Stars    platform.Text `json:"stars"`
	Created  platform.Text `json:"createdAt"`
	Updated  platform.Text `json:"updatedAt"`
	Deleted  platform.Text `json:"deletedAt"`
	Location platform.ID   `json:"locationId"`
	Consumer struct {
		ID   platform.ID   `json:"id"`
		Name platform.Text `json:"name"`
	} `json:"consumer"`
}

// Normalise reads each event. One that is malformed is parked alone.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var d struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := platform.Decode(r.Body, &d); err != nil {
		return nil, err
	}
	of := unit(r)
	if of == "" {
		return nil, errors.New("the hook's URL names no business unit: it should end in ?unit=…, as Rapport shows it")
	}
	if len(d.Events) == 0 {
		return nil, errors.New("no events")
	}
	var events []platform.Event
	for _, raw := range d.Events {
		var e event
		if err := platform.Decode(raw, &e); err != nil {
			events = append(events, platform.Park("event", err, of))
			continue
		}
		if e.Name == "" {
			events = append(events, platform.Park("event", errors.New("without its eventName"), of))
			continue
		}
		events = append(events, e.read(of))
	}
	return events, nil
}

func (e event) read(unit string) platform.Event {
	kind, is := strings.CutPrefix(e.Name, "service-review-")
	service := is
	if !is {
		kind, is = strings.CutPrefix(e.Name, "product-review-")
	}
	t, known := map[string]social.Type{"created": social.Review, "updated": social.Edit, "deleted": social.Delete}[kind]
	if !is || !known {
		return platform.Ignore(e.Name, "it is not known to tell what someone did", unit)
	}
	scopes := []string{unit}
	var v review
	err := platform.Decode(e.Data, &v)
	if err == nil && v.ID == "" {
		err = errors.New("a review without its id")
	}
	if err != nil {
		return platform.Park(e.Name, err, scopes...)
	}
	if v.Location != "" {
		scopes = []string{unit + "/" + string(v.Location), unit}
	}
	// Ids of reviews and consumers are unique on Trustpilot.
	a := social.Activity{Platform: name, Type: t, Actor: social.Actor{ID: string(v.Consumer.ID), Name: string(v.Consumer.Name)},
		Object: social.Object{ID: string(v.ID), Type: "review"}, Direction: social.Inbound}
	if service {
		a.URL = "https://www.trustpilot.com/reviews/" + url.PathEscape(string(v.ID))
	}
	id, stamp := string(v.ID), v.Created
	switch t {
	case social.Edit:
		if v.Updated != "" { // else the review's own time: Trustpilot does not say when it was changed
			stamp = v.Updated
		}
		a.Text, a.Rating = v.says(), v.rating()
		id = social.Key(id, social.HashID("v", v.whole()))
	case social.Delete:
		if v.Deleted != "" {
			stamp = v.Deleted
		} else if stamp == "" {
			stamp = minted(v.ID)
		}
		if a.Actor.ID == "" {
			a.Actor.ID = social.Unknown
		}
	default:
		a.Text, a.Rating = v.says(), v.rating()
	}
	if a.Occurred, err = platform.Time(string(stamp)); err != nil {
		return platform.Park(e.Name, fmt.Errorf("the review's time: %w", err), scopes...)
	}
	a.Key = social.ActivityKey(name, "", t, id, a.Occurred)
	return platform.Act(e.Name, a, nil, scopes...)
}

// minted is the time in an id of Trustpilot's, "" in others: of its 24 hex
// digits the first eight are the seconds since 1970 at which it was made
// (https://www.mongodb.com/docs/manual/reference/bson-types/#objectid).
func minted(id platform.ID) platform.Text {
	if len(id) != 24 || strings.Trim(string(id), "0123456789abcdefABCDEF") != "" {
		return ""
	}
	seconds, err := strconv.ParseInt(string(id[:8]), 16, 64)
	if err != nil {
		return ""
	}
	return platform.Text(time.Unix(seconds, 0).UTC().Format(time.RFC3339))
}

// rating is the stars, of five.
func (v review) rating() *social.Rating {
	return platform.Rated(string(v.Stars), 1, 5, social.Stars, "")
}

// whole is all that an edit can change: it tells edits from one another.
func (v review) whole() string {
	stars := ""
	if n, err := strconv.Atoi(string(v.Stars)); err == nil && n >= 1 && n <= 5 {
		stars = strings.Repeat("★", n) + strings.Repeat("☆", 5-n) + "\n"
	}
	return strings.TrimSuffix(stars+v.says(), "\n")
}

// says is the title and the text, a line each.
func (v review) says() string {
	var lines []string
	for _, s := range []platform.Text{v.Title, v.Text, v.Content} {
		if s := strings.TrimSpace(string(s)); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}
