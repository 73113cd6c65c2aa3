// Command cases runs the cases of ../shared/cases/intake and people, small
// inputs from outside on which Rapport was wrong once, and prints of each what
// was got beside what is expected. It exits with 1 if one is wrong.
//
//	cases              all of them; needs the deployed stack that `make cases` starts
//	cases people/bom   some; what only the operator's tool is asked needs no stack
//
// The cases are no part of the project. Where they are absent, it says so.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// folder is where the cases are, seen from the top of the repository.
const folder = "../shared/cases"

// check is how one case is tried.
type check struct {
	steps []func(*trial) error // on the stack, each once the queues are empty; none: it needs no stack
	look  func(*trial) (verdict, error)
}

// verdict is what was got, and whether it is right.
type verdict struct {
	got   string
	right bool
}

// trial is a case while it is tried.
type trial struct {
	context.Context
	name  string // folder/name
	tool  string // the path of the operator's tool
	scrap string // a folder of its own
	stack *stack // nil without steps
	token string // of the user who owns its workspace
	base  string // of its workspace in the API
	first string // the source that was connected first
}

// file is the path of a file of the case, by what follows its name.
func (t *trial) file(ending string) string { return filepath.Join(folder, t.name+ending) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	wrong, err := run(ctx, os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "cases:", err)
	}
	if err != nil || wrong > 0 {
		os.Exit(1)
	}
}

// run tries the cases of names, or all, and returns how many are wrong.
func run(ctx context.Context, w io.Writer, names []string) (wrong int, err error) {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(w, "absent: there is no folder %s, so no case was tried\n", folder)
		return 0, nil
	}
	there, err := found()
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		names = there
	}
	for _, name := range names {
		if !slices.Contains(there, name) {
			return 0, fmt.Errorf("there is no case %s; there are: %s", name, strings.Join(there, ", "))
		}
	}
	scrap, err := os.MkdirTemp("", "rapport-cases")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scrap)
	tool := filepath.Join(scrap, "rapport")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", tool, "./cmd/rapport").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the operator's tool: %w\n%s", err, out)
	}
	trials, err := prepare(ctx, names, tool, scrap)
	if err != nil {
		return 0, err
	}
	failed, err := work(trials)
	if err != nil {
		return 0, err
	}
	right, unsaid := 0, 0
	for _, t := range trials {
		expected, err := os.ReadFile(t.file(".expected"))
		if err != nil {
			return 0, err
		}
		want, _, _ := strings.Cut(strings.TrimSpace(string(expected)), " Got")
		c, known := checks[t.name]
		word, got := "wrong", "not tried: nothing here checks it"
		switch {
		case want == "":
			word, want, got = "unsaid", "its .expected is empty", "not tried"
			unsaid++
		case known && failed[t.name] != nil:
			got = failed[t.name].Error()
		case known:
			v, err := c.look(t)
			if got = v.got; err != nil {
				got = err.Error()
			} else if v.right {
				word = "right"
				right++
			}
		}
		fmt.Fprintf(w, "%-6s %s\n       got      %s\n       expected %s\n", word, t.name, oneLine(got), oneLine(want))
	}
	wrong = len(trials) - right - unsaid
	fmt.Fprintf(w, "\n%d cases: %d right, %d wrong, %d whose .expected says nothing\n", len(trials), right, wrong, unsaid)
	return wrong, nil
}

// found lists the cases that are there, as folder/name.
func found() ([]string, error) {
	var out []string
	for _, part := range []string{"intake", "people"} {
		files, err := filepath.Glob(filepath.Join(folder, part, "*.expected"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			out = append(out, part+"/"+strings.TrimSuffix(filepath.Base(f), ".expected"))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no .expected", folder)
	}
	return out, nil
}

// prepare makes a trial of each name, and a workspace of those that have steps.
func prepare(ctx context.Context, names []string, tool, scrap string) ([]*trial, error) {
	var s *stack
	var out []*trial
	for i, name := range names {
		t := &trial{Context: ctx, name: name, tool: tool, scrap: filepath.Join(scrap, fmt.Sprint(i))}
		out = append(out, t)
		if err := os.Mkdir(t.scrap, 0o700); err != nil {
			return nil, err
		}
		if len(checks[name].steps) == 0 {
			continue
		}
		if s == nil {
			var err error
			if s, err = open(ctx); err != nil {
				return nil, err
			}
		}
		t.stack = s
		if err := t.workspace(i); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

// work does the steps: the first of all cases, then, once the queues are
// empty, the second, and so on. It returns what went wrong, by case.
func work(trials []*trial) (map[string]error, error) {
	failed := map[string]error{}
	for i, more := 0, true; more; i++ {
		more = false
		for _, t := range trials {
			steps := checks[t.name].steps
			if i >= len(steps) || failed[t.name] != nil {
				continue
			}
			more = true
			if err := steps[i](t); err != nil {
				failed[t.name] = err
			}
		}
		if !more {
			break
		}
		if err := drained(trials); err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// oneLine is a text on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
