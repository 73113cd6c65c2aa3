// Package demo is a platform made up to show that adding one is a folder and
// a line: the suite's own test runs it. It sends JSON, one event a delivery,
// with a hex HMAC-SHA256 of the body in X-Demo-Signature.
package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const header = "X-Demo-Signature"

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the demo platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return "demo" }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "said", Becomes: string(social.Post)},
		{Name: "typing", Becomes: platform.Ignored, Note: "nothing was said yet"},
		{Name: "account_deleted", Becomes: platform.Erased},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks the HMAC of the raw body.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	if !mac.Matches(s.Keys, r.Header.Get(header), r.Body) {
		return platform.Refuse("the signature in %s does not match", header)
	}
	return nil
}

// Sign signs r as the platform does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	r.Header.Set(header, mac.Sum(key, r.Body))
	return nil
}

type event struct {
	Event string      `json:"event"`
	Room  platform.ID `json:"room"`
	ID    platform.ID `json:"id"`
	User  platform.ID `json:"user"`
	Text  string      `json:"text"`
	At    json.Number `json:"at"` // seconds
}

// Sample is something said in a room.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	body, _ := json.Marshal(event{"said", platform.ID(scope), platform.ID(id), "u1", "Does it work?", json.Number(fmt.Sprint(now.Unix()))})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// Normalise reads the event.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var e event
	if err := platform.Decode(r.Body, &e); err != nil {
		return nil, err
	}
	room := string(e.Room)
	switch e.Event {
	case "said":
		at, err := platform.Unix(e.At.String(), time.Second)
		if err == nil && room == "" {
			err = errors.New("something said without its room")
		}
		return []platform.Event{platform.Act(e.Event, social.Activity{
			Key:      social.ActivityKey("demo", room, social.Post, string(e.ID), at),
			Platform: "demo", Scope: room, Type: social.Post, Actor: social.Actor{ID: string(e.User)},
			Object: social.Object{ID: string(e.ID), Type: "note"}, Text: e.Text, Occurred: at, Direction: social.Inbound,
		}, err, room)}, nil
	case "account_deleted":
		if e.User == "" {
			return []platform.Event{platform.Park(e.Event, errors.New("an account deleted without its id"), room)}, nil
		}
		return []platform.Event{{Kind: e.Event, Scopes: []string{room}, Erase: &social.AccountRef{Platform: "demo", ID: string(e.User)}}}, nil
	case "typing":
		return []platform.Event{platform.Ignore(e.Event, "typing says nothing yet", room)}, nil
	case "":
		return nil, errors.New("no event")
	}
	return []platform.Event{platform.Ignore(e.Event, "it is not known to tell what someone did", room)}, nil
}
