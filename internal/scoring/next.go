package scoring

// bounds hold a size that is not known exactly: it is within [low, high], both
// of which are at least 0.
type bounds struct{ low, high int64 }

func exactly(v int64) bounds { return bounds{v, v} }

func (b bounds) known() bool { return b.low == b.high }

// atMost are the bounds of the lesser of two sizes.
func (b bounds) atMost(o bounds) bounds { return bounds{min(b.low, o.low), min(b.high, o.high)} }

// groups holds what is left of the cap of each group.
type groups map[string]bounds

func newGroups(m *Model) groups {
	left := make(groups, len(m.Groups))
	for _, g := range m.Groups {
		left[g.ID] = exactly(int64(g.Cap))
	}
	return left
}

func (g groups) take(id string, given bounds) {
	g[id] = bounds{max(0, g[id].low-given.high), max(0, g[id].high-given.low)}
}

// forecast bounds what a tally's points are worth later from what they are
// worth at one instant, without adding up what each of them is worth.
//
// Each term is rounded toward zero, by less than one micro-point, and halving
// is within 2^-31 of the true value. So the sum is at most count below the sum
// of the true values and hardly above it; and that one fades as a whole just
// as each of its terms does.
type forecast struct {
	*tally
	at    int64 // the instant
	size  int64 // what the points are worth then, by size
	whole int64 // what they would be worth without decay, by size
	count int64 // of how many terms
}

func newForecast(t *tally, at int64) forecast {
	f := forecast{tally: t, at: at, size: magnitude64(t.raw(at))}
	if t.rule.Decay != nil {
		for i := range t.len() {
			if p := t.points(i); p != 0 {
				f.whole += magnitude64(p)
				f.count++
			}
		}
	}
	return f
}

// later bounds the sum, by size, at an instant not before f's, up to which
// nothing leaves the rule's window.
func (f *forecast) later(at int64) bounds {
	d, age := f.rule.Decay, at-f.at
	switch {
	case d == nil || age == 0:
		return exactly(f.size)
	case d.HalfLifeDays > 0:
		low := halving(f.size, age, days(d.HalfLifeDays))
		high := halving(f.size+f.count, age, days(d.HalfLifeDays))
		// 2^-28 is more than the rounding of all factors that are involved.
		return bounds{max(0, low-low>>28-1-f.count), high + high>>28 + 2}
	}
	if d.EveryDays > 0 {
		// Each term has so many periods behind it, or one more; each of them rounds by less than 1.
		n := age / days(d.EveryDays)
		return bounds{max(0, shrinking(f.size, n+1, uint64(d.Factor))-f.count*(n+1)), shrinking(f.size, n, uint64(d.Factor)) + n}
	}
	lost := scale(f.whole, uint64(age), uint64(days(d.ExpiresDays))) // rounded down
	return bounds{max(0, f.size-lost-1-f.count), max(0, f.size+f.count-lost)}
}

// moment is what the positive and the negative contributions add up to, by
// size, at an instant.
type moment struct {
	at       int64
	up, down bounds
}

// future looks ahead of a score.
type future struct {
	model     *Model
	forecasts []forecast
}

// measure bounds the moment of an instant; exact ones take all the sums.
func (f *future) measure(at int64, exact bool) moment {
	out := moment{at: at}
	left := newGroups(f.model)
	for i := range f.forecasts {
		t := &f.forecasts[i]
		cap := func(b bounds) bounds {
			if t.rule.Cap != 0 {
				b = b.atMost(exactly(int64(t.rule.Cap)))
			}
			if t.rule.Group != "" {
				b = b.atMost(left[t.rule.Group])
			}
			return b
		}
		given := t.later(at)
		if exact && !cap(given).known() {
			given = exactly(magnitude64(t.raw(at)))
		}
		given = cap(given)
		if t.rule.Group != "" {
			left.take(t.rule.Group, given)
		}
		sum := &out.up
		if t.rule.Points < 0 {
			sum = &out.down
		}
		sum.low, sum.high = sum.low+given.low, sum.high+given.high
	}
	return out
}

// engagement is that of the positive contributions at one instant and the
// negative ones at another. Where the bounds leave it open, both instants are
// measured exactly.
func (f *future) engagement(up, down *moment) int {
	least, most := f.model.engagement(up.up.low-down.down.high), f.model.engagement(up.up.high-down.down.low)
	if least == most {
		return least
	}
	*up, *down = f.measure(up.at, true), f.measure(down.at, true)
	return f.model.engagement(up.up.low - down.down.low)
}

// searchSteps bounds the work of nextChange.
const searchSteps = 400

// nextChange finds the NextChange of a score, in milliseconds; 0 is never.
// edge is the first instant at which something changes that no tally knows of.
//
// Up to the first instant at which an activity leaves a window, what counts
// stays the same, and decay is all that happens: positive contributions only
// fall and negative ones only rise. So between two instants the score lies
// between (later positive + earlier negative) and (earlier positive + later
// negative); where both have the present engagement nothing happens between,
// and elsewhere the halves are searched, the earlier one first.
func nextChange(m *Model, tallies []tally, edge, now int64, engagement int) int64 {
	for i := range tallies {
		if e := tallies[i].edge; e != 0 && (edge == 0 || e < edge) {
			edge = e
		}
	}
	if edge == 0 || edge == now+1 {
		return edge
	}
	f := future{model: m, forecasts: make([]forecast, len(tallies))}
	for i := range tallies {
		f.forecasts[i] = newForecast(&tallies[i], now+1)
	}
	steps := 0
	measure := func(at int64) *moment {
		steps++
		p := f.measure(at, false)
		return &p
	}
	var search func(a, b *moment) int64
	search = func(a, b *moment) int64 {
		if f.engagement(b, a) == engagement && f.engagement(a, b) == engagement {
			return 0
		}
		if f.engagement(a, a) != engagement || steps > searchSteps {
			return a.at
		}
		if b.at-a.at <= 1 {
			if f.engagement(b, b) != engagement {
				return b.at
			}
			return 0
		}
		mid := measure(a.at + (b.at-a.at)/2)
		if at := search(a, mid); at != 0 {
			return at
		}
		return search(mid, b)
	}
	if at := search(measure(now+1), measure(edge-1)); at != 0 {
		return at
	}
	return edge
}
