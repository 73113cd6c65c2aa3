package talk_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/erasure"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

const w = "acme"

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

// said makes a message of account at minute m, replying to parent (may be "").
func said(account, id, parent string, m int, dir social.Direction) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: account}, Object: social.Object{ID: id},
		InReplyTo: parent, Text: "text of " + id, Occurred: t0.Add(time.Duration(m) * time.Minute), Known: t0.Add(24 * time.Hour), Direction: dir}
	if parent != "" {
		a.Type = social.Reply
	}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, a.Occurred)
	return a
}

func amended(account, id, text string, m int, typ social.Type) social.Activity {
	a := said(account, id, "", m, social.Inbound)
	a.Type, a.Text = typ, text
	a.Key = social.ActivityKey(a.Platform, a.Scope, typ, id, a.Occurred)
	return a
}

// thread is a made-up thread: trees of replies by three askers and the
// business, with edits and deletions. The same seed gives the same thread.
func thread(seed uint64, n int) []social.Activity {
	r := rand.New(rand.NewPCG(seed, 1))
	var out []social.Activity
	for i := range n {
		id, parent := fmt.Sprintf("m%d", i), ""
		if i > 0 && r.IntN(6) > 0 {
			parent = fmt.Sprintf("m%d", r.IntN(i))
		}
		if r.IntN(12) == 0 {
			parent = fmt.Sprintf("lost%d", r.IntN(2)) // never arrives
		}
		if r.IntN(3) == 0 {
			out = append(out, said("brand", id, parent, 10*i, social.Outbound))
		} else {
			out = append(out, said(fmt.Sprintf("asker%d", r.IntN(3)), id, parent, 10*i, social.Inbound))
		}
		switch r.IntN(8) {
		case 0:
			out = append(out, amended(out[len(out)-1].Actor.ID, id, "edited "+id, 10*i+3, social.Edit))
		case 1:
			out = append(out, amended(out[len(out)-1].Actor.ID, id, "", 10*i+5, social.Delete))
		case 2:
			out = append(out, amended("moderator", id, "", 10*i+5, social.Delete))
		}
	}
	return out
}

// put stores an activity and notes it by day, as ingest does.
func put(t *testing.T, s *store.Store, a social.Activity) {
	t.Helper()
	if _, err := s.PutActivity(t.Context(), w, a); err != nil {
		t.Error(err)
	}
	if err := byday.New(s, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
		t.Error(err)
	}
}

// days is what is kept by day.
func days(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	says, err := byday.New(s, nil).Says(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return says
}

func keep(t *testing.T, s *store.Store, as []social.Activity, parallel int) {
	t.Helper()
	f := talk.New(s, func(context.Context, string, []view.Stale) error { return nil })
	work := make(chan social.Activity)
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for a := range work {
				put(t, s, a)
				if err := f.View(t.Context(), w, store.RefOf(a)); err != nil {
					t.Errorf("view %s: %v", a.Key, err)
				}
			}
		})
	}
	for _, a := range as {
		work <- a
	}
	close(work)
	wg.Wait()
}

// views drops from a dump what depends on the order of arrival without
// meaning anything: where a message was first thought to belong.
func views(dump map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range dump {
		if _, sk, _ := cutLast(k, " | "); sk != "@" || strings.Contains(v, "Asker:") {
			out[k] = v
		}
	}
	return out
}

func cutLast(s, sep string) (string, string, bool) {
	for i := len(s) - len(sep); i >= 0; i-- {
		if s[i:i+len(sep)] == sep {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

func TestAnyOrderGivesTheSameViews(t *testing.T) {
	for seed := range uint64(3) {
		as := thread(seed, 25)
		s1, table1 := storetest.NewTable(t)
		keep(t, s1, as, 1)
		want, wantDays := views(table1.Dump(t)), days(t, s1)
		if len(want) < 30 || len(wantDays) != len(as) {
			t.Fatalf("seed %d: only %d views", seed, len(want))
		}

		shuffled := append(append([]social.Activity{}, as...), as[:len(as)/2]...) // half of them twice
		r := rand.New(rand.NewPCG(seed, 2))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for _, parallel := range []int{1, 8} {
			s2, table2 := storetest.NewTable(t)
			keep(t, s2, shuffled, parallel)
			if d := cmp.Diff(want, views(table2.Dump(t))); d != "" {
				t.Fatalf("seed %d, %d at once, shuffled (-in order +shuffled):\n%s", seed, parallel, d)
			}
			if d := cmp.Diff(wantDays, days(t, s2)); d != "" {
				t.Fatalf("seed %d, %d at once, shuffled, by day (-in order +shuffled):\n%s", seed, parallel, d)
			}
		}
	}
}

// TestScoresFollow: what happens to others' messages reaches the scores that
// rest on them, in whatever order it comes. A reply that was taken back is none.
func TestScoresFollow(t *testing.T) {
	question, reply, thanks := said("ann", "1", "", 0, social.Inbound), said("brand", "2", "1", 30, social.Outbound), said("ann", "3", "2", 60, social.Inbound)
	taken := amended("brand", "2", "", 90, social.Delete)
	removed := amended("moderator", "3", "", 95, social.Delete)
	account := question.Account().AccountID()
	for name, as := range map[string][]social.Activity{
		"in order":        {question, reply, thanks, taken, removed},
		"deletions first": {removed, taken, thanks, reply, question},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.New(t)
			asked := 0
			f := talk.New(s, func(_ context.Context, _ string, stale []view.Stale) error {
				if stale[0].Account != account {
					t.Errorf("asks for the score of %v", stale)
				}
				asked++
				return nil
			})
			for _, a := range as {
				if _, err := s.PutActivity(t.Context(), w, a); err != nil {
					t.Fatal(err)
				}
				if err := f.View(t.Context(), w, store.RefOf(a)); err != nil {
					t.Fatal(err)
				}
			}
			facts, err := s.Facts(t.Context(), w, account)
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for _, a := range facts {
				have[a.Key] = true
			}
			for _, a := range as {
				if stands := a.Key != reply.Key && a.Key != taken.Key; have[a.Key] != stands {
					t.Errorf("%s is among the facts that ann's score is made of: %v", a.Key, have[a.Key])
				}
			}
			if asked == 0 {
				t.Error("nobody asked for the score again")
			}
		})
	}
}

// counting is an HTTP client that counts requests.
type counting struct{ n atomic.Int64 }

func (c *counting) Do(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultClient.Do(r)
}

// A long chain of replies that arrives with the newest first is linked at every
// step. Its views are the same as in order, and computing them takes requests
// as its messages, and not as its messages times its askers.
func TestALongChainBackwards(t *testing.T) {
	const messages, askers, atOnce = 80, 16, 20
	var as []social.Activity
	for i := range messages {
		parent := ""
		if i > 0 {
			parent = fmt.Sprintf("m%d", i-1)
		}
		who, dir := fmt.Sprintf("asker%d", i/2%askers), social.Inbound
		if i%2 == 1 {
			who, dir = "brand", social.Outbound
		}
		as = append(as, said(who, fmt.Sprintf("m%d", i), parent, i, dir))
	}
	s1, table1 := storetest.NewTable(t)
	keep(t, s1, as, 1)

	_, table2 := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	requests := &counting{}
	cfg.HTTPClient = requests
	s2 := store.New(cfg, table2.Name)
	f := talk.New(s2, func(context.Context, string, []view.Stale) error { return nil })
	slices.Reverse(as)
	most := int64(0)
	for part := range slices.Chunk(as, atOnce) {
		var refs []store.FactRef
		for _, a := range part {
			put(t, s2, a)
			refs = append(refs, store.RefOf(a))
		}
		before := requests.n.Load()
		if err := f.View(t.Context(), w, refs...); err != nil {
			t.Fatal(err)
		}
		most = max(most, requests.n.Load()-before)
	}
	if d := cmp.Diff(views(table1.Dump(t)), views(table2.Dump(t))); d != "" {
		t.Errorf("(-in order +backwards):\n%s", d)
	}
	t.Logf("%d requests for %d messages at most", most, atOnce)
	if bound := int64(5 * atOnce * messages / 2); most > bound {
		t.Errorf("%d requests for %d messages of a chain of %d, want at most %d", most, atOnce, messages, bound)
	}
}

// before calls f once, before the n-th request.
type before struct {
	at, n int64
	f     func()
}

func (b *before) Do(r *http.Request) (*http.Response, error) {
	if b.n++; b.n == b.at {
		b.f()
	}
	return http.DefaultClient.Do(r)
}

// forget takes an account away.
func forget(ctx context.Context, s *store.Store, account string, until time.Time) error {
	e := erasure.New(s, func() time.Time { return until })
	return e.Account(ctx, w, account, until, map[string]int{})
}

// An account is erased, whole, before each single request of a view of its
// message: nothing of it stays, and others' messages are viewed as ever.
func TestErasedWhileViewed(t *testing.T) {
	quiet := func(context.Context, string, []view.Stale) error { return nil }
	question, reply := said("ann", "1", "", 0, social.Inbound), said("brand", "2", "1", 10, social.Outbound)
	for name, gone := range map[string]social.Activity{"who asks": question, "who replies": reply} {
		t.Run(name, func(t *testing.T) {
			for at := int64(1); ; at++ {
				s, table := storetest.NewTable(t)
				put(t, s, question)
				put(t, s, reply)
				if gone.Key == reply.Key {
					if err := talk.New(s, quiet).View(t.Context(), w, store.RefOf(question)); err != nil {
						t.Fatal(err)
					}
				}
				cfg, err := config.LoadDefaultConfig(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				hook := &before{at: at, f: func() {
					if err := forget(t.Context(), s, gone.Account().AccountID(), erasure.Forever); err != nil {
						t.Error(err)
					}
				}}
				cfg.HTTPClient = hook
				if err := talk.New(store.New(cfg, table.Name), quiet).View(t.Context(), w, store.RefOf(gone)); err != nil {
					t.Fatalf("before request %d: %v", at, err)
				}
				if hook.n < at {
					break // it is viewed, and was not erased
				}
				for k, v := range table.Dump(t) {
					if strings.Contains(k+v, gone.Account().AccountID()) || strings.Contains(v, gone.Text) {
						t.Errorf("before request %d: left: %s: %.200s", at, k, v)
					}
				}
				for k, v := range days(t, s) {
					if strings.Contains(v, gone.Account().AccountID()) {
						t.Errorf("before request %d: left by day: %s: %s", at, k, v)
					}
				}
				more := said("ann", "3", "2", 20, social.Inbound)
				if _, err := s.PutActivity(t.Context(), w, more); err != nil {
					t.Fatal(err)
				}
				if err := talk.New(s, quiet).View(t.Context(), w, store.RefOf(more)); err != nil {
					t.Errorf("before request %d: the next message: %v", at, err)
				}
			}
		})
	}
}

// What an account does after the demand is kept, also where it comes while the
// account is being forgotten: before each single request of that.
func TestDoneWhileForgotten(t *testing.T) {
	early, later := said("ann", "1", "", 0, social.Inbound), said("ann", "2", "", 60, social.Inbound)
	account := early.Account().AccountID()
	for at := int64(1); ; at++ {
		s, table := storetest.NewTable(t)
		if _, err := s.PutActivity(t.Context(), w, early); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.LoadDefaultConfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hook := &before{at: at, f: func() {
			if _, err := s.PutActivity(t.Context(), w, later); err != nil {
				t.Error(err)
			}
		}}
		cfg.HTTPClient = hook
		if err := forget(t.Context(), store.New(cfg, table.Name), account, t0.Add(30*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if hook.n < at {
			break
		}
		facts, err := s.Facts(t.Context(), w, account)
		if err != nil {
			t.Fatal(err)
		}
		if len(facts) != 1 || facts[0].Key != later.Key {
			t.Errorf("before request %d: %d facts are left, want the later one", at, len(facts))
		}
	}
}
