package slack

import (
	"cmp"
	"encoding/json"

	"rapport/internal/platform"
)

// unnamed stands for the team of an event that names none.
const unnamed = "T00000000"

// Wrap puts an event that stands alone, as Slack's reference pages show them,
// into the envelope in which Slack sends it, and says as of which team. It
// reports false for what has its envelope, or is no event.
func Wrap(body []byte) (wrapped []byte, team string, ok bool) {
	var v struct {
		Type       string          `json:"type"`
		Token      json.RawMessage `json:"token"`
		TeamID     json.RawMessage `json:"team_id"`
		App        json.RawMessage `json:"api_app_id"`
		Event      json.RawMessage `json:"event"`
		Challenge  json.RawMessage `json:"challenge"`
		SourceTeam platform.ID     `json:"source_team"`
		UserTeam   platform.ID     `json:"user_team"`
		Team       platform.ID     `json:"team"`
	}
	if platform.Decode(body, &v) != nil || v.Type == "" || v.Token != nil || v.TeamID != nil || v.App != nil || v.Event != nil || v.Challenge != nil {
		return nil, "", false
	}
	team = cmp.Or(string(v.SourceTeam), string(v.UserTeam), string(v.Team), unnamed)
	wrapped, err := json.Marshal(map[string]any{"type": "event_callback", "team_id": team, "event": json.RawMessage(body)})
	return wrapped, team, err == nil
}
