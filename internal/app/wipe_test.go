package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/discover"
	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/secret"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// TestWipeByTheBulkFunction hands the function the message that the API queues:
// it takes a deleted workspace away, its objects and secrets too, and leaves
// one alone that nobody deleted.
func TestWipeByTheBulkFunction(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &table.Name}); err != nil {
		t.Fatal(err)
	}
	q, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-bulk")})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "BULK_QUEUE_URL": *q.QueueUrl}
	secrets, bucket := secret.New(cfg, env["SECRETS_PREFIX"]), archive.New(cfg, table.Name)
	app := func(w string) string { return "app_" + w + table.Name }
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for _, w := range []string{"acme", "other"} {
		if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: now}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSource(t.Context(), store.App{ID: app(w), Owner: w, Platform: "standard"}, true,
			store.Source{ID: "src", Workspace: w, App: app(w), Platform: "standard", Scope: "*", Created: now}); err != nil {
			t.Fatal(err)
		}
		if err := secrets.PutApp(t.Context(), app(w), platform.Secrets{Keys: []string{"0123456789abcdef"}}); err != nil {
			t.Fatal(err)
		}
		if err := bucket.Put(t.Context(), "reports/"+w+"/weekly/x.html", "text/html", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteWorkspace(t.Context(), "acme", now); err != nil {
		t.Fatal(err)
	}
	h := handler(t, discover.New, env)
	for _, body := range []string{`{"kind":"wipe","workspace":"acme"}`, `{"kind":"wipe","workspace":"other"}`, `{"kind":"discover","workspace":"acme"}`, `{"kind":"wipe","workspace":"nobody"}`} {
		e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": body}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Invoke(t.Context(), e); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for w, gone := range map[string]bool{"acme": true, "other": false} {
		_, noApp := s.App(t.Context(), app(w))
		_, noSecret := secrets.App(t.Context(), app(w))
		_, noFile := bucket.Get(t.Context(), "reports/"+w+"/weekly/x.html")
		list, err := s.Sources(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"app": noApp, "secret": noSecret, "file": noFile} {
			if fault.Is(err, fault.NotFound) != gone {
				t.Errorf("%s of %s: %v", what, w, err)
			}
		}
		if (len(list) == 0) != gone {
			t.Errorf("sources of %s: %+v", w, list)
		}
	}
}
