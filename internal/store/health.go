package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

const (
	slot = 5 * time.Minute // how finely it is kept when something was heard

	// heardFor is how long it is kept when a source was heard: the eight weeks
	// that a rhythm is learnt from, and two more.
	heardFor = 70 * 24 * time.Hour
	// notesFor is how long intake's notes are kept.
	notesFor = 35 * 24 * time.Hour
)

type hourItem struct {
	PK, SK string
	Slots  []int
}

type lastHeardItem struct {
	PK, SK string
	Last   string
}

// PutHeard notes that a delivery of a source was received at an instant: the
// slot of five minutes that it lies in has been heard. Noting it again, in any
// order, changes nothing; it costs a write each time, so that whoever handles
// a batch of deliveries should note each slot once.
func (s *Store) PutHeard(ctx context.Context, w, source string, at time.Time) error {
	// First what outlasts the hours, when it was heard last: an attempt that
	// dies in between is done again as a whole.
	if err := s.raise(ctx, key{workspacePK(w), lastHeardSK(source)}, "Last", at.UTC().Truncate(slot)); err != nil {
		return err
	}
	hour := at.UTC().Truncate(time.Hour)
	n := strconv.Itoa(int(at.UTC().Sub(hour) / slot))
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{heardPK(w, source), hourSK(hour)}.av(),
		UpdateExpression: aws.String("ADD Slots :n SET #ttl = :ttl"), ExpressionAttributeNames: map[string]string{"#ttl": "ttl"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": &types.AttributeValueMemberNS{Value: []string{n}}, ":ttl": num(hour.Add(heardFor).Unix())},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal})
	if err != nil {
		return classify("heard "+source, err)
	}
	s.wrote(out.ConsumedCapacity)
	return nil
}

// raise sets an attribute that holds an instant, unless it holds a later one.
func (s *Store) raise(ctx context.Context, k key, attr string, at time.Time) error {
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: k.av(), UpdateExpression: aws.String("SET #a = :t"),
		ConditionExpression: aws.String("attribute_not_exists(#a) OR #a < :t"), ExpressionAttributeNames: map[string]string{"#a": attr},
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": str(social.Stamp(at))}, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err = classify("raise "+attr, err); err == nil {
		s.wrote(out.ConsumedCapacity)
	} else if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Heard returns the starts of the slots in which a source was heard, from
// from on and before to, ascending. What was heard over 70 days ago is gone.
func (s *Store) Heard(ctx context.Context, w, source string, from, to time.Time) ([]time.Time, error) {
	items, err := all[hourItem](ctx, s, query{pk: heardPK(w, source), from: hourSK(from), to: hourSK(to), most: int(heardFor/time.Hour) + 49})
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for _, it := range items {
		list, err := it.slots()
		if err != nil {
			return nil, err
		}
		for _, at := range list {
			if !at.Before(from) && at.Before(to) {
				out = append(out, at)
			}
		}
	}
	return out, nil
}

// slots returns the starts of the item's slots, ascending; there is one at least.
func (it hourItem) slots() ([]time.Time, error) {
	hour, err := time.Parse("2006-01-02T15", it.SK)
	if err != nil {
		return nil, err
	}
	slices.Sort(it.Slots)
	out := make([]time.Time, len(it.Slots))
	for i, n := range it.Slots {
		out[i] = hour.Add(time.Duration(n) * slot)
	}
	return out, nil
}

// LastHeard returns the start of the slot in which a source was heard last,
// however long ago; the zero instant if it never was.
func (s *Store) LastHeard(ctx context.Context, w, source string) (time.Time, error) {
	items, err := all[hourItem](ctx, s, query{pk: heardPK(w, source), descending: true, limit: 1})
	if err != nil {
		return time.Time{}, err
	}
	if len(items) > 0 {
		list, err := items[0].slots()
		if err != nil {
			return time.Time{}, err
		}
		return list[len(list)-1], nil
	}
	var it lastHeardItem
	err = s.get(ctx, key{workspacePK(w), lastHeardSK(source)}, &it)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return social.ParseStamp(it.Last)
}

// Note is what one running copy of intake has to say of an app: how many
// requests it refused in a slot of five minutes, so far, and when it answered
// a handshake.
type Note struct {
	App, Instance string
	Slot          time.Time // its start
	Refused       int       // since the slot's start; 0: nothing to say
	Reason        string    // the commonest
	Handshake     time.Time // zero: nothing to say
}

type noteItem struct {
	PK, SK   string
	Slot     string
	Instance string
	Refused  int
	Reason   string
	TTL      int64 `dynamodbav:"ttl"`
}

type handshakeItem struct {
	PK, SK    string
	Handshake string
}

// PutNote keeps, for each app, slot and instance, the note with the most
// refusals, and for each app the latest handshake: notes may come in any
// order, and again.
func (s *Store) PutNote(ctx context.Context, n Note) error {
	if !n.Handshake.IsZero() {
		if err := s.raise(ctx, key{notesPK(n.App), "@"}, "Handshake", n.Handshake); err != nil {
			return err
		}
	}
	if n.Refused <= 0 {
		return nil
	}
	at := n.Slot.UTC().Truncate(slot)
	item, err := attributevalue.MarshalMap(noteItem{PK: notesPK(n.App), SK: noteSK(social.Stamp(at), n.Instance), Slot: social.Stamp(at), Instance: n.Instance,
		Refused: n.Refused, Reason: n.Reason, TTL: at.Add(notesFor).Unix()})
	if err != nil {
		return err
	}
	out, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: item, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		ConditionExpression:       aws.String("attribute_not_exists(PK) OR Refused < :n OR (Refused = :n AND Reason < :r)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": num(int64(n.Refused)), ":r": str(n.Reason)}})
	if err = classify("note of "+n.App, err); err == nil {
		s.wrote(out.ConsumedCapacity)
	} else if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Notes returns the notes of refusals of an app in the slots that begin from
// from on and before to, by slot and instance. What is over 35 days old is gone.
func (s *Store) Notes(ctx context.Context, app string, from, to time.Time) ([]Note, error) {
	var out []Note
	items, err := all[noteItem](ctx, s, query{pk: notesPK(app), from: social.Stamp(from), to: social.Stamp(to), most: maxNotes})
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		at, err := social.ParseStamp(it.Slot)
		if err != nil {
			return nil, err
		}
		out = append(out, Note{App: app, Instance: it.Instance, Slot: at, Refused: it.Refused, Reason: it.Reason})
	}
	return out, nil
}

// LastHandshake returns when an app's platform last tested the hook; the zero
// instant if it never did.
func (s *Store) LastHandshake(ctx context.Context, app string) (time.Time, error) {
	var it handshakeItem
	err := s.get(ctx, key{notesPK(app), "@"}, &it)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return social.ParseStamp(it.Handshake)
}

// Lease is the state of a subscription that Rapport renews.
type Lease struct {
	Asked time.Time // when it last asked the platform
	Until time.Time // when what was granted ends; zero: nothing was granted yet
	Error string    // why the last asking was in vain; "": it was not
}

type leaseItem struct {
	PK, SK string
	Asked  string
	Until  string `dynamodbav:",omitempty"`
	Error  string `dynamodbav:",omitempty"`
}

// PutLease replaces what is known of a source's subscription.
func (s *Store) PutLease(ctx context.Context, w, source string, l Lease) error {
	it := leaseItem{PK: workspacePK(w), SK: leaseSK(source), Asked: social.Stamp(l.Asked), Error: l.Error}
	if !l.Until.IsZero() {
		it.Until = social.Stamp(l.Until)
	}
	return s.put(ctx, it)
}

// Lease returns what is known of a source's subscription; an error of kind
// NotFound if it was never asked for.
func (s *Store) Lease(ctx context.Context, w, source string) (Lease, error) {
	var it leaseItem
	if err := s.get(ctx, key{workspacePK(w), leaseSK(source)}, &it); err != nil {
		return Lease{}, err
	}
	l := Lease{Error: it.Error}
	var err error
	if l.Asked, err = social.ParseStamp(it.Asked); err != nil || it.Until == "" {
		return l, err
	}
	l.Until, err = social.ParseStamp(it.Until)
	return l, err
}

// Revocation says that the grant behind a source has ended.
type Revocation struct {
	At     time.Time
	Reason string
}

// Holds reports whether nothing was heard of the source since: a delivery of
// a later slot shows that it was granted again.
func (r Revocation) Holds(lastHeard time.Time) bool { return !lastHeard.After(r.At) }

type revokedItem struct {
	PK, SK string
	At     string
	Reason string
}

// PutRevoked notes that the grant behind a source has ended. Of several the
// latest is kept, whatever their order.
func (s *Store) PutRevoked(ctx context.Context, w, source string, at time.Time, reason string) error {
	item, err := attributevalue.MarshalMap(revokedItem{PK: workspacePK(w), SK: revokedSK(source), At: social.Stamp(at), Reason: reason})
	if err != nil {
		return err
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: item,
		ConditionExpression:      aws.String("attribute_not_exists(PK) OR #at < :at OR (#at = :at AND Reason < :r)"),
		ExpressionAttributeNames: map[string]string{"#at": "At"}, ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(social.Stamp(at)), ":r": str(reason)}})
	if err = classify("revoked "+source, err); fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Revoked returns the latest revocation of a source, whether it still Holds or
// not; an error of kind NotFound if there was none.
func (s *Store) Revoked(ctx context.Context, w, source string) (Revocation, error) {
	var it revokedItem
	if err := s.get(ctx, key{workspacePK(w), revokedSK(source)}, &it); err != nil {
		return Revocation{}, err
	}
	at, err := social.ParseStamp(it.At)
	return Revocation{At: at, Reason: it.Reason}, err
}

// Silence is the newest silence of a source that was to be announced.
type Silence struct {
	LastHeard time.Time // the slot before it
	Over      bool      // its end was announced too
}

type silenceItem struct {
	PK, SK    string
	LastHeard string
	Over      bool `dynamodbav:",omitempty"`
}

// PutSilence replaces a source's newest silence.
func (s *Store) PutSilence(ctx context.Context, w, source string, q Silence) error {
	return s.put(ctx, silenceItem{PK: workspacePK(w), SK: silenceSK(source), LastHeard: social.Stamp(q.LastHeard), Over: q.Over})
}

// Silence returns a source's newest silence; an error of kind NotFound if there was none.
func (s *Store) Silence(ctx context.Context, w, source string) (Silence, error) {
	var it silenceItem
	if err := s.get(ctx, key{workspacePK(w), silenceSK(source)}, &it); err != nil {
		return Silence{}, err
	}
	at, err := social.ParseStamp(it.LastHeard)
	return Silence{LastHeard: at, Over: it.Over}, err
}

// Announcement is something that crossed a line, of which the outside is to
// hear once.
type Announcement struct {
	ID       string            // deterministic: the same occasion has the same one
	Kind     string            //
	Source   string            // "": of none
	Person   string            // "": of none
	At       time.Time         // when it was first announced
	Text     string            // for people, one or two sentences
	Evidence map[string]string // what it rests on, by name
}

type announcementItem struct {
	PK, SK     string
	G1PK, G1SK string
	ID, Kind   string
	Source     string `dynamodbav:",omitempty"`
	Person     string `dynamodbav:",omitempty"`
	At         string
	Text       string
	Evidence   map[string]string `dynamodbav:",omitempty"`
}

// Announce puts an announcement into the outbox, unless one with its id is
// there, and reports whether it was new.
func (s *Store) Announce(ctx context.Context, w string, a Announcement) (bool, error) {
	_, err := s.putNew(ctx, a.item(key{announcedPK(w, a.ID), a.ID}, w))
	if errors.Is(err, errExists) {
		return false, nil
	}
	return err == nil, err
}

func (a Announcement) item(k key, w string) announcementItem {
	at := social.Stamp(a.At)
	return announcementItem{PK: k.PK, SK: k.SK, G1PK: announcedG1(w, a.ID), G1SK: at + "#" + a.ID,
		ID: a.ID, Kind: a.Kind, Source: a.Source, Person: a.Person, At: at, Text: a.Text, Evidence: a.Evidence}
}

// Announcement returns one announcement; an error of kind NotFound if it was never made.
func (s *Store) Announcement(ctx context.Context, w, id string) (Announcement, error) {
	var it announcementItem
	if err := s.get(ctx, key{announcedPK(w, id), id}, &it); err != nil {
		return Announcement{}, err
	}
	return it.announcement()
}

func (it announcementItem) announcement() (Announcement, error) {
	at, err := social.ParseStamp(it.At)
	return Announcement{ID: it.ID, Kind: it.Kind, Source: it.Source, Person: it.Person, At: at, Text: it.Text, Evidence: it.Evidence}, err
}

// Announcements lists a workspace's announcements, newest first, the shards
// merged, after the given place ("" from the newest), at most limit, and the
// place of the last one. The index behind it lags a moment.
func (s *Store) Announcements(ctx context.Context, w, after string, limit int) ([]Announcement, string, error) {
	var items []announcementItem
	for _, pk := range allShards(w + "#XN") {
		part, err := all[announcementItem](ctx, s, query{index: "G1", pk: pk, after: after, descending: true, limit: limit})
		if err != nil {
			return nil, "", err
		}
		items = append(items, part...)
	}
	slices.SortFunc(items, func(a, b announcementItem) int { return strings.Compare(b.G1SK, a.G1SK) })
	items = items[:min(limit, len(items))]
	out := make([]Announcement, len(items))
	last := after
	for i, it := range items {
		a, err := it.announcement()
		if err != nil {
			return nil, "", err
		}
		out[i], last = a, it.G1SK
	}
	return out, last, nil
}
