// Package key reads the stack's own keys.
package key

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"rapport/internal/fault"
)

// Read returns a secret of Secrets Manager: a key of at least 32 characters.
func Read(ctx context.Context, cfg aws.Config, id string) ([]byte, error) {
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return nil, fault.Wrap(fault.Transient, fmt.Errorf("secret %s: %w", id, err), "")
	}
	if len(aws.ToString(out.SecretString)) < 32 {
		return nil, fmt.Errorf("secret %s has fewer than 32 characters", id)
	}
	return []byte(aws.ToString(out.SecretString)), nil
}
