package intake_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// pair is a secret that verifies and what signs with it: most often the same.
type pair struct{ secret, sign string }

// pairOf makes one of a platform's secrets; another seed makes another's.
func pairOf(a platform.Adapter, seed byte) pair {
	if a.Platform() == "discord" {
		s := bytes.Repeat([]byte{seed}, ed25519.SeedSize)
		return pair{hex.EncodeToString(ed25519.NewKeyFromSeed(s).Public().(ed25519.PublicKey)), hex.EncodeToString(s)}
	}
	if m, ok := a.(platform.KeyMaker); ok {
		k := m.MakeKey(bytes.Repeat([]byte{seed}, 32))
		return pair{k, k}
	}
	k := hex.EncodeToString(bytes.Repeat([]byte{seed}, 32))
	if a.Platform() == "stripe" {
		k = "whsec_" + k
	}
	return pair{k, k}
}

// Each platform's app is sent what is not signed with its secret, or not now:
// it is refused and not queued; through a rotation both secrets hold, then one.
func TestForgeriesAtTheDoor(t *testing.T) {
	const scope = "46d6a890000064000500e0c3"
	refused := map[string]int{}
	platforms := 0
	for _, a := range all.Adapters() {
		app := string(a.Platform()) + "-1"
		mine, other := pairOf(a, 7), pairOf(a, 8)
		g := newGate(t, map[string]platform.Secrets{app: {Keys: []string{mine.secret}}})
		answer := func(r platform.Request) int {
			t.Helper()
			before := len(g.queued)
			w := g.do(r)
			if (w.Code < 300) != (len(g.queued) > before) {
				t.Errorf("%s: answered %d, and %d queued", a.Platform(), w.Code, len(g.queued)-before)
			}
			return w.Code
		}
		r, ok := signs(t, a, app, scope, mine.sign, now)
		if !ok {
			continue // it sends nothing; the suite of platforms holds that whatever is posted to it is refused
		}
		platforms++
		if code := answer(r); code >= 300 {
			t.Errorf("%s: what is signed is answered %d", a.Platform(), code)
			continue
		}
		must := func(name string, r platform.Request) {
			t.Helper()
			if code := answer(r); code != http.StatusUnauthorized {
				t.Errorf("%s: %s is answered %d, want 401", a.Platform(), name, code)
				return
			}
			refused[name]++
		}
		plain, tokenOnly := r, bodyIsUncovered(a, r, mine.secret)
		if !tokenOnly {
			for i := range r.Body {
				x := r
				x.Body = bytes.Clone(r.Body)
				x.Body[i] ^= 1
				must("a flipped byte", x)
			}
		}
		forged, _ := signs(t, a, app, scope, other.sign, now)
		must("another's secret", forged)
		plain.Header, plain.URL = http.Header{"Content-Type": r.Header["Content-Type"]}, strings.TrimSuffix("https://hooks.example.com/hooks/"+app+"?"+r.Query, "?")
		must("no signature", plain)
		if timed[a.Platform()] {
			for _, ago := range []time.Duration{-time.Hour, time.Hour} {
				must("stale", at(t, a, app, scope, mine.sign, now.Add(ago)))
			}
		}

		// The secret is not set, or empty: what was good, and what is signed with the empty key.
		for _, keys := range [][]string{nil, {""}, {"", ""}} {
			g.keys[app], g.clock = platform.Secrets{Keys: keys}, g.clock.Add(2*time.Minute)
			must("an unset secret", at(t, a, app, scope, mine.sign, g.clock))
			if _, err := signedBy(a, app, scope, "\x00", g.clock); err == nil {
				must("an unset secret", at(t, a, app, scope, "\x00", g.clock))
			}
		}

		// A rotation: both hold while both are listed, then the old one is refused.
		g.keys[app], g.clock = platform.Secrets{Keys: []string{other.secret, mine.secret}}, g.clock.Add(2*time.Minute)
		for _, key := range []string{mine.sign, other.sign} {
			if code := answer(at(t, a, app, scope, key, g.clock)); code >= 300 {
				t.Errorf("%s: during a rotation one of two secrets is answered %d", a.Platform(), code)
			}
		}
		g.keys[app], g.clock = platform.Secrets{Keys: []string{other.secret}}, g.clock.Add(2*time.Minute)
		must("the secret before the rotation", at(t, a, app, scope, mine.sign, g.clock))
		if code := answer(at(t, a, app, scope, other.sign, g.clock)); code >= 300 {
			t.Errorf("%s: after a rotation the new secret is answered %d", a.Platform(), code)
		}
		if log := g.log.String(); strings.Contains(log, mine.sign) || strings.Contains(log, other.sign) {
			t.Errorf("%s: the log names a secret", a.Platform())
		}
	}
	if platforms < 15 {
		t.Errorf("only %d platforms sign", platforms)
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		total += refused[name]
		if refused[name] < 3 {
			t.Errorf("%s was tried %d times", name, refused[name])
		}
	}
	drill.Show(t, "%d platforms, %d forgeries refused and not queued: flipped %d, stale %d, unsigned %d, unset %d, another's %d, after a rotation %d", platforms, total,
		refused["a flipped byte"], refused["stale"], refused["no signature"], refused["an unset secret"], refused["another's secret"], refused["the secret before the rotation"])
}

func signedBy(a platform.Adapter, app, scope, key string, when time.Time) (platform.Request, error) {
	s := a.(platform.Signer)
	r := platform.SampleOf(s, scope, "1", when, platform.Options{})
	r.URL = "https://hooks.example.com/hooks/" + app
	hook := r.URL
	if r.Query != "" {
		r.URL += "?" + r.Query
	}
	if err := s.Sign(&r, key, "id_1", platform.Options{}, when); err != nil {
		return r, err
	}
	if p, ok := a.(platform.Pather); ok {
		r.URL = hook + "/" + p.Path(scope, key)
	}
	return r, nil
}

// signs returns a delivery of a platform; false where it sends none.
func signs(t *testing.T, a platform.Adapter, app, scope, key string, when time.Time) (platform.Request, bool) {
	t.Helper()
	if _, ok := a.(platform.Signer); !ok {
		return platform.Request{}, false
	}
	r, err := signedBy(a, app, scope, key, when)
	return r, err == nil && !r.Polled()
}

func at(t *testing.T, a platform.Adapter, app, scope, key string, when time.Time) platform.Request {
	t.Helper()
	r, err := signedBy(a, app, scope, key, when)
	if err != nil {
		t.Fatalf("%s: %v", a.Platform(), err)
	}
	return r
}

// bodyIsUncovered reports whether the platform sends a secret instead of a signature.
func bodyIsUncovered(a platform.Adapter, r platform.Request, secret string) bool {
	for _, values := range r.Header {
		if slices.Contains(values, secret) {
			return true
		}
	}
	_, byPath := a.(platform.Pather)
	return byPath
}

// timed are the platforms whose signature holds until a few minutes later. What
// the others signed holds for good: that it comes again changes nothing.
var timed = map[social.Platform]bool{"bluesky": true, "hubspot": true, "slack": true, "standard": true, "stripe": true, "tiktok": true, "zendesk": true}

// What somebody writes into a path, a query or a header is no line of the log.
func TestLogHoldsOneLineForARequest(t *testing.T) {
	const forged = "\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n"
	g := newGate(t, map[string]platform.Secrets{"meta-1": {Keys: []string{"0123456789abcdef0123456789abcdef"}, VerifyToken: "token"}})
	sent := 0
	for _, value := range []string{forged, "\x1b[2J", "\u202e", strings.Repeat("x", 1<<16)} {
		for _, r := range []platform.Request{
			{Method: "POST", URL: "https://x/hooks/meta-1", Header: http.Header{"X-Hub-Signature-256": {"sha256=" + value}}, Body: []byte(value)},
			{Method: "GET", URL: "https://x/hooks/meta-1?hub.mode=subscribe&hub.challenge=" + escape(value) + "&hub.verify_token=" + escape(value), Header: http.Header{}},
			{Method: "POST", URL: "https://x/hooks/" + escape(value), Header: http.Header{"User-Agent": {value}}},
			{Method: "POST", URL: "https://x/hooks/meta-1/" + escape(value), Header: http.Header{}},
		} {
			g.log.Reset()
			g.do(r)
			sent++
			lines := strings.Split(strings.TrimSuffix(g.log.String(), "\n"), "\n")
			var line map[string]any
			if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &line) != nil || line["msg"] != "hook" {
				t.Errorf("%s %.60q: the log is %.300q", r.Method, r.URL, g.log.String())
			}
			if strings.Contains(g.log.String(), "forged") || len(g.log.String()) > 1500 {
				t.Errorf("%s %.60q: the log repeats what was sent: %.300q", r.Method, r.URL, g.log.String())
			}
		}
	}
	drill.Show(t, "%d requests with line ends, escapes and 64 KB in path, query and headers: one line each, of ours", sent)
}

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteString("%" + hex.EncodeToString([]byte{c}))
	}
	return b.String()
}
