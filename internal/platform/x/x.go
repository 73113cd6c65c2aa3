// Package x receives X's webhooks: the X Activity API (XAA), one event a
// delivery, and its predecessor, the Account Activity API (AAA), with lists of
// events. Both come through the V2 Webhooks API, which tests the URL by a
// challenge (CRC) and signs what it sends.
// https://docs.x.com/x-api/webhooks/introduction
// https://docs.x.com/x-api/activity/event-payloads
// https://docs.x.com/x-api/account-activity/introduction
package x

import (
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
	name   = "x"
	server = "api.x.com" // of the API

	// header carries the MAC under the OAuth 1.0 consumer secret (API secret
	// key), headerOAuth2 that under the OAuth 2.0 client secret. An app that
	// has both secrets is sent both.
	header       = "X-Twitter-Webhooks-Signature"
	headerOAuth2 = "X-Twitter-Webhooks-Signature-OAuth2"
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "base64"}

// Adapter is the x platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// config is the app's document.
type config struct {
	WebhookID *string `json:"webhook_id"` // what X calls the webhook, digits; absent: Rapport can't have it tested again
}

var digits = pattern.New(`^[0-9]{1,25}$`)

func readConfig(raw json.RawMessage) (config, error) {
	var c config
	if err := platform.Config(raw, &c); err != nil {
		return config{}, err
	}
	if c.WebhookID != nil && !digits.MatchString(*c.WebhookID) {
		return config{}, errors.New("config: webhook_id must be digits in quotes, as GET https://api.x.com/2/webhooks lists them")
	}
	return c, nil
}

// CheckConfig refuses a document with anything but a webhook_id of digits. The document may be absent.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	_, err := readConfig(raw)
	return err
}

// CheckKey refuses what X gives out beside the secrets that sign.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	switch {
	case key == "" || strings.ContainsAny(key, " \t\r\n"):
		return errors.New("the secret is empty or has white space in it: give the app's OAuth 2.0 client secret or its API secret key (consumer secret)")
	case strings.HasPrefix(key, "AAAAAAAAAAAAAAAAAAAA"):
		return errors.New("that is a bearer token, which signs nothing: give the app's OAuth 2.0 client secret or its API secret key (consumer secret)")
	}
	return nil
}

// CheckScope refuses what is no user id: handles change, ids don't.
func (Adapter) CheckScope(scope string) error {
	if !digits.MatchString(scope) {
		return errors.New("the scope must be the account's numeric user id, not its @handle: GET https://api.x.com/2/users/by/username/HANDLE tells it")
	}
	return nil
}

// challenge is the form of the crc_token: X sends UUIDs and base64. The answer
// is the very MAC that signs deliveries, so that whoever could have any text
// answered could have a delivery signed. No JSON of an event is of this form.
var challenge = pattern.New(`^[A-Za-z0-9_+/=.-]{1,256}$`)

// Handshake answers the Challenge-Response Check with the token's MAC under
// the current secret. https://docs.x.com/x-api/webhooks/quickstart
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil || q.Get("crc_token") == "" {
		return nil, platform.Refuse("a GET without a crc_token")
	}
	token := q.Get("crc_token")
	if !challenge.MatchString(token) {
		return nil, platform.Refuse("the crc_token is not of the form of X's tokens: it is not signed")
	}
	for _, key := range s.Keys {
		if key == "" {
			continue
		}
		body, err := json.Marshal(map[string]string{"response_token": "sha256=" + mac.Sum(key, []byte(token))})
		if err != nil {
			return nil, fmt.Errorf("answer to the crc_token: %w", err)
		}
		return &platform.Answer{Status: http.StatusOK, ContentType: "application/json", Body: body}, nil
	}
	return nil, platform.Refuse("the app has no secret to answer the crc_token with")
}

// Verify checks HMAC-SHA256 of the raw body: in the header for either of an
// app's two secrets, whichever was given to Rapport.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	signed := false
	for _, h := range []string{headerOAuth2, header} {
		got := r.Header.Get(h)
		signed = signed || got != ""
		if sum, ok := strings.CutPrefix(got, "sha256="); ok && mac.Matches(s.Keys, sum, r.Body) {
			return nil
		}
	}
	if !signed {
		return platform.Refuse("no %s or %s header", header, headerOAuth2)
	}
	return platform.Refuse("the signature in %s does not match", header)
}

// Sign signs r as X does, with the consumer secret.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	r.Header.Set(header, "sha256="+mac.Sum(key, r.Body))
	return nil
}

// Sample is a post that mentions the account with the id scope.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type object = map[string]any
	author := "2200000000000000002"
	body, _ := json.Marshal(object{"data": object{
		"event_uuid": id, "event_type": "post.mention.create", "filter": object{"user_id": scope},
		"payload": object{"id": id, "author_id": author, "created_at": now.UTC().Format(time.RFC3339), "conversation_id": id,
			"text":     "Hey @acme, does it work with spreadsheets?",
			"entities": object{"mentions": []object{{"start": 4, "end": 9, "username": "acme", "id": scope}}}},
		"includes": object{"users": []object{{"id": author, "username": "sam_sample", "name": "Sam Sample"}}},
	}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// Lease says that X tests the URL again a day after the last test that held,
// every half hour until one holds, and stops delivering 28 hours after it.
func (Adapter) Lease() platform.Lease {
	return platform.Lease{Every: 24 * time.Hour, Dead: 28 * time.Hour, Renew: true}
}

// TokenHost is the API's server, whatever the scope.
func (Adapter) TokenHost(string) string { return server }

// Renewal asks X to test the URL now, which also switches a webhook on again
// that X has marked as invalid. https://docs.x.com/x-api/webhooks/validate-webhook
func (Adapter) Renewal(_, _ string, s platform.Secrets, o platform.Options) (*platform.Fetch, string) {
	c, err := readConfig(o.Config)
	switch {
	case err != nil:
		return nil, err.Error()
	case c.WebhookID == nil:
		return nil, `the app's config has no webhook_id: X tests the URL by itself, but is not asked to; give {"webhook_id":"…"} and the bearer token to have it asked`
	case s.Token == "":
		return nil, "the app has no token: give X's app-only bearer token to have X asked to test the URL"
	}
	return &platform.Fetch{Method: http.MethodPut, URL: "https://" + server + "/2/webhooks/" + *c.WebhookID,
		Header: http.Header{"Authorization": {"Bearer " + s.Token}}}, ""
}

// Normalise reads a delivery of either product.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var top map[string]json.RawMessage
	if err := platform.Decode(r.Body, &top); err != nil {
		return nil, err
	}
	if _, ok := top["data"]; ok {
		return xaa(top)
	}
	return aaa(top)
}
