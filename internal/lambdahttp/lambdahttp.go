// Package lambdahttp adapts an API Gateway HTTP API (payload 2.0) event to an http.Handler.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

type ctxKey struct{}

// RequestContext returns the gateway's request context (authorizer claims, request id, stage).
func RequestContext(ctx context.Context) (events.APIGatewayV2HTTPRequestContext, bool) {
	rc, ok := ctx.Value(ctxKey{}).(events.APIGatewayV2HTTPRequestContext)
	return rc, ok
}

// WithRequestContext is for tests and for local servers.
func WithRequestContext(ctx context.Context, rc events.APIGatewayV2HTTPRequestContext) context.Context {
	return context.WithValue(ctx, ctxKey{}, rc)
}

// Func is what lambda.Start takes.
type Func func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Handler returns a Lambda handler that serves events with h.
func Handler(h http.Handler) Func {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		r, err := NewRequest(ctx, e)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
		}
		w := &response{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.event(), nil
	}
}

// NewRequest makes the *http.Request that net/http would have made.
func NewRequest(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, err
		}
	}
	path := e.RawPath
	if s := e.RequestContext.Stage; s != "" && s != "$default" { // a named stage is part of rawPath
		path = strings.TrimPrefix(path, "/"+s)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u := &url.URL{Path: path, RawQuery: e.RawQueryString}
	if dec, err := url.PathUnescape(path); err == nil { // rawPath may or may not be percent-encoded
		u.Path, u.RawPath = dec, path
	}
	r := &http.Request{
		Method: strings.ToUpper(e.RequestContext.HTTP.Method), URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(e.Headers)+1), Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		RemoteAddr: e.RequestContext.HTTP.SourceIP + ":0", Host: e.RequestContext.DomainName, RequestURI: u.RequestURI(),
	}
	if r.Method == "" {
		return nil, errors.New("lambdahttp: no method in event")
	}
	for k, v := range e.Headers { // the gateway already joined repeated headers with a comma
		if strings.EqualFold(k, "host") {
			r.Host = v
			continue
		}
		r.Header.Set(k, v)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return r.WithContext(WithRequestContext(ctx, e.RequestContext)), nil
}

type response struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }
func (w *response) WriteHeader(code int) {
	if w.status == 0 && code >= 200 { // first one wins, 1xx is dropped
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

func (w *response) event() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK) // a handler that wrote nothing answered 200
	out := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: make(map[string]string, len(w.sent)), Cookies: w.sent["Set-Cookie"]}
	for k, v := range w.sent {
		if k != "Set-Cookie" {
			out.Headers[k] = strings.Join(v, ", ")
		}
	}
	if b := w.body.Bytes(); utf8.Valid(b) && w.sent.Get("Content-Encoding") == "" {
		out.Body = string(b)
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(b), true
	}
	return out
}
