// Package erase wires the function that forgets accounts.
package erase

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/app"
	"rapport/internal/app/key"
	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// New returns the function that forgets accounts. Each message is done twice:
// at once, and when whatever was being written meanwhile is there.
func New(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	k, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	again := queue.New(cfg, env["ERASE_QUEUE_URL"])
	s := store.New(cfg, env["TABLE"])
	e := erasure.New(s, time.Now)
	e.Archive, e.Key = archive.New(cfg, env["BUCKET"]), k
	e.Queue = func(ctx context.Context, m ingest.Erase, after time.Duration) error {
		return again.SendLater(ctx, m, after)
	}
	return lambdasqs.Each(func(ctx context.Context, body []byte) error {
		var m ingest.Erase
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		if gone, err := s.IsDeleting(ctx, m.Workspace); err != nil || gone {
			return err // with the workspace everything goes
		}
		return e.Forget(ctx, m)
	}), nil
}
