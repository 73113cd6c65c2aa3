package scoring

// amount is what a rule gives at one instant.
type amount struct {
	raw    int64 // after decay
	capped int64 // within the rule's cap
	final  int64 // within its group's cap
}

// amounts returns what each tally gives at the instant t, in milliseconds,
// before which all that it counts was done.
func amounts(m *Model, tallies []tally, t int64) []amount {
	out := make([]amount, len(tallies))
	left := newGroups(m)
	for i := range tallies {
		r, a := tallies[i].rule, &out[i]
		a.raw = tallies[i].raw(t)
		a.capped = a.raw
		if r.Cap != 0 {
			a.capped = atMost(a.raw, int64(r.Cap))
		}
		a.final = a.capped
		if r.Group != "" {
			a.final = atMost(a.capped, left[r.Group].low)
			left.take(r.Group, bounds{magnitude64(a.final), magnitude64(a.final)})
		}
	}
	return out
}

// atMost is v with its size cut to cap.
func atMost(v, cap int64) int64 { return max(min(v, cap), -cap) }

// raw is what the tally's points are worth at the instant at.
func (t *tally) raw(at int64) int64 {
	sum, d := t.once, t.rule.Decay
	if d == nil && t.shares == nil {
		return sum + t.each*int64(t.len())
	}
	for i := range t.len() {
		if p := t.points(i); p != 0 {
			sum += d.value(p, at-t.time(i))
		}
	}
	return sum
}

// len is how many things points are given for.
func (t *tally) len() int {
	if t.found == nil {
		return len(t.times)
	}
	return len(t.found)
}

func (t *tally) time(i int) int64 {
	if t.found == nil {
		return t.times[i]
	}
	return t.times[t.found[i]]
}

func (t *tally) points(i int) int64 {
	if t.shares == nil {
		return t.each
	}
	return t.shares[i]
}

// value is what decay leaves of micro at an age in milliseconds. Without
// decay that is all of it.
func (d *Decay) value(micro, age int64) int64 {
	switch {
	case d == nil:
		return micro
	case d.HalfLifeDays > 0:
		return halving(micro, age, days(d.HalfLifeDays))
	case d.EveryDays > 0:
		return shrinking(micro, age/days(d.EveryDays), uint64(d.Factor))
	}
	return fading(micro, age, days(d.ExpiresDays))
}
