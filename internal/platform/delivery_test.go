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
	for _, h := range []string{"Authorization", "COOKIE", "x-telegram-bot-api-secret-token", "X-Api-Key", "X-Goog-Api-Key", "X-Rapport-Check", "Proxy-Authorization", "X-Forwarded-For", "X-Amzn-Trace-Id"} {
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

// What follows the app's id in the hook's path may be a secret: it is left
// out of the URL, of which the rest stays.
func TestASecretPathIsNotQueued(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.org/hooks/app_1/s3cret":            "https://example.org/hooks/app_1",
		"https://example.org/hooks/app_1/s3cret?a=b&c=%20":  "https://example.org/hooks/app_1?a=b&c=%20",
		"https://example.org/hooks/app_1/UC1/s3cret/x?a":    "https://example.org/hooks/app_1?a",
		"https://example.org/stage/hooks/app_1/s3cret":      "https://example.org/stage/hooks/app_1",
		"https://example.org/%68ooks/app_1/s3cret":          "https://example.org/%68ooks/app_1",
		"https://example.org/hooks/app_1/hooks/s3cret":      "https://example.org/hooks/app_1",
		"https://example.org/hooks/app_1/s3cret?u=/hooks/x": "https://example.org/hooks/app_1?u=/hooks/x",
		"https://example.org/elsewhere/s3cret?a=b":          "https://example.org?a=b",
		"https://example.org/hooks":                         "https://example.org",
		"":                                                  "",
	} {
		d := delivery()
		d.Request.URL, d.Request.Path = in, "s3cret"
		id := d.ID()
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var got platform.Delivery
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if got.Request.URL != want || got.Request.Path != "" || strings.Contains(string(b), "s3cret") || got.ID() != id {
			t.Errorf("%s: queued as %s, want %s", in, got.Request.URL, want)
		}
		d.Request.Path = ""
		if b, err = json.Marshal(d); err != nil || json.Unmarshal(b, &got) != nil || got.Request.URL != in {
			t.Errorf("%s without a path: queued as %s", in, got.Request.URL)
		}
	}
}

func TestWhatKindOfDeliveryItIsComesBack(t *testing.T) {
	want := delivery()
	want.Part, want.Check, want.Replay, want.For, want.Object = "dlv_whole", "check_1", true, "acme", "deliveries/dlv_x"
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got platform.Delivery
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	plain := delivery()
	if b, err = json.Marshal(plain); err != nil || strings.Contains(string(b), "part_of") || strings.Contains(string(b), "replay") || strings.Contains(string(b), `"test"`) {
		t.Errorf("a delivery as usual: %s, %v", b, err)
	}
}

// What is fetched is known by its URL, too: two feeds with the same bytes are
// two; of what is sent, the query is no part, since platforms change it.
func TestTheURLCountsForWhatIsFetched(t *testing.T) {
	polled := func(url string) platform.Delivery {
		d := delivery()
		d.Request.Method, d.Request.URL = http.MethodGet, url
		return d
	}
	if polled("https://a.example/feed").ID() == polled("https://b.example/feed").ID() {
		t.Error("two feeds with the same bytes have one id")
	}
	if once, again := polled("https://a.example/feed").ID(), polled("https://a.example/feed").ID(); once != again {
		t.Error("the same answer, fetched twice, has two ids")
	}
	a, b := delivery(), delivery()
	b.Request.URL += "&retry=2"
	if a.ID() != b.ID() {
		t.Error("what is sent is known by its query")
	}
}

func TestTestsAreMarkedByWhoHasASecret(t *testing.T) {
	var r platform.Request
	platform.MarkCheck(&r, "key", "check_1")
	for name, c := range map[string]struct {
		keys []string
		want string
	}{
		"its secret":   {[]string{"key"}, "check_1"},
		"a previous":   {[]string{"new", "", "key"}, "check_1"},
		"another":      {[]string{"new"}, ""},
		"none":         {nil, ""},
		"an empty one": {[]string{""}, ""},
	} {
		if got := platform.CheckOf(r, platform.Secrets{Keys: c.keys}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	empty := platform.Request{Header: http.Header{"X-Rapport-Check": {"check_1." + platform.PathToken("", "check", "check_1")}}}
	if got := platform.CheckOf(empty, platform.Secrets{Keys: []string{""}}); got != "" {
		t.Errorf("a test signed with nothing is one: %q", got)
	}
}
