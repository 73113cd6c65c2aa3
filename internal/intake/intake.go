// Package intake answers platforms: handshakes, and deliveries, which it
// verifies on their raw bytes and queues. It stores and normalises nothing.
package intake

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"rapport/internal/cache"
	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

// MaxBody is the largest body that is accepted, in bytes.
const MaxBody = 4 << 20

// Deps is what intake needs of the world.
type Deps struct {
	App       func(ctx context.Context, id string) (store.App, error)
	Secrets   func(ctx context.Context, app string) (platform.Secrets, error)
	Enqueue   func(ctx context.Context, d platform.Delivery) error
	Note      func(ctx context.Context, n platform.Note) error // of refusals and handshakes; failing to note fails nothing else
	Instance  string                                           // names this process among those that serve the same apps
	PublicURL string                                           // scheme and host that platforms call; "": the request's own
	Now       func() time.Time
	Rand      func() float64 // in [0, 1); nil: the standard library's
}

// Handler serves /hooks/{app} and what lies below it.
func Handler(d Deps) http.Handler {
	if d.Rand == nil {
		d.Rand = rand.Float64
	}
	apps := remember(d, d.App)
	secrets := remember(d, d.Secrets)
	pace := newPace(d.Now)
	notes := noter{note: d.Note, instance: d.Instance}
	mux := http.NewServeMux()
	serve := func(w http.ResponseWriter, r *http.Request) {
		start := d.Now()
		o := outcome{app: r.PathValue("app")}
		o.serve(w, r, d, apps, secrets, pace)
		notes.take(r.Context(), o, start)
		o.log(r.Context(), start, d.Now().Sub(start))
	}
	mux.HandleFunc("/hooks/{app}", serve)
	mux.HandleFunc("/hooks/{app}/{path...}", serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	return mux
}

var appID = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)

// outcome is what became of one request: one wide log line.
type outcome struct {
	app      string
	platform social.Platform
	result   string // accepted, handshake, refused, unknown, too_large, failed
	reason   string
	status   int
	bytes    int
	known    bool // there is such an app
}

func (o *outcome) end(w http.ResponseWriter, status int, result, reason string) {
	o.status, o.result, o.reason = status, result, reason
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(status)
}

func (o *outcome) serve(w http.ResponseWriter, r *http.Request, d Deps, apps lookup[store.App], secrets lookup[platform.Secrets], pace *pace) {
	ctx := r.Context()
	if !appID.MatchString(o.app) {
		o.app = "" // whoever made it up shall not fill the log with it
		o.end(w, http.StatusNotFound, "unknown", "no app has such an id")
		return
	}
	app, err := apps(ctx, o.app, remembered)
	if fault.Is(err, fault.NotFound) {
		o.end(w, http.StatusNotFound, "unknown", "no such app")
		return
	}
	if err != nil {
		o.end(w, http.StatusServiceUnavailable, "failed", err.Error())
		return
	}
	o.platform, o.known = app.Platform, true
	adapter, err := all.Find(app.Platform)
	if err != nil {
		o.end(w, http.StatusNotFound, "unknown", err.Error())
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		o.end(w, http.StatusBadRequest, "failed", "the body could not be read")
		return
	}
	if o.bytes = len(body); o.bytes > MaxBody {
		o.end(w, http.StatusRequestEntityTooLarge, "too_large", "over 4 MB")
		return
	}
	base := d.PublicURL
	if base == "" {
		base = "https://" + r.Host
	}
	req := platform.Request{Method: r.Method, URL: base + r.URL.RequestURI(), Header: r.Header, Query: r.URL.RawQuery, Path: r.PathValue("path"), Body: body}
	opts := platform.Options{Legacy: app.Legacy, Config: app.Config}
	var keys platform.Secrets
	var answer *platform.Answer
	var refused error
	// What is refused is looked at once more with secrets read just now: they may have been rotated.
	for _, age := range []time.Duration{remembered, refuseWithin} {
		was := keys
		keys, err = secrets(ctx, app.ID, age)
		if fault.Is(err, fault.NotFound) {
			o.end(w, http.StatusUnauthorized, "refused", "the app has no secret")
			return
		}
		if err != nil {
			o.end(w, http.StatusServiceUnavailable, "failed", err.Error())
			return
		}
		if refused != nil && slices.Equal(was.Keys, keys.Keys) && was.VerifyToken == keys.VerifyToken {
			break
		}
		answer, refused = adapter.Handshake(req, keys, opts, d.Now())
		if refused == nil && answer == nil && r.Method == http.MethodPost {
			refused = adapter.Verify(req, keys, opts, d.Now())
		}
		if refused == nil {
			break
		}
	}
	switch {
	case refused != nil:
		o.end(w, http.StatusUnauthorized, "refused", refused.Error())
		return
	case answer != nil:
		o.answer(w, *answer, "handshake")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		o.end(w, http.StatusMethodNotAllowed, "refused", "neither a delivery nor a handshake")
		return
	}
	if wait := pace.take(app.ID, sendsAgain[app.Platform]); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		o.end(w, http.StatusTooManyRequests, "refused", "over the limit "+string(limit.Deliveries)+" of a minute")
		return
	}
	delivery := platform.Delivery{App: app.ID, Received: social.Instant(d.Now()), Request: req, Check: platform.CheckOf(req, keys)}
	if err := d.Enqueue(ctx, delivery); err != nil {
		o.end(w, http.StatusServiceUnavailable, "failed", err.Error())
		return
	}
	answer = &platform.Answer{Status: http.StatusOK}
	if a, ok := adapter.(platform.Acknowledger); ok {
		said := a.Acknowledge(req, opts, delivery.ID())
		answer = &said
	}
	o.answer(w, *answer, "accepted")
}

func (o *outcome) answer(w http.ResponseWriter, a platform.Answer, result string) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	} else {
		w.Header()["Content-Type"] = nil // else the server would guess one
	}
	o.end(w, a.Status, result, "")
	w.Write(a.Body)
}

// log writes the request's line.
func (o *outcome) log(ctx context.Context, at time.Time, took time.Duration) {
	level := slog.LevelInfo
	switch o.result {
	case "failed":
		level = slog.LevelError
	case "refused", "too_large":
		level = slog.LevelWarn
	}
	refused := 0
	if level == slog.LevelWarn && o.known {
		refused = 1
	}
	slog.LogAttrs(ctx, level, "hook", append([]slog.Attr{slog.String("app", o.app), slog.String("platform", cmp.Or(string(o.platform), "none")), slog.String("result", o.result),
		slog.String("reason", o.reason), slog.Int("status", o.status), slog.Int("bytes", o.bytes), slog.Float64("ms", float64(took.Microseconds())/1000)},
		emf.Attrs(at, emf.Count(emf.Refused, refused))...)...)
}

// remembered is how long an app and its secrets are kept in memory: a revoked
// secret or a changed app is known after at most this long, unless it can't be read.
const remembered = time.Minute

// refuseWithin is how old secrets may be by which something is refused: a rotated
// one is known at once, and a flood of forgeries reads them every five seconds.
const refuseWithin = cache.Exact

// servedStale is how old an app and its secrets may be that are served while
// they can't be read: a revoked secret is known after at most this long, and a
// stop of the parameter store that is shorter loses no delivery.
const servedStale = 15 * time.Minute

// maxApps bounds how many apps are held, so that made-up ids can't fill the memory.
const maxApps = 10_000

// lookup reads what belongs to an app, at most age ago.
type lookup[T any] func(ctx context.Context, app string, age time.Duration) (T, error)

func remember[T any](d Deps, load func(context.Context, string) (T, error)) lookup[T] {
	return (&cache.Cache[T]{Load: load, Now: d.Now, Random: d.Rand, Most: maxApps, Stale: servedStale}).Get
}
