package discourse

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

var suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{"forum.example.com", "forum.example.com/c/12", "example.com/forum", "localhost:3000"}, Fleeting: []string{"X-Discourse-Event-Id"}, Secret: "a-secret-of-the-forum", Other: "the-secret-of-another"}

func TestSuite(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The vector of Discourse's own tests: the body of spec/jobs/emit_web_hook_event_spec.rb
// under the secret of spec/fabricators/web_hook_fabricator.rb.
func TestPublishedVector(t *testing.T) {
	r := platform.Request{Method: http.MethodPost, Body: []byte(`{"ping":"OK"}`), Header: http.Header{}}
	r.Header.Set("X-Discourse-Event-Signature", "sha256=162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6")
	if err := (Adapter{}).Verify(r, platform.Secrets{Keys: []string{"my_lovely_secret_for_web_hook"}}, platform.Options{}, time.Time{}); err != nil {
		t.Error(err)
	}
	r.Header.Set("X-Discourse-Event-Signature", "162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6")
	if (Adapter{}).Verify(r, platform.Secrets{Keys: []string{"my_lovely_secret_for_web_hook"}}, platform.Options{}, time.Time{}) == nil {
		t.Error("a signature without sha256= holds")
	}
}

func headers(event, key, instance string) http.Header {
	h := http.Header{}
	h.Set("X-Discourse-Instance", instance)
	h.Set("X-Discourse-Event", event)
	h.Set("X-Discourse-Event-Type", key)
	return h
}

func fixture(t *testing.T, name string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := platform.Decode(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func normalise(t *testing.T, h http.Header, body any) ([]platform.Event, error) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return (Adapter{}).Normalise(platform.Request{Method: http.MethodPost, Header: h, Body: b}, platform.Options{})
}

func one(t *testing.T, h http.Header, body any) platform.Event {
	t.Helper()
	events, err := normalise(t, h, body)
	if err != nil || len(events) != 1 {
		t.Fatalf("got %+v, %v; want one event", events, err)
	}
	return events[0]
}

func TestHeadersThatDoNotFitTheBody(t *testing.T) {
	post := fixture(t, "post_created")
	for name, h := range map[string]http.Header{
		"a post as an account to forget":            headers("user_destroyed", "post", "https://forum.example.com"),
		"a post as an account, both headers forged": headers("user_destroyed", "user", "https://forum.example.com"),
		"a post as a like":                          headers("post_liked", "like", "https://forum.example.com"),
		"a like's type":                             headers("post_liked", "post", "https://forum.example.com"),
		"no forum":                                  headers("post_created", "post", ""),
		"a forum that is no address":                headers("post_created", "post", "forum.example.com"),
		"a forum with a user":                       headers("post_created", "post", "https://forum.example.com@evil.example"),
		"no event":                                  headers("", "", "https://forum.example.com"),
	} {
		if events, err := normalise(t, h, post); err == nil {
			t.Errorf("%s: read as %+v", name, events)
		}
	}
}

func TestInstanceIsReadWhateverItsSpelling(t *testing.T) {
	post := fixture(t, "post_created")
	want := one(t, headers("post_created", "post", "https://forum.example.com"), post)
	for _, in := range []string{"https://Forum.Example.com", "https://forum.example.com/", "https://forum.example.com:443"} {
		if diff := cmp.Diff(want, one(t, headers("post_created", "post", in), post)); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
	other := one(t, headers("post_created", "post", "https://other.example.com"), post)
	if other.Activity.Key == want.Activity.Key || other.Activity.Account() == want.Activity.Account() {
		t.Error("posts and accounts of two forums are taken for the same")
	}
}

func TestTopicIsNoSecondUtterance(t *testing.T) {
	e := one(t, headers("topic_created", "topic", "https://forum.example.com"), fixture(t, "topic_created"))
	if e.Ignored == "" {
		t.Errorf("topic_created became %s: its first post comes as post_created", e.Becomes())
	}
}

func TestEveryEditHasItsKey(t *testing.T) {
	h := headers("post_edited", "post", "https://forum.example.com")
	body := fixture(t, "post_edited")
	post := body["post"].(map[string]any)
	seen := map[string]bool{}
	for _, v := range []map[string]any{{}, {"version": 3}, {"updated_at": "2026-02-03T11:31:00.500Z"}} {
		changed := maps.Clone(post)
		maps.Copy(changed, v)
		e := one(t, h, map[string]any{"post": changed})
		seen[e.Activity.Key] = true
	}
	if len(seen) != 3 {
		t.Errorf("three edits have %d keys: %v", len(seen), slices.Collect(maps.Keys(seen)))
	}
}

func TestRepliesAndLikesNameTheObjectOfThePost(t *testing.T) {
	in := "https://forum.example.com"
	reply := one(t, headers("post_created", "post", in), fixture(t, "post_created_reply")).Activity
	toTopic := one(t, headers("post_created", "post", in), fixture(t, "post_created_reply_to_topic_by_staff")).Activity
	first := one(t, headers("post_created", "post", in), fixture(t, "post_created")).Activity
	like := one(t, headers("post_liked", "like", in), fixture(t, "post_liked")).Activity
	gone := one(t, headers("post_destroyed", "post", in), fixture(t, "post_destroyed")).Activity
	if reply.InReplyTo != "6120/2" || toTopic.InReplyTo != first.Object.ID || like.Object != reply.Object || gone.Object != first.Object || like.Scope != reply.Scope {
		t.Errorf("reply to %s, reply to the topic to %s, first post %+v, like of %+v, deletion of %+v", reply.InReplyTo, toTopic.InReplyTo, first.Object, like.Object, gone.Object)
	}
	if gone.Actor != (social.Actor{ID: social.Unknown, Scope: "forum.example.com"}) {
		t.Errorf("deleted by %+v, whom the event does not name", gone.Actor)
	}
	if strings.Contains(reply.Text, "Which version") {
		t.Errorf("what is quoted of another is the author's word: %q", reply.Text)
	}
	if toTopic.Direction != social.Outbound || toTopic.Text != "Fixed in 4.2.1.\nPlease update." {
		t.Errorf("the staff's post is %s, %q", toTopic.Direction, toTopic.Text)
	}
}

func TestUnquoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "[quote=\"a, post:1\"]x[/quote]y": "y", "a[quote]b[quote=\"c\"]d[/quote]e[/quote]f": "af",
		"a[quote]b": "a[quote]b", "a[/quote]b": "ab", "[QUOTE]x[/QUOTE]\nz": "\nz",
	} {
		if got := unquoted(in); got != want {
			t.Errorf("%q without quotes: %q, want %q", in, got, want)
		}
	}
}

func TestCheckScope(t *testing.T) {
	for scope, ok := range map[string]bool{
		"forum.example.com": true, "forum.example.com/c/7": true, "example.com/forum": true, "example.com/forum/c/7": true, "localhost:3000": true,
		"https://forum.example.com": false, "Forum.example.com": false, "forum.example.com/": false, "forum.example.com/c/support": false, "forum": false, "": false, "a b.example": false, "x@forum.example.com": false,
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

func TestCheckKey(t *testing.T) {
	if (Adapter{}).CheckKey("short", platform.Options{}) == nil || (Adapter{}).CheckKey("twelve-chars", platform.Options{}) != nil {
		t.Error("Discourse takes secrets of 12 characters or more")
	}
}

// What real forums sent, where it is at hand.
func TestRealDeliveries(t *testing.T) {
	for _, path := range needs.SharedFiles(t, "payloads/discourse/*.headers.json") {
		hb, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(strings.Replace(path, ".headers", "", 1))
		if err != nil {
			t.Fatal(err)
		}
		var given map[string]string
		if err := json.Unmarshal(hb, &given); err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		for k, v := range given {
			h.Set(k, v)
		}
		events, err := (Adapter{}).Normalise(platform.Request{Method: http.MethodPost, Header: h, Body: body}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Parked != "" {
			t.Errorf("%s: %+v, %v", filepath.Base(path), events, err)
		}
	}
}
