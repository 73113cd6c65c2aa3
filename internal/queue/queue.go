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
func New(cfg aws.Config, url string) *Queue { return &Queue{sqs.NewFromConfig(cfg), url} }

// Send sends one message.
func (q *Queue) Send(ctx context.Context, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(b))})
	return fault.Wrap(fault.Transient, err, "")
}

// SendLater sends one message that is handed out after a while, at most 15 minutes.
func (q *Queue) SendLater(ctx context.Context, v any, after time.Duration) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(b)), DelaySeconds: int32(after.Seconds())})
	return fault.Wrap(fault.Transient, err, "")
}

// Move moves messages of a queue, oldest first as far as SQS knows, to
// another one until it is empty or limit (0: none) is reached, and returns how
// many it moved. A message is deleted only when it has been taken by the
// other. With a look, which sees each message, a message that look refuses stays.
func Move(ctx context.Context, from, to *Queue, limit int, look func(body string) (bool, error)) (moved, stayed int, err error) {
	seen := map[string]bool{}
	var left []*string // handles of those that stay
	defer func() {
		for _, h := range left { // so that the next look finds them at once
			from.client.ChangeMessageVisibility(context.WithoutCancel(ctx), &sqs.ChangeMessageVisibilityInput{QueueUrl: &from.url, ReceiptHandle: h})
		}
	}()
	for limit == 0 || moved < limit {
		out, err := from.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &from.url, MaxNumberOfMessages: 10, VisibilityTimeout: 60, WaitTimeSeconds: 1})
		if err != nil {
			return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("receive: %w", err), "")
		}
		fresh := false
		for _, m := range out.Messages {
			if seen[aws.ToString(m.MessageId)] {
				continue
			}
			seen[aws.ToString(m.MessageId)], fresh = true, true
			take, err := look(aws.ToString(m.Body))
			if err != nil {
				left = append(left, m.ReceiptHandle)
				return moved, stayed, err
			}
			if !take || limit > 0 && moved >= limit {
				stayed++
				left = append(left, m.ReceiptHandle)
				continue
			}
			if _, err := to.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &to.url, MessageBody: m.Body}); err != nil {
				return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("send: %w", err), "")
			}
			if _, err := from.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &from.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return moved, stayed, fault.Wrap(fault.Transient, fmt.Errorf("delete: %w", err), "")
			}
			moved++
		}
		if !fresh {
			break
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
