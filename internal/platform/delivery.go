package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
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
}

// ID names the delivery by its app and bytes: a redelivery has the same one.
func (d Delivery) ID() string {
	if d.Object != "" { // named by the same id: see ObjectKey
		return strings.TrimPrefix(d.Object, objectPrefix)
	}
	return social.HashID("dlv", social.Key(d.App, d.Request.Method, string(d.Request.Body)))
}

const objectPrefix = "deliveries/"

// ObjectKey is where the body of a delivery is kept that is too large for the queue.
func (d Delivery) ObjectKey() string { return objectPrefix + d.ID() }

// secretHeaders are never queued, archived or logged.
var secretHeaders = map[string]bool{"authorization": true, "cookie": true, "x-telegram-bot-api-secret-token": true, "x-api-key": true, "proxy-authorization": true}

// MarshalJSON writes the queue's form. Headers that carry secrets are left out.
func (d Delivery) MarshalJSON() ([]byte, error) {
	j := deliveryJSON{ID: d.ID(), App: d.App, Received: social.Stamp(d.Received), Method: d.Request.Method, URL: d.Request.URL,
		Body: d.Request.Body, Object: d.Object, Headers: map[string]string{}}
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
	*d = Delivery{App: j.App, Received: at, Object: j.Object, Request: Request{Method: j.Method, URL: j.URL, Query: query, Header: http.Header{}, Body: j.Body}}
	for k, v := range j.Headers {
		d.Request.Header.Set(k, v)
	}
	return nil
}
