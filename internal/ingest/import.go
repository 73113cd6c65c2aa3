package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"

	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Imported is a delivery of activities that are imported into a workspace. It
// counts as a replay: nothing of it is news.
func Imported(w string, d platform.Delivery) platform.Delivery {
	d.App, d.For, d.Replay = platform.Imports, w, true
	return d
}

// CheckImported says why an activity would not be kept; nil: it would.
func CheckImported(a social.Activity) error { return bound(a) }

// understandImport reads a delivery of imported activities. They were checked
// when they were queued; one that can't be kept by now is left out and logged.
func (in *Ingest) understandImport(ctx context.Context, d platform.Delivery) ([]*result, error) {
	gone, err := in.Store.Deleting(ctx, forOf(d))
	if err != nil || gone[d.For] {
		return nil, err
	}
	r := newResult(store.App{ID: d.App, Owner: d.For}, d)
	r.queued = d.ID()
	for line := range bytes.Lines(d.Request.Body) {
		_, a, err := social.ParseLine(line)
		if err != nil {
			return nil, fmt.Errorf("import into %s: %w", d.For, err)
		}
		a = in.complete(a, d.Received)
		if err := in.take(ctx, r, platform.Event{Kind: platform.Imports, Activity: &a}, []store.Route{{Workspace: d.For}}); err != nil {
			return nil, err
		}
	}
	for _, reasons := range r.parked {
		slog.WarnContext(ctx, "imported activities were left out", "workspace", d.For, "reasons", len(reasons))
	}
	clear(r.parked)
	return []*result{r}, nil
}
