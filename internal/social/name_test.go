package social_test

import (
	"testing"

	"rapport/internal/social"
)

func TestNamesAreShownByOneRule(t *testing.T) {
	for raw, want := range map[string]string{
		"Acme \u202bLtd\u202c":                         "Acme Ltd",
		"\u2066evil\u2069\u200e\u061c":                 "evil",
		"a\r\n\tb\u2028c":                              "a b c",
		"\U000e0041tag\ue000\x00":                      "tag",
		"👩\u200d🚀 क\u094d\u200dष":                      "👩\u200d🚀 क\u094d\u200dष",
		"שלום":                                         "שלום",
		"e\u0301\u0301\u0301\u0301\u0301\u0301x\u0301": "e\u0301\u0301\u0301\u0301x\u0301",
		"\xff ": "\ufffd",
	} {
		if got := social.Shown(raw); got != want {
			t.Errorf("%q is shown as %q, want %q", raw, got, want)
		}
		if again := social.Shown(social.Shown(raw)); again != social.Shown(raw) {
			t.Errorf("%q: shown twice it is %q", raw, again)
		}
	}
}
