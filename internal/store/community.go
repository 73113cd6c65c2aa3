package store

import (
	"context"
	"time"
)

// Community is how some people of a workspace stand on a day: of each reading
// the values, rising. It names nobody.
type Community struct {
	Day                               string  // YYYY-MM-DD, UTC: as of its beginning
	Engagement                        []int64 // micro-points
	Influence, Outreach, Relationship []int64 // thousandths of a point
}

type communityItem struct {
	PK, SK string
	Community
	TTL int64 `dynamodbav:"ttl"`
}

// Community returns how a workspace's people stand on a day; an error of kind
// NotFound if nobody has looked yet.
func (s *Store) Community(ctx context.Context, w, day string) (Community, error) {
	var it communityItem
	err := s.get(ctx, key{workspacePK(w), communitySK(day)}, &it)
	return it.Community, err
}

// PutCommunity keeps how a workspace's people stand on a day, until expires.
func (s *Store) PutCommunity(ctx context.Context, w string, c Community, expires time.Time) error {
	return s.put(ctx, communityItem{workspacePK(w), communitySK(c.Day), c, expires.Unix()})
}
