package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/discover"
	"rapport/internal/reporting"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/view/byday"
)

// tell puts facts into a workspace as ingest does, and brings every view up to date.
func (x *world) tell(w string, as ...social.Activity) []social.Activity {
	x.t.Helper()
	var facts []view.Fact
	for i, a := range as {
		as[i] = x.activity(w, a)
		facts = append(facts, view.FactOf(as[i]))
	}
	if err := byday.New(x.store, nil).Store(x.t.Context(), w, as); err != nil {
		x.t.Fatal(err)
	}
	for _, v := range all.Views(x.store, x.deps.Now) {
		if err := v.Keep(x.t.Context(), w, facts); err != nil {
			x.t.Fatal(err)
		}
	}
	return as
}

// A message says what its author lets it say now, wherever it is shown: an
// edited one its new words, a deleted one none; also in what was made before,
// in theme sets and reports.
func TestOldWordsAreShownNowhere(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme"
	complain := func(who, text string, ago time.Duration) social.Activity {
		a := post(who, "p-"+who, text, ago)
		a.Intent, a.Sentiment, a.Language = social.IntentProblem, social.SentimentNegative, "en"
		return a
	}
	said := x.tell("acme",
		complain("kate", "My parcel is late again, where is the parcel? stayed", 30*time.Hour),
		complain("ed", "My parcel is late again, where is the parcel? oldwords", 31*time.Hour),
		complain("dee", "My parcel is late again, where is my parcel? goneword", 32*time.Hour))
	for i := range 12 {
		x.tell("acme", complain(fmt.Sprint("z", i), fmt.Sprintf("the app crashes on start, version %d crashes too", i), 29*time.Hour))
	}
	if _, err := discover.New(x.store).Run(t.Context(), "acme", t0, t0); err != nil {
		t.Fatal(err)
	}
	made := reporting.New(reporting.Deps{Store: x.store, Leads: x.deps.Leads, Now: x.deps.Now,
		Put: func(_ context.Context, key, _ string, body []byte) error { x.objects[key] = string(body); return nil }})
	due := time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC)
	if _, err := made.Run(t.Context(), "acme", "weekly", due, false); err != nil {
		t.Fatal(err)
	}

	var sets api.Page[api.Version]
	x.get("ann", path+"/theme-sets", &sets)
	var issues api.IssueList
	x.get("ann", path+"/issues", &issues)
	parcels := slices.IndexFunc(issues.Items, func(i api.Issue) bool { return i.People == 3 })
	if len(sets.Items) != 1 || parcels < 0 {
		t.Fatalf("%d theme sets, issues %+v", len(sets.Items), issues.Items)
	}
	if d, err := x.store.Active(t.Context(), "acme", store.ThemeSets); err != nil || strings.Contains(string(d.Body), "late again") {
		t.Errorf("the theme set holds words of its own, %v: %s", err, d.Body)
	}
	run := path + "/reports/weekly/runs/20261102T070000Z"
	shown := []string{"/activities", "/activities?from=2026-10-01T00:00:00Z", "/conversations", "/conversations?state=all", "/issues", "/issues/" + issues.Items[parcels].Theme,
		"/theme-sets/" + sets.Items[0].Version}
	for _, p := range shown {
		if b := x.get("ann", path+p, nil).body; !strings.Contains(b, "stayed") || !strings.Contains(b, "oldwords") || !strings.Contains(b, "goneword") {
			t.Errorf("%s does not show what was said: %s", p, b)
		}
	}
	before := map[string]string{}
	for _, form := range []string{"html", "csv", "json", "txt"} {
		b := x.get("ann", run+"/"+form, nil).body
		if before[form] = b; b != x.objects["reports/acme/weekly/20261102T070000Z."+form] || !strings.Contains(b, "oldwords") || !strings.Contains(b, "goneword") {
			t.Errorf("the report as %s does not show what was said: %s", form, b)
		}
		shown = append(shown, strings.TrimPrefix(run, path)+"/"+form)
	}

	edit := func(of social.Activity, text string, ago time.Duration) social.Activity {
		a := complain(of.Actor.ID, text, ago)
		a.Type, a.Object = social.Edit, of.Object
		return a
	}
	x.tell("acme", edit(said[1], "My parcel is late again, where is it? middle", 20*time.Hour))
	x.tell("acme", edit(said[1], "My parcel is late again, where is it? newest", 10*time.Hour))
	x.tell("acme", social.Activity{Type: social.Delete, Actor: said[2].Actor, Object: said[2].Object, Occurred: t0.Add(-time.Hour)})

	for _, p := range []string{personOf(said[1]), personOf(said[2])} {
		shown = append(shown, "/activities?person="+p, "/leads/"+p)
	}
	shown = append(shown, "/leads", "/parked", "/health")
	for _, p := range shown {
		b := x.get("ann", path+p, nil).body
		for _, old := range []string{"oldwords", "middle", "goneword"} {
			if strings.Contains(b, old) {
				t.Errorf("%s still shows %q: %s", p, old, b)
			}
		}
		switch {
		case strings.HasPrefix(p, "/leads"), p == "/parked", p == "/health", strings.HasSuffix(p, personOf(said[2])):
		case !strings.Contains(b, "newest"):
			t.Errorf("%s does not show what the edited message says: %s", p, b)
		case !strings.Contains(b, "stayed") && !strings.Contains(p, "person="):
			t.Errorf("%s does not show a message that nobody changed: %s", p, b)
		}
	}
	var page api.Page[social.Line]
	x.get("ann", path+"/activities", &page)
	got := map[string]string{}
	for _, l := range page.Items {
		if l.Actor.ID[0] == 'z' {
			continue
		}
		got[l.Type+" "+l.Actor.ID] += fmt.Sprintf("%t %t %q; ", l.Edited, l.Deleted, l.Text[max(0, len(l.Text)-6):])
	}
	if d := cmp.Diff(map[string]string{"post kate": `false false "stayed"; `, "post ed": `true false "newest"; `, "edit ed": `true false ""; false false "newest"; `,
		"post dee": `false true ""; `, "delete dee": `false false ""; `}, got); d != "" {
		t.Error(d)
	}
}
