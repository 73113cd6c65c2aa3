// Package replay sends what was parked or archived through today's code once
// more: first a dry run, which says what it would add, then the deliveries
// queue, as if they had just come, then a look whether it would still add
// anything.
package replay

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/store"
)

// Archive is what replay needs of the bucket.
type Archive interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Archived(ctx context.Context, workspace string, from, to time.Time, f func(key string) error) error
	Deliveries(ctx context.Context, workspace, key string) ([]platform.Delivery, error)
}

// Replay replays deliveries of a workspace.
type Replay struct {
	Store   *store.Store
	Archive Archive
	Would   func(ctx context.Context, w string, d platform.Delivery, told *ingest.Told) (ingest.Outcome, error)
	Enqueue func(ctx context.Context, d platform.Delivery) error
}

// Which says what is to be replayed.
type Which struct {
	Workspace string
	IDs       []string  // of parked ones; empty: all that the rest says
	Reason    string    // a part of the reason; parked only
	App       string    // empty: any
	From, To  time.Time // of receipt, To exclusive
	Archived  bool      // the archive instead of what was parked
	Limit     int       // deliveries at most; 0: all
}

// Result is what a replay comes to.
type Result struct {
	Deliveries int      `json:"deliveries" doc:"How many were replayed, or would be"`
	Add        int      `json:"would_add" doc:"Activities that are not there yet"`
	Same       int      `json:"same" doc:"Activities that are there already"`
	Differ     int      `json:"would_change" doc:"Activities that are there and that today's code reads otherwise; facts stay, so it changes 0 of them"`
	Erased     int      `json:"erased" doc:"Activities of accounts that were erased: they stay away"`
	Parked     int      `json:"still_parked" doc:"Events that can't be understood today either"`
	Ignored    int      `json:"ignored"`
	Keys       []string `json:"keys" doc:"The first of the activities that would be added or read otherwise"`
	More       bool     `json:"more" doc:"There is more than this replay took"`
}

// maxKeys bounds how many keys a result names.
const maxKeys = 50

func (r *Result) add(o ingest.Outcome) {
	r.Deliveries++
	r.Add += len(o.Add)
	r.Same += o.Same
	r.Differ += len(o.Differ)
	r.Erased += o.Erased
	r.Parked += len(o.Parked)
	r.Ignored += o.Ignored
	for _, k := range append(o.Add, o.Differ...) {
		if len(r.Keys) < maxKeys {
			r.Keys = append(r.Keys, k)
		}
	}
}

// errEnough ends a walk early.
var errEnough = fmt.Errorf("enough")

// DryRun says what a replay would come to; nothing is stored or queued. each,
// where it is not nil, is called with each delivery.
func (r *Replay) DryRun(ctx context.Context, which Which, each func(platform.Delivery, ingest.Outcome) error) (Result, error) {
	out := Result{Keys: []string{}}
	planned := map[string]bool{} // activities that an earlier delivery of this run would add
	var told ingest.Told
	err := r.walk(ctx, which, func(d platform.Delivery) error {
		if which.Limit > 0 && out.Deliveries >= which.Limit {
			out.More = true
			return errEnough
		}
		o, err := r.Would(ctx, which.Workspace, d, &told)
		if err != nil {
			return err
		}
		fresh := o.Add[:0:0]
		for _, k := range o.Add {
			if planned[k] {
				o.Same++
				continue
			}
			planned[k] = true
			fresh = append(fresh, k)
		}
		o.Add = fresh
		out.add(o)
		if each != nil {
			return each(d, o)
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return out, err
}

// Run queues the deliveries, and returns what a dry run said of them before.
func (r *Replay) Run(ctx context.Context, which Which) (Result, error) {
	return r.DryRun(ctx, which, func(d platform.Delivery, _ ingest.Outcome) error {
		d.Replay = true
		return r.Enqueue(ctx, d)
	})
}

// walk calls f with each delivery once. A workspace replays for itself alone:
// what it kept is nobody else's, whoever has the scope by now. Only what is
// parked at the owner of an app, since nobody watched, goes to who watches now.
func (r *Replay) walk(ctx context.Context, which Which, f func(platform.Delivery) error) error {
	seen := map[string]bool{}
	once := func(d platform.Delivery) error {
		id := d.ID()
		if seen[id] || which.App != "" && d.App != which.App || d.Received.Before(which.From) || !d.Received.Before(which.To) {
			return nil
		}
		seen[id] = true
		d.For = which.Workspace
		if !which.Archived {
			app, err := r.Store.App(ctx, d.App)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if app.Owner == which.Workspace {
				d.For = ""
			}
		}
		return f(d)
	}
	if !which.From.Before(which.To) {
		return fault.New(fault.Invalid, "the time to replay from is not before the time to replay to")
	}
	if which.Archived {
		return r.Archive.Archived(ctx, which.Workspace, which.From.Add(-24*time.Hour), which.To, func(key string) error {
			ds, err := r.Archive.Deliveries(ctx, which.Workspace, key)
			if fault.Is(err, fault.NotFound) {
				return nil // erased meanwhile
			}
			if err != nil {
				return err
			}
			for _, d := range ds {
				if err := once(d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	wanted := map[string]bool{}
	for _, id := range which.IDs {
		wanted[id] = true
	}
	for month := which.To.UTC(); ; month = time.Date(month.Year(), month.Month(), 0, 0, 0, 0, 0, time.UTC) {
		if month.Before(time.Date(which.From.Year(), which.From.Month(), 1, 0, 0, 0, 0, time.UTC)) {
			return nil
		}
		after := ""
		for {
			list, last, err := r.Store.Parked(ctx, which.Workspace, month, after, 100)
			if err != nil {
				return err
			}
			for _, p := range list {
				if !p.Replayed.IsZero() || len(wanted) > 0 && !wanted[p.ID] || !p.About(which.Reason) {
					continue
				}
				b, err := r.Archive.Get(ctx, p.Object)
				if fault.Is(err, fault.NotFound) {
					continue // erased meanwhile
				}
				if err != nil {
					return err
				}
				var d platform.Delivery
				if err := d.UnmarshalJSON(b); err != nil {
					return fmt.Errorf("parked delivery %s: %w", p.Object, err)
				}
				if err := once(d); err != nil {
					return err
				}
			}
			if len(list) < 100 {
				break
			}
			after = last
		}
	}
}
