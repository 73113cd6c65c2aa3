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
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "DELIVERIES_QUEUE_URL", "SECRETS_PREFIX")
	if err != nil {
		return nil, err
	}
	deliveries := queue.New(cfg, env["DELIVERIES_QUEUE_URL"])
	return lambdahttp.Handler(intake.Handler(intake.Deps{
		App:     store.New(cfg, env["TABLE"]).AppFor,
		Secrets: secret.New(cfg, env["SECRETS_PREFIX"]).App,
		Enqueue: deliver.To(deliveries, archive.New(cfg, env["BUCKET"])),
		Note: func(ctx context.Context, n platform.Note) error {
			return deliveries.Send(ctx, map[string]any{"note": n})
		},
		Instance:  cmp.Or(lambdacontext.LogStreamName, "local"),
		PublicURL: getenv("PUBLIC_URL"),
		Now:       time.Now,
	})), nil
}
