package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/intake"
	"rapport/internal/platform"
	"rapport/internal/platform/meta"
	"rapport/internal/store"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// hooks is a handler over two apps, and what it queued.
type hooks struct {
	http.Handler
	queued  []platform.Delivery
	asked   int
	failing error
	clock   time.Time
	random  float64
	keys    platform.Secrets
	down    error // what reading secrets fails with
	read    int   // how often they were read
}

func newHooks() *hooks {
	h := &hooks{clock: now, keys: platform.Secrets{Keys: []string{"secret"}, VerifyToken: "token"}}
	h.Handler = intake.Handler(intake.Deps{
		App: func(_ context.Context, id string) (store.App, error) {
			h.asked++
			switch id {
			case "page":
				return store.App{ID: "page", Owner: "w1", Platform: "meta"}, nil
			case "naked":
				return store.App{ID: "naked", Owner: "w1", Platform: "meta"}, nil
			case "broken":
				return store.App{}, fault.New(fault.Transient, "no answer")
			}
			return store.App{}, fault.New(fault.NotFound, "no such app")
		},
		Secrets: func(_ context.Context, app string) (platform.Secrets, error) {
			if app == "naked" {
				return platform.Secrets{}, fault.New(fault.NotFound, "none")
			}
			h.read++
			return h.keys, h.down
		},
		Enqueue: func(_ context.Context, d platform.Delivery) error {
			if h.failing == nil {
				h.queued = append(h.queued, d)
			}
			return h.failing
		},
		Now:  func() time.Time { return h.clock },
		Rand: func() float64 { return h.random },
	})
	return h
}

func (h *hooks) send(method, path, body, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		req := platform.Request{Method: method, Header: r.Header, Body: []byte(body)}
		if err := (meta.Adapter{}).Sign(&req, key, "", platform.Options{}, now); err != nil {
			panic(err)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	kinds := 0
	big := strings.Repeat("x", intake.MaxBody)
	for _, tt := range []struct {
		name, method, path, body, key string
		status, queued                int
		answer                        string
	}{
		{name: "signed", method: "POST", path: "/hooks/page", body: `{"a":1}`, key: "secret", status: 200, queued: 1},
		{name: "no body, signed", method: "POST", path: "/hooks/page", key: "secret", status: 200, queued: 1},
		{name: "not JSON, signed: not ours to judge", method: "POST", path: "/hooks/page", body: "\xff\x00", key: "secret", status: 200, queued: 1},
		{name: "no signature", method: "POST", path: "/hooks/page", body: `{"a":1}`, status: 401},
		{name: "another's secret", method: "POST", path: "/hooks/page", body: `{"a":1}`, key: "another", status: 401},
		{name: "an app without a secret", method: "POST", path: "/hooks/naked", body: `{"a":1}`, key: "secret", status: 401},
		{name: "unknown app", method: "POST", path: "/hooks/nobody", body: `{"a":1}`, key: "secret", status: 404},
		{name: "no app", method: "POST", path: "/hooks/", body: `{"a":1}`, key: "secret", status: 404},
		{name: "another path", method: "GET", path: "/", status: 404},
		{name: "exactly 4 MB", method: "POST", path: "/hooks/page", body: big, key: "secret", status: 200, queued: 1},
		{name: "over 4 MB", method: "POST", path: "/hooks/page", body: big + "x", key: "secret", status: 413},
		{name: "the table does not answer", method: "POST", path: "/hooks/broken", body: `{}`, key: "secret", status: 503},
		{name: "handshake", method: "GET", path: "/hooks/page?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=token", status: 200, answer: "1158201444"},
		{name: "handshake with another token", method: "GET", path: "/hooks/page?hub.mode=subscribe&hub.challenge=1&hub.verify_token=guess", status: 401},
		{name: "neither", method: "DELETE", path: "/hooks/page", status: 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHooks()
			kinds++
			w := h.send(tt.method, tt.path, tt.body, tt.key)
			if w.Code != tt.status || w.Body.String() != tt.answer {
				t.Errorf("answered %d %.80q, want %d %q", w.Code, w.Body, tt.status, tt.answer)
			}
			if len(h.queued) != tt.queued {
				t.Fatalf("%d deliveries queued, want %d", len(h.queued), tt.queued)
			}
			if tt.queued == 1 {
				if d := h.queued[0]; string(d.Request.Body) != tt.body || d.App != "page" || !d.Received.Equal(now) {
					t.Errorf("queued %s at %s with %d bytes, want the bytes as they came", d.App, d.Received, len(d.Request.Body))
				}
			}
		})
	}
	drill.Show(t, "a body of %d bytes is queued, one of %d is answered 413; of %d kinds of requests none but what is signed is queued", intake.MaxBody, intake.MaxBody+1, kinds)
}

func TestNotQueuedIsNotAcknowledged(t *testing.T) {
	h := newHooks()
	h.failing = errors.New("queue is down")
	if w := h.send("POST", "/hooks/page", "{}", "secret"); w.Code != http.StatusServiceUnavailable || w.Body.Len() > 0 {
		t.Errorf("answered %d %q, want 503 and nothing of the cause", w.Code, w.Body)
	}
}

func TestOnlyWhatIsRefusedIsCounted(t *testing.T) {
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
	defer slog.SetDefault(old)
	newHooks().send("POST", "/hooks/page", "{}", "secret")
	newHooks().send("POST", "/hooks/nobody", "{}", "secret") // of no source of ours: made up by anybody
	if n := strings.Count(buf.String(), `"msg":"hook"`); n != 2 || strings.Contains(buf.String(), "_aws") {
		t.Errorf("%d lines: %s", n, buf.String())
	}
}

func TestRefusalsAreCountedAndSecretsNotLogged(t *testing.T) {
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
	defer slog.SetDefault(old)
	newHooks().send("POST", "/hooks/page", `{"private":"words"}`, "another")
	var line struct {
		Result, Platform string
		Refused          int
		AWS              struct {
			CloudWatchMetrics []struct{ Namespace string }
		} `json:"_aws"`
	}
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, buf.String())
	}
	if line.Result != "refused" || line.Platform != "meta" || line.Refused != 1 || len(line.AWS.CloudWatchMetrics) != 1 || line.AWS.CloudWatchMetrics[0].Namespace != "Rapport/" {
		t.Errorf("metric line: %s", buf.String())
	}
	for _, leak := range []string{"private", "words", "secret\"", "sha256=", "token"} {
		if strings.Contains(buf.String(), leak) {
			t.Errorf("the log holds %q: %s", leak, buf.String())
		}
	}
}

func TestAppsAndSecretsAreRememberedForAMinute(t *testing.T) {
	h := newHooks()
	for range 5 {
		h.send("POST", "/hooks/page", "{}", "secret")
	}
	if h.asked != 1 {
		t.Errorf("asked %d times for the app, want 1", h.asked)
	}
	h.keys.Keys = []string{"rotated"}
	if w := h.send("POST", "/hooks/page", "{}", "rotated"); w.Code != http.StatusUnauthorized {
		t.Errorf("in the same moment: %d", w.Code)
	}
	h.clock = h.clock.Add(4 * time.Second)
	if w := h.send("POST", "/hooks/page", "{}", "secret"); w.Code != http.StatusOK {
		t.Errorf("the one before, as it is remembered: %d", w.Code)
	}
	h.clock = h.clock.Add(2 * time.Second)
	if w := h.send("POST", "/hooks/page", "{}", "rotated"); w.Code != http.StatusOK {
		t.Errorf("six seconds later: %d; what is refused is looked at once more", w.Code)
	}
	if w := h.send("POST", "/hooks/page", "{}", "secret"); w.Code != http.StatusUnauthorized {
		t.Errorf("the one before, once that is known: %d", w.Code)
	}
	if h.asked != 1 {
		t.Errorf("asked %d times for the app, want 1", h.asked)
	}

	// An app that is not there is asked for again soon: it may be about to be made.
	h = newHooks()
	h.send("POST", "/hooks/nobody", "{}", "secret")
	h.send("POST", "/hooks/nobody", "{}", "secret")
	h.clock = h.clock.Add(6 * time.Second)
	h.send("POST", "/hooks/nobody", "{}", "secret")
	if h.asked != 2 {
		t.Errorf("asked %d times for an app that is not there, want 2", h.asked)
	}
}

// What can't be read for a moment is served as it was, for 15 minutes at most.
func TestWhatCantBeReadIsServedAsItWas(t *testing.T) {
	h := newHooks()
	send := func(key string, want int) {
		t.Helper()
		if w := h.send("POST", "/hooks/page", "{}", key); w.Code != want {
			t.Errorf("after %s: answered %d, want %d", h.clock.Sub(now), w.Code, want)
		} else if (want == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("Retry-After %q with %d", w.Header().Get("Retry-After"), want)
		}
	}
	send("secret", 200)
	h.down = fault.New(fault.Transient, "throttled")
	h.clock = now.Add(2 * time.Minute)
	read := h.read
	for range 10 {
		send("secret", 200)
	}
	if h.read != read+1 {
		t.Errorf("%d readings of what fails within a moment, want 1", h.read-read)
	}
	send("another", 503) // it may have been rotated: the platform is to come again
	h.clock = now.Add(14 * time.Minute)
	send("secret", 200)
	h.clock = now.Add(15 * time.Minute)
	send("secret", 503)
	h.down = nil
	h.clock = now.Add(16 * time.Minute)
	send("secret", 200)
	send("another", 401)
	// That an app is gone is no failure: nothing is served of it.
	h.clock, h.down = now.Add(20*time.Minute), fault.New(fault.NotFound, "none")
	send("secret", 401)
}

// What was read together is read again apart, and no later than a minute.
func TestExpiryHasJitter(t *testing.T) {
	for random, want := range map[float64]int{0: 1, 0.99: 2} {
		h := newHooks()
		h.random = random
		h.send("POST", "/hooks/page", "{}", "secret")
		h.clock = now.Add(50 * time.Second)
		h.send("POST", "/hooks/page", "{}", "secret")
		if h.read != want {
			t.Errorf("at %v: read %d times in 50 s, want %d", random, h.read, want)
		}
		h.clock = now.Add(time.Minute + 50*time.Second)
		if h.send("POST", "/hooks/page", "{}", "secret"); h.read != want+1 {
			t.Errorf("at %v: read %d times in 110 s, want %d", random, h.read, want+1)
		}
	}
}

// What docs/intake.md says of rotation: a new secret holds within five
// seconds, whenever it was set and whatever forgeries come in between; a
// revoked one for a minute at most, and for 15 while secrets can't be read.
func TestRotationHoldsWithinWhatTheDocsSay(t *testing.T) {
	holds := func(h *hooks, key string) bool { return h.send("POST", "/hooks/page", "{}", key).Code == http.StatusOK }
	const step = 100 * time.Millisecond
	for _, forged := range []bool{false, true} {
		for _, age := range []time.Duration{0, time.Second, 10 * time.Second, 59 * time.Second} {
			h := newHooks()
			if !holds(h, "secret") {
				t.Fatal("the secret does not hold")
			}
			h.clock = h.clock.Add(age)
			if forged {
				holds(h, "forged") // has the secrets read just before they are rotated
			}
			h.keys.Keys = []string{"new"}
			rotated := h.clock
			for !holds(h, "new") {
				if forged {
					holds(h, "forged")
				}
				if h.clock = h.clock.Add(step); h.clock.Sub(rotated) > 5*time.Second {
					t.Fatalf("read %s before, forged %v: the new secret does not hold after five seconds", age, forged)
				}
			}
		}
	}
	for _, down := range []error{nil, fault.New(fault.Transient, "no answer")} {
		most := time.Minute
		if down != nil {
			most = 15 * time.Minute
		}
		h := newHooks()
		holds(h, "secret")
		h.keys.Keys, h.down = []string{"new"}, down
		for began := h.clock; holds(h, "secret"); h.clock = h.clock.Add(step) {
			if h.clock.Sub(began) > most {
				t.Fatalf("%v: the revoked secret holds after %s", down, most)
			}
		}
	}
}
