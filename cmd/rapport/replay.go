package main

import (
	"fmt"
	"time"

	"rapport/internal/app/operator"
	"rapport/internal/fault"
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
	ID        []string      `placeholder:"ID" help:"What was parked, by the id that the API's list gives it; can be given several times."`
	Reason    string        `placeholder:"TEXT" help:"Only parked ones whose reason holds this text."`
	App       string        `placeholder:"ID" help:"Only those of this app."`
	From      string        `placeholder:"TIME" help:"Received from this instant on, RFC 3339 (28 days before --to)."`
	To        string        `placeholder:"TIME" help:"Received before this instant, RFC 3339 (now)."`
	Archived  bool          `help:"The whole archive of that time instead of what was parked."`
	DryRun    bool          `help:"Say what it would come to, and do nothing."`
	Wait      time.Duration `default:"2m" help:"How long to wait until what would be added is there (${default})."`
}

// Help is printed by rapport replay --help.
func (replayCommand) Help() string {
	return `Sends deliveries that were parked or archived through today's code once more. A line for each delivery says what it would come to; the last line sums up: "would_add" activities are not there yet, "would_change" are there and read otherwise today (facts stay as they are: 0 of them change).

Without --dry-run the deliveries are then queued, with the instant of their first receipt, and it is looked again, in the archive of the same time, until none of the activities would be added any more: the proof that nothing is missing and nothing doubled, since an activity's key is made of the event alone. If some still would after --wait, it exits with 3; replaying again does no harm.

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
	if which.To, err = flagTime("to", c.To); err != nil {
		return err
	}
	if which.To.IsZero() {
		which.To = social.Instant(s.now()).Add(time.Millisecond)
	}
	if which.From, err = flagTime("from", c.From); err != nil {
		return err
	}
	if which.From.IsZero() {
		which.From = which.To.Add(-28 * 24 * time.Hour)
	}
	if !which.From.Before(which.To) {
		return misused("--from is not before --to")
	}
	if c.Wait < 0 {
		return misused("--wait %s is negative", c.Wait)
	}
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	_, err = o.Replay.Store.Workspace(s.ctx, c.Workspace)
	if fault.Is(err, fault.NotFound) {
		return misused("the stack %s has no workspace %q", c.Stack, c.Workspace)
	}
	if err != nil {
		return err
	}
	ids, keys := map[string]bool{}, map[string]bool{}
	before, err := o.Replay.DryRun(s.ctx, which, func(d platform.Delivery, out ingest.Outcome) error {
		if ids[d.ID()] = true; len(ids)%1000 == 0 {
			s.say("%d deliveries looked at", len(ids))
		}
		for _, k := range out.Add {
			keys[k] = true
		}
		return s.out.Encode(replayed{d.ID(), d.App, social.Stamp(d.Received), out.Add, out.Same, out.Differ, out.Erased, out.Parked, out.Ignored})
	})
	if err != nil {
		return err
	}
	if len(c.ID) > 0 && before.Deliveries == 0 {
		return fmt.Errorf("none of the ids is parked in %s from %s to %s and still to be understood", c.Workspace, social.Stamp(which.From), social.Stamp(which.To))
	}
	s.say("%d deliveries: would add %d, change 0 (%d read otherwise today), leave %d as they are; %d events still parked, %d of erased accounts", before.Deliveries, before.Add, before.Differ, before.Same, before.Parked, before.Erased)
	if c.DryRun || before.Deliveries == 0 {
		return s.out.Encode(before)
	}
	if _, err := o.Replay.Run(s.ctx, which); err != nil {
		return err
	}
	s.say("queued; waiting for them to be stored …")
	if err := c.prove(s, o.Replay, which, ids, keys); err != nil {
		return err
	}
	return s.out.Encode(before)
}

// maxPause bounds the time between two looks of prove.
const maxPause = 30 * time.Second

// prove waits until none of the activities with these keys would be added any
// more, by the archive of the time that was replayed: what was parked is no
// longer listed as such once it has been understood. An archive that lacks
// deliveries with these ids proves nothing of them, which is said.
func (c *replayCommand) prove(s *streams, r *replay.Replay, which replay.Which, ids, keys map[string]bool) error {
	archived := replay.Which{Workspace: which.Workspace, App: which.App, From: which.From, To: which.To, Archived: true}
	end := s.now().Add(c.Wait)
	for pause := time.Second; ; pause = min(2*pause, maxPause) {
		there, missing := 0, 0
		_, err := r.DryRun(s.ctx, archived, func(d platform.Delivery, out ingest.Outcome) error {
			if ids[d.ID()] {
				there++
			}
			for _, k := range out.Add {
				if keys[k] {
					missing++
				}
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case missing == 0 && there < len(ids):
			s.say("done, as far as can be seen: %d of the %d deliveries are no longer in the archive", len(ids)-there, len(ids))
			return nil
		case missing == 0:
			s.say("done: replaying them once more would add 0")
			return nil
		case !s.now().Before(end):
			return fmt.Errorf("after %s replaying them would still add %d: look at the log of ingest and at the deliveries queue", c.Wait, missing)
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(min(pause, end.Sub(s.now()))):
		}
	}
}
