package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Fanned is a function that ticks, and works off the queue that its ticks
// send to: message is called with the body of each message, direct with any
// other event. It fails as a whole where a message fails, for the alarm to
// see: the message comes again. Its queue hands out one at a time.
func Fanned(message func(ctx context.Context, body []byte) error, direct func(ctx context.Context, a Asked) error) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, raw json.RawMessage) error {
		var e struct {
			Asked
			Records []struct {
				Body string `json:"body"`
			} `json:"Records"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read the event: %w", err)
		}
		if len(e.Records) == 0 {
			return direct(ctx, e.Asked)
		}
		var errs []error
		for _, r := range e.Records {
			errs = append(errs, message(ctx, []byte(r.Body)))
		}
		return errors.Join(errs...)
	}
}

// Bulk is a message of the queue of bulk work, which has takers of its own:
// whatever reads much, and that nobody waits for.
type Bulk struct {
	Kind string `json:"kind"`
	Asked
	State json.RawMessage `json:"state,omitempty"` // of a rebuild, a wipe or scores: how far it is; of sides: what is to be done, too
}

// The kinds of bulk work.
const (
	BulkDiscover = "discover" // find the themes of Workspace, as of At
	BulkRebuild  = "rebuild"  // rebuild the views of Workspace, or go on with State
	BulkSides    = "sides"    // apply to the past that accounts of Workspace were named as own, or are no more: State says which
	BulkRescore  = "rescore"  // score the leads of Workspace by the model that State names, or take them away with it, or go on with State
	BulkBacktest = "backtest" // go on with the backtest of Workspace that State names
	BulkCompare  = "compare"  // compute how the people of Workspace stand today, to compare each with
	BulkWipe     = "wipe"     // take away what is left of Workspace, which was deleted, or go on with State
)
