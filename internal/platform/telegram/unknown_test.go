package telegram_test

import (
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/telegram"
	"rapport/internal/social"
)

// sent is what becomes of a message to the bot with these fields.
func sent(t *testing.T, fields string) platform.Event {
	t.Helper()
	body := fmt.Sprintf(`{"update_id":7,"message":{"message_id":70,"date":1772442600,"from":{"id":1001,"first_name":"Ann"},"chat":{"id":1001,"type":"private"}%s}}`, fields)
	events, err := telegram.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", fields, events, err)
	}
	return events[0]
}

func TestAMessageOfAnUnknownTypeIsAMessageWithoutWords(t *testing.T) {
	for _, fields := range []string{"", `,"hologram":{"file_id":"h1"}`, `,"has_media_spoiler":true`} {
		e := sent(t, fields)
		if e.Activity == nil || e.Activity.Type != social.Message || e.Activity.Text != "" {
			t.Errorf("%q: %+v", fields, e)
		}
	}
	for _, fields := range []string{`,"write_access_allowed":{}`, `,"chat_background_set":{}`, `,"video_chat_started":{}`} {
		if e := sent(t, fields); e.Ignored == "" {
			t.Errorf("a line of Telegram's own, %q: %+v", fields, e)
		}
	}
}

func TestAPlaceIsSaidByItsNameAndAddress(t *testing.T) {
	for venue, want := range map[string]string{`{"title":"The shop","address":"Main Street 1"}`: "The shop, Main Street 1", `{"title":"The shop"}`: "The shop", `{}`: ""} {
		if e := sent(t, `,"location":{"latitude":1,"longitude":2},"venue":`+venue); e.Activity == nil || e.Activity.Text != want {
			t.Errorf("%s: %+v, want the text %q", venue, e, want)
		}
	}
}
