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
	if changes.From != "2" || changes.To != "1" || len(changes.Changes) != 3 {
		t.Errorf("compared: %+v", changes)
	}
	for _, c := range changes.Changes {
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
		{`{"id":"sales","horizon_days":30,"engagement":["1","2","3"],"rules":[` + rule + `]}`, []string{"body.model.id"}},
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

// Each preset can be published as it is listed.
func TestPresetsArePublished(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var list api.List[api.ModelPreset]
	x.get("ann", inAcme+"/models/presets", &list)
	if len(list.Items) < 3 {
		t.Fatalf("only %d presets", len(list.Items))
	}
	for i, p := range list.Items {
		var got api.Model
		x.call("ann", "POST", inAcme+"/models", map[string]any{"model": p.Model}).want(t, http.StatusCreated, &got)
		if want := fmt.Sprint(i + 1); got.Version.Version != want { // the first is the one that is there
			t.Errorf("%s is version %s, want %s", p.Name, got.Version.Version, want)
		}
	}
}
