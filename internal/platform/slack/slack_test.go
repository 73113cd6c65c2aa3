package slack_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/slack"
	"rapport/internal/social"
)

const secret = "5ec7e15ec7e15ec7e15ec7e15ec7e15e"

// signedAt is when the suite calls Handshake.
var signedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func signed(body, key string) platform.Request {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}
	if key != "" {
		if err := (slack.Adapter{}).Sign(&r, key, "", platform.Options{}, signedAt); err != nil {
			panic(err)
		}
	}
	return r
}

const challenge = `{"token":"not-used","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`

var keys = platform.Secrets{Keys: []string{secret}}

var suite = platformtest.Suite{
	Adapter: slack.Adapter{}, Scopes: []string{"T0ACME001", "T0ACME001/C0SUPPORT", "T0ACME001/D0ANNA0001"}, DatedBySignature: []string{"command", "command_undated_parked", "view_submission", "view_submission_rich"}, Fleeting: []string{"/event_id", "/api_app_id", "/token", "/event_context"}, Secret: secret, Other: "0ther0ther0ther0ther0ther0ther00", Window: 5 * time.Minute,
	Handshakes: []platformtest.Handshake{
		{Name: "url_verification", Request: signed(challenge, secret), Secrets: keys,
			Want: &platform.Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: []byte("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")}},
		{Name: "url_verification without a signature", Request: signed(challenge, ""), Secrets: keys, Refused: true},
		{Name: "url_verification with another's signature", Request: signed(challenge, "another"), Secrets: keys, Refused: true},
		{Name: "url_verification with a list for its challenge", Request: signed(`{"type":"url_verification","challenge":["a"]}`, secret), Secrets: keys, Refused: true},
		{Name: "an event that speaks of url_verification", Request: signed(`{"type":"event_callback","event":{"text":"url_verification"}}`, secret), Secrets: keys},
		{Name: "the test of a certificate", Request: platform.Request{Method: http.MethodGet, Query: "ssl_check=1&token=x"}, Secrets: keys, Want: &platform.Answer{Status: 200}},
		{Name: "another GET", Request: platform.Request{Method: http.MethodGet, Query: "a=1"}, Secrets: keys},
	},
}

func TestSlack(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The worked example of https://docs.slack.dev/authentication/verifying-requests-from-slack.
func TestPublishedVectorHolds(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c")}
	r.Header.Set("X-Slack-Request-Timestamp", "1531420618")
	r.Header.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	s := platform.Secrets{Keys: []string{"8f742231b10e8888abcd99yyyzzz85a5"}}
	if err := (slack.Adapter{}).Verify(r, s, platform.Options{}, time.Unix(1531420618, 0)); err != nil {
		t.Error(err)
	}
	if err := (slack.Adapter{}).Verify(r, s, platform.Options{}, time.Unix(1531420618+301, 0)); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("five minutes later: %v", err)
	}
}

func activity(t *testing.T, fixture string) social.Activity {
	t.Helper()
	body, err := os.ReadFile("testdata/" + fixture + ".json")
	if err != nil {
		t.Fatal(err)
	}
	events, err := slack.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}, platform.Options{})
	if err != nil || len(events) != 1 || events[0].Activity == nil {
		t.Fatalf("%s: %+v, %v", fixture, events, err)
	}
	return *events[0].Activity
}

func TestWhatComesByTwoEventsIsOneActivity(t *testing.T) {
	for _, pair := range [][2]string{{"app_mention", "app_mention_as_message"}, {"user_change", "user_profile_changed"}} {
		if diff := cmp.Diff(activity(t, pair[0]), activity(t, pair[1])); diff != "" {
			t.Errorf("%s and %s differ:\n%s", pair[0], pair[1], diff)
		}
	}
}

func TestAReactionIsToTheMessageThatWasSent(t *testing.T) {
	said := activity(t, "message")
	for _, f := range []string{"reaction_added", "reaction_removed", "message_changed", "message_changed_tombstone"} {
		if a := activity(t, f); a.Object.ID != said.Object.ID || a.Scope != said.Scope {
			t.Errorf("%s is to %q in %q, want %q in %q", f, a.Object.ID, a.Scope, said.Object.ID, said.Scope)
		}
	}
}

func TestAGuestOfASharedChannelIsOneAccount(t *testing.T) {
	said, reacted := activity(t, "message_shared_channel"), activity(t, "reaction_shared_channel")
	if said.Account() != reacted.Account() {
		t.Errorf("%v says and %v reacts", said.Account(), reacted.Account())
	}
}

func TestTwoEditsOfOneMessageAreTwo(t *testing.T) {
	body, err := os.ReadFile("testdata/message_changed.json")
	if err != nil {
		t.Fatal(err)
	}
	// Within one millisecond.
	again := strings.Replace(string(body), `"ts": "1767690100.000000"`, `"ts": "1767690100.000001"`, 1)
	events, err := slack.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(again)}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if first := activity(t, "message_changed"); first.Key == events[0].Activity.Key {
		t.Errorf("both have the key %s", first.Key)
	}
}

func TestKeysThatAreNotTheSigningSecret(t *testing.T) {
	for key, fine := range map[string]bool{secret: true, "8f742231b10e8888abcd99yyyzzz85a5": true,
		"xoxb-1111111111-2222222222-abcdefabcdefabcdefabcdef": false, "xapp-1-A0-1-abcdef": false, "short": false, "with a space in it, long enough": false, "": false} {
		err := slack.Adapter{}.CheckKey(key, platform.Options{})
		if (err == nil) != fine {
			t.Errorf("%q: %v", key, err)
		}
		if err != nil && key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("the error repeats the key: %v", err)
		}
		if strings.HasPrefix(key, "x") && !strings.Contains(err.Error(), "this is a Slack token") {
			t.Errorf("a token is refused without saying that it is one: %v", err)
		}
	}
}

func TestScopes(t *testing.T) {
	for scope, fine := range map[string]bool{"T0ACME001": true, "E0ACME001": true, "T0ACME001/C0SUPPORT": true, "T0ACME001/G0SECRET1": true,
		"": false, "*": false, "acme": false, "#support": false, "C0SUPPORT": false, "t0acme001": false, "T0ACME001/": false, "T0ACME001/#support": false, "T0ACME001/C1/C2": false} {
		if err := (slack.Adapter{}).CheckScope(scope); (err == nil) != fine {
			t.Errorf("%q: %v", scope, err)
		}
	}
}
