package scoring

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Bounds of a condition's expression. With them one evaluation is linear in
// the text, of which conditions see conditionText bytes.
const (
	maxExpr       = 1000 // characters of source
	maxNodes      = 200  // nodes of its syntax tree
	maxPattern    = 200  // characters of one regular expression
	maxPatternOps = 300  // instructions of one compiled regular expression
)

// compiles reports what expr has against source.
func compiles(source string, env any) error {
	_, err := expr.Compile(source, expr.Env(env), expr.AsBool(), expr.MaxNodes(maxNodes),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"), expr.EnableBuiltin("lower"), expr.EnableBuiltin("upper"), expr.EnableBuiltin("trim"))
	if err != nil {
		return fmt.Errorf("does not compile: %s", firstLine(err))
	}
	return nil
}

// compile turns source into a program that is true or false for a view, or
// says why it can't be allowed.
func compile(source string, memos *memos) (program, error) {
	parsed, err := parser.Parse(source)
	if err != nil {
		return program{}, fmt.Errorf("does not parse: %s", firstLine(err))
	}
	var g guard
	ast.Walk(&parsed.Node, &g)
	if g.err != nil {
		return program{}, g.err
	}
	if err := compiles(source, names{}); err != nil {
		return program{}, err
	}
	t := translator{memos: memos}
	holds, err := t.boolean(parsed.Node)
	if err != nil {
		return program{}, err
	}
	return program{holds, t.reads}, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// guard refuses every construct whose cost or memory could grow faster than
// the text: it lets pass a list of nodes and operators, and nothing else. In
// particular there are no loops, ranges, variables, arithmetic or clocks.
type guard struct{ err error }

var operators = map[string]bool{
	"and": true, "or": true, "&&": true, "||": true, "==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true,
	"in": true, "contains": true, "startsWith": true, "endsWith": true, "matches": true,
}

var functions = map[string]bool{"len": true, "lower": true, "upper": true, "trim": true}

// Visit implements ast.Visitor.
func (g *guard) Visit(node *ast.Node) {
	if g.err != nil {
		return
	}
	switch n := (*node).(type) {
	case *ast.BoolNode, *ast.IntegerNode, *ast.StringNode, *ast.IdentifierNode, *ast.ArrayNode, *ast.ConditionalNode:
	case *ast.PredicateNode: // only ever an argument of a function that is refused by name
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" && n.Operator != "-" {
			g.err = fmt.Errorf("the operator %s is not allowed", n.Operator)
		}
	case *ast.BuiltinNode:
		if !functions[n.Name] {
			g.err = fmt.Errorf("the function %s is not allowed; there are len, lower, upper and trim", n.Name)
		}
	case *ast.CallNode:
		g.err = fmt.Errorf("the function %s is not allowed; there are len, lower, upper and trim", clip(n.Callee.String()))
	case *ast.BinaryNode:
		if !operators[n.Operator] {
			g.err = fmt.Errorf("the operator %s is not allowed", n.Operator)
		} else if n.Operator == "matches" {
			g.pattern(n.Right)
		}
	default:
		g.err = fmt.Errorf("%s is not allowed", clip((*node).String()))
	}
}

func (g *guard) pattern(n ast.Node) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		g.err = fmt.Errorf("matches wants a regular expression in quotes")
		return
	}
	if utf8.RuneCountInString(s.Value) > maxPattern {
		g.err = fmt.Errorf("the regular expression has more than %d characters", maxPattern)
		return
	}
	re, err := syntax.Parse(s.Value, syntax.Perl)
	if err != nil {
		g.err = fmt.Errorf("the regular expression does not parse: %s", firstLine(err))
		return
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		g.err = fmt.Errorf("the regular expression does not compile: %s", firstLine(err))
	} else if len(prog.Inst) > maxPatternOps {
		g.err = fmt.Errorf("the regular expression takes %d steps, at most %d are allowed", len(prog.Inst), maxPatternOps)
	}
}
