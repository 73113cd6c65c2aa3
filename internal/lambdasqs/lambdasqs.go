// Package lambdasqs adapts an SQS event to a function per message or per
// batch, with partial failures: what failed comes again, the rest is done.
package lambdasqs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"rapport/internal/fault"
)

// Handler is what lambda.Start takes.
type Handler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// Message is one message as the queue handed it out.
type Message struct {
	ID       string
	Body     []byte
	Received int // how often the queue has handed it out, this time included
}

// Batch returns a handler that calls f once with all messages; f returns the
// errors of those that must come again, by id.
func Batch(f func(context.Context, []Message) map[string]error) Handler {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		messages := make([]Message, len(e.Records))
		for i, r := range e.Records {
			n, _ := strconv.Atoi(r.Attributes["ApproximateReceiveCount"])
			messages[i] = Message{ID: r.MessageId, Body: []byte(r.Body), Received: n}
		}
		// Never nil: that would become null, and the whole batch would come again.
		out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		errs := f(ctx, messages)
		for _, m := range messages {
			err := errs[m.ID]
			if err == nil {
				continue
			}
			level := slog.LevelError
			if fault.Is(err, fault.Transient) {
				level = slog.LevelWarn
			}
			slog.LogAttrs(ctx, level, "message failed", slog.String("message", m.ID), slog.Int("received", m.Received), slog.String("kind", string(fault.KindOf(err))), slog.String("error", err.Error()))
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
		}
		return out, nil
	}
}

// Each returns a handler that calls f for each message alone. A panic fails
// its message, not the batch.
func Each(f func(context.Context, []byte) error) Handler {
	return Batch(func(ctx context.Context, messages []Message) map[string]error {
		errs := map[string]error{}
		for _, m := range messages {
			if err := one(ctx, f, m.Body); err != nil {
				errs[m.ID] = err
			}
		}
		return errs
	})
}

func one(ctx context.Context, f func(context.Context, []byte) error, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f(ctx, body)
}
