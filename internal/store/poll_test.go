package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

var pollNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func duePolls(t *testing.T, s *store.Store, now time.Time, limit int) []store.DuePoll {
	t.Helper()
	due, err := s.DuePolls(t.Context(), now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func TestPollIsWhereItWasWritten(t *testing.T) {
	s := storetest.New(t)
	if _, err := s.PollState(t.Context(), "acme", "src_a"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("before it is scheduled: %v", err)
	}
	want := store.Poll{Workspace: "acme", Source: "src_a", Host: "kettles.example", Cursor: "5 0 0", Asked: "url_x", ETag: `"1"`, LastModified: "Mon, 02 Mar 2026 09:30:00 GMT",
		Told: []string{"a", "b"}, Failures: 3, Reason: "there is nothing at the URL", Tried: pollNow, Success: pollNow.Add(-time.Hour)}
	for i := range 3 { // new, moved, left where it stands
		to := pollNow.Add(time.Minute * time.Duration(min(i, 1)))
		if err := s.MovePoll(t.Context(), &want, to); err != nil {
			t.Fatal(err)
		}
		got, err := s.PollState(t.Context(), "acme", "src_a")
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.Due.Equal(to) || got.Version != int64(i+1) {
			t.Errorf("write %d: %v (-want +got):\n%s", i, err, diff)
		}
		place := []store.DuePoll{{Workspace: "acme", Source: "src_a", Host: "kettles.example", At: to}}
		if diff := cmp.Diff(place, duePolls(t, s, pollNow.Add(time.Hour), 10)); diff != "" {
			t.Errorf("write %d: the list (-want +got):\n%s", i, diff)
		}
	}
}

func TestPollMovedByTwoIsAConflict(t *testing.T) {
	s := storetest.New(t)
	if err := s.SchedulePoll(t.Context(), "acme", "src_a", pollNow); err != nil {
		t.Fatal(err)
	}
	p, err := s.PollState(t.Context(), "acme", "src_a")
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		mine := p
		wait.Go(func() {
			switch err := s.MovePoll(t.Context(), &mine, pollNow.Add(2*time.Minute)); {
			case err == nil:
				won.Add(1)
			case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Transient):
				t.Errorf("claim: %v", err)
			case mine.Version != p.Version || !mine.Due.Equal(p.Due):
				t.Errorf("a claim that failed changed %+v", mine)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claimed it", won.Load())
	}
	if due := duePolls(t, s, pollNow.Add(time.Minute), 10); len(due) != 0 {
		t.Errorf("claimed, and still due: %v", due)
	}
	if due := duePolls(t, s, pollNow.Add(2*time.Minute), 10); len(due) != 1 {
		t.Errorf("the lease has ended, and due is %v", due)
	}
}

func TestScheduledAgainKeepsWhatItTold(t *testing.T) {
	s := storetest.New(t)
	p := store.Poll{Workspace: "acme", Source: "src_a", Cursor: "c", ETag: `"1"`}
	if err := s.MovePoll(t.Context(), &p, pollNow.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.SchedulePoll(t.Context(), "acme", "src_a", pollNow); err != nil {
		t.Fatal(err)
	}
	got, err := s.PollState(t.Context(), "acme", "src_a")
	if err != nil || got.Cursor != "c" || got.ETag != `"1"` || !got.Due.Equal(pollNow) {
		t.Errorf("%+v, %v", got, err)
	}
	if due := duePolls(t, s, pollNow.Add(48*time.Hour), 10); len(due) != 1 || !due[0].At.Equal(pollNow) {
		t.Errorf("due %v", due)
	}
}

func TestUnscheduledIsGone(t *testing.T) {
	s, table := storetest.NewTable(t)
	for range 2 { // the second time there is nothing to take off
		if err := s.UnschedulePoll(t.Context(), "acme", "src_a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SchedulePoll(t.Context(), "acme", "src_a", pollNow); err != nil {
		t.Fatal(err)
	}
	p, err := s.PollState(t.Context(), "acme", "src_a")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UnschedulePoll(t.Context(), "acme", "src_a"); err != nil {
		t.Fatal(err)
	}
	// Whoever was asking it then can't bring it back.
	if err := s.MovePoll(t.Context(), &p, pollNow); !fault.Is(err, fault.Conflict) {
		t.Errorf("moved after it was taken off: %v", err)
	}
	if left := table.Dump(t); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDuePollsOldestFirst(t *testing.T) {
	s := storetest.New(t)
	for i, source := range []string{"src_c", "src_a", "src_b", "src_d"} {
		if err := s.SchedulePoll(t.Context(), "acme", source, pollNow.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	names := func(due []store.DuePoll) (out []string) {
		for _, d := range due {
			out = append(out, d.Source)
		}
		return out
	}
	if diff := cmp.Diff([]string{"src_c", "src_a", "src_b"}, names(duePolls(t, s, pollNow.Add(2*time.Minute), 10))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first := duePolls(t, s, pollNow.Add(time.Hour), 2)
	if diff := cmp.Diff([]string{"src_c", "src_a"}, names(first)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.UnschedulePoll(t.Context(), "acme", first[0].Source); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"src_a"}, names(duePolls(t, s, pollNow.Add(time.Hour), 1))); diff != "" {
		t.Errorf("after one was taken off (-want +got):\n%s", diff)
	}
}

func TestHostIsHeldByOne(t *testing.T) {
	s := storetest.New(t)
	host := func(name string) store.Host {
		t.Helper()
		h, err := s.Host(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one, other := host("kettles.example"), host("kettles.example")
	one.Until, other.Until = pollNow.Add(90*time.Second), pollNow.Add(time.Hour)
	if err := s.PutHost(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	if err := s.PutHost(t.Context(), &other); !fault.Is(err, fault.Conflict) {
		t.Errorf("taken by another that read it before: %v", err)
	}
	if h := host("other.example"); h != (store.Host{Name: "other.example"}) {
		t.Errorf("another host: %+v", h)
	}
	again := host("kettles.example")
	if !again.Until.Equal(one.Until) {
		t.Errorf("held until %s, want %s", again.Until, one.Until)
	}
	again.Failures, again.Until = 1, pollNow.Add(2*time.Minute)
	if err := s.PutHost(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	one.Failures = 2
	if err := s.PutHost(t.Context(), &one); !fault.Is(err, fault.Conflict) {
		t.Errorf("let go by one whose time had ended: %v", err)
	}
	if h := host("kettles.example"); h.Failures != 1 || !h.Until.Equal(again.Until) {
		t.Errorf("%+v", h)
	}
}
