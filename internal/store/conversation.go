package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/social"
)

// Threads. A thread is a tree of messages. Where the platform names the
// thread, that name is its id. Else it is the topmost message known of: a
// message whose parent has not arrived stands under the parent's id, and when
// the parent arrives and has a parent of its own, the whole thread is linked
// below that one (an L# item), never moved. Both sides write first and look
// afterwards, so one of them sees the other.

// Place says where a message is: its thread, and where its activity is kept.
type Place struct {
	Message   string
	Thread    string // as it was found when the message was stored; Root follows it up
	Ref       FactRef
	Direction social.Direction
	Occurred  time.Time
}

// placeItem is a message's place; of a message that was erased, all that is
// left of it where others hang below it: Thread.
type placeItem struct {
	PK, SK              string
	Thread              string
	Account, Fact       string `dynamodbav:",omitempty"`
	Direction, Occurred string `dynamodbav:",omitempty"`
}

type nodeItem struct {
	PK, SK                                           string
	Message, Activity, Key, Account, Fact, Direction string
	Occurred                                         string
	InReplyTo                                        string `dynamodbav:",omitempty"`
	Private                                          bool   `dynamodbav:",omitempty"`
	Content                                          bool   `dynamodbav:",omitempty"`
	Deleted                                          bool   `dynamodbav:",omitempty"`
}

// maxHops bounds how far threads are followed, up or down.
const maxHops = 2000

// Place returns where a message is; an error of kind NotFound if it has not arrived, or was erased.
func (s *Store) Place(ctx context.Context, w, message string) (Place, error) {
	var it placeItem
	if err := s.get(ctx, key{threadPK(w, message), "@"}, &it); err != nil {
		return Place{}, fmt.Errorf("place of %s: %w", message, err)
	}
	if it.Account == "" {
		return Place{}, fmt.Errorf("place of %s: %w", message, fault.New(fault.NotFound, "the message was erased"))
	}
	t, err := social.ParseStamp(it.Occurred)
	return Place{Message: message, Thread: it.Thread, Ref: FactRef{Account: it.Account, SK: it.Fact}, Direction: social.Direction(it.Direction), Occurred: t}, err
}

// PutPlace notes where a message is. A message that has a place keeps it; the
// place that holds is returned.
func (s *Store) PutPlace(ctx context.Context, w string, p Place) (Place, error) {
	old, err := s.putNew(ctx, placeItem{PK: threadPK(w, p.Message), SK: "@", Thread: p.Thread, Account: p.Ref.Account, Fact: p.Ref.SK,
		Direction: string(p.Direction), Occurred: social.Stamp(p.Occurred)})
	if !errors.Is(err, errExists) {
		return p, err
	}
	var it placeItem
	if err := attributevalue.UnmarshalMap(old, &it); err != nil {
		return p, err
	}
	p.Thread = it.Thread
	return p, nil
}

// Root follows a thread up to the topmost one that it is linked below. A ring
// of replies, which only a forger makes, has its smallest id as root.
func (s *Store) Root(ctx context.Context, w, thread string) (string, error) {
	if strings.HasPrefix(thread, "thr_") {
		return thread, nil // the platform names it: nothing is above
	}
	seen := []string{}
	for len(seen) < maxHops {
		var p placeItem
		err := s.get(ctx, key{threadPK(w, thread), "@"}, &p)
		if fault.Is(err, fault.NotFound) || err == nil && p.Thread == thread {
			return thread, nil
		}
		if err != nil {
			return "", fmt.Errorf("root of %s: %w", thread, err)
		}
		if i := slices.Index(seen, thread); i >= 0 {
			return slices.Min(seen[i:]), nil
		}
		seen = append(seen, thread)
		thread = p.Thread
	}
	return thread, nil
}

// PutNode notes a message in a thread. A node that is there stays.
func (s *Store) PutNode(ctx context.Context, w, thread string, n conversation.Node, ref FactRef) error {
	_, err := s.putNew(ctx, nodeItem{PK: threadPK(w, thread), SK: nodeSK(n), Message: n.Message, Activity: n.Activity, Key: n.Key,
		Account: n.Account, Fact: ref.SK, Direction: string(n.Direction), Occurred: social.Stamp(n.Occurred), InReplyTo: n.InReplyTo, Private: n.Private, Content: n.Content})
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

func nodeSK(n conversation.Node) string {
	if n.Direction == social.Outbound {
		return "M#o#" + social.Stamp(n.Occurred) + "#" + n.Activity
	}
	return "M#i#" + n.Account + "#" + social.Stamp(n.Occurred) + "#" + n.Activity
}

// PutMerged links a thread below another.
func (s *Store) PutMerged(ctx context.Context, w, into, thread string) error {
	_, err := s.putNew(ctx, key{threadPK(w, into), mergedSK(thread)})
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// HasNodes reports whether anything is noted in a thread.
func (s *Store) HasNodes(ctx context.Context, w, thread string) (bool, error) {
	items, err := all[key](ctx, s, query{pk: threadPK(w, thread), from: "L#", to: "M$", limit: 1}) // "$" follows "#"
	return len(items) > 0, err
}

// NodeRef is a node and where its activity is kept.
type NodeRef struct {
	conversation.Node
	Ref FactRef
}

// smallThread is the number of items up to which a thread is read whole; of a
// larger one only what is asked for.
const smallThread = 300

// Tree returns a thread and those linked below it, at any depth, itself
// first, and their nodes: of asker ("": of every asker) and of the business.
func (s *Store) Tree(ctx context.Context, w, thread, asker string) (threads []string, nodes []NodeRef, err error) {
	threads = []string{thread}
	for i := 0; i < len(threads) && i < maxHops; i++ {
		items, err := s.threadItems(ctx, w, threads[i], asker)
		if err != nil {
			return nil, nil, fmt.Errorf("nodes of %s: %w", threads[i], err)
		}
		for _, it := range items {
			if strings.HasPrefix(it.SK, "L#") {
				if t := lastPart(it.SK); !slices.Contains(threads, t) {
					threads = append(threads, t)
				}
				continue
			}
			if asker != "" && it.Direction == string(social.Inbound) && it.Account != asker {
				continue
			}
			t, err := social.ParseStamp(it.Occurred)
			if err != nil {
				return nil, nil, err
			}
			nodes = append(nodes, NodeRef{conversation.Node{Message: it.Message, Activity: it.Activity, Key: it.Key, Account: it.Account,
				Direction: social.Direction(it.Direction), Occurred: t, InReplyTo: it.InReplyTo, Private: it.Private, Content: it.Content, Deleted: it.Deleted},
				FactRef{Account: it.Account, SK: it.Fact}})
		}
	}
	return threads, nodes, nil
}

// threadItems reads the links and nodes of one thread.
func (s *Store) threadItems(ctx context.Context, w, thread, asker string) ([]nodeItem, error) {
	pk := threadPK(w, thread)
	whole := query{pk: pk, from: "L#", to: "M$"}
	if asker != "" {
		whole.limit = smallThread
	}
	items, err := all[nodeItem](ctx, s, whole)
	if err != nil || whole.limit == 0 || len(items) < whole.limit {
		return items, err
	}
	items = nil
	for _, prefix := range []string{"L#", "M#i#" + asker + "#", "M#o#"} {
		part, err := all[nodeItem](ctx, s, query{pk: pk, prefix: prefix})
		if err != nil {
			return nil, err
		}
		items = append(items, part...)
	}
	return items, nil
}

// MarkDeleted marks a message's node; where there is none yet, nothing happens.
func (s *Store) MarkDeleted(ctx context.Context, w, thread string, n conversation.Node) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{threadPK(w, thread), nodeSK(n)}.av(),
		UpdateExpression: aws.String("SET Deleted = :t"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberBOOL{Value: true}}})
	if err = classify("mark deleted", err); fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// PutEdit notes an edit or deletion at the message it is about, which may not have arrived.
func (s *Store) PutEdit(ctx context.Context, w, message string, a social.Activity, reader string) error {
	it := toItem(threadPK(w, message), editSK(a), a, reader)
	_, _, err := s.putFact(ctx, &it, dated)
	return err
}

// Edits returns the edits and deletions of a message, oldest first.
func (s *Store) Edits(ctx context.Context, w, message string) ([]social.Activity, error) {
	items, err := all[activityItem](ctx, s, query{pk: threadPK(w, message), prefix: "E#"})
	if err != nil {
		return nil, err
	}
	out := make([]social.Activity, len(items))
	for i, it := range items {
		if out[i], err = it.activity(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Head is a conversation as it is stored.
type Head struct {
	conversation.Conversation
	Thread  string
	Asker   string // account id
	Version int64
}

type headItem struct {
	PK, SK       string
	G1PK         string `dynamodbav:",omitempty"`
	G1SK         string `dynamodbav:",omitempty"`
	G2PK         string `dynamodbav:",omitempty"`
	G2SK         string `dynamodbav:",omitempty"`
	Version      int64
	Thread       string
	Asker        string
	Started      string         `dynamodbav:",omitempty"`
	Last         string         `dynamodbav:",omitempty"`
	Messages     int            `dynamodbav:",omitempty"`
	LastKey      string         `dynamodbav:",omitempty"`
	WaitingSince string         `dynamodbav:",omitempty"`
	WaitingKey   string         `dynamodbav:",omitempty"`
	Exchanges    []exchangeItem `dynamodbav:",omitempty"`
}

type exchangeItem struct {
	Asked, Answered int64 // Unix milliseconds
	Answer          string
	FirstToIt       bool `dynamodbav:",omitempty"`
	FirstToAll      bool `dynamodbav:",omitempty"`
}

func (it headItem) head() (Head, error) {
	h := Head{Thread: it.Thread, Asker: it.Asker, Version: it.Version}
	h.Messages, h.LastKey, h.WaitingKey = it.Messages, it.LastKey, it.WaitingKey
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&h.Started, it.Started}, {&h.Last, it.Last}, {&h.WaitingSince, it.WaitingSince}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return h, err
		}
		*x.to = t
	}
	for _, e := range it.Exchanges {
		h.Exchanges = append(h.Exchanges, conversation.Exchange{Asked: time.UnixMilli(e.Asked).UTC(), Answered: time.UnixMilli(e.Answered).UTC(),
			Answer: e.Answer, FirstToIt: e.FirstToIt, FirstToAll: e.FirstToAll})
	}
	return h, nil
}

// Head returns the stored conversation of asker in thread; one that is not there has version 0.
func (s *Store) Head(ctx context.Context, w, thread, asker string) (Head, error) {
	var it headItem
	err := s.get(ctx, key{threadPK(w, thread), headSK(asker)}, &it)
	if fault.Is(err, fault.NotFound) {
		return Head{Thread: thread, Asker: asker}, nil
	}
	if err != nil {
		return Head{}, err
	}
	return it.head()
}

// MaxExchanges bounds how many exchanges a head keeps, the newest, so that it
// fits an item: of a conversation with more replies, older ones are missing
// from the response times.
const MaxExchanges = 2000

// PutHead writes a conversation whose Version is the one read before. One
// without messages is in no list, but its item stays, so that its version does.
func (s *Store) PutHead(ctx context.Context, w string, h Head) error {
	it := headItem{PK: threadPK(w, h.Thread), SK: headSK(h.Asker), Version: h.Version + 1, Thread: h.Thread, Asker: h.Asker}
	if h.Messages == 0 {
		return s.putVersion(ctx, it, h.Version)
	}
	it.Started, it.Last, it.Messages, it.LastKey = social.Stamp(h.Started), social.Stamp(h.Last), h.Messages, h.LastKey
	it.G2PK, it.G2SK = conversationG2(w, h.Thread), it.Last+"#"+h.Thread+"#"+h.Asker
	if !h.WaitingSince.IsZero() {
		it.WaitingSince, it.WaitingKey = social.Stamp(h.WaitingSince), h.WaitingKey
		it.G1PK, it.G1SK = waitingG1(w, h.Thread), it.WaitingSince+"#"+h.Thread+"#"+h.Asker
	}
	for _, e := range h.Exchanges[max(0, len(h.Exchanges)-MaxExchanges):] {
		it.Exchanges = append(it.Exchanges, exchangeItem{Asked: e.Asked.UnixMilli(), Answered: e.Answered.UnixMilli(),
			Answer: e.Answer, FirstToIt: e.FirstToIt, FirstToAll: e.FirstToAll})
	}
	return s.putVersion(ctx, it, h.Version)
}

// DeleteHead removes the head of asker in a thread.
func (s *Store) DeleteHead(ctx context.Context, w, thread, asker string) error {
	return s.delete(ctx, key{threadPK(w, thread), headSK(asker)})
}

// DeleteNode removes a message from a thread.
func (s *Store) DeleteNode(ctx context.Context, w, thread string, n conversation.Node) error {
	return s.delete(ctx, key{threadPK(w, thread), nodeSK(n)})
}

// DeleteHeads removes the heads of a thread that was linked below another.
func (s *Store) DeleteHeads(ctx context.Context, w, thread string) error {
	heads, err := all[key](ctx, s, query{pk: threadPK(w, thread), prefix: headSK("")})
	if err != nil {
		return err
	}
	for _, h := range heads {
		if err := s.delete(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// Conversations returns those with their newest message in [from, to], oldest first in each of the lists' shards.
func (s *Store) Conversations(ctx context.Context, w string, from, to time.Time) ([]Head, error) {
	return s.heads(ctx, "G2", w+"#CV", social.Stamp(from), social.Stamp(to)+"$")
}

// Waiting returns the conversations in which somebody waits, the longest wait first.
func (s *Store) Waiting(ctx context.Context, w string) ([]Head, error) {
	hs, err := s.heads(ctx, "G1", w+"#W", "", "")
	slices.SortFunc(hs, func(a, b Head) int {
		if c := a.WaitingSince.Compare(b.WaitingSince); c != 0 {
			return c
		}
		return strings.Compare(a.Thread+a.Asker, b.Thread+b.Asker)
	})
	return hs, err
}

func (s *Store) heads(ctx context.Context, index, prefix, from, to string) ([]Head, error) {
	var out []Head
	for _, pk := range allShards(prefix) {
		items, err := all[headItem](ctx, s, query{index: index, pk: pk, from: from, to: to})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			h, err := it.head()
			if err != nil {
				return nil, err
			}
			out = append(out, h)
		}
	}
	return out, nil
}
