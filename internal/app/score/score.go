// Package score wires the function that keeps leads in step with the facts.
package score

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"rapport/internal/app"
	"rapport/internal/fault"
	"rapport/internal/lambdasqs"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/store"
	"rapport/internal/task"
)

// hands is how many items of one message are worked on at once: they wait for
// the table, not for the processor.
const hands = 4

// New returns the function that keeps leads in step with the facts.
func New(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE")
	if err != nil {
		return nil, err
	}
	l := leads.New(store.New(cfg, env["TABLE"]))
	return lambdasqs.EachApart(lambdasqs.ByList("accounts"), func(ctx context.Context, body []byte) error {
		var m task.Score
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		return errors.Join(parallel.Each(ctx, len(m.Accounts), hands, func(i int) error {
			account := m.Accounts[i]
			err := l.Rescore(ctx, m.Workspace, account)
			if err != nil && !fault.Retryable(err) {
				slog.ErrorContext(ctx, "lead not scored", "workspace", m.Workspace, "account", account, "error", err.Error())
				return nil // the same facts would fail again; a new one will try again
			}
			return err
		})...)
	}), nil
}
