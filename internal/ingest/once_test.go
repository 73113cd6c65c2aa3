package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// listDesk has an app whose events say themselves what they are.
func listDesk(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	d.connect(t, store.App{ID: "events", Owner: w, Platform: "standard", Config: json.RawMessage(`{"mapping":{"scope":{"value":"guild"},"type":{"path":"/type"},"id":{"path":"/id"},
		"object_id":{"path":"/about","default":""},"text":{"path":"/text","default":""},"actor_id":{"path":"/by"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`)}, true, w, "guild")
	return d
}

// event is a webhook's event, at a time of the day of which all is.
func event(id, kind, by, about, at string) ingest.Message {
	return delivered("events", received, fmt.Sprintf(`{"id":%q,"type":%q,"by":%q,"about":%q,"at":"2026-10-05T%sZ"}`, id, kind, by, about, at))
}

// rowOf is a row of a list: its times are known to the second, or to the minute.
func rowOf(t *testing.T, kind, by, about, at string, precision social.Precision) ingest.Message {
	t.Helper()
	r, _, err := contacts.Checked(contacts.Row{Activities: []contacts.Activity{{Line: social.Line{Platform: "standard", Scope: "guild", Type: kind,
		Actor: social.LineActor{ID: by, Scope: "guild"}, Object: social.LineObj{ID: about}, Occurred: "2026-10-05T" + at + "Z", Precision: string(precision)}}}}, received)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(r.Activities[0].Line)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(ingest.Imported(w, platform.Delivery{Received: received.Add(time.Minute), Request: platform.Request{Method: "POST", Body: append(line, '\n')}}))
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Message{ID: social.HashID("m", string(b)), Body: b, Received: 1}
}

func (d *desk) times(t *testing.T) (out []string) {
	t.Helper()
	for _, a := range d.facts(t, w) {
		out = append(out, a.Actor.ID+" "+string(a.Type)+" "+a.Occurred.Format("15:04:05.000"))
	}
	slices.Sort(out)
	return out
}

// One event that a webhook and a list date differently is one fact, whichever
// came first, how often ever either comes again; two events are two.
func TestWebhookAndListDateAnEventDifferently(t *testing.T) {
	const second, minute, exact = social.ToSecond, social.ToMinute, social.ToMillisecond
	hook := func(parts ...string) func(*testing.T) ingest.Message {
		return func(*testing.T) ingest.Message { return event(parts[0], parts[1], parts[2], parts[3], parts[4]) }
	}
	row := func(precision social.Precision, parts ...string) func(*testing.T) ingest.Message {
		return func(t *testing.T) ingest.Message { return rowOf(t, parts[0], parts[1], parts[2], parts[3], precision) }
	}
	type told = []func(*testing.T) ingest.Message
	for name, c := range map[string]struct {
		came told
		want []string // with the first of came first, and the other way round where that differs
		back []string
	}{
		"a join, to the second":              {told{hook("e1", "join", "7", "", "10:00:00.400"), row(second, "join", "7", "", "10:00:00")}, []string{"7 join 10:00:00.400"}, []string{"7 join 10:00:00.000"}},
		"a join, to the minute":              {told{hook("e1", "join", "7", "", "10:00:59.999"), row(minute, "join", "7", "", "10:00:00")}, []string{"7 join 10:00:59.999"}, []string{"7 join 10:00:00.000"}},
		"exactly, without the platform's id": {told{hook("e1", "join", "7", "", "10:00:00.400"), row(exact, "join", "7", "", "10:00:00.400")}, []string{"7 join 10:00:00.400"}, nil},
		"a message, by its id":               {told{hook("m1", "message", "7", "m1", "10:00:00.400"), row(second, "message", "7", "m1", "10:00:00")}, []string{"7 message 10:00:00.400"}, []string{"7 message 10:00:00.000"}},
		"a second later":                     {told{hook("e1", "join", "7", "", "10:00:01.000"), row(second, "join", "7", "", "10:00:00")}, []string{"7 join 10:00:00.000", "7 join 10:00:01.000"}, nil},
		"before it":                          {told{hook("e1", "join", "7", "", "09:59:59.999"), row(minute, "join", "7", "", "10:00:00")}, []string{"7 join 09:59:59.999", "7 join 10:00:00.000"}, nil},
		"another type":                       {told{hook("e1", "leave", "7", "", "10:00:00.400"), row(second, "join", "7", "", "10:00:00")}, []string{"7 join 10:00:00.000", "7 leave 10:00:00.400"}, nil},
		"somebody else":                      {told{hook("e1", "join", "8", "", "10:00:00.400"), row(second, "join", "7", "", "10:00:00")}, []string{"7 join 10:00:00.000", "8 join 10:00:00.400"}, nil},
		"two people in one millisecond": {told{hook("e1", "join", "7", "", "10:00:00.400"), hook("e2", "join", "8", "", "10:00:00.400"), row(second, "join", "7", "", "10:00:00"), row(second, "join", "8", "", "10:00:00")},
			[]string{"7 join 10:00:00.400", "8 join 10:00:00.400"}, []string{"7 join 10:00:00.000", "8 join 10:00:00.000"}},
		"about something else": {told{hook("e1", "react", "7", "m1", "10:00:00.400"), row(second, "react", "7", "m2", "10:00:00")}, []string{"7 react 10:00:00.000", "7 react 10:00:00.400"}, nil},
		"two rows of one second about two things": {told{row(second, "react", "7", "m1", "10:00:00"), row(second, "react", "7", "m2", "10:00:00"),
			hook("e1", "react", "7", "m1", "10:00:00.100"), hook("e2", "react", "7", "m2", "10:00:00.400")},
			[]string{"7 react 10:00:00.000", "7 react 10:00:00.000"}, []string{"7 react 10:00:00.100", "7 react 10:00:00.400"}},
		"one row, and two events within its minute": {told{row(minute, "join", "7", "", "10:00:00"), hook("e1", "join", "7", "a", "10:00:10"), hook("e2", "join", "7", "b", "10:00:20")},
			[]string{"7 join 10:00:00.000", "7 join 10:00:20.000"}, []string{"7 join 10:00:10.000", "7 join 10:00:20.000"}},
		"two lists, of the minute and of the second": {told{row(minute, "join", "7", "", "10:00:00"), row(second, "join", "7", "", "10:00:30"), hook("e1", "join", "7", "", "10:00:30.250")},
			[]string{"7 join 10:00:00.000"}, []string{"7 join 10:00:30.250"}},
	} {
		for _, backwards := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", the other way round"}[backwards], func(t *testing.T) {
				d := listDesk(t)
				want, came := c.want, slices.Clone(c.came)
				if backwards {
					slices.Reverse(came)
					if c.back != nil {
						want = c.back
					}
				}
				for round := range 3 { // the third, all at once, as when they come again from the archive and the queue
					var all []ingest.Message
					for _, m := range came {
						if round == 2 {
							all = append(all, m(t))
							continue
						}
						d.batch(t, m(t))
					}
					d.batch(t, all...)
					if got := d.times(t); !slices.Equal(got, want) {
						t.Fatalf("round %d: %q, want %q", round+1, got, want)
					}
				}
				for _, m := range came { // nothing is missing for a replay
					var x platform.Delivery
					if err := json.Unmarshal(m(t).Body, &x); err != nil || x.App == platform.Imports {
						continue
					}
					if o, err := d.Would(t.Context(), w, x, &ingest.Told{}); err != nil || len(o.Add)+len(o.Differ) > 0 || o.Same != 1 {
						t.Errorf("a replay would %+v, %v", o, err)
					}
				}
			})
		}
	}
}

// A list's message without words does not stand for the platform's with words:
// somebody may wait for an answer to these.
func TestAListWithoutWordsHidesNoMessage(t *testing.T) {
	d := listDesk(t)
	d.batch(t, rowOf(t, "message", "7", "m1", "10:00:00", social.ToMinute))
	said := delivered("events", received, `{"id":"m1","type":"message","by":"7","about":"m1","at":"2026-10-05T10:00:20.250Z","text":"Where is my box?"}`)
	for range 2 {
		d.batch(t, said)
	}
	var texts []string
	for _, a := range d.facts(t, w) {
		texts = append(texts, a.Text)
	}
	if slices.Sort(texts); !slices.Equal(texts, []string{"", "Where is my box?"}) {
		t.Errorf("stored are %q", texts)
	}
}

// What a webhook tells is looked for only where a list told of that time and
// account: an event of anybody else's costs the same requests as ever.
func TestWhatNoListToldCostsNoMore(t *testing.T) {
	d := listDesk(t)
	var reads float64
	units := func(m ingest.Message) float64 {
		t.Helper()
		d.store.Consumed = func(read, _ float64) { reads += read }
		defer func() { d.store.Consumed = nil }()
		reads = 0
		d.batch(t, m)
		return reads
	}
	d.batch(t, event("e0", "join", "7", "", "08:00:00"), event("e1", "join", "8", "", "08:00:00"))
	before := units(event("e2", "join", "7", "", "08:30:00"))
	d.batch(t, rowOf(t, "visit", "7", "", "10:00:00", social.ToMinute), rowOf(t, "visit", "7", "", "10:10:00", social.ToMinute))
	for what, x := range map[string]struct {
		m      ingest.Message
		dearer bool
	}{
		"another account":         {event("e3", "join", "8", "", "10:05:00"), false},
		"before the list":         {event("e4", "join", "7", "", "09:59:00"), false},
		"after the list":          {event("e5", "join", "7", "", "10:11:00"), false},
		"within the list's times": {event("e6", "join", "7", "", "10:05:00"), true},
	} {
		if got := units(x.m); got > before != x.dearer || got < before {
			t.Errorf("%s: %g units, before the import %g", what, got, before)
		} else {
			t.Logf("%s: %g units, before the import %g", what, got, before)
		}
	}
}

// An erasure keeps what an account did since; what a list told of that is still found.
func TestAListAfterAnErasure(t *testing.T) {
	d := listDesk(t)
	early, late := rowOf(t, "join", "7", "", "10:00:00", social.ToSecond), rowOf(t, "leave", "7", "", "12:00:00", social.ToSecond)
	d.batch(t, early, late)
	facts := d.facts(t, w)
	account := facts[0].Account().AccountID()
	if _, _, err := d.store.CloseAccount(t.Context(), w, account, facts[0].Occurred); err != nil {
		t.Fatal(err)
	}
	l, err := d.store.ListSpan(t.Context(), w, account)
	if noon := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC); err != nil || !l.Holds(noon) || l.Holds(noon.Add(-time.Second)) || l.Holds(noon.Add(time.Second)) {
		t.Errorf("%+v, %v", l, err)
	}
}

// One row stands for one event, also where a replay only looks.
func TestAReplayThatLooksCountsARowOnce(t *testing.T) {
	d := listDesk(t)
	d.batch(t, rowOf(t, "join", "7", "", "10:00:00", social.ToMinute))
	var told ingest.Told
	would := func(m ingest.Message) (o ingest.Outcome) {
		t.Helper()
		var x platform.Delivery
		err := json.Unmarshal(m.Body, &x)
		if err == nil {
			o, err = d.Would(t.Context(), w, x, &told)
		}
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first, second := event("e1", "join", "7", "a", "10:00:10"), event("e2", "join", "7", "b", "10:00:20")
	for range 2 {
		if o := would(first); o.Same != 1 || len(o.Add) > 0 {
			t.Errorf("the first: %+v", o)
		}
		if o := would(second); o.Same != 0 || len(o.Add) != 1 {
			t.Errorf("the second: %+v", o)
		}
	}
	d.batch(t, first, second)
	if got := d.times(t); len(got) != 2 {
		t.Errorf("the replay comes to %q", got)
	}
}
