package reddit

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
)

var suite = platformtest.Suite{Adapter: Adapter{}, Scopes: []string{"r/kettles", "u/bo_tea", "search:larkspoon kettle"}, Secret: "secret", Other: "other"}

func TestAdapter(t *testing.T)   { platformtest.Run(t, suite) }
func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

func TestScopes(t *testing.T) {
	for scope, ok := range map[string]bool{
		"r/Kettles": true, "r/ab": true, "u/bo-tea_1": true, "search:larkspoon": true, "search:a&b c/d": true,
		"": false, "kettles": false, "r/": false, "r/a b": false, "r/../user/x": false, "/r/kettles": false, "u/x": false, "u/a/b": false,
		"search:": false, "search: x": false, "search:" + strings.Repeat("x", 201): false,
	} {
		if err := (Adapter{}).CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
		for _, token := range []string{"", "t0ken"} {
			for _, at := range []string{"", "comments=1"} {
				f, err := (Adapter{}).Poll(scope, at, platform.Secrets{Token: token}, platform.Options{})
				if (err == nil) != ok {
					t.Errorf("%q: %v", scope, err)
				}
				if back, _ := scopeOf(f.URL); ok && back != scope {
					t.Errorf("%q is asked for by %s, which is of %q", scope, f.URL, back)
				}
			}
		}
	}
}

func TestTheTokenGoesToTheAPIInAHeader(t *testing.T) {
	f, err := (Adapter{}).Poll("r/kettles", "", platform.Secrets{Token: "t0ken"}, platform.Options{})
	if err != nil || !strings.HasPrefix(f.URL, "https://oauth.reddit.com/r/kettles/new?") || f.Header.Get("Authorization") != "Bearer t0ken" || strings.Contains(f.URL, "t0ken") {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = (Adapter{}).Poll("r/kettles", "", platform.Secrets{Keys: []string{"t0ken"}}, platform.Options{})
	if err != nil || !strings.HasPrefix(f.URL, "https://www.reddit.com/r/kettles/new.json?") || f.Header.Get("Authorization") != "" || !strings.Contains(f.Header.Get("User-Agent"), "rapport") {
		t.Errorf("%+v, %v", f, err)
	}
}

// forum answers as Reddit does: listings by what was written when, newest
// first, a pinned post above all.
type forum struct {
	listings map[string][]int64 // "new" and "comments", oldest first
	pinned   int64
}

func (x forum) answer(t *testing.T, f platform.Fetch) (platform.Request, []string) {
	t.Helper()
	u, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	which := strings.TrimSuffix(u.Path[strings.LastIndexByte(u.Path, '/')+1:], ".json")
	limit, _ := strconv.Atoi(u.Query().Get("limit"))
	from := len(x.listings[which]) - 1
	if after := u.Query().Get("after"); after != "" {
		i, _ := strconv.Atoi(after[len("t3_"):])
		from = i - 1
	}
	var children []any
	var told []string
	if x.pinned > 0 && which == "new" && u.Query().Get("after") == "" {
		children = append(children, map[string]any{"kind": "t3", "data": map[string]any{"created_utc": float64(x.pinned), "stickied": true}})
	}
	var after any
	for i := from; i >= 0; i-- {
		if len(children) == limit {
			after = fmt.Sprintf("t3_%d", i+1)
			break
		}
		children = append(children, map[string]any{"kind": "t3", "data": map[string]any{"name": fmt.Sprintf("t3_%d", i), "created_utc": x.listings[which][i]}})
		told = append(told, fmt.Sprint(which, i))
	}
	body, _ := json.Marshal(map[string]any{"kind": "Listing", "data": map[string]any{"after": after, "children": append([]any{}, children...)}})
	return platform.Request{Method: "GET", URL: f.URL, Body: body}, told
}

func TestPollMissesNothing(t *testing.T) {
	const start = 1_770_000_000
	x := forum{listings: map[string][]int64{}, pinned: start - 10_000}
	write := func(which string, n int, at int64) {
		for i := range n {
			x.listings[which] = append(x.listings[which], at+int64(i))
		}
	}
	seen := map[string]bool{}
	at := ""
	round := func(want, requests int) {
		t.Helper()
		n := 0
		for more := true; more; n++ {
			f, err := (Adapter{}).Poll("r/kettles", at, platform.Secrets{}, platform.Options{})
			if err != nil || n > 20 {
				t.Fatalf("request %d, %v", n, err)
			}
			r, told := x.answer(t, f)
			for _, k := range told {
				seen[k] = true
			}
			if at, more, err = (Adapter{}).Next(r, at); err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) != want || n != requests {
			t.Errorf("%d are seen in %d requests, want %d in %d; cursor %s", len(seen), n, want, requests, at)
		}
	}
	write("new", 60, start)
	write("comments", 3, start)
	round(24+3, 2) // the first time one page of each, of which a pinned post takes a place
	seen = map[string]bool{}
	write("new", 150, start+1000)
	write("comments", 250, start+1000)
	round(60+150+3+250, 7) // pages are whole: they tell of what was known, too
	before := at
	round(463, 2)
	if at != before {
		t.Errorf("nothing new moves the cursor from %s to %s", before, at)
	}
	write("comments", 1, start+2000)
	round(464, 2)
}

func TestNextRefusesWhatIsNoListing(t *testing.T) {
	for _, body := range []string{"", "{}", `{"reason":"private","message":"Forbidden","error":403}`, "<html>blocked</html>", `{"kind":"Listing","data":{}}`} {
		if next, more, err := (Adapter{}).Next(platform.Request{Body: []byte(body)}, "p=5"); err == nil || more || next != "p=5" {
			t.Errorf("%q: %q, %v, %v", body, next, more, err)
		}
	}
}
