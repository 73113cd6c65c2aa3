// Package meta receives the webhooks of Meta's products: Facebook Pages and
// Messenger, Instagram, WhatsApp and Threads, and the two callbacks of an
// app's settings, for withdrawn grants and for demands to delete data.
// https://developers.facebook.com/docs/graph-api/webhooks
package meta

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name         = social.Platform("meta")
	header       = "X-Hub-Signature-256"
	legacyHeader = "X-Hub-Signature"
)

// Adapter is the meta platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types, product by product.
func (Adapter) Kinds() []platform.Kind {
	var out []platform.Kind
	for _, list := range [][]platform.Kind{pageKinds(), messagingKinds, instagramKinds, whatsappKinds(), threadsKinds, envelopeKinds, callbackKinds} {
		out = append(out, list...)
	}
	return out
}

// CheckConfig refuses any document: Meta needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var hexDigits = pattern.New(`^[0-9a-f]+$`)
var digits = pattern.New(`^[0-9]{1,32}$`)

// CheckKey refuses what can't be an app secret (lower-case hex digits), such
// as an access token or the app's id.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	switch {
	case digits.MatchString(key):
		return errors.New("secret: these are digits only, as of the app's id; the app secret has letters from a to f, too")
	case !hexDigits.MatchString(key):
		return errors.New("secret: an app secret has 32 hex digits (0 to 9, a to f): App settings > Basic > App secret; this is something else, perhaps an access token")
	}
	return nil
}

// CheckScope refuses what can't be the id of a page, an account or a phone
// number: each is a number.
func (Adapter) CheckScope(scope string) error {
	if !digits.MatchString(scope) {
		return errors.New("scope: Meta names pages, Instagram accounts, WhatsApp phone numbers and Threads users by numeric ids, not by names, links or handles")
	}
	if scope == "0" {
		return errors.New("scope: 0 is what the app dashboard's test button sends")
	}
	return nil
}

// Handshake echoes hub.challenge to a request that brings the verify token,
// and answers who looks up a demand to delete data (see Acknowledge).
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err == nil && q.Has("deletion") && !q.Has("hub.mode") {
		return deletionPage(q.Get("deletion"), s)
	}
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
// The callbacks of the app's settings bring their signature in the body.
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, _ time.Time) error {
	if got := r.Header.Get(header); got != "" {
		if sum, ok := strings.CutPrefix(got, "sha256="); ok && matches(platform.MAC{Algorithm: "sha256", Encoding: "hex"}, s.Keys, sum, r.Body) {
			return nil
		}
		return platform.Refuse("the signature in %s does not match", header)
	}
	got := r.Header.Get(legacyHeader)
	if got == "" {
		if signed, ok := signedRequest(r.Body); ok {
			return verifySigned(signed, s)
		}
		return platform.Refuse("no %s header", header)
	}
	sum, ok := strings.CutPrefix(got, "sha1=")
	if !ok || !matches(platform.MAC{Algorithm: "sha1", Encoding: "hex"}, s.Keys, sum, r.Body) {
		return platform.Refuse("the signature in %s does not match", legacyHeader)
	}
	if !o.Legacy {
		return platform.Refuse("only the legacy signature in %s: it holds, but the app does not allow it", legacyHeader)
	}
	return nil
}

// matches checks the MAC of the body as it came; where that fails and the body
// has bytes beyond ASCII, of the body with these escaped, once. Meta signs
// and sends the escaped form, which a proxy on the way may have undone:
// https://developers.facebook.com/docs/messenger-platform/webhooks#validate-payloads
func matches(m platform.MAC, keys []string, sum string, body []byte) bool {
	if m.Matches(keys, sum, body) {
		return true
	}
	escaped := escape(body)
	return escaped != nil && m.Matches(keys, sum, escaped)
}

// escape writes each character beyond ~ as \uxxxx, in lower case, those beyond
// the 16-bit plane as a surrogate pair. It returns nil where there is none,
// and for what is no UTF-8.
func escape(body []byte) []byte {
	plain := true
	for _, c := range body {
		plain = plain && c <= 0x7e
	}
	if plain || !utf8.Valid(body) {
		return nil
	}
	out := make([]byte, 0, len(body)*2)
	for _, r := range string(body) {
		switch {
		case r <= 0x7e:
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// Sign signs r as Meta does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the app secret is empty")
	}
	r.Header.Set(header, "sha256="+platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum(key, r.Body))
	return nil
}

// Sample is somebody's comment on a post of the page.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type object = map[string]any
	body, _ := json.Marshal(object{"object": "page", "entry": []any{object{"id": scope, "time": now.Unix(), "changes": []any{object{"field": "feed", "value": object{
		"item": "comment", "verb": "add", "post_id": scope + "_1", "parent_id": scope + "_1", "comment_id": "1_" + id,
		"from": object{"id": "24000000000000001", "name": "Ada Sample"}, "message": "Does it work offline?", "created_time": now.Unix()}}}}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// metaTime reads a time as Meta's products write it: in seconds or milliseconds
// since 1970, as a number or as text, or like 2006-01-02T15:04:05+0000.
func metaTime(t platform.Text) (time.Time, error) {
	if t == "" {
		return time.Time{}, errors.New("without its time")
	}
	n, err := strconv.ParseInt(string(t), 10, 64)
	switch {
	case err != nil:
		return platform.Time(string(t), "2006-01-02T15:04:05-0700", time.RFC3339Nano)
	case n >= 1e11: // as seconds it would be after the year 5000
		return platform.Unix(string(t), time.Millisecond)
	}
	return platform.Unix(string(t), time.Second)
}

// when says when something was done, and which instant its key has: own, or,
// where the event has none, that of the notification, and none for the key,
// since a second notification of the same thing would have another.
func when(own, sent platform.Text) (occurred, key time.Time, err error) {
	if own != "" {
		occurred, err = metaTime(own)
		return occurred, occurred, err
	}
	occurred, err = metaTime(sent)
	return occurred, time.Time{}, err
}

// first returns the first of ss that is not empty.
func first[T ~string](ss ...T) string {
	for _, s := range ss {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// version tells an edit from other edits of the same thing by its text.
func version(text string) string { return social.HashID("v", text)[2:18] }

type who struct {
	ID   platform.ID   `json:"id"`
	Name platform.Text `json:"name"`
	Ref  platform.ID   `json:"user_ref"` // in a chat, of who came by a plugin on the business's website and has no id yet
}
