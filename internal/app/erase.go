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
	"rapport/internal/view"
)

// shelf is the archive: its objects are in the bucket, and the table says which are whose.
type shelf struct {
	*archive.Bucket
	store *store.Store
}

// Archived lists the objects in which a workspace keeps something, from one
// day up to and with another.
func (s shelf) Archived(ctx context.Context, w string, from, to time.Time, f func(key string) error) error {
	return s.store.Archived(ctx, w, from, to, func(object string) error { return f(archive.ObjectKey(object)) })
}

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
	s := store.New(cfg, env["TABLE"])
	e := erasure.Erasure{Store: s, Archive: archive.New(cfg, env["BUCKET"]), Views: []view.View{erasure.Made{Store: s}}, Key: key, Now: time.Now,
		Queue: func(ctx context.Context, m ingest.Erase, after time.Duration) error {
			return again.SendLater(ctx, m, after)
		}}
	return lambdasqs.Each(func(ctx context.Context, body []byte) error {
		var m ingest.Erase
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		return e.Forget(ctx, m)
	}), nil
}

// forgetTest takes away what a test of the whole way left.
func forgetTest(s *store.Store) func(context.Context, string, string) error { return s.ForgetAccount }
