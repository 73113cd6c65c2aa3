package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// Erase is the function that forgets accounts. Each message is done twice:
// at once, and when whatever was being written meanwhile is there.
func Erase(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	key, err := secretValue(ctx, secretsmanager.NewFromConfig(cfg), env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	again := queue.New(cfg, env["ERASE_QUEUE_URL"])
	e := erasure.Erasure{Store: store.New(cfg, env["TABLE"]), Archive: archive.New(cfg, env["BUCKET"]), Key: key, Now: time.Now,
		Later: func(ctx context.Context, m ingest.Erase) error { return again.SendLater(ctx, m, erasure.SecondPass) }}
	return lambdasqs.Each(func(ctx context.Context, body []byte) error {
		var m ingest.Erase
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		return e.Forget(ctx, m)
	}), nil
}

// forgetTest takes away what a test of the whole way left.
func forgetTest(s *store.Store) func(context.Context, string, string) error {
	return func(ctx context.Context, w, account string) error {
		_, _, err := s.ForgetAccount(ctx, w, account)
		return err
	}
}
