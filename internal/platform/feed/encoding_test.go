package feed

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/htmlindex"

	"rapport/internal/platform"
)

// read normalises a feed that came with a Content-Type.
func read(t *testing.T, contentType string, body []byte) ([]platform.Event, error) {
	t.Helper()
	r := platform.Request{Method: http.MethodGet, URL: "https://a.example/feed", Header: http.Header{"Content-Type": {contentType}}, Body: body}
	if _, _, err := (Adapter{}).Next(r, ""); err != nil {
		return nil, err
	}
	return Adapter{}.Normalise(r, platform.Options{})
}

func saying(declaration, text string) string {
	return declaration + `<rss version="2.0"><channel><item><title>` + text + `</title><guid>urn:1</guid><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item>` +
		`<item><title>Another</title><guid>urn:2</guid><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`
}

func TestNamedEncodings(t *testing.T) {
	for _, c := range []struct{ in, declared, contentType, text string }{
		{"iso-8859-1", "ISO-8859-1", "application/rss+xml", "Kännchen à 5 £"},
		{"iso-8859-1", "latin1", "", "Kännchen"},
		{"windows-1252", "windows-1252", "", "“Kettle” – 5 €"},
		{"windows-1252", "", "text/xml; charset=windows-1252", "“Kettle” – 5 €"},
		{"windows-1252", "utf-8", "text/xml; charset=windows-1252", "“Kettle”"},
		{"windows-1251", "utf-8", "text/xml; charset=Windows-1251", "Чайник"},
		{"windows-1251", "windows-1251", "text/xml; charset=utf-8", "Чайник"}, // a server's setting for all its files
		{"koi8-r", "koi8-r", "", "Чайник"},
		{"shift_jis", "Shift_JIS", "", "やかん"},
		{"shift_jis", "", "application/xml; charset=\"Shift_JIS\"", "やかん"},
		{"euc-jp", "EUC-JP", "", "やかん"},
		{"iso-2022-jp", "ISO-2022-JP", "", "やかん"},
		{"gbk", "GB2312", "", "水壶"},
		{"big5", "Big5", "", "水壺"},
		{"euc-kr", "EUC-KR", "", "주전자"},
		{"utf-16le", "UTF-16", "", "Kessel 茶"}, // without a byte order mark
		{"utf-16be", "", "", "Kessel 茶"},
		{"utf-8", "UTF-8", "", "Kessel 茶 🫖"},
		{"utf-8", "ISO-8859-1", "application/xml; charset=utf-8", "Kännchen 茶"},
		{"utf-8", "UTF-8", "text/xml; charset=ISO-8859-1", "Kännchen 茶"},
		{"utf-8", "", "text/xml; charset=ISO-8859-1", "Kännchen 茶"},
		{"utf-8", "UTF-16", "", "Kännchen 茶"},
		{"utf-8", "x-made-up", "", "Kännchen 茶"},
	} {
		declaration := ""
		if c.declared != "" {
			declaration = `<?xml version="1.0" encoding="` + c.declared + `"?>`
		}
		e, err := htmlindex.Get(c.in)
		if err != nil {
			t.Fatal(err)
		}
		body, err := e.NewEncoder().Bytes([]byte(saying(declaration, c.text)))
		if err != nil {
			t.Fatal(err)
		}
		events, err := read(t, c.contentType, body)
		if err != nil || len(events) != 2 || events[0].Activity == nil || events[0].Activity.Text != c.text {
			t.Errorf("%s, declared %q, sent as %q: %+v, %v; want %s", c.in, c.declared, c.contentType, events, err, c.text)
		}
	}
	for _, body := range []string{saying("", "Kännchen"), `{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"urn:1","content_text":"Kännchen","date_published":"2026-03-02T08:00:00Z"}]}`} {
		if e, err := read(t, "", []byte("\xef\xbb\xbf"+body)); err != nil || e[0].Activity == nil || e[0].Activity.Text != "Kännchen" {
			t.Errorf("behind a byte order mark: %+v, %v", e, err)
		}
	}
	if _, err := read(t, "", []byte(saying(`<?xml version="1.0" encoding="x-made-up"?>`, "K\xe4nnchen"))); err == nil || !strings.Contains(err.Error(), `"x-made-up"`) {
		t.Errorf("an encoding that nobody knows: %v", err)
	}
}

// TestBytesThatAreNone stand as U+FFFD, and what XML forbids is left out: the
// other items are read.
func TestBytesThatAreNone(t *testing.T) {
	for bad, want := range map[string]string{
		"a \xff b": "a \ufffd b", "a \xc3 b": "a \ufffd b", "a \xed\xa0\x80 b": "a \ufffd b", "cut \xe2\x82": "cut \ufffd",
		"a\ufffeb": "ab", "a\x0bb": "ab", "K\xe4nnchen": "K\ufffdnnchen",
	} {
		for _, declaration := range []string{"", `<?xml version="1.0" encoding="UTF-8"?>`, "\xef\xbb\xbf"} {
			e, err := read(t, "application/rss+xml; charset=utf-8", []byte(saying(declaration, bad)))
			if err != nil || len(e) != 2 || e[0].Activity == nil || e[0].Activity.Text != want || e[1].Activity == nil {
				t.Errorf("%q after %q: %+v, %v", bad, declaration, e, err)
			}
		}
	}
	e, err := read(t, "", bytes.ReplaceAll([]byte(`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"urn:1","content_text":"a ? b","date_published":"2026-03-02T08:00:00Z"}]}`), []byte("?"), []byte{0xff}))
	if err != nil || e[0].Activity == nil || e[0].Activity.Text != "a \ufffd b" {
		t.Errorf("in a JSON feed: %+v, %v", e, err)
	}
}
