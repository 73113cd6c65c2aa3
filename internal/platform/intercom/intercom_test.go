package intercom_test

import (
	"net/http"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/intercom"
	"rapport/internal/platform/platformtest"
)

var suite = platformtest.Suite{Adapter: intercom.Adapter{}, Fleeting: []string{"/id", "/delivery_attempts", "/first_sent_at"}, Secret: "client-secret", Other: "another's", Handshakes: []platformtest.Handshake{
	{Name: "the test of the URL", Request: platform.Request{Method: http.MethodHead}, Secrets: platform.Secrets{Keys: []string{"client-secret"}}, Want: &platform.Answer{Status: http.StatusOK}},
	{Name: "the test of the URL before there is a secret", Request: platform.Request{Method: http.MethodHead}, Refused: true},
	{Name: "a GET", Request: platform.Request{Method: http.MethodGet, Query: "challenge=1"}, Secrets: platform.Secrets{Keys: []string{"client-secret"}}},
}}

func TestIntercom(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The key and data of RFC 2202, section 3, test 2: https://www.rfc-editor.org/rfc/rfc2202
func TestSignatureIsHMACSHA1InHex(t *testing.T) {
	r := platform.Request{Header: http.Header{}, Body: []byte("what do ya want for nothing?")}
	for header, holds := range map[string]bool{
		"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79":   true,
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79":        false,
		"sha1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79":   false,
		"sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79": false,
	} {
		r.Header.Set("X-Hub-Signature", header)
		if err := (intercom.Adapter{}).Verify(r, platform.Secrets{Keys: []string{"Jefe"}}, platform.Options{}, time.Unix(0, 0)); (err == nil) != holds {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// A part of a ticket comes under two topics: it is one fact.
func TestReplyInATicketIsTheSameAsInItsConversation(t *testing.T) {
	reply := `{"type":"comment","id":"9","part_type":"comment","body":"<p>Any news?</p>","created_at":1772600690,"author":{"type":"user","id":"c1"}}`
	var keys []string
	for _, body := range []string{
		`{"app_id":"a","topic":"ticket.contact.replied","data":{"item":{"type":"ticket_ticket_part","ticket":{"id":"21"},"ticket_part":` + reply + `}}}`,
		`{"app_id":"a","topic":"conversation.user.replied","data":{"item":{"type":"conversation","id":"21","conversation_parts":{"conversation_parts":[` + reply + `]}}}}`,
	} {
		events, err := (intercom.Adapter{}).Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%+v, %v", events, err)
		}
		a := *events[0].Activity
		keys = append(keys, a.Key)
		if a.InReplyTo != "conversation:21" || a.Conversation != "21" || a.URL != "https://app.intercom.com/a/apps/a/conversations/21" {
			t.Errorf("%+v", a)
		}
	}
	if keys[0] != keys[1] {
		t.Errorf("two keys: %q", keys)
	}
}
