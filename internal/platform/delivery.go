package platform

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/social"
)

// Delivery is one HTTP request from a platform, verified, as it waits in the
// queue and as it is archived.
type Delivery struct {
	App      string
	Received time.Time
	Request  Request
	Object   string // where the body is kept, if it was too large for the queue; then Request.Body is empty
	Part     string // the delivery that this one was split from, if it was
	Check    string // the id of the source check that it belongs to, if any: its facts are kept apart (store.CheckWorkspace)
	Replay   bool   // it was parked or archived, and is done again
	For      string // the workspace that replays it: nothing of it concerns another; empty: whoever watches its scopes
	Line     string // where it lies in the archive, of one that is replayed from there
	Was      string // the id it had before words of somebody who was erased were cut out of its body
}

// Imports stands for the app of deliveries that no platform sent: their body is
// activities of a list that somebody imported into the workspace that they are for, one a line in the exchange form.
const Imports = "imports"

// Kept is a line of the archive: a delivery, and the workspaces that keep it.
type Kept struct {
	Workspaces []string
	Delivery
}

type keptJSON struct {
	Workspaces []string `json:"workspaces"`
	Delivery   Delivery `json:"delivery"`
}

// MarshalJSON writes the line.
func (k Kept) MarshalJSON() ([]byte, error) { return json.Marshal(keptJSON{k.Workspaces, k.Delivery}) }

// UnmarshalJSON reads the line.
func (k *Kept) UnmarshalJSON(b []byte) error {
	var j keptJSON
	err := json.Unmarshal(b, &j)
	k.Workspaces, k.Delivery = j.Workspaces, j.Delivery
	return err
}

// deliveryJSON is the form in the queue and the archive; the body is base64.
type deliveryJSON struct {
	ID       string            `json:"id"`
	App      string            `json:"app"`
	Received string            `json:"received"`
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     []byte            `json:"body,omitempty"`
	Object   string            `json:"object,omitempty"`
	Part     string            `json:"part_of,omitempty"`
	Check    string            `json:"check,omitempty"`
	Replay   bool              `json:"replay,omitempty"`
	For      string            `json:"for,omitempty"`
	Line     string            `json:"line,omitempty"`
	Was      string            `json:"was,omitempty"`
}

// ID names the delivery by its app and bytes, by the headers that say what it
// is about, such as X-GitHub-Event, and one that was fetched also by its URL:
// a redelivery has the same one.
func (d Delivery) ID() string {
	if d.Object != "" { // named by the same id: see ObjectKey
		return strings.TrimPrefix(d.Object, objectPrefix)
	}
	if d.Was != "" {
		return d.Was
	}
	parts := []string{d.App, d.Request.Method, string(d.Request.Body)}
	if d.Request.Polled() {
		parts = append(parts, d.Request.URL)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Request.Header)) {
		if lower := strings.ToLower(name); strings.HasSuffix(lower, "-event") || strings.HasSuffix(lower, "-topic") {
			parts = append(parts, lower, strings.Join(d.Request.Header[name], ", "))
		}
	}
	return social.HashID("dlv", social.Key(parts...))
}

const objectPrefix = "deliveries/"

// ObjectKey is where the body of a delivery is kept that is too large for the queue.
func (d Delivery) ObjectKey() string { return objectPrefix + d.ID() }

// secretHeaders are never queued, archived or logged.
var secretHeaders = map[string]bool{"authorization": true, "cookie": true, "x-telegram-bot-api-secret-token": true, "x-rapport-check": true, "x-goog-api-key": true, "x-api-key": true, "proxy-authorization": true}

// Note is what intake tells of an app beside its deliveries, so that a source
// that refuses or has lost its subscription can be seen. Notes are facts: the
// largest Refused of (app, slot, instance) and the latest Handshake of an app count.
type Note struct {
	App       string    `json:"app"`
	Instance  string    `json:"instance"`         // of intake
	Slot      time.Time `json:"slot"`             // the beginning of five minutes
	Refused   int       `json:"refused"`          // how many requests this instance had refused so far in the slot
	Reason    string    `json:"reason,omitempty"` // of the newest
	Handshake time.Time `json:"handshake,omitzero"`
}

// checkHeader marks the delivery of a source check: "<id>.<token>".
const checkHeader = "X-Rapport-Check"

// MarkCheck makes r the delivery of a source check.
func MarkCheck(r *Request, key, id string) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set(checkHeader, id+"."+PathToken(key, "check", id))
}

// CheckOf returns the id of the source check that r belongs to, "" if to none.
// Who does not have a secret of the app can't make one.
func CheckOf(r Request, s Secrets) string {
	id, token, ok := strings.Cut(r.Header.Get(checkHeader), ".")
	if !ok || !HasPathToken(s.Keys, token, "check", id) {
		return ""
	}
	return id
}

// withoutPath is a hook's URL less what follows the app's id, which may be a secret.
func withoutPath(r Request) string {
	if r.Path == "" {
		return r.URL
	}
	base, query, has := strings.Cut(r.URL, "?")
	parts := strings.Split(base, "/")
	keep := min(3, len(parts)) // scheme and host
	for i, p := range parts {
		if p, err := url.PathUnescape(p); err == nil && p == "hooks" && i+1 < len(parts) {
			keep = i + 2 // with the app's id
			break
		}
	}
	base = strings.Join(parts[:keep], "/")
	if has {
		base += "?" + query
	}
	return base
}

// MarshalJSON writes the queue's form. Headers that carry secrets are left out.
func (d Delivery) MarshalJSON() ([]byte, error) {
	j := deliveryJSON{ID: d.ID(), App: d.App, Received: social.Stamp(d.Received), Method: d.Request.Method, URL: withoutPath(d.Request),
		Body: d.Request.Body, Object: d.Object, Part: d.Part, Check: d.Check, Replay: d.Replay, For: d.For, Line: d.Line, Was: d.Was, Headers: map[string]string{}}
	for k, v := range d.Request.Header {
		if k = strings.ToLower(k); !secretHeaders[k] && !strings.HasPrefix(k, "x-forwarded-") && !strings.HasPrefix(k, "x-amzn-") {
			j.Headers[k] = strings.Join(v, ", ")
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads the queue's form.
func (d *Delivery) UnmarshalJSON(b []byte) error {
	var j deliveryJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("no delivery: %w", err)
	}
	at, err := social.ParseStamp(j.Received)
	if err != nil || j.App == "" {
		return fmt.Errorf("no delivery: app %q, received %q", j.App, j.Received)
	}
	_, query, _ := strings.Cut(j.URL, "?")
	*d = Delivery{App: j.App, Received: at, Object: j.Object, Part: j.Part, Check: j.Check, Replay: j.Replay, For: j.For, Line: j.Line, Was: j.Was, Request: Request{Method: j.Method, URL: j.URL, Query: query, Header: http.Header{}, Body: j.Body}}
	for k, v := range j.Headers {
		d.Request.Header.Set(k, v)
	}
	return nil
}
