// Package poll wires the function that asks the platforms that send nothing.
package poll

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"

	"rapport/internal/app"
	"rapport/internal/app/deliver"
	"rapport/internal/archive"
	"rapport/internal/fetch"
	"rapport/internal/platform/all"
	"rapport/internal/poll"
	"rapport/internal/queue"
	"rapport/internal/secret"
	"rapport/internal/store"
)

// New returns the function that asks the platforms that send nothing. A tick
// sends a message for each host to the queue that the function itself works off. POLL_ALLOW,
// which may be empty, names servers as host:port, separated by commas, that
// are asked whatever their addresses and ports.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "DELIVERIES_QUEUE_URL", "SECRETS_PREFIX", "POLL_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	hosts := queue.New(cfg, env["POLL_QUEUE_URL"])
	d := poll.Deps{
		Store:   store.New(cfg, env["TABLE"]),
		Secrets: secret.New(cfg, env["SECRETS_PREFIX"]).App,
		Adapter: all.Find,
		Fetch:   fetch.New(strings.FieldsFunc(getenv("POLL_ALLOW"), func(r rune) bool { return r == ',' || r == ' ' })...).Do,
		Enqueue: deliver.To(queue.New(cfg, env["DELIVERIES_QUEUE_URL"]), archive.New(cfg, env["BUCKET"])),
		Send:    func(ctx context.Context, m []poll.Asking) error { return queue.SendAll(ctx, hosts, m) },
		Now:     time.Now,
		Wait:    app.Wait,
		Rand:    rand.Float64,
	}
	return app.Fanned(func(ctx context.Context, body []byte) error {
		var m poll.Asking
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		return poll.Host(ctx, d, m)
	}, func(ctx context.Context, _ app.Asked) error { return poll.Tick(ctx, d) }), nil
}
