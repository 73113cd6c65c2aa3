// Package demo is a platform made up to show that adding one is a folder and
// a line: the suite's own test runs it. It sends JSON, several events a
// delivery, with a hex HMAC-SHA256 of time and body in X-Demo-Signature, and
// tests the URL by a GET with a challenge.
package demo

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name      = "demo"
	signature = "X-Demo-Signature"
	signedAt  = "X-Demo-Time" // seconds since 1970
	window    = 5 * time.Minute
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the demo platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "said", Becomes: string(social.Post)},
		{Name: "said", Becomes: string(social.Reply), Note: "to something that was said"},
		{Name: "reworded", Becomes: string(social.Edit)},
		{Name: "withdrawn", Becomes: string(social.Delete)},
		{Name: "typing", Becomes: platform.Ignored, Note: "nothing was said yet"},
		{Name: "account_deleted", Becomes: platform.Erased},
	}
}

// Named lists users.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere, platform.Person{IDs: "user"})
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// Handshake answers ?challenge=C&token=T with C as plain text, if T is the app's verify token.
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil || q.Get("challenge") == "" {
		return nil, platform.Refuse("a GET without a challenge")
	}
	if s.VerifyToken == "" || subtle.ConstantTimeCompare([]byte(s.VerifyToken), []byte(q.Get("token"))) != 1 {
		return nil, platform.Refuse("token is not the app's verify token")
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: "text/plain", Body: []byte(q.Get("challenge"))}, nil
}

// Verify checks the HMAC of the time, a dot and the raw body, and the time.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	stamp := r.Header.Get(signedAt)
	if !mac.Matches(s.Keys, r.Header.Get(signature), []byte(stamp+"."), r.Body) {
		return platform.Refuse("the signature in %s does not match", signature)
	}
	at, err := platform.Unix(stamp, time.Second)
	if err != nil {
		return platform.Refuse("%s: %v", signedAt, err)
	}
	return platform.Within(at, now, window)
}

// Sign signs r as the platform does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set(signedAt, stamp)
	r.Header.Set(signature, mac.Sum(key, []byte(stamp+"."), r.Body))
	return nil
}

type delivery struct {
	Events []json.RawMessage `json:"events"`
}

type event struct {
	Event   string      `json:"event"`
	Room    platform.ID `json:"room"`
	ID      platform.ID `json:"id"`
	Parent  platform.ID `json:"parent,omitempty"`
	Version platform.ID `json:"version,omitempty"`
	User    platform.ID `json:"user"`
	Text    string      `json:"text,omitempty"`
	At      platform.ID `json:"at"` // seconds
}

// Sample is something said in a room.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	e, _ := json.Marshal(event{Event: "said", Room: platform.ID(scope), ID: platform.ID(id), User: "u1", Text: "Does it work?", At: platform.ID(fmt.Sprint(now.Unix()))})
	body, _ := json.Marshal(delivery{[]json.RawMessage{e}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// Normalise reads each event for itself.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var d delivery
	if err := platform.Decode(r.Body, &d); err != nil {
		return nil, err
	}
	if len(d.Events) == 0 {
		return nil, errors.New("no events")
	}
	var out []platform.Event
	for _, raw := range d.Events {
		var e event
		if err := platform.Decode(raw, &e); err != nil {
			out = append(out, platform.Park("event", err))
			continue
		}
		out = append(out, read(e))
	}
	return out, nil
}

func read(e event) platform.Event {
	room := string(e.Room)
	a := social.Activity{Platform: name, Scope: room, Actor: social.Actor{ID: string(e.User)}, Object: social.Object{ID: string(e.ID), Type: "note"},
		InReplyTo: string(e.Parent), Text: e.Text, Direction: social.Inbound}
	id := string(e.ID)
	switch e.Event {
	case "said":
		if a.Type = social.Post; a.InReplyTo != "" {
			a.Type = social.Reply
		}
	case "reworded":
		a.Type, id = social.Edit, social.Key(id, string(e.Version))
	case "withdrawn":
		a.Type = social.Delete
	case "account_deleted":
		if e.User == "" {
			return platform.Park(e.Event, errors.New("an account deleted without its id"), room)
		}
		return platform.Event{Kind: e.Event, Scopes: []string{room}, Erase: &social.AccountRef{Platform: name, ID: string(e.User)}}
	case "typing":
		return platform.Ignore(e.Event, "typing says nothing yet", room)
	case "":
		return platform.Park("event", errors.New("an event without its name"), room)
	default:
		return platform.Ignore(e.Event, "it is not known to tell what someone did", room)
	}
	at, err := platform.Unix(string(e.At), time.Second)
	if err == nil && room == "" {
		err = errors.New("something done without its room")
	}
	a.Occurred, a.Key = at, social.ActivityKey(name, room, a.Type, id, at)
	return platform.Act(e.Event, a, err, room)
}

// Split returns a delivery for each room.
func (Adapter) Split(r platform.Request, _ platform.Options) []platform.Request {
	var d delivery
	if platform.Decode(r.Body, &d) != nil {
		return []platform.Request{r}
	}
	var rooms []string
	of := map[string][]json.RawMessage{}
	for _, raw := range d.Events {
		var e event
		room := "" // of what can't be read
		if platform.Decode(raw, &e) == nil {
			room = string(e.Room)
		}
		if of[room] == nil {
			rooms = append(rooms, room)
		}
		of[room] = append(of[room], raw)
	}
	if len(rooms) < 2 {
		return []platform.Request{r}
	}
	var out []platform.Request
	for _, room := range rooms {
		part := r
		part.Body, _ = json.Marshal(delivery{of[room]})
		out = append(out, part)
	}
	return out
}
