// Package tiktok receives TikTok's webhooks. Two products send them alike:
// TikTok API for Business (comments, mentions, direct messages) and TikTok for
// Developers (what became of a login or an upload).
// https://developers.tiktok.com/doc/webhooks-overview
// https://business-api.tiktok.com/portal/docs?id=1759977800177665
package tiktok

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = "tiktok"
	header = "TikTok-Signature"

	// tolerance is ours: TikTok leaves it to the receiver.
	// https://developers.tiktok.com/doc/webhooks-verification
	tolerance = 5 * time.Minute
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the tiktok platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// Handshake answers nothing: TikTok tests the URL by an event.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks the header's s, HMAC-SHA256 of its t, a dot and the raw body,
// and that t, in seconds, is near now.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	got := r.Header.Get(header)
	if got == "" {
		return platform.Refuse("no %s header", header)
	}
	stamp, sum, ok := parse(got)
	if !ok {
		return platform.Refuse("%s is not of the form t=…,s=…", header)
	}
	if !mac.Matches(s.Keys, sum, []byte(stamp), []byte("."), r.Body) {
		return platform.Refuse("the signature in %s does not match", header)
	}
	at, err := platform.Unix(stamp, time.Second)
	if err != nil {
		return platform.Refuse("the time in %s: %v", header, err)
	}
	return platform.Within(at, now, tolerance)
}

// parse reads t and s of a signature, each of which must be there once. Other
// fields are passed over.
func parse(header string) (stamp, sum string, ok bool) {
	for field := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch {
		case key == "t" && stamp == "":
			stamp = value
		case key == "s" && sum == "":
			sum = value
		case key == "t" || key == "s":
			return "", "", false
		}
	}
	return stamp, sum, stamp != "" && sum != ""
}

// Sign signs r as TikTok does at now.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the client secret is empty")
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set(header, "t="+stamp+",s="+mac.Sum(key, []byte(stamp), []byte("."), r.Body))
	return nil
}

// Sample is a comment on a video of the account whose open id is scope.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type object = map[string]any
	content, _ := json.Marshal(object{"comment_id": json.Number(number(id)), "video_id": json.Number("7203946942097902849"), "comment_type": "comment", "comment_action": "insert",
		"unique_identifier": "sAmPlE-member-0001", "timestamp": now.UnixMilli(), "text": "Does it work with spreadsheets?"})
	body, _ := json.Marshal(object{"client_key": "sample", "event": "comment.update", "create_time": now.Unix(), "user_openid": scope, "content": string(content)})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// number is id as a JSON number, which TikTok's ids are; of another id it is
// the text in quotes.
func number(id string) string {
	if _, err := strconv.ParseUint(id, 10, 64); err == nil {
		return id
	}
	quoted, _ := json.Marshal(id)
	return string(quoted)
}

// envelope is what every event of both products comes in.
type envelope struct {
	Event   string          `json:"event"`
	Created platform.Text   `json:"create_time"` // seconds; milliseconds in the portal's test event
	Account platform.ID     `json:"user_openid"` // the account that the app was let to act for
	Content json.RawMessage `json:"content"`     // a text, which is JSON again
}

// Normalise reads the event.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var e envelope
	if err := platform.Decode(r.Body, &e); err != nil {
		return nil, err
	}
	if e.Event == "" {
		return nil, errors.New("no event: TikTok sends {client_key, event, create_time, user_openid, content}; this may be the content alone")
	}
	var inner string
	if json.Unmarshal(e.Content, &inner) == nil && inner != "" {
		e.Content = json.RawMessage(inner)
	}
	return events(e), nil
}
