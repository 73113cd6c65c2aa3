// Package deliver hands deliveries to the function ingest.
package deliver

import (
	"context"

	"rapport/internal/archive"
	"rapport/internal/platform"
	"rapport/internal/queue"
)

// To returns what queues a delivery; the body of one too large for the queue goes to the bucket first.
func To(q *queue.Queue, b *archive.Bucket) func(context.Context, platform.Delivery) error {
	return func(ctx context.Context, d platform.Delivery) error {
		if len(d.Request.Body)*4/3+16<<10 > queue.MaxBytes {
			d.Object = d.ObjectKey()
			if err := b.Put(ctx, d.Object, "application/octet-stream", d.Request.Body); err != nil {
				return err
			}
			d.Request.Body = nil
		}
		return q.Send(ctx, d)
	}
}
