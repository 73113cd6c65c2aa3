package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Corrections are facts: they stand in the account's partition beside the fact
// that they are about. The newest is noted at that fact, so that whoever reads
// it knows without asking again.

// correction is a correction as it is kept, at its fact and beside it.
type correction struct {
	ID, At, By, Of string
	Withdrawn      bool    `dynamodbav:",omitempty"`
	Drawn          bool    `dynamodbav:",omitempty"`
	Probability    float64 `dynamodbav:",omitempty"`
	Language       string  `dynamodbav:",omitempty"`
	Sentiment      string  `dynamodbav:",omitempty"`
	Intent         string  `dynamodbav:",omitempty"`
	Severity       *int    `dynamodbav:",omitempty"`
	NeedsAnswer    *bool   `dynamodbav:",omitempty"`
}

func correctionOf(c social.Correction) correction {
	return correction{c.ID, social.Stamp(c.At), c.By, c.Of, c.Withdrawn, c.Drawn, c.Probability, c.Language, c.Sentiment, c.Intent, c.Severity, c.NeedsAnswer}
}

func (c correction) correction() (social.Correction, error) {
	at, err := social.ParseStamp(c.At)
	return social.Correction{ID: c.ID, At: at, By: c.By, Of: c.Of, Withdrawn: c.Withdrawn, Drawn: c.Drawn, Probability: c.Probability,
		Corrected: social.Corrected{Language: c.Language, Sentiment: c.Sentiment, Intent: c.Intent, Severity: c.Severity, NeedsAnswer: c.NeedsAnswer}}, err
}

// newer reports whether c holds rather than another; nil: there is none.
func (c correction) newer(o *correction) bool {
	return o == nil || cmp.Or(cmp.Compare(c.At, o.At), cmp.Compare(c.ID, o.ID)) > 0
}

type correctionItem struct {
	PK, SK     string
	G1PK, G1SK string
	Schema     int
	Activity   string
	Message    string
	Fact       string         // sort key of the fact
	Read       social.Reading // what the reader had said of the text
	correction
}

// Correction is a correction, and what it is of.
type Correction struct {
	social.Correction
	Activity string
	Message  string
	Fact     FactRef        // where the activity is kept
	Read     social.Reading // what the reader had said of the text
}

func (it correctionItem) whole() (Correction, error) {
	c, err := it.correction.correction()
	_, account, _ := strings.Cut(it.PK, accountPK("", ""))
	return Correction{c, it.Activity, it.Message, FactRef{account, it.Fact}, it.Read}, err
}

// Correct stores a correction of a message that stands as i, with the audit
// line that the context brings. It can be called again with the same one. A
// message that is gone is an error of kind NotFound.
func (s *Store) Correct(ctx context.Context, w string, i Item, c social.Correction) error {
	fact, activity := RefOf(i.Activity), i.ID()
	pk := accountPK(w, fact.Account)
	it := correctionItem{PK: pk, SK: correctionsOf(activity) + social.Stamp(c.At) + "#" + c.ID, G1PK: correctionsG1(w, activity), G1SK: social.Stamp(c.At) + "#" + c.ID, Schema: 1,
		Activity: activity, Message: MessageID(i.Platform, i.Scope, i.Object.ID), Fact: fact.SK, Read: i.AsRead().Reading, correction: correctionOf(c)}
	put, err := s.putting(it, "attribute_not_exists(PK)")
	if err != nil {
		return err
	}
	newest, err := attributevalue.Marshal(it.correction)
	if err != nil {
		return err
	}
	return Again(ctx, func() error {
		var stored key
		if err := s.get(ctx, key{it.PK, it.SK}, &stored); !fault.Is(err, fault.NotFound) {
			return err
		}
		var there activityItem
		if err := s.get(ctx, key{pk, fact.SK}, &there); err != nil {
			return err
		}
		// None without its fact: an erasure that took that would not find it.
		at := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: key{pk, fact.SK}.av(), ConditionExpression: aws.String("attribute_exists(PK)")}}
		if it.newer(there.Correction) {
			u := &types.Update{TableName: &s.table, Key: key{pk, fact.SK}.av(), UpdateExpression: aws.String("SET Correction = :c"),
				ConditionExpression:       aws.String("attribute_exists(PK) AND attribute_not_exists(Correction)"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":c": newest}}
			if there.Correction != nil {
				u.ConditionExpression, u.ExpressionAttributeNames = aws.String("Correction.#i = :o"), map[string]string{"#i": "ID"}
				u.ExpressionAttributeValues[":o"] = str(there.Correction.ID)
			}
			at = types.TransactWriteItem{Update: u}
		}
		return s.change(ctx, "correction", put, at)
	})
}

// CorrectionsOf lists corrections of an activity, newest first, at most limit.
func (s *Store) CorrectionsOf(ctx context.Context, w string, a social.Activity, limit int) ([]Correction, error) {
	items, err := all[correctionItem](ctx, s, query{pk: accountPK(w, a.Account().AccountID()), prefix: correctionsOf(a.ID()), descending: true, limit: limit})
	if err != nil {
		return nil, err
	}
	return wholes(items)
}

func wholes(items []correctionItem) ([]Correction, error) {
	out := make([]Correction, len(items))
	for i, it := range items {
		var err error
		if out[i], err = it.whole(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Corrections lists a workspace's corrections, newest first, after a place (""
// from the newest), at most limit, and the place of the last. The index behind
// it lags a moment.
func (s *Store) Corrections(ctx context.Context, w, after string, limit int) ([]Correction, string, error) {
	var items []correctionItem
	for _, pk := range allShards(w + "#CO") {
		part, err := all[correctionItem](ctx, s, query{index: "G1", pk: pk, after: after, descending: true, limit: limit})
		if err != nil {
			return nil, "", err
		}
		items = append(items, part...)
	}
	slices.SortFunc(items, func(a, b correctionItem) int { return strings.Compare(b.G1SK, a.G1SK) })
	if items = items[:min(limit, len(items))]; len(items) > 0 {
		after = items[len(items)-1].G1SK
	}
	out, err := wholes(items)
	return out, after, err
}

// ForgetCorrections takes away the corrections of an account's facts that are
// gone, and returns how many there were.
func (s *Store) ForgetCorrections(ctx context.Context, w, account string) (int, error) {
	items, err := all[correctionItem](ctx, s, query{pk: accountPK(w, account), prefix: corrections, most: maxForgotten})
	if err != nil {
		return 0, err
	}
	refs := make([]FactRef, len(items))
	for i, it := range items {
		refs[i] = FactRef{account, it.Fact}
	}
	facts, err := s.Activities(ctx, w, refs)
	if err != nil {
		return 0, err
	}
	n := 0
	for i, it := range items {
		if facts[i] != nil {
			continue
		}
		was, err := s.take(ctx, key{it.PK, it.SK})
		if err != nil {
			return n, err
		}
		if was {
			n++
		}
	}
	return n, nil
}
