package scoring

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/expr-lang/expr/vm"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// tally is what a rule found: points that then decay, and words for them.
type tally struct {
	rule     *Rule
	terms    []term
	head     string   // the beginning of the reason
	evidence []string // sorted keys
	edge     int64    // when, in milliseconds, what was found first changes by itself
}

// term is points given for something at an instant, in milliseconds.
type term struct{ micro, at int64 }

// soonest notes that what was found changes at the instant at.
func (t *tally) soonest(at int64) {
	if t.edge == 0 || at < t.edge {
		t.edge = at
	}
}

// tallyAll applies the rules to h, in the order of the model. Rules that
// found nothing to speak of are left out.
func tallyAll(m *Model, h history, now int64) ([]tally, error) {
	found, err := sift(m, h.own, now)
	if err != nil {
		return nil, err
	}
	var out []tally
	for i := range m.Rules {
		r := &m.Rules[i]
		t, ok := tally{}, false
		switch r.Kind {
		case ActivityRule:
			t, ok = tallyActivities(r, m, found[r.When], now)
		case DialogueRule:
			t, ok = tallyDialogue(r, m, h, now)
		case PatternRule:
			t, ok = tallyPattern(r, found, now)
		case RateRule:
			t, ok = tallyRate(r, found[r.When], h.own, now)
		}
		if ok {
			t.rule = r
			out = append(out, t)
		}
	}
	return out, nil
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

// sift returns for each condition of m the activities it selects, among
// those young enough for its rule. Equal conditions are evaluated once.
func sift(m *Model, own []*social.Activity, now int64) (map[*When][]*social.Activity, error) {
	type condition struct {
		*When
		rule  string
		since int64 // selects activities after this instant
		found []*social.Activity
	}
	var list []*condition
	byText := map[string]*condition{}
	of := map[*When]*condition{}
	add := func(w *When, rule string, window int) {
		text := fmt.Sprintf("%d %q %q %q", window, w.Types, w.Platforms, w.Expr)
		c := byText[text]
		if c == nil {
			c = &condition{When: w, rule: rule, since: now - days(window)}
			byText[text] = c
			list = append(list, c)
		}
		of[w] = c
	}
	for i := range m.Rules {
		r := &m.Rules[i]
		switch r.Kind {
		case ActivityRule:
			add(r.When, r.ID, r.window(m))
		case PatternRule:
			for j := range r.Behaviours {
				add(&r.Behaviours[j].When, r.ID, r.WithinDays)
			}
		case RateRule:
			add(r.When, r.ID, r.RecentDays+r.BaseDays)
		}
	}

	machine := vm.VM{MemoryBudget: 10_000}
	var env fields
	for _, a := range own {
		at, ready := a.Occurred.UnixMilli(), false
		for _, c := range list {
			if at <= c.since || len(c.Types) > 0 && !slices.Contains(c.Types, a.Type) || len(c.Platforms) > 0 && !slices.Contains(c.Platforms, a.Platform) {
				continue
			}
			if c.program != nil {
				if !ready {
					env.set(a)
					ready = true
				}
				v, err := machine.Run(c.program, &env)
				if err != nil {
					return nil, fault.Wrap(fault.Invalid, fmt.Errorf("rule %q, activity %q: %w", c.rule, a.Key, err), "a rule's expression can't be evaluated")
				}
				if v != true {
					continue
				}
			}
			c.found = append(c.found, a)
		}
	}
	out := make(map[*When][]*social.Activity, len(of))
	for w, c := range of {
		out[w] = c.found
	}
	return out, nil
}

func tallyActivities(r *Rule, m *Model, found []*social.Activity, now int64) (tally, bool) {
	if len(found) == 0 {
		return tally{}, false
	}
	w := r.window(m)
	t := tally{terms: make([]term, len(found)), evidence: evidence(found)}
	for i, a := range found {
		t.terms[i] = term{int64(r.Points), a.Occurred.UnixMilli()}
	}
	t.soonest(t.terms[0].at + days(w))
	held := r.CapPer != nil && hold(t.terms, int64(r.CapPer.Points), days(r.CapPer.Days))
	t.head = fmt.Sprintf("%s in the last %s", count(len(found), r.Label.One, r.Label.Many), lastDays(w)) + latest(len(found))
	if held {
		t.head += fmt.Sprintf(", at most %s per %s", Decimal(int64(r.CapPer.Points)), lastDays(r.CapPer.Days))
	}
	return t, true
}

// hold cuts terms, which are in order of time, so that those within any span
// of milliseconds give at most limit together: each takes what the ones
// before it have left. It reports whether it cut any.
func hold(terms []term, limit, span int64) bool {
	var sum int64 // what terms[first:i] give, by size
	first, cut := 0, false
	for i := range terms {
		for terms[first].at <= terms[i].at-span {
			sum -= int64(magnitude(terms[first].micro))
			first++
		}
		given := atMost(terms[i].micro, limit-sum)
		cut = cut || given != terms[i].micro
		terms[i].micro = given
		sum += int64(magnitude(given))
	}
	return cut
}

// round is a person's message, the business's answer, and what the person
// said to that.
type round struct {
	depth                  int   // 1 for the first round of its conversation
	since                  int64 // when its conversation began, as far as it is known
	thread                 objectKey
	asked, answered, again *social.Activity
}

// maxWeight bounds the weight of one round.
const maxWeight = 10

// tallyDialogue counts the rounds closed within the rule's window.
func tallyDialogue(r *Rule, m *Model, h history, now int64) (tally, bool) {
	w := r.window(m)
	all := rounds(h)
	all = all[sort.Search(len(all), func(i int) bool { return all[i].again.Occurred.UnixMilli() > now-days(w) }):]
	if len(all) == 0 {
		return tally{}, false
	}
	var t tally
	threads := map[objectKey]bool{}
	seen := map[*social.Activity]bool{}
	var based []*social.Activity
	var weight, given int64
	deepest := 0
	for _, x := range all {
		threads[x.thread] = true
		deepest = max(deepest, x.depth)
		t.soonest(x.since + days(m.HorizonDays)) // then the conversation is known from a later message on
		weight += int64(min(x.depth, maxWeight))
		total := scale(int64(r.Points), uint64(weight), uint64(weight)+uint64(r.HalfAt))
		t.terms = append(t.terms, term{total - given, x.again.Occurred.UnixMilli()})
		given = total
		for _, a := range []*social.Activity{x.asked, x.answered, x.again} {
			if !seen[a] {
				seen[a] = true
				based = append(based, a)
			}
		}
	}
	slices.SortFunc(based, compare)
	t.evidence = evidence(based)
	t.soonest(t.terms[0].at + days(w))
	t.head = fmt.Sprintf("%s of dialogue in %s in the last %s, at most %s deep, weight %d%s",
		count(len(all), "round", "rounds"), count(len(threads), "conversation", "conversations"), lastDays(w),
		count(deepest, "round", "rounds"), weight, latest(len(based)))
	return t, true
}

// rounds finds the rounds of dialogue, in the order in which they were
// closed. Messages belong to the same conversation if they name it, or if one
// replies to the other.
func rounds(h history) []round {
	var said []*social.Activity
	for _, a := range h.own {
		if a.Type.Utterance() {
			said = append(said, a)
		}
	}
	said = append(said, h.answers...)
	slices.SortFunc(said, compare)

	parent := map[objectKey]objectKey{}
	find := func(k objectKey) objectKey {
		for {
			p, ok := parent[k]
			if !ok {
				return k
			}
			if next, ok := parent[p]; ok {
				parent[k] = next
			}
			k = p
		}
	}
	join := func(a, b objectKey) {
		if a, b = find(a), find(b); a != b {
			parent[a] = b
		}
	}
	known := make(map[objectKey]bool, len(said))
	for _, a := range said {
		known[objectOf(a)] = true
	}
	for _, a := range said {
		if a.Conversation != "" {
			join(objectOf(a), objectKey{a.Platform, a.Scope, a.Conversation})
		}
		if a.InReplyTo != "" && known[repliedTo(a)] {
			join(objectOf(a), repliedTo(a))
		}
	}

	type state struct {
		asked, answered *social.Activity
		depth           int
		since           int64
	}
	states := map[objectKey]*state{}
	var out []round
	for _, a := range said {
		key := find(objectOf(a))
		s := states[key]
		if s == nil {
			s = &state{since: a.Occurred.UnixMilli()}
			states[key] = s
		}
		switch {
		case a.Direction == social.Outbound:
			if s.asked != nil {
				s.answered = a
			}
		default:
			if s.answered != nil {
				s.depth++
				out = append(out, round{s.depth, s.since, key, s.asked, s.answered, a})
			}
			s.asked, s.answered = a, nil
		}
	}
	return out
}

func tallyPattern(r *Rule, found map[*When][]*social.Activity, now int64) (tally, bool) {
	var t tally
	var labels []string
	var based []*social.Activity
	for i := range r.Behaviours {
		b := &r.Behaviours[i]
		list := found[&b.When]
		if len(list) == 0 {
			continue
		}
		last := list[len(list)-1]
		labels = append(labels, b.Label)
		t.soonest(last.Occurred.UnixMilli() + days(r.WithinDays))
		if !slices.Contains(based, last) {
			based = append(based, last)
		}
	}
	if len(labels) < r.AtLeast {
		return tally{}, false
	}
	slices.SortFunc(based, compare)
	t.evidence = evidence(based)
	t.terms = []term{{int64(r.Points), now}}
	t.head = fmt.Sprintf("%d of %d behaviours in the last %s (at least %d needed): %s",
		len(labels), len(r.Behaviours), lastDays(r.WithinDays), r.AtLeast, strings.Join(labels, ", "))
	return t, true
}

func tallyRate(r *Rule, found, own []*social.Activity, now int64) (tally, bool) {
	recent, span := days(r.RecentDays), days(r.RecentDays+r.BaseDays)
	b := sort.Search(len(found), func(i int) bool { return found[i].Occurred.UnixMilli() > now-recent })
	k := len(found) - b
	if k == 0 {
		return tally{}, false
	}
	t := tally{evidence: evidence(found[b:])}
	t.soonest(found[b].Occurred.UnixMilli() + recent)
	head := fmt.Sprintf("%s in the last %s", count(k, r.Label.One, r.Label.Many), lastDays(r.RecentDays)) + latest(k)
	first := own[0].Occurred.UnixMilli()
	if first > now-span {
		t.soonest(first + span)
		t.head = fmt.Sprintf("not enough data: %s, known for %s of the %d needed", head, count(int((now-first)/days(1)), "day", "days"), r.RecentDays+r.BaseDays)
		return t, true
	}
	if b > 0 {
		t.soonest(found[0].Occurred.UnixMilli() + span)
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
	t.terms = []term{{int64(r.Points), now}}
	return t, true
}

// reason is the sentence for what t's rule gave.
func (t *tally) reason(m *Model, a amount) string {
	r := t.rule
	s := t.head + ", " + points(a.raw)
	if d := r.Decay; d != nil && d.HalfLifeDays > 0 {
		s += fmt.Sprintf(" after decay (half-life %s)", count(d.HalfLifeDays, "day", "days"))
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

// evidence returns the keys of the latest activities of a list in order of time.
func evidence(list []*social.Activity) []string {
	list = list[max(0, len(list)-maxEvidence):]
	keys := make([]string, len(list))
	for i, a := range list {
		keys[i] = a.Key
	}
	sort.Strings(keys)
	return keys
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
