package discord_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/platform/discord"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

// signedAt is when the suite calls Handshake.
var signedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const (
	seed  = "5ec7e15ec7e15ec7e15ec7e15ec7e15ec7e15ec7e15ec7e15ec7e15ec7e15ec7"
	other = "0000000000000000000000000000000000000000000000000000000000000001"
)

func public(seed string) string {
	b, err := hex.DecodeString(seed)
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(ed25519.NewKeyFromSeed(b).Public().(ed25519.PublicKey))
}

func signed(body, seed string) platform.Request {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}
	if seed != "" {
		if err := (discord.Adapter{}).Sign(&r, seed, "", platform.Options{}, signedAt); err != nil {
			panic(err)
		}
	}
	return r
}

var keys = platform.Secrets{Keys: []string{public(seed)}}

var suite = platformtest.Suite{
	Adapter: discord.Adapter{}, Scopes: []string{"1100000000000000003", "dm"}, Secret: public(seed), SignKey: seed, Other: other,
	Handshakes: []platformtest.Handshake{
		{Name: "PING of webhook events", Request: signed(`{"version":1,"application_id":"1100000000000000001","type":0}`, seed), Secrets: keys,
			Want: &platform.Answer{Status: 204, ContentType: "application/json"}},
		{Name: "PING of interactions", Request: signed(`{"id":"1","application_id":"1100000000000000001","type":1,"token":"t","version":1}`, seed), Secrets: keys,
			Want: &platform.Answer{Status: 200, ContentType: "application/json", Body: []byte(`{"type":1}`)}},
		{Name: "PING with a wrong signature, as Discord sends to test", Request: signed(`{"version":1,"application_id":"1100000000000000001","type":0}`, other), Secrets: keys, Refused: true},
		{Name: "PING without a signature", Request: signed(`{"type":1}`, ""), Secrets: keys, Refused: true},
		{Name: "a webhook event, whose type is 1 too", Request: signed(`{"version":1,"application_id":"1","type":1,"event":{"type":"X"}}`, seed), Secrets: keys},
		{Name: "an event of the Gateway", Request: signed(`{"t":"X","op":0,"d":{}}`, seed), Secrets: keys},
		{Name: "a GET", Request: platform.Request{Method: http.MethodGet, Query: "a=1"}, Secrets: keys},
	},
}

func TestDiscord(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// TEST 2 of https://www.rfc-editor.org/rfc/rfc8032#section-7.1, whose message
// 0x72 is the timestamp here, before an empty body. Discord publishes none.
func TestPublishedVectorHolds(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}}
	r.Header.Set("X-Signature-Timestamp", "\x72")
	r.Header.Set("X-Signature-Ed25519", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
	s := platform.Secrets{Keys: []string{"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"}}
	if err := (discord.Adapter{}).Verify(r, s, platform.Options{}, signedAt); err != nil {
		t.Error(err)
	}
}

func TestKeysThatAreNoPublicKeyVerifyNothing(t *testing.T) {
	r := signed(`{"a":1}`, seed)
	for _, k := range []string{"", "zz", public(seed)[:62], public(seed) + "00"} {
		if err := (discord.Adapter{}).Verify(r, platform.Secrets{Keys: []string{k}}, platform.Options{}, signedAt); err == nil {
			t.Errorf("it holds with the key %q", k)
		}
		if err := (discord.Adapter{}).CheckKey(k, platform.Options{}); err == nil {
			t.Errorf("the key %q is taken", k)
		}
	}
	if err := (discord.Adapter{}).CheckKey(public(seed), platform.Options{}); err != nil {
		t.Error(err)
	}
}

func activity(t *testing.T, fixture string) social.Activity {
	t.Helper()
	body, err := os.ReadFile("testdata/" + fixture + ".json")
	if err != nil {
		t.Fatal(err)
	}
	events, err := discord.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}, platform.Options{})
	if err != nil || len(events) != 1 || events[0].Activity == nil {
		t.Fatalf("%s: %+v, %v", fixture, events, err)
	}
	return *events[0].Activity
}

func TestWhatComesByTwoWaysIsOneActivity(t *testing.T) {
	for _, pair := range [][2]string{{"component", "interaction_create"}, {"entitlement_create", "gateway_entitlement_create"}} {
		if diff := cmp.Diff(activity(t, pair[0]), activity(t, pair[1])); diff != "" {
			t.Errorf("%s and %s differ:\n%s", pair[0], pair[1], diff)
		}
	}
}

func TestAReactionIsToTheMessageThatWasSent(t *testing.T) {
	said := activity(t, "message_create")
	for _, f := range []string{"message_reaction_add", "message_reaction_remove", "message_update", "message_delete", "command_on_message"} {
		if a := activity(t, f); a.Object.ID != said.Object.ID || a.Scope != said.Scope {
			t.Errorf("%s is to %q in %q, want %q in %q", f, a.Object.ID, a.Scope, said.Object.ID, said.Scope)
		}
	}
	if a := activity(t, "message_create_reply"); a.InReplyTo != said.Object.ID {
		t.Errorf("the reply is to %q, want %q", a.InReplyTo, said.Object.ID)
	}
}

func TestAnEditKeepsThePollsQuestion(t *testing.T) {
	if said, edited := activity(t, "message_create_poll"), activity(t, "message_update_poll"); edited.Text != said.Text || edited.Object != said.Object {
		t.Errorf("%q became %q", said.Text, edited.Text)
	}
}

// The words of what is passed on are another's, also where they are changed.
func TestAnEditOfWhatIsPassedOnSaysNothing(t *testing.T) {
	for _, f := range []string{"message_create_crosspost", "message_create_forwarded"} {
		body, err := os.ReadFile("testdata/" + f + ".json")
		if err != nil {
			t.Fatal(err)
		}
		update := strings.NewReplacer("MESSAGE_CREATE", "MESSAGE_UPDATE", `"edited_timestamp": null`, `"edited_timestamp": "2026-01-06T09:07:00.557970+00:00"`).Replace(string(body))
		events, err := discord.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(update)}, platform.Options{})
		if err != nil || len(events) != 1 || !strings.Contains(events[0].Ignored, "another's") {
			t.Errorf("%s: %+v, %v", f, events, err)
		}
	}
}

func TestADeletionIsOneWhoeverReportsItWhen(t *testing.T) {
	body, err := os.ReadFile("testdata/message_delete.json")
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(string(body), "09:10:00.123Z", "09:10:00.456Z", 1)
	events, err := discord.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(later)}, platform.Options{})
	if err != nil || events[0].Activity == nil {
		t.Fatalf("%+v, %v", events, err)
	}
	if first := activity(t, "message_delete"); first.Key != events[0].Activity.Key || first.Occurred.Equal(events[0].Activity.Occurred) {
		t.Errorf("the keys are %s and %s", first.Key, events[0].Activity.Key)
	}
}

func TestAcknowledgements(t *testing.T) {
	own := json.RawMessage(`{"reply":"Danke!"}`)
	const words = `{"type":4,"data":{"allowed_mentions":{"parse":[]},"content":"Received, thank you.","flags":64}}`
	for _, tt := range []struct {
		name, body, want string
		config           json.RawMessage
		status           int
	}{
		{"a webhook event", `{"type":1,"event":{"type":"X"}}`, "", nil, 204},
		{"an event of the Gateway", `{"t":"X","d":{}}`, "", nil, 204},
		{"a command", `{"type":2,"id":"1"}`, words, nil, 200},
		{"a form", `{"type":5,"id":"1"}`, words, nil, 200},
		{"a command, in the app's own words", `{"type":2,"id":"1"}`, strings.Replace(words, "Received, thank you.", "Danke!", 1), own, 200},
		{"a button", `{"type":3,"id":"1"}`, `{"type":6}`, nil, 200},
		{"choices while somebody types", `{"type":4,"id":"1"}`, `{"data":{"choices":[]},"type":8}`, nil, 200},
		{"no JSON", `x`, "", nil, 204},
	} {
		got := discord.Adapter{}.Acknowledge(platform.Request{Method: http.MethodPost, Body: []byte(tt.body)}, platform.Options{Config: tt.config}, "dlv_1")
		if got.Status != tt.status || got.ContentType != "application/json" || tt.want == "" && len(got.Body) > 0 {
			t.Errorf("%s: %d %s %s", tt.name, got.Status, got.ContentType, got.Body)
		}
		if tt.want == "" {
			continue
		}
		var want, have any
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got.Body, &have); err != nil || !cmp.Equal(want, have) {
			t.Errorf("%s: answered %s, want %s", tt.name, got.Body, tt.want)
		}
	}
}

func TestConfigs(t *testing.T) {
	for doc, fine := range map[string]bool{``: true, `null`: true, `{}`: true, `{"reply":"Danke!"}`: true,
		`{"reply":1}`: false, `{"answer":"x"}`: false, `[]`: false, `x`: false, `{"reply":"` + strings.Repeat("ä", 2001) + `"}`: false, `{"reply":"` + strings.Repeat("ä", 2000) + `"}`: true} {
		if err := (discord.Adapter{}).CheckConfig(json.RawMessage(doc)); (err == nil) != fine {
			t.Errorf("%.40s: %v", doc, err)
		}
	}
}

func TestScopes(t *testing.T) {
	for scope, fine := range map[string]bool{"1100000000000000003": true, "dm": true, "": false, "*": false, "acme": false, "#general": false, "12345": false, "https://discord.gg/acme": false} {
		if err := (discord.Adapter{}).CheckScope(scope); (err == nil) != fine {
			t.Errorf("%q: %v", scope, err)
		}
	}
}
