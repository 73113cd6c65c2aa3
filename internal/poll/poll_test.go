package poll

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/limit"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/platform/feed"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

var start = time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)

// clock is a time that passes only where somebody waits.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(_ context.Context, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a server that is polled, with all that polling it needs.
type site struct {
	*clock
	deps   Deps
	store  *store.Store
	url    string
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []string // If-None-Match and URL of each request
	at     []time.Time
	queued []platform.Delivery
}

func newSite(t *testing.T, answer http.HandlerFunc) *site {
	t.Helper()
	s := &site{clock: &clock{now: start}, store: storetest.New(t), answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Header.Get("If-None-Match")+" "+r.URL.String())
		s.at = append(s.at, s.Now())
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	u, _ := url.Parse(server.URL)
	s.deps = Deps{
		Store: s.store,
		Secrets: func(context.Context, string) (platform.Secrets, error) {
			return platform.Secrets{}, fault.New(fault.NotFound, "none")
		},
		Adapter: func(p social.Platform) (platform.Adapter, error) {
			switch p {
			case "feed":
				return feed.Adapter{}, nil
			case "paged":
				return paged{}, nil
			}
			return nil, fault.New(fault.Invalid, "no platform %q", p)
		},
		Fetch: fetch.New(u.Host).Do,
		Enqueue: func(_ context.Context, d platform.Delivery) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.queued = append(s.queued, d)
			return nil
		},
		Now: s.Now, Wait: s.Wait, Rand: func() float64 { return 0.5 },
	}
	s.deps.Send = func(ctx context.Context, ms []Asking) error {
		return errors.Join(parallel.Each(ctx, len(ms), 8, func(i int) error { return Host(ctx, s.deps, ms[i]) })...)
	}
	return s
}

// connect makes a source of a platform and schedules it for now.
func (s *site) connect(t *testing.T, id, platform, scope string) {
	t.Helper()
	if err := s.store.CreateSource(t.Context(), store.App{ID: "app_" + id, Owner: "acme", Platform: social.Platform(platform)}, true,
		store.Source{ID: id, Workspace: "acme", App: "app_" + id, Platform: social.Platform(platform), Scope: scope, Created: start}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.SchedulePoll(t.Context(), "acme", id, s.Now()); err != nil {
		t.Fatal(err)
	}
}

func (s *site) tick(t *testing.T) {
	t.Helper()
	if err := Tick(t.Context(), s.deps); err != nil {
		t.Fatal(err)
	}
}

func (s *site) state(t *testing.T, id string) store.Poll {
	t.Helper()
	p, err := s.store.PollState(t.Context(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pass lets the time pass until a source is due.
func (s *site) pass(t *testing.T, id string) {
	t.Helper()
	if d := s.state(t, id).Due.Sub(s.Now()); d > 0 {
		s.Wait(t.Context(), d)
	}
}

// items is a JSON feed with the posts 1 to n, or of -n the other way round.
func items(n int, title string) string {
	var list []any
	for i := range max(n, -n) {
		if n < 0 {
			i = -n - 1 - i
		}
		list = append(list, map[string]any{"id": fmt.Sprintf("urn:kettle:%d", i+1), "content_text": "x", "date_published": "2026-03-02T09:00:00Z", "authors": []any{map[string]string{"name": "Ann"}}})
	}
	b, _ := json.Marshal(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": title, "items": append([]any{}, list...)})
	return string(b)
}

// paged is a platform whose scopes are answered in pages of three.
type paged struct{ feed.Adapter }

func (paged) Poll(scope, cursor string, s platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	return platform.Fetch{URL: scope + "?key=" + url.QueryEscape(s.Token) + "&from=" + cursor, Header: http.Header{"Authorization": {"Bearer " + s.Token}}}, nil
}

func (paged) TokenHost(scope string) string {
	u, _ := url.Parse(scope)
	return u.Host
}

func (paged) Next(r platform.Request, cursor string) (string, bool, error) {
	var a struct{ Title string }
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return cursor, false, err
	}
	next, more := strings.CutSuffix(a.Title, "+")
	return next, more, nil
}

// pages answers for paged: n posts in pages of three.
func pages(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		to := min(from+3, n)
		title := strconv.Itoa(to)
		if to < n {
			title += "+"
		}
		w.Header().Set("ETag", `"`+title+`"`)
		if r.Header.Get("If-None-Match") == `"`+title+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, `{"version":"https://jsonfeed.org/version/1","title":%q,"items":[`, title)
		for i := from; i < to; i++ {
			if i > from {
				io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"id":"urn:page:%d","content_text":"x","date_published":"2026-03-02T09:00:00Z"}`, i)
		}
		io.WriteString(w, "]}")
	}
}

// keys are the keys of what was queued, each once.
func (s *site) keys(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, d := range s.queued {
		events, err := feed.Adapter{}.Normalise(d.Request, platform.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Activity != nil {
				out = append(out, e.Activity.Key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestAFeedIsAskedAndToldOnce(t *testing.T) {
	body, tag := items(1, "a"), `"1"`
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "application/feed+json")
		w.Header().Set("Set-Cookie", "session=1")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, body)
	})
	s.connect(t, "src_a", "feed", s.url+"/feed?x=1")
	s.tick(t)
	if len(s.queued) != 1 {
		t.Fatalf("%d deliveries are queued", len(s.queued))
	}
	d := s.queued[0]
	if d.App != "app_src_a" || !d.Received.Equal(start) || d.Request.Method != "GET" || d.Request.URL != s.url+"/feed?x=1" || d.Request.Query != "x=1" || string(d.Request.Body) != body {
		t.Errorf("queued: %+v", d)
	}
	if h := d.Request.Header; h.Get("Etag") != tag || h.Get("Content-Type") != "application/feed+json" || h.Get("Date") == "" || len(h) != 3 {
		t.Errorf("queued with the headers %v", h)
	}
	p := s.state(t, "src_a")
	if want := start.Add(feed.Adapter{}.Every()); !p.Due.Equal(want) || p.ETag != tag || !p.Success.Equal(start) || p.Failures != 0 || p.Host == "" {
		t.Errorf("state %+v, want it due at %s", p, want)
	}
	s.tick(t)
	if len(s.asked) != 1 {
		t.Errorf("asked before it is due: %q", s.asked)
	}
	for _, c := range []struct {
		what, body, tag string
		queued          int
	}{
		{"not modified", body, tag, 1},
		{"the same posts under another title", items(1, "b"), `"2"`, 1},
		{"a post more", items(2, "b"), `"3"`, 2},
		{"the first post is gone, as it was before", items(1, "c"), `"4"`, 2},
		{"in another order", items(-2, "c"), `"5"`, 2},
		{"no posts", items(0, "c"), `"6"`, 2},
	} {
		s.pass(t, "src_a")
		body, tag = c.body, c.tag
		s.tick(t)
		if len(s.queued) != c.queued {
			t.Errorf("%s: %d deliveries are queued, want %d", c.what, len(s.queued), c.queued)
		}
		if p := s.state(t, "src_a"); p.ETag != tag || !p.Success.Equal(s.Now()) {
			t.Errorf("%s: state %+v", c.what, p)
		}
	}
	want := []string{" /feed?x=1", `"1" /feed?x=1`, `"1" /feed?x=1`, `"2" /feed?x=1`, `"3" /feed?x=1`, `"4" /feed?x=1`, `"5" /feed?x=1`}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestKilledBetweenQueueAndCursor: a run that dies after it queued an answer
// leaves the cursor where it was; once the lease has ended the same is queued
// again, under the same id.
func TestKilledBetweenQueueAndCursor(t *testing.T) {
	s := newSite(t, pages(5))
	s.connect(t, "src_a", "paged", s.url+"/p")
	whole := s.deps.Enqueue
	s.deps.Enqueue = func(ctx context.Context, d platform.Delivery) error {
		whole(ctx, d)
		panic("killed")
	}
	if err := Tick(t.Context(), s.deps); err == nil {
		t.Fatal("the run was killed, and no error says so")
	}
	if p := s.state(t, "src_a"); p.Cursor != "" || !p.Due.Equal(start.Add(sourceLease)) || len(p.Told) != 0 {
		t.Errorf("after the kill: %+v", p)
	}
	s.deps.Enqueue = whole
	s.tick(t)
	if len(s.asked) != 1 {
		t.Error("asked while the lease lasts")
	}
	s.pass(t, "src_a")
	s.tick(t)
	if len(s.queued) != 3 || s.queued[0].ID() != s.queued[1].ID() {
		t.Fatalf("queued: %d", len(s.queued))
	}
	if n := len(s.keys(t)); n != 5 {
		t.Errorf("%d of 5 posts are told", n)
	}
	if p := s.state(t, "src_a"); p.Cursor != "5" {
		t.Errorf("cursor %q", p.Cursor)
	}
	drill.Show(t, "killed after the answer was queued: asked again, %d answers queued, each of %d posts told", len(s.queued), len(s.keys(t)))
}

func TestAQueueThatRefusesLosesNothing(t *testing.T) {
	s := newSite(t, pages(5))
	s.connect(t, "src_a", "paged", s.url+"/p")
	whole, n := s.deps.Enqueue, 0
	s.deps.Enqueue = func(ctx context.Context, d platform.Delivery) error {
		if n++; n == 2 { // the second page
			return fault.New(fault.Transient, "the queue is away")
		}
		return whole(ctx, d)
	}
	if err := Tick(t.Context(), s.deps); !fault.Is(errors.Unwrap(err), fault.Transient) && err == nil {
		t.Fatalf("got %v", err)
	}
	if p := s.state(t, "src_a"); p.Cursor != "3" || p.Failures != 0 {
		t.Errorf("after the refusal: %+v", p)
	}
	s.pass(t, "src_a")
	s.tick(t)
	if n := len(s.keys(t)); n != 5 {
		t.Errorf("%d of 5 posts are told", n)
	}
}

func TestPagesAreFollowedUpToABound(t *testing.T) {
	const n = 3*maxMore + 5
	s := newSite(t, pages(n))
	s.connect(t, "src_a", "paged", s.url+"/p")
	s.tick(t)
	if len(s.asked) != maxMore {
		t.Errorf("%d requests in a tick, want %d", len(s.asked), maxMore)
	}
	if p := s.state(t, "src_a"); p.Cursor != strconv.Itoa(3*maxMore) || p.Due.Sub(s.Now()) != pause || p.ETag != "" {
		t.Errorf("there is more, and the state is %+v", p)
	}
	s.pass(t, "src_a")
	s.tick(t)
	if got := len(s.keys(t)); got != n || len(s.queued) != maxMore+2 {
		t.Errorf("%d of %d posts are told in %d deliveries", got, n, len(s.queued))
	}
	for i := 1; i < len(s.at); i++ {
		if d := s.at[i].Sub(s.at[i-1]); d < pause {
			t.Errorf("request %d comes %s after the one before", i, d)
		}
	}
	// All has been told: the last page again, with what validates it.
	s.pass(t, "src_a")
	s.tick(t)
	if last := s.asked[len(s.asked)-1]; last != " /p?key=&from="+strconv.Itoa(n) {
		t.Errorf("the last request is %q", last)
	}
	s.pass(t, "src_a")
	s.tick(t)
	if last := s.asked[len(s.asked)-1]; last != fmt.Sprintf(`"%d" /p?key=&from=%d`, n, n) {
		t.Errorf("the last request is %q", last)
	}
}

func TestRetryAfterIsHonouredForTheWholeHost(t *testing.T) {
	for _, c := range []struct {
		header string
		status int
	}{{"1800", 429}, {start.Add(30 * time.Minute).Format(http.TimeFormat), 503}, {"1800", 403}} {
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(c.status)
		})
		for _, id := range []string{"src_a", "src_b", "src_c"} {
			s.connect(t, id, "feed", s.url+"/"+id)
		}
		s.tick(t)
		if len(s.asked) != 1 {
			t.Fatalf("%d: %d requests", c.status, len(s.asked))
		}
		failed := 0
		for _, id := range []string{"src_a", "src_b", "src_c"} {
			p := s.state(t, id)
			failed += p.Failures
			if p.Due.Before(start.Add(30 * time.Minute)) {
				t.Errorf("%d: %s is due %s later", c.status, id, p.Due.Sub(start))
			}
			if p.Failures > 0 && !strings.Contains(p.Reason, "answered "+strconv.Itoa(c.status)) {
				t.Errorf("%d: the reason is %q", c.status, p.Reason)
			}
		}
		if failed != 1 {
			t.Errorf("%d: %d sources have failed, one was asked", c.status, failed)
		}
		// A source of the host that is connected meanwhile waits, too.
		s.connect(t, "src_d", "feed", s.url+"/src_d")
		s.tick(t)
		if p := s.state(t, "src_d"); p.Due.Before(start.Add(30*time.Minute)) || p.Failures > 0 {
			t.Errorf("%d: connected meanwhile, and the state is %+v", c.status, p)
		}
		s.Wait(t.Context(), 29*time.Minute)
		s.tick(t)
		if len(s.asked) != 1 {
			t.Errorf("%d: asked after 29 minutes", c.status)
		}
		s.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) }
		s.Wait(t.Context(), 10*time.Minute)
		s.tick(t)
		if len(s.asked) != 5 {
			t.Errorf("%d: %d requests after the pause, want one for each source", c.status, len(s.asked)-1)
		}
		if p := s.state(t, "src_a"); p.Failures != 0 || p.Reason != "" {
			t.Errorf("%d: well again, and the state is %+v", c.status, p)
		}
		h, err := s.store.Host(t.Context(), strings.TrimPrefix(s.url, "http://"))
		if err != nil || !h.Until.Equal(s.Now().Add(pause)) || h.Failures != 0 {
			t.Errorf("%d: after the tick the host is %+v, %v; want it left alone for %s", c.status, h, err, pause)
		}
	}
}

func TestFailuresAreAskedAgainAfterGrowingTimes(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s.connect(t, "src_a", "feed", s.url+"/feed")
	var waits []time.Duration
	for range 9 {
		s.pass(t, "src_a")
		s.tick(t)
		waits = append(waits, s.state(t, "src_a").Due.Sub(s.Now()))
	}
	for i, d := range waits {
		most := feed.Adapter{}.Every() << i
		if d > min(most, sourceMost)+most/10 || i > 0 && d < waits[i-1] || d < (feed.Adapter{}).Every() {
			t.Errorf("wait %d is %s; all are %v", i, d, waits)
		}
	}
	if len(s.asked) != 9 || s.state(t, "src_a").Failures != 9 {
		t.Errorf("%d requests, %+v", len(s.asked), s.state(t, "src_a"))
	}
	if s.state(t, "src_a").Reason != "the server answered 500 Internal Server Error" || !s.state(t, "src_a").Success.IsZero() {
		t.Errorf("%+v", s.state(t, "src_a"))
	}
}

func TestGrowing(t *testing.T) {
	for _, c := range []struct {
		n           int
		rand        float64
		least, want time.Duration
	}{
		{1, 0, 0, 30 * time.Second}, {1, 0.5, 0, 45 * time.Second}, {3, 0, 0, 2 * time.Minute}, {3, 0.999, 0, 4*time.Minute - 120*time.Millisecond},
		{10, 0, 0, 3 * time.Hour}, {1000, 0, 0, 3 * time.Hour}, {0, 0, 0, 30 * time.Second},
		{1, 0, time.Hour, time.Hour}, {1, 0.5, time.Hour, time.Hour + 3*time.Minute},
	} {
		tk := tick{Deps: Deps{Rand: func() float64 { return c.rand }}}
		if got := tk.growing(time.Minute, 6*time.Hour, c.n, c.least); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestExplained(t *testing.T) {
	s := platform.Secrets{Token: "hunter2", Keys: []string{"k3y"}}
	for body, want := range map[string]string{
		"": "", "<html>no</html>": "", "{}": "", `{"error":403}`: "", `{"message":"","error":["x"]}`: "",
		`{"reason":"private","message":"Forbidden","error":403}`:           "Forbidden",
		`{"error":"This method requires an authenticated user"}`:           "This method requires an authenticated user",
		`{"error":{"code":403,"message":"The <b>quota</b> is\nused up."}}`: "The quota is used up.",
		`{"message":"API key hunter2 of k3y is not valid"}`:                "API key … of … is not valid",
		`{"message":"` + strings.Repeat("x", 119) + `äöü"}`:                strings.Repeat("x", 119),
	} {
		if got := explained([]byte(body), s); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for v, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, "-5": 0, "x": 0, "99999999": 24 * time.Hour, "99999999999999999999": 0,
		start.Add(time.Hour).Format(http.TimeFormat): time.Hour, start.Add(-time.Hour).Format(http.TimeFormat): 0, start.Add(900 * time.Hour).Format(http.TimeFormat): 24 * time.Hour} {
		if got := retryAfter(v, start); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}

func TestWhatFailsSaysWhy(t *testing.T) {
	body := strings.Repeat(" ", 1<<16)
	for path, why := range map[string]string{
		"/401": "401 Unauthorized: the app's token", "/403": "403 Forbidden: it wants a token", "/404": "404 Not Found: there is nothing", "/410": "410 Gone: what was there", "/304": "",
		"/400": "the server answered 400 Bad Request (it says: no such thing)", "/html": "the answer can't be read: no feed", "/inside": "link-local", "/port": "127.0.0.1:9", "/loop": "over 5 redirects",
		"/huge": "over 4194304 bytes", "/bomb": "over 4194304 bytes", "/slow": "did not answer in time", "/cut": "could not be reached",
	} {
		s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
			if n, err := strconv.Atoi(r.URL.Path[1:]); err == nil {
				w.WriteHeader(n)
				if n == http.StatusBadRequest {
					io.WriteString(w, `{"error":{"message":"no such thing"}}`)
				}
				return
			}
			switch r.URL.Path {
			case "/html":
				io.WriteString(w, "<html><body>Log in</body></html>")
			case "/inside":
				http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
			case "/port":
				http.Redirect(w, r, "http://127.0.0.1:9/", http.StatusFound)
			case "/loop":
				http.Redirect(w, r, "/loop", http.StatusFound)
			case "/huge":
				for range 65 {
					io.WriteString(w, body)
				}
			case "/bomb":
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				for range 1000 {
					io.WriteString(z, body)
				}
				z.Close()
			case "/slow":
				<-r.Context().Done()
			case "/cut":
				panic(http.ErrAbortHandler)
			}
		})
		if path == "/slow" {
			whole := s.deps.Fetch
			s.deps.Fetch = func(ctx context.Context, f platform.Fetch) (fetch.Response, error) {
				ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				return whole(ctx, f)
			}
		}
		s.connect(t, "src_a", "feed", s.url+path)
		s.tick(t)
		p := s.state(t, "src_a")
		if (why == "") != (p.Failures == 0) || !strings.Contains(p.Reason, why) || len(s.queued) > 0 || p.Due.Sub(s.Now()) < feed.Adapter.Every(feed.Adapter{}) {
			t.Errorf("%s: %+v, %d queued; want a reason with %q", path, p, len(s.queued), why)
		}
	}
}

// TestOneAtATimePerHost: two ticks at once ask one host, never at the same
// time and never without a pause, while another host that never answers holds
// nobody up.
func TestOneAtATimePerHost(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	ended := make(chan struct{}, 2) // of the ticks
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		now++
		first := most == 0
		most = max(most, now)
		mu.Unlock()
		if first { // it is answered once the tick that finds the host taken has ended
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("the other tick waits for the host")
			}
		}
		mu.Lock()
		now--
		mu.Unlock()
		io.WriteString(w, items(1, "a"))
	})
	for i := range 6 {
		s.connect(t, fmt.Sprint("src_", i), "feed", fmt.Sprint(s.url, "/", i))
	}
	other := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "b")) })
	u, _ := url.Parse(s.url)
	o, _ := url.Parse(other.url)
	s.deps.Fetch = fetch.New(u.Host, o.Host).Do
	s.connect(t, "src_other", "feed", other.url+"/feed")
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			if err := Tick(t.Context(), s.deps); err != nil {
				t.Error(err)
			}
			ended <- struct{}{}
		})
	}
	wait.Wait()
	if most != 1 {
		t.Errorf("%d requests at the same time", most)
	}
	if len(s.asked) != 6 || len(other.asked) != 1 || len(s.queued) != 7 {
		t.Errorf("%d and %d requests, %d queued", len(s.asked), len(other.asked), len(s.queued))
	}
	for i := 1; i < len(s.at); i++ {
		if d := s.at[i].Sub(s.at[i-1]); d < pause {
			t.Errorf("request %d comes %s after the one before", i, d)
		}
	}
}

func TestATickEndsInTime(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) })
	for i := range 25 {
		s.connect(t, fmt.Sprintf("src_%02d", i), "feed", fmt.Sprint(s.url, "/", i))
	}
	s.tick(t)
	first := len(s.asked)
	if d := s.at[first-1].Sub(start); d >= begins || first < 10 {
		t.Errorf("%d requests, the last one after %s", first, d)
	}
	s.Wait(t.Context(), time.Minute-s.Now().Sub(start))
	s.tick(t)
	if len(s.asked) != 25 {
		t.Errorf("%d of 25 are asked in two ticks", len(s.asked))
	}
}

// A host that can't keep up with its sources asks each in its turn.
func TestAHostOfManySourcesLeavesRoomForOthers(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) })
	for i := range 90 {
		s.connect(t, fmt.Sprintf("src_%02d", i), "feed", fmt.Sprint(s.url, "/", i))
	}
	s.tick(t)
	for n := 1; n < 8; n++ {
		s.Wait(t.Context(), time.Duration(n)*time.Minute-s.Now().Sub(start))
		s.tick(t)
	}
	if len(s.asked) != 90 || len(slices.Compact(slices.Sorted(slices.Values(s.asked)))) != 90 {
		t.Errorf("%d requests in eight ticks, want one for each of the 90 sources", len(s.asked))
	}
}

// What a server makes up is kept only as far as it fits.
func TestLongCursorsAndTagsAreNotKept(t *testing.T) {
	title, tagged := strings.Repeat("9", 500_000), ""
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", tagged)
		fmt.Fprintf(w, `{"version":"https://jsonfeed.org/version/1","title":%q,"items":[]}`, title)
	})
	s.connect(t, "src_a", "paged", s.url+"/p")
	s.tick(t)
	if p := s.state(t, "src_a"); p.Cursor != "" || p.Failures != 1 || !strings.Contains(p.Reason, "its position has 500000 bytes") {
		t.Errorf("a long cursor: %.20q, %d failures, %.200q", p.Cursor, p.Failures, p.Reason)
	}
	title, tagged = "3", `"`+strings.Repeat("e", 2000)+`"`
	s.pass(t, "src_a")
	s.tick(t)
	if p := s.state(t, "src_a"); p.Cursor != "3" || p.Failures != 0 || p.ETag != "" {
		t.Errorf("a long tag: %.20q, %d failures, %.20q", p.Cursor, p.Failures, p.ETag)
	}
}

func TestPagesEndInTime(t *testing.T) {
	s := newSite(t, pages(100))
	whole := s.deps.Fetch
	s.deps.Fetch = func(ctx context.Context, f platform.Fetch) (fetch.Response, error) {
		s.Wait(ctx, 12*time.Second)
		return whole(ctx, f)
	}
	s.connect(t, "src_a", "paged", s.url+"/p")
	s.tick(t)
	if len(s.asked) != 3 { // begun after 0, 14 and 28 seconds
		t.Errorf("%d requests of 12 seconds", len(s.asked))
	}
	if p := s.state(t, "src_a"); p.Cursor != "9" || p.Due.Sub(s.Now()) != pause {
		t.Errorf("%+v", p)
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	s := newSite(t, pages(2))
	host, secure := strings.TrimPrefix(s.url, "http://"), "https"+strings.TrimPrefix(s.url, "http")
	s.deps.Secrets = func(context.Context, string) (platform.Secrets, error) {
		return platform.Secrets{Token: "hunter2+/=", TokenHost: host, Keys: []string{"k"}}, nil
	}
	ask := s.deps.Fetch
	s.deps.Fetch = func(ctx context.Context, f platform.Fetch) (fetch.Response, error) {
		f.URL = strings.Replace(f.URL, "https", "http", 1) // the test's server has no certificate
		return ask(ctx, f)
	}
	s.connect(t, "src_a", "paged", secure+"/p")
	s.tick(t)
	if len(s.asked) != 1 || !strings.Contains(s.asked[0], "hunter2") || len(s.queued) != 1 {
		t.Fatalf("%q", s.asked)
	}
	b, err := json.Marshal(s.queued[0])
	if err != nil || strings.Contains(string(b), "hunter2") || s.queued[0].Request.URL != secure+"/p?from=" {
		t.Errorf("%s, %v", b, err)
	}
	if p := s.state(t, "src_a"); strings.Contains(fmt.Sprint(p), "hunter2") {
		t.Errorf("%+v", p)
	}
}

// A source at another host that stands in the table, whoever put it there, is
// asked without the app's token.
func TestATokenIsNotSentElsewhere(t *testing.T) {
	s := newSite(t, nil)
	s.deps.Adapter = all.Find
	s.deps.Secrets = func(context.Context, string) (platform.Secrets, error) {
		return platform.Secrets{Token: "hunter2", TokenHost: "mastodon.example", Keys: []string{"k"}}, nil
	}
	got := map[string]string{}
	s.deps.Fetch = func(_ context.Context, f platform.Fetch) (fetch.Response, error) {
		u, _ := url.Parse(f.URL)
		s.mu.Lock()
		defer s.mu.Unlock()
		got[u.Host] = fmt.Sprint(f.Header["Authorization"])
		return fetch.Response{Status: http.StatusUnauthorized}, nil
	}
	s.connect(t, "src_a", "mastodon", "#x@collector.attacker.example")
	s.connect(t, "src_b", "mastodon", "#x@mastodon.example")
	s.tick(t)
	if d := cmp.Diff(map[string]string{"collector.attacker.example": "[]", "mastodon.example": "[Bearer hunter2]"}, got); d != "" {
		t.Error(d)
	}
	for id, says := range map[string]bool{"src_a": true, "src_b": false} {
		if p := s.state(t, id); strings.Contains(p.Reason, "the app's token is for another host") != says {
			t.Errorf("%s: %s", id, p.Reason)
		}
	}
	drill.Show(t, "two hosts asked, the token sent to the one it is for")
}

func TestSourcesThatCannotBeAsked(t *testing.T) {
	s := newSite(t, func(http.ResponseWriter, *http.Request) {})
	s.connect(t, "src_none", "nowhere", "x")
	s.connect(t, "src_bad", "feed", "no URL")
	if err := s.store.SchedulePoll(t.Context(), "acme", "src_gone", start); err != nil {
		t.Fatal(err)
	}
	s.tick(t)
	if _, err := s.store.PollState(t.Context(), "acme", "src_gone"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a source that is gone is still polled: %v", err)
	}
	for id, why := range map[string]string{"src_none": "nowhere is not polled", "src_bad": "no URL"} {
		if p := s.state(t, id); p.Failures != 1 || !strings.Contains(p.Reason, why) || p.Due.Sub(start) < 12*time.Hour {
			t.Errorf("%s: %+v", id, p)
		}
	}
	due, err := s.store.DuePolls(t.Context(), start, 10)
	if err != nil || len(due) != 0 {
		t.Errorf("still due: %v, %v", due, err)
	}
}

func TestAnOutdatedPlaceIsDropped(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) })
	s.connect(t, "src_a", "feed", s.url+"/feed")
	x := store.DuePoll{Workspace: "acme", Source: "src_a", At: start.Add(-time.Hour)}
	tk := tick{Deps: s.deps, end: start.Add(begins), secrets: &sync.Map{}}
	if _, ok, err := tk.prepare(t.Context(), x); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if due, err := s.store.DuePolls(t.Context(), start, 10); err != nil || len(due) != 1 {
		t.Errorf("the place that holds is gone, too: %v, %v", due, err)
	}
}

func TestAnAppsSecretsAreReadOnceInATick(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) })
	s.connect(t, "src_a", "feed", s.url+"/a")
	if err := s.store.CreateSource(t.Context(), store.App{ID: "app_src_a"}, false, store.Source{ID: "src_b", Workspace: "acme", App: "app_src_a", Platform: "feed", Scope: s.url + "/b", Created: start}); err != nil {
		t.Fatal(err)
	}
	if err := s.store.SchedulePoll(t.Context(), "acme", "src_b", start); err != nil {
		t.Fatal(err)
	}
	read := 0
	s.deps.Secrets = func(context.Context, string) (platform.Secrets, error) {
		read++
		return platform.Secrets{}, fault.New(fault.NotFound, "none")
	}
	s.tick(t)
	if read != 2 || len(s.asked) != 2 { // to find out the host, and to ask it
		t.Errorf("read %d times for %d requests", read, len(s.asked))
	}
}

func TestSecretsThatCannotBeReadAreOurFailure(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items(1, "a")) })
	s.deps.Secrets = func(context.Context, string) (platform.Secrets, error) {
		return platform.Secrets{}, fault.New(fault.Transient, "throttled")
	}
	s.connect(t, "src_a", "feed", s.url+"/feed")
	if err := Tick(t.Context(), s.deps); err == nil || len(s.asked) > 0 {
		t.Errorf("%v, %q", err, s.asked)
	}
	if p := s.state(t, "src_a"); p.Failures != 0 || !p.Due.Equal(start) {
		t.Errorf("the source pays for it: %+v", p)
	}
}

func TestClean(t *testing.T) {
	s := platform.Secrets{Token: "a b", VerifyToken: "v", Keys: []string{"k1", "k2"}}
	for raw, want := range map[string]string{
		"https://x.example/p":                               "https://x.example/p",
		"https://x.example/p?q=1&q=2&empty=":                "https://x.example/p?q=1&q=2&empty=",
		"https://x.example/p?key=a+b&q=1":                   "https://x.example/p?q=1",
		"https://x.example/p?q=1&key=a%20b&v=v&k=k2&z=%zz&": "https://x.example/p?q=1&z=%zz&",
	} {
		if got := clean(raw, s); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// A stranger connects 120 servers that take 20 seconds each and never answer.
// Nobody else waits for them: another workspace's feed is asked by the tick
// after it was connected.
func TestSlowServersOfOneDelayNobodyElse(t *testing.T) {
	s := newSite(t, func(http.ResponseWriter, *http.Request) {})
	for i := range 120 {
		s.connect(t, fmt.Sprintf("src_a%d", i), "feed", fmt.Sprintf("http://t%d.tarpit.example/", i))
	}
	if err := s.store.CreateSource(t.Context(), store.App{ID: "app_v", Owner: "other", Platform: "feed"}, true,
		store.Source{ID: "src_v", Workspace: "other", App: "app_v", Platform: "feed", Scope: "http://victim.example/feed", Created: start}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	took := map[string]time.Duration{} // by the messages of a tick
	victim, slow := 0, 0
	s.deps.Fetch = func(_ context.Context, f platform.Fetch) (fetch.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(f.URL, "victim") {
			victim++
			return fetch.Response{Status: 200, Body: []byte(items(1, "x"))}, nil
		}
		slow++
		return fetch.Response{}, fault.New(fault.Transient, "the server did not answer in time")
	}
	s.deps.Send = func(ctx context.Context, ms []Asking) error {
		busy := time.Duration(0)
		for i, m := range ms {
			if strings.Contains(m.Host, "victim") && i > 2*ofOne {
				t.Errorf("it stands behind %d others", i)
			}
			busy += 20 * time.Second
			if err := Host(ctx, s.deps, m); err != nil {
				return err
			}
		}
		took["most"] = max(took["most"], busy)
		return nil
	}
	const minutes = 12
	for k := range minutes {
		if k == 3 {
			if err := s.store.SchedulePoll(t.Context(), "other", "src_v", s.Now()); err != nil {
				t.Fatal(err)
			}
		}
		s.tick(t)
		if k == 3 && victim != 1 {
			t.Error("it is not asked by the tick after it was connected")
		}
		s.Wait(t.Context(), time.Minute)
	}
	if slow < 120 {
		t.Errorf("%d of the others' requests were made: they are to be slower, not left out", slow)
	}
	if takers := 20 * time.Minute; took["most"] > takers/2 {
		t.Errorf("the requests of one tick take %s of the takers' %s", took["most"], takers)
	}
}

// The list of what is due is looked at up to a bound: a workspace that fills
// it leaves room on it for others.
func TestAFullListLeavesRoomForOthers(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {})
	var due []store.DuePoll
	for i := range 300 {
		p := store.Poll{Workspace: "acme", Source: fmt.Sprintf("src_%03d", i)}
		if i >= ofList { // the others are not touched
			if err := s.store.MovePoll(t.Context(), &p, start); err != nil {
				t.Fatal(err)
			}
		}
		due = append(due, store.DuePoll{Workspace: p.Workspace, Source: p.Source, At: start})
	}
	due = append(due, store.DuePoll{Workspace: "other", Source: "src_x", At: start.Add(time.Second)})
	stay, errs := tick{Deps: s.deps, end: start.Add(begins), secrets: &sync.Map{}}.crowded(t.Context(), inTurn(due))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if len(stay) != ofList+1 || stay[1].Workspace != "other" {
		t.Errorf("%d places stay, the second is %s's", len(stay), stay[1].Workspace)
	}
	if p := s.state(t, "src_299"); p.Due.Before(start.Add(300 / ofOne * time.Minute)) {
		t.Errorf("the last one is due at %s", p.Due)
	}
	if left, err := s.store.DuePolls(t.Context(), start, 1000); err != nil || len(left) != 0 {
		t.Errorf("%d of those that left are still due, %v", len(left), err)
	}
}

// A workspace that is stopped is asked for nothing, and its places do not stay
// on the list before others. Once it goes on, what was published meanwhile is
// told: polling goes on from its cursor.
func TestAStoppedWorkspaceIsNotPolledAndGoesOnFromItsCursor(t *testing.T) {
	published := 3
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { pages(published)(w, r) })
	if err := s.store.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: start}, "ann"); err != nil {
		t.Fatal(err)
	}
	s.connect(t, "src_a", "paged", s.url+"/p")
	s.tick(t)
	if p := s.state(t, "src_a"); p.Cursor != "3" || len(s.queued) != 1 {
		t.Fatalf("before: %+v, %d queued", p, len(s.queued))
	}
	s.connect(t, "src_new", "paged", s.url+"/new") // its host is not known yet
	if err := s.store.StopWorkspace(t.Context(), "acme", store.Operator, s.Now()); err != nil {
		t.Fatal(err)
	}
	published = 8
	for range 5 {
		s.pass(t, "src_a")
		s.tick(t)
		for _, id := range []string{"src_a", "src_new"} {
			if p := s.state(t, id); !p.Due.After(s.Now()) || p.Due.After(s.Now().Add(resting)) {
				t.Errorf("stopped: %s is due at %s, now is %s", id, p.Due, s.Now())
			}
		}
	}
	if p := s.state(t, "src_a"); len(s.asked) != 1 || len(s.queued) != 1 || p.Cursor != "3" || p.Failures != 0 {
		t.Errorf("stopped: asked %q, %d queued, %+v", s.asked, len(s.queued), p)
	}
	if err := s.store.StartWorkspace(t.Context(), "acme", store.Operator); err != nil {
		t.Fatal(err)
	}
	s.Wait(t.Context(), resting)
	s.tick(t)
	if p := s.state(t, "src_a"); p.Cursor != "8" || len(s.keys(t)) != 8 {
		t.Errorf("goes on: cursor %q, told %q", p.Cursor, s.keys(t))
	}
	if p := s.state(t, "src_new"); p.Success.IsZero() {
		t.Errorf("a source that was connected before was not asked: %+v", p)
	}
}

// Between two requests for a source lie at least as many minutes as the
// workspace's limit says, whatever chance says and however the request went;
// and at least what the platform wants.
func TestPollMinutes(t *testing.T) {
	every := feed.Adapter{}.Every()
	for _, c := range []struct {
		minutes, status int
		chance          float64
		least, most     time.Duration
	}{
		{0, 200, 0, every * 9 / 10, every * 9 / 10}, // the default is less than what the platform wants
		{60, 200, 0, time.Hour, time.Hour},
		{60, 200, 0.999, time.Hour, 72 * time.Minute},
		{60, 404, 0, time.Hour, time.Hour},
		{60, 404, 0.999, time.Hour, 66 * time.Minute},
		{1, 200, 0, every * 9 / 10, every * 9 / 10},
	} {
		s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, items(1, "a"))
		})
		s.deps.Rand = func() float64 { return c.chance }
		if err := s.store.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: start}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := s.store.SetLimit(t.Context(), "acme", limit.PollMinutes, c.minutes, c.minutes == 0); err != nil {
			t.Fatal(err)
		}
		s.connect(t, "src_a", "feed", s.url+"/feed")
		s.tick(t)
		if got := s.state(t, "src_a").Due.Sub(start); len(s.asked) != 1 || got < c.least || got > c.most {
			t.Errorf("%+v: asked %d times, again after %s", c, len(s.asked), got)
		}
	}
}
