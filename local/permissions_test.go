// Package local has tests of the deployed template; the local cloud itself is
// Python (cloud.py). They need a running stack and skip without one:
//
//	make test
package local

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	sestypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"rapport/internal/needs"
)

// stack is the part of stack.json these tests use.
type stack struct {
	Stack         string            `json:"stack"`
	BaseURL       string            `json:"base_url"`
	Table         string            `json:"table"`
	Bucket        string            `json:"bucket"`
	SecretsPrefix string            `json:"secrets_prefix"`
	MailFrom      string            `json:"mail_from"`
	ErasureKey    string            `json:"erasure_key_secret"`
	Queues        map[string]string `json:"queues"`
	Functions     map[string]string `json:"functions"`
}

func openStack(t *testing.T) (stack, aws.Config) {
	t.Helper()
	raw, err := os.ReadFile(needs.Stack(t))
	if err != nil {
		t.Fatal(err)
	}
	var s stack
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, cfg
}

// as gives a configuration with the credentials the named function runs with.
func as(t *testing.T, cfg aws.Config, function string) aws.Config {
	t.Helper()
	f, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(t.Context(),
		&lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	role, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(),
		&sts.AssumeRoleInput{RoleArn: f.Role, RoleSessionName: aws.String("permissions-test")})
	if err != nil {
		t.Fatal(err)
	}
	c := role.Credentials
	mine := cfg.Copy()
	mine.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return mine
}

// TestPermissions holds each function to its statements in template.yaml: what
// it needs is allowed, what another function does is denied.
func TestPermissions(t *testing.T) {
	s, root := openStack(t)

	key := map[string]dynamotypes.AttributeValue{
		"PK": &dynamotypes.AttributeValueMemberS{Value: "permissions-test"},
		"SK": &dynamotypes.AttributeValueMemberS{Value: "@"},
	}
	get := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Table, Key: key})
		return err
	}
	put := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: key})
		return err
	}
	remove := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Table, Key: key})
		return err
	}
	update := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.Table, Key: key})
		return err
	}
	query := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).Query(ctx, &dynamodb.QueryInput{
			TableName: &s.Table, KeyConditionExpression: aws.String("PK = :p"),
			ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":p": key["PK"]}})
		return err
	}
	getBatch := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]dynamotypes.KeysAndAttributes{s.Table: {Keys: []map[string]dynamotypes.AttributeValue{key}}}})
		return err
	}
	check := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: []dynamotypes.TransactWriteItem{{ConditionCheck: &dynamotypes.ConditionCheck{
				TableName: &s.Table, Key: key, ConditionExpression: aws.String("attribute_not_exists(none)")}}}})
		return err
	}
	transact := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: []dynamotypes.TransactWriteItem{{Put: &dynamotypes.Put{TableName: &s.Table, Item: key}}}})
		return err
	}
	scan := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).Scan(ctx, &dynamodb.ScanInput{TableName: &s.Table, Limit: aws.Int32(1)})
		return err
	}
	index := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).Query(ctx, &dynamodb.QueryInput{
			TableName: &s.Table, IndexName: aws.String("GSI1"), KeyConditionExpression: aws.String("G1PK = :p"),
			ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":p": key["PK"]}})
		return err
	}
	due := func(ctx context.Context, c aws.Config) error {
		_, err := dynamodb.NewFromConfig(c, unchecked).Query(ctx, &dynamodb.QueryInput{
			TableName: &s.Table, IndexName: aws.String("GSI3"), KeyConditionExpression: aws.String("G3PK = :p"),
			ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":p": key["PK"]}})
		return err
	}
	send := func(queue string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			url, ok := s.Queues[queue]
			if !ok {
				t.Fatalf("stack.json names no queue %q", queue)
			}
			// An empty body is refused, but only after the permission is checked.
			_, err := sqs.NewFromConfig(c).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("")})
			return err
		}
	}
	sendBatch := func(queue string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			_, err := sqs.NewFromConfig(c).SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(s.Queues[queue]),
				Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: aws.String("x"), MessageBody: aws.String("")}}})
			return err
		}
	}
	write := func(object string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			_, err := s3.NewFromConfig(c, pathStyle).PutObject(ctx, &s3.PutObjectInput{
				Bucket: &s.Bucket, Key: &object, Body: strings.NewReader("permissions-test")})
			return err
		}
	}
	read := func(object string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			_, err := s3.NewFromConfig(c, pathStyle).GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &object})
			return err
		}
	}
	erase := func(object string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			_, err := s3.NewFromConfig(c, pathStyle).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &object})
			return err
		}
	}
	secret := s.SecretsPrefix + "permissions-test"
	readSecret := func(ctx context.Context, c aws.Config) error {
		_, err := ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: &secret, WithDecryption: aws.Bool(true)})
		return err
	}
	writeSecret := func(ctx context.Context, c aws.Config) error {
		_, err := ssm.NewFromConfig(c).PutParameter(ctx, &ssm.PutParameterInput{Name: &secret, Value: aws.String("x"),
			Type: "SecureString", Overwrite: aws.Bool(true)})
		return err
	}
	otherSecret := func(ctx context.Context, c aws.Config) error {
		_, err := ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/elsewhere/permissions-test")})
		return err
	}
	readErasureKey := func(ctx context.Context, c aws.Config) error {
		_, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.ErasureKey})
		return err
	}
	invoke := func(function string) func(context.Context, aws.Config) error {
		return func(ctx context.Context, c aws.Config) error {
			_, err := lambda.NewFromConfig(c).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(s.Functions[function]),
				InvocationType: "DryRun"})
			return err
		}
	}

	mail := func(ctx context.Context, c aws.Config) error {
		_, err := sesv2.NewFromConfig(c).SendEmail(ctx, &sesv2.SendEmailInput{
			FromEmailAddress: &s.MailFrom, Destination: &sestypes.Destination{ToAddresses: []string{"someone@example.com"}},
			Content: &sestypes.EmailContent{Simple: &sestypes.Message{
				Subject: &sestypes.Content{Data: aws.String("permissions-test")},
				Body:    &sestypes.Body{Text: &sestypes.Content{Data: aws.String("permissions-test")}}}}})
		return err
	}

	type calls map[string]func(context.Context, aws.Config) error
	for _, row := range []struct {
		function    string
		may, mayNot calls
	}{
		{"intake",
			calls{"get": get, "queue delivery": send("deliveries"), "queue a source check": send("replays"), "keep body": write("deliveries/x"), "read secret": readSecret},
			calls{"put": put, "query": query, "queue scoring": send("scoring"), "archive": write("archive/x"), "read body": read("deliveries/x"),
				"write secret": writeSecret, "read another secret": otherSecret, "read index": index}},
		{"ingest",
			calls{"get": get, "put": put, "update": update, "query": query, "delete": remove, "get a batch": getBatch, "read index": index,
				"queue scoring": send("scoring"), "queue feedback": send("feedback"), "queue an erasure": send("erase"),
				"queue a scoring batch": sendBatch("scoring"), "read the erasure key": readErasureKey,
				"archive": write("archive/x"), "park": write("parked/x"), "read body": read("deliveries/x")},
			calls{"scan": scan, "check": check,
				"queue delivery": send("deliveries"), "queue a delivery batch": sendBatch("deliveries"), "write report": write("reports/x"),
				"delete body": erase("deliveries/x"), "read secret": readSecret, "read archive": read("archive/x")}},
		{"score",
			calls{"get": get, "put": put, "query": query, "delete": remove, "queue who is due": send("scoring"), "see what is due": due, "read index": index},
			calls{"update": update, "scan": scan, "queue feedback": send("feedback"), "read archive": read("archive/x"),
				"read secret": readSecret}},
		{"feedback",
			calls{"get": get, "put": put, "update": update, "query": query, "delete": remove, "queue scoring": send("scoring")},
			calls{"scan": scan, "read index": index, "queue delivery": send("deliveries"), "read secret": readSecret, "archive": write("archive/x")}},
		{"erase",
			calls{"get": get, "put": put, "update": update, "query": query, "delete": remove, "read index": index, "read the erasure key": readErasureKey,
				"read archive": read("archive/x"), "write archive": write("archive/x"), "delete archive": erase("archive/x"), "delete parked": erase("parked/x"),
				"delete report": erase("reports/x"), "queue the second pass": send("erase")},
			calls{"scan": scan, "check": check, "delete body": erase("deliveries/x"), "read secret": readSecret, "queue delivery": send("deliveries"), "queue scoring": send("scoring")}},
		{"poll",
			calls{"get": get, "put": put, "query": query, "delete": remove, "queue delivery": send("deliveries"), "queue a host": send("poll"), "keep body": write("deliveries/x"), "read secret": readSecret, "see what is due": due},
			calls{"update": update, "scan": scan, "read index": index, "queue scoring": send("scoring"), "archive": write("archive/x"), "read body": read("deliveries/x"),
				"write secret": writeSecret, "read another secret": otherSecret, "invoke": invoke("report")}},
		{"watch",
			calls{"get": get, "put": put, "query": query, "read secret": readSecret, "queue a workspace": send("watch")},
			calls{"update": update, "delete": remove, "scan": scan, "read index": index, "write secret": writeSecret, "queue delivery": send("deliveries")}},
		{"discover",
			calls{"get": get, "put": put, "update": update, "query": query, "queue bulk work": send("bulk"), "delete": remove, "scan": scan, "read index": index,
				"read archive": read("archive/x"), "write archive": write("archive/x"), "delete archive": erase("archive/x"), "delete parked": erase("parked/x"), "delete report": erase("reports/x")},
			calls{"read parked": read("parked/x"), "write secret": writeSecret, "see what is due": due, "queue scoring": send("scoring"), "read secret": readSecret,
				"write report": write("reports/x")}},
		{"mail",
			calls{"get": get, "put": put, "read the erasure key": readErasureKey},
			calls{"update": update, "delete": remove, "query": query, "get a batch": getBatch, "scan": scan, "transact and check": check, "read index": index, "send mail": mail,
				"read secret": readSecret, "read report": read("reports/x"), "queue a run": send("report"), "queue scoring": send("scoring"), "invoke": invoke("report")}},
		{"report",
			calls{"read the erasure key": readErasureKey, "get": get, "put": put, "update": update, "delete": remove, "query": query, "read index": index, "write report": write("reports/x"), "send mail": mail, "queue a run": send("report"), "see what is due": due},
			calls{"scan": scan, "read report": read("reports/x"), "archive": write("archive/x"), "read parked": read("parked/x"),
				"read secret": readSecret, "invoke": invoke("discover")}},
		{"api",
			calls{"get": get, "put": put, "delete": remove, "query": query, "transact": transact, "read index": index, "read report": read("reports/x"),
				"update": update, "get a batch": getBatch, "read secret": readSecret, "write secret": writeSecret, "read archive": read("archive/x"), "read parked": read("parked/x"),
				"queue a replay": send("replays"), "queue an import": send("imports"), "queue an erasure": send("erase"), "keep a replay's body": write("deliveries/x"), "read the erasure key": readErasureKey,
				"invoke report": invoke("report"), "invoke discover": invoke("discover"), "check": check, "queue bulk work": send("bulk"),
				"queue scoring": send("scoring"), "queue feedback": send("feedback")},
			calls{"scan": scan, "write report": write("reports/x"), "archive": write("archive/x"), "delete archive": erase("archive/x"),
				"invoke ingest": invoke("ingest"), "send mail": mail, "queue delivery": send("deliveries"), "read another secret": otherSecret}},
	} {
		t.Run(row.function, func(t *testing.T) {
			mine := as(t, root, s.Functions[row.function])
			for name, call := range row.may {
				if err := call(t.Context(), mine); denied(err) {
					t.Errorf("%s may not %s: %v", row.function, name, err)
				}
			}
			for name, call := range row.mayNot {
				if err := call(t.Context(), mine); !denied(err) {
					t.Errorf("%s may %s (answer: %v)", row.function, name, err)
				}
			}
		})
	}
	if _, err := ssm.NewFromConfig(root).DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: &secret}); err != nil {
		t.Error(err)
	}
	if err := remove(t.Context(), root); err != nil {
		t.Error(err)
	}
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// unchecked leaves answers' checksums alone: the local cloud's refusals carry
// none, and the client would warn of each.
func unchecked(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true }

// denied says whether a call was refused for want of a permission, not for
// another reason.
func denied(err error) bool {
	return err != nil && strings.Contains(err.Error(), "AccessDenied")
}
