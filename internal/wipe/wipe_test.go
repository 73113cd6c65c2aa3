package wipe_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/archive"
	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/wipe"
)

var t0 = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

// bucket is what a bucket holds: bytes, or lines of an archived object.
type bucket struct {
	objects map[string]string
	lines   map[string][]platform.Kept
}

func (b *bucket) List(_ context.Context, prefix, _ string, f func(string) error) error {
	for k := range b.objects {
		if strings.HasPrefix(k, prefix) {
			if err := f(k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) Delete(_ context.Context, key string) error { delete(b.objects, key); return nil }

func (b *bucket) EditLines(_ context.Context, key string, edit func([]platform.Kept) ([]platform.Kept, error)) (bool, error) {
	got, err := edit(b.lines[key])
	if err == nil && got != nil {
		b.lines[key] = got
	}
	return got != nil, err
}

// serial is a bucket that is used by one at a time.
type serial struct {
	*bucket
	turn chan struct{}
}

func (s serial) Delete(ctx context.Context, key string) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.bucket.Delete(ctx, key)
}

func (s serial) EditLines(ctx context.Context, key string, edit func([]platform.Kept) ([]platform.Kept, error)) (bool, error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.bucket.EditLines(ctx, key, edit)
}

// fill gives a workspace something of many kinds.
func fill(t *testing.T, s *store.Store, b *bucket, w string) {
	t.Helper()
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(s.CreateWorkspace(ctx, store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: t0}, "ann"))
	do(s.PutTick(ctx, w))
	do(s.PutReport(ctx, w, store.Report{ID: "weekly", Name: "W", Created: t0}, t0.Add(time.Hour)))
	do(s.Publish(ctx, w, store.Models, store.Document{Version: "1", Published: t0, Body: []byte("{}")}))
	do(s.CreateSource(ctx, store.App{ID: "app_" + w, Owner: w, Platform: "standard"}, true, store.Source{ID: "src", Workspace: w, App: "app_" + w, Platform: "standard", Scope: "a", Created: t0}))
	do(s.SchedulePoll(ctx, w, "src", t0))
	do(s.CreateKey(ctx, w, store.MachineKey{ID: "key_x", Role: social.Viewer, Created: t0, Expires: t0.Add(time.Hour)}))
	do(s.CreateInvitation(ctx, w, store.Invitation{ID: "inv_x", Role: social.Viewer, Created: t0, Expires: t0.Add(time.Hour)}))
	do(s.PutLine(ctx, store.Line{ID: "log_x", Workspace: w, At: t0}))
	do(s.Park(ctx, w, store.Parked{Delivery: "dlv", Received: t0, Reason: "no"}))
	for _, v := range []string{w, store.CheckWorkspace(w, "tst"), store.Rebuilt(w)} {
		for i := range 3 {
			a := social.Activity{Platform: "standard", Scope: "a", Direction: social.Inbound, Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("u", i)},
				Object: social.Object{ID: fmt.Sprint("o", i)}, Occurred: t0, Known: t0}
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
			do(s.PutAccount(ctx, v, a))
			_, err := s.PutActivity(ctx, v, a)
			do(err)
		}
	}
	b.objects["parked/"+w+"/dlv"], b.objects["reports/"+w+"/weekly/x.html"] = "x", "x"
	day := t0.Format(time.DateOnly)
	do(s.PutArchived(ctx, []string{w}, day+"/obj"))
	key := archive.ObjectKey(day + "/obj")
	b.lines[key] = append(b.lines[key], platform.Kept{Workspaces: []string{w}, Delivery: platform.Delivery{App: "app_" + w, Request: platform.Request{Header: http.Header{}, Body: []byte("of " + w)}}})
}

// TestNothingIsLeft: of a deleted workspace nothing stays but the note that
// its id is used up; of another, and of one whose name begins alike, everything.
func TestNothingIsLeft(t *testing.T) {
	s, table := storetest.NewTable(t)
	b := &bucket{map[string]string{}, map[string][]platform.Kept{}}
	secrets := map[string]bool{"app_acme": true, "app_acme-2": true, "app_shared": true, "app_left": true}
	fill(t, s, b, "acme")
	// Each is a guest of the other's, and one app is used by the other alone.
	fill(t, s, b, "acme-2")
	ctx := t.Context()
	for _, err := range []error{
		s.PutGuest(ctx, "app_acme-2", "acme", true),
		s.CreateSource(ctx, store.App{ID: "app_acme-2"}, false, store.Source{ID: "guest", Workspace: "acme", App: "app_acme-2", Platform: "standard", Scope: "g", Created: t0}),
		s.CreateSource(ctx, store.App{ID: "app_shared", Owner: "acme", Platform: "meta"}, true, store.Source{ID: "own", Workspace: "acme", App: "app_shared", Platform: "meta", Scope: "1", Created: t0}),
		s.CreateSource(ctx, store.App{ID: "app_shared"}, false, store.Source{ID: "theirs", Workspace: "acme-2", App: "app_shared", Platform: "meta", Scope: "2", Created: t0}),
		s.CreateSource(ctx, store.App{ID: "app_left", Owner: "acme", Platform: "meta"}, true, store.Source{ID: "left", Workspace: "acme", App: "app_left", Platform: "meta", Scope: "1", Created: t0}),
		s.DeleteSource(ctx, store.Source{ID: "left", Workspace: "acme", App: "app_left", Scope: "1"}),
		s.DeleteApp(ctx, "app_left"), // and its secret stayed
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	key := archive.ObjectKey(t0.Format(time.DateOnly) + "/obj")
	b.lines[key][1].Workspaces = []string{"acme", "acme-2"}
	x := &wipe.Wipe{Store: s, Archive: serial{b, make(chan struct{}, 1)}, DeleteSecret: func(_ context.Context, app string) error { delete(secrets, app); return nil }, Now: func() time.Time { return t0 }}

	if _, err := x.Run(ctx, wipe.State{Workspace: "acme"}, time.Time{}); !fault.Is(err, fault.Invalid) || len(b.objects) != 4 {
		t.Fatalf("a workspace that nobody deleted: %v, %d objects", err, len(b.objects))
	}
	if err := s.DeleteWorkspace(ctx, "acme", t0); err != nil {
		t.Fatal(err)
	}
	state, err := x.Run(ctx, wipe.State{Workspace: "acme"}, time.Time{})
	if err != nil || state.Phase != wipe.Wait || state.Removed < 30 {
		t.Fatalf("%+v, %v", state, err)
	}
	// Somebody was under way.
	if err := s.PutLine(ctx, store.Line{ID: "log_late", Workspace: "acme", At: t0}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if state, err = x.Run(ctx, state, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if state.Phase != wipe.Done {
		t.Fatalf("after the third pass: %+v", state)
	}
	for k, v := range table.Dump(t) {
		if k == "GONE#acme | @" {
			continue
		}
		for _, text := range []string{k, v} {
			if strings.Contains(strings.NewReplacer("acme-2", "", "app_acme", "").Replace(text), "acme") {
				t.Errorf("left: %s: %s", k, v)
			}
		}
	}
	if len(b.objects) != 2 || b.objects["parked/acme-2/dlv"] == "" || len(secrets) != 2 || !secrets["app_shared"] || !secrets["app_acme-2"] {
		t.Errorf("objects %v, secrets %v", b.objects, secrets)
	}
	if l := b.lines[key]; len(l[0].Workspaces)+len(l[0].Request.Body) != 0 || len(l[1].Workspaces) != 1 || l[1].Workspaces[0] != "acme-2" || string(l[1].Request.Body) != "of acme-2" {
		t.Errorf("archive: %+v", l)
	}
	if facts, err := s.Accounts(ctx, "acme-2", "", 10); err != nil || len(facts) != 3 {
		t.Errorf("of the other workspace %d accounts, %v", len(facts), err)
	}
	if routes, err := s.Routes(ctx, "app_shared"); err != nil || len(routes) != 1 {
		t.Errorf("routes of the shared app: %+v, %v", routes, err)
	}
	if a, err := s.App(ctx, "app_shared"); err != nil || a.Owner != "" {
		t.Errorf("the shared app: %+v, %v", a, err)
	}
	if err := s.CreateWorkspace(ctx, store.Workspace{ID: "acme", Name: "A", TimeZone: "UTC", Created: t0}, "eve"); !fault.Is(err, fault.Conflict) {
		t.Errorf("its id can be used again: %v", err)
	}
}

// TestGoesOnWhereItEnded: a wipe that has no time makes a part, and goes on.
func TestGoesOnWhereItEnded(t *testing.T) {
	s, _ := storetest.NewTable(t)
	b := &bucket{map[string]string{}, map[string][]platform.Kept{}}
	fill(t, s, b, "acme")
	if err := s.DeleteWorkspace(t.Context(), "acme", t0); err != nil {
		t.Fatal(err)
	}
	now, died := t0, 0
	x := &wipe.Wipe{Store: s, Archive: serial{b, make(chan struct{}, 1)}, Now: func() time.Time { now = now.Add(time.Minute); return now },
		DeleteSecret: func(context.Context, string) error {
			if died++; died < 3 {
				return fault.New(fault.Transient, "the parameter store is busy")
			}
			return nil
		}}
	state := wipe.State{Workspace: "acme"}
	runs := 0
	for state.Phase != wipe.Done {
		if runs++; runs > 50 {
			t.Fatalf("no end: %+v", state)
		}
		next, err := x.Run(t.Context(), state, now.Add(90*time.Second)) // one step
		if err != nil && !fault.Is(err, fault.Transient) {
			t.Fatal(err)
		}
		if err == nil {
			state = next
		}
	}
	if runs < 5 || died != 3 {
		t.Errorf("%d runs, %d tries of a secret", runs, died)
	}
}
