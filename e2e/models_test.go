package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
)

// TestAModelByTheAPIAlone: who wants to buy is announced once, also after a
// rebuild. A model is changed, tried on what came of leads, and published, by
// the API alone; the list stands in its order then.
func TestAModelByTheAPIAlone(t *testing.T) {
	cl := deployed(t)
	w := fmt.Sprintf("models-%d", time.Now().UnixMilli())
	ann := cl.user(t, "ann")
	base := "/v1/workspaces/" + w
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Models", "time_zone": "UTC"}, http.StatusCreated, nil)
	i := slices.IndexFunc(all.Adapters(), func(a platform.Adapter) bool { return a.Platform() == "discourse" })
	forum := all.Adapters()[i]
	x := ann.connect(base, forum)
	now := time.Now().UTC().Truncate(time.Second)
	n := 2000
	says := func(user int, name, text string) {
		n++
		r := platform.SampleOf(forum.(platform.Signer), x.scope, fmt.Sprint(n), now.Add(time.Duration(n-4000)*time.Second), x.options)
		var body any
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		for path, v := range map[string]any{"post.user_id": user, "post.username": name, "post.name": "", "post.raw": text, "post.topic_title": text} {
			put(t, body, strings.Split(path, "."), v)
		}
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
		if status, _, b := exchange(t, x.signed(t, r, fmt.Sprint("msg_", n))); status/100 != 2 {
			t.Fatalf("a post is answered %d %s", status, b)
		}
	}
	for range 3 {
		says(51, "eva", "We want to buy licences for 40 people. What does the annual plan cost, and can you send us an offer?")
	}
	says(52, "bob", "How do I export my data?")
	for range 2 {
		says(53, "carl", "Nice weather today")
	}
	cl.drained(t)

	type listed struct {
		Person, Handle, Score string
		ToCall                bool `json:"to_call"`
	}
	list := func() (out []listed) {
		for _, raw := range ann.all(base + "/leads?limit=100") {
			var l listed
			if err := json.Unmarshal(raw, &l); err != nil {
				t.Fatal(err)
			}
			out = append(out, l)
		}
		return out
	}
	announced := func() (out []string) {
		for _, raw := range ann.all(base + "/announcements?limit=100") {
			var a struct{ Kind, Person string }
			if err := json.Unmarshal(raw, &a); err != nil {
				t.Fatal(err)
			}
			if a.Kind == "lead_to_call" {
				out = append(out, a.Person)
			}
		}
		return out
	}
	first := list()
	if len(first) != 3 || first[0].Handle != "eva" || !first[0].ToCall {
		t.Fatalf("leads: %+v", first)
	}
	want := []string{}
	for _, l := range first {
		if l.ToCall {
			want = append(want, l.Person)
		}
	}
	slices.Sort(want)
	once := func(when string) {
		t.Helper()
		got := announced()
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s it is announced that somebody should call %q, want %q", when, got, want)
		}
	}
	once("after the posts")
	bin := filepath.Join(t.TempDir(), "rapport")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "rapport/cmd/rapport").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rebuilds(t, cl, bin, w)
	once("after a rebuild")

	// What came of them, and a model by which the one who chats counts most.
	when := now.Format(time.RFC3339)
	ann.post(base+"/outcomes", map[string]any{"outcomes": []map[string]any{
		{"id": "deal-1", "person": first[0].Person, "kind": "won", "at": when, "value": "1200.50", "currency": "EUR"},
		{"id": "deal-2", "person": first[1].Person, "kind": "lost", "at": when},
		{"id": "deal-3", "person": "per_nobody", "kind": "lost", "at": when}}}, http.StatusOK, nil)
	var given struct {
		Model map[string]any `json:"model"`
	}
	ann.get(base+"/models/1", &given)
	given.Model["rules"] = append(given.Model["rules"].([]any), map[string]any{"id": "weather", "kind": "activity", "label": map[string]string{"one": "remark", "many": "remarks"},
		"when": map[string]any{"expr": "text contains 'weather'"}, "points": "90"})
	var run struct {
		ID     string
		Ended  bool
		Result *struct {
			Verdict  string
			Outcomes int
		}
	}
	ann.post(base+"/backtests", map[string]any{"model": given.Model, "positive": []string{"won"}, "before_hours": 1, "facts": "occurred"}, http.StatusCreated, &run)
	for end := time.Now().Add(2 * time.Minute); !run.Ended && time.Now().Before(end); time.Sleep(time.Second) {
		ann.get(base+"/backtests/"+run.ID, &run)
	}
	if !run.Ended || run.Result == nil || !strings.Contains(run.Result.Verdict, "not enough data") {
		t.Errorf("the backtest on two outcomes: %+v %+v", run, run.Result)
	}
	ann.post(base+"/models", map[string]any{"model": map[string]any{"id": "default", "rules": []any{}}}, http.StatusUnprocessableEntity, nil)
	ann.post(base+"/models", map[string]any{"model": given.Model}, http.StatusCreated, nil)
	var progress struct {
		Ended bool `json:"ended"`
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if ann.get(base+"/models/progress", &progress); progress.Ended {
			break
		}
	}
	cl.drained(t)
	if got := list(); len(got) != 3 || got[0].Handle != "carl" {
		t.Errorf("by the new model: %+v", got)
	}
	once("after the model changed")
}
