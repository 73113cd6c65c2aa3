package emf

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func line(metrics ...Metric) string {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	log.LogAttrs(context.Background(), slog.LevelInfo, "x", Attrs(time.UnixMilli(1700000000123), metrics...)...)
	return strings.TrimSpace(out.String())
}

func TestALineCounts(t *testing.T) {
	want := `{"msg":"x","Activities":3,"Lag":[1.5,20],"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"Activities","Unit":"Count"},{"Name":"Lag","Unit":"Seconds"}],"Namespace":"Rapport/"}],"Timestamp":1700000000123}}`
	if got := line(Count(Activities, 3), Count(Parked, 0), Seconds(Lag, []time.Duration{1500 * time.Millisecond, 20 * time.Second})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := line(Count(Parked, 0), Seconds(Lag, nil)); got != `{"msg":"x"}` {
		t.Errorf("a line without figures counts nothing: %s", got)
	}
	if got := line(Seconds(Lag, make([]time.Duration, 101))); strings.Count(got, "0,") != 99 {
		t.Errorf("CloudWatch takes a hundred figures: %s", got)
	}
}
