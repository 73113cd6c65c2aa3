package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"rapport/internal/api"
	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/lambdahttp"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/queue"
	"rapport/internal/reading"
	"rapport/internal/replay"
	"rapport/internal/secret"
	"rapport/internal/store"
)

// API is the function that the front end calls.
func API(ctx context.Context, getenv func(string) string) (lambdahttp.Func, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "SECRETS_PREFIX", "ISSUER", "JWKS_URL", "CLIENT_ID", "REPORT_FUNCTION", "DISCOVER_FUNCTION", "CURSOR_KEY_SECRET",
		"DELIVERIES_QUEUE_URL", "SCORING_QUEUE_URL", "FEEDBACK_QUEUE_URL", "ERASE_QUEUE_URL", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	s, functions, keep := store.New(cfg, env["TABLE"]), lambda.NewFromConfig(cfg), secret.New(cfg, env["SECRETS_PREFIX"])
	bucket := archive.New(cfg, env["BUCKET"])
	deliveries := queue.New(cfg, env["DELIVERIES_QUEUE_URL"])
	return lambdahttp.Handler(api.Handler(api.Deps{
		Store: s, Leads: leads.New(s), Reader: reading.New(),
		Verify:    api.NewVerifier(env["ISSUER"], env["JWKS_URL"], env["CLIENT_ID"], time.Now, http.DefaultTransport),
		PutSecret: keep.PutApp, DeleteSecret: keep.DeleteApp, Secrets: keep.App,
		Object: bucket.Get,
		Post:   post,
		Replay: &replay.Replay{Store: s, Archive: shelf{bucket, s}, Enqueue: enqueue(deliveries, bucket),
			Would: would(func() (*ingest.Ingest, error) { return newIngest(ctx, cfg, env) })},
		Forget: forgetTest(s),
		Erase: func(ctx context.Context, m ingest.Erase) error {
			return queue.New(cfg, env["ERASE_QUEUE_URL"]).Send(ctx, m)
		},
		RunReport: func(ctx context.Context, w, report string, due time.Time) error {
			return ask(ctx, functions, env["REPORT_FUNCTION"], map[string]any{"workspace": w, "report": report, "due": due.UTC()})
		},
		Discover: func(ctx context.Context, w string, at time.Time) error {
			m := map[string]any{"workspace": w}
			if !at.IsZero() {
				m["at"] = at.UTC()
			}
			return ask(ctx, functions, env["DISCOVER_FUNCTION"], m)
		},
		CursorKey: once(func(ctx context.Context) ([]byte, error) {
			return secretValue(ctx, secretsmanager.NewFromConfig(cfg), env["CURSOR_KEY_SECRET"])
		}),
		PublicURL: getenv("PUBLIC_URL"),
		Now:       time.Now,
		Random:    rand.Reader,
	})), nil
}

// would is Ingest.Would of what make makes when it is first asked: rare work,
// whose key and reader are not worth the start of every other call.
func would(make func() (*ingest.Ingest, error)) func(context.Context, string, platform.Delivery) (ingest.Outcome, error) {
	var mu sync.Mutex // an Ingest does one thing at a time
	var in *ingest.Ingest
	return func(ctx context.Context, w string, d platform.Delivery) (o ingest.Outcome, err error) {
		mu.Lock()
		defer mu.Unlock()
		if in == nil {
			if in, err = make(); err != nil {
				return o, err
			}
		}
		return in.Would(ctx, w, d)
	}
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

func secretValue(ctx context.Context, c *secretsmanager.Client, id string) ([]byte, error) {
	out, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return nil, fault.Wrap(fault.Transient, fmt.Errorf("secret %s: %w", id, err), "")
	}
	if len(aws.ToString(out.SecretString)) < 32 {
		return nil, fmt.Errorf("secret %s has fewer than 32 characters", id)
	}
	return []byte(aws.ToString(out.SecretString)), nil
}

// once keeps the first answer of get that is no error.
func once(get func(context.Context) ([]byte, error)) func(context.Context) ([]byte, error) {
	var mu sync.Mutex
	var kept []byte
	return func(ctx context.Context) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if kept == nil {
			b, err := get(ctx)
			if err != nil {
				return nil, err
			}
			kept = b
		}
		return kept, nil
	}
}
