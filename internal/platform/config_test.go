package platform_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rapport/internal/platform"
)

func TestConfigRefusesWhatItDoesNotKnow(t *testing.T) {
	type config struct {
		Bot   string                `json:"bot"`
		Inner struct{ Name string } `json:"inner"`
	}
	for raw, want := range map[string]string{
		"": "", "null": "", "{}": "", `{"bot":"7","inner":{"name":"x"}}`: "7",
		"{": "config: ", "[1]": "config: ", `"x"`: "config: ", `{"bat":"7"}`: `config: json: unknown field "bat"`, `{"inner":{"x":1}}`: "unknown field", `{"bot":7}`: "config: ",
		`{} {}`: "config: more than one value", strings.Repeat("[", 100_000): "nested deeper",
	} {
		var c config
		err := platform.Config(json.RawMessage(raw), &c)
		if err == nil && c.Bot != want || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.30s: got %q, %v; want %q", raw, c.Bot, err, want)
		}
	}
}
