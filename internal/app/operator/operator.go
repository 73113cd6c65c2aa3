// Package operator wires the operator's tool to a deployed stack.
package operator

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"rapport/internal/app/deliver"
	"rapport/internal/app/ingesting"
	"rapport/internal/app/key"
	"rapport/internal/archive"
	"rapport/internal/erasure"
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
	Again   func(ctx context.Context, w string, found func(ingest.Erase) error, progress func(accounts int)) error
	letters map[string]letters // by what failed on them
}

// letters are dead letters, and how one is given back.
type letters struct {
	queue *queue.Queue
	give  func(ctx context.Context, body string) error
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
	o := &Operator{Store: store.New(cfg, env["TABLE"]), letters: map[string]letters{}}
	for output, url := range outputs {
		if name, ok := strings.CutSuffix(output, "DlqUrl"); ok && outputs[name+"QueueUrl"] != "" {
			o.letters[strings.ToLower(name)] = letters{queue.New(cfg, url), queue.New(cfg, outputs[name+"QueueUrl"]).SendBody}
		}
	}
	if function := outputs["MailFunctionName"]; function != "" { // SNS calls it: its dead letters are from no queue of ours
		functions := lambda.NewFromConfig(cfg)
		o.letters["mail"] = letters{queue.New(cfg, outputs["MailEventsDlqUrl"]), func(ctx context.Context, body string) error {
			_, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: []byte(body)})
			return err
		}}
	}
	o.Rebuild = &rebuild.Rebuild{Store: o.Store, Now: time.Now,
		Views: func(s *store.Store) []view.View { return all.Views(s, time.Now) }}
	bucket := archive.New(cfg, env["BUCKET"])
	s := o.Store
	o.Replay = &replay.Replay{Store: s, Archive: deliver.Shelf{Bucket: bucket, Store: s}, Enqueue: deliver.To(queue.New(cfg, env["REPLAYS_QUEUE_URL"]), bucket),
		Would: ingesting.Would(func() (*ingest.Ingest, error) { return ingesting.Make(ctx, cfg, env) })}
	o.Erase = func(ctx context.Context, m ingest.Erase) error {
		return queue.New(cfg, env["ERASE_QUEUE_URL"]).Send(ctx, m)
	}
	o.Again = func(ctx context.Context, w string, found func(ingest.Erase) error, progress func(accounts int)) error {
		k, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
		if err != nil {
			return fmt.Errorf("read the key of the tombstones (whoever calls needs secretsmanager:GetSecretValue on it): %w", err)
		}
		return erasure.Again(ctx, s, k, w, found, progress)
	}
	return o, nil
}

// Redrive moves messages from a dead-letter queue back to its queue, or calls
// the function with them that no queue calls, at most limit (0: all), those
// that look takes; it returns how many it moved and how many stayed.
func (o *Operator) Redrive(ctx context.Context, name string, limit int, look func(body string) (bool, error)) (moved, stayed int, err error) {
	l, ok := o.letters[name]
	if !ok {
		return 0, 0, fault.New(fault.Invalid, "no queue %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(o.letters)), ", "))
	}
	return queue.Move(ctx, l.queue, l.give, limit, look)
}
