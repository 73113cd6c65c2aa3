package lambdahttp_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/lambdahttp"
)

func event(method, path string) events.APIGatewayV2HTTPRequest {
	return events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, RequestContext: events.APIGatewayV2HTTPRequestContext{
		DomainName: "api.example.com", Stage: "$default", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, SourceIP: "203.0.113.7"}}}
}

func request(t *testing.T, e events.APIGatewayV2HTTPRequest) *http.Request {
	t.Helper()
	r, err := lambdahttp.NewRequest(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The example of API Gateway's own documentation for payload version 2.0.
func TestRequestOfTheDocumentedEvent(t *testing.T) {
	b, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	r := request(t, e)
	body, _ := io.ReadAll(r.Body)
	got := []any{r.Method, r.URL.Path, r.URL.RawQuery, r.Host, r.Header.Get("Header2"), r.Header.Get("Cookie"), string(body), r.ContentLength, r.RemoteAddr, r.RequestURI}
	want := []any{"POST", "/path/to/resource", "parameter1=value1&parameter1=value2&parameter2=value", "id.execute-api.us-east-1.amazonaws.com",
		"value1,value2", "cookie1=a; cookie2=b", "{\"a\":1}", int64(7), "192.0.2.1:0", "/path/to/resource?parameter1=value1&parameter1=value2&parameter2=value"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct{ name, stage, raw, path, escaped string }{
		{"default stage", "$default", "/v1/x", "/v1/x", "/v1/x"},
		{"named stage", "prod", "/prod/v1/x", "/v1/x", "/v1/x"},
		{"named stage alone", "prod", "/prod", "/", "/"},
		{"a name that begins like the stage", "prod", "/production/x", "/production/x", "/production/x"},
		{"empty", "$default", "", "/", "/"},
		{"no slash", "$default", "v1", "/v1", "/v1"},
		{"decoded by the gateway", "$default", "/a b/ü", "/a b/ü", "/a%20b/%C3%BC"},
		{"not decoded", "$default", "/a%20b", "/a b", "/a%20b"},
		{"an escaped slash stays inside its segment", "$default", "/a%2Fb", "/a/b", "/a%2Fb"},
		{"not decodable", "$default", "/100%", "/100%", "/100%25"},
		{"two slashes are no host", "$default", "//evil.example/x", "//evil.example/x", "//evil.example/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := event("GET", c.raw)
			e.RequestContext.Stage = c.stage
			r := request(t, e)
			if r.URL.Path != c.path || r.URL.EscapedPath() != c.escaped || r.URL.Host != "" {
				t.Errorf("got path %q, escaped %q, host %q, want %q, %q and no host", r.URL.Path, r.URL.EscapedPath(), r.URL.Host, c.path, c.escaped)
			}
		})
	}
}

func TestHeadersKeepTheirCommas(t *testing.T) {
	e := event("POST", "/")
	e.Headers = map[string]string{"stripe-signature": "t=1,v1=abc,v1=def", "date": "Tue, 01 Sep 2026 10:00:00 GMT", "HOST": "hooks.example.com", "content-length": "99999", "transfer-encoding": "chunked"}
	r := request(t, e)
	if got, want := r.Header.Values("Stripe-Signature"), []string{"t=1,v1=abc,v1=def"}; !cmp.Equal(got, want) {
		t.Errorf("Stripe-Signature: got %q, want %q", got, want)
	}
	if got, want := r.Header.Get("Date"), "Tue, 01 Sep 2026 10:00:00 GMT"; got != want {
		t.Errorf("Date: got %q, want %q", got, want)
	}
	if r.Host != "hooks.example.com" {
		t.Errorf("host: got %q", r.Host)
	}
	if r.ContentLength != 0 || r.Header.Get("Content-Length") != "" || r.Header.Get("Transfer-Encoding") != "" {
		t.Errorf("the client's framing is believed: %d, %q", r.ContentLength, r.Header)
	}
}

func TestRemoteAddressOfIPv6(t *testing.T) {
	e := event("GET", "/")
	e.RequestContext.HTTP.SourceIP = "2001:db8::1"
	if got, want := request(t, e).RemoteAddr, "[2001:db8::1]:0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBinaryBodyIsExact(t *testing.T) {
	want := []byte{0xff, 0x00, 0x1f, 0x8b}
	e := event("POST", "/")
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(want), true
	got, _ := io.ReadAll(request(t, e).Body)
	if !cmp.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestNoRequest(t *testing.T) {
	for name, e := range map[string]events.APIGatewayV2HTTPRequest{
		"an event of another kind": {},
		"no method":                event("", "/"),
		"a method with a path":     event("GET /admin", "/"),
		"a method in lower case":   event("get", "/"),
		"a body that is no base64": func() events.APIGatewayV2HTTPRequest {
			e := event("POST", "/")
			e.Body, e.IsBase64Encoded = "%%%", true
			return e
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			out, err := lambdahttp.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))(t.Context(), e)
			if err != nil || out.StatusCode != http.StatusBadRequest || called {
				t.Errorf("got %d, %v, handler called: %v; want 400 and no call", out.StatusCode, err, called)
			}
		})
	}
}

func answer(t *testing.T, method string, h http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	out, err := lambdahttp.Handler(h)(t.Context(), event(method, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnswer(t *testing.T) {
	out := answer(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Origin")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "1")
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "<p>hello</p>")
	})
	want := events.APIGatewayV2HTTPResponse{StatusCode: 418, Body: "<p>hello</p>", Cookies: []string{"a=1; Path=/", "b=2"},
		Headers: map[string]string{"Vary": "Accept, Origin", "Content-Type": "text/html; charset=utf-8"}}
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
}

func TestAnswerThatIsNoTextComesInBase64(t *testing.T) {
	for name, c := range map[string]struct {
		encoding string
		body     []byte
	}{"invalid UTF-8": {"", []byte{0xff, 0xfe}}, "encoded": {"gzip", []byte("text")}} {
		t.Run(name, func(t *testing.T) {
			out := answer(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				w.Write(c.body)
			})
			if got, err := base64.StdEncoding.DecodeString(out.Body); !out.IsBase64Encoded || err != nil || !cmp.Equal(got, c.body) {
				t.Errorf("got %q, base64 %v", out.Body, out.IsBase64Encoded)
			}
		})
	}
}

// Lambda takes 6 MB (6,291,556 bytes) of JSON, in which a text full of quotes doubles.
func TestLongTextFitsAsItIsEscaped(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		base64 bool
	}{
		"quotes that grow too long":   {strings.Repeat(`\"`, 2_000_000), true},
		"control characters":          {strings.Repeat("\x01", 1_000_000), true},
		"quotes that stay below":      {strings.Repeat(`"`, 2_500_000), false},
		"letters that do not grow":    {strings.Repeat("x", 5_000_000), false},
		"three quarters of the limit": {strings.Repeat("\x00", 4_125_000), true},
	} {
		t.Run(name, func(t *testing.T) {
			out := answer(t, "GET", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) })
			got := out.Body
			if out.IsBase64Encoded {
				b, err := base64.StdEncoding.DecodeString(got)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if out.StatusCode != 200 || got != c.body || out.IsBase64Encoded != c.base64 {
				t.Errorf("got %d with %d bytes, base64 %v; want 200 with %d, base64 %v", out.StatusCode, len(got), out.IsBase64Encoded, len(c.body), c.base64)
			}
			if j, err := json.Marshal(out); err != nil || len(j) > 6_291_556 {
				t.Errorf("as Lambda sends it: %d bytes, %v", len(j), err)
			}
		})
	}
}

func TestAnswerWithoutBody(t *testing.T) {
	if out := answer(t, "GET", func(http.ResponseWriter, *http.Request) {}); out.StatusCode != 200 || out.Body != "" {
		t.Errorf("a handler that writes nothing: got %d %q", out.StatusCode, out.Body)
	}
	if out := answer(t, "HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }); out.Body != "" || out.Headers["Content-Type"] == "" {
		t.Errorf("HEAD: got %q with %v", out.Body, out.Headers)
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		if out := answer(t, "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, "x") }); out.StatusCode != status || out.Body != "" {
			t.Errorf("%d: got %d %q", status, out.StatusCode, out.Body)
		}
	}
}

// What goes wrong inside is nobody's business: the gateway would show an error's text.
func TestFailureShowsNothing(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"panic":                     func(http.ResponseWriter, *http.Request) { panic("secret") },
		"panic after half a body":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half"); panic(http.ErrAbortHandler) },
		"an answer over the limit":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 5_600_000)) },
		"a binary one that becomes": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat("\xff", 5_000_000))) },
	} {
		t.Run(name, func(t *testing.T) {
			if out := answer(t, "GET", h); out.StatusCode != http.StatusInternalServerError || out.Body != "" {
				t.Errorf("got %d with %d bytes, want 500 without a body", out.StatusCode, len(out.Body))
			}
		})
	}
}

// No event makes the adapter panic, and a text body arrives as it was sent.
func FuzzNewRequest(f *testing.F) {
	f.Add("GET", "/v1/x", "a=b", "prod", "host", "example.com", "body", false)
	f.Add("POST", "%%%//..", "&=;%zz", "$default", "x\n", "\r\n", "AAAA", true)
	f.Fuzz(func(t *testing.T, method, path, query, stage, name, value, body string, encoded bool) {
		e := event(method, path)
		e.RawQueryString, e.RequestContext.Stage, e.Headers, e.Body, e.IsBase64Encoded = query, stage, map[string]string{name: value}, body, encoded
		r, err := lambdahttp.NewRequest(t.Context(), e)
		if err != nil {
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/") || r.URL.Host != "" {
			t.Errorf("path %q, host %q", r.URL.Path, r.URL.Host)
		}
		got, _ := io.ReadAll(r.Body)
		if !encoded && string(got) != body {
			t.Errorf("body: got %q, want %q", got, body)
		}
		http.NewServeMux().ServeHTTP(discard{http.Header{}}, r)
	})
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
