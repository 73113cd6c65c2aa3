package platformtest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/platformtest/demo"
	"rapport/internal/social"
)

// variant is the demo platform's adapter with some of it done otherwise.
type variant struct {
	demo.Adapter
	verify    func(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) error
	handshake func(r platform.Request, s platform.Secrets) (*platform.Answer, error)
	normalise func(r platform.Request) ([]platform.Event, error)
	event     func(r platform.Request, e platform.Event) platform.Event // what becomes of each event
	split     func(r platform.Request, parts []platform.Request) []platform.Request
	sample    func(scope, id string, now time.Time) platform.Request
	kinds     func(list []platform.Kind) []platform.Kind
	named     func(r platform.Request, found []platform.Named) []platform.Named
	sign      func(r *platform.Request, key string, now time.Time) error
}

// polling is a variant that is polled for whatever scope and names no host for a token.
type polling struct {
	variant
	poll func(scope string, s platform.Secrets) platform.Fetch
}

func (polling) Polls(string) bool { return true }

func (p polling) Poll(scope, _ string, s platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	return p.poll(scope, s), nil
}

func (polling) Next(_ platform.Request, cursor string) (string, bool, error) {
	return cursor, false, nil
}

func (polling) Every() time.Duration { return time.Hour }

// pollingAt is one that names the host of its token.
type pollingAt struct{ polling }

func (pollingAt) TokenHost(string) string { return "api.demo.example" }

// bearer asks a URL with what is given as a token.
func bearer(url, header, token string) platform.Fetch {
	f := platform.Fetch{Method: http.MethodGet, URL: url, Header: http.Header{"Accept": {"application/json"}}}
	if token != "" {
		f.Header.Set(header, "Bearer "+token)
	}
	return f
}

func (v variant) Kinds() []platform.Kind {
	if v.kinds != nil {
		return v.kinds(v.Adapter.Kinds())
	}
	return v.Adapter.Kinds()
}

func (v variant) Named(r platform.Request, o platform.Options) []platform.Named {
	found := v.Adapter.Named(r, o)
	if v.named != nil {
		return v.named(r, found)
	}
	return found
}

func (v variant) Handshake(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) (*platform.Answer, error) {
	if v.handshake != nil && r.Method == http.MethodGet {
		return v.handshake(r, s)
	}
	return v.Adapter.Handshake(r, s, o, now)
}

func (v variant) Verify(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) error {
	if v.verify != nil {
		return v.verify(r, s, o, now)
	}
	return v.Adapter.Verify(r, s, o, now)
}

func (v variant) Sign(r *platform.Request, key, id string, o platform.Options, now time.Time) error {
	if v.sign != nil {
		return v.sign(r, key, now)
	}
	return v.Adapter.Sign(r, key, id, o, now)
}

func (v variant) Sample(scope, id string, now time.Time) platform.Request {
	if v.sample != nil {
		return v.sample(scope, id, now)
	}
	return v.Adapter.Sample(scope, id, now)
}

func (v variant) Split(r platform.Request, o platform.Options) []platform.Request {
	parts := v.Adapter.Split(r, o)
	if v.split != nil {
		return v.split(r, parts)
	}
	return parts
}

func (v variant) Normalise(r platform.Request, o platform.Options) ([]platform.Event, error) {
	if v.normalise != nil {
		return v.normalise(r)
	}
	events, err := v.Adapter.Normalise(r, o)
	for i, e := range events {
		if v.event != nil {
			events[i] = v.event(r, e)
		}
	}
	return events, err
}

// activity is a variant that does something to each activity.
func activity(do func(r platform.Request, a *social.Activity)) variant {
	return variant{event: func(r platform.Request, e platform.Event) platform.Event {
		if e.Activity != nil {
			do(r, e.Activity)
		}
		return e
	}}
}

// verified is a variant whose check of the signature is this.
func verified(check func(r platform.Request, keys []string, now time.Time) bool) variant {
	return variant{verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
		if !check(r, s.Keys, now) {
			return platform.Refuse("the signature does not match")
		}
		return nil
	}}
}

// holds is the demo's own check at an instant, in a window of its own.
func holds(r platform.Request, keys []string, now time.Time) bool {
	return demo.Adapter{}.Verify(r, platform.Secrets{Keys: keys}, platform.Options{}, now) == nil
}

func stamp(r platform.Request) time.Time {
	n, _ := strconv.ParseInt(r.Header.Get("X-Demo-Time"), 10, 64)
	return time.Unix(n, 0)
}

func mac(key string, parts ...[]byte) string {
	h := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// signs reports whether the signature is the MAC of some body under one of the keys.
func signs(r platform.Request, body []byte, keys []string, now time.Time) bool {
	at := stamp(r)
	if d := now.Sub(at); d < -5*time.Minute || d > 5*time.Minute {
		return false
	}
	for _, k := range keys {
		if k != "" && r.Header.Get("X-Demo-Signature") == mac(k, []byte(r.Header.Get("X-Demo-Time")+"."), body) {
			return true
		}
	}
	return false
}

// raw are the demo's events of a body, read with floating point.
func raw(r platform.Request) (events []struct {
	Event, Room, User, Text string
	ID                      float64
	At                      int64
}) {
	var d struct {
		Events []json.RawMessage `json:"events"`
	}
	_ = json.Unmarshal(r.Body, &d)
	for _, x := range d.Events {
		e := events[:0:0]
		if json.Unmarshal([]byte("["+string(x)+"]"), &e) == nil {
			events = append(events, e...)
		}
	}
	return events
}

var token = platform.Secrets{VerifyToken: "tok-1"}

// fault is a way to write an adapter wrongly. part is what of the suite must find it, saying want.
type fault struct {
	part, want string
	adapter    platformtest.Adapter        // nil: the demo's
	suite      func(s *platformtest.Suite) // what is particular to its suite; may be nil
	dir        func(dir string) error      // what is done to a copy of the fixtures; may be nil
}

var faults = map[string]fault{
	"no signature is checked": {part: "signature", want: "without a signature: it holds",
		adapter: verified(func(platform.Request, []string, time.Time) bool { return true })},
	"a signature need only be there": {part: "signature", want: "signed with another's secret: it holds",
		adapter: verified(func(r platform.Request, keys []string, _ time.Time) bool {
			return r.Header.Get("X-Demo-Signature") != "" && len(keys) > 0 && keys[0] != ""
		})},
	"a prefix of the signature is enough": {part: "signature", want: "X-Demo-Signature cut to",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			for _, k := range keys {
				want := mac(k, []byte(r.Header.Get("X-Demo-Time")+"."), r.Body)
				if got := r.Header.Get("X-Demo-Signature"); k != "" && got != "" && strings.HasPrefix(want, got) && holdsAt(r, now) {
					return true
				}
			}
			return false
		})},
	"only the beginning of the signature is compared": {part: "signature", want: "byte 63 of X-Demo-Signature flipped",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			for _, k := range keys {
				want, got := mac(k, []byte(r.Header.Get("X-Demo-Time")+"."), r.Body), r.Header.Get("X-Demo-Signature")
				if k != "" && len(got) == len(want) && got[:32] == want[:32] && holdsAt(r, now) {
					return true
				}
			}
			return false
		})},
	"the body's last byte is not covered": {part: "signature", want: "of the body flipped: it holds",
		adapter: variant{
			verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
				if !signs(r, r.Body[:max(len(r.Body)-1, 0)], s.Keys, now) {
					return platform.Refuse("the signature does not match")
				}
				return nil
			},
			sign: func(r *platform.Request, key string, now time.Time) error {
				if key == "" {
					return errors.New("the secret is empty")
				}
				at := strconv.FormatInt(now.Unix(), 10)
				r.Header.Set("X-Demo-Time", at)
				r.Header.Set("X-Demo-Signature", mac(key, []byte(at+"."), r.Body[:len(r.Body)-1]))
				return nil
			}}},
	"the body is trimmed before it is hashed": {part: "signature", want: "a body with a space after it: it holds",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return signs(r, r.Body, keys, now) || signs(r, bytes.TrimSpace(r.Body), keys, now)
		})},
	"only the first bytes of a large body are covered": {part: "signature", want: "of a large body flipped: it holds",
		adapter: variant{
			verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
				if !signs(r, r.Body[:min(len(r.Body), 8<<10)], s.Keys, now) {
					return platform.Refuse("the signature does not match")
				}
				return nil
			},
			sign: func(r *platform.Request, key string, now time.Time) error {
				x := *r
				x.Body = r.Body[:min(len(r.Body), 8<<10)]
				return demo.Adapter{}.Sign(&x, key, "", platform.Options{}, now)
			}}},
	"an unset secret verifies": {part: "signature", want: "signed with the empty secret, an unset secret: it holds",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			for _, k := range keys {
				if r.Header.Get("X-Demo-Signature") == mac(k, []byte(r.Header.Get("X-Demo-Time")+"."), r.Body) && holdsAt(r, now) {
					return true
				}
			}
			return false
		})},
	"no secret verifies everything": {part: "signature", want: "no secret: it holds",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return len(keys) == 0 || holds(r, keys, now)
		})},
	"the previous secret is refused": {part: "signature", want: "signed with the previous secret",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return len(keys) > 0 && holds(r, keys[:1], now)
		})},
	"the error names the secret": {part: "signature", want: "the error names the secret",
		adapter: variant{verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
			if !holds(r, s.Keys, now) {
				return platform.Refuse("the signature does not match any of %q", s.Keys)
			}
			return nil
		}}},
	"the error names the right signature": {part: "signature", want: "the error names the right signature",
		adapter: variant{verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
			if !holds(r, s.Keys, now) {
				return platform.Refuse("want %s", mac(append(s.Keys, "x")[0], []byte(r.Header.Get("X-Demo-Time")+"."), r.Body))
			}
			return nil
		}}},
	"the error is of another kind": {part: "signature", want: "refused with the kind internal",
		adapter: variant{verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
			if !holds(r, s.Keys, now) {
				return errors.New("no")
			}
			return nil
		}}},
	"an app that allows legacy signatures takes any": {part: "signature", want: "it holds (legacy true)",
		adapter: variant{verify: func(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) error {
			if !o.Legacy && !holds(r, s.Keys, now) {
				return platform.Refuse("the signature does not match")
			}
			return nil
		}}},
	"no replay window": {part: "signature", want: "from now: it holds",
		adapter: verified(func(r platform.Request, keys []string, _ time.Time) bool { return holds(r, keys, stamp(r)) })},
	"a replay window towards the past only": {part: "signature", want: "signed 5m1s from now: it holds",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return now.Sub(stamp(r)) <= 5*time.Minute && holds(r, keys, stamp(r))
		})},
	"a replay window towards the future only": {part: "signature", want: "signed -5m1s from now: it holds",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return stamp(r).Sub(now) <= 5*time.Minute && holds(r, keys, stamp(r))
		})},
	"a window that is not stated": {part: "signature", want: "give the suite its Window", suite: func(s *platformtest.Suite) { s.Window = 0 }},
	"the time is not covered": {part: "signature", want: "of X-Demo-Time flipped",
		adapter: variant{
			verify: func(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
				for _, k := range s.Keys {
					if k != "" && r.Header.Get("X-Demo-Signature") == mac(k, r.Body) && holdsAt(r, now) {
						return nil
					}
				}
				return platform.Refuse("the signature does not match")
			},
			sign: func(r *platform.Request, key string, now time.Time) error {
				r.Header.Set("X-Demo-Time", strconv.FormatInt(now.Unix(), 10))
				r.Header.Set("X-Demo-Signature", mac(key, r.Body))
				return nil
			}}},
	"a header that should be covered is not": {part: "signature", want: "of X-Demo-Event flipped",
		suite: func(s *platformtest.Suite) { s.SignedHeaders = []string{"X-Demo-Event"} }},
	"the signature depends on the URL": {part: "signature", want: "if the signature covers the URL, say so",
		adapter: verified(func(r platform.Request, keys []string, now time.Time) bool {
			return r.URL == "https://example.com/hooks/app" && holds(r, keys, now)
		})},
	"the URL should be covered and is not": {part: "signature", want: "another method: it holds", suite: func(s *platformtest.Suite) { s.SignsURL = true }},
	"Sign signs with nothing": {part: "signature", want: "Sign signs with an empty secret",
		adapter: variant{sign: func(r *platform.Request, key string, now time.Time) error {
			r.Header.Set("X-Demo-Time", strconv.FormatInt(now.Unix(), 10))
			r.Header.Set("X-Demo-Signature", mac(key, []byte(strconv.FormatInt(now.Unix(), 10)+"."), r.Body))
			return nil
		}}},

	"the challenge is answered as JSON": {part: "handshakes", want: "a challenge is answered otherwise",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			a, err := demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
			if a != nil {
				a.ContentType = "application/json"
			}
			return a, err
		}}},
	"the challenge is quoted": {part: "handshakes", want: "a challenge is answered otherwise",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			a, err := demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
			if a != nil {
				a.Body = []byte(strconv.Quote(string(a.Body)))
			}
			return a, err
		}}},
	"the challenge is answered whatever the token": {part: "handshakes", want: "a challenge with another's token: got the error <nil>",
		adapter: variant{handshake: func(r platform.Request, _ platform.Secrets) (*platform.Answer, error) {
			r.Query = strings.Replace(r.Query, "tok-2", "tok-1", 1)
			return demo.Adapter{}.Handshake(r, token, platform.Options{}, time.Time{})
		}}},
	"the challenge is answered without a secret": {part: "handshakes", want: "a challenge is answered without a verify token",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			if s.VerifyToken == "" {
				s = token
			}
			return demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
		}}},
	"an empty token is that of an app without": {part: "handshakes", want: "with an empty verify token for an unset one",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			if s.VerifyToken == "" && strings.HasSuffix(r.Query, "token=") {
				return &platform.Answer{Status: 200}, nil
			}
			return demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
		}}},
	"the challenge is refused while secrets rotate": {part: "handshakes", want: "in a rotation of secrets",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			if len(s.Keys) > 1 {
				return nil, platform.Refuse("several secrets")
			}
			return demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
		}}},
	"the previous secret answers no challenge": {part: "handshakes", want: "which the previous secret is good for",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			if slices.Index(s.Keys, "demo-secret") > 0 && s.Keys[0] != "" {
				return nil, platform.Refuse("that is an old secret")
			}
			return demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
		}}},
	"the handshake's error names the token": {part: "handshakes", want: "the error names the secret",
		adapter: variant{handshake: func(r platform.Request, s platform.Secrets) (*platform.Answer, error) {
			a, err := demo.Adapter{}.Handshake(r, s, platform.Options{}, time.Time{})
			if err != nil {
				err = platform.Refuse("the token is not %s", s.VerifyToken)
			}
			return a, err
		}}},

	"ids go through floating point": {part: "numbers", want: "loses a digit",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			events, err := demo.Adapter{}.Normalise(r, platform.Options{})
			read := raw(r)
			for i, e := range events {
				if e.Activity != nil && len(read) == len(events) {
					e.Activity.Object.ID = strconv.FormatFloat(read[i].ID, 'f', -1, 64)
				}
			}
			return events, err
		}}},
	"keys are joined without escaping": {part: "keys", want: "run together",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.Type == social.Post {
				a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Actor.ID+"-"+a.Object.ID, a.Occurred)
			}
		})},
	"numbers are joined without a mark between them": {part: "keys", want: "run together",
		dir: write("said.json", `{"delivery":"d-1","events":[{"event":"said","room":"r1","id":9007199254740993,"user":17,"text":"Grüße 😀","at":1767225601}]}`),
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Actor.ID+a.Object.ID, a.Occurred)
		})},
	"a byte order mark is no JSON": {part: "fixtures", want: "something else behind a byte order mark",
		adapter: activity(func(r platform.Request, a *social.Activity) {
			if bytes.HasPrefix(r.Body, []byte("\ufeff")) {
				a.Text = ""
			}
		})},
	"keys are in small letters": {part: "keys", want: "give the same key",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, strings.ToLower(a.Actor.ID)), a.Occurred)
		})},
	"keys are cut": {part: "keys", want: "give the same key",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, a.Actor.ID[:min(len(a.Actor.ID), 64)]), a.Occurred)
		})},
	"the key depends on the text": {part: "keys", want: "which can be changed later",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, a.Text), a.Occurred)
		})},
	"the key is of another scope": {part: "fixtures", want: "is not of demo in",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, "", a.Type, a.Object.ID, a.Occurred)
		})},
	"the key was made by hand": {part: "fixtures", want: "parts, not platform, scope, type, id and time",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Key = "demo|" + a.Object.ID })},
	"the time of receipt is in the key": {part: "again", want: "a year later, becomes something else",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, time.Now().Format(time.DateOnly)), a.Occurred)
		})},
	"the time of receipt is when it occurred": {part: "again", want: "at another time, becomes something else",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Occurred = social.Instant(time.Now())
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		})},
	"the time of the attempt is in the key": {part: "again", want: "signed an hour later, becomes something else",
		adapter: activity(func(r platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, r.Header.Get("X-Demo-Time")), a.Occurred)
		})},
	"the delivery's id is in the key": {part: "again", want: "with another /delivery, becomes something else",
		adapter: activity(func(r platform.Request, a *social.Activity) {
			var d struct{ Delivery string }
			_ = json.Unmarshal(r.Body, &d)
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.Key(a.Object.ID, d.Delivery), a.Occurred)
		})},
	"a hash of the body is in the key": {part: "again", want: "written by another encoder, becomes something else",
		adapter: activity(func(r platform.Request, a *social.Activity) {
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, social.HashID("b", string(r.Body)), a.Occurred)
		})},
	"what the queue does not keep is read": {part: "again", want: "through the queue",
		adapter: activity(func(r platform.Request, a *social.Activity) { a.Text += r.Header.Get("Authorization") }),
		dir:     write("said.headers", "Authorization: secret\n")},
	"the request is changed": {part: "again", want: "normalising it changes the request",
		adapter: activity(func(r platform.Request, _ *social.Activity) { r.Header.Set("X-Seen", "1") })},

	"events are dropped in silence": {part: "fixtures", want: "no fixture shows typing → ignored",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			events, err := demo.Adapter{}.Normalise(r, platform.Options{})
			return slices.DeleteFunc(events, func(e platform.Event) bool { return e.Ignored != "" }), err
		}}},
	"what can't be read is dropped in silence": {part: "bodies", want: "it would be dropped in silence",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			events, err := demo.Adapter{}.Normalise(r, platform.Options{})
			return slices.DeleteFunc(events, func(e platform.Event) bool { return e.Parked != "" }), err
		}}},
	"null makes it panic": {part: "bodies", want: "panic",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			var v any
			if json.Unmarshal(r.Body, &v) == nil {
				_ = v.(map[string]any)["events"]
			}
			return demo.Adapter{}.Normalise(r, platform.Options{})
		}}},
	"depth makes it panic": {part: "bodies", want: "panic",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			if bytes.Count(r.Body, []byte("[")) > 100_000 {
				panic("the stack is full")
			}
			return demo.Adapter{}.Normalise(r, platform.Options{})
		}}},
	"size makes it panic": {part: "bodies", want: "panic",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			var small [1 << 20]byte
			copy(small[:len(r.Body)], r.Body)
			return demo.Adapter{}.Normalise(r, platform.Options{})
		}}},
	"a list where a text is due makes it panic": {part: "bodies", want: "panic",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			var d struct{ Events []map[string]any }
			if json.Unmarshal(r.Body, &d) == nil {
				for _, e := range d.Events {
					if e["text"] != nil {
						_ = e["text"].(string)
					}
				}
			}
			return demo.Adapter{}.Normalise(r, platform.Options{})
		}}},
	"a demand to forget nobody forgets everybody": {part: "bodies", want: "it demands to forget all of",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			events, err := demo.Adapter{}.Normalise(r, platform.Options{})
			for i, e := range events {
				if e.Kind == "account_deleted" && e.Parked != "" {
					events[i] = platform.Event{Kind: e.Kind, Scopes: e.Scopes, Erase: &social.AccountRef{Platform: "demo", Scope: "r1"}}
				}
			}
			return events, err
		}}},
	"a demand to forget the whole platform": {part: "fixtures", want: "it must be an account of the platform or all of one scope",
		adapter: variant{event: func(_ platform.Request, e platform.Event) platform.Event {
			if e.Erase != nil {
				e.Erase = &social.AccountRef{Platform: "demo"}
			}
			return e
		}}},
	"a script stands for the link": {part: "bodies", want: "nobody can open the link",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.URL = a.Text })},
	"a malformed event blocks the others": {part: "batches", want: "is lost",
		adapter: variant{normalise: func(r platform.Request) ([]platform.Event, error) {
			events, err := demo.Adapter{}.Normalise(r, platform.Options{})
			for _, e := range events {
				if e.Kind == "event" && e.Parked != "" {
					return nil, errors.New(e.Parked)
				}
			}
			return events, err
		}}},
	"what is not ASCII is lost": {part: "texts", want: "becomes",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Text = strings.Map(func(r rune) rune {
				if r > 0xffff {
					return -1
				}
				return r
			}, a.Text)
		})},
	"texts are cut within a character": {part: "texts", want: "is no UTF-8",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Text = a.Text[:min(len(a.Text), 8)] })},

	"an unknown type is parked": {part: "fixtures", want: "no fixture holds an event of a type that the adapter does not know",
		adapter: variant{event: func(_ platform.Request, e platform.Event) platform.Event {
			if e.Kind == "waved" {
				return platform.Park(e.Kind, errors.New("what is that?"), e.Scopes...)
			}
			return e
		}}},
	"a row of Kinds without a fixture": {part: "fixtures", want: "no fixture shows winked → react",
		adapter: variant{kinds: func(list []platform.Kind) []platform.Kind {
			return append(list, platform.Kind{Name: "winked", Becomes: string(social.React)})
		}}},
	"a fixture without a row": {part: "fixtures", want: "Kinds has no row said → post",
		adapter: variant{kinds: func(list []platform.Kind) []platform.Kind { return list[1:] }}},
	"a row twice": {part: "fixtures", want: "Kinds has said → post twice",
		adapter: variant{kinds: func(list []platform.Kind) []platform.Kind { return append(list, list[0]) }}},
	"a row that becomes nothing known": {part: "fixtures", want: "is no type of activity",
		adapter: variant{kinds: func(list []platform.Kind) []platform.Kind {
			return append(list, platform.Kind{Name: "said", Becomes: "shout"})
		}}},
	"an activity that is not what was agreed": {part: "fixtures", want: "becomes something else (-want +got)",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Text = strings.ToUpper(a.Text) })},
	"an activity without a scope to route it by": {part: "fixtures", want: "nothing to route it by",
		adapter: variant{event: func(_ platform.Request, e platform.Event) platform.Event { e.Scopes = nil; return e }}},
	"an undated utterance": {part: "fixtures", want: "threads and edits need one",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			a.Undated, a.Occurred = true, time.Time{}
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		})},
	"a time without being dated": {part: "fixtures", want: "undated is true",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Undated = true })},
	"an activity of another platform": {part: "fixtures", want: `an activity of the platform "meta"`,
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Platform = "meta" })},
	"when it was received": {part: "fixtures", want: "an adapter does not know when it is received",
		adapter: activity(func(_ platform.Request, a *social.Activity) { a.Known = a.Occurred })},
	"an event that is two things": {part: "fixtures", want: "2 of activity, ignored, parked, erase and revoked are set",
		adapter: variant{event: func(_ platform.Request, e platform.Event) platform.Event { e.Ignored = "too"; return e }}},
	"an event that is nothing": {part: "fixtures", want: "0 of activity, ignored, parked, erase and revoked are set",
		adapter: variant{event: func(_ platform.Request, e platform.Event) platform.Event { e.Activity = nil; return e }}},

	"a reply names its parent in another way": {part: "threads", want: "no fixture shows what a reply replies to as something said",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.InReplyTo != "" {
				a.InReplyTo = "note:" + a.InReplyTo
			}
		})},
	"a deletion names its object in another way": {part: "threads", want: "no fixture shows what a delete is of as something said",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.Type == social.Delete {
				a.Object.ID = "note:" + a.Object.ID
			}
		})},
	"an edit is in another scope": {part: "threads", want: "no fixture shows what a edit is of as something said",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.Type == social.Edit {
				a.Scope = ""
			}
		})},
	"a reply is in another conversation than what it replies to": {part: "threads", want: "is in the conversation",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.InReplyTo != "" {
				a.Conversation = a.InReplyTo
			}
		})},
	"the type depends on how it arrives": {part: "threads", want: "one thing is of two types",
		dir: func(dir string) error {
			said, err := os.ReadFile(filepath.Join(dir, "said.json"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "said-too.json"), said, 0o644), write("said-too.headers", "X-Demo-Hook: mentions\n")(dir))
		},
		adapter: activity(func(r platform.Request, a *social.Activity) {
			if r.Header.Get("X-Demo-Hook") != "" && a.Type == social.Post {
				a.Type = social.Mention
			}
		})},
	"a reply to itself": {part: "fixtures", want: "replies to itself",
		adapter: activity(func(_ platform.Request, a *social.Activity) {
			if a.InReplyTo != "" {
				a.InReplyTo = a.Object.ID
			}
		})},
	"a thread that need not be unshown": {part: "threads", want: "but it is not so",
		suite: func(s *platformtest.Suite) { s.Unshown = map[string]bool{"what a reply replies to": true} }},

	"a part is lost": {part: "split", want: "its parts tell something else",
		adapter: variant{split: func(_ platform.Request, parts []platform.Request) []platform.Request { return parts[:1] }}},
	"a part comes twice": {part: "split", want: "its parts tell something else",
		adapter: variant{split: func(_ platform.Request, parts []platform.Request) []platform.Request { return append(parts, parts[0]) }}},
	"nothing is split": {part: "split", want: "no fixture is split",
		adapter: variant{split: func(r platform.Request, _ []platform.Request) []platform.Request { return []platform.Request{r} }}},
	"parts of several scopes": {part: "split", want: "one part has the scopes",
		adapter: variant{split: func(r platform.Request, parts []platform.Request) []platform.Request {
			if len(parts) < 2 {
				return parts
			}
			empty := r
			empty.Body = []byte(`{"events":[]}`)
			return []platform.Request{r, empty}
		}}},
	"splitting changes the request": {part: "split", want: "splitting it changes the request",
		adapter: variant{split: func(r platform.Request, parts []platform.Request) []platform.Request {
			r.Header.Set("X-Split", "1")
			return parts
		}}},

	"the token goes wherever the scope says": {part: "token", want: "no platform.TokenUser",
		adapter: polling{poll: func(scope string, s platform.Secrets) platform.Fetch {
			return bearer("https://"+scope+"/api", "Authorization", s.Token)
		}}},
	"the token goes to another host than the one named": {part: "token", want: "the token goes to",
		adapter: pollingAt{polling{poll: func(scope string, s platform.Secrets) platform.Fetch {
			return bearer("https://"+scope+"/api", "Authorization", s.Token)
		}}}},
	"the token goes without TLS": {part: "token", want: "the token goes to",
		adapter: pollingAt{polling{poll: func(_ string, s platform.Secrets) platform.Fetch {
			return bearer("http://api.demo.example/api", "Authorization", s.Token)
		}}}},
	"the token is in the URL": {part: "token", want: "in the URL or the body",
		adapter: pollingAt{polling{poll: func(_ string, s platform.Secrets) platform.Fetch {
			return bearer("https://api.demo.example/api?key="+base64.URLEncoding.EncodeToString([]byte(s.Token)), "Authorization", "")
		}}}},
	"the token is in a header that redirects take on": {part: "token", want: "sent on where a redirect leads",
		adapter: pollingAt{polling{poll: func(_ string, s platform.Secrets) platform.Fetch {
			return bearer("https://api.demo.example/api", "User-Agent", s.Token)
		}}}},
	"a request is made with the key": {part: "token", want: "with what deliveries are signed with",
		adapter: pollingAt{polling{poll: func(_ string, s platform.Secrets) platform.Fetch {
			return bearer("https://api.demo.example/api", "X-Key", strings.Join(s.Keys, ""))
		}}}},

	"samples of one key": {part: "sample", want: "samples with two ids have 1 keys",
		adapter: variant{sample: func(scope, _ string, now time.Time) platform.Request {
			return demo.Adapter{}.Sample(scope, "1", now)
		}}},
	"an actor that is not named": {part: "named", want: "is not among the named",
		adapter: variant{named: func(_ platform.Request, found []platform.Named) []platform.Named { return found[:0] }}},
	"nobody is named in what can't be understood": {part: "named", want: "is no longer among the named",
		adapter: variant{named: func(r platform.Request, _ []platform.Named) []platform.Named {
			events, _ := demo.Adapter{}.Normalise(r, platform.Options{})
			return platform.NamedBy(events)
		}}},
	"a name for nobody": {part: "named", want: "named is",
		adapter: variant{named: func(_ platform.Request, found []platform.Named) []platform.Named {
			return append(found, platform.Named{})
		}}},
	"a sample of another scope": {part: "sample", want: "want scope-1, inbound",
		adapter: variant{sample: func(_, id string, now time.Time) platform.Request { return demo.Adapter{}.Sample("r1", id, now) }}},
	"a sample of another time": {part: "sample", want: "the sample occurred at",
		adapter: variant{sample: func(scope, id string, now time.Time) platform.Request {
			return demo.Adapter{}.Sample(scope, id, now.Add(time.Hour))
		}}},
	"a sample of nothing": {part: "sample", want: "it must be one activity",
		adapter: variant{sample: func(scope, id string, _ time.Time) platform.Request {
			return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"events":[{"event":"typing"}]}`)}
		}}},
}

func holdsAt(r platform.Request, now time.Time) bool {
	d := now.Sub(stamp(r))
	return d >= -5*time.Minute && d <= 5*time.Minute && len(r.Header.Get("X-Demo-Time")) == 10
}

// write puts a file among the fixtures.
func write(name, content string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644) }
}

// The variable names the fault whose suite a process of this test is to run.
const variable = "RAPPORT_FAULT"

// TestSuiteOfAFault runs the suite over the adapter that has the fault named, if one is.
func TestSuiteOfAFault(t *testing.T) {
	f, ok := faults[os.Getenv(variable)]
	if !ok {
		t.Skip("it is run by TestSuiteFindsFaults")
	}
	s := suite
	s.Adapter = variant{}
	if f.adapter != nil {
		s.Adapter = f.adapter
	}
	if f.suite != nil {
		f.suite(&s)
	}
	if f.dir != nil {
		s.Dir = t.TempDir()
		if err := os.CopyFS(s.Dir, os.DirFS("demo/testdata")); err != nil {
			t.Fatal(err)
		}
		if err := f.dir(s.Dir); err != nil {
			t.Fatal(err)
		}
	}
	platformtest.Run(t, s)
}

// Each fault is found by the part of the suite that is there for it, which
// says what is wrong.
func TestSuiteFindsFaults(t *testing.T) {
	if os.Getenv(variable) != "" {
		t.Skip("within TestSuiteFindsFaults")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		f := faults[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), self, "-test.run=^TestSuiteOfAFault$/^"+f.part+"$")
			c.Env = append(os.Environ(), variable+"="+name)
			out, err := c.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite does not find it:\n%s", out)
			}
			if !bytes.Contains(out, []byte(f.want)) {
				t.Errorf("the suite does not say %q:\n%.3000s", f.want, out)
			}
		})
	}
}
