package typeform_test

import (
	"net/http"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/typeform"
)

var suite = platformtest.Suite{Adapter: typeform.Adapter{}, Fleeting: []string{"/event_id"}, Secret: "webhook-secret", Other: "another's"}

func TestTypeform(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The key and data of RFC 4231, test case 2, in base64: https://www.rfc-editor.org/rfc/rfc4231#section-4.3
func TestSignatureIsBase64(t *testing.T) {
	r := platform.Request{Header: http.Header{}, Body: []byte("what do ya want for nothing?")}
	for header, holds := range map[string]bool{
		"sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=":                     true,
		"W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=":                            false,
		"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843": false, // in hex, as many examples have it
	} {
		r.Header.Set("Typeform-Signature", header)
		if err := (typeform.Adapter{}).Verify(r, platform.Secrets{Keys: []string{"Jefe"}}, platform.Options{}, time.Time{}); (err == nil) != holds {
			t.Errorf("%s: %v", header, err)
		}
	}
}

func TestMadeKeyIsHex(t *testing.T) {
	if got := (typeform.Adapter{}).MakeKey([]byte{0, 0xff}); got != "00ff" {
		t.Errorf("got %q", got)
	}
}
