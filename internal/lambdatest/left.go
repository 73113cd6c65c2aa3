package lambdatest

import (
	"context"
	"time"
)

// left is a context with a deadline at which it does not end.
type left struct {
	context.Context
	at time.Time
}

func (l left) Deadline() (time.Time, bool) { return l.at, true }

// Left returns a context that says that so much time is left, as Lambda's
// does, and does not end then. What is kept in reserve before that is still
// told by the clock.
func Left(ctx context.Context, d time.Duration) context.Context {
	return left{ctx, time.Now().Add(d)}
}
