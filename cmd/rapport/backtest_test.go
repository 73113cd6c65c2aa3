package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/social"
)

const asks = `{"id": "default", "version": 2, "title": "Who asks", "horizon_days": 90, "engagement": ["5", "15", "30"],
 "rules": [{"id": "said", "kind": "activity", "label": {"one": "message", "many": "messages"}, "when": {"expr": "intent == '%s'"}, "points": "10"},
  {"id": "dialogue", "kind": "dialogue", "points": "1", "half_at": 6}]}`

// past is what forty people did: every other one asked, the others praised; what came later says the contrary. Whose a
// reply of the business is, is told by what it is to.
func past() (facts, outcomes string) {
	came := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	var f, o strings.Builder
	o.WriteString("person;result;date;amount\n")
	for i := range 40 {
		said, other, word := "question", "praise", "won"
		if i%2 == 1 {
			said, other, word = other, said, "lost"
		}
		who := fmt.Sprint("u", i)
		line := func(n int, intent, direction, actor, to string, at, known time.Time) {
			l := social.Line{Key: fmt.Sprint("k", i, "-", n), Platform: "standard", Scope: "forum", Type: "post", Actor: social.LineActor{ID: actor}, Object: social.LineObj{ID: fmt.Sprint("m", i, "-", n)},
				InReplyTo: to, Conversation: fmt.Sprint("c", i), Text: "x", Occurred: social.Stamp(at), Known: social.Stamp(known), Direction: direction, Language: "en", Intent: intent}
			b, _ := json.Marshal(l)
			f.Write(append(b, '\n'))
		}
		before := came.Add(-48 * time.Hour)
		if i == 2 { // the reply stands before what it is to
			line(9, "chatter", "outbound", "us", "m2-0", before.Add(time.Minute), before.Add(time.Minute))
			line(8, "chatter", "inbound", who, "m2-9", before.Add(time.Hour), before.Add(time.Hour))
		}
		line(0, said, "inbound", who, "", before, before)
		for n := range 3 {
			line(10+n, other, "inbound", who, "", came.Add(-time.Hour), came.Add(-time.Hour))
			line(20+n, other, "inbound", who, "", before, came.Add(time.Hour))
		}
		person := social.PersonID(social.AccountRef{Platform: "standard", ID: who}.AccountID())
		fmt.Fprintf(&o, "%s;%s;2026-10-01;10\n", person, word)
	}
	return f.String(), o.String() + "per_nobody;won;2026-10-01;\n" + social.PersonID(social.AccountRef{Platform: "standard", ID: "u0"}.AccountID()) + ";renewed;2026-10-01;\nper_x;won;1.10.2026;\n"
}

type triedLine struct {
	Type, Why, Person, Verdict string
	Outcomes, Positives        int
	LeftOut                    int `json:"left_out"`
	AUC                        *float64
	CallFrom                   *float64 `json:"call_from"`
	Value                      *float64 `json:"value_top_10"`
	Calibration                []struct{ From, To float64 }
	Against                    *triedLine
}

func TestBacktestJudgesByWhatWasKnownBefore(t *testing.T) {
	facts, outcomes := past()
	f, o := file(t, "facts.jsonl", facts), file(t, "o.csv", outcomes)
	new, old := file(t, "new.json", fmt.Sprintf(asks, "question")), file(t, "old.json", fmt.Sprintf(asks, "praise"))
	run := func(more ...string) []triedLine {
		t.Helper()
		got := call("", append([]string{"backtest", "--model", new, "--facts", f, "--outcomes", o}, more...)...)
		if got.code != exitOK {
			t.Fatalf("code %d: %s", got.code, got.err)
		}
		return lines[triedLine](t, got.out)
	}
	all := run("--against", old)
	last := all[len(all)-1]
	if last.Type != "figures" || last.AUC == nil || *last.AUC != 1 || last.Against == nil || *last.Against.AUC != 0 || !strings.HasPrefix(last.Verdict, "better: AUC 1") || last.Outcomes != 40 || last.Positives != 20 || last.CallFrom == nil || *last.CallFrom != 10 || last.LeftOut != 2 || last.Value == nil {
		t.Errorf("%+v", last)
	}
	// Who had a dialogue has more than ten points.
	if top := last.Calibration[len(last.Calibration)-1]; !(top.To > 10 && top.To < 11) {
		t.Errorf("the reply is nobody's: %+v", last.Calibration)
	}
	var told []string
	for _, l := range all[:len(all)-1] {
		told = append(told, l.Type+" "+l.Why+l.Person)
	}
	slices.Sort(told)
	if want := []string{"left_out other_kind", "left_out unknown_person", "unknown_person per_nobody"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	for _, more := range [][]string{{"--occurred"}, {"--before", "30m"}} {
		if all := run(more...); *all[len(all)-1].AUC != 0 {
			t.Errorf("%v: %v", more, *all[len(all)-1].AUC)
		}
	}
	// As JSON lines, and from standard input.
	var j strings.Builder
	for _, l := range strings.Split(strings.TrimSpace(outcomes), "\n")[1:] {
		c := strings.Split(l, ";")
		fmt.Fprintf(&j, "{\"person\":%q,\"outcome\":%q,\"at\":%q}\n", c[0], c[1], c[2])
	}
	got := call(facts, "backtest", "--model", new, "--facts", "-", "--outcomes", file(t, "o.jsonl", j.String()))
	all = lines[triedLine](t, got.out)
	if got.code != exitOK || *all[len(all)-1].AUC != 1 || !strings.Contains(got.err, "1 outcomes are skipped") {
		t.Errorf("%d: %s %s", got.code, got.out, got.err)
	}
}

func TestBacktestSaysWhatIsMissing(t *testing.T) {
	facts, outcomes := past()
	f, o, m := file(t, "facts.jsonl", facts), file(t, "o.csv", outcomes), file(t, "m.json", fmt.Sprintf(asks, "question"))
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"positive": {[]string{"--model", m, "--facts", f, "--outcomes", o, "--positive", "bought"}, exitMisuse, `no outcome is bought: the file has "lost", "renewed", "won"`},
		"aim":      {[]string{"--model", m, "--facts", f, "--outcomes", o, "--aim", "2"}, exitMisuse, "--aim 2 is no share"},
		"columns":  {[]string{"--model", m, "--facts", f, "--outcomes", file(t, "x.csv", "who,outcome,at\na,won,2026-10-01\n")}, exitFailed, `no column is called person or person_id: there are "who"`},
		"model":    {[]string{"--model", o, "--facts", f, "--outcomes", o}, exitFailed, "model "},
		"facts":    {[]string{"--model", m, "--facts", o, "--outcomes", o}, exitFailed, "line 1: no activity"},
	} {
		got := call("", append([]string{"backtest"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.err, c.says) {
			t.Errorf("%s: %d %s", name, got.code, got.err)
		}
	}
	got := call("", "backtest", "--model", m, "--facts", f, "--outcomes", file(t, "few.csv", "person,outcome,at\nper_a,won,2026-10-01\n"))
	if got.code != exitOK || !strings.Contains(got.out, `"verdict":"not enough data: 0 outcomes, 20 are needed"`) {
		t.Errorf("few: %d %s %s", got.code, got.out, got.err)
	}
}
