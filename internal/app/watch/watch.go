// Package watch wires the function that looks after sources.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rapport/internal/app"
	"rapport/internal/fetch"
	"rapport/internal/platform/all"
	"rapport/internal/queue"
	"rapport/internal/secret"
	"rapport/internal/store"
	"rapport/internal/watch"
)

// watchOne is the message that asks for a look at one workspace.
type watchOne struct {
	Workspace string `json:"workspace"`
	At        string `json:"at,omitempty"` // RFC 3339: look as of this instant instead of now
}

// watchEvent is what the function watch is called with: messages of its
// queue; one message alone, by hand; or neither, by a tick.
type watchEvent struct {
	watchOne
	Records []struct {
		Body string `json:"body"`
	} `json:"Records"`
}

// New returns the function that looks after sources. A tick sends a message for
// each workspace to the queue that the function itself works off, so that no
// workspace waits for another. It fails as a whole where a workspace fails,
// for the alarm to see: its message comes again.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "SECRETS_PREFIX", "WATCH_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	s, q := store.New(cfg, env["TABLE"]), queue.New(cfg, env["WATCH_QUEUE_URL"])
	x := watch.New(watch.Deps{Store: s, Adapter: all.Find, Secrets: secret.New(cfg, env["SECRETS_PREFIX"]).App, Fetch: fetch.New().Do, PublicURL: getenv("PUBLIC_URL")})
	return func(ctx context.Context, raw json.RawMessage) error {
		var e watchEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read the event: %w", err)
		}
		if e.Workspace != "" {
			at, err := app.EventTime(e.At, time.Now())
			if err != nil {
				return fmt.Errorf("read the event: %w", err)
			}
			return x.Workspace(ctx, e.Workspace, at)
		}
		if len(e.Records) == 0 {
			ws, err := s.Ticked(ctx)
			if err != nil {
				return err
			}
			messages := make([]watchOne, len(ws))
			for i, w := range ws {
				messages[i] = watchOne{Workspace: w}
			}
			return queue.SendAll(ctx, q, messages)
		}
		var errs []error
		for _, r := range e.Records {
			var m watchOne
			err := json.Unmarshal([]byte(r.Body), &m)
			rests := false
			if err == nil {
				rests, err = s.Rests(ctx, m.Workspace)
			}
			switch {
			case err != nil:
			case rests:
				err = x.Resting(ctx, m.Workspace, time.Now())
			default:
				err = x.Workspace(ctx, m.Workspace, time.Now())
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}, nil
}
