package meta_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// wrote is what becomes of one message to a business on WhatsApp.
func wrote(t *testing.T, message string) social.Activity {
	t.Helper()
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"41","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"31"},
		"messages":[{"from":"491700000001","id":"wamid.1","timestamp":"1767225700",%s}]}}]}]}`, message)
	events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 || events[0].Activity == nil {
		t.Fatalf("%s: %+v, %v", message, events, err)
	}
	return *events[0].Activity
}

func TestTheAnswersOfAFlowAreItsTextAndRating(t *testing.T) {
	stars := func(v, best float64, question string) *social.Rating {
		return &social.Rating{Value: v, Worst: 1, Best: best, Kind: social.Stars, Question: question}
	}
	for _, c := range []struct {
		response, want string
		is             social.Type
		rating         *social.Rating
	}{
		{`{"rating":"5","why":"quick","flow_token":"x"}`, "quick", social.Review, stars(5, 5, "rating")},
		{`{"flow_token":"x","nps_score":0}`, "", social.Review, &social.Rating{Value: 0, Best: 10, Kind: social.NPS, Question: "nps_score"}},
		{`{"stars":2,"nps":9}`, "", social.Review, &social.Rating{Value: 9, Best: 10, Kind: social.NPS, Question: "nps"}},
		{`{"csat":1,"ces":7}`, "", social.Review, &social.Rating{Value: 1, Worst: 1, Best: 5, Kind: social.CSAT, Question: "csat"}},
		{`{"rating":8}`, "", social.Review, stars(8, 10, "rating")},
		{`{"rating":"4/7","more":"fine"}`, "fine", social.Review, stars(4, 7, "rating")},
		{`{"rating":"88"}`, "", social.Review, nil},
		{`{"rating":"2 of them"}`, "2 of them", social.Review, nil},
		{`{"why":"quick","name":"Lou"}`, "quick\nLou", social.Message, nil},
		{`{"rating":"none of these"}`, "none of these", social.Message, nil},
		{`{"separate":"7 boxes"}`, "7 boxes", social.Message, nil},
		{`{"extension_message_response":{"params":{"flow_token":"x","size":["S","M"],"gift":false}}}`, "S, M", social.Message, nil},
		{`{"screen_1_How_was_it?_0":"2_★★★☆☆_•_Fair_(3/5)","screen_1_More_1":"keep_me as I am"}`, "keep_me as I am", social.Review, stars(3, 5, "How was it?")},
		{`{"screen_0_Rating_0":"2_★★★☆☆"}`, "", social.Review, stars(3, 5, "Rating")},
		{`{"pictures":[{"id":1}],"note":null,"blank":" "}`, "", social.Message, nil},
		{`{"flow_token":"x"}`, "", social.Message, nil},
		{`[]`, "", social.Message, nil},
		{`{"cut":"off`, "", social.Message, nil},
	} {
		quoted, _ := json.Marshal(c.response)
		a := wrote(t, `"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":`+string(quoted)+`}}`)
		if a.Text != c.want || a.Type != c.is {
			t.Errorf("%s: a %s that says %q, want a %s that says %q", c.response, a.Type, a.Text, c.is, c.want)
		}
		if diff := cmp.Diff(c.rating, a.Rating); diff != "" {
			t.Errorf("%s: the rating (-want +got):\n%s", c.response, diff)
		}
	}
}

func TestAMessageOfAnUnknownTypeIsAMessageWithoutWords(t *testing.T) {
	for _, typ := range []string{"hologram", "unsupported", "unknown", "poll", "event", "ephemeral"} {
		if a := wrote(t, fmt.Sprintf(`"type":%q,%q:{"a":1}`, typ, typ)); a.Type != social.Message || a.Text != "" || a.Intent != social.IntentUnread || a.Direction != social.Inbound {
			t.Errorf("%s: %+v", typ, a)
		}
	}
}

// A plugin's user_ref is the business's own choice, and may be none.
func TestAUserRefThatNamesNobodyIsNone(t *testing.T) {
	for ref, want := range map[string]string{`"undefined"`: "", `0`: "", `"visitor-17"`: "ref:visitor-17"} {
		body := fmt.Sprintf(`{"object":"page","entry":[{"id":"16","time":1767225680000,"messaging":[{"sender":{"user_ref":%s},"recipient":{"id":"16"},"timestamp":1767225682123,"message":{"mid":"m1","text":"Is there somebody?"}}]}]}`, ref)
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || (events[0].Parked != "") != (want == "") || want != "" && events[0].Activity.Actor.ID != want {
			t.Errorf("%s: %+v, %v", ref, events, err)
		}
	}
}
