package scoring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/scoring"
)

func TestDecimal(t *testing.T) {
	for micro, want := range map[int64]string{
		0: "0", 1: "0.000001", -1: "-0.000001", 12_500_000: "12.5", 12_345_678: "12.345678", -3_000_000: "-3", 100_000: "0.1",
		9223372036854775807: "9223372036854.775807", -9223372036854775808: "-9223372036854.775808",
	} {
		if got := scoring.Decimal(micro); got != want {
			t.Errorf("Decimal(%d) is %q, want %q", micro, got, want)
		}
		if back, err := scoring.ParseMicro(want); err != nil || back != micro {
			t.Errorf("ParseMicro(%q) is %d, %v, want %d", want, back, err, micro)
		}
	}
	for _, s := range []string{"", "-", "+1", "01", "1.", ".5", "1.0000001", "1e3", " 1", "1,5", "--1", "1.-5", "0x1", "9223372036854.775808", "٣"} {
		if v, err := scoring.ParseMicro(s); err == nil {
			t.Errorf("ParseMicro(%q) is %d, want an error", s, v)
		}
	}
	if v, err := scoring.ParseMicro("12.500000"); err != nil || v != 12_500_000 {
		t.Errorf("ParseMicro of trailing zeros is %d, %v", v, err)
	}
}

// example is a document and what is wrong with it: the path and beginning of
// the message of each problem. A schema can't say those marked with "*".
type example struct {
	name, document string
	problems       []string
}

func examples() []example {
	whole := func(rules string) string {
		return `{"id": "m", "version": 1, "horizon_days": 100, "engagement": [1, "2.5", 3e1], "groups": [{"id": "g", "cap": 5}], "rules": [` + rules + `]}`
	}
	when := func(w string) string {
		return whole(`{"id": "r", "kind": "activity", "label": {"one": "x", "many": "x"}, "points": 1, "when": ` + w + `}`)
	}
	expr := func(e string) string { q, _ := json.Marshal(e); return when(`{"expr": ` + string(q) + `}`) }
	with := func(more string) string {
		return whole(`{"id": "r", "kind": "activity", "label": {"one": "x", "many": "x"}, "when": {"types": ["post"]}, ` + more + `}`)
	}
	const r0 = "$.rules[0]"
	rule80 := strings.Replace(rate, "90", "80", 1)
	return []example{
		{"every kind", whole(strings.Join([]string{posts, questions, likes, visits, spam, dialogue, pattern, strings.Replace(rate, "90", "80", 1), colleagues}, ",")), nil},
		{"a behaviour by a company rule", whole(colleagues + "," + strings.Replace(pattern, `"when": {"types": ["follow"]}`, `"rule": "colleagues"`, 1)), nil},
		{"colleagues of a year", whole(strings.Replace(strings.Replace(colleagues, "30", "91", 1), `"at_least": 2`, `"at_least": 11`, 1)), []string{r0 + ".recent_days: is 91, want at most 90", r0 + ".at_least: is 11"}},
		{"for nobody we know of", strings.Replace(whole(posts), `"rules"`, `"calls": "leads", "rules"`, 1), []string{`$.calls: "leads" is not customers`}},
		{"the least", with(`"points": "0.000001"`), nil},
		{"a number that is whole", with(`"points": 2.0, "within_days": 7.0`), nil},
		{"every field at its most", `{"id": "` + strings.Repeat("z", 63) + `9", "version": 1000000, "title": "` + strings.Repeat("ü", 200) + `", "horizon_days": 3650, "engagement": [-100000, 0, 100000], "rules": [
			{"id": "0", "kind": "activity", "label": {"one": "` + strings.Repeat("x", 60) + `", "many": "x"}, "within_days": 3650, "points": -100000, "when": {"types": ["post"]}},
			{"id": "a-_9", "kind": "dialogue", "half_at": 1000, "points": "100000"}]}`, nil},
		{"every field beyond its most", `{"id": "` + strings.Repeat("z", 65) + `", "version": 1000001, "title": "` + strings.Repeat("ü", 201) + `", "horizon_days": 3651, "engagement": [1, 2, 100000.1], "rules": [
			{"id": "r", "kind": "dialogue", "half_at": 1001, "points": "100000"}]}`, []string{
			"$.id: has 65 characters, want 1 to 64", "$.version: is 1000001, want a whole number from 1 to 1000000", "$.title: has 201 characters, want 1 to 200", "$.horizon_days: is 3651, want",
			"$.engagement[2]: 100000.1 is beyond", "$.engagement[2]: is not above", r0 + ".half_at: is 1001, want a whole number from 1 to 1000"}},
		{"days that are not whole", with(`"points": 1, "within_days": 1.5`), []string{r0 + ".within_days: is 1.5, want a whole number"}},
		{"a baseline up to the horizon", whole(strings.Replace(rate, "90", "93", 1)), nil},
		{"not an object", `[]`, []string{"$: want an object, got an array"}},
		{"an empty object", `{}`, []string{"$.id: is missing", "$.version: is missing", "$.horizon_days: is missing", "$.engagement: is missing", "$.rules: is missing"}},
		{"all problems at once, with their paths", `{"id": "M", "version": 0, "horizon_days": "x", "engagement": [1, 2], "rules": [{"kind": "activity", "points": "1.0000001", "colour": 1}], "z": null}`, []string{
			`$.id: "M" is no name`, "$.version: is 0, want a whole number", "$.horizon_days: want a whole number, got a string", "$.engagement: has 2 elements",
			r0 + ".id: is missing", r0 + `.points: "1.0000001" is no number of points: more than six decimals`, r0 + ".label: is missing", r0 + ".when: is missing", r0 + ".colour: is unknown here", "$.z: is unknown here"}},
		{"no rules", whole(``), []string{"$.rules: has 0 elements"}},
		{"a rule of no kind", whole(`{"id": "r", "points": 1}`), []string{r0 + ".kind: is missing"}},
		{"a rule of an unknown kind", whole(`{"id": "r", "kind": "magic", "points": 1}`), []string{r0 + `.kind: "magic" is none of`}},
		{"a field of another kind of rule", with(`"points": 1, "half_at": 3`), []string{r0 + ".half_at: is unknown here"}},
		{"points with an exponent in a string", with(`"points": "1e3"`), []string{r0 + `.points: "1e3" is no number of points`}},
		{"points as a boolean", with(`"points": true`), []string{r0 + ".points: want a decimal string or number, got a boolean"}},
		{"too many points", with(`"points": 100000.5`), []string{r0 + ".points: 100000.5 is beyond"}},
		{"far too many points", with(`"points": 1e400`), []string{r0 + ".points: 1e400 is out of range"}},
		{"seven decimals", with(`"points": 0.0000001`), []string{r0 + ".points: 0.0000001 has more than six decimals"}},
		{"an empty label", whole(`{"id": "r", "kind": "activity", "label": {"one": "", "many": "x"}, "points": 1, "when": {"types": ["post"]}}`), []string{r0 + ".label.one: has 0 characters"}},
		{"half-life and expiry", with(`"points": 1, "decay": {"half_life_days": 1, "expires_days": 2}`), []string{r0 + ".decay: want either"}},
		{"a factor", with(`"points": 1, "decay": {"factor": "0.9", "every_days": 7}`), nil},
		{"a factor without a period", with(`"points": 1, "decay": {"factor": "0.9"}`), []string{r0 + ".decay.every_days: is missing"}},
		{"a period without a factor", with(`"points": 1, "decay": {"half_life_days": 3, "every_days": 7}`), []string{r0 + ".decay.every_days: is unknown here"}},
		{"a factor that takes nothing", with(`"points": 1, "decay": {"factor": 1, "every_days": 7}`), []string{"*" + r0 + ".decay.factor: is 1, want less than 1"}},
		{"very many periods", strings.Replace(with(`"points": 1, "decay": {"factor": "0.9", "every_days": 1}`), `"horizon_days": 100`, `"horizon_days": 121`, 1), []string{"*" + r0 + ".decay.every_days: is 1: the 121 days in which the rule counts have more than 120"}},
		{"behaviours by number and by rate", whole(rule80 + "," + strings.Replace(strings.Replace(pattern, `{"expr": "intent == 'question'"}`, `{"expr": "intent == 'question'"}, "at_least": 3`, 1), `"when": {"types": ["follow"]}`, `"rule": "rate"`, 1)), nil},
		{"a behaviour by a rule that comes later", whole(strings.Replace(pattern, `"when": {"types": ["follow"]}`, `"rule": "rate"`, 1) + "," + rule80), []string{"*" + r0 + `.behaviours[1].rule: there is no rate or company rule "rate" before`}},
		{"a behaviour by a rule of another kind", whole(posts + "," + strings.Replace(pattern, `"when": {"types": ["follow"]}`, `"rule": "posts"`, 1)), []string{`*$.rules[1].behaviours[1].rule: there is no rate or company rule "posts" before`}},
		{"a behaviour of nothing", whole(strings.Replace(pattern, `, "when": {"types": ["follow"]}`, ``, 1)), []string{r0 + ".behaviours[1]: want either when or rule"}},
		{"a behaviour of both", whole(rule80 + "," + strings.Replace(pattern, `"when": {"types": ["follow"]}`, `"when": {"types": ["follow"]}, "rule": "rate"`, 1)), []string{"$.rules[1].behaviours[1]: want either when or rule"}},
		{"a number of what a rule saw", whole(rule80 + "," + strings.Replace(pattern, `"when": {"types": ["follow"]}`, `"rule": "rate", "at_least": 2`, 1)), []string{"$.rules[1].behaviours[1].at_least: is unknown here"}},
		{"no decay in decay", with(`"points": 1, "decay": {}`), []string{r0 + ".decay: want either"}},
		{"an empty condition", when(`{}`), []string{r0 + ".when: is empty"}},
		{"an unknown type", when(`{"types": ["post", "smile"]}`), []string{r0 + `.when.types[1]: "smile" is no type`}},
		{"a type that is an effect", when(`{"types": ["delete"]}`), []string{r0 + `.when.types[0]: "delete" changes other`}},
		{"a type twice", when(`{"types": ["post", "post"]}`), []string{r0 + `.when.types[1]: "post" stands twice`}},
		{"a long expression", expr(strings.Repeat(" ", 1000) + "true"), []string{r0 + ".when.expr: has 1004 characters"}},
		{"null", `null`, []string{"$: want an object, got null"}},

		{"points of nothing", with(`"points": "0.0"`), []string{"*" + r0 + ".points: is 0"}},
		{"a cap of nothing", with(`"points": 1, "cap": "0"`), []string{"*" + r0 + ".cap: is 0, want more than 0"}},
		{"thresholds that do not rise", strings.Replace(with(`"points": 1`), "3e1", "2.5", 1), []string{"*$.engagement[2]: is not above"}},
		{"an id twice", whole(posts + "," + posts), []string{`*$.rules[1].id: "posts" stands twice`}},
		{"an unknown group", with(`"points": 1, "group": "h"`), []string{"*" + r0 + `.group: there is no group "h"`}},
		{"a group of both signs", whole(strings.TrimSuffix(posts, "}") + `, "group": "g"},` + strings.TrimSuffix(spam, "}") + `, "group": "g"}`), []string{`*$.rules[1].group: "g" has rules with positive`}},
		{"a window beyond the horizon", with(`"points": 1, "within_days": 101`), []string{"*" + r0 + ".within_days: is 101, beyond the horizon of 100"}},
		{"a baseline beyond the horizon", whole(strings.Replace(rate, "90", "94", 1)), []string{"*" + r0 + ".baseline_days: reaches 101 days back"}},
		{"four of three behaviours", whole(strings.Replace(pattern, `"at_least": 2`, `"at_least": 4`, 1)), []string{"*" + r0 + ".at_least: is 4 of only 3"}},
		{"a behaviour twice", whole(strings.Replace(pattern, `"followed"`, `"asked"`, 1)), []string{"*" + r0 + `.behaviours[1].label: "asked" stands twice`}},
		{"a name twice in an object", strings.Replace(with(`"points": 1`), `"version": 1`, `"version": 1, "version": 1`, 1), []string{"*$.version: stands twice"}},
		{"an expression that does not parse", expr("text =="), []string{"*" + r0 + ".when.expr: does not parse"}},
		{"an expression of another type", expr("len(text)"), []string{"*" + r0 + ".when.expr: does not compile: expected bool"}},
		{"an unknown field", expr("colour == 'red'"), []string{"*" + r0 + ".when.expr: does not compile: unknown name colour"}},
		{"a clock", expr("now().Hour() > 3"), []string{"*" + r0 + ".when.expr: "}},
		{"a loop", expr("all(['a'], true)"), []string{"*" + r0 + ".when.expr: the function all is not allowed"}},
		{"a range", expr("3 in 1..1000000000"), []string{"*" + r0 + ".when.expr: the operator .. is not allowed"}},
		{"doubling", expr("let a = text + text; a + a == ''"), []string{"*" + r0 + ".when.expr: "}},
		{"repetition", expr("repeat(text, 1000000) == ''"), []string{"*" + r0 + ".when.expr: the function repeat is not allowed"}},
		{"floating point", expr("hour > 1.5"), []string{"*" + r0 + ".when.expr: 1.5 is not allowed"}},
		{"a pattern from the outside", expr("'x' matches text"), []string{"*" + r0 + ".when.expr: matches wants a regular expression in quotes"}},
		{"a minus sign", expr("hour > -1"), nil},
		{"a plus sign", expr("hour > +1"), []string{"*" + r0 + ".when.expr: the operator + is not allowed"}},
		{"a costly pattern", expr("text matches '(a{500}){2}'"), []string{"*" + r0 + ".when.expr: the regular expression "}},
		{"too many nodes", expr("true" + strings.Repeat("||true", 120)), []string{"*" + r0 + ".when.expr: does not compile: compilation failed: expression exceeds maximum allowed nodes"}},
	}
}

func validator(t testing.TB) *jsonschema.Schema {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(scoring.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(s *jsonschema.Schema, document []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

func TestParseModelAgreesWithItsSchema(t *testing.T) {
	schema := validator(t)
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			_, err := scoring.ParseModel([]byte(e.document))
			var got []string
			if p, ok := errors.AsType[scoring.Problems](err); ok {
				for _, x := range p {
					got = append(got, x.Error())
				}
			}
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("the error is of kind %s", fault.KindOf(err))
			}
			inSchema := len(e.problems) == 0
			match := len(got) == len(e.problems)
			for i, want := range e.problems {
				want, beyond := strings.CutPrefix(want, "*")
				inSchema = inSchema || beyond
				match = match && strings.HasPrefix(got[i], want)
			}
			if !match {
				t.Errorf("problems (-want the beginnings +got):\n%s", cmp.Diff(e.problems, got))
			}
			if err := valid(schema, []byte(e.document)); (err == nil) != inSchema {
				t.Errorf("the schema says %v, want its consent: %t", err, inSchema)
			}
		})
	}
}

func TestParseModelRefusesWhatIsNotJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for s, want := range map[string]string{
		"":                                       "not JSON: unexpected EOF",
		"{":                                      "not JSON: unexpected EOF",
		`{"id": "m"} {}`:                         "not JSON: more after the value",
		"{'id': 1}":                              "not JSON: invalid character",
		`{"id": "` + "\xff\"}":                   "not UTF-8",
		deep:                                     "not JSON: nested deeper than 16",
		`"` + strings.Repeat("x", 300<<10) + `"`: "307202 bytes, at most 262144 are read",
	} {
		_, err := scoring.ParseModel([]byte(s))
		p, _ := errors.AsType[scoring.Problems](err)
		if !fault.Is(err, fault.Invalid) || len(p) != 1 || p[0].Path != "$" || !strings.HasPrefix(p[0].Message, want) {
			t.Errorf("of %.20q got %v, want one problem at $: %s", s, err, want)
		}
	}
}

func TestModelOfTheMostBytesIsRead(t *testing.T) {
	document := `{"id": "m", "version": 1, "horizon_days": 9, "engagement": [1, 2, 3], "rules": [` + dialogue + `]}`
	document = strings.Replace(document, "90", "9", 1)
	document += strings.Repeat(" ", 256<<10-len(document))
	if _, err := scoring.ParseModel([]byte(document)); err != nil {
		t.Errorf("of 256 KiB: %v", err)
	}
	if _, err := scoring.ParseModel([]byte(document + " ")); err == nil || !strings.Contains(err.Error(), "262145 bytes, at most 262144 are read") {
		t.Errorf("of a byte more: %v", err)
	}
}

func TestParseModelBoundsProblemsAndConditions(t *testing.T) {
	junk := `{"id": "m", "version": 1, "horizon_days": 9, "engagement": [1, 2, 3], "rules": [` + strings.Repeat(`{},`, 63) + `{}]}`
	_, err := scoring.ParseModel([]byte(junk))
	told, _ := errors.AsType[scoring.Problems](err)
	if len(told) != 100 {
		t.Errorf("got %d problems, want the first 100", len(told))
	}
	var rules []string
	for i := range 9 {
		var b []string
		for j := range 16 {
			b = append(b, fmt.Sprintf(`{"label": "b%d", "when": {"types": ["post"]}}`, j))
		}
		rules = append(rules, fmt.Sprintf(`{"id": "r%d", "kind": "pattern", "within_days": 5, "at_least": 2, "points": 1, "behaviours": [%s]}`, i, strings.Join(b, ",")))
	}
	_, err = scoring.ParseModel([]byte(`{"id": "m", "version": 1, "horizon_days": 9, "engagement": [1, 2, 3], "rules": [` + strings.Join(rules, ",") + `]}`))
	if err == nil || !strings.Contains(err.Error(), "$.rules: have 144 conditions, at most 128 are allowed") {
		t.Errorf("of 144 conditions got %v", err)
	}
	drill.Show(t, "%d conditions refused; of 64 rules of junk the first %d problems are told", 9*16, len(told))
}

func TestDefaultModel(t *testing.T) {
	m := scoring.DefaultModel()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(validator(t), b); err != nil {
		t.Errorf("the schema refuses the default model: %v", err)
	}
	file, err := os.ReadFile("presets/community.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(validator(t), file); err != nil {
		t.Errorf("the schema refuses community.json: %v", err)
	}
}

func TestDocumentedRulesParse(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, block := range strings.Split(string(page), "```") {
		if rule, ok := strings.CutPrefix(block, "json\n"); ok && i%2 == 1 {
			n++
			model(t, rule)
		}
	}
	if n < 4 {
		t.Errorf("docs/scoring.md shows %d rules, want one of each kind", n)
	}
}

func FuzzParseModel(f *testing.F) {
	for _, e := range examples() {
		f.Add([]byte(e.document))
	}
	file, err := os.ReadFile("presets/community.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	schema := validator(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		m, err := scoring.ParseModel(document)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("kind %s: %v", fault.KindOf(err), err)
			}
			return
		}
		if err := valid(schema, document); err != nil {
			t.Errorf("parsed, but the schema refuses it: %v", err)
		}
		once, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := scoring.ParseModel(once)
		if err != nil {
			t.Fatalf("its own document is refused: %v\n%s", err, once)
		}
		twice, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, twice) {
			t.Errorf("%s\nbecame\n%s", once, twice)
		}
	})
}
