// Package ingest wires the function that turns deliveries into facts.
package ingest

import (
	"context"

	"rapport/internal/app"
	"rapport/internal/app/ingesting"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/reading"
	"rapport/internal/social"
)

// New returns the function that turns deliveries into facts.
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
	in.Read = func(text string, expected ...string) social.Reading { return r.Read(text, expected...).Kept() }
	return lambdasqs.Batch(func(ctx context.Context, ms []lambdasqs.Message) map[string]error {
		batch := make([]ingest.Message, len(ms))
		for i, m := range ms {
			batch[i] = ingest.Message(m)
		}
		return in.Batch(ctx, batch)
	}), nil
}
