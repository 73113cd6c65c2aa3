package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"rapport/internal/social"
	"rapport/internal/store"
)

// invoke calls a function and waits for its answer.
func (c *cloud) invoke(t *testing.T, function, payload string) {
	t.Helper()
	out, err := c.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(c.Functions[function]), Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	if out.FunctionError != nil {
		t.Fatalf("%s failed: %s", function, out.Payload)
	}
}

// polled is the one private address that the local cloud may poll (local/cloud.py).
const polled = "127.0.0.1:4719"

// TestPolling serves a feed as feeds are served, and polls it.
func TestPolling(t *testing.T) {
	c := deployed(t)
	l, err := net.Listen("tcp", polled)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	items, asked, unchanged := []string{"1", "2"}, 0, 0
	at := time.Now().Add(-time.Hour).UTC()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/inside" {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
			return
		}
		asked++
		etag := fmt.Sprintf("%q", strings.Join(items, "-"))
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			unchanged++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprint(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Kettles</title><link>http://`+polled+`</link>`)
		for _, i := range items {
			fmt.Fprintf(w, `<item><guid isPermaLink="false">item-%s</guid><title>Of kettle %s</title><author>ada@example.com (Ada)</author><pubDate>%s</pubDate><description>&lt;p&gt;It whistles.&lt;/p&gt;</description></item>`, i, i, at.Format(time.RFC1123Z))
		}
		fmt.Fprint(w, `</channel></rss>`)
	}))
	server.Listener.Close()
	server.Listener = l
	server.Start()
	defer server.Close()

	w := fmt.Sprintf("polls-%d", time.Now().UnixMilli())
	base := "/v1/workspaces/" + w
	ann := c.user(t, "ann")
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Polls", "time_zone": "UTC"}, http.StatusCreated, nil)
	var good, inside kept
	ann.post(base+"/sources", map[string]any{"platform": "feed", "name": "Kettles", "scope": "http://" + polled + "/feed.xml"}, http.StatusCreated, &good)
	ann.post(base+"/sources", map[string]any{"platform": "feed", "name": "Inside", "scope": "http://" + polled + "/inside"}, http.StatusCreated, &inside)
	s := store.New(c.config, c.Table)
	tick := func() {
		t.Helper()
		// What is due comes sooner than the feed's usual pause.
		for _, id := range []string{good.ID, inside.ID} {
			if err := s.SchedulePoll(t.Context(), w, id, time.Now().Add(-time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		c.invoke(t, "poll", `{"tick":true}`)
		c.drained(t)
	}
	facts := func() []social.Line { return ann.activities(base)["feed"] }
	for i, want := range []int{2, 2, 3} {
		if want == 3 {
			mu.Lock()
			items = append(items, "3")
			mu.Unlock()
		}
		for end := time.Now().Add(time.Minute); ; { // a host is not asked more often than is polite
			tick()
			mu.Lock()
			done := i != 1 || unchanged > 0 // the second time nothing is new, and the server says so
			mu.Unlock()
			if done && len(facts()) == want || time.Now().After(end) {
				break
			}
			time.Sleep(time.Second)
		}
		if list := facts(); len(list) != want {
			t.Fatalf("%d facts, want %d: %+v", len(list), want, list)
		}
	}
	if list := facts(); list[0].Direction != "inbound" || !strings.Contains(list[0].Text, "It whistles.") || strings.Contains(list[0].Text, "<p>") {
		t.Errorf("a fact: %+v", list[0])
	}
	mu.Lock()
	if unchanged == 0 || asked <= unchanged {
		t.Errorf("asked %d times, %d of them unchanged: conditional requests are due", asked, unchanged)
	}
	mu.Unlock()
	status, b := ann.do("GET", base+"/sources/"+inside.ID+"/health", nil, "")
	if status != http.StatusOK || !strings.Contains(string(b), "169.254.169.254") {
		t.Errorf("the health of what leads inside: %d %s, want it to say that the address is refused", status, b)
	}
}

// TestSilence lets a source that was heard every hour for five weeks fall
// silent, and be heard again. The clock is the watch's argument.
func TestSilence(t *testing.T) {
	c := deployed(t)
	w := fmt.Sprintf("still-%d", time.Now().UnixMilli())
	base := "/v1/workspaces/" + w
	ann := c.user(t, "ann")
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Still", "time_zone": "Europe/Berlin"}, http.StatusCreated, nil)
	var src kept
	ann.post(base+"/sources", map[string]any{"platform": "meta", "name": "Our page", "scope": "100200300", "secret": "2b7e151628aed2a6abf7158809cf4f3c", "verify_token": "t"}, http.StatusCreated, &src)
	s := store.New(c.config, c.Table)
	last := time.Now().UTC().Truncate(time.Hour)
	var wg sync.WaitGroup
	hours := make(chan int)
	for range 8 {
		wg.Go(func() {
			for h := range hours {
				for _, slot := range []time.Duration{5, 25, 45} {
					if err := s.PutHeard(t.Context(), w, src.ID, last.Add(-time.Duration(h)*time.Hour+slot*time.Minute-time.Hour)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for h := range 5 * 7 * 24 {
		hours <- h
	}
	close(hours)
	wg.Wait()
	kinds := func() (out []string) {
		for _, raw := range ann.all(base + "/announcements?limit=100") {
			_, rest, _ := strings.Cut(string(raw), `"kind":"`)
			kind, _, _ := strings.Cut(rest, `"`)
			out = append(out, kind)
		}
		return out
	}
	look := func(at time.Time) {
		t.Helper()
		c.invoke(t, "watch", fmt.Sprintf(`{"workspace":%q,"at":%q}`, w, at.Format(time.RFC3339)))
	}
	look(last)
	if got := kinds(); len(got) != 0 {
		t.Errorf("announced while all is well: %v", got)
	}
	look(last.Add(9 * time.Hour))
	look(last.Add(9*time.Hour + 5*time.Minute))
	if got := kinds(); len(got) != 1 || got[0] != "source_silent" {
		t.Errorf("nine hours later: %v, want one silence", got)
	}
	if err := s.PutHeard(t.Context(), w, src.ID, last.Add(10*time.Hour)); err != nil {
		t.Fatal(err)
	}
	look(last.Add(10*time.Hour + 10*time.Minute))
	if got := kinds(); len(got) != 2 || got[0] != "source_heard_again" {
		t.Errorf("once it is heard: %v, want that announced, too", got)
	}
}
