package tiktok_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/tiktok"
	"rapport/internal/social"
)

var adapter tiktok.Adapter

var suite = platformtest.Suite{
	Adapter: adapter,
	Secret:  "7d0a-client-secret",
	Other:   "8e1b-another-secret",
	Window:  5 * time.Minute,
	Handshakes: []platformtest.Handshake{
		{Name: "a GET is none", Request: platform.Request{Method: http.MethodGet, Query: "challenge=1"}, Secrets: platform.Secrets{Keys: []string{"7d0a-client-secret"}}},
	},
}

func TestAdapter(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// TestSignatures holds the form that TikTok's page gives, of which it
// publishes no example with its secret. The sum is from
// `printf '1633174587.{"a":1}' | openssl dgst -sha256 -hmac topsecret`.
// https://developers.tiktok.com/doc/webhooks-verification
func TestSignatures(t *testing.T) {
	const sum = "38aa442bfe48218c4f8eaf14aebad96849f1f1db317d824f33793900b0608e4b"
	at := time.Unix(1633174587, 0)
	for name, c := range map[string]struct {
		header string
		now    time.Time
		want   string
	}{
		"holds":                 {"t=1633174587,s=" + sum, at, ""},
		"with a space":          {"t=1633174587, s=" + sum, at, ""},
		"the other way round":   {"s=" + sum + ",t=1633174587", at, ""},
		"with another field":    {"t=1633174587,s=" + sum + ",v=2", at, ""},
		"a retry in the window": {"t=1633174587,s=" + sum, at.Add(5 * time.Minute), ""},
		"too old":               {"t=1633174587,s=" + sum, at.Add(5*time.Minute + time.Second), "signed 5m1s ago"},
		"from the future":       {"t=1633174587,s=" + sum, at.Add(-5*time.Minute - time.Second), "in the future"},
		"another time":          {"t=1633174588,s=" + sum, at, "does not match"},
		"the time with a zero":  {"t=01633174587,s=" + sum, at, "does not match"},
		"no time":               {"s=" + sum, at, "not of the form"},
		"no sum":                {"t=1633174587", at, "not of the form"},
		"an empty sum":          {"t=1633174587,s=", at, "not of the form"},
		"two sums":              {"t=1633174587,s=" + sum + ",s=" + sum, at, "not of the form"},
		"two times":             {"t=1,t=1633174587,s=" + sum, at, "not of the form"},
		"the sum in capitals":   {"t=1633174587,s=" + strings.ToUpper(sum), at, "does not match"},
		"the sum alone":         {sum, at, "not of the form"},
		"nothing":               {"", at, "no TikTok-Signature header"},
	} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"a":1}`)}
		if c.header != "" {
			r.Header.Set("Tiktok-Signature", c.header)
		}
		err := adapter.Verify(r, platform.Secrets{Keys: []string{"old", "topsecret"}}, platform.Options{}, c.now)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Unauthenticated)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func body(t *testing.T, event, content string) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"event": event, "user_openid": "me", "create_time": 1772443530, "content": content})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func one(t *testing.T, event, content string) platform.Event {
	t.Helper()
	events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: body(t, event, content)}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", content, events, err)
	}
	return events[0]
}

// TestNumbersInTheContentKeepTheirDigits: the ids are numbers over 2^53 in a
// text, where the suite does not look.
func TestNumbersInTheContentKeepTheirDigits(t *testing.T) {
	a := one(t, "comment.update", `{"comment_id":9007199254740993,"video_id":9007199254740995,"parent_comment_id":9007199254740997,"comment_action":"insert","unique_identifier":9007199254740999,"timestamp":1772443516109}`).Activity
	if a == nil || a.Object.ID != "9007199254740993" || a.Conversation != "9007199254740995" || a.InReplyTo != "9007199254740997" || a.Actor.ID != "9007199254740999" {
		t.Errorf("got %+v", a)
	}
}

// TestForgedIDsGiveOtherKeys: the ids are in the content, where the suite does not look.
func TestForgedIDsGiveOtherKeys(t *testing.T) {
	seen := map[string]string{}
	check := func(event, content string) {
		t.Helper()
		e := one(t, event, content)
		if e.Activity == nil {
			t.Fatalf("%s: %+v", content, e)
		}
		if strings.ContainsAny(e.Activity.Key, "# \x00") || len(e.Activity.Key) > 400 {
			t.Errorf("%.80s has the key %q", content, e.Activity.Key)
		}
		if other, ok := seen[e.Activity.Key]; ok {
			t.Errorf("%.80s and %.80s have the key %s", content, other, e.Activity.Key)
		}
		seen[e.Activity.Key] = content
	}
	long := strings.Repeat("9", 3000)
	for _, id := range []string{"1", "1|2", "1#2", `1\u0000`, "1%7C2", "~1", long, long + "9"} {
		check("comment.update", `{"comment_id":"`+id+`","comment_action":"insert","unique_identifier":"u","timestamp":1772443516109}`)
		check("im_receive_msg", `{"message_id":"`+id+`","unique_identifier":"u","timestamp":1772443516109}`)
	}
	for _, pair := range [][2]string{{"a|b", "c"}, {"a", "b|c"}} {
		check("im_receive_msg", `{"unique_identifier":"`+pair[0]+`","timestamp":1772443516109,"reaction":[{"operation":"ADD","emoji":"x","original_msg_id":"`+pair[1]+`"}]}`)
		check("im_referral_msg", `{"unique_identifier":"`+pair[0]+`","timestamp":1772443516109,"referral":{"source":"short_link","short_link":{"ref":"`+pair[1]+`"}}}`)
	}
}

// TestHostileContent: whatever the content is, the event is read or parked, never lost.
func TestHostileContent(t *testing.T) {
	for _, event := range []string{"comment.update", "brand.mention.event", "im_receive_msg", "im_send_msg", "im_referral_msg", "im_receive_high_intent_comment"} {
		for name, content := range map[string]string{"nothing": "", "null": "null", "a list": "[]", "a text": `"x"`, "cut short": `{"comment_id":`, "deep": strings.Repeat("[", 100_000), "a million lists": `{"comment_id":` + strings.Repeat(`[{"a":`, 40) + "1", "two": "{}{}"} {
			if e := one(t, event, content); e.Activity != nil || e.Becomes() == "" {
				t.Errorf("%s with %s: %+v", event, name, e)
			}
		}
	}
}

// TestTimesInEitherUnit: TikTok calls both seconds and milliseconds Unix time.
func TestTimesInEitherUnit(t *testing.T) {
	for stamp, want := range map[string]string{"1772443516109": "2026-03-02T09:25:16.109Z", "1772443516": "2026-03-02T09:25:16.000Z", `"1772443516109"`: "2026-03-02T09:25:16.109Z"} {
		e := one(t, "comment.update", `{"comment_id":1,"comment_action":"delete","timestamp":`+stamp+`}`)
		if e.Activity == nil || social.Stamp(e.Activity.Occurred) != want {
			t.Errorf("%s: got %+v, want %s", stamp, e, want)
		}
	}
}

// TestPublicPayloads reads real payloads that are not part of the project.
func TestPublicPayloads(t *testing.T) {
	files := needs.SharedFiles(t, "payloads/tiktok/*.json")
	what := map[string]string{"authorization_removed.json": "revoked", "business_comment_update.content.json": "delete", "video_publish_completed.json": "ignored"}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, ".content.json") {
			b = body(t, "comment.update", string(b))
		}
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: b}, platform.Options{})
		if err != nil || len(events) != 1 {
			t.Errorf("%s: %+v, %v", f, events, err)
			continue
		}
		if want, ok := what[filepath.Base(f)]; ok && events[0].Becomes() != want {
			t.Errorf("%s becomes %s, want %s: %+v", f, events[0].Becomes(), want, events[0])
		}
	}
}
