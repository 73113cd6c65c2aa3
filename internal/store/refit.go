package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/refit"
	"rapport/internal/social"
)

// Refit is one fitting of the reader to a workspace's corrections. What it is
// fitted to and what came of it are documents of whoever does it; they hold no
// text, and name no account. Once there is a result it does not change.
type Refit struct {
	ID      string // in the order of time
	Begun   time.Time
	By      string
	State   []byte // JSON: how far it is
	Result  []byte // JSON; none: it goes on, or failed
	Failed  string // why there will be no result
	Version int64
}

// Ended reports whether it goes on no more.
func (r Refit) Ended() bool { return r.Result != nil || r.Failed != "" }

// Stalled says why nothing is to be expected of a refit that has not ended, in
// words; "" where it is under way, or has ended. It has a result all the same
// where the operator hands its message out again.
func (r Refit) Stalled(now time.Time) string {
	if r.Ended() || !r.Begun.Before(now.Add(-refitLasts)) {
		return ""
	}
	return fmt.Sprintf("it did not end within %.0f hours: it was given up. Ask for a new one (create-refit)", refitLasts.Hours())
}

type refitItem struct {
	PK, SK  string
	Version int64
	Begun   string
	By      string
	State   []byte `dynamodbav:",omitempty"`
	Result  []byte `dynamodbav:",omitempty"` // gzip
	Failed  string `dynamodbav:",omitempty"`
}

// InUse is what a workspace's texts are read by beside the reader.
type InUse struct {
	Document refit.Document
	Refit    string // the id of the refit that it is of
	Since    time.Time
}

// inUse is InUse as it is kept.
type inUse struct {
	Document []byte // JSON
	Refit    string
	Since    string
}

func (x *inUse) inUse() (*InUse, error) {
	if x == nil {
		return nil, nil
	}
	at, err := social.ParseStamp(x.Since)
	if err != nil {
		return nil, err
	}
	out := &InUse{Refit: x.Refit, Since: at}
	return out, json.Unmarshal(x.Document, &out.Document)
}

// refitting is the refit that goes on.
type refitting struct{ ID, Since string }

// refitLasts is after how long one that did not end is taken for dead: longer
// than the queue hands its message out again and again.
const refitLasts = 2 * time.Hour

// RefitID is what the id of a refit begins with that begins at an instant: they
// are in the order of time.
func RefitID(at time.Time) string { return "rft_" + digits(at) }

func (s *Store) refitItemOf(w string, r Refit) (refitItem, error) {
	it := refitItem{PK: backtestsPK(w), SK: refitSK(r.ID), Version: nextVersion(r.Version), Begun: social.Stamp(r.Begun), By: r.By, State: r.State, Failed: r.Failed}
	var err error
	if r.Result != nil {
		it.Result, err = compress(r.Result)
	}
	return it, err
}

func (it refitItem) refit() (Refit, error) {
	r := Refit{ID: strings.TrimPrefix(it.SK, refitSK("")), By: it.By, State: it.State, Failed: it.Failed, Version: it.Version}
	var err error
	if r.Begun, err = social.ParseStamp(it.Begun); err != nil || it.Result == nil {
		return r, err
	}
	r.Result, err = decompress(it.Result)
	return r, err
}

// BeginRefit stores a refit that begins, with the audit line that the context
// brings. While another goes on its error is of kind Conflict.
func (s *Store) BeginRefit(ctx context.Context, w string, r Refit) error {
	it, err := s.refitItemOf(w, r)
	if err != nil {
		return err
	}
	put, err := s.putting(it, "attribute_not_exists(PK)")
	if err != nil {
		return err
	}
	begun := &types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET Refitting = :r"),
		ConditionExpression:       aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted) AND (attribute_not_exists(Refitting) OR Refitting.#s < :dead)"),
		ExpressionAttributeNames:  map[string]string{"#s": "Since"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":r": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"ID": str(r.ID), "Since": str(social.Stamp(r.Begun))}}, ":dead": str(social.Stamp(r.Begun.Add(-refitLasts)))}}
	err = s.change(ctx, "refit", put, types.TransactWriteItem{Update: begun})
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "a refit goes on already")
	}
	return err
}

// PutRefit writes a refit whose Version is the one read before, and sets the new one.
func (s *Store) PutRefit(ctx context.Context, w string, r *Refit) error {
	it, err := s.refitItemOf(w, *r)
	if err != nil {
		return err
	}
	if err := s.putVersion(ctx, it, r.Version); err != nil {
		return err
	}
	r.Version = it.Version
	return nil
}

// Refit returns a refit; an error of kind NotFound if there is none of this id.
func (s *Store) Refit(ctx context.Context, w, id string) (Refit, error) {
	var it refitItem
	if err := s.get(ctx, key{backtestsPK(w), refitSK(id)}, &it); err != nil {
		return Refit{}, err
	}
	return it.refit()
}

// Refits lists refits, the newest first, after the id of one (""), at most
// limit, and the id of the last ("": there are no more).
func (s *Store) Refits(ctx context.Context, w, after string, limit int) ([]Refit, string, error) {
	q := query{pk: backtestsPK(w), prefix: refitSK(""), descending: true, limit: limit + 1}
	if after != "" {
		q.after = refitSK(after)
	}
	items, err := all[refitItem](ctx, s, q)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = strings.TrimPrefix(items[limit-1].SK, refitSK(""))
	}
	out := make([]Refit, len(items))
	for i, it := range items {
		if out[i], err = it.refit(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// ReaderOf returns what a workspace's texts are read by; nil: the reader as it comes.
func (s *Store) ReaderOf(ctx context.Context, w string) (*InUse, error) {
	t, err := s.Terms(ctx, w)
	return t.Reader, err
}

// Refitting returns the id of the refit of a workspace that goes on as of now; "": none does.
func (s *Store) Refitting(ctx context.Context, w string, now time.Time) (string, error) {
	var it workspaceItem
	if err := s.get(ctx, key{workspacePK(w), "@"}, &it); err != nil || it.Refitting == nil || it.Refitting.Since < social.Stamp(now.Add(-refitLasts)) {
		return "", err
	}
	return it.Refitting.ID, nil
}

// EndRefit ends the refit that goes on, and puts a document in use from now on;
// nil: the reader as it comes, unless keep leaves what is in use. One that was
// ended before, or is not the one that goes on any more, changes nothing.
func (s *Store) EndRefit(ctx context.Context, w, id string, d *refit.Document, keep bool, now time.Time) error {
	u := types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("REMOVE Refitting, Reader"),
		ConditionExpression: aws.String("Refitting.#i = :i"), ExpressionAttributeNames: map[string]string{"#i": "ID"}, ExpressionAttributeValues: map[string]types.AttributeValue{":i": str(id)}}
	switch {
	case keep:
		u.UpdateExpression = aws.String("REMOVE Refitting")
	case d != nil:
		b, err := json.Marshal(d)
		if err != nil {
			return err
		}
		u.UpdateExpression = aws.String("SET Reader = :r REMOVE Refitting")
		u.ExpressionAttributeValues[":r"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"Document": &types.AttributeValueMemberB{Value: b}, "Refit": str(id), "Since": str(social.Stamp(now))}}
	}
	err := s.change(ctx, "end of a refit", types.TransactWriteItem{Update: &u})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// DropReader has a workspace's texts read by the reader as it comes; a refit
// that goes on is not put in use when it ends. Where nothing else is in use,
// and none goes on, its error is of kind NotFound.
func (s *Store) DropReader(ctx context.Context, w string) error {
	err := s.change(ctx, "reader", types.TransactWriteItem{Update: &types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("REMOVE Reader, Refitting"),
		ConditionExpression: aws.String("(attribute_exists(Reader) OR attribute_exists(Refitting)) AND attribute_not_exists(Deleted)")}})
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.NotFound, "the reader is in use as it comes")
	}
	return err
}
