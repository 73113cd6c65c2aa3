package pattern_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/pattern"
)

// TestEveryPatternCompiles finds what would otherwise panic at its first use,
// and what is compiled at the start of every program after all.
func TestEveryPatternCompiles(t *testing.T) {
	found := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, d fs.DirEntry, err error) error {
		forTests := strings.HasSuffix(file, "_test.go") || strings.Contains(file, "platformtest/")
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || forTests || strings.HasPrefix(file, "pattern/") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join("..", file), nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch called(call) {
			case "regexp.MustCompile":
				t.Errorf("%s: use package pattern, which compiles when it is needed", set.Position(call.Pos()))
			case "pattern.New":
				found++
				lit, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					t.Errorf("%s: the expression is no literal, so that this test can't compile it", set.Position(call.Pos()))
					return true
				}
				expr, err := strconv.Unquote(lit.Value)
				if err == nil {
					_, err = regexp.Compile(expr)
				}
				if err != nil {
					t.Errorf("%s: %v", set.Position(call.Pos()), err)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("only %d patterns are found: does this test still know how they are written?", found)
	}
}

func called(call *ast.CallExpr) string {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	p, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return p.Name + "." + s.Sel.Name
}

func TestAPatternIsAsItsExpression(t *testing.T) {
	p := pattern.New(`(a)(b*)`)
	if !p.MatchString("xab") || p.MatchString("b") {
		t.Error("MatchString")
	}
	if m := p.FindStringSubmatch("xabb"); len(m) != 3 || m[2] != "bb" {
		t.Errorf("FindStringSubmatch %q", m)
	}
	if m := p.FindAllStringIndex("aab", 1); len(m) != 1 || m[0][1] != 1 {
		t.Errorf("FindAllStringIndex %v", m)
	}
	if s := p.ReplaceAllString("ab", "$2$1"); s != "ba" {
		t.Errorf("ReplaceAllString %q", s)
	}
	if s := p.ReplaceAllStringFunc("abc", strings.ToUpper); s != "ABc" {
		t.Errorf("ReplaceAllStringFunc %q", s)
	}
}
