package discover_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/day"
	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vector"
	"rapport/internal/view/byday"
)

const w = "acme"

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func say(t *testing.T, s *store.Store, n int, text, language, intent string) {
	t.Helper()
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("p", n)}, Object: social.Object{ID: fmt.Sprint(n)},
		Text: text, Reading: social.Reading{Language: language, Sentiment: "negative", Intent: intent}, Occurred: now.Add(-time.Duration(n) * time.Hour), Known: now, Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if _, err := s.PutActivity(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	if err := byday.New(s, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
		t.Fatal(err)
	}
}

func TestTickOnceAWeek(t *testing.T) {
	s := storetest.New(t)
	d := discover.New(s)
	if err := s.PutTick(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	tick := func(at time.Time) error {
		return d.Tick(t.Context(), at, func(ctx context.Context, workspaces []string) error {
			for _, w := range workspaces {
				if _, err := d.Run(ctx, w, at, at); err != nil {
					return err
				}
			}
			return nil
		})
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
	if err := tick(now); err != nil {
		t.Fatal(err)
	}
	if _, err := discover.Active(t.Context(), s, w); !fault.Is(err, fault.NotFound) || !due().Equal(now.Add(6*time.Hour)) {
		t.Errorf("without texts: %v, again at %s", err, due())
	}
	for n := range 12 {
		say(t, s, n+1, fmt.Sprintf("the parcel number %d is late again, where is my parcel?", n), "en", "problem")
		say(t, s, n+101, fmt.Sprintf("the app crashes on start, version %d crashes too", n), "en", "problem")
		say(t, s, n+201, fmt.Sprintf("wo bleibt denn mein Paket Nummer %d schon wieder", n), "de", "unread")
		say(t, s, n+301, fmt.Sprintf("cheap followers at shop %d", n), "en", "spam")
	}
	if err := tick(now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := discover.Active(t.Context(), s, w); !fault.Is(err, fault.NotFound) {
		t.Errorf("an hour later it ran again: %v", err)
	}
	at := now.Add(7 * time.Hour)
	if err := tick(at); err != nil {
		t.Fatal(err)
	}
	set, err := discover.Active(t.Context(), s, w)
	if err != nil || set.Docs != 24 || len(set.Themes) == 0 {
		t.Fatalf("%d texts, %d themes, %v; want the 24 that could be read and are no spam", set.Docs, len(set.Themes), err)
	}
	// The same texts a week later give the same set; and a week later again is when it is due.
	for _, later := range []time.Duration{8 * 24 * time.Hour, 15 * 24 * time.Hour} {
		if err := tick(at.Add(later)); err != nil {
			t.Fatal(err)
		}
		again, err := discover.Active(t.Context(), s, w)
		if err != nil || again.Version != set.Version || !due().Equal(at.Add(later+7*24*time.Hour)) {
			t.Errorf("after %s: version %s, %v, due %s", later, again.Version, err, due())
		}
	}
}

// What is said in every language counts where no one language has nine in ten.
func TestThemesOfAllLanguages(t *testing.T) {
	s := storetest.New(t)
	for n := range 12 {
		say(t, s, n+1, fmt.Sprintf("Paket Nummer %d kommt schon wieder zu spät, wo bleibt das Paket?", n), "de", "problem")
		say(t, s, n+101, fmt.Sprintf("die App stürzt beim Start ab, Version %d stürzt auch ab", n), "de", "problem")
		say(t, s, n+201, fmt.Sprintf("they charged me twice for order %d, I want my money back", n), "en", "problem")
	}
	set, err := discover.New(s).Run(t.Context(), w, now, now)
	if err != nil || set.Docs != 36 || len(set.Themes) != 3 || set.Reader != vector.Multilingual.Version() {
		t.Errorf("%d texts by %s, %d themes, %v; want all 36 in three, by vectors for all languages", set.Docs, set.Reader, len(set.Themes), err)
	}
}

// A few words in another language change neither the vectors nor the themes.
func TestFewInAnotherLanguageMakeNoThemes(t *testing.T) {
	s := storetest.New(t)
	for n := range 18 {
		say(t, s, n+1, fmt.Sprintf("the parcel number %d is late again, where is my parcel?", n), "en", "problem")
		say(t, s, n+101, fmt.Sprintf("the app crashes on start, version %d crashes too", n), "en", "problem")
	}
	for n := range 4 {
		say(t, s, n+201, fmt.Sprintf("Paket Nummer %d kommt schon wieder zu spät, wo bleibt das Paket?", n), "de", "problem")
	}
	set, err := discover.New(s).Run(t.Context(), w, now, now)
	if err != nil || set.Docs != 36 || set.Reader != vector.English.Version() {
		t.Errorf("%d texts by %s, %v; want the 36 English ones by English vectors", set.Docs, set.Reader, err)
	}
}

// A workspace whose run is killed is not first again an hour later, and keeps
// no other from its turn.
func TestAKilledRunDelaysNobody(t *testing.T) {
	s := storetest.New(t)
	d := discover.New(s)
	for _, x := range []string{"a", "b"} {
		if err := s.PutTick(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	tick := func(at time.Time) {
		t.Helper()
		asked = nil
		if err := d.Tick(t.Context(), at, func(_ context.Context, workspaces []string) error { asked = workspaces; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if tick(now); !slices.Equal(asked, []string{"a", "b"}) {
		t.Errorf("asked for %q", asked)
	}
	// Nobody came back from either: not again before six hours have passed.
	if tick(now.Add(time.Hour)); len(asked) > 0 {
		t.Errorf("an hour later %q", asked)
	}
	if tick(now.Add(6 * time.Hour)); len(asked) != 2 {
		t.Errorf("six hours later %q", asked)
	}
}

// A new theme set is active once everything is tagged under it: a run that has
// no time to tag leaves it to the next visit, and the set before stays.
func TestTaggedBeforeItIsActive(t *testing.T) {
	s := storetest.New(t)
	d := discover.New(s)
	if err := s.PutTick(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		say(t, s, n+1, fmt.Sprintf("the parcel number %d is late again, where is my parcel?", n), "en", "problem")
		say(t, s, n+101, fmt.Sprintf("the app crashes on start, version %d crashes too", n), "en", "problem")
	}
	short, cancel := context.WithTimeout(t.Context(), 80*time.Second) // less than a day of tagging may take
	defer cancel()
	set, err := d.Run(short, w, now, now)
	if err != nil || len(set.Themes) == 0 {
		t.Fatalf("%d themes, %v", len(set.Themes), err)
	}
	if _, err := discover.Active(t.Context(), s, w); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is active, and nothing is tagged: %v", err)
	}
	tagged := func() (yes, no int) {
		t.Helper()
		err := s.Days(t.Context(), w, store.Span{From: now.Add(-240 * time.Hour), To: now, Set: set.Version}, func(_ time.Time, ts []day.Tuple) error {
			for _, x := range ts {
				if x.Tagged && x.Theme != "" {
					yes++
				} else {
					no++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return yes, no
	}
	if yes, no := tagged(); yes != 0 || no != 16 {
		t.Errorf("%d tagged, %d not, before", yes, no)
	}
	err = d.Tick(t.Context(), now.Add(time.Hour), func(ctx context.Context, workspaces []string) error {
		for _, x := range workspaces {
			if err := d.Visit(ctx, x, now.Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	active, err := discover.Active(t.Context(), s, w)
	if err != nil || active.Version != set.Version {
		t.Errorf("active is %q, %v", active.Version, err)
	}
	if yes, no := tagged(); yes != 16 || no != 0 {
		t.Errorf("%d tagged, %d not", yes, no)
	}
	if pending, _, err := s.Pending(t.Context(), w, store.ThemeSets); pending != "" || err != nil {
		t.Errorf("still pending: %q, %v", pending, err)
	}
}
