package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"rapport/internal/platform"
	"rapport/internal/platform/bluesky"
	"rapport/internal/send"
	"rapport/internal/social"
)

type jetstreamCommand struct {
	URL        string   `name:"url" default:"wss://jetstream2.us-east.bsky.network/subscribe" placeholder:"URL" help:"The Jetstream server's stream (${default})."`
	Hook       string   `required:"" placeholder:"URL" help:"Where to post to: https://…/hooks/<app> of an app of the platform bluesky."`
	SecretFile string   `required:"" placeholder:"FILE" help:"The app's secrets, one a line; the first signs."`
	CursorFile string   `required:"" placeholder:"FILE" help:"Remembers how far the stream has been posted."`
	DID        []string `name:"did" placeholder:"DID" help:"An account of which everything it does is wanted; can be given several times."`
	About      []string `placeholder:"DID" help:"An account of which also is wanted what anybody does to it: replies, mentions, likes …; can be given several times."`
	Collection []string `placeholder:"NSID" help:"A kind of record that is wanted; can be given several times. Without it: posts, likes, reposts, follows and profiles."`
}

// Help is printed by rapport jetstream --help.
func (jetstreamCommand) Help() string {
	return `Bluesky calls no hooks. This command reads its event stream and posts the events to Rapport, up to 100 a delivery and at least every 2 seconds, signed as Standard Webhooks says. It runs until it is ended; end it with Ctrl-C or SIGTERM, and run it under something that starts it again.

The stream can be filtered by who acts, not by whom it is about. With --did alone the server filters; with --about the whole network's stream is read (some hundred events a second) and filtered here. Demands to forget deleted accounts are always passed on.

The cursor moves only after Rapport has accepted a delivery. After a break the stream is read on from 5 seconds before the cursor; what comes twice counts once. Servers keep about 36 hours and start later without saying so if asked for more: such a gap is reported on standard error and in the summary.

Prints {"seen","sent","deliveries","connections","gaps","cursor"} at the end. Exits with 1 if Rapport refuses the deliveries.

Examples:
  rapport jetstream --hook https://…/hooks/app_1 --secret-file secret --cursor-file cursor --about did:plc:z72i7hdynmk6r22z27h6tvur
  rapport jetstream --hook http://localhost:4566/hooks/app_1 --secret-file secret --cursor-file cursor --did did:plc:z72i7hdynmk6r22z27h6tvur --collection app.bsky.feed.post`
}

// wanted are the collections whose records the adapter knows.
var wanted = []string{"app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.feed.repost", "app.bsky.graph.follow", "app.bsky.actor.profile"}

// Bounds of a delivery, and of a single event, in events and bytes. The hook
// takes 4 MB; a record of the network has at most 1 MB, before it is JSON.
const (
	batchEvents  = 100
	batchBytes   = 1 << 20
	eventBytes   = 3 << 20
	messageBytes = 64 << 20
)

const (
	rewind   = 5 * time.Second // before the cursor, since servers' clocks differ and their events are not quite in order
	lookback = 36 * time.Hour  // what servers keep unless set up otherwise
	silence  = time.Minute     // the whole network's stream is never silent for so long
	alive    = 90 * time.Second
)

// Run reads the stream until the command is ended.
func (c *jetstreamCommand) Run(s *streams) error {
	r, err := c.reader(s)
	if err != nil {
		return err
	}
	err = r.run(s.ctx)
	r.sum.Cursor = r.cursor
	if encoded := s.out.Encode(r.sum); err == nil {
		err = encoded
	}
	return err
}

// reader checks the flags, and reads the secret and the cursor.
func (c *jetstreamCommand) reader(s *streams) (*jetstream, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, misused("--url %q is no ws or wss URL", c.URL)
	}
	if h, err := url.Parse(c.Hook); err != nil || h.Host == "" || h.Scheme != "http" && h.Scheme != "https" {
		return nil, misused("--hook %q is no http or https URL", c.Hook)
	}
	if len(c.DID)+len(c.About) == 0 {
		return nil, misused("say whose events are wanted: --did or --about")
	}
	for _, did := range slices.Concat(c.DID, c.About) {
		if (bluesky.Adapter{}).CheckScope(did) != nil || (bluesky.Adapter{}).Polls(did) {
			return nil, misused("%q is no DID", did)
		}
	}
	keys, err := readKeys(c.SecretFile)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no secret", c.SecretFile)
	}
	if err := (bluesky.Adapter{}).CheckKey(keys[0], platform.Options{}); err != nil {
		return nil, err
	}
	q := u.Query()
	q["wantedCollections"] = c.Collection
	if len(c.Collection) == 0 {
		q["wantedCollections"] = wanted
	}
	if len(c.About) == 0 {
		q["wantedDids"] = c.DID
	}
	u.RawQuery = q.Encode()
	r := &jetstream{url: u, about: c.About, by: c.DID, say: s.say, now: s.now, sleep: send.Sleep,
		window: 2 * time.Second, sum: jetstreamed{Gaps: []gap{}}}
	r.save = func(cursor int64) error { return writeCursor(c.CursorFile, cursor) }
	r.send = send.Options{
		URL: c.Hook, Concurrency: 1, Attempts: 8, Client: &http.Client{Timeout: requestTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Sign: func(r *platform.Request, id string, now time.Time) error {
			return bluesky.Adapter{}.Sign(r, keys[0], id, platform.Options{}, now)
		},
		Now: s.now, Sleep: func(ctx context.Context, d time.Duration) error { return r.sleep(ctx, d) },
	}
	r.cursor, err = readCursor(c.CursorFile)
	return r, err
}

// readCursor reads the microseconds since 1970 that writeCursor wrote; 0 where there is no such file.
func readCursor(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cursor: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n < 1e15 {
		return 0, fmt.Errorf("the cursor file %s does not hold microseconds since 1970", file)
	}
	return n, nil
}

// writeCursor replaces the file as a whole, and makes it durable.
func writeCursor(file string, cursor int64) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the cursor: %w", err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(file), ".cursor-*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, cursor)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// gap is a time of which events may be missing.
type gap struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// jetstreamed is what the command did.
type jetstreamed struct {
	Seen        int   `json:"seen"` // events
	Sent        int   `json:"sent"` // events
	Deliveries  int   `json:"deliveries"`
	Connections int   `json:"connections"`
	Gaps        []gap `json:"gaps"`
	Cursor      int64 `json:"cursor"` // microseconds since 1970; 0: none yet
}

// jetstream reads a stream and posts what is wanted of it.
type jetstream struct {
	url       *url.URL
	about, by []string // accounts; with about, the stream is filtered here
	send      send.Options
	cursor    int64 // everything until then has been accepted; microseconds since 1970
	connected int64 // when the stream was last connected, which is later than the cursor where nothing came
	save      func(cursor int64) error
	window    time.Duration // how long an event waits for others
	say       func(format string, args ...any)
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error
	sum       jetstreamed
}

// fatal is an error that connecting again does not mend.
type fatal struct{ error }

// run reads until ctx ends, connecting again with growing pauses.
func (j *jetstream) run(ctx context.Context) error {
	for failures := 0; ; {
		seen := j.sum.Seen
		err := j.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if f, ok := errors.AsType[fatal](err); ok {
			return f.error
		}
		if j.sum.Seen > seen {
			failures = 0
		}
		failures++
		wait := time.Duration(float64(min(time.Second<<min(failures-1, 6), time.Minute)) * (0.5 + rand.Float64()/2))
		j.say("the stream ended: %v; connecting again in %s", err, wait.Round(time.Millisecond))
		if j.sleep(ctx, wait) != nil {
			return nil
		}
	}
}

// read reads one connection until it ends, and returns why it did.
func (j *jetstream) read(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	u, asked := *j.url, int64(0)
	if j.cursor > 0 {
		asked = j.cursor - rewind.Microseconds()
		q := u.Query()
		q.Set("cursor", strconv.FormatInt(asked, 10))
		u.RawQuery = q.Encode()
	}
	conn, err := dial(ctx, u.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	j.sum.Connections++
	if oldest, last := j.now().Add(-lookback).UnixMicro(), max(j.cursor, j.connected); len(j.about) == 0 && j.cursor > 0 && last < oldest {
		// A stream of few accounts does not show where it begins.
		j.gap(last, oldest)
	}
	defer func() { j.connected = j.now().UnixMicro() }()

	messages := make(chan []byte, batchEvents)
	var ended error
	go func() {
		defer close(messages)
		for {
			var m []byte
			if _, m, ended = conn.ReadMessage(); ended != nil {
				return
			}
			conn.SetReadDeadline(time.Now().Add(alive))
			select {
			case messages <- m:
			case <-ctx.Done():
				ended = ctx.Err()
				return
			}
		}
	}()

	b := batch{cursor: j.cursor}
	var due <-chan time.Time
	ping := time.NewTicker(alive / 3)
	defer ping.Stop()
	for first := true; ; {
		full := false
		select {
		case m, open := <-messages:
			if !open {
				return errors.Join(j.flush(ctx, &b), ended)
			}
			at := timeOf(m)
			if first && at > 0 {
				if first = false; len(j.about) > 0 && asked > 0 && at-asked > silence.Microseconds() {
					j.gap(asked, at)
				}
			}
			if due == nil {
				due = time.After(j.window)
			}
			full = j.add(&b, m, at)
		case <-due:
			full = true
		case <-ping.C:
			conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(alive/3)) // a connection that is dead ends by its deadline
		case <-ctx.Done():
			return ctx.Err()
		}
		if full {
			if err := j.flush(ctx, &b); err != nil {
				return err
			}
			due = nil
		}
	}
}

// dial connects. What the server will not take however often it is asked is fatal.
func dial(ctx context.Context, to string) (*websocket.Conn, error) {
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: requestTimeout}
	conn, res, err := d.DialContext(ctx, to, http.Header{"User-Agent": {"rapport"}})
	if err != nil {
		if res == nil {
			return nil, err
		}
		said, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // what there is of it will do
		err = fmt.Errorf("the server answers %s: %s", res.Status, bytes.TrimSpace(said))
		if res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout {
			return nil, fatal{err}
		}
		return nil, err
	}
	conn.SetReadLimit(messageBytes)
	conn.SetReadDeadline(time.Now().Add(alive))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(alive)) })
	return conn, nil
}

// gap reports that events between two instants may be missing.
func (j *jetstream) gap(from, to int64) {
	g := gap{From: social.Stamp(time.UnixMicro(from)), To: social.Stamp(time.UnixMicro(to))}
	j.say("events from %s to %s may be missing: the server keeps none so old", g.From, g.To)
	if len(j.sum.Gaps) < 100 {
		j.sum.Gaps = append(j.sum.Gaps, g)
	}
}

// batch is what waits to be posted.
type batch struct {
	body   []byte
	events int
	cursor int64 // the newest event seen, wanted or not
}

// timeOf is an event's time_us, to the millisecond; 0 where it has none.
func timeOf(message []byte) int64 {
	var e struct {
		TimeUS platform.Text `json:"time_us"`
	}
	if platform.Decode(message, &e) != nil {
		return 0
	}
	t, err := platform.Unix(string(e.TimeUS), time.Microsecond)
	if err != nil {
		return 0
	}
	return t.UnixMicro()
}

// add puts an event into the batch if it is wanted, and reports whether the
// batch has to go.
func (j *jetstream) add(b *batch, message []byte, at int64) (full bool) {
	j.sum.Seen++
	b.cursor = max(b.cursor, at)
	switch {
	case len(message) > eventBytes:
		j.say("an event of %d bytes is left out: no delivery holds it", len(message))
		return false
	case !j.wants(message):
		return false
	}
	b.events++
	b.body = append(append(b.body, bytes.ReplaceAll(message, []byte("\n"), []byte(" "))...), '\n')
	return b.events >= batchEvents || len(b.body) >= batchBytes
}

// wants reports whether an event is by or about the accounts asked for. One
// that is about nobody in particular is a demand to forget an account, or can't
// be understood, which is for Rapport to say.
func (j *jetstream) wants(message []byte) bool {
	if len(j.about) == 0 {
		return true // the server has filtered
	}
	events, err := bluesky.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Body: message}, platform.Options{})
	if err != nil || len(events) != 1 || len(events[0].Scopes) == 0 {
		return true
	}
	scopes := events[0].Scopes // the first is who acts
	return slices.Contains(j.by, scopes[0]) || slices.ContainsFunc(j.about, func(did string) bool { return slices.Contains(scopes, did) })
}

// flush posts the batch until it is accepted, and only then moves the cursor.
func (j *jetstream) flush(ctx context.Context, b *batch) error {
	if b.events > 0 {
		if err := j.post(ctx, b.body); err != nil {
			return err
		}
		j.sum.Deliveries++
		j.sum.Sent += b.events
	}
	if b.cursor > j.cursor {
		if err := j.save(b.cursor); err != nil {
			return fatal{err}
		}
		j.cursor = b.cursor
	}
	b.body, b.events = b.body[:0], 0
	return nil
}

// post posts a body until it is accepted or ctx ends; that it is refused is fatal.
func (j *jetstream) post(ctx context.Context, body []byte) error {
	item := send.Item{ID: social.HashID("msg", string(body)), Body: body}
	for {
		said := ""
		o := j.send
		o.Say = func(format string, args ...any) {
			if said == "" { // the first thing said is of the delivery, what follows are sums
				said = fmt.Sprintf(format, args...)
			}
		}
		sum, err := send.Send(ctx, one(item), o)
		switch {
		case err != nil:
			return fatal{err}
		case sum.Accepted == 1:
			return nil
		case sum.Refused == 1:
			j.say("the hook refuses the deliveries: %s", said)
			return fatal{errRefused}
		case ctx.Err() != nil:
			return ctx.Err()
		}
		j.say("the hook does not take the deliveries; trying on: %s", said)
	}
}

func one(item send.Item) iter.Seq2[send.Item, error] {
	return func(yield func(send.Item, error) bool) { yield(item, nil) }
}
