package store

import (
	"context"
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
		items, err := all[accountItem](ctx, s, query{index: "G1", pk: pk})
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

// forgotten counts what was taken away.
type forgotten struct{ facts, views int }

// ForgetAccount takes away every fact of an account, and every view that was
// made of it: of its days, leads, messages and conversations; of what the
// business wrote to it in private, too. It can be called again: what is gone
// is not missed. It returns how many items of either kind went.
func (s *Store) ForgetAccount(ctx context.Context, w, account string) (facts, views int, err error) {
	var f forgotten
	items, err := all[activityItem](ctx, s, query{pk: accountPK(w, account), from: "F#", to: "R$"}) // "$" follows "#"
	if err != nil {
		return 0, 0, fmt.Errorf("facts of %s: %w", account, err)
	}
	for _, it := range items {
		if !strings.HasPrefix(it.SK, "F#") {
			continue
		}
		a, err := it.activity()
		if err != nil {
			return 0, 0, err
		}
		if err := s.forgetViews(ctx, w, account, a, &f); err != nil {
			return 0, 0, err
		}
	}
	n, err := s.deletePartition(ctx, accountPK(w, account))
	if err != nil {
		return 0, 0, err
	}
	f.facts += n
	n, err = s.deletePartition(ctx, personPK(w, social.PersonID(account)))
	return f.facts, f.views + n, err
}

// forgetViews takes away what was made of one fact of the account.
func (s *Store) forgetViews(ctx context.Context, w, account string, a social.Activity, f *forgotten) error {
	if err := s.DeleteItem(ctx, w, a); err != nil {
		return err
	}
	f.views++
	if !a.Type.Utterance() && a.Type != social.Edit && a.Type != social.Delete {
		return nil
	}
	msg := MessageID(a.Platform, a.Scope, a.Object.ID)
	place, err := s.Place(ctx, w, msg)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	placed := err == nil
	if !a.Type.Utterance() {
		if err := s.delete(ctx, key{threadPK(w, msg), editSK(a)}); err != nil {
			return err
		}
		f.views++
		if placed && place.Ref.Account != account {
			return s.delete(ctx, key{accountPK(w, place.Ref.Account), receivedSK(a)})
		}
		return nil
	}
	if !placed || place.Ref.Account != account {
		return nil
	}
	root, err := s.Root(ctx, w, place.Thread)
	if err != nil {
		return err
	}
	threads, nodes, err := s.Tree(ctx, w, root, "")
	if err != nil {
		return err
	}
	alone := true
	for _, n := range nodes {
		alone = alone && (n.Direction == social.Outbound || n.Account == account)
	}
	for _, t := range threads {
		for _, n := range nodes {
			if n.Account == account || alone && n.Private {
				if err := s.delete(ctx, key{threadPK(w, t), nodeSK(n.Node)}); err != nil {
					return err
				}
				f.views++
			}
		}
		if err := s.DeleteHead(ctx, w, t, account); err != nil {
			return err
		}
		f.views++
	}
	for _, n := range nodes {
		if !alone || !n.Private || n.Account == account {
			continue
		}
		answer, err := s.Activity(ctx, w, n.Ref)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.DeleteItem(ctx, w, answer); err != nil {
			return err
		}
		if err := s.forgetMessage(ctx, w, n.Message, f); err != nil {
			return err
		}
		if err := s.delete(ctx, key{accountPK(w, n.Ref.Account), n.Ref.SK}); err != nil {
			return err
		}
		f.facts++
	}
	return s.forgetMessage(ctx, w, msg, f)
}

// forgetMessage takes away a message's place and its edits.
func (s *Store) forgetMessage(ctx context.Context, w, msg string, f *forgotten) error {
	edits, err := all[key](ctx, s, query{pk: threadPK(w, msg), prefix: "E#"})
	if err != nil {
		return err
	}
	for _, k := range append(edits, key{threadPK(w, msg), "@"}) {
		if err := s.delete(ctx, k); err != nil {
			return err
		}
		f.views++
	}
	return nil
}

// deletePartition deletes every item of a partition and returns their number.
func (s *Store) deletePartition(ctx context.Context, pk string) (int, error) {
	items, err := all[key](ctx, s, query{pk: pk})
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
	Removed  map[string]int
}

type receiptItem struct {
	PK, SK           string
	ID, At           string
	Platform, Reason string
	Removed          map[string]int
}

// PutReceipt notes an erasure; noting a later pass over the same adds nothing but its counts.
func (s *Store) PutReceipt(ctx context.Context, w string, r Receipt) error {
	it := receiptItem{PK: receiptPK(w), SK: social.Stamp(r.At) + "#" + r.ID, ID: r.ID, At: social.Stamp(r.At), Platform: r.Platform, Reason: r.Reason, Removed: map[string]int{}}
	var old receiptItem
	if err := s.get(ctx, key{it.PK, it.SK}, &old); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	for _, m := range []map[string]int{old.Removed, r.Removed} {
		for k, n := range m {
			it.Removed[k] = max(it.Removed[k], n)
		}
	}
	return s.put(ctx, it)
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
		out[i], last = Receipt{it.ID, t, it.Platform, it.Reason, it.Removed}, it.SK
	}
	return out, last, nil
}

// Republish replaces the body of a published version: only for erasure, which
// takes quotes out of it.
func (s *Store) Republish(ctx context.Context, w, kind string, d Document) error {
	body, err := compress(d.Body)
	if err != nil {
		return err
	}
	return s.put(ctx, documentItem{PK: kindPK(w, kind), SK: versionSK(d.Version), Version: d.Version, Published: social.Stamp(d.Published), Body: body})
}
