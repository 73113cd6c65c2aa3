package scoring

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"rapport/internal/profile"
	"rapport/internal/social"
)

// view is what a condition can ask about an activity.
type view struct {
	shape
	at      int64 // milliseconds since 1970, not before
	rest    Rest
	subject string
	memos   []memo

	attributes map[string]attribute // of a person, where a rule of Fit asks
}

// shape is the part of a view that many activities have in common, so that
// what a condition says of one holds for all of them.
type shape struct {
	typ        social.Type
	platform   social.Platform
	scope      string
	objectType string
	intent     string
	sentiment  string
	language   string
	reaction   string
	isReply    bool
}

// hour is that of v in UTC, from 0 to 23.
func (v *view) hour() int { return int(v.at / (60 * 60 * 1000) % 24) }

// weekday is that of v in UTC, from 1 (Monday) to 7. The first day of 1970 was
// a Thursday.
func (v *view) weekday() int { return int((v.at/days(1)+3)%7) + 1 }

// valence is that of v's reaction.
func (v *view) valence() int { return social.Valence(v.reaction) }

// names tells expr what there is to ask for, and of which type.
type names struct {
	Type       string `expr:"type"`
	Platform   string `expr:"platform"`
	Scope      string `expr:"scope"`
	Text       string `expr:"text"`
	Intent     string `expr:"intent"`
	Sentiment  string `expr:"sentiment"`
	Language   string `expr:"language"`
	Subject    string `expr:"subject"`
	Reaction   string `expr:"reaction"`
	Valence    int    `expr:"valence"`
	URL        string `expr:"url"`
	ObjectType string `expr:"object_type"`
	Handle     string `expr:"handle"`
	Name       string `expr:"name"`
	IsReply    bool   `expr:"is_reply"`
	Hour       int    `expr:"hour"`
	Weekday    int    `expr:"weekday"`
}

// reads says which parts of a view a program asks for.
type reads uint16

const (
	readsTexts reads = 1 << iota // text, url, handle or name
	readsScope
	readsObjectType
	readsIntent
	readsSentiment
	readsLanguage
	readsReaction // or its valence
	readsIsReply
	readsClock   // hour or weekday
	readsSubject // which is told from a text that is not compact yet

	readsMore = readsTexts | readsClock | readsSubject // what is not part of a shape
)

var textFields = map[string]struct {
	get   func(*view) string
	reads reads
}{
	"type":        {func(v *view) string { return string(v.typ) }, 0},
	"platform":    {func(v *view) string { return string(v.platform) }, 0},
	"scope":       {func(v *view) string { return v.scope }, readsScope},
	"object_type": {func(v *view) string { return v.objectType }, readsObjectType},
	"intent":      {func(v *view) string { return v.intent }, readsIntent},
	"sentiment":   {func(v *view) string { return v.sentiment }, readsSentiment},
	"language":    {func(v *view) string { return v.language }, readsLanguage},
	"subject":     {func(v *view) string { return v.subject }, readsSubject},
	"reaction":    {func(v *view) string { return v.reaction }, readsReaction},
	"text":        {func(v *view) string { return v.rest.Text }, readsTexts},
	"url":         {func(v *view) string { return v.rest.URL }, readsTexts},
	"handle":      {func(v *view) string { return v.rest.Handle }, readsTexts},
	"name":        {func(v *view) string { return v.rest.Name }, readsTexts},
}

// program is a compiled expression.
type program struct {
	holds func(*view) bool
	reads reads
}

// memo is the value of an expression for one view, once it is known.
type memo struct {
	known bool
	value string
}

// memos numbers the expressions of a model whose values are kept while one
// activity is looked at, so that nine rules about lower(text) lower it once.
type memos struct{ numbers map[string]int }

func (m *memos) number(expression string) int {
	if m.numbers == nil {
		m.numbers = map[string]int{}
	}
	n, ok := m.numbers[expression]
	if !ok {
		n = len(m.numbers)
		m.numbers[expression] = n
	}
	return n
}

// translator turns the tree of an expression into Go functions. expr has
// found it to be well typed; what could still fail when it runs, because its
// type is only known then, is refused: lists that stand elsewhere than to the
// right of in, and choices between values of different types.
type translator struct {
	memos *memos
	reads reads

	ofAttributes bool                    // of a rule of Fit: names are of attributes, and numbers in millionths
	kinds        map[string]profile.Kind // of the attributes that are no text
}

// unit is by how much a number is multiplied.
func (t *translator) unit() int {
	if t.ofAttributes {
		return million
	}
	return 1
}

// value is a function of one of three types.
type value struct {
	boolean func(*view) bool
	text    func(*view) string
	number  func(*view) int
}

func (t *translator) boolean(n ast.Node) (func(*view) bool, error) {
	v, err := t.translate(n)
	if err == nil && v.boolean == nil {
		err = fmt.Errorf("%s is neither true nor false", clip(n.String()))
	}
	return v.boolean, err
}

func (t *translator) text(n ast.Node) (func(*view) string, error) {
	v, err := t.translate(n)
	if err == nil && v.text == nil {
		err = fmt.Errorf("%s is no text", clip(n.String()))
	}
	return v.text, err
}

func (t *translator) translate(n ast.Node) (value, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		b := n.Value
		return value{boolean: func(*view) bool { return b }}, nil
	case *ast.StringNode:
		s := n.Value
		return value{text: func(*view) string { return s }}, nil
	case *ast.IntegerNode:
		if t.ofAttributes && (n.Value > maxNumber || n.Value < -maxNumber) {
			return value{}, fmt.Errorf("%d is beyond %d", n.Value, maxNumber)
		}
		i := n.Value * t.unit()
		return value{number: func(*view) int { return i }}, nil
	case *ast.IdentifierNode:
		return t.field(n)
	case *ast.UnaryNode:
		return t.unary(n)
	case *ast.BinaryNode:
		return t.binary(n)
	case *ast.ConditionalNode:
		return t.choice(n)
	case *ast.BuiltinNode:
		return t.call(n)
	case *ast.ArrayNode:
		return value{}, fmt.Errorf("the list %s does not stand to the right of in", clip(n.String()))
	}
	return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
}

func (t *translator) field(n *ast.IdentifierNode) (value, error) {
	if t.ofAttributes {
		return t.attribute(n.Value), nil
	}
	if f, ok := textFields[n.Value]; ok {
		t.reads |= f.reads
		return value{text: f.get}, nil
	}
	switch n.Value {
	case "is_reply":
		t.reads |= readsIsReply
		return value{boolean: func(v *view) bool { return v.isReply }}, nil
	case "valence":
		t.reads |= readsReaction
		return value{number: (*view).valence}, nil
	case "hour":
		t.reads |= readsClock
		return value{number: (*view).hour}, nil
	case "weekday":
		t.reads |= readsClock
		return value{number: (*view).weekday}, nil
	}
	return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
}

func (t *translator) unary(n *ast.UnaryNode) (value, error) {
	x, err := t.translate(n.Node)
	switch {
	case err != nil:
		return value{}, err
	case n.Operator == "-" && x.number != nil:
		return value{number: func(v *view) int { return -x.number(v) }}, nil
	case n.Operator != "-" && x.boolean != nil:
		return value{boolean: func(v *view) bool { return !x.boolean(v) }}, nil
	}
	return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
}

func (t *translator) choice(n *ast.ConditionalNode) (value, error) {
	which, err := t.boolean(n.Cond)
	if err != nil {
		return value{}, err
	}
	a, err := t.translate(n.Exp1)
	if err != nil {
		return value{}, err
	}
	b, err := t.translate(n.Exp2)
	if err != nil {
		return value{}, err
	}
	switch {
	case a.boolean != nil && b.boolean != nil:
		return value{boolean: choose(which, a.boolean, b.boolean)}, nil
	case a.text != nil && b.text != nil:
		return value{text: choose(which, a.text, b.text)}, nil
	case a.number != nil && b.number != nil:
		return value{number: choose(which, a.number, b.number)}, nil
	}
	return value{}, fmt.Errorf("%s chooses between values of different types", clip(n.String()))
}

func choose[T any](which func(*view) bool, a, b func(*view) T) func(*view) T {
	return func(v *view) T {
		if which(v) {
			return a(v)
		}
		return b(v)
	}
}

// call translates one of the functions that the guard lets pass.
func (t *translator) call(n *ast.BuiltinNode) (value, error) {
	args := make([]func(*view) string, len(n.Arguments))
	for i, a := range n.Arguments {
		var err error
		if args[i], err = t.text(a); err != nil {
			return value{}, err
		}
	}
	if len(args) == 0 {
		return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
	}
	x := args[0]
	switch {
	case n.Name == "len" && len(args) == 1:
		unit := t.unit()
		return value{number: func(v *view) int { return utf8.RuneCountInString(x(v)) * unit }}, nil
	case n.Name == "lower" && len(args) == 1:
		return t.remember(n, func(v *view) string { return strings.ToLower(x(v)) }), nil
	case n.Name == "upper" && len(args) == 1:
		return t.remember(n, func(v *view) string { return strings.ToUpper(x(v)) }), nil
	case n.Name == "trim" && len(args) == 1:
		return t.remember(n, func(v *view) string { return strings.TrimSpace(x(v)) }), nil
	case n.Name == "trim" && len(args) == 2:
		of := args[1]
		return t.remember(n, func(v *view) string { return strings.Trim(x(v), of(v)) }), nil
	}
	return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
}

// remember keeps what f says of a view for all expressions that ask for it.
func (t *translator) remember(n ast.Node, f func(*view) string) value {
	i := t.memos.number(n.String())
	return value{text: func(v *view) string {
		m := &v.memos[i]
		if !m.known {
			m.known, m.value = true, f(v)
		}
		return m.value
	}}
}

func (t *translator) binary(n *ast.BinaryNode) (value, error) {
	switch n.Operator {
	case "in":
		return t.in(n)
	case "matches":
		return t.matches(n)
	}
	a, err := t.translate(n.Left)
	if err != nil {
		return value{}, err
	}
	b, err := t.translate(n.Right)
	if err != nil {
		return value{}, err
	}
	var f func(*view) bool
	switch {
	case a.boolean != nil && b.boolean != nil:
		f = ofBooleans(n.Operator, a.boolean, b.boolean)
	case a.number != nil && b.number != nil:
		f = compared(n.Operator, a.number, b.number)
	case a.text != nil && b.text != nil:
		if f = compared(n.Operator, a.text, b.text); f == nil {
			f = ofTexts(n.Operator, a.text, b.text)
		}
	}
	if f == nil {
		return value{}, fmt.Errorf("%s is not allowed", clip(n.String()))
	}
	return value{boolean: f}, nil
}

func ofBooleans(operator string, a, b func(*view) bool) func(*view) bool {
	switch operator {
	case "and", "&&":
		return func(v *view) bool { return a(v) && b(v) }
	case "or", "||":
		return func(v *view) bool { return a(v) || b(v) }
	case "==":
		return func(v *view) bool { return a(v) == b(v) }
	case "!=":
		return func(v *view) bool { return a(v) != b(v) }
	}
	return nil
}

func compared[T int | string](operator string, a, b func(*view) T) func(*view) bool {
	switch operator {
	case "==":
		return func(v *view) bool { return a(v) == b(v) }
	case "!=":
		return func(v *view) bool { return a(v) != b(v) }
	case "<":
		return func(v *view) bool { return a(v) < b(v) }
	case "<=":
		return func(v *view) bool { return a(v) <= b(v) }
	case ">":
		return func(v *view) bool { return a(v) > b(v) }
	case ">=":
		return func(v *view) bool { return a(v) >= b(v) }
	}
	return nil
}

func ofTexts(operator string, a, b func(*view) string) func(*view) bool {
	switch operator {
	case "contains":
		return func(v *view) bool { return strings.Contains(a(v), b(v)) }
	case "startsWith":
		return func(v *view) bool { return strings.HasPrefix(a(v), b(v)) }
	case "endsWith":
		return func(v *view) bool { return strings.HasSuffix(a(v), b(v)) }
	}
	return nil
}

// matches translates "x matches 'a regular expression'".
func (t *translator) matches(n *ast.BinaryNode) (value, error) {
	x, err := t.text(n.Left)
	if err != nil {
		return value{}, err
	}
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		return value{}, fmt.Errorf("%s is no regular expression in quotes", clip(n.Right.String()))
	}
	re, err := regexp.Compile(pattern.Value)
	if err != nil {
		return value{}, fmt.Errorf("the regular expression does not compile: %s", firstLine(err))
	}
	tree, err := syntax.Parse(pattern.Value, syntax.Perl)
	if err != nil {
		return value{}, fmt.Errorf("the regular expression does not parse: %s", firstLine(err))
	}
	wanted := needs(tree)
	if len(wanted) == 0 {
		return value{boolean: func(v *view) bool { return re.MatchString(x(v)) }}, nil
	}
	lower := t.remember(&ast.BuiltinNode{Name: "lower", Arguments: []ast.Node{n.Left}}, func(v *view) string { return strings.ToLower(x(v)) })
	return value{boolean: func(v *view) bool {
		text := x(v)
		return met(wanted, text, func() string { return lower.text(v) }) && re.MatchString(text)
	}}, nil
}

// in translates "x in [a, b, c]".
func (t *translator) in(n *ast.BinaryNode) (value, error) {
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return value{}, fmt.Errorf("%s is no list in brackets", clip(n.Right.String()))
	}
	x, err := t.translate(n.Left)
	if err != nil {
		return value{}, err
	}
	found := func(*view) bool { return false }
	for _, node := range list.Nodes {
		y, err := t.translate(node)
		if err != nil {
			return value{}, err
		}
		var is func(*view) bool
		switch {
		case x.boolean != nil && y.boolean != nil:
			is = ofBooleans("==", x.boolean, y.boolean)
		case x.text != nil && y.text != nil:
			is = compared("==", x.text, y.text)
		case x.number != nil && y.number != nil:
			is = compared("==", x.number, y.number)
		default:
			return value{}, fmt.Errorf("%s is of another type than %s", clip(node.String()), clip(n.Left.String()))
		}
		found = ofBooleans("or", found, is)
	}
	return value{boolean: found}, nil
}
