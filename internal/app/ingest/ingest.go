// Package ingest wires the function that turns deliveries into facts.
package ingest

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"rapport/internal/app"
	"rapport/internal/app/ingesting"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/reading"
	"rapport/internal/refit"
	"rapport/internal/refitting"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/task"
)

// New returns the function that turns deliveries into facts. It is the one that
// reads texts, so that it fits the reader to corrections, too.
func New(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "SCORING_QUEUE_URL", "FEEDBACK_QUEUE_URL", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	r, err := reading.New()
	if err != nil {
		return nil, err
	}
	in, err := ingesting.Make(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	remembering := r.Remembering() // what was read once is read again for a workspace whose reader was fitted
	in.Read = func(text string, by *refit.Document, expected ...string) social.Reading {
		return remembering.KeptBy(by, text, expected...)
	}
	x := &refitting.Refitting{Store: store.New(cfg, env["TABLE"]), Chances: r.Chances}
	return lambdasqs.Batch(func(ctx context.Context, ms []lambdasqs.Message) map[string]error {
		var batch []ingest.Message
		refits := map[string]task.Refit{} // by message
		for _, m := range ms {
			var t task.Reads
			if json.Unmarshal(m.Body, &t) == nil && t.Refit != nil {
				refits[m.ID] = *t.Refit
			} else {
				batch = append(batch, ingest.Message(m))
			}
		}
		failed := map[string]error{}
		if len(batch) > 0 {
			failed = in.Batch(ctx, batch)
		}
		for id, t := range refits {
			if err := refitted(ctx, x, t); err != nil {
				failed[id] = err
			}
		}
		return failed
	}), nil
}

// reserve is the time that a step of a refit, and the fitting after the last, may take, with room for the answer.
const reserve = 40 * time.Second

// refitted goes on with a refit as long as there is time. What is left then
// comes again with the message; how far it is stands in the table.
func refitted(ctx context.Context, x *refitting.Refitting, t task.Refit) error {
	var stop time.Time
	if end, ok := ctx.Deadline(); ok {
		stop = end.Add(-reserve)
	}
	done, err := x.Go(ctx, t.Workspace, t.ID, time.Now, stop)
	switch {
	case fault.Is(err, fault.NotFound): // its workspace was deleted
		slog.InfoContext(ctx, "refit not done", "workspace", t.Workspace, "refit", t.ID, "error", err.Error())
		return nil
	case err != nil && !fault.Retryable(err):
		slog.ErrorContext(ctx, "refit failed", "workspace", t.Workspace, "refit", t.ID, "error", err.Error())
		return x.Fail(ctx, t.Workspace, t.ID, err, time.Now())
	case err != nil:
		return err
	}
	slog.InfoContext(ctx, "refitted", "workspace", t.Workspace, "refit", t.ID, "finished", done)
	if !done {
		return fault.New(fault.Transient, "no time was left for the rest of the refit")
	}
	return nil
}
