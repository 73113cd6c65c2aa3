// Package discover wires the function that finds themes.
package discover

import (
	"context"
	"time"

	"rapport/internal/app"
	"rapport/internal/discover"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
)

// New returns the function that finds themes.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, app.Asked) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE")
	if err != nil {
		return nil, err
	}
	d := discover.New(store.New(cfg, env["TABLE"]), reading.New())
	return func(ctx context.Context, a app.Asked) error {
		now := social.Instant(time.Now())
		if a.Workspace == "" {
			return d.Tick(ctx, now)
		}
		at, err := app.Instant(a.At, now)
		if err != nil {
			return err
		}
		_, err = d.Run(ctx, a.Workspace, at, now)
		return err
	}, nil
}
