package linkedin_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/linkedin"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

var adapter linkedin.Adapter

const code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"

var suite = platformtest.Suite{
	Adapter: adapter, Scopes: []string{"2414183", "urn:li:organization:2414183"}, Fleeting: []string{"/notifications/0/notificationId", "/notifications/0/subscriber"},
	Unshown: map[string]bool{"what a quote replies to": true}, // the organisation's own posts are not sent
	Secret:  "WPL_AP1.clientsecret.test==",
	Other:   "WPL_AP1.anothersecret.test==",
	Handshakes: []platformtest.Handshake{
		// LinkedIn publishes an answer to this code, not the secret. This one
		// is from `printf %s CODE | openssl dgst -sha256 -hmac topsecret`.
		{Name: "a challenge", Request: get("challengeCode=" + code), Secrets: platform.Secrets{Keys: []string{"topsecret"}}, Want: answer},
		{Name: "a challenge of a child application", Request: get("applicationId=12345&challengeCode=" + code), Secrets: platform.Secrets{Keys: []string{"", "topsecret", "old"}}, Want: answer},
		{Name: "a GET without a challenge", Request: get("hello=1"), Secrets: platform.Secrets{Keys: []string{"topsecret"}}, Refused: true},
		{Name: "a challenge that is no UUID", Request: get("challengeCode=1"), Secrets: platform.Secrets{Keys: []string{"topsecret"}}, Refused: true},
	},
}

var answer = &platform.Answer{Status: 200, ContentType: "application/json",
	Body: []byte(`{"challengeCode":"890e4665-4dfe-4ab1-b689-ed553bceeed0","challengeResponse":"49e3851a2b2d4e092b2d4726b7231574745101ee644880b693bffa36699acd81"}`)}

func get(query string) platform.Request {
	return platform.Request{Method: http.MethodGet, URL: "https://example.com/hooks/app?" + query, Query: query}
}

func TestAdapter(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// TestSignatures holds each reading of LinkedIn's page, and nothing beside them.
// https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation
func TestSignatures(t *testing.T) {
	mac := platform.MAC{Algorithm: "sha256", Encoding: "hex"}
	const secret = "topsecret"
	body := []byte(`{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"}`)
	prefixed, alone := mac.Sum(secret, []byte("hmacsha256="), body), mac.Sum(secret, body)
	for name, c := range map[string]struct {
		header string
		keys   []string
		want   string
	}{
		"the prefix is signed":                       {prefixed, []string{secret}, ""},
		"the prefix is signed and sent":              {"hmacsha256=" + prefixed, []string{secret}, ""},
		"the body alone is signed":                   {alone, []string{secret}, ""},
		"the body alone is signed, a prefix is sent": {"hmacsha256=" + alone, []string{"new", secret}, ""},
		"another prefix":                             {"sha256=" + prefixed, []string{secret}, "does not match"},
		"the prefix twice":                           {"hmacsha256=hmacsha256=" + prefixed, []string{secret}, "does not match"},
		"only the prefix":                            {"hmacsha256=", []string{secret}, "does not match"},
		"another's secret":                           {prefixed, []string{"other"}, "does not match"},
		"an unset secret":                            {mac.Sum("", []byte("hmacsha256="), body), []string{""}, "does not match"},
		"nothing":                                    {"", []string{secret}, "no X-LI-Signature header"},
	} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
		if c.header != "" {
			r.Header.Set("X-LI-Signature", c.header)
		}
		err := adapter.Verify(r, platform.Secrets{Keys: c.keys}, platform.Options{}, time.Time{})
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !fault.Is(err, fault.Unauthenticated)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// TestTheChallengeSignsNoDelivery: the answer to a challenge is a signature of
// it, so that only what can be no delivery may be answered.
func TestTheChallengeSignsNoDelivery(t *testing.T) {
	for _, c := range []string{`{"type":"x"}`, "hmacsha256%3D%7B%7D", "%7B%7D", code + "%7B%7D", "x" + code, code + "%0A"} {
		a, err := adapter.Handshake(get("challengeCode="+c), platform.Secrets{Keys: []string{"topsecret"}}, platform.Options{}, time.Time{})
		if a != nil || !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the code %q is answered with %v, %v", c, a, err)
		}
	}
}

// TestOneCommentHasOneID: LinkedIn writes a comment's URN in two ways, and may
// leave out either.
func TestOneCommentHasOneID(t *testing.T) {
	const long, short = "urn:li:comment:(urn:li:activity:71,72)", "urn:li:comment:(activity:71,72)"
	body := func(generated, entity string) string {
		return `{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[{"organizationalEntity":"urn:li:organization:1","action":"COMMENT","sourcePost":"urn:li:activity:71",
			"lastModifiedAt":1772443530123,"generatedActivity":"` + generated + `","decoratedGeneratedActivity":{"comment":{"entity":"` + entity + `","owner":"urn:li:person:a","text":"t","object":"urn:li:activity:71"}}}]}`
	}
	var first *social.Activity
	for _, b := range []string{body(short, long), body(long, short), body(short, ""), body("", long)} {
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Body: []byte(b)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%s: %+v, %v", b, events, err)
		}
		if first == nil {
			first = events[0].Activity
		}
		if diff := cmp.Diff(first, events[0].Activity); diff != "" || first.Object.ID != long {
			t.Errorf("%s is another:\n%s", b, diff)
		}
	}
}

// TestSplitKeepsWhatItSplits: a batch of one organisation stays as it is, byte for byte.
func TestSplitKeepsWhatItSplits(t *testing.T) {
	body, err := os.ReadFile("testdata/comments.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{string(body), `{"type":"LEAD_ACTION","notifications":[1,2]}`, `{`, `[]`} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{"A": {"b"}}, Body: []byte(b)}
		if diff := cmp.Diff([]platform.Request{r}, adapter.Split(r, platform.Options{})); diff != "" {
			t.Errorf("%.40s is changed (-want +got):\n%s", b, diff)
		}
	}
}

func TestScopes(t *testing.T) {
	for scope, ok := range map[string]bool{"2414183": true, "urn:li:organization:2414183": true, "urn:li:organizationBrand:9": true,
		"acme": false, "": false, "urn:li:person:abc": false, "urn:li:organization:": false, "https://www.linkedin.com/company/2414183": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("the scope %q: %v", scope, err)
		}
	}
}

func TestLease(t *testing.T) {
	if want, got := (platform.Lease{Every: 2 * time.Hour, Dead: 6 * time.Hour}), adapter.Lease(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
