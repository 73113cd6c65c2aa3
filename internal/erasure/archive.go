package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// atOnce is how many objects are worked on at once.
const atOnce = 8

// What becomes of a delivery.
type verdict int

const (
	stays verdict = iota
	goes          // whole: it tells of the accounts, or of nobody else
	isCut         // others did what it tells, and it names the accounts
)

// archive takes out of the archive the deliveries that tell of the accounts,
// by what their facts say and by the places that are noted at them. A place is
// forgotten once it has been looked at, so that any attempt goes on where the
// last one ended. Where others' words are to be cut, the line is noted for later, when all
// that the accounts are called is known.
func (e *Erasure) archive(ctx context.Context, x *demand, _ string) (string, bool, error) {
	w := &work{e: e, x: x, apps: map[string]*store.App{}, removed: map[string]int{}}
	err := e.sought(ctx, x, func(s store.Sought) error {
		if len(s.Places) == 0 {
			return nil
		}
		if e.enough(ctx) {
			return errEnough
		}
		if err := w.each(ctx, objectsOf(s.Places), w.takeOut); err != nil {
			return err
		}
		s.Places = nil
		return e.Store.PutSought(ctx, x.workspace, x.looks(), s)
	})
	for _, a := range slices.Sorted(maps.Keys(x.whose)) {
		if err == nil {
			err = w.noted(ctx, a, w.takeOut)
		}
	}
	return w.end(ctx, err)
}

// cut cuts the accounts out of what others said, as far as it is noted.
func (e *Erasure) cut(ctx context.Context, x *demand, after string) (string, bool, error) {
	w := &work{e: e, x: x, apps: map[string]*store.App{}, removed: map[string]int{}}
	var err error
	for _, n := range x.cut.names {
		for _, scope := range slices.Compact([]string{x.ref.Scope, ""}) {
			if err == nil {
				err = w.noted(ctx, ingest.Called(x.ref.Platform, scope, n).AccountID(), w.takeOut)
			}
		}
	}
	// What names nobody that can be read stands there for everybody: it stays noted.
	nobody := ingest.Nobody(x.ref.Platform).AccountID()
	for err == nil {
		var list []string
		if list, err = e.Store.Named(ctx, x.workspace, nobody, after, 100); err != nil || len(list) == 0 {
			break
		}
		if err = w.each(ctx, list, w.takeOut); err == nil {
			if after = list[len(list)-1]; e.enough(ctx) {
				err = errEnough
			}
		}
	}
	for err == nil {
		var list []string
		if list, err = e.Store.ToCut(ctx, x.workspace, x.looks(), "", 100); err != nil || len(list) == 0 {
			break
		}
		lines := map[string]map[int]bool{}
		for _, place := range list {
			object, line, _ := strings.Cut(place, "#")
			n, err := strconv.Atoi(line)
			if err != nil {
				return after, false, fmt.Errorf("the place %q: %w", place, err)
			}
			if lines[object] == nil {
				lines[object] = map[int]bool{}
			}
			lines[object][n] = true
		}
		if err = w.each(ctx, objectsOf(list), func(ctx context.Context, object string) error { return w.cutLines(ctx, object, lines[object]) }); err != nil {
			break
		}
		for _, place := range list {
			if err == nil {
				err = e.Store.DeleteToCut(ctx, x.workspace, x.looks(), place)
			}
		}
		if err == nil && e.enough(ctx) {
			err = errEnough
		}
	}
	_, done, err := w.end(ctx, err)
	return after, done, err
}

// objectsOf lists the objects that places are in, each once.
func objectsOf(places []string) []string {
	var out []string
	for _, p := range places {
		object, _, _ := strings.Cut(p, "#")
		out = append(out, object)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// work is one attempt at the archive.
type work struct {
	e *Erasure
	x *demand

	mu      sync.Mutex
	apps    map[string]*store.App
	removed map[string]int
	names   []string // that the accounts turned out to have, too
}

func (w *work) count(what string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removed[what] += n
}

// end tells what was done.
func (w *work) end(ctx context.Context, err error) (string, bool, error) {
	done := err == nil
	if errors.Is(err, errEnough) {
		err = nil
	}
	return "", done, errors.Join(err, w.learn(ctx), w.e.tell(ctx, w.x, w.removed, false))
}

// learn notes what else the accounts are called.
func (w *work) learn(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, n := range w.names {
		if n != "" && !w.x.cut.called(n) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return nil
	}
	w.names = nil
	slices.Sort(names)
	return w.e.look(ctx, w.x, store.Sought{ID: "names-" + social.HashID("n", strings.Join(names, "|")), Names: names})
}

// each calls f with each object, several at once. What was learned is noted before they are forgotten.
func (w *work) each(ctx context.Context, objects []string, f func(ctx context.Context, object string) error) error {
	return errors.Join(errors.Join(parallel.Each(ctx, len(objects), atOnce, func(i int) error { return f(ctx, objects[i]) })...), w.learn(ctx))
}

// noted calls f with each place that is noted at an account, and forgets it.
func (w *work) noted(ctx context.Context, account string, f func(ctx context.Context, object string) error) error {
	for {
		list, err := w.e.Store.Named(ctx, w.x.workspace, account, "", 100)
		if err != nil || len(list) == 0 {
			return err
		}
		if w.e.enough(ctx) {
			return errEnough
		}
		if err := w.each(ctx, list, f); err != nil {
			return err
		}
		if err := errors.Join(parallel.Each(ctx, len(list), atOnce, func(i int) error {
			return w.e.Store.DeleteNamed(ctx, w.x.workspace, store.Mention{Account: account, Place: list[i]})
		})...); err != nil {
			return err
		}
	}
}

func (w *work) app(ctx context.Context, id string) (*store.App, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if app, ok := w.apps[id]; ok {
		return app, nil
	}
	found, err := w.e.Store.App(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	w.apps[id] = &found
	return &found, nil
}

// takeOut takes the deliveries that go out of an object, and notes those that are to be cut.
func (w *work) takeOut(ctx context.Context, object string) error {
	if strings.HasPrefix(object, "parked/") {
		return w.unpark(ctx, object)
	}
	n := 0
	var later []int
	did, err := w.e.Archive.EditLines(ctx, archive.ObjectKey(object), func(lines []platform.Kept) ([]platform.Kept, error) {
		n, later = 0, nil
		for i, k := range lines {
			if !slices.Contains(k.Workspaces, w.x.workspace) {
				continue
			}
			v, _, err := w.judge(ctx, k.Delivery)
			if err != nil {
				return nil, err
			}
			switch v {
			case goes:
				n++
				lines[i].Workspaces = slices.DeleteFunc(slices.Clone(k.Workspaces), func(s string) bool { return s == w.x.workspace })
			case isCut:
				later = append(later, i)
			}
		}
		if n == 0 {
			return nil, nil
		}
		return lines, nil
	})
	if err != nil {
		return err
	}
	if did { // else somebody else took them out meanwhile
		w.count("deliveries", n)
	}
	for _, i := range later {
		if err := w.e.Store.PutToCut(ctx, w.x.workspace, w.x.looks(), fmt.Sprintf("%s#%d", object, i)); err != nil {
			return err
		}
	}
	return nil
}

// unpark takes away a parked delivery that names the accounts.
func (w *work) unpark(ctx context.Context, object string) error {
	// The object last: as long as it is there, its reasons are found again.
	gone, err := w.e.Archive.DeleteIf(ctx, object, func(body []byte) (bool, error) {
		var d platform.Delivery
		if d.UnmarshalJSON(body) != nil {
			return false, nil
		}
		v, _, err := w.judge(ctx, d)
		if err != nil || v == stays {
			return false, err
		}
		return true, w.e.Store.DeleteParked(ctx, w.x.workspace, d.Received, d.ID())
	})
	if gone {
		w.count("parked", 1)
	}
	return err
}

// cutLines cuts the accounts out of lines of an object, and out of the facts
// that they tell.
func (w *work) cutLines(ctx context.Context, object string, which map[int]bool) error {
	n := 0
	var told []social.Activity
	did, err := w.e.Archive.EditLines(ctx, archive.ObjectKey(object), func(lines []platform.Kept) ([]platform.Kept, error) {
		n, told = 0, nil
		for i, k := range lines {
			if !which[i] || !slices.Contains(k.Workspaces, w.x.workspace) {
				continue
			}
			_, events, err := w.judge(ctx, k.Delivery)
			if err != nil {
				return nil, err
			}
			for _, v := range events {
				if v.Activity != nil && !w.x.is(v.Activity.Account()) {
					told = append(told, *v.Activity)
				}
			}
			body, changed, _ := w.x.cut.body(k.Request.Body)
			if !changed {
				continue
			}
			n++
			was := k.ID()
			c := k
			c.Was, c.Request.Body, c.Workspaces = was, body, []string{w.x.workspace}
			if len(k.Workspaces) == 1 {
				lines[i] = c
				continue
			}
			lines[i].Workspaces = slices.DeleteFunc(slices.Clone(k.Workspaces), func(s string) bool { return s == w.x.workspace })
			lines = append(lines, c) // others keep it as it was
		}
		if n == 0 {
			return nil, nil
		}
		return lines, nil
	})
	if err != nil {
		return err
	}
	if did {
		w.count("cut", n)
	}
	for _, a := range told {
		if a.Undated || a.Text == "" {
			continue
		}
		if err := w.e.cutFact(ctx, w.x, store.RefOf(a), w.x.cut, false); err != nil {
			return err
		}
	}
	return nil
}

// cutFact cuts the accounts out of another's fact, and notes its delivery to be looked through.
func (e *Erasure) cutFact(ctx context.Context, x *demand, ref store.FactRef, c *cutter, note bool) error {
	f, err := e.Store.Fact(ctx, x.workspace, ref)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if note && f.Archive != "" {
		if err := e.Store.PutToCut(ctx, x.workspace, x.looks(), f.Archive); err != nil {
			return err
		}
	}
	a := f.Activity
	a.Text = c.text(f.Text)
	a.Addressed = slices.DeleteFunc(slices.Clone(f.Addressed), func(id string) bool { return slices.Contains(c.ids, id) })
	if a.Text == f.Text && len(a.Addressed) == len(f.Addressed) {
		return nil
	}
	if err := e.Store.EditFact(ctx, x.workspace, a); err != nil {
		return err
	}
	return e.keep(ctx, x.workspace, []view.Fact{view.FactOf(a)})
}

// is reports whether an account is one of those.
func (x *demand) is(r social.AccountRef) bool {
	return r.Platform == x.ref.Platform && r.Scope == x.ref.Scope && (x.ref.ID == "" || r.ID == x.ref.ID)
}

// judge says what becomes of a delivery, and what it tells. The demand itself goes.
func (w *work) judge(ctx context.Context, d platform.Delivery) (v verdict, events []platform.Event, err error) {
	app, err := w.app(ctx, d.App)
	if err != nil {
		return stays, nil, err
	}
	x := w.x
	if app.Platform != x.ref.Platform {
		return stays, nil, nil
	}
	adapter, err := all.Find(app.Platform)
	if err != nil {
		return stays, nil, nil
	}
	var named []platform.Named
	func() {
		defer func() { recover() }() // what can't be read is looked at as bytes
		o := platform.Options{Legacy: app.Legacy, Config: app.Config}
		named = adapter.Named(d.Request, o)
		events, _ = adapter.Normalise(d.Request, o)
	}()
	late := d.Received.After(x.at)
	mentioned, others, afterwards := false, false, false
	for _, n := range named {
		if n.Ref.ID != "" && x.is(n.Ref) || n.Ref.ID == "" && x.ref.ID != "" && (x.cut.called(n.Handle) || x.cut.called(n.Email)) {
			mentioned = true
			if x.ref.ID != "" && !late {
				w.mu.Lock()
				w.names = append(w.names, n.Handle, n.Name, n.Email)
				w.mu.Unlock()
			}
		}
	}
	for _, ev := range events {
		a := ev.Activity
		switch {
		case ev.Erase != nil && ev.Erase.Platform == x.ref.Platform && ev.Erase.ID == x.ref.ID && (ev.Erase.ID != "" || ev.Erase.Scope == x.ref.Scope) && !late:
			return goes, events, nil
		case a == nil:
		case x.gone[a.ID()]:
			return goes, events, nil
		case !x.is(a.Account()):
			others = true
		case a.Undated && late || !a.Undated && a.Occurred.After(x.at):
			afterwards = true
		default:
			return goes, events, nil
		}
	}
	switch {
	case late || afterwards:
		return stays, events, nil
	case mentioned && others:
		return isCut, events, nil
	case mentioned:
		return goes, events, nil
	case len(named) == 0 && !others && x.within(d.Request.Body):
		return goes, events, nil
	}
	return stays, events, nil
}

// within reports whether bytes in which nobody can be read hold the id that is
// to be forgotten, the account's or the scope's, or what the account is called.
func (x *demand) within(body []byte) bool {
	id := x.ref.ID
	if id == "" {
		id = x.ref.Scope
	}
	return len(id) >= shortID && bytes.Contains(body, []byte(id)) || x.ref.ID != "" && x.cut.in(string(body))
}
