// Package api wires the function that the front end calls.
package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"rapport/internal/api"
	"rapport/internal/app"
	"rapport/internal/app/deliver"
	"rapport/internal/app/ingesting"
	"rapport/internal/app/key"
	"rapport/internal/archive"
	"rapport/internal/consent"
	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/fetch"
	"rapport/internal/ingest"
	"rapport/internal/lambdahttp"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/replay"
	"rapport/internal/secret"
	"rapport/internal/side"
	"rapport/internal/store"
	"rapport/internal/task"
)

// New returns the function that the front end calls.
func New(ctx context.Context, getenv func(string) string) (lambdahttp.Func, error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "BUCKET", "SECRETS_PREFIX", "ISSUER", "JWKS_URL", "CLIENT_ID", "REPORT_FUNCTION", "DISCOVER_FUNCTION",
		"REPLAYS_QUEUE_URL", "IMPORTS_QUEUE_URL", "SCORING_QUEUE_URL", "FEEDBACK_QUEUE_URL", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET", "BULK_QUEUE_URL")
	if err != nil {
		return nil, err
	}
	s, functions, keep := store.New(cfg, env["TABLE"]), lambda.NewFromConfig(cfg), secret.New(cfg, env["SECRETS_PREFIX"])
	bucket := archive.New(cfg, env["BUCKET"])
	replays, imports := queue.New(cfg, env["REPLAYS_QUEUE_URL"]), queue.New(cfg, env["IMPORTS_QUEUE_URL"])
	erasureKey := once(func(ctx context.Context) ([]byte, error) { return key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"]) })
	return lambdahttp.Handler(api.Handler(api.Deps{
		Store: s, Leads: leads.New(s),
		Verify:    api.NewVerifier(env["ISSUER"], env["JWKS_URL"], env["CLIENT_ID"], time.Now, http.DefaultTransport),
		PutSecret: keep.PutApp, DeleteSecret: keep.DeleteApp, Secrets: keep.App,
		Object: bucket.Get,
		Post:   post,
		Wait:   app.Wait,
		Replay: &replay.Replay{Store: s, Archive: deliver.Shelf{Bucket: bucket, Store: s}, Enqueue: deliver.To(replays, bucket),
			Would: ingesting.Would(func() (*ingest.Ingest, error) { return ingesting.Make(ctx, cfg, env) })},
		Forget: forgetCheck(s),
		Erase: func(ctx context.Context, m ingest.Erase) error {
			return queue.New(cfg, env["ERASE_QUEUE_URL"]).Send(ctx, m)
		},
		View: func(ctx context.Context, m ingest.View) error {
			return queue.New(cfg, env["FEEDBACK_QUEUE_URL"]).Send(ctx, m)
		},
		Score: func(ctx context.Context, m ingest.Score) error {
			return queue.New(cfg, env["SCORING_QUEUE_URL"]).Send(ctx, m)
		},
		RunReport: func(ctx context.Context, w, report string, due time.Time, how api.RunHow) error {
			return ask(ctx, functions, env["REPORT_FUNCTION"], map[string]any{"workspace": w, "report": report, "due": due.UTC(), "mail": how.Mail, "again": how.Again})
		},
		Import: deliver.Fairly(imports, bucket),
		Erased: func(ctx context.Context, w string, accounts []string) (map[string]time.Time, error) {
			k, err := erasureKey(ctx)
			if err != nil {
				return nil, err
			}
			return erasure.Erased(s, k)(ctx, w, accounts)
		},
		MailKey: once(func(ctx context.Context) (k consent.Key, err error) {
			b, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
			if err != nil {
				return k, err
			}
			return consent.New(b)
		}),
		Discover: func(ctx context.Context, w string, at time.Time) error {
			m := map[string]any{"workspace": w}
			if !at.IsZero() {
				m["at"] = at.UTC()
			}
			return ask(ctx, functions, env["DISCOVER_FUNCTION"], m)
		},
		Wipe: func(ctx context.Context, w string) error {
			return queue.New(cfg, env["BULK_QUEUE_URL"]).SendLater(ctx, app.Bulk{Kind: app.BulkWipe, Asked: app.Asked{Workspace: w}}, time.Minute)
		},
		Rescore: func(ctx context.Context, w string, by leads.Rescoring) error {
			b, err := json.Marshal(by)
			if err != nil {
				return err
			}
			return queue.New(cfg, env["BULK_QUEUE_URL"]).Send(ctx, app.Bulk{Kind: app.BulkRescore, Asked: app.Asked{Workspace: w}, State: b})
		},
		Compare: func(ctx context.Context, w string) error {
			return queue.New(cfg, env["BULK_QUEUE_URL"]).Send(ctx, app.Bulk{Kind: app.BulkCompare, Asked: app.Asked{Workspace: w}})
		},
		Backtest: func(ctx context.Context, w, id string) error {
			b, err := json.Marshal(id)
			if err != nil {
				return err
			}
			return queue.New(cfg, env["BULK_QUEUE_URL"]).Send(ctx, app.Bulk{Kind: app.BulkBacktest, Asked: app.Asked{Workspace: w}, State: b})
		},
		Refit: func(ctx context.Context, w, id string) error {
			// Handed out as of nobody else, so that it is not held back with the rest of its workspace's import.
			return imports.SendOf(ctx, id, task.Reads{Refit: &task.Refit{Workspace: w, ID: id}})
		},
		Regroup: func(ctx context.Context, w string, accounts []string) error {
			return queue.New(cfg, env["SCORING_QUEUE_URL"]).Send(ctx, task.Score{Workspace: w, Regroup: accounts})
		},
		Side: func(ctx context.Context, x side.State) error {
			b, err := json.Marshal(x)
			if err != nil {
				return err
			}
			return queue.New(cfg, env["BULK_QUEUE_URL"]).SendLater(ctx, app.Bulk{Kind: app.BulkSides, Asked: app.Asked{Workspace: x.Workspace}, State: b}, api.SideAfter)
		},
		Refuses:  fetch.New(strings.FieldsFunc(getenv("POLL_ALLOW"), func(r rune) bool { return r == ',' || r == ' ' })...).Refuses,
		Creators: strings.FieldsFunc(getenv("WORKSPACE_CREATORS"), func(r rune) bool { return r == ',' || r == ' ' }),
		CursorKey: once(func(ctx context.Context) ([]byte, error) {
			secret, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
			if err != nil {
				return nil, err
			}
			return key.Derive(secret, "page cursors")
		}),
		PublicURL: getenv("PUBLIC_URL"),
		Now:       time.Now,
		Random:    rand.Reader,
	})), nil
}

// hooks is how requests are sent to hooks of ours. They redirect nowhere, and
// what is signed is for nobody else.
var hooks = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post sends a request to a hook of ours.
func post(ctx context.Context, r platform.Request) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = r.Header
	resp, err := hooks.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, body, err
}

// ask invokes a function without waiting for what comes of it.
func ask(ctx context.Context, c *lambda.Client, function string, payload any) error {
	b, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(function), InvocationType: types.InvocationTypeEvent, Payload: b})
	if err != nil {
		return fault.Wrap(fault.Transient, fmt.Errorf("invoke %s: %w", function, err), "")
	}
	return nil
}

// once keeps the first answer of get that is no error.
func once[T any](get func(context.Context) (T, error)) func(context.Context) (T, error) {
	var mu sync.Mutex
	var kept *T
	return func(ctx context.Context) (none T, err error) {
		mu.Lock()
		defer mu.Unlock()
		if kept == nil {
			v, err := get(ctx)
			if err != nil {
				return none, err
			}
			kept = &v
		}
		return *kept, nil
	}
}

// forgetCheck takes away what a source check left.
func forgetCheck(s *store.Store) func(context.Context, string, string) error {
	e := erasure.New(s, time.Now)
	return func(ctx context.Context, w, account string) error {
		return e.Account(ctx, w, account, erasure.Forever, map[string]int{})
	}
}
