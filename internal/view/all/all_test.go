package all_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"rapport/internal/scoring"
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
