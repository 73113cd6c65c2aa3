package contacts

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// clock reads times as people and spreadsheets write them.
type clock struct {
	zone  *time.Location // whose clocks show times that say no zone; nil: not said
	order string         // of dates: dmy, mdy, ymd; "": not said
}

// moment is a time that was read.
type moment struct {
	at        time.Time
	precision string // "", second, minute
	told      string // what was decided; "": nothing
}

// Orders are the orders in which a date's day, month and year can stand.
var Orders = []string{"dmy", "mdy", "ymd"}

var (
	serial   = pattern.New(`^[0-9]{5}([.,][0-9]{1,12})?$`)
	unixTime = pattern.New(`^[0-9]{10}([0-9]{3})?$`)
	byDigits = pattern.New(`^([0-9]{1,4})([./-])([0-9]{1,2})([./-])([0-9]{1,4})(?:,?[T ] ?(.+))?$`)
	byName   = pattern.New(`^(?:[A-Za-z]{3,9}, )?(?:([0-9]{1,2})\.? ([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.? ([0-9]{1,2})),? ([0-9]{4})(?:,? (?:at )?(.+))?$`)
	hours    = pattern.New(`^([0-9]{1,2})(?::|\.|h)([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?( ?[aApP]\.?[mM]\.?)?( ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?$`)
)

// excelDay is day 0 of spreadsheets' dates; they take 1900 for a leap year, so it holds from March 1900 on.
var excelDay = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// read reads a time. The errors say what to do.
func (c clock) read(s string) (moment, error) {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\u00a0' || r == '\u202f' {
			return ' '
		}
		return r
	}, s))
	switch {
	case s == "":
		return moment{}, errors.New("there is no time")
	case unixTime.MatchString(s):
		n, _ := strconv.ParseInt(s, 10, 64) // at most 13 digits
		if len(s) == 13 {
			return moment{at: time.UnixMilli(n).UTC()}, nil
		}
		return moment{at: time.Unix(n, 0).UTC(), precision: "second"}, nil
	case serial.MatchString(s):
		return c.serial(s)
	}
	year, month, day, rest, err := c.date(s)
	if err != nil {
		return moment{}, err
	}
	shown := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if rest == "" {
		return c.local(s, shown, "minute")
	}
	m := hours.FindStringSubmatch(rest)
	if m == nil {
		return moment{}, fmt.Errorf("the time of %q can't be read: write 2026-11-02 09:00:00", social.Excerpt(s, 40))
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	h, min, sec := n(m[1]), n(m[2]), n(m[3])
	if half := strings.ToLower(strings.NewReplacer(".", "", " ", "").Replace(m[5])); half != "" {
		if h < 1 || h > 12 {
			return moment{}, fmt.Errorf("%q has no hour of 1 to 12 before %s", social.Excerpt(s, 40), strings.TrimSpace(m[5]))
		}
		if h %= 12; half == "pm" {
			h += 12
		}
	}
	if h > 23 || min > 59 || sec > 59 {
		return moment{}, fmt.Errorf("%q is no time of a day", social.Excerpt(s, 40))
	}
	precision := "minute"
	if m[3] != "" {
		precision = "second"
	}
	nanos := 0
	if m[4] != "" {
		nanos, precision = n((m[4] + "000000000")[:9]), ""
	}
	shown = shown.Add(time.Duration(h)*time.Hour + time.Duration(min)*time.Minute + time.Duration(sec)*time.Second + time.Duration(nanos))
	switch z := strings.TrimSpace(m[6]); {
	case z == "":
		return c.local(s, shown, precision)
	case z == "Z" || z == "UTC" || z == "GMT":
		return moment{at: social.Instant(shown), precision: precision}, nil
	default:
		digits := strings.ReplaceAll(z[1:], ":", "") + "00"
		east := time.Duration(n(digits[:2]))*time.Hour + time.Duration(n(digits[2:4]))*time.Minute
		if z[0] == '-' {
			east = -east
		}
		return moment{at: social.Instant(shown.Add(-east)), precision: precision}, nil
	}
}

// serial reads a spreadsheet's number of days.
func (c clock) serial(s string) (moment, error) {
	s = strings.Replace(s, ",", ".", 1)
	days, err := strconv.ParseFloat(s, 64)
	if err != nil || days < 30_000 || days > 80_000 { // 1982 to 2119
		return moment{}, fmt.Errorf("%s is no time, and as a spreadsheet's number of days it is none of these times either", s)
	}
	// Five or six digits after the point are exact to a second, more of them to a millisecond.
	_, decimals, _ := strings.Cut(s, ".")
	unit := time.Millisecond
	if len(decimals) <= 6 {
		unit = time.Second
	}
	whole, part := math.Modf(days)
	shown := excelDay.AddDate(0, 0, int(whole)).Add(time.Duration(math.Round(part*float64(24*time.Hour/unit))) * unit)
	precision := "second"
	switch {
	case decimals == "":
		precision = "minute"
	case shown.Nanosecond() != 0:
		precision = ""
	}
	return c.local(s, shown, precision)
}

// date reads the day that a time is of, and returns what follows it.
func (c clock) date(s string) (year int, month time.Month, day int, rest string, err error) {
	if m := byName.FindStringSubmatch(s); m != nil {
		d, name := m[1]+m[4], m[2]+m[3]
		for i := time.January; i <= time.December; i++ {
			if strings.EqualFold(name, i.String()) || strings.EqualFold(name, i.String()[:3]) || i == time.September && strings.EqualFold(name, "sept") {
				month = i
			}
		}
		year, _ = strconv.Atoi(m[5])
		day, _ = strconv.Atoi(d)
		if !there(year, int(month), day) {
			return 0, 0, 0, "", fmt.Errorf("%q is no date: write 2026-11-02", social.Excerpt(s, 40))
		}
		return year, month, day, m[6], nil
	}
	m := byDigits.FindStringSubmatch(s)
	if m == nil || m[2] != m[4] {
		return 0, 0, 0, "", fmt.Errorf("%q can't be read as a time: write 2026-11-02 09:00:00, or with its offset 2026-11-02T09:00:00+01:00", social.Excerpt(s, 40))
	}
	parts := [3]string{m[1], m[3], m[5]}
	orders := Orders
	switch {
	case len(m[1]) == 4:
		orders = []string{"ymd"}
	case len(m[5]) == 4:
		orders = []string{"dmy", "mdy"}
	case len(m[1]) == 3 || len(m[5]) == 3:
		orders = nil
	}
	if c.order != "" && len(m[1]) != 4 { // a year in front is not to be mistaken
		if !slices.Contains(orders, c.order) {
			return 0, 0, 0, "", fmt.Errorf("%q is no date in the order %s", social.Excerpt(s, 40), c.order)
		}
		orders = []string{c.order}
	}
	type date struct{ y, m, d int }
	var found []date
	var in []string
	for _, o := range orders {
		var x date
		for i, p := range parts {
			n, _ := strconv.Atoi(p)
			switch o[i] {
			case 'y':
				if x.y = n; len(p) <= 2 {
					x.y += 2000
					if n >= 90 {
						x.y -= 100
					}
				}
			case 'm':
				x.m = n
			default:
				x.d = n
			}
		}
		if there(x.y, x.m, x.d) && !slices.Contains(found, x) {
			found, in = append(found, x), append(in, fmt.Sprintf("%04d-%02d-%02d (%s)", x.y, x.m, x.d, o))
		}
	}
	switch {
	case len(found) == 0:
		return 0, 0, 0, "", fmt.Errorf("%q is no date%s", social.Excerpt(s, 40), map[bool]string{true: " in the order " + c.order}[c.order != ""])
	case len(found) > 1:
		return 0, 0, 0, "", fmt.Errorf("%q can be %s: say which with --dates, or \"dates\" in the mapping", social.Excerpt(s, 40), strings.Join(in, " or "))
	}
	return found[0].y, time.Month(found[0].m), found[0].d, m[6], nil
}

// there reports whether there is such a day.
func there(y, m, d int) bool {
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return y >= 1900 && y <= 2999 && t.Year() == y && int(t.Month()) == m && t.Day() == d
}

// local is when the clocks of the zone show what shown says as of UTC.
func (c clock) local(s string, shown time.Time, precision string) (moment, error) {
	said := social.Excerpt(s, 40)
	if c.zone == nil {
		return moment{}, fmt.Errorf("%q says no time zone: say whose clock it is with --zone Europe/Berlin, \"zone\" in the mapping, or a column for it", said)
	}
	var at []time.Time
	for _, near := range []time.Time{shown.Add(-24 * time.Hour), shown.Add(24 * time.Hour)} {
		_, east := near.In(c.zone).Zone()
		t := shown.Add(-time.Duration(east) * time.Second)
		if _, there := t.In(c.zone).Zone(); there == east && !slices.ContainsFunc(at, t.Equal) {
			at = append(at, t)
		}
	}
	switch len(at) {
	case 0:
		return moment{}, fmt.Errorf("%q is never shown by the clocks of %s, which are put forward then: mend it, or give its offset from UTC", said, c.zone)
	case 1:
		return moment{at: social.Instant(at[0]), precision: precision}, nil
	}
	slices.SortFunc(at, time.Time.Compare)
	return moment{at: social.Instant(at[0]), precision: precision,
		told: fmt.Sprintf("%q is shown twice by the clocks of %s, which are put back then: it is taken for the first, %s, not %s", said, c.zone, at[0].Format(time.RFC3339), at[1].Format(time.RFC3339))}, nil
}
