package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const events = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"attr","Package":"p","Test":"TestA","Key":"evidence","Value":"3 things"}
{"Action":"output","Package":"p","Test":"TestA","Output":"quiet words\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":1.25}
{"Action":"output","Package":"p","Test":"TestB","Output":"loud words\n"}
{"Action":"fail","Package":"p","Test":"TestB","Elapsed":0.5}
{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:7: no bucket: make one\n"}
{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"pass","Package":"p","Test":"TestD"}
{"Action":"attr","Package":"p","Test":"TestE","Key":"evidence","Value":"of a part"}
{"Action":"output","Package":"p","Test":"TestE/part","Output":"    e_test.go:8: no bucket: make one\n"}
{"Action":"skip","Package":"p","Test":"TestE/part"}
{"Action":"skip","Package":"p","Test":"TestE/other"}
{"Action":"pass","Package":"p","Test":"TestE"}
{"Action":"output","Package":"p","Output":"FAIL p 2s\n"}
{"Action":"fail","Package":"p","Elapsed":2}
{"Action":"skip","Package":"without tests","Elapsed":0}
no event
`

func TestATableOfWhatBecameOfEach(t *testing.T) {
	var told, table strings.Builder
	found, skips, err := collect(strings.NewReader(events), &told)
	if err != nil {
		t.Fatal(err)
	}
	if want := "loud words\nFAIL p 2s\nno event\n"; told.String() != want {
		t.Errorf("passed on %q, want %q", told.String(), want)
	}
	list := []drill{{kind: fault, name: "later", pending: "until then"}}
	for _, n := range []string{"A", "B", "C", "D", "E", "F"} {
		list = append(list, drill{kind: fault, name: "drill " + n, tests: []test{{"p", "Test" + n}}})
	}
	err = print(&table, list, found)
	if want := "did not pass: drill B (fail), drill C (skip), drill D (no evidence), drill E (skip), drill F (missing)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, line := range []string{"pending 0.0 until then", "pass 1.2 3 things", "missing 0.0 no test TestF ran in p", "7 drills: 1 passed, 1 pending, 5 did not pass"} {
		if !strings.Contains(strings.Join(strings.Fields(table.String()), " "), line) {
			t.Errorf("the table has no %q:\n%s", line, table.String())
		}
	}
	var skipped strings.Builder
	if err := printSkips(&skipped, skips); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(strings.Fields(skipped.String()), " "), "3 tests were skipped 1 without a reason p TestE/other 2 no bucket: make one p TestC, p TestE/part"; got != want {
		t.Errorf("skipped: got %s, want %s", got, want)
	}
	if err := found.failed(); err == nil || err.Error() != "failed: p, p TestB" {
		t.Errorf("failed: %v", err)
	}
}

func TestEveryDrillHasATestOrAReason(t *testing.T) {
	names := map[string]bool{}
	for _, d := range drills {
		if names[d.name] || (len(d.tests) == 0) == (d.pending == "") {
			t.Errorf("%s stands twice, or has neither a test nor a reason", d.name)
		}
		names[d.name] = true
	}
}

// What a mutant breaks is there, once, and its drill too: a change of the code
// that leaves a mutant behind is told at once, and not when the mutants run.
func TestMutantsStillApply(t *testing.T) {
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.what, err)
		}
		if _, ok := drillOf(m.drill); !ok {
			t.Errorf("%s: there is no drill %q", m.what, m.drill)
		}
	}
	if len(mutants) < 20 {
		t.Errorf("only %d mutants", len(mutants))
	}
}
