package zendesk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/zendesk"
)

var suite = platformtest.Suite{Adapter: zendesk.Adapter{}, Scopes: []string{"20260304"}, Fleeting: []string{"/id"}, Secret: "signing-secret", Other: "another's", Window: 5 * time.Minute}

func TestZendesk(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestScopeIsAnAccountID(t *testing.T) {
	for scope, ok := range map[string]bool{"20260304": true, "acme": false, "": false, "acme.zendesk.com": false, "1 ": false} {
		if err := (zendesk.Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

// Zendesk's published secret of test calls signs like any other: an app whose
// secret it is not refuses it.
func TestSignedStringIsTimestampThenBody(t *testing.T) {
	const secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	r := platform.Request{Header: http.Header{}, Body: []byte(`{"a":1}`)}
	r.Header.Set("X-Zendesk-Webhook-Signature-Timestamp", "2026-03-04T05:06:07Z")
	r.Header.Set("X-Zendesk-Webhook-Signature", platform.MAC{Algorithm: "sha256", Encoding: "base64"}.Sum(secret, []byte(`2026-03-04T05:06:07Z{"a":1}`)))
	if err := (zendesk.Adapter{}).Verify(r, platform.Secrets{Keys: []string{secret}}, platform.Options{}, at); err != nil {
		t.Error(err)
	}
	if err := (zendesk.Adapter{}).Verify(r, platform.Secrets{Keys: []string{"the app's own"}}, platform.Options{}, at); err == nil {
		t.Error("the published secret holds")
	}
	r.Header.Set("X-Zendesk-Webhook-Signature-Timestamp", "1772600767")
	err := (zendesk.Adapter{}).Verify(r, platform.Secrets{Keys: []string{secret}}, platform.Options{}, at)
	if err == nil || !strings.Contains(err.Error(), "no time of the form") {
		t.Errorf("a timestamp in seconds: %v", err)
	}
}
