package github

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
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

var suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{"acme/widgets", "Acme/Widgets.js", "acme", "id:77001"}, Fleeting: []string{"X-GitHub-Delivery"}, Secret: "a-secret-of-the-webhook", Other: "the-secret-of-another",
	Unshown: map[string]bool{"what a react is of": true, "what a unreact is of": true}} // stars are of the repository, which nobody says; GitHub sends no other reactions

func TestSuite(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
func TestPublishedVector(t *testing.T) {
	s := platform.Secrets{Keys: []string{"It's a Secret to Everybody"}}
	r := platform.Request{Method: http.MethodPost, Body: []byte("Hello, World!"), Header: http.Header{}}
	r.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	if err := (Adapter{}).Verify(r, s, platform.Options{}, time.Time{}); err != nil {
		t.Error(err)
	}
}

func TestLegacySignature(t *testing.T) {
	s := platform.Secrets{Keys: []string{"k"}}
	body := []byte(`{"zen":"🎉"}`)
	sha1 := "sha1=" + platform.MAC{Algorithm: "sha1", Encoding: "hex"}.Sum("k", body)
	for name, c := range map[string]struct {
		h      map[string]string
		legacy bool
		want   string // "": it holds
	}{
		"alone, not allowed":               {map[string]string{legacyHeader: sha1}, false, "it holds, but the app does not allow it"},
		"alone, allowed":                   {map[string]string{legacyHeader: sha1}, true, ""},
		"wrong, allowed":                   {map[string]string{legacyHeader: "sha1=" + strings.Repeat("0", 40)}, true, "does not match"},
		"SHA-256 in the old header":        {map[string]string{legacyHeader: "sha256=" + scheme.MAC.Sum("k", body)}, true, "does not match"},
		"beside a new one that is wrong":   {map[string]string{legacyHeader: sha1, signatureHeader: "sha256=00"}, true, "does not match"},
		"beside a new one, as GitHub does": {map[string]string{legacyHeader: sha1, signatureHeader: "sha256=" + scheme.MAC.Sum("k", body)}, false, ""},
		"none":                             {nil, true, "no secret at GitHub"},
	} {
		r := platform.Request{Method: http.MethodPost, Body: body, Header: http.Header{}}
		for k, v := range c.h {
			r.Header.Set(k, v)
		}
		err := (Adapter{}).Verify(r, s, platform.Options{Legacy: c.legacy}, time.Time{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
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

func one(t *testing.T, event string, body map[string]any) platform.Event {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set(eventHeader, event)
	events, err := (Adapter{}).Normalise(platform.Request{Method: http.MethodPost, Header: h, Body: b}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", event, events, err)
	}
	return events[0]
}

// A genuine body under the name of another event must not be taken for it.
func TestBodyUnderAnotherEventsName(t *testing.T) {
	genuine := map[string]string{
		"issues": "issues_deleted", "issue_comment": "issue_comment_deleted", "pull_request": "pull_request_edited", "pull_request_review": "pull_request_review_edited",
		"pull_request_review_comment": "pull_request_review_comment_deleted", "discussion": "discussion_deleted", "discussion_comment": "discussion_comment_deleted",
		"commit_comment": "commit_comment_created", "release": "release_deleted", "star": "star_deleted", "fork": "fork", "member": "member_removed", "meta": "meta_deleted",
		"repository": "repository_deleted", "installation": "installation_deleted", "installation_repositories": "installation_repositories_removed",
		"sponsorship": "sponsorship_created", "marketplace_purchase": "marketplace_purchase_purchased", "github_app_authorization": "github_app_authorization_revoked",
	}
	for of, name := range genuine {
		body := fixture(t, name)
		if e := one(t, of, body); e.Parked != "" {
			t.Errorf("%s: %s", name, e.Parked)
		}
		for event := range genuine {
			for _, action := range []any{body["action"], "deleted", "created", "edited", "revoked"} {
				body := fixture(t, name)
				if action != nil {
					body["action"] = action
				}
				if e := one(t, event, body); event != of && (e.Activity != nil || e.Revoked != "" || e.Erase != nil) {
					t.Errorf("%s (action %v) under the name of %s became %s", name, action, event, e.Becomes())
				}
			}
		}
	}
}

// What is known of no event stands in many bodies: it must not pass for the end of a grant.
func TestAnotherObjectIsNoEndOfAGrant(t *testing.T) {
	for event, name := range map[string]string{"repository": "repository_deleted", "installation": "installation_deleted", "organization": "organization_renamed",
		"installation_repositories": "installation_repositories_removed", "github_app_authorization": "github_app_authorization_revoked"} {
		for _, key := range []string{"label", "milestone", "team", "repository"} {
			body := fixture(t, name)
			if body[key] != nil {
				continue
			}
			body[key] = map[string]any{"id": 1}
			if e := one(t, event, body); e.Parked == "" {
				t.Errorf("%s with a %s became %s", name, key, e.Becomes())
			}
		}
	}
}

func TestAFormTellsWhatItsJSONTells(t *testing.T) {
	b, err := os.ReadFile("testdata/form.txt")
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []platform.Request{
		{Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}, "X-Github-Event": {"issue_comment"}}, Body: b},
		{Header: http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"issue_comment"}}, Body: []byte(form.Get("payload"))},
	} {
		events, err := (Adapter{}).Normalise(r, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil || events[0].Activity.Text != "Same here. 🎉" {
			t.Errorf("%s: %+v, %v", r.Header.Get("Content-Type"), events, err)
		}
	}
}

// A hook of the repository, one of the organisation and an app's differ in
// what stands beside the event.
func TestTheSameEventThroughAnyHookIsOneActivity(t *testing.T) {
	want := one(t, "issue_comment", fixture(t, "issue_comment_created"))
	repo := fixture(t, "issue_comment_created")
	delete(repo, "organization")
	app := fixture(t, "issue_comment_created")
	app["installation"] = map[string]any{"id": 42, "node_id": "x"}
	for name, body := range map[string]map[string]any{"repository": repo, "app": app} {
		if diff := cmp.Diff(want, one(t, "issue_comment", body)); diff != "" {
			t.Errorf("%s (-organisation +%s):\n%s", name, name, diff)
		}
	}
}

func TestARenamedRepositoryKeepsItsKeys(t *testing.T) {
	want := one(t, "issue_comment", fixture(t, "issue_comment_created")).Activity
	body := fixture(t, "issue_comment_created")
	body["repository"].(map[string]any)["full_name"] = "Acme/gadgets"
	body["repository"].(map[string]any)["html_url"] = "https://github.com/Acme/gadgets"
	e := one(t, "issue_comment", body)
	if diff := cmp.Diff(want, e.Activity); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if !slices.Equal(e.Scopes, []string{"Acme/gadgets", "acme/gadgets", "id:77001", "Acme", "acme"}) {
		t.Errorf("routed by %v", e.Scopes)
	}
}

func TestIdsOfTwoServersAreTwo(t *testing.T) {
	a := one(t, "issues", fixture(t, "issues_opened")).Activity
	b := one(t, "issues", fixture(t, "issues_opened_on_a_server_of_its_own")).Activity
	if a.Key == b.Key || a.Scope == b.Scope || a.Account() == b.Account() {
		t.Errorf("an issue on github.com and one on a server of its own are the same: %s, %+v", b.Key, b.Account())
	}
}

func TestCommentsNameTheObjectTheyAreOn(t *testing.T) {
	object := func(event, name string) *social.Activity { return one(t, event, fixture(t, name)).Activity }
	issue, pull, dis := object("issues", "issues_opened"), object("pull_request", "pull_request_opened"), object("discussion", "discussion_created")
	line, answer := object("pull_request_review_comment", "pull_request_review_comment_created"), object("discussion_comment", "discussion_comment_created")
	for _, c := range []struct {
		event, name string
		on, thread  *social.Activity
	}{
		{"issue_comment", "issue_comment_created", issue, issue},
		{"issue_comment", "issue_comment_created_on_a_pull_request", pull, pull},
		{"pull_request_review", "pull_request_review_submitted", pull, pull},
		{"pull_request_review_comment", "pull_request_review_comment_created", pull, pull},
		{"pull_request_review_comment", "pull_request_review_comment_created_in_reply", line, pull},
		{"discussion_comment", "discussion_comment_created", dis, dis},
		{"discussion_comment", "discussion_comment_created_in_reply", answer, dis},
	} {
		got := object(c.event, c.name)
		if got.InReplyTo != c.on.Object.ID || got.Conversation != c.thread.Object.ID || got.Scope != c.on.Scope {
			t.Errorf("%s replies to %s in %s; want %s in %s", c.name, got.InReplyTo, got.Conversation, c.on.Object.ID, c.thread.Object.ID)
		}
	}
	if got := object("discussion", "discussion_answered"); got.Object != answer.Object || got.Scope != answer.Scope {
		t.Errorf("the answer chosen is %+v, want %+v", got.Object, answer.Object)
	}
}

func TestEveryEditHasItsKey(t *testing.T) {
	seen := map[string]bool{}
	for _, set := range []map[string]any{{}, {"body": "another text"}, {"updated_at": "2026-02-03T10:30:01Z"}} {
		body := fixture(t, "issues_edited")
		for k, v := range set {
			body["issue"].(map[string]any)[k] = v
		}
		seen[one(t, "issues", body).Activity.Key] = true
	}
	if len(seen) != 3 {
		t.Errorf("three edits have the keys %v", seen)
	}
}

func TestDirection(t *testing.T) {
	for association, want := range map[string]social.Direction{
		"OWNER": social.Outbound, "MEMBER": social.Outbound, "COLLABORATOR": social.Inbound, "CONTRIBUTOR": social.Inbound,
		"FIRST_TIMER": social.Inbound, "NONE": social.Inbound, "": social.Inbound,
	} {
		body := fixture(t, "issues_opened")
		body["issue"].(map[string]any)["author_association"] = association
		if got := one(t, "issues", body).Activity.Direction; got != want {
			t.Errorf("%s is %s, want %s", association, got, want)
		}
	}
}

func TestCheckScope(t *testing.T) {
	for scope, ok := range map[string]bool{
		"acme": true, "acme/widgets": true, "Acme/Widgets.js": true, "id:77001": true, "a-b_c/d.e-f_g": true,
		"": false, "acme/": false, "/widgets": false, "acme/widgets/issues": false, "https://github.com/acme": false, "id:": false, "id:x": false, "a b": false,
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

// GitHub's published examples, where they are at hand.
func TestPublishedPayloads(t *testing.T) {
	dir := needs.Shared(t, "payloads/github")
	for file, event := range map[string]string{"commit_comment_created": "commit_comment", "discussion_comment_created": "discussion_comment", "fork": "fork",
		"issue_comment_created": "issue_comment", "issues_opened": "issues", "ping": "ping"} {
		b, err := os.ReadFile(filepath.Join(dir, file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := platform.Decode(b, &v); err != nil {
			t.Fatal(err)
		}
		if e := one(t, event, v); e.Parked != "" || (e.Activity == nil) != (file == "ping") {
			t.Errorf("%s: %+v", file, e)
		}
	}
}

// A body kept without its headers is read as what it can be alone, and as nothing else.
func TestEventOf(t *testing.T) {
	files, err := filepath.Glob("testdata/*.headers")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	told := 0
	for _, file := range files {
		h, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, event, _ := strings.Cut(string(h), eventHeader+": ")
		event, _, _ = strings.Cut(event, "\n")
		body, err := os.ReadFile(strings.TrimSuffix(file, ".headers") + ".json")
		if errors.Is(err, fs.ErrNotExist) {
			continue // a form
		}
		if err != nil {
			t.Fatal(err)
		}
		switch got := EventOf(body); {
		case got == event:
			told++
		case got != "" && file != "testdata/header_does_not_fit.headers" && file != "testdata/unknown.headers": // their headers are made up
			t.Errorf("%s: read as %s", file, got)
		}
	}
	if told < 80 {
		t.Errorf("of %d fixtures it says what %d are", len(files), told)
	}
	for _, body := range []string{``, `[]`, `{}`, `{"action":"created"}`, `{"issue":1,"release":1}`, `{"repository":{}}`} {
		if got := EventOf([]byte(body)); got != "" {
			t.Errorf("%s is read as %s", body, got)
		}
	}
}
