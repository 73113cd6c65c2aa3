package main

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	got := call(`{"id":"1","platform":"github","handle":"ana","emails":["Ana@Contoso.com"]}
{"id":2,"platform":"x","name":"Ana Lindqvist","emails":["ana@contoso.com","null"],"attributes":{"vip":true,"age":44,"none":null}}
{"id":"3","platform":"x","emails":["info@contoso.com"]}
`, "match")
	code, out, errs := got.code, got.out, got.err
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	all := lines[matchLine](t, out)
	if len(all) != 3 || all[0].ID != "1" || all[1].ID != "2" || all[0].Person != all[1].Person || all[2].Person == all[0].Person {
		t.Fatalf("got %+v", all)
	}
	e := all[0].Evidence
	if len(e) != 1 || e[0].Account != "2" || e[0].Platform != "x" || !e[0].Certain || e[0].Reasons[0] != "both have the e-mail ana@contoso.com" {
		t.Errorf("evidence %+v", e)
	}
	if got := strings.Join(append(all[1].Ignored, all[2].Ignored...), "; "); got != `e-mail "null" stands for nobody; e-mail "info@contoso.com" is a mailbox of several people` {
		t.Errorf("ignored: %s", got)
	}
	if !strings.Contains(errs, "3 accounts, 2 persons, 0 lines left out") {
		t.Errorf("progress: %s", errs)
	}
}

func TestMatchSaysWhichLinesItLeavesOut(t *testing.T) {
	got := call(`{"id":"1","platform":"x"}

[1]
{"id":"2"}
{"platform":"x"}
{"id":"1","platform":"x","name":"again"}
{"id":"3","platform":"x","attributes":{"a":{"b":1}}}
{"id":"4","platform":"x","emails":"a@contoso.com"}
{"id":"5","platform":"x","name":"`+strings.Repeat("x", maxAccountLine)+`"}
{"id":"6","platform":"x"
{"id":"7","platform":"github"}
`, "match")
	code, out, errs := got.code, got.out, got.err
	if code != exitRefused {
		t.Errorf("exit %d", code)
	}
	if n := strings.Count(out, "\n"); n != 2 {
		t.Errorf("%d lines: %s", n, out)
	}
	for _, want := range []string{`line 3 is left out: it is no JSON object`, `line 4 is left out: it has no "platform": say where`, `line 5 is left out: it has no "id"`, `line 6 is left out: the account "1" of "x" stands in line 1 already`,
		`line 7 is left out: its attribute "a" is a list or an object`, `line 8 is left out: it can't be read as {"id"`, `line 9 is left out: it has `, `line 10 is left out: it can't be read`, `2 accounts, 2 persons, 8 lines left out`} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in:\n%s", want, errs)
		}
	}
}

func TestMatchAnIDThatStandsForNobodyMakesNobodyOne(t *testing.T) {
	got := call(`{"id":"null","platform":"x","emails":["null"]}
{"id":"null","platform":"x","emails":["null"]}
{"id":"null","platform":"github","emails":["null"]}
`, "match")
	persons := map[string]bool{}
	for _, m := range lines[matchLine](t, got.out) {
		persons[m.Person] = true
		if len(m.Evidence)+len(m.Suggestions) > 0 || len(m.Ignored) != 2 || m.Ignored[0] != `id "null" stands for nobody` {
			t.Errorf("got %+v", m)
		}
	}
	if len(persons) != 3 || got.code != exitOK {
		t.Errorf("%d persons, exit %d: %s", len(persons), got.code, got.err)
	}
}
