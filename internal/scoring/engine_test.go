package scoring

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/social"
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// expressions writes random expressions. One in so many of their parts is odd:
// well typed as far as expr can tell, but of a kind that is not allowed.
type expressions struct {
	*rand.Rand
	odd     int  // 0 is never
	strange bool // whether there was an odd part
}

func (r *expressions) isOdd() bool {
	odd := r.odd > 0 && r.IntN(r.odd) == 0
	r.strange = r.strange || odd
	return odd
}

func (r *expressions) text(depth int) string {
	if r.isOdd() {
		return pick(r.Rand, "(is_reply ? text : hour)", "$env", "(is_reply ? intent : true)")
	}
	if depth == 0 || r.IntN(2) == 0 {
		return pick(r.Rand, "type", "platform", "scope", "text", "intent", "sentiment", "language", "url", "object_type", "handle", "name",
			`'question'`, `'demo'`, `''`, `"Straße"`, `'KELVIN \u212A'`, `'a'`)
	}
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("lower(%s)", r.text(depth-1))
	case 1:
		return fmt.Sprintf("upper(%s)", r.text(depth-1))
	case 2:
		return fmt.Sprintf("(%s | trim())", r.text(depth-1))
	case 3:
		return fmt.Sprintf("trim(%s, %s)", r.text(depth-1), r.text(depth-1))
	case 4:
		return fmt.Sprintf("(%s ? %s : %s)", r.boolean(depth-1), r.text(depth-1), r.text(depth-1))
	}
	return "lower(text)"
}

func (r *expressions) number(depth int) string {
	if r.isOdd() {
		return pick(r.Rand, "len([1, 2])", "len(is_reply ? text : [])", "(is_reply ? 1 : text)", "-(is_reply ? 1 : text)")
	}
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("len(%s)", r.text(max(0, depth-1)))
	case 1:
		return pick(r.Rand, "0", "9", "17", "-1", "0x1F")
	case 2:
		if depth > 0 {
			return "-" + r.number(depth-1)
		}
	case 3:
		if depth > 0 {
			return fmt.Sprintf("(%s ? %s : %s)", r.boolean(depth-1), r.number(depth-1), r.number(depth-1))
		}
	}
	return pick(r.Rand, "hour", "weekday")
}

func (r *expressions) list(one func(int) string, depth int) string {
	var all []string
	for range r.IntN(4) {
		all = append(all, one(depth))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (r *expressions) boolean(depth int) string {
	if r.isOdd() {
		return pick(r.Rand, "['a'] == ['a']", "'Type' in $env", "hour in [[1], [2]]", "intent in (is_reply ? ['a'] : ['question'])", "hour in [1, 'a']",
			"(is_reply ? 1 : 'a') < 3", "lower(is_reply ? 1 : text) == ''", "text in ['a', 1]", "[hour] != []")
	}
	if depth == 0 {
		return pick(r.Rand, "true", "false", "is_reply", "(intent == 'question')", "(hour < 12)", "(text contains 'demo')")
	}
	d := depth - 1
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", r.boolean(d), pick(r.Rand, "and", "&&", "or", "||", "==", "!="), r.boolean(d))
	case 1:
		return fmt.Sprintf("%s(%s)", pick(r.Rand, "not ", "!"), r.boolean(d))
	case 2:
		return fmt.Sprintf("(%s %s %s)", r.number(d), pick(r.Rand, "==", "!=", "<", "<=", ">", ">="), r.number(d))
	case 3:
		return fmt.Sprintf("(%s %s %s)", r.text(d), pick(r.Rand, "==", "!=", "<", "<=", ">", ">="), r.text(d))
	case 4:
		return fmt.Sprintf("(%s %s %s)", r.text(d), pick(r.Rand, "contains", "startsWith", "endsWith", "not contains"), r.text(d))
	case 5:
		return fmt.Sprintf("(%s matches %s)", r.text(d), pick(r.Rand, `'demo'`, `'(?i)demo|price'`, `'^hello\\b'`, `'[a-z]+@[a-z]+'`, `'\\b(buy|book|trial)\\b'`, `''`, `'x*'`, `'(?i)straße|k'`, `'a.c'`, `'(?i:price)s?$'`, `'(ab)+|c{2}'`, `'(?s).*demo.*'`,
			`'(?i)discount'`, `'(?i)kel(vin|t)'`, `'\\x{FFFD}demo'`, `'(buy|b[eo]ok|a)+ing'`, `'(?i)(K|ı)'`))
	case 6:
		return fmt.Sprintf("(%s %s %s)", r.text(d), pick(r.Rand, "in", "not in"), r.list(r.text, d))
	case 7:
		return fmt.Sprintf("(%s in %s)", r.number(d), r.list(r.number, d))
	case 8:
		return fmt.Sprintf("(%s in %s)", r.boolean(d), r.list(r.boolean, d))
	case 9:
		return fmt.Sprintf("(%s ? %s : %s)", r.boolean(d), r.boolean(d), r.boolean(d))
	case 10:
		return fmt.Sprintf("(%s < %s <= %s)", r.number(d), r.number(d), r.number(d))
	}
	return fmt.Sprintf("(%s or %s)", r.boolean(d), r.boolean(d))
}

var texts = []string{"", "Can I book a demo?", "HELLO there", "hello, the PRICE", "Preise der Stra\u00dfe \u212a \u017f", "a.c abab cc", "x\xffdemo\xfe", "me@example", " trial ", "K", "buying", "di\u017fcount", "DISCOUNTS", "\u212aelvin", "\xffdemo",
	strings.Repeat("x", 8190) + "demo", strings.Repeat("\xffx", 5000) + "demo"}

func randomActivity(r *rand.Rand) social.Activity {
	return social.Activity{
		Key: "k", Type: pick(r, social.Types...), Platform: pick[social.Platform](r, "meta", "x", "demo"), Scope: pick(r, "", "page", "a"),
		Actor: social.Actor{ID: "u", Handle: pick(r, "", "kim", "a"), Name: pick(r, texts...)}, Object: social.Object{ID: "o", Type: pick(r, "", "note", "question")},
		InReplyTo: pick(r, "", "p"), Text: pick(r, texts...), URL: pick(r, "", "https://demo.example/a"), Direction: social.Inbound,
		Occurred: time.UnixMilli(firstInstant + r.Int64N(lastInstant-firstInstant)).UTC(),
		Reading:  social.Reading{Language: pick(r, "", "en", "de"), Sentiment: pick(r, "", "negative"), Intent: pick(r, "", "question", "demo")},
	}
}

func viewOf(p *plan, a social.Activity) *view {
	s := activities{a}
	v := &view{shape: s.shape(0, 0), at: s.at(0), rest: s.rest(0, 0), memos: make([]memo, p.memos)}
	v.rest.Text = cut(v.rest.Text)
	return v
}

// TestProgramsEqualExpr: what is allowed says the same as expr's own machine
// and can't fail; and what that machine fails at is refused.
func TestProgramsEqualExpr(t *testing.T) {
	r := &expressions{Rand: rand.New(rand.NewPCG(21, 22))}
	machine := vm.VM{MemoryBudget: 10_000}
	same, refused, failed, holds := 0, 0, 0, 0
	for i := range 6000 {
		if r.odd = 0; i%3 == 0 {
			r.odd = 8
		}
		r.strange = false
		source := r.boolean(r.IntN(5))
		if len(source) > maxExpr {
			continue
		}
		var old *vm.Program
		if parsed, err := parser.Parse(source); err == nil {
			var g guard
			ast.Walk(&parsed.Node, &g)
			if g.err == nil {
				old = oldTry(source)
			}
		}
		var memos memos
		compiled, err := compile(source, &memos)
		if err == nil && old == nil {
			t.Fatalf("%s is allowed, and expr refuses it", source)
		}
		if old == nil {
			continue
		}
		if err != nil && !r.strange {
			t.Fatalf("%s is refused: %v", source, err)
		}
		p := &plan{memos: len(memos.numbers)}
		fails := false
		for range 12 {
			a := randomActivity(r.Rand)
			var f oldFields
			f.set(&a)
			want, failure := machine.Run(old, &f)
			fails = fails || failure != nil
			if err != nil {
				continue
			}
			if failure != nil {
				t.Fatalf("%s is allowed, and fails for %+v: %v", source, a, failure)
			}
			got := compiled.holds(viewOf(p, a))
			if got != want {
				t.Fatalf("%s is %t, want %t for %+v", source, got, want, a)
			}
			if got {
				holds++
			}
		}
		switch {
		case fails:
			failed++
		case err != nil:
			refused++
		default:
			same++
		}
	}
	t.Logf("%d expressions agree, of %d activities they hold; %d that would fail are refused, and %d that happen not to", same, holds, failed, refused)
	if same < 2500 || failed < 50 || holds < 5000 {
		t.Error("too few of one kind")
	}
}

// randomDocument is a model of many rules with windows of at most year days.
func randomDocument(r *rand.Rand, horizon, year int) string {
	e := &expressions{Rand: r}
	quote := func(s string) string { q, _ := json.Marshal(s); return string(q) }
	when := func() string {
		var parts []string
		if r.IntN(3) > 0 {
			types := map[string]bool{}
			for range 1 + r.IntN(5) {
				types[pick(r, "post", "reply", "message", "react", "visit", "follow", "mention")] = true
			}
			var list []string
			for typ := range types {
				list = append(list, quote(typ))
			}
			slices.Sort(list)
			parts = append(parts, `"types": [`+strings.Join(list, ",")+`]`)
		}
		if r.IntN(6) == 0 {
			parts = append(parts, `"platforms": ["meta"]`)
		}
		if len(parts) == 0 || r.IntN(3) == 0 {
			expr := e.boolean(r.IntN(3))
			if r.IntN(2) == 0 {
				expr = pick(r, "intent == 'question'", "intent != 'spam' and not is_reply", "lower(text) contains 'demo'", "sentiment == 'negative' or hour < 12")
			}
			parts = append(parts, `"expr": `+quote(expr))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	decay := func(always bool) string {
		n := pick(r, 1, 3, 7, 14, 30, 90, year)
		switch {
		case r.IntN(3) == 0:
			return fmt.Sprintf(`, "decay": {"half_life_days": %d}, "within_days": %d`, n, pick(r, 7, 30, year))
		case r.IntN(2) == 0:
			return fmt.Sprintf(`, "decay": {"expires_days": %d}`, n)
		case r.IntN(3) == 0:
			return fmt.Sprintf(`, "decay": {"factor": "%s", "every_days": %d}, "within_days": %d`, pick(r, "0.9", "0.5", "0.999999", "0.333333"), max(n, 7), pick(r, 7, 30, year))
		case always || r.IntN(2) == 0:
			return fmt.Sprintf(`, "within_days": %d`, pick(r, 7, 30, year))
		}
		return ""
	}
	grouped := func(negative bool) string {
		if r.IntN(3) > 0 {
			return ""
		} else if negative {
			return `, "group": "minus"`
		}
		return `, "group": "plus"`
	}
	var rules []string
	for i := range 1 + r.IntN(9) {
		negative := r.IntN(4) == 0
		points := fmt.Sprintf("%d.%06d", r.IntN(30), 1+r.IntN(999_999))
		if negative {
			points = "-" + points
		}
		head := fmt.Sprintf(`{"id": "r%d", "points": "%s"%s`, i, points, grouped(negative))
		label := `, "label": {"one": "thing", "many": "things"}, "when": ` + when()
		switch r.IntN(6) {
		case 0:
			head += fmt.Sprintf(`, "kind": "dialogue", "half_at": %d`, 1+r.IntN(9)) + decay(true)
		case 1:
			head += fmt.Sprintf(`, "kind": "pattern", "within_days": %d, "at_least": %d, "behaviours": [{"label": "a", "when": %s}, {"label": "b", "when": %s, "at_least": %d}, {"label": "c", "when": %s}]`,
				pick(r, 7, 30, year), 1+r.IntN(3), when(), when(), 2+r.IntN(4), when())
		case 2:
			head += fmt.Sprintf(`, "kind": "rate", "recent_days": %d, "baseline_days": %d, "at_least": %d, "p_below": "%s"`, 1+r.IntN(20), 1+r.IntN(100), 2+r.IntN(3), pick(r, "0.01", "0.1", "0.5")) + label
		default:
			head += `, "kind": "activity"` + label + decay(false)
			if r.IntN(2) == 0 {
				head += fmt.Sprintf(`, "cap": "%d"`, 1+r.IntN(60))
			}
			if r.IntN(2) == 0 {
				head += fmt.Sprintf(`, "cap_per": {"points": "%d", "days": %d}`, 1+r.IntN(40), 1+r.IntN(30))
			}
		}
		rules = append(rules, head+"}")
	}
	low := 1 + r.IntN(10)
	return fmt.Sprintf(`{"id": "m", "version": 3, "horizon_days": %d, "engagement": [%d, %d, %d], "groups": [{"id": "plus", "cap": "%d"}, {"id": "minus", "cap": "%d"}], "rules": [%s]}`,
		horizon, low, low+1+r.IntN(20), low+30, 1+r.IntN(30), 1+r.IntN(30), strings.Join(rules, ","))
}

func parsed(t testing.TB, document string) Model {
	t.Helper()
	m, err := ParseModel([]byte(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return m
}

// randomHistory is what a person did within so many days before start and a
// few after it: conversations with a business that also answers others, edits
// and deletions after what they change, reactions taken back, repetitions, and
// several things within one millisecond; some do much lately, some talk much. A key stands for one fact.
func randomHistory(r *rand.Rand, n, span int) []social.Activity {
	var out []social.Activity
	var said []social.Activity
	lately, talks := r.IntN(2) == 0, r.IntN(3) == 0
	for i := range n {
		at := start.Add(-time.Duration(r.Int64N(int64(span)*24*3600)) * time.Second)
		if lately && r.IntN(2) == 0 {
			at = start.Add(-time.Duration(r.IntN(9*24)) * time.Hour)
		}
		if r.IntN(12) == 0 {
			at = start.Add(time.Duration(r.IntN(99)) * time.Hour)
		}
		if i > 0 && r.IntN(5) == 0 {
			at = out[i-1].Occurred
		}
		a := social.Activity{
			Key: fmt.Sprintf("meta|page|k%d", i), Platform: pick[social.Platform](r, "meta", "meta", "x"), Scope: pick(r, "page", "page", "a"),
			Type:  pick(r, social.Post, social.Post, social.Message, social.React, social.Visit, social.Visit, social.Follow, social.Mention, social.Reply, social.Reply, social.Reply),
			Actor: social.Actor{ID: pick(r, "u", "u", "u2"), Handle: "kim", Name: pick(r, "", "Kim")}, Object: social.Object{ID: fmt.Sprintf("o%d", i), Type: pick(r, "", "note")},
			Direction: social.Inbound, Occurred: at, Reading: social.Reading{Intent: pick(r, "", "question", "spam", "praise"), Sentiment: pick(r, "", "negative", "neutral"), Language: pick(r, "en", "de")},
			Text: pick(r, texts[:15]...), URL: pick(r, "", "https://demo.example/a"),
		}
		if talks && r.IntN(4) > 0 {
			a.Type, a.Platform, a.Scope = social.Reply, "meta", "page"
		}
		if r.IntN(3) == 0 || talks {
			a.Conversation = fmt.Sprintf("t%d", r.IntN(3))
		}
		if a.Type.Utterance() && len(said) > 0 && r.IntN(2) == 0 {
			p := pick(r, said...)
			a.Platform, a.Scope, a.InReplyTo = p.Platform, p.Scope, p.Object.ID
		}
		if a.Type == social.Reply && r.IntN(2) == 0 {
			a.Direction, a.Actor.ID = social.Outbound, "page"
		}
		if a.Type == social.React {
			a.Object.ID = fmt.Sprintf("o%d", r.IntN(n))
		}
		if a.Type.Utterance() {
			said = append(said, a)
		}
		if i > 0 && r.IntN(3) == 0 {
			of, change := pick(r, out...), social.Unreact
			if of.Type.Utterance() {
				change = pick(r, social.Edit, social.Delete)
			}
			if change != social.Unreact || of.Type == social.React {
				a.Type, a.Platform, a.Scope, a.Object.ID, a.Actor.ID = change, of.Platform, of.Scope, of.Object.ID, of.Actor.ID
				a.Occurred, a.Direction, a.InReplyTo, a.Conversation = of.Occurred.Add(time.Duration(r.IntN(40*24))*time.Hour), social.Inbound, "", ""
			}
		}
		out = append(out, a)
	}
	for range r.IntN(5) {
		out = append(out, pick(r, out...))
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestEngineEqualsTheReference compares with the first engine: 10,000 times
// the same score, with the same reasons, evidence and next change.
//
// The first engine did not leave out what is beyond the horizon where a rule
// of dialogue met it as a question or an earlier round. So the horizon here
// is far enough that nothing of the history is beyond it, and next changes are
// compared up to the first instant at which something could be.
func TestEngineEqualsTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	const horizon, year, span = 3650, 365, 400
	leaves := start.AddDate(0, 0, horizon-span)
	kinds := map[string]int{}
	for range 1000 {
		document := randomDocument(r, horizon, year)
		m := parsed(t, document)
		for range 10 {
			history := randomHistory(r, 1+r.IntN(60), span)
			want, err := oldEvaluate(m, history, start)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Evaluate(m, history, start)
			if err != nil {
				t.Fatal(err)
			}
			if want.NextChange.IsZero() || want.NextChange.After(leaves) {
				if !got.NextChange.IsZero() && got.NextChange.Before(leaves) {
					t.Fatalf("next change at %s, want none before %s\n%s", got.NextChange, leaves, document)
				}
				want.NextChange = got.NextChange
				kinds["never"]++
			} else {
				kinds["next"]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("score (-want +got):\n%s\n%s", diff, document)
			}
			for _, c := range want.Contributions {
				for _, word := range []string{"dialogue", "behaviours", ": more than usual", "no more than usual", "not enough data", "half-life", "to nothing", "times", "capped", "cut to", "at most", "evidence"} {
					if strings.Contains(c.Reason, word) {
						kinds[word]++
					}
				}
			}
		}
	}
	t.Log(kinds)
	for _, word := range []string{"dialogue", "behaviours", ": more than usual", "no more than usual", "not enough data", "half-life", "to nothing", "times", "capped", "cut to", "evidence", "never", "next"} {
		if kinds[word] < 100 {
			t.Errorf("%q was seen %d times: too few", word, kinds[word])
		}
	}
}

// TestNothingBeyondTheHorizonCounts: a caller that leaves out what Since
// leaves out, all but one activity, gets the same score. And up to the next
// change nothing of it changes, though facts leave the horizon all the time.
func TestNothingBeyondTheHorizonCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	const horizon, span = 60, 120
	compared, later, rounds := 0, 0, 0
	for range 800 {
		document := randomDocument(r, horizon, horizon)
		if r.IntN(2) == 0 {
			rule := fmt.Sprintf(`{"id": "talk", "kind": "dialogue", "points": "9", "half_at": 2, "within_days": %d},`, 5+r.IntN(horizon-5))
			document = strings.Replace(document, `"rules": [`, `"rules": [`+rule, 1)
		}
		m, err := ParseModel([]byte(document))
		if err != nil {
			continue // a baseline beyond the horizon
		}
		history := randomHistory(r, 1+r.IntN(70), span)
		want, err := Evaluate(m, history, start)
		if err != nil {
			t.Fatal(err)
		}
		h, err := settle(activities(history), 0, start.UnixMilli(), false)
		if err != nil {
			t.Fatal(err)
		}
		since := m.Since(start)
		if want := start.AddDate(0, 0, -horizon); since != want {
			t.Fatalf("the horizon begins at %s, want %s", since, want)
		}
		var read []social.Activity
		for i, a := range history {
			oldest := len(h.own) > 0 && int(h.own[0].source) == i && !a.Occurred.After(since)
			if a.Occurred.After(since) || oldest {
				read = append(read, a)
			}
		}
		got, err := Evaluate(m, read, start)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("without what is older than %s (-want +got):\n%s\n%s", since, diff, document)
		}
		compared++
		if strings.Contains(fmt.Sprint(want), "of dialogue") {
			rounds++
		}

		// What is known now stays until the next change.
		var known []social.Activity
		for _, a := range history {
			if !a.Occurred.After(start) {
				known = append(known, a)
			}
		}
		before := shown(t, m, known, start)
		end := want.NextChange
		if end.IsZero() {
			end = start.AddDate(0, 0, 2*horizon)
		}
		later++
		for range 30 {
			at := start.Add(time.Duration(r.Int64N(int64(end.Sub(start)))))
			if after := shown(t, m, known, at); after != before {
				t.Fatalf("next change at %s, but at %s\n%s\nis\n%s\n%s", want.NextChange, at, before, after, document)
			}
		}
		if after := shown(t, m, known, end.Add(-time.Millisecond)); after != before {
			t.Fatalf("a millisecond before the next change\n%s\nis\n%s\n%s", before, after, document)
		}
	}
	t.Logf("%d compared, %d of them with rounds of dialogue; %d looked at until their next change", compared, rounds, later)
	if compared < 200 || rounds < 50 {
		t.Error("too few of one kind")
	}
}

// shown is what of a score stays until its NextChange: the engagement, and
// which rules contribute by what.
func shown(t *testing.T, m Model, facts []social.Activity, at time.Time) string {
	t.Helper()
	s, err := Evaluate(m, facts, at)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range s.Contributions {
		out = append(out, fmt.Sprint(c.Rule, c.Evidence))
	}
	slices.Sort(out)
	return fmt.Sprint(s.Engagement, out)
}
