package standard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda has no zone files

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// addZone is what to do about times that say no zone.
const addZone = `add one to the mapping, "occurred": {"path": …, "zone": "Europe/Berlin"} (or an offset, "+02:00"), or have the sender say the offset (docs/platforms/standard.md, Times)`

var (
	// offset is the part of a layout that reads an offset.
	offset = pattern.New(`[Z-]07`)

	// fixed is an offset from UTC.
	fixed = pattern.New(`^([+-])([01][0-9]|2[0-3]):?([0-5][0-9])$`)
)

func (m *Mapping) unix() bool { return m.Layout == "unix" || m.Layout == "unix_ms" }

// zone is whose clock shows the times that say no zone; nil where the mapping
// does not say.
func (m *Mapping) zone() (*time.Location, error) {
	if m.Occurred.Zone == "" {
		return nil, nil
	}
	return Zone(m.Occurred.Zone)
}

// Zone reads the name of a zone, or an offset from UTC.
func Zone(z string) (*time.Location, error) {
	if z == "UTC" || z == "Z" {
		return time.UTC, nil
	}
	if f := fixed.FindStringSubmatch(z); f != nil {
		hours, _ := strconv.Atoi(f[2])
		minutes, _ := strconv.Atoi(f[3])
		east := (hours*60 + minutes) * 60
		if f[1] == "-" {
			east = -east
		}
		return time.FixedZone(z, east), nil
	}
	if strings.Contains(z, "/") { // short names such as CST are several zones'
		if loc, err := time.LoadLocation(z); err == nil {
			return loc, nil
		}
	}
	return nil, fmt.Errorf("the zone %.60q is neither a name like Europe/Berlin or UTC nor an offset like +02:00", z)
}

// local are the forms of a time of RFC 3339 without its offset.
var local = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"}

// mappedTime reads a time; zone is for those that say none.
func (m *Mapping) mappedTime(s string, zone *time.Location) (time.Time, error) {
	if m.unix() {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("occurred %.60q is no whole number", s)
		}
		if m.Layout == "unix" {
			return time.Unix(n, 0).UTC(), nil
		}
		return time.UnixMilli(n).UTC(), nil
	}
	layout, without := m.Layout, local
	if layout == "" {
		layout = time.RFC3339Nano
	} else if !offset.MatchString(layout) {
		without = []string{layout}
	} else {
		without = nil
	}
	if offset.MatchString(layout) {
		if t, err := time.Parse(layout, s); err == nil {
			return social.Instant(t), nil
		}
	}
	for _, l := range without {
		t, err := time.Parse(l, s)
		switch {
		case err != nil:
		case zone == nil:
			return time.Time{}, fmt.Errorf("occurred %.60q says no time zone: %s", s, addZone)
		default:
			return social.Instant(onClock(t, zone)), nil
		}
	}
	return time.Time{}, fmt.Errorf("occurred %.60q does not have the layout %q (docs/platforms/standard.md, Times)", s, layout)
}

// onClock is when the clocks of a zone show what shown says as of UTC. A time
// that they show twice, when they are put back, is the first of both. One that
// they never show, when they are put forward, is that of a clock that nobody
// has put forward yet.
func onClock(shown time.Time, zone *time.Location) time.Time {
	at := func(near time.Time) time.Time {
		_, east := near.In(zone).Zone()
		return shown.Add(-time.Duration(east) * time.Second)
	}
	shows := func(t time.Time) bool {
		_, east := t.In(zone).Zone()
		return t.Add(time.Duration(east) * time.Second).Equal(shown)
	}
	before, after := at(shown.Add(-24*time.Hour)), at(shown.Add(24*time.Hour))
	switch {
	case shows(before) && shows(after) && after.Before(before), !shows(before) && shows(after):
		return after
	}
	return before
}
