package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// suggested is a suggestion as the API shows it.
type suggested struct {
	Probability float64  `json:"probability"`
	Reasons     []string `json:"reasons"`
	People      []struct {
		Person   string `json:"person"`
		Accounts []struct {
			Platform string `json:"platform"`
			Handle   string `json:"handle"`
		} `json:"accounts"`
	} `json:"people"`
}

// TestOneHumanOnThreePlatforms: who asks something on three platforms under one
// handle is suggested, and merged through the API: one lead, whose score is of
// all that was said, and one person in all conversations. Undone, the API says
// to the byte what it said before.
func TestOneHumanOnThreePlatforms(t *testing.T) {
	cl := deployed(t)
	w := fmt.Sprintf("people-%d", time.Now().UnixMilli())
	ann := cl.user(t, "ann")
	base := "/v1/workspaces/" + w
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "People", "time_zone": "UTC"}, http.StatusCreated, nil)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	called := map[social.Platform]map[string]any{
		"github":    {"issue.user.login": "kabramyan", "sender.login": "kabramyan"},
		"discourse": {"post.username": "kabramyan", "post.name": "Konstantin Abramyan"},
		"telegram":  {"message.from.username": "kabramyan", "message.from.first_name": "Konstantin", "message.from.last_name": "Abramyan"},
	}
	for _, a := range all.Adapters() {
		values := called[a.Platform()]
		if values == nil {
			continue
		}
		x := ann.connect(base, a)
		r := platform.SampleOf(a.(platform.Signer), x.scope, "1001", at, x.options)
		var body any
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		for path, v := range values {
			put(t, body, strings.Split(path, "."), v)
		}
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
		if status, _, b := exchange(t, x.signed(t, r, "msg_1001")); status/100 != 2 {
			t.Fatalf("%s: its delivery is answered %d %s", a.Platform(), status, b)
		}
	}
	cl.drained(t)

	facts := ann.activities(base)
	var persons []string
	for p := range called {
		if len(facts[string(p)]) != 1 {
			t.Fatalf("%s: %+v", p, facts[string(p)])
		}
		persons = append(persons, facts[string(p)][0].Person)
	}
	slices.Sort(persons)
	asOf := "as_of=" + at.Add(time.Hour).Format(time.RFC3339)
	pages := []string{"/leads?" + asOf, "/activities?limit=500", "/conversations?state=all&limit=100"}
	for _, p := range persons {
		pages = append(pages, "/leads/"+p+"?"+asOf)
	}
	look := func() map[string]string {
		out := map[string]string{}
		for _, p := range pages {
			status, b := ann.do("GET", base+p, nil, "")
			out[p] = fmt.Sprint(status, " ", string(b))
		}
		return out
	}
	before := look()
	best := int64(0) // of the scores of each alone
	for _, p := range persons {
		best = max(best, apiScore(ann, base, p, at.Add(time.Hour).Format(time.RFC3339)).Micro)
	}

	suggestions := func() (out []suggested) {
		for _, raw := range ann.all(base + "/people/suggestions?limit=100") {
			var s suggested
			if err := json.Unmarshal(raw, &s); err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
		return out
	}
	list := suggestions()
	if len(list) < 2 {
		t.Fatalf("suggested: %+v", list)
	}
	on := map[string]bool{}
	for _, s := range list {
		if len(s.People) != 2 || len(s.Reasons) == 0 || s.Probability < 0.3 {
			t.Errorf("suggested: %+v", s)
		}
		for _, p := range s.People {
			for _, a := range p.Accounts {
				on[a.Platform] = on[a.Platform] || a.Handle == "kabramyan"
			}
		}
	}
	if len(on) != 3 {
		t.Errorf("suggested of %v", on)
	}
	type decision struct{ id, of string }
	var made []decision
	for len(list) > 0 && len(made) < 3 {
		d := decision{fmt.Sprintf("merge-%08d", len(made)), list[0].People[0].Person}
		ann.post(base+"/people/"+d.of+"/decisions", map[string]any{"id": d.id, "kind": "same", "with": list[0].People[1].Person}, http.StatusCreated, nil)
		made = append(made, d)
		list = suggestions()
	}
	if len(made) != 2 || len(list) != 0 {
		t.Errorf("after %d decisions %+v is suggested", len(made), list)
	}
	cl.drained(t)
	one := map[string]bool{}
	for _, page := range []string{"/leads?limit=100", "/activities?limit=500", "/conversations?state=all&limit=100"} {
		items := ann.all(base + page)
		for _, raw := range items {
			var x struct {
				Person string `json:"person"`
			}
			if err := json.Unmarshal(raw, &x); err != nil {
				t.Fatal(err)
			}
			one[x.Person] = true
		}
		if strings.HasPrefix(page, "/leads") && len(items) != 1 {
			t.Errorf("%d leads of one human", len(items))
		}
	}
	if len(one) != 1 {
		t.Errorf("one human is %v", one)
	}
	if got := apiScore(ann, base, persons[0], at.Add(time.Hour).Format(time.RFC3339)).Micro; got <= best {
		t.Errorf("the score of all that was said is %d, that of what was said on one platform %d", got, best)
	}
	for _, d := range slices.Backward(made) {
		ann.post(base+"/people/"+d.of+"/decisions", map[string]any{"id": "undo-" + d.id, "kind": "undo", "decision": d.id}, http.StatusCreated, nil)
	}
	cl.drained(t)
	after := look()
	for _, p := range pages {
		if before[p] != after[p] {
			t.Errorf("%s\nbefore: %s\nafter:  %s", p, before[p], after[p])
		}
	}
	if list := suggestions(); len(list) != 0 {
		t.Errorf("suggested again after it was undone: %+v", list)
	}
}
