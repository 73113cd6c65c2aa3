package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
)

func TestCompareFindsWhatIsLostDoubledOrNeverSent(t *testing.T) {
	accepted := map[string]int{"once": 1, "twice sent": 2, "lost": 1, "doubled": 1}
	there := map[string]int{"once": 1, "twice sent": 1, "doubled": 2, "perhaps accepted": 1, "never sent": 1}
	lost, doubled, strange := compare(accepted, map[string]bool{"perhaps accepted": true, "perhaps not": true}, there)
	for what, x := range map[string][2][]string{"lost": {lost, {"lost"}}, "doubled": {doubled, {"doubled"}}, "never sent": {strange, {"never sent"}}} {
		if !slices.Equal(x[0], x[1]) {
			t.Errorf("%s: got %q, want %q", what, x[0], x[1])
		}
	}
}

// Every delivery of the soak is one activity that no other is, by one of many people.
func TestParcelsAreAllDifferent(t *testing.T) {
	s := &soaking{random: rand.New(rand.NewPCG(1, 1)), began: received}
	for _, x := range soaked {
		a, err := all.Find(x.platform)
		if err != nil {
			t.Fatal(err)
		}
		c := connected{adapter: a, share: x.share, scope: x.scope}
		if x.platform == "standard" {
			c.options.Config = json.RawMessage(mapping)
		}
		s.sources = append(s.sources, c)
	}
	keys, people, platforms := map[string]bool{}, map[string]bool{}, map[string]int{}
	for range 2000 {
		p, err := s.parcel()
		if err != nil {
			t.Fatal(err)
		}
		as, err := activities(p)
		if err != nil {
			t.Fatal(err)
		}
		if keys[p.key] {
			t.Fatalf("%s comes twice", p.key)
		}
		keys[p.key] = true
		people[as[0].Account().AccountID()] = true
		platforms[string(p.to.adapter.Platform())]++
	}
	if len(platforms) != len(soaked) || len(people) < 1500 {
		t.Errorf("%d people on %v", len(people), platforms)
	}
}

func TestEachTenthComesAgainOutOfOrder(t *testing.T) {
	s := &soaking{random: rand.New(rand.NewPCG(1, 1)), began: received}
	a, err := all.Find("meta")
	if err != nil {
		t.Fatal(err)
	}
	s.sources = []connected{{adapter: a, share: 1, scope: "100200300"}}
	var ids []string
	atOnce := 0
	for range 4000 {
		p, times, err := s.next(received)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.id)
		if times == 2 {
			atOnce++
		}
	}
	if slices.IsSorted(ids) || atOnce < 150 || atOnce > 250 || len(s.later) < 150 || len(s.later) > 250 {
		t.Errorf("sorted %t, %d at once, %d later, of 4000", slices.IsSorted(ids), atOnce, len(s.later))
	}
	first, before := s.later[0].p.id, s.again
	if p, _, _ := s.next(received.Add(latest + 1)); p.id != first || s.again != before+1 {
		t.Errorf("what is due comes next: got %s, want %s; %d redelivered", p.id, first, s.again)
	}
}

func TestByPutsAnotherInThePlaceOfWholeValuesOnly(t *testing.T) {
	got, err := by([]byte(`{"a":"U1","b":["U1","U12",{"c":"xU1"}],"n":1}`), "U1", 7)
	if want := `{"a":"U100007","b":["U100007","U12",{"c":"xU1"}],"n":1}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	got, err = by([]byte(`{"n":41,"m":410,"s":"41"}`), "41", 7)
	if want := `{"m":410,"n":4100007,"s":"4100007"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestQuantile(t *testing.T) {
	ds := []time.Duration{4, 1, 3, 2}
	if got := []time.Duration{quantile(ds, 0.5), quantile(ds, 0.99), quantile(nil, 0.5)}; !slices.Equal(got, []time.Duration{3, 4, 0}) {
		t.Errorf("got %v", got)
	}
}

func TestEveryPlatformHasDeliveriesToMeasure(t *testing.T) {
	t.Chdir("../..")
	for _, a := range all.Adapters() {
		rs, n, o, err := deliveries(a)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, r := range rs {
			es, err := a.Normalise(r, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				if e.Becomes() != platform.Ignored && e.Activity != nil {
					told++
				}
			}
		}
		if told != n || n < len(rs) {
			t.Errorf("%s: %d activities in %d deliveries, counted %d", a.Platform(), told, len(rs), n)
		}
	}
}
