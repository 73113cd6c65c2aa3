package lambdasqs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
)

// OrTick returns a handler of a function that is called with messages of a
// queue, or by a schedule with none.
func OrTick(messages Handler, tick func(context.Context) error) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var e events.SQSEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		if len(e.Records) > 0 {
			return messages(ctx, e)
		}
		return nil, tick(ctx)
	}
}
