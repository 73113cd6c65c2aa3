package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
)

// Community is how some people of a workspace stand on a day: of each reading
// the values, rising. It names nobody.
type Community struct {
	Day                               string  // YYYY-MM-DD, UTC: as of its beginning
	Engagement                        []int64 // micro-points
	Influence, Outreach, Relationship []int64 // thousandths of a point
}

type communityItem struct {
	PK, SK string
	Community
	TTL int64 `dynamodbav:"ttl"`
}

type communityAskedItem struct {
	PK, SK string
	Asked  int64 // Unix seconds
	TTL    int64 `dynamodbav:"ttl"`
}

// AskCommunity notes that it is asked for how the people stand on the day of an
// instant, and reports whether nobody else asked for that within a while before.
func (s *Store) AskCommunity(ctx context.Context, w string, now time.Time, while time.Duration) (bool, error) {
	av, err := attributevalue.MarshalMap(communityAskedItem{workspacePK(w), communityAskedSK(now.UTC().Format(time.DateOnly)), now.Unix(), now.AddDate(0, 0, 2).Unix()})
	if err != nil {
		return false, err
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: av, ConditionExpression: aws.String("attribute_not_exists(PK) OR Asked <= :before"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":before": num(now.Add(-while).Unix())}})
	if err = classify("ask for the community", err); fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// Community returns how a workspace's people stand on a day; an error of kind
// NotFound if it has not been made.
func (s *Store) Community(ctx context.Context, w, day string) (Community, error) {
	var it communityItem
	err := s.get(ctx, key{workspacePK(w), communitySK(day)}, &it)
	return it.Community, err
}

// PutCommunity keeps how a workspace's people stand on a day, until expires.
func (s *Store) PutCommunity(ctx context.Context, w string, c Community, expires time.Time) error {
	return s.put(ctx, communityItem{workspacePK(w), communitySK(c.Day), c, expires.Unix()})
}
