package app

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/lambdasqs"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// perPass is how many erased activities a message of the second pass names: a
// quarter of a megabyte holds no more.
const perPass = 2500

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
	e := erasure.Erasure{Store: store.New(cfg, env["TABLE"]), Archive: archive.New(cfg, env["BUCKET"]), Key: key, Now: time.Now}
	return lambdasqs.Each(func(ctx context.Context, body []byte) error {
		var m ingest.Erase
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		gone, err := e.Forget(ctx, m)
		if err != nil || m.Again {
			return err
		}
		for _, m := range secondPass(m, gone) {
			if err := again.SendLater(ctx, m, erasure.SecondPass); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

// secondPass lists the messages of the second pass: at least one.
func secondPass(m ingest.Erase, gone []ingest.Gone) []ingest.Erase {
	m.Again = true
	var out []ingest.Erase
	for part := range slices.Chunk(gone, perPass) {
		m.Gone = part
		out = append(out, m)
	}
	if len(out) == 0 {
		out = append(out, m)
	}
	return out
}

// forgetTest takes away what a test of the whole way left.
func forgetTest(s *store.Store) func(context.Context, string, string) error {
	return func(ctx context.Context, w, account string) error {
		_, _, err := s.ForgetAccount(ctx, w, account)
		return err
	}
}
