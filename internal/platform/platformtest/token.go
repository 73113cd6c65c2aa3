package platformtest

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
)

// token holds of the token of an app, whatever requests the adapter makes:
// that it is seen by one host alone, which the adapter names; that it is in
// headers, which no redirect takes elsewhere; and that a scope at another host
// is asked without it. What a request is made of shows in comparing those made
// with different secrets, however the adapter may write them.
func (s Suite) token(t *testing.T) {
	const elsewhere = "collector.attacker.example"
	for _, scope := range s.Scopes {
		host := platform.TokenHost(s.Adapter, scope)
		for name, ask := range s.requests(scope) {
			ours := func(token, host string) (platform.Fetch, bool) {
				return ask(platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "v", Token: token, TokenHost: host}, false)
			}
			bare, asks := ask(platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "v"}, false)
			one, _ := ask(platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "v", Token: "token-one", TokenHost: host}, true)
			two, _ := ask(platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "v", Token: "token-two", TokenHost: host}, true)
			if one.URL != two.URL || !bytes.Equal(one.Body, two.Body) {
				t.Errorf("%s of %s: the token is in the URL or the body: only a header is not taken elsewhere by a redirect", name, scope)
			}
			for _, k := range differing(one.Header, two.Header) {
				u, err := url.Parse(one.URL)
				switch {
				case slices.Contains(platform.Carried, k):
					t.Errorf("%s of %s: the token is in the header %s, which is sent on where a redirect leads", name, scope, k)
				case host == "":
					t.Errorf("%s of %s: it is made with the app's token, and the adapter is no platform.TokenUser: it must name the host that may see it", name, scope)
				case err != nil || u.Scheme != "https" || !strings.EqualFold(u.Host, host):
					t.Errorf("%s of %s: the token goes to %.60q, and TokenHost names %q", name, scope, one.URL, host)
				}
			}
			if got, asked := ours("token-one", elsewhere); asked != asks || cmp.Diff(bare, got) != "" {
				t.Errorf("%s of %s: a token for another host changes the request: %s", name, scope, cmp.Diff(bare, got))
			}
			if got, asked := ours("token-one", ""); asked != asks || cmp.Diff(bare, got) != "" {
				t.Errorf("%s of %s: a token that is for no host changes the request: %s", name, scope, cmp.Diff(bare, got))
			}
			if got, _ := ours("token-one", host); host != "" && cmp.Diff(one, got) != "" {
				t.Errorf("%s of %s: a token for its host is not sent: %s", name, scope, cmp.Diff(one, got))
			}
		}
		if p, ok := s.Adapter.(platform.Poller); ok && p.Polls(scope) {
			a, _ := p.Poll(scope, "", platform.Secrets{Keys: []string{"key-one"}, VerifyToken: "verify-one", Token: "t"}, s.options())
			b, _ := p.Poll(scope, "", platform.Secrets{Keys: []string{"key-two"}, VerifyToken: "verify-two", Token: "t"}, s.options())
			if cmp.Diff(a, b) != "" {
				t.Errorf("poll of %s: it is made with what deliveries are signed with: %s", scope, cmp.Diff(a, b))
			}
		}
	}
}

// requests are those that the adapter makes for a scope: as Rapport has them
// made, or raw, as the adapter makes them of what it is given. False: none.
func (s Suite) requests(scope string) map[string]func(keys platform.Secrets, raw bool) (platform.Fetch, bool) {
	out := map[string]func(platform.Secrets, bool) (platform.Fetch, bool){}
	if p, ok := s.Adapter.(platform.Poller); ok && p.Polls(scope) {
		out["poll"] = func(keys platform.Secrets, raw bool) (platform.Fetch, bool) {
			f, err := platform.PollOf(s.Adapter, scope, "", keys, s.options())
			if raw {
				f, err = p.Poll(scope, "", keys, s.options())
			}
			return f, err == nil
		}
	}
	if r, ok := s.Adapter.(platform.Renewer); ok {
		out["renewal"] = func(keys platform.Secrets, raw bool) (platform.Fetch, bool) {
			f, _ := platform.RenewalOf(s.Adapter, scope, "https://api.example.com/hooks/app", keys, s.options())
			if raw {
				f, _ = r.Renewal(scope, "https://api.example.com/hooks/app", keys, s.options())
			}
			if f == nil {
				return platform.Fetch{}, false
			}
			return *f, true
		}
	}
	return out
}

// differing are the names of the headers that two requests don't share.
func differing(a, b http.Header) (out []string) {
	for k, v := range a {
		if !slices.Equal(v, b[k]) {
			out = append(out, http.CanonicalHeaderKey(k))
		}
	}
	return out
}
