package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"rapport/internal/app/operator"
	"rapport/internal/fault"
	"rapport/internal/rebuild"
)

type rebuildCommand struct {
	stackFlag
	Workspace []string `placeholder:"ID" help:"A workspace whose views are rebuilt; can be given several times."`
	All       bool     `help:"Every workspace of the stack."`
	Account   string   `placeholder:"ID" help:"Only the history and the lead of this account (acc_…), of one workspace."`
	Mend      bool     `help:"Replace what is not as the facts give it."`
	Resume    string   `placeholder:"FILE" help:"Keep the progress in this file, and go on from it if it is there."`
}

// Help is printed by rapport rebuild --help.
func (rebuildCommand) Help() string {
	return `Makes every view of a workspace again from its facts, beside those that are in use, and compares the two item by item: leads, conversations, threads, the days' tuples, all in the list of docs/decisions. What is not as the facts give it is counted by view and named ("differ", the first 100), and with --mend it is replaced, unless it was written meanwhile ("conflicts": run it once more).

It can run while the stack works: what comes meanwhile may be named, and is not when it is run again. Before --mend replaces anything, all views are made once more, with what came meanwhile, and only what still differs, unwritten, is replaced. A lead that is to be scored again by now counts as "due", not as a difference. It exits with 1 if anything differed and was not mended. A line of JSON for each workspace; progress on standard error. With --resume a run that was interrupted goes on where it was.

Examples:
  rapport rebuild --workspace acme
  rapport rebuild --workspace acme --account acc_7d3… --mend
  rapport rebuild --all --resume rebuild.state`
}

// Run rebuilds.
func (c *rebuildCommand) Run(s *streams) error {
	if err := oneOrAll(c.Workspace, c.All); err != nil {
		return err
	}
	switch {
	case c.All && c.Account != "":
		return misused("--all goes without --account")
	case c.Account != "" && len(c.Workspace) != 1:
		return misused("--account wants one --workspace")
	}
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	workspaces, err := workspacesOf(s.ctx, o, c.Stack, c.Workspace, c.All)
	if err != nil {
		return err
	}
	states, err := c.load()
	if err != nil {
		return err
	}
	differ := false
	for _, w := range workspaces {
		state, ok := states[w]
		if !ok {
			state = rebuild.State{Workspace: w, Account: c.Account, Mend: c.Mend}
		}
		told := s.now()
		state, err = o.Rebuild.Run(s.ctx, state, time.Time{}, func(x rebuild.State) {
			states[w] = x
			if s.now().Sub(told) < 2*time.Second && x.Phase != rebuild.Done {
				return
			}
			told = s.now()
			if err := c.save(states); err != nil {
				s.say("%v", err)
			}
			s.say("%s: %s: %d facts of %d accounts, %d items compared, %d mended", w, x.Phase, x.Facts, x.Accounts, x.Items, x.Mended)
		})
		if err != nil {
			return errors.Join(err, c.save(states))
		}
		if err := s.out.Encode(state); err != nil {
			return err
		}
		differ = differ || state.Different() > state.Mended
	}
	if c.Resume != "" {
		if err := os.Remove(c.Resume); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if differ {
		return errRefused
	}
	return nil
}

func oneOrAll(named []string, all bool) error {
	switch {
	case len(named) == 0 && !all:
		return misused("which workspaces? Give --workspace ID, or --all")
	case len(named) > 0 && all:
		return misused("--all goes without --workspace")
	}
	return nil
}

// workspacesOf returns the workspaces that are named, or all of the stack, each of which is there.
func workspacesOf(ctx context.Context, o *operator.Operator, stack string, named []string, all bool) ([]string, error) {
	if all {
		var err error
		if named, err = o.Store.Ticked(ctx); err != nil {
			return nil, err
		}
	}
	for _, w := range named {
		if _, err := o.Store.Workspace(ctx, w); fault.Is(err, fault.NotFound) {
			return nil, misused("the stack %s has no workspace %q", stack, w)
		} else if err != nil {
			return nil, err
		}
	}
	return named, nil
}

// load reads the states of an interrupted run.
func (c *rebuildCommand) load() (map[string]rebuild.State, error) {
	states := map[string]rebuild.State{}
	if c.Resume == "" {
		return states, nil
	}
	b, err := os.ReadFile(c.Resume)
	if errors.Is(err, fs.ErrNotExist) {
		return states, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &states)
	}
	if err != nil {
		return nil, fmt.Errorf("read the progress in %s: %w", c.Resume, err)
	}
	return states, nil
}

// save writes the states, the old file or the new one whole.
func (c *rebuildCommand) save(states map[string]rebuild.State) error {
	if c.Resume == "" {
		return nil
	}
	b, err := json.Marshal(states)
	if err == nil {
		err = os.WriteFile(c.Resume+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(c.Resume+".new", c.Resume)
	}
	if err != nil {
		return fmt.Errorf("keep the progress: %w", err)
	}
	return nil
}
