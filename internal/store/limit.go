package store

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/social"
)

// Operator is who stops a workspace that its owners can't start again.
const Operator = "operator"

// Terms are how a workspace runs: whether it is stopped, the limits that the
// operator set for it, and how its texts are read.
type Terms struct {
	Stopped   time.Time // zero: it is not
	StoppedBy string    // the subject of an owner, or Operator
	Limits    limit.Set
	Languages []string // that it expects; none: any
	Reader    *InUse   // what its texts are read by; nil: the reader as it comes
}

func (it workspaceItem) terms() (Terms, error) {
	st := Terms{StoppedBy: it.StoppedBy, Limits: it.Limits, Languages: it.Languages}
	var err error
	if st.Reader, err = it.Reader.inUse(); err != nil || it.Stopped == "" {
		return st, err
	}
	st.Stopped, err = social.ParseStamp(it.Stopped)
	return st, err
}

// Terms returns how a workspace runs; an error of kind NotFound for one
// that is not there, or is being deleted.
func (s *Store) Terms(ctx context.Context, w string) (Terms, error) {
	var it workspaceItem
	if err := s.get(ctx, key{workspacePK(w), "@"}, &it); err != nil {
		return Terms{}, err
	}
	if it.Deleted != "" {
		return Terms{}, errDeleted
	}
	return it.terms()
}

// Rests reports whether nothing is to be done for a workspace by itself: it is
// stopped, or being deleted.
func (s *Store) Rests(ctx context.Context, w string) (bool, error) {
	var it workspaceItem
	err := s.get(ctx, key{workspacePK(w), "@"}, &it)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return it.Deleted != "" || it.Stopped != "", err
}

// StopWorkspace stops a workspace. One that the operator stopped stays so.
func (s *Store) StopWorkspace(ctx context.Context, w, by string, at time.Time) error {
	u := types.Update{Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET Stopped = :at, StoppedBy = :by"),
		ConditionExpression:       aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(social.Stamp(at)), ":by": str(by)}}
	if by == Operator {
		return s.update(ctx, "workspace", u)
	}
	return s.byOwner(ctx, u)
}

// StartWorkspace starts a workspace that was stopped. One that the operator
// stopped only the operator can start.
func (s *Store) StartWorkspace(ctx context.Context, w, by string) error {
	u := types.Update{Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("REMOVE Stopped, StoppedBy"),
		ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)")}
	if by == Operator {
		return s.update(ctx, "workspace", u)
	}
	return s.byOwner(ctx, u)
}

// byOwner carries out an owner's change of whether the workspace is stopped.
func (s *Store) byOwner(ctx context.Context, u types.Update) error {
	u.TableName = &s.table
	*u.ConditionExpression += " AND (attribute_not_exists(StoppedBy) OR StoppedBy <> :operator)"
	if u.ExpressionAttributeValues == nil {
		u.ExpressionAttributeValues = map[string]types.AttributeValue{}
	}
	u.ExpressionAttributeValues[":operator"] = str(Operator)
	err := s.change(ctx, "workspace", types.TransactWriteItem{Update: &u})
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "the operator stopped the workspace: ask the operator to start it")
	}
	return err
}

// SetLimit sets a limit for a workspace; with unset it has its default again.
func (s *Store) SetLimit(ctx context.Context, w string, name limit.Name, n int, unset bool) error {
	return Again(ctx, func() error {
		var it workspaceItem
		if err := s.get(ctx, key{workspacePK(w), "@"}, &it); err != nil {
			return err
		}
		next := maps.Clone(it.Limits)
		if next == nil {
			next = limit.Set{}
		}
		next[name] = n
		if unset {
			delete(next, name)
		}
		set, err := attributevalue.Marshal(next)
		if err != nil {
			return err
		}
		u := types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET Limits = :next"),
			ConditionExpression:       aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted) AND attribute_not_exists(Limits)"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":next": set}}
		if it.Limits != nil {
			was, err := attributevalue.Marshal(it.Limits)
			if err != nil {
				return err
			}
			u.ConditionExpression = aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted) AND Limits = :was")
			u.ExpressionAttributeValues[":was"] = was
		}
		return s.change(ctx, "limits", types.TransactWriteItem{Update: &u})
	})
}

// askedItem counts what was asked for in a window. It is no fact: it bounds,
// nothing is computed from it, and it expires.
type askedItem struct {
	PK, SK string
	N      int
}

// keptCounts is how long a count stays after its window.
const keptCounts = 7 * 24 * time.Hour

func askedKey(w string, l limit.Limit, now time.Time) key {
	return key{askedPK(w, l.Name), social.Stamp(l.Per.Start(now))}
}

// Ask counts n of what a limit of a workspace counts in a window, if there is
// room below most; else it is an error of kind RateLimited, and nothing is counted.
func (s *Store) Ask(ctx context.Context, w string, name limit.Name, n, most int, now time.Time) error {
	l, err := limit.Of(name)
	if err != nil {
		return err
	}
	room := most - n
	if room < 0 {
		used, err := s.Asked(ctx, w, name, now)
		if err != nil {
			return err
		}
		return limit.Over(name, used, most, now)
	}
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: askedKey(w, l, now).av(),
		UpdateExpression: aws.String("ADD N :n SET #ttl = :ttl"), ConditionExpression: aws.String("attribute_not_exists(N) OR N <= :room"),
		ExpressionAttributeNames:            map[string]string{"#ttl": "ttl"},
		ExpressionAttributeValues:           map[string]types.AttributeValue{":n": num(int64(n)), ":room": num(int64(room)), ":ttl": num(l.Per.End(now).Add(keptCounts).Unix())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	if e, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		var it askedItem
		if err := attributevalue.UnmarshalMap(e.Item, &it); err != nil {
			return err
		}
		return limit.Over(name, it.N, most, now)
	}
	return classify("ask", err)
}

// Asked is how much was counted of a limit of a workspace in the window of now.
func (s *Store) Asked(ctx context.Context, w string, name limit.Name, now time.Time) (int, error) {
	l, err := limit.Of(name)
	if err != nil {
		return 0, err
	}
	var it askedItem
	if err := s.get(ctx, askedKey(w, l, now), &it); err != nil && !fault.Is(err, fault.NotFound) {
		return 0, err
	}
	return it.N, nil
}

// AddAsked counts n whatever room there is, and returns how much it is then.
func (s *Store) AddAsked(ctx context.Context, w string, name limit.Name, n int, now time.Time) (int, error) {
	l, err := limit.Of(name)
	if err != nil {
		return 0, err
	}
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: askedKey(w, l, now).av(),
		UpdateExpression: aws.String("ADD N :n SET #ttl = :ttl"), ExpressionAttributeNames: map[string]string{"#ttl": "ttl"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": num(int64(n)), ":ttl": num(l.Per.End(now).Add(keptCounts).Unix())},
		ReturnValues:              types.ReturnValueUpdatedNew, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		return 0, classify("count", err)
	}
	s.wrote(out.ConsumedCapacity)
	v, _ := out.Attributes["N"].(*types.AttributeValueMemberN)
	if v == nil {
		return 0, fault.New(fault.Internal, "the table did not say how much was counted")
	}
	return strconv.Atoi(v.Value)
}

// subjectItem is what holds changes of a subject's memberships apart.
type subjectItem struct {
	PK, SK string
	Joins  int64 // how often it became a member
}

// joining is a change of a transaction by which a subject becomes a member,
// with a role. It holds two requests apart that would both take the last
// place that a limit leaves; a limit that is reached is an error of kind RateLimited.
func (s *Store) joining(ctx context.Context, subject string, role social.Role, now time.Time) (types.TransactWriteItem, error) {
	var none types.TransactWriteItem
	var it subjectItem
	if err := s.get(ctx, key{subjectPK(subject), "@"}, &it); err != nil && !fault.Is(err, fault.NotFound) {
		return none, err
	}
	list, err := all[memberItem](ctx, s, query{pk: subjectPK(subject), prefix: "W#", most: maxWorkspaces})
	if err != nil {
		return none, err
	}
	owned := 0
	for _, m := range list {
		if m.role() == social.Owner {
			owned++
		}
	}
	if err := limit.Refuse(limit.Memberships, len(list), limit.Set{}.Most(limit.Memberships), now); err != nil {
		return none, err
	}
	if role == social.Owner {
		if err := limit.Refuse(limit.Workspaces, owned, limit.Set{}.Most(limit.Workspaces), now); err != nil {
			return none, err
		}
	}
	u := &types.Update{TableName: &s.table, Key: key{subjectPK(subject), "@"}.av(), UpdateExpression: aws.String("SET Joins = :next"),
		ConditionExpression:       aws.String("Joins = :read"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":next": num(it.Joins + 1), ":read": num(it.Joins)}}
	if it.Joins == 0 {
		u.ConditionExpression = aws.String("attribute_not_exists(Joins)")
		delete(u.ExpressionAttributeValues, ":read")
	}
	return types.TransactWriteItem{Update: u}, nil
}
