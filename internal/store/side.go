package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// OwnAccounts are the accounts that act for a workspace.
type OwnAccounts map[social.AccountRef]bool

// OwnAccounts returns which accounts act for a workspace: the scope of one of
// its sources on the platform, or listed by one of them. So that the same event
// has the same direction whichever source it came through.
func (s *Store) OwnAccounts(ctx context.Context, w string) (OwnAccounts, error) {
	list, err := s.Sources(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("sources of %s: %w", w, err)
	}
	out := OwnAccounts{}
	for _, x := range list {
		for _, id := range append([]string{x.Scope}, x.Own...) {
			out[social.AccountRef{Platform: x.Platform, ID: id}] = true
		}
	}
	return out, nil
}

// Has reports whether an account is one of them, within whatever scope its id is unique.
func (o OwnAccounts) Has(a social.AccountRef) bool {
	a.Scope = ""
	return o[a]
}

// PutSide notes at a fact on which side its account is by now: it becomes what
// a is. One that is gone, or is that already, stays as it is; it reports
// whether it changed.
func (s *Store) PutSide(ctx context.Context, w string, a social.Activity) (bool, error) {
	ref := RefOf(a)
	set := "SET Direction = :d REMOVE Own"
	values := map[string]types.AttributeValue{":d": str(string(a.Direction))}
	if a.Own {
		set, values[":own"] = "SET Direction = :d, Own = :own", &types.AttributeValueMemberBOOL{Value: true}
	}
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{accountPK(factsOf(w), ref.Account), ref.SK}.av(),
		UpdateExpression: &set, ConditionExpression: aws.String("attribute_exists(PK) AND Direction <> :d"), ExpressionAttributeValues: values})
	if err = classify("side", err); fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// AccountsCalled lists the accounts of a platform that have one of some ids of
// it, within whatever scope. It looks through the list of all accounts after
// a place in it (""), at most limit of them, and returns the place that it came
// to; "" at the end.
func (s *Store) AccountsCalled(ctx context.Context, w string, p social.Platform, ids []string, after string, limit int) (found []Account, next string, err error) {
	start := ""
	if after != "" {
		start = shard(after)
	}
	for i, pk := range allShards(w + "#AA") {
		if fmt.Sprint(i) < start {
			continue
		}
		q := query{index: "G1", pk: pk, limit: limit}
		if fmt.Sprint(i) == start {
			q.after = after
		}
		items, err := all[accountItem](ctx, s, q)
		if err != nil {
			return nil, "", err
		}
		for _, it := range items {
			if it.Platform == string(p) && slices.Contains(ids, it.ID) {
				found = append(found, Account{it.G1SK, social.AccountRef{Platform: p, Scope: it.Scope, ID: it.ID}})
			}
		}
		if limit -= len(items); limit == 0 {
			return found, items[len(items)-1].G1SK, nil
		}
	}
	return found, "", nil
}

// Siding is an account that was named as one of the business's own, or is no
// more, while that is applied to what it did.
type Siding struct {
	Platform social.Platform
	ID       string // the platform's
	Since    time.Time
	Facts    int // that were gone through
}

type sidingItem struct {
	PK, SK   string
	Schema   int
	Platform string
	ID       string
	Since    string
	Facts    int
}

func (s *Store) sidingKey(w string, p social.Platform, id string) key {
	return key{workspacePK(w), sidingSK(p, id)}
}

// PutSiding notes that it begins, or begins again.
func (s *Store) PutSiding(ctx context.Context, w string, x Siding) error {
	k := s.sidingKey(w, x.Platform, x.ID)
	return s.put(ctx, sidingItem{PK: k.PK, SK: k.SK, Schema: 1, Platform: string(x.Platform), ID: x.ID, Since: social.Stamp(x.Since)})
}

// MoveSiding notes how far it is, unless it began again later or has ended.
func (s *Store) MoveSiding(ctx context.Context, w string, x Siding) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: s.sidingKey(w, x.Platform, x.ID).av(),
		UpdateExpression: aws.String("SET Facts = :f"), ConditionExpression: aws.String("Since = :s"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":f": num(int64(x.Facts)), ":s": str(social.Stamp(x.Since))}})
	return notMeanwhile(classify("move siding", err))
}

// EndSiding notes that it is done, unless it began again later.
func (s *Store) EndSiding(ctx context.Context, w string, x Siding) error {
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: s.sidingKey(w, x.Platform, x.ID).av(),
		ConditionExpression: aws.String("Since = :s"), ExpressionAttributeValues: map[string]types.AttributeValue{":s": str(social.Stamp(x.Since))}})
	return notMeanwhile(classify("end siding", err))
}

// Sidings lists what is being applied on a platform, by the accounts' ids, at most limit.
func (s *Store) Sidings(ctx context.Context, w string, p social.Platform, limit int) ([]Siding, error) {
	items, err := all[sidingItem](ctx, s, query{pk: workspacePK(w), prefix: sidingSK(p, ""), limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]Siding, len(items))
	for i, it := range items {
		out[i] = Siding{Platform: social.Platform(it.Platform), ID: it.ID, Facts: it.Facts}
		if out[i].Since, err = social.ParseStamp(it.Since); err != nil {
			return nil, err
		}
	}
	return out, nil
}
