package feed_test

import (
	"fmt"
	"net/http"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/feed"
	"rapport/internal/social"
)

func TestAnAuthorWhoIsNobodyIsNoPerson(t *testing.T) {
	for author, want := range map[string]string{"Anonymous": social.Unknown, "guest": social.Unknown, "Lou": "Lou"} {
		body := fmt.Sprintf(`<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Kettles</title><link>https://kettles.example/</link><item><title>It rattles</title><link>https://kettles.example/1</link><dc:creator>%s</dc:creator><pubDate>Mon, 02 Mar 2026 09:00:00 GMT</pubDate></item></channel></rss>`, author)
		events, err := feed.Adapter{}.Normalise(platform.Request{Method: http.MethodGet, URL: "https://kettles.example/feed", Header: http.Header{}, Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil || events[0].Activity.Actor.ID != want {
			t.Errorf("%s: %+v, %v, want %s", author, events, err, want)
		}
	}
}
