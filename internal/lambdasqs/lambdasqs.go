// Package lambdasqs adapts an SQS event to a function per message or per
// batch, with partial failures: what failed comes again, the rest is done.
package lambdasqs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

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
		errs := all(ctx, f, messages)
		for _, m := range messages {
			err := errs[m.ID]
			if err == nil {
				continue
			}
			level := slog.LevelError
			if fault.Is(err, fault.Transient) {
				level = slog.LevelWarn
			}
			slog.LogAttrs(ctx, level, "message failed", slog.String("id", m.ID), slog.Int("received", m.Received), slog.String("kind", string(fault.KindOf(err))), slog.String("error", err.Error()))
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
		}
		return out, nil
	}
}

// reserve is the time kept at the end of an invocation for its answer: what
// was done is told as done, and only the rest comes again.
const reserve = 5 * time.Second

// apart is the receive count from which a message is taken apart.
const apart = 3

// Each returns a handler that calls f for each message alone. A panic fails
// its message, not the batch; one that takes long keeps no other from being
// done: see each.
func Each(f func(context.Context, []byte) error) Handler { return each(f, nil, reserve) }

// EachApart is Each for messages that consist of parts. A message that came
// back twice is taken apart by split, and f is called for each part: the
// others are done, whatever is wrong with one of them.
func EachApart(split func(body []byte) [][]byte, f func(context.Context, []byte) error) Handler {
	return each(f, split, reserve)
}

// each goes through the messages, those that came back last. Each has its
// share of the time that is left; what it cut short has another go when all
// others have had theirs, with all that is left then. What there is no time
// for comes again.
func each(f func(context.Context, []byte) error, split func([]byte) [][]byte, reserve time.Duration) Handler {
	return Batch(func(ctx context.Context, messages []Message) map[string]error {
		messages = slices.Clone(messages)
		slices.SortStableFunc(messages, func(a, b Message) int { return cmp.Compare(a.Received, b.Received) })
		errs := map[string]error{}
		end, ends := ctx.Deadline()
		end = end.Add(-reserve)
		do := func(m Message, share int) (cut bool) {
			left := time.Until(end)
			if ends && left <= 0 {
				if errs[m.ID] == nil {
					errs[m.ID] = fault.New(fault.Transient, "no time was left for it")
				}
				return false
			}
			mine, done := ctx, func() {}
			if ends {
				mine, done = context.WithTimeout(ctx, left/time.Duration(share))
			}
			defer done()
			if err := handle(mine, f, split, m); err != nil {
				errs[m.ID] = err
				return mine.Err() != nil && share > 1
			}
			delete(errs, m.ID)
			return false
		}
		var again []Message
		for i, m := range messages {
			if do(m, len(messages)-i+len(again)) {
				again = append(again, m)
			}
		}
		for i, m := range again {
			do(m, len(again)-i)
		}
		return errs
	})
}

// handle calls f for a message or, where it is to be taken apart, for its parts.
func handle(ctx context.Context, f func(context.Context, []byte) error, split func([]byte) [][]byte, m Message) error {
	var parts [][]byte
	if split != nil && m.Received >= apart {
		parts = split(m.Body)
	}
	if len(parts) < 2 {
		return one(ctx, f, m.Body)
	}
	var errs []error
	for i, p := range parts {
		mine, done := ctx, func() {}
		if end, ok := ctx.Deadline(); ok {
			mine, done = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(parts)-i))
		}
		if err := one(mine, f, p); err != nil {
			errs = append(errs, fmt.Errorf("part %d of %d: %w", i+1, len(parts), err))
		}
		done()
	}
	return errors.Join(errs...)
}

// ByList returns a split of messages that are JSON objects: each part is the
// message with one element of the list of that name. What has no such list is
// not taken apart.
func ByList(name string) func(body []byte) [][]byte {
	return func(body []byte) [][]byte {
		var m map[string]json.RawMessage
		var list []json.RawMessage
		if json.Unmarshal(body, &m) != nil || json.Unmarshal(m[name], &list) != nil {
			return nil
		}
		parts := make([][]byte, len(list))
		for i, x := range list {
			m[name] = slices.Concat([]byte("["), x, []byte("]"))
			part, err := json.Marshal(m)
			if err != nil {
				return nil
			}
			parts[i] = part
		}
		return parts
	}
}

func one(ctx context.Context, f func(context.Context, []byte) error, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f(ctx, body)
}

// all calls f with a batch; where it panics, all of it comes again.
func all(ctx context.Context, f func(context.Context, []Message) map[string]error, messages []Message) (errs map[string]error) {
	defer func() {
		if p := recover(); p != nil {
			errs = map[string]error{}
			for _, m := range messages {
				errs[m.ID] = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}
	}()
	return f(ctx, messages)
}
