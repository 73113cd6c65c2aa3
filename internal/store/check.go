package store

import (
	"context"
	"time"

	"rapport/internal/social"
)

// Check is how far a source check's delivery came in ingest.
type Check struct {
	ID       string
	Delivery string
	Received time.Time
	Events   []string  // what became of each event
	Facts    []FactRef // kept in CheckWorkspace(w, ID)
	Parked   []string  // reasons
}

type checkItem struct {
	PK, SK       string
	ID, Delivery string
	Received     string
	Events       []string
	Facts        []FactRef
	Parked       []string
	TTL          int64 `dynamodbav:"ttl"`
}

// checkKept is how long what a source check came to stays.
const checkKept = 24 * time.Hour

// PutCheck notes how far a source check of a workspace came.
func (s *Store) PutCheck(ctx context.Context, w string, c Check) error {
	return s.put(ctx, checkItem{PK: checkPK(w, c.ID), SK: "@", ID: c.ID, Delivery: c.Delivery, Received: social.Stamp(c.Received), Events: c.Events,
		Facts: c.Facts, Parked: c.Parked, TTL: c.Received.Add(checkKept).Unix()})
}

// Check returns how far a source check came; an error of kind NotFound as long as ingest has not had it.
func (s *Store) Check(ctx context.Context, w, id string) (Check, error) {
	var it checkItem
	if err := s.get(ctx, key{checkPK(w, id), "@"}, &it); err != nil {
		return Check{}, err
	}
	at, err := social.ParseStamp(it.Received)
	return Check{ID: it.ID, Delivery: it.Delivery, Received: at, Events: it.Events, Facts: it.Facts, Parked: it.Parked}, err
}

// DeleteCheck takes away what is noted of a source check.
func (s *Store) DeleteCheck(ctx context.Context, w, id string) error {
	return s.delete(ctx, key{checkPK(w, id), "@"})
}
