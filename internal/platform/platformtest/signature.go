package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
)

// now is when the suite's deliveries are signed.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func (s Suite) options() platform.Options { return platform.Options{Config: s.Config} }

func (s Suite) signKey() string {
	if s.SignKey != "" {
		return s.SignKey
	}
	return s.Secret
}

func clone(r platform.Request) platform.Request {
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	return r
}

func (s Suite) signed(t testing.TB, r platform.Request, key string, at time.Time) platform.Request {
	t.Helper()
	r = clone(r)
	for _, h := range s.SignedHeaders {
		if r.Header.Get(h) == "" {
			r.Header.Set(h, "v1")
		}
	}
	if err := s.Adapter.Sign(&r, key, "msg_1", s.options(), at); err != nil {
		t.Fatalf("sign: %v", err)
	}
	return r
}

func (s Suite) verify(r platform.Request, at time.Time, keys ...string) error {
	return s.Adapter.Verify(r, platform.Secrets{Keys: keys}, s.options(), at)
}

// refused says what is wrong with the answer to a request that must be
// refused, also by an app that allows legacy signatures.
func (s Suite) refused(t *testing.T, what string, r platform.Request, at time.Time, keys ...string) {
	t.Helper()
	for _, legacy := range []bool{false, true} {
		o := s.options()
		o.Legacy = legacy
		err := s.Adapter.Verify(r, platform.Secrets{Keys: keys}, o, at)
		switch {
		case err == nil:
			t.Errorf("%s: it holds (legacy %v)", what, legacy)
		case !fault.Is(err, fault.Unauthenticated):
			t.Errorf("%s: refused with the kind %s: %v", what, fault.KindOf(err), err)
		case strings.Contains(err.Error(), s.Secret) || strings.Contains(err.Error(), s.signKey()):
			t.Errorf("%s: the error names the secret", what)
		}
	}
}

func (s Suite) signature(t *testing.T, list []fixture) {
	f := list[0]
	for _, x := range list { // a small one, since each byte is flipped, and one that platforms send
		if !x.request.Polled() && (f.request.Polled() || len(x.request.Body) < len(f.request.Body)) {
			f = x
		}
	}
	if f.request.Polled() {
		// Nothing but polls: whatever is posted is refused.
		r := f.request
		r.Method = http.MethodPost
		s.refused(t, "a delivery, of a platform that sends none", r, now, s.Secret)
		return
	}
	plain := clone(f.request)
	for _, h := range s.SignedHeaders {
		plain.Header.Del(h)
	}
	r := s.signed(t, f.request, s.signKey(), now)
	if err := s.verify(r, now, s.Secret); err != nil {
		t.Fatalf("what Sign signed is refused: %v", err)
	}
	for _, keys := range [][]string{{"", s.Secret}, {s.otherSecret(), s.Secret}, {s.otherSecret(), "", s.Secret}} {
		if err := s.verify(r, now, keys...); err != nil {
			t.Errorf("signed with the previous secret: %v", err)
		}
	}
	s.refused(t, "without a signature", plain, now, s.Secret)
	s.unset(t, plain, r)
	s.refused(t, "signed with another's secret", s.signed(t, f.request, s.Other, now), now, s.Secret)
	for name := range r.Header {
		if plain.Header.Get(name) != r.Header.Get(name) {
			s.changed(t, r, name)
		}
	}
	for i := range len(r.Path) {
		if r.Path == plain.Path {
			break
		}
		b := []byte(r.Path)
		b[i] ^= 0x01
		broken := r
		broken.Path = string(b)
		s.refused(t, fmt.Sprintf("byte %d of the path flipped", i), broken, now, s.Secret)
	}
	if r.Path != plain.Path {
		for _, path := range []string{"", r.Path[:len(r.Path)-1], r.Path[:len(r.Path)/2], r.Path + "0"} {
			broken := r
			broken.Path = path
			s.refused(t, fmt.Sprintf("the path %q for %q", path, r.Path), broken, now, s.Secret)
		}
	}
	s.url(t, r)
	s.window(t, f)
	if !s.TokenOnly {
		s.covers(t, f.request, r)
	}
}

// otherSecret is one that verifies nothing of ours.
func (s Suite) otherSecret() string {
	if s.SignKey != "" {
		return strings.Repeat("00", 32) // of the form of a public key
	}
	return s.Other
}

// unset holds that a secret that is not set verifies nothing: not a plain
// request, not one with an empty signature, and not one signed with the empty
// secret. HMAC pads its key with zeros, so that the key "\x00" signs as the
// empty key does.
func (s Suite) unset(t *testing.T, plain, r platform.Request) {
	t.Helper()
	forged := map[string]platform.Request{"signed": r, "unsigned": plain}
	if x := clone(plain); s.Adapter.Sign(&x, "", "msg_1", s.options(), now) == nil {
		t.Error("Sign signs with an empty secret")
	}
	if x := clone(plain); s.Adapter.Sign(&x, "\x00", "msg_1", s.options(), now) == nil {
		forged["signed with the empty secret"] = x
	}
	empty := clone(r)
	for name := range r.Header {
		if plain.Header.Get(name) != r.Header.Get(name) {
			empty.Header.Set(name, "")
		}
	}
	if empty.Path = plain.Path; r.Path != plain.Path {
		empty.Path = ""
	}
	forged["signed with nothing"] = empty
	for what, x := range forged {
		s.refused(t, what+", no secret", x, now)
		s.refused(t, what+", an unset secret", x, now, "")
		s.refused(t, what+", two unset secrets", x, now, "", "")
		if what != "signed" {
			s.refused(t, what+", the secret and an unset one", x, now, s.Secret, "")
		}
	}
}

// changed holds that a header that the signature is in, or that it covers,
// can't be changed.
func (s Suite) changed(t *testing.T, r platform.Request, name string) {
	t.Helper()
	value := r.Header.Get(name)
	with := func(what, v string) {
		t.Helper()
		if v == value {
			return
		}
		broken := clone(r)
		broken.Header.Set(name, v)
		s.refused(t, what, broken, now, s.Secret)
	}
	for i := range len(value) {
		for _, bit := range []byte{0x01, 0x20} {
			b := []byte(value)
			b[i] ^= bit
			with(fmt.Sprintf("byte %d of %s flipped: %q", i, name, b), string(b))
		}
	}
	for _, n := range []int{0, 1, len(value) / 2, len(value) - 2, len(value) - 1} {
		with(fmt.Sprintf("%s cut to %d bytes", name, n), value[:max(n, 0)])
	}
	for _, v := range []string{value + "0", value + "\x00", "x", "=", ",", "\x00", "-1", "NaN", strings.Repeat("9", 400), strings.Repeat("x", 1<<20)} {
		with(fmt.Sprintf("%s is %.40q", name, v), v)
	}
	broken := clone(r)
	broken.Header.Del(name)
	s.refused(t, "without "+name, broken, now, s.Secret)
}

// url holds that the signature covers the URL and method, if the suite says so, and else does not depend on them.
func (s Suite) url(t *testing.T, r platform.Request) {
	t.Helper()
	elsewhere := map[string]platform.Request{}
	x := clone(r)
	x.URL = strings.Replace(x.URL, "://", "://www.", 1)
	elsewhere["another host"] = x
	x = clone(r)
	x.URL += "x"
	elsewhere["another path"] = x
	if s.SignsURL {
		x = clone(r)
		x.Method = http.MethodPut
		elsewhere["another method"] = x
		x = clone(r)
		x.URL, x.Query = x.URL+"?a=1", "a=1"
		elsewhere["another query"] = x
	}
	for what, x := range elsewhere {
		if s.SignsURL {
			s.refused(t, what, x, now, s.Secret)
		} else if err := s.verify(x, now, s.Secret); err != nil {
			t.Errorf("%s: %v; if the signature covers the URL, say so to the suite", what, err)
		}
	}
}

// window holds that signatures end, either way from now, or that they don't.
func (s Suite) window(t *testing.T, f fixture) {
	t.Helper()
	if s.Window == 0 {
		for _, off := range []time.Duration{-365 * 24 * time.Hour, 365 * 24 * time.Hour} {
			if err := s.verify(s.signed(t, f.request, s.signKey(), now.Add(off)), now, s.Secret); err != nil {
				t.Errorf("signed %s from now: %v; give the suite its Window", off, err)
			}
		}
		return
	}
	for _, off := range []time.Duration{-s.Window - time.Second, s.Window + time.Second, -24 * time.Hour, 24 * time.Hour, -30 * 365 * 24 * time.Hour, 200 * 365 * 24 * time.Hour} {
		s.refused(t, fmt.Sprintf("signed %s from now", off), s.signed(t, f.request, s.signKey(), now.Add(off)), now, s.Secret)
	}
	for _, off := range []time.Duration{-s.Window + time.Second, s.Window - time.Second} {
		if err := s.verify(s.signed(t, f.request, s.signKey(), now.Add(off)), now, s.Secret); err != nil {
			t.Errorf("signed %s from now: %v", off, err)
		}
	}
}

// covers holds that the signature covers each byte of the body, of a large
// and binary one too, and that a refusal does not give the right one away.
func (s Suite) covers(t *testing.T, plain, r platform.Request) {
	t.Helper()
	for i := range r.Body {
		for _, bit := range []byte{0x01, 0x20} {
			broken := clone(r)
			broken.Body[i] ^= bit
			s.refused(t, fmt.Sprintf("byte %d of the body flipped", i), broken, now, s.Secret)
		}
	}
	for what, body := range map[string][]byte{
		"a body with a space after it": append(bytes.Clone(r.Body), ' '), "a body with a line after it": append(bytes.Clone(r.Body), '\n'),
		"a body with a space before it": append([]byte{' '}, r.Body...), "a body without its last byte": r.Body[:max(len(r.Body)-1, 0)], "no body": nil,
		"the body twice": append(bytes.Clone(r.Body), r.Body...),
	} {
		broken := r
		broken.Body = body
		if bytes.Equal(body, r.Body) {
			continue
		}
		s.refused(t, what, broken, now, s.Secret)
		right := plain
		right.Body = body
		s.unsaid(t, what, s.verify(broken, now, s.Secret), s.signed(t, right, s.signKey(), now))
	}
	large := plain
	large.Body = make([]byte, 200_000)
	for i := range large.Body {
		large.Body[i] = byte(i * 7)
	}
	r = s.signed(t, large, s.signKey(), now)
	if err := s.verify(r, now, s.Secret); err != nil {
		t.Errorf("a large body that is no text: %v", err)
	}
	for _, i := range []int{0, 100, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 17, len(r.Body) - 1} {
		broken := clone(r)
		broken.Body[i] ^= 1
		s.refused(t, fmt.Sprintf("byte %d of a large body flipped", i), broken, now, s.Secret)
	}
}

// unsaid holds that an error names no part of the right signature: who has
// another body signed by our refusals needs no secret.
func (s Suite) unsaid(t *testing.T, what string, err error, right platform.Request) {
	t.Helper()
	if err == nil {
		return
	}
	for _, values := range right.Header {
		for _, part := range strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool { return strings.ContainsRune("=, ;", r) }) {
			if len(part) >= 20 && strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error names the right signature", what)
			}
		}
	}
}

func (s Suite) handshakes(t *testing.T) {
	for _, h := range s.Handshakes {
		if h.Request.Header == nil {
			h.Request.Header = http.Header{}
		}
		answer := func(r platform.Request, secrets platform.Secrets) (*platform.Answer, error) {
			return s.Adapter.Handshake(r, secrets, s.options(), now)
		}
		got, err := answer(h.Request, h.Secrets)
		if (err != nil) != h.Refused || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got the error %v", h.Name, err)
			continue
		}
		for _, secret := range append(slices.Clone(h.Secrets.Keys), h.Secrets.VerifyToken) {
			if err != nil && len(secret) > 3 && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error names the secret", h.Name)
			}
		}
		if diff := cmp.Diff(h.Want, got); diff != "" && !h.Refused {
			t.Errorf("%s is answered otherwise (-want +got):\n%s", h.Name, diff)
		}
		if h.Want == nil || h.Refused {
			continue
		}
		unanswered := func(what string, r platform.Request, secrets platform.Secrets) {
			t.Helper()
			if a, err := answer(r, secrets); a != nil && err == nil {
				t.Errorf("%s is answered %s", h.Name, what)
			}
		}
		for _, keys := range [][]string{nil, {""}} {
			unanswered("without a secret", h.Request, platform.Secrets{Keys: keys})
		}
		if token := h.Secrets.VerifyToken; token != "" {
			unanswered("without a verify token", h.Request, platform.Secrets{Keys: h.Secrets.Keys})
			unanswered("with another verify token", h.Request, platform.Secrets{Keys: h.Secrets.Keys, VerifyToken: token + "x"})
			unanswered("with a part of the verify token", h.Request, platform.Secrets{Keys: h.Secrets.Keys, VerifyToken: token[:len(token)-1]})
			bare := h.Request
			bare.Query = "challenge=1&token="
			unanswered("with an empty verify token for an unset one", bare, platform.Secrets{Keys: h.Secrets.Keys})
		}
		if len(h.Secrets.Keys) > 0 {
			// In a rotation: the current secret is unset yet, or there is an older one.
			rotated := h.Secrets
			rotated.Keys = append([]string{""}, h.Secrets.Keys...)
			rotated.Keys = append(rotated.Keys, "", s.otherSecret())
			if a, err := answer(h.Request, rotated); err != nil || !cmp.Equal(a, h.Want) {
				t.Errorf("%s, in a rotation of secrets, is answered with %v, %v", h.Name, a, err)
			}
			rotated.Keys = append([]string{s.otherSecret()}, h.Secrets.Keys...)
			if a, err := answer(h.Request, rotated); err != nil || a == nil {
				t.Errorf("%s, which the previous secret is good for, is answered with %v, %v", h.Name, a, err)
			}
		}
		if h.Request.Method == http.MethodPost && len(h.Request.Body) > 0 {
			broken := clone(h.Request)
			broken.Body = append(broken.Body, ' ')
			unanswered("though its body was changed", broken, h.Secrets)
			unsigned := clone(h.Request)
			unsigned.Header = http.Header{}
			unanswered("unsigned", unsigned, h.Secrets)
		}
	}
	r := s.signed(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"a":1}`)}, s.signKey(), now)
	if a, err := s.Adapter.Handshake(r, platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "t"}, s.options(), now); a != nil || err != nil {
		t.Errorf("a delivery is taken for a handshake: %v, %v", a, err)
	}
	for _, q := range []string{"", "%zz", "a", "&&&", "challenge=%00", strings.Repeat("a=1&", 1<<16)} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, "\x00"} {
			r := platform.Request{Method: method, Header: http.Header{}, Query: q, URL: "https://example.com/hooks/app?" + q}
			if a, err := s.Adapter.Handshake(r, platform.Secrets{}, s.options(), now); a != nil && err == nil {
				t.Errorf("%s ?%.20s is answered without a secret", method, q)
			}
		}
	}
	if x, ok := s.Adapter.(platform.Acknowledger); ok {
		if a := x.Acknowledge(r, s.options(), "dlv_1"); a.Status < 200 || a.Status > 299 || len(a.Body) > 0 && a.ContentType == "" {
			t.Errorf("a delivery is acknowledged with %+v", a)
		}
	}
}

// secrets holds what the adapter says of secrets, documents and scopes.
func (s Suite) secrets(t *testing.T) {
	if c, ok := s.Adapter.(platform.KeyChecker); ok {
		if err := c.CheckKey(s.Secret, s.options()); err != nil {
			t.Errorf("CheckKey refuses the suite's secret: %v", err)
		}
		for _, key := range []string{"", "x", " \n", "näht secret", "a-wrong-secret\n", strings.Repeat("wrong", 2000)} {
			err := c.CheckKey(key, s.options())
			if key == "" && err == nil {
				t.Error("CheckKey takes the empty secret")
			}
			if err != nil && len(key) > 5 && strings.Contains(err.Error(), strings.TrimSpace(key)) {
				t.Errorf("CheckKey repeats the secret: %v", err)
			}
		}
	}
	for _, weak := range []string{"", " ", "short", strings.Repeat("a", 32), strings.Repeat("0", 64), strings.Repeat("ab", 16), strings.Repeat("abcdefgh", 4), "whsec_" + strings.Repeat("A", 44)} {
		if err := platform.CheckKey(s.Adapter, weak, s.options()); err == nil || len(weak) > 5 && strings.Contains(err.Error(), weak) {
			t.Errorf("the weak secret %q: %v", weak, err)
		}
	}
	if m, ok := s.Adapter.(platform.KeyMaker); ok {
		one, two := m.MakeKey(bytes.Repeat([]byte{7}, 32)), m.MakeKey(append(bytes.Repeat([]byte{7}, 31), 8))
		if one == two || one == "" {
			t.Errorf("two random numbers make the secrets %q and %q", one, two)
		}
		if made := m.MakeKey([]byte("32 bytes that seem to be random.")); platform.CheckKey(s.Adapter, made, s.options()) != nil {
			t.Errorf("the secret that MakeKey makes: %v", platform.CheckKey(s.Adapter, made, s.options()))
		}
		r := s.signed(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"a":1}`)}, one, now)
		if s.verify(r, now, one) != nil || s.verify(r, now, two) == nil {
			t.Error("what is signed with a secret of MakeKey's does not hold, or with another one too")
		}
	}
	if err := s.Adapter.CheckConfig(s.Config); err != nil {
		t.Errorf("CheckConfig refuses the suite's: %v", err)
	}
	for _, raw := range []string{"[1]", `"x"`, `{"no_such_field":1}`, "{", strings.Repeat("[", 100_000)} {
		if s.Adapter.CheckConfig(json.RawMessage(raw)) == nil {
			t.Errorf("CheckConfig takes %.30s", raw)
		}
	}
	if c, ok := s.Adapter.(platform.ScopeChecker); ok {
		for _, scope := range s.Scopes {
			if err := c.CheckScope(scope); err != nil {
				t.Errorf("CheckScope refuses %q: %v", scope, err)
			}
		}
		for _, scope := range []string{"", " ", "a\x00b", "x\n", strings.Repeat("x", 5000)} {
			if c.CheckScope(scope) == nil {
				t.Errorf("CheckScope takes %.20q", scope)
			}
		}
	}
}
