package x_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/x"
	"rapport/internal/social"
)

var adapter x.Adapter

var suite = platformtest.Suite{
	Adapter: adapter, Scopes: []string{"2244994945"}, Fleeting: []string{"/data/event_uuid", "/for_user_id", "/data/tag"},
	Secret: "z3ZX4v7mAAUGyk-consumer-secret",
	Other:  "another-consumer-secret",
	Config: json.RawMessage(`{"webhook_id":"1146654567674912769"}`),
	Handshakes: []platformtest.Handshake{
		// https://github.com/frain-dev/convoy/blob/2b60cc652e1d/internal/pkg/crc/crc_test.go
		{Name: "Convoy's challenge", Request: get("crc_token=uzwcfYtzr9"), Secrets: platform.Secrets{Keys: []string{"Convoy"}},
			Want: answer("sha256=HXvxTdsfShG6k2zC9NVANwFquJBdOugRYHax2vNiiOo=")},
		{Name: "after a rotation, the new secret answers", Request: get("nonce=1&crc_token=uzwcfYtzr9"), Secrets: platform.Secrets{Keys: []string{"", "Convoy", "old"}},
			Want: answer("sha256=HXvxTdsfShG6k2zC9NVANwFquJBdOugRYHax2vNiiOo=")},
		{Name: "a GET without a challenge", Request: get("hello=1"), Secrets: platform.Secrets{Keys: []string{"Convoy"}}, Refused: true},
		{Name: "a query that can't be read", Request: get("crc_token=%zz"), Secrets: platform.Secrets{Keys: []string{"Convoy"}}, Refused: true},
		{Name: "an empty challenge", Request: get("crc_token="), Secrets: platform.Secrets{Keys: []string{"Convoy"}}, Refused: true},
	},
}

func get(query string) platform.Request {
	return platform.Request{Method: http.MethodGet, URL: "https://example.com/hooks/app?" + query, Query: query}
}

func answer(token string) *platform.Answer {
	return &platform.Answer{Status: 200, ContentType: "application/json", Body: []byte(`{"response_token":"` + token + `"}`)}
}

func TestAdapter(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// TestPublishedVectors holds the signature that Convoy's tests publish.
// https://github.com/frain-dev/convoy/blob/2b60cc652e1d/pkg/verifier/verifier_test.go
func TestPublishedVectors(t *testing.T) {
	const sum = "16FUVH58NeMcTIIOICN2UJOcPTTa4TbjCndXymGrtM8="
	for name, c := range map[string]struct {
		header, value string
		keys          []string
		want          string
	}{
		"holds":                         {"X-Twitter-Webhooks-Signature", "sha256=" + sum, []string{"Convoy"}, ""},
		"under the previous secret":     {"X-Twitter-Webhooks-Signature", "sha256=" + sum, []string{"new", "Convoy"}, ""},
		"in the header for OAuth 2.0":   {"X-Twitter-Webhooks-Signature-OAuth2", "sha256=" + sum, []string{"Convoy"}, ""},
		"without its prefix":            {"X-Twitter-Webhooks-Signature", sum, []string{"Convoy"}, "does not match"},
		"under another's secret":        {"X-Twitter-Webhooks-Signature-OAuth2", "sha256=" + sum, []string{"other"}, "does not match"},
		"in hexadecimal":                {"X-Twitter-Webhooks-Signature", "sha256=d7a15454", []string{"Convoy"}, "does not match"},
		"in a header of someone else's": {"X-Hub-Signature-256", "sha256=" + sum, []string{"Convoy"}, "no X-Twitter-Webhooks-Signature"},
	} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte("Test Payload Body")}
		r.Header.Set(c.header, c.value)
		err := adapter.Verify(r, platform.Secrets{Keys: c.keys}, platform.Options{}, time.Time{})
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Unauthenticated)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestAnAppWithBothSecretsNeedsOne: X then sends two signatures, of which
// Rapport may know the secret of either.
func TestAnAppWithBothSecretsNeedsOne(t *testing.T) {
	mac := platform.MAC{Algorithm: "sha256", Encoding: "base64"}
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"data":{}}`)}
	r.Header.Set("X-Twitter-Webhooks-Signature", "sha256="+mac.Sum("consumer", r.Body))
	r.Header.Set("X-Twitter-Webhooks-Signature-OAuth2", "sha256="+mac.Sum("client", r.Body))
	for key, want := range map[string]bool{"consumer": true, "client": true, "other": false} {
		if err := adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{}, time.Time{}); (err == nil) != want {
			t.Errorf("with the %s secret: %v", key, err)
		}
	}
}

// TestTheChallengeSignsNoDelivery: the answer to a challenge is a signature of
// it, so that a challenge which is a delivery must have none.
func TestTheChallengeSignsNoDelivery(t *testing.T) {
	for _, token := range []string{`{"data":{}}`, "%7B%22for_user_id%22%3A%221%22%7D", "[1]", "a b", "%22x%22", strings.Repeat("a", 257), "a%0Ab"} {
		a, err := adapter.Handshake(get("crc_token="+token), platform.Secrets{Keys: []string{"Convoy"}}, platform.Options{}, time.Time{})
		if a != nil || !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the token %.40q is answered with %v, %v", token, a, err)
		}
	}
	for _, token := range []string{"9b4507b3-9040-4669-9ca3-6b94edb50553", "OGUwNmY5NzYtMTZkNC00Y2Y5LThmYmUtYzAwMTk4OWJhNTRl", "a_b%2Fc%3D%3D"} {
		if a, err := adapter.Handshake(get("crc_token="+token), platform.Secrets{Keys: []string{"Convoy"}}, platform.Options{}, time.Time{}); a == nil || err != nil {
			t.Errorf("the token %s: %v, %v", token, a, err)
		}
	}
}

func normalise(t *testing.T, file string) []platform.Event {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: body}, platform.Options{})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return events
}

// TestOnePostIsOneActivity: whatever subscription and product it comes
// through, and whoever is told of it.
func TestOnePostIsOneActivity(t *testing.T) {
	mentioned := normalise(t, "post_mention_create.json")[0]
	legacy := normalise(t, "aaa_posts.json")[0]
	if mentioned.Activity == nil || mentioned.Activity.Type != social.Mention || mentioned.Activity.Text != "Hey @acme & all: is 3 < 4 seats cheaper?" {
		t.Fatalf("the mention is %+v", mentioned)
	}
	if diff := cmp.Diff(mentioned.Activity, legacy.Activity); diff != "" {
		t.Errorf("through AAA it is another (-XAA +AAA):\n%s", diff)
	}
	// Through a subscription to its own author it is outbound: ingest knows better.
	created := *normalise(t, "post_create_mention.json")[0].Activity
	created.Direction = social.Inbound
	if diff := cmp.Diff(*mentioned.Activity, created); diff != "" {
		t.Errorf("through post.create it is another (-mention +create):\n%s", diff)
	}
	if diff := cmp.Diff(normalise(t, "dm_received.json")[0].Activity, normalise(t, "aaa_messages.json")[0].Activity); diff != "" {
		t.Errorf("a message through AAA is another (-XAA +AAA):\n%s", diff)
	}
}

// TestALikeIsOneActivity: its id is the same in both products, and XAA gives
// its times at one time and at another not.
func TestALikeIsOneActivity(t *testing.T) {
	const times = `,"created_at":%s,"timestamp_ms":"1772445605236"`
	xaa := func(times string) string {
		return `{"data":{"event_type":"like.create","filter":{"user_id":"1","direction":"inbound"},"payload":{"id":"5c1d"` + times +
			`,"liked_tweet_id":"2028","liked_tweet_author_id":"1"},"includes":{"users":[{"id":"7","username":"kim","name":"Kim"},{"id":"1"}]}}}`
	}
	aaa := func(times string) string {
		return `{"for_user_id":"1","favorite_events":[{"id":"5c1d"` + times + `,"favorited_status":{"id_str":"2028"},"user":{"id_str":"7","screen_name":"kim","name":"Kim"}}]}`
	}
	var first *social.Activity
	for _, body := range []string{
		xaa(""), xaa(fmt.Sprintf(times, `"2026-03-02T10:00:05.000Z"`)), xaa(`,"created_at":"2026-03-02T10:00:05.000Z"`),
		aaa(fmt.Sprintf(times, `"Mon Mar 02 10:00:05 +0000 2026"`)), aaa(`,"created_at":"Mon Mar 02 10:00:05 +0000 2026"`), aaa(""),
	} {
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%s: %+v, %v", body, events, err)
		}
		got := events[0].Activity
		if first == nil {
			first = got
		}
		// One undated and the other not would be stored as two facts, whatever their key.
		if diff := cmp.Diff(first, got); diff != "" || got.Key != "x||react|5c1d|-" || !got.Undated {
			t.Errorf("%s (-first +got):\n%s", body, diff)
		}
	}
}

func TestRenewal(t *testing.T) {
	with := platform.Options{Config: suite.Config}
	want := &platform.Fetch{Method: "PUT", URL: "https://api.x.com/2/webhooks/1146654567674912769", Header: http.Header{"Authorization": {"Bearer tok"}}}
	got, why := adapter.Renewal("1", "https://example.com/hooks/app", platform.Secrets{Token: "tok"}, with)
	if diff := cmp.Diff(want, got); diff != "" || why != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
	for name, c := range map[string]struct {
		token, config, want string
	}{
		"no token":       {"", string(suite.Config), "has no token"},
		"no webhook_id":  {"tok", "", "has no webhook_id"},
		"an empty one":   {"tok", "{}", "has no webhook_id"},
		"no digits":      {"tok", `{"webhook_id":"../users"}`, "must be digits"},
		"another config": {"tok", `{"webhook":"1"}`, `unknown field "webhook"`},
	} {
		got, why := adapter.Renewal("1", "h", platform.Secrets{Token: c.token}, platform.Options{Config: json.RawMessage(c.config)})
		if got != nil || !strings.Contains(why, c.want) {
			t.Errorf("%s: got %v, %q; want %q", name, got, why, c.want)
		}
	}
	if l := adapter.Lease(); !l.Renew || l.Dead != 28*time.Hour || l.Every >= l.Dead {
		t.Errorf("the lease is %+v", l)
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	for config, want := range map[string]string{
		"": "", "null": "", "{}": "", `{"webhook_id":"12"}`: "",
		`{"webhook_id":12}`: "of type string", `{"webhook_id":""}`: "digits in quotes", `{"webhook_id":"1/2"}`: "digits in quotes", `{"id":"1"}`: "unknown field", `[]`: "config: ", `{"webhook_id":null}`: "",
	} {
		if err := adapter.CheckConfig(json.RawMessage(config)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("the config %s: got %v, want %q", config, err, want)
		}
	}
	for key, ok := range map[string]bool{"z3ZX4v7mAAUGykl3EcmkqbartmuW8VFOOzCloLx9Q45P0hLrFu": true, "": false, "a b": false, "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid": false} {
		err := adapter.CheckKey(key, platform.Options{})
		if (err == nil) != ok || err != nil && key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("the secret %q: %v", key, err)
		}
	}
	for scope, ok := range map[string]bool{"2244994945": true, "@acme": false, "acme": false, "": false, "22 44": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("the scope %q: %v", scope, err)
		}
	}
}

// TestPublicPayloads reads real payloads that are not part of the project.
func TestPublicPayloads(t *testing.T) {
	files := needs.SharedFiles(t, "payloads/x/*.json")
	what := map[string]string{
		"aaa_direct_message_events.json": "message", "aaa_direct_message_indicate_typing.json": "ignored", "aaa_tweet_delete.json": "delete", "aaa_user_event_revoke.json": "revoked",
		"xaa_dm_sent.json": "message", "xaa_follow_follow.json": "follow", "xaa_like_create.json": "react", "xaa_post_create.json": "post", "xaa_post_delete.json": "delete",
		"xaa_post_mention_create.json": "mention", "xaa_post_quote_create.json": "quote", "xaa_post_repost_create.json": "repost", "xaa_profile_update_bio.json": "profile_change",
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: body}, platform.Options{})
		if err != nil || len(events) != 1 {
			t.Errorf("%s: %+v, %v", f, events, err)
			continue
		}
		if want, ok := what[filepath.Base(f)]; ok && events[0].Becomes() != want {
			t.Errorf("%s becomes %s, want %s: %+v", f, events[0].Becomes(), want, events[0])
		}
		if testing.Verbose() && events[0].Activity != nil {
			t.Logf("%s: %+v", filepath.Base(f), *events[0].Activity)
		}
	}
}
