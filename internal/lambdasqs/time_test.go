package lambdasqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"rapport/internal/fault"
)

// record is a message that was received n times.
func record(body string, n int) events.SQSMessage {
	return events.SQSMessage{MessageId: body, Body: body, Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(n)}}
}

func failures(t *testing.T, h Handler, ctx context.Context, records ...events.SQSMessage) []string {
	t.Helper()
	out, err := h(ctx, events.SQSEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, f := range out.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

// A message that takes for ever fails alone: its neighbours are done, and the
// answer comes in time.
func TestOneThatTakesLongKeepsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var done []string
		h := Each(func(ctx context.Context, body []byte) error {
			took := map[string]time.Duration{"endless": time.Hour, "slow": 14 * time.Second}[string(body)]
			if took == 0 {
				took = time.Second
			}
			select {
			case <-ctx.Done():
				return fault.Wrap(fault.Transient, ctx.Err(), "")
			case <-time.After(took):
				done = append(done, string(body))
				return nil
			}
		})
		began := time.Now()
		got := failures(t, h, ctx, record("endless", 1), record("slow", 1), record("a", 1), record("b", 1), record("c", 1))
		if !slices.Equal(got, []string{"endless"}) || !slices.Equal(done, []string{"a", "b", "c", "slow"}) || time.Since(began) > 55*time.Second {
			t.Errorf("failed %q, done %q after %s", got, done, time.Since(began))
		}
	})
}

// What came back goes last, and what there is no time for comes again, without being begun.
func TestWhatThereIsNoTimeForComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var begun []string
		h := Each(func(_ context.Context, body []byte) error {
			begun = append(begun, string(body))
			time.Sleep(30 * time.Second) // deaf to its context
			return nil
		})
		got := failures(t, h, ctx, record("a", 4), record("b", 1), record("c", 2))
		if !slices.Equal(got, []string{"a"}) || !slices.Equal(begun, []string{"b", "c"}) {
			t.Errorf("failed %q, begun %q", got, begun)
		}
	})
}

// A message that came back twice is taken apart: its other parts are done,
// whatever is wrong with one of them.
func TestWhatCameBackIsTakenApart(t *testing.T) {
	var done []string
	h := EachApart(ByList("facts"), func(_ context.Context, body []byte) error {
		if strings.Contains(string(body), "panics") {
			panic("out of order")
		}
		if strings.Contains(string(body), "bad") {
			return errors.New("no")
		}
		done = append(done, string(body))
		return nil
	})
	body := `{"facts":[{"sk":"a"},{"sk":"bad"},{"sk":"panics"},{"sk":"b"}],"workspace":"w"}`
	for received, want := range map[int][]string{2: nil, 3: {`{"facts":[{"sk":"a"}],"workspace":"w"}`, `{"facts":[{"sk":"b"}],"workspace":"w"}`}} {
		done = nil
		if got := failures(t, h, t.Context(), record(body, received)); len(got) != 1 || !slices.Equal(done, want) {
			t.Errorf("received %d times: failed %q, done %q; want %q", received, got, done, want)
		}
	}
	if got := failures(t, h, t.Context(), record("no JSON", 3)); len(got) != 0 {
		t.Errorf("what can't be taken apart is handed on whole: %q", got)
	}
}

// A part that takes for ever leaves the others their time.
func TestAPartHasItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := 0
		h := EachApart(ByList("accounts"), func(ctx context.Context, body []byte) error {
			if strings.Contains(string(body), "endless") {
				<-ctx.Done()
				return ctx.Err()
			}
			done++
			return nil
		})
		if got := failures(t, h, ctx, record(`{"accounts":["endless","a","b"]}`, 3)); len(got) != 1 || done != 2 {
			t.Errorf("failed %q, %d parts done", got, done)
		}
	})
}

func TestABatchThatPanicsComesAgain(t *testing.T) {
	h := Batch(func(context.Context, []Message) map[string]error { panic("out of order") })
	if got := failures(t, h, t.Context(), record("a", 1), record("b", 1)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("failed %q", got)
	}
}
