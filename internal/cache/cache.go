// Package cache keeps in memory what a function reads again and again, such as
// apps, their secrets and published models, so that most requests read nothing.
package cache

import (
	"container/list"
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/fault"
)

// Forever is the age of what never changes.
const Forever = time.Duration(math.MaxInt64)

// Exact is the age up to which an answer is taken for what holds just now: where
// it can't be read again, the caller gets the error and not an old answer. That
// there is nothing is remembered for no longer, so that what is new works soon.
const Exact = 5 * time.Second

const (
	// patience is how long reading again may take while an old answer could be served.
	patience = 2 * time.Second
	// askAgain is for how long it is not tried again after it failed.
	askAgain = 5 * time.Second
)

// Cache keeps what Load answered, by id. Its exported fields are set before it
// is first used; it is safe for concurrent use, and asks once where several
// want the same.
type Cache[V any] struct {
	Load   func(ctx context.Context, id string) (V, error)
	Now    func() time.Time
	Random func() float64 // in [0, 1)
	Most   int            // how many ids are kept, or what their answers weigh together; those used last
	Weigh  func(V) int    // nil: an answer weighs 1
	Stale  time.Duration  // how old an answer may be that is served while it can't be read again

	mu      sync.Mutex
	entries map[string]*list.Element // of order
	order   list.List                // *entry[V], the one used last in front
	weight  int
}

type entry[V any] struct {
	id     string
	weight int // as it is counted; under the cache's mu

	reading chan struct{} // full while it is read
	loads   atomic.Int64  // that have ended
	there   bool
	v       V
	err     error
	read    time.Time
	early   float64   // how much earlier it is read again
	failed  time.Time // when reading it again failed
	why     error     // why the last load failed, if it did
}

// Get returns the answer for an id, read at most age ago. An answer lives up to
// a quarter less, by random, so that functions that began together don't read
// together. One that can't be read again is served as it was, up to Stale,
// unless it is to be Exact. Who waits while somebody else reads gets what that
// comes to, also where it fails, and waits no longer than ctx lasts.
func (c *Cache[V]) Get(ctx context.Context, id string, age time.Duration) (V, error) {
	e := c.entry(id)
	before := e.loads.Load()
	select {
	case e.reading <- struct{}{}:
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
	defer func() { <-e.reading }()
	exact := age <= Exact
	if e.err != nil {
		age = min(age, Exact)
	}
	old, lives := c.Now().Sub(e.read), age
	if age > Exact {
		lives -= time.Duration(e.early * float64(age/4))
	}
	if e.there && old < lives {
		return e.v, e.err
	}
	if e.why != nil && e.loads.Load() != before && !e.there {
		return e.v, e.why
	}
	stale := e.there && e.err == nil && old < c.Stale
	if e.there && c.Now().Sub(e.failed) < askAgain {
		if stale && !exact {
			return e.v, nil
		}
		return e.v, e.why
	}
	reading, cancel := ctx, func() {}
	if stale {
		reading, cancel = context.WithTimeout(ctx, patience)
	}
	began := c.Now()
	v, err := c.Load(reading, id)
	cancel()
	e.loads.Add(1)
	e.why = nil
	switch {
	case err == nil || fault.Is(err, fault.NotFound):
		e.there, e.v, e.err, e.read, e.early, e.failed = true, v, err, began, c.Random(), time.Time{}
		c.weigh(e)
		return v, err
	case !stale:
		if ctx.Err() == nil { // it is no fault of the caller's own
			e.why = err
		}
		return v, err
	}
	slog.WarnContext(ctx, "not read again", "id", id, "age", old.String(), "error", err.Error())
	e.failed, e.why = c.Now(), err
	if exact {
		return v, err
	}
	return e.v, nil
}

func (c *Cache[V]) entry(id string) *entry[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[id]; ok {
		c.order.MoveToFront(at)
		return at.Value.(*entry[V])
	}
	if c.entries == nil {
		c.entries = map[string]*list.Element{}
	}
	e := &entry[V]{id: id, weight: 1, reading: make(chan struct{}, 1)}
	c.entries[id] = c.order.PushFront(e)
	c.weight++
	c.drop()
	return e
}

// weigh counts an answer that was read.
func (c *Cache[V]) weigh(e *entry[V]) {
	if c.Weigh == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[e.id]; !ok || at.Value != any(e) {
		return // dropped while it was read
	}
	c.weight -= e.weight
	e.weight = max(1, c.Weigh(e.v))
	c.weight += e.weight
	c.drop()
}

// drop makes room; the entry used last stays.
func (c *Cache[V]) drop() {
	for c.weight > c.Most && c.order.Len() > 1 {
		e := c.order.Remove(c.order.Back()).(*entry[V])
		delete(c.entries, e.id)
		c.weight -= e.weight
	}
}
