package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rapport/internal/cache"
	"rapport/internal/fault"
)

// source counts how often it is read.
type source struct {
	now   time.Time
	reads int
	err   error
	early float64
}

func (s *source) cache() *cache.Cache[int] {
	return &cache.Cache[int]{Most: 3, Stale: time.Hour, Now: func() time.Time { return s.now }, Random: func() float64 { return s.early },
		Load: func(context.Context, string) (int, error) { s.reads++; return s.reads, s.err }}
}

func TestAnAnswerLivesForItsAge(t *testing.T) {
	s := &source{now: time.Now()}
	c := s.cache()
	get := func(id string, age time.Duration, want int, wantErr error) {
		t.Helper()
		if v, err := c.Get(t.Context(), id, age); err == nil && v != want || !errors.Is(err, wantErr) {
			t.Errorf("%d, %v; want %d, %v", v, err, want, wantErr)
		}
	}
	s.early = 1
	get("a", time.Minute, 1, nil)
	s.now = s.now.Add(44 * time.Second)
	get("a", time.Minute, 1, nil)
	s.now = s.now.Add(2 * time.Second) // a quarter earlier than it had to
	get("a", time.Minute, 2, nil)
	get("a", cache.Exact, 2, nil)
	s.now = s.now.Add(cache.Exact)
	get("a", cache.Exact, 3, nil)
	get("a", cache.Forever, 3, nil)
	s.now = s.now.Add(50 * 365 * 24 * time.Hour)
	get("a", cache.Forever, 3, nil)

	// While it can't be read, the old answer is served, but for what is to be exact.
	get("b", time.Minute, 4, nil)
	s.err = errors.New("down")
	s.now = s.now.Add(10 * time.Minute)
	get("b", time.Minute, 4, nil)
	get("b", cache.Exact, 0, s.err)
	if s.reads != 5 {
		t.Errorf("%d reads: one that just failed is left alone", s.reads)
	}
	s.now = s.now.Add(time.Hour)
	get("b", time.Minute, 0, s.err)

	// That there is nothing is known for five seconds.
	s.err = fault.New(fault.NotFound, "nothing")
	get("c", time.Minute, 0, s.err)
	was := s.reads
	get("c", time.Minute, 0, s.err)
	if s.reads != was {
		t.Error("asked again at once")
	}
	s.now, s.err = s.now.Add(cache.Exact), nil
	get("c", time.Minute, was+1, nil)
}

func TestWhatWasUsedLastIsKept(t *testing.T) {
	s := &source{now: time.Now()}
	c := s.cache()
	for _, weighed := range []bool{false, true} {
		if weighed {
			c = s.cache()
			c.Most, c.Weigh = 30, func(int) int { return 10 }
		}
		s.reads = 0
		for _, id := range []string{"a", "b", "c", "a", "d", "a", "c", "b"} { // d drops b; b then drops d
			if _, err := c.Get(t.Context(), id, cache.Forever); err != nil {
				t.Fatal(err)
			}
		}
		if s.reads != 5 {
			t.Errorf("weighed %t: %d reads, want 5", weighed, s.reads)
		}
		for i := range 1000 {
			c.Get(t.Context(), fmt.Sprint(i), cache.Forever)
		}
		s.reads = 0
		for i := range 1000 {
			c.Get(t.Context(), fmt.Sprint(999-i), cache.Forever)
		}
		if s.reads != 997 {
			t.Errorf("weighed %t: %d of 1000 read again, want all but 3", weighed, s.reads)
		}
	}
}

func TestManyAskOnce(t *testing.T) {
	var reads atomic.Int64
	c := &cache.Cache[int]{Most: 3, Now: time.Now, Random: func() float64 { return 0 },
		Load: func(context.Context, string) (int, error) {
			time.Sleep(10 * time.Millisecond)
			return int(reads.Add(1)), nil
		}}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if v, err := c.Get(t.Context(), "a", time.Minute); v != 1 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		})
	}
	all.Wait()
}

// Who waits for somebody else's reading gets its failure, and leaves when its own time is over.
func TestManyFailOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var reads atomic.Int64
		c := &cache.Cache[int]{Most: 3, Now: time.Now, Random: func() float64 { return 0 }, Load: func(ctx context.Context, _ string) (int, error) {
			reads.Add(1)
			select {
			case <-time.After(100 * time.Millisecond):
				return 0, down
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}}
		began := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), "a", time.Minute); !errors.Is(err, down) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := c.Get(short, "a", time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 50*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		wg.Wait()
		if reads.Load() != 1 || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%d reads in %s", reads.Load(), time.Since(began))
		}

		// That the first one's own time is over is no answer for the others.
		first, stop := context.WithCancel(t.Context())
		wg.Go(func() { c.Get(first, "b", time.Minute) })
		synctest.Wait()
		wg.Go(func() {
			if _, err := c.Get(t.Context(), "b", time.Minute); !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		stop()
		wg.Wait()
	})
}
