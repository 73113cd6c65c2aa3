package platform

import (
	"fmt"
	"net/url"
	"strings"
)

// TokenUser is an adapter that sends the token of an app (Secrets.Token) to
// the platform's API. The others never see one.
type TokenUser interface {
	// TokenHost is the one host that may see the token where Rapport calls the
	// platform for scope, in lower case.
	TokenHost(scope string) string
}

// TokenHost is the host that may see an app's token for a scope; "" if none may.
func TokenHost(a Adapter, scope string) string {
	if u, ok := a.(TokenUser); ok {
		return u.TokenHost(scope)
	}
	return ""
}

// PollOf is the request to make for scope. Of the app's secrets the adapter
// sees the token alone, and that only where the request goes to the host that
// the token was given for.
func PollOf(a Adapter, scope, cursor string, s Secrets, o Options) (Fetch, error) {
	p, ok := a.(Poller)
	if !ok || !p.Polls(scope) {
		return Fetch{}, fmt.Errorf("%s is not polled for the scope %q", a.Platform(), scope)
	}
	s = Secrets{Token: s.Token, TokenHost: s.TokenHost}.at(TokenHost(a, scope))
	f, err := p.Poll(scope, cursor, s, o)
	if err == nil && s.Token != "" && !goesTo(f, s.TokenHost) {
		f, err = p.Poll(scope, cursor, Secrets{}, o)
	}
	return f, err
}

// RenewalOf is the request that renews the subscription for a scope; a nil
// Fetch: there is nothing to ask, for the reason given. The token goes to its
// host alone, as by PollOf.
func RenewalOf(a Adapter, scope, hook string, s Secrets, o Options) (*Fetch, string) {
	r, ok := a.(Renewer)
	if !ok {
		return nil, "the platform has nothing to renew"
	}
	s = s.at(TokenHost(a, scope))
	f, why := r.Renewal(scope, hook, s, o)
	if f != nil && s.Token != "" && !goesTo(*f, s.TokenHost) {
		return r.Renewal(scope, hook, s.at(""), o)
	}
	return f, why
}

// at is s for requests to a host: without the token, if it is another's.
func (s Secrets) at(host string) Secrets {
	if host == "" || host != s.TokenHost {
		s.Token, s.TokenHost = "", ""
	}
	return s
}

// TokenElsewhere reports whether there is a token that requests for a scope
// go without, since it is for another host.
func (s Secrets) TokenElsewhere(a Adapter, scope string) bool {
	host := TokenHost(a, scope)
	return s.Token != "" && host != "" && host != s.TokenHost
}

func goesTo(f Fetch, host string) bool {
	u, err := url.Parse(f.URL)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.ToLower(u.Host) == host
}

// Carried are the headers that are sent on where another host redirects to;
// all others may be, or tell of, credentials.
var Carried = []string{"Accept", "Accept-Language", "User-Agent"}
