package ingest_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/platform"
)

func delivery(id, body string, at time.Time, replay bool) ingest.Message {
	b, _ := json.Marshal(platform.Delivery{App: "app1", Received: at, Replay: replay, Request: platform.Request{Method: "POST", Body: []byte(body)}})
	return ingest.Message{ID: id, Body: b, Received: 1}
}

// TestScoresSayWhenTheirFactsCame: so that score can tell how long it took,
// but not of what is done again, which came long ago.
func TestScoresSayWhenTheirFactsCame(t *testing.T) {
	for name, c := range map[string]struct {
		messages []ingest.Message
		want     time.Time
	}{
		"the first of a batch": {[]ingest.Message{delivery("a", good("1"), received, false), delivery("b", good("2"), received.Add(-time.Minute), false), delivery("c", good("3"), received.Add(-time.Hour), true)}, received.Add(-time.Minute)},
		"done again":           {[]ingest.Message{delivery("a", good("1"), received, true)}, time.Time{}},
	} {
		d := newDesk(t)
		if failed := d.Batch(t.Context(), c.messages); len(failed) > 0 {
			t.Fatal(failed)
		}
		if len(d.scores) != 1 || !d.scores[0].Received.Equal(c.want) {
			t.Errorf("%s: %+v, want one message of %s", name, d.scores, c.want)
		}
	}
}

func TestABatchCounts(t *testing.T) {
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
	defer slog.SetDefault(old)
	newDesk(t).Batch(t.Context(), []ingest.Message{message("a", good("1")), message("b", good("2")), message("c", "no JSON")})
	var line struct {
		Activities, Parked int
		AWS                struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
		} `json:"_aws"`
	}
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Activities != 2 || line.Parked != 1 || len(line.AWS.CloudWatchMetrics) != 1 || len(line.AWS.CloudWatchMetrics[0].Metrics) != 2 {
		t.Errorf("%+v of %s", line, buf.String())
	}
}
