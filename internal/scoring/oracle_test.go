package scoring

import (
	"cmp"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// This file is the first engine, kept as it was and as the reference that the
// present one is compared with: facts as they come, one expression machine,
// every sum added up term by term. It differs in one thing from what it was:
// facts of the same millisecond are in order of their ids' hashes rather than
// of their keys. And it knows no horizon but for windows: see
// TestEngineEqualsTheReference.

func oldCompare(a, b *social.Activity) int {
	return cmp.Or(cmp.Compare(a.Occurred.UnixMilli(), b.Occurred.UnixMilli()), cmp.Compare(hashOf(a.Key), hashOf(b.Key)), compare(a, b))
}

func oldCompile(source string) *vm.Program {
	p, err := expr.Compile(source, expr.Env(&oldFields{}), expr.AsBool(), expr.MaxNodes(maxNodes),
		expr.DisableAllBuiltins(), expr.EnableBuiltin("len"), expr.EnableBuiltin("lower"), expr.EnableBuiltin("upper"), expr.EnableBuiltin("trim"))
	if err != nil {
		panic(err) // ParseModel compiled it
	}
	return p
}

func oldEvaluate(m Model, facts []social.Activity, asOf time.Time) (Score, error) {
	asOf = social.Instant(asOf)
	if y := asOf.Year(); y < 1990 || y > 2999 {
		return Score{}, fault.New(fault.Invalid, "a score as of the year %d", y)
	}
	now := asOf.UnixMilli()
	h, err := oldSettle(facts, now)
	if err != nil {
		return Score{}, err
	}
	tallies, err := oldTallyAll(&m, h, now)
	if err != nil {
		return Score{}, err
	}

	s := Score{Model: fmt.Sprintf("%s@%d", m.ID, m.Version), AsOf: asOf, Fit: Unknown}
	for i, a := range oldAmounts(&m, tallies, now) {
		t := &tallies[i]
		s.Micro += a.final
		s.Contributions = append(s.Contributions, Contribution{
			Rule: t.rule.ID, Micro: a.final, Reason: t.reason(&m, a), Evidence: t.evidence,
		})
	}
	slices.SortFunc(s.Contributions, func(a, b Contribution) int {
		return cmp.Or(-cmp.Compare(magnitude(a.Micro), magnitude(b.Micro)), cmp.Compare(a.Rule, b.Rule))
	})
	s.Engagement = m.engagement(s.Micro)
	s.Grade = fmt.Sprintf("?%d", s.Engagement)
	if next := oldNextChange(&m, tallies, now, s.Engagement); next != 0 {
		s.NextChange = time.UnixMilli(next).UTC()
	}
	return s, nil
}

type oldAmount struct {
	raw    int64 // after decay
	capped int64 // within the rule's cap
	final  int64 // within its group's cap
}

func oldAmounts(m *Model, tallies []oldTally, t int64) []oldAmount {
	out := make([]oldAmount, len(tallies))
	left := make(map[string]int64, len(m.Groups))
	for _, g := range m.Groups {
		left[g.ID] = int64(g.Cap)
	}
	for i := range tallies {
		r, a := tallies[i].rule, &out[i]
		for _, x := range tallies[i].terms {
			a.raw += r.Decay.oldValue(x.micro, t-x.at)
		}
		a.capped = a.raw
		if r.Cap != 0 {
			a.capped = atMost(a.raw, int64(r.Cap))
		}
		a.final = a.capped
		if r.Group != "" {
			a.final = atMost(a.capped, left[r.Group])
			left[r.Group] -= int64(magnitude(a.final))
		}
	}
	return out
}

func (d *Decay) oldValue(micro, age int64) int64 {
	switch {
	case d == nil:
		return micro
	case d.HalfLifeDays > 0:
		return oldHalving(micro, age, days(d.HalfLifeDays))
	case d.EveryDays > 0:
		for range age / days(d.EveryDays) {
			left := new(big.Int).Mul(big.NewInt(micro), big.NewInt(int64(d.Factor)))
			micro = left.Quo(left, big.NewInt(million)).Int64()
		}
		return micro
	}
	return fading(micro, age, days(d.ExpiresDays))
}

const oldSearchSteps = 400

func oldNextChange(m *Model, tallies []oldTally, now int64, engagement int) int64 {
	var edge int64
	for i := range tallies {
		if e := tallies[i].edge; e != 0 && (edge == 0 || e < edge) {
			edge = e
		}
	}
	if edge == 0 || edge == now+1 {
		return edge
	}
	steps := 0
	type point struct{ at, up, down int64 }
	measure := func(at int64) point {
		steps++
		p := point{at: at}
		for _, a := range oldAmounts(m, tallies, at) {
			p.up += max(a.final, 0)
			p.down += min(a.final, 0)
		}
		return p
	}
	var search func(a, b point) int64
	search = func(a, b point) int64 {
		if m.engagement(b.up+a.down) == engagement && m.engagement(a.up+b.down) == engagement {
			return 0
		}
		if m.engagement(a.up+a.down) != engagement || steps > oldSearchSteps {
			return a.at
		}
		if b.at-a.at <= 1 {
			if m.engagement(b.up+b.down) != engagement {
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

type oldHistory struct {
	own     []*social.Activity
	answers []*social.Activity // the business's utterances in reply to own ones
}

type oldReaction struct {
	object objectKey
	actor  string
}

func oldSettle(facts []social.Activity, asOf int64) (oldHistory, error) {
	if len(facts) > maxFacts {
		return oldHistory{}, fault.New(fault.TooLarge, "%d facts of one person, at most %d are read", len(facts), maxFacts)
	}
	all := make([]*social.Activity, 0, len(facts))
	for i := range facts {
		a := &facts[i]
		if err := a.Validate(); err != nil {
			return oldHistory{}, fault.Wrap(fault.Invalid, err, "a fact is invalid")
		}
		if len(a.Text) > maxText || max(len(a.Key), len(a.Scope), len(a.Actor.ID), len(a.Actor.Handle), len(a.Actor.Name),
			len(a.Object.ID), len(a.Object.Type), len(a.InReplyTo), len(a.Conversation), len(a.URL)) > maxField {
			return oldHistory{}, fault.New(fault.TooLarge, "activity %q has a text over %d or another field over %d bytes", clip(a.Key), maxText, maxField)
		}
		if a.Occurred.UnixMilli() <= asOf {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, oldCompare)

	seen := make(map[string]bool, len(all))
	once := all[:0]
	deleted, edits, unreacts := map[objectKey]bool{}, map[objectKey]*social.Activity{}, map[oldReaction]int64{}
	for _, a := range all {
		if seen[a.Key] {
			continue
		}
		seen[a.Key] = true
		switch a.Type {
		case social.Delete:
			deleted[objectOf(a)] = true
		case social.Edit:
			edits[objectOf(a)] = a
		case social.Unreact:
			unreacts[oldReaction{objectOf(a), a.Actor.ID}] = a.Occurred.UnixMilli()
		default:
			if !a.Type.Closing() && !(a.Automatic && a.Direction == social.Inbound) {
				once = append(once, a)
			}
		}
	}

	var h oldHistory
	said := map[objectKey]bool{}
	var outbound []*social.Activity
	for _, a := range once {
		switch {
		case a.Type.Utterance():
			key := objectOf(a)
			if deleted[key] {
				continue
			}
			if e := edits[key]; e != nil {
				changed := *a
				changed.Text, changed.Language, changed.Sentiment, changed.Intent = e.Text, e.Language, e.Sentiment, e.Intent
				a = &changed
			}
			if a.Direction == social.Inbound {
				said[key] = true
			} else {
				outbound = append(outbound, a)
			}
		case a.Type == social.React:
			if until, ok := unreacts[oldReaction{objectOf(a), a.Actor.ID}]; ok && a.Occurred.UnixMilli() <= until {
				continue
			}
		}
		if a.Direction == social.Inbound {
			h.own = append(h.own, a)
		}
	}
	wrote := map[objectKey]bool{} // conversations
	for _, a := range h.own {
		if a.Type.Utterance() && a.Conversation != "" {
			wrote[objectKey{a.Platform, a.Scope, a.Conversation}] = true
		}
	}
	for _, a := range outbound {
		there := a.Conversation != "" && wrote[objectKey{a.Platform, a.Scope, a.Conversation}]
		if a.InReplyTo != "" && said[repliedTo(a)] || there && (a.InReplyTo == "" || a.Type == social.Message) {
			h.answers = append(h.answers, a)
		}
	}
	return h, nil
}

type oldTally struct {
	rule     *Rule
	terms    []oldTerm
	head     string   // the beginning of the reason
	evidence []string // sorted keys
	edge     int64    // when, in milliseconds, what was found first changes by itself
}

type oldTerm struct{ micro, at int64 }

func (t *oldTally) soonest(at int64) {
	if t.edge == 0 || at < t.edge {
		t.edge = at
	}
}

func oldTallyAll(m *Model, h oldHistory, now int64) ([]oldTally, error) {
	found, err := oldSift(m, h.own, now)
	if err != nil {
		return nil, err
	}
	var out []oldTally
	for i := range m.Rules {
		r := &m.Rules[i]
		t, ok := oldTally{}, false
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

func oldSift(m *Model, own []*social.Activity, now int64) (map[*When][]*social.Activity, error) {
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

	programs := map[string]*vm.Program{}
	program := func(source string) *vm.Program {
		if programs[source] == nil {
			programs[source] = oldCompile(source)
		}
		return programs[source]
	}
	machine := vm.VM{MemoryBudget: 10_000}
	var env oldFields
	for _, a := range own {
		at, ready := a.Occurred.UnixMilli(), false
		for _, c := range list {
			if at <= c.since || len(c.Types) > 0 && !slices.Contains(c.Types, a.Type) || len(c.Platforms) > 0 && !slices.Contains(c.Platforms, a.Platform) {
				continue
			}
			if c.Expr != "" {
				if !ready {
					env.set(a)
					ready = true
				}
				v, err := machine.Run(program(c.Expr), &env)
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

func tallyActivities(r *Rule, m *Model, found []*social.Activity, now int64) (oldTally, bool) {
	if len(found) == 0 {
		return oldTally{}, false
	}
	w := r.window(m)
	t := oldTally{terms: make([]oldTerm, len(found)), evidence: oldEvidence(found)}
	for i, a := range found {
		t.terms[i] = oldTerm{int64(r.Points), a.Occurred.UnixMilli()}
	}
	t.soonest(t.terms[0].at + days(w))
	held := r.CapPer != nil && oldHold(t.terms, int64(r.CapPer.Points), days(r.CapPer.Days))
	t.head = fmt.Sprintf("%s in the last %s", count(len(found), r.Label.One, r.Label.Many), lastDays(w)) + latest(len(found))
	if held {
		t.head += fmt.Sprintf(", at most %s per %s", Decimal(int64(r.CapPer.Points)), lastDays(r.CapPer.Days))
	}
	return t, true
}

func oldHold(terms []oldTerm, limit, span int64) bool {
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

type oldRound struct {
	depth                  int // 1 for the first oldRound of its conversation
	thread                 objectKey
	asked, answered, again *social.Activity
}

func tallyDialogue(r *Rule, m *Model, h oldHistory, now int64) (oldTally, bool) {
	w := r.window(m)
	all := oldRounds(h)
	all = all[sort.Search(len(all), func(i int) bool { return all[i].again.Occurred.UnixMilli() > now-days(w) }):]
	if len(all) == 0 {
		return oldTally{}, false
	}
	var t oldTally
	threads := map[objectKey]bool{}
	seen := map[*social.Activity]bool{}
	var based []*social.Activity
	var weight, given int64
	deepest := 0
	for _, x := range all {
		threads[x.thread] = true
		deepest = max(deepest, x.depth)
		weight += int64(min(x.depth, maxWeight))
		total := scale(int64(r.Points), uint64(weight), uint64(weight)+uint64(r.HalfAt))
		t.terms = append(t.terms, oldTerm{total - given, x.again.Occurred.UnixMilli()})
		given = total
		for _, a := range []*social.Activity{x.asked, x.answered, x.again} {
			if !seen[a] {
				seen[a] = true
				based = append(based, a)
			}
		}
	}
	slices.SortFunc(based, oldCompare)
	t.evidence = oldEvidence(based)
	t.soonest(t.terms[0].at + days(w))
	t.head = fmt.Sprintf("%s of dialogue in %s in the last %s, at most %s deep, weight %d%s",
		count(len(all), "round", "rounds"), count(len(threads), "conversation", "conversations"), lastDays(w),
		count(deepest, "round", "rounds"), weight, latest(len(based)))
	return t, true
}

func oldRounds(h oldHistory) []oldRound {
	var said []*social.Activity
	for _, a := range h.own {
		if a.Type.Utterance() {
			said = append(said, a)
		}
	}
	said = append(said, h.answers...)
	slices.SortFunc(said, oldCompare)

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
	}
	states := map[objectKey]*state{}
	var out []oldRound
	for _, a := range said {
		key := find(objectOf(a))
		s := states[key]
		if s == nil {
			s = &state{}
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
				out = append(out, oldRound{s.depth, key, s.asked, s.answered, a})
			}
			s.asked, s.answered = a, nil
		}
	}
	return out
}

func tallyPattern(r *Rule, found map[*When][]*social.Activity, now int64) (oldTally, bool) {
	var t oldTally
	var labels []string
	var based []*social.Activity
	for i := range r.Behaviours {
		b := &r.Behaviours[i]
		list := found[&b.When]
		n := max(1, b.AtLeast)
		if len(list) < n {
			continue
		}
		list = list[len(list)-n:]
		labels = append(labels, b.Label)
		t.soonest(list[0].Occurred.UnixMilli() + days(r.WithinDays))
		for _, last := range list {
			if !slices.Contains(based, last) {
				based = append(based, last)
			}
		}
	}
	if len(labels) < r.AtLeast {
		return oldTally{}, false
	}
	slices.SortFunc(based, oldCompare)
	t.evidence = oldEvidence(based)
	t.terms = []oldTerm{{int64(r.Points), now}}
	t.head = fmt.Sprintf("%d of %d behaviours in the last %s (at least %d needed): %s",
		len(labels), len(r.Behaviours), lastDays(r.WithinDays), r.AtLeast, strings.Join(labels, ", "))
	return t, true
}

func tallyRate(r *Rule, found, own []*social.Activity, now int64) (oldTally, bool) {
	recent, span := days(r.RecentDays), days(r.RecentDays+r.BaseDays)
	b := sort.Search(len(found), func(i int) bool { return found[i].Occurred.UnixMilli() > now-recent })
	k := len(found) - b
	if k == 0 {
		return oldTally{}, false
	}
	t := oldTally{evidence: oldEvidence(found[b:])}
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
	p := oldTail(k, k+b, r.RecentDays, r.RecentDays+r.BaseDays)
	head += fmt.Sprintf(" against %d in the %s before, %s", b, count(r.BaseDays, "day", "days"), writeP(p))
	if !below(p, int64(r.PBelow)) {
		t.head = fmt.Sprintf("%s (not below %s): no more than usual", head, Decimal(int64(r.PBelow)))
		return t, true
	}
	t.head = fmt.Sprintf("%s (below %s): more than usual", head, Decimal(int64(r.PBelow)))
	t.terms = []oldTerm{{int64(r.Points), now}}
	return t, true
}

func (t *oldTally) reason(m *Model, a oldAmount) string {
	r := t.rule
	s := t.head + ", " + points(a.raw)
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

func oldEvidence(list []*social.Activity) []string {
	list = list[max(0, len(list)-maxEvidence):]
	keys := make([]string, len(list))
	for i, a := range list {
		keys[i] = a.Key
	}
	sort.Strings(keys)
	return keys
}

type oldFields struct {
	Type       string `expr:"type"`
	Platform   string `expr:"platform"`
	Scope      string `expr:"scope"`
	Text       string `expr:"text"`
	Intent     string `expr:"intent"`
	Sentiment  string `expr:"sentiment"`
	Language   string `expr:"language"`
	Subject    string `expr:"subject"`
	URL        string `expr:"url"`
	ObjectType string `expr:"object_type"`
	Handle     string `expr:"handle"`
	Name       string `expr:"name"`
	IsReply    bool   `expr:"is_reply"`
	Hour       int    `expr:"hour"`
	Weekday    int    `expr:"weekday"`
}

func (f *oldFields) set(a *social.Activity) {
	text := a.Text
	if len(text) > conditionText {
		text = strings.ToValidUTF8(text[:conditionText], "")
	}
	when := a.Occurred.UTC()
	*f = oldFields{
		Type: string(a.Type), Platform: string(a.Platform), Scope: a.Scope, Text: text,
		Intent: a.Intent, Sentiment: a.Sentiment, Language: a.Language, Subject: subjectOf(a.Text), URL: a.URL, ObjectType: a.Object.Type,
		Handle: a.Actor.Handle, Name: a.Actor.Name, IsReply: a.InReplyTo != "",
		Hour: when.Hour(), Weekday: (int(when.Weekday())+6)%7 + 1,
	}
}

func oldHalving(micro, age, halfLife int64) int64 {
	whole := uint64(age / halfLife)
	if whole > 62 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(age%halfLife), 1<<32)
	fraction, _ := bits.Div64(hi, lo, uint64(halfLife))
	v := magnitude(micro)
	if fraction != 0 {
		factor := ^uint64(0)
		for i := 0; i < 32; i++ {
			if fraction&(1<<(31-i)) != 0 {
				factor, _ = bits.Mul64(factor, roots[i])
			}
		}
		v, _ = bits.Mul64(v, factor)
	}
	return signed(v>>whole, micro)
}

func oldTail(k, n, part, whole int) *big.Float {
	float := func(v int) *big.Float { return new(big.Float).SetPrec(precision).SetInt64(int64(v)) }
	// The probability of exactly k, factor by factor: C(n,k) q^k (1-q)^(n-k).
	one := float(1)
	yes, no := float(part), float(whole-part)
	for i := 1; i <= k; i++ {
		one.Mul(one, float(n-k+i)).Quo(one, float(i)).Mul(one, yes).Quo(one, float(whole))
	}
	for i := 0; i < n-k; i++ {
		one.Mul(one, no).Quo(one, float(whole))
	}
	sum := new(big.Float).SetPrec(precision).Set(one)
	for i := k + 1; i <= n; i++ {
		one.Mul(one, float(n-i+1)).Quo(one, float(i)).Mul(one, yes).Quo(one, no)
		// Past the mean the terms shrink ever faster; those 150 bits below the sum don't matter.
		if sum.MantExp(nil)-one.MantExp(nil) > 150 && i*whole > n*part {
			break
		}
		sum.Add(sum, one)
	}
	return sum
}

// oldTry is oldCompile of a source that expr may refuse; then it is nil.
func oldTry(source string) (p *vm.Program) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	return oldCompile(source)
}
