// Package secret keeps apps' secrets in SSM, encrypted. They are written and
// used, never shown.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/sdk"
)

// Store is a folder of SSM parameters.
type Store struct {
	client *ssm.Client
	prefix string
}

// New returns the store below prefix, for example "/rapport/prod/apps/".
func New(cfg aws.Config, prefix string) *Store {
	return &Store{ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.HTTPClient = sdk.Patient(o.HTTPClient) }), prefix}
}

type secrets struct {
	Keys        []string `json:"keys"`
	VerifyToken string   `json:"verify_token,omitempty"`
	Token       string   `json:"token,omitempty"`
	TokenHost   string   `json:"token_host,omitempty"`
}

func (s *Store) name(app string) string { return s.prefix + app }

// App returns an app's secrets; an error of kind NotFound if it has none.
func (s *Store) App(ctx context.Context, app string) (platform.Secrets, error) {
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(s.name(app)), WithDecryption: aws.Bool(true)})
	if _, ok := errors.AsType[*types.ParameterNotFound](err); ok {
		return platform.Secrets{}, fault.New(fault.NotFound, "the app has no secret")
	}
	if err != nil {
		return platform.Secrets{}, fault.Wrap(fault.Transient, fmt.Errorf("secret of %s: %w", app, err), "")
	}
	var v secrets
	if err := json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &v); err != nil {
		return platform.Secrets{}, fmt.Errorf("secret of %s is not in our form", app) // the cause would show the secret
	}
	return platform.Secrets(v), nil
}

// maxBytes is what a parameter of SSM's standard tier holds:
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
const maxBytes = 4096

// PutApp writes an app's secrets; those that are too long together are an
// error of kind Invalid.
func (s *Store) PutApp(ctx context.Context, app string, v platform.Secrets) error {
	b, err := json.Marshal(secrets(v))
	if err != nil {
		return err
	}
	if len(b) > maxBytes {
		return fault.New(fault.Invalid, "the app's secrets and tokens take %d bytes together, at most %d can be kept: revoke old ones, or take shorter ones", len(b), maxBytes)
	}
	_, err = s.client.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String(s.name(app)), Value: aws.String(string(b)),
		Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	if err != nil {
		return fault.Wrap(fault.Transient, fmt.Errorf("write secret of %s: %w", app, err), "")
	}
	return nil
}

// DeleteApp removes an app's secrets, if there are any.
func (s *Store) DeleteApp(ctx context.Context, app string) error {
	_, err := s.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(s.name(app))})
	if _, ok := errors.AsType[*types.ParameterNotFound](err); ok {
		return nil
	}
	return fault.Wrap(fault.Transient, err, "")
}
