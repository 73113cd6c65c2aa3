package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// What was done by day: blocks of tuples (package day), each of one hour, in
// the partitions of their day. A workspace's days are listed with the number
// of their partitions: one, until the table refuses a write.

// dayItem is a day in which something was done.
type dayItem struct {
	PK, SK string
	Schema int
	Shards int // partitions; never fewer than before
}

// blockItem is a block. Its key is made of what it said when it was first
// written, so that a batch that comes again writes it once.
type blockItem struct {
	PK, SK  string
	Schema  int
	Version int64
	Body    []byte // day.Block.Pack
}

const (
	maxDayShards  = 64
	maxListedDays = 10_000 // remembered
)

// dayCounts remembers how many partitions days are known to have, by workspace and day.
type dayCounts struct {
	sync.Mutex
	of map[string]int
}

// listDay makes sure that a day is listed and returns the number of its
// partitions, at least as many as were known. A process asks once for a day.
func (s *Store) listDay(ctx context.Context, w, date string) (int, error) {
	s.days.Lock()
	n := s.days.of[w+"#"+date]
	s.days.Unlock()
	if n > 0 {
		return n, nil
	}
	n = 1
	old, err := s.putNew(ctx, dayItem{PK: daysPK(w), SK: date, Schema: 1, Shards: n})
	if err != nil && !errors.Is(err, errExists) {
		return 0, err
	}
	if old != nil {
		var it dayItem
		if err := attributevalue.UnmarshalMap(old, &it); err != nil {
			return 0, err
		}
		n = it.Shards
	}
	s.knowDay(w, date, n)
	return n, nil
}

func (s *Store) knowDay(w, date string, n int) {
	s.days.Lock()
	defer s.days.Unlock()
	if len(s.days.of) >= maxListedDays {
		clear(s.days.of)
	}
	s.days.of[w+"#"+date] = n
}

// GrowDay gives a day more partitions: twice as many as were known, at most 64.
// What is written stays where it is.
func (s *Store) GrowDay(ctx context.Context, w string, at time.Time) error {
	date := dateOf(at)
	known, err := s.listDay(ctx, w, date)
	if err != nil {
		return err
	}
	n := min(2*known, maxDayShards)
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{daysPK(w), date}.av(), UpdateExpression: aws.String("SET Shards = :n"),
		ConditionExpression: aws.String("Shards < :n"), ExpressionAttributeValues: map[string]types.AttributeValue{":n": num(int64(n))}})
	if err = classify("grow day", err); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	s.knowDay(w, date, n) // there are at least so many
	return nil
}

// PutTuples writes tuples with their tags, a block for each hour. What is
// there already, written by an earlier attempt, is not written again.
func (s *Store) PutTuples(ctx context.Context, w string, b day.Block) error {
	hours := map[int64]day.Block{}
	for i, t := range b.Tuples {
		hour := t.Hour().UnixMilli()
		part := hours[hour]
		if part.Tuples == nil {
			part.Sets, part.Tags = b.Sets, make([][]day.Tag, len(b.Sets))
		}
		part.Tuples = append(part.Tuples, t)
		for k := range b.Sets {
			part.Tags[k] = append(part.Tags[k], b.Tags[k][i])
		}
		hours[hour] = part
	}
	var parts []day.Block
	for _, b := range hours {
		parts = append(parts, b.Sorted().Split(day.MaxTuples)...)
	}
	return errors.Join(parallel.Each(ctx, len(parts), blockWriters, func(i int) error {
		hour := parts[i].Tuples[0].Hour()
		if err := s.putBlock(ctx, w, hour, parts[i]); err != nil {
			return fmt.Errorf("tuples of %s: %w", dateOf(hour), err)
		}
		return nil
	})...)
}

// blockWriters is how many blocks are written at once.
const blockWriters = 16

func (s *Store) putBlock(ctx context.Context, w string, hour time.Time, b day.Block) error {
	name := b.Name()
	for tries := 0; ; tries++ {
		n, err := s.listDay(ctx, w, dateOf(hour))
		if err != nil {
			return err
		}
		err = s.putBlockIn(ctx, key{dayPK(w, hour, shardOf(name, n)), blockSK(hour, name)}, b)
		// The table refuses more than a partition takes: the day gets more of them.
		if !fault.Is(err, fault.Transient) || tries == 2 || ctx.Err() != nil {
			return err
		}
		if err := s.GrowDay(ctx, w, hour); err != nil {
			return err
		}
	}
}

func shardOf(name string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % uint32(n))
}

// putBlockIn writes a block unless it is there. Of one that is there, tuples
// may have been taken away since (see TakeTuples): what it lacks is added.
func (s *Store) putBlockIn(ctx context.Context, k key, b day.Block) error {
	return Again(ctx, func() error {
		old, err := s.putNew(ctx, blockItem{PK: k.PK, SK: k.SK, Schema: 1, Version: 1, Body: b.Pack()})
		if !errors.Is(err, errExists) {
			return err
		}
		var it blockItem
		if err := attributevalue.UnmarshalMap(old, &it); err != nil {
			return err
		}
		there, err := day.Unpack(it.Body)
		if err != nil {
			return fmt.Errorf("block %s %s: %w", it.PK, it.SK, err)
		}
		more, added := there.With(b)
		if added == 0 {
			return nil
		}
		return s.putBlockAgain(ctx, it, more)
	})
}

// putBlockAgain writes what a block says now, on condition that nobody changed it meanwhile.
func (s *Store) putBlockAgain(ctx context.Context, it blockItem, b day.Block) error {
	read := it.Version
	if len(b.Tuples) == 0 {
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key{it.PK, it.SK}.av(), ConditionExpression: aws.String("Version = :v"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(read)}})
		return classify("delete block", err)
	}
	it.Version, it.Body = read+1, b.Pack()
	return s.putVersion(ctx, it, read)
}

// Span says what is read of the days.
type Span struct {
	From, To time.Time // To exclusive
	Set      string    // the theme set whose tags are read; empty: none
	Strong   bool      // what was written just now is read too, for twice the units
	Few      bool      // only the first hours are wanted: nothing is read ahead
}

// ahead is how many days are being read while one is handed over: each waits
// with at most 1 MB of a partition.
const ahead = 8

// fewBlocks is how many blocks are read at a time where only a few are wanted.
const fewBlocks = 25

// Days hands to f what was done in a period as it stands, hour by hour, the
// newest hour first, and within an hour by time; hours without anything are
// left out. It holds one hour and a few pages in memory. It reads the list of
// days and every block of the period's hours: half a unit for each 4 KB of
// blocks, and at least that for each partition of a listed day.
func (s *Store) Days(ctx context.Context, w string, sp Span, f func(hour time.Time, ts []day.Tuple) error) error {
	if !sp.From.Before(sp.To) {
		return nil
	}
	last := sp.To.Add(-time.Millisecond)
	listed, err := all[dayItem](ctx, s, query{pk: daysPK(w), from: dateOf(sp.From), to: dateOf(last), descending: true, most: maxDays})
	if err != nil {
		return fmt.Errorf("days of %s: %w", w, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opened := make([]chan error, len(listed))
	pages := make([][]*pager, len(listed))
	open := func(i int) {
		if i >= len(listed) {
			return
		}
		date, err := time.Parse(time.DateOnly, listed[i].SK)
		opened[i] = make(chan error, 1)
		if err != nil {
			opened[i] <- fmt.Errorf("day %q: %w", listed[i].SK, err)
			return
		}
		lo, hi := 0, 23
		if date.Before(sp.From) {
			lo = sp.From.UTC().Hour()
		}
		if date.Add(24 * time.Hour).After(last) {
			hi = last.UTC().Hour()
		}
		for n := range listed[i].Shards {
			pages[i] = append(pages[i], &pager{store: s, pk: dayPK(w, date, n), lo: hourSKs(lo), hi: hourSKs(hi) + "$", strong: sp.Strong, few: sp.Few})
		}
		go func() { // each page is read before its day is asked for
			var errs []error
			for _, p := range pages[i] {
				errs = append(errs, p.fill(ctx))
			}
			opened[i] <- errors.Join(errs...)
		}()
	}
	ahead := ahead
	if sp.Few {
		ahead = 1
	}
	for i := range ahead {
		open(i)
	}
	for i, d := range listed {
		if err := <-opened[i]; err != nil {
			return fmt.Errorf("day %s of %s: %w", d.SK, w, err)
		}
		if !sp.Few {
			open(i + ahead)
		}
		if err := hours(ctx, pages[i], sp, f); err != nil {
			return err
		}
		if sp.Few {
			open(i + ahead)
		}
		pages[i] = nil
	}
	return nil
}

// hours hands over the hours of one day, whose partitions' pagers are given.
func hours(ctx context.Context, pages []*pager, sp Span, f func(time.Time, []day.Tuple) error) error {
	from, to := sp.From.UnixMilli(), sp.To.UnixMilli()
	for hour := 23; hour >= 0; hour-- {
		var ts []day.Tuple
		for _, p := range pages {
			for {
				it, err := p.peek(ctx)
				if err != nil {
					return err
				}
				if it == nil || !strings.HasPrefix(it.SK, hourSKs(hour)+"#") {
					break
				}
				p.items = p.items[1:]
				b, err := day.Unpack(it.Body)
				if err != nil {
					return fmt.Errorf("block %s %s: %w", it.PK, it.SK, err)
				}
				ts = append(ts, b.Under(sp.Set)...)
			}
		}
		if len(ts) == 0 {
			continue
		}
		at := ts[0].Hour()
		ts = slices.DeleteFunc(day.Merge(ts), func(t day.Tuple) bool { return t.Occurred < from || t.Occurred >= to })
		if len(ts) == 0 {
			continue
		}
		if err := f(at, ts); err != nil {
			return err
		}
	}
	return nil
}

// pager reads a range of blocks of a partition, the last key first, a page of
// at most 1 MB at a time.
type pager struct {
	store  *Store
	pk     string
	lo, hi string
	strong bool
	few    bool
	items  []blockItem
	next   map[string]types.AttributeValue
	done   bool
}

func (p *pager) fill(ctx context.Context) error {
	for len(p.items) == 0 && !p.done {
		in := &dynamodb.QueryInput{TableName: &p.store.table, KeyConditionExpression: aws.String("PK = :p AND SK BETWEEN :lo AND :hi"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":p": str(p.pk), ":lo": str(p.lo), ":hi": str(p.hi)},
			ScanIndexForward:          aws.Bool(false), ConsistentRead: aws.Bool(p.strong), ExclusiveStartKey: p.next}
		if p.few {
			in.Limit = aws.Int32(fewBlocks)
		}
		out, err := p.store.db.Query(ctx, in)
		if err != nil {
			return classify("query "+p.pk, err)
		}
		bytes := 0
		p.items = make([]blockItem, len(out.Items))
		for i, it := range out.Items {
			bytes += itemBytes(it)
			if err := attributevalue.UnmarshalMap(it, &p.items[i]); err != nil {
				return err
			}
		}
		p.store.readBytes(bytes, p.strong)
		p.next = out.LastEvaluatedKey
		p.done = len(p.next) == 0
	}
	return nil
}

// peek returns the item to come, nil at the end.
func (p *pager) peek(ctx context.Context) (*blockItem, error) {
	if err := p.fill(ctx); err != nil || len(p.items) == 0 {
		return nil, err
	}
	return &p.items[0], nil
}

// blocks calls f with each block of the hours [from, to] of a day, and writes
// what f makes of it, and then calls what f returned with it: nil where
// nothing changes. f is called again for a block that somebody else changed meanwhile.
func (s *Store) blocks(ctx context.Context, w string, date time.Time, from, to int, f func(day.Block) (after day.Block, written func(), err error)) error {
	var d dayItem
	err := s.get(ctx, key{daysPK(w), dateOf(date)}, &d)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for n := range d.Shards {
		p := &pager{store: s, pk: dayPK(w, date, n), lo: hourSKs(from), hi: hourSKs(to) + "$", strong: true}
		for {
			found, err := p.peek(ctx)
			if err != nil {
				return err
			}
			if found == nil {
				break
			}
			it := *found
			p.items = p.items[1:]
			err = Again(ctx, func() error {
				b, err := day.Unpack(it.Body)
				if err != nil {
					return fmt.Errorf("block %s %s: %w", it.PK, it.SK, err)
				}
				b, written, err := f(b)
				if err != nil || written == nil {
					return err
				}
				if err = s.putBlockAgain(ctx, it, b); err == nil {
					written()
				}
				if !fault.Is(err, fault.Conflict) {
					return err
				}
				var now blockItem
				if gone := s.get(ctx, key{it.PK, it.SK}, &now); fault.Is(gone, fault.NotFound) {
					return nil
				} else if gone != nil {
					return gone
				}
				it = now
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// TakeTuples takes tuples out of the blocks of the hour of an instant, and
// returns of how many activities it took some. It reads the hour's blocks.
func (s *Store) TakeTuples(ctx context.Context, w string, at time.Time, gone func(day.Tuple) bool) (int, error) {
	hour := at.UTC().Hour()
	taken := map[day.ID]bool{}
	err := s.blocks(ctx, w, at, hour, hour, func(b day.Block) (day.Block, func(), error) {
		var took []day.ID
		left, n := b.Without(func(t day.Tuple) bool {
			if !gone(t) {
				return false
			}
			took = append(took, t.Activity)
			return true
		})
		if n == 0 {
			return b, nil, nil
		}
		return left, func() {
			for _, id := range took {
				taken[id] = true
			}
		}, nil
	})
	if err == nil && len(taken) > 0 && strings.Contains(w, "!") {
		err = s.unlistDay(ctx, w, at)
	}
	return len(taken), err
}

// unlistDay takes an empty day of a test off the list: nothing of a test
// stays. Other workspaces' days stay listed, since somebody may be writing.
func (s *Store) unlistDay(ctx context.Context, w string, at time.Time) error {
	some := false
	err := s.blocks(ctx, w, at, 0, 23, func(b day.Block) (day.Block, func(), error) {
		some = true
		return b, nil, nil
	})
	if err != nil || some {
		return err
	}
	s.knowDay(w, dateOf(at), 0)
	return s.delete(ctx, key{daysPK(w), dateOf(at)})
}

// ForgetTuples takes away the tuples of activities, and returns of how many
// there were some. It reads the blocks of the hours in which they occurred, each once.
func (s *Store) ForgetTuples(ctx context.Context, w string, as ...social.Activity) (int, error) {
	type who struct{ account, activity string }
	hours := map[time.Time]map[who]bool{}
	for _, a := range as {
		h := a.Occurred.UTC().Truncate(time.Hour)
		if hours[h] == nil {
			hours[h] = map[who]bool{}
		}
		hours[h][who{a.Account().AccountID(), a.ID()}] = true
	}
	taken := 0
	for h, gone := range hours {
		n, err := s.TakeTuples(ctx, w, h, func(t day.Tuple) bool { return gone[who{t.AccountID(), t.ActivityID()}] })
		taken += n
		if err != nil {
			return taken, fmt.Errorf("forget of %s: %w", dateOf(h), err)
		}
	}
	return taken, nil
}

// ForgetTuplesOf takes away the tuples of a fact that is gone, of which only
// its place is known. Of one without a time of its own that does not tell
// where they stand: whoever writes those looks at the fact afterwards.
func (s *Store) ForgetTuplesOf(ctx context.Context, w string, ref FactRef) error {
	parts := strings.Split(ref.SK, "#")
	if len(parts) != 4 || parts[1] == "-" {
		return nil
	}
	at, err := social.ParseStamp(parts[1])
	if err != nil {
		return fmt.Errorf("place %q: %w", ref.SK, err)
	}
	_, err = s.TakeTuples(ctx, w, at, func(t day.Tuple) bool { return t.AccountID() == ref.Account && t.ActivityID() == parts[3] })
	return err
}

// Retag tags the blocks of a day that are not tagged under a theme set, which
// is about to be active; keep is the one that is. It returns how many it
// tagged. It reads the day's blocks, and can be called again after it failed.
func (s *Store) Retag(ctx context.Context, w string, date time.Time, keep, set string, tag func(context.Context, []day.Tuple) ([]day.Tag, error)) (int, error) {
	done := 0
	err := s.blocks(ctx, w, date, 0, 23, func(b day.Block) (day.Block, func(), error) {
		if slices.Contains(b.Sets, set) {
			return b, nil, nil
		}
		tags, err := tag(ctx, b.Tuples)
		if err != nil {
			return b, nil, err
		}
		sets, all := []string{set}, [][]day.Tag{tags}
		if i := slices.Index(b.Sets, keep); i >= 0 {
			sets, all = append(sets, keep), append(all, b.Tags[i])
		}
		b.Sets, b.Tags = sets, all
		return b, func() { done++ }, nil
	})
	return done, err
}

// Item is an activity as it stands: with its edits applied, or gone.
type Item struct {
	social.Activity
	Account string
	Person  string
	Edits   int
	Edited  time.Time // zero: never
	Deleted bool
}

// Standing is an activity as it stands after edits and deletions, oldest
// first: with the text of its newest edit, or gone. A deletion wins, whenever
// it arrives.
func Standing(a social.Activity, edits []social.Activity) Item {
	i := Item{Activity: a, Account: a.Account().AccountID(), Edits: len(edits)}
	i.Person = social.PersonID(i.Account)
	for _, e := range edits {
		if e.Type == social.Delete {
			i.Deleted, i.Text, i.Reading, i.Rating = true, "", social.Reading{}, nil
		} else if !i.Deleted {
			i.Text, i.Reading, i.Edited = e.Text, e.Reading, e.Occurred
			if e.Rating != nil {
				i.Rating = e.Rating
			}
		}
	}
	return i
}

// Item returns an activity as it stands, computed from its fact and its edits;
// an error of kind NotFound if the fact is gone.
func (s *Store) Item(ctx context.Context, w string, ref FactRef) (Item, error) {
	a, err := s.Activity(ctx, w, ref)
	if err != nil {
		return Item{}, err
	}
	return s.standing(ctx, w, a)
}

func (s *Store) standing(ctx context.Context, w string, a social.Activity) (Item, error) {
	if !a.Type.Utterance() {
		return Standing(a, nil), nil
	}
	edits, err := s.Edits(ctx, w, MessageID(a.Platform, a.Scope, a.Object.ID))
	return Standing(a, edits), err
}

// RefTo returns where the activity of a tuple is kept.
func RefTo(t day.Tuple) FactRef {
	at := social.Stamp(t.At())
	if t.Undated {
		at = "-"
	}
	return FactRef{Account: t.AccountID(), SK: "F#" + at + "#" + string(t.Type) + "#" + t.ActivityID()}
}

// Said returns the activities of tuples as they stand, in their order; nil
// where the fact is gone. It reads the facts a hundred in a request, and the
// edits of those that were edited when their tuple was written.
func (s *Store) Said(ctx context.Context, w string, ts []day.Tuple) ([]*Item, error) {
	refs := make([]FactRef, len(ts))
	for i, t := range ts {
		refs[i] = RefTo(t)
	}
	facts, err := s.Activities(ctx, w, refs)
	if err != nil {
		return nil, err
	}
	out := make([]*Item, len(ts))
	for i, a := range facts {
		if a == nil {
			continue
		}
		var it Item
		if ts[i].Edits == 0 {
			it = Standing(*a, nil)
		} else if it, err = s.standing(ctx, w, *a); err != nil {
			return nil, err
		}
		out[i] = &it
	}
	return out, nil
}

// Activities reads facts, in the order of refs; nil where one is gone.
func (s *Store) Activities(ctx context.Context, w string, refs []FactRef) ([]*social.Activity, error) {
	keys := make([]key, len(refs))
	for i, r := range refs {
		keys[i] = key{accountPK(factsOf(w), r.Account), r.SK}
	}
	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]*social.Activity, len(refs))
	for i, av := range found {
		if av == nil {
			continue
		}
		var it activityItem
		if err := attributevalue.UnmarshalMap(av, &it); err != nil {
			return nil, err
		}
		a, err := it.activity()
		if err != nil {
			return nil, err
		}
		out[i] = &a
	}
	return out, nil
}
