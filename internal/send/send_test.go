package send_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/send"
)

// hook is a receiver that answers the n-th request (from 1) as its answer says.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	ids    []string
}

func newHook(t *testing.T, answer func(n int, body string, w http.ResponseWriter)) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		h.bodies, h.ids = append(h.bodies, string(b)), append(h.ids, r.Header.Get("X-Id"))
		n := len(h.bodies)
		h.mu.Unlock()
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Signed") != strconv.QuoteToASCII(string(b)) {
			t.Errorf("got %s %v", r.Method, r.Header)
		}
		answer(n, string(b), w)
	}))
	t.Cleanup(h.Close)
	return h
}

func ok(_ int, _ string, _ http.ResponseWriter) {}

// sleeps records the pauses instead of making them; the clock goes on by them.
type sleeps struct {
	mu  sync.Mutex
	now time.Time
	all []time.Duration
}

func (s *sleeps) sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
	s.now = s.now.Add(d)
	return ctx.Err()
}

func (s *sleeps) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func options(h *hook, s *sleeps) send.Options {
	s.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return send.Options{URL: h.URL, Client: h.Client(), Concurrency: 1, Attempts: 3, Now: s.clock, Sleep: s.sleep, Say: func(string, ...any) {},
		Sign: func(r *platform.Request, id string, _ time.Time) error {
			r.Header.Set("X-Signed", strconv.QuoteToASCII(string(r.Body)))
			r.Header.Set("X-Id", id)
			return nil
		}}
}

func items(ids ...string) iter.Seq2[send.Item, error] {
	return func(yield func(send.Item, error) bool) {
		for _, id := range ids {
			if !yield(send.Item{ID: id, Body: []byte(`{"n":"` + id + `"}`)}, nil) {
				return
			}
		}
	}
}

func TestItemsArriveInOrderAndSigned(t *testing.T) {
	h := newHook(t, ok)
	sum, err := send.Send(t.Context(), items("a", "b.1\n", "c"), options(h, &sleeps{}))
	if err != nil {
		t.Fatal(err)
	}
	if sum.Sent != 3 || sum.Accepted != 3 || sum.ByStatus["200"] != 3 || sum.Interrupted {
		t.Errorf("got %+v", sum)
	}
	if want := []string{`{"n":"a"}`, `{"n":"b.1` + "\n" + `"}`, `{"n":"c"}`}; !slices.Equal(h.bodies, want) {
		t.Errorf("got %q, want %q", h.bodies, want)
	}
	if h.ids[0] != "a" || !strings.HasPrefix(h.ids[1], "msg_") || h.ids[2] != "c" {
		t.Errorf("got ids %q: the second can't be a header", h.ids)
	}
}

func TestAnswers(t *testing.T) {
	status := func(statuses ...int) func(int, string, http.ResponseWriter) {
		return func(n int, _ string, w http.ResponseWriter) { w.WriteHeader(statuses[min(n, len(statuses))-1]) }
	}
	for name, c := range map[string]struct {
		answer func(int, string, http.ResponseWriter)
		expect int
		want   send.Summary
	}{
		"accepted":                     {status(204), 0, send.Summary{Sent: 1, Accepted: 1, ByStatus: map[string]int{"204": 1}}},
		"refused":                      {status(401), 0, send.Summary{Sent: 1, Refused: 1, ByStatus: map[string]int{"401": 1}}},
		"sent elsewhere":               {status(301), 0, send.Summary{Sent: 1, Refused: 1, ByStatus: map[string]int{"301": 1}}},
		"accepted the second time":     {status(503, 200), 0, send.Summary{Sent: 1, Accepted: 1, Retries: 1, ByStatus: map[string]int{"200": 1}}},
		"asked to wait":                {status(429, 429, 200), 0, send.Summary{Sent: 1, Accepted: 1, Retries: 2, ByStatus: map[string]int{"200": 1}}},
		"given up":                     {status(500), 0, send.Summary{Sent: 1, Failed: 1, Retries: 2, ByStatus: map[string]int{"500": 1}}},
		"no answer":                    {func(int, string, http.ResponseWriter) { panic(http.ErrAbortHandler) }, 0, send.Summary{Sent: 1, Failed: 1, Retries: 2, ByStatus: map[string]int{"none": 1}}},
		"the status that is expected":  {status(401), 401, send.Summary{Sent: 1, Accepted: 1, ByStatus: map[string]int{"401": 1}}},
		"an expected failure":          {status(500), 500, send.Summary{Sent: 1, Accepted: 1, ByStatus: map[string]int{"500": 1}}},
		"not the expected status":      {status(200), 202, send.Summary{Sent: 1, Refused: 1, ByStatus: map[string]int{"200": 1}}},
		"a status of no class we know": {status(600), 0, send.Summary{Sent: 1, Failed: 1, Retries: 2, ByStatus: map[string]int{"600": 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(newHook(t, c.answer), &sleeps{})
			o.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			o.ExpectStatus = c.expect
			got, err := send.Send(t.Context(), items("a"), o)
			if err != nil {
				t.Fatal(err)
			}
			got.Seconds, got.PerSecond = 0, 0
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPausesGrowAndFollowRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		bounds []time.Duration // of each pause; it is exact where a header says so
		exact  bool
	}{
		"without a word":      {"", []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}, false},
		"in seconds":          {"7", []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second, 7 * time.Second}, true},
		"longer than allowed": {"86400", []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second}, true},
		"until a date":        {"Thu, 01 Jan 2026 00:00:09 GMT", []time.Duration{9 * time.Second}, true},
		"until the past":      {"Wed, 01 Jan 2025 00:00:00 GMT", []time.Duration{250 * time.Millisecond}, false},
		"unreadable":          {"soon", []time.Duration{250 * time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sleeps{}
			o := options(newHook(t, func(_ int, _ string, w http.ResponseWriter) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			}), s)
			o.Attempts = len(c.bounds) + 1
			if _, err := send.Send(t.Context(), items("a"), o); err != nil {
				t.Fatal(err)
			}
			if len(s.all) != len(c.bounds) {
				t.Fatalf("got %d pauses, want %d", len(s.all), len(c.bounds))
			}
			for i, got := range s.all {
				if got < 0 || got > c.bounds[i] || c.exact && got != c.bounds[i] {
					t.Errorf("pause %d: got %s, want %s, exact: %v", i, got, c.bounds[i], c.exact)
				}
			}
		})
	}
}

func TestEachAttemptIsSignedAtItsOwnTime(t *testing.T) {
	s := &sleeps{}
	o := options(newHook(t, func(n int, _ string, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}), s)
	sign, times := o.Sign, []time.Duration(nil)
	o.Sign = func(r *platform.Request, id string, now time.Time) error {
		times = append(times, now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
		return sign(r, id, now)
	}
	if _, err := send.Send(t.Context(), items("a"), o); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{0, 20 * time.Second}; !slices.Equal(times, want) {
		t.Errorf("signed at %v, want %v", times, want)
	}
}

func TestRateSpacesDeliveries(t *testing.T) {
	s := &sleeps{}
	o := options(newHook(t, ok), s)
	o.Rate = 4
	sum, err := send.Send(t.Context(), items("a", "b", "c"), o)
	if err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{250 * time.Millisecond, 250 * time.Millisecond}; !slices.Equal(s.all, want) {
		t.Errorf("got pauses %v, want %v", s.all, want)
	}
	if sum.Seconds != 0.5 || sum.PerSecond != 6 {
		t.Errorf("got %v s and %v per second, want 0.5 and 6", sum.Seconds, sum.PerSecond)
	}
}

func TestResumeLeavesOutWhatWasAccepted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "done")
	strange := "line\nbreak \"quoted\" \xff ü"
	run := func(answer func(int, string, http.ResponseWriter), ids ...string) (send.Summary, []string) {
		t.Helper()
		h := newHook(t, answer)
		o := options(h, &sleeps{})
		var err error
		if o.Done, err = send.OpenDone(file); err != nil {
			t.Fatal(err)
		}
		sum, err := send.Send(t.Context(), items(ids...), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Done.Close(); err != nil {
			t.Fatal(err)
		}
		return sum, h.bodies
	}
	sum, _ := run(func(_ int, body string, w http.ResponseWriter) {
		if strings.Contains(body, "no") {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	}, "1", "no", strange, "2")
	if sum.Accepted != 3 || sum.Refused != 1 {
		t.Fatalf("got %+v", sum)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`"3` + strings.Repeat("x", 100)); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	sum, bodies := run(ok, "1", "no", strange, "2", "3", "4", "4")
	if sum.Skipped != 3 || sum.Accepted != 4 || !slices.Equal(bodies, []string{`{"n":"no"}`, `{"n":"3"}`, `{"n":"4"}`, `{"n":"4"}`}) {
		t.Errorf("got %+v and %q", sum, bodies)
	}
	if sum, _ := run(ok, "1", "no", strange, "2", "3", "4"); sum.Skipped != 6 || sum.Sent != 0 {
		t.Errorf("the third time: got %+v", sum)
	}
	b, err := os.ReadFile(file)
	if want := "\"1\"\n\"line\\nbreak \\\"quoted\\\" \\ufffd ü\"\n\"2\"\n\"no\"\n\"3\"\n\"4\"\n\"4\"\n"; err != nil || string(b) != want {
		t.Errorf("the file holds %q, %v; want %q", b, err, want)
	}
}

func TestAFileOfOtherThingsIsNoResumeFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "done")
	if err := os.WriteFile(file, []byte("\"1\"\n{\"id\":2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := send.OpenDone(file); err == nil || !strings.Contains(err.Error(), "line 2 is no JSON string") {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || len(b) != 13 {
		t.Errorf("the file was changed: %q, %v", b, err)
	}
	if _, err := send.OpenDone(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

func TestInterruptLetsWhatIsUnderWayFinish(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "done")
	ended := make(chan struct{}) // nothing more is asked for
	h := newHook(t, func(n int, _ string, w http.ResponseWriter) {
		if n != 2 {
			return
		}
		stop()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the next one waits for its turn all the same")
		}
	})
	o := options(h, &sleeps{})
	var err error
	if o.Done, err = send.OpenDone(file); err != nil {
		t.Fatal(err)
	}
	all := items("1", "2", "3", "4", "5")
	sum, err := send.Send(ctx, func(yield func(send.Item, error) bool) { defer close(ended); all(yield) }, o)
	if err != nil {
		t.Fatal(err)
	}
	if !sum.Interrupted || sum.Accepted != len(h.bodies) || sum.Accepted != 2 || sum.Failed != 0 {
		t.Errorf("got %+v of %d posted", sum, len(h.bodies))
	}
	if err := o.Done.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil || strings.Count(string(b), "\n") != sum.Accepted {
		t.Errorf("remembered %q, %v; want %d", b, err, sum.Accepted)
	}
}

func TestInterruptEndsPauses(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	o := options(newHook(t, func(_ int, _ string, w http.ResponseWriter) {
		stop()
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}), &sleeps{})
	o.Sleep = send.Sleep
	sum, err := send.Send(ctx, items("1"), o)
	if err != nil || !sum.Interrupted || sum.Sent != 0 {
		t.Errorf("got %+v, %v", sum, err)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := send.Sleep(t.Context(), 30*time.Second); err != nil || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		began = time.Now()
		if err := send.Sleep(ctx, 30*time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestErrorsEndTheRun(t *testing.T) {
	boom := errors.New("boom")
	broken := func(yield func(send.Item, error) bool) {
		if yield(send.Item{ID: "1", Body: []byte("{}")}, nil) {
			yield(send.Item{}, boom)
		}
	}
	sum, err := send.Send(t.Context(), broken, options(newHook(t, ok), &sleeps{}))
	if !errors.Is(err, boom) || sum.Accepted != 1 || sum.Interrupted {
		t.Errorf("reading: got %+v, %v", sum, err)
	}
	o := options(newHook(t, ok), &sleeps{})
	o.Sign = func(*platform.Request, string, time.Time) error { return boom }
	if sum, err = send.Send(t.Context(), items("1", "2", "3"), o); !errors.Is(err, boom) || sum.Sent != 0 {
		t.Errorf("signing: got %+v, %v", sum, err)
	}
	if _, err := send.Shuffled(broken, 1); !errors.Is(err, boom) {
		t.Errorf("shuffling: got %v", err)
	}
}

func TestShuffleDependsOnTheSeedAlone(t *testing.T) {
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprint(i))
	}
	order := func(seed uint64) []string {
		s, err := send.Shuffled(items(ids...), seed)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := range s {
			out = append(out, i.ID)
		}
		return out
	}
	a, b, other := order(1), order(1), order(2)
	if !slices.Equal(a, b) || slices.Equal(a, other) || slices.Equal(a, ids) {
		t.Errorf("got %v, %v and with another seed %v", a, b, other)
	}
	slices.Sort(a)
	slices.Sort(ids)
	if !slices.Equal(a, ids) {
		t.Errorf("got %v, which are not all", a)
	}
}

func TestManyAtOnceAreAllSentOnce(t *testing.T) {
	var refused sync.Map // bodies: each tenth one is refused once, whatever comes in between
	h := newHook(t, func(_ int, body string, w http.ResponseWriter) {
		if _, before := refused.LoadOrStore(body, true); !before && strings.Contains(body, `5"`) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	o := options(h, &sleeps{})
	o.Concurrency, o.Attempts = 8, 20
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprint(i))
	}
	sum, err := send.Send(t.Context(), items(ids...), o)
	if err != nil || sum.Accepted != 300 || sum.Retries != 30 || len(h.bodies) != 330 {
		t.Errorf("got %+v of %d posted, %v", sum, len(h.bodies), err)
	}
}

type read struct {
	ID, Body string
}

func all(t *testing.T, seq iter.Seq2[send.Item, error]) (out []read, err error) {
	t.Helper()
	for item, e := range seq {
		if e != nil {
			return out, e
		}
		out = append(out, read{item.ID, string(item.Body)})
	}
	return out, nil
}

func TestLines(t *testing.T) {
	in := "\uFEFF" + `{"id":"a.1","body": { "n": 9007199254740993,  "t":"\u00e4<" } }` + "\n\n" +
		`{"id":9007199254740993,"body":"text"}` + "\r\n" +
		` {"id":"x","body":{},"more":1} ` + "\n" + `{"b":1}`
	got, err := all(t, send.Lines(strings.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []read{{"a.1", `{ "n": 9007199254740993,  "t":"\u00e4<" }`}, {"9007199254740993", `"text"`}, {"", `{"id":"x","body":{},"more":1}`}, {"", `{"b":1}`}} {
		if want.ID == "" {
			want.ID = got[i].ID
			if !strings.HasPrefix(want.ID, "msg_") {
				t.Errorf("line %d: got id %q, want a hash", i, want.ID)
			}
		}
		if got[i] != want {
			t.Errorf("line %d: got %q, want %q", i, got[i], want)
		}
	}
	if got[2].ID == got[3].ID {
		t.Error("two payloads have the same hash")
	}
	for name, c := range map[string]struct{ in, want string }{
		"a list":        {"{\"a\":1}\n[1]\n", "line 2: no JSON object"},
		"null":          {"null", "line 1: no JSON object"},
		"no JSON":       {"x", "line 1: no JSON object"},
		"an id of text": {`{"id":{},"body":1}`, "line 1: the id {}"},
		"an empty id":   {`{"id":"","body":1}`, "line 1: the id"},
		"a long line":   {"{}\n" + strings.Repeat(" ", 17<<20), "line 2: bufio.Scanner: token too long"},
	} {
		if _, err := all(t, send.Lines(strings.NewReader(c.in))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestLinesAreKeptBeyondTheNextOnes(t *testing.T) {
	var in strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&in, "{\"n\":%d}\n", i)
	}
	shuffled, err := send.Shuffled(send.Lines(strings.NewReader(in.String())), 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for item := range shuffled {
		seen[string(item.Body)] = true
	}
	if len(seen) != 20_000 {
		t.Errorf("got %d different payloads of 20000", len(seen))
	}
}

func TestRows(t *testing.T) {
	in := "\uFEFFtweet_id,text,\"a \"\"b\"\"\"\n1,\"one, two\nthree <&> ü\",x\n,second,\n"
	got, err := all(t, send.Rows(strings.NewReader(in), "tweet_id"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != (read{"1", `{"tweet_id":"1","text":"one, two\nthree <&> ü","a \"b\"":"x"}`}) ||
		got[1].Body != `{"tweet_id":"","text":"second","a \"b\"":""}` || !strings.HasPrefix(got[1].ID, "msg_") {
		t.Errorf("got %q", got)
	}
	unnamed, err := all(t, send.Rows(strings.NewReader(in), ""))
	if err != nil || len(unnamed) != 2 || !strings.HasPrefix(unnamed[0].ID, "msg_") || unnamed[0].Body != got[0].Body {
		t.Errorf("without an id column: got %q, %v", unnamed, err)
	}
	for name, c := range map[string]struct{ in, want string }{
		"no header":             {"", "header"},
		"no such column":        {"a,b\n", `no column "tweet_id"`},
		"a column twice":        {"a,a\n", `two columns "a"`},
		"a row of another size": {"tweet_id,b\n1\n", "line 2"},
	} {
		if _, err := all(t, send.Rows(strings.NewReader(c.in), "tweet_id")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
