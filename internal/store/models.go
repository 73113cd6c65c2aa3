package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
)

// DefaultModel is the id of the scoring model that every workspace has.
const DefaultModel = "default"

// MaxModels is how many scoring models a workspace uses at a time, the default one among them.
const MaxModels = 5

// ErrFull says that MaxModels are in use.
var ErrFull = errors.New("as many scoring models as there can be are in use")

// ModelKind is the kind of the documents of one scoring model: its versions,
// and how far leads are scored by it. Which version of each is in use stands in
// one item, that of Models, so that it is read at once.
func ModelKind(model string) string {
	if model == DefaultModel {
		return Models
	}
	return Models + "/" + model
}

// ActiveModels returns the version in use of each scoring model that is in use;
// an error of kind NotFound if none was published.
func (s *Store) ActiveModels(ctx context.Context, w string) (map[string]string, error) {
	a, err := s.activeOf(ctx, w, Models)
	if err != nil {
		return nil, err
	}
	out := map[string]string{DefaultModel: a.Active}
	for id, version := range a.Beside {
		out[id] = version
	}
	return out, nil
}

// PublishModel stores a version of a scoring model and puts it in use, beside
// the others. An error of kind Conflict is as of Publish, or ErrFull.
func (s *Store) PublishModel(ctx context.Context, w, model string, d Document) error {
	if model == DefaultModel {
		return s.Publish(ctx, w, Models, d)
	}
	if err := s.list(ctx, w, ModelKind(model), d); err != nil {
		return err
	}
	in := dynamodb.UpdateItemInput{TableName: &s.table, Key: key{kindPK(w, Models), "@"}.av(),
		UpdateExpression:          aws.String("SET Beside = if_not_exists(Beside, :none)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":none": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}}}}
	if _, err := s.db.UpdateItem(ctx, &in); err != nil {
		return classify("publish model", err)
	}
	in.UpdateExpression, in.ConditionExpression = aws.String("SET Beside.#m = :v"), aws.String("attribute_exists(Beside.#m) OR size(Beside) < :most")
	in.ExpressionAttributeNames = map[string]string{"#m": model}
	in.ExpressionAttributeValues = map[string]types.AttributeValue{":v": str(d.Version), ":most": num(MaxModels - 1)}
	_, err := s.db.UpdateItem(ctx, &in)
	if err = classify("publish model", err); fault.Is(err, fault.Conflict) {
		return fault.Wrap(fault.Conflict, ErrFull, fmt.Sprintf("a workspace uses at most %d scoring models at a time: retire one first", MaxModels))
	}
	return err
}

// RetireModel puts a scoring model out of use. Its documents stay.
func (s *Store) RetireModel(ctx context.Context, w, model string) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{kindPK(w, Models), "@"}.av(),
		UpdateExpression: aws.String("REMOVE Beside.#m"), ConditionExpression: aws.String("attribute_exists(Beside.#m)"), ExpressionAttributeNames: map[string]string{"#m": model}})
	if err = classify("retire model", err); fault.Is(err, fault.Conflict) {
		return nil // it is out of use already
	}
	return err
}
