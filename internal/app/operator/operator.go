// Package operator wires the operator's tool to a deployed stack.
package operator

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"rapport/internal/app/deliver"
	appingest "rapport/internal/app/ingest"
	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/queue"
	"rapport/internal/rebuild"
	"rapport/internal/replay"
	"rapport/internal/sdk"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// Operator is what the operator's tool does to a deployed stack.
type Operator struct {
	Store   *store.Store
	Replay  *replay.Replay
	Rebuild *rebuild.Rebuild
	Erase   func(ctx context.Context, m ingest.Erase) error // queues that an account is forgotten
	queues  map[string][2]*queue.Queue                      // by name: the queue, and its dead-letter queue
}

// New finds the parts of a stack by its outputs.
func New(ctx context.Context, stack string) (*Operator, error) {
	if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" && os.Getenv("AWS_PROFILE") == "" {
		return nil, fault.New(fault.Invalid, "which AWS account? Set AWS_PROFILE, or AWS_REGION and credentials; for the local cloud, begin the command with: python local/cloud.py exec --name run --")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = sdk.Patient(cfg.HTTPClient)
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil || len(out.Stacks) != 1 {
		return nil, fmt.Errorf("find the stack %q (--stack): %w", stack, err)
	}
	outputs := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	env := map[string]string{}
	for name, output := range map[string]string{"TABLE": "Table", "BUCKET": "Bucket", "ERASURE_KEY_SECRET": "ErasureKeySecret", "REPLAYS_QUEUE_URL": "ReplaysQueueUrl",
		"SCORING_QUEUE_URL": "ScoringQueueUrl", "FEEDBACK_QUEUE_URL": "FeedbackQueueUrl", "ERASE_QUEUE_URL": "EraseQueueUrl"} {
		if env[name] = outputs[output]; env[name] == "" {
			return nil, fmt.Errorf("the stack %q has no output %s: is it of this version?", stack, output)
		}
	}
	o := &Operator{Store: store.New(cfg, env["TABLE"]), queues: map[string][2]*queue.Queue{}}
	for key, url := range outputs {
		name, ok := strings.CutSuffix(key, "DlqUrl")
		if back := outputs[name+"QueueUrl"]; ok && back != "" { // SES's events have no queue to go back to
			o.queues[strings.ToLower(name)] = [2]*queue.Queue{queue.New(cfg, back), queue.New(cfg, url)}
		}
	}
	o.Rebuild = &rebuild.Rebuild{Store: o.Store, Now: time.Now,
		Views: func(s *store.Store) []view.View { return all.Views(s, time.Now) }}
	bucket := archive.New(cfg, env["BUCKET"])
	s := o.Store
	o.Replay = &replay.Replay{Store: s, Archive: deliver.Shelf{Bucket: bucket, Store: s}, Enqueue: deliver.To(queue.New(cfg, env["REPLAYS_QUEUE_URL"]), bucket),
		Would: appingest.Would(func() (*ingest.Ingest, error) { return appingest.Make(ctx, cfg, env) })}
	o.Erase = func(ctx context.Context, m ingest.Erase) error {
		return queue.New(cfg, env["ERASE_QUEUE_URL"]).Send(ctx, m)
	}
	return o, nil
}

// Redrive moves messages from a dead-letter queue back to its queue, at most
// limit (0: all), those that look takes; it returns how many it moved and how
// many stayed.
func (o *Operator) Redrive(ctx context.Context, name string, limit int, look func(body string) (bool, error)) (moved, stayed int, err error) {
	q, ok := o.queues[name]
	if !ok {
		var names []string
		for n := range o.queues {
			names = append(names, n)
		}
		return 0, 0, fault.New(fault.Invalid, "no queue %q; there are %s", name, strings.Join(slices.Sorted(slices.Values(names)), ", "))
	}
	return queue.Move(ctx, q[1], q[0], limit, look)
}
