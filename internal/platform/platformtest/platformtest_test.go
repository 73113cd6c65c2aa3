package platformtest_test

import (
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/platformtest/demo"
)

var suite = platformtest.Suite{
	Adapter: demo.Adapter{}, Secret: "demo-secret", Other: "another's", Window: 5 * time.Minute, Fleeting: []string{"/delivery"}, Dir: "demo/testdata",
	Handshakes: []platformtest.Handshake{
		{Name: "a challenge", Request: get("challenge=c%2B1&token=tok-1"), Secrets: verifyToken, Want: &platform.Answer{Status: 200, ContentType: "text/plain", Body: []byte("c+1")}},
		{Name: "a challenge with another's token", Request: get("challenge=c&token=tok-2"), Secrets: verifyToken, Refused: true},
		{Name: "a GET without a challenge", Request: get("token=tok-1"), Secrets: verifyToken, Refused: true},
	},
}

var verifyToken = platform.Secrets{Keys: []string{"demo-secret"}, VerifyToken: "tok-1"}

func get(query string) platform.Request {
	return platform.Request{Method: http.MethodGet, Query: query}
}

// TestDemoPlatform is all that a new platform's test has to say.
func TestDemoPlatform(t *testing.T) { platformtest.Run(t, suite) }

func FuzzDemoPlatform(f *testing.F) { platformtest.Fuzz(f, suite) }

// The demo stands in a folder and in no list: that is found out.
func TestForgottenLineIsFound(t *testing.T) {
	root := os.DirFS(".")
	for name, c := range map[string]struct {
		listed []platform.Adapter
		want   []string
	}{
		"forgotten": {nil, []string{"demo"}},
		"listed":    {[]platform.Adapter{demo.Adapter{}}, nil},
	} {
		got, err := platformtest.Unlisted(root, c.listed)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
}
