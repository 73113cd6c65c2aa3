package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// connection is one platform's source, and what signs for it.
type connection struct {
	adapter platform.Adapter
	id, app string
	hook    string
	key     string // signs
	secret  string // verifies
	token   string // of handshakes
	options platform.Options
	scope   string
}

// kept is a source as the API shows it.
type kept struct {
	ID      string `json:"id"`
	App     string `json:"app"`
	HookURL string `json:"hook_url"`
	Secret  string `json:"secret"`
}

// special is what a platform's source needs beyond a scope and any secret.
var special = map[social.Platform]struct {
	scope, config, secret string
}{
	"standard":   {scope: "forum", config: `{"mapping":{"scope":{"value":"forum"},"type":{"path":"/kind","default":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"text":{"path":"/text"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`},
	"meta":       {scope: "100200300", secret: "2b7e151628aed2a6abf7158809cf4f3c"},
	"x":          {scope: "2244994945"},
	"linkedin":   {scope: "urn:li:organization:2414183"},
	"youtube":    {scope: "UCxxxxxxxxxxxxxxxxxxxxxx"},
	"bluesky":    {scope: "did:plc:ewvi7nxzyoun6zhxrhs64oiz"},
	"discourse":  {scope: "forum.example.com"},
	"mastodon":   {scope: "mastodon.example"},
	"github":     {scope: "acme/widgets"},
	"slack":      {scope: "T061EG9R6"},
	"discord":    {scope: "1234194246200823000"},
	"telegram":   {scope: "-1001234567890"},
	"shopify":    {scope: "acme.myshopify.com"},
	"zendesk":    {scope: "22129848"},
	"intercom":   {scope: "a86dr8yl"},
	"hubspot":    {scope: "33"},
	"stripe":     {scope: "acct_1032D82eZvKYlo2C", secret: "whsec_2b7e151628aed2a6abf7158809cf4f3c"},
	"typeform":   {scope: "lT4Z3j"},
	"trustpilot": {scope: "46d6a890000064000500e0c3"},
	"tiktok":     {scope: "1234567890"},
}

// connect connects a source of a platform as an operator would.
func (c *client) connect(base string, a platform.Adapter) connection {
	c.t.Helper()
	is, ok := special[a.Platform()]
	if !ok {
		c.t.Fatalf("special has no line for %s", a.Platform())
	}
	x := connection{adapter: a, scope: is.scope, token: "a token of ours", options: platform.Options{Config: json.RawMessage(is.config)}}
	body := map[string]any{"platform": a.Platform(), "name": string(a.Platform()), "scope": is.scope}
	if is.config != "" {
		body["config"] = json.RawMessage(is.config)
	}
	switch _, ours := a.(platform.KeyMaker); {
	case a.Platform() == "discord":
		seed := sha256.Sum256([]byte("a seed of the test"))
		x.key = hex.EncodeToString(seed[:])
		x.secret = hex.EncodeToString(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
		body["secret"] = x.secret
	case is.secret != "":
		x.secret = is.secret
		body["secret"] = is.secret
	case !ours:
		x.secret = "2b7e151628aed2a6abf7158809cf4f3c"
		body["secret"] = x.secret
	}
	if a.Platform() == "meta" {
		body["verify_token"] = x.token
	}
	status, b := c.do("POST", base+"/sources", body, "")
	if status != http.StatusCreated {
		c.t.Fatalf("connect %s: %d %s", a.Platform(), status, b)
	}
	var made kept
	if err := json.Unmarshal(b, &made); err != nil {
		c.t.Fatal(err)
	}
	if made.Secret != "" {
		x.secret = made.Secret
	}
	if x.key == "" {
		x.key = x.secret
	}
	x.id, x.app, x.hook = made.ID, made.App, made.HookURL
	return x
}

// exchange sends a request and returns its answer.
func exchange(t *testing.T, r platform.Request) (int, string, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		t.Error(err)
		return 0, "", nil
	}
	req.Header = r.Header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, "", nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.StatusCode, res.Header.Get("Content-Type"), body
}

// signed is a request to the hook, signed now.
func (x connection) signed(t *testing.T, r platform.Request, id string) platform.Request {
	t.Helper()
	r.URL = x.hook
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if err := x.adapter.(platform.Signer).Sign(&r, x.key, id, x.options, time.Now()); err != nil {
		t.Fatalf("%s: %v", x.adapter.Platform(), err)
	}
	return r // the hook's URL has the path that goes with it, where there is one
}

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// handshake tests the URL as the platform does, where it does, and says what
// the answer must be.
func (x connection) handshake(t *testing.T) (r platform.Request, want string, is bool) {
	get := func(query string) platform.Request {
		return platform.Request{Method: http.MethodGet, URL: x.hook + "?" + query, Header: http.Header{}}
	}
	post := func(body string) platform.Request {
		return x.signed(t, platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}, "msg_0")
	}
	switch x.adapter.Platform() {
	case "meta":
		return get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + url.QueryEscape(x.token)), "1158201444", true
	case "x":
		return get("crc_token=uzwcfYtzr9"), `{"response_token":"sha256=` + base64.StdEncoding.EncodeToString(mac(x.secret, "uzwcfYtzr9")) + `"}`, true
	case "linkedin":
		code := "890e4665-4dfe-4ab1-b689-ed553bceeed0"
		return get("challengeCode=" + code), `{"challengeCode":"` + code + `","challengeResponse":"` + hex.EncodeToString(mac(x.secret, code)) + `"}`, true
	case "youtube":
		return get("hub.mode=subscribe&hub.lease_seconds=432000&hub.challenge=c-1&hub.topic=" + url.QueryEscape("https://www.youtube.com/xml/feeds/videos.xml?channel_id="+x.scope)), "c-1", true
	case "slack":
		return post(`{"token":"t","challenge":"3eZbrw1a","type":"url_verification"}`), "3eZbrw1a", true
	case "discord":
		return post(`{"version":1,"application_id":"1","type":0}`), "", true
	}
	return r, "", false
}

// activities are a workspace's facts, by platform.
func (c *client) activities(base string) map[string][]social.Line {
	c.t.Helper()
	out := map[string][]social.Line{}
	for _, raw := range c.all(base + "/activities?limit=500") {
		var a social.Line
		if err := json.Unmarshal(raw, &a); err != nil {
			c.t.Fatal(err)
		}
		out[a.Platform] = append(out[a.Platform], a)
	}
	return out
}

// post sends a value and reads the answer's.
func (c *client) post(path string, body any, status int, into any) {
	c.t.Helper()
	got, b := c.do("POST", path, body, "")
	if got != status {
		c.t.Fatalf("POST %s: %d %s, want %d", path, got, b, status)
	}
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			c.t.Fatal(err)
		}
	}
}

// replayResult is what the API and the tool say of a replay.
type replayResult struct {
	Deliveries int `json:"deliveries"`
	Add        int `json:"would_add"`
	Differ     int `json:"would_change"`
	Same       int `json:"same"`
	Erased     int `json:"erased"`
	Parked     int `json:"still_parked"`
}

// TestEveryPlatform connects a source of every platform, answers its
// handshake, and sends it one signed delivery three times at once and in any
// order: one fact each. Then what an operator does when something is wrong.
func TestEveryPlatform(t *testing.T) {
	c := deployed(t)
	w := fmt.Sprintf("hooks-%d", time.Now().UnixMilli())
	ann := c.user(t, "ann")
	base := "/v1/workspaces/" + w
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Hooks", "time_zone": "UTC"}, http.StatusCreated, nil)

	by := map[social.Platform]connection{}
	var names []social.Platform
	for _, a := range all.Adapters() {
		if p, ok := a.(platform.Poller); ok && p.Polls("*") {
			continue // nothing is sent
		}
		by[a.Platform()] = ann.connect(base, a)
		names = append(names, a.Platform())
	}
	if len(names) < 20 {
		t.Fatalf("only %d platforms: %v", len(names), names)
	}

	for _, name := range names {
		x := by[name]
		r, want, is := x.handshake(t)
		if !is {
			continue
		}
		status, kind, body := exchange(t, r)
		if status/100 != 2 || string(body) != want {
			t.Errorf("%s: its handshake is answered %d %s %q, want %q", name, status, kind, body, want)
		}
	}

	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	type copyOf struct {
		name social.Platform
		n    int
	}
	var queue []copyOf
	for _, name := range names {
		for n := range 3 {
			queue = append(queue, copyOf{name, n})
		}
	}
	rand.New(rand.NewPCG(4, 4)).Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	sample := func(x connection, id string) platform.Request {
		return platform.SampleOf(x.adapter.(platform.Signer), x.scope, id, at, x.options)
	}
	send := func(x connection, r platform.Request, id string) int {
		status, _, body := exchange(t, x.signed(t, r, id))
		if x.adapter.Platform() == "telegram" && len(body) > 0 {
			t.Errorf("telegram is answered %q: it would carry it out", body)
		}
		return status
	}
	var wg sync.WaitGroup
	work := make(chan copyOf)
	for range 6 {
		wg.Go(func() {
			for q := range work {
				x := by[q.name]
				if status := send(x, sample(x, "1001"), "msg_1001"); status/100 != 2 {
					t.Errorf("%s: its delivery is answered %d", q.name, status)
				}
			}
		})
	}
	for _, q := range queue {
		work <- q
	}
	close(work)
	wg.Wait()
	c.drained(t)
	direction := map[social.Platform]string{}
	for _, name := range names {
		direction[name] = string(social.Inbound)
	}
	direction["youtube"] = string(social.Outbound) // the channel's own videos are all that its hub tells
	once := func(when string, want int) {
		t.Helper()
		facts := ann.activities(base)
		for _, name := range names {
			if list := facts[string(name)]; len(list) != want || want == 1 && list[0].Direction != direction[name] {
				t.Errorf("%s: %s has %d facts, want %d, %s: %+v", when, name, len(list), want, direction[name], list)
			}
		}
	}
	once("sent three times at once", 1)

	// Another registration at the same page: the same event through two sources.
	other := ann.connect(base, by["meta"].adapter)
	if status := send(other, sample(other, "1001"), "msg_1001"); status != http.StatusOK {
		t.Errorf("through the second source: %d", status)
	}
	c.drained(t)
	once("through two sources", 1)

	// A signature of somebody else's is refused, and the health says so.
	wrong := by["github"]
	wrong.key = "somebody else's secret, as long as ours"
	if status := send(wrong, sample(wrong, "1002"), "msg_1002"); status != http.StatusUnauthorized {
		t.Errorf("signed with another's secret: %d", status)
	}
	c.drained(t)
	var health struct {
		Items []struct {
			Platform  string     `json:"platform"`
			Status    string     `json:"status"`
			LastHeard *time.Time `json:"last_heard"`
			Refusals  *struct {
				Day int `json:"last_24_hours"`
			} `json:"refusals"`
		} `json:"items"`
	}
	ann.get(base+"/health", &health)
	if len(health.Items) != len(names)+1 {
		t.Errorf("the health of %d sources, want %d", len(health.Items), len(names)+1)
	}
	for _, h := range health.Items {
		if h.LastHeard == nil || h.Status == "waiting" {
			t.Errorf("%s is %s, last heard %v, though it delivered", h.Platform, h.Status, h.LastHeard)
		}
		if h.Platform == "github" && (h.Refusals == nil || h.Refusals.Day < 1) {
			t.Errorf("github's refusals: %+v, want 1", h.Refusals)
		}
	}

	// Source checks: no number changes.
	for _, name := range []social.Platform{"slack", "telegram", "youtube", "standard", "trustpilot", "hubspot"} {
		var check struct {
			OK    bool `json:"ok"`
			Steps []struct {
				Name   string `json:"name"`
				OK     bool   `json:"ok"`
				Detail string `json:"detail"`
			} `json:"steps"`
		}
		ann.post(base+"/sources/"+by[name].id+"/checks", nil, http.StatusOK, &check)
		if !check.OK || len(check.Steps) != 8 {
			t.Errorf("the check of %s: %+v", name, check)
		}
	}
	once("after source checks", 1)

	t.Run("replay", func(t *testing.T) {
		ann.t = t
		defer func() { ann.t = nil }()
		x := by["meta"]
		x.scope = "400500600"
		if status := send(x, sample(x, "2001"), "msg_2001"); status != http.StatusOK {
			t.Fatalf("for a page that nobody watches: %d", status)
		}
		c.drained(t)
		replay := func(body map[string]any) (r replayResult) {
			t.Helper()
			ann.post(base+"/replays", body, http.StatusOK, &r)
			return r
		}
		if r := replay(map[string]any{"dry_run": true, "reason": "no source watches"}); r.Deliveries != 1 || r.Add != 0 || r.Parked != 1 {
			t.Errorf("before it is watched: %+v", r)
		}
		ann.post(base+"/sources", map[string]any{"platform": "meta", "name": "Another page", "scope": x.scope, "app": x.app}, http.StatusCreated, nil)
		if r := replay(map[string]any{"dry_run": true}); r.Add != 1 || r.Differ != 0 || r.Parked != 0 {
			t.Errorf("once it is watched: %+v", r)
		}
		if n := len(ann.activities(base)["meta"]); n != 1 {
			t.Errorf("a dry run stored something: %d facts", n)
		}
		bin := tool(t)
		out, err := exec.Command(bin, "replay", "--workspace", w, "--reason", "no source watches").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "would add 0") {
			t.Errorf("rapport replay: %v\n%s", err, out)
		}
		if n := len(ann.activities(base)["meta"]); n != 2 {
			t.Errorf("after the replay meta has %d facts, want 2", n)
		}
		if list := ann.all(base + "/parked?limit=100"); len(list) != 0 {
			t.Errorf("still parked: %s", list)
		}
		// Everything once more: nothing doubles, nothing changes.
		if r := replay(map[string]any{"archived": true, "dry_run": true}); r.Add != 0 || r.Differ != 0 || r.Same < len(names)+1 {
			t.Errorf("the archive in a dry run: %+v", r)
		}
		before := ann.activities(base)
		if r := replay(map[string]any{"archived": true}); r.Deliveries < len(names)+1 {
			t.Errorf("the archive: %+v", r)
		}
		c.drained(t)
		if diff := cmp.Diff(before, ann.activities(base)); diff != "" {
			t.Errorf("replaying the archive changed facts (-before +after):\n%s", diff)
		}
	})

	t.Run("erasure", func(t *testing.T) {
		ann.t = t
		defer func() { ann.t = nil }()
		x := by["bluesky"]
		facts := ann.activities(base)["bluesky"]
		if len(facts) != 1 {
			t.Fatalf("bluesky has %d facts", len(facts))
		}
		did := facts[0].Actor.ID
		gone := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: fmt.Appendf(nil,
			`{"did":%q,"time_us":%d,"kind":"account","account":{"active":false,"did":%q,"seq":1,"status":"deleted","time":%q}}`, did, time.Now().UnixMicro(), did, time.Now().UTC().Format(time.RFC3339Nano))}
		if status := send(x, gone, "msg_gone"); status/100 != 2 {
			t.Fatalf("the demand to forget: %d", status)
		}
		// Two are meant: the account of that id, and that of the source's own ids.
		var receipts []json.RawMessage
		pending := func() bool {
			receipts = ann.all(base + "/erasures?limit=100")
			done := 0
			for _, r := range receipts {
				var e struct{ Done bool }
				if err := json.Unmarshal(r, &e); err != nil {
					t.Fatal(err)
				}
				if e.Done {
					done++
				}
			}
			return done < 2
		}
		for end := time.Now().Add(8 * time.Minute); pending(); time.Sleep(500 * time.Millisecond) { // one that failed comes again after six
			if time.Now().After(end) {
				t.Fatalf("not done: %s", receipts)
			}
		}
		for _, r := range receipts {
			if strings.Contains(string(r), did) {
				t.Errorf("a receipt tells who it was: %s", r)
			}
		}
		if left := ann.activities(base)["bluesky"]; len(left) != 0 {
			t.Errorf("still there: %+v", left)
		}
		// Neither redelivery nor replay brings it back.
		if status := send(x, sample(x, "1001"), "msg_1001"); status/100 != 2 {
			t.Errorf("redelivered: %d", status)
		}
		c.drained(t)
		var r replayResult
		ann.post(base+"/replays", map[string]any{"archived": true}, http.StatusOK, &r)
		c.drained(t)
		if left := ann.activities(base)["bluesky"]; len(left) != 0 || r.Add != 0 {
			t.Errorf("it came back: %+v; the replay said %+v", left, r)
		}
	})
}
