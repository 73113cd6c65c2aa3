package conversation_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	conversations "rapport/internal/view/conversation"
)

// held stops a client before one of its requests, and then before another,
// while something else happens.
type held struct {
	n        atomic.Int64
	at       [2]int64
	meantime [2]func()
}

func (h *held) Do(r *http.Request) (*http.Response, error) {
	n := h.n.Add(1)
	for i := range h.at {
		if n == h.at[i] {
			h.meantime[i]()
		}
	}
	return http.DefaultClient.Do(r)
}

// A reply is among the asker's exchanges, also if the messages above the
// asker's arrive while it is written, and what stands below them moves up.
func TestParentsArriveWhileAReplyIsWritten(t *testing.T) {
	top := said("asker0", "top", 0, social.Inbound, nil)
	under := func(id, parent string, minute int, dir social.Direction) social.Activity {
		who := map[social.Direction]string{social.Inbound: "asker1", social.Outbound: "brand"}[dir]
		return said(who, id, minute, dir, func(a *social.Activity) { a.Type, a.InReplyTo = social.Reply, parent })
	}
	second, third := under("second", "top", 10, social.Inbound), under("third", "second", 20, social.Inbound)
	asked, reply := under("asked", "third", 30, social.Inbound), under("reply", "asked", 40, social.Outbound)
	all := []social.Activity{top, second, third, asked, reply}

	table := func() (*store.Store, storetest.Table) {
		s, table := storetest.NewTable(t)
		for _, a := range all {
			if _, err := s.PutActivity(t.Context(), w, a); err != nil {
				t.Fatal(err)
			}
		}
		return s, table
	}
	view1 := func(s *store.Store, as ...social.Activity) {
		for _, a := range as {
			if err := conversations.New(s, quiet).Keep(t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	dump := func(table storetest.Table) map[string]string {
		return table.DumpBut(t, func(pk, sk string) []string {
			return (*conversations.View)(nil).Arrival(pk[len(w)+1:], sk)
		})
	}
	s, clean := table()
	view1(s, all...)
	want := dump(clean)

	found := 0
	for _, parents := range [][2][]social.Activity{{{third, second, top}}, {{third}, {second, top}}} {
		for first := int64(1); ; first++ {
			done := false
			for second := first; ; second += 12 {
				s, late := table()
				view1(s, asked)
				cfg, err := config.LoadDefaultConfig(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				h := &held{at: [2]int64{first, second}}
				for i, part := range parents {
					h.meantime[i] = func() { view1(s, part...) }
				}
				cfg.HTTPClient = h
				view1(store.New(cfg, late.Name), reply)
				last := h.n.Load() < second || len(parents[1]) == 0
				if h.n.Load() < first {
					done = true
					break
				}
				if h.n.Load() < second {
					view1(s, parents[1]...)
				}
				if d := cmp.Diff(want, dump(late)); d != "" {
					t.Errorf("parents %s, before requests %d and %d (-want +got):\n%s", fmt.Sprint(len(parents[0])), first, second, d)
					if found++; found > 2 {
						t.FailNow()
					}
				}
				if last {
					break
				}
			}
			if done {
				break
			}
		}
	}
}

// dies is held before one of its requests, while something else happens, and
// answers none from another one on.
type dies struct {
	n        atomic.Int64
	at, dead int64
	meantime func()
}

func (d *dies) Do(r *http.Request) (*http.Response, error) {
	n := d.n.Add(1)
	if n == d.at {
		d.meantime()
	}
	if n >= d.dead {
		return nil, errors.New("the process is dead")
	}
	return http.DefaultClient.Do(r)
}

// What stands below moves all the way up, also if whoever moves it dies on the
// way while the messages above arrive.
func TestWhoMovesRepliesUpDies(t *testing.T) {
	var all []social.Activity
	for i := range 5 { // each replies to the one before
		all = append(all, said(fmt.Sprint("asker", i%2), fmt.Sprint("m", i), 10*i, social.Inbound, func(a *social.Activity) {
			if i > 0 {
				a.Type, a.InReplyTo = social.Reply, fmt.Sprint("m", i-1)
			}
		}))
	}
	table := func() (*store.Store, storetest.Table) {
		s, table := storetest.NewTable(t)
		for _, a := range all {
			if _, err := s.PutActivity(t.Context(), w, a); err != nil {
				t.Fatal(err)
			}
		}
		return s, table
	}
	seen := func(s *store.Store, as ...social.Activity) error {
		for _, a := range as {
			if err := conversations.New(s, quiet).Keep(t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
				return err
			}
		}
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dump := func(table storetest.Table) map[string]string {
		return table.DumpBut(t, func(pk, sk string) []string { return (*conversations.View)(nil).Arrival(pk[len(w)+1:], sk) })
	}
	s, clean := table()
	must(seen(s, all...))
	want := dump(clean)
	for at := int64(1); ; at += 2 {
		last := false
		for dead := at + 1; dead < at+40; dead += 6 {
			s, late := table()
			must(seen(s, all[4]))
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMaxAttempts(1))
			must(err)
			d := &dies{at: at, dead: dead, meantime: func() { must(seen(s, all[2], all[1])) }}
			cfg.HTTPClient = d
			died := seen(store.New(cfg, late.Name), all[3])
			if last = d.n.Load() < at; last {
				break
			}
			must(seen(s, all[0]))
			must(seen(s, all[3])) // it comes again
			if diff := cmp.Diff(want, dump(late)); diff != "" {
				t.Fatalf("held before request %d, dead from %d on (%v) (-want +got):\n%s", at, dead, died, diff)
			}
			if died == nil {
				break
			}
		}
		if last {
			break
		}
	}
}

// Replies came before their parent, which is in a thread that the platform
// names: they stand in that thread, whether they name it or not.
func TestAParentInANamedThread(t *testing.T) {
	top := said("asker0", "top", 0, social.Inbound, named)
	under := func(id, parent string, minute int, dir social.Direction) social.Activity {
		who := map[social.Direction]string{social.Inbound: "asker1", social.Outbound: "brand"}[dir]
		return said(who, id, minute, dir, func(a *social.Activity) { a.Type, a.InReplyTo = social.Reply, parent })
	}
	all := []social.Activity{top, under("first", "top", 10, social.Inbound), under("answer", "first", 20, social.Outbound), under("second", "first", 30, social.Inbound), under("third", "second", 40, social.Inbound)}
	made := func(order ...int) map[string]string {
		s, table := storetest.NewTable(t)
		for _, i := range order {
			keep(t, s, all[i:i+1], 1)
		}
		return table.DumpBut(t, func(pk, sk string) []string { return (*conversations.View)(nil).Arrival(pk[len(w)+1:], sk) })
	}
	want := made(0, 1, 2, 3, 4)
	for _, order := range [][]int{{4, 3, 2, 1, 0}, {1, 0, 2, 3, 4}, {0, 3, 1, 2, 4}, {2, 1, 4, 0, 3}} {
		if d := cmp.Diff(want, made(order...)); d != "" {
			t.Errorf("in the order %v (-in order +so):\n%s", order, d)
		}
	}
}

// Whoever read a head that was erased and written anew since does not write
// over the new one.
func TestAHeadReadBeforeAnErasure(t *testing.T) {
	s, table := storetest.NewTable(t)
	first, second, third := said("asker0", "1", 0, social.Inbound, named), said("asker0", "2", 10, social.Inbound, named), said("asker0", "3", 20, social.Inbound, named)
	keep(t, s, []social.Activity{first, second}, 1) // at once: a head of the first version
	thread, asker := store.ThreadID("standard", "forum", "named"), first.Account().AccountID()
	old, err := s.Head(t.Context(), w, thread, asker)
	if err != nil || !old.WaitingSince.Equal(first.Occurred) {
		t.Fatal(old, err)
	}
	v := conversations.New(s, quiet)
	for range 2 { // as an erasure does it: before and after the fact goes
		if _, err := v.Forget(t.Context(), w, []view.Fact{view.FactOf(first)}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteFacts(t.Context(), w, asker, []store.FactRef{store.RefOf(first)}); err != nil {
			t.Fatal(err)
		}
	}
	old.Said = third.Occurred
	if err := s.PutHead(t.Context(), w, old, old); !fault.Is(err, fault.Conflict) {
		t.Errorf("a head of before the erasure is written: %v", err)
	}
	for k, v := range table.Dump(t) {
		if strings.HasSuffix(k, "| @") && strings.Contains(v, "WaitingSince:"+social.Stamp(first.Occurred)) {
			t.Errorf("%s waits since a message that was erased: %s", k, v)
		}
	}
}

// Of a message that others' places name as their thread, the place stays when
// its account is forgotten, and is the message's again when that comes anew.
func TestAForgottenMessageComesAgain(t *testing.T) {
	top := said("asker0", "top", 0, social.Inbound, nil)
	under := func(who, id, to string, minute int, dir social.Direction) social.Activity {
		return said(who, id, minute, dir, func(a *social.Activity) { a.Type, a.InReplyTo = social.Reply, to })
	}
	middle := under("asker1", "middle", "top", 10, social.Inbound)
	all := []social.Activity{under("asker2", "low", "middle", 20, social.Inbound), under("brand", "answer", "middle", 30, social.Outbound), middle, top} // replies first
	s, table := storetest.NewTable(t)
	keep(t, s, all, 1)
	dump := func() map[string]string {
		return table.DumpBut(t, func(pk, sk string) []string { return (*conversations.View)(nil).Arrival(pk[len(w)+1:], sk) })
	}
	want := dump()
	v := conversations.New(s, quiet)
	for range 2 { // as an erasure does it: before and after the fact goes
		if _, err := v.Forget(t.Context(), w, []view.Fact{view.FactOf(middle)}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteFacts(t.Context(), w, middle.Account().AccountID(), []store.FactRef{store.RefOf(middle)}); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := s.Place(t.Context(), w, store.MessageID(middle.Platform, middle.Scope, "middle")); !fault.Is(err, fault.NotFound) {
		t.Errorf("it was forgotten, and is at %v: %v", p, err)
	}
	keep(t, s, []social.Activity{middle}, 1)
	if d := cmp.Diff(want, dump()); d != "" {
		t.Errorf("before it was forgotten, and when it came again (-before +again):\n%s", d)
	}
}
