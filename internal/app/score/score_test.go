package score

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/lambdasqs"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/task"
	"rapport/internal/view"
)

// TestLagIsCounted: of messages that a delivery caused, from its receipt; of
// others, by a tick or a feedback's, there is none.
func TestLagIsCounted(t *testing.T) {
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
	defer slog.SetDefault(old)
	message := func(id string, came time.Time) lambdasqs.Message {
		b, err := json.Marshal(task.Score{Workspace: "acme", Accounts: []view.Stale{{Account: "meta:page:" + id}}, Received: came})
		if err != nil {
			t.Fatal(err)
		}
		return lambdasqs.Message{ID: id, Body: b, Received: 1}
	}
	now := time.Now()
	s := storetest.New(t)
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), "acme", store.Models, store.Document{Version: "1", Published: now, Body: model}); err != nil {
		t.Fatal(err)
	}
	failed := batch(t.Context(), leads.New(s), now, []lambdasqs.Message{message("a", now.Add(-20*time.Second)), message("b", time.Time{}), {ID: "c", Body: []byte("{")}})
	if len(failed) != 1 || failed["c"] == nil {
		t.Errorf("failed: %v", failed)
	}
	var line struct {
		Messages, People, Failed int
		Lag                      []float64
		AWS                      *struct{} `json:"_aws"`
	}
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, buf.String())
	}
	if line.Messages != 3 || line.People != 2 || line.Failed != 1 || len(line.Lag) != 1 || line.Lag[0] < 20 || line.Lag[0] > 60 || line.AWS == nil {
		t.Errorf("the line: %s", buf.String())
	}
}
