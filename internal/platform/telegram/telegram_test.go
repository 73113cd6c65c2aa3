package telegram_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/telegram"
	"rapport/internal/social"
)

var suite = platformtest.Suite{
	Adapter: telegram.Adapter{}, Scopes: []string{"-1001234567890", "-1001234567890/42", "@acmeusers", "5000000001", "bot", "business", "business/bc0001"}, Secret: "a-secret_token-of-ours", Other: "another_token", TokenOnly: true,
	Handshakes: []platformtest.Handshake{
		{Name: "an update", Request: platform.Request{Method: http.MethodPost, Body: []byte(`{"update_id":1}`)}},
		{Name: "a GET", Request: platform.Request{Method: http.MethodGet}},
	},
}

func TestTelegram(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func events(t *testing.T, fixture, config string) []platform.Event {
	t.Helper()
	body, err := os.ReadFile("testdata/" + fixture + ".json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := telegram.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}, platform.Options{Config: json.RawMessage(config)})
	if err != nil {
		t.Fatalf("%s: %v", fixture, err)
	}
	return out
}

func activity(t *testing.T, fixture, config string) social.Activity {
	t.Helper()
	out := events(t, fixture, config)
	if len(out) == 0 || out[0].Activity == nil {
		t.Fatalf("%s: %+v", fixture, out)
	}
	return *out[0].Activity
}

// The update's id is in no other key: several bots in one chat are told the
// same, each by an update of its own.
func TestTheUpdatesIDIsOnlyASubscriptions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	id := regexp.MustCompile(`"update_id": *[0-9]+`)
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tell := func(body []byte) []platform.Event {
			out, _ := telegram.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}, platform.Options{})
			return out
		}
		same := cmp.Equal(tell(body), tell(id.ReplaceAll(body, []byte(`"update_id": 1`))))
		if of := filepath.Base(f); same == (of == "subscription_active.json" || of == "subscription_canceled.json") {
			t.Errorf("%s, under another update_id: the same is %v", of, same)
		}
	}
}

// A subscription that is cancelled, resumed and cancelled again ends as
// cancelled; the same update sent again is nothing new.
func TestEachChangeOfASubscriptionCounts(t *testing.T) {
	key := func(update, state string) string {
		t.Helper()
		out, err := telegram.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{},
			Body: []byte(`{"update_id":` + update + `,"subscription":{"user":{"id":5000000001},"invoice_payload":"plus-monthly","state":"` + state + `"}}`)}, platform.Options{})
		if err != nil || len(out) != 1 || out[0].Activity == nil {
			t.Fatalf("%s: %+v, %v", update, out, err)
		}
		return out[0].Activity.Key
	}
	if key("1", "canceled") == key("77", "canceled") || key("40", "active") == key("78", "active") {
		t.Error("a second change is the first")
	}
	if once, again := key("77", "canceled"), key("77", "canceled"); once != again {
		t.Error("an update sent again is another")
	}
}

func TestWhatComesByTwoUpdatesIsOneActivity(t *testing.T) {
	for _, pair := range [][2]string{{"new_chat_members_one", "chat_member_joined"}, {"left_chat_member", "chat_member_left"}} {
		if diff := cmp.Diff(activity(t, pair[0], ""), activity(t, pair[1], "")); diff != "" {
			t.Errorf("%s and %s differ:\n%s", pair[0], pair[1], diff)
		}
	}
}

func TestAReactionIsToTheMessageThatWasSent(t *testing.T) {
	said := activity(t, "message", "")
	for _, f := range []string{"message_reaction", "message_reaction_removed", "edited_message"} {
		if a := activity(t, f, ""); a.Object.ID != said.Object.ID || a.Scope != said.Scope {
			t.Errorf("%s is to %q in %q, want %q in %q", f, a.Object.ID, a.Scope, said.Object.ID, said.Scope)
		}
	}
	if a := activity(t, "message_reply", ""); a.InReplyTo != said.Object.ID || a.Conversation != said.Conversation {
		t.Errorf("the reply is to %q in the thread %q, want %q in %q", a.InReplyTo, a.Conversation, said.Object.ID, said.Conversation)
	}
}

// Two bots number one person's messages each by itself.
func TestPrivateMessagesOfTwoBotsAreTold(t *testing.T) {
	for fixture, apart := range map[string]bool{"message_private": true, "message_basic_group": true, "message_reaction_private": true, "callback_query": true,
		"message": false, "channel_post": false, "business_message": false} {
		one, two := activity(t, fixture, `{"bot":"7000000001"}`), activity(t, fixture, `{"bot":"7000000002"}`)
		if (one.Key != two.Key) != apart || (one.Scope != two.Scope) != apart {
			t.Errorf("%s: the keys are %s and %s", fixture, one.Key, two.Key)
		}
	}
	// Within one bot a reaction is still to the message that was sent.
	said, liked := activity(t, "message_private", `{"bot":"7000000001"}`), activity(t, "message_reaction_private", `{"bot":"7000000001"}`)
	if said.Scope != liked.Scope {
		t.Errorf("said in %q, liked in %q", said.Scope, liked.Scope)
	}
}

func TestABusinessAccountsChatIsNotTheBotsOwn(t *testing.T) {
	theirs, ours := events(t, "business_message", "")[0], events(t, "message_private", "")[0]
	if theirs.Activity.Scope == ours.Activity.Scope {
		t.Errorf("both are in %q", ours.Activity.Scope)
	}
	for _, s := range theirs.Scopes {
		for _, o := range ours.Scopes {
			if s == o {
				t.Errorf("both go to %q", s)
			}
		}
	}
}

func TestTwoEditsWithinASecondAreTwo(t *testing.T) {
	body, err := os.ReadFile("testdata/edited_message.json")
	if err != nil {
		t.Fatal(err)
	}
	again := strings.Replace(string(body), "for you now?", "for you today?", 1)
	out, err := telegram.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(again)}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if first := activity(t, "edited_message", ""); first.Key == out[0].Activity.Key {
		t.Errorf("both have the key %s", first.Key)
	}
}

func TestAnAnswerHasNoBody(t *testing.T) {
	// Telegram would carry out what a body names as its method.
	if _, ok := any(telegram.Adapter{}).(platform.Acknowledger); ok {
		t.Error("deliveries are answered with something of their own")
	}
}

func TestTwoTokensHoldWhileOneIsReplaced(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{"X-Telegram-Bot-Api-Secret-Token": {"old"}}}
	if err := (telegram.Adapter{}).Verify(r, platform.Secrets{Keys: []string{"new", "old"}}, platform.Options{}, time.Time{}); err != nil {
		t.Error(err)
	}
	r.Header = http.Header{}
	if err := (telegram.Adapter{}).Verify(r, platform.Secrets{Keys: []string{""}}, platform.Options{}, time.Time{}); err == nil {
		t.Error("no token is the unset token")
	}
}

func TestKeysConfigsAndScopes(t *testing.T) {
	for key, fine := range map[string]bool{"a-secret_token-of-ours": true, strings.Repeat("x", 256): true, strings.Repeat("x", 257): false, "": false, "7000000001:AAE-abc": false, "ä": false} {
		if err := (telegram.Adapter{}).CheckKey(key, platform.Options{}); (err == nil) != fine {
			t.Errorf("the key %.20q: %v", key, err)
		}
	}
	for doc, fine := range map[string]bool{``: true, `null`: true, `{}`: true, `{"bot":"7000000001"}`: true, `{"bot":7000000001}`: false, `{"bot":"7000000001:AAE"}`: false, `{"id":"1"}`: false, `[]`: false} {
		if err := (telegram.Adapter{}).CheckConfig(json.RawMessage(doc)); (err == nil) != fine {
			t.Errorf("the document %s: %v", doc, err)
		}
	}
	for scope, fine := range map[string]bool{"*": true, "bot": true, "business": true, "business/bc0001": true, "-1001234567890": true, "-1001234567890/42": true, "5000000001": true, "@acmeusers": true,
		"": false, "@AcmeUsers": false, "acmeusers": false, "https://t.me/acmeusers": false, "-100x": false, "scope-1": false, "--1": false} {
		if err := (telegram.Adapter{}).CheckScope(scope); (err == nil) != fine {
			t.Errorf("the scope %q: %v", scope, err)
		}
	}
}
