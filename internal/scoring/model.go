package scoring

import (
	"cmp"
	_ "embed" // of the schema
	"fmt"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Model is a published document of rules. Make one with ParseModel: rules are
// compiled there, and Evaluate refuses a model that was put together by hand.
// Marshalled, a model is a document that ParseModel reads as the same model.
type Model struct {
	ID          string      `json:"id"`
	Version     int         `json:"version"`
	Title       string      `json:"title,omitempty"`
	HorizonDays int         `json:"horizon_days"`         // nothing older counts
	Engagement  [3]Points   `json:"engagement"`           // from how many points engagement is 3, 2 and 1
	CallFrom    Points      `json:"call_from,omitzero"`   // from how many points somebody should call; 0: from where engagement is 2
	CallsWhom   Audience    `json:"calls,omitempty"`      // who can be one to call
	CallNeeds   []string    `json:"call_needs,omitempty"` // rules of which one at least must have given points for that; none: no matter which
	Groups      []RuleGroup `json:"groups,omitempty"`
	Rules       []Rule      `json:"rules"`
	Fit         *Fit        `json:"fit,omitempty"` // nil: how well anybody fits is not known

	plan *plan // made by ParseModel
}

// Texts reports whether any rule's expression names text, url, handle or name:
// whether packed records, which lack them, are not enough to score by m.
func (m Model) Texts() bool { return m.plan != nil && m.plan.reads&readsTexts != 0 }

// Since is where the horizon of m begins as of an instant: of what was done
// then or before, nothing counts but that the person was known by then. So a
// caller need pass no more of it than one activity of the person that was not
// deleted or taken back, and what it leaves out changes no score.
func (m Model) Since(asOf time.Time) time.Time {
	return social.Instant(asOf).Add(-time.Duration(m.HorizonDays) * 24 * time.Hour)
}

// Calls reports whether a score is one of a lead to call.
func (m Model) Calls(s Score) bool {
	return s.Micro >= m.CallsFrom() && (len(m.CallNeeds) == 0 || slices.ContainsFunc(s.Contributions, func(c Contribution) bool {
		return c.Micro > 0 && slices.Contains(m.CallNeeds, c.Rule)
	}))
}

// Audience is whom a model is for.
type Audience string

// Customers are those who are known as customers. A model that does not say so
// is for everybody else.
const Customers Audience = "customers"

// CallsFrom is the score, in micro-points, from which on somebody should call.
func (m Model) CallsFrom() int64 { return int64(cmp.Or(m.CallFrom, m.Engagement[1])) }

// RuleGroup caps what its rules give together: the rules take their part in the
// order of the model until the cap is used up.
type RuleGroup struct {
	ID  string `json:"id"`
	Cap Points `json:"cap"` // positive; for rules with negative points its negation holds
}

// Kind is the form of a rule.
type Kind string

// The kinds of rules. See the package's documentation for what each does.
const (
	ActivityRule Kind = "activity"
	DialogueRule Kind = "dialogue"
	PatternRule  Kind = "pattern"
	RateRule     Kind = "rate"
	CompanyRule  Kind = "company"
)

// Rule gives points for what a person did. Which fields a rule has depends
// on its kind; the JSON Schema says which.
type Rule struct {
	ID         string      `json:"id"`
	Kind       Kind        `json:"kind"`
	Label      *Label      `json:"label,omitempty"`         // activity, rate: what is counted, in words
	When       *When       `json:"when,omitempty"`          // activity, rate: what is counted
	Behaviours []Behaviour `json:"behaviours,omitempty"`    // pattern: the n behaviours
	AtLeast    int         `json:"at_least,omitempty"`      // pattern: k of n; rate: the least number of recent activities to judge by; company: so many others
	WithinDays int         `json:"within_days,omitempty"`   // activity, dialogue (default: the horizon), pattern: how far back
	RecentDays int         `json:"recent_days,omitempty"`   // rate, company
	BaseDays   int         `json:"baseline_days,omitempty"` // rate: the days before the recent ones
	PBelow     Points      `json:"p_below,omitempty"`       // rate: the p-value, in millionths, below which the rate counts as changed
	HalfAt     int         `json:"half_at,omitempty"`       // dialogue: the weight of rounds that gives half the points
	Points     Points      `json:"points"`                  // per activity; dialogue: the most there is; else once
	Decay      *Decay      `json:"decay,omitempty"`         // activity, dialogue
	Cap        Points      `json:"cap,omitempty"`           // activity: the most the rule gives, after decay
	CapPer     *CapPer     `json:"cap_per,omitempty"`       // activity: the most it gives within so many days, before decay
	Group      string      `json:"group,omitempty"`
}

// Label names what a rule counts.
type Label struct {
	One  string `json:"one"`
	Many string `json:"many"`
}

// When selects activities: all given parts must hold.
type When struct {
	Types     []social.Type     `json:"types,omitempty"`
	Platforms []social.Platform `json:"platforms,omitempty"`
	Expr      string            `json:"expr,omitempty"`

	program program // of Expr
	number  int     // of the condition in the model's plan
}

// Behaviour is one of the behaviours of a pattern rule: activities that match,
// or that a rate or company rule gave its points. Exactly one of When and Rule is set.
type Behaviour struct {
	Label   string `json:"label"`
	When    When   `json:"when,omitzero"`
	AtLeast int    `json:"at_least,omitempty"` // of When: so many activities; 0: one
	Rule    string `json:"rule,omitempty"`     // the id of a rate or company rule that stands before
}

// Decay says how points lose value with age: by half every HalfLifeDays, evenly
// to nothing over ExpiresDays, or to Factor of what is left each EveryDays.
// Exactly one of them is set.
type Decay struct {
	HalfLifeDays int    `json:"half_life_days,omitempty"`
	ExpiresDays  int    `json:"expires_days,omitempty"`
	Factor       Points `json:"factor,omitzero"` // in millionths, below 1
	EveryDays    int    `json:"every_days,omitempty"`
}

// CapPer bounds what a rule gives for activities within any Days days.
type CapPer struct {
	Points Points `json:"points"`
	Days   int    `json:"days"`
}

const (
	maxDays       = 3650
	maxRules      = 64
	maxGroups     = 32
	maxBehaviours = 16
	maxPlatforms  = 64
	maxConditions = 128 // of all rules together
	maxRecentDays = 90  // of a company rule
	maxOthers     = 10  // that a company rule may ask for
	maxPeriods    = 120 // of a decay by a factor, within the rule's window
)

// Schema is the JSON Schema (draft 2020-12) of a model's document. ParseModel
// refuses all that the schema refuses, and also what a schema can't say: ids
// that stand twice, a group that is not there, windows beyond the horizon,
// points of the wrong sign, expressions that don't compile or could be costly.
//
//go:embed schema.json
var Schema []byte

// ParseModel reads a model's document and compiles its rules. Unknown fields
// are refused. The error is of kind fault.Invalid and holds Problems: all
// that is wrong (at most 100), each with its JSON path.
func ParseModel(b []byte) (Model, error) {
	var p Problems
	v, err := tree(b, &p)
	if err != nil {
		p.add("$", "%v", err)
		return Model{}, invalid(p)
	}
	var memos memos
	m := readModel(v, &memos, &p)
	if len(p) > 0 {
		return Model{}, invalid(p)
	}
	m.plan = newPlan(&m, memos)
	return m, nil
}

func invalid(p Problems) error {
	s := "s"
	if len(p) == 1 {
		s = ""
	}
	return fault.Wrap(fault.Invalid, p, fmt.Sprintf("the scoring model has %d problem%s", len(p), s))
}

func readModel(v any, memos *memos, p *Problems) Model {
	o := newObject(v, "$", p)
	m := Model{
		ID:          o.name("id", true),
		Version:     o.integer("version", 1, million, true),
		Title:       o.text("title", 200, false),
		HorizonDays: o.integer("horizon_days", 1, maxDays, true),
	}
	n := 0
	o.list("engagement", 3, 3, true, func(v any, path string) {
		m.Engagement[n] = pointsOf(v, path, p)
		if n > 0 && m.Engagement[n] <= m.Engagement[n-1] {
			p.add(path, "is not above the one before it")
		}
		n++
	})
	m.CallFrom = o.positive("call_from", false)
	if m.CallsWhom = Audience(o.text("calls", 20, false)); m.CallsWhom != "" && m.CallsWhom != Customers {
		p.add(o.at("calls"), "%q is not customers; without it, all are called who are no customers", clip(string(m.CallsWhom)))
	}
	m.CallNeeds = o.names("call_needs", maxRules, func(string) error { return nil })
	groups := map[string]bool{}
	o.list("groups", 1, maxGroups, false, func(v any, path string) {
		g := newObject(v, path, p)
		x := RuleGroup{ID: g.name("id", true), Cap: g.positive("cap", true)}
		if groups[x.ID] {
			p.add(g.at("id"), "%q stands twice", x.ID)
		}
		groups[x.ID] = true
		g.done()
		m.Groups = append(m.Groups, x)
	})
	rules := map[string]bool{}
	signs := map[string]Points{}
	o.list("rules", 1, maxRules, true, func(v any, path string) {
		r, ro := readRule(v, path, m.HorizonDays, memos, p)
		if rules[r.ID] {
			p.add(ro.at("id"), "%q stands twice", r.ID)
		}
		rules[r.ID] = r.ID != ""
		for i, b := range r.Behaviours {
			if b.Rule != "" && !slices.ContainsFunc(m.Rules, func(o Rule) bool { return o.ID == b.Rule && (o.Kind == RateRule || o.Kind == CompanyRule) }) {
				p.add(fmt.Sprintf("%s[%d].rule", ro.at("behaviours"), i), "there is no rate or company rule %q before this one", b.Rule)
			}
		}
		if r.Group != "" {
			if !groups[r.Group] {
				p.add(ro.at("group"), "there is no group %q", r.Group)
			} else if before, ok := signs[r.Group]; ok && (before < 0) != (r.Points < 0) {
				p.add(ro.at("group"), "%q has rules with positive and with negative points", r.Group)
			} else {
				signs[r.Group] = r.Points
			}
		}
		m.Rules = append(m.Rules, r)
	})
	for i, id := range m.CallNeeds {
		if !rules[id] {
			p.add(fmt.Sprintf("%s[%d]", o.at("call_needs"), i), "there is no rule %q", clip(id))
		}
	}
	if v, ok := o.get("fit", false); ok {
		m.Fit = readFit(v, "$.fit", p)
	}
	conditions := 0
	for _, r := range m.Rules {
		conditions += len(r.Behaviours)
		if r.When != nil {
			conditions++
		}
	}
	if conditions > maxConditions {
		p.add("$.rules", "have %d conditions, at most %d are allowed", conditions, maxConditions)
	}
	o.done()
	return m
}

// positive reads points that must be above 0.
func (o object) positive(name string, required bool) Points {
	before := len(*o.p)
	v := o.points(name, required)
	if v <= 0 && o.has(name) && len(*o.p) == before {
		o.p.add(o.at(name), "is %s, want more than 0", Decimal(int64(v)))
	}
	return v
}

// days reads a number of days and checks it against the horizon, where that is known.
func (o object) days(name string, horizon int, required bool) int {
	d := o.integer(name, 1, maxDays, required)
	if horizon > 0 && d > horizon {
		o.p.add(o.at(name), "is %d, beyond the horizon of %d days", d, horizon)
	}
	return d
}

func readRule(v any, path string, horizon int, memos *memos, p *Problems) (Rule, object) {
	o := newObject(v, path, p)
	r := Rule{ID: o.name("id", true), Kind: Kind(o.text("kind", 20, true)), Group: o.name("group", false)}
	before := len(*p)
	r.Points = o.points("points", true)
	if r.Points == 0 && o.has("points") && len(*p) == before {
		p.add(o.at("points"), "is 0: the rule would do nothing")
	}
	switch r.Kind {
	case ActivityRule:
		r.Label, r.When = readLabel(o), readWhenField(o, memos)
		r.WithinDays = o.days("within_days", horizon, false)
		r.Decay = readDecay(o, cmp.Or(r.WithinDays, horizon))
		r.Cap = o.positive("cap", false)
		if v, ok := o.get("cap_per", false); ok {
			c := newObject(v, o.at("cap_per"), p)
			r.CapPer = &CapPer{Points: c.positive("points", true), Days: c.days("days", horizon, true)}
			c.done()
		}
	case DialogueRule:
		r.WithinDays = o.days("within_days", horizon, false)
		r.Decay = readDecay(o, cmp.Or(r.WithinDays, horizon))
		r.HalfAt = o.integer("half_at", 1, 1000, true)
	case PatternRule:
		r.WithinDays = o.days("within_days", horizon, true)
		r.AtLeast = o.integer("at_least", 1, maxBehaviours, true)
		labels := map[string]bool{}
		o.list("behaviours", 2, maxBehaviours, true, func(v any, path string) {
			b := newObject(v, path, p)
			x := Behaviour{Label: b.text("label", 60, true)}
			if b.fields != nil && b.has("when") == b.has("rule") {
				p.add(b.path, "want either when or rule")
			}
			if b.has("when") {
				if w := readWhenField(b, memos); w != nil {
					x.When = *w
				}
				x.AtLeast = b.integer("at_least", 2, 1000, false)
			}
			x.Rule = b.name("rule", false)
			if x.Label != "" && labels[x.Label] {
				p.add(b.at("label"), "%q stands twice", x.Label)
			}
			labels[x.Label] = true
			b.done()
			r.Behaviours = append(r.Behaviours, x)
		})
		if n := len(r.Behaviours); n > 0 && r.AtLeast > n {
			p.add(o.at("at_least"), "is %d of only %d behaviours", r.AtLeast, n)
		}
	case RateRule:
		r.Label, r.When = readLabel(o), readWhenField(o, memos)
		r.RecentDays = o.days("recent_days", horizon, true)
		r.BaseDays = o.days("baseline_days", horizon, true)
		if horizon > 0 && r.RecentDays <= horizon && r.BaseDays <= horizon && r.RecentDays+r.BaseDays > horizon {
			p.add(o.at("baseline_days"), "reaches %d days back, beyond the horizon of %d days", r.RecentDays+r.BaseDays, horizon)
		}
		r.AtLeast = o.integer("at_least", 2, 1000, true)
		r.PBelow = o.positive("p_below", true)
		if r.PBelow > million/2 {
			p.add(o.at("p_below"), "is %s, want at most 0.5", Decimal(int64(r.PBelow)))
		}
	case CompanyRule:
		if r.RecentDays = o.days("recent_days", horizon, true); r.RecentDays > maxRecentDays {
			p.add(o.at("recent_days"), "is %d, want at most %d", r.RecentDays, maxRecentDays)
		}
		r.AtLeast = o.integer("at_least", 1, maxOthers, true)
	default:
		if r.Kind != "" {
			p.add(o.at("kind"), "%q is none of activity, dialogue, pattern, rate, company", clip(string(r.Kind)))
		}
		return r, o // which other fields belong to it is unknown
	}
	o.done()
	return r, o
}

func readLabel(o object) *Label {
	v, ok := o.get("label", true)
	if !ok {
		return nil
	}
	l := newObject(v, o.at("label"), o.p)
	out := &Label{One: l.text("one", 60, true), Many: l.text("many", 60, true)}
	l.done()
	return out
}

// readDecay reads how points of the last so many days lose value.
func readDecay(o object, window int) *Decay {
	v, ok := o.get("decay", false)
	if !ok {
		return nil
	}
	d := newObject(v, o.at("decay"), o.p)
	out := &Decay{HalfLifeDays: d.days("half_life_days", 0, false), ExpiresDays: d.days("expires_days", 0, false)}
	ways := 0
	for _, way := range []string{"half_life_days", "expires_days", "factor"} {
		if d.has(way) {
			ways++
		}
	}
	if d.fields != nil && ways != 1 {
		o.p.add(d.path, "want either half_life_days, or expires_days, or factor and every_days")
	}
	if d.has("factor") {
		out.Factor, out.EveryDays = d.positive("factor", true), d.days("every_days", 0, true)
		if out.Factor >= million {
			o.p.add(d.at("factor"), "is %s, want less than 1", Decimal(int64(out.Factor)))
		}
		if out.EveryDays > 0 && window/out.EveryDays > maxPeriods {
			o.p.add(d.at("every_days"), "is %d: the %d days in which the rule counts have more than %d of these periods", out.EveryDays, window, maxPeriods)
		}
	}
	d.done()
	return out
}

func readWhenField(o object, memos *memos) *When {
	v, ok := o.get("when", true)
	if !ok {
		return nil
	}
	w := newObject(v, o.at("when"), o.p)
	out := &When{}
	for _, s := range w.names("types", len(social.Types), countable) {
		out.Types = append(out.Types, social.Type(s))
	}
	for _, s := range w.names("platforms", maxPlatforms, func(string) error { return nil }) {
		out.Platforms = append(out.Platforms, social.Platform(s))
	}
	if out.Expr = w.text("expr", maxExpr, false); out.Expr != "" {
		var err error
		if out.program, err = compile(out.Expr, memos); err != nil {
			o.p.add(w.at("expr"), "%v", err)
		}
	}
	if w.fields != nil && !w.has("types") && !w.has("platforms") && !w.has("expr") {
		o.p.add(w.path, "is empty, want types, platforms or expr")
	}
	w.done()
	return out
}

// countable accepts the types a rule can count: not those that only change
// what other activities say.
func countable(s string) error {
	switch t := social.Type(s); {
	case !t.Valid():
		return fmt.Errorf("%q is no type of activity", clip(s))
	case t == social.Edit || t == social.Delete || t == social.Unreact:
		return fmt.Errorf("%q changes other activities and is not counted itself", s)
	case t.Closing():
		return fmt.Errorf("%q says whether a thread needs an answer and is not counted", s)
	}
	return nil
}
