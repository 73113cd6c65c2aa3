package sdk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// closing is a body as the SDK makes them: closed when the answer begins, it
// says io.EOF where it was to write itself.
type closing struct {
	io.Reader
	answered chan struct{}
}

func (c *closing) WriteTo(io.Writer) (int64, error) {
	<-c.answered
	return 0, io.EOF
}

func (c *closing) Close() error { return nil }

func TestTheAnswerIsNotLost(t *testing.T) {
	answer := func(c Doer) (string, error) {
		body := &closing{strings.NewReader("question"), make(chan struct{})}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "6")
			w.(http.Flusher).Flush()
			close(body.answered)
			time.Sleep(200 * time.Millisecond) // meanwhile the client sees what its body says
			io.WriteString(w, "answer")
		}))
		defer server.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(len("question"))
		res, err := c.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	if _, err := answer(http.DefaultClient); err == nil {
		t.Error("net/http doesn't mind any more: the package can go")
	}
	if got, err := answer(Patient(http.DefaultClient)); got != "answer" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
