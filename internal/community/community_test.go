package community_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"rapport/internal/community"
)

var now = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

func acts(n int, others ...string) (out []community.Act) {
	for _, o := range others {
		for i := range n {
			out = append(out, community.Act{Other: o, At: now.AddDate(0, 0, -i)})
		}
	}
	return out
}

func people(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint("per_", i))
	}
	return out
}

func TestDialogueBeforeOutput(t *testing.T) {
	once := community.Influence(community.Seen{Received: acts(1, people(10)...)})
	ring := community.Influence(community.Seen{Received: acts(100, "b", "c"), Given: acts(100, "b", "c")})
	talks := community.Influence(community.Seen{Received: acts(2, people(4)...), Given: acts(2, people(4)...)})
	nobody := community.Influence(community.Seen{Given: acts(50, "b")})
	if once.Milli != 3330 || ring.Milli != 1986 || talks.Milli != 3000 || nobody.Milli != 0 {
		t.Errorf("ten who answered once %d, a ring of three %d, four dialogues %d, who answers and is not answered %d; want 3330, 1986, 3000, 0", once.Milli, ring.Milli, talks.Milli, nobody.Milli)
	}
	if talks.Lines[0].Reason != "replied 2 times, and was answered 2 times" || once.Lines[0].Reason != "replied once" {
		t.Errorf("%q, %q", talks.Lines[0].Reason, once.Lines[0].Reason)
	}
	if o := community.Outreach(community.Seen{Given: acts(2, "a", "b")}); o.Milli != 1000 || len(o.Lines) != 2 {
		t.Errorf("outreach %+v", o)
	}
}

func TestARelationshipGoesBothWays(t *testing.T) {
	days := func(n int) (out []time.Time) {
		for i := range n {
			out = append(out, now.AddDate(0, 0, -i))
		}
		return out
	}
	r := func(theirs, ours int) int {
		return community.Relationship(community.Seen{Theirs: days(theirs), Ours: days(ours)}, now).Milli
	}
	if r(50, 0) != 0 || r(0, 50) != 0 {
		t.Errorf("one-sided: %d and %d", r(50, 0), r(0, 50))
	}
	if !(r(5, 5) > r(9, 1) && r(9, 1) == r(1, 9) && r(20, 20) > r(5, 5) && r(2000, 2000) <= 10_000) {
		t.Errorf("5 and 5: %d, 9 and 1: %d, 1 and 9: %d, 20 and 20: %d", r(5, 5), r(9, 1), r(1, 9), r(20, 20))
	}
	old := community.Relationship(community.Seen{Theirs: []time.Time{now.AddDate(0, 0, -80)}, Ours: []time.Time{now.AddDate(0, 0, -80)}}, now)
	if old.Milli >= r(1, 1) {
		t.Errorf("of 80 days ago %d, of today %d", old.Milli, r(1, 1))
	}
}

// Whatever was seen: lines sum up to the reading, in an order that is always the same.
func TestLinesSumUp(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 2000 {
		some := func() (out []community.Act) {
			for range r.IntN(30) {
				out = append(out, community.Act{Other: fmt.Sprint(r.IntN(9)), At: now.AddDate(0, 0, -r.IntN(90))})
			}
			return out
		}
		s := community.Seen{Received: some(), Given: some()}
		for _, a := range some() {
			s.Theirs = append(s.Theirs, a.At)
		}
		for _, a := range some() {
			s.Ours = append(s.Ours, a.At)
		}
		of := func(s community.Seen) []community.Reading {
			return []community.Reading{community.Influence(s), community.Outreach(s), community.Relationship(s, now)}
		}
		want := of(s)
		r.Shuffle(len(s.Received), func(i, j int) { s.Received[i], s.Received[j] = s.Received[j], s.Received[i] })
		for i, got := range of(s) {
			sum := 0
			for _, l := range got.Lines {
				sum += l.Milli
			}
			if sum != got.Milli || fmt.Sprint(got) != fmt.Sprint(want[i]) {
				t.Fatalf("reading %d of %+v: %+v, lines sum up to %d; in another order %+v", i, s, got, sum, want[i])
			}
		}
	}
}

func TestPercentile(t *testing.T) {
	of := make([]int64, 100)
	for i := range of {
		of[i] = int64(i / 2) // 0 0 1 1 … 49 49
	}
	for value, want := range map[int64]float64{-1: 0, 0: 0.01, 25: 0.51, 49: 0.99, 90: 1} {
		if share, lo, hi, ok := community.Percentile(value, of); !ok || share != want || lo > share || hi < share {
			t.Errorf("%d: %v [%v, %v], want %v", value, share, lo, hi, want)
		}
	}
	if _, _, _, ok := community.Percentile(3, of[:community.Enough-1]); ok {
		t.Error("a percentile of too few")
	}
}
