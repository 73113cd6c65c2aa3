// Command drills runs the drills, tests in which a fault or an attack is
// carried out, and prints a table of what became of each.
//
//	drills           run all of them; needs the engine that `make drills` starts
//	drills read      read the events of `go test -json` from stdin instead, and print what was skipped too
//	drills skips     the same without the table, for tests that are no drills
//	drills mutants   break the code in stated ways: each must be caught by its drill
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 0:
		err = run(os.Stdout)
	case slices.Equal(args, []string{"read"}):
		err = read(os.Stdin, os.Stdout, drills)
	case slices.Equal(args, []string{"skips"}):
		err = read(os.Stdin, os.Stdout, nil)
	case args[0] == "mutants":
		err = runMutants(os.Stdout, args[1:])
	default:
		err = fmt.Errorf("unknown: %s; there are: read, skips, mutants", strings.Join(args, " "))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "drills:", err)
		os.Exit(1)
	}
}

// run runs the drills' tests and prints the table.
func run(w io.Writer) error {
	results, out, err := goTest(testsOf(drills))
	if err != nil {
		return err
	}
	os.Stderr.Write(out)
	return print(w, drills, results)
}

// read passes on what `go test -json` says, for people, and prints the table
// of a list, if there is one, and what was skipped. It fails too where a test
// failed that is no drill.
func read(r io.Reader, w io.Writer, list []drill) error {
	results, skips, err := collect(r, w)
	if err != nil {
		return err
	}
	var missed error
	if len(list) > 0 {
		fmt.Fprintln(w)
		missed = print(w, list, results)
	}
	fmt.Fprintln(w)
	return errors.Join(printSkips(w, skips), missed, results.failed())
}

// testsOf lists the tests of drills, each once.
func testsOf(list []drill) []test {
	var out []test
	for _, d := range list {
		for _, t := range d.tests {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// goTest runs tests, and returns what became of them and what the failed ones wrote.
func goTest(tests []test, env ...string) (results, []byte, error) {
	var names, packages []string
	for _, t := range tests {
		names = append(names, t.name)
		packages = append(packages, t.pkg)
	}
	slices.Sort(packages)
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-timeout=60m", "-run", "^(" + strings.Join(names, "|") + ")$"}, slices.Compact(packages)...)...)
	cmd.Env = append(os.Environ(), env...)
	var stderr, told bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	found, _, err := collect(stdout, &told)
	cmd.Wait() // its failure is that of a test, and stands in the results
	told.Write(stderr.Bytes())
	return found, told.Bytes(), err
}
