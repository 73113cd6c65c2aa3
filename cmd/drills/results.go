package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	drillkit "rapport/internal/drill"
)

// test is a test function by its package's import path and its name.
type test struct{ pkg, name string }

// result is what became of a test.
type result struct {
	outcome  string // pass, fail, skip
	seconds  float64
	evidence []string
	skipped  string // the subtests that were
}

// skip is a test or subtest that did not run, and why.
type skip struct{ pkg, name, reason string }

// results holds results by test, and by package under an empty name.
type results map[test]*result

func (r results) at(t test) *result {
	if r[t] == nil {
		r[t] = &result{}
	}
	return r[t]
}

// failed names the tests and packages that failed.
func (r results) failed() error {
	var names []string
	for _, t := range slices.SortedFunc(maps.Keys(r), func(a, b test) int { return strings.Compare(a.pkg+" "+a.name, b.pkg+" "+b.name) }) {
		if r[t].outcome == "fail" {
			names = append(names, strings.TrimSpace(t.pkg+" "+t.name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return errors.New("failed: " + strings.Join(names, ", "))
}

// event is a line of `go test -json`: https://pkg.go.dev/cmd/test2json
type event struct {
	Action, Package, Test, Output, Key, Value string
	Elapsed                                   float64
}

// collect reads events until they end. What tests that failed wrote, and what
// packages and the compiler say, goes to w.
func collect(r io.Reader, w io.Writer) (results, []skip, error) {
	found, wrote := results{}, map[test]*strings.Builder{}
	var skips []skip
	last := map[test]string{} // what each test and subtest wrote last
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return found, skips, nil
		}
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(w, "%s", line) // of the go command itself
			continue
		}
		name, sub, isSub := strings.Cut(e.Test, "/")
		t := test{e.Package, name}
		switch e.Action {
		case "output", "build-output":
			switch {
			case name == "":
				if e.Output != "PASS\n" && !strings.Contains(e.Output, "no test files") {
					io.WriteString(w, e.Output)
				}
			default:
				if text := strings.TrimSpace(e.Output); !strings.HasPrefix(text, "--- ") {
					last[test{e.Package, e.Test}] = text
				}
				if wrote[t] == nil {
					wrote[t] = &strings.Builder{}
				}
				wrote[t].WriteString(e.Output)
			}
		case "attr":
			if e.Key == drillkit.Evidence {
				found.at(t).evidence = append(found.at(t).evidence, e.Value)
			}
		case "pass", "fail", "skip":
			x := found.at(t)
			full := test{e.Package, e.Test}
			if e.Action == "skip" && name != "" { // a package without tests is skipped too
				_, reason, _ := strings.Cut(last[full], ": ") // behind its file and line
				skips = append(skips, skip{e.Package, e.Test, reason})
			}
			delete(last, full)
			if isSub {
				if e.Action == "skip" {
					x.skipped = strings.TrimSpace(x.skipped + " " + sub)
				}
				continue
			}
			x.outcome, x.seconds = e.Action, e.Elapsed
			if e.Action == "fail" && wrote[t] != nil {
				io.WriteString(w, wrote[t].String())
			}
			delete(wrote, t)
		}
	}
}

// print prints the table, and returns an error that names the drills that did
// not pass: a drill that was skipped, or that measured nothing, shows nothing.
func print(w io.Writer, list []drill, found results) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "kind\tdrill\toutcome\tseconds\tevidence")
	var bad []string
	passed, pending := 0, 0
	for _, d := range list {
		outcome, seconds, evidence := d.outcome(found)
		switch outcome {
		case "pass":
			passed++
		case "pending":
			pending++
		default:
			bad = append(bad, fmt.Sprintf("%s (%s)", d.name, outcome))
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%.1f\t%s\n", d.kind, d.name, outcome, seconds, evidence)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d drills: %d passed, %d pending, %d did not pass\n", len(list), passed, pending, len(bad))
	if len(bad) > 0 {
		return errors.New("did not pass: " + strings.Join(bad, ", "))
	}
	return nil
}

// printSkips prints how many tests did not run, and for each reason which.
func printSkips(w io.Writer, skips []skip) error {
	byReason := map[string][]string{}
	for _, s := range skips {
		byReason[s.reason] = append(byReason[s.reason], s.pkg+" "+s.name)
	}
	fmt.Fprintf(w, "%d tests were skipped\n", len(skips))
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		slices.Sort(byReason[reason])
		fmt.Fprintf(out, "  %d\t%s\t%s\n", len(byReason[reason]), cmp.Or(reason, "without a reason"), strings.Join(byReason[reason], ", "))
	}
	return out.Flush()
}

// outcome sums up a drill's tests.
func (d drill) outcome(found results) (outcome string, seconds float64, evidence string) {
	if d.pending != "" {
		return "pending", 0, d.pending
	}
	var shown []string
	outcome = "pass"
	for _, t := range d.tests {
		r := found[t]
		switch {
		case r == nil || r.outcome == "":
			return "missing", seconds, "no test " + t.name + " ran in " + t.pkg
		case r.outcome != "pass":
			outcome = r.outcome
		case r.skipped != "" && outcome == "pass":
			outcome = "skip"
			shown = append(shown, "skipped: "+r.skipped)
		case len(r.evidence) == 0 && outcome == "pass":
			outcome = "no evidence"
		}
		if r != nil {
			seconds += r.seconds
			shown = append(shown, r.evidence...)
		}
	}
	return outcome, seconds, strings.Join(shown, "; ")
}
