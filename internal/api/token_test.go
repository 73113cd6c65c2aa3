package api_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/drill"
	"rapport/internal/fault"
)

const (
	issuer = "https://issuer.example/pool"
	client = "front-end"
)

var t0 = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC) // a Monday

var b64 = base64.RawURLEncoding.EncodeToString

// newKey makes a key once per test process and name.
var newKey = func() func(name string) *rsa.PrivateKey {
	var mu sync.Mutex
	keys := map[string]*rsa.PrivateKey{}
	return func(name string) *rsa.PrivateKey {
		mu.Lock()
		defer mu.Unlock()
		if keys[name] == nil {
			k, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			keys[name] = k
		}
		return keys[name]
	}
}()

func unsigned(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	return b64(h) + "." + b64(c)
}

func sign(kid string, key *rsa.PrivateKey, claims map[string]any) string {
	in := unsigned(map[string]any{"alg": "RS256", "kid": kid}, claims)
	sum := sha256.Sum256([]byte(in))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return in + "." + b64(sig)
}

// claims are those of a good access token, with changes; nil takes one away.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{"iss": issuer, "sub": "ann", "token_use": "access", "client_id": client, "scope": "aws.cognito.signin.user.admin",
		"iat": t0.Add(-time.Minute).Unix(), "auth_time": t0.Add(-time.Minute).Unix(), "exp": t0.Add(time.Hour).Unix(), "jti": "j"}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// pool serves a key set that tests can change, and counts how often it is asked.
type pool struct {
	mu      sync.Mutex
	keys    map[string]*rsa.PrivateKey
	down    bool
	fetched int
	url     string
}

func newPool(t *testing.T) *pool {
	p := &pool{keys: map[string]*rsa.PrivateKey{"k1": newKey("k1")}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetched++
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var list []map[string]string
		for kid, k := range p.keys {
			list = append(list, map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
				"n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())})
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"keys": list})
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func TestToken(t *testing.T) {
	kinds, flips := 0, 0
	p := newPool(t)
	now := t0
	verify := api.NewVerifier(issuer, p.url, client, func() time.Time { return now }, http.DefaultTransport)
	good := sign("k1", newKey("k1"), claims(nil))
	if got, err := verify(t.Context(), good); err != nil || got.Subject != "ann" || got.Claims["client_id"] != client {
		t.Fatalf("a good token: got %+v, %v", got, err)
	}

	public, err := x509.MarshalPKIXPublicKey(&newKey("k1").PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hs := func(secret []byte) string {
		in := unsigned(map[string]any{"alg": "HS256", "kid": "k1"}, claims(nil))
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(in))
		return in + "." + b64(h.Sum(nil))
	}
	parts := strings.Split(good, ".")
	forged, _ := json.Marshal(claims(map[string]any{"sub": "eve"}))
	with := func(changes map[string]any) string { return sign("k1", newKey("k1"), claims(changes)) }
	for name, token := range map[string]string{
		"expired":                       with(map[string]any{"exp": t0.Add(-time.Second).Unix()}),
		"without exp":                   with(map[string]any{"exp": nil}),
		"not yet valid":                 with(map[string]any{"nbf": t0.Add(10 * time.Minute).Unix()}),
		"of another issuer":             with(map[string]any{"iss": "https://issuer.example/other"}),
		"without issuer":                with(map[string]any{"iss": nil}),
		"of another client":             with(map[string]any{"client_id": "other"}),
		"without client":                with(map[string]any{"client_id": nil}),
		"of an audience, not a client":  with(map[string]any{"client_id": nil, "aud": client}),
		"an id token":                   with(map[string]any{"token_use": "id", "aud": client}),
		"without token_use":             with(map[string]any{"token_use": nil}),
		"without subject":               with(map[string]any{"sub": nil}),
		"alg none":                      unsigned(map[string]any{"alg": "none"}, claims(nil)) + ".",
		"alg none with a signature":     unsigned(map[string]any{"alg": "none", "kid": "k1"}, claims(nil)) + "." + parts[2],
		"HS256 keyed by the public key": hs(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"HS256 keyed by its DER":        hs(public),
		"HS256 keyed by nothing":        hs(nil),
		"tampered claims":               parts[0] + "." + b64(forged) + "." + parts[2],
		"without signature":             parts[0] + "." + parts[1] + ".",
		"signed by another key":         sign("k1", newKey("other"), claims(nil)),
		"of an unknown key":             sign("k9", newKey("other"), claims(nil)),
		"no token":                      "x",
		"empty":                         "",
		"two dots":                      "..",
		"too long":                      with(map[string]any{"padding": strings.Repeat("x", 9000)}),
	} {
		t.Run(name, func(t *testing.T) {
			kinds++
			got, err := verify(t.Context(), token)
			if !fault.Is(err, fault.Unauthenticated) || got.Subject != "" {
				t.Errorf("got %+v, %v, want a fault of kind unauthenticated", got, err)
			}
			if strings.Contains(fault.Message(err), "eve") || len(fault.Message(err)) > 60 {
				t.Errorf("the message says too much: %q", fault.Message(err))
			}
		})
	}
	t.Run("each byte of the signature counts", func(t *testing.T) {
		sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
		for i := range sig {
			sig[i] ^= 1
			flips++
			if _, err := verify(t.Context(), parts[0]+"."+parts[1]+"."+b64(sig)); err == nil {
				t.Fatalf("holds with byte %d flipped", i)
			}
			sig[i] ^= 1
		}
	})
	t.Run("a client that is not set lets nobody in", func(t *testing.T) {
		open := api.NewVerifier(issuer, p.url, "", func() time.Time { return now }, http.DefaultTransport)
		if _, err := open(t.Context(), with(map[string]any{"client_id": ""})); err == nil {
			t.Error("a token of no client holds")
		}
	})
	drill.Show(t, "%d kinds of bad tokens and %d flipped bytes of a signature refused", kinds, flips)
}

func TestKeysAreFetchedSparingly(t *testing.T) {
	p := newPool(t)
	now := t0
	verify := api.NewVerifier(issuer, p.url, client, func() time.Time { return now }, http.DefaultTransport)
	token := func(kid string) error {
		_, err := verify(t.Context(), sign(kid, newKey(kid), claims(nil)))
		return err
	}
	if p.fetched != 0 {
		t.Fatalf("fetched %d times before the first token", p.fetched)
	}
	if err := token("k1"); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := verify(t.Context(), sign(fmt.Sprint("made-up-", i), newKey("other"), claims(nil))); !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("an unknown key: %v", err)
		}
	}
	if p.fetched != 1 {
		t.Errorf("20 made-up keys: fetched %d times, want 1", p.fetched)
	}
	p.mu.Lock()
	p.keys = map[string]*rsa.PrivateKey{"k2": newKey("k2")}
	p.mu.Unlock()
	now = now.Add(time.Minute)
	if err := token("k2"); err != nil {
		t.Errorf("a rotated key after a minute: %v", err)
	}
	if p.fetched != 2 {
		t.Errorf("fetched %d times, want 2", p.fetched)
	}
	drill.Show(t, "20 tokens of made-up keys and one of a rotated key: the keys were fetched %d times", p.fetched)
}

func TestIssuerThatIsDown(t *testing.T) {
	p := newPool(t)
	p.down = true
	now := t0
	verify := api.NewVerifier(issuer, p.url, client, func() time.Time { return now }, http.DefaultTransport)
	good := sign("k1", newKey("k1"), claims(nil))
	for range 5 {
		if _, err := verify(t.Context(), good); !fault.Is(err, fault.Transient) {
			t.Fatalf("got %v, want a fault of kind transient: the token may be good", err)
		}
	}
	if p.fetched != 1 {
		t.Errorf("fetched %d times in a moment, want 1", p.fetched)
	}
	p.mu.Lock()
	p.down = false
	p.mu.Unlock()
	now = now.Add(5 * time.Second)
	if _, err := verify(t.Context(), good); err != nil {
		t.Errorf("five seconds later: %v", err)
	}
}
