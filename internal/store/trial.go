package store

import (
	"context"
	"time"

	"rapport/internal/social"
)

// Test is how far a test delivery came in ingest.
type Test struct {
	ID       string
	Delivery string
	Received time.Time
	Events   []string  // what became of each event
	Facts    []FactRef // kept in the workspace Shadow(w, ID)
	Parked   []string  // reasons
}

type testItem struct {
	PK, SK       string
	ID, Delivery string
	Received     string
	Events       []string
	Facts        []FactRef
	Parked       []string
	TTL          int64 `dynamodbav:"ttl"`
}

// testKept is how long the report of a test stays.
const testKept = 24 * time.Hour

// PutTest notes how far a test came in a workspace.
func (s *Store) PutTest(ctx context.Context, w string, t Test) error {
	return s.put(ctx, testItem{PK: testPK(w, t.ID), SK: "@", ID: t.ID, Delivery: t.Delivery, Received: social.Stamp(t.Received), Events: t.Events,
		Facts: t.Facts, Parked: t.Parked, TTL: t.Received.Add(testKept).Unix()})
}

// Test returns how far a test came; an error of kind NotFound as long as ingest has not had it.
func (s *Store) Test(ctx context.Context, w, id string) (Test, error) {
	var it testItem
	if err := s.get(ctx, key{testPK(w, id), "@"}, &it); err != nil {
		return Test{}, err
	}
	t, err := social.ParseStamp(it.Received)
	return Test{ID: it.ID, Delivery: it.Delivery, Received: t, Events: it.Events, Facts: it.Facts, Parked: it.Parked}, err
}

// DeleteTest takes the report of a test away.
func (s *Store) DeleteTest(ctx context.Context, w, id string) error {
	return s.delete(ctx, key{testPK(w, id), "@"})
}
