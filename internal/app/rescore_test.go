package app_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app"
	"rapport/internal/app/discover"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

// TestRescoreByTheBulkFunction hands the function the message that the API
// queues when a model is published: the leads stand by it.
func TestRescoreByTheBulkFunction(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-bulk")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: now}, "ann"); err != nil {
		t.Fatal(err)
	}
	l, m := leads.New(s), scoring.DefaultModel()
	publish := func() (message []byte) {
		t.Helper()
		document, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Publish(t.Context(), "acme", document, now, func(by leads.Rescoring) error {
			state, err := json.Marshal(by)
			if err != nil {
				return err
			}
			message, err = json.Marshal(app.Bulk{Kind: app.BulkRescore, Asked: app.Asked{Workspace: "acme"}, State: state})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return message
	}
	publish()
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ada"}, Object: social.Object{ID: "1"}, Text: "What does it cost?",
		Reading: social.Reading{Intent: social.IntentQuestion}, Occurred: now, Known: now, Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if err := s.PutAccount(t.Context(), "acme", a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutActivity(t.Context(), "acme", a); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Score(t.Context(), "acme", now, view.StaleBy(a))...); err != nil {
		t.Fatal(err)
	}
	m.Title = "Another"
	message := publish()
	h := handler(t, discover.New, map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "BULK_QUEUE_URL": *q.QueueUrl})
	e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": string(message)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	head, err := s.Lead(t.Context(), "acme", social.PersonID(a.Account().AccountID()), leads.ModelID)
	if err != nil || head.ModelVer != "default@2" {
		t.Errorf("the lead stands by %q, %v", head.ModelVer, err)
	}
	if x, err := s.Scored(t.Context(), "acme", leads.ModelID); err != nil || x.Version != "2" || !x.Ended || x.Done != 1 || x.Of != 1 {
		t.Errorf("noted: %+v, %v", x, err)
	}
}
