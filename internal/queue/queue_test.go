package queue_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/queue"
)

// line is one queue of a test's own, seen from outside.
type line struct {
	*queue.Queue
	client *sqs.Client
	url    string
}

func newLine(t *testing.T, cfg aws.Config) line {
	t.Helper()
	c := sqs.NewFromConfig(cfg)
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("test-" + strings.ToLower(rand.Text()))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) })
	return line{queue.New(cfg, *out.QueueUrl), c, *out.QueueUrl}
}

func engine(t *testing.T) aws.Config {
	t.Helper()
	needs.Engine(t, "SQS")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// bodies are the messages that are there, sorted; they stay. What was handed
// out in an answer that got lost on its way is waited for.
func (l line) bodies(t *testing.T) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for empty, until := 0, time.Now().Add(25*time.Second); empty < 3 || len(out) < l.count(t) && time.Now().Before(until); {
		if empty >= 3 {
			time.Sleep(time.Second)
		}
		got, err := l.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &l.url, MaxNumberOfMessages: 10, VisibilityTimeout: 20})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			empty++
		}
		for _, m := range got.Messages {
			if !seen[*m.MessageId] {
				seen[*m.MessageId] = true
				out = append(out, *m.Body)
			}
		}
	}
	slices.Sort(out)
	return out
}

// count is how many messages there are, handed out or not.
func (l line) count(t *testing.T) (n int) {
	t.Helper()
	out, err := l.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &l.url, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out.Attributes {
		k, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	return n
}

// fill sends the numbers below n.
func (l line) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if err := l.Send(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
}

// below are the numbers below n as bodies, sorted.
func below(n int) (out []string) {
	for i := range n {
		out = append(out, strconv.Itoa(i))
	}
	slices.Sort(out)
	return out
}

func TestMoveAll(t *testing.T) {
	cfg := engine(t)
	from, to := newLine(t, cfg), newLine(t, cfg)
	from.fill(t, 23)
	moved, stayed, err := queue.Move(t.Context(), from.Queue, to.SendBody, 0, nil)
	if err != nil || moved != 23 || stayed != 0 {
		t.Errorf("%d moved, %d stayed, %v", moved, stayed, err)
	}
	if d := cmp.Diff(below(23), to.bodies(t)); d != "" {
		t.Error(d)
	}
	if left := from.bodies(t); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestMoveStopsAtTheLimit(t *testing.T) {
	cfg := engine(t)
	from, to := newLine(t, cfg), newLine(t, cfg)
	from.fill(t, 15)
	looked := 0
	moved, stayed, err := queue.Move(t.Context(), from.Queue, to.SendBody, 4, func(string) (bool, error) { looked++; return true, nil })
	if err != nil || moved != 4 || stayed != 0 || looked != 4 {
		t.Errorf("%d moved, %d stayed, %d looked at, %v", moved, stayed, looked, err)
	}
	a, b := to.bodies(t), from.bodies(t)
	if len(a) != 4 || len(b) != 11 { // handed out again at once
		t.Errorf("moved %q, left %q", a, b)
	}
	if d := cmp.Diff(below(15), slices.Sorted(slices.Values(append(a, b...)))); d != "" {
		t.Error(d)
	}
}

func TestWhatIsRefusedStays(t *testing.T) {
	cfg := engine(t)
	from, to := newLine(t, cfg), newLine(t, cfg)
	from.fill(t, 12)
	moved, stayed, err := queue.Move(t.Context(), from.Queue, to.SendBody, 0, func(body string) (bool, error) { return len(body) == 1, nil })
	if err != nil || moved != 10 || stayed != 2 {
		t.Errorf("%d moved, %d stayed, %v", moved, stayed, err)
	}
	if d := cmp.Diff([]string{"10", "11"}, from.bodies(t)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(below(10), to.bodies(t)); d != "" {
		t.Error(d)
	}
}

// refusing is a client that refuses requests of one kind, after some.
type refusing struct {
	kind string
	pass int
}

func (r *refusing) Do(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.Header.Get("X-Amz-Target"), r.kind) {
		if r.pass--; r.pass < 0 {
			return nil, errors.New("no answer")
		}
	}
	return http.DefaultClient.Do(req)
}

func TestNothingIsLostWhereSendingFails(t *testing.T) {
	cfg := engine(t)
	from, to := newLine(t, cfg), newLine(t, cfg)
	from.fill(t, 12)
	broken := cfg.Copy()
	broken.HTTPClient = &refusing{kind: "SendMessage", pass: 3}
	broken.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	moved, _, err := queue.Move(t.Context(), from.Queue, queue.New(broken, to.url).SendBody, 0, nil)
	if err == nil || moved != 3 {
		t.Errorf("%d moved, %v", moved, err)
	}
	a, b := to.bodies(t), from.bodies(t)
	if len(a) != 3 || len(b) != 9 { // all of them at once, the one that failed, too
		t.Errorf("moved %q, left %q", a, b)
	}
	if d := cmp.Diff(below(12), slices.Sorted(slices.Values(append(a, b...)))); d != "" {
		t.Error(d)
	}
}

func TestALookThatFailsEndsTheMove(t *testing.T) {
	cfg := engine(t)
	from, to := newLine(t, cfg), newLine(t, cfg)
	from.fill(t, 5)
	n := 0
	moved, _, err := queue.Move(t.Context(), from.Queue, to.SendBody, 0, func(string) (bool, error) {
		if n++; n == 3 {
			return true, errors.New("can't tell")
		}
		return true, nil
	})
	if err == nil || moved != 2 || len(to.bodies(t)) != 2 || len(from.bodies(t)) != 3 {
		t.Errorf("%d moved, %v", moved, err)
	}
}

func TestSendLater(t *testing.T) {
	cfg := engine(t)
	q := newLine(t, cfg)
	if err := q.SendLater(t.Context(), "later", 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := q.bodies(t); len(got) != 0 {
		t.Errorf("handed out at once: %q", got)
	}
	out, err := q.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.url, WaitTimeSeconds: 6})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != `"later"` {
		t.Errorf("%+v, %v", out, err)
	}
	for _, after := range []time.Duration{16 * time.Minute, -time.Second} {
		if err := q.SendLater(t.Context(), "never", after); !fault.Is(err, fault.Invalid) {
			t.Errorf("after %s: %v", after, err)
		}
	}
}

func TestSendAllBatches(t *testing.T) {
	cfg := engine(t)
	q := newLine(t, cfg)
	var all []string
	for i := range 23 {
		all = append(all, strings.Repeat(string(rune('a'+i)), 40_000)) // six fill a request
	}
	if err := queue.SendAll(t.Context(), q.Queue, all); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range all {
		want = append(want, `"`+s+`"`)
	}
	if d := cmp.Diff(want, q.bodies(t)); d != "" {
		t.Errorf("%.500s", d)
	}
}
