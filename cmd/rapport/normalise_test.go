package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"rapport/cmd/internal/recorded"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// said is a line of normalise of either kind.
type said struct {
	set
	Key  string      `json:"key"`
	Type social.Type `json:"type"`
}

func (l said) reason() string {
	switch {
	case l.Erase != nil:
		return "forgets " + l.Erase.Scope + " " + l.Erase.ID
	case l.Revoked != "":
		return "revoked: " + l.Revoked
	case l.Parked != "":
		return "parked: " + l.Parked
	case l.Ignored != "":
		return "ignored: " + l.Ignored
	}
	return ""
}

// done says how many things were done by the payloads, which platforms and their users published, of each folder of ../shared/payloads: counted
// by reading them; and what is not counted, though somebody did something.
var done = map[string]int{
	"bluesky":            4,  // post, reply, follow, deletion; an unfollow does not say of whom
	"discord":            4,  // two messages edited, two deleted; the users of both grants are left out of the documentation
	"discourse":          4,  // a post made, edited, liked, deleted; the topics' own events tell the same once more
	"github":             5,  // three comments, an issue, a fork; ping is none
	"hubspot":            1,  // a contact
	"intercom":           0,  // ping
	"linkedin":           0,  // an answer of ours
	"mastodon":           0,  // a complaint of one user of another, for the moderators
	"meta_facebook_page": 9,  // two comments, an edit, reaction and its removal, share, status, mention, rating; a lead form names nobody
	"meta_instagram":     2,  // two messages; the rest are receipts and tests of the dashboard, of account 0
	"meta_messenger":     5,  // two messages, an echo, a deletion, a button pressed; a receipt is none
	"meta_threads":       1,  // a reply
	"meta_whatsapp":      11, // five messages (one of them through an ad: a click too), an edit, a reaction, three accounts that changed; receipts are none
	"slack":              4,  // two mentions, a message, an edit; of the bot's message and of who joined the channel or the time is missing
	"stripe":             0,  // a plan: nobody bought
	"telegram":           5,  // buttons and results chosen (3), a message, an edit
	"tiktok":             0,  // a grant that ended, an upload's state, and a content without its envelope
	"typeform":           0,  // a response whose time is mangled
	"x":                  11, // messages (2), deletions (2), follow, like, post, mention, quote, repost, profile; typing and the end of a grant are none
	"youtube":            4,  // a video is deleted twice, published twice: one delivery tells of the same video in two entries
	"zendesk":            0,  // a ticket's first comment comes by itself
}

// couldNotBeRead are the payloads that can't become what was done, with what a person has to do about it.
var couldNotBeRead = map[string]string{
	"discord/application_authorized.jsonc":        "event.data.user names nobody",
	"discord/application_deauthorized.jsonc":      "event.data.user names nobody",
	"linkedin/challenge_response.json":            "its challengeResponse is what it is answered with",
	"slack/inner_bot_message.json":                "without its channel",
	"slack/inner_member_joined_channel.json":      "event_time",
	"tiktok/business_comment_update.content.json": "this may be the content alone",
	"typeform/form_response_choice_2017.json":     `form_response.submitted_at: "2017-02-21T05: 18: 14Z" is no time`,
}

// given are the headers that the requests of a file had, where none are beside it.
func given(folder, name string) []string {
	if folder+"/"+name == "discourse/post_created_full.json" {
		return []string{"--header", "X-Discourse-Event: post_created", "--header", "X-Discourse-Instance: https://forum.example"}
	}
	return nil
}

// unexplained is what only a programmer understands.
var unexplained = regexp.MustCompile(`json: |unexpected end|invalid character|EOF|panic|nil pointer|0001-01-01`)

func TestSharedPayloads(t *testing.T) {
	files := needs.SharedFiles(t, "payloads/*/*")
	var table strings.Builder
	tab := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	got := map[string]int{}
	unread := map[string]bool{}
	for _, file := range files {
		folder, name := filepath.Base(filepath.Dir(file)), filepath.Base(file)
		if recorded.IsHeaders(file) {
			continue
		}
		p, _, _ := strings.Cut(folder, "_")
		at := folder + "/" + name
		out := call("", append(append([]string{"normalise", "--platform", p}, given(folder, name)...), file)...)
		ls := lines[said](t, out.out)
		if out.code != exitOK || len(ls) == 0 {
			t.Errorf("%s: code %d, %d lines, %s", at, out.code, len(ls), out.err)
		}
		keys := map[string]bool{}
		for _, l := range ls {
			reason := l.reason()
			switch {
			case l.Key != "":
				keys[l.Key] = true
				reason = string(l.Type) + " " + l.Key
			case len(strings.Fields(reason)) < 3 || unexplained.MatchString(reason):
				t.Errorf("%s: %q explains nothing", at, reason)
			case l.Parked != "" && (couldNotBeRead[at] == "" || !strings.Contains(l.Parked, couldNotBeRead[at])):
				t.Errorf("%s: parked: %s", at, l.Parked)
			}
			unread[at] = unread[at] || l.Parked != ""
			tab.Write([]byte(at + "\t" + reason + "\n"))
		}
		got[folder] += len(keys)
	}
	tab.Flush()
	t.Log("what became of what\n" + table.String())
	for folder, n := range got {
		if want, ok := done[folder]; !ok || n != want {
			t.Errorf("%s: %d activities, want %d (listed: %t)", folder, n, want, ok)
		}
	}
	for folder := range done {
		if _, ok := got[folder]; !ok {
			t.Errorf("no payloads of %s", folder)
		}
	}
	for at := range couldNotBeRead {
		if !unread[at] {
			t.Errorf("%s can be read", at)
		}
	}
}

func TestNormaliseSaysWhichHeaderToGive(t *testing.T) {
	for p, want := range map[string][]string{
		"github":    {"--header 'X-GitHub-Event: …'", "NAME.headers"},
		"shopify":   {"--header 'X-Shopify-Topic: …'", "--header 'X-Shopify-Shop-Domain: …'"},
		"discourse": {"--header 'X-Discourse-Instance: …'"},
	} {
		got := call(`{"a":1}`, "normalise", "--platform", p)
		l := lines[set](t, got.out)
		for _, w := range want {
			if got.code != exitOK || len(l) != 1 || !strings.Contains(l[0].Parked, w) {
				t.Errorf("%s: code %d, %s; want %s", p, got.code, got.out, w)
			}
		}
	}
	if got := call(`{"a":1}`, "normalise", "--platform", "shopify", "--header", "X-Shopify-Topic: orders/create"); strings.Contains(got.out, "X-Shopify-Topic: …") || !strings.Contains(got.out, "X-Shopify-Shop-Domain: …") {
		t.Errorf("one of two was given: %s", got.out)
	}
	if got := call(`{"a":1}`, "normalise", "--platform", "discourse", "--header", "X-Discourse-Instance: https://forum.example"); strings.Contains(got.out, "X-Discourse-Instance: …") {
		t.Errorf("the header was given: %s", got.out)
	}
}

const opened = `{"action":"opened","issue":{"id":1,"number":7,"title":"It stops","created_at":"2026-01-01T00:00:00Z","html_url":"https://github.com/acme/widgets/issues/7","user":{"id":5,"login":"ada"}},"repository":{"id":9,"full_name":"acme/widgets"},"sender":{"id":5,"login":"ada"}}`

func TestNormaliseTakesHeadersFromBesideTheFile(t *testing.T) {
	const want = `"key":"github|9|post|7|2026-01-01T00:00:00.000Z"`
	for name, text := range map[string]string{"a.headers": "X-GitHub-Event: issues\n", "a.headers.json": `{"X-GitHub-Event":"issues"}`} {
		body := file(t, "a.json", opened)
		beside := filepath.Join(filepath.Dir(body), name)
		if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := call("", "normalise", "--platform", "github", body, beside)
		if got.code != exitOK || strings.Count(got.out, "\n") != 1 || !strings.Contains(got.out, want) {
			t.Errorf("%s: code %d, %s%s", name, got.code, got.out, got.err)
		}
		if got := call("", "normalise", "--platform", "github", "--header", "x-github-event: ping", body); !strings.Contains(got.out, `"event":"ping opened","ignored":`) {
			t.Errorf("%s: a flag stands instead of the file: got %s%s", name, got.out, got.err)
		}
	}
	if got := call(opened, "normalise", "--platform", "github", "--header", "X-GitHub-Event: issues"); !strings.Contains(got.out, want) {
		t.Errorf("standard input: %s%s", got.out, got.err)
	}
}

func TestNormaliseTellsOfHandshakesAndGrants(t *testing.T) {
	for name, c := range map[string]struct{ stdin, platform, want string }{
		"a handshake":    {`{"type":"url_verification","challenge":"c","token":"t"}`, "slack", `"ignored":"a handshake`},
		"a grant's end":  {`{"user_event":{"revoke":{"date_time":"2026-01-01T00:00:00+00:00","target":{"app_id":"1"},"source":{"user_id":"2"}}}}`, "x", `"revoked":"`},
		"an erasure":     {`{"client_key":"k","event":"authorization.removed","create_time":1767225600,"user_openid":"act.1","content":"{\"reason\":2}"}`, "tiktok", `"`},
		"an inner event": {`{"type":"message","channel":"C1","user":"U1","text":"hello","ts":"1767225600.000100","user_team":"T1"}`, "slack", `"key":"slack|C1|post|1767225600.000100|`},
		"no event":       {`[]`, "hubspot", `"`},
	} {
		got := call(c.stdin, "normalise", "--platform", c.platform)
		if got.code != exitOK || !strings.Contains(got.out, c.want) {
			t.Errorf("%s: code %d, %s%s; want %s", name, got.code, got.out, got.err, c.want)
		}
		for _, l := range lines[said](t, got.out) {
			if l.Key == "" && l.reason() == "" {
				t.Errorf("%s: a line without a reason: %s", name, got.out)
			}
		}
		if strings.Contains(got.err, "read as one of the team T1") != (name == "an inner event") {
			t.Errorf("%s: said %q", name, got.err)
		}
	}
}

// Each platform's own fixtures: whatever its adapter can say has its line,
// and score takes the lines as they are.
func TestNormaliseOfEveryFixtureSaysSomething(t *testing.T) {
	kinds := map[string]bool{}
	for _, a := range all.Adapters() {
		files, err := filepath.Glob("../../internal/platform/" + string(a.Platform()) + "/testdata/*.json")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d fixtures", a.Platform(), err, len(files))
		}
		for _, file := range files {
			if recorded.IsHeaders(file) {
				continue
			}
			r, err := recorded.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range told(a, r, platform.Options{}, now) {
				b, err := json.Marshal(printed(file, e))
				if err != nil {
					t.Fatal(err)
				}
				l := lines[said](t, string(b))[0]
				if (l.Key == "") == (l.reason() == "") || isSet(b) != (l.Key == "") {
					t.Errorf("%s: %s", file, b)
				}
				kinds[e.Becomes()] = true
			}
		}
	}
	for _, want := range []string{platform.Ignored, platform.Parked, platform.Erased, platform.Revoked, string(social.Post)} {
		if !kinds[want] {
			t.Errorf("no fixture becomes %s: this test shows nothing of it", want)
		}
	}
}

func TestNormaliseByTheURL(t *testing.T) {
	body := `{"events":[{"eventName":"service-review-created","version":"1.0","eventData":{"id":"r1","language":"en","stars":1,"title":"Late","text":"It came late","createdAt":"2026-01-01T00:00:00Z","consumer":{"id":"c1","name":"Ada"}}}]}`
	without := call(body, "normalise", "--platform", "trustpilot")
	with := call(body, "normalise", "--platform", "trustpilot", "--url", "https://h.example/hooks/app_1/token?unit=46d6a890000064000500e0c3")
	if !strings.Contains(without.out, "?unit=") || !strings.Contains(with.out, `"type":"review"`) {
		t.Errorf("without: %s%s\nwith: %s%s", without.out, without.err, with.out, with.err)
	}
	feed := `{"version":"https://jsonfeed.org/version/1.1","title":"News","items":[{"id":"1","url":"https://news.example/1","title":"One","date_published":"2026-01-01T00:00:00Z"}]}`
	got := call(feed, "normalise", "--platform", "feed", "--method", "GET", "--url", "https://news.example/feed.json")
	if !slices.ContainsFunc(lines[said](t, got.out), func(l said) bool { return l.Type == social.Post }) {
		t.Errorf("a feed that was fetched: %s%s", got.out, got.err)
	}
}
