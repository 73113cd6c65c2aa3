package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/drill"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// rescore does what the queue of bulk work would.
func (x *world) rescore(w, version string) {
	x.t.Helper()
	if _, err := x.deps.Leads.Rescore(x.t.Context(), w, leads.Rescoring{Version: version}, func() time.Time { return x.now }, time.Time{}); err != nil {
		x.t.Fatal(err)
	}
}

// order is who stands where in the list of leads.
func (x *world) order(w string) (out []string) {
	x.t.Helper()
	var p api.LeadPage
	for _, one := range strings.Split(x.stored(w), ",") {
		if one != "" {
			out = append(out, one)
		}
	}
	x.get("ann", "/v1/workspaces/"+w+"/leads", &p)
	var shown []string
	for _, l := range p.Items {
		shown = append(shown, l.Person)
	}
	if d := cmp.Diff(out, shown); d != "" {
		x.t.Errorf("the list as it is stored, and as it is shown: %s", d)
	}
	return out
}

// stored lists leads one by one, so in the order of their steps.
func (x *world) stored(w string) string {
	var out []string
	x.pages("ann", "/v1/workspaces/"+w+"/leads?limit=1", func(b string) {
		var p api.LeadPage
		if err := json.Unmarshal([]byte(b), &p); err != nil {
			x.t.Fatal(err)
		}
		for _, l := range p.Items {
			out = append(out, l.Person)
		}
	})
	return strings.Join(out, ",")
}

// A model is changed, tried, published, seen in the list and gone back from, by
// the API alone.
func TestAModelIsTriedPublishedAndGoneBackFrom(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	tell := func(n int, who string, typ social.Type, intent string) string {
		var a social.Activity
		for i := range n {
			p := post(who, fmt.Sprint(who, i), "x", time.Duration(i)*time.Hour)
			p.Type, p.Intent = typ, intent
			a = x.activity("acme", p)
		}
		if err := leadstest.Rescore(t.Context(), x.deps.Leads, "acme", a.Account().AccountID()); err != nil {
			t.Fatal(err)
		}
		return personOf(a)
	}
	buyer, asker, fan := tell(1, "buyer", social.Message, social.IntentPurchase), tell(1, "asker", social.Post, social.IntentQuestion), tell(9, "fan", social.React, "")
	first := []string{buyer, asker, fan}
	if got := x.order("acme"); !slices.Equal(got, first) {
		t.Fatalf("by the default model: %v, want %v", got, first)
	}

	// As get-model gives it, with reactions worth more.
	var given api.Model
	x.get("ann", "/v1/workspaces/acme/models/1", &given)
	m, err := scoring.ParseModel(given.Model)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Rules, func(r scoring.Rule) bool { return r.ID == "reaction" })
	m.Rules[i].Points, m.Rules[i].CapPer, m.Rules[i].Group = 20e6, nil, ""
	m.CallNeeds = nil // and who only reacts is called
	before := x.dump()
	var trial api.ModelTrial
	x.call("ann", "POST", inAcme+"/model-trials", map[string]any{"model": m, "people": []string{fan, "per_nobody", buyer}}).want(t, http.StatusOK, &trial)
	if d := cmp.Diff(before, x.dump()); d != "" {
		t.Errorf("a trial stores something: %s", d)
	}
	if len(trial.People) != 2 || trial.People[0].Person != fan || trial.People[1].Person != buyer || !slices.Equal(trial.Nobody, []string{"per_nobody"}) {
		t.Fatalf("tried: %+v", trial)
	}
	for _, p := range trial.People {
		for _, l := range []api.ScoredLead{p.Tried, p.Active} {
			sum := int64(0)
			for _, c := range l.Contributions {
				sum += c.MicroPoints
			}
			if sum != l.MicroPoints {
				t.Errorf("%s by %s: %d, and the rules gave %d", p.Person, l.Model, l.MicroPoints, sum)
			}
		}
	}
	if f, b := trial.People[0], trial.People[1]; f.Tried.Model != "default@2" || f.Active.Model != "default@1" || f.Active.Call || !f.Tried.Call || f.Tried.MicroPoints < 100e6 || b.Tried.MicroPoints != b.Active.MicroPoints {
		t.Errorf("tried: %+v", trial)
	}
	if got := x.order("acme"); !slices.Equal(got, first) {
		t.Errorf("after a trial: %v, want %v", got, first)
	}

	x.asked = nil
	r := x.call("ann", "POST", inAcme+"/models", map[string]any{"model": m})
	var published api.Model
	r.want(t, http.StatusCreated, &published)
	if published.Version.Version != "2" || !published.Active || r.header.Get("Location") != inAcme+"/models/2" || !slices.Equal(x.asked, []string{"rescore acme default 2"}) {
		t.Errorf("published: %+v, at %s, asked for %v", published.Version, r.header.Get("Location"), x.asked)
	}
	var how api.ModelProgress
	x.get("ann", inAcme+"/models/progress", &how)
	if how.Version != "2" || how.Ended || how.At == nil {
		t.Errorf("before leads are scored: %+v", how)
	}
	x.rescore("acme", "2")
	x.get("ann", inAcme+"/models/progress", &how)
	if how.Version != "2" || !how.Ended || how.Done != 3 || how.Of != 3 || how.Failed != 0 {
		t.Errorf("after leads are scored: %+v", how)
	}
	second := []string{fan, buyer, asker}
	if got := x.order("acme"); !slices.Equal(got, second) {
		t.Errorf("by the new model: %v, want %v", got, second)
	}

	// The same once more is no new version.
	x.call("ann", "POST", inAcme+"/models", map[string]any{"model": m}).want(t, http.StatusCreated, &published)
	if published.Version.Version != "2" {
		t.Errorf("the same model is published as version %s", published.Version.Version)
	}

	var changes api.ModelComparison
	x.get("ann", inAcme+"/models/1/changes", &changes)
	if changes.From != "2" || changes.To != "1" || len(changes.Changes) != 4 {
		t.Errorf("compared: %+v", changes)
	}
	for _, c := range changes.Changes {
		if c.Rule == "" && c.Field == "call_needs" && string(c.After) == `["buying","purchase"]` {
			continue
		}
		if c.Rule != "reaction" || c.What != "changed" || c.Field == "points" && (string(c.Before) != `"20"` || string(c.After) != `"0.5"`) {
			t.Errorf("compared: %s %s %s", c.Field, c.Before, c.After)
		}
	}
	x.call("ann", "GET", inAcme+"/models/7/changes", nil).problem(t, http.StatusNotFound)

	x.call("ann", "POST", inAcme+"/models/7/activations", nil).problem(t, http.StatusNotFound)
	x.call("ann", "POST", inAcme+"/models/1/activations", nil).want(t, http.StatusCreated, &published)
	if published.Version.Version != "1" || !published.Active {
		t.Errorf("gone back to %+v", published.Version)
	}
	x.rescore("acme", "1")
	if got := x.order("acme"); !slices.Equal(got, first) {
		t.Errorf("gone back: %v, want %v", got, first)
	}
	m.Title = "Another"
	x.call("ann", "POST", inAcme+"/models", map[string]any{"model": m}).want(t, http.StatusCreated, &published)
	if published.Version.Version != "3" {
		t.Errorf("after going back the next version is %s", published.Version.Version)
	}
	drill.Show(t, "a model tried on 2 people, published, the list in its new order, gone back, the list as before")
}

func TestAFaultyModelIsRefusedAsAWhole(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	before := x.dump()
	rule := `{"id":"r","kind":"activity","label":{"one":"x","many":"x"},"when":{"types":["post"]},"points":"1"}`
	for _, tt := range []struct {
		model string
		at    []string
	}{
		{`{"id":"default","horizon_days":0,"engagement":["1","2","3"],"rules":[` + rule + `,{"id":"r","kind":"magic","points":"0"}]}`,
			[]string{"body.model.horizon_days", "body.model.rules[1].points", "body.model.rules[1].kind", "body.model.rules[1].id"}},
		{`{"id":"a_b","horizon_days":30,"engagement":["1","2","3"],"rules":[` + rule + `]}`, []string{"body.model.id"}},
		{`{"id":"default","horizon_days":30,"engagement":["1","2","3"],"rules":[` + strings.Replace(rule, `"types":["post"]`, `"expr":"now() > 3"`, 1) + `]}`, []string{"body.model.rules[0].when.expr"}},
		{`7`, []string{"body.model"}},
		{`"text"`, []string{"body.model"}},
		{`[]`, []string{"body.model"}},
		{`null`, []string{"body.model"}},
		{`{"id":"default","title":null,"horizon_days":30,"engagement":["1","2","3"],"rules":[` + rule + `]}`, []string{"body.model.title"}},
	} {
		for _, path := range []string{"/models", "/model-trials"} {
			body := `{"model":` + tt.model + `}`
			if path == "/model-trials" {
				body = `{"model":` + tt.model + `,"people":["per_nobody"]}`
			}
			p := x.call("ann", "POST", inAcme+path, body).problem(t, http.StatusUnprocessableEntity)
			var at []string
			for _, e := range p.Errors {
				if e.Detail == "" {
					t.Errorf("%s: nothing is said about %s", tt.model, e.Location)
				}
				at = append(at, e.Location)
			}
			if d := cmp.Diff(tt.at, at); d != "" {
				t.Errorf("%s to %s: %s", tt.model, path, d)
			}
		}
	}
	x.call("ann", "POST", inAcme+"/model-trials", map[string]any{"model": scoring.DefaultModel(), "people": []string{"per_x", "per_" + strings.Repeat("x", 3000)}}).at(t, "body.people[1]")
	if d := cmp.Diff(before, x.dump()); d != "" || len(x.asked) > 0 {
		t.Errorf("something of a faulty model is kept: %s; asked for %v", d, x.asked)
	}
}

// Each preset can be published as it is listed, beside the default model.
func TestPresetsArePublished(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var list api.List[api.ModelPreset]
	x.get("ann", inAcme+"/models/presets", &list)
	if len(list.Items) < 4 {
		t.Fatalf("only %d presets", len(list.Items))
	}
	for _, p := range list.Items {
		var got api.Model
		x.call("ann", "POST", inAcme+"/models", map[string]any{"model": p.Model}).want(t, http.StatusCreated, &got)
		if got.Version.Version != "1" { // the first is the one that is there
			t.Errorf("%s is version %s", p.Name, got.Version.Version)
		}
		if p.Name == "community" {
			continue
		}
		var models api.ModelPage
		x.get("ann", inAcme+"/models", &models)
		if len(models.Models) != 2 || len(models.Items) != 1 {
			t.Errorf("in use: %+v", models)
		}
		x.call("ann", "DELETE", inAcme+"/models?model="+p.Name, nil).want(t, http.StatusNoContent, nil) // there are more than a workspace may use
	}
}

// A second model is added, looked at, changed, retired and put in use again.
func TestASecondModelStandsBesideTheDefault(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	buyer, fan := post("buyer", "1", "x", 0), post("fan", "2", "x", 0)
	buyer.Intent, fan.Type = social.IntentPurchase, social.React
	var people []string
	for _, a := range []social.Activity{buyer, fan} {
		a = x.activity("acme", a)
		if err := leadstest.Rescore(t.Context(), x.deps.Leads, "acme", a.Account().AccountID()); err != nil {
			t.Fatal(err)
		}
		people = append(people, personOf(a))
	}
	document := `{"model":{"id":"fans","title":"Fans","horizon_days":30,"engagement":["1","2","3"],"call_from":"4","rules":[
		{"id":"r","kind":"activity","label":{"one":"like","many":"likes"},"when":{"types":["react"]},"points":"4"}]}}`
	var trial api.ModelTrial
	x.call("ann", "POST", inAcme+"/model-trials", strings.Replace(document, `"model":`, `"people":["`+people[1]+`"],"model":`, 1)).want(t, http.StatusOK, &trial)
	if p := trial.People[0]; p.Tried.Model != "fans@1" || !p.Tried.Call || p.Active.Model != "default@1" || p.Active.Call {
		t.Errorf("tried: %+v", p)
	}
	x.asked = nil
	r := x.call("ann", "POST", inAcme+"/models", document)
	r.want(t, http.StatusCreated, nil)
	if r.header.Get("Location") != inAcme+"/models/1?model=fans" || !slices.Equal(x.asked, []string{"rescore acme fans 1"}) {
		t.Errorf("published at %s, asked for %q", r.header.Get("Location"), x.asked)
	}
	bulk := func(version string) {
		t.Helper()
		if _, err := x.deps.Leads.Rescore(t.Context(), "acme", leads.Rescoring{Model: "fans", Version: version}, func() time.Time { return x.now }, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	bulk("1")
	var how api.ModelProgress
	x.get("ann", inAcme+"/models/progress?model=fans", &how)
	if how.Model != "fans" || how.Version != "1" || !how.Ended || how.Done != 2 {
		t.Errorf("progress: %+v", how)
	}
	var models api.ModelPage
	x.get("ann", inAcme+"/models?totals=true", &models)
	two := 2
	want := []api.ModelInUse{{ID: "default", Title: scoring.DefaultModel().Title, Version: "1", CallFrom: "15", Leads: &two}, {ID: "fans", Title: "Fans", Version: "1", CallFrom: "4", Leads: &two}}
	if d := cmp.Diff(want, models.Models); d != "" {
		t.Errorf("in use: %s", d)
	}
	for model, first := range map[string]int{"default": 0, "fans": 1} {
		var list api.LeadPage
		x.get("ann", inAcme+"/leads?totals=true&model="+model, &list)
		if len(list.Items) != 2 || list.Items[0].Person != people[first] || !list.Items[0].ToCall || list.Items[1].ToCall || list.Totals.ToCall != 1 || list.CallFrom != map[string]string{"default": "15", "fans": "4"}[model] {
			t.Errorf("by %s: %+v", model, list)
		}
		var one api.LeadLedger
		x.get("ann", inAcme+"/leads/"+people[1]+"?model="+model, &one)
		if one.Model != model+"@1" {
			t.Errorf("one lead is by %s, want %s", one.Model, model)
		}
	}

	// One that nobody published, at each place.
	for _, path := range []string{"/leads?model=nobody", "/leads/" + people[0] + "?model=nobody", "/models?model=nobody", "/models/1?model=nobody", "/models/1/changes?model=nobody", "/models/progress?model=nobody"} {
		p := x.call("ann", "GET", inAcme+path, nil).problem(t, http.StatusNotFound)
		if strings.Contains(path, "/leads?") && p.Detail != `no scoring model in use is called "nobody": there are default, fans` {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	x.call("ann", "DELETE", inAcme+"/models?model=nobody", nil).problem(t, http.StatusNotFound)
	x.call("ann", "DELETE", inAcme+"/models?model=default", nil).at(t, "query.model")
	x.call("ann", "DELETE", inAcme+"/models", nil).at(t, "query.model")

	x.asked = nil
	for range 2 { // the second time perhaps because the first was cut short
		x.call("ann", "DELETE", inAcme+"/models?model=fans", nil).want(t, http.StatusNoContent, nil)
	}
	if !slices.Equal(x.asked, []string{"rescore acme fans ", "rescore acme fans "}) {
		t.Errorf("asked for %q", x.asked)
	}
	bulk("")
	x.call("ann", "GET", inAcme+"/leads?model=fans", nil).problem(t, http.StatusNotFound)
	x.get("ann", inAcme+"/models?model=fans", &models)
	if len(models.Models) != 1 || len(models.Items) != 1 || models.Items[0].Active {
		t.Errorf("retired: %+v", models)
	}
	var given api.Model
	x.get("ann", inAcme+"/models/1?model=fans", &given)
	if given.Active || !strings.Contains(string(given.Model), `"fans"`) {
		t.Errorf("retired: %+v", given)
	}
	x.call("ann", "POST", inAcme+"/models/1/activations?model=fans", nil).want(t, http.StatusCreated, &given)
	if !given.Active {
		t.Errorf("in use again: %+v", given)
	}
	for i := range 3 {
		x.call("ann", "POST", inAcme+"/models", strings.Replace(document, `"fans"`, fmt.Sprintf(`"fans-%d"`, i), 1)).want(t, http.StatusCreated, nil)
	}
	if p := x.call("ann", "POST", inAcme+"/models", strings.Replace(document, `"fans"`, `"sixth"`, 1)).problem(t, http.StatusConflict); !strings.Contains(p.Detail, "retire one first") {
		t.Errorf("a sixth: %s", p.Detail)
	}
	drill.Show(t, "a second model by the API alone: tried, published, its list and progress, retired, in use again; a sixth refused")
}

// A draft is saved while it is wrong, worked on by two, and published when it is right.
func TestADraftOfAModel(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "ann")
	const at = "/v1/workspaces/acme/model-drafts/spring"
	model := func(points string) map[string]any {
		return map[string]any{"id": "spring", "horizon_days": 90, "engagement": []string{"1", "2", "3"}, "call_from": "2",
			"rules": []any{map[string]any{"id": "asks", "kind": "activity", "label": map[string]any{"one": "post", "many": "posts"}, "when": map[string]any{"types": []string{"post"}}, "within_days": 14, "points": points}}}
	}
	var wrong, got api.ModelDraft
	x.call("ann", "PUT", at, map[string]any{"model": map[string]any{"id": "spring", "rules": []any{map[string]any{"id": "asks", "kind": "guess"}}}}).want(t, http.StatusOK, &wrong)
	if len(wrong.Problems) == 0 || !strings.HasPrefix(wrong.Problems[0].Location, "model") || wrong.By != store.MemberID("ann") {
		t.Errorf("what is wrong is not told: %+v", wrong)
	}
	first := x.call("ann", "GET", at, nil)
	first.want(t, http.StatusOK, &got)
	if d := cmp.Diff(wrong, got); d != "" {
		t.Errorf("saved and read: %s", d)
	}
	right := x.call("ann", "PUT", at, map[string]any{"model": model("3")}, "If-Match", first.header.Get("ETag"))
	right.want(t, http.StatusOK, &got)
	if len(got.Problems) > 0 {
		t.Errorf("the right one has problems: %v", got.Problems)
	}
	x.call("ann", "PUT", at, map[string]any{"model": model("4")}, "If-Match", first.header.Get("ETag")).want(t, http.StatusPreconditionFailed, nil)
	var list api.List[api.Saved]
	x.call("ann", "GET", "/v1/workspaces/acme/model-drafts", nil).want(t, http.StatusOK, &list)
	if d := cmp.Diff([]api.Saved{got.Saved}, list.Items); d != "" {
		t.Errorf("the list: %s", d)
	}
	x.call("ann", "GET", "/v1/workspaces/other/model-drafts/spring", nil).want(t, http.StatusNotFound, nil)
	x.call("ann", "GET", "/v1/workspaces/acme/models?model=spring", nil).want(t, http.StatusNotFound, nil) // nobody is scored by it
	x.call("ann", "POST", "/v1/workspaces/acme/models", map[string]any{"model": got.Model}).want(t, http.StatusCreated, nil)
	x.call("ann", "DELETE", at, nil).want(t, http.StatusNoContent, nil)
	x.call("ann", "DELETE", at, nil).want(t, http.StatusNotFound, nil)
	x.call("ann", "PUT", at, map[string]any{"model": map[string]any{"id": strings.Repeat("x", 300<<10)}}).want(t, http.StatusRequestEntityTooLarge, nil)
}
