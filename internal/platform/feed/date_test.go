package feed

import (
	"strings"
	"testing"

	"rapport/internal/social"
)

func dated(date string) string {
	return `<rss version="2.0"><channel><link>https://a.example</link><item><title>Kettles</title><guid isPermaLink="false">k-1</guid><link>https://a.example/kettles</link><pubDate>` + date + `</pubDate></item></channel></rss>`
}

// TestZonesByName: the instant is the right one, or the item is parked.
func TestZonesByName(t *testing.T) {
	for date, want := range map[string]string{
		"Tue, 03 Mar 2026 12:00:00 GMT":     "2026-03-03T12:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 UT":      "2026-03-03T12:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 EST":     "2026-03-03T17:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 PDT":     "2026-03-03T19:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 CET":     "2026-03-03T11:00:00.000Z",
		"Tue, 07 Jul 2026 12:00:00 BST":     "2026-07-07T11:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 JST":     "2026-03-03T03:00:00.000Z",
		"Tuesday, 3 March 2026 12:00:00JST": "",
		"Tue Mar  3 12:00:00 JST 2026":      "2026-03-03T03:00:00.000Z",
		"3 Mar 2026 12:00:00  KST":          "2026-03-03T03:00:00.000Z",
		"Tue, 03 Mar 2026 12:00 AEDT":       "2026-03-03T01:00:00.000Z",
		"Tue, 07 Jul 2026 12:00:00 AEST":    "2026-07-07T02:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 NZDT":    "2026-03-02T23:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 MSK":     "2026-03-03T09:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 SGT":     "2026-03-03T04:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 HKT":     "2026-03-03T04:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 WIB":     "2026-03-03T05:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 WITA":    "2026-03-03T04:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 BRT":     "2026-03-03T15:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 NST":     "2026-03-03T15:30:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 NPT":     "2026-03-03T06:15:00.000Z",
		"Tue, 03 Mar 2026 2:00:00 PM SAST":  "2026-03-03T12:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 GMT+2":   "2026-03-03T10:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 +0900":   "2026-03-03T03:00:00.000Z",
		"Tue, 03 Mar 2026 12:00:00 IST":     "", // India's, Ireland's or Israel's
		"Tue, 03 Mar 2026 12:00:00 AMT":     "",
		"Tue, 03 Mar 2026 12:00:00 XYZ":     "",
		"Tue, 03 Mar 2026 12:00:00 Tokyo":   "",
		"Mon, 2 NOV 2026":                   "2026-11-02T00:00:00.000Z",
	} {
		e := tell(t, "https://a.example/feed", dated(date))[0]
		switch {
		case want == "" && (e.Parked == "" || !strings.Contains(e.Parked, "can be read") && !strings.Contains(e.Parked, "can't be read")):
			t.Errorf("%s: %+v, want it parked", date, e)
		case want != "" && (e.Activity == nil || social.Stamp(e.Activity.Occurred) != want):
			t.Errorf("%s: %+v, want %s", date, e, want)
		}
	}
	if e := tell(t, "https://a.example/feed", dated("Tue, 03 Mar 2026 12:00:00 IST"))[0]; !strings.Contains(e.Parked, "the zone IST") || !strings.Contains(e.Parked, "+0530") {
		t.Errorf("the reason is %q", e.Parked)
	}
}

// TestACorrectedDateMakesNoOtherPost: of an item that has an id or a link. Of
// one that has neither, the date is all that tells it from one that says the same.
func TestACorrectedDateMakesNoOtherPost(t *testing.T) {
	atom := `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>tag:a.example,2026:1</id><title>x</title><published>2026-03-02T0@:00:00Z</published></entry></feed>`
	changed := strings.ReplaceAll(atom, "published>", "updated>")
	json := `{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"7","content_text":"x","date_published":"2026-03-02T0@:00:00Z"}]}`
	for what, c := range map[string]struct {
		body string
		keys int
	}{
		"a guid and a link":       {dated("Mon, 02 Mar 2026 0@:00:00 GMT"), 1},
		"a guid":                  {strings.ReplaceAll(dated("Mon, 02 Mar 2026 0@:00:00 GMT"), "<link>https://a.example/kettles</link>", ""), 1},
		"a link":                  {strings.ReplaceAll(dated("Mon, 02 Mar 2026 0@:00:00 GMT"), `<guid isPermaLink="false">k-1</guid>`, ""), 1},
		"an entry of Atom":        {atom, 1},
		"an entry only changed":   {changed, 1},
		"an item of a JSON feed":  {json, 1},
		"neither a guid nor link": {`<rss version="2.0"><channel><link>https://a.example</link><item><title>All is well</title><pubDate>Mon, 02 Mar 2026 0@:00:00 GMT</pubDate></item></channel></rss>`, 2},
	} {
		keys := map[string]bool{}
		for _, at := range []string{"8", "9"} {
			for _, e := range tell(t, "https://a.example/feed", strings.ReplaceAll(c.body, "@", at)) {
				if e.Activity == nil || e.Activity.Type != social.Post {
					t.Fatalf("%s: %+v", what, e)
				}
				keys[e.Activity.Key] = true
			}
		}
		if len(keys) != c.keys {
			t.Errorf("%s: a corrected date gives %v, want %d", what, keys, c.keys)
		}
	}
}

// TestItemsOfOneLink are as many as they have guids.
func TestItemsOfOneLink(t *testing.T) {
	item := func(guid string) string {
		return `<item><title>Kettles</title><guid isPermaLink="false">` + guid + `</guid><link>https://a.example/news</link><pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate></item>`
	}
	for _, guids := range [][2]string{{"1", "2"}, {"urn:1", "urn:2"}, {"https://a.example/1", "https://a.example/2"}} {
		e := tell(t, "https://a.example/feed", `<rss version="2.0"><channel>`+item(guids[0])+item(guids[1])+`</channel></rss>`)
		if len(e) != 2 || e[0].Activity.Key == e[1].Activity.Key || e[0].Activity.Object.ID == e[1].Activity.Object.ID {
			t.Errorf("%v: %+v", guids, e)
		}
	}
}
