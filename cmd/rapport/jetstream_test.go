package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"rapport/internal/platform"
	"rapport/internal/platform/bluesky"
)

const (
	brandDID  = "did:plc:rapportbrandaaaaaaaaaaaa"
	fanDID    = "did:plc:rapportaskeraaaaaaaaaaaa"
	otherDID  = "did:plc:rapportotheraaaaaaaaaaaa"
	beginning = int64(1767312000000000) // of the test's stream: 2026-01-02T00:00:00Z, in microseconds
)

var blueskySecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of a secret, ok"))

// liked is an event: by somebody, about somebody's post, so many milliseconds after the beginning.
func liked(by, whose string, ms int64) string {
	return fmt.Sprintf(`{"did":%q,"time_us":%d,"kind":"commit","commit":{"rev":"3mdx42fimm233","operation":"create","collection":"app.bsky.feed.like","rkey":"%d","record":{"createdAt":"2026-01-02T00:00:00Z","subject":{"uri":"at://%s/app.bsky.feed.post/3k"}}}}`,
		by, beginning+ms*1000, ms, whose)
}

// stream is a Jetstream server: it sends the events from the cursor on, and
// then closes the connection, or waits for its end.
type stream struct {
	mu     sync.Mutex
	events []string
	oldest int64 // what it still has, in microseconds
	stay   bool
	asked  []url.Values
	status int // answers this instead
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Query())
	s.mu.Unlock()
	if s.status != 0 {
		http.Error(w, "no stream for you", s.status)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	from, _ := strconv.ParseInt(r.URL.Query().Get("cursor"), 10, 64)
	for _, e := range s.events {
		if at := timeOf([]byte(e)); at < from || at < s.oldest {
			continue
		}
		if conn.WriteMessage(websocket.TextMessage, []byte(e)) != nil {
			return
		}
	}
	if s.stay {
		conn.ReadMessage()
	}
}

// hook takes deliveries, as Rapport does.
type hook struct {
	mu     sync.Mutex
	lines  []string // accepted, in order
	bodies []int    // events of each accepted delivery
	answer func(n int) int
	posts  int
	took   func() // called after each accepted delivery
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.posts++
	status := http.StatusOK
	if err := (bluesky.Adapter{}).Verify(platform.Request{Header: r.Header, Body: body}, platform.Secrets{Keys: []string{blueskySecret}}, platform.Options{}, now); err != nil {
		status = http.StatusUnauthorized
	} else if h.answer != nil {
		status = h.answer(h.posts)
	}
	if status == http.StatusOK {
		lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		h.lines, h.bodies = append(h.lines, lines...), append(h.bodies, len(lines))
	}
	h.mu.Unlock()
	if status == http.StatusOK && h.took != nil {
		h.took()
	}
	w.WriteHeader(status)
}

func (h *hook) accepted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

// world is a stream, a hook, and the command between them.
type world struct {
	stream      *stream
	hook        *hook
	args        []string
	secret, url string
	cursor      string // the file
	said        bytes.Buffer
	slept       []time.Duration
	maxSleeps   int
	ctx         context.Context
	stop        func()
}

func newWorld(t *testing.T, events ...string) *world {
	t.Helper()
	w := &world{stream: &stream{events: events}, hook: &hook{}, cursor: filepath.Join(t.TempDir(), "cursor"), maxSleeps: 3}
	ws, hk := httptest.NewServer(w.stream), httptest.NewServer(w.hook)
	t.Cleanup(hk.Close)
	t.Cleanup(ws.Close)
	w.url = "ws" + strings.TrimPrefix(ws.URL, "http") + "/subscribe"
	w.secret = file(t, "secret", blueskySecret+"\n")
	w.args = []string{"jetstream", "--url", w.url, "--hook", hk.URL + "/hooks/app_1", "--secret-file", w.secret, "--cursor-file", w.cursor}
	w.ctx, w.stop = context.WithCancel(t.Context())
	t.Cleanup(w.stop)
	return w
}

// reader is the command's reader, which waits for full deliveries or the
// stream's end alone, however busy the machine; it ends after maxSleeps pauses.
func (w *world) reader(t *testing.T, c jetstreamCommand) *jetstream {
	t.Helper()
	c.URL, c.Hook, c.SecretFile, c.CursorFile = w.url, w.args[4], w.secret, w.cursor
	j, err := c.reader(&streams{ctx: w.ctx, errors: &w.said, now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	j.window = time.Hour
	j.sleep = func(_ context.Context, d time.Duration) error {
		if w.slept = append(w.slept, d); len(w.slept) >= w.maxSleeps {
			w.stop()
		}
		return nil
	}
	return j
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestJetstreamPostsTheStream(t *testing.T) {
	var events []string
	for i := range int64(batchEvents) {
		events = append(events, liked(brandDID, fanDID, i))
	}
	w := newWorld(t, events...)
	w.stream.stay = true
	w.hook.took = func() {
		go func() { // ends when the cursor is written
			for range 500 {
				if _, err := os.Stat(w.cursor); err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			w.stop()
		}()
	}
	var out, said bytes.Buffer
	code := run(w.ctx, append(w.args, "--did", brandDID, "--did", otherDID), strings.NewReader(""), &out, &said, func() time.Time { return now })
	if code != exitOK {
		t.Fatalf("code %d: %s%s", code, out.String(), said.String())
	}
	if got := w.hook.accepted(); !slices.Equal(got, events) {
		t.Errorf("%d lines were posted: %.300q", len(got), got)
	}
	last := fmt.Sprint(beginning + (batchEvents-1)*1000)
	if got := readFile(t, w.cursor); got != last {
		t.Errorf("the cursor is %s, want %s", got, last)
	}
	var sum jetstreamed
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil || sum.Seen != batchEvents || sum.Sent != batchEvents || sum.Deliveries != 1 || sum.Connections != 1 || len(sum.Gaps) != 0 || fmt.Sprint(sum.Cursor) != last {
		t.Errorf("%s, %v", out.String(), err)
	}
	q := w.stream.asked[0]
	if !slices.Equal(q["wantedDids"], []string{brandDID, otherDID}) || !slices.Equal(q["wantedCollections"], wanted) || q.Has("cursor") {
		t.Errorf("it asks for %v", q)
	}
}

func TestJetstreamSendsWhatWaitedLongEnough(t *testing.T) {
	w := newWorld(t, liked(brandDID, fanDID, 1), liked(brandDID, fanDID, 2))
	w.stream.stay = true
	w.hook.took = func() {
		if len(w.hook.accepted()) == 2 {
			w.stop()
		}
	}
	j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
	j.window = time.Millisecond
	if err := j.run(w.ctx); err != nil { // it ends when both are taken, in one delivery or two
		t.Fatal(err)
	}
	if got := w.hook.accepted(); !slices.Equal(got, w.stream.events) {
		t.Errorf("took %q", got)
	}
}

func TestJetstreamReadsOnFromBeforeTheCursor(t *testing.T) {
	w := newWorld(t, liked(brandDID, fanDID, 1), liked(brandDID, fanDID, 10_000))
	j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
	if err := j.run(w.ctx); err != nil {
		t.Fatal(err)
	}
	// The second and third connections begin 5 s before the second event.
	if len(w.stream.asked) < 2 || w.stream.asked[0].Has("cursor") || w.stream.asked[1].Get("cursor") != fmt.Sprint(beginning+5_000_000) {
		t.Errorf("it asks for %v", w.stream.asked)
	}
	if got := w.hook.accepted(); len(got) != 1+w.maxSleeps || got[0] != w.stream.events[0] {
		t.Errorf("posted %q", got)
	}
	// Another process too.
	again := newWorld(t)
	if err := os.WriteFile(again.cursor, []byte(readFile(t, w.cursor)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(again.ctx); err != nil {
		t.Fatal(err)
	}
	if got := again.stream.asked[0].Get("cursor"); got != fmt.Sprint(beginning+5_000_000) {
		t.Errorf("the next process asks for %q", got)
	}
}

func TestJetstreamKilledBetweenPostAndCursorLosesNothing(t *testing.T) {
	var events []string
	for i := range int64(250) {
		events = append(events, liked(brandDID, fanDID, i*100))
	}
	w := newWorld(t, events...)
	killed := errors.New("killed")
	for kill := range 3 { // after the first, second and third delivery
		j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
		save, n := j.save, 0
		j.save = func(cursor int64) error {
			accepted := w.hook.accepted()
			for _, e := range events {
				if timeOf([]byte(e)) <= cursor && !slices.Contains(accepted, e) {
					t.Errorf("the cursor passes an event that was not accepted: %.80s", e)
				}
			}
			if n++; n > kill {
				return killed
			}
			return save(cursor)
		}
		if err := j.run(w.ctx); !errors.Is(err, killed) {
			t.Fatalf("ended with %v", err)
		}
	}
	w.maxSleeps = len(w.slept) + 1
	if err := w.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(w.ctx); err != nil {
		t.Fatal(err)
	}
	accepted := w.hook.accepted()
	for _, e := range events {
		if !slices.Contains(accepted, e) {
			t.Errorf("lost: %.80s", e)
		}
	}
	if got, want := readFile(t, w.cursor), fmt.Sprint(beginning+249*100_000); got != want {
		t.Errorf("the cursor is %s, want %s", got, want)
	}
}

func TestJetstreamTriesUntilTheHookTakesIt(t *testing.T) {
	w := newWorld(t, liked(brandDID, fanDID, 1))
	w.maxSleeps = 20
	w.hook.answer = func(n int) int {
		if got := readFile(t, w.cursor); got != "" {
			t.Errorf("the cursor is %s before the hook took anything", got)
		}
		if n <= 10 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	w.hook.took = w.stop
	if err := w.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.hook.accepted(); len(got) != 1 || w.hook.posts != 11 || !strings.Contains(w.said.String(), "does not take the deliveries") || !strings.Contains(w.said.String(), "503") {
		t.Errorf("%d accepted after %d posts: %s", len(got), w.hook.posts, w.said.String())
	}
}

func TestJetstreamStopsWhereTheHookRefuses(t *testing.T) {
	w := newWorld(t, liked(brandDID, fanDID, 1))
	w.hook.answer = func(int) int { return http.StatusUnauthorized }
	var out, said bytes.Buffer
	code := run(w.ctx, append(w.args, "--did", brandDID), strings.NewReader(""), &out, &said, func() time.Time { return now })
	if code != exitRefused || !strings.Contains(said.String(), "refuses the deliveries") || !strings.Contains(said.String(), "401") || readFile(t, w.cursor) != "" {
		t.Errorf("code %d: %s; cursor %q", code, said.String(), readFile(t, w.cursor))
	}
}

func TestJetstreamStopsWhereTheServerRefuses(t *testing.T) {
	w := newWorld(t)
	w.stream.status = http.StatusBadRequest
	if err := w.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(w.ctx); err == nil || !strings.Contains(err.Error(), "400 Bad Request: no stream for you") {
		t.Errorf("ended with %v", err)
	}
}

func TestJetstreamConnectsAgainWithGrowingPauses(t *testing.T) {
	w := newWorld(t)
	w.stream.status, w.maxSleeps = http.StatusServiceUnavailable, 9
	if err := w.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(w.ctx); err != nil {
		t.Fatal(err)
	}
	for i, d := range w.slept {
		if most := min(time.Second<<i, time.Minute); d < most/2 || d > most {
			t.Errorf("pause %d is %s, want %s to %s", i, d, most/2, most)
		}
	}
	// What came resets them.
	w = newWorld(t, liked(brandDID, fanDID, 1))
	w.maxSleeps = 5
	if err := w.reader(t, jetstreamCommand{DID: []string{brandDID}}).run(w.ctx); err != nil {
		t.Fatal(err)
	}
	if slices.Max(w.slept) > time.Second {
		t.Errorf("pauses %v", w.slept)
	}
}

func TestJetstreamFiltersWhomItIsAbout(t *testing.T) {
	account := fmt.Sprintf(`{"did":%q,"time_us":%d,"kind":"account","account":{"active":false,"status":"deleted"}}`, fanDID, beginning+7000)
	active := fmt.Sprintf(`{"did":%q,"time_us":%d,"kind":"account","account":{"active":true}}`, fanDID, beginning+8000)
	events := []string{liked(fanDID, brandDID, 1), liked(fanDID, otherDID, 2), liked(brandDID, otherDID, 3), liked(otherDID, fanDID, 4), "what is this?", account, active, liked(fanDID, fanDID, 9)}
	want := []string{events[0], events[2], events[3], events[4], account}
	w := newWorld(t, events...)
	w.maxSleeps = 1
	j := w.reader(t, jetstreamCommand{About: []string{brandDID}, DID: []string{otherDID}})
	if err := j.run(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.hook.accepted(); !slices.Equal(got, want) {
		t.Errorf("posted %q, want %q", got, want)
	}
	if w.stream.asked[0].Has("wantedDids") || readFile(t, w.cursor) != fmt.Sprint(beginning+9000) {
		t.Errorf("asked for %v; the cursor is %s, not at the last event", w.stream.asked, readFile(t, w.cursor))
	}
}

func TestJetstreamCursorPassesWhatNobodyWants(t *testing.T) {
	w := newWorld(t, liked(fanDID, otherDID, 1), liked(otherDID, fanDID, 2))
	w.maxSleeps = 1
	if err := w.reader(t, jetstreamCommand{About: []string{brandDID}}).run(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, w.cursor); w.hook.posts != 0 || got != fmt.Sprint(beginning+2000) {
		t.Errorf("%d posts; the cursor is %q", w.hook.posts, got)
	}
}

func TestJetstreamReportsGaps(t *testing.T) {
	cursor := func(w *world, at int64) {
		if err := os.WriteFile(w.cursor, []byte(fmt.Sprint(at)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	day := (24 * time.Hour).Microseconds()
	for name, c := range map[string]struct {
		command jetstreamCommand
		cursor  int64
		want    []gap
	}{
		"the stream begins ten minutes later than asked":  {jetstreamCommand{About: []string{brandDID}}, beginning - 600_000_000 + 5_000_000, []gap{{"2026-01-01T23:50:00.000Z", "2026-01-02T00:00:00.000Z"}}},
		"the stream begins where it was asked to":         {jetstreamCommand{About: []string{brandDID}}, beginning + 5_000_000, nil},
		"few accounts are silent for a while":             {jetstreamCommand{DID: []string{brandDID}}, beginning - 600_000_000, nil},
		"few accounts, and a cursor older than is kept":   {jetstreamCommand{DID: []string{brandDID}}, beginning - 2*day, []gap{{"2025-12-31T00:00:00.000Z", "2025-12-31T12:00:00.000Z"}}},
		"nothing was asked for, so that nothing is amiss": {jetstreamCommand{About: []string{brandDID}}, 0, nil},
	} {
		w := newWorld(t, liked(fanDID, fanDID, 0), liked(fanDID, brandDID, 1))
		w.maxSleeps = 2
		if c.cursor > 0 {
			cursor(w, c.cursor)
		}
		j := w.reader(t, c.command)
		if err := j.run(w.ctx); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(j.sum.Gaps, c.want) || strings.Contains(w.said.String(), "may be missing") != (c.want != nil) {
			t.Errorf("%s: %v, want %v; said %s", name, j.sum.Gaps, c.want, w.said.String())
		}
	}
	// Accounts that say nothing for days while the stream is connected miss nothing.
	w := newWorld(t)
	cursor(w, beginning-2*day)
	j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
	if err := j.run(w.ctx); err != nil || len(j.sum.Gaps) != 1 || j.sum.Connections < 2 {
		t.Errorf("%v, %+v", err, j.sum)
	}
}

func TestJetstreamBoundsDeliveries(t *testing.T) {
	long := func(n int, ms int64) string {
		return fmt.Sprintf(`{"did":%q,"time_us":%d,"kind":"x","x":"%s"}`, brandDID, beginning+ms*1000, strings.Repeat("x", n))
	}
	events := []string{long(eventBytes, 1), long(eventBytes/2, 2), "{\n\"did\":\"" + brandDID + "\",\"kind\":\"x\"}", long(batchBytes/2, 3), long(eventBytes-200, 4)}
	w := newWorld(t, events...)
	w.stream.oldest, w.maxSleeps = -1, 1
	j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
	if err := j.run(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.hook.accepted(); len(got) != 4 || got[1] != strings.ReplaceAll(events[2], "\n", " ") || len(w.hook.bodies) != 2 {
		t.Errorf("%d events in deliveries of %v", len(got), w.hook.bodies)
	}
	if !strings.Contains(w.said.String(), "is left out") {
		t.Errorf("said %s", w.said.String())
	}
}

func TestJetstreamMisuse(t *testing.T) {
	secret, cursor := file(t, "secret", blueskySecret), filepath.Join(t.TempDir(), "cursor")
	args := func(more ...string) []string {
		return append([]string{"jetstream", "--secret-file", secret, "--cursor-file", cursor}, more...)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"jetstream"}, exitMisuse, "missing flags"},
		{args("--hook", "https://h/hooks/a"), exitMisuse, "--did or --about"},
		{args("--hook", "h", "--did", brandDID), exitMisuse, "no http or https URL"},
		{args("--hook", "https://h/hooks/a", "--did", brandDID, "--url", "https://h/"), exitMisuse, "no ws or wss URL"},
		{args("--hook", "https://h/hooks/a", "--did", "brand.example"), exitMisuse, `"brand.example" is no DID`},
		{args("--hook", "https://h/hooks/a", "--about", "search:x"), exitMisuse, `"search:x" is no DID`},
		{args("--hook", "https://h/hooks/a", "--did", brandDID, "--secret-file", file(t, "none", "")), exitFailed, "holds no secret"},
		{args("--hook", "https://h/hooks/a", "--did", brandDID, "--secret-file", file(t, "short", "whsec_c2hvcnQ=")), exitFailed, "24 to 64 bytes"},
		{args("--hook", "https://h/hooks/a", "--did", brandDID, "--cursor-file", file(t, "cursor", "yesterday")), exitFailed, "does not hold microseconds"},
		{args("--hook", "https://h/hooks/a", "--did", brandDID, "--cursor-file", file(t, "cursor", "12345")), exitFailed, "does not hold microseconds"},
	} {
		if got := call("", c.args...); got.code != c.code || !strings.Contains(got.err, c.want) || got.out != "" {
			t.Errorf("%v: code %d, %q, %q; want %q", c.args, got.code, got.out, got.err, c.want)
		}
	}
	if got := call("", "jetstream", "--help"); got.code != exitOK || !strings.Contains(got.out, "Examples:") {
		t.Errorf("help: code %d, %q", got.code, got.out)
	}
	// A cursor that can't be written ends the command: it would send the same for ever.
	w := newWorld(t, liked(brandDID, fanDID, 1))
	j := w.reader(t, jetstreamCommand{DID: []string{brandDID}})
	j.save = func(c int64) error { return writeCursor(filepath.Join(w.cursor, "no", "such"), c) }
	if err := j.run(w.ctx); err == nil || !strings.Contains(err.Error(), "write the cursor") {
		t.Errorf("ended with %v", err)
	}
}
