package hubspot_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/hubspot"
	"rapport/internal/platform/platformtest"
)

var (
	adapter hubspot.Adapter
	suite   = platformtest.Suite{Adapter: adapter, Scopes: []string{"49000001"}, Fleeting: []string{"/0/subscriptionId", "/0/attemptNumber", "/0/eventId"}, Secret: "client-secret", Other: "another's", Window: 5 * time.Minute, SignsURL: true}
)

func TestHubSpot(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestScopeIsAnAccountID(t *testing.T) {
	for scope, ok := range map[string]bool{"49000001": true, "": false, "acme": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

const key = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"

// The vectors of HubSpot's own library:
// https://github.com/HubSpot/hubspot-api-python/blob/master/tests/spec/utils/test_signature.py
// and of https://developers.hubspot.com/docs/faq/v1-request-validation
func TestPublishedVectors(t *testing.T) {
	const body, uri = `{'example_field':'example_value'}`, "https://www.example.com/webhook_uri"
	for name, c := range map[string]struct {
		method, body string
		headers      map[string]string
		legacy       bool
	}{
		"v3":          {"POST", body, map[string]string{"X-HubSpot-Signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=", "X-HubSpot-Request-Timestamp": "1693657560000"}, false},
		"v1":          {"POST", body, map[string]string{"X-HubSpot-Signature": "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750", "X-HubSpot-Signature-Version": "v1"}, true},
		"v2":          {"POST", body, map[string]string{"X-HubSpot-Signature": "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383", "X-HubSpot-Signature-Version": "v2"}, true},
		"v2 of a GET": {"GET", "", map[string]string{"X-HubSpot-Signature": "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e", "X-HubSpot-Signature-Version": "v2"}, true},
	} {
		r := platform.Request{Method: c.method, URL: uri, Header: http.Header{}, Body: []byte(c.body)}
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		now := time.UnixMilli(1693657560000)
		err := adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{}, now)
		if c.legacy && (err == nil || !strings.Contains(err.Error(), "it holds, but the app does not allow it")) || !c.legacy && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := adapter.Verify(r, platform.Secrets{Keys: []string{"", key}}, platform.Options{Legacy: true}, now); err != nil {
			t.Errorf("%s, where the app allows legacy signatures: %v", name, err)
		}
		for _, keys := range [][]string{nil, {""}, {"another's"}} {
			if adapter.Verify(r, platform.Secrets{Keys: keys}, platform.Options{Legacy: true}, now) == nil {
				t.Errorf("%s holds under %q", name, keys)
			}
		}
		r.Body = append(r.Body, ' ')
		if adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{Legacy: true}, now) == nil {
			t.Errorf("%s holds over another body", name)
		}
	}
}

// What anyone can sign: a hash under no secret.
func TestLegacyUnderNoSecretIsRefused(t *testing.T) {
	sum := sha256.Sum256([]byte("[]"))
	r := platform.Request{Method: "POST", Header: http.Header{}, Body: []byte("[]")}
	r.Header.Set("X-HubSpot-Signature", hex.EncodeToString(sum[:]))
	r.Header.Set("X-HubSpot-Signature-Version", "v1")
	if adapter.Verify(r, platform.Secrets{Keys: []string{""}}, platform.Options{Legacy: true}, time.Time{}) == nil {
		t.Error("it holds")
	}
}

// A wrong v3 signature is not saved by a legacy one that holds.
func TestLegacyCountsOnlyWithoutV3(t *testing.T) {
	r := platform.Request{Method: "POST", URL: "https://www.example.com/webhook_uri", Header: http.Header{}, Body: []byte(`{'example_field':'example_value'}`)}
	r.Header.Set("X-HubSpot-Signature", "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750")
	r.Header.Set("X-HubSpot-Signature-Version", "v1")
	r.Header.Set("X-HubSpot-Signature-v3", "AAAA")
	r.Header.Set("X-HubSpot-Request-Timestamp", "1693657560000")
	if adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{Legacy: true}, time.UnixMilli(1693657560000)) == nil {
		t.Error("it holds")
	}
	r.Header.Del("X-HubSpot-Signature-v3")
	r.Header.Set("X-HubSpot-Signature-Version", "v9")
	if adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{Legacy: true}, time.UnixMilli(1693657560000)) == nil {
		t.Error("it holds in a version that is not known")
	}
}

// HubSpot decodes some escapes of the URL before it signs; others it leaves.
func TestEscapesOfTheURL(t *testing.T) {
	mac := platform.MAC{Algorithm: "sha256", Encoding: "base64"}
	now := time.UnixMilli(1772600767000)
	for signed, called := range map[string]string{
		"https://r.example/hooks/a":                 "https://r.example/hooks/a",
		"https://r.example/hooks/a?u=x@y.z/(1),;!*": "https://r.example/hooks/a?u=x%40y.z%2f%281%29%2C%3B%21%2A",
		"https://r.example/hooks/a?u=a%20b%26c%3Dd": "https://r.example/hooks/a?u=a%20b%26c%3Dd",
		"https://r.example/hooks/a?u=x%40y":         "https://r.example/hooks/a?u=x%40y", // should it sign what it calls
	} {
		r := platform.Request{Method: "POST", URL: called, Header: http.Header{}, Body: []byte("[]")}
		r.Header.Set("X-HubSpot-Request-Timestamp", "1772600767000")
		r.Header.Set("X-HubSpot-Signature-v3", mac.Sum(key, []byte("POST"+signed+"[]1772600767000")))
		if err := adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{}, now); err != nil {
			t.Errorf("%s: %v", called, err)
		}
		r.URL += "x"
		if adapter.Verify(r, platform.Secrets{Keys: []string{key}}, platform.Options{}, now) == nil {
			t.Errorf("%s: another URL holds", called)
		}
	}
}

func TestOneEventWithoutItsList(t *testing.T) {
	for body, want := range map[string]string{
		`{"subscriptionType":"contact.creation","portalId":7,"objectId":9}`: "a list of events, and this is one of them (\"contact.creation\")",
		`{"a":1}`: "the JSON is one object, where a list is due",
		`{`:       "no JSON",
	} {
		_, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}
