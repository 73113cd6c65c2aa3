// Package wipe takes away everything of a workspace that was deleted: the
// items of the table, its objects in the bucket, the secrets of its apps. It
// is done in steps, each of which can be repeated, also after it died anywhere.
package wipe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/store"
)

// Archive is the bucket.
type Archive interface {
	List(ctx context.Context, prefix, after string, f func(key string) error) error
	Delete(ctx context.Context, key string) error
	EditLines(ctx context.Context, key string, edit func(lines []platform.Kept) ([]platform.Kept, error)) (bool, error)
}

// Wipe is what it takes.
type Wipe struct {
	Store        *store.Store
	Archive      Archive
	DeleteSecret func(ctx context.Context, app string) error // nil where there is none
	Now          func() time.Time
}

// Phase is a part of a pass.
type Phase string

// The phases of a pass, in this order. There are passes until one finds
// nothing: what was under way when the workspace was deleted may still have
// written something.
const (
	Objects Phase = ""      // of the bucket, under the workspace's name
	Items   Phase = "items" // of the table, and what they lead to
	Wait    Phase = "wait"  // until whatever was under way has ended
	Done    Phase = "done"
)

// Between is the time from one pass to the next: longer than any function runs
// and remembers what it has read.
const Between = 15 * time.Minute

// State is a wipe between two steps. The zero value but for Workspace is the beginning.
type State struct {
	Workspace string `json:"workspace"`
	Phase     Phase  `json:"phase,omitempty"`
	After     string `json:"after,omitempty"` // in the table
	Found     int    `json:"found"`           // in this pass
	Removed   int    `json:"removed"`
}

const (
	perStep = 500 // objects
	atOnce  = 16
)

// Run makes steps until all is done, or is to wait, or until the instant stop.
func (x *Wipe) Run(ctx context.Context, s State, stop time.Time) (State, error) {
	if s.Phase == Wait {
		s.Phase, s.Found = Objects, 0
	}
	for s.Phase != Done && s.Phase != Wait && (stop.IsZero() || x.Now().Before(stop)) {
		next, err := x.step(ctx, s)
		if err != nil {
			return s, fmt.Errorf("wipe %s, %s after %q: %w", s.Workspace, s.Phase, s.After, err)
		}
		s = next
	}
	return s, nil
}

func (x *Wipe) step(ctx context.Context, s State) (State, error) {
	// Whatever asked for it: only what somebody deleted is taken away.
	switch gone, err := x.Store.IsDeleting(ctx, s.Workspace); {
	case err != nil:
		return s, err
	case !gone:
		return s, fault.New(fault.Invalid, "the workspace was not deleted")
	}
	if s.Phase == Objects {
		n, err := x.objects(ctx, s.Workspace)
		s.Found, s.Removed = s.Found+n, s.Removed+n
		if n == 0 && err == nil {
			s.Phase = Items
		}
		return s, err
	}
	list, next, err := x.Store.Sweep(ctx, s.Workspace, s.After)
	if err != nil {
		return s, err
	}
	// Apps last: their routes, which may stand in the same part of the table, tell who uses them.
	slices.SortStableFunc(list, func(a, b store.Remnant) int { return len(a.App) - len(b.App) })
	errs := parallel.Each(ctx, len(list), atOnce, func(i int) error { return x.remove(ctx, s.Workspace, list[i]) })
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	s.Found, s.Removed, s.After = s.Found+len(list), s.Removed+len(list), next
	switch {
	case next != "":
	case s.Found > 0:
		s.Phase = Wait
	default:
		s.Phase = Done
		return s, x.Store.EndWorkspace(ctx, s.Workspace)
	}
	return s, nil
}

var errEnough = errors.New("enough")

// objects deletes objects under the workspace's name, and says how many.
func (x *Wipe) objects(ctx context.Context, w string) (int, error) {
	var keys []string
	for _, prefix := range []string{"parked/" + w + "/", "reports/" + w + "/"} {
		err := x.Archive.List(ctx, prefix, "", func(key string) error {
			if keys = append(keys, key); len(keys) == perStep {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return 0, err
		}
		if len(keys) == perStep {
			break
		}
	}
	return len(keys), errors.Join(parallel.Each(ctx, len(keys), atOnce, func(i int) error { return x.Archive.Delete(ctx, keys[i]) })...)
}

func (x *Wipe) remove(ctx context.Context, w string, r store.Remnant) error {
	switch {
	case r.App != "" && r.Owner:
		return x.app(ctx, w, r.App)
	case r.App != "":
		return x.Store.PutGuest(ctx, r.App, w, false)
	case r.Made != "":
		// One that died between the app and its secret left this.
		switch _, err := x.Store.App(ctx, r.Made); {
		case fault.Is(err, fault.NotFound):
			if err := x.DeleteSecret(ctx, r.Made); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	case r.Archived != "":
		if err := x.lines(ctx, w, r.Archived); err != nil {
			return err
		}
	}
	return x.Store.DeleteRemnant(ctx, r)
}

// lines takes a workspace out of an object of the archive, which holds what
// came for others too.
func (x *Wipe) lines(ctx context.Context, w, object string) error {
	_, err := x.Archive.EditLines(ctx, archive.ObjectKey(object), func(lines []platform.Kept) ([]platform.Kept, error) {
		changed := false
		for i, l := range lines {
			if !slices.Contains(l.Workspaces, w) {
				continue
			}
			changed = true
			left := slices.DeleteFunc(slices.Clone(l.Workspaces), func(o string) bool { return o == w })
			if lines[i].Workspaces = left; len(left) == 0 {
				lines[i] = platform.Kept{}
			}
		}
		if !changed {
			return nil, nil
		}
		return lines, nil
	})
	return err
}

// app takes an app away, and its secret first; one that others' sources use
// stays for them, and is nobody's.
func (x *Wipe) app(ctx context.Context, w, app string) error {
	used, err := x.Store.UsedByOthers(ctx, app, w)
	if err != nil {
		return err
	}
	if used {
		return x.Store.LeaveApp(ctx, app)
	}
	// Routes of its own that this step has not reached stand in its way.
	if err := x.Store.DeleteRoutes(ctx, app, w); err != nil {
		return err
	}
	if err := x.DeleteSecret(ctx, app); err != nil {
		return err
	}
	err = x.Store.DeleteApp(ctx, app)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
