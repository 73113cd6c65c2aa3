package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// heavy are the packages that make a function slower to start, by what is
// read of them at its start (GODEBUG=inittrace=1 tells) or by their size.
// See docs/decisions/0016-a-function-links-what-it-needs.md.
var heavy = []string{
	"github.com/aws/aws-sdk-go-v2/service/cloudformation",
	"github.com/aws/aws-sdk-go-v2/service/dynamodb",
	"github.com/aws/aws-sdk-go-v2/service/lambda",
	"github.com/aws/aws-sdk-go-v2/service/s3",
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager",
	"github.com/aws/aws-sdk-go-v2/service/sesv2",
	"github.com/aws/aws-sdk-go-v2/service/sqs",
	"github.com/aws/aws-sdk-go-v2/service/ssm",
	"github.com/coreos/go-oidc/v3/oidc",
	"github.com/danielgtaylor/huma/v2",
	"github.com/expr-lang/expr",
	"github.com/mmcdole/gofeed",
	"rapport/internal/platform/all",
	"rapport/internal/encoder",
	"rapport/internal/theme",
}

// links says which of the heavy packages each function links: what is not
// named here it must not link. Whoever adds one makes the function's start
// slower: is there another way, and is it worth that?
var links = map[string]string{
	"intake":   "dynamodb s3 sqs ssm gofeed platform/all",
	"ingest":   "dynamodb s3 secretsmanager sqs encoder expr gofeed platform/all theme",
	"score":    "dynamodb expr sqs",
	"feedback": "dynamodb sqs",
	"discover": "dynamodb sqs s3 ssm expr theme",
	"mail":     "dynamodb secretsmanager",
	"report":   "dynamodb s3 secretsmanager sesv2 sqs expr theme",
	"erase":    "dynamodb s3 secretsmanager sqs expr gofeed platform/all theme",
	"poll":     "dynamodb s3 sqs ssm gofeed platform/all",
	"watch":    "dynamodb sqs ssm gofeed platform/all",
	"api":      "dynamodb lambda s3 secretsmanager sqs ssm oidc huma expr gofeed platform/all theme",
}

func TestAFunctionLinksOnlyWhatItNeeds(t *testing.T) {
	name := func(pkg string) string { // as links says it
		if ours, ok := strings.CutPrefix(pkg, "rapport/internal/"); ok {
			return ours
		}
		return path.Base(strings.TrimSuffix(pkg, "/v2"))
	}
	functions, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	imports := importsOf(t)
	for _, f := range functions {
		want, ok := links[f.Name()]
		if !ok {
			t.Errorf("nothing says what the function %s links", f.Name())
		}
		via := map[string]string{} // by package: who imports it
		var follow func(pkg string)
		follow = func(pkg string) {
			for _, to := range imports(pkg) {
				if _, seen := via[to]; !seen {
					via[to] = pkg
					follow(to)
				}
			}
		}
		follow("rapport/functions/" + f.Name())
		may := strings.Fields(want)
		for _, h := range heavy {
			switch by, linked := via[h]; {
			case linked && !slices.Contains(may, name(h)):
				t.Errorf("%s links %s by way of %s: it may link only %s", f.Name(), h, by, want)
			case !linked && slices.Contains(may, name(h)):
				t.Errorf("%s links no %s any more: take it off the list", f.Name(), h)
			}
		}
	}
}

// importsOf returns what a package of ours imports, outside of its tests; of
// other packages nothing is known.
func importsOf(t *testing.T) func(pkg string) []string {
	root := os.DirFS("..")
	kept := map[string][]string{}
	return func(pkg string) []string {
		dir, ours := strings.CutPrefix(pkg, "rapport/")
		if list, ok := kept[pkg]; ok || !ours {
			return list
		}
		files, err := fs.Glob(root, dir+"/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no package %s: %v", pkg, err)
		}
		list := []string{}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := fs.ReadFile(root, file)
			if err != nil {
				t.Fatal(err)
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, im := range f.Imports {
				list = append(list, strings.Trim(im.Path.Value, `"`))
			}
		}
		kept[pkg] = list
		return list
	}
}
