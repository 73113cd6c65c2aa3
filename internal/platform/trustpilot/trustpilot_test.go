package trustpilot_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/trustpilot"
)

var (
	adapter   trustpilot.Adapter
	suite     = platformtest.Suite{Adapter: adapter, Secret: "0123456789abcdef", Other: "another's", TokenOnly: true}
	withBasic = platformtest.Suite{Adapter: adapter, Secret: "0123456789abcdef", Other: "another's", TokenOnly: true, Config: json.RawMessage(`{"basic_user":"trustpilot"}`)}
)

func TestTrustpilot(t *testing.T) { platformtest.Run(t, suite) }

func TestTrustpilotWithBasicAuthentication(t *testing.T) { platformtest.Run(t, withBasic) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The path that Rapport shows for a scope is the one that verifies, for that
// scope and no other.
func TestPathIsOfOneBusinessUnit(t *testing.T) {
	path, query, _ := strings.Cut(adapter.Path("unit 1&x", "key"), "?")
	s := platform.Secrets{Keys: []string{"key"}}
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Path: path, Query: query}
	if err := adapter.Verify(r, s, platform.Options{}, time.Time{}); err != nil {
		t.Error(err)
	}
	for _, q := range []string{"", "unit=other", "unit=", query + "1"} {
		r.Query = q
		if adapter.Verify(r, s, platform.Options{}, time.Time{}) == nil {
			t.Errorf("it holds with the query %q", q)
		}
	}
}

func TestLocationsShareTheHookOfTheirUnit(t *testing.T) {
	if one, unit := adapter.Path("u1/l1", "key"), adapter.Path("u1", "key"); one != unit {
		t.Errorf("%s and %s", one, unit)
	}
}

func TestCheckConfig(t *testing.T) {
	for doc, ok := range map[string]bool{``: true, `null`: true, `{}`: true, `{"basic_user":"a"}`: true, `{"basic_user":"a:b"}`: false, `{"user":"a"}`: false, `{`: false, `1`: false} {
		if err := adapter.CheckConfig(json.RawMessage(doc)); (err == nil) != ok {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func TestMadeKeyIsHex(t *testing.T) {
	if got := adapter.MakeKey([]byte{0, 0xff}); got != "00ff" {
		t.Errorf("got %q", got)
	}
}
