package report_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/report"
)

func weekly(t *testing.T, d time.Weekday, hour, minute int, zone string) report.Weekly {
	t.Helper()
	w, err := report.NewWeekly(d, hour, minute, zone)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestNextDueInstant(t *testing.T) {
	tests := []struct {
		name         string
		weekday      time.Weekday
		hour, minute int
		zone         string
		after, want  string
	}{
		{"later the same day", time.Monday, 8, 0, "Europe/Berlin", "2026-11-16T06:00:00Z", "2026-11-16T07:00:00Z"},
		{"strictly after a due instant", time.Monday, 8, 0, "Europe/Berlin", "2026-11-16T07:00:00Z", "2026-11-23T07:00:00Z"},
		{"over a year's end", time.Friday, 9, 30, "America/New_York", "2026-12-30T00:00:00Z", "2027-01-01T14:30:00Z"},
		{"local date differs from UTC's", time.Monday, 0, 5, "Pacific/Auckland", "2026-06-21T11:00:00Z", "2026-06-21T12:05:00Z"},
		{"Berlin, before the clock goes forward", time.Monday, 8, 0, "Europe/Berlin", "2026-03-20T00:00:00Z", "2026-03-23T07:00:00Z"},
		{"Berlin, after the clock went forward", time.Monday, 8, 0, "Europe/Berlin", "2026-03-23T07:00:00Z", "2026-03-30T06:00:00Z"},
		{"Berlin, the hour skipped in March", time.Sunday, 2, 30, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"Berlin, the hour shown twice in October: the first", time.Sunday, 2, 30, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"Berlin, the second 02:30 is not due again", time.Sunday, 2, 30, "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z"},
		{"Sao Paulo, midnight skipped", time.Sunday, 0, 0, "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
		{"Sao Paulo, 23:30 shown twice: the first", time.Saturday, 23, 30, "America/Sao_Paulo", "2018-02-17T12:00:00Z", "2018-02-18T01:30:00Z"},
		{"Lord Howe, half an hour skipped", time.Sunday, 2, 10, "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
		{"Lord Howe, half an hour shown twice", time.Sunday, 1, 45, "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z"},
		{"Apia, the day skipped", time.Friday, 9, 0, "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00:00Z"},
		{"Apia, the week after", time.Friday, 9, 0, "Pacific/Apia", "2011-12-30T10:00:00Z", "2012-01-05T19:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := weekly(t, tt.weekday, tt.hour, tt.minute, tt.zone)
			got := w.Next(instant(t, tt.after))
			if got.Format(time.RFC3339) != tt.want {
				t.Errorf("Next(%s) = %s, want %s", tt.after, got.Format(time.RFC3339), tt.want)
			}
			if l := w.Latest(got); !l.Equal(got) {
				t.Errorf("Latest of a due instant %s = %s, want itself", got, l)
			}
			if l := w.Latest(got.Add(-time.Nanosecond)); l.After(instant(t, tt.after)) {
				t.Errorf("Latest just before %s = %s, which Next passed over", got, l)
			}
		})
	}
}

func TestPeriodIsTheSevenLocalDaysBefore(t *testing.T) {
	tests := []struct {
		name           string
		weekday        time.Weekday
		zone           string
		due, from, to  string
		hours, minutes int
	}{
		{"an ordinary week", time.Monday, "Europe/Berlin", "2026-11-23T07:00:00Z", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z", 168, 0},
		{"Berlin, an hour short in March", time.Monday, "Europe/Berlin", "2026-03-30T06:00:00Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z", 167, 0},
		{"Berlin, an hour long in October", time.Monday, "Europe/Berlin", "2026-10-26T07:00:00Z", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z", 169, 0},
		{"Sao Paulo, to a day that begins at 01:00", time.Sunday, "America/Sao_Paulo", "2018-11-04T11:00:00Z", "2018-10-28T03:00:00Z", "2018-11-04T03:00:00Z", 168, 0},
		{"Sao Paulo, over an hour shown twice before midnight", time.Sunday, "America/Sao_Paulo", "2018-02-18T11:00:00Z", "2018-02-11T02:00:00Z", "2018-02-18T03:00:00Z", 169, 0},
		{"Lord Howe, half an hour short", time.Monday, "Australia/Lord_Howe", "2026-10-04T21:00:00Z", "2026-09-27T13:30:00Z", "2026-10-04T13:00:00Z", 167, 30},
		{"Apia, due on the day skipped", time.Friday, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-23T10:00:00Z", "2011-12-30T10:00:00Z", 168, 0},
		{"Apia, over the day skipped", time.Saturday, "Pacific/Apia", "2011-12-30T19:00:00Z", "2011-12-24T10:00:00Z", "2011-12-30T10:00:00Z", 144, 0},
		{"an instant that is not due", time.Monday, "Europe/Berlin", "2026-11-25T12:00:00Z", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z", 168, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, to := weekly(t, tt.weekday, 8, 0, tt.zone).Period(instant(t, tt.due))
			if from.Format(time.RFC3339) != tt.from || to.Format(time.RFC3339) != tt.to {
				t.Errorf("Period(%s) = %s, %s, want %s, %s", tt.due, from.Format(time.RFC3339), to.Format(time.RFC3339), tt.from, tt.to)
			}
			if got, want := to.Sub(from), time.Duration(tt.hours)*time.Hour+time.Duration(tt.minutes)*time.Minute; got != want {
				t.Errorf("it lasts %s, want %s", got, want)
			}
		})
	}
}

// Whatever the zone does, the due instants go on, Latest inverts Next, and
// the periods tile time.
func TestPeriodsTileTimeInEveryZone(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "Europe/Dublin", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Africa/Casablanca", "Africa/Cairo", "Asia/Gaza",
		"Asia/Tehran", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Chatham", "Antarctica/Troll", "America/Caracas"}
	r := rand.New(rand.NewPCG(1, 2))
	for _, zone := range zones {
		w := weekly(t, time.Weekday(r.IntN(7)), r.IntN(24), r.IntN(60), zone)
		due := w.Next(time.Date(1993, 1, 1, 0, 0, 0, 0, time.UTC))
		begin, end := w.Period(due)
		for due.Year() < 2030 {
			if got := w.Latest(due.Add(time.Minute)); !got.Equal(due) {
				t.Fatalf("%s: Latest just after %s = %s", zone, due, got)
			}
			next := w.Next(due)
			if gap := next.Sub(due); gap < 5*24*time.Hour || gap > 9*24*time.Hour {
				t.Fatalf("%s: %s follows %s", zone, next, due)
			}
			from, to := w.Period(next)
			if !from.Equal(end) || !to.After(from) || to.After(next) {
				t.Fatalf("%s: due %s covers %s to %s, the period before ended at %s", zone, next, from, to, end)
			}
			// What a report compares with: the period before its own.
			if before, last := w.Period(from); !before.Equal(begin) || !last.Equal(from) {
				t.Fatalf("%s: before %s to %s comes %s to %s, want %s", zone, from, to, before, last, begin)
			}
			due, begin, end = next, from, to
		}
	}
}

func TestMissedListsAllButTheLatest(t *testing.T) {
	w := weekly(t, time.Monday, 8, 0, "Europe/Berlin")
	done := instant(t, "2026-10-19T06:00:00Z")
	tests := []struct {
		name string
		now  string
		want []string
	}{
		{"nothing due since", "2026-10-20T00:00:00Z", nil},
		{"one due: it is still to run", "2026-10-26T07:00:00Z", nil},
		{"an outage of three weeks", "2026-11-10T00:00:00Z", []string{"2026-10-26T07:00:00Z", "2026-11-02T07:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.Missed(done, instant(t, tt.now))
			if len(got) != len(tt.want) {
				t.Fatalf("Missed = %v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i].Format(time.RFC3339) != tt.want[i] {
					t.Errorf("Missed[%d] = %s, want %s", i, got[i], tt.want[i])
				}
			}
		})
	}
	now := instant(t, "2026-11-10T00:00:00Z")
	if got := w.Missed(time.Time{}, now); got != nil {
		t.Errorf("a schedule that never ran missed %d", len(got))
	}
	long := w.Missed(instant(t, "1996-01-01T07:00:00Z"), now)
	if len(long) != 52 || !w.Next(long[51]).Equal(w.Latest(now)) {
		t.Errorf("after thirty years %d are listed, the last %v, want the last 52", len(long), long[len(long)-1])
	}
}

func TestImpossibleSchedulesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name         string
		weekday      time.Weekday
		hour, minute int
		zone         string
	}{
		{"no such weekday", 7, 8, 0, "UTC"},
		{"negative weekday", -1, 8, 0, "UTC"},
		{"hour 24", time.Monday, 24, 0, "UTC"},
		{"minute 60", time.Monday, 8, 60, "UTC"},
		{"negative minute", time.Monday, 8, -1, "UTC"},
		{"no zone", time.Monday, 8, 0, ""},
		{"the machine's zone", time.Monday, 8, 0, "Local"},
		{"unknown zone", time.Monday, 8, 0, "Europe/Atlantis"},
		{"a path", time.Monday, 8, 0, "../../etc/passwd"},
	} {
		if _, err := report.NewWeekly(tt.weekday, tt.hour, tt.minute, tt.zone); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: error %v, want one of kind invalid", tt.name, err)
		}
	}
}
