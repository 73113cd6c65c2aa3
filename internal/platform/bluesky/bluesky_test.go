package bluesky

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

func key(s string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(s)) }

var (
	now   = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{brand, "did:web:brand.example", "search:does it \"work\" #now & then"}, Fleeting: []string{"/time_us"}, Secret: key("a secret of thirty-two bytes, yes"), Other: key("another of thirty-two bytes, yes."), Window: platform.WebhookTolerance}
)

const (
	asker = "did:plc:rapportaskeraaaaaaaaaaaa"
	brand = "did:plc:rapportbrandaaaaaaaaaaaa"
)

func TestBluesky(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestScopesThatCantWork(t *testing.T) {
	for _, scope := range []string{"", "brand.example", "@brand.example", "did:plc:", "did:plc:a b", "did:PLC:abc", "at://" + brand, brand + "/", "search:", "search: x", "search:" + strings.Repeat("x", maxQuery+1)} {
		if (Adapter{}).CheckScope(scope) == nil {
			t.Errorf("the scope %q is accepted", scope)
		}
	}
}

// The vector is that of the reference library:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/go/webhook_test.go
func TestPublishedVector(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Body: []byte(`{"test": 2432232314}`), Header: http.Header{}}
	r.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	r.Header.Set("webhook-timestamp", "1614265330")
	r.Header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	at := time.Unix(1614265330, 0)
	for _, k := range []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		if err := (Adapter{}).Verify(r, platform.Secrets{Keys: []string{k}}, platform.Options{}, at); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func TestHeadersThatAreAmbiguous(t *testing.T) {
	w, err := standardwebhooks.NewWebhook(suite.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ id, stamp, body string }{{"msg.1", "1772600767", "{}"}, {"msg", "01772600767", "{}"}, {"msg", "+1772600767", "{}"}} {
		signature, err := w.Sign(c.id, now, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r := platform.Request{Method: http.MethodPost, Body: []byte(c.body), Header: http.Header{"Webhook-Id": {c.id}, "Webhook-Timestamp": {c.stamp}, "Webhook-Signature": {signature}}}
		if (Adapter{}).Verify(r, platform.Secrets{Keys: []string{suite.Secret}}, platform.Options{}, now) == nil {
			t.Errorf("%+v holds", c)
		}
	}
}

func TestMentionsAreBounded(t *testing.T) {
	facet := `{"features":[{"$type":"` + mentionFeature + `","did":"did:plc:%d"}]}`
	var facets []string
	for i := range maxMentions + 1 {
		facets = append(facets, fmt.Sprintf(facet, i))
	}
	if got := mentions(json.RawMessage("[" + strings.Join(facets, ",") + "]")); len(got) != maxMentions {
		t.Errorf("%d mentions", len(got))
	}
}

func TestSecretsThatCantSign(t *testing.T) {
	for k, ok := range map[string]bool{"": false, "whsec_": false, "whsec_\n": false, "whsec_!": false, key(strings.Repeat("x", 23)): false, key(strings.Repeat("x", 24)): true, key(strings.Repeat("x", 64)): true, key(strings.Repeat("x", 65)): false} {
		if err := (Adapter{}).CheckKey(k, platform.Options{}); (err == nil) != ok {
			t.Errorf("%.12q, %d bytes: %v", k, len(k), err)
		}
	}
}

// The TID and its instant are those of https://atproto.com/specs/tid and of
// the commit that Jetstream's documentation shows
// (https://github.com/bluesky-social/jetstream: seen 2024-09-09T19:46:02.329308Z).
func TestTIDs(t *testing.T) {
	got, ok := timeOfTID("3l3qo2vutsw2b")
	if want := time.Date(2024, 9, 9, 19, 46, 2, 329_000_000, time.UTC); !ok || got.Sub(want).Abs() > time.Second {
		t.Errorf("the instant is %s, %v, want about %s", got, ok, want)
	}
	for _, s := range []string{"", "3l3qo2vutsw2", "3l3qo2vutsw2bb", "3l3qo2vutsw21", "3L3QO2VUTSW2B", "zzzzzzzzzzzzz", "2222222222222", "3l3qo2vutsw2\x00"} {
		if got, ok := timeOfTID(s); ok {
			t.Errorf("%q is a TID of %s", s, got)
		}
	}
	for _, at := range []time.Time{now, now.Add(123 * time.Millisecond), time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got, ok := timeOfTID(tid(at)); !ok || !got.Equal(at) {
			t.Errorf("%s written and read is %s, %v", at, got, ok)
		}
	}
}

func TestWhenARecordWasMade(t *testing.T) {
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339Nano) }
	for _, c := range []struct {
		name, created, rkey string
		limit, want         time.Time
	}{
		{"as the client says", at(-time.Second), tid(now), now, now.Add(-time.Second)},
		{"written a day before", at(-early), tid(now), now, now.Add(-early)},
		{"dated back further", at(-early - time.Millisecond), tid(now), now, now},
		{"by a clock that is a little ahead", at(late), tid(now), now, now.Add(late)},
		{"dated ahead", at(late + time.Millisecond), tid(now), now, now},
		{"not dated", "", tid(now), now, now},
		{"of the year 0", "0000-01-01T00:00:00Z", tid(now), now, now},
		{"by a clock that is hours ahead", at(ahead), tid(now.Add(ahead)), now, now.Add(ahead)},
		{"of a key that was made up", at(ahead + time.Hour), tid(now.Add(ahead + time.Millisecond)), now, now},
		{"of a key without a time", at(-time.Hour), "self", now, now.Add(-time.Hour)},
		{"of an old key, as it was brought along", at(-1000 * time.Hour), tid(now.Add(-1000 * time.Hour)), now, now.Add(-1000 * time.Hour)},
	} {
		if got := occurred(platform.Text(c.created), c.rkey, c.limit); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// fixture normalises a file of testdata.
func fixture(t *testing.T, r platform.Request, file string) []platform.Event {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	r.Body = body
	events, err := Adapter{}.Normalise(r, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

var searched = platform.Request{Method: http.MethodGet, URL: api + "?q=x"}

func TestTheSamePostByStreamAndBySearch(t *testing.T) {
	stream := []social.Activity{*fixture(t, platform.Request{Method: http.MethodPost}, "reply.json")[0].Activity, *fixture(t, platform.Request{Method: http.MethodPost}, "post.json")[0].Activity}
	found := fixture(t, searched, "search.json")
	for i, want := range stream {
		if diff := cmp.Diff(want, *found[i].Activity); diff != "" {
			t.Errorf("a post differs (-stream +search):\n%s", diff)
		}
	}
	if got := found[0].Scopes; !slices.Equal(got, []string{"search:x"}) {
		t.Errorf("it is routed to %q", got)
	}
}

func TestTheSameEventFromAnotherServer(t *testing.T) {
	for _, file := range []string{"post.json", "reply.json", "like.json", "follow.json", "profile.json", "identity.json", "edit.json", "delete.json"} {
		body, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var other []string
		for l := range strings.Lines(string(body)) {
			var e map[string]any
			if err := json.Unmarshal([]byte(l), &e); err != nil {
				t.Fatal(err)
			}
			e["time_us"], e["cursor"] = 1790000000000001, 12345
			if i, ok := e["identity"].(map[string]any); ok {
				i["seq"] = 1
			}
			b, _ := json.Marshal(e)
			other = append(other, string(b))
		}
		one := fixture(t, platform.Request{Method: http.MethodPost}, file)
		two, err := Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Body: []byte(strings.Join(other, "\n"))}, platform.Options{})
		if diff := cmp.Diff(one, two); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", file, err, diff)
		}
	}
}

func TestAPostIsRoutedToAllWhomItConcerns(t *testing.T) {
	for file, want := range map[string][]string{
		"reply.json":   {asker, brand, "did:plc:rapportrootaaaaaaaaaaaaa", "did:web:customer.example"},
		"mention.json": {asker, brand, "did:web:customer.example"},
		"quote.json":   {asker, brand},
		"follow.json":  {asker, brand},
		"like.json":    {asker, brand},
	} {
		if got := fixture(t, platform.Request{Method: http.MethodPost}, file)[0].Scopes; !slices.Equal(got, want) {
			t.Errorf("%s is routed to %q, want %q", file, got, want)
		}
	}
}

func TestManyLines(t *testing.T) {
	line := `{"did":"` + asker + `","kind":"x"}` + "\n"
	for n, ok := range map[int]bool{maxEvents: true, maxEvents + 1: false} {
		events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Body: []byte("\n" + strings.Repeat(line, n))}, platform.Options{})
		if (err == nil) != ok || ok && len(events) != n {
			t.Errorf("%d lines: %d events, %v", n, len(events), err)
		}
	}
}

func TestLinesThatMakeAWholeStayApart(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Body: []byte("{\"did\":\"" + asker + "\",\"kind\":\"x\"}\n{\"did\":\"" + asker + "\",\n\"kind\":\"y\"}")}
	parts := Adapter{}.Split(r, platform.Options{})
	if len(parts) != 3 {
		t.Errorf("%d parts: %s", len(parts), parts)
	}
}

func TestSearchRequests(t *testing.T) {
	for _, c := range []struct {
		cursor string
		want   url.Values
	}{
		{"", url.Values{"q": {`a "b" & c`}, "sort": {"latest"}, "limit": {"100"}}},
		{"2026-02-03T10:00:00.000Z", url.Values{"q": {`a "b" & c`}, "sort": {"latest"}, "limit": {"100"}, "since": {"2026-02-03T09:50:00.000Z"}}},
		{"2026-02-03T10:00:00.000Z 2026-02-03T12:00:00.000Z 2026-02-03T11:00:00.001Z", url.Values{"q": {`a "b" & c`}, "sort": {"latest"}, "limit": {"100"},
			"since": {"2026-02-03T09:50:00.000Z"}, "until": {"2026-02-03T11:00:00.001Z"}}},
	} {
		f, err := Adapter{}.Poll(`search:a "b" & c`, c.cursor, platform.Secrets{Token: "t"}, platform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(f.URL)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, u.Query()); diff != "" || u.Host != "api.bsky.app" || u.Path != "/xrpc/app.bsky.feed.searchPosts" || f.Method != http.MethodGet {
			t.Errorf("%q: %s (-want +got):\n%s", c.cursor, f.URL, diff)
		}
	}
	if _, err := (Adapter{}).Poll(brand, "", platform.Secrets{}, platform.Options{}); err == nil {
		t.Error("an account is polled")
	}
}

// results is an answer with posts created and indexed at the given instants.
func results(cursor string, at ...string) platform.Request {
	var posts []string
	for _, x := range at {
		created, indexed, ok := strings.Cut(x, " ")
		if !ok {
			indexed = created
		}
		posts = append(posts, fmt.Sprintf(`{"record":{"createdAt":%q},"indexedAt":%q}`, created, indexed))
	}
	return platform.Request{Method: http.MethodGet, Body: []byte(fmt.Sprintf(`{"cursor":%q,"posts":[%s]}`, cursor, strings.Join(posts, ",")))}
}

func TestSearchesAreReadBackToWhatWasKnown(t *testing.T) {
	const known, noon = "2026-02-03T10:00:00.000Z", "2026-02-03T12:00:00.000Z"
	for _, c := range []struct {
		name, cursor string
		answer       platform.Request
		next         string
		more         bool
	}{
		{"the first time, the newest are all", "", results("100", "2026-02-03T10:00:00Z", "2026-02-03T09:00:00Z"), known, false},
		{"nothing yet", "", results(""), "", false},
		{"nothing new", known, results("", "2026-02-03T10:00:00Z"), known, false},
		{"nothing at all", known, results("100"), known, false},
		{"all that is new", known, results("", "2026-02-03T12:00:00Z", "2026-02-03T11:00:00Z"), noon, false},
		{"there is more", known, results("100", "2026-02-03T12:00:00Z", "2026-02-03T11:00:00Z"), known + " " + noon + " 2026-02-03T11:00:00.001Z", true},
		{"and still more", known + " " + noon + " 2026-02-03T11:00:00.001Z", results("100", "2026-02-03T11:00:00Z", "2026-02-03T10:30:00Z"), known + " " + noon + " 2026-02-03T10:30:00.001Z", true},
		{"back to what is known", known + " " + noon + " 2026-02-03T11:00:00.001Z", results("100", "2026-02-03T11:00:00Z", "2026-02-03T09:50:00Z"), noon, false},
		{"a hundred at one instant", known + " " + noon + " 2026-02-03T11:00:00.001Z", results("100", "2026-02-03T11:00:00Z"), known + " " + noon + " 2026-02-03T11:00:00.000Z", true},
		{"the server takes no until", known + " " + noon + " 2026-02-03T11:00:00.000Z", results("100", "2026-02-03T12:00:00Z", "2026-02-03T11:00:00Z"), noon, false},
		{"dated ahead counts as indexed", known, results("", "2031-01-01T00:00:00Z 2026-02-03T12:00:00Z"), noon, false},
		{"dated back counts as created", known, results("", "2015-01-01T00:00:00Z 2026-02-03T12:00:00Z"), known, false},
		{"one without its times", known, results("", "never"), known, false},
	} {
		next, more, err := Adapter{}.Next(c.answer, c.cursor)
		if err != nil || next != c.next || more != c.more {
			t.Errorf("%s: %q, %v, %v; want %q, %v", c.name, next, more, err, c.next, c.more)
		}
	}
	if _, _, err := (Adapter{}).Next(platform.Request{Body: []byte(`{"error":"BadQueryString"}`)}, known); err == nil {
		t.Error("an error is taken for an answer")
	}
}

// TestRealPayloads reads what lies beside the repository, where it does.
func TestRealPayloads(t *testing.T) {
	dir := needs.Shared(t, "payloads/bluesky")
	for file, want := range map[string]string{"create_feed_post": "post", "create_feed_post_reply": "reply", "create_graph_follow": "follow", "delete_feed_post": "delete",
		"delete_graph_follow": "ignored", "identity": "ignored", "account": "ignored"} {
		body, err := os.ReadFile(filepath.Join(dir, "jetstream_"+file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		events, err := Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Body: body}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Becomes() != want {
			t.Errorf("%s becomes %+v, %v; want %s", file, events, err, want)
			continue
		}
		var e struct {
			TimeUS int64 `json:"time_us"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		if a := events[0].Activity; a != nil && time.UnixMicro(e.TimeUS).Sub(a.Occurred).Abs() > 10*time.Second {
			t.Errorf("%s was seen at %s, and done at %s", file, time.UnixMicro(e.TimeUS).UTC(), a.Occurred)
		}
	}
}
