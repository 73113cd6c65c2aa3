package main

import (
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
