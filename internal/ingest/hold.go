package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/langid"
	"rapport/internal/limit"
	"rapport/internal/platform"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
)

// terms are a workspace's terms as they were read, and how much of the
// month's limit is used.
type terms struct {
	store.Terms
	month   time.Time
	counted int // activities of the month that were counted when they were read
	fresh   int // that came since, and are not counted yet
	read    time.Time
}

// heldFor is how old terms may be by which something is held: that a workspace
// was started, or its limit raised, is known after at most this long.
const heldFor = 5 * time.Second

// whyHeld is the reason by which what comes for a workspace is parked; "": it is not.
// How much is imported was asked, and counted, before it was queued.
func (x *terms) whyHeld(n int, imported bool) string {
	most := x.Limits.Most(limit.Activities)
	switch {
	case !x.Stopped.IsZero():
		return "the workspace is stopped"
	case !imported && x.counted+x.fresh+n > most:
		return limit.Reason(limit.Activities, most)
	}
	return ""
}

// termsOf returns a workspace's terms, remembered for a minute. What came
// meanwhile is counted when they are read: once a minute for a workspace, and
// not for every batch. An instance that ends before has counted up to a minute less.
func (in *Ingest) termsOf(ctx context.Context, w string, age time.Duration) (*terms, error) {
	now := in.Now()
	was := in.terms[w]
	if was != nil && now.Sub(was.read) < age && was.month.Equal(limit.Month.Start(now)) {
		return was, nil
	}
	x := &terms{read: now, month: limit.Month.Start(now)}
	var err error
	if x.Terms, err = in.Store.Terms(ctx, w); err != nil && !fault.Is(err, fault.NotFound) {
		if was != nil && fault.Is(err, fault.Transient) && now.Sub(was.read) < servedStale {
			return was, nil
		}
		return nil, fmt.Errorf("terms of %s: %w", w, err)
	}
	if was != nil && was.fresh > 0 {
		x.counted, err = in.Store.AddAsked(ctx, w, limit.Activities, was.fresh, now)
	} else {
		x.counted, err = in.Store.Asked(ctx, w, limit.Activities, now)
	}
	if err != nil {
		return nil, fmt.Errorf("activities of %s: %w", w, err)
	}
	if len(in.terms) >= maxApps {
		clear(in.terms)
	}
	in.terms[w] = x
	return x, nil
}

// hold parks what came for workspaces that are stopped, or over the month's
// limit, whole, so that a replay brings it back. Facts of a delivery that also
// told of an erased account are kept all the same: what is parked would hold
// what was erased. It returns an error for each result of which it can't be told.
func (in *Ingest) hold(ctx context.Context, results []*result) []error {
	errs := make([]error, len(results))
	taken := map[string]int{} // by workspace, of the results before
	for i, r := range results {
		if r.delivery.Check != "" {
			continue
		}
		for _, w := range sortedKeys(r.facts) {
			n := len(r.facts[w])
			if n == 0 || r.withheld[w] {
				continue
			}
			all, imported := taken[w]+n, r.delivery.App == platform.Imports
			x, err := in.termsOf(ctx, w, lives(w))
			if err == nil && x.whyHeld(all, imported) != "" {
				x, err = in.termsOf(ctx, w, heldFor)
			}
			if err != nil {
				errs[i] = err
				break
			}
			if why := x.whyHeld(all, imported); why != "" {
				if imported { // no archive has it to bring it back: it waits in the queue
					errs[i] = fault.New(fault.Transient, "import into %s: %s", w, why)
					break
				}
				for range n {
					r.park(w, why)
				}
				delete(r.facts, w)
			} else {
				if !imported {
					taken[w] = all
				}
				in.readFor(r.facts[w], x.Terms)
			}
		}
	}
	return errs
}

// readFor has the texts read again that read otherwise for their workspace: all
// where the reader was fitted to its corrections, else short ones in none of
// the languages that it expects. For most workspaces there is nothing to do.
func (in *Ingest) readFor(facts []social.Activity, t store.Terms) {
	if in.Read == nil || len(t.Languages) == 0 && t.Reader == nil {
		return
	}
	var by *refit.Document
	if t.Reader != nil {
		by = &t.Reader.Document
	}
	for i, a := range facts {
		if strings.TrimSpace(a.Text) == "" {
			continue
		}
		l := a.Language
		unexpected := len(t.Languages) > 0 && l != "" && l != langid.Undetermined && !slices.Contains(t.Languages, l)
		if by != nil || unexpected {
			a.Reading = in.reading(a, by, t.Languages...)
			facts[i] = a.Judged()
		}
	}
}

// came notes how many facts of a result were new, unless they were counted before.
func (in *Ingest) came(r *result) {
	if r.delivery.App == platform.Imports {
		return
	}
	for w, n := range r.fresh {
		if x := in.terms[w]; x != nil {
			x.fresh += n
		}
	}
}
