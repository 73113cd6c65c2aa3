package main

import (
	"maps"
	"slices"
	"strconv"

	"rapport/internal/app/operator"
	"rapport/internal/limit"
	"rapport/internal/store"
)

type limitsCommand struct {
	stackFlag
	Workspace string            `required:"" help:"The workspace."`
	Set       map[string]string `arg:"" optional:"" help:"Limits to set, name=number; name=default takes back what was set."`
}

// Help is printed by rapport limits --help.
func (limitsCommand) Help() string {
	return `Shows how much one workspace may have and ask for, or sets it. The limits are listed in docs/limits.md. What is set holds within a minute.

Examples:
  rapport limits --workspace larkspoon
  rapport limits --workspace larkspoon activities=5000000 sources=300
  rapport limits --workspace larkspoon sources=default
`
}

// limitLine is a limit as it is written.
type limitLine struct {
	Name    limit.Name   `json:"name"`
	What    string       `json:"what"`
	Per     limit.Window `json:"per,omitempty"`
	Most    int          `json:"most"`
	Default int          `json:"default"`
	Top     int          `json:"top"` // what can be set at most
}

// Run sets limits, and writes all of them.
func (c *limitsCommand) Run(s *streams) error {
	numbers := limit.Set{}
	for name, v := range c.Set {
		if v == "default" {
			if err := limit.Check(limit.Name(name), 0); err != nil {
				return misuse{err}
			}
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil {
			return misused("%s=%s: is no number, nor default", name, v)
		}
		if err := limit.Check(limit.Name(name), n); err != nil {
			return misuse{err}
		}
		numbers[limit.Name(name)] = n
	}
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		n, set := numbers[limit.Name(name)]
		if err := o.Store.SetLimit(s.ctx, c.Workspace, limit.Name(name), n, !set); err != nil {
			return err
		}
	}
	terms, err := o.Store.Terms(s.ctx, c.Workspace)
	if err != nil {
		return err
	}
	for _, l := range limit.All() {
		if l.Top == 0 {
			continue // no workspace's
		}
		if err := s.out.Encode(limitLine{l.Name, l.What, l.Per, terms.Limits.Most(l.Name), l.Most, l.Top}); err != nil {
			return err
		}
	}
	return nil
}

type stopCommand struct {
	stackFlag
	Workspace string `arg:"" help:"The workspace."`
}

// Help is printed by rapport stop-workspace --help.
func (stopCommand) Help() string {
	return `Stops a workspace, within a minute: hooks are accepted and what comes is parked with the reason "the workspace is stopped"; nothing is fetched, mailed, announced or found anew; its members can read and not change. Only the operator can start it again.

Example:
  rapport stop-workspace larkspoon
`
}

// stoppedLine is how a workspace stands now.
type stoppedLine struct {
	Workspace string `json:"workspace"`
	Stopped   bool   `json:"stopped"`
}

// Run stops the workspace.
func (c *stopCommand) Run(s *streams) error {
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	if err := o.Store.StopWorkspace(s.ctx, c.Workspace, store.Operator, s.now()); err != nil {
		return err
	}
	return s.out.Encode(stoppedLine{c.Workspace, true})
}

type startCommand struct {
	stackFlag
	Workspace string `arg:"" help:"The workspace."`
}

// Help is printed by rapport start-workspace --help.
func (startCommand) Help() string {
	return `Lets a workspace go on that was stopped, by the operator or an owner. What came meanwhile is parked: replay it, a few seconds later.

Example:
  rapport start-workspace larkspoon
  rapport replay --workspace larkspoon --reason 'the workspace is stopped'
`
}

// Run starts the workspace.
func (c *startCommand) Run(s *streams) error {
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	if err := o.Store.StartWorkspace(s.ctx, c.Workspace, store.Operator); err != nil {
		return err
	}
	return s.out.Encode(stoppedLine{c.Workspace, false})
}
