package intercom_test

import (
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/intercom"
)

// replied is what becomes of a contact's part with these fields.
func replied(t *testing.T, by, fields string) platform.Event {
	t.Helper()
	body := fmt.Sprintf(`{"type":"notification_event","app_id":"ab12cd34","topic":"conversation.user.replied","created_at":1772600700,"data":{"item":{"type":"conversation","id":"21","conversation_parts":{"conversation_parts":[
		{"id":"31","created_at":1772600690,"author":{"type":%q,"id":"65f0"},%s}]}}}}`, by, fields)
	events, err := intercom.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", fields, events, err)
	}
	return events[0]
}

func TestAContactsPartWithoutWordsIsAMessage(t *testing.T) {
	for _, fields := range []string{`"part_type":"hologram","body":null`, `"part_type":"comment","body":"<div><img src=\"https://shop.example/a.png\"></div>"`,
		`"part_type":"comment","body":"","attachments":[{"type":"upload","name":"a.pdf"}]`} {
		if e := replied(t, "user", fields); e.Activity == nil || e.Activity.Text != "" {
			t.Errorf("%s: %+v", fields, e)
		}
	}
	for fields, by := range map[string]string{`"part_type":"assignment","body":null`: "user", `"part_type":"hologram","body":null`: "bot", `"part_type":"comment","body":""`: "user"} {
		if e := replied(t, by, fields); e.Ignored == "" {
			t.Errorf("%s: %+v", fields, e)
		}
	}
}
