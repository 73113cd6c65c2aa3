// Package discover wires the function that finds themes, and does other bulk work.
package discover

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/app"
	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/queue"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
)

// New returns the function that finds themes, and does other bulk work: a tick
// sends a message for each workspace to the queue of bulk work, which it works off.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BULK_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	d, q := discover.New(store.New(cfg, env["TABLE"]), reading.New()), queue.New(cfg, env["BULK_QUEUE_URL"])
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
