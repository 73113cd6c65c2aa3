package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// archiveKept is how long the archive keeps a delivery at most (template.yaml,
// ArchiveKeepDays): what tells where one lies expires after it.
const archiveKept = 731 * 24 * time.Hour

// archivedItem says that a workspace keeps something in an object of the archive.
type archivedItem struct {
	PK, SK string
	Schema int
	TTL    int64 `dynamodbav:"ttl"`
}

func expires(place string) (day string, ttl int64) {
	day, _, _ = strings.Cut(place, "/")
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day, 0
	}
	return day, at.Add(archiveKept).Unix()
}

// PutArchived notes that workspaces keep something in an object of the
// archive, "<day>/<name>".
func (s *Store) PutArchived(ctx context.Context, workspaces []string, object string) error {
	day, ttl := expires(object)
	for _, err := range parallel.Each(ctx, len(workspaces), 16, func(i int) error {
		return s.put(ctx, archivedItem{PK: archivedPK(workspaces[i], day), SK: strings.TrimPrefix(object, day+"/"), Schema: 1, TTL: ttl})
	}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Archived lists the archive's objects that hold something of a workspace,
// from one day up to and with another, a page at a time, and calls f with each
// "<day>/<name>".
func (s *Store) Archived(ctx context.Context, w string, from, to time.Time, f func(object string) error) error {
	for day := from.UTC().Truncate(24 * time.Hour); !day.After(to); day = day.Add(24 * time.Hour) {
		d := day.Format(time.DateOnly)
		for after := ""; ; {
			items, err := all[archivedItem](ctx, s, query{pk: archivedPK(w, d), after: after, limit: 500})
			if err != nil {
				return err
			}
			for _, it := range items {
				after = it.SK
				if err := f(d + "/" + it.SK); err != nil {
					return err
				}
			}
			if len(items) < 500 {
				break
			}
		}
	}
	return nil
}

// Mention is an account's name in a delivery that no fact of the account names.
type Mention struct {
	Account string
	Place   string // "<day>/<object>" in the archive, or the key of an object of what is parked
}

type namedItem struct {
	PK, SK string
	Schema int
	TTL    int64 `dynamodbav:"ttl,omitempty"`
}

// PutNamed notes where accounts are named.
func (s *Store) PutNamed(ctx context.Context, w string, places []Mention) error {
	for _, err := range parallel.Each(ctx, len(places), 16, func(i int) error {
		it := namedItem{PK: accountPK(w, places[i].Account), SK: namedSK(places[i].Place), Schema: 1}
		if _, it.TTL = expires(places[i].Place); it.TTL < 0 {
			it.TTL = 0
		}
		return s.put(ctx, it)
	}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Named lists places where an account is named, after a given one, at most limit.
func (s *Store) Named(ctx context.Context, w, account, after string, limit int) ([]string, error) {
	q := query{pk: accountPK(w, account), prefix: "Y#", limit: limit}
	if after != "" {
		q.after = namedSK(after)
	}
	items, err := all[namedItem](ctx, s, q)
	var out []string
	for _, it := range items {
		out = append(out, strings.TrimPrefix(it.SK, "Y#"))
	}
	return out, err
}

// DeleteNamed takes away that an account is named in a place.
func (s *Store) DeleteNamed(ctx context.Context, w string, p Mention) error {
	return s.delete(ctx, key{accountPK(w, p.Account), namedSK(p.Place)})
}

// Sought is what an erasure has still to look for, of one part of the facts
// that it takes away. It goes when the erasure has been done twice.
type Sought struct {
	ID       string    // of the part
	Open     []FactRef // facts of others that go with the account's, and may still be there
	Gone     []string  // ids of activities
	Said     []string  // stamps of what was said
	Words    []string  // texts that may be quoted
	Names    []string  // what the account is called: handles, names, e-mail addresses
	Places   []string  // in the archive, that are to be looked at
	Accounts []string  // where all of a scope goes, the accounts of it that there were
}

type soughtItem struct {
	PK, SK string
	Schema int
	Body   []byte
}

// PutSought notes it.
func (s *Store) PutSought(ctx context.Context, w, tomb string, x Sought) error {
	body, err := compressJSON(x)
	if err != nil {
		return err
	}
	return s.put(ctx, soughtItem{PK: tombPK(w, tomb), SK: "G#" + x.ID, Schema: 1, Body: body})
}

// SoughtBy lists what an erasure has still to look for, after a given part, at most limit.
func (s *Store) SoughtBy(ctx context.Context, w, tomb, after string, limit int) ([]Sought, error) {
	q := query{pk: tombPK(w, tomb), prefix: "G#", limit: limit}
	if after != "" {
		q.after = "G#" + after
	}
	items, err := all[soughtItem](ctx, s, q)
	out := make([]Sought, len(items))
	for i, it := range items {
		if err == nil {
			err = uncompressJSON(it.Body, &out[i])
		}
	}
	return out, err
}

// DeleteSought takes it away.
func (s *Store) DeleteSought(ctx context.Context, w, tomb, id string) error {
	return s.delete(ctx, key{tombPK(w, tomb), "G#" + id})
}

// PutToCut notes a place of the archive where others' words have to be looked through.
func (s *Store) PutToCut(ctx context.Context, w, tomb, place string) error {
	return s.put(ctx, namedItem{PK: tombPK(w, tomb), SK: "C#" + place, Schema: 1})
}

// ToCut lists such places, after a given one, at most limit.
func (s *Store) ToCut(ctx context.Context, w, tomb, after string, limit int) ([]string, error) {
	q := query{pk: tombPK(w, tomb), prefix: "C#", limit: limit}
	if after != "" {
		q.after = "C#" + after
	}
	items, err := all[namedItem](ctx, s, q)
	var out []string
	for _, it := range items {
		out = append(out, strings.TrimPrefix(it.SK, "C#"))
	}
	return out, err
}

// DeleteToCut takes such a place away.
func (s *Store) DeleteToCut(ctx context.Context, w, tomb, place string) error {
	return s.delete(ctx, key{tombPK(w, tomb), "C#" + place})
}

// SourceOf is a fact as erasure takes it away, and the place of its delivery.
type SourceOf struct {
	social.Activity
	Archive string
}

// FactsUntil lists facts of an account that occurred until an instant, in the order of their keys, after a
// given one, at most limit, and the key of the last that was looked at; "" when there are no more.
func (s *Store) FactsUntil(ctx context.Context, w, account string, until time.Time, after string, limit int) (facts []SourceOf, last string, err error) {
	q := query{pk: accountPK(factsOf(w), account), prefix: "F#", limit: limit}
	if after != "" {
		q.after = after
	}
	items, err := all[activityItem](ctx, s, q)
	if err != nil {
		return nil, "", err
	}
	for _, it := range items {
		a, err := it.activity()
		if err != nil {
			return nil, "", err
		}
		if !a.Occurred.After(until) {
			facts = append(facts, SourceOf{a, it.Archive})
		}
	}
	if len(items) == limit {
		last = items[len(items)-1].SK
	}
	return facts, last, nil
}

// Fact reads one fact and where its delivery lies.
func (s *Store) Fact(ctx context.Context, w string, ref FactRef) (SourceOf, error) {
	var it activityItem
	if err := s.get(ctx, key{accountPK(factsOf(w), ref.Account), ref.SK}, &it); err != nil {
		return SourceOf{}, err
	}
	a, err := it.activity()
	return SourceOf{a, it.Archive}, err
}

// DeleteFact takes a fact away, and returns it as it was last, or nil if it was
// not there: only for erasure.
func (s *Store) DeleteFact(ctx context.Context, w string, ref FactRef) (*social.Activity, error) {
	out, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key{accountPK(factsOf(w), ref.Account), ref.SK}.av(), ReturnValues: types.ReturnValueAllOld,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		return nil, classify("delete fact", err)
	}
	s.wrote(out.ConsumedCapacity)
	if len(out.Attributes) == 0 {
		return nil, nil
	}
	var it activityItem
	if err := attributevalue.UnmarshalMap(out.Attributes, &it); err != nil {
		return nil, err
	}
	a, err := it.activity()
	return &a, err
}

// EditFact changes a fact's text and whom it addresses, where another's words, name or id stand in it: only for erasure. One that is gone stays away.
func (s *Store) EditFact(ctx context.Context, w string, a social.Activity) error {
	ref := RefOf(a)
	set, rest, names, values := "SET #t = :t", " REMOVE Addressed", map[string]string{"#t": "Text"}, map[string]types.AttributeValue{":t": str(a.Text)}
	if len(a.Addressed) > 0 {
		ids, err := attributevalue.Marshal(a.Addressed)
		if err != nil {
			return err
		}
		set, rest, values[":a"] = set+", Addressed = :a", "", ids
	}
	if a.Read != nil { // its correction holds for what is left of the text, too
		set, names["#o"], values[":of"] = set+", Correction.#o = :of", "Of", str(social.TextID(a.Text))
	}
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{accountPK(w, ref.Account), ref.SK}.av(),
		UpdateExpression: aws.String(set + rest), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values})
	if err = classify("edit fact", err); fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func compressJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return compress(b)
}

func uncompressJSON(b []byte, v any) error {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return json.NewDecoder(z).Decode(v)
}
