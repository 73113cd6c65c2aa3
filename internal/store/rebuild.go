package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"rapport/internal/fault"
)

// Partition names one partition of a workspace's views, without the workspace
// in front: "A#acc_…".
type Partition string

type manifestItem struct {
	PK, SK  string
	Schema  int
	Differs string `dynamodbav:",omitempty"`
}

// Noted is a partition in which views were rebuilt.
type Noted struct {
	Partition Partition
	Differs   string // see NoteDifferences
}

// asideOfDue stands before what a rebuilt lead would have as the partition of
// what is due: nobody scores it.
const asideOfDue = "~"

func isRebuilt(w string) bool { return strings.Contains(w, "~") }

// HasRebuilt reports whether there is anything that a rebuild of a workspace
// made and did not take away yet.
func (s *Store) HasRebuilt(ctx context.Context, w string) (bool, error) {
	for _, pk := range allShards(strings.TrimSuffix(manifestPK(w, ""), "#")) {
		items, err := all[key](ctx, s, query{pk: pk, limit: 1})
		if err != nil || len(items) > 0 {
			return len(items) > 0, err
		}
	}
	return false, nil
}

func manifestPK(w, shard string) string { return Rebuilt(w) + "#Z#" + shard }

// NotePartition notes that views were rebuilt in a partition of w.
func (s *Store) NotePartition(ctx context.Context, w string, p Partition) error {
	return s.note(ctx, w, p, "SET #s = :s", map[string]string{"#s": "Schema"}, map[string]types.AttributeValue{":s": num(1)})
}

// NoteDifferences notes what differed in a partition that is noted already:
// the digest of DigestOfDifferences.
func (s *Store) NoteDifferences(ctx context.Context, w string, p Partition, digest string) error {
	return s.note(ctx, w, p, "SET Differs = :d", nil, map[string]types.AttributeValue{":d": str(digest)})
}

func (s *Store) note(ctx context.Context, w string, p Partition, set string, names map[string]string, values map[string]types.AttributeValue) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{manifestPK(w, shard(string(p))), string(p)}.av(),
		UpdateExpression: &set, ExpressionAttributeNames: names, ExpressionAttributeValues: values})
	return classify("note a partition", err)
}

// NotedPartitions lists what NotePartition noted, after the given one (""),
// at most limit, in an order of their own.
func (s *Store) NotedPartitions(ctx context.Context, w string, after Partition, limit int) ([]Noted, error) {
	var out []Noted
	start := ""
	if after != "" {
		start = shard(string(after))
	}
	for i, pk := range allShards(Rebuilt(w) + "#Z") {
		n := pk[strings.LastIndexByte(pk, '#')+1:]
		if i > 0 && n < start || i == 0 && start != "" && n < start {
			continue
		}
		q := query{pk: pk, limit: limit - len(out)}
		if n == start {
			q.after = string(after)
		}
		items, err := all[manifestItem](ctx, s, q)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			out = append(out, Noted{Partition(it.SK), it.Differs})
		}
		if len(out) >= limit {
			return out[:limit], nil
		}
	}
	return out, nil
}

// Compared is an item of a view beside the one that the facts give.
type Compared struct {
	PK, SK string // without the workspace in front of PK
	What   string // same, missing, extra or differs
	live   map[string]types.AttributeValue
	built  map[string]types.AttributeValue
}

// Due reports whether what stands is a lead that is to be scored again by now:
// the tick will do it, and until then it may be behind the facts.
func (c Compared) Due(now time.Time) bool {
	at, ok := c.live["Due"].(*types.AttributeValueMemberN)
	return ok && strings.HasPrefix(c.PK, "P#") && atoi(at.Value) <= now.UnixMilli()
}

// What Compare says of an item.
const (
	Same    = "same"
	Missing = "missing" // the facts give an item that is not there
	Extra   = "extra"   // an item is there that the facts don't give
	Differs = "differs" // it is another
)

// notCompared are attributes that say how an item came about, not what it
// says: how often it was written, and by which attempt.
var notCompared = []string{"Version", attrToken}

// Compare sets the items of one partition that owned picks beside those that
// were rebuilt, but for the attributes that leave names. It reads both whole: a partition of views is bounded by what
// one account, one asker in a thread, or one day's shard holds.
func (s *Store) Compare(ctx context.Context, w string, p Partition, owned func(pk, sk string) bool, leave func(pk, sk string) []string) ([]Compared, error) {
	live, err := s.partition(ctx, w, w, p, owned)
	if err != nil {
		return nil, err
	}
	built, err := s.partition(ctx, w, Rebuilt(w), p, owned)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for sk := range live {
		keys[sk] = true
	}
	for sk := range built {
		keys[sk] = true
	}
	var out []Compared
	for _, sk := range slices.Sorted(maps.Keys(keys)) {
		c := Compared{PK: string(p), SK: sk, What: Same, live: live[sk], built: built[sk]}
		switch {
		case c.live == nil:
			c.What = Missing
		case c.built == nil:
			c.What = Extra
		case !same(c.live, c.built, leave(string(p), sk)):
			c.What = Differs
		}
		out = append(out, c)
	}
	return out, nil
}

// DigestOfDifferences tells apart what stands where it is not what the facts
// give, its versions too; "" if all is the same.
func DigestOfDifferences(list []Compared) string {
	h, differ := sha256.New(), false
	for _, c := range list {
		if c.What == Same {
			continue
		}
		differ = true
		fmt.Fprintf(h, "%q %q", c.PK, c.SK)
		for _, k := range slices.Sorted(maps.Keys(c.live)) {
			b, _ := json.Marshal(c.live[k]) // of DynamoDB's own types: sorted, and never an error
			fmt.Fprintf(h, " %q %T %s", k, c.live[k], b)
		}
		fmt.Fprintln(h)
	}
	if !differ {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// partition reads the items of a partition as they would stand under w.
func (s *Store) partition(ctx context.Context, w, under string, p Partition, owned func(pk, sk string) bool) (map[string]map[string]types.AttributeValue, error) {
	out := map[string]map[string]types.AttributeValue{}
	err := s.scan(ctx, query{pk: under + "#" + string(p), most: maxPartition}, func(it map[string]types.AttributeValue) (bool, error) {
		sk := text(it[attrSK])
		if !owned(string(p), sk) {
			return true, nil
		}
		if under != w {
			for k, v := range it {
				if x, ok := v.(*types.AttributeValueMemberS); ok && (strings.HasSuffix(k, "PK") || strings.HasSuffix(k, "SK")) {
					it[k] = str(strings.TrimPrefix(strings.ReplaceAll(x.Value, under+"#", w+"#"), asideOfDue))
				}
			}
		}
		out[sk] = it
		return true, nil
	})
	return out, err
}

func same(a, b map[string]types.AttributeValue, leave []string) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	for _, k := range slices.Concat(notCompared, leave) {
		delete(a, k)
		delete(b, k)
	}
	return maps.EqualFunc(a, b, sameValue)
}

func sameValue(a, b types.AttributeValue) bool {
	switch x := a.(type) {
	case *types.AttributeValueMemberS:
		y, ok := b.(*types.AttributeValueMemberS)
		return ok && x.Value == y.Value
	case *types.AttributeValueMemberN:
		y, ok := b.(*types.AttributeValueMemberN)
		return ok && x.Value == y.Value
	case *types.AttributeValueMemberBOOL:
		y, ok := b.(*types.AttributeValueMemberBOOL)
		return ok && x.Value == y.Value
	case *types.AttributeValueMemberB:
		y, ok := b.(*types.AttributeValueMemberB)
		return ok && slices.Equal(x.Value, y.Value)
	case *types.AttributeValueMemberSS:
		y, ok := b.(*types.AttributeValueMemberSS)
		return ok && slices.Equal(slices.Sorted(slices.Values(x.Value)), slices.Sorted(slices.Values(y.Value)))
	case *types.AttributeValueMemberL:
		y, ok := b.(*types.AttributeValueMemberL)
		return ok && slices.EqualFunc(x.Value, y.Value, sameValue)
	case *types.AttributeValueMemberM:
		y, ok := b.(*types.AttributeValueMemberM)
		return ok && maps.EqualFunc(x.Value, y.Value, sameValue)
	}
	return false
}

// Mend makes a compared item what the facts give, unless it was written
// meanwhile: that is an error of kind Conflict, and to be compared again.
func (s *Store) Mend(ctx context.Context, w string, d Compared) error {
	cond, vals := "attribute_not_exists(PK)", map[string]types.AttributeValue(nil)
	version := int64(0)
	if d.live != nil {
		if v, ok := d.live["Version"].(*types.AttributeValueMemberN); ok {
			cond, vals = "Version = :v", map[string]types.AttributeValue{":v": v}
			version = atoi(v.Value)
		} else {
			cond = "attribute_exists(PK)"
		}
	}
	k := key{w + "#" + d.PK, d.SK}
	if d.built == nil {
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.av(), ConditionExpression: &cond, ExpressionAttributeValues: vals})
		return classify("mend", err)
	}
	it := maps.Clone(d.built)
	it[attrPK], it[attrSK] = str(k.PK), str(k.SK)
	if _, versioned := it["Version"]; versioned {
		it["Version"] = num(version + 1)
	}
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: it, ConditionExpression: aws.String(cond), ExpressionAttributeValues: vals})
	return classify("mend", err)
}

func atoi(s string) int64 {
	n := int64(0)
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// DropRebuilt takes away what was rebuilt in a partition of w.
func (s *Store) DropRebuilt(ctx context.Context, w string, p Partition) error {
	if p == "" {
		return fault.New(fault.Invalid, "no partition")
	}
	if _, err := s.deletePartition(ctx, Rebuilt(w)+"#"+string(p)); err != nil {
		return err
	}
	return s.delete(ctx, key{manifestPK(w, shard(string(p))), string(p)})
}

// Noting returns a store over the same table that calls note with the
// partition of each item of w's views before it writes it.
func (s *Store) Noting(w string, note func(context.Context, Partition) error) *Store {
	noting := *s
	noting.days = &dayCounts{of: map[string]int{}} // what was dropped since is to be listed again
	look := middleware.InitializeMiddlewareFunc("NotePartitions", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		for _, it := range written(in.Parameters) {
			if p, ok := strings.CutPrefix(text(it[attrPK]), w+"#"); ok {
				if err := note(ctx, Partition(p)); err != nil {
					return middleware.InitializeOutput{}, middleware.Metadata{}, err
				}
			}
		}
		return next.HandleInitialize(ctx, in)
	})
	noting.db = client{dynamodb.New(s.db.Options(), func(o *dynamodb.Options) {
		o.APIOptions = append(slices.Clone(o.APIOptions), func(stack *middleware.Stack) error { return stack.Initialize.Add(look, middleware.Before) })
	})}
	return &noting
}

// written lists the items or keys that a request writes.
func written(input any) []map[string]types.AttributeValue {
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		return []map[string]types.AttributeValue{in.Item}
	case *dynamodb.UpdateItemInput:
		return []map[string]types.AttributeValue{in.Key}
	case *dynamodb.TransactWriteItemsInput:
		var out []map[string]types.AttributeValue
		for _, x := range in.TransactItems {
			if x.Put != nil {
				out = append(out, x.Put.Item)
			}
			if x.Update != nil {
				out = append(out, x.Update.Key)
			}
		}
		return out
	}
	return nil
}

// DeleteFacts takes facts of an account away: only for erasure, and for what
// holds views to it.
func (s *Store) DeleteFacts(ctx context.Context, w, account string, refs []FactRef) error {
	for _, r := range refs {
		if err := s.delete(ctx, key{accountPK(factsOf(w), account), r.SK}); err != nil {
			return err
		}
	}
	return nil
}
