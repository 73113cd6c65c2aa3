package store

import (
	"cmp"
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
	Some       bool  // there are decisions about it
	Asked      Asked // what the message at WaitingSince asks
	Thread     string
	Asker      string    // account id
	Began      Began     // where and in which language the asker's first message was said
	Waiting    FactRef   // the message at WaitingSince
	First      time.Time // when the asker was first replied to; zero: never
	FirstHuman time.Time // when by a human
	Replied    time.Time // the newest reply by a human, or what it replies to, if that is dated later
	// Last is the later of these two.
	Said     time.Time // the asker's newest message
	Answered time.Time // the newest reply; zero: none
	Version  int64
	firsts   [2]reply // those at First and FirstHuman, where they were read
}

// Began is where and in which language something was said first.
type Began struct {
	Channel
	Language string
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
	Began        *Began `dynamodbav:",omitempty"`
	Said         string `dynamodbav:",omitempty"`
	Answered     string `dynamodbav:",omitempty"`
	LastKey      string `dynamodbav:",omitempty"`
	WaitingSince string `dynamodbav:",omitempty"`
	WaitingKey   string `dynamodbav:",omitempty"`
	WaitingFact  string `dynamodbav:",omitempty"`
	First        string `dynamodbav:",omitempty"`
	FirstHuman   string `dynamodbav:",omitempty"`
	Replied      string `dynamodbav:",omitempty"`
	Ended        string `dynamodbav:",omitempty"`
	HelpedBy     string `dynamodbav:",omitempty"`
	decidedPart
}

func (it headItem) head() (Head, error) {
	h := Head{Thread: it.Thread, Asker: it.Asker, Version: it.Version}
	if it.Began != nil {
		h.Began = *it.Began
	}
	h.LastKey, h.WaitingKey, h.HelpedBy = it.LastKey, it.WaitingKey, it.HelpedBy
	if it.WaitingFact != "" {
		h.Waiting = FactRef{it.Asker, it.WaitingFact}
	}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&h.Started, it.Started}, {&h.Said, it.Said}, {&h.Answered, it.Answered}, {&h.WaitingSince, it.WaitingSince}, {&h.First, it.First},
		{&h.FirstHuman, it.FirstHuman}, {&h.Replied, it.Replied}, {&h.Ended, it.Ended}} {
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

// standAfter is StandAfter but for what the message asks that waits.
func (s *Store) standAfter(ctx context.Context, w string, old Head, c Change) (Head, error) {
	if old.Version > 0 {
		return s.stand(ctx, w, old, c, time.Time{})
	}
	h := Head{Thread: old.Thread, Asker: old.Asker}
	items, err := all[partItem](ctx, s, query{pk: partPK(w, h.Thread, h.Asker), from: "M#", to: "Y", limit: short})
	if err != nil {
		return h, err
	}
	if len(items) == short {
		return s.stand(ctx, w, h, Change{Whole: true}, time.Time{})
	}
	var own []NodeRef
	for _, it := range items {
		switch kind, _, _ := strings.Cut(it.SK, "#"); {
		case kind == "X", kind == "XA":
			r, err := exchangeItem{PK: it.PK, SK: it.SK, Message: it.Message, Asked: it.Asked, Platform: it.Platform, Scope: it.Scope, Language: it.Language}.reply()
			if err != nil {
				return h, err
			}
			h.replied(r)
		case !strings.HasPrefix(it.SK, "M#d#"):
			n, err := it.node()
			if err != nil {
				return h, err
			}
			if strings.HasPrefix(it.SK, "M#c#") {
				n.Needs = 0
			}
			own = append(own, n)
		}
	}
	if len(own) == 0 {
		return Head{Thread: old.Thread, Asker: old.Asker}, nil
	}
	sortNodes(own)
	h.began(own[0])
	h.said(own[len(own)-1])
	if h.Decided, h.Some, err = s.decisions(ctx, w, h.Thread, h.Asker, "~"); err != nil {
		return h, err
	}
	return h, s.wait(ctx, w, &h, own, true, "~")
}

// partItem is an item of an asker's part of a thread: a message or an exchange.
type partItem struct {
	nodeItem
	Asked int64
}

func byTime(a, b NodeRef) int { return strings.Compare(order(a), order(b)) }

func sortNodes(ns []NodeRef) { slices.SortFunc(ns, byTime) }

func (h *Head) began(first NodeRef) {
	h.Started, h.Began = first.Occurred, Began{first.Channel, first.Language}
}

func (h *Head) said(newest NodeRef) {
	h.Said, h.LastKey = newest.Occurred, newest.Key
	h.Last = newer(h.Said, h.Answered)
}

// replied adds a reply.
func (h *Head) replied(r reply) {
	h.first(&h.First, 0, r)
	if !r.Automatic {
		h.first(&h.FirstHuman, 1, r)
		h.Replied = newer(h.Replied, newer(r.Asked, r.Answered))
	}
	h.Answered = newer(h.Answered, r.Answered)
	h.Last = newer(h.Said, h.Answered)
}

func (h *Head) first(at *time.Time, i int, r reply) {
	if at.IsZero() || r.Answered.Before(*at) || r.Answered.Equal(*at) && r.Answer < h.firsts[i].Answer {
		*at, h.firsts[i] = r.Answered, r
	}
}

func (h *Head) waits(n NodeRef) {
	h.WaitingSince, h.WaitingKey, h.Waiting = n.Occurred, n.Key, n.Ref
}

// newestReplies is how many replies are read to find the one that ends a wait
// last: those within a minute of the newest may answer what is dated later.
const newestReplies = 20

func (s *Store) stand(ctx context.Context, w string, old Head, c Change, asOf time.Time) (Head, error) {
	pk, to := partPK(w, old.Thread, old.Asker), "~"
	if !asOf.IsZero() {
		to = social.Stamp(asOf) // all of its instant stands after it
	}
	edge := func(prefix string, newest bool, limit int) query {
		return query{pk: pk, from: prefix + " ", to: prefix + to, descending: newest, limit: limit}
	}
	whole := c.Whole || old.Said.IsZero()
	spoke, answered := !c.Said.From.IsZero(), !c.Answered.From.IsZero()
	oldest := whole || spoke && !c.Said.From.After(old.Started)
	newest := whole || spoke && !c.Said.To.Before(old.Said)
	// With the start goes the first response, which is written beside it.
	first := whole || oldest || answered && (old.FirstHuman.IsZero() || !c.Answered.From.After(old.FirstHuman))
	last := whole || answered && (old.First.IsZero() || !c.Answered.To.Before(old.Replied.Add(-conversation.Skew)))

	h := old
	if whole {
		h = Head{Thread: old.Thread, Asker: old.Asker, Version: old.Version}
	}
	own := make([][]NodeRef, 2*len(owns))
	replies := make([][]exchangeItem, 4)
	var reads []func() error
	for i := range own {
		if up := i >= len(owns); !up && oldest || up && newest {
			reads = append(reads, func() (err error) {
				own[i], err = s.nodes(ctx, edge(owns[i%len(owns)], up, 1))
				return err
			})
		}
	}
	for i, wanted := range []bool{first, first, last, last} {
		if wanted {
			reads = append(reads, func() (err error) {
				limit := 1
				if i == 3 {
					limit = newestReplies
				}
				replies[i], err = all[exchangeItem](ctx, s, edge([]string{"XA#", "X#"}[i%2], i >= 2, limit))
				return err
			})
		}
	}
	errs := parallel.Each(ctx, len(reads), max(1, len(reads)), func(i int) error { return reads[i]() })
	if err := errors.Join(errs...); err != nil {
		return h, err
	}
	none := Head{Thread: old.Thread, Asker: old.Asker, Version: old.Version}
	if list := slices.Concat(own[len(owns):]...); newest {
		if len(list) == 0 {
			return none, nil
		}
		h.said(slices.MaxFunc(list, byTime))
	}
	if list := slices.Concat(own[:len(owns)]...); oldest {
		if len(list) == 0 { // the last message went meanwhile
			return none, nil
		}
		h.began(slices.MinFunc(list, byTime))
	}
	if first {
		h.First, h.FirstHuman = time.Time{}, time.Time{}
	}
	if last {
		h.Answered, h.Replied = time.Time{}, time.Time{}
	}
	var ends Head
	for _, it := range slices.Concat(replies...) {
		r, err := it.reply()
		if err != nil {
			return h, err
		}
		ends.replied(r)
	}
	if first {
		h.First, h.FirstHuman, h.firsts = ends.First, ends.FirstHuman, ends.firsts
	}
	if last {
		h.Answered, h.Replied = ends.Answered, ends.Replied
	}
	h.Last = newer(h.Said, h.Answered)
	if whole || old.Some { // whoever decides computes the head as a whole
		var err error
		if h.Decided, h.Some, err = s.decisions(ctx, w, h.Thread, h.Asker, to); err != nil {
			return h, err
		}
	}
	return h, s.wait(ctx, w, &h, nil, false, to)
}

// PutHead writes a conversation, which stood as old; with it, and only
// together, the asker's first response goes to its day. One without messages
// is in no list, but its item stays, so that its version does.
func (s *Store) PutHead(ctx context.Context, w string, h, old Head) error {
	k := headKey(w, h.Thread, h.Asker)
	it := headItem{PK: k.PK, SK: k.SK, Schema: 1, Version: nextVersion(old.Version), Thread: h.Thread, Asker: h.Asker, decidedPart: decidedPartOf(h)}
	if !h.Last.IsZero() {
		it.Started, it.Said, it.LastKey = social.Stamp(h.Started), social.Stamp(h.Said), h.LastKey
		began := h.Began
		began.Scope = bounded(began.Scope)
		it.Began = &began
		if !h.Answered.IsZero() {
			it.Answered = social.Stamp(h.Answered)
		}
		it.G2PK, it.G2SK = conversationG2(w, h.Thread), h.Place()
	}
	if !h.WaitingSince.IsZero() {
		it.WaitingSince, it.WaitingKey, it.WaitingFact = social.Stamp(h.WaitingSince), h.WaitingKey, h.Waiting.SK
		it.G1PK, it.G1SK = waitingG1(w, h.Thread), h.WaitingPlace()
	}
	for _, x := range []struct {
		at time.Time
		to *string
	}{{h.First, &it.First}, {h.FirstHuman, &it.FirstHuman}, {h.Replied, &it.Replied}, {h.Ended, &it.Ended}} {
		if !x.at.IsZero() {
			*x.to = social.Stamp(x.at)
		}
	}
	it.HelpedBy = h.HelpedBy
	if h.First.Equal(old.First) && h.FirstHuman.Equal(old.FirstHuman) && (h.First.IsZero() || h.Started.Equal(old.Started)) {
		return s.putVersion(ctx, it, old.Version)
	}
	if err := s.noteMonth(ctx, w, h.First); err != nil {
		return err
	}
	if err := s.noteMonth(ctx, w, h.FirstHuman); err != nil {
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
	now := firstItems(w, h)
	for k := range firstItems(w, old) {
		if _, stays := now[k]; !stays {
			do = append(do, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: k.av()}})
		}
	}
	for _, f := range now {
		if av, err = attributevalue.MarshalMap(f); err != nil {
			return err
		}
		do = append(do, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: av}})
	}
	return s.transact(ctx, "put head", do)
}

// firstItems are a conversation's first responses on their days: that by
// anyone and that by a human, which may be one.
func firstItems(w string, h Head) map[key]responseItem {
	out := map[key]responseItem{}
	for i, at := range []time.Time{h.First, h.FirstHuman} {
		if at.IsZero() {
			continue
		}
		k := firstKey(w, h, at)
		r := h.firsts[i]
		it := responseItem{PK: k.PK, SK: k.SK, Schema: 2, Asked: h.Started.UnixMilli(), Automatic: r.Automatic, Platform: string(r.Platform), Scope: r.Scope, Language: r.Language}
		it.First, it.Human = out[k].First || i == 0, i == 1
		out[k] = it
	}
	return out
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
		for k := range firstItems(w, h) {
			do = append(do, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: k.av()}})
		}
		n = len(do)
		return s.transact(ctx, "delete head", do)
	})
	return n, err
}

// exchangeItem is a reply to an asker, in the asker's part of the thread.
type exchangeItem struct {
	PK, SK   string
	Schema   int
	Message  string // that was replied to
	Asked    int64  // Unix milliseconds
	Platform string `dynamodbav:",omitempty"`
	Scope    string `dynamodbav:",omitempty"`
	Language string `dynamodbav:",omitempty"` // of the message
}

// reply is an exchange, where it was and in which language.
type reply struct {
	conversation.Exchange
	Channel
	Language string
}

func (it exchangeItem) reply() (reply, error) {
	prefix, rest, _ := strings.Cut(it.SK, "#")
	stamp, answer, _ := strings.Cut(rest, "#")
	t, err := social.ParseStamp(stamp)
	return reply{conversation.Exchange{Asked: time.UnixMilli(it.Asked).UTC(), Answered: t, Answer: answer, Message: it.Message, Automatic: prefix == "XA"},
		Channel{social.Platform(it.Platform), it.Scope}, it.Language}, err
}

// responseItem is a response on the day it was given: a reply to a message, or
// the first to an asker in a thread.
type responseItem struct {
	PK, SK    string
	Schema    int
	Asked     int64  // Unix milliseconds: the message, or the asker's first
	First     bool   `dynamodbav:",omitempty"` // no earlier reply to the same message, or asker
	Human     bool   `dynamodbav:",omitempty"` // by a human, as no earlier one
	Automatic bool   `dynamodbav:",omitempty"`
	Platform  string `dynamodbav:",omitempty"`
	Scope     string `dynamodbav:",omitempty"`
	Language  string `dynamodbav:",omitempty"` // of the message
}

// exchangeKey keeps automatic replies apart: they end no wait.
func exchangeKey(w, thread, asker string, r NodeRef) key {
	if r.Automatic {
		return key{partPK(w, thread, asker), "XA#" + order(r)}
	}
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

func firstKey(w string, h Head, at time.Time) key {
	return key{responsesPK(w, at, h.Asker), "X#" + social.Stamp(at) + "#c#" + h.Thread + "#" + h.Asker}
}

// Pair is a reply and the message of an asker's that it is to, as they are stored.
type Pair struct {
	Reply    bool                  // the reply stands among those that name the message, not deleted
	Message  bool                  // the message has its place, and was not deleted
	Received bool                  // the reply is noted among the asker's facts
	Exchange conversation.Exchange // zero: the reply is not among the asker's exchanges
	Day      conversation.Exchange // as it stands among the responses of its day; zero: not
}

// Pair returns what is stored of a reply to an asker, and of the message m that
// it names (nil: none).
func (s *Store) Pair(ctx context.Context, w, thread, asker string, r NodeRef, m *NodeRef) (p Pair, err error) {
	keys := []key{exchangeKey(w, thread, asker, r), replyKey(w, asker, r), {accountPK(w, asker), "R#" + order(r)}}
	if m != nil {
		keys = append(keys, Replies(w, m.Message).at(r), Own(w, thread, asker).deletedAt(*m), key{threadPK(w, m.Message), "@"})
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return p, err
	}
	p.Received = items[2] != nil
	if m != nil {
		p.Reply, p.Message = items[3] != nil, items[4] == nil && items[5] != nil && text(items[5]["Account"]) == m.Account
	}
	if items[0] != nil {
		var it exchangeItem
		if err := attributevalue.UnmarshalMap(items[0], &it); err != nil {
			return p, err
		}
		x, err := it.reply()
		if err != nil {
			return p, err
		}
		p.Exchange = x.Exchange
	}
	if items[1] != nil {
		var it responseItem
		if err := attributevalue.UnmarshalMap(items[1], &it); err != nil {
			return p, err
		}
		p.Day = conversation.Exchange{Asked: time.UnixMilli(it.Asked).UTC(), Answered: r.Occurred, Answer: r.Activity, Automatic: it.Automatic}
	}
	return p, nil
}

// PutPair writes a reply to an asker's message into the conversation and the day.
func (s *Store) PutPair(ctx context.Context, w, thread, asker string, r NodeRef, e conversation.Exchange, language string) error {
	if err := s.noteMonth(ctx, w, r.Occurred); err != nil {
		return err
	}
	d := replyKey(w, asker, r)
	if err := s.put(ctx, responseItem{PK: d.PK, SK: d.SK, Schema: 2, Asked: e.Asked.UnixMilli(), First: e.FirstToIt, Human: e.HumanToIt, Automatic: r.Automatic,
		Platform: string(r.Platform), Scope: r.Scope, Language: language}); err != nil {
		return err
	}
	x := exchangeKey(w, thread, asker, r)
	return s.put(ctx, exchangeItem{PK: x.PK, SK: x.SK, Schema: 2, Message: e.Message, Asked: e.Asked.UnixMilli(), Platform: string(r.Platform), Scope: r.Scope, Language: language})
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

// sameMessage bounds how many replies to an asker after a message are looked
// at to find the first ones to that message.
const sameMessage = 50

// RepliesOf returns the replies to a message of an asker's, in order: those
// among the first 50 by humans, and the first 50 automatic ones, to the asker
// after the message.
func (s *Store) RepliesOf(ctx context.Context, w, thread, asker, message string, asked time.Time) ([]conversation.Exchange, error) {
	var out []conversation.Exchange
	for _, up := range []string{"X#", "XA#"} {
		items, err := all[exchangeItem](ctx, s, query{pk: partPK(w, thread, asker), from: up + social.Stamp(asked.Add(-conversation.Skew)), to: up + "~", limit: sameMessage})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it.Message != message {
				continue
			}
			r, err := it.reply()
			if err != nil {
				return nil, err
			}
			out = append(out, r.Exchange)
		}
	}
	slices.SortFunc(out, func(a, b conversation.Exchange) int {
		return cmp.Or(a.Answered.Compare(b.Answered), strings.Compare(a.Answer, b.Answer))
	})
	return out, nil
}

// MarkFirst says of replies to an asker that stand on their days whether they
// are the first to their message, and reports whether any was not said so.
func (s *Store) MarkFirst(ctx context.Context, w, asker string, list []conversation.Exchange) (changed bool, err error) {
	keys := make([]key, len(list))
	for i, e := range list {
		keys[i] = replyKey(w, asker, NodeRef{Node: conversation.Node{Activity: e.Answer, Occurred: e.Answered}})
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return false, err
	}
	for i, e := range list {
		var it responseItem
		if err := attributevalue.UnmarshalMap(items[i], &it); err != nil {
			return changed, err
		}
		if items[i] == nil || it.First == e.FirstToIt && it.Human == e.HumanToIt {
			continue // whoever writes one that is not there looks afterwards
		}
		changed = true
		in := &dynamodb.UpdateItemInput{TableName: &s.table, Key: keys[i].av(), ConditionExpression: aws.String("attribute_exists(PK)"),
			ExpressionAttributeNames: map[string]string{"#f": "First", "#h": "Human"}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
		set, remove := "", ""
		for name, is := range map[string]bool{"#f": e.FirstToIt, "#h": e.HumanToIt} {
			if is {
				set += ", " + name + " = :t"
				in.ExpressionAttributeValues = map[string]types.AttributeValue{":t": &types.AttributeValueMemberBOOL{Value: true}}
			} else {
				remove += ", " + name
			}
		}
		if set != "" {
			set = "SET " + set[2:]
		}
		if remove != "" {
			remove = " REMOVE " + remove[2:]
		}
		in.UpdateExpression = aws.String(strings.TrimSpace(set + remove))
		out, err := s.db.UpdateItem(ctx, in)
		if err = classify("mark first", err); err != nil && !fault.Is(err, fault.Conflict) {
			return changed, err
		}
		if err == nil {
			s.wrote(out.ConsumedCapacity)
		}
	}
	return changed, nil
}

// PutTo notes at the place of a reply in a named thread that something of it
// may stand with an asker, and reports whether the place is there. It stays
// noted when the reply turns out to be to somebody else: whoever thought
// otherwise may write it still.
func (s *Store) PutTo(ctx context.Context, w, message, asker string) (bool, error) {
	return s.changeTo(ctx, w, message, asker, "ADD")
}

// DeleteTo takes that away.
func (s *Store) DeleteTo(ctx context.Context, w, message, asker string) error {
	_, err := s.changeTo(ctx, w, message, asker, "DELETE")
	return err
}

func (s *Store) changeTo(ctx context.Context, w, message, asker, how string) (bool, error) {
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{threadPK(w, message), "@"}.av(), UpdateExpression: aws.String(how + " #t :a"),
		ConditionExpression: aws.String("attribute_exists(Account)"), ExpressionAttributeNames: map[string]string{"#t": "To"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":a": &types.AttributeValueMemberSS{Value: []string{asker}}}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err = classify("note to whom", err); fault.Is(err, fault.Conflict) {
		return false, nil // erased meanwhile
	}
	if err == nil {
		s.wrote(out.ConsumedCapacity)
	}
	return err == nil, err
}

// To returns with whom something of a reply in a named thread may stand.
func (s *Store) To(ctx context.Context, w, message string) ([]string, error) {
	var it nodeItem
	if err := s.get(ctx, key{threadPK(w, message), "@"}, &it); err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return it.To, nil
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

// Response is a reply to a message, or the first to an asker in a thread.
type Response struct {
	Whole     bool      // to an asker in a thread, asked with the first message
	Asked     time.Time //
	Answered  time.Time //
	First     bool      // no earlier reply to the same, by anyone
	Human     bool      // by a human, as no earlier one to the same
	Automatic bool      // no human wrote it
	Channel
	Language string // of the message
}

// Responses collects the response times of what humans answered in [from, to).
// It reads the responses day by day and keeps their seconds alone.
func (s *Store) Responses(ctx context.Context, w string, from, to time.Time) (conversation.Figures, error) {
	var f conversation.Figures
	err := s.EachResponse(ctx, w, from, to, func(r Response) {
		seconds := conversation.Took(r.Asked, r.Answered).Seconds()
		switch {
		case r.Automatic:
		case r.Whole && r.Human:
			f.PerConversation = append(f.PerConversation, seconds)
		case !r.Whole:
			f.PerPair = append(f.PerPair, seconds)
			if r.Human {
				f.PerMessage = append(f.PerMessage, seconds)
			}
		}
	})
	f.Sort()
	return f, err
}

// EachResponse calls f, one call at a time and in no order, with what was answered in [from, to).
func (s *Store) EachResponse(ctx context.Context, w string, from, to time.Time, f func(Response)) error {
	return s.eachResponse(ctx, w, from, to, 0, f)
}

// eachResponse is EachResponse; if most is not 0, of at most so many of each partition of a day.
func (s *Store) eachResponse(ctx context.Context, w string, from, to time.Time, most int, f func(Response)) error {
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
	var mu sync.Mutex
	errs := parallel.Each(ctx, len(parts), responseReaders, func(i int) error {
		q := query{pk: parts[i], from: "X#" + social.Stamp(from), to: "X#" + social.Stamp(to), limit: cmp.Or(most, pageOfResponses)}
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
				f(Response{strings.HasPrefix(kind, "c#"), time.UnixMilli(it.Asked).UTC(), t, it.First, it.Human, it.Automatic, Channel{social.Platform(it.Platform), it.Scope}, it.Language})
			}
			mu.Unlock()
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
	var items []exchangeItem
	for _, up := range []string{"X#", "XA#"} {
		q := query{pk: partPK(w, thread, asker), prefix: up, descending: true, limit: limit + 1}
		if after != "" {
			q.after = up + after
		}
		list, err := all[exchangeItem](ctx, s, q)
		if err != nil {
			return nil, "", err
		}
		items = append(items, list...)
	}
	at := func(it exchangeItem) string { _, at, _ := strings.Cut(it.SK, "#"); return at }
	slices.SortFunc(items, func(a, b exchangeItem) int { return strings.Compare(at(b), at(a)) })
	place := ""
	if len(items) > limit {
		items = items[:limit]
		place = at(items[limit-1])
	}
	out := make([]conversation.Exchange, len(items))
	for i, it := range items {
		r, err := it.reply()
		if err != nil {
			return nil, "", err
		}
		if out[i] = r.Exchange; out[i].Answered.Before(out[i].Asked) {
			out[i].Answered = out[i].Asked // clocks differ
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
