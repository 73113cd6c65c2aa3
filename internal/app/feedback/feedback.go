// Package feedback wires the function that keeps the views of what was said
// in step with the facts.
package feedback

import (
	"context"
	"encoding/json"

	"rapport/internal/app"
	"rapport/internal/lambdasqs"
	"rapport/internal/queue"
	"rapport/internal/store"
	"rapport/internal/talk"
	"rapport/internal/task"
	"rapport/internal/view"
)

// New returns the function that keeps the views of what was said in step with the facts.
func New(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "SCORING_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	scores := queue.New(cfg, env["SCORING_QUEUE_URL"])
	s := store.New(cfg, env["TABLE"])
	return lambdasqs.EachApart(lambdasqs.ByList("facts"), func(ctx context.Context, body []byte) error {
		var m task.View
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		// What a replay or an import brought is no news.
		live := !m.Received.IsZero()
		return talk.New(s, func(ctx context.Context, w string, stale []view.Stale) error {
			for i := range stale {
				stale[i].Live = live
			}
			return scores.Send(ctx, task.Score{Workspace: w, Accounts: stale})
		}).View(ctx, m.Workspace, m.Facts...)
	}), nil
}
