package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// activityItem is an activity as it is kept. Empty parts take no room.
type activityItem struct {
	PK               string
	SK               string
	Key              string
	Platform         string
	Scope            string `dynamodbav:",omitempty"`
	Type             string
	ActorID          string
	ActorScope       string `dynamodbav:",omitempty"`
	ActorHandle      string `dynamodbav:",omitempty"`
	ActorName        string `dynamodbav:",omitempty"`
	ObjectID         string `dynamodbav:",omitempty"`
	ObjectType       string `dynamodbav:",omitempty"`
	InReplyTo        string `dynamodbav:",omitempty"`
	Conversation     string `dynamodbav:",omitempty"`
	Text             string `dynamodbav:",omitempty"`
	URL              string `dynamodbav:",omitempty"`
	Occurred         string
	Undated          bool   `dynamodbav:",omitempty"`
	Precision        string `dynamodbav:",omitempty"`
	Known            string
	Direction        string
	Own              bool           `dynamodbav:",omitempty"`
	Flat             bool           `dynamodbav:",omitempty"`
	Addressed        []string       `dynamodbav:",omitempty"`
	Automatic        bool           `dynamodbav:",omitempty"`
	Reaction         string         `dynamodbav:",omitempty"`
	Rating           *social.Rating `dynamodbav:",omitempty"`
	Language         string         `dynamodbav:",omitempty"`
	Sentiment        string         `dynamodbav:",omitempty"`
	Words            string         `dynamodbav:",omitempty"`
	Intent           string         `dynamodbav:",omitempty"`
	Severity         int            `dynamodbav:",omitempty"`
	Negative         float64        `dynamodbav:",omitempty"`
	NeedsAnswer      float64        `dynamodbav:",omitempty"`
	NeedsAnswerAfter float64        `dynamodbav:",omitempty"`
	Reader           string         `dynamodbav:",omitempty"` // the version that read Text
	Correction       *correction    `dynamodbav:",omitempty"` // of a fact: the newest of those that stand beside it
	Archive          string         `dynamodbav:",omitempty"` // of a fact: where the delivery that told it first lies
	// Of a fact: the key of the same event as it was told otherwise, by how exactly that knows the time. See Twins.
	TwinExact       string `dynamodbav:",omitempty"`
	TwinMillisecond string `dynamodbav:",omitempty"`
	TwinSecond      string `dynamodbav:",omitempty"`
	TwinMinute      string `dynamodbav:",omitempty"`
}

// toItem keeps an activity as it was read: corrections stand beside facts.
func toItem(pk, sk string, a social.Activity) activityItem {
	a = a.AsRead()
	it := activityItem{PK: pk, SK: sk, Key: a.Key, Platform: string(a.Platform), Scope: a.Scope, Type: string(a.Type),
		ActorID: a.Actor.ID, ActorScope: a.Actor.Scope, ActorHandle: a.Actor.Handle, ActorName: a.Actor.Name, ObjectID: a.Object.ID, ObjectType: a.Object.Type,
		InReplyTo: a.InReplyTo, Conversation: a.Conversation, Text: a.Text, URL: a.URL, Occurred: social.Stamp(a.Occurred), Undated: a.Undated, Precision: string(a.Precision),
		Known: social.Stamp(a.Known), Direction: string(a.Direction), Own: a.Own, Flat: a.Flat, Addressed: a.Addressed, Automatic: a.Automatic, Reaction: a.Reaction, Rating: a.Rating,
		Language: a.Language, Sentiment: a.Sentiment, Words: a.Words, Intent: a.Intent, Severity: a.Severity, Negative: a.Negative, NeedsAnswer: a.NeedsAnswer, NeedsAnswerAfter: a.NeedsAnswerAfter}
	if a.Text != "" {
		it.Reader = a.Reader
	}
	return it
}

func (it activityItem) activity() (social.Activity, error) {
	occurred, err := social.ParseStamp(it.Occurred)
	if err != nil {
		return social.Activity{}, fmt.Errorf("activity %q: %w", it.Key, err)
	}
	known, err := social.ParseStamp(it.Known)
	if err != nil {
		return social.Activity{}, fmt.Errorf("activity %q: %w", it.Key, err)
	}
	a := social.Activity{Key: it.Key, Platform: social.Platform(it.Platform), Scope: it.Scope, Type: social.Type(it.Type),
		Actor:  social.Actor{ID: it.ActorID, Scope: it.ActorScope, Handle: it.ActorHandle, Name: it.ActorName},
		Object: social.Object{ID: it.ObjectID, Type: it.ObjectType}, InReplyTo: it.InReplyTo, Conversation: it.Conversation,
		Text: it.Text, URL: it.URL, Occurred: occurred, Undated: it.Undated, Precision: social.Precision(it.Precision), Known: known, Direction: social.Direction(it.Direction), Own: it.Own,
		Flat: it.Flat, Addressed: it.Addressed, Automatic: it.Automatic, Reaction: it.Reaction, Rating: it.Rating,
		Reading: social.Reading{Reader: it.Reader, Language: it.Language, Sentiment: it.Sentiment, Words: it.Words, Negative: it.Negative, Intent: it.Intent, Severity: it.Severity,
			NeedsAnswer: it.NeedsAnswer, NeedsAnswerAfter: it.NeedsAnswerAfter}}
	if it.Correction != nil {
		c, err := it.Correction.correction()
		if err != nil {
			return social.Activity{}, fmt.Errorf("activity %q: %w", it.Key, err)
		}
		a.Correction = &c
	}
	return a.AsCorrected(), nil
}

type accountItem struct {
	PK, SK       string
	G1PK, G1SK   string
	Platform     string
	Scope        string `dynamodbav:",omitempty"`
	ID           string
	FirstSeenKey string // of an activity, for people who look at the table
	ListedFrom   string `dynamodbav:",omitempty"` // a ListSpan
	ListedTo     string `dynamodbav:",omitempty"`
}

func newAccountItem(w string, a social.Activity) accountItem {
	ref := a.Account()
	id := ref.AccountID()
	return accountItem{PK: accountPK(w, id), SK: "@", G1PK: accountsG1(w, id), G1SK: id,
		Platform: string(ref.Platform), Scope: ref.Scope, ID: ref.ID, FirstSeenKey: a.Key}
}

// PutAccount notes that an account exists. It is the same whoever writes it.
// It reads before it writes, since most accounts are there already.
func (s *Store) PutAccount(ctx context.Context, w string, a social.Activity) error {
	_, err := s.PutAccountOf(ctx, w, a)
	return err
}

// PutAccountOf is PutAccount. It returns when lists told what the account did,
// which stands in what is read anyway.
func (s *Store) PutAccountOf(ctx context.Context, w string, a social.Activity) (ListSpan, error) {
	id := a.Account().AccountID()
	l, there, err := s.listSpan(ctx, w, id, false)
	if err != nil || there {
		return l, err
	}
	_, err = s.putNew(ctx, newAccountItem(w, a))
	if errors.Is(err, errExists) {
		return l, nil // not yet by a list: those note that once the account is there
	}
	return l, err
}

// PutActivity stores the fact a unless it is there. A fact that is there
// stays as it is, but for the instant it was first known, which becomes the
// earliest seen; of an undated one, Occurred is that instant too. It reports
// whether the fact was new.
func (s *Store) PutActivity(ctx context.Context, w string, a social.Activity) (bool, error) {
	_, fresh, _, err := s.PutFact(ctx, w, a, "")
	return fresh, err
}

// PutFact is PutActivity of what a delivery told that lies at a place of the
// archive. It also returns a on the side on which the fact is, and the place
// that the fact names: of one that was there, that of the delivery that told it
// first.
func (s *Store) PutFact(ctx context.Context, w string, a social.Activity, place string) (kept social.Activity, fresh bool, first string, err error) {
	account := a.Account().AccountID()
	// The tuple of an undated one stands under the instant it had. It goes
	// before that is lowered, so that an attempt that dies between leaves none
	// behind, and after it, since somebody may have written it meanwhile.
	// Whoever writes it right now looks again afterwards: see package byday.
	unview := func(was time.Time) error {
		if !a.Undated {
			return nil
		}
		old := a
		old.Occurred = was
		_, err := s.ForgetTuples(ctx, w, old)
		return err
	}
	it := toItem(accountPK(w, account), factSK(a), a)
	it.Archive = place
	fresh, was, err := s.putFact(ctx, &it, unview)
	a.Direction, a.Own = social.Direction(it.Direction), it.Own
	if err != nil || was.IsZero() {
		return a, fresh, it.Archive, err
	}
	return a, fresh, it.Archive, unview(was)
}

// putFact puts a fact or a copy of one, once, and keeps the earliest Known. It
// reports whether the fact was new, and what Known was before if it was
// lowered; lower is called with that before. Of one that was there, it.Archive
// and its side become what that says.
func (s *Store) putFact(ctx context.Context, it *activityItem, lower func(was time.Time) error) (fresh bool, was time.Time, err error) {
	old, err := s.putNew(ctx, it)
	if !errors.Is(err, errExists) {
		return err == nil, was, err
	}
	var there activityItem
	if err := attributevalue.UnmarshalMap(old, &there); err != nil {
		return false, was, err
	}
	it.Archive, it.Direction, it.Own = there.Archive, there.Direction, there.Own
	if there.Known <= it.Known {
		return false, was, nil
	}
	known, err := social.ParseStamp(there.Known)
	if err != nil {
		return false, was, fmt.Errorf("activity %q: %w", it.Key, err)
	}
	if err := lower(known); err != nil {
		return false, was, err
	}
	set := "SET Known = :k"
	if it.Undated {
		set += ", Occurred = :k"
	}
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{it.PK, it.SK}.av(),
		UpdateExpression: aws.String(set), ConditionExpression: aws.String("attribute_exists(PK) AND Known > :k"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":k": str(it.Known)}, ReturnValues: types.ReturnValueUpdatedOld})
	if err = classify("lower known", err); fault.Is(err, fault.Conflict) {
		return false, was, nil // somebody else lowered it further
	}
	if err != nil {
		return false, was, err
	}
	v, ok := out.Attributes["Known"].(*types.AttributeValueMemberS)
	if !ok { // the answer was lost: then as it was read
		return false, known, nil
	}
	was, err = social.ParseStamp(v.Value)
	return false, was, err
}

// dated is for facts whose views stand under their own time.
func dated(time.Time) error { return nil }

// PutReceived notes in the partition of account what others did to it: the
// business's reply to one of its messages, or an edit or deletion of one by
// somebody else. So a person's facts are read in one place.
func (s *Store) PutReceived(ctx context.Context, w, account string, a social.Activity) error {
	it := toItem(accountPK(w, account), receivedSK(a), a)
	_, _, err := s.putFact(ctx, &it, dated)
	return err
}

// DeleteReceived takes away what PutReceived noted.
func (s *Store) DeleteReceived(ctx context.Context, w, account string, a social.Activity) error {
	return s.delete(ctx, key{accountPK(w, account), receivedSK(a)})
}

// Facts returns what an account did and the replies it received, in the order
// of their keys, which is of time but for undated ones: they come first.
func (s *Store) Facts(ctx context.Context, w, account string) ([]social.Activity, error) {
	items, err := all[activityItem](ctx, s, query{pk: accountPK(w, account), from: "F#", to: "R$", most: maxFacts}) // "$" follows "#"
	if err != nil {
		return nil, fmt.Errorf("facts of %s: %w", account, err)
	}
	out := make([]social.Activity, len(items))
	for i, it := range items {
		if out[i], err = it.activity(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FactRef says where an activity is kept.
type FactRef struct {
	Account string `json:"account"`
	SK      string `json:"sk"`
}

// String is the reference on one line, as ParseRef reads it.
func (r FactRef) String() string { return r.Account + " " + r.SK }

// ParseRef reads what String wrote; what is none refers to nothing.
func ParseRef(s string) FactRef {
	account, sk, _ := strings.Cut(s, " ")
	return FactRef{Account: account, SK: sk}
}

// RefOf returns where a is kept.
func RefOf(a social.Activity) FactRef {
	return FactRef{Account: a.Account().AccountID(), SK: factSK(a)}
}

// Activity reads one fact.
func (s *Store) Activity(ctx context.Context, w string, ref FactRef) (social.Activity, error) {
	var it activityItem
	if err := s.get(ctx, key{accountPK(factsOf(w), ref.Account), ref.SK}, &it); err != nil {
		return social.Activity{}, fmt.Errorf("activity %s of %s: %w", ref.SK, ref.Account, err)
	}
	return it.activity()
}

// Accounts lists a workspace's account ids in the order (shard, id), after
// the given one ("" from the start), at most limit.
func (s *Store) Accounts(ctx context.Context, w, after string, limit int) ([]string, error) {
	list, err := s.AccountRefs(ctx, w, after, limit)
	var out []string
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out, err
}

// AccountRefs is Accounts, with which identity each is.
func (s *Store) AccountRefs(ctx context.Context, w, after string, limit int) ([]Account, error) {
	var out []Account
	start := ""
	if after != "" {
		start = shard(after)
	}
	for i, pk := range allShards(w + "#AA") {
		if fmt.Sprint(i) < start {
			continue
		}
		q := query{index: "G1", pk: pk, limit: limit - len(out)}
		if fmt.Sprint(i) == start {
			q.after = after
		}
		items, err := all[accountItem](ctx, s, q)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			out = append(out, Account{it.G1SK, social.AccountRef{Platform: social.Platform(it.Platform), Scope: it.Scope, ID: it.ID}})
		}
		if len(out) >= limit {
			return out[:limit], nil
		}
	}
	return out, nil
}
