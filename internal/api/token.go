package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"rapport/internal/fault"
)

// Keys are fetched at most once a minute while that works, so that made-up
// key ids can't make us hammer the issuer, and every five seconds while it
// does not. A rotated key is known after at most a minute.
const (
	refetchAfter = time.Minute
	retryAfter   = 5 * time.Second
	maxToken     = 8 << 10 // bytes
)

var (
	errRecent = errors.New("the keys were fetched a moment ago")
	errKeys   = errors.New("the issuer's keys can't be fetched")
)

// NewVerifier returns a check of access tokens as Amazon Cognito issues them:
// signed with RS256 by a key of jwks, of the issuer, not expired, used as
// access token (token_use) by the client; they have no audience. It returns
// who calls: the subject, and the claims. A token that does not hold is an error of kind
// Unauthenticated; where the keys can't be had, it is of kind Transient.
//
// Keys are fetched over transport when they are first needed, and again for
// an unknown key id.
// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
func NewVerifier(issuer, jwks, client string, now func() time.Time, transport http.RoundTripper) func(context.Context, string) (Caller, error) {
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 3 * time.Second, Transport: &sparing{now: now, next: transport}})
	v := oidc.NewVerifier(issuer, keySet{oidc.NewRemoteKeySet(ctx, jwks)}, &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.RS256}, Now: now})
	refuse := func(why string) error {
		return fault.Wrap(fault.Unauthenticated, errors.New(why), "the access token does not hold")
	}
	return func(ctx context.Context, token string) (Caller, error) {
		if len(token) > maxToken {
			return Caller{}, refuse("too long")
		}
		keys := &keyState{}
		t, err := v.Verify(context.WithValue(ctx, keyState{}, keys), token)
		switch {
		case err != nil && (keys.missing || ctx.Err() != nil):
			return Caller{}, fault.Wrap(fault.Transient, err, "")
		case err != nil:
			return Caller{}, refuse(err.Error())
		}
		var claims map[string]any
		if err := t.Claims(&claims); err != nil {
			return Caller{}, refuse(err.Error())
		}
		switch {
		case claims["token_use"] != "access":
			return Caller{}, refuse("not an access token")
		case client == "" || claims["client_id"] != client:
			return Caller{}, refuse("of another client")
		case t.Subject == "":
			return Caller{}, refuse("without a subject")
		}
		return Caller{Subject: t.Subject, Claims: claims}, nil
	}
}

// keySet notes in the call's keyState that keys could not be had, since the
// verifier does not wrap the errors of its key set.
type keySet struct{ remote *oidc.RemoteKeySet }

type keyState struct{ missing bool }

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if s, ok := ctx.Value(keyState{}).(*keyState); ok && errors.Is(err, errKeys) {
		s.missing = true
	}
	return payload, err
}

// sparing lets one request through per interval.
type sparing struct {
	now  func() time.Time
	next http.RoundTripper

	mu     sync.Mutex
	last   time.Time
	failed bool // the last one
}

func (s *sparing) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := s.now().Sub(s.last); !s.last.IsZero() {
		if s.failed && age < retryAfter {
			return nil, errKeys
		}
		if !s.failed && age < refetchAfter {
			return nil, errRecent
		}
	}
	s.last, s.failed = s.now(), true
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, errors.Join(errKeys, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, errKeys
	}
	s.failed = false
	return resp, nil
}
