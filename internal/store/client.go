package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/sdk"
)

// client is the table's client. Every write of the store goes through it.
//
// An answer can be lost after the table has carried the write out. The SDK
// then sends the same write again, which fails, since the condition no longer
// holds: by its own first try. So each write on a condition leaves a token in
// the item, random and the same for all tries of one call. Where the condition
// fails and the item that is there holds the token, the write was this one.
// https://github.com/aws/aws-sdk-go-v2/issues/1825
//
// A write that somebody else's followed before the second try is not known any
// more: it counts as a conflict, and its caller looks again.
type client struct{ *dynamodb.Client }

// attrToken is the attribute that holds the token of the newest write on a condition.
const attrToken = "Tk"

// tokenBytes makes two equal tokens on one item as good as impossible.
const tokenBytes = 9

func newToken() *types.AttributeValueMemberB {
	b := make([]byte, tokenBytes)
	rand.Read(b)
	return &types.AttributeValueMemberB{Value: b}
}

// own reports whether the item that a condition met was written with the token.
func own(item map[string]types.AttributeValue, token *types.AttributeValueMemberB) bool {
	there, ok := item[attrToken].(*types.AttributeValueMemberB)
	return ok && bytes.Equal(there.Value, token.Value)
}

// tries bounds how often the SDK sends one request; together they wait at most about six seconds.
const tries = 10

// newClient returns a client that waits milliseconds before it tries again,
// since a throttled table has room again soon and callers have little time.
func newClient(cfg aws.Config) client {
	return client{dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.HTTPClient = sdk.Patient(o.HTTPClient)
		if o.RetryMaxAttempts != 1 { // 1: whoever made the configuration wants no second try
			o.RetryMaxAttempts = tries
		}
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
				return time.Duration(mathrand.Int64N(int64(25*time.Millisecond) << min(attempt, 6))), nil
			})
		})
	})}
}

func (c client) PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if in.ConditionExpression == nil {
		return c.Client.PutItem(ctx, in, opts...)
	}
	put, token := *in, newToken()
	put.Item = withToken(in.Item, token)
	put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	out, err := c.Client.PutItem(ctx, &put, opts...)
	if e, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok && own(e.Item, token) {
		return &dynamodb.PutItemOutput{}, nil
	}
	return out, err
}

// UpdateItem: what was lost of the answer (attributes that were asked for) stays lost.
func (c client) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if in.ConditionExpression == nil {
		return c.Client.UpdateItem(ctx, in, opts...)
	}
	update, token := *in, newToken()
	update.UpdateExpression = aws.String(settingToken(aws.ToString(in.UpdateExpression)))
	update.ExpressionAttributeNames = maps.Clone(in.ExpressionAttributeNames)
	if update.ExpressionAttributeNames == nil {
		update.ExpressionAttributeNames = map[string]string{}
	}
	update.ExpressionAttributeNames["#token"] = attrToken
	update.ExpressionAttributeValues = maps.Clone(in.ExpressionAttributeValues)
	if update.ExpressionAttributeValues == nil {
		update.ExpressionAttributeValues = map[string]types.AttributeValue{}
	}
	update.ExpressionAttributeValues[":token"] = token
	update.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	out, err := c.Client.UpdateItem(ctx, &update, opts...)
	if e, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok && own(e.Item, token) {
		return &dynamodb.UpdateItemOutput{}, nil
	}
	return out, err
}

// TransactWriteItems: the engine knows a transaction's second try by the
// SDK's request token, for ten minutes. The tokens in the items hold also
// where an engine does not. A transaction is carried out as a whole, so that
// one item that holds its token is enough.
func (c client) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	all, token := *in, newToken()
	all.TransactItems = slices.Clone(in.TransactItems)
	for i, x := range all.TransactItems {
		if x.Put == nil || x.Put.ConditionExpression == nil {
			continue
		}
		put := *x.Put
		put.Item = withToken(put.Item, token)
		put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		all.TransactItems[i].Put = &put
	}
	out, err := c.Client.TransactWriteItems(ctx, &all, opts...)
	if e, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range e.CancellationReasons {
			if own(r.Item, token) {
				return &dynamodb.TransactWriteItemsOutput{}, nil
			}
		}
	}
	return out, err
}

func withToken(item map[string]types.AttributeValue, token types.AttributeValue) map[string]types.AttributeValue {
	item = maps.Clone(item)
	item[attrToken] = token
	return item
}

// settingToken is an update's expression that sets the token too.
func settingToken(expr string) string {
	if rest, first := strings.CutPrefix(expr, "SET "); first {
		return "SET #token = :token, " + rest
	}
	if before, rest, later := strings.Cut(expr, " SET "); later {
		return before + " SET #token = :token, " + rest
	}
	return expr + " SET #token = :token"
}
