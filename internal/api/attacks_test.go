package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// filled is a workspace of one member's with one of everything, and the ids of these.
func (x *world) filled(w, member string) map[string]string {
	x.t.Helper()
	x.workspace(w, member)
	var src struct{ ID, App string }
	x.call(member, "POST", "/v1/workspaces/"+w+"/sources", map[string]any{"platform": "meta", "name": "Page", "scope": fmt.Sprint(100 + len(w)), "secret": "0123456789abcdef"}).want(x.t, http.StatusCreated, &src)
	x.call(member, "PUT", "/v1/workspaces/"+w+"/reports/weekly-"+w, map[string]any{"name": "W", "weekday": "friday", "time": "09:00", "recipients": []string{}}).want(x.t, http.StatusCreated, nil)
	a := x.activity(w, post("ann-"+w, "m-"+w, "words of "+w, time.Hour))
	x.call(member, "POST", "/v1/workspaces/"+w+"/people/"+personOf(a)+"/outcomes", map[string]any{"id": "deal-of-" + w, "kind": "lost", "at": t0.Add(-time.Hour).Format(time.RFC3339)}).want(x.t, http.StatusCreated, nil)
	var tried struct{ ID string }
	x.call(member, "POST", "/v1/workspaces/"+w+"/backtests", map[string]any{"version": "1", "positive": []string{"won"}}).want(x.t, http.StatusCreated, &tried)
	x.call(member, "PUT", "/v1/workspaces/"+w+"/model-drafts/draft-of-"+w, map[string]any{"model": map[string]any{"id": w}}).want(x.t, http.StatusOK, nil)
	var fitted struct{ ID string }
	x.call(member, "POST", "/v1/workspaces/"+w+"/reader/refits", nil).want(x.t, http.StatusCreated, &fitted)
	x.objects["reports/"+w+"/x.html"] = "<p>of " + w
	x.run(w, "weekly-"+w, t0, "reports/"+w+"/x")
	x.call(member, "POST", "/v1/workspaces/"+w+"/people/"+personOf(a)+"/attributes", map[string]any{"attributes": []map[string]any{{"id": "mail-" + w, "name": "email", "value": "ann@" + w + ".net"}}}).want(x.t, http.StatusCreated, nil)
	firm := profile.FirmOf([]profile.Of{{Facts: []profile.Fact{{Name: "email", Value: "ann@" + w + ".net", Source: profile.Member}}}}, t0)
	return map[string]string{"{source}": src.ID, "{app}": src.App, "{report}": "weekly-" + w, "{person}": personOf(a), "{thread}": "thr_" + w, "{message}": store.MessageID(a.Platform, a.Scope, a.Object.ID), "{guest}": w, "{company}": firm.ID, "{outcome}": "deal-of-" + w, "{backtest}": tried.ID, "{draft}": "draft-of-" + w, "{refit}": fitted.ID}
}

// A member of one workspace asks for everything there is of another one, by
// its ids, under the own workspace's path: the answer is the one for ids that
// nobody has, and nothing of the other changes.
func TestIDsOfAnotherWorkspaceOnEveryOperation(t *testing.T) {
	x := newWorld(t)
	theirs := x.filled("theirs", "ann")
	x.filled("mine", "eve")
	dump := func() map[string]string {
		out := map[string]string{}
		for k, v := range x.table.Dump(t) {
			if strings.Contains(k, "theirs") || strings.Contains(k, theirs["{app}"]) {
				out[k] = v
			}
		}
		return out
	}
	before, asked := dump(), 0
	if len(before) < 5 {
		t.Fatalf("%d items of the other workspace: the test is blind", len(before))
	}
	nobodys := map[string]string{"{source}": "src_aaaaaaaaaaaaaaaaaaaaaaaaaa", "{app}": "app_aaaaaaaaaaaaaaaaaaaaaaaaaa", "{report}": "weekly-nobody", "{person}": "per_" + strings.Repeat("a", 32), "{thread}": "thr_nobody", "{message}": "msg_nobody", "{guest}": "nobody", "{company}": "com_" + strings.Repeat("a", 32), "{outcome}": "deal-of-nobody", "{backtest}": "bkt_nobody", "{draft}": "nobody", "{refit}": "rft_nobody"}
	fill := func(path string, ids map[string]string) string {
		for name, id := range ids {
			path = strings.ReplaceAll(path, name, id)
		}
		return operation{path: path}.at("mine")
	}
	for _, o := range operations(t) {
		names := 0
		for name := range theirs {
			names += strings.Count(o.path, name)
		}
		if !strings.Contains(o.path, "{workspace}") || names == 0 {
			continue
		}
		mayMake := o.method == http.MethodPut && (strings.HasSuffix(o.path, "/reports/{report}") || strings.HasSuffix(o.path, "/model-drafts/{draft}")) // in the own workspace
		if mayMake {
			continue
		}
		asked++
		got, none := x.call("eve", o.method, fill(o.path, theirs), o.body), x.call("eve", o.method, fill(o.path, nobodys), o.body)
		if got.status != none.status || got.status < 400 && got.body != none.body || got.status >= 500 {
			t.Errorf("%s %s: %d %s for an id of another workspace, %d %s for one of nobody", o.method, o.path, got.status, got.body, none.status, none.body)
		}
		if strings.Contains(got.body, "theirs") && !strings.Contains(o.path, "{guest}") {
			t.Errorf("%s %s: the answer tells of the other workspace: %s", o.method, o.path, got.body)
		}
	}
	if d := cmp.Diff(before, dump()); d != "" {
		t.Errorf("the other workspace has changed (-before +after):\n%s", d)
	}
	if asked < 15 {
		t.Errorf("only %d operations were asked", asked)
	}
	drill.Show(t, "%d operations asked with another workspace's ids: the answers for ids that nobody has; %d items of the other unchanged", asked, len(before))
}

// Every operation that takes a body is sent what is made to take the time or
// the memory of others, or to be read in two ways: each is refused, quickly.
func TestBodyBombs(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(bytes.Repeat([]byte(" "), 64<<20))
	z.Close()
	bombs := map[string]struct {
		body    string
		headers []string
	}{
		"too large":                {body: `{"name":"` + strings.Repeat("x", 1<<20) + `"}`},
		"nested 30,000 deep":       {body: strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)},
		"objects 10,000 deep":      {body: strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)},
		"nested without an end":    {body: strings.Repeat(`{"name":`, 8_000)},
		"30,000 items":             {body: `{"recipients":[` + strings.Repeat(`"",`, 20_000) + `""]}`},
		"10,000 unknown fields":    {body: fields(5_000)},
		"gzip of 64 MB":            {body: zipped.String(), headers: []string{"Content-Encoding", "gzip"}},
		"a number of 60,000 digit": {body: `{"name":` + strings.Repeat("9", 60_000) + `}`},
		"a number without end":     {body: `{"name":1e999999999}`},
		"no JSON number":           {body: `{"name":NaN}`},
		"no UTF-8":                 {body: "{\"name\":\"\xff\xfe\"}"},
		"two values":               {body: `{} {}`},
		"nothing":                  {body: ` `},
		"no object":                {body: `[]`},
	}
	dump := func() map[string]string { // but for the audit log, which says that something was refused
		all := x.table.Dump(t)
		maps.DeleteFunc(all, func(k, _ string) bool { return strings.HasPrefix(k, "acme#L#") })
		return all
	}
	before := dump()
	sent := 0
	var slowest time.Duration
	for _, o := range operations(t) {
		if o.body == nil {
			continue
		}
		for name, b := range bombs {
			began := time.Now()
			r := x.call("ann", o.method, o.at("acme"), b.body, b.headers...)
			took := time.Since(began)
			slowest = max(slowest, took)
			sent++
			if r.status < 400 || r.status >= 500 {
				t.Errorf("%s %s: %s is answered %d %.200s", o.method, o.path, name, r.status, r.body)
			}
			if took > 5*time.Second || len(r.body) > 20_000 {
				t.Errorf("%s %s: %s takes %s, and %d bytes of answer", o.method, o.path, name, took, len(r.body))
			}
		}
	}
	// A name twice: what counts is checked, whichever it is.
	for _, body := range []string{`{"id":"../../x","id":"twice","name":"n","time_zone":"UTC"}`, `{"id":"twice","id":"../../x","name":"n","time_zone":"UTC"}`} {
		sent++
		if r := x.call("ann", "POST", "/v1/workspaces", body); r.status < 400 || r.status >= 500 {
			t.Errorf("a field twice: %d %s", r.status, r.body)
		}
	}
	if d := cmp.Diff(before, dump()); d != "" {
		t.Errorf("something was stored (-before +after):\n%s", d)
	}
	drill.Show(t, "%d bodies refused, nothing stored; the slowest took %d ms", sent, slowest.Milliseconds())
}

func fields(n int) string {
	m := map[string]int{}
	for i := range n {
		m[fmt.Sprint("f", i)] = i
	}
	b, _ := json.Marshal(m)
	return string(b)
}
