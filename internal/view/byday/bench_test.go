package byday_test

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"rapport/internal/day"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store/storetest"
	"rapport/internal/theme"
	"rapport/internal/themed"
	"rapport/internal/view/byday"
)

// BenchmarkIssues counts the issues of 28 days with 1.8 million messages of
// feedback by 600,000 people, written as full blocks, and the 28 days before
// without any. It reports the read units, the peak of the heap and the bytes
// that a tuple takes.
func BenchmarkIssues(b *testing.B) {
	const days, messages, people, themes = 28, 1_800_000, 600_000, 20
	s := storetest.New(b)
	set := theme.Set{Version: "set_1"}
	for i := range themes {
		set.Themes = append(set.Themes, theme.Theme{ID: fmt.Sprint("thm_", i)})
	}
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	const perHour = messages / days / 24
	bytes := 0
	var mu sync.Mutex
	for _, err := range parallel.Each(b.Context(), days*24, 4, func(hour int) error {
		var bl day.Block
		bl.Sets, bl.Tags = []string{set.Version}, [][]day.Tag{nil}
		for i := range perHour {
			n := hour*perHour + i
			t := day.Tuple{Occurred: start.Add(time.Duration(hour)*time.Hour).UnixMilli() + int64(i*3_599_000/perHour), Type: social.Post, Direction: social.Inbound,
				Platform: "standard", Scope: "forum", Language: "en", Sentiment: []string{"negative", "neutral", "positive"}[n%3], Intent: []string{"problem", "question", "other"}[n/3%3], Said: true}
			t.Activity, t.Account = id("a", n), id("p", n*7919%people)
			bl.Tuples = append(bl.Tuples, t)
			bl.Tags[0] = append(bl.Tags[0], day.Tag{Theme: fmt.Sprint("thm_", n%(themes+5)%themes), Near: int16(n % 4096)})
		}
		for _, part := range bl.Split(day.MaxTuples) {
			mu.Lock()
			bytes += len(part.Pack())
			mu.Unlock()
		}
		return s.PutTuples(b.Context(), "acme", bl)
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		units := 0.0
		s.Consumed = func(read, _ float64) { mu.Lock(); units += read; mu.Unlock() }
		runtime.GC()
		before := processor(b)
		done := make(chan struct{})
		peak := make(chan uint64)
		go func() {
			var most uint64
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapSys)
				select {
				case <-done:
					peak <- most
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		}()
		end := start.Add(days * 24 * time.Hour)
		sum, err := themed.Count(b.Context(), s, "acme", themed.Period{From: start, To: end, Set: set}, 20)
		close(done)
		most := <-peak
		if err != nil || sum.Messages != perHour*days*24 || !sum.Complete {
			b.Fatalf("%d messages, complete %v, %v", sum.Messages, sum.Complete, err)
		}
		b.ReportMetric(float64(bytes)/float64(perHour*days*24), "B/tuple")
		b.ReportMetric((processor(b) - before).Seconds(), "cpu-s")
		b.ReportMetric(units, "RRU/op")
		b.ReportMetric(float64(most)/(1<<20), "MB-heap")
		s.Consumed = nil
	}
}

// processor is the processor time that this process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func id(kind string, n int) (out day.ID) {
	sum := sha256.Sum256(fmt.Append(nil, kind, n))
	copy(out[:], sum[:])
	return out
}

// BenchmarkStore notes 25 activities by day: of one workspace, and of 25.
// It reports the write units of each activity.
func BenchmarkStore(b *testing.B) {
	for _, workspaces := range []int{1, 25} {
		b.Run(fmt.Sprint(workspaces, "-workspaces"), func(b *testing.B) {
			s := storetest.New(b)
			v := byday.New(s, nil)
			units, n, first := 0.0, 0, 0
			note := func() {
				of := map[string][]social.Activity{}
				for i := range 25 {
					w := fmt.Sprint("w", i%workspaces)
					of[w] = append(of[w], activity(fmt.Sprint("p", n), fmt.Sprint("o", n), "text", n%50))
					n++
				}
				for w, as := range of {
					if err := v.Store(b.Context(), w, as); err != nil {
						b.Fatal(err)
					}
				}
			}
			note() // the days are listed by now
			s.Consumed = func(_, write float64) { units += write }
			first = n
			for b.Loop() {
				note()
			}
			b.ReportMetric(units/float64(n-first), "WRU/activity")
		})
	}
}
