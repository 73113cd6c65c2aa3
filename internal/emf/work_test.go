package emf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
)

func TestWorkIsOneLine(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	for err, level := range map[error]string{nil: "INFO", errors.New("broken"): "ERROR", fault.New(fault.Transient, "throttled"): "WARN", fault.New(fault.Conflict, "made already"): "INFO"} {
		var out bytes.Buffer
		slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
		emf.Work(t.Context(), "viewed", "w1", time.Now().Add(-time.Second), err, "facts", 3)
		var line struct {
			Level, Msg, Workspace, Error string
			MS                           int64
			Facts                        int
		}
		if bad := json.Unmarshal(out.Bytes(), &line); bad != nil {
			t.Fatalf("%v: %s", bad, out.String())
		}
		failed := ""
		if err != nil {
			failed = err.Error()
		}
		if line.Level != level || line.Error != failed || line.Msg != "viewed" || line.Workspace != "w1" || line.Facts != 3 || line.MS < 1000 {
			t.Errorf("got %s", out.String())
		}
	}
}
