package store

import (
	"context"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Scored says how far the leads of a workspace are scored by the version of a
// model that was published last. They are counted by their accounts.
type Scored struct {
	Version string    // of the model
	Done    int       // accounts that were looked at
	Of      int       // accounts that there are; 0: they are not counted yet
	Failed  int       // whose score could not be computed
	Ended   bool      // nothing is left to do
	At      time.Time // when this was so
}

type scoredItem struct {
	PK, SK   string
	Version  string
	Done, Of int
	Failed   int  `dynamodbav:",omitempty"`
	Ended    bool `dynamodbav:",omitempty"`
	At       string
}

// PutScored notes how far leads are scored by a model.
func (s *Store) PutScored(ctx context.Context, w, model string, x Scored) error {
	return s.put(ctx, scoredItem{PK: kindPK(w, ModelKind(model)), SK: "S", Version: x.Version, Done: x.Done, Of: x.Of, Failed: x.Failed, Ended: x.Ended, At: social.Stamp(x.At)})
}

// Scored returns what was noted last; the zero value if none was published
// since the workspace was made.
func (s *Store) Scored(ctx context.Context, w, model string) (Scored, error) {
	var it scoredItem
	if err := s.get(ctx, key{kindPK(w, ModelKind(model)), "S"}, &it); fault.Is(err, fault.NotFound) {
		return Scored{}, nil
	} else if err != nil {
		return Scored{}, err
	}
	at, err := social.ParseStamp(it.At)
	return Scored{it.Version, it.Done, it.Of, it.Failed, it.Ended, at}, err
}
