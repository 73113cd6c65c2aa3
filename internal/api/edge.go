package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"rapport/internal/fault"
)

type callerKey struct{}

// callerOf says who calls.
func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// edge stands around the operations: it proves who calls, answers for routes
// that are not there and for panics, sets the headers that every answer has,
// and writes one line per request.
type edge struct {
	mux    *http.ServeMux
	verify func(context.Context, string) (Caller, error)
	key    func(context.Context, string) (Caller, error) // of a machine key
	now    func() time.Time
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := e.now()
	a := &answer{header: http.Header{}}
	o := e.serve(a, r)
	a.finish(w, r)
	level := slog.LevelInfo
	if a.status >= 500 {
		level = slog.LevelError
	}
	slog.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("route", o.route), slog.String("workspace", o.workspace),
		slog.String("caller", o.caller.who()), slog.Int("status", a.status), slog.String("reason", o.reason), slog.Int("bytes", a.body.Len()),
		slog.Float64("ms", float64(e.now().Sub(start).Microseconds())/1000))
}

// outcome is what the log says of a request beside its answer.
type outcome struct {
	caller                   Caller
	route, workspace, reason string
}

// serve answers r into a.
func (e *edge) serve(a *answer, r *http.Request) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o.reason = fmt.Sprintf("panic: %v", p)
			slog.ErrorContext(r.Context(), "panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			*a = answer{header: http.Header{}}
			newProblem(http.StatusInternalServerError, "").write(a)
		}
	}()
	if r.URL.Path != openapiJSON && r.URL.Path != openapiYAML {
		var err error
		if o.caller, err = e.authenticate(r); err != nil {
			o.reason = err.Error()
			if p, ok := problemOf(r.Context(), err).(*Problem); ok {
				if p.Status == http.StatusUnauthorized {
					a.header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				}
				p.write(a)
				return o
			}
			a.header.Set("Retry-After", "2")
			newProblem(http.StatusServiceUnavailable, "try again in a moment").write(a)
			return o
		}
	}
	h, route := e.mux.Handler(r)
	if route == "" { // the mux's own 404 and 405 are plain text
		plain := &answer{header: http.Header{}}
		h.ServeHTTP(plain, r)
		if allow := plain.header.Get("Allow"); allow != "" {
			a.header.Set("Allow", allow)
		}
		newProblem(plain.status, "").write(a)
		return o
	}
	ctx := context.WithValue(r.Context(), callerKey{}, o.caller)
	r = r.WithContext(context.WithValue(ctx, requestKey{}, r))
	e.mux.ServeHTTP(a, r)
	o.route, o.workspace = route, r.PathValue("workspace")
	return o
}

// authenticate says who calls, by the request's bearer token: a machine key or
// an access token.
func (e *edge) authenticate(r *http.Request) (Caller, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Caller{}, fault.New(fault.Unauthenticated, "an access token is needed: Authorization: Bearer …")
	}
	if strings.HasPrefix(token, keyPrefix) {
		return e.key(r.Context(), token)
	}
	return e.verify(r.Context(), token)
}

// answer collects an answer, so that its tag is known before it is sent.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// finish sends the answer. What was read carries a strong ETag of its bytes;
// a client that names it in If-None-Match gets 304.
func (a *answer) finish(w http.ResponseWriter, r *http.Request) {
	a.WriteHeader(http.StatusOK)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	for k, v := range a.header {
		h[k] = v
	}
	if r.Method == http.MethodPut && (a.status == http.StatusOK || a.status == http.StatusCreated) { // it is answered as it is read
		h.Set("ETag", etagOf(a.body.Bytes()))
	}
	if a.status == http.StatusOK && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		etag := etagOf(a.body.Bytes())
		h.Set("ETag", etag)
		h.Set("Cache-Control", "private, no-cache")
		if matches(r.Header.Get("If-None-Match"), etag) {
			h.Del("Content-Type")
			a.status = http.StatusNotModified
			w.WriteHeader(a.status)
			return
		}
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(a.body.Bytes())
	}
}

// matches is the weak comparison of RFC 9110, 13.1.2.
func matches(header, etag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == "*" || t == etag {
			return true
		}
	}
	return false
}
