package feed

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

var suite = platformtest.Suite{ByEvents: true, Adapter: Adapter{}, Scopes: []string{"https://kettles.example/feed"}, Secret: "secret", Other: "other"}

func TestAdapter(t *testing.T)   { platformtest.Run(t, suite) }
func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// tell normalises a feed that was fetched from url.
func tell(t *testing.T, url, body string) []platform.Event {
	t.Helper()
	events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodGet, URL: url, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// TestOneItemInSeveralFeeds: the same post in a site's RSS, in its JSON Feed
// and in another site's collection is one activity of one author.
func TestOneItemInSeveralFeeds(t *testing.T) {
	rss := func(home, link string) string {
		return `<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><link>` + home + `</link><item><title>Kettles</title><link>` + link + `</link>
			<dc:creator>Ann</dc:creator><pubDate>Mon, 02 Mar 2026 09:30:00 +0100</pubDate><guid isPermaLink="false">https://blog.example/?p=1</guid></item></channel></rss>`
	}
	want := tell(t, "https://blog.example/feed", rss("https://blog.example", "https://blog.example/kettles"))[0].Activity
	for url, body := range map[string]string{
		"https://blog.example/category/tea/feed": rss("https://blog.example/category/tea", "https://blog.example/kettles"),
		"https://planet.example/feed":            rss("https://planet.example", "https://blog.example/kettles?utm_source=planet"),
		"https://blog.example/feed.json": `{"version":"https://jsonfeed.org/version/1","home_page_url":"https://blog.example","items":[{"id":"https://blog.example/?p=1",
			"url":"https://blog.example/kettles","title":"Kettles","date_published":"2026-03-02T08:30:00Z","author":{"name":"Ann","url":"https://blog.example/ann"}}]}`,
	} {
		e := tell(t, url, body)[0]
		if diff := cmp.Diff(want, e.Activity); diff != "" || e.Scopes[0] != url {
			t.Errorf("%s, routed to %v (-first feed +this one):\n%s", url, e.Scopes, diff)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		what     string
		a, b     item
		homes    [2]string
		distinct bool
	}{
		{"one number at two sites", item{id: "5"}, item{id: "5"}, [2]string{"a.example", "b.example"}, true},
		{"one number on two pages", item{id: "5", link: "https://a.example/posts"}, item{id: "5", link: "https://a.example/comments"}, [2]string{"a.example", "a.example"}, true},
		{"two numbers on one page", item{id: "5", link: "https://a.example/"}, item{id: "6", link: "https://a.example/"}, [2]string{"a.example", "a.example"}, true},
		{"a page found by two feeds", item{link: "https://a.example/p?utm_source=x&id=1"}, item{link: "https://a.example/p?id=1&utm_medium=rss"}, [2]string{"a.example", "b.example"}, false},
		{"two comments of a page", item{link: "https://a.example/p#comment-1"}, item{link: "https://a.example/p#comment-2"}, [2]string{"a.example", "a.example"}, true},
		{"one URI, the page has moved", item{id: "tag:a.example,2026:1", link: "https://a.example/old"}, item{id: "tag:a.example,2026:1", link: "https://a.example/new"}, [2]string{"a.example", "a.example"}, false},
		{"two texts without id and link", item{text: "x"}, item{text: "y"}, [2]string{"a.example", "a.example"}, true},
	} {
		a, _ := c.a.identity(c.homes[0])
		b, _ := c.b.identity(c.homes[1])
		if (a != b) != c.distinct || a == "" {
			t.Errorf("%s: %q and %q", c.what, a, b)
		}
	}
}

func TestEveryChangeIsAnEditOfItsOwn(t *testing.T) {
	keys := map[string]bool{}
	for _, at := range []string{"2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"} {
		for _, e := range tell(t, "https://a.example/feed", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>tag:a.example,2026:1</id><title>x</title><published>2026-03-02T08:00:00Z</published><updated>`+at+`</updated></entry></feed>`) {
			keys[e.Activity.Key] = true
		}
	}
	if len(keys) != 3 {
		t.Errorf("a post changed twice has the keys %v", keys)
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ title, text, want string }{
		{"Kettles", "", "Kettles"},
		{"", "A text", "A text"},
		{"Kettles", "A text", "Kettles\nA text"},
		{"I like the kettle…", "I like the kettle of Larkspoon.", "I like the kettle of Larkspoon."},
		{"I like the ...", "I like\nthe kettle", "I like\nthe kettle"},
	} {
		if got := (item{title: c.title, text: c.text}).words(); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.title, c.text, got, c.want)
		}
	}
}

func TestWhatIsNoFeedIsAnError(t *testing.T) {
	for _, body := range []string{"", "<html><body>Log in</body></html>", `{"error":"gone"}`, `{"version":"2"}`, "moved", `<?xml version="1.0"?><opml/>`} {
		if _, _, err := (Adapter{}).Next(platform.Request{Body: []byte(body)}, "c"); err == nil {
			t.Errorf("%q is taken for a feed", body)
		}
	}
	if next, more, err := (Adapter{}).Next(platform.Request{Body: []byte("\xef\xbb\xbf <rss version='2.0'><channel/></rss>")}, "c"); err != nil || more || next != "c" {
		t.Errorf("%q, %v, %v", next, more, err)
	}
}

// TestNestingIsBounded: the parser calls itself for each level, and a stack
// that overflows ends the process. Control characters, which the parser takes
// away, must hide nothing.
func TestNestingIsBounded(t *testing.T) {
	open := strings.Repeat("<x:a>", 400_000)
	spellings := 0
	for what, body := range map[string]string{
		"an item":      `<rss version="2.0"><channel><item>` + open,
		"a feed":       `<feed xmlns="http://www.w3.org/2005/Atom">` + open,
		"in disguise":  `<rss version="2.0"><channel><item><` + "\x01!-- " + strings.ReplaceAll(open, "<", "--><"),
		"in Latin-1":   `<?xml version="1.0" encoding="ISO-8859-1"?><rss version="2.0"><channel><item>` + open,
		"behind a DTD": `<!DOCTYPE rss [ <!ENTITY a ">"> '<!--' ]><rss version="2.0"><channel><item>` + open,
	} {
		spellings++
		if _, err := parse(platform.Request{Body: []byte(body)}); err == nil || !strings.Contains(err.Error(), "nest deeper") {
			t.Errorf("%s: 400000 elements in each other are read: %v", what, err)
		}
	}
	deep := strings.Repeat("<b>", maxDepth-3) + strings.Repeat("</b>", maxDepth-3)
	if _, err := parse(platform.Request{Body: []byte(`<rss version="2.0"><channel><item>` + deep + `</item></channel></rss>`)}); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
	drill.Show(t, "400,000 elements in each other refused in %d spellings", spellings)
}

// Entities that a document makes up are not expanded, and nothing is fetched for it.
func TestEntitiesAreNotExpanded(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString(`<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "ha">`)
	for i := range 30 {
		fmt.Fprintf(&laughs, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	item := `]><rss version="2.0"><channel><item><guid>urn:1</guid><title>%s</title><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`
	bombs := map[string]string{
		"a billion laughs":  laughs.String() + fmt.Sprintf(item, "&a30;"),
		"quadratic":         `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "` + strings.Repeat("x", 50_000) + `">` + fmt.Sprintf(item, strings.Repeat("&a;", 20_000)),
		"a file":            `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">` + fmt.Sprintf(item, "&a;"),
		"an inner address":  `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a SYSTEM "http://169.254.169.254/">` + fmt.Sprintf(item, "&a;"),
		"a parameter of it": `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;` + fmt.Sprintf(item, "x"),
	}
	for name, body := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		events, err := Adapter{}.Normalise(platform.Request{Method: "GET", URL: "https://a.example/feed", Header: http.Header{}, Body: []byte(body)}, platform.Options{})
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 { // what is expanded is allocated
			t.Errorf("%s takes %d MB", name, used>>20)
		}
		for _, e := range events {
			if e.Activity != nil && (strings.Contains(e.Activity.Text, "hahaha") || strings.Contains(e.Activity.Text, "xxxx") || strings.Contains(e.Activity.Text, "root:")) {
				t.Errorf("%s is expanded: %.100q, %v", name, e.Activity.Text, err)
			}
		}
	}
	drill.Show(t, "%d documents with entities of their own: none expanded, none fetched", len(bombs))
}

func TestEncodings(t *testing.T) {
	e := tell(t, "https://a.example/feed", `<?xml version="1.0" encoding="ISO-8859-1"?><rss version="2.0"><channel><item><guid>urn:1</guid><title>Kessel f`+"\xfc"+`r Tee `+"\x0b"+`</title><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`)
	if a := e[0].Activity; a == nil || a.Text != "Kessel für Tee" || !a.Occurred.Equal(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %+v", e[0], a)
	}
	for _, order := range []interface {
		binary.AppendByteOrder
		fmt.Stringer
	}{binary.LittleEndian, binary.BigEndian} {
		var body []byte
		for _, u := range utf16.Encode([]rune("\ufeff<?xml version=\"1.0\" encoding=\"utf-16\"?>\n<rss version=\"2.0\"><channel><item><guid>urn:1</guid><title>Kessel für 茶 🫖</title><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>")) {
			body = order.AppendUint16(body, u)
		}
		if e := tell(t, "https://a.example/feed", string(body)); e[0].Activity == nil || e[0].Activity.Text != "Kessel für 茶 🫖" {
			t.Errorf("UTF-16, %s: %+v", order, e[0])
		}
	}
}

func TestScopes(t *testing.T) {
	for scope, ok := range map[string]bool{
		"https://kettles.example/feed": true, "http://kettles.example/?feed=rss2": true, "http://127.0.0.1:8080/feed": true,
		"": false, "kettles.example/feed": false, "ftp://kettles.example/feed": false, "https:///feed": false, "https://ann:pw@kettles.example/": false,
		"https://kettles.example/a b": false, "https://kettles.example/#x": false, "https://kettles.example/" + strings.Repeat("x", 1000): false,
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%.60s: %v", scope, err)
		}
	}
}

func TestPollAsksForTheScope(t *testing.T) {
	const scope = "https://kettles.example/feed?x=1"
	f, err := Adapter{}.Poll(scope, "", platform.Secrets{Token: "hunter2"}, platform.Options{})
	if err != nil || f.URL != scope || f.Method != "GET" || !(Adapter{}).Polls(scope) || strings.Contains(fmt.Sprint(f), "hunter2") {
		t.Errorf("%+v, %v", f, err)
	}
	e := tell(t, f.URL, string(Adapter{}.Sample(scope, "1", time.Now()).Body))
	if e[0].Scopes[0] != scope || e[0].Activity.Type != social.Post {
		t.Errorf("%+v", e[0])
	}
}

// TestAuthorsOfRSS: elements that shall hold an address or a name hold all
// manner of things, and an item must not become the site's for it.
func TestAuthorsOfRSS(t *testing.T) {
	for credit, want := range map[string]string{
		`<dc:creator><![CDATA[@sam Sam Rivers]]></dc:creator>`:         "@sam Sam Rivers", // Discourse
		`<dc:creator>@sam</dc:creator>`:                                "@sam",
		"<dc:creator>Dr Sam\n Rivers (they/them)</dc:creator>":         "Dr Sam Rivers (they/them)",
		`<author>Sam (@sam)</author>`:                                  "Sam (@sam)",
		`<author>sam@rivers.example (Sam)</author>`:                    "Sam",
		`<author>sam@rivers.example</author>`:                          "sam@rivers.example",
		`<dc:creator>Sam &lt;sam@rivers.example&gt;</dc:creator>`:      "Sam",
		`<author> </author><dc:creator>Sam</dc:creator>`:               "Sam",
		`<itunes:author>@sam</itunes:author>`:                          "@sam",
		`<atom:author><atom:name>Sam</atom:name></atom:author>`:        "Sam",
		`<dc:creator></dc:creator><dc:publisher>Sam</dc:publisher>`:    "kettles.example",
		`<dc:creator>@sam</dc:creator><dc:creator>@ann</dc:creator>`:   "@sam",
		`<author>@sam</author><itunes:author>The team</itunes:author>`: "@sam",
	} {
		e := tell(t, "https://kettles.example/feed", `<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom"><channel><link>https://kettles.example</link>
			<item><title>Another</title><guid>urn:1</guid><dc:creator>Someone else</dc:creator><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item>
			<item><title>Kettles</title><guid>urn:2</guid>`+credit+`<pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`)
		if a := e[1].Activity; a == nil || a.Actor.ID != want {
			t.Errorf("%s: %+v, want %q", credit, a, want)
		}
	}
}

// TestCommentsOfWordPress: they reply to what has the id by which its own feed
// knows it, in whatever format and language.
func TestCommentsOfWordPress(t *testing.T) {
	const post, page = "https://blog.example/?p=12", "https://blog.example/2026/03/kettles/"
	rss := func(id, link, text string) string {
		return `<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><link>https://blog.example</link><item><title>By: Bo</title><link>` + link + `</link>
			<pubDate>Mon, 02 Mar 2026 09:30:00 +0100</pubDate><guid isPermaLink="false">` + id + `</guid><description>x</description><content:encoded><![CDATA[` + text + `]]></content:encoded></item></channel></rss>`
	}
	const toAnother = `<p>Als Antwort auf <a href="` + page + `comment-page-1/#comment-6">Ann</a>.</p>`
	for name, c := range map[string]struct{ body, parent, text string }{
		"on the post":                      {rss(post+"#comment-7", page+"#comment-7", "<p>Mine rattles.</p>"), post, "Mine rattles."},
		"on its second page":               {rss("7", page+"comment-page-2/#comment-7", "<p>Mine rattles.</p>"), page, "Mine rattles."},
		"an answer":                        {rss(post+"#comment-7", page+"comment-page-2/#comment-7", toAnother+"\n<p>Mine rattles.</p>"), post + "#comment-6", "Mine rattles."},
		"an answer, without id":            {rss("7", page+"#comment-7", toAnother+"<p>Mine rattles.</p>"), page + "#comment-6", "Mine rattles."},
		"a link of its own":                {rss(post+"#comment-7", page+"#comment-7", `<p>See <a href="https://other.example/#comment-6">this</a>.</p><p>Mine rattles.</p>`), post, "See this.\nMine rattles."},
		"a longer line":                    {rss(post+"#comment-7", page+"#comment-7", `<p>See <a href="`+page+`#comment-6">Ann</a>, who has said the same of hers, and more than once.</p>`), post, "See Ann, who has said the same of hers, and more than once."},
		"with links of the site alone":     {rss(post+"#comment-7", "/2026/03/kettles/#comment-7", toAnother+"<p>Mine rattles.</p>"), post + "#comment-6", "Mine rattles."},
		"with such links in its text, too": {rss(post+"#comment-7", "/2026/03/kettles/#comment-7", `<p>In reply to <a href="/2026/03/kettles/#comment-6">Ann</a>.</p><p>Mine rattles.</p>`), post + "#comment-6", "Mine rattles."},
		"with plain links":                 {rss("7", post+"&#038;cpage=2#comment-7", `<p>In reply to <a href="`+post+`&#038;cpage=1#comment-6">Ann</a>.</p><p>Mine rattles.</p>`), post + "#comment-6", "Mine rattles."},
		"an answer, in JSON": {`{"version":"https://jsonfeed.org/version/1.1","home_page_url":"https://blog.example","items":[{"id":"` + post + `#comment-7","url":"` + page + `#comment-7","title":"By: Bo",
			"date_published":"2026-03-02T08:30:00Z","content_html":"` + strings.ReplaceAll(toAnother, `"`, `\"`) + `<p>Mine rattles.</p>"}]}`, post + "#comment-6", "Mine rattles."},
		"a page that has a policy": {rss(page+"#comment-policy", page+"#comment-policy", "<p>Be kind.</p>"), "", "By: Bo\nBe kind."},
		"a section of a page":      {rss("7", page+"#comment-7-and-more", "<p>Be kind.</p>"), "", "By: Bo\nBe kind."},
		"no comment":               {rss(post, page, toAnother), "", "By: Bo\nAls Antwort auf Ann."},
		"an answer, in Atom": {`<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0"><entry><title>By: Bo</title><link rel="alternate" href="` + page + `#comment-7"/><id>` + post + `#comment-7</id>
			<updated>2026-03-02T08:30:00Z</updated><content type="html"><![CDATA[` + toAnother + `<p>Mine rattles.</p>]]></content><thr:in-reply-to ref="` + post + `#comment-6"/></entry></feed>`, post + "#comment-6", "Mine rattles."},
	} {
		if a := tell(t, "https://blog.example/comments/feed/", c.body)[0].Activity; a == nil || a.InReplyTo != c.parent || a.Text != c.text {
			t.Errorf("%s: %+v, want a reply to %q: %q", name, a, c.parent, c.text)
		}
	}
}

// TestLinks of items of RSS, which need not be there, nor whole.
func TestLinks(t *testing.T) {
	for item, want := range map[string][2]string{ // id and URL
		`<guid>https://blog.example/1</guid>`:                             {"https://blog.example/1", "https://blog.example/1"},
		`<guid isPermaLink="false">https://blog.example/1</guid>`:         {"https://blog.example/1", ""},
		`<guid isPermaLink="false">/1</guid><link>/1</link>`:              {"https://blog.example/1|/1", "https://blog.example/1"},
		`<link>kettles?a=1&amp;utm_source=rss</link>`:                     {"https://blog.example/tea/kettles?a=1", "https://blog.example/tea/kettles?a=1"},
		`<link>//cdn.example/1</link>`:                                    {"https://cdn.example/1", "https://cdn.example/1"},
		`<guid isPermaLink="False">urn:1</guid><link>mailto:a@b.c</link>`: {"urn:1", ""},
	} {
		a := tell(t, "https://feeds.example/blog", `<rss version="2.0"><channel><link>https://blog.example/tea/</link><item><title>Kettles</title>`+item+`<pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`)[0].Activity
		if a == nil || a.Object.ID != want[0] || a.URL != want[1] {
			t.Errorf("%s: %+v, want %q", item, a, want)
		}
	}
	a := tell(t, "https://feeds.example/blog", `<rss version="2.0"><channel><item><title>Kettles</title><link>/1</link><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate></item></channel></rss>`)[0].Activity
	if a == nil || a.URL != "https://feeds.example/1" {
		t.Errorf("without a page of its own: %+v", a)
	}
}

// TestAnUpdateInTheSecondOfPublication is none: dates of RSS are in seconds.
func TestAnUpdateInTheSecondOfPublication(t *testing.T) {
	for updated, want := range map[string]int{"2026-03-02T10:00:00.311Z": 1, "2026-03-02T10:00:00Z": 1, "2026-03-02T10:00:01.000Z": 2, "2026-03-02T09:00:00Z": 1} {
		e := tell(t, "https://blog.example/feed", `<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><item><title>Kettles</title><guid>urn:1</guid><pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate><atom:updated>`+updated+`</atom:updated></item></channel></rss>`)
		if len(e) != want {
			t.Errorf("%s: %d events, want %d", updated, len(e), want)
		}
	}
}
