// Package key reads the stack's own key from its secret, and derives those that
// sign cursors, links in mails and tombstones from it.
package key

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
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

// Derive returns the key for another use of a secret: whoever learns it learns
// neither the secret nor the key of a third use (RFC 5869). A use's name is
// never changed or given to another use.
func Derive(secret []byte, use string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, use, sha256.Size)
}
