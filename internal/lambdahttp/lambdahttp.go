// Package lambdahttp adapts an API Gateway HTTP API event (payload version
// 2.0) to an http.Handler, so that tests and Lambda run the same code.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Func is what lambda.Start takes.
type Func func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// maxAnswer bounds an answer's body as it is sent, in bytes: Lambda takes 6 MB
// in all, as JSON, in which a text full of quotes doubles. A text that is
// longer than this when escaped is sent in base64, so a body of up to three
// quarters of it arrives whatever it holds.
const maxAnswer = 5_500_000

// Handler returns a Lambda handler that serves events with h. An event that
// is no HTTP request is answered with 400. A panic, and an answer too large
// for Lambda, are logged and answered with 500: it never returns an error,
// whose text the gateway could show.
func Handler(h http.Handler) Func {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		r, err := NewRequest(ctx, e)
		if err != nil {
			slog.WarnContext(ctx, "event refused", "reason", err.Error())
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
		}
		w := &response{header: http.Header{}}
		if !serve(h, w, r) {
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusInternalServerError}, nil
		}
		out := w.event(r.Method)
		if len(out.Body) > maxAnswer {
			slog.ErrorContext(ctx, "answer too large", "path", r.URL.Path, "bytes", len(out.Body))
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusInternalServerError}, nil
		}
		return out, nil
	}
}

func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(r.Context(), "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// NewRequest makes the *http.Request that net/http would have made of what
// the client sent. The gateway has joined repeated headers with commas; they
// stay one value. It has decoded the path, and some local engines have not:
// what can be decoded is, so nothing may be authorised by path before this.
func NewRequest(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	method := e.RequestContext.HTTP.Method
	if method == "" || strings.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return nil, fmt.Errorf("the method %.20q", method)
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("the body: %w", err)
		}
	}
	path := e.RawPath
	if s := e.RequestContext.Stage; s != "" && s != "$default" { // a named stage is part of rawPath
		if rest, ok := strings.CutPrefix(path, "/"+s); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u := &url.URL{Path: path, RawQuery: e.RawQueryString}
	if decoded, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = decoded, path
	}
	r := &http.Request{
		Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(e.Headers)+1), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		RemoteAddr: net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0"), Host: e.RequestContext.DomainName, RequestURI: u.RequestURI(),
	}
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		switch key := textproto.CanonicalMIMEHeaderKey(name); key {
		case "Host":
			r.Host = e.Headers[name]
		case "Content-Length", "Transfer-Encoding": // of the connection to the gateway
		default:
			r.Header.Add(key, e.Headers[name])
		}
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return r.WithContext(ctx), nil
}

// response is an http.ResponseWriter that collects the answer.
type response struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

// WriteHeader keeps the first status; those of the 1xx are not answers.
func (w *response) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status, w.sent = code, w.header.Clone()
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(w.sent["Content-Type"]) == 0 && w.body.Len() == 0 && len(p) > 0 {
		w.sent.Set("Content-Type", http.DetectContentType(p))
	}
	return w.body.Write(p)
}

// maxEscaped is the most bytes that JSON makes of one byte of text (\u0000).
const maxEscaped = 6

// asText reports whether b can be sent as it is: UTF-8 that is short enough
// when it is escaped as a JSON string. encoding/json escapes at least what the
// Lambda runtime does.
func asText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	if len(b)*maxEscaped <= maxAnswer {
		return true
	}
	j, err := json.Marshal(string(b))
	return err == nil && len(j) <= maxAnswer
}

// event is the answer as the gateway takes it: text as it is, anything else,
// and text that grows too long, in base64.
func (w *response) event(method string) events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK) // a handler that wrote nothing answered 200
	out := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: make(map[string]string, len(w.sent)), Cookies: w.sent["Set-Cookie"]}
	for k, v := range w.sent {
		if k != "Set-Cookie" {
			out.Headers[k] = strings.Join(v, ", ")
		}
	}
	if method == http.MethodHead || w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return out
	}
	if b := w.body.Bytes(); w.sent.Get("Content-Encoding") == "" && asText(b) {
		out.Body = string(b)
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(b), true
	}
	return out
}
