package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"rapport/internal/platform"
)

func TestWhatIsSignedIsRedirectedNowhere(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a stranger got the signature %q", r.Header.Get("X-Signature"))
	}))
	defer stranger.Close()
	hook := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
	defer hook.Close()
	r := platform.Request{Method: http.MethodPost, URL: hook.URL, Header: http.Header{"X-Signature": {"abc"}}, Body: []byte("{}")}
	if status, _, err := post(t.Context(), r); err != nil || status != http.StatusTemporaryRedirect {
		t.Errorf("%d, %v; want the redirect as it came", status, err)
	}
}
