package viewtest_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/viewtest"
)

// demo is a view that says how many facts an account has. With a fault it is
// what a view must not be.
type demo struct {
	store *store.Store
	db    *dynamodb.Client
	table string
	fault string
}

func (d demo) Name() string { return "demo" }

func (d demo) Owns(pk, sk string) bool {
	return strings.HasPrefix(pk, "A#") && sk == "N" && d.fault != "disowned"
}

func (d demo) key(w, account string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: w + "#A#" + account}, "SK": &types.AttributeValueMemberS{Value: "N"}}
}

func (d demo) Keep(ctx context.Context, w string, facts []view.Fact) error {
	for _, f := range facts {
		if err := store.Again(ctx, func() error { return d.count(ctx, w, f.Ref.Account) }); err != nil {
			return err
		}
	}
	return nil
}

func (d demo) count(ctx context.Context, w, account string) error {
	out, err := d.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &d.table, Key: d.key(w, account), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return err
	}
	read := func(name string) int {
		v, _ := out.Item[name].(*types.AttributeValueMemberN)
		if v == nil {
			return 0
		}
		n, _ := strconv.Atoi(v.Value)
		return n
	}
	list, _, err := d.store.OwnFacts(ctx, w, account, "", 1000)
	if err != nil {
		return err
	}
	n := len(list)
	if d.fault == "counter" {
		n = read("Count") + 1
	}
	it := d.key(w, account)
	if n == 0 && d.fault != "forgetful" {
		return d.drop(ctx, w, account)
	}
	it["Count"] = &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
	it["Version"] = &types.AttributeValueMemberN{Value: fmt.Sprint(read("Version") + 1)}
	put := &dynamodb.PutItemInput{TableName: &d.table, Item: it}
	if d.fault != "unversioned" {
		put.ConditionExpression = aws.String("attribute_not_exists(PK)")
		if out.Item != nil {
			put.ConditionExpression, put.ExpressionAttributeValues = aws.String("Version = :v"), map[string]types.AttributeValue{":v": out.Item["Version"]}
		}
	}
	if _, err = d.db.PutItem(ctx, put); err != nil {
		if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
			return fault.Wrap(fault.Conflict, err, "")
		}
		return err
	}
	if d.fault == "careless" {
		return nil
	}
	// Somebody may have been forgotten meanwhile.
	if list, _, err := d.store.OwnFacts(ctx, w, account, "", 1); err != nil || len(list) > 0 {
		return err
	}
	return d.drop(ctx, w, account)
}

func (d demo) drop(ctx context.Context, w, account string) error {
	_, err := d.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &d.table, Key: d.key(w, account)})
	return err
}

func (d demo) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	if d.fault == "forgetful" || len(gone) == 0 {
		return 0, nil
	}
	return 1, d.drop(ctx, w, gone[0].Ref.Account)
}

func list(fault string) viewtest.List {
	return func(s *store.Store, t storetest.Table) []view.View {
		return []view.View{demo{s, t.DB, t.Name, fault}}
	}
}

func TestASoundViewPasses(t *testing.T) { viewtest.Run(t, list("")) }

// Each fault that a view must not have is found by a part of the suite.
func TestFaultsAreFound(t *testing.T) {
	storetest.New(t) // skips where there is no engine
	for fault, part := range map[string]string{
		"counter":     "order",
		"unversioned": "late",
		"disowned":    "owners",
		"forgetful":   "forget",
		"careless":    "forget meanwhile",
	} {
		t.Run(fault, func(t *testing.T) {
			if found := viewtest.Find(t, list(fault), part); len(found) == 0 {
				t.Errorf("the part %q of the suite does not find it", part)
			}
		})
	}
}
