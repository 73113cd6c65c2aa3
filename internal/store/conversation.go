package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Head is where a conversation, one asker in one thread, stands. Its item is
// under 1 KB, however long the conversation.
type Head struct {
	conversation.Standing
	Thread  string
	Asker   string    // account id
	Waiting FactRef   // the message at WaitingSince
	First   time.Time // when the asker was first replied to; zero: never
	Version int64
}

type headItem struct {
	PK, SK       string
	G1PK         string `dynamodbav:",omitempty"`
	G1SK         string `dynamodbav:",omitempty"`
	G2PK         string `dynamodbav:",omitempty"`
	G2SK         string `dynamodbav:",omitempty"`
	Schema       int
	Version      int64
	Thread       string
	Asker        string
	Started      string `dynamodbav:",omitempty"`
	Last         string `dynamodbav:",omitempty"`
	LastKey      string `dynamodbav:",omitempty"`
	WaitingSince string `dynamodbav:",omitempty"`
	WaitingKey   string `dynamodbav:",omitempty"`
	WaitingFact  string `dynamodbav:",omitempty"`
	First        string `dynamodbav:",omitempty"`
}

func (it headItem) head() (Head, error) {
	h := Head{Thread: it.Thread, Asker: it.Asker, Version: it.Version}
	h.LastKey, h.WaitingKey = it.LastKey, it.WaitingKey
	if it.WaitingFact != "" {
		h.Waiting = FactRef{it.Asker, it.WaitingFact}
	}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&h.Started, it.Started}, {&h.Last, it.Last}, {&h.WaitingSince, it.WaitingSince}, {&h.First, it.First}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return h, err
		}
		*x.to = t
	}
	return h, nil
}

// Place is the conversation's place among Conversations.
func (h Head) Place() string { return hourSK(h.Last) + "#" + h.Thread + "#" + h.Asker }

// WaitingPlace is its place among Waiting.
func (h Head) WaitingPlace() string {
	return social.Stamp(h.WaitingSince) + "#" + h.Thread + "#" + h.Asker
}

// Head returns the stored conversation of asker in thread; an error of kind NotFound if there is none.
func (s *Store) Head(ctx context.Context, w, thread, asker string) (Head, error) {
	var it headItem
	if err := s.get(ctx, headKey(w, thread, asker), &it); err != nil {
		return Head{}, err
	}
	return it.head()
}

// Stand computes where a conversation stands, of the messages and exchanges
// that are kept of it, as of an instant (zero: all of them): seven queries that
// read an item each. Its Last is zero where the asker said nothing that stands.
func (s *Store) Stand(ctx context.Context, w, thread, asker string, asOf time.Time) (Head, error) {
	h := Head{Thread: thread, Asker: asker}
	pk, to := partPK(w, thread, asker), "~"
	if !asOf.IsZero() {
		to = social.Stamp(asOf) // all of its instant stands after it
	}
	edge := func(prefix, from string, newest bool) query {
		return query{pk: pk, from: prefix + from, to: prefix + to, descending: newest, limit: 1}
	}
	qs := []query{edge("M#q#", " ", false), edge("M#c#", " ", false), edge("M#q#", " ", true), edge("M#c#", " ", true)}
	own, answered := make([][]NodeRef, len(qs)), make([][]exchangeItem, 2)
	errs := parallel.Each(ctx, len(qs)+2, len(qs)+2, func(i int) (err error) {
		if i < len(qs) {
			own[i], err = s.nodes(ctx, qs[i])
		} else {
			answered[i-len(qs)], err = all[exchangeItem](ctx, s, edge("X#", " ", i > len(qs)))
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return h, err
	}
	byTime := func(a, b NodeRef) int { return strings.Compare(order(a), order(b)) }
	first, last := slices.Concat(own[0], own[1]), slices.Concat(own[2], own[3])
	if len(first) == 0 || len(last) == 0 {
		return h, nil
	}
	h.Started = slices.MinFunc(first, byTime).Occurred
	newest := slices.MaxFunc(last, byTime)
	h.Last, h.LastKey = newest.Occurred, newest.Key
	from := " "
	if len(answered[0]) > 0 && len(answered[1]) > 0 {
		x, err := answered[0][0].exchange()
		if err != nil {
			return h, err
		}
		h.First = x.Answered
		if x, err = answered[1][0].exchange(); err != nil {
			return h, err
		}
		if x.Answered.After(h.Last) {
			h.Last = x.Answered
		}
		from = social.Stamp(x.Answered) + "~" // what follows all of that instant
	}
	waiting, err := s.nodes(ctx, edge("M#q#", from, false))
	if err != nil || len(waiting) == 0 {
		return h, err
	}
	h.WaitingSince, h.WaitingKey, h.Waiting = waiting[0].Occurred, waiting[0].Key, waiting[0].Ref
	return h, nil
}

// PutHead writes a conversation, which stood as old; with it, and only
// together, the asker's first response goes to its day. One without messages
// is in no list, but its item stays, so that its version does.
func (s *Store) PutHead(ctx context.Context, w string, h, old Head) error {
	k := headKey(w, h.Thread, h.Asker)
	it := headItem{PK: k.PK, SK: k.SK, Schema: 1, Version: old.Version + 1, Thread: h.Thread, Asker: h.Asker}
	if !h.Last.IsZero() {
		it.Started, it.Last, it.LastKey = social.Stamp(h.Started), social.Stamp(h.Last), h.LastKey
		it.G2PK, it.G2SK = conversationG2(w, h.Thread), h.Place()
	}
	if !h.WaitingSince.IsZero() {
		it.WaitingSince, it.WaitingKey, it.WaitingFact = social.Stamp(h.WaitingSince), h.WaitingKey, h.Waiting.SK
		it.G1PK, it.G1SK = waitingG1(w, h.Thread), h.WaitingPlace()
	}
	if !h.First.IsZero() {
		it.First = social.Stamp(h.First)
	}
	if h.First.Equal(old.First) && (h.First.IsZero() || h.Started.Equal(old.Started)) {
		return s.putVersion(ctx, it, old.Version)
	}
	if err := s.noteMonth(ctx, w, h.First); err != nil {
		return err
	}
	av, err := attributevalue.MarshalMap(it)
	if err != nil {
		return err
	}
	put := &types.Put{TableName: &s.table, Item: av, ConditionExpression: aws.String("attribute_not_exists(PK)")}
	if old.Version > 0 {
		put.ConditionExpression, put.ExpressionAttributeValues = aws.String("Version = :v"), map[string]types.AttributeValue{":v": num(old.Version)}
	}
	do := []types.TransactWriteItem{{Put: put}}
	if !old.First.IsZero() && !old.First.Equal(h.First) {
		do = append(do, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: firstKey(w, old).av()}})
	}
	if !h.First.IsZero() {
		f := firstKey(w, h)
		if av, err = attributevalue.MarshalMap(responseItem{PK: f.PK, SK: f.SK, Schema: 1, Asked: h.Started.UnixMilli()}); err != nil {
			return err
		}
		do = append(do, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: av}})
	}
	return s.transact(ctx, "put head", do)
}

// DeleteHead removes a conversation, and its first response with it, and
// counts what was there.
func (s *Store) DeleteHead(ctx context.Context, w, thread, asker string) (n int, err error) {
	err = Again(ctx, func() error {
		h, err := s.Head(ctx, w, thread, asker)
		if fault.Is(err, fault.NotFound) {
			n = 0
			return nil
		}
		if err != nil {
			return err
		}
		do := []types.TransactWriteItem{{Delete: &types.Delete{TableName: &s.table, Key: headKey(w, thread, asker).av(), ConditionExpression: aws.String("Version = :v"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(h.Version)}}}}
		if !h.First.IsZero() {
			do = append(do, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: firstKey(w, h).av()}})
		}
		n = len(do)
		return s.transact(ctx, "delete head", do)
	})
	return n, err
}

// exchangeItem is a reply to an asker, in the asker's part of the thread.
type exchangeItem struct {
	PK, SK  string
	Schema  int
	Message string // that was replied to
	Asked   int64  // Unix milliseconds
}

func (it exchangeItem) exchange() (conversation.Exchange, error) {
	stamp, answer, _ := strings.Cut(strings.TrimPrefix(it.SK, "X#"), "#")
	t, err := social.ParseStamp(stamp)
	return conversation.Exchange{Asked: time.UnixMilli(it.Asked).UTC(), Answered: t, Answer: answer, Message: it.Message}, err
}

// responseItem is a response on the day it was given: a reply to a message, or
// the first to an asker in a thread.
type responseItem struct {
	PK, SK string
	Schema int
	Asked  int64 // Unix milliseconds: the message, or the asker's first
	First  bool  `dynamodbav:",omitempty"` // no earlier reply to the same message
}

func exchangeKey(w, thread, asker string, r NodeRef) key {
	return key{partPK(w, thread, asker), "X#" + order(r)}
}

// responsesPK is one of the partitions of a day, the same for all responses to an asker.
func responsesPK(w string, at time.Time, asker string) string {
	return w + "#D#" + dateOf(at) + "#" + shard(asker)
}

// responseReaders is how many partitions are read at once.
const responseReaders = 16

func replyKey(w, asker string, r NodeRef) key {
	return key{responsesPK(w, r.Occurred, asker), "X#" + social.Stamp(r.Occurred) + "#r#" + r.Activity + "#" + asker}
}

func firstKey(w string, h Head) key {
	return key{responsesPK(w, h.First, h.Asker), "X#" + social.Stamp(h.First) + "#c#" + h.Thread + "#" + h.Asker}
}

// Pair is a reply and the message of an asker's that it is to, as they are stored.
type Pair struct {
	Exchange conversation.Exchange // zero: the reply is not among the asker's exchanges
	Day      conversation.Exchange // as it stands among the responses of its day; zero: not
}

// Pair returns what is stored of a reply to an asker.
func (s *Store) Pair(ctx context.Context, w, thread, asker string, r NodeRef) (p Pair, err error) {
	items, err := s.batchGet(ctx, []key{exchangeKey(w, thread, asker, r), replyKey(w, asker, r)})
	if err != nil {
		return p, err
	}
	if items[0] != nil {
		var it exchangeItem
		if err := attributevalue.UnmarshalMap(items[0], &it); err != nil {
			return p, err
		}
		if p.Exchange, err = it.exchange(); err != nil {
			return p, err
		}
	}
	if items[1] != nil {
		var it responseItem
		if err := attributevalue.UnmarshalMap(items[1], &it); err != nil {
			return p, err
		}
		p.Day = conversation.Exchange{Asked: time.UnixMilli(it.Asked).UTC(), Answered: r.Occurred, Answer: r.Activity, FirstToIt: it.First}
	}
	return p, nil
}

// PutPair writes a reply to an asker's message into the conversation and the day.
func (s *Store) PutPair(ctx context.Context, w, thread, asker string, r NodeRef, e conversation.Exchange) error {
	if err := s.noteMonth(ctx, w, r.Occurred); err != nil {
		return err
	}
	d := replyKey(w, asker, r)
	if err := s.put(ctx, responseItem{PK: d.PK, SK: d.SK, Schema: 1, Asked: e.Asked.UnixMilli(), First: e.FirstToIt}); err != nil {
		return err
	}
	x := exchangeKey(w, thread, asker, r)
	return s.put(ctx, exchangeItem{PK: x.PK, SK: x.SK, Schema: 1, Message: e.Message, Asked: e.Asked.UnixMilli()})
}

// DeletePair takes a reply to an asker away, and counts what was there.
func (s *Store) DeletePair(ctx context.Context, w, thread, asker string, r NodeRef) (int, error) {
	n := 0
	for _, k := range []key{exchangeKey(w, thread, asker, r), replyKey(w, asker, r)} {
		there, err := s.take(ctx, k)
		if err != nil {
			return n, err
		}
		if there {
			n++
		}
	}
	return n, nil
}

// First reports whether a reply to an asker stands on its day, and whether as
// the first to its message.
func (s *Store) First(ctx context.Context, w, asker string, r NodeRef) (first, there bool, err error) {
	var it responseItem
	err = s.get(ctx, replyKey(w, asker, r), &it)
	if fault.Is(err, fault.NotFound) {
		return false, false, nil
	}
	return it.First, err == nil, err
}

// MarkFirst says of a reply that stands on its day whether it is the first to its message.
func (s *Store) MarkFirst(ctx context.Context, w, asker string, r NodeRef, first bool) error {
	in := &dynamodb.UpdateItemInput{TableName: &s.table, Key: replyKey(w, asker, r).av(), UpdateExpression: aws.String("REMOVE #f"),
		ConditionExpression: aws.String("attribute_exists(PK)"), ExpressionAttributeNames: map[string]string{"#f": "First"}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	if first {
		in.UpdateExpression = aws.String("SET #f = :t")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":t": &types.AttributeValueMemberBOOL{Value: true}}
	}
	out, err := s.db.UpdateItem(ctx, in)
	if err = classify("mark first", err); fault.Is(err, fault.Conflict) {
		return nil
	}
	if err == nil {
		s.wrote(out.ConsumedCapacity)
	}
	return err
}

// noteMonth notes that there are responses in the month of an instant, so that
// reading a long period need not look at each of its days.
func (s *Store) noteMonth(ctx context.Context, w string, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	k := key{monthsPK(w), "X#" + at.UTC().Format("2006-01")}
	var it key
	if err := s.get(ctx, k, &it); !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err := s.putNew(ctx, struct {
		key
		Schema int
	}{k, 1})
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// maxMonths bounds how many months Responses looks at: two hundred years.
const maxMonths = 2400

// Responses collects the response times of what was answered in [from, to).
// It reads the responses day by day and keeps their seconds alone.
func (s *Store) Responses(ctx context.Context, w string, from, to time.Time) (conversation.Figures, error) {
	var f conversation.Figures
	months, err := all[key](ctx, s, query{pk: monthsPK(w), from: "X#" + from.UTC().Format("2006-01"), to: "X#" + to.UTC().Format("2006-01"), limit: maxMonths})
	if err != nil {
		return f, err
	}
	var parts []string
	for _, m := range months {
		month, err := time.Parse("2006-01", lastPart(m.SK))
		if err != nil {
			return f, err
		}
		for day := month; day.Month() == month.Month(); day = day.AddDate(0, 0, 1) {
			if day.Before(to) && day.AddDate(0, 0, 1).After(from) {
				parts = append(parts, allShards(w+"#D#"+day.Format(time.DateOnly))...)
			}
		}
	}
	var mu sync.Mutex
	errs := parallel.Each(ctx, len(parts), responseReaders, func(i int) error {
		q := query{pk: parts[i], from: "X#" + social.Stamp(from), to: "X#" + social.Stamp(to), limit: pageOfResponses}
		for {
			items, err := all[responseItem](ctx, s, q)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, it := range items {
				stamp, kind, _ := strings.Cut(strings.TrimPrefix(it.SK, "X#"), "#")
				t, err := social.ParseStamp(stamp)
				if err != nil {
					mu.Unlock()
					return err
				}
				seconds := t.Sub(time.UnixMilli(it.Asked)).Seconds()
				if strings.HasPrefix(kind, "c#") {
					f.PerConversation = append(f.PerConversation, seconds)
					continue
				}
				f.PerPair = append(f.PerPair, seconds)
				if it.First {
					f.PerMessage = append(f.PerMessage, seconds)
				}
			}
			mu.Unlock()
			if len(items) < q.limit {
				return nil
			}
			q.from = items[len(items)-1].SK + "!"
		}
	})
	f.Sort()
	return f, errors.Join(errs...)
}

// pageOfResponses is how many responses are read at once.
const pageOfResponses = 2000

// ExchangesOf returns the replies to an asker in a thread, newest first, after
// a place, at most limit, and the place of the last ("": there are no more).
func (s *Store) ExchangesOf(ctx context.Context, w, thread, asker, after string, limit int) ([]conversation.Exchange, string, error) {
	items, err := all[exchangeItem](ctx, s, query{pk: partPK(w, thread, asker), prefix: "X#", after: after, descending: true, limit: limit + 1})
	if err != nil {
		return nil, "", err
	}
	place := ""
	if len(items) > limit {
		items = items[:limit]
		place = items[limit-1].SK
	}
	out := make([]conversation.Exchange, len(items))
	for i, it := range items {
		if out[i], err = it.exchange(); err != nil {
			return nil, "", err
		}
	}
	return out, place, nil
}

// Waiting returns conversations in which somebody waits, the longest wait
// first, after the given place (""), at most limit, and the place of the last
// ("": there are no more). The index is a little behind: a conversation that
// changed right now may be missing, so that a page may be short.
func (s *Store) Waiting(ctx context.Context, w, after string, limit int) ([]Head, string, error) {
	return s.listed(ctx, "G1", w+"#W", "", "", after, false, limit)
}

// Conversations returns those with their newest message in [from, to), newest
// hour first, in no order within an hour; else as Waiting.
func (s *Store) Conversations(ctx context.Context, w string, from, to time.Time, after string, limit int) ([]Head, string, error) {
	hs, next, err := s.listed(ctx, "G2", w+"#CV", hourSK(from), hourSK(to)+"$", after, true, limit)
	return slices.DeleteFunc(hs, func(h Head) bool { return h.Last.Before(from) || !h.Last.Before(to) }), next, err
}

// CountWaiting counts the conversations in which somebody waits since before
// an instant, up to a limit.
func (s *Store) CountWaiting(ctx context.Context, w string, before time.Time, limit int) (int, error) {
	places, err := s.places(ctx, "G1", w+"#W", " ", social.Stamp(before), "", false, limit)
	return len(places), err
}

type listedPlace struct {
	PK, SK     string
	G1SK, G2SK string
}

func (it listedPlace) place() string { return it.G1SK + it.G2SK } // one of them

// places reads the keys of a sharded list and merges them, at most limit.
func (s *Store) places(ctx context.Context, index, prefix, from, to, after string, newest bool, limit int) ([]listedPlace, error) {
	pks := allShards(prefix)
	parts := make([][]listedPlace, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) (err error) {
		parts[i], err = all[listedPlace](ctx, s, query{index: index, keysOnly: true, pk: pks[i], from: from, to: to, after: after, descending: newest, limit: limit})
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	out := slices.Concat(parts...)
	slices.SortFunc(out, func(a, b listedPlace) int {
		c := strings.Compare(a.place(), b.place())
		if newest {
			return -c
		}
		return c
	})
	return out[:min(limit, len(out))], nil
}

func (s *Store) listed(ctx context.Context, index, prefix, from, to, after string, newest bool, limit int) ([]Head, string, error) {
	places, err := s.places(ctx, index, prefix, from, to, after, newest, limit+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(places) > limit {
		places = places[:limit]
		next = places[limit-1].place()
	}
	keys := make([]key, len(places))
	for i, p := range places {
		keys[i] = key{p.PK, p.SK}
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	var out []Head
	for i, found := range items {
		if found == nil || text(found[index+"SK"]) != places[i].place() {
			continue
		}
		var it headItem
		if err := attributevalue.UnmarshalMap(found, &it); err != nil {
			return nil, "", err
		}
		h, err := it.head()
		if err != nil {
			return nil, "", err
		}
		out = append(out, h)
	}
	return out, next, nil
}
