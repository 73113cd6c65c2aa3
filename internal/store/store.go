// Package store keeps Rapport's facts and views in one DynamoDB table.
// keys.go holds every key and the table of access patterns.
//
// Facts are put once (a condition on their absence) and never changed, but
// for the instant they were first known. Views carry a version; whoever
// writes one has read that version before the facts, and writes on condition
// of it.
package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"rapport/internal/fault"
)

// Store is the table.
type Store struct {
	db    client
	table string

	days *dayCounts

	// Consumed, where set, is told the capacity units of each put, deletion,
	// get and query: what the engine reports for writes, and for reads the
	// bytes returned over 4 KB (halved where eventually consistent), since
	// engines for tests report reads wrongly. Of updates and transactions,
	// which are rare, those of threads and conversations are counted.
	Consumed func(read, write float64)
}

// New returns the store of a table.
func New(cfg aws.Config, table string) *Store {
	return &Store{db: newClient(cfg), table: table, days: &dayCounts{of: map[string]int{}}}
}

type key struct {
	PK string `dynamodbav:"PK"`
	SK string `dynamodbav:"SK"`
}

func (k key) av() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrPK: str(k.PK), attrSK: str(k.SK)}
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// errExists is a put that found its item there already.
var errExists = errors.New("exists")

// classify gives an SDK error its kind.
func classify(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(kindOf(err), fmt.Errorf("%s: %w", op, err), messages[kindOf(err)])
}

var messages = map[fault.Kind]string{fault.Invalid: "it does not fit the table"}

// busy are the codes by which the engine says that there was too much at once:
// of an error, and of the reason of a transaction that was given up.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
var busy = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "RequestLimitExceeded": true, "LimitExceededException": true,
	"TransactionInProgressException": true, "ProvisionedThroughputExceeded": true, "ThrottlingError": true, "TransactionConflict": true,
}

func kindOf(err error) fault.Kind {
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return fault.Conflict
	}
	if e, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		kind := fault.Transient
		for _, r := range e.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "ConditionalCheckFailed":
				return fault.Conflict
			case "ValidationError":
				kind = fault.Invalid
			}
		}
		return kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Transient
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		switch {
		case e.ErrorCode() == "ValidationException":
			return fault.Invalid
		case busy[e.ErrorCode()], e.ErrorFault() == smithy.FaultServer:
			return fault.Transient
		}
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.HTTPStatusCode() >= 500 {
		return fault.Transient
	}
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	_, spent := errors.AsType[ratelimit.QuotaExceededError](err) // of the SDK's tries
	if unsent || spent {
		return fault.Transient
	}
	return fault.Internal
}

func (s *Store) wrote(c *types.ConsumedCapacity) {
	if s.Consumed != nil && c != nil {
		s.Consumed(0, aws.ToFloat64(c.CapacityUnits))
	}
}

func (s *Store) readBytes(bytes int, strong bool) {
	if s.Consumed == nil {
		return
	}
	units := float64(max(1, (bytes+4095)/4096))
	if !strong {
		units /= 2
	}
	s.Consumed(units, 0)
}

// putNew writes item unless one with its key exists: then it returns what is there and errExists.
func (s *Store) putNew(ctx context.Context, item any) (map[string]types.AttributeValue, error) {
	av, err := attributevalue.MarshalMap(item)
	if err != nil {
		return nil, err
	}
	out, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: av,
		ConditionExpression:                 aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal})
	if e, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		s.wrote(&types.ConsumedCapacity{CapacityUnits: aws.Float64(1)})
		return e.Item, errExists
	}
	if err != nil {
		return nil, classify("put", err)
	}
	s.wrote(out.ConsumedCapacity)
	return nil, nil
}

// put writes item whatever is there: only for what is the same whoever writes it.
func (s *Store) put(ctx context.Context, item any) error {
	av, err := attributevalue.MarshalMap(item)
	if err != nil {
		return err
	}
	out, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: av, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		return classify("put", err)
	}
	s.wrote(out.ConsumedCapacity)
	return nil
}

// putVersion writes a view's item on condition that the version read before
// (0: none was there) still stands; else its error is of kind Conflict.
func (s *Store) putVersion(ctx context.Context, item any, read int64) error {
	av, err := attributevalue.MarshalMap(item)
	if err != nil {
		return err
	}
	in := &dynamodb.PutItemInput{TableName: &s.table, Item: av, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	if read == 0 {
		in.ConditionExpression = aws.String("attribute_not_exists(PK)")
	} else {
		in.ConditionExpression = aws.String("Version = :v")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":v": num(read)}
	}
	out, err := s.db.PutItem(ctx, in)
	if err != nil {
		return classify("put version", err)
	}
	s.wrote(out.ConsumedCapacity)
	return nil
}

// nextVersion follows the version that was read. That of a new item begins at
// random, so that whoever read an item that was deleted and written anew since
// does not take the new one for it.
func nextVersion(read int64) int64 {
	if read == 0 {
		return 1 + rand.Int64N(1<<40)
	}
	return read + 1
}

// get reads one item, strongly consistent, into v. Nothing there is an error of kind NotFound.
func (s *Store) get(ctx context.Context, k key, v any) error {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: k.av(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return classify("get", err)
	}
	s.readBytes(itemBytes(out.Item), true)
	if out.Item == nil {
		return fault.New(fault.NotFound, "nothing at this id")
	}
	return attributevalue.UnmarshalMap(out.Item, v)
}

func (s *Store) delete(ctx context.Context, k key) error {
	out, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.av(), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err == nil {
		s.wrote(out.ConsumedCapacity)
	}
	return classify("delete", err)
}

// query is one Query: a partition, and a range or prefix of sort keys.
type query struct {
	index      string // "", G1, G2 or G3 (GSI1 to GSI3): eventually consistent, and holds keys only: items are then read from the table
	keysOnly   bool   // of an index: its keys as they are
	pk         string
	prefix     string
	from, to   string // inclusive
	after      string // exclusive
	descending bool
	limit      int // of a page: what follows is not read; 0: all
	most       int // of what is read whole: more is an error of kind TooLarge. Every query has a limit or a most
}

// scan runs q and hands each item to f until f returns false or there are no more.
func (s *Store) scan(ctx context.Context, q query, f func(map[string]types.AttributeValue) (bool, error)) error {
	pk, sk := attrPK, attrSK
	if q.index != "" {
		pk, sk = q.index+"PK", q.index+"SK"
	}
	cond, vals := "#p = :p", map[string]types.AttributeValue{":p": str(q.pk)}
	names := map[string]string{"#p": pk}
	switch {
	case q.prefix != "" && q.after != "":
		// A page of a prefix: up to the prefix's end, which "$" (after "#") bounds.
		lo, hi := q.after+"\x00", q.prefix+"\U0010FFFF"
		if q.descending {
			lo, hi = q.prefix, q.after
		}
		cond += " AND #s BETWEEN :lo AND :hi"
		vals[":lo"], vals[":hi"], names["#s"] = str(lo), str(hi), sk
	case q.prefix != "":
		cond += " AND begins_with(#s, :x)"
		vals[":x"], names["#s"] = str(q.prefix), sk
	case q.from != "" || q.to != "":
		lo, hi := q.from, q.to
		if q.after != "" {
			if q.descending {
				hi = q.after
			} else {
				lo = q.after + "\x00"
			}
		}
		if hi == "" {
			hi = "\U0010FFFF"
		}
		if lo == "" {
			lo = " "
		}
		if lo > hi {
			return nil
		}
		cond += " AND #s BETWEEN :lo AND :hi"
		vals[":lo"], vals[":hi"], names["#s"] = str(lo), str(hi), sk
	case q.after != "":
		op := ">"
		if q.descending {
			op = "<"
		}
		cond += " AND #s " + op + " :x"
		vals[":x"], names["#s"] = str(q.after), sk
	}
	in := &dynamodb.QueryInput{TableName: &s.table, KeyConditionExpression: &cond, ExpressionAttributeNames: names,
		ExpressionAttributeValues: vals, ScanIndexForward: aws.Bool(!q.descending), ConsistentRead: aws.Bool(q.index == "")}
	if q.index != "" {
		in.IndexName = aws.String(strings.Replace(q.index, "G", "GSI", 1))
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(q.limit + 1)) // one more, for the excluded bound of a descending page
	}
	n := 0
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return classify("query "+q.pk, err)
		}
		bytes := 0
		for _, it := range out.Items {
			bytes += itemBytes(it)
		}
		s.readBytes(bytes, q.index == "")
		if q.index != "" && !q.keysOnly {
			if out.Items, err = s.whole(ctx, q.index, out.Items); err != nil {
				return err
			}
		}
		for _, it := range out.Items {
			if q.descending && q.after != "" {
				if v, ok := it[sk].(*types.AttributeValueMemberS); ok && v.Value == q.after {
					continue
				}
			}
			if q.most > 0 && n == q.most {
				return fault.New(fault.TooLarge, "over %d items, more than are read at once", q.most)
			}
			more, err := f(it)
			if err != nil || !more {
				return err
			}
			if n++; q.limit > 0 && n >= q.limit {
				return nil
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// whole reads the items of a page of an index, which holds keys only, from the
// table, in the same order. One that is gone by now, or is listed elsewhere,
// is left out: the index is a little behind.
func (s *Store) whole(ctx context.Context, index string, page []map[string]types.AttributeValue) ([]map[string]types.AttributeValue, error) {
	keys := make([]key, len(page))
	for i, it := range page {
		keys[i] = key{text(it[attrPK]), text(it[attrSK])}
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := page[:0:0]
	for i, it := range page {
		if found := items[i]; found != nil && text(found[index+"PK"]) == text(it[index+"PK"]) && text(found[index+"SK"]) == text(it[index+"SK"]) {
			out = append(out, found)
		}
	}
	return out, nil
}

func text(v types.AttributeValue) string {
	if x, ok := v.(*types.AttributeValueMemberS); ok {
		return x.Value
	}
	return ""
}

// batchGet reads items by their keys, strongly consistent, a hundred in a
// request, and returns them in the order of keys: nil where nothing is. A key
// may stand twice.
func (s *Store) batchGet(ctx context.Context, keys []key) ([]map[string]types.AttributeValue, error) {
	found := map[key]map[string]types.AttributeValue{}
	var want []map[string]types.AttributeValue
	for _, k := range keys {
		if _, twice := found[k]; !twice {
			found[k] = nil
			want = append(want, k.av())
		}
	}
	for tries := 0; len(want) > 0; tries++ {
		n := min(len(want), 100)
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: want[:n], ConsistentRead: aws.Bool(true)}}})
		if err != nil {
			return nil, classify("get batch", err)
		}
		for _, it := range out.Responses[s.table] {
			s.readBytes(itemBytes(it), true)
			found[key{text(it[attrPK]), text(it[attrSK])}] = it
		}
		left := out.UnprocessedKeys[s.table].Keys
		if len(left) > 0 {
			if tries > len(keys)/100+10 {
				return nil, fault.New(fault.Transient, "get batch: %d of %d items were not read", len(left), len(keys))
			}
			if err := pause(ctx, tries); err != nil {
				return nil, err
			}
		}
		want = append(left, want[n:]...)
	}
	out := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		out[i] = found[k]
	}
	return out, nil
}

// all runs q and returns its items as T.
func all[T any](ctx context.Context, s *Store, q query) ([]T, error) {
	var out []T
	err := s.scan(ctx, q, func(it map[string]types.AttributeValue) (bool, error) {
		var v T
		if err := attributevalue.UnmarshalMap(it, &v); err != nil {
			return false, err
		}
		out = append(out, v)
		return true, nil
	})
	return out, err
}

// itemBytes is an item's size as DynamoDB counts it, but for rounding of numbers.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func itemBytes(it map[string]types.AttributeValue) int {
	n := 0
	for k, v := range it {
		n += len(k) + valueBytes(v)
	}
	return n
}

func valueBytes(v types.AttributeValue) int {
	switch x := v.(type) {
	case *types.AttributeValueMemberS:
		return len(x.Value)
	case *types.AttributeValueMemberN:
		return len(x.Value)/2 + 1
	case *types.AttributeValueMemberB:
		return len(x.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range x.Value {
			n += 1 + valueBytes(e)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + itemBytes(x.Value) + len(x.Value)
	case *types.AttributeValueMemberSS:
		n := 0
		for _, e := range x.Value {
			n += len(e)
		}
		return n
	}
	return 1
}

// attempts bounds how often a view is recomputed after a conflict.
const attempts = 40

// Again runs f until it returns no error of kind Conflict, at most 40 times,
// waiting a random while in between. A view that still conflicts is an error
// of kind Transient: its message comes again.
func Again(ctx context.Context, f func() error) error {
	var err error
	for i := range attempts {
		if err = f(); !fault.Is(err, fault.Conflict) {
			return err
		}
		if err := pause(ctx, i); err != nil {
			return err
		}
	}
	return fault.Wrap(fault.Transient, fmt.Errorf("still conflicting after %d attempts: %w", attempts, err), "")
}

// pause waits before attempt i+1: a random while of at most 5 ms, doubled with each attempt up to 640 ms.
func pause(ctx context.Context, i int) error {
	select {
	case <-ctx.Done():
		return fault.Wrap(fault.Transient, ctx.Err(), "")
	case <-time.After(time.Duration(rand.Int64N(int64(5*time.Millisecond) << min(i, 7)))):
		return nil
	}
}

func lastPart(sk string) string { return sk[strings.LastIndexByte(sk, '#')+1:] }
