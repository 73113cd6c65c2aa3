package all_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/profile"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/view/viewtest"
)

var now = time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC)

func list(t testing.TB) viewtest.List {
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return func(s *store.Store, table storetest.Table) []view.View {
		for id, body := range models(t) {
			if err := store.New(cfg, table.Name).PublishModel(t.Context(), "acme", id, store.Document{Version: "1", Published: now, Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		return all.Views(s, func() time.Time { return now })
	}
}

// models are the default one and another with a longer horizon.
func models(t testing.TB) map[string][]byte {
	out := map[string][]byte{}
	for _, p := range scoring.Presets() {
		if p.Name != "community" && p.Name != "advocates" {
			continue
		}
		b, err := json.Marshal(p.Model)
		if err != nil {
			t.Fatal(err)
		}
		out[p.Model.ID] = b
	}
	return out
}

func TestViews(t *testing.T) { viewtest.Run(t, list(t)) }

// By a model that asks for colleagues, what one does moves the others.
func TestViewsAmongColleagues(t *testing.T) {
	const model = `{"id":"colleagues","version":1,"horizon_days":60,"engagement":["1","4","9"],"rules":[
		{"id":"one","kind":"company","recent_days":2,"at_least":1,"points":"2"},{"id":"two","kind":"company","recent_days":30,"at_least":2,"points":"4"}]}`
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{} // by table
	viewtest.Run(t, func(s *store.Store, table storetest.Table) []view.View {
		// What is made of attributes alone goes with the account, not with what it did.
		views := slices.DeleteFunc(all.Views(s, func() time.Time { return now }), func(v view.View) bool {
			return !slices.Contains([]string{"history", "person", "lead"}, v.Name())
		})
		if told[table.Name] {
			return views
		}
		told[table.Name] = true
		list(t)(s, table)
		plain := store.New(cfg, table.Name)
		if err := plain.PublishModel(t.Context(), "acme", "colleagues", store.Document{Version: "1", Published: now, Body: []byte(model)}); err != nil {
			t.Fatal(err)
		}
		for _, a := range viewtest.Facts(0, 18) {
			if a.Direction != social.Inbound || told[table.Name+a.Actor.ID] {
				continue
			}
			told[table.Name+a.Actor.ID] = true
			if err := plain.PutAccount(t.Context(), "acme", a); err != nil {
				t.Fatal(err)
			}
			of := profile.Of{Account: a.Account().AccountID(), Facts: []profile.Fact{{ID: "worksat1", Name: profile.Company, Kind: profile.Text, Value: "Contoso", Source: profile.CRM, At: now.AddDate(-1, 0, 0), Known: now}}}
			if _, errs := plain.PutAttributes(t.Context(), "acme", of); errs[0] != nil {
				t.Fatal(errs[0])
			}
		}
		return views
	})
}

// Each package below internal/view that is a view stands in the list.
func TestNoneIsForgotten(t *testing.T) {
	listed := map[string]bool{}
	for _, v := range all.Views(nil, time.Now) {
		listed[v.Name()] = true
	}
	folders, err := filepath.Glob("../*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		name := filepath.Base(f)
		if name == "all" || name == "viewtest" || strings.HasSuffix(name, ".go") {
			continue
		}
		sources, err := filepath.Glob(filepath.Join(f, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		is := ""
		for _, file := range sources {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, after, ok := strings.Cut(string(b), ") Name() string { return \""); ok && !strings.HasSuffix(file, "_test.go") {
				is, _, _ = strings.Cut(after, "\"")
			}
		}
		if is == "" {
			t.Errorf("internal/view/%s has no Name: is it a view?", name)
		} else if !listed[is] {
			t.Errorf("the view %q of internal/view/%s is not in the list: give it a line in all.go", is, name)
		}
	}
	if len(listed) != len(all.Views(nil, time.Now)) {
		t.Error("two views have one name")
	}
}
