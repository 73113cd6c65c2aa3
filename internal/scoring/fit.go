package scoring

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"rapport/internal/pattern"
	"rapport/internal/profile"
	"rapport/internal/social"
)

// Fit says how well a person fits the business, by attributes: the points of
// the rules that hold add up to a grade. They are no part of the score.
type Fit struct {
	AtLeast    int                     `json:"at_least"`             // so many rules must have what they ask for; else fit is unknown
	Grades     [3]Points               `json:"grades"`               // from how many points fit is C, B and A
	Attributes map[string]profile.Kind `json:"attributes,omitempty"` // those that are no text
	Rules      []FitRule               `json:"rules"`
}

// FitRule gives points if an expression over attributes holds.
type FitRule struct {
	ID     string `json:"id"`
	Label  string `json:"label"` // what holds, in words
	Expr   string `json:"expr"`
	Points Points `json:"points"`

	holds func(*view) bool
	names []string // of the attributes that it asks for, sorted
}

// FitLine is what one rule of Fit gave.
type FitLine struct {
	Rule       string
	Micro      int64  // micro-points; no part of the score
	Known      bool   // whether all attributes that it asks for are known
	Holds      bool   // whether its expression holds
	Reason     string // in words
	Attributes []profile.Held
}

// The grades of fit, besides Unknown.
var fitGrades = [4]string{"D", "C", "B", "A"}

const (
	maxFitRules      = 32
	maxFitAttributes = 32
)

// WithFit is a score with the fit that attributes make: those that hold at the
// instant of the score. A model without Fit leaves it unknown.
func (m Model) WithFit(s Score, attributes []profile.Held) Score {
	if m.Fit == nil {
		return s
	}
	by := map[string]profile.Held{}
	for _, h := range attributes {
		by[h.Name] = h
	}
	s.FitMicro, s.FitLines = 0, nil
	known := 0
	for i := range m.Fit.Rules {
		line := m.Fit.apply(&m.Fit.Rules[i], by)
		if s.FitMicro += line.Micro; line.Known {
			known++
		}
		s.FitLines = append(s.FitLines, line)
	}
	if known < m.Fit.AtLeast {
		s.Fit, s.Grade = Unknown, fmt.Sprintf("?%d", s.Engagement)
		return s
	}
	n := 0
	for _, from := range m.Fit.Grades {
		if s.FitMicro >= int64(from) {
			n++
		}
	}
	s.Fit = fitGrades[n]
	s.Grade = fmt.Sprintf("%s%d", s.Fit, s.Engagement)
	return s
}

// apply says what a rule gives.
func (f *Fit) apply(r *FitRule, by map[string]profile.Held) FitLine {
	line := FitLine{Rule: r.ID, Known: true}
	v := view{attributes: map[string]attribute{}}
	var said []string
	for _, name := range r.names {
		h, ok := by[name]
		a, why := attributeOf(h, f.Attributes[name])
		switch {
		case !ok:
			line.Known, said = false, append(said, name+" is not known")
		case why != "":
			line.Known, said = false, append(said, name+" "+why)
		default:
			said = append(said, fmt.Sprintf("%s is %q", name, social.Excerpt(h.Value, 60)))
			v.attributes[name] = a
		}
		if ok {
			said[len(said)-1] += fmt.Sprintf(" (%s, since %s)", h.Source, h.At.UTC().Format("2006-01-02"))
			line.Attributes = append(line.Attributes, h)
		}
	}
	answer := "not known"
	if line.Known {
		answer = "no"
		if line.Holds = r.holds(&v); line.Holds {
			answer, line.Micro = "yes", int64(r.Points)
		}
	}
	line.Reason = fmt.Sprintf("%s: %s, %s; %s", r.Label, answer, points(line.Micro), strings.Join(said, ", "))
	return line
}

// attribute is the value of an attribute as conditions see it.
type attribute struct {
	text   string
	number int // in millionths
	truth  bool
}

// attributeOf reads a value as a kind; why says why it can't be.
func attributeOf(h profile.Held, as profile.Kind) (a attribute, why string) {
	switch as {
	case profile.Number:
		micro, err := ParseMicro(h.Value)
		if err != nil || micro > maxNumber*million || micro < -maxNumber*million {
			return a, fmt.Sprintf("is %q, no number", social.Excerpt(h.Value, 60))
		}
		return attribute{number: int(micro)}, ""
	case profile.Bool:
		if h.Value != "true" && h.Value != "false" {
			return a, fmt.Sprintf("is %q, neither true nor false", social.Excerpt(h.Value, 60))
		}
		return attribute{truth: h.Value == "true"}, ""
	}
	return attribute{text: h.Value}, ""
}

// maxNumber bounds the numbers of attributes and of what they are compared with.
const maxNumber = 1_000_000_000_000

// attributeName is a name by which an expression asks for an attribute.
var attributeName = pattern.New(`^[a-z][a-z0-9_]{0,39}$`)

func readFit(v any, path string, p *Problems) *Fit {
	o := newObject(v, path, p)
	f := &Fit{AtLeast: o.integer("at_least", 1, maxFitRules, true)}
	n := 0
	o.list("grades", 3, 3, true, func(v any, path string) {
		f.Grades[n] = pointsOf(v, path, p)
		if n > 0 && f.Grades[n] <= f.Grades[n-1] {
			p.add(path, "is not above the one before it")
		}
		n++
	})
	if v, ok := o.get("attributes", false); ok {
		f.Attributes = readKinds(newObject(v, o.at("attributes"), p))
	}
	seen := map[string]bool{}
	most := int64(0)
	before := len(*p)
	o.list("rules", 1, maxFitRules, true, func(v any, path string) {
		r := readFitRule(newObject(v, path, p), f.Attributes)
		if seen[r.ID] {
			p.add(path+".id", "%q stands twice", r.ID)
		}
		seen[r.ID] = r.ID != ""
		most += max(0, int64(r.Points))
		f.Rules = append(f.Rules, r)
	})
	if k := len(f.Rules); k > 0 && f.AtLeast > k {
		p.add(o.at("at_least"), "is %d of only %d rules", f.AtLeast, k)
	}
	if n == 3 && len(*p) == before && int64(f.Grades[2]) > most {
		p.add(o.at("grades[2]"), "is %s, more than all rules give together (%s): nobody could be an A", Decimal(int64(f.Grades[2])), Decimal(most))
	}
	o.done()
	return f
}

// readKinds reads of which kind attributes are that are no text.
func readKinds(o object) map[string]profile.Kind {
	out := map[string]profile.Kind{}
	if n := len(o.fields); o.fields != nil && (n == 0 || n > maxFitAttributes) {
		o.p.add(o.path, "has %d elements, want 1 to %d", n, maxFitAttributes)
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		switch kind := profile.Kind(o.text(name, 20, true)); {
		case !attributeName.MatchString(name):
			o.p.add(o.at(clip(name)), "%q is no name of an attribute: want up to 40 small letters, digits and _, a letter first", clip(name))
		case slices.Contains(profile.WellKnown, name) || name == profile.Domain:
			o.p.add(o.at(name), "is always text")
		case kind != profile.Number && kind != profile.Bool:
			if kind != "" {
				o.p.add(o.at(name), "%q is none of number, bool; all others are text, dates too: year-month-day", clip(string(kind)))
			}
		default:
			out[name] = kind
		}
	}
	return out
}

func readFitRule(o object, kinds map[string]profile.Kind) FitRule {
	r := FitRule{ID: o.name("id", true), Label: o.text("label", 60, true), Expr: o.text("expr", maxExpr, true)}
	before := len(*o.p)
	r.Points = o.points("points", true)
	if r.Points == 0 && o.has("points") && len(*o.p) == before {
		o.p.add(o.at("points"), "is 0: the rule would do nothing")
	}
	if r.Expr != "" {
		var err error
		if r.holds, r.names, err = compileFit(r.Expr, kinds); err != nil {
			o.p.add(o.at("expr"), "%v", err)
		}
	}
	o.done()
	return r
}

// compileFit turns source into a function of attributes, and says which it
// asks for. What compile allows of activities is allowed of attributes.
func compileFit(source string, kinds map[string]profile.Kind) (func(*view) bool, []string, error) {
	parsed, err := parser.Parse(source)
	if err != nil {
		return nil, nil, fmt.Errorf("does not parse: %s", firstLine(err))
	}
	var g guard
	ast.Walk(&parsed.Node, &g)
	if g.err != nil {
		return nil, nil, g.err
	}
	var found named
	ast.Walk(&parsed.Node, &found)
	env := map[string]any{}
	for _, name := range found {
		switch kinds[name] {
		case profile.Number:
			env[name] = 0
		case profile.Bool:
			env[name] = false
		default:
			env[name] = ""
		}
		if !attributeName.MatchString(name) {
			return nil, nil, fmt.Errorf("%s is no name of an attribute: want up to 40 small letters, digits and _, a letter first", clip(name))
		}
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("asks for no attribute: it would hold for everybody or nobody")
	}
	if err := compiles(source, env); err != nil {
		return nil, nil, err
	}
	var m memos
	t := translator{memos: &m, kinds: kinds, ofAttributes: true}
	holds, err := t.boolean(parsed.Node)
	if err != nil {
		return nil, nil, err
	}
	return func(v *view) bool {
		v.memos = make([]memo, len(m.numbers))
		return holds(v)
	}, slices.Compact(slices.Sorted(slices.Values(found))), nil
}

// named are the identifiers of an expression.
type named []string

// Visit implements ast.Visitor.
func (n *named) Visit(node *ast.Node) {
	if id, ok := (*node).(*ast.IdentifierNode); ok {
		*n = append(*n, id.Value)
	}
}

// attribute translates the name of an attribute.
func (t *translator) attribute(name string) value {
	switch t.kinds[name] {
	case profile.Number:
		return value{number: func(v *view) int { return v.attributes[name].number }}
	case profile.Bool:
		return value{boolean: func(v *view) bool { return v.attributes[name].truth }}
	}
	return value{text: func(v *view) string { return v.attributes[name].text }}
}
