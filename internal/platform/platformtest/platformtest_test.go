package platformtest_test

import (
	"os"
	"slices"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/platformtest/demo"
)

var suite = platformtest.Suite{Adapter: demo.Adapter{}, Secret: "demo-secret", Other: "another's", Dir: "demo/testdata"}

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
