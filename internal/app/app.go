// Package app holds what each function begins with: its environment, its
// configuration, its log. The packages below it wire one function each, from
// its environment, so that a function links only what it needs; see
// docs/decisions/0016-a-function-links-what-it-needs.md.
package app

import (
	"context"
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

	"rapport/internal/sdk"
	"rapport/internal/social"
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

// Begin reads the environment variables of names, all of which must be set,
// and loads the AWS configuration. What is missing is reported together.
func Begin(ctx context.Context, getenv func(string) string, names ...string) (map[string]string, aws.Config, error) {
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

// Asked is the payload of the functions that a tick starts and that can also
// be asked for one thing.
type Asked struct {
	Workspace string `json:"workspace,omitempty"` // empty: a tick
	Report    string `json:"report,omitempty"`
	Due       string `json:"due,omitempty"` // RFC 3339
	At        string `json:"at,omitempty"`  // RFC 3339
	Mail      bool   `json:"mail,omitempty"`
	Again     bool   `json:"again,omitempty"` // a run that was made is made anew
}

// EventTime reads an RFC 3339 time; an empty one is now.
func EventTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return social.Instant(t), err
}

// Wait returns after a time, or when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
