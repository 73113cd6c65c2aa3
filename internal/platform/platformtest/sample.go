package platformtest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// samples checks the adapter's sample in each form of scope.
func (s Suite) samples(t *testing.T) {
	for _, scope := range s.Scopes {
		if c, ok := s.Adapter.(platform.ScopeChecker); ok && c.CheckScope(scope) != nil {
			t.Errorf("CheckScope refuses %q: give the suite Scopes that operators can name", scope)
			continue
		}
		Sample(t, s, scope)
	}
}

// Sample checks the adapter's sample in a scope: signed, it verifies, and it
// tells one inbound activity in that scope, whose key depends on the id.
func Sample(t *testing.T, s Suite, scope string) {
	t.Helper()
	keys := map[string]bool{}
	for _, id := range []string{"1001", "1002", "1002"} {
		r := platform.SampleOf(s.Adapter, scope, id, now, s.options())
		if r.Header == nil {
			t.Fatal("the sample has no headers: they must be a map")
		}
		events, err := s.Adapter.Normalise(r, s.options())
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("the sample tells %+v, %v: it must be one activity", events, err)
		}
		e := events[0]
		if err := check(s.Adapter, e); err != nil {
			t.Errorf("the sample: %v", err)
		}
		if !slices.Contains(e.Scopes, scope) || e.Activity.Direction != social.Inbound {
			t.Errorf("the sample is in %v, %s; want %s, inbound", e.Scopes, e.Activity.Direction, scope)
		}
		if !e.Activity.Undated && !e.Activity.Occurred.Equal(now) {
			t.Errorf("the sample occurred at %s, want %s", e.Activity.Occurred, now)
		}
		keys[e.Activity.Key] = true
		if r.Polled() {
			continue
		}
		if err := s.Adapter.Sign(&r, s.signKey(), "msg_"+id, s.options(), now); err != nil {
			t.Fatal(err)
		}
		if p, ok := s.Adapter.(platform.Pather); ok && r.Path == "" {
			// What follows the app's id in the hook that the operator is shown.
			r.Path, _, _ = strings.Cut(p.Path(scope, s.Secret), "?")
		}
		if err := s.verify(r, now, s.Secret); err != nil {
			t.Errorf("the signed sample: %v", err)
		}
	}
	if len(keys) != 2 {
		t.Errorf("samples with two ids have %d keys: %v", len(keys), keys)
	}
}

// polls holds of platforms that are asked: that requests go to a host over
// TLS and have no secret in their URL, which is kept; and that answers that
// can't be read are errors.
func (s Suite) polls(t *testing.T, list []fixture) {
	p, ok := s.Adapter.(platform.Poller)
	if !ok {
		return
	}
	polled := false
	for _, scope := range s.Scopes {
		if !p.Polls(scope) {
			continue
		}
		polled = true
		for _, cursor := range []string{"", "x", "\x00", "{", strings.Repeat("9", 5000), "https://evil.example/"} {
			f, err := p.Poll(scope, cursor, platform.Secrets{Keys: []string{s.Secret}, Token: "a-token"}, s.options())
			if err != nil {
				continue
			}
			if !strings.HasPrefix(f.URL, "https://") || strings.HasPrefix(f.URL, "https://evil.example") || strings.ContainsAny(f.URL, "\x00\n ") {
				t.Errorf("%s from %.20q: it asks %.100q", scope, cursor, f.URL)
			}
		}
	}
	if !polled {
		t.Error("none of the suite's Scopes is polled")
	}
	if p.Every() < time.Minute {
		t.Errorf("it is polled every %s", p.Every())
	}
	for _, f := range list {
		if !f.request.Polled() {
			continue
		}
		for _, cursor := range []string{"", "x", "{", "9999999999999"} {
			next, _, err := p.Next(f.request, cursor)
			if again, _, errAgain := p.Next(f.request, cursor); again != next || (err == nil) != (errAgain == nil) {
				t.Errorf("%s from %q goes on from %q, or from %q", f.name, cursor, next, again)
			}
			if len(next) > 2000 {
				t.Errorf("%s from %q: a cursor of %d bytes", f.name, cursor, len(next))
			}
		}
		for _, body := range []string{"", "null", "[]", "{}", "[null]", "<a/>", "\xff", strings.Repeat("[", 1<<16), `{"data":{"children":[null]}}`, string(f.request.Body[:len(f.request.Body)/2])} {
			r := f.request
			r.Body = []byte(body)
			p.Next(r, "")
			p.Next(r, "x")
		}
	}
}

// Fuzz feeds bodies to the adapter, beginning with the fixtures, and checks
// what must hold of whatever comes out.
func Fuzz(f *testing.F, s Suite) {
	if s.Dir == "" {
		s.Dir = "testdata"
	}
	list := load(f, s.Dir)
	for i, x := range list {
		f.Add(x.request.Body, uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, of uint8) {
		r := list[int(of)%len(list)].request
		r.Body = body
		told := s.tells(t, "the body", r)
		if again := s.tells(t, "the body, again", r); !slices.Equal(keysOf(told), keysOf(again)) {
			t.Errorf("the second time it has other keys: %v, %v", keysOf(told), keysOf(again))
		}
		if queued, err := requeue(r); err != nil {
			t.Errorf("it can't be queued: %v", err)
		} else if again := s.tells(t, "the body, queued", queued); !reflect.DeepEqual(told, again) {
			t.Errorf("through the queue it becomes something else: %v, %v", told, again)
		}
		s.parts(t, "the body", r, true)
		if a, err := s.Adapter.Handshake(r, platform.Secrets{Keys: []string{s.Secret}}, s.options(), now); err == nil && a == nil {
			if s.verify(r, now, s.Secret) == nil && !s.TokenOnly {
				t.Error("an unsigned body holds")
			}
		}
	})
}
