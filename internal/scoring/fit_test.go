package scoring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/profile"
	"rapport/internal/scoring"
)

const fits = `{"at_least": 2, "grades": ["5", "15", "30"], "attributes": {"employees": "number", "newsletter": "bool"}, "rules": [
	{"id": "decides", "label": "decides on tools", "expr": "lower(title) contains 'head' or title == 'CTO'", "points": "20"},
	{"id": "size", "label": "50 people or more", "expr": "employees >= 50", "points": "10.5"},
	{"id": "reads", "label": "reads the newsletter", "expr": "newsletter", "points": "4.5"},
	{"id": "renews", "label": "contract ends this year", "expr": "renewal startsWith '2026-'", "points": "5"},
	{"id": "rival", "label": "works for a rival", "expr": "domain in ['fabrikam.com', 'fabrikam.net']", "points": "-40"}]}`

func withFit(fit string) string {
	return `{"id": "m", "version": 1, "horizon_days": 90, "engagement": [1, 2, 3], "rules": [` + dialogue + `], "fit": ` + fit + `}`
}

func held(name, value string) profile.Held {
	return profile.Held{Fact: profile.Fact{Name: name, Value: value, Source: profile.Form, At: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}}
}

func TestFit(t *testing.T) {
	m, err := scoring.ParseModel([]byte(withFit(fits)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		of    []profile.Held
		fit   string
		micro int64
	}{
		{"nothing known", nil, scoring.Unknown, 0},
		{"too little known", []profile.Held{held("title", "Head of IT")}, scoring.Unknown, 20_000_000},
		{"A by a sum that reaches it exactly", []profile.Held{held("title", "CTO"), held("employees", "50"), held("newsletter", "true")}, "A", 35_000_000},
		{"a half short of 50", []profile.Held{held("title", "CTO"), held("employees", "49.999999")}, "B", 20_000_000},
		{"B", []profile.Held{held("newsletter", "true"), held("employees", "1000.5")}, "B", 15_000_000},
		{"C by a date", []profile.Held{held("renewal", "2026-12-31"), held("newsletter", "false")}, "C", 5_000_000},
		{"D, known to fit in nothing", []profile.Held{held("title", "Intern"), held("employees", "3")}, "D", 0},
		{"D, taken away", []profile.Held{held("title", "Head of IT"), held("domain", "fabrikam.net")}, "D", -20_000_000},
		{"a number that is none", []profile.Held{held("title", "CTO"), held("employees", "many")}, scoring.Unknown, 20_000_000},
	} {
		s := m.WithFit(scoring.Score{Engagement: 2, Micro: 7}, c.of)
		var sum int64
		for _, l := range s.FitLines {
			sum += l.Micro
		}
		grade := "?2"
		if c.fit != scoring.Unknown {
			grade = c.fit + "2"
		}
		if s.Fit != c.fit || s.Grade != grade || s.FitMicro != c.micro || sum != c.micro || s.Micro != 7 {
			t.Errorf("%s: fit %s, grade %s, %d micro-points of which %d are told; want %s, %s, %d", c.name, s.Fit, s.Grade, s.FitMicro, sum, c.fit, grade, c.micro)
		}
	}
	s := m.WithFit(scoring.Score{Engagement: 4}, []profile.Held{held("title", "Head of IT"), held("employees", "many"), held("newsletter", "false")})
	var reasons []string
	for _, l := range s.FitLines {
		reasons = append(reasons, l.Reason)
	}
	want := []string{
		`decides on tools: yes, 20 points; title is "Head of IT" (form, since 2026-11-02)`,
		`50 people or more: not known, 0 points; employees is "many", no number (form, since 2026-11-02)`,
		`reads the newsletter: no, 0 points; newsletter is "false" (form, since 2026-11-02)`,
		`contract ends this year: not known, 0 points; renewal is not known`,
		`works for a rival: not known, 0 points; domain is not known`,
	}
	if !slices.Equal(reasons, want) {
		t.Errorf("the reasons are\n%s\nwant\n%s", strings.Join(reasons, "\n"), strings.Join(want, "\n"))
	}
	if l := s.FitLines[0]; len(l.Attributes) != 1 || l.Attributes[0].Value != "Head of IT" || !l.Known || !l.Holds {
		t.Errorf("the first line rests on %+v", l)
	}
	none, err := scoring.ParseModel([]byte(`{"id": "m", "version": 1, "horizon_days": 90, "engagement": [1, 2, 3], "rules": [` + dialogue + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s := none.WithFit(scoring.Score{Fit: scoring.Unknown, Grade: "?4"}, []profile.Held{held("title", "CTO")}); s.Grade != "?4" || s.FitLines != nil {
		t.Errorf("a model without fit gives %+v", s)
	}
}

// The fit is the same for attributes in any order, and for a model that was
// written and read again.
func TestFitOfRandomAttributes(t *testing.T) {
	m, err := scoring.ParseModel([]byte(withFit(fits)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := scoring.ParseModel(b)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	values := map[string][]string{"title": {"CTO", "Head", "Clerk"}, "employees": {"1", "50", "x"}, "newsletter": {"true", "false"}, "renewal": {"2026-01-01", "2027-01-01"}, "domain": {"fabrikam.com", "contoso.com"}}
	names := []string{"title", "employees", "newsletter", "renewal", "domain"}
	seen := map[string]bool{}
	for range 2_000 {
		var of []profile.Held
		for _, n := range names {
			if r.IntN(3) > 0 {
				of = append(of, held(n, values[n][r.IntN(len(values[n]))]))
			}
		}
		want := m.WithFit(scoring.Score{Engagement: 1}, of)
		seen[want.Fit] = true
		r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		if got := again.WithFit(scoring.Score{Engagement: 1}, of); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	if len(seen) != 5 {
		t.Errorf("only %v were seen", seen)
	}
}

// The fit that docs/scoring.md shows is one.
func TestDocumentedFit(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\"fit\": ")
	fit, _, closed := strings.Cut(rest, "\n```")
	if _, err := scoring.ParseModel([]byte(withFit(fit))); err != nil || !ok || !closed {
		t.Errorf("%v: %s", err, fit)
	}
}

func TestFaultyFit(t *testing.T) {
	rule := func(expr string) string {
		return fmt.Sprintf(`{"at_least": 1, "grades": [1, 2, 3], "attributes": {"employees": "number"}, "rules": [{"id": "r", "label": "l", "expr": %q, "points": 5}]}`, expr)
	}
	schema := validator(t)
	for _, c := range []struct {
		fit, problem string
		beyond       bool // what a schema can't say
	}{
		{`{"at_least": 3, "grades": [1, 2, 3], "rules": [{"id": "r", "label": "l", "expr": "title == 'x'", "points": 5}]}`, "$.fit.at_least: is 3 of only 1 rules", true},
		{`{"at_least": 1, "grades": [1, 1, 3], "rules": [{"id": "r", "label": "l", "expr": "title == 'x'", "points": 5}]}`, "$.fit.grades[1]: is not above the one before it", true},
		{`{"at_least": 1, "grades": [1, 2, 9], "rules": [{"id": "r", "label": "l", "expr": "title == 'x'", "points": 5}]}`, "$.fit.grades[2]: is 9, more than all rules give together (5): nobody could be an A", true},
		{`{"at_least": 1, "grades": [1, 2, 3], "rules": [{"id": "r", "label": "l", "expr": "title == 'x'", "points": 0}]}`, "$.fit.rules[0].points: is 0: the rule would do nothing", true},
		{`{"at_least": 1, "grades": [1, 2, 3], "rules": [{"id": "r", "label": "l", "points": 5}]}`, "$.fit.rules[0].expr: is missing", false},
		{`{"at_least": 1, "grades": [1, 2, 3], "attributes": {"title": "number"}, "rules": [{"id": "r", "label": "l", "expr": "title == 'x'", "points": 5}]}`, "$.fit.attributes.title: is always text", true},
		{`{"at_least": 1, "grades": [1, 2, 3], "attributes": {"ends": "date"}, "rules": [{"id": "r", "label": "l", "expr": "ends == 'x'", "points": 5}]}`, `$.fit.attributes.ends: "date" is none of number, bool; all others are text, dates too: year-month-day`, false},
		{rule("true"), "$.fit.rules[0].expr: asks for no attribute: it would hold for everybody or nobody", true},
		{rule("Title == 'x'"), "$.fit.rules[0].expr: Title is no name of an attribute: want up to 40 small letters, digits and _, a letter first", true},
		{rule("employees > '50'"), "$.fit.rules[0].expr: does not compile: invalid operation: > (mismatched types int and string)", true},
		{rule("title > 50"), "$.fit.rules[0].expr: does not compile: invalid operation: > (mismatched types string and int)", true},
		{rule("employees > 99999999999999"), "$.fit.rules[0].expr: 99999999999999 is beyond 1000000000000", true},
		{rule("employees > 1.5"), "$.fit.rules[0].expr: 1.5 is not allowed", true},
		{rule("all([1], # > 0)"), "$.fit.rules[0].expr: # is not allowed", true},
	} {
		_, err := scoring.ParseModel([]byte(withFit(c.fit)))
		var got []string
		if p, ok := errors.AsType[scoring.Problems](err); ok {
			for _, x := range p {
				got = append(got, x.Error())
			}
		}
		if len(got) == 0 || !strings.HasPrefix(got[0], c.problem) {
			t.Errorf("%s\ngives %q, want %s", c.fit, got, c.problem)
		}
		if err := valid(schema, []byte(withFit(c.fit))); (err == nil) != c.beyond {
			t.Errorf("of %s the schema says %v", c.fit, err)
		}
	}
	if err := valid(schema, []byte(withFit(fits))); err != nil {
		t.Errorf("the schema refuses what is right: %v", err)
	}
}
