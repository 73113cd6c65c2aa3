// Package linkedin receives LinkedIn's webhooks: what members do to the posts
// of an organisation's page, in batches that can hold several organisations.
// https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation
// https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications
package linkedin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = "linkedin"
	header = "X-LI-Signature"
	prefix = "hmacsha256=" // before the body in what is signed; by some readings before the sum in the header
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the linkedin platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var scopes = pattern.New(`^(urn:li:organization(Brand)?:)?[0-9]{1,25}$`)

// CheckScope refuses what names no organisation.
func (Adapter) CheckScope(scope string) error {
	if !scopes.MatchString(scope) {
		return errors.New("the scope must be the organisation's number or URN, for example 2414183 or urn:li:organization:2414183: it stands in the page's admin URL")
	}
	return nil
}

// challenge is the form of a challengeCode, a UUID. Its MAC is made with the
// key that deliveries are signed with, so that whoever could have any text
// answered could have a delivery signed.
var challenge = pattern.New(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// Handshake answers a challenge with its MAC under the current secret.
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil || !challenge.MatchString(q.Get("challengeCode")) {
		return nil, platform.Refuse("a GET without a challengeCode that is a UUID")
	}
	code := q.Get("challengeCode")
	for _, key := range s.Keys {
		if key != "" {
			body := `{"challengeCode":"` + code + `","challengeResponse":"` + mac.Sum(key, []byte(code)) + `"}`
			return &platform.Answer{Status: http.StatusOK, ContentType: "application/json", Body: []byte(body)}, nil
		}
	}
	return nil, platform.Refuse("the app has no secret to answer the challengeCode with")
}

// Verify checks HMAC-SHA256 of the prefix and the raw body. LinkedIn's page
// can be read in other ways, too, and public code follows each of them: the
// sum with the prefix before it, and the body signed alone, hold as well.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	got := r.Header.Get(header)
	if got == "" {
		return platform.Refuse("no %s header", header)
	}
	sum := strings.TrimPrefix(got, prefix)
	if mac.Matches(s.Keys, sum, []byte(prefix), r.Body) || mac.Matches(s.Keys, sum, r.Body) {
		return nil
	}
	return platform.Refuse("the signature in %s does not match", header)
}

// Sign signs r as LinkedIn does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the client secret is empty")
	}
	r.Header.Set(header, mac.Sum(key, []byte(prefix), r.Body))
	return nil
}

// Sample is a comment on a post of the organisation scope.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type object = map[string]any
	post := "urn:li:activity:7000000000000000001"
	comment := "urn:li:comment:(" + post + "," + id + ")"
	body, _ := json.Marshal(object{"type": actions, "notifications": []object{{
		"notificationId": 5000000001, "organizationalEntity": "urn:li:organization:" + strings.TrimPrefix(scope, "urn:li:organization:"),
		"action": "COMMENT", "sourcePost": post, "generatedActivity": comment, "lastModifiedAt": json.Number(strconv.FormatInt(now.UnixMilli(), 10)),
		"decoratedGeneratedActivity": object{"comment": object{"entity": comment, "object": post, "owner": "urn:li:person:sAmPlE0001", "text": "Does it work with spreadsheets?"}},
	}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// Lease says that LinkedIn tests the URL every two hours, and blocks it after
// three failures in a row. Nobody can ask for a test but in its portal.
func (Adapter) Lease() platform.Lease {
	return platform.Lease{Every: 2 * time.Hour, Dead: 6 * time.Hour}
}

// delivery is a batch of one type.
type delivery struct {
	Type          string            `json:"type"`
	Notifications []json.RawMessage `json:"notifications"`
}

// Split makes a delivery for each organisation in a batch; what names none
// makes one of its own.
func (Adapter) Split(r platform.Request, _ platform.Options) []platform.Request {
	var d delivery
	if platform.Decode(r.Body, &d) != nil || d.Type != actions {
		return []platform.Request{r}
	}
	var order []string
	of := map[string][]json.RawMessage{}
	for _, raw := range d.Notifications {
		org := organisation(raw)
		if of[org] == nil {
			order = append(order, org)
		}
		of[org] = append(of[org], raw)
	}
	if len(order) < 2 {
		return []platform.Request{r}
	}
	var out []platform.Request
	for _, org := range order {
		body, err := json.Marshal(delivery{d.Type, of[org]})
		if err != nil {
			return []platform.Request{r}
		}
		part := r
		part.Body = body
		out = append(out, part)
	}
	return out
}

// Normalise reads every notification of a batch.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var d delivery
	if err := platform.Decode(r.Body, &d); err != nil {
		return nil, err
	}
	switch d.Type {
	case actions:
	case "LEAD_ACTION":
		return []platform.Event{lead(r.Body)}, nil
	case "":
		return nil, errors.New("no delivery: it has neither a type nor notifications; a challenge comes as a GET, and its challengeResponse is what it is answered with")
	default:
		return []platform.Event{platform.Ignore(d.Type, "it is not known to tell what someone did")}, nil
	}
	if len(d.Notifications) == 0 {
		return nil, errors.New("no notifications")
	}
	var out []platform.Event
	for _, raw := range d.Notifications {
		out = append(out, event(raw))
	}
	return out, nil
}
