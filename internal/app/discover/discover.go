// Package discover wires the function that finds themes, and does other bulk work.
package discover

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"rapport/internal/app"
	"rapport/internal/archive"
	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/queue"
	"rapport/internal/rebuild"
	"rapport/internal/secret"
	"rapport/internal/side"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/wipe"
)

// New returns the function that finds themes, and does other bulk work: a tick
// sends a message for each workspace to the queue of bulk work, which it works off.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BULK_QUEUE_URL", "BUCKET", "SECRETS_PREFIX")
	if err != nil {
		return nil, err
	}
	s := store.New(cfg, env["TABLE"])
	d, q, l := discover.New(s), queue.New(cfg, env["BULK_QUEUE_URL"]), leads.New(s)
	run := func(ctx context.Context, a app.Asked) error {
		now := social.Instant(time.Now())
		at, err := app.EventTime(a.At, now)
		if err != nil {
			return err
		}
		_, err = d.Run(ctx, a.Workspace, at, now)
		return err
	}
	x := &wipe.Wipe{Store: s, Archive: archive.New(cfg, env["BUCKET"]), DeleteSecret: secret.New(cfg, env["SECRETS_PREFIX"]).DeleteApp, Now: time.Now}
	return app.Fanned(func(ctx context.Context, body []byte) error {
		var m app.Bulk
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		if gone, err := s.IsDeleting(ctx, m.Workspace); err != nil {
			return err
		} else if gone != (m.Kind == app.BulkWipe) {
			slog.InfoContext(ctx, "bulk work not done", "kind", m.Kind, "workspace", m.Workspace, "deleted", gone)
			return nil
		}
		switch m.Kind {
		case app.BulkWipe:
			return wiped(ctx, x, q, m)
		case app.BulkDiscover:
			if rests, err := s.Rests(ctx, m.Workspace); err != nil || rests {
				return err
			}
			return d.Visit(ctx, m.Workspace, social.Instant(time.Now()))
		case app.BulkRebuild:
			return again(ctx, s, q, m)
		case app.BulkSides:
			return sided(ctx, s, q, m)
		case app.BulkRescore:
			return rescored(ctx, l, q, m)
		case app.BulkBacktest:
			return backtested(ctx, l, q, m)
		case app.BulkCompare:
			_, err := l.Stood(ctx, m.Workspace, social.Instant(time.Now()))
			return err
		}
		return fault.New(fault.Invalid, "no bulk work is called %q", m.Kind)
	}, func(ctx context.Context, a app.Asked) error {
		if a.Workspace != "" {
			return run(ctx, a)
		}
		return d.Tick(ctx, social.Instant(time.Now()), func(ctx context.Context, workspaces []string) error {
			var messages []app.Bulk
			for _, w := range workspaces {
				messages = append(messages, app.Bulk{Kind: app.BulkDiscover, Asked: app.Asked{Workspace: w}})
			}
			return queue.SendAll(ctx, q, messages)
		})
	}), nil
}

// wiped takes away what is left of a deleted workspace as long as there is
// time, and queues how far it came.
func wiped(ctx context.Context, x *wipe.Wipe, q *queue.Queue, m app.Bulk) error {
	state := wipe.State{Workspace: m.Workspace}
	if len(m.State) > 0 {
		if err := json.Unmarshal(m.State, &state); err != nil {
			return fault.Wrap(fault.Invalid, err, "the state of a wipe can't be read")
		}
	}
	state, err := x.Run(ctx, state, stopOf(ctx))
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "wiped", "workspace", state.Workspace, "phase", string(state.Phase), "removed", state.Removed)
	if state.Phase == wipe.Done {
		return nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	after := time.Duration(0)
	if state.Phase == wipe.Wait {
		after = wipe.Between
	}
	return q.SendLater(ctx, app.Bulk{Kind: app.BulkWipe, Asked: app.Asked{Workspace: state.Workspace}, State: b}, after)
}

// stopOf is when a run is to stop; zero: never.
func stopOf(ctx context.Context) time.Time {
	if end, ok := ctx.Deadline(); ok {
		return end.Add(-reserve)
	}
	return time.Time{}
}

// reserve is the time of a run that is kept for queueing what is left.
const reserve = time.Minute

// again rebuilds views as long as there is time, and queues how far it came.
func again(ctx context.Context, s *store.Store, q *queue.Queue, m app.Bulk) error {
	state := rebuild.State{Workspace: m.Workspace}
	if len(m.State) > 0 {
		if err := json.Unmarshal(m.State, &state); err != nil {
			return fault.Wrap(fault.Invalid, err, "the state of a rebuild can't be read")
		}
	}
	if _, err := s.Workspace(ctx, state.Workspace); err != nil {
		return err
	}
	r := rebuild.Rebuild{Store: s, Now: time.Now, Views: func(s *store.Store) []view.View { return all.Views(s, time.Now) }}
	state, err := r.Run(ctx, state, stopOf(ctx), func(rebuild.State) {})
	if err != nil {
		return err
	}
	if state.Phase == rebuild.Done {
		slog.InfoContext(ctx, "rebuilt", "workspace", state.Workspace, "accounts", state.Accounts, "facts", state.Facts, "items", state.Items,
			"different", state.Different(), "mended", state.Mended, "differ", state.Differ)
		return nil
	}
	return q.Send(ctx, app.Bulk{Kind: app.BulkRebuild, Asked: app.Asked{Workspace: state.Workspace}, State: json.RawMessage(state.String())})
}

// sided applies on which side accounts are as long as there is time, and
// queues how far it came.
func sided(ctx context.Context, s *store.Store, q *queue.Queue, m app.Bulk) error {
	var state side.State
	if err := json.Unmarshal(m.State, &state); err != nil || state.Workspace != m.Workspace {
		return fault.Wrap(fault.Invalid, err, "what is to be done with sides can't be read")
	}
	if _, err := s.Workspace(ctx, state.Workspace); err != nil {
		return err
	}
	state, err := side.New(s, time.Now).Run(ctx, state, stopOf(ctx))
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "sides applied", "workspace", state.Workspace, "platform", string(state.Platform), "accounts", len(state.IDs), "found", state.Found, "again", state.Again, "finished", state.Wait || state.Done)
	if state.Done {
		return nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	after := time.Duration(0)
	if state.Wait {
		after = side.Between
	}
	return q.SendLater(ctx, app.Bulk{Kind: app.BulkSides, Asked: app.Asked{Workspace: state.Workspace}, State: b}, after)
}

// rescored scores leads by a model that was published, or takes those by a
// retired one away, as long as there is time, and queues how far it came.
func rescored(ctx context.Context, l *leads.Leads, q *queue.Queue, m app.Bulk) error {
	var state leads.Rescoring
	if err := json.Unmarshal(m.State, &state); err != nil {
		return fault.Wrap(fault.Invalid, err, "the state of scores can't be read")
	}
	state, err := l.Rescore(ctx, m.Workspace, state, time.Now, stopOf(ctx))
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "rescored", "workspace", m.Workspace, "model", state.Model, "version", state.Version, "accounts", state.Done, "of", state.Of, "failed", state.Failed, "phase", string(state.Phase))
	if state.Phase == leads.RescoringDone {
		return nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return q.Send(ctx, app.Bulk{Kind: app.BulkRescore, Asked: app.Asked{Workspace: m.Workspace}, State: b})
}

// backtested goes on with a backtest as long as there is time, and queues the
// rest. How far it is stands in the table.
func backtested(ctx context.Context, l *leads.Leads, q *queue.Queue, m app.Bulk) error {
	var id string
	if err := json.Unmarshal(m.State, &id); err != nil {
		return fault.Wrap(fault.Invalid, err, "the id of a backtest can't be read")
	}
	done, err := l.Backtest(ctx, m.Workspace, id, time.Now, stopOf(ctx))
	if err != nil && !fault.Retryable(err) {
		slog.ErrorContext(ctx, "backtest failed", "workspace", m.Workspace, "backtest", id, "error", err.Error())
		return l.FailBacktest(ctx, m.Workspace, id, err)
	}
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "backtested", "workspace", m.Workspace, "backtest", id, "finished", done)
	if done {
		return nil
	}
	return q.Send(ctx, m)
}
