package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/day"
)

// Measured is what a workspace's activities of a time come to.
type Measured struct {
	Activities int
	More       bool  // there are more than are counted
	Bytes      int64 // that they take in the table, estimated
}

const (
	maxMeasured = 3_000_000 // activities: what the API reads in its time
	sampled     = 50        // of them, whose items are looked at
	tupleBytes  = 48        // of an activity in its day's block
)

var errMeasured = errors.New("enough")

// Measure counts the activities of a time by the view by day, without reading
// texts: half a unit for each 4 KB of blocks, about 6 for each 1,000
// activities. Their size is their number times the mean of a sample: those
// with the lowest hashes, so that each has the same chance.
func (s *Store) Measure(ctx context.Context, w string, from, to time.Time) (Measured, error) {
	var m Measured
	var sample []day.Tuple
	lower := func(a, b day.Tuple) int { return bytes.Compare(a.Activity[:], b.Activity[:]) }
	err := s.Days(ctx, w, Span{From: from, To: to}, func(_ time.Time, ts []day.Tuple) error {
		m.Activities += len(ts)
		sample = append(sample, ts...)
		slices.SortFunc(sample, lower)
		sample = slices.Clone(sample[:min(len(sample), sampled)])
		if m.Activities >= maxMeasured {
			m.More = true
			return errMeasured
		}
		return nil
	})
	if err != nil && !errors.Is(err, errMeasured) || m.Activities == 0 {
		return m, err
	}
	keys := make([]key, len(sample))
	for i, t := range sample {
		ref := RefTo(t)
		keys[i] = key{accountPK(w, ref.Account), ref.SK}
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return m, err
	}
	size, n := 0, 0
	for _, it := range items {
		if it != nil {
			size, n = size+itemBytes(it), n+1
		}
	}
	if n > 0 {
		m.Bytes = int64(m.Activities) * int64(size/n+tupleBytes)
	}
	return m, nil
}
