package typeform_test

import (
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/typeform"
)

// Who links to a form without knowing who comes puts a word into its hidden fields.
func TestAHiddenFieldThatNamesNobodyIsNone(t *testing.T) {
	for hidden, want := range map[string]string{
		`"user_id":"null","email":"undefined"`:               "response:r1",
		`"user_id":0`:                                        "response:r1",
		`"user_id":"{{user.id}}","email":"Lou@mail.example"`: "email:lou@mail.example",
		`"user_id":" N/A ","email":"none"`:                   "response:r1",
		`"user_id":"7"`:                                      "user:7",
	} {
		body := fmt.Sprintf(`{"event_type":"form_response","form_response":{"form_id":"f","token":"r1","submitted_at":"2026-03-04T05:06:07Z","hidden":{%s},"answers":[{"type":"text","text":"Hello","field":{"id":"a"}}]}}`, hidden)
		events, err := typeform.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil || events[0].Activity.Actor.ID != want {
			t.Errorf("%s: %+v, %v, want %s", hidden, events, err, want)
		}
	}
}
