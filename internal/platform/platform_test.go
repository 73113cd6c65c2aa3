package platform_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

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

func TestActivitiesHaveNoScriptForALinkAndNoParentThatIsTheirOwn(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	a := social.Activity{Key: social.ActivityKey("demo", "r1", social.Reply, "7", at), Platform: "demo", Scope: "r1", Type: social.Reply, Actor: social.Actor{ID: "u1"},
		Object: social.Object{ID: "7"}, InReplyTo: "7", URL: "javascript:alert(1)", Occurred: at, Direction: social.Inbound}
	e := platform.Act("said", a, nil, "r1")
	if e.Activity == nil || e.Activity.URL != "" || e.Activity.InReplyTo != "" {
		t.Errorf("got %+v", e)
	}
	a.InReplyTo, a.URL = "6", "https://example.com/7"
	if e := platform.Act("said", a, nil, "r1"); e.Activity == nil || !reflect.DeepEqual(*e.Activity, a) {
		t.Errorf("got %+v, want it as it is", e)
	}
}

func TestSecretsHaveALeastStrength(t *testing.T) {
	for key, want := range map[string]string{
		"":                       "blank",
		"0123456789abcde":        "too short",
		"0123456789abcdef":       "",
		"whsec_0123456789abcde":  "too short",
		"abcdeabcdeabcdeabcdaaa": "too few different",
		"abcdefgabcdefgabcdefg":  "again and again",
		"abcdefgabcdefgabcdefh":  "",
		"correct horse battery":  "",
		"äöüßéèäöüßéè":           "again and again",
	} {
		if err := platform.CheckKey(nil, key, platform.Options{}); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", key, err, want)
		}
	}
}
