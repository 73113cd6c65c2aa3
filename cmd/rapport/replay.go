package main

import (
	"fmt"
	"time"

	"rapport/internal/app"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/replay"
	"rapport/internal/social"
)

// stackFlag names a deployed stack.
type stackFlag struct {
	Stack string `default:"rapport" placeholder:"NAME" help:"The deployed stack (${default}), in the account and region that AWS_PROFILE or AWS_REGION and credentials say."`
}

type replayCommand struct {
	stackFlag
	Workspace string        `required:"" placeholder:"ID" help:"The workspace whose deliveries are replayed."`
	ID        []string      `placeholder:"ID" help:"A parked delivery's id; can be given several times."`
	Reason    string        `placeholder:"TEXT" help:"Only parked ones whose reason holds this text."`
	App       string        `placeholder:"ID" help:"Only those of this app."`
	From      string        `placeholder:"TIME" help:"Received from this instant on, RFC 3339 (28 days before --to)."`
	To        string        `placeholder:"TIME" help:"Received before this instant, RFC 3339 (now)."`
	Archived  bool          `help:"The whole archive of that time instead of what was parked."`
	DryRun    bool          `help:"Say what it would come to, and do nothing."`
	Wait      time.Duration `default:"2m" help:"How long to wait for the queue before looking whether anything would still be added (${default})."`
}

// Help is printed by rapport replay --help.
func (replayCommand) Help() string {
	return `Sends deliveries that were parked or archived through today's code once more. A line for each delivery says what it would come to; the last line sums up: "would_add" activities are not there yet, "would_change" are there and read otherwise today (facts stay as they are: 0 of them change).

Without --dry-run the deliveries are then queued, with the instant of their first receipt, and when they are through it is looked again: "would_add" must then be 0, the proof that nothing is missing and nothing doubled, since an activity's key is made of the event alone.

Examples:
  rapport replay --workspace acme --reason 'no source watches' --dry-run
  rapport replay --workspace acme --reason 'no source watches'
  rapport replay --workspace acme --archived --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z --dry-run`
}

// replayed is a line about one delivery.
type replayed struct {
	Delivery string   `json:"delivery"`
	App      string   `json:"app"`
	Received string   `json:"received"`
	Add      []string `json:"would_add,omitempty"`
	Same     int      `json:"same,omitempty"`
	Differ   []string `json:"would_change,omitempty"`
	Erased   int      `json:"erased,omitempty"`
	Parked   []string `json:"still_parked,omitempty"`
	Ignored  int      `json:"ignored,omitempty"`
}

// Run replays.
func (c *replayCommand) Run(s *streams) error {
	which := replay.Which{Workspace: c.Workspace, IDs: c.ID, Reason: c.Reason, App: c.App, Archived: c.Archived}
	if c.Archived && (len(c.ID) > 0 || c.Reason != "") {
		return misused("--archived goes without --id and --reason: the archive holds whole deliveries")
	}
	var err error
	if which.To, err = instant("to", c.To); err != nil {
		return err
	}
	if which.To.IsZero() {
		which.To = social.Instant(s.now()).Add(time.Millisecond)
	}
	if which.From, err = instant("from", c.From); err != nil {
		return err
	}
	if which.From.IsZero() {
		which.From = which.To.Add(-28 * 24 * time.Hour)
	}
	if !which.From.Before(which.To) {
		return misused("--from is not before --to")
	}
	o, err := app.NewOperator(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	n := 0
	before, err := o.Replay.DryRun(s.ctx, which, func(d platform.Delivery, out ingest.Outcome) error {
		if n++; n%1000 == 0 {
			s.say("%d deliveries looked at", n)
		}
		return s.out.Encode(replayed{d.ID(), d.App, social.Stamp(d.Received), out.Add, out.Same, out.Differ, out.Erased, out.Parked, out.Ignored})
	})
	if err != nil {
		return err
	}
	s.say("%d deliveries: would add %d, change 0 (%d read otherwise today), leave %d as they are; %d events still parked, %d of erased accounts", before.Deliveries, before.Add, before.Differ, before.Same, before.Parked, before.Erased)
	if c.DryRun || before.Deliveries == 0 {
		return s.out.Encode(before)
	}
	if _, err := o.Replay.Run(s.ctx, which); err != nil {
		return err
	}
	s.say("queued; waiting for them to be stored …")
	// What was understood is no longer parked: the proof looks at the same time's archive.
	proof := which
	if !which.Archived {
		proof = replay.Which{Workspace: which.Workspace, App: which.App, From: which.From, To: which.To, Archived: true}
	}
	end := s.now().Add(c.Wait)
	for {
		after, err := o.Replay.DryRun(s.ctx, proof, nil)
		if err != nil {
			return err
		}
		if after.Add == 0 {
			s.say("done: a dry run over the same time's archive would add 0")
			return s.out.Encode(before)
		}
		if s.now().After(end) {
			return fmt.Errorf("after %s a dry run would still add %d: look at the log of ingest and at the deliveries queue", c.Wait, after.Add)
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}
