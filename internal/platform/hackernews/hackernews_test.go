package hackernews

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
)

var suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{"search:larkspoon kettle", "user:ann_1", "item:4001"}, Secret: "secret", Other: "other"}

func TestAdapter(t *testing.T)   { platformtest.Run(t, suite) }
func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestScopes(t *testing.T) {
	for scope, ok := range map[string]bool{
		"search:larkspoon": true, "search:a:b & c": true, "user:pg": true, "item:1": true,
		"": false, "larkspoon": false, "search:": false, "search: x": false, "search:" + strings.Repeat("x", 201): false,
		"user:a b": false, "user:a),(story": false, "item:x": false, "item:1,2": false, "item:0": false, "poll:1": false,
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
		f, err := (Adapter{}).Poll(scope, "", platform.Secrets{}, platform.Options{})
		if (err == nil) != ok || ok && scopeOf(f.URL) != scope {
			t.Errorf("%q is asked for by %s, %v", scope, f.URL, err)
		}
	}
}

// archive answers as the search does, of what was written when, newest first.
func archive(t *testing.T, f platform.Fetch, written []int64) (platform.Request, []int64) {
	t.Helper()
	u, err := url.Parse(f.URL)
	if err != nil || !strings.HasPrefix(f.URL, "https://hn.algolia.com/api/v1/search_by_date?") {
		t.Fatal(f.URL, err)
	}
	lo, hi := int64(-1), int64(1<<62)
	for _, x := range strings.Split(u.Query().Get("numericFilters"), ",") {
		fmt.Sscanf(x, "created_at_i>%d", &lo)
		fmt.Sscanf(x, "created_at_i<=%d", &hi)
	}
	var hits []any
	var told []int64
	for i := len(written) - 1; i >= 0; i-- {
		if w := written[i]; w > lo && w <= hi && len(hits) < page {
			hits = append(hits, map[string]any{"objectID": fmt.Sprint(i), "created_at_i": w, "author": "ann", "_tags": []string{"comment"}})
			told = append(told, int64(i))
		}
	}
	body, _ := json.Marshal(map[string]any{"hits": append([]any{}, hits...), "nbHits": len(hits)})
	return platform.Request{Method: "GET", URL: f.URL, Body: body}, told
}

// TestPollMissesNothing follows the cursor over bursts larger than a page,
// things written in the same second, and things the search finds late.
func TestPollMissesNothing(t *testing.T) {
	const start = 1_770_000_000
	var written []int64
	seen := map[int64]bool{}
	at := ""
	round := func(want int) {
		t.Helper()
		for i := 0; ; i++ {
			f, err := (Adapter{}).Poll("search:kettle", at, platform.Secrets{}, platform.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, told := archive(t, f, written)
			for _, x := range told {
				seen[x] = true
			}
			next, more, err := (Adapter{}).Next(r, at)
			if err != nil {
				t.Fatal(err)
			}
			if at = next; !more {
				break
			}
			if i > 20 {
				t.Fatalf("it asks again and again: %s", at)
			}
		}
		if len(seen) != want {
			t.Errorf("%d of %d are seen, cursor %s", len(seen), want, at)
		}
	}
	for i := range 3 {
		written = append(written, start+int64(i))
	}
	round(3)
	for i := range 450 {
		written = append(written, start+100+int64(i))
	}
	round(453)
	for range 90 { // in one second
		written = append(written, start+1000)
	}
	written = append(written, start+1001)
	round(544)
	before := at
	if round(544); at != before {
		t.Errorf("nothing new moves the cursor from %s to %s", before, at)
	}
	for i := range 300 { // seven in a second, so that pages end within one
		written = append(written, start+5000+int64(i/7))
	}
	round(844)
	// Found late: older than the newest, by less than late.
	last := written[len(written)-1]
	written = append(written[:len(written)-1], last-late+1, last)
	delete(seen, int64(len(written)-2)) // which is now another one
	round(845)
}

func TestAPageOfOneSecondDoesNotHoldItUp(t *testing.T) {
	var written []int64
	for range page + 20 {
		written = append(written, 1_770_000_000)
	}
	at := cursor{since: 1_770_000_000 - 60}.String()
	for i := range 5 {
		f, _ := (Adapter{}).Poll("search:kettle", at, platform.Secrets{}, platform.Options{})
		r, _ := archive(t, f, written)
		next, more, err := (Adapter{}).Next(r, at)
		if err != nil {
			t.Fatal(err)
		}
		if at = next; !more {
			return
		}
		if i == 4 {
			t.Fatalf("it asks again and again: %s", at)
		}
	}
}

func TestNextRefusesWhatIsNoAnswer(t *testing.T) {
	for _, body := range []string{"", "{}", `{"status":429,"error":"rate"}`, "<html>"} {
		if next, more, err := (Adapter{}).Next(platform.Request{Body: []byte(body)}, "5 0 0"); err == nil || more || next != "5 0 0" {
			t.Errorf("%q: %q, %v, %v", body, next, more, err)
		}
	}
}
