package youtube

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

const (
	channel = "UCrapportTestChannel0001"
	secret  = "a secret that is long enough"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// handshake is the hub's request to the hook of a channel.
func handshake(path string, query ...string) platform.Request {
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	return platform.Request{Method: http.MethodGet, Path: path, Query: q.Encode()}
}

var (
	path   = Adapter{}.Path(channel, secret)
	keys   = platform.Secrets{Keys: []string{secret}}
	echoed = &platform.Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: []byte("7712338041 &+ü")}
	suite  = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{channel, "comments:" + channel, "video:rprtVideo01"}, Secret: secret, Other: "another secret, as long", Handshakes: []platformtest.Handshake{
		{Name: "subscribe", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", topic(channel), "hub.challenge", "7712338041 &+ü", "hub.lease_seconds", "432000"), Secrets: keys, Want: echoed},
		{Name: "subscribe, to the other address of the feed", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", "https://www.youtube.com/feeds/videos.xml?channel_id="+channel, "hub.challenge", "7712338041 &+ü"), Secrets: keys, Want: echoed},
		{Name: "subscribe, asked for under the previous secret", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", topic(channel), "hub.challenge", "7712338041 &+ü"),
			Secrets: platform.Secrets{Keys: []string{"the new secret, just set", secret}}, Want: echoed},
		{Name: "unsubscribe", Request: handshake(path, "hub.mode", "unsubscribe", "hub.topic", topic(channel), "hub.challenge", "7712338041 &+ü"), Secrets: keys, Want: echoed},
		{Name: "denied", Request: handshake(path, "hub.mode", "denied", "hub.topic", topic(channel), "hub.reason", "blocked"), Secrets: keys, Refused: true},
		{Name: "another topic", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", topic("UCrapportTestChannel0002"), "hub.challenge", "1"), Secrets: keys, Refused: true},
		{Name: "a topic elsewhere", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", "https://example.com/xml/feeds/videos.xml?channel_id="+channel, "hub.challenge", "1"), Secrets: keys, Refused: true},
		{Name: "without the path", Request: handshake("", "hub.mode", "subscribe", "hub.topic", topic(channel), "hub.challenge", "1"), Secrets: keys, Refused: true},
		{Name: "another channel's token", Request: handshake("UCrapportTestChannel0002/"+strings.TrimPrefix(path, channel+"/"), "hub.mode", "subscribe", "hub.topic", topic("UCrapportTestChannel0002"), "hub.challenge", "1"), Secrets: keys, Refused: true},
		{Name: "without a challenge", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", topic(channel)), Secrets: keys, Refused: true},
		{Name: "a challenge without end", Request: handshake(path, "hub.mode", "subscribe", "hub.topic", topic(channel), "hub.challenge", strings.Repeat("1", maxChallenge+1)), Secrets: keys, Refused: true},
		{Name: "another mode", Request: handshake(path, "hub.mode", "publish", "hub.topic", topic(channel), "hub.challenge", "1"), Secrets: keys, Refused: true},
		{Name: "someone who looks at the hook", Request: handshake(path), Secrets: keys},
	}}
)

func TestYouTube(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestADenialIsRefusedWithTheHubsReason(t *testing.T) {
	_, err := Adapter{}.Handshake(handshake(path, "hub.mode", "denied", "hub.topic", topic(channel), "hub.reason", "over\nquota"), keys, platform.Options{}, now)
	if err == nil || !strings.Contains(err.Error(), `denied: "over\nquota"`) {
		t.Errorf("a denial is answered with %v", err)
	}
}

func TestScopesThatCantWork(t *testing.T) {
	for _, scope := range []string{"", "@widgets", "UCshort", channel + "x", "comments:", "comments:@widgets", "video:", "video:short", "video:" + channel, "UC" + strings.Repeat("/", 22), " " + channel} {
		if (Adapter{}).CheckScope(scope) == nil {
			t.Errorf("the scope %q is accepted", scope)
		}
	}
}

func TestSecretsThatTheHubDoesNotTake(t *testing.T) {
	for key, ok := range map[string]bool{"": false, strings.Repeat("x", 15): false, strings.Repeat("x", 16): true, strings.Repeat("x", 199): true, strings.Repeat("x", 200): false} {
		if err := (Adapter{}).CheckKey(key, platform.Options{}); (err == nil) != ok {
			t.Errorf("a secret of %d bytes: %v", len(key), err)
		}
	}
}

// The sums are those of openssl dgst -<method> -hmac Jefe on RFC 2202's and
// RFC 4231's test case 2 (https://www.rfc-editor.org/rfc/rfc4231#section-4.3).
func TestEachMethodThatWebSubNames(t *testing.T) {
	body := []byte("what do ya want for nothing?")
	for method, sum := range map[string]string{
		"sha1":   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		"sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha384": "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		"sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{"X-Hub-Signature": {method + "=" + sum}}, Body: body}
		if err := (Adapter{}).Verify(r, platform.Secrets{Keys: []string{"Jefe"}}, platform.Options{}, now); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	for _, h := range []string{"md5=750c783e6ab0b503eaa86e310a5db738", "sha1", "sha1=", "=", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c7", "sha1=EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79",
		"sha256=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79,sha1=00"} {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{"X-Hub-Signature": {h}}, Body: body}
		if err := (Adapter{}).Verify(r, platform.Secrets{Keys: []string{"Jefe"}}, platform.Options{}, now); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", h, err)
		}
	}
}

func TestTheSumUnderNoKeyVerifiesNothing(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{"X-Hub-Signature": {"sha1=fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"}}} // of nothing, under the empty key
	for _, s := range []platform.Secrets{{}, {Keys: []string{""}}, {Keys: []string{"", secret}}} {
		if (Adapter{}).Verify(r, s, platform.Options{}, now) == nil {
			t.Errorf("it holds with %d keys", len(s.Keys))
		}
	}
}

func TestRenewalAsksTheHub(t *testing.T) {
	hook := "https://example.com/hooks/app_1/" + path
	f, why := Adapter{}.Renewal(channel, hook, platform.Secrets{Keys: []string{"", secret, "an older one"}}, platform.Options{})
	if f == nil {
		t.Fatal(why)
	}
	got, err := url.ParseQuery(string(f.Body))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"hub.mode": {"subscribe"}, "hub.topic": {"https://www.youtube.com/xml/feeds/videos.xml?channel_id=" + channel}, "hub.callback": {hook},
		"hub.verify": {"async"}, "hub.secret": {secret}, "hub.lease_seconds": {"432000"}}
	if diff := cmp.Diff(want, got); diff != "" || f.Method != http.MethodPost || f.URL != "https://pubsubhubbub.appspot.com/subscribe" ||
		f.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("it asks %s %s %v (-want +got):\n%s", f.Method, f.URL, f.Header, diff)
	}
	for _, c := range []struct {
		scope string
		s     platform.Secrets
	}{{"comments:" + channel, keys}, {"@widgets", keys}, {channel, platform.Secrets{}}, {channel, platform.Secrets{Keys: []string{""}}}} {
		if f, why := (Adapter{}).Renewal(c.scope, hook, c.s, platform.Options{}); f != nil || why == "" {
			t.Errorf("%s: asks %v, %q", c.scope, f, why)
		}
	}
	if p := (Adapter{}).Path("video:rprtVideo01", secret); p != "" {
		t.Errorf("a scope that is polled has the path %q", p)
	}
}

// tell normalises a feed and returns the activities by type.
func tell(t *testing.T, body string) map[social.Type]social.Activity {
	t.Helper()
	events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Body: []byte(body)}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[social.Type]social.Activity{}
	for _, e := range events {
		if e.Activity == nil {
			t.Fatalf("%+v", e)
		}
		out[e.Activity.Type] = *e.Activity
	}
	return out
}

func TestEachNotificationOfAVideoTellsTheSamePost(t *testing.T) {
	entry := func(title, updated string) string {
		return `<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"><entry><yt:videoId>rprtVideo01</yt:videoId><yt:channelId>` + channel +
			`</yt:channelId><title>` + title + `</title><published>2026-02-03T09:15:02+00:00</published><updated>` + updated + `</updated></entry></feed>`
	}
	first := tell(t, entry("One", "2026-02-03T09:20:02+00:00"))
	second := tell(t, entry("Two", "2026-02-03T09:20:02.001+00:00"))
	third := tell(t, entry("Three", "2026-02-04T09:15:02+00:00"))
	if len(first) != 1 || first[social.Post].Key != second[social.Post].Key || first[social.Post].Key != third[social.Post].Key {
		t.Errorf("keys of one post: %v, %v, %v", first, second, third)
	}
	two, three := second[social.Edit], third[social.Edit]
	if two.Key == "" || two.Key == three.Key || two.Text != "Two" || three.Text != "Three" || !three.Occurred.Equal(time.Date(2026, 2, 4, 9, 15, 2, 0, time.UTC)) || three.Object != first[social.Post].Object {
		t.Errorf("edits: %+v, %+v", two, three)
	}
}

func TestHostileXML(t *testing.T) {
	deep := strings.Repeat("<a>", 100_000)
	for name, body := range map[string]string{
		"deep":               "<feed>" + deep,
		"deep in an entry":   "<feed><entry>" + strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth) + "</entry></feed>",
		"entities":           `<!DOCTYPE feed [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><feed><entry><title>&b;</title></entry></feed>`,
		"a file":             `<!DOCTYPE feed [<!ENTITY a SYSTEM "file:///etc/passwd">]><feed><title>&a;</title></feed>`,
		"undeclared":         `<feed><title>&a;</title></feed>`,
		"another encoding":   `<?xml version="1.0" encoding="UTF-16"?><feed/>`,
		"another root":       `<rss><entry/></rss>`,
		"two roots":          `<feed/><feed/>`,
		"text and no root":   `hello`,
		"no end":             `<feed><entry>`,
		"an end too many":    `<feed></feed></feed>`,
		"an end of another":  `<feed><entry></feed></entry>`,
		"attributes, 4 MB":   `<feed ` + strings.Repeat(`a="b" `, 4<<20/6) + `>`,
		"a comment, no root": `<!-- x -->`,
	} {
		if events, err := (Adapter{}).Normalise(platform.Request{Method: http.MethodPost, Body: []byte(body)}, platform.Options{}); err == nil {
			t.Errorf("%s: understood as %+v", name, events)
		}
	}
}

func TestTheKeyOfTheAPIIsInNoURL(t *testing.T) {
	if _, err := (Adapter{}).Poll("comments:"+channel, "", platform.Secrets{}, platform.Options{}); err == nil {
		t.Error("it polls without a key")
	}
	if _, err := (Adapter{}).Poll(channel, "", platform.Secrets{Token: "k"}, platform.Options{}); err == nil {
		t.Error("it polls a channel's videos")
	}
	for scope, param := range map[string]string{"comments:" + channel: "allThreadsRelatedToChannelId=" + channel, "video:rprtVideo01": "videoId=rprtVideo01"} {
		f, err := Adapter{}.Poll(scope, "2026-02-04T10:00:00.000Z 2026-02-05T10:00:00.000Z page&2", platform.Secrets{Token: "AIza-key"}, platform.Options{})
		if err != nil || f.Header.Get("X-Goog-Api-Key") != "AIza-key" || strings.Contains(f.URL, "AIza") || len(f.Body) > 0 ||
			!strings.HasPrefix(f.URL, "https://www.googleapis.com/youtube/v3/commentThreads?") || !strings.Contains(f.URL, param) || !strings.Contains(f.URL, "pageToken=page%262") || !strings.Contains(f.URL, "order=time") {
			t.Errorf("%s: %+v, %v", scope, f, err)
		}
	}
}

func TestACommentWithOddIDsIsParkedAlone(t *testing.T) {
	f, _ := Adapter{}.Poll("video:rprtVideo01", "", platform.Secrets{Token: "k"}, platform.Options{})
	item := func(id, author, video, post string) string {
		return fmt.Sprintf(`{"id":%[1]q,"snippet":{"videoId":%[3]q,"postId":%[4]q,"topLevelComment":{"id":%[1]q,"snippet":{"authorChannelId":{"value":%[2]q},"publishedAt":"2026-02-04T10:00:00Z"}}}}`, id, author, video, post)
	}
	body := `{"items":[` + strings.Join([]string{item("a/b", "UCa", "v", ""), item("", "UCa", "v", ""), item("c", "UC a", "v", ""), item("c", "UCa", "v?", ""), item("c", "UCa", "", "p#"), item("c", "UCa", "v", "")}, ",") + `]}`
	events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodGet, URL: f.URL, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 6 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i, e := range events {
		if (e.Parked != "") != (i < 5) {
			t.Errorf("comment %d becomes %s: %s", i, e.Becomes(), e.Parked)
		}
	}
}

// page is an answer with threads begun at the given instants.
func page(token string, at ...string) platform.Request {
	var items []string
	for _, x := range at {
		items = append(items, `{"snippet":{"topLevelComment":{"snippet":{"publishedAt":"`+x+`"}}}}`)
	}
	return platform.Request{Method: http.MethodGet, Body: []byte(`{"nextPageToken":"` + token + `","items":[` + strings.Join(items, ",") + `]}`)}
}

func TestPagesAreReadBackToWhatWasKnown(t *testing.T) {
	const known = "2026-02-04T10:00:00.000Z"
	for _, c := range []struct {
		name, cursor string
		answer       platform.Request
		next         string
		more         bool
	}{
		{"the first time, the newest page is all", "", page("p2", "2026-02-04T10:00:00Z", "2026-02-03T10:00:00Z"), known, false},
		{"nothing yet", "", page(""), "", false},
		{"nothing new", known, page("p2", "2026-02-04T10:00:00Z"), known, false},
		{"a page that reaches back", known, page("p2", "2026-02-05T10:00:00Z", "2026-02-04T10:00:00Z"), "2026-02-05T10:00:00.000Z", false},
		{"a page that does not", known, page("p2", "2026-02-06T10:00:00Z", "2026-02-05T10:00:00Z"), known + " 2026-02-06T10:00:00.000Z p2", true},
		{"the next one neither", known + " 2026-02-06T10:00:00.000Z p2", page("p3", "2026-02-04T11:00:00Z"), known + " 2026-02-06T10:00:00.000Z p3", true},
		{"the next one does", known + " 2026-02-06T10:00:00.000Z p3", page("p4", "2026-02-04T09:00:00Z"), "2026-02-06T10:00:00.000Z", false},
		{"there is no next one", known + " 2026-02-06T10:00:00.000Z p3", page("", "2026-02-04T11:00:00Z"), "2026-02-06T10:00:00.000Z", false},
		{"one without its time", known, page("", "never"), known, false},
	} {
		next, more, err := Adapter{}.Next(c.answer, c.cursor)
		if err != nil || next != c.next || more != c.more {
			t.Errorf("%s: %q, %v, %v; want %q, %v", c.name, next, more, err, c.next, c.more)
		}
	}
	if _, _, err := (Adapter{}).Next(platform.Request{Body: []byte(`{"error":{"code":403,"message":"quota"}}`)}, known); err == nil {
		t.Error("an error is taken for an answer")
	}
}

func TestTheSameCommentThroughBothScopes(t *testing.T) {
	body, err := os.ReadFile("testdata/comments.json")
	if err != nil {
		t.Fatal(err)
	}
	of := func(scope string) []social.Activity {
		f, err := Adapter{}.Poll(scope, "", platform.Secrets{Token: "k"}, platform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodGet, URL: f.URL, Body: body}, platform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var out []social.Activity
		for _, e := range events {
			if e.Activity != nil {
				out = append(out, *e.Activity)
			}
			if diff := cmp.Diff([]string{scope}, e.Scopes); diff != "" {
				t.Errorf("%s: %s", scope, diff)
			}
		}
		return out
	}
	a, b := of("comments:"+channel), of("video:rprtVideo01")
	if diff := cmp.Diff(a, b); diff != "" || len(a) == 0 {
		t.Errorf("%d activities differ (-comments +video):\n%s", len(a), diff)
	}
}

// TestRealPayloads reads what lies beside the repository, where it does.
func TestRealPayloads(t *testing.T) {
	for _, f := range needs.SharedFiles(t, "payloads/youtube/*.xml") {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want := social.Post
		if strings.Contains(string(body), "deleted-entry") {
			want = social.Delete
		}
		if got := tell(t, string(body)); len(got) != 1 || got[want].Object.ID == "" {
			t.Errorf("%s tells %+v", f, got)
		}
	}
}
