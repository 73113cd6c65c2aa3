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

// forever is after every instant that is kept.
var forever = time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)

// ForgetAccount takes away every fact of an account and every view that was
// made of it: for tests of the whole way, whose facts nobody else has a part in.
func (s *Store) ForgetAccount(ctx context.Context, w, account string) error {
	return s.ForgetUntil(ctx, w, account, forever)
}

// ForgetUntil is ForgetAccount of what occurred until an instant.
func (s *Store) ForgetUntil(ctx context.Context, w, account string, until time.Time) error {
	again := func(context.Context, []FactRef) error { return nil }
	for after := ""; ; {
		facts, last, err := s.FactsUntil(ctx, w, account, until, after, 100)
		if err != nil {
			return err
		}
		var gone []social.Activity
		for _, f := range facts {
			gone = append(gone, f.Activity)
		}
		if _, err := s.ForgetMade(ctx, w, gone, again); err != nil {
			return err
		}
		for _, a := range gone {
			if _, err := s.DeleteFact(ctx, w, RefOf(a)); err != nil {
				return err
			}
		}
		if _, err := s.ForgetMade(ctx, w, gone, again); err != nil {
			return err
		}
		if after = last; last == "" {
			break
		}
	}
	_, _, err := s.CloseAccount(ctx, w, account, until)
	return err
}

// GoesWith lists facts of others that go with a fact of an account that is
// erased: what the business wrote to it alone and in private until then, and
// edits by others of its messages and of these, since they hold its words.
func (s *Store) GoesWith(ctx context.Context, w string, a social.Activity, until time.Time) ([]social.Activity, error) {
	if !a.Type.Utterance() {
		return nil, nil
	}
	account, msg := a.Account().AccountID(), MessageID(a.Platform, a.Scope, a.Object.ID)
	place, err := s.Place(ctx, w, msg)
	if fault.Is(err, fault.NotFound) || err == nil && place.Ref.Account != account {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	nodes, err := s.around(ctx, w, place)
	if err != nil {
		return nil, err
	}
	var out []social.Activity
	messages := []string{msg}
	alone := a.Direction == social.Inbound // with the business
	for _, n := range nodes {
		alone = alone && (n.Direction == social.Outbound || n.Account == account)
	}
	for _, n := range nodes {
		if !alone || n.Account == account || !n.Private || n.Occurred.After(until) {
			continue
		}
		answer, err := s.Activity(ctx, w, n.Ref)
		if fault.Is(err, fault.NotFound) {
			continue // an earlier attempt did it
		}
		if err != nil {
			return nil, err
		}
		out, messages = append(out, answer), append(messages, n.Message)
	}
	for _, m := range messages {
		edits, err := s.Edits(ctx, w, m)
		if err != nil {
			return nil, err
		}
		for _, e := range edits {
			if e.Type == social.Edit && e.Account().AccountID() != account {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// Beside lists facts of others in the thread of a message, at most limit: they may quote it.
func (s *Store) Beside(ctx context.Context, w string, a social.Activity, limit int) ([]FactRef, error) {
	account := a.Account().AccountID()
	place, err := s.Place(ctx, w, MessageID(a.Platform, a.Scope, a.Object.ID))
	if fault.Is(err, fault.NotFound) || err == nil && place.Ref.Account != account {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	nodes, err := s.around(ctx, w, place)
	if err != nil {
		return nil, err
	}
	var out []FactRef
	for _, n := range nodes {
		if n.Account != account && !n.Occurred.Before(a.Occurred) && len(out) < limit {
			out = append(out, n.Ref)
		}
	}
	return out, nil
}

// around lists the nodes of the thread that a place is in.
func (s *Store) around(ctx context.Context, w string, place Place) ([]NodeRef, error) {
	root, err := s.Root(ctx, w, place.Thread)
	if err != nil {
		return nil, err
	}
	_, nodes, err := s.Tree(ctx, w, root, "")
	return nodes, err
}

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

// ForgetMade takes away what was made of facts that are being erased: of their
// days, messages, threads and conversations. The facts may be there or no
// longer. again is called with others' facts whose views rested on them. It
// returns how many items went; it can be called again, also after it failed anywhere.
func (s *Store) ForgetMade(ctx context.Context, w string, gone []social.Activity, again func(context.Context, []FactRef) error) (int, error) {
	f := forgetting{store: s, w: w, again: map[FactRef]bool{}, going: map[string]bool{}}
	for _, a := range gone {
		if a.Type.Utterance() {
			f.going[MessageID(a.Platform, a.Scope, a.Object.ID)] = true
		}
	}
	for _, a := range gone {
		f.account = a.Account().AccountID()
		if err := f.fact(ctx, a); err != nil {
			return f.views, err
		}
	}
	for _, a := range gone {
		delete(f.again, RefOf(a))
	}
	if len(f.again) > 0 {
		if err := again(ctx, slices.SortedFunc(maps.Keys(f.again), func(a, b FactRef) int { return strings.Compare(a.Account+a.SK, b.Account+b.SK) })); err != nil {
			return f.views, err
		}
	}
	for _, m := range f.messages { // while a message has its place, an attempt that died finds its thread
		if err := f.message(ctx, m); err != nil {
			return f.views, err
		}
	}
	return f.views, nil
}

// CloseAccount takes away the account's person's leads, what others did to it,
// and the account itself, unless it did something after an instant: then its
// views have to be made again. It returns what it did then, the newest, and
// how many items went.
func (s *Store) CloseAccount(ctx context.Context, w, account string, until time.Time) (later []social.Activity, views int, err error) {
	if views, err = s.deletePartition(ctx, personPK(w, social.PersonID(account))); err != nil {
		return nil, views, err
	}
	received, err := all[key](ctx, s, query{pk: accountPK(w, account), prefix: "R#"})
	if err != nil {
		return nil, views, err
	}
	for _, k := range received {
		if err := s.delete(ctx, k); err != nil {
			return nil, views, err
		}
		views++
	}
	facts, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), account), prefix: "F#"})
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
		return later, views, s.put(ctx, newAccountItem(w, later[len(later)-1]))
	}
	n := 0
	f := forgetting{store: s}
	if len(facts) == 0 {
		err = f.take(ctx, key{accountPK(w, account), "@"}, &n)
	}
	return nil, views + n, err
}

// ForgetViews takes away what was made of a fact that is gone.
func (s *Store) ForgetViews(ctx context.Context, w string, a social.Activity) error {
	_, err := s.ForgetMade(ctx, w, []social.Activity{a}, func(context.Context, []FactRef) error { return nil })
	return err
}

// forgetting is facts that are being forgotten.
type forgetting struct {
	store      *Store
	w, account string           // of the fact that is being looked at
	views      int              // that went
	going      map[string]bool  // messages that go
	again      map[FactRef]bool // facts of others to be viewed again
	messages   []string         // whose places and edits go at the end
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

// fact takes away what was made of one fact of the account, but for its message's place.
func (f *forgetting) fact(ctx context.Context, a social.Activity) error {
	if a.Type == social.Edit || a.Type == social.Delete {
		return f.amendment(ctx, a)
	}
	if err := f.view(ctx, key{dayPK(f.w, a.Occurred, f.account), daySK(a)}); err != nil || !a.Type.Utterance() {
		return err
	}
	return f.said(ctx, a)
}

// amendment takes away an edit or deletion that the account made. One that
// stays is by nobody named, and may stand in the same place.
func (f *forgetting) amendment(ctx context.Context, a social.Activity) error {
	msg := MessageID(a.Platform, a.Scope, a.Object.ID)
	keys := []key{{dayPK(f.w, a.Occurred, f.account), daySK(a)}, {threadPK(f.w, msg), editSK(a)}}
	place, err := f.store.Place(ctx, f.w, msg)
	switch {
	case err == nil && place.Ref.Account != f.account:
		f.again[place.Ref] = true
		keys = append(keys, key{accountPK(f.w, place.Ref.Account), receivedSK(a)})
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	}
	for _, k := range keys {
		out, err := f.store.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &f.store.table, Key: k.av(), ConditionExpression: aws.String("ActorID = :a"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":a": str(a.Actor.ID)}, ReturnValues: types.ReturnValueAllOld})
		if err = classify("forget", err); err == nil && len(out.Attributes) > 0 {
			f.views++
		} else if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// said takes away what was made of one message of the account.
func (f *forgetting) said(ctx context.Context, a social.Activity) error {
	msg := MessageID(a.Platform, a.Scope, a.Object.ID)
	place, err := f.store.Place(ctx, f.w, msg)
	if fault.Is(err, fault.NotFound) || err == nil && place.Ref.Account != f.account {
		return nil
	}
	if err != nil {
		return err
	}
	f.messages = append(f.messages, msg)
	root, err := f.store.Root(ctx, f.w, place.Thread)
	if err != nil {
		return err
	}
	threads, nodes, err := f.store.Tree(ctx, f.w, root, "")
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Direction == social.Inbound && n.Account != f.account && a.Direction == social.Outbound {
			if err := f.view(ctx, key{accountPK(f.w, n.Account), receivedSK(a)}); err != nil {
				return err
			}
			f.again[n.Ref] = true
		}
	}
	for _, t := range threads {
		for _, n := range nodes {
			if !f.going[n.Message] {
				continue
			}
			if err := f.view(ctx, key{threadPK(f.w, t), nodeSK(n.Node)}); err != nil {
				return err
			}
		}
		if err := f.view(ctx, key{threadPK(f.w, t), headSK(f.account)}); err != nil {
			return err
		}
	}
	return nil
}

// message takes away a message's place and its edits, by whomever. Of the
// place, where others' messages hang below it, stays the thread it is in.
func (f *forgetting) message(ctx context.Context, msg string) error {
	edits, err := f.store.Edits(ctx, f.w, msg)
	if err != nil {
		return err
	}
	for _, e := range edits {
		if err := f.view(ctx, key{threadPK(f.w, msg), editSK(e)}); err != nil {
			return err
		}
	}
	var it placeItem
	err = f.store.get(ctx, key{threadPK(f.w, msg), "@"}, &it)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	below, err := f.store.HasNodes(ctx, f.w, msg)
	if err != nil {
		return err
	}
	f.views++
	if below && it.Thread != msg {
		return f.store.put(ctx, placeItem{PK: it.PK, SK: it.SK, Thread: it.Thread})
	}
	return f.store.delete(ctx, key{it.PK, it.SK})
}

// deletePartition deletes every item of a partition, the last key first, and returns their number.
func (s *Store) deletePartition(ctx context.Context, pk string) (int, error) {
	items, err := all[key](ctx, s, query{pk: pk, descending: true})
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
