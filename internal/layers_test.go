// Package internal_test holds the direction of imports.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// layers are the packages from the ground up: a package imports only from the
// layers below its own. DO NOT CHANGE THIS TO FIX A BUILD: an import that does
// not fit means that something stands in the wrong package. See
// docs/decisions/0001-layers.md.
var layers = [][]string{
	{"fault", "parallel", "pattern", "sdk", "langid", "encoder"},
	{"social", "cache", "emf", "sheet"},
	{"platform", "plain", "stats", "limit"},
	{"refit"},
	{adapters, "vector", "reading"},
	{"platform/all", "person"},
	{"identity"},
	{"profile"},
	{"scoring", "contacts", "conversation", "theme", "report", "silence", "mail", "consent", "day", "learn", "evaluation", "community", "outcomes"}, // pure views, and what they are sent in
	{"store", "archive", "queue", "secret", "ses", "fetch"}, // one per service we touch
	{"issue", "view"}, // over what is stored
	{"view/conversation", "view/byday", "view/history", "view/named", "view/person", "view/company", "view/blocking", "themed"},
	{"task"}, // what use cases ask of each other
	{"intake", "ingest", "leads", "discover", "watch", "poll", "recipients", "talk", "refitting"}, // use cases
	{"view/lead", "matching"},
	{"view/all"},
	{"erasure", "replay", "rebuild", "wipe", "side"},
	{"reporting", "send", "quality"},
	{"api", "lambdahttp", "lambdasqs"}, // edges
	{"app"},
	{"app/deliver", "app/key"}, // parts of several functions
	{"app/ingesting"},          // the tool and the API try deliveries as it does
	{functions},
}

// adapters stands for every package below platform but for those named otherwise: one per platform.
const adapters = "platform/*"

// functions stands for every package below app but for those named otherwise: one per function, and the tool's.
const functions = "app/*"

// forTests are packages that only tests import.
var forTests = map[string]bool{"store/storetest": true, "view/viewtest": true, "lambdatest": true, "drill": true, "needs": true, "reading/readtest": true, "conversation/conversationtest": true, "leads/leadstest": true, "platform/platformtest": true, "platform/platformtest/demo": true}

// reserved says which outside packages only some of ours may import, and why.
var reserved = []struct {
	path string
	to   []string
	why  string
}{
	{"github.com/aws/aws-sdk-go-v2", []string{"store", "archive", "queue", "secret", "ses", "app", "app/key", "app/ingesting", "app/api", "app/operator", "api", "store/storetest", "lambdatest"}, "AWS stays in the packages that wrap it"},
	{"github.com/aws/aws-lambda-go", []string{"lambdahttp", "lambdasqs", "app", "app/intake", "app/mail"}, "Lambda is an edge; what is behind it must not know"},
	{"github.com/danielgtaylor/huma/v2", []string{"api"}, "only /v1 is huma"},
	{"net/http/httptest", []string{}, "for tests only"},
}

func TestImportsGoOneWay(t *testing.T) {
	level := map[string]int{}
	for i, l := range layers {
		for _, p := range l {
			level[p] = i
		}
	}
	place := func(pkg string) (int, bool) {
		i, ok := level[pkg]
		if !ok && (path.Dir(pkg) == "platform" || path.Dir(pkg) == "app") && !forTests[pkg] {
			i, ok = level[path.Dir(pkg)+"/*"]
		}
		return i, ok
	}
	seen := map[string]bool{adapters: true, functions: true}
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		pkg := path.Dir(file)
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		mine, placed := place(pkg)
		if !placed && !forTests[pkg] {
			t.Errorf("%s: package %s has no layer: give it one", file, pkg)
			return nil
		}
		seen[pkg] = true
		for _, im := range f.Imports {
			to := strings.Trim(im.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(to, "rapport/internal/"); ok {
				theirs, ok := place(ours)
				switch {
				case forTests[pkg]:
				case forTests[ours]:
					t.Errorf("%s imports %s, which is for tests", file, to)
				case !ok || theirs >= mine:
					t.Errorf("%s (layer %d) imports %s (layer %d): imports go down", file, mine, to, theirs)
				}
			} else if strings.HasPrefix(to, "rapport/") {
				t.Errorf("%s imports %s, which is above internal", file, to)
			}
			for _, r := range reserved {
				if (to == r.path || strings.HasPrefix(to, r.path+"/")) && !contains(r.to, pkg) && !forTests[pkg] {
					t.Errorf("%s imports %s: %s", file, to, r.why)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for p := range level {
		if !seen[p] {
			t.Errorf("the layer of %s is given, but there is no such package", p)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
