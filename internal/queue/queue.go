// Package queue sends messages to SQS.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"rapport/internal/fault"
	"rapport/internal/sdk"
)

// MaxBytes is the largest message that is sent, in bytes: SQS's old limit,
// which every engine keeps, less some room.
const MaxBytes = 250_000

// Queue is one SQS queue.
type Queue struct {
	client *sqs.Client
	url    string
}

// New returns the queue at url.
func New(cfg aws.Config, url string) *Queue {
	return &Queue{sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = sdk.Patient(o.HTTPClient) }), url}
}

// Send sends one message.
func (q *Queue) Send(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return q.SendBody(ctx, string(b))
}

// SendBody sends one message as it is.
func (q *Queue) SendBody(ctx context.Context, body string) error {
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
	return fault.Wrap(fault.Transient, err, "")
}

// SendOf sends one message of a workspace. Where a workspace's messages take
// up the takers of a queue, SQS hands out those of others first.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
func (q *Queue) SendOf(ctx context.Context, w string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(b)), MessageGroupId: &w})
	return fault.Wrap(fault.Transient, err, "")
}

// maxDelay is how long SQS can hold a message back.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html
const maxDelay = 15 * time.Minute

// SendLater sends one message that is handed out after a while, in whole
// seconds, at most 15 minutes.
func (q *Queue) SendLater(ctx context.Context, v any, after time.Duration) error {
	if after < 0 || after > maxDelay {
		return fault.New(fault.Invalid, "a message can be held back for 15 minutes, not for %s", after)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(b)), DelaySeconds: int32(after.Seconds())})
	return fault.Wrap(fault.Transient, err, "")
}

// hidden is how long a message that Move has received is handed out to nobody
// else, in seconds; maxStale is after how many batches of nothing new it ends.
const (
	hidden   = 60
	maxStale = 5
)

// Move gives messages of a queue, oldest first as far as SQS knows, to
// somebody else until it is empty or limit (0: none) is reached, and returns
// how many it moved. A message is deleted only when give has returned no error
// for it. look, which may be nil, sees each message; one that it refuses stays.
// Whatever stays, also where an error ends the move, is handed out again at once.
func Move(ctx context.Context, from *Queue, give func(ctx context.Context, body string) error, limit int, look func(body string) (bool, error)) (moved, stayed int, err error) {
	left := map[string]*string{} // newest handles of those that stay, by id
	gone := map[string]bool{}
	defer func() {
		for _, h := range left {
			from.client.ChangeMessageVisibility(context.WithoutCancel(ctx), &sqs.ChangeMessageVisibilityInput{QueueUrl: &from.url, ReceiptHandle: h})
		}
	}()
	for stale := 0; stale < maxStale && (limit == 0 || moved < limit); stale++ {
		out, err := from.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &from.url, MaxNumberOfMessages: 10, VisibilityTimeout: hidden, WaitTimeSeconds: 1})
		if err != nil {
			return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("receive: %w", err), "")
		}
		if len(out.Messages) == 0 {
			break
		}
		var fresh []types.Message
		for _, m := range out.Messages {
			id := aws.ToString(m.MessageId)
			if gone[id] { // SQS may hand out what was deleted
				from.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &from.url, ReceiptHandle: m.ReceiptHandle})
				continue
			}
			if _, seen := left[id]; !seen {
				fresh = append(fresh, m)
			}
			left[id] = m.ReceiptHandle
		}
		for _, m := range fresh {
			if limit > 0 && moved >= limit {
				break
			}
			stale = -1
			take := true
			if look != nil {
				if take, err = look(aws.ToString(m.Body)); err != nil {
					return moved, stayed, err
				}
			}
			if !take {
				stayed++
				continue
			}
			if err := give(ctx, aws.ToString(m.Body)); err != nil {
				return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("send: %w", err), "")
			}
			if _, err := from.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &from.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("delete: %w", err), "")
			}
			moved++
			gone[aws.ToString(m.MessageId)] = true
			delete(left, aws.ToString(m.MessageId))
		}
	}
	return moved, stayed, nil
}

// SendAll sends messages in batches of ten. An error means that some may not
// have been sent; sending all of them again does no harm.
func SendAll[T any](ctx context.Context, q *Queue, messages []T) error {
	for len(messages) > 0 {
		n := min(10, len(messages))
		var entries []types.SendMessageBatchRequestEntry
		size := 0
		for i := range n {
			b, err := json.Marshal(messages[i])
			if err != nil {
				return err
			}
			if size += len(b); size > MaxBytes && i > 0 {
				n = i
				break
			}
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(b))})
		}
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return fault.Wrap(fault.Transient, fmt.Errorf("send %d messages: %w", n, err), "")
		}
		if len(out.Failed) > 0 {
			return fault.New(fault.Transient, "%d of %d messages were not taken: %s", len(out.Failed), n, aws.ToString(out.Failed[0].Message))
		}
		messages = messages[n:]
	}
	return nil
}
