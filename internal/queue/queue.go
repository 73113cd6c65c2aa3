// Package queue sends messages to SQS.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

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
