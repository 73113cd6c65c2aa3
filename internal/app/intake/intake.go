// Package intake wires the function that platforms call.
package intake

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"rapport/internal/app"
	"rapport/internal/app/deliver"
	"rapport/internal/archive"
	"rapport/internal/intake"
	"rapport/internal/lambdahttp"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/secret"
	"rapport/internal/store"
)

// New returns the function that platforms call.
func New(ctx context.Context, getenv func(string) string) (lambdahttp.Func, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "DELIVERIES_QUEUE_URL", "REPLAYS_QUEUE_URL", "SECRETS_PREFIX")
	if err != nil {
		return nil, err
	}
	deliveries, bodies := queue.New(cfg, env["DELIVERIES_QUEUE_URL"]), archive.New(cfg, env["BUCKET"])
	deliver, check := deliver.To(deliveries, bodies), deliver.To(queue.New(cfg, env["REPLAYS_QUEUE_URL"]), bodies)
	return lambdahttp.Handler(intake.Handler(intake.Deps{
		App:     store.New(cfg, env["TABLE"]).AppFor,
		Secrets: secret.New(cfg, env["SECRETS_PREFIX"]).App,
		Enqueue: func(ctx context.Context, d platform.Delivery) error {
			if d.Check != "" {
				return check(ctx, d) // somebody waits for it, and in the deliveries' queue it would wait for a batch to fill
			}
			return deliver(ctx, d)
		},
		Note: func(ctx context.Context, n platform.Note) error {
			return deliveries.Send(ctx, map[string]any{"note": n})
		},
		Instance:  cmp.Or(lambdacontext.LogStreamName, "local"),
		PublicURL: getenv("PUBLIC_URL"),
		Now:       time.Now,
	})), nil
}
