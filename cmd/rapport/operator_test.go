package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/app/erase"
	appingest "rapport/internal/app/ingest"
	"rapport/internal/drill"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/sdk"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// stack is a deployed stack as far as the operator's commands see it: a table,
// a bucket, the queues, and a CloudFormation stack whose outputs name them.
type stack struct {
	t      *testing.T
	name   string
	store  *store.Store
	sqs    *sqs.Client
	queues map[string]string // "deliveries", "deliveries_dlq" …: URLs
	env    map[string]string // of ingest
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s, table := storetest.NewTable(t)
	t.Setenv("AWS_REGION", "us-east-1")
	ctx, gone := t.Context(), context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	x := &stack{t: t, name: table.Name, store: s, sqs: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = sdk.Patient(o.HTTPClient) }), queues: map[string]string{}}
	outputs := map[string]string{"Table": table.Name, "Bucket": table.Name, "ErasureKeySecret": table.Name, "MailFunctionName": table.Name + "-mail"}
	for _, name := range []string{"Deliveries", "Replays", "Scoring", "Feedback", "Erase", "MailEvents"} {
		for _, kind := range []string{"Queue", "Dlq"} {
			if name == "Replays" && kind == "Dlq" || name == "MailEvents" && kind == "Queue" {
				continue // the first's dead letters are deliveries', the second comes from SNS
			}
			out, err := x.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-" + name + kind)})
			if err != nil {
				t.Fatal(err)
			}
			url := *out.QueueUrl
			t.Cleanup(func() { x.sqs.DeleteQueue(gone, &sqs.DeleteQueueInput{QueueUrl: &url}) })
			outputs[name+kind+"Url"] = url
			x.queues[strings.ToLower(name+strings.TrimSuffix(" "+kind, " Queue"))] = url
		}
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &table.Name}); err != nil {
		t.Fatal(err)
	}
	secrets := secretsmanager.NewFromConfig(cfg)
	if _, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &table.Name, SecretString: aws.String(strings.Repeat("k", 64))}); err != nil && !strings.Contains(err.Error(), "already exists") { // sent again by the SDK
		t.Fatal(err)
	}
	t.Cleanup(func() {
		secrets.DeleteSecret(gone, &secretsmanager.DeleteSecretInput{SecretId: &table.Name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	})
	x.env = map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "ERASURE_KEY_SECRET": table.Name, "SCORING_QUEUE_URL": x.queues["scoring"],
		"FEEDBACK_QUEUE_URL": x.queues["feedback"], "ERASE_QUEUE_URL": x.queues["erase"]}
	describe(t, cloudformation.NewFromConfig(cfg), table.Name, outputs)

	if err := s.CreateWorkspace(ctx, store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: now}, "somebody"); err != nil {
		t.Fatal(err)
	}
	x.watch("src1", "forum")
	return x
}

// describe makes a CloudFormation stack with these outputs and nothing of weight.
func describe(t *testing.T, c *cloudformation.Client, name string, outputs map[string]string) {
	t.Helper()
	out := map[string]any{}
	for k, v := range outputs {
		out[k] = map[string]string{"Value": v}
	}
	body, err := json.Marshal(map[string]any{"Outputs": out, "Resources": map[string]any{"Topic": map[string]string{"Type": "AWS::SNS::Topic"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(string(body))}); err != nil && !strings.Contains(err.Error(), "AlreadyExists") {
		t.Fatal(err) // a name of its own stands already only where the answer to a first try was lost
	}
	t.Cleanup(func() { c.DeleteStack(context.Background(), &cloudformation.DeleteStackInput{StackName: &name}) })
	for range 600 {
		d, err := c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if err == nil && len(d.Stacks) == 1 && len(d.Stacks[0].Outputs) == len(outputs) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the stack does not come up")
}

const forum = `{"mapping":{"scope":{"path":"/in"},"type":{"value":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"text":{"path":"/text"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`

// watch connects a source of the scope.
func (x *stack) watch(source, scope string) {
	x.t.Helper()
	a := store.App{ID: "app1", Owner: "acme", Platform: "standard", Config: json.RawMessage(forum)}
	src := store.Source{ID: source, Workspace: "acme", App: "app1", Platform: "standard", Scope: scope, Created: now}
	if err := x.store.CreateSource(x.t.Context(), a, source == "src1", src); err != nil {
		x.t.Fatal(err)
	}
}

func post(id, in string) platform.Delivery {
	body := fmt.Sprintf(`{"id":%q,"by":"ann","text":"hello","in":%q,"at":"2026-01-01T08:00:00Z"}`, id, in)
	return platform.Delivery{App: "app1", Received: social.Instant(now.Add(-time.Hour)), Request: platform.Request{Method: "POST", URL: "https://h.example/hooks/app1", Header: http.Header{}, Body: []byte(body)}}
}

// ingest does what the function does with deliveries.
func (x *stack) ingest(bodies ...string) {
	x.t.Helper()
	h, err := appingest.New(x.t.Context(), func(k string) string { return x.env[k] })
	if err != nil {
		x.t.Fatal(err)
	}
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: b, Attributes: map[string]string{"ApproximateReceiveCount": "1"}})
	}
	out, err := h(x.t.Context(), e)
	if err != nil || len(out.BatchItemFailures) > 0 {
		x.t.Fatalf("ingest: %v %+v", err, out)
	}
}

func (x *stack) deliver(ds ...platform.Delivery) {
	x.t.Helper()
	var bodies []string
	for _, d := range ds {
		b, err := json.Marshal(d)
		if err != nil {
			x.t.Fatal(err)
		}
		bodies = append(bodies, string(b))
	}
	x.ingest(bodies...)
}

// work ingests what waits in the queues of deliveries and replays.
func (x *stack) work() int {
	x.t.Helper()
	bodies := append(x.waiting("deliveries"), x.waiting("replays")...)
	if len(bodies) > 0 {
		x.ingest(bodies...)
	}
	return len(bodies)
}

// waiting takes all messages out of a queue.
func (x *stack) waiting(queue string) []string {
	x.t.Helper()
	url := x.queues[queue]
	var bodies []string
	for {
		out, err := x.sqs.ReceiveMessage(x.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			x.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
			if _, err := x.sqs.DeleteMessage(x.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				x.t.Fatal(err)
			}
		}
	}
}

func (x *stack) put(queue string, bodies ...string) {
	x.t.Helper()
	for _, b := range bodies {
		if _, err := x.sqs.SendMessage(x.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(x.queues[queue]), MessageBody: &b}); err != nil {
			x.t.Fatal(err)
		}
	}
}

func (x *stack) count(queue string) string {
	x.t.Helper()
	out, err := x.sqs.GetQueueAttributes(x.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(x.queues[queue]), AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		x.t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"]
}

// parked lists what is parked and not understood yet: reason by id.
func (x *stack) parked() map[string]string {
	x.t.Helper()
	list, _, err := x.store.Parked(x.t.Context(), "acme", now, "", 100)
	if err != nil {
		x.t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range list {
		if p.Replayed.IsZero() {
			out[p.ID] = p.Reason
		}
	}
	return out
}

// facts are the ids of the objects that are stored.
func (x *stack) facts() []string {
	x.t.Helper()
	accounts, err := x.store.Accounts(x.t.Context(), "acme", "", 100)
	if err != nil {
		x.t.Fatal(err)
	}
	ids := []string{}
	for _, account := range accounts {
		facts, err := x.store.Facts(x.t.Context(), "acme", account)
		if err != nil {
			x.t.Fatal(err)
		}
		for _, f := range facts {
			ids = append(ids, f.Object.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// call runs a command on the stack, by a clock that goes on from now.
func (x *stack) call(args ...string) ended {
	var out, errs bytes.Buffer
	start := time.Now()
	code := run(context.Background(), append(args, "--stack", x.name), strings.NewReader(""), &out, &errs, func() time.Time { return now.Add(time.Since(start)) })
	return ended{code, out.String(), errs.String()}
}

// total is the last line of replay.
func total(t *testing.T, out string) map[string]any {
	t.Helper()
	all := lines[map[string]any](t, out)
	if len(all) == 0 {
		t.Fatal("no output")
	}
	return all[len(all)-1]
}

func TestReplayUnderstandsWhatWasParked(t *testing.T) {
	x := newStack(t)
	x.deliver(post("1", "forum"), post("2", "annex"), post("3", "cellar"))
	if got := x.facts(); !slices.Equal(got, []string{"1"}) || len(x.parked()) != 2 {
		t.Fatalf("facts %q, parked %q", got, x.parked())
	}
	x.watch("src2", "annex")

	dry := x.call("replay", "--workspace", "acme", "--dry-run")
	sum := total(t, dry.out)
	if dry.code != exitOK || sum["deliveries"] != 2.0 || sum["would_add"] != 1.0 || sum["still_parked"] != 1.0 || !strings.Contains(dry.err, "2 deliveries: would add 1, change 0") {
		t.Errorf("dry run: code %d, %s%s", dry.code, dry.out, dry.err)
	}
	if x.count("replays") != "0" || len(x.parked()) != 2 {
		t.Errorf("the dry run did something: %s queued, parked %q", x.count("replays"), x.parked())
	}

	done := make(chan ended)
	go func() { done <- x.call("replay", "--workspace", "acme", "--wait", "2m") }()
	for worked := 0; worked < 2; worked += x.work() {
		time.Sleep(50 * time.Millisecond)
	}
	got := <-done
	if got.code != exitOK || total(t, got.out)["would_add"] != 1.0 || !strings.Contains(got.err, "done: replaying them once more would add 0") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	if facts := x.facts(); !slices.Equal(facts, []string{"1", "2"}) || len(x.parked()) != 1 {
		t.Errorf("facts %q, parked %q", facts, x.parked())
	}
}

// What was not chosen, though today's code could read it, does not count
// against the proof.
func TestReplayOfChosenOnesProvesThoseAlone(t *testing.T) {
	x := newStack(t)
	other := post("4", "annex")
	other.App = "app1"
	x.deliver(post("2", "annex"), other)
	var ids []string
	for id := range x.parked() {
		ids = append(ids, id)
	}
	x.watch("src2", "annex")
	done := make(chan ended)
	go func() { done <- x.call("replay", "--workspace", "acme", "--id", ids[0], "--wait", "2m") }()
	for x.work() == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	if got := <-done; got.code != exitOK || total(t, got.out)["deliveries"] != 1.0 || len(x.facts()) != 1 || len(x.parked()) != 1 {
		t.Errorf("code %d, %s%s, facts %q, parked %q", got.code, got.out, got.err, x.facts(), x.parked())
	}
}

func TestReplayOfTheArchiveAddsOnlyWhatIsMissing(t *testing.T) {
	x := newStack(t)
	x.deliver(post("1", "forum"), post("2", "forum"))
	got := x.call("replay", "--workspace", "acme", "--archived", "--dry-run")
	if sum := total(t, got.out); got.code != exitOK || sum["deliveries"] != 2.0 || sum["same"] != 2.0 || sum["would_add"] != 0.0 {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	early := x.call("replay", "--workspace", "acme", "--archived", "--dry-run", "--to", social.Stamp(now.Add(-2*time.Hour)))
	if early.code != exitOK || total(t, early.out)["deliveries"] != 0.0 {
		t.Errorf("before they came: code %d, %s%s", early.code, early.out, early.err)
	}
	if other := x.call("replay", "--workspace", "acme", "--archived", "--dry-run", "--app", "app2"); total(t, other.out)["deliveries"] != 0.0 {
		t.Errorf("of another app: %s%s", other.out, other.err)
	}
}

func TestReplayThatIsNotStoredInTimeFails(t *testing.T) {
	x := newStack(t)
	x.deliver(post("2", "annex"))
	x.watch("src2", "annex")
	got := x.call("replay", "--workspace", "acme", "--wait", "0s")
	if got.code != exitFailed || !strings.Contains(got.err, "after 0s replaying them would still add 1") || x.count("replays") != "1" {
		t.Errorf("code %d, %s%s, %s queued", got.code, got.out, got.err, x.count("replays"))
	}
	var d platform.Delivery
	if err := json.Unmarshal([]byte(x.waiting("replays")[0]), &d); err != nil || !d.Replay || !d.Received.Equal(now.Add(-time.Hour)) {
		t.Errorf("queued %+v, %v", d, err)
	}
}

func TestReplayMisuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--workspace"},
		{[]string{"--workspace", "acme", "--from", "x"}, "--from"},
		{[]string{"--workspace", "acme", "--to", "x"}, "--to"},
		{[]string{"--workspace", "acme", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-02T00:00:00Z"}, "--from is not before --to"},
		{[]string{"--workspace", "acme", "--archived", "--id", "prk_1"}, "--archived goes without"},
		{[]string{"--workspace", "acme", "--archived", "--reason", "x"}, "--archived goes without"},
		{[]string{"--workspace", "acme", "--wait=-1s"}, "negative"},
	} {
		if got := call("", append([]string{"replay"}, c.args...)...); got.code != exitMisuse || !strings.Contains(got.err, c.want) {
			t.Errorf("%v: code %d, %s; want %s", c.args, got.code, got.err, c.want)
		}
	}
	x := newStack(t)
	if got := x.call("replay", "--workspace", "acne", "--dry-run"); got.code != exitMisuse || !strings.Contains(got.err, `no workspace "acne"`) {
		t.Errorf("no such workspace: code %d, %s", got.code, got.err)
	}
	if got := x.call("replay", "--workspace", "acme", "--id", "prk_none"); got.code != exitFailed || !strings.Contains(got.err, "none of the ids is parked") {
		t.Errorf("no such id: code %d, %s", got.code, got.err)
	}
}

func TestRedrive(t *testing.T) {
	x := newStack(t)
	delivery := func(id string) string {
		b, err := json.Marshal(post(id, "forum"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	long := `{"workspace":"acme","accounts":["` + strings.Repeat("ä", 300) + `"]}`
	x.put("deliveries dlq", delivery("1"), delivery("2"), delivery("3"))
	x.put("scoring dlq", long)

	dry := x.call("redrive", "deliveries", "--dry-run", "--limit", "2")
	for _, l := range lines[letter](t, dry.out) {
		if l.Moved || !strings.HasPrefix(l.ID, "dlv_") || l.App != "app1" || l.Body != "" || l.Bytes == 0 {
			t.Errorf("dry run: %+v", l)
		}
	}
	if n := strings.Count(dry.out, "\n"); dry.code != exitOK || n != 2 || !strings.Contains(dry.err, "0 moved; 3 looked at and left") || x.count("deliveries") != "0" {
		t.Errorf("dry run: code %d, %d lines, %s", dry.code, n, dry.err)
	}

	some := x.call("redrive", "deliveries", "--limit", "2")
	moved := lines[letter](t, some.out)
	if some.code != exitOK || len(moved) != 2 || !moved[0].Moved || !moved[1].Moved || !strings.Contains(some.err, "2 moved; ") {
		t.Errorf("two: code %d, %s%s", some.code, some.out, some.err)
	}
	if rest := x.call("redrive", "deliveries"); rest.code != exitOK || !strings.Contains(rest.err, "1 moved; 0 looked") || strings.Count(rest.out, "\n") != 1 {
		t.Errorf("the rest: code %d, %s%s", rest.code, rest.out, rest.err)
	}
	x.work()
	if facts := x.facts(); !slices.Equal(facts, []string{"1", "2", "3"}) {
		t.Errorf("facts %q", facts)
	}

	if none := x.call("redrive", "scoring", "--match", "another workspace"); none.code != exitOK || none.out != "" || !strings.Contains(none.err, "0 moved; 1 looked") {
		t.Errorf("no match: code %d, %s%s", none.code, none.out, none.err)
	}
	shown := lines[letter](t, x.call("redrive", "scoring", "--match", `"acme"`).out)
	if len(shown) != 1 || !shown[0].Moved || len(shown[0].Body) > maxShown || !strings.HasPrefix(long, shown[0].Body) || shown[0].Bytes != len(long) {
		t.Errorf("shown %+v", shown)
	}
	if got := x.waiting("scoring"); !slices.Contains(got, long) {
		t.Errorf("got %q", got)
	}
	drill.Show(t, "of 3 dead letters %d moved back, then the rest: %d facts stored, each once", len(moved), len(x.facts()))
}

// What SES told of mail, and the function failed on, goes to the function
// again and not to a queue; what Lambda does not take stays where it is.
func TestRedriveMail(t *testing.T) {
	x := newStack(t)
	events := []string{`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"1"}}]}`, `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"2"}}]}`}
	x.put("mailevents dlq", events...)
	var got []string
	status := http.StatusTooManyRequests
	functions := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == http.StatusAccepted {
			body, _ := io.ReadAll(r.Body)
			got = append(got, r.Header.Get("X-Amz-Invocation-Type")+" "+r.URL.Path+" "+string(body))
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(functions.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", functions.URL)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	if out := x.call("redrive", "mail"); out.code != exitFailed || !strings.Contains(out.err, "after 0 were moved") {
		t.Errorf("not taken: code %d, %s", out.code, out.err)
	}
	status = http.StatusAccepted
	if out := x.call("redrive", "mail"); out.code != exitOK || !strings.Contains(out.err, "2 moved; 0 looked") {
		t.Errorf("code %d, %s", out.code, out.err)
	}
	want := []string{}
	for _, e := range events {
		want = append(want, "Event /2015-03-31/functions/"+x.name+"-mail/invocations "+e)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("called %q, want %q", got, want)
	}
	if out := x.call("redrive", "mail"); !strings.Contains(out.err, "0 moved; 0 looked") {
		t.Errorf("a second time: %s", out.err)
	}
}

// Facts of the account stand beside a tombstone, as after a restore: they are
// shown, then queued, and found no more once they are erased. Those of whoever
// was not erased, or came back later, are left alone.
func TestEraseAgain(t *testing.T) {
	x := newStack(t)
	back := post("3", "forum")
	back.Request.Body = bytes.Replace(back.Request.Body, []byte(`"ann"`), []byte(`"eve"`), 1)
	bob := post("2", "forum")
	bob.Request.Body = bytes.Replace(bob.Request.Body, []byte(`"ann"`), []byte(`"bob"`), 1)
	x.deliver(post("1", "forum"), bob, back)
	account := func(id string) string {
		return social.AccountRef{Platform: "standard", Scope: "forum", ID: id}.AccountID()
	}
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC) // an hour after they wrote
	for id, at := range map[string]time.Time{"ann": at, "eve": at.Add(-2 * time.Hour), "zoe": at} {
		if err := x.store.PutTombstone(t.Context(), "acme", erasure.Tombstone([]byte(strings.Repeat("k", 64)), account(id)), at); err != nil {
			t.Fatal(err)
		}
	}
	line := map[string]any{"queued": false, "workspace": "acme", "platform": "standard", "scope": "forum", "account": account("ann"), "at": social.Stamp(at)}
	sum := map[string]any{"workspace": "acme", "accounts": 3.0, "found": 1.0, "queued": 0.0}
	dry := x.call("erase-again", "--workspace", "acme")
	if d := cmp.Diff([]map[string]any{line, sum}, lines[map[string]any](t, dry.out)); dry.code != exitRefused || d != "" || !strings.Contains(dry.err, "give --yes") || x.count("erase") != "0" {
		t.Errorf("without --yes: code %d, %s, %s queued (-want +got)\n%s", dry.code, dry.err, x.count("erase"), d)
	}
	if err := x.store.PutTick(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	line["queued"], sum["queued"] = true, 1.0
	done := x.call("erase-again", "--all", "--yes")
	if d := cmp.Diff([]map[string]any{line, sum}, lines[map[string]any](t, done.out)); done.code != exitOK || d != "" {
		t.Errorf("code %d, %s (-want +got)\n%s", done.code, done.err, d)
	}
	queued := x.waiting("erase")
	if len(queued) != 1 {
		t.Fatalf("queued %q", queued)
	}
	var m ingest.Erase
	if err := json.Unmarshal([]byte(queued[0]), &m); err != nil || m.ID != "ann" || m.Workspace != "acme" || m.At != social.Stamp(at) {
		t.Errorf("queued %s, %v", queued[0], err)
	}
	h, err := erase.New(t.Context(), func(k string) string {
		if k == "ERASE_QUEUE_URL" {
			return x.queues["erase"]
		}
		return x.env[k]
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: queued[0]}}}); err != nil || len(out.BatchItemFailures) > 0 {
		t.Fatalf("erase: %+v, %v", out, err)
	}
	if facts := x.facts(); !slices.Equal(facts, []string{"2", "3"}) {
		t.Errorf("left %q", facts)
	}
	if got := x.call("erase-again", "--all", "--yes"); got.code != exitOK || total(t, got.out)["found"] != 0.0 {
		t.Errorf("once more: code %d, %s%s", got.code, got.out, got.err)
	}
}

// A demand that can't be queued ends the command, which says how to go on.
func TestEraseAgainSaysHowToGoOn(t *testing.T) {
	x := newStack(t)
	x.deliver(post("1", "forum"))
	tomb := erasure.Tombstone([]byte(strings.Repeat("k", 64)), social.AccountRef{Platform: "standard", Scope: "forum", ID: "ann"}.AccountID())
	if err := x.store.PutTombstone(t.Context(), "acme", tomb, now); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
	if got := x.call("erase-again", "--workspace", "acme", "--yes"); got.code != exitFailed || !strings.Contains(got.err, "1 were found and 0 queued; give the command again") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
}

func TestEraseAgainMisuse(t *testing.T) {
	if got := call("", "erase-again"); got.code != exitMisuse || !strings.Contains(got.err, "Give --workspace ID, or --all") {
		t.Errorf("no workspace: code %d, %s", got.code, got.err)
	}
	if got := call("", "erase-again", "--all", "--workspace", "acme"); got.code != exitMisuse || !strings.Contains(got.err, "--all goes without --workspace") {
		t.Errorf("both: code %d, %s", got.code, got.err)
	}
	x := newStack(t)
	if got := x.call("erase-again", "--workspace", "acne"); got.code != exitMisuse || !strings.Contains(got.err, `no workspace "acne"`) {
		t.Errorf("no such workspace: code %d, %s", got.code, got.err)
	}
}

func TestRedriveMisuse(t *testing.T) {
	if got := call("", "redrive"); got.code != exitMisuse || !strings.Contains(got.err, "<queue>") {
		t.Errorf("no queue: code %d, %s", got.code, got.err)
	}
	if got := call("", "redrive", "deliveries", "--limit=-1"); got.code != exitMisuse || !strings.Contains(got.err, "negative") {
		t.Errorf("a negative limit: code %d, %s", got.code, got.err)
	}
	x := newStack(t)
	if got := x.call("redrive", "letters"); got.code != exitMisuse || !strings.Contains(got.err, `no queue "letters"; there are deliveries, erase, feedback, mail, scoring`) {
		t.Errorf("no such queue: code %d, %s", got.code, got.err)
	}
}

func TestNoStack(t *testing.T) {
	for _, command := range [][]string{{"redrive", "deliveries"}, {"replay", "--workspace", "acme"}} {
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		t.Setenv("AWS_PROFILE", "")
		if got := call("", command...); got.code != exitFailed || !strings.Contains(got.err, "which AWS account?") {
			t.Errorf("%v nowhere: code %d, %s", command, got.code, got.err)
		}
	}
}

func TestNoSuchStack(t *testing.T) {
	needs.Engine(t, "CLOUDFORMATION")
	for _, command := range [][]string{{"redrive", "deliveries"}, {"replay", "--workspace", "acme"}} {
		if got := call("", append(command, "--stack", "no-such-stack")...); got.code != exitFailed || !strings.Contains(got.err, `find the stack "no-such-stack"`) {
			t.Errorf("%v without a stack: code %d, %s", command, got.code, got.err)
		}
	}
}

// A command that is interrupted says so, and does not wait to its end.
func TestReplayInterrupted(t *testing.T) {
	x := newStack(t)
	x.deliver(post("2", "annex"))
	x.watch("src2", "annex")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	errs := &heard{text: "waiting for them", on: stop}
	code := run(ctx, []string{"replay", "--workspace", "acme", "--stack", x.name, "--to", social.Stamp(now), "--wait", "2m"}, strings.NewReader(""), &out, errs, time.Now)
	if code != exitFailed || !strings.Contains(errs.String(), "context canceled") {
		t.Errorf("code %d, %s", code, errs.String())
	}
}

// heard calls on when it is told text.
type heard struct {
	bytes.Buffer
	text string
	on   func()
}

func (h *heard) Write(b []byte) (int, error) {
	if strings.Contains(string(b), h.text) {
		h.on()
	}
	return h.Buffer.Write(b)
}
