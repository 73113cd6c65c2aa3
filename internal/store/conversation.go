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
	conversation.Decided
	Some    bool  // there are decisions about it
	Asked   Asked // what the message at WaitingSince asks
	Thread  string
	Asker   string    // account id
	Waiting FactRef   // the message at WaitingSince
	First   time.Time // when the asker was first replied to; zero: never
	// Last is the later of these two.
	Said     time.Time // the asker's newest message
	Answered time.Time // the newest reply; zero: none
	Version  int64
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
	Said         string `dynamodbav:",omitempty"`
	Answered     string `dynamodbav:",omitempty"`
	LastKey      string `dynamodbav:",omitempty"`
	WaitingSince string `dynamodbav:",omitempty"`
	WaitingKey   string `dynamodbav:",omitempty"`
	WaitingFact  string `dynamodbav:",omitempty"`
	First        string `dynamodbav:",omitempty"`
	decidedPart
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
	}{{&h.Started, it.Started}, {&h.Said, it.Said}, {&h.Answered, it.Answered}, {&h.WaitingSince, it.WaitingSince}, {&h.First, it.First}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return h, err
		}
		*x.to = t
	}
	h.Last = newer(h.Said, h.Answered)
	return h, it.into(&h)
}

func newer(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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

// Change is what came to a conversation, or went from it, since its head was
// written: the times of the earliest and the newest.
type Change struct {
	Whole    bool   // more than the times tell: nothing of the old head is to be relied on
	Said     Extent // of the asker's messages
	Answered Extent // of replies to the asker
}

// Extent is from the earliest of some instants to the newest; zero: none.
type Extent struct{ From, To time.Time }

// Add makes the extent hold an instant too.
func (s *Extent) Add(at time.Time) {
	if s.From.IsZero() || at.Before(s.From) {
		s.From = at
	}
	s.To = newer(s.To, at)
}

// And makes the extent hold all that another holds.
func (s *Extent) And(o Extent) {
	if !o.From.IsZero() {
		s.Add(o.From)
		s.Add(o.To)
	}
}

// And makes c hold another change too.
func (c *Change) And(o Change) {
	c.Whole = c.Whole || o.Whole
	c.Said.And(o.Said)
	c.Answered.And(o.Answered)
}

// short is how many items of a conversation that has no head yet are read at once.
const short = 25

// standAfter is StandAfter but for decisions.
func (s *Store) standAfter(ctx context.Context, w string, old Head, c Change) (Head, error) {
	if old.Version > 0 {
		return s.stand(ctx, w, old, c, time.Time{})
	}
	h := Head{Thread: old.Thread, Asker: old.Asker}
	items, err := all[partItem](ctx, s, query{pk: partPK(w, h.Thread, h.Asker), from: "M#", to: "X$", limit: short})
	if err != nil {
		return h, err
	}
	if len(items) == short {
		return s.stand(ctx, w, h, Change{Whole: true}, time.Time{})
	}
	var own, wanting []NodeRef
	for _, it := range items {
		switch kind, _, _ := strings.Cut(it.SK, "#"); {
		case kind == "X":
			x, err := exchangeItem{PK: it.PK, SK: it.SK, Message: it.Message, Asked: it.Asked}.exchange()
			if err != nil {
				return h, err
			}
			h.replied(x)
		case !strings.HasPrefix(it.SK, "M#d#"):
			n, err := it.node()
			if err != nil {
				return h, err
			}
			own = append(own, n)
			if strings.HasPrefix(it.SK, "M#q#") {
				wanting = append(wanting, n)
			}
		}
	}
	if len(own) == 0 {
		return Head{Thread: old.Thread, Asker: old.Asker}, nil
	}
	h.Started = slices.MinFunc(own, byTime).Occurred
	h.said(slices.MaxFunc(own, byTime))
	for _, n := range wanting { // in the order of time
		if n.Occurred.After(h.Answered) {
			h.waits(n)
			break
		}
	}
	return h, nil
}

// partItem is an item of an asker's part of a thread: a message or an exchange.
type partItem struct {
	nodeItem
	Asked int64
}

func byTime(a, b NodeRef) int { return strings.Compare(order(a), order(b)) }

func (h *Head) said(newest NodeRef) {
	h.Said, h.LastKey = newest.Occurred, newest.Key
	h.Last = newer(h.Said, h.Answered)
}

func (h *Head) replied(x conversation.Exchange) {
	if h.First.IsZero() || x.Answered.Before(h.First) {
		h.First = x.Answered
	}
	h.Answered = newer(h.Answered, x.Answered)
	h.Last = newer(h.Said, h.Answered)
}

func (h *Head) waits(n NodeRef) {
	h.WaitingSince, h.WaitingKey, h.Waiting = n.Occurred, n.Key, n.Ref
}

func (s *Store) stand(ctx context.Context, w string, old Head, c Change, asOf time.Time) (Head, error) {
	pk, to := partPK(w, old.Thread, old.Asker), "~"
	if !asOf.IsZero() {
		to = social.Stamp(asOf) // all of its instant stands after it
	}
	edge := func(prefix, from string, newest bool) query {
		return query{pk: pk, from: prefix + from, to: prefix + to, descending: newest, limit: 1}
	}
	whole := c.Whole || old.Said.IsZero()
	spoke, answered := !c.Said.From.IsZero(), !c.Answered.From.IsZero()
	oldest := whole || spoke && !c.Said.From.After(old.Started)
	newest := whole || spoke && !c.Said.To.Before(old.Said)
	first := whole || answered && (old.First.IsZero() || !c.Answered.From.After(old.First))
	last := whole || answered && (old.First.IsZero() || !c.Answered.To.Before(old.Answered))

	h := old
	if whole {
		h = Head{Thread: old.Thread, Asker: old.Asker, Version: old.Version}
	}
	var own [4][]NodeRef
	var replies [2][]exchangeItem
	var reads []func() error
	for i, prefix := range []string{"M#q#", "M#c#", "M#q#", "M#c#"} {
		if i < 2 && oldest || i >= 2 && newest {
			reads = append(reads, func() (err error) { own[i], err = s.nodes(ctx, edge(prefix, " ", i >= 2)); return err })
		}
	}
	for i, wanted := range []bool{first, last} {
		if wanted {
			reads = append(reads, func() (err error) { replies[i], err = all[exchangeItem](ctx, s, edge("X#", " ", i == 1)); return err })
		}
	}
	errs := parallel.Each(ctx, len(reads), max(1, len(reads)), func(i int) error { return reads[i]() })
	if err := errors.Join(errs...); err != nil {
		return h, err
	}
	if list := slices.Concat(own[2], own[3]); newest {
		if len(list) == 0 {
			return Head{Thread: old.Thread, Asker: old.Asker, Version: old.Version}, nil
		}
		h.said(slices.MaxFunc(list, byTime))
	}
	if list := slices.Concat(own[0], own[1]); oldest {
		if len(list) == 0 { // the last message went meanwhile
			return Head{Thread: old.Thread, Asker: old.Asker, Version: old.Version}, nil
		}
		h.Started = slices.MinFunc(list, byTime).Occurred
	}
	for i, at := range []*time.Time{&h.First, &h.Answered} {
		if wanted := []bool{first, last}[i]; !wanted {
			continue
		}
		*at = time.Time{}
		if len(replies[i]) > 0 {
			x, err := replies[i][0].exchange()
			if err != nil {
				return h, err
			}
			*at = x.Answered
		}
	}
	h.Last = newer(h.Said, h.Answered)
	if !whole && !last && (!spoke || (old.WaitingSince.IsZero() && !c.Said.To.After(h.Answered)) || (!old.WaitingSince.IsZero() && c.Said.From.After(old.WaitingSince))) {
		return h, nil // whoever waited still does
	}
	h.waits(NodeRef{})
	from := " "
	if !h.Answered.IsZero() {
		from = social.Stamp(h.Answered) + "~" // what follows all of that instant
	}
	waiting, err := s.nodes(ctx, edge("M#q#", from, false))
	if err == nil && len(waiting) > 0 {
		h.waits(waiting[0])
	}
	return h, err
}

// PutHead writes a conversation, which stood as old; with it, and only
// together, the asker's first response goes to its day. One without messages
// is in no list, but its item stays, so that its version does.
func (s *Store) PutHead(ctx context.Context, w string, h, old Head) error {
	k := headKey(w, h.Thread, h.Asker)
	it := headItem{PK: k.PK, SK: k.SK, Schema: 1, Version: nextVersion(old.Version), Thread: h.Thread, Asker: h.Asker, decidedPart: decidedPartOf(h)}
	if !h.Last.IsZero() {
		it.Started, it.Said, it.LastKey = social.Stamp(h.Started), social.Stamp(h.Said), h.LastKey
		if !h.Answered.IsZero() {
			it.Answered = social.Stamp(h.Answered)
		}
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

	Automatic bool   `dynamodbav:",omitempty"` // no human gave it
	Platform  string `dynamodbav:",omitempty"` // of the message, as what follows
	Scope     string `dynamodbav:",omitempty"`
	Language  string `dynamodbav:",omitempty"`
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
	Reply    bool                  // the reply stands in its list, not deleted
	Message  bool                  // so does the message, where Pair was asked about one
	Place    bool                  // and its place is there
	Exchange conversation.Exchange // zero: the reply is not among the asker's exchanges
	Day      conversation.Exchange // as it stands among the responses of its day; zero: not
}

// Pair returns what is stored of a reply to an asker, which stands in list l,
// and of the message m that it names (nil: none).
func (s *Store) Pair(ctx context.Context, w, thread, asker string, l List, r NodeRef, m *NodeRef) (p Pair, err error) {
	keys := []key{exchangeKey(w, thread, asker, r), replyKey(w, asker, r), l.at(r)}
	if m != nil {
		keys = append(keys, Own(w, thread, asker).at(*m), key{threadPK(w, m.Message), "@"})
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return p, err
	}
	p.Reply = items[2] != nil
	if m != nil {
		p.Message, p.Place = items[3] != nil, items[4] != nil && text(items[4]["Account"]) == m.Account
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
	err := s.responses(ctx, w, from, to, 0, func(r response) {
		seconds := r.answered.Sub(time.UnixMilli(r.Asked)).Seconds()
		if r.kind == "c" {
			f.PerConversation = append(f.PerConversation, seconds)
			return
		}
		f.PerPair = append(f.PerPair, seconds)
		if r.First {
			f.PerMessage = append(f.PerMessage, seconds)
		}
	})
	f.Sort()
	return f, err
}

// response is a response of a day and what its key says.
type response struct {
	responseItem
	answered time.Time
	kind     string // r: a reply to a message; c: a conversation's first
	asker    string // account id
}

// responses hands the responses of [from, to) to f, one at a time and in no
// order: all of them, or, if most is not 0, at most so many of each partition of a day.
func (s *Store) responses(ctx context.Context, w string, from, to time.Time, most int, f func(response)) error {
	months, err := all[key](ctx, s, query{pk: monthsPK(w), from: "X#" + from.UTC().Format("2006-01"), to: "X#" + to.UTC().Format("2006-01"), limit: maxMonths})
	if err != nil {
		return err
	}
	var parts []string
	for _, m := range months {
		month, err := time.Parse("2006-01", lastPart(m.SK))
		if err != nil {
			return err
		}
		for day := month; day.Month() == month.Month(); day = day.AddDate(0, 0, 1) {
			if day.Before(to) && day.AddDate(0, 0, 1).After(from) {
				parts = append(parts, allShards(w+"#D#"+day.Format(time.DateOnly))...)
			}
		}
	}
	page := pageOfResponses
	if most > 0 {
		page = most
	}
	var mu sync.Mutex
	errs := parallel.Each(ctx, len(parts), responseReaders, func(i int) error {
		q := query{pk: parts[i], from: "X#" + social.Stamp(from), to: "X#" + social.Stamp(to), limit: page}
		for {
			items, err := all[responseItem](ctx, s, q)
			if err != nil {
				return err
			}
			for _, it := range items {
				stamp, rest, _ := strings.Cut(strings.TrimPrefix(it.SK, "X#"), "#")
				r := response{responseItem: it, kind: rest[:1], asker: lastPart(rest)}
				if r.answered, err = social.ParseStamp(stamp); err != nil {
					return err
				}
				mu.Lock()
				f(r)
				mu.Unlock()
			}
			if len(items) < q.limit || most > 0 {
				return nil
			}
			q.from = items[len(items)-1].SK + "!"
		}
	})
	return errors.Join(errs...)
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
