// Package discover wires the function that finds themes, and does other bulk work.
package discover

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"rapport/internal/app"
	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/queue"
	"rapport/internal/reading"
	"rapport/internal/rebuild"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// New returns the function that finds themes, and does other bulk work: a tick
// sends a message for each workspace to the queue of bulk work, which it works off.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BULK_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	s := store.New(cfg, env["TABLE"])
	d, q := discover.New(s, reading.New()), queue.New(cfg, env["BULK_QUEUE_URL"])
	run := func(ctx context.Context, a app.Asked) error {
		now := social.Instant(time.Now())
		at, err := app.Instant(a.At, now)
		if err != nil {
			return err
		}
		_, err = d.Run(ctx, a.Workspace, at, now)
		return err
	}
	return app.Fanned(func(ctx context.Context, body []byte) error {
		var m app.Bulk
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		switch m.Kind {
		case app.BulkDiscover:
			return d.Visit(ctx, m.Workspace, social.Instant(time.Now()))
		case app.BulkRebuild:
			return again(ctx, s, q, m)
		}
		return fault.New(fault.Invalid, "no bulk work is called %q", m.Kind)
	}, func(ctx context.Context, a app.Asked) error {
		if a.Workspace != "" {
			return run(ctx, a)
		}
		return d.Tick(ctx, social.Instant(time.Now()), func(ctx context.Context, workspaces []string) error {
			var messages []app.Bulk
			for _, w := range workspaces {
				messages = append(messages, app.Bulk{Kind: app.BulkDiscover, Asked: app.Asked{Workspace: w}})
			}
			return queue.SendAll(ctx, q, messages)
		})
	}), nil
}

// reserve is the time of a run that is kept for queueing what is left.
const reserve = time.Minute

// again rebuilds views as long as there is time, and queues how far it came.
func again(ctx context.Context, s *store.Store, q *queue.Queue, m app.Bulk) error {
	state := rebuild.State{Workspace: m.Workspace}
	if len(m.State) > 0 {
		if err := json.Unmarshal(m.State, &state); err != nil {
			return fault.Wrap(fault.Invalid, err, "the state of a rebuild can't be read")
		}
	}
	if _, err := s.Workspace(ctx, state.Workspace); err != nil {
		return err
	}
	var stop time.Time
	if end, ok := ctx.Deadline(); ok {
		stop = end.Add(-reserve)
	}
	r := rebuild.Rebuild{Store: s, Now: time.Now, Views: func(s *store.Store) []view.View { return all.Views(s, time.Now) }}
	state, err := r.Run(ctx, state, stop, func(rebuild.State) {})
	if err != nil {
		return err
	}
	if state.Phase == rebuild.Done {
		slog.InfoContext(ctx, "rebuilt", "workspace", state.Workspace, "accounts", state.Accounts, "facts", state.Facts, "items", state.Items,
			"different", state.Different(), "mended", state.Mended, "differ", state.Differ)
		return nil
	}
	return q.Send(ctx, app.Bulk{Kind: app.BulkRebuild, Asked: app.Asked{Workspace: state.Workspace}, State: json.RawMessage(state.String())})
}
