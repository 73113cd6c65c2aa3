// Package ingesting makes what turns deliveries into facts, for the function
// that does and for who only tries what a delivery would become.
package ingesting

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"rapport/internal/app/key"
	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// Make returns what turns deliveries into facts, but for the reader: who only
// tries what a delivery would become needs none.
func Make(ctx context.Context, cfg aws.Config, env map[string]string) (*ingest.Ingest, error) {
	k, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	s := store.New(cfg, env["TABLE"])
	scores, views, erase := queue.New(cfg, env["SCORING_QUEUE_URL"]), queue.New(cfg, env["FEEDBACK_QUEUE_URL"]), queue.New(cfg, env["ERASE_QUEUE_URL"])
	return ingest.New(ingest.Deps{
		Store: s, Archive: archive.New(cfg, env["BUCKET"]),
		QueueScore: func(ctx context.Context, m []ingest.Score) error { return queue.SendAll(ctx, scores, m) },
		QueueView:  func(ctx context.Context, m []ingest.View) error { return queue.SendAll(ctx, views, m) },
		QueueErase: func(ctx context.Context, m []ingest.Erase) error { return queue.SendAll(ctx, erase, m) },
		Erased:     erasure.Erased(s, k),
		Now:        time.Now,
	}), nil
}

// Would is Ingest.Would of what make makes when it is first asked: rare work,
// whose key is not worth the start of every other call.
func Would(make func() (*ingest.Ingest, error)) func(context.Context, string, platform.Delivery, *ingest.Told) (ingest.Outcome, error) {
	var mu sync.Mutex // an Ingest does one thing at a time
	var in *ingest.Ingest
	return func(ctx context.Context, w string, d platform.Delivery, told *ingest.Told) (o ingest.Outcome, err error) {
		mu.Lock()
		defer mu.Unlock()
		if in == nil {
			if in, err = make(); err != nil {
				return o, err
			}
		}
		return in.Would(ctx, w, d, told)
	}
}
