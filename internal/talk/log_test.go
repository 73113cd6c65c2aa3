package talk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
)

// Each view writes one line: how many facts it was asked for and found, how
// long it took, and why it failed.
func TestAViewWritesOneLine(t *testing.T) {
	s := storetest.New(t)
	f := talk.New(s, func(context.Context, string, []view.Stale) error { return nil })
	a := said("ann", "1", "", 0, social.Inbound)
	if _, err := s.PutActivity(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	for _, failing := range []bool{false, true} {
		var buf bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewJSONHandler(&buf, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		if failing {
			cancel()
		}
		err := f.View(ctx, w, store.RefOf(a))
		cancel()
		slog.SetDefault(old)
		var line struct {
			Msg, Workspace, Error string
			Asked, Facts          int
			MS                    *int64
		}
		if bad := json.Unmarshal(buf.Bytes(), &line); bad != nil || (err != nil) != failing {
			t.Fatalf("%v, %v: %s", bad, err, buf.String())
		}
		facts := map[bool]int{false: 1}[failing]
		if line.Msg != "viewed" || line.Workspace != w || line.Asked != 1 || line.Facts != facts || line.MS == nil || (line.Error != "") != failing {
			t.Errorf("failing %t: %s", failing, buf.String())
		}
	}
}
