package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
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

// GoesWith lists facts of others that go with facts of an account that are
// erased: what the business wrote to it alone and in private until then, and
// edits by others of its messages and of these, since they hold its words. Of
// what the business wrote it lists at most limit; rest says that there is more,
// which is found once these are gone.
func (s *Store) GoesWith(ctx context.Context, w string, as []social.Activity, until time.Time, limit int) (out []social.Activity, rest bool, err error) {
	var messages []string
	threads := map[string]bool{}
	answers := 0
	answer := func(n NodeRef) error {
		if !n.Private || n.Occurred.After(until) {
			return nil
		}
		a, err := s.Activity(ctx, w, n.Ref)
		if fault.Is(err, fault.NotFound) {
			return nil // an earlier attempt did it
		}
		if err != nil {
			return err
		}
		if answers == limit {
			rest = true
			return errEnough
		}
		answers++
		out, messages = append(out, a), append(messages, n.Message)
		return nil
	}
	for _, a := range as {
		if !a.Type.Utterance() {
			continue
		}
		place, root, err := s.whereIs(ctx, w, a)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		messages = append(messages, place.Message)
		if a.Direction != social.Inbound || threads[root] || rest {
			continue
		}
		threads[root] = true
		askers, err := s.Askers(ctx, w, root, "", 2)
		if err != nil {
			return nil, false, err
		}
		if slices.ContainsFunc(askers, func(asker string) bool { return asker != a.Account().AccountID() }) {
			continue // it is not alone with the business
		}
		if err := s.PrivateIn(ctx, w, root, answer); err != nil && !errors.Is(err, errEnough) {
			return nil, false, err
		}
	}
	going := map[FactRef]bool{}
	for _, a := range slices.Concat(as, out) {
		going[RefOf(a)] = true
	}
	for _, m := range messages {
		edits, err := s.Edits(ctx, w, m)
		if err != nil {
			return nil, false, err
		}
		for _, e := range edits {
			if e.Type == social.Edit && !going[RefOf(e)] {
				going[RefOf(e)] = true
				out = append(out, e)
			}
		}
	}
	return out, rest, nil
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// whereIs returns where a message of an account stands, and the root of its
// thread. One that has no place, since it is being taken away, is where it
// says itself; one in whose place somebody else's message stands is nowhere:
// an error of kind NotFound.
func (s *Store) whereIs(ctx context.Context, w string, a social.Activity) (Place, string, error) {
	n := NodeOf(a)
	place, err := s.Place(ctx, w, n.Message)
	if fault.Is(err, fault.NotFound) {
		place.NodeRef = n
		place.Thread, err = s.ThreadOf(ctx, w, a)
	}
	if err != nil {
		return place, "", err
	}
	if place.Ref.Account != a.Account().AccountID() {
		return place, "", fault.New(fault.NotFound, "the message is somebody else's")
	}
	root, err := s.Root(ctx, w, place.Thread)
	return place, root, err
}

// Beside lists facts of others in the threads of messages of one account, from
// the first of these on: they may quote it. Of each thread it looks through the
// messages of at most limit askers, and lists at most limit of each of these,
// of what the business wrote in private, and of its replies to each message.
func (s *Store) Beside(ctx context.Context, w string, as []social.Activity, limit int) ([]FactRef, error) {
	var mu sync.Mutex
	found := map[FactRef]bool{}
	own := ""
	note := func(list []NodeRef, since time.Time) {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range list {
			if n.Account != own && !n.Occurred.Before(since) {
				found[n.Ref] = true
			}
		}
	}
	first := map[string]time.Time{} // by root
	for _, a := range as {
		if !a.Type.Utterance() {
			continue
		}
		own = a.Account().AccountID()
		place, root, err := s.whereIs(ctx, w, a)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		replies, err := s.nodes(ctx, query{pk: threadPK(w, place.Message), from: "O#", to: "O.", limit: limit})
		if err != nil {
			return nil, err
		}
		note(replies, a.Occurred)
		if t, ok := first[root]; !ok || a.Occurred.Before(t) {
			first[root] = a.Occurred
		}
	}
	for root, since := range first {
		q := query{pk: threadPK(w, root), from: "PN#", to: "PN$", limit: limit}
		if ByPlatform(root) {
			q.from, q.to = "T#"+social.Stamp(since.Truncate(time.Second)), "T$"
		}
		private, err := s.nodes(ctx, q)
		if err != nil {
			return nil, err
		}
		note(private, since)
		askers, err := s.Askers(ctx, w, root, "", limit)
		if err != nil {
			return nil, err
		}
		err = errors.Join(parallel.Each(ctx, len(askers), besideHands, func(i int) error {
			if askers[i] == own {
				return nil
			}
			var said []NodeRef
			for _, up := range owns {
				part, err := s.nodes(ctx, query{pk: partPK(w, root, askers[i]), from: up + social.Stamp(since), to: up + "~", limit: limit})
				if err != nil {
					return err
				}
				said = append(said, part...)
			}
			note(said, since)
			for _, n := range said {
				replies, err := s.nodes(ctx, query{pk: threadPK(w, n.Message), from: "O#", to: "O.", limit: limit})
				if err != nil {
					return err
				}
				note(replies, since)
			}
			return nil
		})...)
		if err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b FactRef) int { return strings.Compare(a.Account+a.SK, b.Account+b.SK) }), nil
}

// besideHands is how many askers of a thread are looked at at once.
const besideHands = 16

// Unnamed returns an edit or deletion that an account made of somebody else's
// message as one by nobody named: what was taken away must not come back. It
// reports false where nothing has to stay.
func (s *Store) Unnamed(ctx context.Context, w string, a social.Activity) (social.Activity, bool, error) {
	if a.Type != social.Edit && a.Type != social.Delete || a.Actor.ID == social.Unknown {
		return a, false, nil
	}
	place, err := s.Place(ctx, w, MessageID(a.Platform, a.Scope, a.Object.ID))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return a, false, err
	}
	placed := err == nil
	if placed && place.Ref.Account == a.Account().AccountID() || !placed && a.Type != social.Delete {
		return a, false, nil
	}
	a.Actor = social.Actor{ID: social.Unknown, Scope: a.Actor.Scope}
	return a, true, nil
}

// CloseAccount takes away the account's person's leads, its history, what
// others did to it, and the account itself, unless it did something after an
// instant: then what was made of that has to be made again. It returns what it
// did then, and how many items went.
func (s *Store) CloseAccount(ctx context.Context, w, account string, until time.Time) (later []social.Activity, views int, err error) {
	if views, err = s.deletePartition(ctx, personPK(w, social.PersonID(account))); err != nil {
		return nil, views, err
	}
	n, err := s.DropHistory(ctx, w, account)
	if views += n; err != nil {
		return nil, views, err
	}
	n, err = s.takeAll(ctx, query{pk: accountPK(w, account), prefix: "R#", most: maxForgotten})
	if views += n; err != nil {
		return nil, views, err
	}
	facts, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: "F#", most: maxForgotten})
	if err != nil {
		return nil, views, err
	}
	for _, it := range facts {
		a, err := it.activity()
		if err != nil {
			return nil, views, err
		}
		if a.Occurred.After(until) {
			later = append(later, a)
		}
	}
	if len(later) > 0 {
		it := newAccountItem(w, later[len(later)-1])
		var l ListSpan
		for _, a := range later {
			l = l.with(a)
		}
		it.ListedFrom, it.ListedTo = l.stamps()
		return later, views, s.put(ctx, it)
	}
	if len(facts) > 0 {
		return nil, views, nil
	}
	was, err := s.take(ctx, key{accountPK(w, account), "@"})
	if was {
		views++
	}
	return nil, views, err
}

// DropHistory takes an account's history away, and returns how many blocks
// went. It goes newest first: whoever reads meanwhile begins after the last
// block that stands.
func (s *Store) DropHistory(ctx context.Context, w, account string) (int, error) {
	return s.takeAll(ctx, query{pk: accountPK(w, account), prefix: historySK(""), descending: true, most: maxForgotten})
}

// takeAll takes away what a query finds, and returns how many items there were.
func (s *Store) takeAll(ctx context.Context, q query) (n int, err error) {
	keys, err := all[key](ctx, s, q)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		was, err := s.take(ctx, k)
		if err != nil {
			return n, err
		}
		if was {
			n++
		}
	}
	return n, nil
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
// they are read: one that is written again, since an answer was lost, counts
// once. The first reason stays, also where it is erased again after a restore.
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
		it.Version, it.ID, it.At, it.Platform, it.Reason = old.Version+1, r.ID, social.Stamp(r.At), r.Platform, cmp.Or(old.Reason, r.Reason)
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
