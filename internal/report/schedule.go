package report

import (
	"fmt"
	"time"
	_ "time/tzdata" // a Lambda has no zone files

	"rapport/internal/fault"
)

// maxMissed bounds what Missed lists: a year of weeks.
const maxMissed = 52

// Weekly is a schedule: once a week at a local time of day. The zero value
// is not a schedule; make one with NewWeekly.
type Weekly struct {
	weekday      time.Weekday
	hour, minute int
	loc          *time.Location
}

// NewWeekly returns the schedule of a weekday, a local time of day (0:00 to
// 23:59) and an IANA zone such as "Europe/Berlin". An impossible time or an
// unknown zone is a fault of kind Invalid.
func NewWeekly(weekday time.Weekday, hour, minute int, zone string) (Weekly, error) {
	if weekday < time.Sunday || weekday > time.Saturday {
		return Weekly{}, fault.New(fault.Invalid, "weekday %d is not between 0 (Sunday) and 6", int(weekday))
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return Weekly{}, fault.New(fault.Invalid, "%02d:%02d is no time of day", hour, minute)
	}
	loc, err := zoneOf(zone)
	if err != nil {
		return Weekly{}, err
	}
	return Weekly{weekday, hour, minute, loc}, nil
}

// zoneOf loads an IANA zone by name. The names that Go alone understands, ""
// and "Local", are refused: they would mean the machine's zone.
func zoneOf(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fault.New(fault.Invalid, "%q is no IANA time zone", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, fmt.Sprintf("%.64q is no IANA time zone", name))
	}
	return loc, nil
}

// Next returns the first due instant after the given one, in UTC.
//
// A local time that the clock shows twice is due the first time. One that it
// skips is due at the first instant after the gap; where a zone skips the
// whole day (Apia, 30 December 2011), that is the first instant of the day
// after.
func (w Weekly) Next(after time.Time) time.Time {
	due := w.on(after, -1)
	for k := 0; !due.After(after); k++ { // ends: on moves a week with each k
		due = w.on(after, k)
	}
	return due
}

// Latest returns the last due instant that is not after at, in UTC.
func (w Weekly) Latest(at time.Time) time.Time {
	due := w.on(at, 1)
	for k := 0; due.After(at); k-- {
		due = w.on(at, k)
	}
	return due
}

// Period returns what the report due at an instant covers, as [from, to) in
// UTC: the seven local days up to the beginning of the weekday of the
// schedule, or of the last such day for an instant that is not due. The
// periods of successive due instants touch without gap or overlap, whatever
// the clock does; most last 168 hours, and an hour more or less where it
// changes.
func (w Weekly) Period(due time.Time) (from, to time.Time) {
	y, m, d := w.lastWeekday(due)
	return localInstant(w.loc, y, m, d-7, 0, 0), localInstant(w.loc, y, m, d, 0, 0)
}

// Missed returns the due instants that passed between the last one done and
// now and are not run any more, oldest first: all but the latest one, which
// is still to run. At most the last 52 are listed. A zero lastDone means
// that nothing ran yet, so nothing is missed.
func (w Weekly) Missed(lastDone, now time.Time) []time.Time {
	if lastDone.IsZero() {
		return nil
	}
	latest := w.Latest(now)
	due := w.Next(lastDone)
	if cut := w.on(latest, -maxMissed); cut.After(due) {
		due = cut
	}
	var missed []time.Time
	for ; due.Before(latest); due = w.Next(due) {
		missed = append(missed, due)
	}
	return missed
}

// on returns the due instant of the schedule's weekday at or before t's local
// date, moved by the given number of weeks.
func (w Weekly) on(t time.Time, weeks int) time.Time {
	y, m, d := w.lastWeekday(t)
	return localInstant(w.loc, y, m, d+7*weeks, w.hour, w.minute)
}

// lastWeekday returns the schedule's weekday at or before t's local date. A
// day that the zone skips counts as a date, so that weeks keep their length.
func (w Weekly) lastWeekday(t time.Time) (int, time.Month, int) {
	local := t.In(w.loc)
	y, m, d := local.Date()
	return y, m, d - (int(local.Weekday())-int(w.weekday)+7)%7
}

// localInstant returns the earliest instant at which the clocks of loc show
// the given date and time or later. It is time.Date with the two cases that
// time.Date leaves open settled: of a time shown twice it is the first, and
// for a time skipped it is the end of the gap. The day may lie outside its
// month, as with time.Date.
func localInstant(loc *time.Location, y int, m time.Month, d, hour, minute int) time.Time {
	wall := time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
	// No zone is more than a day from UTC, so the clock is behind here.
	at := wall.Add(-26 * time.Hour)
	for {
		_, offset := at.In(loc).Zone()
		start, end := at.In(loc).ZoneBounds()
		c := wall.Add(-time.Duration(offset) * time.Second)
		if !start.IsZero() && c.Before(start) {
			c = start
		}
		if end.IsZero() || c.Before(end) {
			return c.UTC()
		}
		at = end // ends: zone changes are finite, and c stays within a day of wall
	}
}
