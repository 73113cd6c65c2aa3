package emf

import (
	"context"
	"log/slog"
	"time"
)

// Work writes the one line of a piece of a function's work: what was done, for
// which workspace, how long it took, what it came to, and why it failed if it
// did. args are as slog has them.
func Work(ctx context.Context, what, workspace string, began time.Time, err error, args ...any) {
	args = append([]any{"workspace", workspace, "ms", time.Since(began).Milliseconds()}, args...)
	if err != nil {
		slog.ErrorContext(ctx, what, append(args, "error", err.Error())...)
		return
	}
	slog.InfoContext(ctx, what, args...)
}
