package all_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// What is said by an account that is no more is kept, by an actor who is not
// known: platforms write null in its place, or one account for all of them.
func TestWhatADeletedAccountSaidIsKeptAndIsNoPersons(t *testing.T) {
	for _, c := range []struct{ of, fixture, author, ghost string }{
		{"discourse", "post_created", `"user_id": 311`, `"user_id": null`},
		{"github", "issue_comment_created", `"user": {`, `"user": null, "former": {`},
		{"github", "issue_comment_created", `"login": "ivo"`, `"login": "ghost"`},
		{"hackernews", "found", `"author":"bo_tea"`, `"author":null`},
		{"zendesk", "ticket_comment_added", `"author": {`, `"former": {`},
		{"intercom", "user_replied", `"author": {`, `"former": {`},
	} {
		adapter, err := all.Find(social.Platform(c.of))
		if err != nil {
			t.Fatal(err)
		}
		dir := "../" + c.of + "/testdata/"
		body, err := os.ReadFile(dir + c.fixture + ".json")
		if err != nil {
			t.Error(err)
			continue
		}
		r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
		headers, _ := os.ReadFile(dir + c.fixture + ".headers")
		for line := range strings.SplitSeq(string(headers), "\n") {
			switch name, value, _ := strings.Cut(line, ": "); name {
			case ":method":
				r.Method = value
			case ":url":
				r.URL = value
			default:
				r.Header.Set(name, value)
			}
		}
		ghosts := func() (n int) {
			events, err := adapter.Normalise(r, platform.Options{})
			if err != nil {
				t.Errorf("%s: %v", c.of, err)
			}
			for _, e := range events {
				if e.Activity != nil && e.Activity.Text != "" && e.Activity.Actor.ID == social.Unknown && e.Activity.Actor.Handle == "" {
					n++
				}
			}
			return n
		}
		before := ghosts()
		r.Body = []byte(strings.ReplaceAll(string(body), c.author, c.ghost))
		if string(r.Body) == string(body) {
			t.Errorf("%s: %s holds no %s", c.of, c.fixture, c.author)
		}
		if after := ghosts(); after <= before {
			t.Errorf("%s, with %s: what was said is not kept without its author (%d before, %d after)", c.of, c.ghost, before, after)
		}
	}
}
