package app_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/api"
	"rapport/internal/app/discover"
	"rapport/internal/app/erase"
	"rapport/internal/app/feedback"
	"rapport/internal/app/ingest"
	"rapport/internal/app/intake"
	"rapport/internal/app/mail"
	"rapport/internal/app/report"
	"rapport/internal/app/score"
	"rapport/internal/consent"
	"rapport/internal/platform"
	"rapport/internal/scoring"
	"rapport/internal/secret"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// handler builds a function as its main does and returns what Lambda would call.
func handler[H any](t *testing.T, build func(context.Context, func(string) string) (H, error), env map[string]string) lambda.Handler {
	t.Helper()
	h, err := build(t.Context(), func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	return lambda.NewHandler(h)
}

func answer(t *testing.T, h lambda.Handler, file string) string {
	t.Helper()
	event, err := os.ReadFile(filepath.Join("../../events", file))
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Invoke(t.Context(), event)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return string(out)
}

// TestSampleEvents hands each function its file of events/, in the order of
// the pipeline, over a real table, bucket and queues.
func TestSampleEvents(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "REPLAYS_QUEUE_URL": "q", "IMPORTS_QUEUE_URL": "q"}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &table.Name}); err != nil {
		t.Fatal(err)
	}
	queues := sqs.NewFromConfig(cfg)
	for _, name := range []string{"DELIVERIES", "SCORING", "FEEDBACK", "ERASE", "BULK", "REPORT"} {
		out, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-" + name)})
		if err != nil {
			t.Fatal(err)
		}
		env[name+"_QUEUE_URL"] = *out.QueueUrl
	}
	secrets := secretsmanager.NewFromConfig(cfg)
	if _, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &table.Name, SecretString: aws.String(strings.Repeat("k", 64))}); err != nil && !strings.Contains(err.Error(), "already exists") { // sent again by the SDK
		t.Fatal(err)
	}
	env["ERASURE_KEY_SECRET"] = table.Name
	waiting := func(name string) string {
		t.Helper()
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(env[name+"_QUEUE_URL"]), MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) != 1 {
			t.Fatalf("%d messages wait in %s, want 1", len(out.Messages), name)
		}
		return *out.Messages[0].Body
	}

	const w = "larkspoon"
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	doc := json.RawMessage(`{"signature":{"header":"x-signature","algorithm":"sha256","encoding":"hex","prefix":"sha256="},"mapping":{"scope":{"value":"forum"},
		"type":{"value":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"text":{"path":"/text"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`)
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: "Larkspoon", TimeZone: "Europe/Berlin", Created: now}, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSource(t.Context(), store.App{ID: "app_sample", Owner: w, Platform: "standard", Config: doc}, true,
		store.Source{ID: "src", Workspace: w, App: "app_sample", Platform: "standard", Scope: "forum", Created: now}); err != nil {
		t.Fatal(err)
	}
	if err := secret.New(cfg, env["SECRETS_PREFIX"]).PutApp(t.Context(), "app_sample", platform.Secrets{Keys: []string{"sample-secret"}}); err != nil {
		t.Fatal(err)
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: now, Body: model}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutReport(t.Context(), w, store.Report{ID: "weekly", Name: "Weekly", Weekday: 1, Hour: 8, Created: now}, now.Add(7*24*time.Hour)); err != nil {
		t.Fatal(err)
	}

	if out := answer(t, handler(t, intake.New, env), "intake.json"); !strings.Contains(out, `"statusCode":200`) || !strings.Contains(out, `"body":""`) {
		t.Errorf("intake answers %s", out)
	}
	if d := waiting("DELIVERIES"); !strings.Contains(d, `"app":"app_sample"`) {
		t.Errorf("intake queues %s", d)
	}
	done := `{"batchItemFailures":[]}`
	if out := answer(t, handler(t, ingest.New, env), "ingest.json"); out != done {
		t.Errorf("ingest answers %s", out)
	}
	accounts, err := s.Accounts(t.Context(), w, "", 10)
	if err != nil || len(accounts) != 1 {
		t.Fatalf("ingest leaves %d accounts, %v", len(accounts), err)
	}
	if m := waiting("SCORING"); !strings.Contains(m, accounts[0]) {
		t.Errorf("ingest asks for the scores of %s", m)
	}
	if m := waiting("FEEDBACK"); !strings.Contains(m, accounts[0]) {
		t.Errorf("ingest asks for the views of %s", m)
	}
	for name, h := range map[string]lambda.Handler{"score.json": handler(t, score.New, env), "feedback.json": handler(t, feedback.New, env)} {
		if out := answer(t, h, name); out != done {
			t.Errorf("%s: %s", name, out)
		}
	}
	for name, h := range map[string]lambda.Handler{"discover.json": handler(t, discover.New, env), "report.json": handler(t, report.New, env)} {
		if out := answer(t, h, name); out != "null" {
			t.Errorf("%s: %s", name, out)
		}
	}
	if out := answer(t, handler(t, erase.New, env), "erase.json"); out != done {
		t.Errorf("erase answers %s", out)
	}
	if list, _, err := s.Receipts(t.Context(), w, "", 10); err != nil || len(list) != 1 || list[0].Reason != "account deleted" || !list[0].Done {
		t.Errorf("erase leaves the receipts %+v, %v", list, err)
	}
	runs, _, err := s.Runs(t.Context(), w, "weekly", "", 10)
	if err != nil || len(runs) != 1 || runs[0].State != store.RunDone {
		t.Errorf("report leaves %+v, %v", runs, err)
	}
	fansOut(t, env, s, waiting)
	// A body too large for the queue goes by way of the bucket.
	large := `{"id":"post-2","by":"bob","text":"` + strings.Repeat("long words ", 40_000) + `","at":"2026-10-06T08:00:00Z"}`
	mac := hmac.New(sha256.New, []byte("sample-secret"))
	mac.Write([]byte(large))
	request, err := json.Marshal(events.APIGatewayV2HTTPRequest{RawPath: "/hooks/app_sample", Body: large, Headers: map[string]string{"x-signature": "sha256=" + hex.EncodeToString(mac.Sum(nil))},
		RequestContext: events.APIGatewayV2HTTPRequestContext{Stage: "$default", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := handler(t, intake.New, env).Invoke(t.Context(), request); err != nil || !strings.Contains(string(out), `"statusCode":200`) {
		t.Fatalf("large: %s, %v", out, err)
	}
	queued := waiting("DELIVERIES")
	if len(queued) > 4096 || !strings.Contains(queued, `"object":"deliveries/dlv_`) {
		t.Errorf("large: %d bytes are queued", len(queued))
	}
	batch, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: queued, Attributes: map[string]string{"ApproximateReceiveCount": "1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := handler(t, ingest.New, env).Invoke(t.Context(), batch); err != nil || string(out) != done {
		t.Errorf("large: %s, %v", out, err)
	}
	if accounts, err := s.Accounts(t.Context(), w, "", 10); err != nil || len(accounts) != 2 {
		t.Errorf("large: %d accounts, want bob's too, %v", len(accounts), err)
	}

	if out := answer(t, handler(t, mail.New, env), "mail.json"); out != "null" {
		t.Errorf("mail answers %s", out)
	}
	links, err := consent.New([]byte(strings.Repeat("k", 64)))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Mailings(t.Context(), w, []string{links.Hash("nobody@example.com")}); err != nil || list[0].Stopped != store.StoppedBounce {
		t.Errorf("after the bounce: %+v, %v", list, err)
	}
	request, err = json.Marshal(events.APIGatewayV2HTTPRequest{RawPath: "/mail/unsubscribe/forged",
		RequestContext: events.APIGatewayV2HTTPRequestContext{Stage: "$default", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := handler(t, mail.New, env).Invoke(t.Context(), request); err != nil || !strings.Contains(string(out), `"statusCode":404`) || !strings.Contains(string(out), "leads nowhere") {
		t.Errorf("a forged link: %s, %v", out, err)
	}

	env["ISSUER"], env["JWKS_URL"], env["CLIENT_ID"], env["REPORT_FUNCTION"], env["DISCOVER_FUNCTION"] = "https://issuer.example", "https://issuer.example/keys", "c", "r", "d"
	if out := answer(t, handler(t, api.New, env), "api.json"); !strings.Contains(out, "openapi: 3.1") {
		t.Errorf("api answers %.200s", out)
	}
}

// fansOut has discover and report tick: each sends messages, and does the work
// only when it is handed one.
func fansOut(t *testing.T, env map[string]string, s *store.Store, waiting func(string) string) {
	t.Helper()
	const w = "larkspoon"
	if err := errors.Join(s.PutTick(t.Context(), w), s.PutNextDiscovery(t.Context(), w, time.Unix(1_700_000_000, 0))); err != nil {
		t.Fatal(err)
	}
	if got := tickAndTake(t, discover.New, env, waiting, "BULK"); got != `{"kind":"discover","workspace":"larkspoon"}` {
		t.Errorf("discover sends %s", got)
	}
	if at, err := s.NextDiscovery(t.Context(), w); err != nil || at.Before(time.Now().Add(5*time.Hour)) {
		t.Errorf("themes are due next at %s, %v", at, err)
	}
	// The report of the sample event is due again a week after it.
	if got := tickAndTake(t, report.New, env, waiting, "REPORT"); !strings.HasPrefix(got, `{"workspace":"larkspoon","report":"weekly","at":"2026-11-`) {
		t.Errorf("report sends %s", got)
	}
}

// tickAndTake has a function tick, and hands it the message that it then sent.
func tickAndTake[H any](t *testing.T, build func(context.Context, func(string) string) (H, error), env map[string]string, waiting func(string) string, queue string) string {
	t.Helper()
	h := handler(t, build, env)
	if _, err := h.Invoke(t.Context(), []byte(`{"tick":true}`)); err != nil {
		t.Fatal(err)
	}
	body := waiting(queue)
	e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": body}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(t.Context(), e); err != nil {
		t.Errorf("its message: %v", err)
	}
	if bad, _ := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": "no JSON"}}}); bad != nil {
		if _, err := h.Invoke(t.Context(), bad); err == nil {
			t.Error("a message that can't be read fails the function, for the alarm to see")
		}
	}
	return body
}
