package report

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// nb is a space that no line breaks at, between a number and its unit.
const nb = "\u00a0"

// short is s as it is shown, cut to at most n runes; a cut text ends in "…".
func short(s string, n int) string { return social.Excerpt(s, n) }

// pieces splits s so that no piece holds more than 20 runes without a space.
// The HTML lets a line break between pieces, so that a word without end does
// not widen the page.
func pieces(s string) []string {
	var out []string
	start, run := 0, 0
	for i, r := range s {
		if r == ' ' {
			run = 0
			continue
		}
		if run++; run > 20 && !unicode.In(r, unicode.M, unicode.Cf) {
			out = append(out, s[start:i])
			start, run = i, 1
		}
	}
	return append(out, s[start:])
}

// link returns s where it is an absolute http or https address that shows
// where it leads, and "" otherwise: no user name before the host, no control
// character, space or character that turns the writing direction, at most
// 2,000 bytes.
func link(s string) string {
	if len(s) > 2000 || s != social.Shown(s) || strings.Contains(s, " ") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return s
}

// duration says a number of seconds in words, rounded: "45 s", "12 min",
// "2 h 5 min", "1 d 4 h", "23 d".
func duration(seconds float64) string {
	unit := func(n int64, u string) string { return strconv.FormatInt(n, 10) + nb + u }
	pair := func(n, per int64, big, small string) string {
		if n%per == 0 {
			return unit(n/per, big)
		}
		return unit(n/per, big) + nb + unit(n%per, small)
	}
	round := func(per float64) int64 { return int64(math.Round(seconds / per)) }
	switch {
	case round(1) < 60:
		return unit(round(1), "s")
	case round(60) < 60:
		return unit(round(60), "min")
	case round(60) < 24*60:
		return pair(round(60), 60, "h", "min")
	case round(3600) < 14*24:
		return pair(round(3600), 24, "d", "h")
	}
	return count(int(round(86400))) + nb + "d"
}

// count writes n with commas between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// many writes n and the noun for it: "1 person", "41 people".
func many(n int, one, more string) string {
	if n == 1 {
		return "1" + nb + one
	}
	return count(n) + nb + more
}

// percent writes a share in whole percent; what is above none but rounds to 0
// is "<1", and what is below all but rounds to 100 is ">99".
func percent(share float64) string {
	p := math.Round(share * 100)
	switch {
	case p == 0 && share > 0:
		return "<1" + nb + "%"
	case p == 100 && share < 1:
		return ">99" + nb + "%"
	}
	return strconv.Itoa(int(p)) + nb + "%"
}

// missing says that there is not enough data and how much more it takes.
func missing(e Estimate, one, more string) string {
	return fmt.Sprintf("not enough data: %s, %s needed", many(e.N, one, more), count(e.Needed))
}

var (
	decimals = pattern.New(`[0-9]+\.[0-9]{2,}`)
	decay    = pattern.New(` after decay \(half-life [^)]*\)`) // what scoring says of every reason that grows old
)

// rounded writes the decimal numbers of a sentence with one decimal, as far as
// that leaves something of them: the CSV has them whole.
func rounded(s string) string {
	return decimals.ReplaceAllStringFunc(s, func(n string) string {
		x, err := strconv.ParseFloat(n, 64)
		if err != nil || x < 0.1 {
			return n
		}
		return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
	})
}

// clock writes an instant in a zone, "Tue 17 Nov, 14:05", with the year where
// it is not that of now: "Tue 17 Nov 2026, 14:05".
func clock(t, now time.Time, loc *time.Location) string {
	if t.In(loc).Year() == now.In(loc).Year() {
		return t.In(loc).Format("Mon 2 Jan, 15:04")
	}
	return t.In(loc).Format("Mon 2 Jan 2006, 15:04")
}

// days writes the local days of [from, to): "16 to 22 November 2026".
func days(from, to time.Time, loc *time.Location) string {
	a, b := from.In(loc), to.Add(-time.Nanosecond).In(loc)
	end := b.Format("2 January 2006")
	switch {
	case a.Format("2006-01-02") == b.Format("2006-01-02"):
		return end
	case a.Year() != b.Year():
		return a.Format("2 January 2006") + " to " + end
	case a.Month() != b.Month():
		return a.Format("2 January") + " to " + end
	}
	return strconv.Itoa(a.Day()) + " to " + end
}

// spellings are the platforms whose names are not just capitalised.
var spellings = map[string]string{
	"github": "GitHub", "gitlab": "GitLab", "hubspot": "HubSpot", "linkedin": "LinkedIn", "tiktok": "TikTok",
	"whatsapp": "WhatsApp", "wordpress": "WordPress", "youtube": "YouTube",
}

// platform writes the name of a platform as its owner does.
func platform(p string) string {
	p = strings.ReplaceAll(short(p, 40), "_", " ")
	if s, ok := spellings[p]; ok {
		return s
	}
	r, n := utf8.DecodeRuneInString(p)
	if n == 0 {
		return "unknown platform"
	}
	return string(unicode.ToUpper(r)) + p[n:]
}
