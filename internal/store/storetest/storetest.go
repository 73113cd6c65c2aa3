// Package storetest makes tables for tests on a real engine, which needs.Engine finds.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/needs"
	"rapport/internal/store"
)

// New returns a store over a table of its own, which is dropped at the end.
func New(t testing.TB) *store.Store {
	s, _ := NewTable(t)
	return s
}

// NewTable is New, and also returns the table's name and a client, for tests
// that look at the items themselves.
func NewTable(t testing.TB) (*store.Store, Table) {
	t.Helper()
	endpoint := needs.Engine(t, "DYNAMODB")
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	db := dynamodb.NewFromConfig(cfg)
	name := "test-" + strings.ToLower(rand.Text())
	s := func(v string) *string { return aws.String(v) }
	attr := func(n string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: s(n), AttributeType: types.ScalarAttributeTypeS}
	}
	keys := func(prefix string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: s(prefix + "PK"), KeyType: types.KeyTypeHash}, {AttributeName: s(prefix + "SK"), KeyType: types.KeyTypeRange}}
	}
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keys(""),
		AttributeDefinitions: []types.AttributeDefinition{attr("PK"), attr("SK"), attr("G1PK"), attr("G1SK"), attr("G2PK"), attr("G2SK"), attr("G3PK"), attr("G3SK")}}
	for _, g := range []string{"G1", "G2", "G3"} {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: s(strings.Replace(g, "G", "GSI", 1)), KeySchema: keys(g), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
	}
	_, err = db.CreateTable(context.Background(), in)
	// The name is random: a table that exists was made by this call's own first attempt.
	if _, ours := errors.AsType[*types.ResourceInUseException](err); err != nil && !ours {
		t.Fatalf("create table at %s: %v", endpoint, err)
	}
	t.Cleanup(func() {
		db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
	})
	return store.New(cfg, name), Table{name, db}
}

// Table is a test's table.
type Table struct {
	Name string
	DB   *dynamodb.Client
}

// Dump returns every item as text by key, but for what only tells of writes:
// Version, which counts them, and the newest one's token: equal dumps are equal facts and views.
func (tb Table) Dump(t testing.TB) map[string]string {
	t.Helper()
	return tb.DumpBut(t, func(string, string) []string { return nil })
}

// DumpBut is Dump without the attributes that leave names for an item of a key.
func (tb Table) DumpBut(t testing.TB, leave func(pk, sk string) []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	p := dynamodb.NewScanPaginator(tb.DB, &dynamodb.ScanInput{TableName: &tb.Name, ConsistentRead: aws.Bool(true)})
	for p.HasMorePages() {
		page, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			key := text(it["PK"]) + " | " + text(it["SK"])
			delete(it, "Version")
			delete(it, "Tk") // of the write that was the last
			for _, name := range leave(text(it["PK"]), text(it["SK"])) {
				delete(it, name)
			}
			out[key] = text(&types.AttributeValueMemberM{Value: it})
		}
	}
	return out
}

func text(v types.AttributeValue) string {
	switch x := v.(type) {
	case *types.AttributeValueMemberS:
		return x.Value
	case *types.AttributeValueMemberN:
		return x.Value
	case *types.AttributeValueMemberBOOL:
		return fmt.Sprint(x.Value)
	case *types.AttributeValueMemberB:
		return fmt.Sprintf("%x", x.Value)
	case *types.AttributeValueMemberL:
		var parts []string
		for _, e := range x.Value {
			parts = append(parts, text(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *types.AttributeValueMemberM:
		m := map[string]string{}
		for k, e := range x.Value {
			m[k] = text(e)
		}
		return fmt.Sprint(m) // sorted by key
	}
	return "null"
}

// TellMany writes attributes of an account, 25 a batch, also more than are kept, as
// those did who told some at the same time. They are as one that is there and whose
// id ends in -0001. It returns how many there are.
func (tb Table) TellMany(t testing.TB, account string, batches int) int {
	t.Helper()
	n := 0
	var one map[string]types.AttributeValue
	for k := range tb.Dump(t) {
		pk, sk, _ := strings.Cut(k, " | ")
		if !strings.HasSuffix(pk, account) || !strings.HasSuffix(sk, "-0001") {
			continue
		}
		n++
		got, err := tb.DB.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tb.Name, Key: map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}}})
		if err != nil {
			t.Fatal(err)
		}
		one = got.Item
	}
	prefix, _, _ := strings.Cut(one["SK"].(*types.AttributeValueMemberS).Value, "-0001")
	for range batches {
		var puts []types.WriteRequest
		for range 25 {
			it := maps.Clone(one)
			it["SK"] = &types.AttributeValueMemberS{Value: fmt.Sprintf("%s-many-%05d", prefix, n)}
			puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
			n++
		}
		if _, err := tb.DB.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{tb.Name: puts}}); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
