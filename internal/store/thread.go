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
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Threads. A thread is a tree of messages. Where the platform names the
// thread, that name is its id. Else it is the topmost message known of: a
// message whose parent has not arrived stands under the parent's id. When the
// parent arrives and has a parent of its own, its place says so, and what
// stands under its id moves up to the root (MovePart). Whoever writes
// something under a root looks afterwards whether it still is one.
//
// What a message needs is found by its own key or as the first of a list, so
// that its cost doesn't grow with its thread.

// NodeRef is a message of a thread and where its activity is kept.
type NodeRef struct {
	conversation.Node
	Ref      FactRef
	Channel  // where it was said
	Language string

	// Of one that was just made of a fact (NodeOf): what is above is as it was
	// read and stays so, like what a message said first; AsEdited corrects it.
	Correction *social.Correction
	corrected  conversation.Needs // its first words
}

// Channel is where something was said.
type Channel struct {
	Platform social.Platform
	Scope    string
}

// Place says where a message is: its thread, and where its activity is kept.
type Place struct {
	NodeRef
	Thread string // as it was found when the message was stored; Root follows it up
}

// NodeOf is the message that an activity is.
func NodeOf(a social.Activity) NodeRef {
	corrected := a
	a = a.AsRead()
	n := conversation.Node{Message: MessageID(a.Platform, a.Scope, a.Object.ID), Activity: a.ID(), Key: a.Key, Account: a.Account().AccountID(),
		Direction: a.Direction, Occurred: a.Occurred.UTC().Truncate(time.Millisecond), Private: a.Type == social.Message, Named: a.Conversation != "",
		Flat: a.Flat, Automatic: a.Automatic}
	if a.InReplyTo != "" {
		n.InReplyTo = MessageID(a.Platform, a.Scope, a.InReplyTo)
	}
	if a.Direction == social.Inbound {
		n.Needs = needsOf(a, a.Automatic)
		return NodeRef{n, RefOf(a), Channel{a.Platform, a.Scope}, a.Language, a.Correction, needsOf(corrected, a.Automatic)}
	}
	for _, id := range a.Addressed {
		n.Addressed = append(n.Addressed, social.AccountRef{Platform: a.Platform, Scope: a.Actor.Scope, ID: id}.AccountID())
	}
	return NodeRef{Node: n, Ref: RefOf(a), Channel: Channel{a.Platform, a.Scope}, Language: a.Language}
}

// needsOf says whether a message waits for an answer. A mark without words asks nothing.
func needsOf(a social.Activity, automatic bool) conversation.Needs {
	if a.Rating != nil && a.Text == "" && a.Intent != social.IntentUnread {
		return 0
	}
	return conversation.NeedsOf(a.Reading, automatic)
}

// AsEdited is an asker's message as its edits, oldest first, left it, and a
// correction of what it says now. Where the newest text waits and the first
// did not, it waits since the edit from which on it did.
func AsEdited(n NodeRef, edits []social.Activity) NodeRef {
	if n.Correction != nil {
		n.Needs = n.corrected
	}
	first := n.Needs
	var since time.Time
	for _, e := range edits {
		if e.Type != social.Edit {
			n.Deleted = true
			continue
		}
		e.Correction = n.Correction
		n.Needs = needsOf(e.AsCorrected(), n.Automatic)
		switch {
		case !n.Needs.Asks():
			since = time.Time{}
		case since.IsZero():
			since = e.Occurred
		}
	}
	if n.Direction == social.Outbound {
		n.Needs = 0
	} else if !first.Asks() && since.After(n.Occurred) {
		n.Since = since
	}
	return n
}

// ByPlatform reports whether the platform names a thread.
func ByPlatform(thread string) bool { return strings.HasPrefix(thread, "thr_") }

// ThreadOf finds the thread of a message: the platform's, or that of the
// message it replies to, or one of its own.
func (s *Store) ThreadOf(ctx context.Context, w string, a social.Activity) (string, error) {
	switch {
	case a.Conversation != "":
		return ThreadID(a.Platform, a.Scope, a.Conversation), nil
	case a.InReplyTo == "":
		return MessageID(a.Platform, a.Scope, a.Object.ID), nil
	}
	return s.Root(ctx, w, MessageID(a.Platform, a.Scope, a.InReplyTo))
}

// nodeItem is a message in one of the lists it is in, or its place. Of a
// message that was erased, all that is left of its place, where others' say
// that they hang below it, is Thread.
type nodeItem struct {
	PK, SK    string
	Schema    int
	Thread    string   `dynamodbav:",omitempty"`           // of a place
	Below     bool     `dynamodbav:",omitempty"`           // of a place: others' places name this message as their thread
	To        []string `dynamodbav:",stringset,omitempty"` // of a place: see PutTo
	Message   string   `dynamodbav:",omitempty"`
	Activity  string   `dynamodbav:",omitempty"`
	Key       string   `dynamodbav:",omitempty"`
	Account   string   `dynamodbav:",omitempty"`
	Fact      string   `dynamodbav:",omitempty"`
	Direction string   `dynamodbav:",omitempty"`
	Occurred  string   `dynamodbav:",omitempty"`
	InReplyTo string   `dynamodbav:",omitempty"`
	Private   bool     `dynamodbav:",omitempty"`
	Named     bool     `dynamodbav:",omitempty"`
	Flat      bool     `dynamodbav:",omitempty"`
	Automatic bool     `dynamodbav:",omitempty"`
	Addressed []string `dynamodbav:",omitempty"` // in a thread's own list
	Needs     uint8    `dynamodbav:",omitempty"`
	Since     string   `dynamodbav:",omitempty"`
	Gone      bool     `dynamodbav:",omitempty"` // in a thread's own list: the message was deleted
	Platform  string   `dynamodbav:",omitempty"`
	Scope     string   `dynamodbav:",omitempty"`
	Language  string   `dynamodbav:",omitempty"`
}

func newNodeItem(k key, n NodeRef) nodeItem {
	it := nodeItem{PK: k.PK, SK: k.SK, Schema: 2, Message: n.Message, Activity: n.Activity, Key: n.Key, Account: n.Account, Fact: n.Ref.SK,
		Direction: string(n.Direction), Occurred: social.Stamp(n.Occurred), InReplyTo: n.InReplyTo, Private: n.Private, Named: n.Named, Flat: n.Flat,
		Automatic: n.Automatic, Needs: uint8(n.Needs), Platform: string(n.Platform), Scope: n.Scope, Language: n.Language}
	if !n.Since.IsZero() {
		it.Since = social.Stamp(n.Since)
	}
	return it
}

func (it nodeItem) node() (NodeRef, error) {
	t, err := social.ParseStamp(it.Occurred)
	deleted := it.Gone || strings.HasPrefix(it.SK, "M#d#") || strings.HasPrefix(it.SK, "O-#")
	n := NodeRef{Node: conversation.Node{Message: it.Message, Activity: it.Activity, Key: it.Key, Account: it.Account, Direction: social.Direction(it.Direction),
		Occurred: t, InReplyTo: it.InReplyTo, Private: it.Private, Named: it.Named, Flat: it.Flat, Automatic: it.Automatic, Addressed: it.Addressed,
		Needs: conversation.Needs(it.Needs), Deleted: deleted}, Ref: FactRef{Account: it.Account, SK: it.Fact}, Channel: Channel{social.Platform(it.Platform), it.Scope}, Language: it.Language}
	if err == nil && it.Since != "" {
		n.Since, err = social.ParseStamp(it.Since)
	}
	return n, err
}

func (s *Store) nodes(ctx context.Context, q query) ([]NodeRef, error) {
	items, err := all[nodeItem](ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := make([]NodeRef, len(items))
	for i, it := range items {
		if out[i], err = it.node(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// maxHops bounds how far a thread is followed up.
const maxHops = 2000

// Place returns where a message is; an error of kind NotFound if it has not arrived, or was erased.
func (s *Store) Place(ctx context.Context, w, message string) (Place, error) {
	var it nodeItem
	if err := s.get(ctx, key{threadPK(w, message), "@"}, &it); err != nil {
		return Place{}, fmt.Errorf("place of %s: %w", message, err)
	}
	if it.Account == "" {
		return Place{}, fmt.Errorf("place of %s: %w", message, fault.New(fault.NotFound, "the message was erased"))
	}
	n, err := it.node()
	return Place{n, it.Thread}, err
}

// PutPlace notes where a message is, and reports whether that is new. A message
// that has a place keeps it; the place that holds is returned. One that was on
// the other side gets it on this one, if that is the fact's.
func (s *Store) PutPlace(ctx context.Context, w string, p Place) (held Place, fresh bool, err error) {
	it := newNodeItem(key{threadPK(w, p.Message), "@"}, p.NodeRef)
	it.Thread = p.Thread
	old, err := s.putNew(ctx, it)
	if !errors.Is(err, errExists) {
		return p, err == nil, err
	}
	var there nodeItem // not it: what is missing there would stay as it is here
	if err := attributevalue.UnmarshalMap(old, &there); err != nil {
		return p, false, err
	}
	p.Thread = there.Thread
	if there.Account != "" && there.Direction == string(p.Direction) {
		return p, false, nil
	}
	return p, false, s.placeAgain(ctx, w, p, there)
}

// placeAgain puts a message into a place that holds nothing but a thread any
// more, or the message as it was on the other side.
func (s *Store) placeAgain(ctx context.Context, w string, p Place, there nodeItem) error {
	k := key{threadPK(w, p.Message), "@"}
	if there.Account == "" {
		it := newNodeItem(k, p.NodeRef)
		it.Thread, it.Below = there.Thread, there.Below
		av, err := attributevalue.MarshalMap(it)
		if err != nil {
			return err
		}
		_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: av, ConditionExpression: aws.String("attribute_not_exists(Account)")})
		return notMeanwhile(classify("place", err))
	}
	a, err := s.Activity(ctx, w, p.Ref)
	if fault.Is(err, fault.NotFound) || err == nil && a.Direction != p.Direction {
		return nil // whoever views it looks at the fact afterwards
	}
	if err != nil {
		return err
	}
	set, values := "SET Direction = :d REMOVE Needs", map[string]types.AttributeValue{":d": str(string(p.Direction)), ":was": str(there.Direction)}
	if p.Needs > 0 {
		set, values[":n"] = "SET Direction = :d, Needs = :n", num(int64(p.Needs))
	}
	_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: k.av(), UpdateExpression: &set,
		ConditionExpression: aws.String("Direction = :was"), ExpressionAttributeValues: values})
	return notMeanwhile(classify("place", err))
}

// notMeanwhile leaves out that somebody else wrote an item meanwhile.
func notMeanwhile(err error) error {
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Path follows a thread up: it begins with the thread and ends with the
// topmost one, its root. A ring of replies, which only a forger makes, has its
// smallest id as root.
func (s *Store) Path(ctx context.Context, w, thread string) ([]string, error) {
	path := []string{thread}
	for len(path) < maxHops && !ByPlatform(thread) { // above one that the platform names is nothing
		var p nodeItem
		err := s.get(ctx, key{threadPK(w, thread), "@"}, &p)
		if fault.Is(err, fault.NotFound) || err == nil && p.Thread == thread {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("path of %s: %w", path[0], err)
		}
		thread = p.Thread
		if i := slices.Index(path, thread); i >= 0 {
			root := slices.Min(path[i:])
			return append(slices.DeleteFunc(path, func(t string) bool { return t == root }), root), nil
		}
		path = append(path, thread)
	}
	return path, nil
}

// Root returns the topmost thread above one, which may be itself.
func (s *Store) Root(ctx context.Context, w, thread string) (string, error) {
	path, err := s.Path(ctx, w, thread)
	if err != nil {
		return "", err
	}
	return path[len(path)-1], nil
}

// MarkBelow notes at a message's place that others' places name it as their
// thread, so that the place outlives the message.
func (s *Store) MarkBelow(ctx context.Context, w, message string) error {
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{threadPK(w, message), "@"}.av(),
		UpdateExpression: aws.String("SET Below = :t"), ConditionExpression: aws.String("attribute_exists(PK)"), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberBOOL{Value: true}}})
	if err = classify("mark below", err); fault.Is(err, fault.Conflict) {
		return nil // erased meanwhile
	}
	if err == nil {
		s.wrote(out.ConsumedCapacity)
	}
	return err
}

// List is a list of messages, in the order of time, in which each stands as
// it is or as deleted.
type List struct {
	pk          string
	own         bool // an asker's messages, which stand apart by whether they wait
	up, deleted string
}

// Own lists the messages of an asker's in a thread: those that wait for an
// answer unless they have one, those of which what was said before them decides
// that, and those that don't.
func Own(w, thread, asker string) List {
	return List{pk: partPK(w, thread, asker), own: true, deleted: "M#d#"}
}

// Replies lists the business's replies that name a message.
func Replies(w, message string) List {
	return List{pk: threadPK(w, message), up: "O#", deleted: "O-#"}
}

// Dependents lists what askers said that names a message, where it depends on
// that whether they wait.
func Dependents(w, message string) List {
	return List{pk: threadPK(w, message), up: "I#", deleted: "I#"}
}

// Named lists the business's private messages in a thread without a name that
// name what they reply to: they are looked for where a person is forgotten.
func Named(w, thread string) List {
	return List{pk: threadPK(w, thread), up: "PN#", deleted: "PN#"}
}

func order(n NodeRef) string { return social.Stamp(n.Occurred) + "#" + n.Activity }

// The lists of an asker's messages.
var owns = []string{"M#q#", "M#x#", "M#c#"}

func ownPrefix(n conversation.Needs) string {
	switch {
	case n.Depends():
		return "M#x#"
	case n.Asks():
		return "M#q#"
	}
	return "M#c#"
}

func (l List) at(n NodeRef) key {
	if l.own {
		if !n.Since.IsZero() {
			n.Needs = 0 // it waits as what the edit said
		}
		return key{l.pk, ownPrefix(n.Needs) + order(n)}
	}
	return key{l.pk, l.up + order(n)}
}

func (l List) deletedAt(n NodeRef) key { return key{l.pk, l.deleted + order(n)} }

// editedKeys are the places in an asker's list where a message may stand that
// was edited at some times.
func (l List) editedKeys(n NodeRef, edits []social.Activity) (out []key) {
	for _, at := range append([]social.Activity{{Occurred: n.Occurred}}, edits...) {
		if at.Type == social.Delete {
			continue
		}
		for _, up := range owns {
			out = append(out, key{l.pk, up + social.Stamp(at.Occurred) + "#" + n.Activity})
		}
	}
	return out
}

// EnterEdited puts an asker's message into its list as edits left it, and takes
// it away from wherever it stood there before them.
func (s *Store) EnterEdited(ctx context.Context, l List, n NodeRef, edits []social.Activity) error {
	var items []nodeItem
	if !n.Deleted {
		items = append(items, newNodeItem(l.at(n), n))
		if !n.Since.IsZero() {
			again := n
			again.Occurred = n.Since
			items = append(items, newNodeItem(key{l.pk, ownPrefix(n.Needs) + order(again)}, again))
		}
	} else {
		items = append(items, newNodeItem(l.deletedAt(n), n))
	}
	stays := map[key]bool{}
	for _, it := range items {
		stays[key{it.PK, it.SK}] = true
		if err := s.put(ctx, it); err != nil {
			return err
		}
	}
	for _, k := range l.editedKeys(n, edits) {
		if stays[k] {
			continue
		}
		if err := s.delete(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// DropEdit takes away where an asker's message stood since an edit.
func (s *Store) DropEdit(ctx context.Context, l List, n NodeRef, edit social.Activity) error {
	for _, k := range l.editedKeys(n, []social.Activity{edit}) {
		if err := s.delete(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func saidKey(w, thread string, n NodeRef) key {
	side := "i"
	if n.Direction == social.Outbound {
		side = "o"
	}
	return key{threadPK(w, thread), "T#" + social.Stamp(n.Occurred.Truncate(time.Second)) + "#" + side + "#" + order(n)} // as conversation.Order
}

// PutSaid puts a message into the list of all that was said in a thread that
// the platform names.
func (s *Store) PutSaid(ctx context.Context, w, thread string, n NodeRef) error {
	it := newNodeItem(saidKey(w, thread, n), n)
	it.Gone, it.Addressed = n.Deleted, n.Addressed
	return s.put(ctx, it)
}

// DeleteSaid takes a message out of that list, and counts what was there.
func (s *Store) DeleteSaid(ctx context.Context, w, thread string, n NodeRef) (int, error) {
	there, err := s.take(ctx, saidKey(w, thread, n))
	if there {
		return 1, err
	}
	return 0, err
}

// SaidNow returns a message as it stands in that list; an error of kind NotFound if it doesn't.
func (s *Store) SaidNow(ctx context.Context, w, thread string, n NodeRef) (NodeRef, error) {
	var it nodeItem
	if err := s.get(ctx, saidKey(w, thread, n), &it); err != nil {
		return NodeRef{}, err
	}
	return it.node()
}

// SaidBefore returns what was said in a thread before a message, in order, at
// most limit of the newest. What was deleted is among it.
func (s *Store) SaidBefore(ctx context.Context, w, thread string, n NodeRef, limit int) ([]NodeRef, error) {
	k := saidKey(w, thread, n)
	out, err := s.nodes(ctx, query{pk: k.PK, prefix: "T#", after: k.SK, descending: true, limit: limit})
	slices.Reverse(out)
	return out, err
}

// SaidFrom returns a message, if it is there, and what was said after it.
func (s *Store) SaidFrom(ctx context.Context, w, thread string, n NodeRef, limit int) ([]NodeRef, error) {
	k := saidKey(w, thread, n)
	return s.nodes(ctx, query{pk: k.PK, from: k.SK, to: "T$", limit: limit})
}

// SaidIn returns some of what people said in a thread, or, where the thread is
// the platform's, of what all said: at most limit messages of each of at most
// askers people, or the newest limit times askers of all. What was deleted may be among it.
func (s *Store) SaidIn(ctx context.Context, w, thread string, askers, limit int) ([]NodeRef, error) {
	if ByPlatform(thread) {
		return s.nodes(ctx, query{pk: threadPK(w, thread), prefix: "T#", descending: true, limit: limit * askers})
	}
	list, err := s.Askers(ctx, w, thread, "", askers)
	if err != nil {
		return nil, err
	}
	parts := make([][]NodeRef, len(list))
	errs := parallel.Each(ctx, len(list), 8, func(i int) (err error) {
		parts[i], err = s.nodes(ctx, query{pk: partPK(w, thread, list[i]), prefix: "M#", limit: limit})
		return err
	})
	return slices.Concat(parts...), errors.Join(errs...)
}

// Enter puts a message into a list. One that is there stays.
func (s *Store) Enter(ctx context.Context, l List, n NodeRef) error {
	_, err := s.putNew(ctx, newNodeItem(l.at(n), n))
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// Strike notes a message in a list as deleted.
func (s *Store) Strike(ctx context.Context, l List, n NodeRef) error {
	if l.up == l.deleted {
		return nil
	}
	if _, err := s.putNew(ctx, newNodeItem(l.deletedAt(n), n)); err != nil && !errors.Is(err, errExists) {
		return err
	}
	return s.delete(ctx, l.at(n))
}

// Remove takes a message out of a list, and counts what was there.
func (s *Store) Remove(ctx context.Context, l List, n NodeRef) (int, error) {
	removed := 0
	for _, k := range []key{l.at(n), l.deletedAt(n)} {
		there, err := s.take(ctx, k)
		if err != nil {
			return removed, err
		}
		if there {
			removed++
		}
	}
	return removed, nil
}

// take deletes an item and reports whether it was there.
func (s *Store) take(ctx context.Context, k key) (bool, error) {
	out, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.av(), ReturnValues: types.ReturnValueAllOld,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		return false, classify("take", err)
	}
	s.wrote(out.ConsumedCapacity)
	return len(out.Attributes) > 0, nil
}

// Deleted reports whether a message stands in a list as deleted.
func (s *Store) Deleted(ctx context.Context, l List, n NodeRef) (bool, error) {
	var it key
	err := s.get(ctx, l.deletedAt(n), &it)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Stands reports whether a message stands in a list, not deleted.
func (s *Store) Stands(ctx context.Context, l List, n NodeRef) (bool, error) {
	var it key
	err := s.get(ctx, l.at(n), &it)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// pageOfReplies is how many replies to one message are read at once.
const pageOfReplies = 200

// RepliesTo calls f with each reply that names a message, those that were deleted too.
func (s *Store) RepliesTo(ctx context.Context, w, message string, f func(NodeRef) error) error {
	return s.walk(ctx, query{pk: threadPK(w, message), from: "O#", to: "O.", limit: pageOfReplies}, f) // "-" follows "#", and "." follows "-"
}

// DependentsOf calls f with each message of an asker's that names a message and depends on it.
func (s *Store) DependentsOf(ctx context.Context, w, message string, f func(NodeRef) error) error {
	return s.walk(ctx, query{pk: threadPK(w, message), from: "I#", to: "I$", limit: pageOfReplies}, f)
}

// PrivateIn calls f with each private message of the business's in a thread.
func (s *Store) PrivateIn(ctx context.Context, w, thread string, f func(NodeRef) error) error {
	q := query{pk: threadPK(w, thread), from: "PN#", to: "PN$", limit: pageOfReplies}
	if ByPlatform(thread) {
		q.from, q.to = "T#", "T$"
	}
	return s.walk(ctx, q, func(n NodeRef) error {
		if n.Direction != social.Outbound || !n.Private {
			return nil
		}
		return f(n)
	})
}

// walk reads a range page by page.
func (s *Store) walk(ctx context.Context, q query, f func(NodeRef) error) error {
	for {
		items, err := all[nodeItem](ctx, s, q)
		if err != nil {
			return err
		}
		for _, it := range items {
			n, err := it.node()
			if err != nil {
				return err
			}
			if err := f(n); err != nil {
				return err
			}
			q.from = it.SK + "!"
		}
		if len(items) < q.limit {
			return nil
		}
	}
}

// PutAsker notes an asker in a thread. It reads before it writes, since most are there.
func (s *Store) PutAsker(ctx context.Context, w, thread, asker string) error {
	k := key{threadPK(w, thread), askerSK(asker)}
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

// DeleteAsker takes an asker off a thread.
func (s *Store) DeleteAsker(ctx context.Context, w, thread, asker string) error {
	return s.delete(ctx, key{threadPK(w, thread), askerSK(asker)})
}

// Asks reports whether an account is an asker of a thread.
func (s *Store) Asks(ctx context.Context, w, thread, asker string) (bool, error) {
	var it key
	err := s.get(ctx, key{threadPK(w, thread), askerSK(asker)}, &it)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Askers returns askers of a thread after one (""), at most limit, in the order of their ids.
func (s *Store) Askers(ctx context.Context, w, thread, after string, limit int) ([]string, error) {
	q := query{pk: threadPK(w, thread), prefix: askerSK(""), limit: limit}
	if after != "" {
		q.after = askerSK(after)
	}
	items, err := all[key](ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = lastPart(it.SK)
	}
	return out, nil
}

// MovePart moves an asker's part of a thread up to another. The asker stays
// on the list of the lower one, until DeleteAsker is called. What is taken
// away there meanwhile is not moved.
func (s *Store) MovePart(ctx context.Context, w, from, to, asker string) error {
	for _, part := range [][2]string{{"M#", "Y"}, {decisions, "DI$"}} {
		if err := s.moveAll(ctx, partPK(w, from, asker), part[0], part[1], partPK(w, to, asker)); err != nil {
			return err
		}
	}
	_, err := s.DeleteHead(ctx, w, from, asker)
	return err
}

// MovePrivate moves the list of what the business said in private up.
func (s *Store) MovePrivate(ctx context.Context, w, from, to string) error {
	return s.moveAll(ctx, threadPK(w, from), "PN#", "PN$", threadPK(w, to))
}

// pageOfMoves is how many items are read at once to be moved.
const pageOfMoves = 100

func (s *Store) moveAll(ctx context.Context, pk, from, to, into string) error {
	for {
		var items []map[string]types.AttributeValue
		err := s.scan(ctx, query{pk: pk, from: from, to: to, limit: pageOfMoves}, func(it map[string]types.AttributeValue) (bool, error) {
			items = append(items, it)
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, it := range items {
			from = text(it[attrSK]) + "!"
			if err := s.move(ctx, it, into); err != nil {
				return err
			}
		}
		if len(items) < pageOfMoves {
			return nil
		}
	}
}

// move puts an item under another partition and deletes it where it was, or
// does neither, if it is there no more.
func (s *Store) move(ctx context.Context, it map[string]types.AttributeValue, into string) error {
	old := key{text(it[attrPK]), text(it[attrSK])}
	it[attrPK] = str(into)
	err := s.transact(ctx, "move", []types.TransactWriteItem{{Put: &types.Put{TableName: &s.table, Item: it}},
		{Delete: &types.Delete{TableName: &s.table, Key: old.av(), ConditionExpression: aws.String("attribute_exists(PK)")}}})
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	var still key
	if err := s.get(ctx, old, &still); fault.Is(err, fault.NotFound) {
		return nil // somebody else moved it, or took it away
	} else if err != nil {
		return err
	}
	it[attrPK] = str(into)
	return fault.Wrap(fault.Conflict, err, "")
}

// transact writes several items or none. Where somebody else writes one of
// them at the same time, or a condition does not hold, its error is of kind Conflict.
func (s *Store) transact(ctx context.Context, op string, items []types.TransactWriteItem) error {
	out, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if e, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range e.CancellationReasons {
			if c := aws.ToString(r.Code); c == "TransactionConflict" || c == "ConditionalCheckFailed" {
				return fault.Wrap(fault.Conflict, fmt.Errorf("%s: %w", op, err), "")
			}
		}
	}
	if err != nil {
		return classify(op, err)
	}
	for i := range out.ConsumedCapacity {
		s.wrote(&out.ConsumedCapacity[i])
	}
	return nil
}

// PutEdit notes an edit or deletion at the message it is about, which may not have arrived.
func (s *Store) PutEdit(ctx context.Context, w, message string, a social.Activity) error {
	it := toItem(threadPK(w, message), editSK(a), a)
	_, _, err := s.putFact(ctx, &it, dated)
	return err
}

// Below is what is kept in a message's own partition: the askers who stand
// under its id, its edits, oldest first, and what names it.
type Below struct {
	Askers  []string
	Edits   []social.Activity
	Replies []NodeRef // those that were deleted too
	// What askers said that depends on the message, and closings that say that it is accepted.
	Dependents []NodeRef
	Accepted   []Accepted
	Whole      bool // there is no more
}

// fewBelow is how many items Below reads: most messages have hardly any.
const fewBelow = 20

// Below reads what stands below a message, if it is little.
func (s *Store) Below(ctx context.Context, w, message string) (b Below, err error) {
	n := 0
	q := query{pk: threadPK(w, message), from: "A#", to: "O.", limit: fewBelow} // "-" follows "#", and "." follows "-"
	err = s.scan(ctx, q, func(it map[string]types.AttributeValue) (bool, error) {
		n++
		switch kind, rest, _ := strings.Cut(text(it[attrSK]), "#"); kind {
		case "A":
			b.Askers = append(b.Askers, rest)
		case "E":
			var edit activityItem
			if err := attributevalue.UnmarshalMap(it, &edit); err != nil {
				return false, err
			}
			a, err := edit.activity()
			if err != nil {
				return false, err
			}
			b.Edits = append(b.Edits, a)
		case "J":
			var a acceptedItem
			if err := attributevalue.UnmarshalMap(it, &a); err != nil {
				return false, err
			}
			b.Accepted = append(b.Accepted, Accepted{a.Thread, a.Closing})
		case "I", "O", "O-":
			var reply nodeItem
			if err := attributevalue.UnmarshalMap(it, &reply); err != nil {
				return false, err
			}
			r, err := reply.node()
			if err != nil {
				return false, err
			}
			if kind == "I" {
				b.Dependents = append(b.Dependents, r)
			} else {
				b.Replies = append(b.Replies, r)
			}
		}
		return true, nil
	})
	byOccurred(b.Edits)
	b.Whole = n < fewBelow
	return b, err
}

func byOccurred(as []social.Activity) {
	slices.SortStableFunc(as, func(a, b social.Activity) int { return a.Occurred.Compare(b.Occurred) })
}

// maxEdits is how many edits of one message are read: its deletions, the first
// edits, and the newest, which is what the message says.
const maxEdits = 1000

// Edits returns the edits and deletions of a message, oldest first.
func (s *Store) Edits(ctx context.Context, w, message string) ([]social.Activity, error) {
	items, err := all[activityItem](ctx, s, query{pk: threadPK(w, message), prefix: "E#", limit: maxEdits})
	if err != nil {
		return nil, err
	}
	if len(items) == maxEdits {
		newest, err := all[activityItem](ctx, s, query{pk: threadPK(w, message), prefix: "E#", descending: true, limit: 1})
		if err != nil {
			return nil, err
		}
		items = append(items[:maxEdits-1], newest...)
	}
	out := make([]social.Activity, len(items))
	for i, it := range items {
		if out[i], err = it.activity(); err != nil {
			return nil, err
		}
	}
	byOccurred(out)
	return out, nil
}
