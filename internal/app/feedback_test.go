package app_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/feedback"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/task"
)

// What a moderator deleted has its writer scored again: live where that was
// delivered just now, and quietly where it was imported or replayed.
func TestFeedbackIsLiveWhereItCameJustNow(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sq := sqs.NewFromConfig(cfg)
	q, err := sq.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-scoring")})
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t, feedback.New, map[string]string{"TABLE": table.Name, "SCORING_QUEUE_URL": *q.QueueUrl})
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for i, received := range []time.Time{{}, now} {
		fact := func(who string, kind social.Type, minute int) social.Activity {
			a := social.Activity{Platform: "standard", Scope: "forum", Type: kind, Direction: social.Inbound, Actor: social.Actor{ID: who}, Object: social.Object{ID: fmt.Sprint("m", i)}, Text: "x", Occurred: now.Add(time.Duration(minute) * time.Minute), Known: now}
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
			if _, err := s.PutActivity(t.Context(), "acme", a); err != nil {
				t.Fatal(err)
			}
			return a
		}
		said, gone := fact(fmt.Sprint("ann", i), social.Post, 0), fact("moderator", social.Delete, 5)
		message, err := json.Marshal(task.View{Workspace: "acme", Facts: []store.FactRef{store.RefOf(said), store.RefOf(gone)}, Received: received})
		if err != nil {
			t.Fatal(err)
		}
		e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"messageId": "1", "body": string(message)}}})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := h.Invoke(t.Context(), e); err != nil {
			t.Fatalf("%s, %v", out, err)
		}
		got, err := sq.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2})
		if err != nil || len(got.Messages) == 0 {
			t.Fatalf("nobody is scored again: %+v, %v", got, err)
		}
		for _, m := range got.Messages {
			var x task.Score
			if err := json.Unmarshal([]byte(*m.Body), &x); err != nil {
				t.Fatal(err)
			}
			if len(x.Accounts) != 1 || x.Accounts[0].Account != said.Account().AccountID() || x.Accounts[0].Live != (i == 1) {
				t.Errorf("received %v: %+v", received, x)
			}
		}
	}
}
