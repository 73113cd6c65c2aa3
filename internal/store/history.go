package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/social"
)

// Mark is the place of a dated activity in its account's history: text order
// is the order of time, and of ids among what happened at the same instant.
// The empty mark is before all, EndOfHistory after all.
type Mark string

// EndOfHistory is after every mark.
const EndOfHistory Mark = "~"

// MarkAt is the mark before everything that happened at an instant or later.
func MarkAt(t time.Time) Mark { return Mark(social.Stamp(t)) }

// MarkAfter is the mark after everything that happened until an instant.
func MarkAfter(t time.Time) Mark { return Mark(social.Stamp(t) + "#~") }

// MarkOf is the mark of an activity. Of its id eight letters stand in it: two
// activities of an account that share them and the millisecond share a mark.
func MarkOf(a social.Activity) Mark {
	id := a.ID()
	return Mark(social.Stamp(a.Occurred) + "#" + id[len("act_"):len("act_")+8])
}

// stamp is the instant that a mark begins with.
func (m Mark) stamp() string {
	s, _, _ := strings.Cut(string(m), "#")
	return s
}

// Sealing reports whether an activity closes the block of history that it is
// in: one in eight does, by its id. So where blocks begin and end depends on
// nothing but the facts, and a fact that comes late changes one block.
func Sealing(a social.Activity) bool { return a.ID()[len("act_")] <= 'd' }

// Block is a part of an account's history without texts: what was done by the
// account, or to it, after the end of the block before it and until its own.
type Block struct {
	End     Mark
	Data    []byte
	Version int64 // as read; 0: it is not there yet
}

type historyItem struct {
	PK, SK  string
	Schema  int
	Version int64
	Data    []byte
}

func (it historyItem) block() Block {
	return Block{End: Mark(strings.TrimPrefix(it.SK, "B#")), Data: it.Data, Version: it.Version}
}

func historySK(end Mark) string { return "B#" + string(end) }

// Blocks returns the blocks that end in [from, to], in their order: about one
// for eight facts of the time between.
func (s *Store) Blocks(ctx context.Context, w, account string, from, to Mark) ([]Block, error) {
	items, err := all[historyItem](ctx, s, query{pk: accountPK(w, account), from: historySK(from), to: historySK(to), most: maxFacts})
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", account, err)
	}
	out := make([]Block, len(items))
	for i, it := range items {
		out[i] = it.block()
	}
	return out, nil
}

// BlockBefore returns the end of the last block that ends before a mark; the
// empty mark if there is none.
func (s *Store) BlockBefore(ctx context.Context, w, account string, m Mark) (Mark, error) {
	return s.nextBlock(ctx, query{pk: accountPK(w, account), from: historySK(""), to: historySK(m), after: historySK(m), descending: true, limit: 1})
}

// BlockFrom returns the end of the first block that ends at a mark or after
// it; EndOfHistory if there is none.
func (s *Store) BlockFrom(ctx context.Context, w, account string, m Mark) (Mark, error) {
	end, err := s.nextBlock(ctx, query{pk: accountPK(w, account), from: historySK(m), to: historySK(EndOfHistory), limit: 1})
	return cmp.Or(end, EndOfHistory), err
}

func (s *Store) nextBlock(ctx context.Context, q query) (Mark, error) {
	items, err := all[key](ctx, s, q)
	if err != nil || len(items) == 0 {
		return "", err
	}
	return historyItem{SK: items[0].SK}.block().End, nil
}

// PutBlock writes a block on condition of the version read before.
func (s *Store) PutBlock(ctx context.Context, w, account string, b Block) error {
	return s.putVersion(ctx, historyItem{PK: accountPK(w, account), SK: historySK(b.End), Schema: 1, Version: nextVersion(b.Version), Data: b.Data}, b.Version)
}

// DeleteBlock takes a block away on condition of the version read before.
func (s *Store) DeleteBlock(ctx context.Context, w, account string, b Block) error {
	return s.deleteVersion(ctx, key{accountPK(w, account), historySK(b.End)}, b.Version)
}

// deleteVersion takes a view's item away on condition that the version read
// before still stands; else its error is of kind Conflict.
func (s *Store) deleteVersion(ctx context.Context, k key, read int64) error {
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.av(), ConditionExpression: aws.String("Version = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(read)}})
	return classify("delete version", err)
}

// historyPage is how many facts of an account are read at once.
const historyPage = 200

// EachFact calls f with the dated facts of an account, what it did and what
// was done to it, whose marks lie in (after, to], in the order of their marks.
// It holds a page of them at a time.
func (s *Store) EachFact(ctx context.Context, w, account string, after, to Mark, f func(social.Activity) error) error {
	own := factsAfter{s: s, pk: accountPK(factsOf(w), account), prefix: "F#", after: after, to: to}
	received := factsAfter{s: s, pk: accountPK(w, account), prefix: "R#", after: after, to: to}
	for {
		a, err := own.head(ctx)
		if err != nil {
			return fmt.Errorf("facts of %s: %w", account, err)
		}
		b, err := received.head(ctx)
		if err != nil {
			return fmt.Errorf("facts received by %s: %w", account, err)
		}
		next := &own
		switch {
		case a == nil && b == nil:
			return nil
		case a == nil || b != nil && b.mark < a.mark:
			next = &received
		}
		if err := f(next.page[0].Activity); err != nil {
			return err
		}
		next.page = next.page[1:]
	}
}

type markedFact struct {
	mark Mark
	social.Activity
}

// factsAfter reads facts of one prefix page by page, in the order of marks.
type factsAfter struct {
	s          *Store
	pk, prefix string
	after, to  Mark
	page       []markedFact
	read       string // the key up to which it was read
	done       bool
}

// head returns the next fact; nil after the last.
func (r *factsAfter) head(ctx context.Context) (*markedFact, error) {
	for len(r.page) == 0 && !r.done {
		if err := r.more(ctx); err != nil {
			return nil, err
		}
	}
	if len(r.page) == 0 {
		return nil, nil
	}
	return &r.page[0], nil
}

// more reads a page, and then all that happened at the same instant as its
// last fact: keys order these otherwise than marks do.
func (r *factsAfter) more(ctx context.Context) error {
	from := r.prefix + cmp.Or(r.after.stamp(), "0") // the keys of undated facts stand before "0"
	q := query{pk: r.pk, from: from, to: r.prefix + r.to.stamp() + "$", after: r.read, limit: historyPage}
	items, err := all[activityItem](ctx, r.s, q)
	if err != nil {
		return err
	}
	r.done = len(items) < historyPage
	if !r.done {
		last := items[len(items)-1]
		q = query{pk: r.pk, from: last.SK, to: r.prefix + last.Occurred + "$", after: last.SK, most: maxFacts}
		rest, err := all[activityItem](ctx, r.s, q)
		if err != nil {
			return err
		}
		items = append(items, rest...)
	}
	for _, it := range items {
		r.read = it.SK
		a, err := it.activity()
		if err != nil {
			return err
		}
		if m := MarkOf(a); m > r.after && m <= r.to {
			r.page = append(r.page, markedFact{m, a})
		}
	}
	slices.SortStableFunc(r.page, func(a, b markedFact) int { return cmp.Or(cmp.Compare(a.mark, b.mark), cmp.Compare(a.Key, b.Key)) })
	return nil
}

// Undated returns what an account did that has no time of its own, whatever
// instant it was known at. The keys of these facts have no time either, so
// that they are read as a whole: few platforms leave times out, and those for
// few kinds of activity.
func (s *Store) Undated(ctx context.Context, w, account string) ([]social.Activity, error) {
	return s.facts(ctx, query{pk: accountPK(factsOf(w), account), prefix: "F#-", most: maxFacts})
}

// OwnFrom returns the dated facts of an account itself that occurred in
// [from, to], oldest or newest first, at most limit.
func (s *Store) OwnFrom(ctx context.Context, w, account string, from, to time.Time, newestFirst bool, limit int) ([]social.Activity, error) {
	return s.facts(ctx, query{pk: accountPK(factsOf(w), account), from: "F#" + social.Stamp(from), to: "F#" + social.Stamp(to) + "$", descending: newestFirst, limit: limit})
}

// ReceivedFrom returns what was said to an account in [from, to], newest
// first, at most limit.
func (s *Store) ReceivedFrom(ctx context.Context, w, account string, from, to time.Time, limit int) ([]social.Activity, error) {
	return s.facts(ctx, query{pk: accountPK(w, account), from: "R#" + social.Stamp(from), to: "R#" + social.Stamp(to) + "$", descending: true, limit: limit})
}

func (s *Store) facts(ctx context.Context, q query) ([]social.Activity, error) {
	items, err := all[activityItem](ctx, s, q)
	if err != nil {
		return nil, fmt.Errorf("facts in %s: %w", q.pk, err)
	}
	out := make([]social.Activity, len(items))
	for i, it := range items {
		if out[i], err = it.activity(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FactsAt returns what an account did, or what was done to it, at an instant.
func (s *Store) FactsAt(ctx context.Context, w, account string, at time.Time) ([]social.Activity, error) {
	var out []social.Activity
	err := s.EachFact(ctx, w, account, MarkAt(at), MarkAfter(at), func(a social.Activity) error {
		out = append(out, a)
		return nil
	})
	return out, err
}
