package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/discover"
	"rapport/internal/app/watch"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// TestTicksLeaveAStoppedWorkspaceAlone hands the functions watch and discover
// the messages of their ticks: nothing is announced and no themes are found
// while a workspace is stopped, and both are once it goes on. Another
// workspace notices nothing.
func TestTicksLeaveAStoppedWorkspaceAlone(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-q")})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "BULK_QUEUE_URL": *q.QueueUrl, "WATCH_QUEUE_URL": *q.QueueUrl}
	watching, discovering := handler(t, watch.New, env), handler(t, discover.New, env)
	now := time.Now()
	for _, w := range []string{"stopped", "other"} {
		if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: now}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSource(t.Context(), store.App{ID: "app_" + w, Owner: w, Platform: "standard"}, true,
			store.Source{ID: "src", Workspace: w, App: "app_" + w, Platform: "standard", Scope: "*", Name: "Forum", Created: now}); err != nil {
			t.Fatal(err)
		}
		if err := s.PutRevoked(t.Context(), w, "src", now, "the app was removed"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.StopWorkspace(t.Context(), "stopped", store.Operator, now); err != nil {
		t.Fatal(err)
	}
	messages := func() {
		t.Helper()
		for _, w := range []string{"stopped", "other"} {
			for _, h := range []lambda.Handler{watching, discovering} {
				e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": `{"kind":"discover","workspace":"` + w + `"}`}}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := h.Invoke(t.Context(), e); err != nil {
					t.Errorf("%s: %v", w, err)
				}
			}
		}
	}
	done := func(w string) (announced, found bool) {
		t.Helper()
		list, _, err := s.Announcements(t.Context(), w, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		next, err := s.NextDiscovery(t.Context(), w) // a visit says when the next one is
		if err != nil {
			t.Fatal(err)
		}
		return len(list) > 0, !next.IsZero()
	}
	messages()
	for w, want := range map[string]bool{"stopped": false, "other": true} {
		if announced, found := done(w); announced != want || found != want {
			t.Errorf("%s: announced %v, themes looked for %v", w, announced, found)
		}
	}
	if err := s.StartWorkspace(t.Context(), "stopped", store.Operator); err != nil {
		t.Fatal(err)
	}
	messages()
	if announced, found := done("stopped"); !announced || !found {
		t.Errorf("started: announced %v, themes looked for %v", announced, found)
	}
}
