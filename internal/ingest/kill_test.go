package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/ingest"
	"rapport/internal/lambdatest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/scoring"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
)

const w = "acme"

var received = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

const mapping = `{"mapping":{"scope":{"value":"forum"},"type":{"path":"/parent","present":"reply","default":"post"},"id":{"path":"/id"},
	"actor_id":{"path":"/by"},"text":{"path":"/text"},"occurred":{"path":"/at"},"in_reply_to":{"path":"/parent"},
	"direction":{"path":"/staff","map":{"true":"outbound","false":"inbound"}}}}`

// world is one test's table, bucket and queues.
type world struct {
	store  *store.Store
	table  storetest.Table
	env    []string
	queues [3]string // scoring, feedback, erasures
	sqs    *sqs.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	var x world
	x.store, x.table = storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x.sqs = sqs.NewFromConfig(cfg)
	buckets := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &x.table.Name}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"scoring", "feedback", "erasures"} {
		out, err := x.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(x.table.Name + "-" + name)})
		if err != nil {
			t.Fatal(err)
		}
		x.queues[i] = *out.QueueUrl
		t.Cleanup(func() { x.sqs.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) })
	}
	x.env = []string{"TABLE=" + x.table.Name, "BUCKET=" + x.table.Name, "SCORING_QUEUE_URL=" + x.queues[0], "FEEDBACK_QUEUE_URL=" + x.queues[1],
		"ERASE_QUEUE_URL=" + x.queues[2], "ERASURE_KEY_SECRET=" + x.table.Name}

	secrets := secretsmanager.NewFromConfig(cfg)
	if _, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &x.table.Name, SecretString: aws.String(strings.Repeat("k", 64))}); err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err) // the name is random: one that exists was made by this call's own first try
	}
	t.Cleanup(func() {
		secrets.DeleteSecret(context.Background(), &secretsmanager.DeleteSecretInput{SecretId: &x.table.Name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	})

	app := store.App{ID: "app1", Owner: w, Platform: "standard", Config: json.RawMessage(mapping)}
	src := store.Source{ID: "src1", Workspace: w, App: "app1", Platform: "standard", Scope: "forum", Created: received}
	if err := x.store.CreateSource(t.Context(), app, true, src); err != nil {
		t.Fatal(err)
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: received, Body: model}); err != nil {
		t.Fatal(err)
	}
	return x
}

// batch is an SQS event of eight deliveries: a thread, a parked one, a like one sent twice.
func batch(t *testing.T) []byte {
	t.Helper()
	bodies := []string{
		`{"id":"1","by":"ann","text":"My parcel is late again, where is it?","at":"2026-10-05T08:00:00Z","staff":false}`,
		`{"id":"2","by":"us","text":"Sorry! Let me look.","at":"2026-10-05T08:20:00Z","parent":"1","staff":true}`,
		`{"id":"3","by":"ann","text":"Thank you, it is here.","at":"2026-10-05T09:20:00Z","parent":"2","staff":false}`,
		`{"id":"4","by":"bob","text":"Mine too","at":"2026-10-05T10:00:00Z","parent":"1","staff":false}`,
		`{"id":"5","by":"bob","text":"no time"}`,
		`{"id":"1","by":"ann","text":"My parcel is late again, where is it?","at":"2026-10-05T08:00:00Z","staff":false}`,
		`{"id":"6","by":"cyd","text":"Do you deliver to Malta?","at":"2026-10-05T11:00:00Z","staff":false}`,
		`[{"id":"7","by":"cyd","text":"Hello?","at":"2026-10-06T11:00:00Z","parent":"6","staff":false},{"id":"8","by":"dan","text":"+1","at":"2026-10-06T12:00:00Z","parent":"6","staff":false}]`,
	}
	var e events.SQSEvent
	for i, b := range bodies {
		d, err := json.Marshal(platform.Delivery{App: "app1", Received: received, Request: platform.Request{Method: "POST", URL: "https://x/hooks/app1", Header: http.Header{}, Body: []byte(b)}})
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("m", i), Body: string(d), Attributes: map[string]string{"ApproximateReceiveCount": "1"}})
	}
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// drain does what score and feedback do until their queues are empty.
func (x world) drain(t *testing.T) {
	t.Helper()
	f := talk.New(x.store, func(ctx context.Context, w string, stale []view.Stale) error {
		b, _ := json.Marshal(ingest.Score{Workspace: w, Accounts: stale})
		_, err := x.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &x.queues[0], MessageBody: aws.String(string(b))})
		return err
	})
	l := leads.New(x.store)
	for range 50 {
		n := 0
		for i, url := range []string{x.queues[1], x.queues[0]} {
			// An answer may be empty although the queue is not.
			left, err := x.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages}})
			if err != nil {
				t.Fatal(err)
			}
			if left.Attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessages)] != "0" {
				n++
			}
			out, err := x.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range out.Messages {
				n++
				if i == 0 {
					var v ingest.View
					if err := json.Unmarshal([]byte(*m.Body), &v); err != nil {
						t.Fatal(err)
					}
					for _, ref := range v.Facts {
						if err := f.View(t.Context(), v.Workspace, ref); err != nil {
							t.Fatal(err)
						}
					}
				} else {
					var s ingest.Score
					if err := json.Unmarshal([]byte(*m.Body), &s); err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(l.Score(t.Context(), s.Workspace, time.Time{}, s.Accounts...)...); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := x.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n == 0 {
			return
		}
	}
	t.Fatal("the queues do not empty")
}

// dump is the table without what names the test's own bucket.
func (x world) dump(t *testing.T) map[string]string {
	out := x.table.Dump(t)
	for k, v := range out {
		out[k] = strings.ReplaceAll(v, x.table.Name, "TABLE")
	}
	return out
}

// TestKilledInMidBatch kills the process of ingest with SIGKILL before its
// n-th request to the outside, for every few n, then hands the batch to a new
// process, as the queue would. Facts and views must be those of a batch that
// was not killed.
func TestKilledInMidBatch(t *testing.T) {
	whole := newWorld(t)
	bin := lambdatest.Build(t, "ingest")
	event := batch(t)

	run := func(x world, killAt int) int {
		var last atomic.Int64
		var p atomic.Pointer[lambdatest.Process]
		endpoint := lambdatest.Proxy(t, os.Getenv("AWS_ENDPOINT_URL"), func(n int, _ *http.Request) bool {
			last.Store(int64(n))
			if n == killAt {
				p.Load().Kill()
				return false
			}
			return true
		})
		p.Store(lambdatest.Start(t, bin, append(x.env, "AWS_ENDPOINT_URL="+endpoint)...))
		out, err := p.Load().Invoke(event)
		if killAt > 0 {
			if err != lambdatest.ErrDied {
				t.Fatalf("killed at request %d: got %s, %v; want a dead process", killAt, out, err)
			}
			return killAt
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != `{"batchItemFailures":[]}` {
			t.Fatalf("batch: %s", out)
		}
		p.Load().Kill()
		return int(last.Load())
	}

	requests := run(whole, 0)
	whole.drain(t)
	want := whole.dump(t)
	if requests < 15 || len(want) < 30 {
		t.Fatalf("%d requests and %d items: the batch does too little for this test", requests, len(want))
	}
	step, kills := max(1, requests/12), 0
	for n := 1; n <= requests; n += step {
		x := newWorld(t)
		run(x, n)
		run(x, 0)
		x.drain(t)
		if d := cmp.Diff(want, x.dump(t)); d != "" {
			t.Errorf("killed before request %d of %d, then redelivered (-whole +killed):\n%s", n, requests, d)
		}
		kills++
	}
	drill.Show(t, "killed before %d of its %d requests, then redelivered: %d items, the same bytes as without", kills, requests, len(want))
}
