// Package report wires the function that makes reports.
package report

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"rapport/internal/app"
	"rapport/internal/app/key"
	"rapport/internal/archive"
	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/queue"
	"rapport/internal/reporting"
	"rapport/internal/ses"
	"rapport/internal/store"
)

// New returns the function that makes reports: a tick sends a message for each
// that is due to the queue that the function itself works off.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "REPORT_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	secret, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	links, err := consent.New(secret)
	if err != nil {
		return nil, err
	}
	s, q := store.New(cfg, env["TABLE"]), queue.New(cfg, env["REPORT_QUEUE_URL"])
	r := reporting.New(reporting.Deps{Store: s, Leads: leads.New(s), Put: archive.New(cfg, env["BUCKET"]).Put,
		Send: ses.New(cfg, getenv("MAIL_CONFIGURATION_SET")).Send, MailFrom: getenv("MAIL_FROM"), Key: links, PublicURL: getenv("PUBLIC_URL"), Now: time.Now,
		Ask: func(ctx context.Context, dues []store.Due) error { return queue.SendAll(ctx, q, dues) }})
	return app.Fanned(func(ctx context.Context, body []byte) error {
		var d store.Due
		if err := json.Unmarshal(body, &d); err != nil {
			return err
		}
		if gone, err := s.IsDeleting(ctx, d.Workspace); err != nil || gone {
			return err
		}
		return r.Due(ctx, d)
	}, func(ctx context.Context, a app.Asked) error {
		if a.Workspace == "" {
			return r.Tick(ctx)
		}
		due, err := app.EventTime(a.Due, time.Now())
		if err != nil {
			return err
		}
		if a.Again {
			_, err = r.Remake(ctx, a.Workspace, a.Report, due)
		} else {
			_, err = r.Run(ctx, a.Workspace, a.Report, due, a.Mail)
		}
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
			slog.WarnContext(ctx, "report not made", "workspace", a.Workspace, "report", a.Report, "reason", err.Error())
			return nil // asking again would not help
		}
		return err
	}), nil
}
