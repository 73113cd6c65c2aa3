package lambdasqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"rapport/internal/lambdasqs"
)

func event(t *testing.T, bodies ...string) []byte {
	t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: string(rune('a' + i)), Body: b, Attributes: map[string]string{"ApproximateReceiveCount": "2"}})
	}
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOnlyWhatFailedComesAgain(t *testing.T) {
	h := lambda.NewHandler(lambdasqs.Each(func(_ context.Context, body []byte) error {
		switch string(body) {
		case "bad":
			return errors.New("no")
		case "worse":
			panic("out of order")
		}
		return nil
	}))
	for want, bodies := range map[string][]string{
		`{"batchItemFailures":[]}`: {"good", "good"}, // never null: then all would come again
		`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`: {"good", "bad", "worse", "good"},
		`{"batchItemFailures":[{"itemIdentifier":"a"}]}`:                        {"worse"},
	} {
		out, err := h.Invoke(t.Context(), event(t, bodies...))
		if err != nil || string(out) != want {
			t.Errorf("%v: %s, %v; want %s", bodies, out, err, want)
		}
	}
}

func TestBatchSeesReceiveCounts(t *testing.T) {
	h := lambda.NewHandler(lambdasqs.Batch(func(_ context.Context, ms []lambdasqs.Message) map[string]error {
		if len(ms) != 2 || ms[1].Received != 2 || string(ms[1].Body) != "y" || ms[1].ID != "b" {
			t.Errorf("messages %+v", ms)
		}
		return map[string]error{"b": errors.New("no"), "unknown": errors.New("no")}
	}))
	out, err := h.Invoke(t.Context(), event(t, "x", "y"))
	if err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"b"}]}` {
		t.Errorf("%s, %v", out, err)
	}
}
