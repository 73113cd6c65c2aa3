// Package deliver hands deliveries to the function ingest.
package deliver

import (
	"context"
	"time"

	"rapport/internal/archive"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/store"
)

// To returns what queues a delivery; the body of one too large for the queue goes to the bucket first.
func To(q *queue.Queue, b *archive.Bucket) func(context.Context, platform.Delivery) error {
	return to(b, func(ctx context.Context, d platform.Delivery) error { return q.Send(ctx, d) })
}

// Fairly is To of deliveries that are each for one workspace: where those of one take
// up the takers, those of others are handed out first.
func Fairly(q *queue.Queue, b *archive.Bucket) func(context.Context, platform.Delivery) error {
	return to(b, func(ctx context.Context, d platform.Delivery) error { return q.SendOf(ctx, d.For, d) })
}

func to(b *archive.Bucket, give func(context.Context, platform.Delivery) error) func(context.Context, platform.Delivery) error {
	return func(ctx context.Context, d platform.Delivery) error {
		if len(d.Request.Body)*4/3+16<<10 > queue.MaxBytes {
			d.Object = d.ObjectKey()
			if err := b.Put(ctx, d.Object, "application/octet-stream", d.Request.Body); err != nil {
				return err
			}
			d.Request.Body = nil
		}
		return give(ctx, d)
	}
}

// Shelf is the archive: its objects are in the bucket, and the table says which are whose.
type Shelf struct {
	*archive.Bucket
	Store *store.Store
}

// Archived lists the objects in which a workspace keeps something, from one
// day up to and with another.
func (s Shelf) Archived(ctx context.Context, w string, from, to time.Time, f func(key string) error) error {
	return s.Store.Archived(ctx, w, from, to, func(object string) error { return f(archive.ObjectKey(object)) })
}
