package report

import (
	"strings"
	"testing"
	"time"

	"rapport/internal/social"
)

func plain(s string) string { return strings.ReplaceAll(s, nb, " ") }

func TestDurationInWords(t *testing.T) {
	for _, tt := range []struct {
		seconds float64
		want    string
	}{
		{0, "0 s"}, {45.4, "45 s"}, {59.4, "59 s"}, {59.5, "1 min"}, {720, "12 min"}, {3569, "59 min"}, {3570, "1 h"}, {3600, "1 h"}, {7500, "2 h 5 min"},
		{86369, "23 h 59 min"}, {86370, "1 d"}, {100800, "1 d 4 h"}, {86400*2 - 1, "2 d"}, {86400*13 + 3600*23, "13 d 23 h"}, {86400 * 14, "14 d"}, {86400 * 1500, "1,500 d"},
	} {
		if got := plain(duration(tt.seconds)); got != tt.want {
			t.Errorf("duration(%v) = %q, want %q", tt.seconds, got, tt.want)
		}
	}
}

func TestCountAndPercent(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0 %", 0.001: "<1 %", 0.344: "34 %", 0.999: ">99 %", 1: "100 %"} {
		if got := plain(percent(share)); got != want {
			t.Errorf("percent(%v) = %q, want %q", share, got, want)
		}
	}
}

func TestDaysOfAPeriod(t *testing.T) {
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, loc).UTC() }
	for _, tt := range []struct {
		from, to time.Time
		want     string
	}{
		{day(2026, 11, 16), day(2026, 11, 23), "16 to 22 November 2026"},
		{day(2026, 9, 28), day(2026, 10, 5), "28 September to 4 October 2026"},
		{day(2026, 12, 28), day(2027, 1, 4), "28 December 2026 to 3 January 2027"},
		{day(2026, 11, 16), day(2026, 11, 17), "16 November 2026"},
	} {
		if got := days(tt.from, tt.to, loc); got != tt.want {
			t.Errorf("days = %q, want %q", got, tt.want)
		}
	}
}

func TestClockNamesAnotherYear(t *testing.T) {
	now := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2027, 1, 2, 9, 5, 0, 0, time.UTC), "Sat 2 Jan, 09:05"},
		{time.Date(2026, 12, 30, 9, 5, 0, 0, time.UTC), "Wed 30 Dec 2026, 09:05"},
	} {
		if got := clock(tt.at, now, time.UTC); got != tt.want {
			t.Errorf("clock(%s) = %q, want %q", tt.at, got, tt.want)
		}
	}
}

func TestPlatformNames(t *testing.T) {
	for in, want := range map[string]string{"linkedin": "LinkedIn", "meta": "Meta", "meta_threads": "Meta threads", "x": "X", "ümlaut": "Ümlaut", "": "unknown platform"} {
		if got := platform(in); got != want {
			t.Errorf("platform(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanedTextIsOneSafeLine(f *testing.F) {
	for _, s := range []string{"plain", " a\r\n\tb ", "\u202eevil", "👩\u200d🚀", "e\u0301\u0301\u0301\u0301\u0301\u0301", "\xff\xfe", "שלום", strings.Repeat("x", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := social.Shown(s)
		if social.Shown(c) != c {
			t.Errorf("what is shown is not stable: %q, %q", c, social.Shown(c))
		}
		if strings.ContainsAny(c, "\r\n\t\x00\x1b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c") || strings.TrimSpace(c) != c {
			t.Errorf("social.Shown(%q) = %q", s, c)
		}
		if strings.Join(pieces(c), "") != c {
			t.Errorf("pieces of %q make %q", c, strings.Join(pieces(c), ""))
		}
		if n := len([]rune(short(s, 10))); n > 10 {
			t.Errorf("short(%q, 10) has %d characters", s, n)
		}
	})
}
