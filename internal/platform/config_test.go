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

func TestLinkIsWhatABrowserOpens(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://example.com/a?b#c": true, "http://example.com": true, "HTTPS://example.com": true,
		"": false, "x": false, "/a": false, "//example.com/a": false, "javascript:alert(1)": false, "data:text/html,x": false, "https:": false, "https:///a": false, "ftp://example.com": false, "https://%zz": false,
	} {
		if got := platform.Link(raw); got != raw && got != "" || (got == raw && raw != "") != ok {
			t.Errorf("%q: got %q, want it kept: %v", raw, got, ok)
		}
	}
}

func TestKindOfSomethingUnknownIsCutBetweenCharacters(t *testing.T) {
	if got := platform.Ignore(strings.Repeat("x", 79)+"ä", "why").Kind; got != strings.Repeat("x", 79) {
		t.Errorf("got %q", got)
	}
}
