// Package meta receives Meta's webhooks for Facebook Pages: posts, comments,
// reactions, ratings, mentions and Messenger messages.
// https://developers.facebook.com/docs/graph-api/webhooks/reference/page
package meta

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	header       = "X-Hub-Signature-256"
	legacyHeader = "X-Hub-Signature"
)

// Adapter is the meta platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return "meta" }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind { return nil }

// CheckConfig refuses any document: Meta needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	if len(raw) > 0 && string(raw) != "null" && string(raw) != "{}" {
		return errors.New("config: meta takes no document")
	}
	return nil
}

// Handshake echoes hub.challenge to a request that brings the verify token.
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil || q.Get("hub.mode") != "subscribe" || q.Get("hub.challenge") == "" {
		return nil, platform.Refuse("a GET that is no subscription handshake")
	}
	if s.VerifyToken == "" || subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(s.VerifyToken)) != 1 {
		return nil, platform.Refuse("hub.verify_token is not the app's")
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(q.Get("hub.challenge"))}, nil
}

// Verify checks HMAC-SHA256 of the raw body under the app secret. The legacy
// SHA-1 header counts only where the app allows it and the new one is absent.
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, _ time.Time) error {
	if got := r.Header.Get(header); got != "" {
		if sum, ok := strings.CutPrefix(got, "sha256="); ok && (platform.MAC{Algorithm: "sha256", Encoding: "hex"}).Matches(s.Keys, sum, r.Body) {
			return nil
		}
		return platform.Refuse("the signature in %s does not match", header)
	}
	got := r.Header.Get(legacyHeader)
	if got == "" {
		return platform.Refuse("no %s header", header)
	}
	sum, ok := strings.CutPrefix(got, "sha1=")
	if !ok || !(platform.MAC{Algorithm: "sha1", Encoding: "hex"}).Matches(s.Keys, sum, r.Body) {
		return platform.Refuse("the signature in %s does not match", legacyHeader)
	}
	if !o.Legacy {
		return platform.Refuse("only the legacy signature in %s: it holds, but the app does not allow it", legacyHeader)
	}
	return nil
}

// Sign signs r as Meta does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the app secret is empty")
	}
	r.Header.Set(header, "sha256="+platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum(key, r.Body))
	return nil
}

type delivery struct {
	Object string            `json:"object"`
	Entry  []json.RawMessage `json:"entry"`
}

type entry struct {
	ID        platform.ID       `json:"id"`
	Changes   []change          `json:"changes"`
	Messaging []json.RawMessage `json:"messaging"`
	Standby   []json.RawMessage `json:"standby"`
}

type change struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// Normalise reads every entry, change and message. One that is malformed is parked alone.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var d delivery
	if err := platform.Decode(r.Body, &d); err != nil {
		return nil, err
	}
	if d.Object != "page" {
		return nil, fmt.Errorf("object %.40q is not a page", d.Object)
	}
	if len(d.Entry) == 0 {
		return nil, errors.New("no entry")
	}
	var events []platform.Event
	for _, raw := range d.Entry {
		var e entry
		if err := platform.Decode(raw, &e); err != nil {
			events = append(events, platform.Park("entry", fmt.Errorf("an entry: %w", err)))
			continue
		}
		if e.ID == "" {
			events = append(events, platform.Park("entry", errors.New("an entry without a page id")))
			continue
		}
		page := string(e.ID)
		add := func(what string, a *social.Activity, ignored string, err error) {
			switch {
			case err != nil:
				events = append(events, platform.Park(what, fmt.Errorf("%s: %w", what, err), page))
			case a != nil:
				events = append(events, platform.Act(what, *a, nil, page))
			default:
				events = append(events, platform.Ignore(what, ignored, page))
			}
		}
		for _, c := range e.Changes {
			a, ignored, err := pageChange(page, c)
			add("field "+c.Field, a, ignored, err)
		}
		for _, raw := range append(e.Messaging, e.Standby...) {
			a, ignored, err := message(page, raw)
			add("messaging", a, ignored, err)
		}
		if len(e.Changes)+len(e.Messaging)+len(e.Standby) == 0 {
			events = append(events, platform.Ignore("entry", "an entry without changes or messages", page))
		}
	}
	return events, nil
}
