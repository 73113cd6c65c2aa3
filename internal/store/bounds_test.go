package store

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// unbounded lists the queries of a file that state neither a limit nor a
// most, and the requests that go around scan; fill and Sweep hand on one page at a time.
func unbounded(name string, src []byte) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	report := func(n ast.Node, why string) { found = append(found, fset.Position(n.Pos()).String()+": "+why) }
	for _, d := range file.Decls {
		f, _ := d.(*ast.FuncDecl)
		ast.Inspect(d, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CompositeLit:
				if t, ok := x.Type.(*ast.Ident); ok && t.Name == "query" && !slices.ContainsFunc(x.Elts, bounds) {
					report(x, "a query without limit or most")
				}
			case *ast.CallExpr:
				if s, ok := x.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Query" && (f == nil || f.Name.Name != "scan" && f.Name.Name != "fill") || s.Sel.Name == "Scan" && (f == nil || f.Name.Name != "Sweep")) {
					report(x, "a request that is none of scan's")
				}
			}
			return true
		})
	}
	return found, nil
}

// bounds reports whether an element of a query states its bound.
func bounds(e ast.Expr) bool {
	kv, ok := e.(*ast.KeyValueExpr)
	if !ok {
		return false
	}
	k, ok := kv.Key.(*ast.Ident)
	if v, zero := kv.Value.(*ast.BasicLit); zero && v.Value == "0" {
		return false
	}
	return ok && (k.Name == "limit" || k.Name == "most")
}

func TestEveryQueryStatesItsBound(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		src, err := os.ReadFile(f.Name())
		found, perr := unbounded(f.Name(), src)
		if err := errors.Join(err, perr); err != nil {
			t.Fatal(err)
		}
		for _, x := range found {
			t.Error(x)
		}
	}
}

func TestUnboundedQueriesAreFound(t *testing.T) {
	found, err := unbounded("x.go", []byte(`package store
func a() { s.scan(query{pk: "x", limit: 1}); s.scan(query{pk: "x", most: maxFacts}) }
func b() { s.scan(query{pk: "x"}); s.scan(query{pk: "x", limit: 0}); s.db.Query(in); s.db.Scan(in) }
func scan() { s.db.Query(in) }
`))
	if err != nil || len(found) != 4 {
		t.Errorf("found %q, %v", found, err)
	}
}
