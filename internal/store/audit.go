package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Line is one line of a workspace's audit log: that somebody changed
// something, or wanted to. It holds no words of customers.
type Line struct {
	ID        string // tells lines of one instant apart
	Workspace string
	At        time.Time
	Who       string // the subject of a token, or the id of a machine key
	What      string // the operation's id
	On        string // what it was about: the request's path
	Outcome   string

	written bool // with its outcome, in the transaction of the change
}

// Outcomes of a line.
const (
	LineAsked   = "asked"   // written before the change; if it stays so, nobody knows whether the change was made
	LineDone    = "done"    // written with the change, or after it
	LineRefused = "refused" // nothing was changed
)

type lineItem struct {
	PK, SK        string
	ID, At        string
	Who, What, On string
	Outcome       string
}

func (l Line) item() lineItem {
	return lineItem{PK: auditPK(l.Workspace, l.At), SK: auditSK(l.At, l.ID), ID: l.ID, At: social.Stamp(l.At), Who: l.Who, What: l.What, On: l.On, Outcome: l.Outcome}
}

type lineKey struct{}

// WithLine has the next change that is one transaction write the line, as
// done, in that transaction.
func WithLine(ctx context.Context, l *Line) context.Context {
	return context.WithValue(ctx, lineKey{}, l)
}

// Written reports whether a transaction wrote the line.
func (l *Line) Written() bool { return l.written }

// PutLine writes a line, in place of what it said before.
func (s *Store) PutLine(ctx context.Context, l Line) error { return s.put(ctx, l.item()) }

// Lines lists the lines of a month, the newest first, after a given place, at
// most limit, and the place of the last one.
func (s *Store) Lines(ctx context.Context, w string, month time.Time, after string, limit int) ([]Line, string, error) {
	items, err := all[lineItem](ctx, s, query{pk: auditPK(w, month), after: after, descending: true, limit: limit})
	if err != nil {
		return nil, "", err
	}
	var out []Line
	place := ""
	for _, it := range items {
		at, err := social.ParseStamp(it.At)
		if err != nil {
			return nil, "", err
		}
		out, place = append(out, Line{ID: it.ID, Workspace: w, At: at, Who: it.Who, What: it.What, On: it.On, Outcome: it.Outcome}), it.SK
	}
	return out, place, nil
}

// change carries changes out together, with the audit log's line that the
// context brings. A condition that does not hold is an error of kind Conflict.
func (s *Store) change(ctx context.Context, op string, changes ...types.TransactWriteItem) error {
	line, _ := ctx.Value(lineKey{}).(*Line)
	if line != nil && !line.written {
		done := *line
		done.Outcome = LineDone
		put, err := s.putting(done.item(), "")
		if err != nil {
			return err
		}
		changes = append(changes, put)
	}
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: changes})
	if err == nil && line != nil {
		line.written = true
	}
	return classify(op, err)
}

// update is change with one update; one whose condition does not hold is an
// error of kind NotFound: the item is gone.
func (s *Store) update(ctx context.Context, op string, u types.Update) error {
	u.TableName = &s.table
	err := s.change(ctx, op, types.TransactWriteItem{Update: &u})
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.NotFound, "no such %s", op)
	}
	return err
}

// putting is a put of a transaction; condition may be "".
func (s *Store) putting(item any, condition string) (types.TransactWriteItem, error) {
	av, err := attributevalue.MarshalMap(item)
	put := &types.Put{TableName: &s.table, Item: av}
	if condition != "" {
		put.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Put: put}, err
}

// deleting is a deletion of a transaction; condition may be "".
func (s *Store) deleting(k key, condition string, values map[string]types.AttributeValue) types.TransactWriteItem {
	d := &types.Delete{TableName: &s.table, Key: k.av(), ExpressionAttributeValues: values}
	if condition != "" {
		d.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Delete: d}
}
