package slack_test

import (
	"encoding/json"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/slack"
)

func TestWrapReadsAnEventThatStandsAlone(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"message","channel":"C1","user":"U1","text":"hello","ts":"1767225600.000100","user_team":"T1"}`:                                     "slack|C1|post|1767225600.000100|2026-01-01T00:00:00.000Z",
		`{"type":"message","channel":"C1","user":"U1","text":"hello","ts":"1767225600.000100","source_team":"T2","user_team":"T1"}`:                  "slack|C1|post|1767225600.000100|2026-01-01T00:00:00.000Z",
		`{"type":"reaction_added","user":"U1","reaction":"eyes","item":{"type":"message","channel":"C1","ts":"1.1"},"event_ts":"1767225600.000100"}`: "slack|C1|react|U1%7C1.1%7Ceyes|2026-01-01T00:00:00.000Z",
	} {
		wrapped, _, ok := slack.Wrap([]byte(body))
		if !ok {
			t.Errorf("%s: not wrapped", body)
			continue
		}
		events, err := slack.Adapter{}.Normalise(platform.Request{Body: wrapped}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil || events[0].Activity.Key != want {
			b, _ := json.Marshal(events)
			t.Errorf("%s: got %v %s, want the key %s", body, err, b, want)
		}
	}
}

func TestWrapNamesTheTeam(t *testing.T) {
	for body, want := range map[string]string{
		`{"type":"message"}`:                                                     "T00000000",
		`{"type":"member_joined_channel","team":"T3"}`:                           "T3",
		`{"type":"message","team":"T3","user_team":"T2"}`:                        "T2",
		`{"type":"message","team":"T3","user_team":"T2","source_team":"T1"}`:     "T1",
		`{"type":"message","team":{"id":"T3"},"text":"the team is no text"}`:     "",
		`{"type":"event_callback","team_id":"T1","event":{"type":"message"}}`:    "",
		`{"type":"event_callback","event":{"type":"message"}}`:                   "",
		`{"type":"url_verification","challenge":"c"}`:                            "",
		`{"type":"app_rate_limited","token":"t","minute_rate_limited":17672256}`: "",
		`{"type":"something","api_app_id":"A1"}`:                                 "",
		`{"channel":"C1"}`:                                                       "",
		`payload=%7B%7D`:                                                         "",
	} {
		if _, team, ok := slack.Wrap([]byte(body)); team != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t; want %q", body, team, ok, want)
		}
	}
}
