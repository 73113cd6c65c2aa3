// Package send posts payloads to a hook as a platform would: signed, at a
// given rate, tried again where the answer says so, and remembered once they
// are accepted, so that an interrupted run can go on where it was.
package send

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// Item is one payload. ID names it in the file of accepted ones and, where
// the platform's scheme has one and it can be a header, to the receiver.
type Item struct {
	ID   string
	Body []byte
}

// Options says how to send.
type Options struct {
	URL          string
	Client       *http.Client
	Sign         func(r *platform.Request, id string, now time.Time) error
	Rate         float64 // deliveries begun per second, attempts again not counted; 0 is no limit
	Concurrency  int     // deliveries under way at once, at least 1
	Attempts     int     // of one delivery, at least 1
	ExpectStatus int     // what counts as accepted; 0 is any 2xx
	Done         *Done   // remembers what was accepted; may be nil
	Now          func() time.Time
	Sleep        func(context.Context, time.Duration) error // Sleep, or a test's
	Say          func(format string, args ...any)           // progress
}

// Summary is what became of the payloads. Sent is the sum of accepted,
// refused and failed.
type Summary struct {
	Sent        int            `json:"sent"`
	Accepted    int            `json:"accepted"`
	Refused     int            `json:"refused"` // answered, and not to be tried again
	Failed      int            `json:"failed"`  // tried as often as allowed
	Skipped     int            `json:"skipped"` // accepted by an earlier run
	Retries     int            `json:"retries"`
	ByStatus    map[string]int `json:"by_status"` // of the last answers; "none" where there was none
	Seconds     float64        `json:"seconds"`
	PerSecond   float64        `json:"per_second"` // deliveries sent
	Interrupted bool           `json:"interrupted,omitempty"`
}

// maxSaid bounds how many refusals are printed.
const maxSaid = 5

// run is the state that the workers of one Send share.
type run struct {
	Options
	mu    sync.Mutex
	sum   Summary
	said  int
	err   error
	start time.Time
	noted time.Time // when progress was last printed
}

// Send posts the items. When ctx ends it begins nothing new, lets what is
// under way finish, and says so in the summary. The error is that of reading
// the items, of signing or of remembering; the summary is then of what was
// sent until then.
func Send(ctx context.Context, items iter.Seq2[Item, error], o Options) (Summary, error) {
	r := &run{Options: o, start: o.Now()}
	r.noted = r.start
	r.sum.ByStatus = map[string]int{}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	outside := context.WithoutCancel(ctx)

	work := make(chan Item)
	var workers sync.WaitGroup
	for range o.Concurrency {
		workers.Go(func() {
			for item := range work {
				if err := r.deliver(ctx, outside, item); err != nil {
					r.fail(err)
					stop()
				}
			}
		})
	}
	begun := 0
	for item, err := range items {
		if err != nil {
			r.fail(err)
			break
		}
		if o.Done.Has(item.ID) {
			r.mu.Lock()
			r.sum.Skipped++
			r.mu.Unlock()
			continue
		}
		if r.pace(ctx, begun) != nil {
			break
		}
		begun++
		select {
		case work <- item:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	workers.Wait()
	if r.err == nil && ctx.Err() != nil {
		r.sum.Interrupted = true
	}
	r.sum.Seconds = o.Now().Sub(r.start).Seconds()
	if r.sum.Seconds > 0 {
		r.sum.PerSecond = float64(r.sum.Sent) / r.sum.Seconds
	}
	r.progress()
	return r.sum, r.err
}

// pace waits until the delivery of this number, from 0, is due.
func (r *run) pace(ctx context.Context, number int) error {
	if r.Rate > 0 {
		due := r.start.Add(time.Duration(float64(number) / r.Rate * float64(time.Second)))
		if wait := due.Sub(r.Now()); wait > 0 {
			return r.Sleep(ctx, wait)
		}
	}
	return ctx.Err()
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// deliver posts one item until it is accepted, refused or tried often enough.
// When ctx ends between two attempts it is left, and not counted. An error
// ends the whole run.
func (r *run) deliver(ctx, outside context.Context, item Item) error {
	for attempt := 1; ; attempt++ {
		a, err := r.post(outside, item)
		if err != nil {
			return err
		}
		switch {
		case r.accepts(a.status):
			if err := r.Done.Add(item.ID); err != nil {
				return err
			}
			r.count(&r.sum.Accepted, a, item)
			return nil
		case a.status != 0 && a.status != http.StatusTooManyRequests && a.status < 500:
			r.count(&r.sum.Refused, a, item)
			return nil
		case attempt >= r.Attempts:
			r.count(&r.sum.Failed, a, item)
			return nil
		}
		if r.Sleep(ctx, Pause(attempt, a.retryAfter, rand.Float64())) != nil {
			return nil
		}
		r.mu.Lock()
		r.sum.Retries++
		r.mu.Unlock()
	}
}

func (r *run) accepts(status int) bool {
	if r.ExpectStatus != 0 {
		return status == r.ExpectStatus
	}
	return status >= 200 && status < 300
}

// answer is what one attempt came to; status 0 is that there was none.
type answer struct {
	status     int
	retryAfter time.Duration
	text       string // the start of the answer's body, or why there was none
}

// maxShown bounds how much of an answer is shown, in bytes.
const maxShown = 200

func (r *run) post(ctx context.Context, item Item) (answer, error) {
	now := r.Now()
	signed := platform.Request{Method: http.MethodPost, URL: r.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: item.Body}
	if err := r.Sign(&signed, headerID(item.ID), now); err != nil {
		return answer{}, fmt.Errorf("sign %q: %w", item.ID, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(item.Body))
	if err != nil {
		return answer{}, fmt.Errorf("request to %s: %w", r.URL, err)
	}
	req.Header = signed.Header
	res, err := r.Client.Do(req)
	if err != nil {
		return answer{text: err.Error()}, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxShown))
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection can be used again
	}
	if err != nil {
		text = fmt.Appendf(text, " (%v)", err) // the status came: it is the answer
	}
	return answer{res.StatusCode, RetryAfter(res.Header.Get("Retry-After"), now), string(bytes.TrimSpace(text))}, nil
}

// headerID is id where it can stand in a header and in what is signed, and
// else a hash of it.
func headerID(id string) string {
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return social.HashID("msg", id)
		}
	}
	if id == "" || len(id) > 128 {
		return social.HashID("msg", id)
	}
	return id
}

func (r *run) count(what *int, a answer, item Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*what++
	r.sum.Sent++
	status := "none"
	if a.status != 0 {
		status = strconv.Itoa(a.status)
	}
	r.sum.ByStatus[status]++
	if !r.accepts(a.status) && r.said < maxSaid {
		r.said++
		r.Say("%s: %s %s", item.ID, status, a.text)
	}
	if now := r.Now(); now.Sub(r.noted) >= time.Second {
		r.noted = now
		r.progress()
	}
}

func (r *run) progress() {
	s := r.sum
	rate := 0.0
	if t := r.Now().Sub(r.start).Seconds(); t > 0 {
		rate = float64(s.Sent) / t
	}
	r.Say("%d sent (%.0f/s): %d accepted, %d refused, %d failed, %d skipped, %d retries", s.Sent, rate, s.Accepted, s.Refused, s.Failed, s.Skipped, s.Retries)
}

// Bounds of the pause before an attempt is made again.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 30 * time.Second
)

// Pause is how long to wait after so many attempts: what the receiver asked
// for, at most maxPause; or else full jitter below a bound that doubles, with
// random in [0,1).
func Pause(attempt int, asked time.Duration, random float64) time.Duration {
	if asked > 0 {
		return min(asked, maxPause)
	}
	bound := maxPause
	if attempt < 8 {
		bound = min(firstPause<<(attempt-1), maxPause)
	}
	return time.Duration(random * float64(bound))
}

// RetryAfter reads the header: seconds or a date (RFC 9110, section 10.2.3).
// What can't be read is 0.
func RetryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// Sleep waits, or returns ctx's error when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shuffled reads all items and yields them in a random order that depends on
// seed alone.
func Shuffled(items iter.Seq2[Item, error], seed uint64) (iter.Seq2[Item, error], error) {
	var all []Item
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return func(yield func(Item, error) bool) {
		for _, item := range all {
			if !yield(item, nil) {
				return
			}
		}
	}, nil
}
