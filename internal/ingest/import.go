package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Imported is a delivery of activities that are imported into a workspace. It
// counts as a replay: nothing of it is news.
func Imported(w string, d platform.Delivery) platform.Delivery {
	d.App, d.For, d.Replay = platform.Imports, w, true
	return d
}

// CheckImported says why an activity would not be kept; nil: it would.
func CheckImported(a social.Activity) error { return bound(a) }

// once puts in the place of each fact that is there as a list, or a platform,
// told it otherwise the fact that is there. The accounts' spans say what has to be looked for.
func (in *Ingest) once(ctx context.Context, r *result, w string, ids []string, spans []store.ListSpan) error {
	facts, of := r.facts[w], map[string]store.ListSpan{}
	for i, id := range ids {
		of[id] = spans[i]
	}
	told := map[string][]social.Activity{} // by lists, by account
	for _, a := range facts {
		if a.Precision != social.Exactly {
			told[a.Account().AccountID()] = append(told[a.Account().AccountID()], a)
		}
	}
	listed := sortedKeys(told)
	errs := parallel.Each(ctx, len(listed), atOnce, func(i int) error {
		return in.Store.NoteLists(ctx, w, listed[i], store.ListSpanOf(told[listed[i]]))
	})
	errs = append(errs, parallel.Each(ctx, len(facts), atOnce, func(i int) error {
		twins, err := in.twins(ctx, w, facts[i], of[facts[i].Account().AccountID()])
		if err != nil {
			return err
		}
		for _, t := range twins {
			taken := t.Taken
			if !taken {
				if taken, err = in.Store.TakeTwin(ctx, w, t.Activity, facts[i]); err != nil {
					return err
				}
			}
			if taken {
				if facts[i].Known.Before(t.Known) {
					t.Known = facts[i].Known
				}
				facts[i] = t.Activity
				return nil
			}
		}
		return nil
	})...)
	return errors.Join(errs...)
}

// Told are the facts that are found to be what somebody tells anew, each of which
// stands for one event of each precision; within one request, which stores
// nothing of it. Whoever reads the queue decides it for good.
type Told struct {
	mu sync.Mutex
	by map[[2]string]string // a fact's key and how exactly it is told anew, and the key of that
}

// Stands reports whether one of an activity's twins stands for it, and keeps it
// from standing for another.
func (t *Told) Stands(a social.Activity, twins []store.Twin) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range twins {
		k := [2]string{x.Key, string(a.Precision)}
		if by, there := t.by[k]; there && by != a.Key {
			continue
		}
		if t.by == nil {
			t.by = map[[2]string]string{}
		}
		t.by[k] = a.Key
		return true
	}
	return false
}

// twins are the facts that can be the event that an activity tells. What a
// platform tells outside of the span costs no request.
func (in *Ingest) twins(ctx context.Context, w string, a social.Activity, span store.ListSpan) ([]store.Twin, error) {
	if a.Precision == social.Exactly && !span.Holds(a.Occurred) {
		return nil, nil
	}
	if a.Precision != social.Exactly {
		// Once it is a fact itself, it stands for no other.
		if _, err := in.Store.Activity(ctx, w, store.RefOf(a)); err == nil || !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	list, err := in.Store.Twins(ctx, w, a)
	return slices.DeleteFunc(list, func(t store.Twin) bool {
		return a.Type.Utterance() && t.Text == "" && a.Text != "" // it would swallow what was said
	}), err
}

// understandImport reads a delivery of imported activities. They were checked
// when they were queued; one that can't be kept by now is left out and logged.
func (in *Ingest) understandImport(ctx context.Context, d platform.Delivery) ([]*result, error) {
	gone, err := in.Store.Deleting(ctx, forOf(d))
	if err != nil || gone[d.For] {
		return nil, err
	}
	r := newResult(store.App{ID: d.App, Owner: d.For}, d)
	r.queued = d.ID()
	for line := range bytes.Lines(d.Request.Body) {
		_, a, err := social.ParseLine(line)
		if err != nil {
			return nil, fmt.Errorf("import into %s: %w", d.For, err)
		}
		a = in.complete(a, d.Received)
		if err := in.take(ctx, r, platform.Event{Kind: platform.Imports, Activity: &a}, []store.Route{{Workspace: d.For}}); err != nil {
			return nil, err
		}
	}
	for _, reasons := range r.parked {
		slog.WarnContext(ctx, "imported activities were left out", "workspace", d.For, "reasons", len(reasons))
	}
	clear(r.parked)
	return []*result{r}, nil
}
