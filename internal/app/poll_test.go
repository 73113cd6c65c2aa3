package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/poll"
	"rapport/internal/platform"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// TestPollFromTickToQueue hands the function its sample event: a feed on this
// machine, which POLL_ALLOW names, is asked and queued, a large one by way of
// the bucket; one that is not named is refused.
func TestPollFromTickToQueue(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &table.Name}); err != nil {
		t.Fatal(err)
	}
	queues := sqs.NewFromConfig(cfg)
	q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-POLL")})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-HOSTS")})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("long words ", 40_000)
	server := func() *httptest.Server {
		x := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := map[string]any{"version": "https://jsonfeed.org/version/1", "items": []any{map[string]string{"id": "urn:1", "content_text": text[:len(text)*strings.Count(r.URL.Path, "large")], "date_published": "2026-03-02T09:00:00Z"}}}
			json.NewEncoder(w).Encode(body)
		}))
		t.Cleanup(x.Close)
		return x
	}
	allowed, other := server(), server()
	env := map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "DELIVERIES_QUEUE_URL": *q.QueueUrl, "POLL_QUEUE_URL": *hosts.QueueUrl,
		"POLL_ALLOW": "intranet.example:8080, " + strings.TrimPrefix(allowed.URL, "http://")}
	now := time.Now()
	for id, scope := range map[string]string{"src_a": allowed.URL + "/feed", "src_b": allowed.URL + "/large", "src_c": other.URL + "/feed"} {
		if err := s.CreateSource(t.Context(), store.App{ID: "app_" + id, Owner: "acme", Platform: "feed"}, true,
			store.Source{ID: id, Workspace: "acme", App: "app_" + id, Platform: "feed", Scope: scope, Created: now}); err != nil {
			t.Fatal(err)
		}
		if err := s.SchedulePoll(t.Context(), "acme", id, now); err != nil {
			t.Fatal(err)
		}
	}
	if out := answer(t, handler(t, poll.New, env), "poll.json"); out != "null" {
		t.Errorf("poll answers %s", out)
	}
	asked := 0
	for range 2 {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: hosts.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			asked++
			e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": *m.Body}}})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // SQS may hand out a message twice
				if _, err := handler(t, poll.New, env).Invoke(t.Context(), e); err != nil {
					t.Errorf("%s: %v", *m.Body, err)
				}
			}
		}
	}
	if asked != 2 {
		t.Errorf("a tick sends %d messages, want one for each of two hosts", asked)
	}
	got := map[string]platform.Delivery{}
	for range 2 {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			var d platform.Delivery
			if err := json.Unmarshal([]byte(*m.Body), &d); err != nil {
				t.Fatal(err)
			}
			got[d.App] = d
		}
	}
	if a := got["app_src_a"]; len(got) != 2 || !a.Request.Polled() || a.Request.URL != allowed.URL+"/feed" || !strings.Contains(string(a.Request.Body), "urn:1") {
		t.Errorf("queued: %+v", got)
	}
	if b := got["app_src_b"]; b.Object == "" || len(b.Request.Body) > 0 {
		t.Errorf("the large one is queued as %+v", b)
	}
	if p, err := s.PollState(t.Context(), "acme", "src_c"); err != nil || p.Failures != 1 || !strings.Contains(p.Reason, "neither 80 nor 443") {
		t.Errorf("the server that is not named: %+v, %v", p, err)
	}
}

func TestPollNamesEveryMissingVariable(t *testing.T) {
	_, err := poll.New(t.Context(), func(string) string { return "" })
	for _, name := range []string{"TABLE", "BUCKET", "SECRETS_PREFIX", "DELIVERIES_QUEUE_URL", "POLL_QUEUE_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "POLL_ALLOW") {
		t.Error("POLL_ALLOW may be empty")
	}
}
