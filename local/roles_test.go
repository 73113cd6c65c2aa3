package local

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// roles say of each function which queues it takes from and sends to, and
// which secrets it reads. What is not here it may not do.
var roles = map[string]struct{ takes, sends, reads, invokes []string }{
	"intake":   {sends: []string{"deliveries", "replays"}, reads: []string{"apps"}},
	"ingest":   {takes: []string{"deliveries", "replays", "imports"}, sends: []string{"scoring", "feedback", "erase"}, reads: []string{"erasure key"}},
	"score":    {takes: []string{"scoring"}, sends: []string{"scoring"}},
	"feedback": {takes: []string{"feedback"}, sends: []string{"scoring"}},
	"erase":    {takes: []string{"erase"}, sends: []string{"erase"}, reads: []string{"erasure key"}},
	"discover": {takes: []string{"bulk"}, sends: []string{"bulk"}},
	"report":   {takes: []string{"report"}, sends: []string{"report"}, reads: []string{"erasure key"}},
	"mail":     {sends: []string{"mailevents_dlq"}, reads: []string{"erasure key"}},
	"watch":    {takes: []string{"watch"}, sends: []string{"watch"}, reads: []string{"apps"}},
	"poll":     {takes: []string{"poll"}, sends: []string{"poll", "deliveries"}, reads: []string{"apps"}},
	"api":      {sends: []string{"scoring", "feedback", "replays", "imports", "erase", "bulk"}, reads: []string{"apps", "erasure key"}, invokes: []string{"report", "discover"}},
}

// TestRolesReachNothingElse tries each function's role on every queue, secret,
// function and log group of the stack.
func TestRolesReachNothingElse(t *testing.T) {
	s, root := openStack(t)
	if len(s.Functions) != len(roles) {
		t.Errorf("the stack has %d functions, and %d have a role here", len(s.Functions), len(roles))
	}
	elsewhere := "permissions-test-elsewhere"
	foreign, err := sqs.NewFromConfig(root).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	queues := map[string]string{"a queue of another stack": *foreign.QueueUrl}
	for name, url := range s.Queues {
		queues[name] = url
	}
	secrets := secretsmanager.NewFromConfig(root)
	if _, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &elsewhere, SecretString: aws.String("x")}); err != nil && !strings.Contains(err.Error(), "ResourceExists") {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		_, err1 := sqs.NewFromConfig(root).DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: foreign.QueueUrl})
		_, err2 := secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &elsewhere, ForceDeleteWithoutRecovery: aws.Bool(true)})
		if err := errors.Join(err1, err2); err != nil {
			t.Error(err)
		}
	})

	for function, role := range roles {
		t.Run(function, func(t *testing.T) {
			mine := as(t, root, s.Functions[function])
			is := func(may bool, what string, err error) {
				t.Helper()
				if denied(err) == may {
					t.Errorf("%s: allowed is to be %t: %v", what, may, err)
				}
			}
			q := sqs.NewFromConfig(mine)
			for name, url := range queues {
				// Looked at and not received: a message that a test takes would be nobody's for a while.
				_, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
				is(slices.Contains(role.takes, name), "look at "+name, err)
				if !slices.Contains(role.takes, name) {
					_, err = q.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
					is(false, "receive from "+name, err)
					_, err = q.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("x")})
					is(false, "delete from "+name, err)
				}
				// An empty body is refused, but only after the permission is checked.
				_, err = q.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("")})
				is(slices.Contains(role.sends, name), "send to "+name, err)
				_, err = q.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &url})
				is(false, "empty "+name, err)
			}
			sm, parameters := secretsmanager.NewFromConfig(mine), ssm.NewFromConfig(mine)
			_, err := sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.ErasureKey})
			is(slices.Contains(role.reads, "erasure key"), "read the erasure key", err)
			_, err = sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &s.ErasureKey, SecretString: aws.String("x")})
			is(false, "change the erasure key", err)
			_, err = sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &elsewhere})
			is(false, "read another stack's secret", err)
			_, err = parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(s.SecretsPrefix + "none"), WithDecryption: aws.Bool(true)})
			is(slices.Contains(role.reads, "apps"), "read an app's secret", err)
			_, err = parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/elsewhere/none")})
			is(false, "read another parameter", err)
			for other, name := range s.Functions {
				_, err := lambda.NewFromConfig(mine).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: "DryRun"})
				is(slices.Contains(role.invokes, other), "invoke "+other, err)
				group := "/rapport/" + s.Stack + "/" + other
				_, err = cloudwatchlogs.NewFromConfig(mine).CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: aws.String("permissions-test-" + function)})
				is(other == function, "write the log of "+other, err)
			}
		})
	}
}
