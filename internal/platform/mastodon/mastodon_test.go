package mastodon

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

var suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{"social.example.org", "#widgets@social.example.org"}, Secret: "0123456789abcdef0123456789abcdef01234567", Other: "fedcba9876543210fedcba9876543210fedcba98"}

func TestSuite(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// X-Hub-Signature carried SHA-1 once; Mastodon never sent that. The vector is
// computed after app/workers/webhooks/delivery_worker.rb: sha256= and the hex
// HMAC of the body under the secret's own text.
func TestSignatureIsSHA256UnderTheOldName(t *testing.T) {
	s := platform.Secrets{Keys: []string{"It's a Secret to Everybody"}}
	r := platform.Request{Method: http.MethodPost, Body: []byte("Hello, World!"), Header: http.Header{}}
	// The HMAC is GitHub's published one of the same construction:
	// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
	const sum = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	for value, ok := range map[string]bool{
		"sha256=" + sum: true, sum: false, "sha1=" + sum: false, "SHA256=" + sum: false,
		"sha1=" + platform.MAC{Algorithm: "sha1", Encoding: "hex"}.Sum(s.Keys[0], r.Body): false,
	} {
		r.Header.Set("X-Hub-Signature", value)
		for _, o := range []platform.Options{{}, {Legacy: true}} {
			if err := (Adapter{}).Verify(r, s, o, time.Time{}); (err == nil) != ok {
				t.Errorf("%s: %v", value, err)
			}
		}
	}
}

func status1(t *testing.T, name string) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Object json.RawMessage }
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d.Object
}

func normalise(t *testing.T, r platform.Request) []platform.Event {
	t.Helper()
	events, err := (Adapter{}).Normalise(r, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func poll(t *testing.T, scope string, statuses ...json.RawMessage) []platform.Event {
	t.Helper()
	f, err := (Adapter{}).Poll(scope, "1", platform.Secrets{}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(statuses)
	if err != nil {
		t.Fatal(err)
	}
	return normalise(t, platform.Request{Method: http.MethodGet, URL: f.URL, Header: http.Header{}, Body: body})
}

func TestTheSameStatusByWebhookAndByPollIsOneActivity(t *testing.T) {
	for _, name := range []string{"status_created", "status_created_reply", "status_created_quote", "status_created_boost"} {
		object := status1(t, name)
		body, err := json.Marshal(map[string]any{"event": "status.created", "object": object})
		if err != nil {
			t.Fatal(err)
		}
		hook := normalise(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body})[0]
		for _, scope := range []string{"#widgets@social.example.org", "#export@social.example.org"} {
			polled := poll(t, scope, object)[0]
			if hook.Activity == nil || polled.Activity == nil {
				t.Fatalf("%s: %+v, %+v", name, hook, polled)
			}
			if diff := cmp.Diff(hook.Activity, polled.Activity); diff != "" {
				t.Errorf("%s (-webhook +poll):\n%s", name, diff)
			}
			if polled.Scopes[0] != scope || len(polled.Scopes) != 1 {
				t.Errorf("%s: what was asked for in %s is in %v", name, scope, polled.Scopes)
			}
		}
	}
}

func TestAnEditedStatusIsThePostAndItsEdit(t *testing.T) {
	object := status1(t, "status_updated")
	events := poll(t, "#widgets@social.example.org", object)
	body, _ := json.Marshal(map[string]any{"event": "status.updated", "object": object})
	edit := normalise(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body})[0].Activity
	if len(events) != 2 || events[0].Activity.Type != social.Post {
		t.Fatalf("got %+v", events)
	}
	if diff := cmp.Diff(edit, events[1].Activity); diff != "" {
		t.Errorf("(-webhook +poll):\n%s", diff)
	}
}

func TestASignUpToldTwiceIsOne(t *testing.T) {
	var told []*social.Activity
	for _, name := range []string{"account_created", "account_approved"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, normalise(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: b})[0].Activity)
	}
	if diff := cmp.Diff(told[0], told[1]); diff != "" {
		t.Errorf("(-created +approved):\n%s", diff)
	}
}

func TestPoll(t *testing.T) {
	f, err := (Adapter{}).Poll("#über@social.example.org", "115990000000000001", platform.Secrets{Token: "tok"}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(f.URL)
	if err != nil || u.Scheme != "https" || u.Host != "social.example.org" || u.Path != "/api/v1/timelines/tag/über" {
		t.Errorf("asks %s", f.URL)
	}
	if got := u.Query().Encode(); got != "limit=40&min_id=115990000000000001" || f.Method != http.MethodGet || f.Header.Get("Authorization") != "Bearer tok" {
		t.Errorf("asks %s %s with %v", f.Method, got, f.Header)
	}
	events := normalise(t, platform.Request{Method: http.MethodGet, URL: f.URL, Body: []byte("[]")})
	if events[0].Scopes[0] != "#über@social.example.org" {
		t.Errorf("the answer is in %v", events[0].Scopes)
	}
	f, err = (Adapter{}).Poll("#widgets@social.example.org", "", platform.Secrets{}, platform.Options{})
	if err != nil || f.Header.Get("Authorization") != "" || strings.Contains(f.URL, "min_id") {
		t.Errorf("first, without a token: %+v, %v", f, err)
	}
	if _, err := (Adapter{}).Poll("social.example.org", "", platform.Secrets{}, platform.Options{}); err == nil {
		t.Error("an instance is fetched: its webhook sends")
	}
}

func TestNext(t *testing.T) {
	of := func(ids ...string) string {
		var b strings.Builder
		for i, id := range ids {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`{"id":"` + id + `"}`)
		}
		return "[" + b.String() + "]"
	}
	full := make([]string, page)
	for i := range full {
		full[i] = "1" + strings.Repeat("0", 5) + string(rune('0'+i/10)) + string(rune('0'+i%10))
	}
	for name, c := range map[string]struct {
		body, cursor, next string
		more, fails        bool
	}{
		"nothing new":                 {of(), "7", "7", false, false},
		"the greatest id, as numbers": {of("9", "101", "99"), "7", "101", false, false},
		"older than the cursor":       {of("9"), "10", "10", false, false},
		"a full page after a cursor":  {of(full...), "7", full[page-1], true, false},
		"a full page at first":        {of(full...), "", full[page-1], false, false},
		"a full page of the same":     {of(full...), "99999999999", "99999999999", false, false},
		"an id no instance gives":     {of(strings.Repeat("9", 65), "8"), "7", "8", false, false},
		"a refusal":                   {`{"error":"no"}`, "7", "7", false, true},
		"null":                        {`null`, "7", "7", false, true},
	} {
		next, more, err := (Adapter{}).Next(platform.Request{Method: http.MethodGet, Body: []byte(c.body)}, c.cursor)
		if next != c.next || more != c.more || (err != nil) != c.fails {
			t.Errorf("%s: %s, %v, %v; want %s, %v", name, next, more, err, c.next, c.more)
		}
	}
}

func TestScopes(t *testing.T) {
	for scope, c := range map[string]struct{ ok, polls bool }{
		"social.example.org": {true, false}, "#widgets@social.example.org": {true, true}, "#über@xn--ber-goa.example": {true, true},
		"https://social.example.org": {}, "social.example.org/": {}, "#widgets": {}, "#@social.example.org": {}, "#a/b@social.example.org": {}, "#a#b@social.example.org": {},
		"@nora@social.example.org": {}, "localhost": {}, "#a@localhost": {}, "#a@127.0.0.1": {}, "#a@[::1]": {}, "#a@169.254.169.254": {}, "#a@x.example:8080": {}, "#a@b@x.example": {}, "": {}, "x..example": {},
		"Social.example.org": {false, false}, "#Widgets@social.example.org": {false, true},
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != c.ok {
			t.Errorf("CheckScope(%q): %v", scope, err)
		}
		if got := (Adapter{}).Polls(scope); got != c.polls {
			t.Errorf("Polls(%q) is %v", scope, got)
		}
	}
}

// What real instances sent, where it is at hand.
func TestRealDeliveries(t *testing.T) {
	for _, path := range needs.SharedFiles(t, "payloads/mastodon/*.json") {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if e := normalise(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}); len(e) != 1 || e[0].Parked != "" {
			t.Errorf("%s: %+v", filepath.Base(path), e)
		}
	}
}

// TestALinkToWhatIsQuotedIsNobodysWords: servers put one into a quote's
// content, each in its own way.
func TestALinkToWhatIsQuotedIsNobodysWords(t *testing.T) {
	const link = `<a href="https://social.example.org/@nora/1"><span class="invisible">https://</span>social.example.org/@nora/1</a>`
	for content, want := range map[string][2]string{ // what it says as a quote, and as none
		`<p class="quote-inline">RE: ` + link + `</p><p>Look &amp; see</p>`:                    {"Look & see", "RE: https://social.example.org/@nora/1\nLook & see"},
		`<p>Look</p><span class="x quote-inline"><br/><span>RE:</span> ` + link + `</span>End`: {"Look\nEnd", "Look\nRE: https://social.example.org/@nora/1End"},
		`<p>RE: ` + link + `</p>`:          {"RE: https://social.example.org/@nora/1", "RE: https://social.example.org/@nora/1"},
		`<p class="quote-inline">RE: Look`: {"RE: Look", "RE: Look"},
	} {
		for i, quote := range []*struct{}{{}, nil} {
			object := map[string]any{"id": "2", "account": map[string]any{"id": "41", "acct": "sam"}, "created_at": "2026-02-03T10:11:12.345Z",
				"uri": "https://social.example.org/users/sam/statuses/2", "content": content, "quote": quote}
			body, err := json.Marshal(map[string]any{"event": "status.created", "object": object})
			if err != nil {
				t.Fatal(err)
			}
			e := normalise(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body})[0]
			if e.Activity == nil || e.Activity.Text != want[i] {
				t.Errorf("%s, a quote %t: %+v, want %q", content, quote != nil, e.Activity, want[i])
			}
		}
	}
}
