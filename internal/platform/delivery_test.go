package platform_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
)

func delivery() platform.Delivery {
	return platform.Delivery{App: "app_1", Received: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC), Request: platform.Request{
		Method: "POST", URL: "https://example.org/hooks/app_1?a=b&c=%20", Query: "a=b&c=%20",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=00"}}, Body: []byte("\x00\xff{\"id\":9007199254740993}\n")}}
}

func TestDeliveryRoundTripKeepsEveryByte(t *testing.T) {
	want := delivery()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got platform.Delivery
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back differently (-want +got):\n%s", diff)
	}
	if got.ID() != want.ID() {
		t.Errorf("got id %q, want %q", got.ID(), want.ID())
	}
}

func TestRedeliveryHasTheSameID(t *testing.T) {
	a := delivery()
	b := delivery()
	b.Received = b.Received.Add(time.Hour)
	b.Request.Header.Set("Webhook-Id", "msg_2")
	if a.ID() != b.ID() {
		t.Error("the same bytes, received again, have another id")
	}
	for name, change := range map[string]func(*platform.Delivery){
		"another app":    func(d *platform.Delivery) { d.App = "app_2" },
		"another method": func(d *platform.Delivery) { d.Request.Method = "PUT" },
		"another body":   func(d *platform.Delivery) { d.Request.Body = append([]byte("x"), d.Request.Body...) },
	} {
		d := delivery()
		change(&d)
		if d.ID() == a.ID() {
			t.Errorf("%s: the same id", name)
		}
	}
	b.App, b.Request.Method, b.Request.Body = "app_1|POST", "x", []byte("y")
	a.App, a.Request.Method, a.Request.Body = "app_1", "POST", []byte("x|y")
	if a.ID() == b.ID() {
		t.Error("parts that run together have the same id")
	}
}

func TestBodyKeptElsewhereIsOfTheSameDelivery(t *testing.T) {
	d := delivery()
	id, key := d.ID(), d.ObjectKey()
	d.Object, d.Request.Body = key, nil
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got platform.Delivery
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID() != id || got.ObjectKey() != key || len(got.Request.Body) != 0 {
		t.Errorf("got id %q at %q with %d bytes, want %q at %q without", got.ID(), got.ObjectKey(), len(got.Request.Body), id, key)
	}
}

func TestSecretHeadersAreNotQueued(t *testing.T) {
	d := delivery()
	for _, h := range []string{"Authorization", "COOKIE", "x-telegram-bot-api-secret-token", "X-Api-Key", "Proxy-Authorization", "X-Forwarded-For", "X-Amzn-Trace-Id"} {
		d.Request.Header[h] = []string{"s3cret"}
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "s3cret") {
		t.Errorf("a secret is queued: %s", b)
	}
	if !strings.Contains(string(b), `"x-hub-signature-256":"sha256=00"`) {
		t.Errorf("the signature is not queued: %s", b)
	}
}

func TestWhatIsNoDelivery(t *testing.T) {
	for _, s := range []string{`[]`, `{"app":1}`, `{}`, `{"app":"a"}`, `{"app":"a","received":"yesterday"}`, `{"received":"2026-01-02T03:04:05.678Z"}`,
		`{"app":"a","received":"2026-01-02T03:04:05.678Z","body":"?"}`} {
		var d platform.Delivery
		if err := json.Unmarshal([]byte(s), &d); err == nil {
			t.Errorf("%s: read as %+v", s, d)
		}
	}
}
