package platformtest_test

import (
	"testing"

	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/platformtest/demo"
)

var suite = platformtest.Suite{Adapter: demo.Adapter{}, Secret: "demo-secret", Other: "another's", Dir: "demo/testdata"}

// TestDemoPlatform is all that a new platform's test has to say.
func TestDemoPlatform(t *testing.T) { platformtest.Run(t, suite) }

func FuzzDemoPlatform(f *testing.F) { platformtest.Fuzz(f, suite) }
