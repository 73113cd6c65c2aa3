package app_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/watch"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// TestWatchFromTickToAnnouncement: a tick sends a message for each workspace,
// and each message is a look at one.
func TestWatchFromTickToAnnouncement(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	queues := sqs.NewFromConfig(cfg)
	out, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-watch")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, w := range []string{"larkspoon", "other"} {
		if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "Europe/Berlin", Created: now}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSource(t.Context(), store.App{ID: "app_" + w, Owner: w, Platform: "standard"}, true,
			store.Source{ID: "src", Workspace: w, App: "app_" + w, Platform: "standard", Scope: "*", Name: "Forum", Created: now}); err != nil {
			t.Fatal(err)
		}
		if err := s.PutRevoked(t.Context(), w, "src", now, "the app was removed"); err != nil {
			t.Fatal(err)
		}
		if err := s.PutTick(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	h := handler(t, watch.New, map[string]string{"TABLE": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "WATCH_QUEUE_URL": *out.QueueUrl})
	if _, err := h.Invoke(t.Context(), []byte(`{"tick":true}`)); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for range 5 {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: out.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
	slices.Sort(bodies)
	if !slices.Equal(bodies, []string{`{"workspace":"larkspoon"}`, `{"workspace":"other"}`}) {
		t.Errorf("the tick sends %s", bodies)
	}
	told := func(w string) int {
		t.Helper()
		list, _, err := s.Announcements(t.Context(), w, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if told("larkspoon") != 0 {
		t.Error("a tick looks after nobody itself")
	}
	if out := answer(t, h, "watch.json"); out != "null" || told("larkspoon") != 1 || told("other") != 0 {
		t.Errorf("its message: %s, %d and %d announcements", out, told("larkspoon"), told("other"))
	}
	if _, err := h.Invoke(t.Context(), []byte(`{"workspace":"other"}`)); err != nil || told("other") != 1 {
		t.Errorf("by hand: %v, %d announcements", err, told("other"))
	}
	broken, _ := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": `{"workspace":"nobody"}`}}})
	if _, err := h.Invoke(t.Context(), broken); err == nil {
		t.Error("a workspace that can't be watched fails the function, for the alarm to see")
	}
}

func TestWatchNamesEveryMissingVariable(t *testing.T) {
	_, err := watch.New(t.Context(), func(string) string { return "" })
	for _, name := range []string{"TABLE", "SECRETS_PREFIX", "WATCH_QUEUE_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
