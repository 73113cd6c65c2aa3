package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/pattern"
	"rapport/internal/social"
)

// Parked is a delivery, or a part of one, that could not be understood.
type Parked struct {
	ID       string // deterministic: the same delivery parked for the same reason has the same
	App      string
	Delivery string
	Received time.Time
	Reason   string
	Others   []string  // other reasons of the same delivery: each once, as far as they are listed
	Events   int       // how many of its events were parked, also where their reasons are not listed; 0: as many as reasons
	Object   string    // where its body is kept
	Replayed time.Time // when it was understood after all; zero: not yet
	Place    string    // where it stands in the list
}

type parkedItem struct {
	PK, SK            string
	ID, App, Delivery string
	Received, Reason  string
	Others            []string `dynamodbav:",omitempty"`
	Events            int      `dynamodbav:",omitempty"`
	Object            string
	Replayed          string `dynamodbav:",omitempty"`
}

func (it parkedItem) parked() (Parked, error) {
	p := Parked{ID: it.ID, App: it.App, Delivery: it.Delivery, Reason: it.Reason, Others: it.Others, Events: it.Events, Object: it.Object, Place: it.SK}
	var err error
	if p.Received, err = social.ParseStamp(it.Received); err != nil || it.Replayed == "" {
		return p, err
	}
	p.Replayed, err = social.ParseStamp(it.Replayed)
	return p, err
}

// Reasons lists its reasons.
func (p Parked) Reasons() []string { return append([]string{p.Reason}, p.Others...) }

// About reports whether any of its reasons holds the text.
func (p Parked) About(text string) bool {
	return slices.ContainsFunc(p.Reasons(), func(r string) bool { return strings.Contains(r, text) })
}

// Unpark notes that what was parked of a delivery has been understood after
// all, but for what is still parked.
func (s *Store) Unpark(ctx context.Context, w string, received time.Time, delivery string, still []string, now time.Time) error {
	items, err := all[parkedItem](ctx, s, query{pk: parkedPK(w, received), prefix: social.Stamp(received) + "#", most: maxThread})
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.Delivery != delivery || it.Replayed != "" || slices.Contains(still, it.ID) {
			continue
		}
		_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{it.PK, it.SK}.av(),
			UpdateExpression: aws.String("SET Replayed = :t"), ConditionExpression: aws.String("attribute_exists(PK)"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":t": str(social.Stamp(now))}})
		if err = classify("unpark", err); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// DeleteParked takes away what was parked of a delivery.
func (s *Store) DeleteParked(ctx context.Context, w string, received time.Time, delivery string) error {
	items, err := all[parkedItem](ctx, s, query{pk: parkedPK(w, received), prefix: social.Stamp(received) + "#", most: maxThread})
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.Delivery != delivery {
			continue
		}
		if err := s.delete(ctx, key{it.PK, it.SK}); err != nil {
			return err
		}
	}
	return nil
}

// Park notes a parked delivery; noting it again changes nothing, but that one
// that had been understood meanwhile is not any more.
func (s *Store) Park(ctx context.Context, w string, p Parked) error {
	k := key{parkedPK(w, p.Received), social.Stamp(p.Received) + "#" + p.ID}
	old, err := s.putNew(ctx, parkedItem{PK: k.PK, SK: k.SK, ID: p.ID, App: p.App,
		Delivery: p.Delivery, Received: social.Stamp(p.Received), Reason: p.Reason, Others: p.Others, Events: p.Events, Object: p.Object})
	if !errors.Is(err, errExists) || old["Replayed"] == nil {
		if errors.Is(err, errExists) {
			return nil
		}
		return err
	}
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: k.av(),
		UpdateExpression: aws.String("REMOVE Replayed"), ConditionExpression: aws.String("attribute_exists(PK)")})
	if err = classify("park", err); fault.Is(err, fault.Conflict) {
		return nil // erased meanwhile
	}
	return err
}

// Parked lists what was parked in the month of at, newest first, after the
// given place ("" from the newest), at most limit, and the place of the last one.
func (s *Store) Parked(ctx context.Context, w string, at time.Time, after string, limit int) ([]Parked, string, error) {
	items, err := all[parkedItem](ctx, s, query{pk: parkedPK(w, at), after: after, descending: true, limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]Parked, len(items))
	last := after
	for i, it := range items {
		if out[i], err = it.parked(); err != nil {
			return nil, "", err
		}
		last = it.SK
	}
	return out, last, nil
}

// differs is the part of a reason that differs from one delivery to the other.
var differs = pattern.New("\"(?:[^\"\\\\]|\\\\.)*\"|activity \\S+|[0-9](?:[0-9T:.Z-]*[0-9Z])?")

// CommonReason is a reason without what differs from one delivery to the
// other, so that reasons can be counted: figures and quoted values stand as "…".
func CommonReason(reason string) string { return differs.ReplaceAllString(reason, "…") }
