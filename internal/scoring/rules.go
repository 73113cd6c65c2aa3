package scoring

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// tally is what a rule found: points that then decay, and words for them.
type tally struct {
	rule     *Rule
	once     int64    // points given once, which do not decay
	times    []int64  // in milliseconds, in order: when the things were done that points are given for
	found    []int32  // only these of them, by position; nil is all
	each     int64    // the points for each
	shares   []int64  // the points for each, where they differ
	head     string   // the beginning of the reason
	evidence []string // sorted names
	edge     int64    // when, in milliseconds, what was found first changes by itself
}

// soonest notes that what was found changes at the instant at.
func (t *tally) soonest(at int64) {
	if t.edge == 0 || at < t.edge {
		t.edge = at
	}
}

// scene is what the rules of a model are applied to.
type scene struct {
	source
	history
	now      int64
	selected [][]int32 // of each condition of the plan: the positions in own
	times    []int64   // of own
	closings []int64   // of the rounds: when they were closed
	marks    marks
	company  *Company // nil: colleagues are not looked at
}

func newScene(p *plan, s source, h history, now int64) *scene {
	e := &scene{source: s, history: h, now: now, selected: p.sift(s, h.own, now)}
	e.times = make([]int64, len(h.own))
	for i := range h.own {
		e.times[i] = h.own[i].at
	}
	e.closings = make([]int64, len(h.rounds))
	for i, r := range h.rounds {
		e.closings[i] = h.talk[r.again].at
	}
	e.marks = marks{messages: make([]int32, len(h.talk)), threads: make([]int32, h.numbers)}
	return e
}

// tallyAll applies the rules, in the order of the model. Rules that found
// nothing to speak of are left out.
func (e *scene) tallyAll(m *Model) []tally {
	var out []tally
	for i := range m.Rules {
		r := &m.Rules[i]
		t, ok := tally{}, false
		switch r.Kind {
		case ActivityRule:
			t, ok = e.activities(m, r)
		case DialogueRule:
			t, ok = e.dialogue(m, r)
		case PatternRule:
			t, ok = e.pattern(r, out)
		case RateRule:
			t, ok = e.rate(r)
		case CompanyRule:
			t, ok = e.colleagues(r)
		}
		if ok {
			t.rule = r
			out = append(out, t)
		}
	}
	return out
}

// window is how far back in days an activity or dialogue rule counts.
func (r *Rule) window(m *Model) int {
	w := m.HorizonDays
	if r.WithinDays > 0 {
		w = r.WithinDays
	}
	if r.Decay != nil && r.Decay.ExpiresDays > 0 {
		w = min(w, r.Decay.ExpiresDays)
	}
	return w
}

func (e *scene) activities(m *Model, r *Rule) (tally, bool) {
	found := e.selected[r.When.number]
	if len(found) == 0 {
		return tally{}, false
	}
	w := r.window(m)
	t := tally{times: e.times, found: found, each: int64(r.Points), evidence: e.evidence(found)}
	t.soonest(e.times[found[0]] + days(w))
	t.head = fmt.Sprintf("%s in the last %s", count(len(found), r.Label.One, r.Label.Many), lastDays(w)) + latest(len(found))
	if r.CapPer != nil {
		t.shares = hold(e.times, found, t.each, int64(r.CapPer.Points), days(r.CapPer.Days))
	}
	if t.shares != nil {
		t.head += fmt.Sprintf(", at most %s per %s", Decimal(int64(r.CapPer.Points)), lastDays(r.CapPer.Days))
	}
	return t, true
}

// hold returns how many points to give for each of the times found if each is
// worth so many, but those within any span of milliseconds give at most limit
// together: each takes what the ones before it have left. It is nil if all of
// them give their points.
func hold(times []int64, found []int32, each, limit, span int64) []int64 {
	shares := make([]int64, len(found))
	var sum int64 // what shares[first:i] give, by size
	first, cut := 0, false
	for i, n := range found {
		for times[found[first]] <= times[n]-span {
			sum -= int64(magnitude(shares[first]))
			first++
		}
		shares[i] = atMost(each, limit-sum)
		cut = cut || shares[i] != each
		sum += int64(magnitude(shares[i]))
	}
	if !cut {
		return nil
	}
	return shares
}

// marks notes which messages and conversations a rule has met: for each the
// number of the rule that met it last.
type marks struct {
	messages, threads []int32
	rule              int32
}

// first reports whether the rule meets the i-th of a list for the first time.
func (k *marks) first(list []int32, i int32) bool {
	met := list[i] == k.rule
	list[i] = k.rule
	return !met
}

// dialogue counts the rounds closed within the rule's window.
func (e *scene) dialogue(m *Model, r *Rule) (tally, bool) {
	w := r.window(m)
	from := sort.Search(len(e.closings), func(i int) bool { return e.closings[i] > e.now-days(w) })
	all := e.rounds[from:]
	if len(all) == 0 {
		return tally{}, false
	}
	t := tally{times: e.closings[from:], shares: make([]int64, len(all))}
	e.marks.rule++
	threads, based, newest := 0, 0, int32(0)
	var weight, given int64
	deepest := int32(0)
	for i, x := range all {
		if e.marks.first(e.marks.threads, x.thread) {
			threads++
		}
		deepest = max(deepest, x.depth)
		weight += int64(min(x.depth, maxWeight))
		total := scale(int64(r.Points), uint64(weight), uint64(weight)+uint64(r.HalfAt))
		t.shares[i] = total - given
		given = total
		for _, n := range [...]int32{x.asked, x.answered, x.again} {
			if e.marks.first(e.marks.messages, n) {
				based++
			}
		}
		newest = x.again // rounds are in the order of these
	}
	for n := newest; n >= 0 && len(t.evidence) < maxEvidence; n-- {
		if e.marks.messages[n] == e.marks.rule {
			t.evidence = append(t.evidence, e.name(int(e.talk[n].source)))
		}
	}
	slices.Sort(t.evidence)
	t.soonest(t.times[0] + days(w))
	t.head = fmt.Sprintf("%s of dialogue in %s in the last %s, at most %s deep, weight %d%s",
		count(len(all), "round", "rounds"), count(threads, "conversation", "conversations"), lastDays(w),
		count(int(deepest), "round", "rounds"), weight, latest(based))
	return t, true
}

// pattern counts the behaviours that were seen; before are the tallies of the
// rules before it.
func (e *scene) pattern(r *Rule, before []tally) (tally, bool) {
	t := tally{once: int64(r.Points)}
	var labels, names []string
	var based []int32
	for i := range r.Behaviours {
		b := &r.Behaviours[i]
		if b.Rule != "" {
			k := slices.IndexFunc(before, func(o tally) bool { return o.rule.ID == b.Rule && o.once != 0 })
			if k >= 0 {
				labels = append(labels, b.Label)
				names = append(names, before[k].evidence...) // its edge is that tally's
			}
			continue
		}
		list := e.selected[b.When.number]
		n := max(1, b.AtLeast)
		if len(list) < n {
			continue
		}
		labels = append(labels, b.Label)
		t.soonest(e.times[list[len(list)-n]] + days(r.WithinDays))
		for _, last := range list[len(list)-min(n, maxEvidence):] {
			if !slices.Contains(based, last) {
				based = append(based, last)
			}
		}
	}
	if len(labels) < r.AtLeast {
		return tally{}, false
	}
	slices.Sort(based)
	t.evidence = append(e.evidence(based), names...)
	slices.Sort(t.evidence)
	t.evidence = slices.Compact(t.evidence)
	t.evidence = t.evidence[:min(len(t.evidence), maxEvidence)]
	t.head = fmt.Sprintf("%d of %d behaviours in the last %s (at least %d needed): %s",
		len(labels), len(r.Behaviours), lastDays(r.WithinDays), r.AtLeast, strings.Join(labels, ", "))
	return t, true
}

func (e *scene) rate(r *Rule) (tally, bool) {
	found := e.selected[r.When.number]
	recent, span := days(r.RecentDays), days(r.RecentDays+r.BaseDays)
	b := sort.Search(len(found), func(i int) bool { return e.times[found[i]] > e.now-recent })
	k := len(found) - b
	if k == 0 {
		return tally{}, false
	}
	t := tally{evidence: e.evidence(found[b:])}
	t.soonest(e.times[found[b]] + recent)
	head := fmt.Sprintf("%s in the last %s", count(k, r.Label.One, r.Label.Many), lastDays(r.RecentDays)) + latest(k)
	if e.first > e.now-span {
		t.soonest(e.first + span)
		t.head = fmt.Sprintf("not enough data: %s, known for %s of the %d needed", head, count(int((e.now-e.first)/days(1)), "day", "days"), r.RecentDays+r.BaseDays)
		return t, true
	}
	if b > 0 {
		t.soonest(e.times[found[0]] + span)
	}
	if k < r.AtLeast {
		t.head = fmt.Sprintf("not enough data: %s, at least %d needed", head, r.AtLeast)
		return t, true
	}
	p := tail(k, k+b, r.RecentDays, r.RecentDays+r.BaseDays)
	head += fmt.Sprintf(" against %d in the %s before, %s", b, count(r.BaseDays, "day", "days"), writeP(p))
	if !below(p, int64(r.PBelow)) {
		t.head = fmt.Sprintf("%s (not below %s): no more than usual", head, Decimal(int64(r.PBelow)))
		return t, true
	}
	t.head = fmt.Sprintf("%s (below %s): more than usual", head, Decimal(int64(r.PBelow)))
	t.once = int64(r.Points)
	return t, true
}

// reason is the sentence for what t's rule gave.
func (t *tally) reason(m *Model, a amount) string {
	r := t.rule
	s := t.head + ", " + points(a.raw)
	if r.Kind == CompanyRule {
		s = t.head + ": " + points(a.raw)
	}
	if d := r.Decay; d != nil && d.HalfLifeDays > 0 {
		s += fmt.Sprintf(" after decay (half-life %s)", count(d.HalfLifeDays, "day", "days"))
	} else if d != nil && d.EveryDays > 0 {
		s += fmt.Sprintf(" after decay (times %s every %s)", Decimal(int64(d.Factor)), count(d.EveryDays, "day", "days"))
	} else if d != nil {
		s += fmt.Sprintf(" after decay (to nothing over %s)", count(d.ExpiresDays, "day", "days"))
	}
	if a.capped != a.raw {
		s += ", capped at " + Decimal(a.capped)
	}
	if a.final != a.capped {
		i := slices.IndexFunc(m.Groups, func(g RuleGroup) bool { return g.ID == r.Group })
		s += fmt.Sprintf(", cut to %s by the group %s (at most %s)", Decimal(a.final), r.Group, Decimal(signed(uint64(m.Groups[i].Cap), int64(r.Points))))
	}
	return s
}

// evidence returns the names of the latest of some own activities, by their
// positions in order of time.
func (e *scene) evidence(found []int32) []string {
	found = found[max(0, len(found)-maxEvidence):]
	names := make([]string, len(found))
	for i, n := range found {
		names[i] = e.name(int(e.own[n].source))
	}
	slices.Sort(names)
	return names
}

// latest says that evidence is only a part of n activities, where it is.
func latest(n int) string {
	if n <= maxEvidence {
		return ""
	}
	return fmt.Sprintf(" (evidence: the latest %d of %d)", maxEvidence, n)
}

func points(micro int64) string {
	if magnitude(micro) == million {
		return Decimal(micro) + " point"
	}
	return Decimal(micro) + " points"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func lastDays(n int) string {
	if n == 1 {
		return "day"
	}
	return fmt.Sprintf("%d days", n)
}
