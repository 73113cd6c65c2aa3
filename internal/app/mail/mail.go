// Package mail wires the function that those who get our mail call, and that
// SES tells what became of it.
package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"rapport/internal/app"
	"rapport/internal/app/key"
	"rapport/internal/consent"
	"rapport/internal/lambdahttp"
	"rapport/internal/recipients"
	"rapport/internal/store"
)

// New returns the function that serves the pages which links of mails open,
// and hears of bounces and complaints.
func New(ctx context.Context, getenv func(string) string) (func(context.Context, json.RawMessage) (any, error), error) {
	env, cfg, err := app.Begin(ctx, getenv, "TABLE", "ERASURE_KEY_SECRET")
	if err != nil {
		return nil, err
	}
	secret, err := key.Read(ctx, cfg, env["ERASURE_KEY_SECRET"])
	if err != nil {
		return nil, err
	}
	k, err := consent.New(secret)
	if err != nil {
		return nil, err
	}
	d := recipients.Deps{Store: store.New(cfg, env["TABLE"]), Key: k, Now: time.Now}
	pages := lambdahttp.Handler(recipients.Handler(d))
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		// The gateway wraps what a client sends: none can make an event of SNS.
		var sns events.SNSEvent
		if err := json.Unmarshal(raw, &sns); err == nil && len(sns.Records) > 0 && sns.Records[0].EventSource == "aws:sns" {
			var errs []error
			for _, r := range sns.Records {
				errs = append(errs, d.Hear(ctx, []byte(r.SNS.Message)))
			}
			return nil, errors.Join(errs...)
		}
		var request events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(raw, &request); err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		return pages(ctx, request)
	}, nil
}
