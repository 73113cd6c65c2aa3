package watch_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/watch"
)

// A visit to a workspace writes one line.
func TestAVisitWritesOneLine(t *testing.T) {
	s := storetest.New(t)
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: "acme", Name: "Acme", TimeZone: "UTC", Created: time.Now()}, "ann"); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
	defer slog.SetDefault(old)
	if err := watch.New(watch.Deps{Store: s}).Workspace(t.Context(), "acme", time.Now()); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Msg, Workspace string
		Sources, MS    *int64
	}
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil || line.Msg != "watched" || line.Workspace != "acme" || line.Sources == nil || line.MS == nil {
		t.Errorf("%v: %s", err, buf.String())
	}
}
