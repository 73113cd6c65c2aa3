package store

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/needs"
)

// More than a query's most is an error, and no shorter answer.
func TestMoreThanTheMostIsAnError(t *testing.T) {
	needs.Engine(t, "DYNAMODB")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := New(cfg, "test-"+strings.ToLower(rand.Text()))
	str := func(v string) *string { return &v }
	if _, err := s.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &s.table, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: str("PK"), KeyType: types.KeyTypeHash}, {AttributeName: str("SK"), KeyType: types.KeyTypeRange}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: str("PK"), AttributeType: "S"}, {AttributeName: str("SK"), AttributeType: "S"}}}); err != nil {
		t.Fatal(err)
	}
	defer s.db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &s.table})
	for _, sk := range []string{"a", "b", "c"} {
		if err := s.put(t.Context(), key{"p", sk}); err != nil {
			t.Fatal(err)
		}
	}
	for most, want := range map[int]bool{2: false, 3: true, 4: true} {
		items, err := all[key](t.Context(), s, query{pk: "p", most: most})
		if want != (err == nil && len(items) == 3) || !want && !fault.Is(err, fault.TooLarge) {
			t.Errorf("most %d of 3: %d items, %v", most, len(items), err)
		}
	}
}
