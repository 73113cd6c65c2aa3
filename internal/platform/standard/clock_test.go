package standard_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// read is what becomes of one item.
func read(t *testing.T, doc json.RawMessage, body string) platform.Event {
	t.Helper()
	events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{Config: doc})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", body, events, err)
	}
	return events[0]
}

func TestTimesOnTheClocksOfAZone(t *testing.T) {
	for _, c := range []struct{ zone, layout, shown, want string }{
		{"Europe/Berlin", "", "2026-01-15T12:00:00", "2026-01-15T11:00:00Z"},
		{"Europe/Berlin", "", "2026-07-15 12:00:00.25", "2026-07-15T10:00:00.25Z"},
		{"Europe/Berlin", "", "2026-07-15T12:00", "2026-07-15T10:00:00Z"},
		{"Europe/Berlin", "02.01.2006 15:04", "15.07.2026 12:00", "2026-07-15T10:00:00Z"},
		// Put forward: 02:00 to 02:59 are never shown, and are taken as not yet put forward.
		{"Europe/Berlin", "", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"},
		// Put back: 02:00 to 02:59 are shown twice, and the first is meant.
		{"Europe/Berlin", "", "2026-10-25T01:59:59", "2026-10-24T23:59:59Z"},
		{"Europe/Berlin", "", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"},
		// São Paulo changed at midnight, until 2019.
		{"America/Sao_Paulo", "", "2018-11-03T23:59:59", "2018-11-04T02:59:59Z"},
		{"America/Sao_Paulo", "", "2018-11-04T00:30:00", "2018-11-04T03:30:00Z"},
		{"America/Sao_Paulo", "", "2018-11-04T01:00:00", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "", "2018-02-17T23:30:00", "2018-02-18T01:30:00Z"},
		{"America/Sao_Paulo", "", "2018-02-18T00:00:00", "2018-02-18T03:00:00Z"},
		{"America/Sao_Paulo", "", "2026-02-15T00:00:00", "2026-02-15T03:00:00Z"},
		{"-03:00", "", "2026-02-15T00:00:00", "2026-02-15T03:00:00Z"},
		{"+0530", "", "2026-02-15T00:00:00", "2026-02-14T18:30:00Z"},
		{"UTC", "", "2026-02-15T00:00:00", "2026-02-15T00:00:00Z"},
		{"Europe/Berlin", "", "2026-07-15T12:00:00Z", "2026-07-15T12:00:00Z"},
		{"Europe/Berlin", "", "2026-07-15T12:00:00-03:00", "2026-07-15T15:00:00Z"},
	} {
		doc := mapped(t, map[string]any{"layout": c.layout, "occurred": map[string]any{"path": "/occurred", "zone": c.zone}})
		if err := adapter.CheckConfig(doc); err != nil {
			t.Errorf("%s: %v", c.zone, err)
		}
		e := read(t, doc, strings.Replace(flat, "2026-01-01T00:00:00Z", c.shown, 1))
		if want, err := time.Parse(time.RFC3339Nano, c.want); err != nil || e.Activity == nil || !e.Activity.Occurred.Equal(want) {
			t.Errorf("%s in %s: %+v, want %s", c.shown, c.zone, e, c.want)
		}
	}
}

func TestATimeWithoutAZoneIsParkedAndSaysWhatToAdd(t *testing.T) {
	for layout, shown := range map[string]string{"": "2026-01-15T12:00:00", "2006-01-02 15:04:05": "2026-01-15 12:00:00"} {
		e := read(t, mapped(t, map[string]any{"layout": layout}), strings.Replace(flat, "2026-01-01T00:00:00Z", shown, 1))
		for _, want := range []string{shown, "says no time zone", `"zone": "Europe/Berlin"`, "docs/platforms/standard.md, Times"} {
			if !strings.Contains(e.Parked, want) {
				t.Errorf("%q: parked as %q, without %q", layout, e.Parked, want)
			}
		}
	}
}

func TestASampleIsOnTheClockOfTheZone(t *testing.T) {
	o := platform.Options{Config: mapped(t, map[string]any{"layout": "2006-01-02 15:04:05", "occurred": map[string]any{"path": "/occurred", "zone": "Asia/Tokyo"}})}
	e := read(t, o.Config, string(platform.SampleOf(adapter, "s", "1", now, o).Body))
	if e.Activity == nil || !e.Activity.Occurred.Equal(now) {
		t.Errorf("%+v, want the time %s", e, now.UTC())
	}
}

func TestAnActorWhoIsNobodyIsParkedOrUnknown(t *testing.T) {
	unknown := map[string]any{"actor_id": map[string]any{"path": "/actor_id", "default": "?"}}
	for _, id := range []string{`"null"`, `null`, `0`, `"0"`, `-1`, `" "`, `""`, `"\u200b"`, `"N/A"`, `"[object Object]"`, `false`, `"Guest"`} {
		body := strings.Replace(flat, `"actor_id":"a"`, `"actor_id":`+id, 1)
		if e := read(t, mapped(t, nil), body); !strings.Contains(e.Parked, "/actor_id") || !strings.Contains(e.Parked, `"default": "?"`) {
			t.Errorf("%s: %+v", id, e)
		}
		if e := read(t, mapped(t, unknown), body); e.Activity == nil || e.Activity.Actor.ID != social.Unknown {
			t.Errorf("%s, where the mapping keeps it: %+v", id, e)
		}
	}
	for id, want := range map[string]string{`" ada "`: " ada ", `"ada"`: "ada", `7`: "7", `"guest7"`: "guest7"} {
		if e := read(t, mapped(t, unknown), strings.Replace(flat, `"actor_id":"a"`, `"actor_id":`+id, 1)); e.Activity == nil || e.Activity.Actor.ID != want {
			t.Errorf("%s: %+v, want %q", id, e, want)
		}
	}
	real := mapped(t, map[string]any{"actor_id": map[string]any{"path": "/actor_id", "map": map[string]string{"test": "account-test"}}})
	if e := read(t, real, strings.Replace(flat, `"actor_id":"a"`, `"actor_id":"test"`, 1)); e.Activity == nil || e.Activity.Actor.ID != "account-test" {
		t.Errorf("an id that is mapped: %+v", e)
	}
}
