package silence_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/silence"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// t0 is a Monday; the year after it has both changes of the clocks.
var t0 = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// a feed is how a source behaves: whether each slot is heard, in order.
type feed struct {
	name string
	// chance that the slot at t (local) is heard for itself
	chance func(t time.Time) float64
	follow float64 // how many slots follow a heard one on average, within three hours: talk begets talk
	days   float64 // spread (sigma of the logarithm) of how busy days are
	// bounds that the measurement is held to
	falsePerYear float64
	delay        time.Duration // median time from the last thing heard to the alarm
}

func office(peak, night float64) func(time.Time) float64 {
	return func(t time.Time) float64 {
		p := night
		if h := t.Hour(); h >= 8 && h < 22 {
			p = night + (peak-night)*math.Sin(math.Pi*float64(h-7)/15)
		}
		if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
			p *= 0.35
		}
		return p
	}
}

func flat(p float64) func(time.Time) float64 { return func(time.Time) float64 { return p } }

var feeds = []feed{
	{name: "a large page: busy days, thin nights, weekends", chance: office(0.7, 0.05), falsePerYear: 0.5, delay: 8 * time.Hour},
	{name: "a shop: nothing at night", chance: office(0.25, 0), falsePerYear: 0.5, delay: 20 * time.Hour},
	{name: "a small company: 30 slots a week", chance: office(0.04, 0.001), falsePerYear: 0.5, delay: 5 * day},
	{name: "the same, in threads", chance: office(0.01, 0.0005), follow: 2.5, falsePerYear: 1, delay: 14 * day},
	{name: "threads all day", chance: office(0.05, 0.003), follow: 2.5, falsePerYear: 1, delay: 2 * day},
	{name: "days very unlike", chance: office(0.2, 0.01), days: 0.7, falsePerYear: 4, delay: 2 * day},
	{name: "a machine: nine slots of ten", chance: flat(0.9), falsePerYear: 0.5, delay: 45 * time.Minute},
	{name: "a heartbeat", chance: flat(1), falsePerYear: 0.01, delay: 40 * time.Minute},
}

// run simulates a feed: the heard slots from from to to, ascending.
func (f feed) run(seed uint64, z *time.Location, from, to time.Time) []time.Time {
	rng := rand.New(rand.NewPCG(seed, 7))
	heard := map[time.Time]bool{}
	busy, today := 1.0, -1
	for t := from; t.Before(to); t = t.Add(silence.Slot) {
		at := t.In(z)
		if at.YearDay() != today {
			today = at.YearDay()
			busy = math.Exp(f.days*rng.NormFloat64() - f.days*f.days/2)
		}
		if rng.Float64() >= min(1, f.chance(at)*busy) {
			continue
		}
		heard[t] = true
		for range int(rng.ExpFloat64()*f.follow + 0.5) {
			heard[t.Add(time.Duration(rng.Int64N(36))*silence.Slot)] = true
		}
	}
	var out []time.Time
	for t := range heard {
		if t.Before(to) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// between returns the slots of sorted ones in [from, to).
func between(slots []time.Time, from, to time.Time) []time.Time {
	a, _ := slices.BinarySearchFunc(slots, from, time.Time.Compare)
	b, _ := slices.BinarySearchFunc(slots, to, time.Time.Compare)
	return slots[a:b]
}

// learn returns the rhythm as the watch learns it before at.
func learn(slots []time.Time, z *time.Location, at time.Time) silence.Rhythm {
	return silence.Learn(between(slots, at.Add(-silence.Window-2*time.Hour), at), z, at)
}

// TestFalseAlarmsAndDelay measures, on simulated years, how often a source
// that is well is called silent, and how long one that stops goes unnoticed.
func TestFalseAlarmsAndDelay(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	const years = 3
	for _, f := range feeds {
		t.Run(f.name, func(t *testing.T) {
			alarms, heard := 0, 0
			var delays []time.Duration
			var resume []float64
			for seed := range uint64(years) {
				end := t0.Add(8*week + 365*day)
				slots := f.run(seed+1, z, t0, end)
				heard += len(slots)
				for at := t0.Add(8 * week); at.Before(end); at = at.Add(week) {
					r := learn(slots, z, at)
					if m := r.Missing(); m != "" {
						t.Fatalf("seed %d, %s: not enough: %s", seed, at, m)
					}
					resume = append(resume, r.Resume)
					ahead := between(slots, at, at.Add(week))
					if before := between(slots, at.Add(-4*week), at); len(before) > 0 {
						ahead = slices.Concat(before[len(before)-1:], ahead)
					}
					for i := 1; i < len(ahead); i++ {
						if p, _ := silence.Probability(r, ahead[i-1], ahead[i].Add(silence.Lag)); p < silence.Alarm {
							alarms++
						}
					}
					for i := range 7 { // as if it stopped at some hour of each day
						stop := at.Add(time.Duration(i)*day + time.Duration(i*5+int(seed)*7)%24*time.Hour)
						before := between(slots, at.Add(-4*week), stop)
						alarm, ok := silence.AlarmAt(r, before[len(before)-1])
						if !ok {
							alarm = stop.Add(60 * day)
						}
						delays = append(delays, max(0, alarm.Sub(stop)))
					}
				}
			}
			slices.Sort(delays)
			slices.Sort(resume)
			rate := float64(alarms) / years
			median, late := delays[len(delays)/2], delays[len(delays)*9/10]
			t.Logf("%.0f slots a week, comes back at %.2f of its rate: %.2f false alarms a year; alarm after %s (median), %s (nine of ten)",
				float64(heard)/years/60.1, resume[len(resume)/2], rate, median.Round(time.Minute), late.Round(time.Minute))
			if rate > f.falsePerYear {
				t.Errorf("%.2f false alarms a year, want at most %.2f", rate, f.falsePerYear)
			}
			if median > f.delay {
				t.Errorf("the alarm takes %s, want at most %s", median, f.delay)
			}
		})
	}
}

// without returns slots but for those in [from, to).
func without(slots []time.Time, from, to time.Time) []time.Time {
	var out []time.Time
	for _, t := range slots {
		if t.Before(from) || !t.Before(to) {
			out = append(out, t)
		}
	}
	return out
}

func alarmAfter(t *testing.T, slots []time.Time, z *time.Location, at time.Time) time.Duration {
	t.Helper()
	before := between(slots, at.Add(-4*week), at)
	alarm, ok := silence.AlarmAt(learn(slots, z, at), before[len(before)-1])
	if !ok {
		t.Fatal("no alarm at all")
	}
	return alarm.Sub(at)
}

func TestOneStrangeWeekChangesLittle(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	at := t0.Add(8*week + 10*time.Hour)
	for _, f := range feeds[:6] {
		for seed := range uint64(3) {
			slots := f.run(seed+11, z, t0, at)
			usual := alarmAfter(t, slots, z, at)
			outage := alarmAfter(t, without(slots, t0.Add(4*week), t0.Add(5*week)), z, at)
			campaign := slices.Concat(slots, feed{chance: flat(0.8)}.run(seed, z, t0.Add(4*week), t0.Add(5*week)))
			slices.SortFunc(campaign, time.Time.Compare)
			busy := alarmAfter(t, slices.CompactFunc(campaign, time.Time.Equal), z, at)
			t.Logf("%s: usually after %s, with a week of outage %s, with a week of campaign %s", f.name, usual, outage, busy)
			if outage > usual*7/4+2*time.Hour {
				t.Errorf("%s: a week of outage puts the alarm off from %s to %s", f.name, usual, outage)
			}
			if busy < usual/2 {
				t.Errorf("%s: a week of campaign brings the alarm forward from %s to %s", f.name, usual, busy)
			}
		}
	}
}

func TestNoAlarmAtNightWhereNightsAreQuiet(t *testing.T) {
	z := zone(t, "America/New_York")
	f := feeds[1]
	at := t0.Add(8 * week)
	for seed := range uint64(5) {
		slots := f.run(seed+21, z, t0, at.Add(2*week))
		r := learn(slots, z, at)
		for _, last := range between(slots, at, at.Add(2*week)) {
			alarm, ok := silence.AlarmAt(r, last)
			if !ok {
				t.Fatal("no alarm at all")
			}
			if h := alarm.Add(-silence.Lag).In(z).Hour(); h < 7 {
				t.Fatalf("seed %d: silent since %s, the alarm comes at %s", seed, last.In(z), alarm.In(z))
			}
		}
		night := time.Date(2026, 3, 3, 23, 30, 0, 0, z)
		p, ok := silence.Probability(r, night, night.Add(7*time.Hour))
		if q, _ := silence.Probability(r, night, night.Add(time.Hour)); !ok || p != q {
			t.Errorf("seed %d: an empty night takes the probability from %g to %g", seed, q, p)
		}
	}
}

func TestTheRhythmFollowsTheClocksOfItsZone(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	// Every slot from 9:00 to 10:00 by the wall clock, on either side of 29 March 2026.
	var slots []time.Time
	for at := time.Date(2026, 2, 26, 0, 0, 0, 0, z); at.Before(time.Date(2026, 4, 23, 0, 0, 0, 0, z)); at = at.AddDate(0, 0, 1) {
		for i := range 12 {
			slots = append(slots, time.Date(at.Year(), at.Month(), at.Day(), 9, 5*i, 0, 0, z))
		}
	}
	r := silence.Learn(slots, z, time.Date(2026, 4, 23, 0, 0, 0, 0, z))
	if r.Weeks != 8 || r.Slots != 8*7*12 {
		t.Errorf("%d weeks and %d slots, want 8 and 672", r.Weeks, r.Slots)
	}
	for d := range 7 {
		nine, eight, ten, seven := r.Chance[d*24+9], r.Chance[d*24+8], r.Chance[d*24+10], r.Chance[d*24+7]
		if nine != r.Chance[9] || eight != ten || nine <= eight || seven != 0 {
			t.Errorf("day %d: %g %g %g %g", d, seven, eight, nine, ten)
		}
	}
	// In UTC the same slots lie in two hours.
	u := silence.Learn(slots, time.UTC, time.Date(2026, 4, 23, 0, 0, 0, 0, z))
	if u.Chance[24+7] == 0 || u.Chance[24+8] == 0 {
		t.Errorf("in UTC: %v", u.Chance[24:48])
	}
}

func TestNotEnoughDataSaysHowMuchIsMissing(t *testing.T) {
	at := t0.Add(8 * week)
	every := func(n int, step time.Duration) []time.Time {
		var out []time.Time
		for i := range n {
			out = append(out, at.Add(-time.Duration(i+1)*step))
		}
		return out
	}
	for want, slots := range map[string][]time.Time{
		"3 more whole weeks and 30 more five-minute slots in which something comes": nil,
		"3 more whole weeks and 29 more five-minute slots in which something comes": every(1, time.Hour),
		"1 more whole week": every(50, 8*time.Hour),
		"1 more five-minute slot in which something comes": every(29, 21*day/30),
		"": every(30, 21*day/30),
	} {
		r := silence.Learn(slots, time.UTC, at)
		if len(slots) == 1 { // less than a week has no slots of whole weeks
			want = "3 more whole weeks and 30 more five-minute slots in which something comes"
		}
		if got := r.Missing(); got != want {
			t.Errorf("%d slots: missing %q, want %q", len(slots), got, want)
		}
		_, judged := silence.Probability(r, at, at.Add(week))
		if _, due := silence.AlarmAt(r, at); judged != (want == "") || due != (want == "") {
			t.Errorf("%d slots: judged %t, alarm %t", len(slots), judged, due)
		}
	}
}

// TestAlarmAtIsWhereProbabilityCrosses, and Probability only falls.
func TestAlarmAtIsWhereProbabilityCrosses(t *testing.T) {
	z := zone(t, "Australia/Lord_Howe") // half an hour of summer time
	at := t0.Add(8 * week)
	for _, f := range feeds {
		slots := f.run(31, z, t0, at)
		r, last := learn(slots, z, at), slots[len(slots)-1]
		alarm, ok := silence.AlarmAt(r, last)
		if !ok {
			t.Fatalf("%s: no alarm", f.name)
		}
		before, _ := silence.Probability(r, last, alarm.Add(-time.Second))
		after, _ := silence.Probability(r, last, alarm)
		if before < silence.Alarm || after >= silence.Alarm {
			t.Errorf("%s: %g before and %g at the alarm", f.name, before, after)
		}
		p := 1.0
		for now := last; now.Before(alarm.Add(day)); now = now.Add(17 * time.Minute) {
			q, _ := silence.Probability(r, last, now)
			if q > p || q < 0 || math.IsNaN(q) {
				t.Fatalf("%s: the probability goes from %g to %g", f.name, p, q)
			}
			p = q
		}
	}
}

func TestOrderAndRepetitionOfSlotsChangeNothing(t *testing.T) {
	at := t0.Add(8 * week)
	slots := feeds[4].run(41, time.UTC, t0, at)
	want := silence.Learn(slots, time.UTC, at)
	mixed := slices.Concat(slots, slots[:100])
	for i := range mixed {
		mixed[i] = mixed[i].Add(time.Duration(i%300) * time.Second) // anywhere in the slot
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	if got := silence.Learn(mixed, time.UTC, at); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func BenchmarkLearn(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	at := t0.Add(8 * week)
	slots := feeds[0].run(1, z, t0, at)
	for b.Loop() {
		silence.Learn(slots, z, at)
	}
}
