package emf

import (
	"context"
	"log/slog"
	"time"

	"rapport/internal/fault"
)

// Work writes the one line of a piece of a function's work: what was done, for
// which workspace, how long it took, what it came to, and why it failed if it
// did: a warning where it will be tried again, no more than information where
// somebody else did it. args are as slog has them.
func Work(ctx context.Context, what, workspace string, began time.Time, err error, args ...any) {
	args = append([]any{"workspace", workspace, "ms", time.Since(began).Milliseconds()}, args...)
	level := slog.LevelInfo
	if err != nil {
		args = append(args, "error", err.Error())
		switch {
		case fault.Is(err, fault.Transient):
			level = slog.LevelWarn
		case !fault.Is(err, fault.Conflict):
			level = slog.LevelError
		}
	}
	slog.Log(ctx, level, what, args...)
}
