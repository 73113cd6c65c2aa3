package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

type tombItem struct {
	PK, SK string
	At     string
}

// PutTombstone notes that whoever hashes to tomb was erased as of an instant:
// the latest one counts. It says nothing else, and it stays.
func (s *Store) PutTombstone(ctx context.Context, w, tomb string, at time.Time) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{tombPK(w, tomb), "@"}.av(),
		UpdateExpression: aws.String("SET #a = :t"), ConditionExpression: aws.String("attribute_not_exists(PK) OR #a < :t"),
		ExpressionAttributeNames: map[string]string{"#a": "At"}, ExpressionAttributeValues: map[string]types.AttributeValue{":t": str(social.Stamp(at))}})
	if err = classify("tombstone", err); fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Tombstoned says as of when those of the tombs were erased that stand in a
// workspace, strongly consistent.
func (s *Store) Tombstoned(ctx context.Context, w string, tombs []string) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for len(tombs) > 0 {
		n := min(100, len(tombs)) // the most that one BatchGetItem takes
		var keys []map[string]types.AttributeValue
		of := map[string]string{}
		for _, t := range tombs[:n] {
			keys = append(keys, key{tombPK(w, t), "@"}.av())
			of[tombPK(w, t)] = t
		}
		tombs = tombs[n:]
		for len(keys) > 0 {
			s.readBytes(len(keys)*4096, true) // a unit each, there or not
			got, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}}})
			if err != nil {
				return nil, classify("tombstones", err)
			}
			for _, it := range got.Responses[s.table] {
				var t tombItem
				if err := attributevalue.UnmarshalMap(it, &t); err != nil {
					return nil, err
				}
				if out[of[t.PK]], err = social.ParseStamp(t.At); err != nil {
					return nil, err
				}
			}
			rest := got.UnprocessedKeys[s.table].Keys
			if len(rest) == len(keys) {
				return nil, fault.New(fault.Transient, "the table is busy")
			}
			keys = rest
		}
	}
	return out, nil
}

// Account is one identity that a workspace knows.
type Account struct {
	ID string // acc_…
	social.AccountRef
}

// AccountsOf lists the accounts of a platform whose ids are unique within a
// scope. It reads the list of all accounts: for rare work only.
func (s *Store) AccountsOf(ctx context.Context, w string, p social.Platform, scope string) ([]Account, error) {
	var out []Account
	for _, pk := range allShards(w + "#AA") {
		items, err := all[accountItem](ctx, s, query{index: "G1", pk: pk, most: maxForgotten})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it.Platform == string(p) && it.Scope == scope {
				out = append(out, Account{it.G1SK, social.AccountRef{Platform: p, Scope: scope, ID: it.ID}})
			}
		}
	}
	return out, nil
}

// maxForgotten bounds what one call takes away, or looks through for it, in items.
const maxForgotten = 1_000_000

// forever is after every instant that is kept.
var forever = time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)

// ForgetAccount takes away every fact of an account and every view that was
// made of it, as ForgetUntil does for all time.
func (s *Store) ForgetAccount(ctx context.Context, w, account string) (facts, views int, err error) {
	return s.ForgetUntil(ctx, w, account, forever, func(context.Context, []FactRef) error { return nil })
}

// ForgetUntil takes away every fact of an account that occurred until an
// instant, and every view that was made of it: of its days, leads, messages
// and conversations; of what the business wrote to it in private until then,
// too; and edits of its messages by others, which hold its words. That it
// edited or deleted others' messages stays, done by nobody named: what was
// taken away must not come back.
//
// again is called with what others did that has to be viewed and scored again,
// since their views rested on what goes, before that goes for good. What the
// account did later stays, and its views have to be made again afterwards.
//
// It can be called again, also after it failed anywhere: what is gone is not
// missed. The account itself goes last, so that it is found as long as anything
// is there of it. It returns how many items of either kind went.
func (s *Store) ForgetUntil(ctx context.Context, w, account string, until time.Time, again func(context.Context, []FactRef) error) (facts, views int, err error) {
	pk := accountPK(w, account)
	items, err := all[activityItem](ctx, s, query{pk: pk, from: "F#", to: "R$", most: maxForgotten}) // "$" follows "#"
	if err != nil {
		return 0, 0, fmt.Errorf("facts of %s: %w", account, err)
	}
	f := forgetting{store: s, w: w, account: account, until: until, again: map[FactRef]bool{}}
	var stays *social.Activity
	var keys []key
	var gone []social.Activity
	for _, it := range items {
		if !strings.HasPrefix(it.SK, "F#") {
			keys = append(keys, key{it.PK, it.SK}) // copies: those of what stays are made again
			continue
		}
		a, err := it.activity()
		if err != nil {
			return 0, 0, err
		}
		if a.Occurred.After(until) {
			stays = &a
			continue
		}
		keys = append(keys, key{it.PK, it.SK})
		gone = append(gone, a)
		if err := f.fact(ctx, a, it.Reader); err != nil {
			return 0, 0, err
		}
	}
	if err := f.items(ctx, gone); err != nil {
		return 0, 0, err
	}
	if len(f.again) > 0 {
		if err := again(ctx, slices.SortedFunc(maps.Keys(f.again), func(a, b FactRef) int { return strings.Compare(a.Account+a.SK, b.Account+b.SK) })); err != nil {
			return 0, 0, err
		}
	}
	for _, m := range f.messages { // while a message has its place, an attempt that died finds its thread
		if err := f.message(ctx, m); err != nil {
			return 0, 0, err
		}
	}
	n, err := s.deletePartition(ctx, personPK(w, social.PersonID(account)))
	if err != nil {
		return 0, 0, err
	}
	f.views += n
	for _, k := range keys {
		if err := f.take(ctx, k, &f.facts); err != nil {
			return 0, 0, err
		}
	}
	// What was computed of the facts while they went. The history goes newest
	// first: whoever reads meanwhile begins after the last block that stands.
	n, err = s.deletePartition(ctx, personPK(w, social.PersonID(account)))
	if err != nil {
		return 0, 0, err
	}
	f.views += n
	blocks, err := all[key](ctx, s, query{pk: pk, prefix: historySK(""), descending: true, most: maxPartition})
	if err != nil {
		return 0, 0, err
	}
	for _, k := range blocks {
		if err := f.view(ctx, k); err != nil {
			return 0, 0, err
		}
	}
	// Views that were being written from the facts while they went: whoever
	// writes one looks at the fact afterwards (package feedback), and finds it
	// gone from here on.
	if err := f.items(ctx, gone); err != nil {
		return 0, 0, err
	}
	for _, a := range gone {
		if err := f.late(ctx, a); err != nil {
			return 0, 0, err
		}
	}
	if stays != nil {
		return f.facts, f.views, s.put(ctx, newAccountItem(w, *stays))
	}
	// What the account did later may have come meanwhile: that is looked for in
	// the same list by which the rest goes.
	if items, err = all[activityItem](ctx, s, query{pk: pk, descending: true, most: maxForgotten}); err != nil {
		return 0, 0, err
	}
	for _, it := range items {
		if !strings.HasPrefix(it.SK, "F#") {
			continue
		}
		if a, err := it.activity(); err != nil || a.Occurred.After(until) {
			return f.facts, f.views, err
		}
	}
	for _, it := range items {
		if err := s.delete(ctx, key{it.PK, it.SK}); err != nil {
			return 0, 0, err
		}
	}
	return f.facts + len(items), f.views, nil
}

// late takes away views that were written of a fact while it went.
func (f *forgetting) late(ctx context.Context, a social.Activity) error {
	if a.Type == social.Edit || a.Type == social.Delete {
		return f.unedit(ctx, a)
	}
	f.messages = nil
	if err := f.fact(ctx, a, ""); err != nil {
		return err
	}
	for _, m := range f.messages {
		if err := f.message(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// forgetting is an account that is being forgotten.
type forgetting struct {
	store        *Store
	w, account   string
	until        time.Time
	facts, views int              // that went
	again        map[FactRef]bool // facts of others to be viewed again
	messages     []string         // whose places and edits go at the end
	only         bool             // the message alone: no other fact goes with it
}

// take takes an item away and counts it, if it was there.
func (f *forgetting) take(ctx context.Context, k key, counter *int) error {
	out, err := f.store.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &f.store.table, Key: k.av(), ReturnValues: types.ReturnValueAllOld})
	if err == nil && len(out.Attributes) > 0 {
		*counter++
	}
	return classify("forget", err)
}

func (f *forgetting) view(ctx context.Context, k key) error { return f.take(ctx, k, &f.views) }

// items takes away the tuples of activities.
func (f *forgetting) items(ctx context.Context, as []social.Activity) error {
	n, err := f.store.ForgetTuples(ctx, f.w, as...)
	f.views += n
	return err
}

// fact takes away what was made of one fact of the account, but for its message's place.
func (f *forgetting) fact(ctx context.Context, a social.Activity, reader string) error {
	switch {
	case a.Type == social.Edit || a.Type == social.Delete:
		return f.amendment(ctx, a, reader)
	case a.Type.Utterance():
		return f.said(ctx, a)
	}
	return nil
}

// amendment takes away an edit or deletion that the account made; of somebody
// else's message it stays as a fact about that message.
func (f *forgetting) amendment(ctx context.Context, a social.Activity, reader string) error {
	msg := MessageID(a.Platform, a.Scope, a.Object.ID)
	place, err := f.store.Place(ctx, f.w, msg)
	placed := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	others := placed && place.Ref.Account != f.account
	if a.Actor.ID != social.Unknown && (others || !placed && a.Type == social.Delete) {
		unnamed := a
		unnamed.Actor = social.Actor{ID: social.Unknown, Scope: a.Actor.Scope}
		if err := f.store.PutAccount(ctx, f.w, unnamed); err != nil {
			return err
		}
		if _, err := f.store.PutActivity(ctx, f.w, unnamed, reader); err != nil {
			return err
		}
		f.again[RefOf(unnamed)] = true
	}
	if others {
		f.again[place.Ref] = true
	}
	if placed {
		told, err := f.told(ctx, place)
		if err != nil {
			return err
		}
		for _, account := range told {
			if err := f.view(ctx, key{accountPK(f.w, account), receivedSK(a)}); err != nil {
				return err
			}
		}
	}
	return f.view(ctx, key{threadPK(f.w, msg), editSK(a)})
}

// deletePartition deletes every item of a partition, the last key first, and returns their number.
func (s *Store) deletePartition(ctx context.Context, pk string) (int, error) {
	items, err := all[key](ctx, s, query{pk: pk, descending: true, most: maxForgotten})
	if err != nil {
		return 0, err
	}
	for _, k := range items {
		if err := s.delete(ctx, k); err != nil {
			return 0, err
		}
	}
	return len(items), nil
}

// Receipt is what stays of an erasure: nobody can be told by it.
type Receipt struct {
	ID       string // the account's tombstone
	At       time.Time
	Platform string
	Reason   string // the kind of the platform's demand
	Done     bool   // carried out; else it is being carried out, or failed
	Removed  map[string]int
}

type receiptItem struct {
	PK, SK           string
	Version          int64
	ID, At           string
	Platform, Reason string
	Done             bool
	Parts            map[string]map[string]int // what each call of AddReceipt told, by a random name
}

// AddReceipt notes what a part of an erasure took away. The parts add up when
// they are read: one that is written again, since an answer was lost, counts once.
func (s *Store) AddReceipt(ctx context.Context, w string, r Receipt) error {
	part := rand.Text()
	return Again(ctx, func() error {
		it := receiptItem{PK: receiptPK(w), SK: social.Stamp(r.At) + "#" + r.ID}
		var old receiptItem
		if err := s.get(ctx, key{it.PK, it.SK}, &old); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if old.Version > 0 && (old.Done || !r.Done) && !slices.ContainsFunc(slices.Collect(maps.Values(r.Removed)), func(n int) bool { return n > 0 }) {
			return nil // it says nothing new
		}
		it.Version, it.ID, it.At, it.Platform, it.Reason = old.Version+1, r.ID, social.Stamp(r.At), r.Platform, r.Reason
		it.Done, it.Parts = r.Done || old.Done, map[string]map[string]int{part: r.Removed}
		maps.Copy(it.Parts, old.Parts)
		return s.putVersion(ctx, it, old.Version)
	})
}

// removed adds up the parts.
func (it receiptItem) removed() map[string]int {
	out := map[string]int{}
	for _, p := range it.Parts {
		for k, n := range p {
			out[k] += n
		}
	}
	return out
}

// Receipts lists erasures, newest first, after the given place (""), at most limit, and the place of the last.
func (s *Store) Receipts(ctx context.Context, w, after string, limit int) ([]Receipt, string, error) {
	items, err := all[receiptItem](ctx, s, query{pk: receiptPK(w), after: after, descending: true, limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]Receipt, len(items))
	last := after
	for i, it := range items {
		t, err := social.ParseStamp(it.At)
		if err != nil {
			return nil, "", err
		}
		out[i], last = Receipt{it.ID, t, it.Platform, it.Reason, it.Done, it.removed()}, it.SK
	}
	return out, last, nil
}

// EditVersion changes the body of a published version, and says whether it did:
// only for erasure, which takes quotes out of it. edit returns the new body, or
// nil where nothing changes; it is called again when somebody else was first.
func (s *Store) EditVersion(ctx context.Context, w, kind, version string, edit func(body []byte) ([]byte, error)) (bool, error) {
	changed := false
	err := Again(ctx, func() error {
		var it documentItem
		if err := s.get(ctx, key{kindPK(w, kind), versionSK(version)}, &it); err != nil {
			return fmt.Errorf("%s version %s: %w", kind, version, err)
		}
		d, err := it.document()
		if err != nil {
			return err
		}
		body, err := edit(d.Body)
		if err != nil || body == nil {
			return err
		}
		old := it.Body
		if it.Body, err = compress(body); err != nil {
			return err
		}
		av, err := attributevalue.MarshalMap(it)
		if err != nil {
			return err
		}
		_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: av, ConditionExpression: aws.String("Body = :old"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":old": &types.AttributeValueMemberB{Value: old}}})
		changed = err == nil
		return classify("edit version", err)
	})
	return changed, err
}
