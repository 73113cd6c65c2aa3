package discord_test

import (
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/discord"
	"rapport/internal/social"
)

// handed is what becomes of a message that the operator's bot hands over.
func handed(t *testing.T, fields string) platform.Event {
	t.Helper()
	body := fmt.Sprintf(`{"t":"MESSAGE_CREATE","d":{"id":"1456000000000000001","channel_id":"1100000000000000001",%s}}`, fields)
	events, err := discord.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", fields, events, err)
	}
	return events[0]
}

func TestAMessageSaysWhatItsEmbedsComponentsAndForwardsSay(t *testing.T) {
	const person, bot = `"author":{"id":"1200000000000000001","username":"ann"},`, `"author":{"id":"1200000000000000002","username":"forms","bot":true},`
	const embed = `"embeds":[{"type":"rich","title":"A new answer","description":"<@1200000000000000001> wrote","fields":[{"name":"Why","value":"too dear"},{"name":"Again?","value":"no"}]}]`
	for _, c := range []struct{ name, fields, want string }{
		{"a bot's embed", bot + `"content":"",` + embed, "A new answer\n@1200000000000000001 wrote\nWhy: too dear\nAgain? no"},
		{"a webhook's embed", `"webhook_id":"1300000000000000001",` + person + `"content":"A new answer",` + embed, "A new answer\n@1200000000000000001 wrote\nWhy: too dear\nAgain? no"},
		{"a preview of a link", person + `"content":"see https://news.example/a","embeds":[{"type":"article","title":"Shop fined"}]`, "see https://news.example/a"},
		{"a bot's preview of a link", bot + `"content":"see https://news.example/a","embeds":[{"type":"article","title":"Shop fined"}]`, "see https://news.example/a"},
		{"components", bot + `"content":"","components":[{"type":17,"components":[{"type":10,"content":"Order 7 is late"},{"type":1,"components":[{"type":2,"label":"Open"}]}]}]`, "Order 7 is late"},
		{"forwarded to the business", person + `"content":"","message_reference":{"type":1,"message_id":"1455000000000000001"},"message_snapshots":[{"message":{"content":"My key does not turn"}}]`, "My key does not turn"},
		{"malformed", person + `"content":"Hello","embeds":7,"components":[7],"message_snapshots":[{"message":7}]`, "Hello"},
	} {
		if e := handed(t, c.fields); e.Activity == nil || e.Activity.Text != c.want {
			t.Errorf("%s: %+v (%+v), want %q", c.name, e, e.Activity, c.want)
		}
	}
}

func TestAMessageOfAnUnknownTypeIsAMessage(t *testing.T) {
	if e := handed(t, `"type":99,"author":{"id":"1200000000000000001"},"content":""`); e.Activity == nil || e.Activity.Type != social.Message {
		t.Errorf("an unknown type: %+v", e)
	}
	for _, own := range []int{6, 7, 18, 46} {
		if e := handed(t, fmt.Sprintf(`"type":%d,"author":{"id":"1200000000000000001"},"content":""`, own)); e.Ignored == "" {
			t.Errorf("a line of Discord's own, %d: %+v", own, e)
		}
	}
}
