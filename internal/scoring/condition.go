package scoring

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"rapport/internal/social"
)

// Bounds of a condition's expression. With them one evaluation is linear in
// the text, at most conditionText bytes of it.
const (
	maxExpr       = 1000 // characters of source
	maxNodes      = 200  // nodes of its syntax tree
	maxPattern    = 200  // characters of one regular expression
	maxPatternOps = 300  // instructions of one compiled regular expression
	conditionText = 8 << 10
)

// fields is what a condition can ask about an activity.
type fields struct {
	Type       string `expr:"type"`
	Platform   string `expr:"platform"`
	Scope      string `expr:"scope"`
	Text       string `expr:"text"`
	Intent     string `expr:"intent"`
	Sentiment  string `expr:"sentiment"`
	Language   string `expr:"language"`
	URL        string `expr:"url"`
	ObjectType string `expr:"object_type"`
	Handle     string `expr:"handle"`
	Name       string `expr:"name"`
	IsReply    bool   `expr:"is_reply"`
	Hour       int    `expr:"hour"`
	Weekday    int    `expr:"weekday"`
}

// set fills f from a. The text is cut to its first conditionText bytes; the
// hour is 0 to 23 and the weekday 1 (Monday) to 7, both in UTC.
func (f *fields) set(a *social.Activity) {
	text := a.Text
	if len(text) > conditionText {
		text = strings.ToValidUTF8(text[:conditionText], "")
	}
	when := a.Occurred.UTC()
	*f = fields{
		Type: string(a.Type), Platform: string(a.Platform), Scope: a.Scope, Text: text,
		Intent: a.Intent, Sentiment: a.Sentiment, Language: a.Language, URL: a.URL, ObjectType: a.Object.Type,
		Handle: a.Actor.Handle, Name: a.Actor.Name, IsReply: a.InReplyTo != "",
		Hour: when.Hour(), Weekday: (int(when.Weekday())+6)%7 + 1,
	}
}

// compile turns source into a program that is true or false for fields, or
// says why it can't be allowed.
func compile(source string) (program *vm.Program, texts bool, err error) {
	parsed, err := parser.Parse(source)
	if err != nil {
		return nil, false, fmt.Errorf("does not parse: %s", firstLine(err))
	}
	var g guard
	ast.Walk(&parsed.Node, &g)
	if g.err != nil {
		return nil, false, g.err
	}
	p, err := expr.Compile(source, expr.Env(&fields{}), expr.AsBool(), expr.MaxNodes(maxNodes),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"), expr.EnableBuiltin("lower"), expr.EnableBuiltin("upper"), expr.EnableBuiltin("trim"))
	if err != nil {
		return nil, false, fmt.Errorf("does not compile: %s", firstLine(err))
	}
	return p, g.texts, nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// guard refuses every construct whose cost or memory could grow faster than
// the text: it lets pass a list of nodes and operators, and nothing else. In
// particular there are no loops, ranges, variables, arithmetic or clocks.
type guard struct {
	texts bool // whether it met a field of Rest
	err   error
}

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
	case *ast.IdentifierNode:
		g.texts = g.texts || n.Value == "text" || n.Value == "url" || n.Value == "handle" || n.Value == "name"
	case *ast.BoolNode, *ast.IntegerNode, *ast.StringNode, *ast.ArrayNode, *ast.ConditionalNode:
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
