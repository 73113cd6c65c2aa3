// Package app wires each function: one constructor per function, from its
// environment. A missing variable is reported with all others that are.
package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"rapport/internal/archive"
	"rapport/internal/discover"
	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/feedback"
	"rapport/internal/ingest"
	"rapport/internal/intake"
	"rapport/internal/lambdahttp"
	"rapport/internal/lambdasqs"
	"rapport/internal/leads"
	"rapport/internal/mail"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/reading"
	"rapport/internal/reporting"
	"rapport/internal/sdk"
	"rapport/internal/secret"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Run builds a function's handler and serves it. What can't be built ends the
// process with one line that says why.
func Run[H any](build func(ctx context.Context, getenv func(string) string) (H, error)) {
	slog.SetDefault(lambdacontext.NewLogger())
	h, err := build(context.Background(), os.Getenv)
	if err != nil {
		slog.Error("start", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(h)
}

// begin reads the environment variables of names, all of which must be set,
// and loads the AWS configuration. What is missing is reported together.
func begin(ctx context.Context, getenv func(string) string, names ...string) (map[string]string, aws.Config, error) {
	env := map[string]string{}
	var missing []error
	for _, name := range names {
		if env[name] = getenv(name); env[name] == "" {
			missing = append(missing, fmt.Errorf("the environment variable %s is not set", name))
		}
	}
	if len(missing) > 0 {
		return nil, aws.Config{}, errors.Join(missing...)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(5))
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	// After loading, which wants a client of its own kind where AWS_CA_BUNDLE is set.
	cfg.HTTPClient = sdk.Patient(cfg.HTTPClient)
	return env, cfg, err
}

// Intake is the function that platforms call.
func Intake(ctx context.Context, getenv func(string) string) (lambdahttp.Func, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "DELIVERIES_QUEUE_URL", "SECRETS_PREFIX")
	if err != nil {
		return nil, err
	}
	deliveries := queue.New(cfg, env["DELIVERIES_QUEUE_URL"])
	return lambdahttp.Handler(intake.Handler(intake.Deps{
		App:     store.New(cfg, env["TABLE"]).App,
		Secrets: secret.New(cfg, env["SECRETS_PREFIX"]).App,
		Enqueue: enqueue(deliveries, archive.New(cfg, env["BUCKET"])),
		Note: func(ctx context.Context, n platform.Note) error {
			return deliveries.Send(ctx, map[string]any{"note": n})
		},
		Instance:  cmp.Or(lambdacontext.LogStreamName, "local"),
		PublicURL: getenv("PUBLIC_URL"),
		Now:       time.Now,
	})), nil
}

// enqueue queues a delivery; the body of one too large for the queue goes to the bucket first.
func enqueue(q *queue.Queue, b *archive.Bucket) func(context.Context, platform.Delivery) error {
	return func(ctx context.Context, d platform.Delivery) error {
		if len(d.Request.Body)*4/3+16<<10 > queue.MaxBytes {
			d.Object = d.ObjectKey()
			if err := b.Put(ctx, d.Object, "application/octet-stream", d.Request.Body); err != nil {
				return err
			}
			d.Request.Body = nil
		}
		return q.Send(ctx, d)
	}
}

// Ingest is the function that turns deliveries into facts.
func Ingest(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "SCORING_QUEUE_URL", "FEEDBACK_QUEUE_URL", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	in, err := newIngest(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	return lambdasqs.Batch(func(ctx context.Context, ms []lambdasqs.Message) map[string]error {
		batch := make([]ingest.Message, len(ms))
		for i, m := range ms {
			batch[i] = ingest.Message(m)
		}
		return in.Batch(ctx, batch)
	}), nil
}

// newIngest returns what turns deliveries into facts.
func newIngest(ctx context.Context, cfg aws.Config, env map[string]string) (*ingest.Ingest, error) {
	key, err := secretValue(ctx, secretsmanager.NewFromConfig(cfg), env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	s := store.New(cfg, env["TABLE"])
	scores, views, erase := queue.New(cfg, env["SCORING_QUEUE_URL"]), queue.New(cfg, env["FEEDBACK_QUEUE_URL"]), queue.New(cfg, env["ERASE_QUEUE_URL"])
	return ingest.New(ingest.Deps{
		Store: s, Archive: archive.New(cfg, env["BUCKET"]), Reader: reading.New(),
		QueueScore: func(ctx context.Context, m []ingest.Score) error { return queue.SendAll(ctx, scores, m) },
		QueueView:  func(ctx context.Context, m []ingest.View) error { return queue.SendAll(ctx, views, m) },
		QueueErase: func(ctx context.Context, m []ingest.Erase) error { return queue.SendAll(ctx, erase, m) },
		Erased:     erasure.Erased(s, key),
		Now:        time.Now,
	}), nil
}

// hands is how many items of one message are worked on at once: they wait for
// the table, not for the processor.
const hands = 4

// Score is the function that keeps leads in step with the facts.
func Score(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE")
	if err != nil {
		return nil, err
	}
	l := leads.New(store.New(cfg, env["TABLE"]))
	return lambdasqs.EachApart(lambdasqs.ByList("accounts"), func(ctx context.Context, body []byte) error {
		var m ingest.Score
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

// Feedback is the function that keeps the views of what was said in step with the facts.
func Feedback(ctx context.Context, getenv func(string) string) (lambdasqs.Handler, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "SCORING_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	scores := queue.New(cfg, env["SCORING_QUEUE_URL"])
	f := feedback.New(store.New(cfg, env["TABLE"]), func(ctx context.Context, w string, accounts []string) error {
		return scores.Send(ctx, ingest.Score{Workspace: w, Accounts: accounts})
	})
	return lambdasqs.EachApart(lambdasqs.ByList("facts"), func(ctx context.Context, body []byte) error {
		var m ingest.View
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		return f.View(ctx, m.Workspace, m.Facts...)
	}), nil
}

// Asked is the payload of the functions that a tick starts and that can also
// be asked for one thing.
type Asked struct {
	Workspace string `json:"workspace,omitempty"` // empty: a tick
	Report    string `json:"report,omitempty"`
	Due       string `json:"due,omitempty"` // RFC 3339
	At        string `json:"at,omitempty"`  // RFC 3339
}

// instant reads an RFC 3339 time; an empty one is now.
func instant(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return social.Instant(t), err
}

// Discover is the function that finds themes, and does other bulk work: a tick
// sends a message for each workspace to the queue of bulk work, which it works off.
func Discover(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BULK_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	d, q := discover.New(store.New(cfg, env["TABLE"]), reading.New()), queue.New(cfg, env["BULK_QUEUE_URL"])
	run := func(ctx context.Context, a Asked) error {
		now := social.Instant(time.Now())
		at, err := instant(a.At, now)
		if err != nil {
			return err
		}
		_, err = d.Run(ctx, a.Workspace, at, now)
		return err
	}
	return fanned(func(ctx context.Context, body []byte) error {
		var m Bulk
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		switch m.Kind {
		case BulkDiscover:
			return run(ctx, m.Asked)
		}
		return fault.New(fault.Invalid, "no bulk work is called %q", m.Kind)
	}, func(ctx context.Context, a Asked) error {
		if a.Workspace != "" {
			return run(ctx, a)
		}
		return d.Tick(ctx, social.Instant(time.Now()), func(ctx context.Context, workspaces []string) error {
			var messages []Bulk
			for _, w := range workspaces {
				messages = append(messages, Bulk{BulkDiscover, Asked{Workspace: w}})
			}
			return queue.SendAll(ctx, q, messages)
		})
	}), nil
}

// Report is the function that makes reports: a tick sends a message for each
// that is due to the queue that the function itself works off.
func Report(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) error, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "REPORT_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	s, q := store.New(cfg, env["TABLE"]), queue.New(cfg, env["REPORT_QUEUE_URL"])
	r := reporting.New(reporting.Deps{Store: s, Leads: leads.New(s), Reader: reading.New(), Put: archive.New(cfg, env["BUCKET"]).Put,
		Send: mail.NewSES(cfg).Send, MailFrom: getenv("MAIL_FROM"), Now: time.Now,
		Ask: func(ctx context.Context, dues []store.Due) error { return queue.SendAll(ctx, q, dues) }})
	return fanned(func(ctx context.Context, body []byte) error {
		var d store.Due
		if err := json.Unmarshal(body, &d); err != nil {
			return err
		}
		return r.Due(ctx, d)
	}, func(ctx context.Context, a Asked) error {
		if a.Workspace == "" {
			return r.Tick(ctx)
		}
		due, err := instant(a.Due, time.Now())
		if err != nil {
			return err
		}
		_, err = r.Run(ctx, a.Workspace, a.Report, due)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
			slog.WarnContext(ctx, "report not made", "workspace", a.Workspace, "report", a.Report, "reason", err.Error())
			return nil // asking again would not help
		}
		return err
	}), nil
}
