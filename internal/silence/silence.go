// Package silence says whether a source has been quiet for longer than its own
// rhythm explains: a webhook that stops sends nothing that could tell.
//
// Time is cut into slots of five minutes; a slot is heard if at least one
// delivery of the source came in it. How many came in it does not matter, so
// that a thread in which many write at once weighs little more than one post.
//
// The model. Each of the 168 hours of the week, in the workspace's time zone,
// has a chance that one of its slots is heard: Rhythm.Chance, the median over
// up to eight weeks of smoothed shares, so that one week of outage or of
// campaign leaves it where it was. A silence is measured by what was to be
// expected in it: its weight is the sum of -ln(1-chance) over its slots, the
// number of events that a Poisson process of that rhythm has in them. A night
// in which nobody ever writes weighs nothing, however long it lasts.
//
// If slots were independent given the hour of the week, the chance of a
// silence of weight x were exp(-x). Real sources come in bursts: a post that
// is talked about fills many slots, and the pauses in between are longer than
// that. So the assumption is made only of a source that is quiet already:
// once a silence weighs more than 1 (a spell), slots are independent given
// the hour of the week, and heard at Resume times the rhythm's rate. Resume is
// estimated from how the source's earlier spells ended, as the extremal index
// of a series is estimated from the gaps between its exceedances: Süveges and
// Davison, "Model misspecification in peaks over threshold analysis", Annals
// of Applied Statistics 4(1), 2010, https://doi.org/10.1214/09-AOAS292.
//
// A silence of given weight has many chances to happen. Probability is that of
// at least one so long within four weeks of the source's life, not that of
// the one at hand: a busy source begins hundreds of silences a week, of which
// the longest is always improbable.
package silence

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// Slot is how finely time is cut.
	Slot = 5 * time.Minute
	// Window is how far back a rhythm is learnt from.
	Window = weeks * 7 * 24 * time.Hour
	// Alarm is the probability below which a silence is no chance any more.
	Alarm = 0.001
	// Lag is how long a delivery may be on its way to being noted: a slot
	// counts as unheard only when it ended so long ago.
	Lag = 5 * time.Minute

	weeks    = 8  // that a rhythm is learnt from, at most
	minWeeks = 3  // without so many whole ones there is no rhythm
	minSlots = 30 // nor with fewer heard slots

	// quiet is the weight from which a silence is a spell.
	quiet = 1.0
	// longest is the weight up to which a spell teaches how spells end. What
	// comes after is an outage more likely than a pause, and one outage must
	// not make the source's every pause look usual.
	longest = 10.0
	// prior is how many spells ending at the rhythm's own rate are taken as
	// seen beforehand.
	prior = 5.0
	// per is in how long a silence is asked to be improbable, in weeks.
	per = 4.0
)

// Hours is how many hours a week has.
const Hours = 7 * 24

// Rhythm is when a source is usually heard. Learn makes it.
type Rhythm struct {
	Zone   *time.Location
	Weeks  int            // whole weeks it was learnt from, 0 to 8
	Slots  int            // heard slots in them
	Chance [Hours]float64 // that one slot is heard, by hour of the week from Sunday 0:00 in Zone; below 1
	Resume float64        // how fast the source comes back once it is quiet, as a multiple of the rhythm's rate; above 0, at most 2
	Spells float64        // spells that Resume rests on, the five of the prior included
	Often  float64        // spells in four weeks
}

// Align returns the start of the slot that t lies in.
func Align(t time.Time) time.Time { return t.UTC().Truncate(Slot) }

// hourOf is the hour of the week that t lies in, from Sunday 0:00 in t's zone.
func hourOf(t time.Time) int { return int(t.Weekday())*24 + t.Hour() }

// Learn returns the rhythm of a source from the starts of the slots in which
// it was heard, in any order; those outside of the eight weeks before until
// are left aside. A week is seven days of zone's calendar, counted back from
// until: it has an hour less or more where the clocks change. A week that began
// over a day before the first slot is not counted: the source may not have
// been there.
func Learn(heard []time.Time, zone *time.Location, until time.Time) Rhythm {
	r := Rhythm{Zone: zone, Resume: 1, Spells: prior}
	end := Align(until)
	// Weeks from the newest one back: week i is [starts[i], starts[i-1]).
	starts := []time.Time{end}
	for i := 1; i <= weeks; i++ {
		starts = append(starts, Align(end.In(zone).AddDate(0, 0, -7*i)))
	}
	slots := make([]time.Time, 0, len(heard))
	for _, t := range heard {
		if t = Align(t); !t.Before(starts[weeks]) && t.Before(end) {
			slots = append(slots, t)
		}
	}
	slices.SortFunc(slots, time.Time.Compare)
	slots = slices.CompactFunc(slots, time.Time.Equal)
	if len(slots) == 0 {
		return r
	}
	for r.Weeks < weeks && !slots[0].After(starts[r.Weeks+1].Add(24*time.Hour)) {
		r.Weeks++
	}
	if r.Weeks == 0 {
		return r
	}
	begin := starts[r.Weeks]
	first, _ := slices.BinarySearchFunc(slots, begin, time.Time.Compare)
	slots = slots[first:]
	r.Slots = len(slots)

	// How many slots each hour of each week had, and how many were heard.
	had, got := make([][Hours]float64, r.Weeks), make([][Hours]float64, r.Weeks)
	next := 0
	for week := r.Weeks - 1; week >= 0; week-- {
		for t := starts[week+1]; t.Before(starts[week]); t = t.Add(Slot) {
			h := hourOf(t.In(zone))
			had[week][h]++
			if next < len(slots) && slots[next].Equal(t) {
				got[week][h]++
				next++
			}
		}
	}
	pool := pools(float64(r.Slots) / float64(r.Weeks))
	most := 1 - 0.5/float64(12*r.Weeks+1) // even a slot that was always heard may not be
	shares := make([]float64, r.Weeks)
	for h := range Hours {
		for week := range shares {
			shares[week] = pool(h, &got[week], &had[week])
		}
		r.Chance[h] = min(median(shares), most)
	}
	r.learnSpells(slots, begin, end)
	return r
}

// pools returns how shares of heard slots are smoothed within a week: the
// fewer slots are heard in a week, the more hours are taken together, so that
// there is something to take a median of. Neighbouring hours first, then the
// same hours of days of the same kind, then of all days, then all hours.
func pools(perWeek float64) func(h int, got, had *[Hours]float64) float64 {
	share := func(h, reach int, days func(of, other int) bool, got, had *[Hours]float64) float64 {
		var g, n float64
		for day := range 7 {
			if !days(h/24, day) {
				continue
			}
			for d := -reach; d <= reach; d++ {
				at := (day*24 + h%24 + d + Hours) % Hours
				w := float64(reach + 1 - max(d, -d))
				g, n = g+w*got[at], n+w*had[at]
			}
		}
		if n == 0 {
			return 0
		}
		return g / n
	}
	weekend := func(day int) bool { return day == 0 || day == 6 }
	switch {
	case perWeek >= 300:
		return func(h int, got, had *[Hours]float64) float64 {
			return share(h, 1, func(of, day int) bool { return of == day }, got, had)
		}
	case perWeek >= 80:
		return func(h int, got, had *[Hours]float64) float64 {
			return share(h, 1, func(of, day int) bool { return weekend(of) == weekend(day) }, got, had)
		}
	case perWeek >= 20:
		return func(h int, got, had *[Hours]float64) float64 {
			return share(h, 2, func(int, int) bool { return true }, got, had)
		}
	}
	return func(_ int, got, had *[Hours]float64) float64 {
		var g, n float64
		for h := range Hours {
			g, n = g+got[h], n+had[h]
		}
		return g / n
	}
}

// median is the middle of xs, which is not empty; xs is sorted by it.
func median(xs []float64) float64 {
	slices.Sort(xs)
	n := len(xs)
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

// weight is what the slot that starts at t weighs if it is not heard.
func (r Rhythm) weight(t time.Time) float64 {
	return -math.Log1p(-r.Chance[hourOf(t.In(r.Zone))])
}

// learnSpells sets Resume, Spells and Often from the silences between slots.
//
// Within a spell, a slot of weight e is heard with the probability
// 1-exp(-Resume·e). Resume is where the likelihood of what was seen, times a
// gamma prior around 1 that is worth five spells, is greatest: its derivative
//
//	Σ heard: e·exp(-θe)/(1-exp(-θe))  -  Σ unheard: e  +  prior/θ - prior
//
// falls with θ, so that halving finds its zero.
func (r *Rhythm) learnSpells(slots []time.Time, begin, end time.Time) {
	var ended []float64 // weights of the slots that ended a spell
	var unheard float64 // weight of the slots of spells that were not heard
	spells := 0
	for i, t := range slots {
		to := end
		if i+1 < len(slots) {
			to = slots[i+1]
		}
		x, counted := 0.0, false
		for s := t.Add(Slot); s.Before(to) && x < longest; s = s.Add(Slot) {
			e := r.weight(s)
			if x > quiet {
				unheard += e
			}
			if x += e; x > quiet && !counted {
				counted = true
				spells++
			}
		}
		if x > quiet && x < longest && to.Before(end) {
			if e := r.weight(to); e > 0 {
				ended = append(ended, e)
			}
		}
	}
	slope := func(theta float64) float64 {
		s := prior/theta - prior - unheard
		for _, e := range ended {
			s += e / math.Expm1(theta*e)
		}
		return s
	}
	lo, hi := 1e-4, 2.0
	for range 40 {
		if mid := (lo + hi) / 2; slope(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	r.Resume = hi
	r.Spells = prior + float64(len(ended))
	r.Often = per * (float64(spells) + 1) / float64(r.Weeks)
}

// Missing says what a rhythm needs before a silence can be judged by it; ""
// if it has it.
func (r Rhythm) Missing() string {
	var need []string
	if d := minWeeks - r.Weeks; d > 0 {
		need = append(need, plural(d, "more whole week", "more whole weeks"))
	}
	if d := minSlots - r.Slots; d > 0 {
		need = append(need, plural(d, "more five-minute slot in which something comes", "more five-minute slots in which something comes"))
	}
	return strings.Join(need, " and ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// PerWeek is how many slots are to be heard in a week.
func (r Rhythm) PerWeek() float64 {
	var sum float64
	for _, p := range r.Chance {
		sum += 12 * p
	}
	return sum
}

// SilentSince returns when the silence after the slot lastHeard began: at its end.
func SilentSince(lastHeard time.Time) time.Time { return Align(lastHeard).Add(Slot) }

// Probability returns how probable it is that a source of this rhythm is
// silent by chance, at least once within four weeks, for as long as from the
// slot lastHeard until now; from 1 down to 0. Slots that ended less than Lag
// before now do not count. ok is false where Missing says what is missing.
func Probability(r Rhythm, lastHeard, now time.Time) (p float64, ok bool) {
	if r.Missing() != "" {
		return 0, false
	}
	x := 0.0
	end := Align(now.Add(-Lag))
	for t := SilentSince(lastHeard); t.Before(end) && x < 1e4; t = t.Add(Slot) {
		x += r.weight(t)
	}
	return r.chance(x), true
}

// chance is the probability of a silence of weight x within four weeks. The
// number of spells that grow to x is Poisson with the mean
// Often·(1 + Resume·(x-quiet)/Spells)^-Spells: an exponential tail whose rate
// is itself known only from so many spells, as the gamma distribution has it.
func (r Rhythm) chance(x float64) float64 {
	if x <= quiet {
		return 1
	}
	return -math.Expm1(-r.Often * math.Pow(1+r.Resume*(x-quiet)/r.Spells, -r.Spells))
}

// horizon bounds how far AlarmAt looks ahead.
const horizon = 60 * 24 * time.Hour

// AlarmAt returns the first instant at which Probability is below Alarm, if
// nothing is heard after the slot lastHeard. ok is false where Missing says
// what is missing, and where it takes more than 60 days.
func AlarmAt(r Rhythm, lastHeard time.Time) (at time.Time, ok bool) {
	if r.Missing() != "" {
		return time.Time{}, false
	}
	x := 0.0
	since := SilentSince(lastHeard)
	for t := since; t.Sub(since) < horizon; t = t.Add(Slot) {
		if x += r.weight(t); r.chance(x) < Alarm {
			return t.Add(Slot + Lag), true
		}
	}
	return time.Time{}, false
}
