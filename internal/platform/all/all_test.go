package all_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/platform/all"
	"rapport/internal/platform/platformtest"
)

func TestNoPlatformIsForgotten(t *testing.T) {
	missing, err := platformtest.Unlisted(os.DirFS(".."), all.Adapters())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range missing {
		t.Errorf("internal/platform/%s has an adapter, but no line in all.go", name)
	}
}

func TestEachPlatformHasItsPageAndItsSuite(t *testing.T) {
	var names []string
	for _, a := range all.Adapters() {
		name := string(a.Platform())
		names = append(names, name)
		page, err := os.ReadFile("../../../docs/platforms/" + name + ".md")
		if err != nil || !strings.HasPrefix(string(page), "# ") {
			t.Errorf("%s has no page for operators: %v", name, err)
		}
		test, err := os.ReadFile("../" + name + "/" + name + "_test.go")
		if err != nil || !strings.Contains(string(test), "platformtest.Run(") || !strings.Contains(string(test), "platformtest.Fuzz(") {
			t.Errorf("%s does not run the suite and its fuzzing: %v", name, err)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(all.Adapters()) {
		t.Errorf("the list is not in the order of names, or has one twice: %v", names)
	}
}

func TestFind(t *testing.T) {
	for _, a := range all.Adapters() {
		if got, err := all.Find(a.Platform()); err != nil || got != a {
			t.Errorf("%s: got %v, %v", a.Platform(), got, err)
		}
	}
	if _, err := all.Find("myspace"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "meta, ") {
		t.Errorf("got %v, want the names of those there are", err)
	}
}
