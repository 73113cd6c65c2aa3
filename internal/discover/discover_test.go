package discover_test

import (
	"fmt"
	"testing"
	"time"

	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/reading"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view/byday"
)

const w = "acme"

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func say(t *testing.T, s *store.Store, n int, text, language, intent string) {
	t.Helper()
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("p", n)}, Object: social.Object{ID: fmt.Sprint(n)},
		Text: text, Language: language, Sentiment: "negative", Intent: intent, Occurred: now.Add(-time.Duration(n) * time.Hour), Known: now, Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if _, err := s.PutActivity(t.Context(), w, a, "r"); err != nil {
		t.Fatal(err)
	}
	if err := byday.New(s, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
		t.Fatal(err)
	}
}

func TestTickOnceAWeek(t *testing.T) {
	s := storetest.New(t)
	d := discover.New(s, reading.New())
	if err := s.PutTick(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	due := func() time.Time {
		t.Helper()
		at, err := s.NextDiscovery(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	// Nothing was said: no set, and not again every hour.
	if err := d.Tick(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if _, err := discover.Active(t.Context(), s, w); !fault.Is(err, fault.NotFound) || !due().Equal(now.Add(6*time.Hour)) {
		t.Errorf("without texts: %v, again at %s", err, due())
	}
	for n := range 12 {
		say(t, s, n+1, fmt.Sprintf("the parcel number %d is late again, where is my parcel?", n), "en", "problem")
		say(t, s, n+101, fmt.Sprintf("the app crashes on start, version %d crashes too", n), "en", "problem")
		say(t, s, n+201, fmt.Sprintf("wo bleibt denn mein Paket Nummer %d schon wieder", n), "de", "problem")
		say(t, s, n+301, fmt.Sprintf("cheap followers at shop %d", n), "en", "spam")
	}
	if err := d.Tick(t.Context(), now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := discover.Active(t.Context(), s, w); !fault.Is(err, fault.NotFound) {
		t.Errorf("an hour later it ran again: %v", err)
	}
	at := now.Add(7 * time.Hour)
	if err := d.Tick(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	set, err := discover.Active(t.Context(), s, w)
	if err != nil || set.Docs != 24 || len(set.Themes) == 0 {
		t.Fatalf("%d texts, %d themes, %v; want the 24 English ones that are no spam", set.Docs, len(set.Themes), err)
	}
	// The same texts a week later give the same set; and a week later again is when it is due.
	for _, later := range []time.Duration{8 * 24 * time.Hour, 15 * 24 * time.Hour} {
		if err := d.Tick(t.Context(), at.Add(later)); err != nil {
			t.Fatal(err)
		}
		again, err := discover.Active(t.Context(), s, w)
		if err != nil || again.Version != set.Version || !due().Equal(at.Add(later+7*24*time.Hour)) {
			t.Errorf("after %s: version %s, %v, due %s", later, again.Version, err, due())
		}
	}
}
