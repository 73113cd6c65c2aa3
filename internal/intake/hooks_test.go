package intake_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/intake"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

// gate is a handler over apps of several platforms, with all that it says.
type gate struct {
	http.Handler
	queued []platform.Delivery
	notes  []platform.Note
	fail   error // of noting
	clock  time.Time
	keys   map[string]platform.Secrets
	log    bytes.Buffer
}

func newGate(t *testing.T, keys map[string]platform.Secrets) *gate {
	t.Helper()
	g := &gate{clock: now, keys: keys}
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&g.log, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	g.Handler = intake.Handler(intake.Deps{
		App: func(_ context.Context, id string) (store.App, error) {
			if _, ok := keys[id]; !ok {
				return store.App{}, fault.New(fault.NotFound, "no such app")
			}
			p, _, _ := strings.Cut(id, "-")
			return store.App{ID: id, Owner: "w1", Platform: social.Platform(p)}, nil
		},
		Secrets: func(_ context.Context, app string) (platform.Secrets, error) { return g.keys[app], nil },
		Enqueue: func(_ context.Context, d platform.Delivery) error { g.queued = append(g.queued, d); return nil },
		Note: func(_ context.Context, n platform.Note) error {
			g.notes = append(g.notes, n)
			return g.fail
		},
		Instance: "i1", PublicURL: "https://hooks.example.com", Now: func() time.Time { return g.clock },
	})
	return g
}

func (g *gate) do(r platform.Request) *httptest.ResponseRecorder {
	u, err := url.Parse(r.URL)
	if err != nil {
		panic(err)
	}
	req := httptest.NewRequest(r.Method, u.RequestURI(), bytes.NewReader(r.Body))
	for k, v := range r.Header {
		req.Header[k] = v
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, req)
	return w
}

// sample is a signed delivery of a platform to an app's hook.
func sample(t *testing.T, app, scope, key string) platform.Request {
	t.Helper()
	p, _, _ := strings.Cut(app, "-")
	adapter, err := all.Find(social.Platform(p))
	if err != nil {
		t.Fatal(err)
	}
	s := adapter.(platform.Signer)
	r := platform.SampleOf(s, scope, "1", now, platform.Options{})
	hook := "https://hooks.example.com/hooks/" + app
	r.URL = hook
	if r.Query != "" {
		r.URL += "?" + r.Query
	}
	if err := s.Sign(&r, key, "id_1", platform.Options{}, now); err != nil {
		t.Fatal(err)
	}
	if p, ok := adapter.(platform.Pather); ok {
		r.URL = hook + "/" + p.Path(scope, key)
	}
	return r
}

// What follows the app's id in the path is what the platform is known by: it
// is verified, and neither queued nor logged, in whatever way it is written.
func TestASecretPathStaysAtTheDoor(t *testing.T) {
	const unit, key = "46d6a890000064000500e0c3", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	token := platform.PathToken(key, "trustpilot", unit)
	r := sample(t, "trustpilot-1", unit, key)
	if !strings.Contains(r.URL, token) {
		t.Fatalf("the test is blind: %s", r.URL)
	}
	hook := "https://hooks.example.com/hooks/trustpilot-1"
	for name, c := range map[string]struct {
		url    string
		status int
	}{
		"as made":             {r.URL, 200},
		"an escaped byte":     {strings.Replace(r.URL, token, fmt.Sprintf("%%%02x%s", token[0], token[1:]), 1), 200},
		"an escaped hook":     {strings.Replace(r.URL, "/hooks/", "/%68ooks/", 1), 200},
		"a byte changed":      {strings.Replace(r.URL, token, "x"+token[1:], 1), 401},
		"of another unit":     {strings.Replace(r.URL, "unit="+unit, "unit=46d6a890000064000500e0c4", 1), 401},
		"none":                {hook + "?unit=" + unit, 401},
		"with more behind it": {hook + "/" + token + "/more?unit=" + unit, 401},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, map[string]platform.Secrets{"trustpilot-1": {Keys: []string{key}}})
			r := r
			r.URL = c.url
			if w := g.do(r); w.Code != c.status || len(g.queued) != map[bool]int{true: 1}[c.status == 200] {
				t.Fatalf("answered %d, want %d; %d queued", w.Code, c.status, len(g.queued))
			}
			for _, d := range g.queued {
				b, err := json.Marshal(d)
				if err != nil {
					t.Fatal(err)
				}
				var back platform.Delivery
				if err := json.Unmarshal(b, &back); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(b), token[1:]) {
					t.Errorf("the secret path is queued: %s", b)
				}
				if back.Request.Query != "unit="+unit || !strings.HasPrefix(back.Request.URL, "https://hooks.example.com/") {
					t.Errorf("queued with the URL %s", back.Request.URL)
				}
			}
			if strings.Contains(g.log.String(), token[1:]) || strings.Contains(g.log.String(), key) {
				t.Errorf("logged: %s", g.log.String())
			}
			for _, n := range g.notes {
				if strings.Contains(n.Reason, token[1:]) {
					t.Errorf("noted: %+v", n)
				}
			}
		})
	}
}

// A handshake of a platform whose path is secret has to bring it, too.
func TestAHandshakeBringsThePath(t *testing.T) {
	const channel, key = "UCaaaaaaaaaaaaaaaaaaaaaa", "0123456789abcdef0123456789abcdef"
	g := newGate(t, map[string]platform.Secrets{"youtube-1": {Keys: []string{key}}})
	topic := url.QueryEscape("https://www.youtube.com/feeds/videos.xml?channel_id=" + channel)
	q := "?hub.mode=subscribe&hub.topic=" + topic + "&hub.challenge=c-4711&hub.lease_seconds=432000"
	hook := "https://hooks.example.com/hooks/youtube-1/" + channel + "/"
	if w := g.do(platform.Request{Method: "GET", URL: hook + platform.PathToken(key, "youtube", channel) + q}); w.Code != 200 || w.Body.String() != "c-4711" {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
	if w := g.do(platform.Request{Method: "GET", URL: hook + platform.PathToken("another", "youtube", channel) + q}); w.Code == 200 || w.Body.Len() > 0 {
		t.Errorf("with another token: answered %d %q", w.Code, w.Body)
	}
}

// Some platforms want another answer than 200 and nothing.
func TestAnswersToTheByte(t *testing.T) {
	const secret = "f1f10123456789abcdef0123456789ab"
	t.Run("meta is told where a demand stands", func(t *testing.T) {
		g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{secret}}})
		body := signedRequest(secret, `{"user_id":"218471","algorithm":"HMAC-SHA256","issued_at":1790000000}`)
		w := g.do(platform.Request{Method: "POST", URL: "https://hooks.example.com/hooks/meta-1?callback=deletion", Body: []byte(body),
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}})
		if len(g.queued) != 1 {
			t.Fatalf("answered %d %s, %d queued", w.Code, w.Body, len(g.queued))
		}
		id := g.queued[0].ID()
		want := `{"url":"https://hooks.example.com/hooks/meta-1?deletion=` + id + `","confirmation_code":"` + id + `"}`
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("answered %d %q %s, want %s", w.Code, w.Header(), w.Body, want)
		}
	})
	t.Run("discord is told 204", func(t *testing.T) {
		seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		g := newGate(t, map[string]platform.Secrets{"discord-1": {Keys: []string{hex.EncodeToString(public)}}})
		r := sample(t, "discord-1", "290926798626357999", hex.EncodeToString(seed))
		r.Header.Set("Content-Type", "application/json")
		if w := g.do(r); w.Code != 204 || w.Body.Len() > 0 || len(g.queued) != 1 || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("answered %d %v %q", w.Code, w.Header(), w.Body)
		}
		g.queued = nil
		r.Body = append(r.Body, ' ')
		if w := g.do(r); w.Code != 401 || len(g.queued) != 0 {
			t.Errorf("a changed byte: answered %d", w.Code)
		}
	})
	t.Run("telegram is told nothing, of no type", func(t *testing.T) {
		g := newGate(t, map[string]platform.Secrets{"telegram-1": {Keys: []string{"0123456789abcdef0123456789abcdef"}}})
		w := g.do(sample(t, "telegram-1", "-1001234567890", "0123456789abcdef0123456789abcdef"))
		if _, has := w.Header()["Content-Type"]; w.Code != 200 || w.Body.Len() > 0 || len(g.queued) != 1 || has && w.Header()["Content-Type"] != nil {
			t.Errorf("answered %d %v %q", w.Code, w.Header(), w.Body)
		}
	})
	t.Run("a forged demand is told nothing", func(t *testing.T) {
		g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{secret}}})
		w := g.do(platform.Request{Method: "POST", URL: "https://hooks.example.com/hooks/meta-1?callback=deletion", Body: []byte("signed_request=YWJj.e30")})
		if w.Code != 401 || w.Body.Len() > 0 || len(g.queued) != 0 {
			t.Errorf("a forged demand: answered %d %q, %d queued", w.Code, w.Body, len(g.queued))
		}
	})
}

// A flood of refused requests makes a handful of notes, of each slot anew.
func TestRefusalsAreNoted(t *testing.T) {
	g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{"k"}}, "meta-2": {Keys: []string{"k"}}})
	bad := func(app string) {
		g.do(platform.Request{Method: "POST", URL: "https://x/hooks/" + app, Body: []byte("{}")})
	}
	for range 250 {
		bad("meta-1")
	}
	bad("meta-2")
	g.clock = now.Add(5 * time.Minute)
	for range 2 {
		bad("meta-1")
	}
	for range 20 {
		bad("nobody")
		bad("..")
		g.do(platform.Request{Method: "GET", URL: "https://x/elsewhere"})
	}
	var got []string
	for _, n := range g.notes {
		if n.Instance != "i1" || n.Reason == "" || !n.Handshake.IsZero() {
			t.Errorf("%+v", n)
		}
		got = append(got, fmt.Sprintf("%s %s %d", n.App, n.Slot.Format("15:04"), n.Refused))
	}
	if d := cmp.Diff([]string{"meta-1 09:00 1", "meta-1 09:00 10", "meta-1 09:00 100", "meta-2 09:00 1", "meta-1 09:05 1"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A handshake is noted once a minute; a refused one is a refusal.
func TestHandshakesAreNoted(t *testing.T) {
	g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{"k"}, VerifyToken: "token"}})
	shake := func(token string) {
		g.do(platform.Request{Method: "GET", URL: "https://x/hooks/meta-1?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + token})
	}
	for _, after := range []time.Duration{0, 10 * time.Second, 59 * time.Second, time.Minute, 90 * time.Second} {
		g.clock = now.Add(after)
		shake("token")
	}
	shake("guess")
	want := []platform.Note{{App: "meta-1", Instance: "i1", Slot: now, Handshake: now}, {App: "meta-1", Instance: "i1", Slot: now, Handshake: now.Add(time.Minute)},
		{App: "meta-1", Instance: "i1", Slot: now, Refused: 1}}
	for i := range g.notes {
		g.notes[i].Reason = ""
	}
	if d := cmp.Diff(want, g.notes); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestNotingThatFailsFailsNothing(t *testing.T) {
	const key = "f1f10123456789abcdef0123456789ab"
	g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{key}, VerifyToken: "token"}})
	g.fail = errors.New("the queue is down")
	if w := g.do(platform.Request{Method: "POST", URL: "https://x/hooks/meta-1", Body: []byte("{}")}); w.Code != 401 {
		t.Errorf("a refusal: %d", w.Code)
	}
	if w := g.do(platform.Request{Method: "GET", URL: "https://x/hooks/meta-1?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=token"}); w.Code != 200 || w.Body.String() != "1158201444" {
		t.Errorf("a handshake: %d %s", w.Code, w.Body)
	}
	if w := g.do(sample(t, "meta-1", "100", key)); w.Code != 200 || len(g.queued) != 1 || len(g.notes) != 2 {
		t.Errorf("a delivery: %d, %d queued, %d noted", w.Code, len(g.queued), len(g.notes))
	}
}

// Who has a secret of the app makes tests; to anyone else the header says nothing.
func TestTestsAreTold(t *testing.T) {
	const key, old = "f1f10123456789abcdef0123456789ab", "5ec00123456789abcdef0123456789ab"
	for name, c := range map[string]struct {
		mark func(r *platform.Request)
		want string
	}{
		"none":                 {func(*platform.Request) {}, ""},
		"marked":               {func(r *platform.Request) { platform.MarkCheck(r, key, "check_1") }, "check_1"},
		"by a previous secret": {func(r *platform.Request) { platform.MarkCheck(r, old, "check_1") }, "check_1"},
		"by another's secret":  {func(r *platform.Request) { platform.MarkCheck(r, "other", "check_1") }, ""},
		"without a token":      {func(r *platform.Request) { r.Header.Set("X-Rapport-Check", "check_1") }, ""},
		"an empty token":       {func(r *platform.Request) { r.Header.Set("X-Rapport-Check", "check_1.") }, ""},
		"of another test": {func(r *platform.Request) {
			platform.MarkCheck(r, key, "check_1")
			r.Header.Set("X-Rapport-Check", strings.Replace(r.Header.Get("X-Rapport-Check"), "check_1", "check_2", 1))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{key, old}}})
			r := sample(t, "meta-1", "100", key)
			c.mark(&r)
			if w := g.do(r); w.Code != 200 || len(g.queued) != 1 || g.queued[0].Check != c.want {
				t.Fatalf("answered %d, queued %+v, want the test %q", w.Code, g.queued, c.want)
			}
			b, err := json.Marshal(g.queued[0])
			if err != nil || strings.Contains(strings.ToLower(string(b)), "x-rapport-check") {
				t.Errorf("the header is queued: %s, %v", b, err)
			}
		})
	}
}

// A platform may sign with the old secret for a while after a rotation.
func TestPreviousSecretsAreAccepted(t *testing.T) {
	keys := []string{"f1f10123456789abcdef0123456789ab", "5ec00123456789abcdef0123456789ab", ""}
	g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: keys}})
	for _, k := range keys[:2] {
		if w := g.do(sample(t, "meta-1", "100", k)); w.Code != 200 {
			t.Errorf("signed with %s: %d", k, w.Code)
		}
	}
	if w := g.do(sample(t, "meta-1", "100", "0123456789abcdef0123456789abcdef")); w.Code != 401 || len(g.queued) != 2 {
		t.Errorf("signed with one never known: %d", w.Code)
	}
	if got := slices.Collect(func(yield func(string) bool) {
		for _, d := range g.queued {
			yield(d.App)
		}
	}); !cmp.Equal(got, []string{"meta-1", "meta-1"}) {
		t.Errorf("queued for %q", got)
	}
}

// signedRequest is the form that Meta posts to its callbacks.
func signedRequest(key, payload string) string {
	p := base64.RawURLEncoding.EncodeToString([]byte(payload))
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(p))
	return "signed_request=" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)) + "." + p
}
