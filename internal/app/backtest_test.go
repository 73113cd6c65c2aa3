package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app"
	"rapport/internal/app/discover"
	"rapport/internal/leads"
	"rapport/internal/outcomes"
	"rapport/internal/scoring"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// TestBacktestByTheBulkFunction hands the function the message that the API
// queues when a backtest is asked for: it has a result.
func TestBacktestByTheBulkFunction(t *testing.T) {
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
	document, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	l := leads.New(s)
	if _, err := l.Publish(t.Context(), "acme", document, now, func(leads.Rescoring) error { return nil }); err != nil {
		t.Fatal(err)
	}
	b, err := l.NewBacktest(t.Context(), "acme", "bkt_1", "mem_ann", leads.BacktestAsked{Document: document, Positive: []outcomes.Kind{outcomes.Won}, Before: time.Hour, Aim: 0.5}, now)
	if err != nil {
		t.Fatal(err)
	}
	message, err := json.Marshal(app.Bulk{Kind: app.BulkBacktest, Asked: app.Asked{Workspace: "acme"}, State: json.RawMessage(`"` + b.ID + `"`)})
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t, discover.New, map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "SECRETS_PREFIX": "/" + table.Name + "/", "BULK_QUEUE_URL": *q.QueueUrl})
	e, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"body": string(message)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if b, err = s.Backtest(t.Context(), "acme", b.ID); err != nil || b.Result == nil || b.Failed != "" {
		t.Errorf("%+v, %v", b, err)
	}

	// One that can't be carried out ends, too, and keeps nothing.
	bad := store.Backtest{ID: "bkt_2", Begun: now, By: "mem_ann", Asked: []byte(`{"model":"default","active":"77","positive":["won"]}`), State: []byte(`{"salt":"x"}`)}
	if err := s.PutBacktest(t.Context(), "acme", &bad); err != nil {
		t.Fatal(err)
	}
	if err := s.PutCases(t.Context(), "acme", bad.ID, 0, []int{}, now); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(t.Context(), bytes.Replace(e, []byte(b.ID), []byte(bad.ID), 1)); err != nil {
		t.Fatal(err)
	}
	if bad, err = s.Backtest(t.Context(), "acme", bad.ID); err != nil || bad.Failed == "" || bad.Result != nil || bytes.Contains(bad.State, []byte("salt")) {
		t.Errorf("%+v, %v", bad, err)
	}
	if err := s.Cases(t.Context(), "acme", bad.ID, func(b []byte) error { return fmt.Errorf("left: %s", b) }); err != nil {
		t.Error(err)
	}
}
