// Package score wires the function that keeps leads in step with the facts.
package score

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"rapport/internal/app"
	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/lambdasqs"
	"rapport/internal/leads"
	"rapport/internal/matching"
	"rapport/internal/queue"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/task"
	"rapport/internal/view"
)

// New returns the function that keeps leads in step with the facts. What a
// batch of messages tells of one person is scored once. Without messages, by a
// tick, it sends itself messages for those who are due although nothing came.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) (any, error), error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "SCORING_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	s := store.New(cfg, env["TABLE"])
	scores, l := queue.New(cfg, env["SCORING_QUEUE_URL"]), leads.New(s)
	m := matching.New(s, l, func() time.Time { return social.Instant(time.Now()) })
	l.Named = func(ctx context.Context, w string, list []leads.Named) error {
		changed, err := m.Changed(ctx, w, list)
		if err != nil || len(changed) == 0 {
			return err
		}
		return scores.SendOf(ctx, w, task.Score{Workspace: w, Match: changed})
	}
	work := lambdasqs.Batch(func(ctx context.Context, ms []lambdasqs.Message) map[string]error {
		failed := batch(ctx, l, time.Now(), ms)
		match(ctx, m, ms, failed)
		return failed
	})
	return lambdasqs.OrTick(work, func(ctx context.Context) error {
		due, err := l.Due(ctx, social.Instant(time.Now()), maxDue)
		if err != nil {
			return err
		}
		var out []task.Score
		for _, d := range due {
			for part := range slices.Chunk(d.Stale, perMessage) {
				out = append(out, task.Score{Workspace: d.Workspace, Accounts: part})
			}
		}
		return queue.SendAll(ctx, scores, out)
	}), nil
}

const (
	maxDue     = 20_000 // persons that one tick finds; more wait for the next
	perMessage = 20     // of them in a message
)

// match looks for whom accounts are one person with, once all that is to be
// scored is. What there is no time for comes again.
func match(ctx context.Context, m *matching.Matching, ms []lambdasqs.Message, failed map[string]error) {
	for _, x := range ms {
		var t task.Score
		if failed[x.ID] != nil || json.Unmarshal(x.Body, &t) != nil || len(t.Match) == 0 {
			continue
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
			failed[x.ID] = fault.New(fault.Transient, "no time was left for it")
			continue
		}
		if err := m.MatchAll(ctx, t.Workspace, t.Match, x.Received > 1); err != nil {
			failed[x.ID] = err
		}
	}
}

// reserve is the time that a match may take, with room for the answer.
const reserve = 20 * time.Second

// batch works off messages: each person once, for all messages that name them.
func batch(ctx context.Context, l *leads.Leads, now time.Time, ms []lambdasqs.Message) map[string]error {
	failed := map[string]error{}
	came := map[string]time.Time{} // by message: when the delivery came that it is of
	stale := map[string][]view.Stale{}
	named := map[string][]string{} // by workspace and account: the messages
	for _, m := range ms {
		var x task.Score
		if err := json.Unmarshal(m.Body, &x); err != nil {
			failed[m.ID] = err
			continue
		}
		if !x.Received.IsZero() {
			came[m.ID] = x.Received
			for i := range x.Accounts {
				x.Accounts[i].Live = true
			}
		}
		if _, err := l.RegroupAll(ctx, x.Workspace, x.Regroup, social.Instant(now)); err != nil && fault.Retryable(err) {
			failed[m.ID] = err
		} else if err != nil {
			slog.ErrorContext(ctx, "accounts not grouped", "workspace", x.Workspace, "accounts", len(x.Regroup), "error", err.Error())
		}
		stale[x.Workspace] = append(stale[x.Workspace], x.Accounts...)
		for _, a := range x.Accounts {
			id := x.Workspace + " " + a.Account
			named[id] = append(named[id], m.ID)
		}
	}
	people := 0
	for w, list := range stale {
		list = view.Merge(list)
		people += len(list)
		for i, err := range l.Score(ctx, w, social.Instant(now), list...) {
			if err != nil && !fault.Retryable(err) {
				slog.ErrorContext(ctx, "lead not scored", "workspace", w, "account", list[i].Account, "error", err.Error())
				continue // the same facts would fail again; a new one will try again
			}
			if err != nil {
				for _, id := range named[w+" "+list[i].Account] {
					failed[id] = err
				}
			}
		}
	}
	var lags []time.Duration
	for id, at := range came {
		if failed[id] == nil {
			lags = append(lags, time.Since(at))
		}
	}
	slog.LogAttrs(ctx, slog.LevelInfo, "scored", append([]slog.Attr{slog.Int("messages", len(ms)), slog.Int("people", people), slog.Int("failed", len(failed))},
		emf.Attrs(now, emf.Seconds(emf.Lag, lags))...)...)
	return failed
}
