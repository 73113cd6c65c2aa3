package main

import (
	"fmt"
	"time"

	"rapport/internal/app/operator"
	"rapport/internal/ingest"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

type eraseCommand struct {
	stackFlag
	Workspace string `required:"" help:"The workspace that is to forget the account."`
	Platform  string `required:"" help:"The account's platform, as the activity's actor has it."`
	Scope     string `help:"The actor's scope, where it has one."`
	ID        string `arg:"" help:"The actor's id on the platform."`
	Reason    string `default:"asked for" help:"For the receipt: names nobody."`
	Yes       bool   `help:"Do it. Without, it is only said what would be queued."`
}

// Help is printed by rapport erase --help.
func (eraseCommand) Help() string {
	return `Has an account forgotten whose person asked for it: what it did until now, and all that was made of it. It can't be undone. The function erase does it; the receipt is in the API's list of erasures. Platforms' own demands need no command.

Example:
  rapport erase --workspace larkspoon --platform standard --scope larkspoon-square --yes u_45428`
}

// queuedErasure is the line that is written.
type queuedErasure struct {
	Queued bool         `json:"queued"`
	Erase  ingest.Erase `json:"erase"`
}

// Run queues the demand.
func (c *eraseCommand) Run(s *streams) error {
	if _, err := all.Find(social.Platform(c.Platform)); err != nil {
		return misused("--platform %s: %v", c.Platform, err)
	}
	if c.ID == "" || c.ID == social.Unknown {
		return misused("the id %q stands for nobody", c.ID)
	}
	m := ingest.Erase{Workspace: c.Workspace, Platform: c.Platform, Scope: c.Scope, ID: c.ID, Reason: c.Reason, At: social.Stamp(s.now())}
	if c.Yes {
		o, err := operator.New(s.ctx, c.Stack)
		if err != nil {
			return err
		}
		if err := o.Erase(s.ctx, m); err != nil {
			return err
		}
	}
	return s.out.Encode(queuedErasure{c.Yes, m})
}

type eraseAgainCommand struct {
	stackFlag
	Workspace []string `placeholder:"ID" help:"A workspace that is looked through; can be given several times."`
	All       bool     `help:"Every workspace of the stack."`
	Yes       bool     `help:"Do it. Without, it is only said what would be queued."`
}

// Help is printed by rapport erase-again --help.
func (eraseAgainCommand) Help() string {
	return `After a restore from a backup: finds the accounts whose facts are there again although a tombstone says that they were erased, and queues for each that it is forgotten as of the instant of then. What somebody did afterwards stays. Tombstones and receipts must have been put into the restored table before (docs/operations.md). The function erase does it, as ever; the counts are added to the receipts.

A line for each demand, and one for each workspace; progress on standard error. It exits with 1 if it found somebody and --yes was not given. Give it again until it finds nobody: that is also how it goes on after it was interrupted, since what is erased by then is found no more, and a demand that is queued twice is carried out once.

Examples:
  rapport erase-again --workspace larkspoon
  rapport erase-again --all --yes`
}

// erasedAgain is the line about a demand. Who it is stands there by the account's id alone.
type erasedAgain struct {
	Queued    bool   `json:"queued"`
	Workspace string `json:"workspace"`
	Platform  string `json:"platform"`
	Scope     string `json:"scope,omitempty"`
	Account   string `json:"account,omitempty"` // absent: everyone of the scope
	At        string `json:"at"`
}

// lookedThrough is the line about a workspace.
type lookedThrough struct {
	Workspace string `json:"workspace"`
	Accounts  int    `json:"accounts"`
	Found     int    `json:"found"`
	Queued    int    `json:"queued"`
}

// Run queues the demands.
func (c *eraseAgainCommand) Run(s *streams) error {
	if err := oneOrAll(c.Workspace, c.All); err != nil {
		return err
	}
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	workspaces, err := workspacesOf(s.ctx, o, c.Stack, c.Workspace, c.All)
	if err != nil {
		return err
	}
	left := false
	for _, w := range workspaces {
		sum := lookedThrough{Workspace: w}
		told := s.now()
		err := o.Again(s.ctx, w, func(m ingest.Erase) error {
			sum.Found++
			if c.Yes {
				if err := o.Erase(s.ctx, m); err != nil {
					return err
				}
				sum.Queued++
			}
			line := erasedAgain{c.Yes, w, m.Platform, m.Scope, "", m.At}
			if m.ID != "" {
				line.Account = social.AccountRef{Platform: social.Platform(m.Platform), Scope: m.Scope, ID: m.ID}.AccountID()
			}
			return s.out.Encode(line)
		}, func(accounts int) {
			sum.Accounts = accounts
			if s.now().Sub(told) >= 2*time.Second {
				told = s.now()
				s.say("%s: %d accounts looked at, %d found, %d queued", w, sum.Accounts, sum.Found, sum.Queued)
			}
		})
		if err != nil {
			return fmt.Errorf("%s: after %d accounts, of whom %d were found and %d queued; give the command again, which changes nothing of what was queued: %w", w, sum.Accounts, sum.Found, sum.Queued, err)
		}
		if err := s.out.Encode(sum); err != nil {
			return err
		}
		left = left || sum.Found > sum.Queued
	}
	if left {
		s.say("nothing was queued: look at the lines, and give --yes")
		return errRefused
	}
	return nil
}
