package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
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
	"rapport/internal/lambdahttp"
	"rapport/internal/leads"
	"rapport/internal/reading"
	"rapport/internal/secret"
	"rapport/internal/store"
)

// API is the function that the front end calls.
func API(ctx context.Context, getenv func(string) string) (lambdahttp.Func, error) {
	env, cfg, err := begin(ctx, getenv, "TABLE", "BUCKET", "SECRETS_PREFIX", "ISSUER", "JWKS_URL", "CLIENT_ID", "REPORT_FUNCTION", "DISCOVER_FUNCTION", "CURSOR_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	s, functions, keep := store.New(cfg, env["TABLE"]), lambda.NewFromConfig(cfg), secret.New(cfg, env["SECRETS_PREFIX"])
	return lambdahttp.Handler(api.Handler(api.Deps{
		Store: s, Leads: leads.New(s), Reader: reading.New(),
		Verify:    api.NewVerifier(env["ISSUER"], env["JWKS_URL"], env["CLIENT_ID"], time.Now, http.DefaultTransport),
		PutSecret: keep.PutApp, DeleteSecret: keep.DeleteApp,
		Object: archive.New(cfg, env["BUCKET"]).Get,
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
