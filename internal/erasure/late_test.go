package erasure_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/erasure"
	"rapport/internal/profile"
	"rapport/internal/rebuild"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/blocking"
	"rapport/internal/view/byday"
)

// A view that is written while the fact it is of goes is taken away by whoever
// writes it: here the fact goes after it was read and before it is viewed.
func TestViewWrittenWhileTheFactGoes(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	said := social.Activity{Key: "standard|forum|post|1|x", Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: "ann", Scope: "forum"},
		Object: social.Object{ID: "1"}, Text: "words that must not stay", Occurred: at, Known: at, Direction: social.Inbound}
	if _, err := s.PutActivity(t.Context(), "acme", said); err != nil {
		t.Fatal(err)
	}
	account := said.Account().AccountID()
	f := talk.New(s, func(context.Context, string, []view.Stale) error { return nil })
	if err := f.View(t.Context(), "acme", store.RefOf(said)); err != nil {
		t.Fatal(err)
	}
	days := byday.New(s, nil)
	if err := days.Store(t.Context(), "acme", []social.Activity{said}); err != nil {
		t.Fatal(err)
	}
	if says, err := days.Says(t.Context(), "acme"); err != nil || len(says) != 1 {
		t.Fatalf("no tuple to begin with: %v, %v", says, err)
	}
	if err := erasure.New(s, time.Now).Account(t.Context(), "acme", account, erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	// What a slower writer had in hand.
	for name, look := range map[string]func() error{
		"ingest, whose facts are viewed then": func() error { return f.View(t.Context(), "acme", store.RefOf(said)) },
		"whoever keeps it":                    func() error { return days.Keep(t.Context(), "acme", []view.Fact{view.FactOf(said)}) },
	} {
		if err := days.Store(t.Context(), "acme", []social.Activity{said}); err != nil {
			t.Fatal(err)
		}
		if err := look(); err != nil {
			t.Fatal(err)
		}
		if says, err := days.Says(t.Context(), "acme"); err != nil || len(says) != 0 {
			t.Errorf("%s: still there: %v, %v", name, says, err)
		}
	}
}

// before calls do once, before the first request whose body holds what is looked for.
type before struct {
	body string
	do   func()
	once sync.Once
}

func (b *before) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(string(body), b.body) && strings.Contains(string(body), `"BK"`) && strings.Contains(r.Header.Get("X-Amz-Target"), "PutItem") {
		b.once.Do(b.do)
	}
	return http.DefaultClient.Do(r)
}

// An erasure while a rebuild has read somebody's attributes, or name, and not
// yet written the keys by which that one is compared: nothing of them
// stays aside but the notes of what was written, which go with the rebuild.
func TestErasedWhileKeysAreMadeAgain(t *testing.T) {
	for _, did := range []bool{true, false} {
		x := newWorld(t)
		a := social.Activity{Platform: "standard", Scope: "forum-one", Type: social.Post, Direction: social.Inbound, Actor: social.Actor{ID: "wilma-01", Scope: "forum-one", Name: "Wilma Winterstein"}, Object: social.Object{ID: "p9"}, Text: "Hello", Occurred: received, Known: received}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		id := a.Account().AccountID()
		if err := x.store.PutAccount(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
		if did {
			if _, err := x.store.PutActivity(t.Context(), w, a); err != nil {
				t.Fatal(err)
			}
		}
		if _, errs := x.store.PutAttributes(t.Context(), w, profile.Of{Account: id, Facts: []profile.Fact{
			{ID: "told-0001", Name: "name", Kind: profile.Text, Value: "Wilma Winterstein", Source: profile.Import, At: received, Known: received, By: "key_a"},
			{ID: "told-0002", Name: profile.Email, Kind: profile.Text, Value: "wilma@mail.example", Source: profile.Import, At: received, Known: received, By: "key_a"}}}); errs[0] != nil {
			t.Fatal(errs[0])
		}
		cfg, erased := x.cfg, false
		cfg.HTTPClient = &before{body: store.Rebuilt(w) + "#A#" + id, do: func() {
			erased = true
			if err := erasure.New(x.store, func() time.Time { return demanded }).Account(t.Context(), w, id, erasure.Forever, map[string]int{}); err != nil {
				t.Error(err)
			}
		}}
		r := &rebuild.Rebuild{Store: store.New(cfg, x.table.Name), Now: func() time.Time { return received }, Views: func(s *store.Store) []view.View { return []view.View{blocking.New(s)} }}
		s := rebuild.State{Workspace: w}
		for s.Phase != rebuild.Compare {
			var err error
			if s, err = r.Step(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if left := holding(without(x.table.Dump(t), "~rebuild#Z#"), "BK", id); !erased || len(left) > 0 {
			t.Errorf("did something: %v, erased meanwhile: %v, left %q", did, erased, left)
		}
	}
}
