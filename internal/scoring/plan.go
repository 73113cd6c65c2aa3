package scoring

import (
	"fmt"
	"math/bits"
	"slices"
)

// plan is a model made ready: its conditions, each once.
type plan struct {
	conditions []condition
	memos      int   // how many memos a view needs
	reads      reads // what the conditions ask for
	dialogue   bool  // whether a rule asks for rounds of dialogue
}

// condition selects activities young enough for its rule.
type condition struct {
	*When
	window int64 // milliseconds
}

// set is a set of conditions, of which there are at most maxConditions.
type set [(maxConditions + 63) / 64]uint64

func (s *set) add(i int) { s[i/64] |= 1 << (i % 64) }

// newPlan numbers the conditions of m; equal ones have the same number.
func newPlan(m *Model, memos memos) *plan {
	p := &plan{memos: len(memos.numbers)}
	numbers := map[string]int{}
	add := func(w *When, window int) {
		text := fmt.Sprintf("%d %q %q %q", window, w.Types, w.Platforms, w.Expr)
		n, ok := numbers[text]
		if !ok {
			n = len(p.conditions)
			numbers[text] = n
			p.conditions = append(p.conditions, condition{w, days(window)})
			p.reads |= w.program.reads
		}
		w.number = n
	}
	for i := range m.Rules {
		r := &m.Rules[i]
		switch r.Kind {
		case ActivityRule:
			add(r.When, r.window(m))
		case DialogueRule:
			p.dialogue = true
		case PatternRule:
			for j := range r.Behaviours {
				if r.Behaviours[j].Rule == "" {
					add(&r.Behaviours[j].When, r.WithinDays)
				}
			}
		case RateRule:
			add(r.When, r.RecentDays+r.BaseDays)
		}
	}
	return p
}

// narrow blanks what no condition asks for, so that more activities share a shape.
func (p *plan) narrow(s *shape) {
	if p.reads&readsScope == 0 {
		s.scope = ""
	}
	if p.reads&readsObjectType == 0 {
		s.objectType = ""
	}
	if p.reads&readsIntent == 0 {
		s.intent = ""
	}
	if p.reads&readsSentiment == 0 {
		s.sentiment = ""
	}
	if p.reads&readsLanguage == 0 {
		s.language = ""
	}
	if p.reads&readsReaction == 0 {
		s.reaction = ""
	}
	if p.reads&readsIsReply == 0 {
		s.isReply = false
	}
}

// verdict is what can be said of all activities of a shape.
type verdict struct {
	holds set // the conditions that hold
	open  set // those that hold if their expression does, which asks for more
}

func (p *plan) judge(s shape) verdict {
	var out verdict
	v := view{shape: s, memos: make([]memo, p.memos)}
	for i, c := range p.conditions {
		switch {
		case len(c.Types) > 0 && !slices.Contains(c.Types, s.typ) || len(c.Platforms) > 0 && !slices.Contains(c.Platforms, s.platform):
		case c.program.reads&readsMore != 0:
			out.open.add(i)
		case c.program.holds == nil || c.program.holds(&v):
			out.holds.add(i)
		}
	}
	return out
}

// sift returns for each condition the activities it selects, by their
// positions in own, which is in order of time. What a condition says of an
// activity's shape is worked out once for each shape.
func (p *plan) sift(s source, own []act, now int64) [][]int32 {
	if len(p.conditions) == 0 {
		return nil
	}
	numbers, verdicts := map[shape]int32{}, []verdict(nil)
	v := view{memos: make([]memo, p.memos)}
	held := make([]set, len(own))
	counts := make([]int, len(p.conditions))
	for i := range own {
		a := &own[i]
		look := s.shape(int(a.source), int(a.reading))
		p.narrow(&look)
		n, ok := numbers[look]
		if !ok {
			n = int32(len(verdicts))
			numbers[look] = n
			verdicts = append(verdicts, p.judge(look))
		}
		holds, ready := verdicts[n].holds, false
		for w, word := range verdicts[n].open {
			for ; word != 0; word &= word - 1 {
				c := w*64 + bits.TrailingZeros64(word)
				if a.at <= now-p.conditions[c].window {
					continue
				}
				if !ready {
					v.shape, v.at, v.rest, ready = look, a.at, s.rest(int(a.source), int(a.reading)), true
					v.rest.Text = cut(v.rest.Text)
					if p.reads&readsSubject != 0 {
						v.subject = s.subject(int(a.reading))
					}
					clear(v.memos)
				}
				if p.conditions[c].program.holds(&v) {
					holds.add(c)
				}
			}
		}
		for w, word := range holds {
			for ; word != 0; word &= word - 1 {
				c := w*64 + bits.TrailingZeros64(word)
				if a.at > now-p.conditions[c].window {
					held[i].add(c)
					counts[c]++
				}
			}
		}
	}

	total := 0
	for _, n := range counts {
		total += n
	}
	room := make([]int32, 0, total)
	out := make([][]int32, len(counts))
	for c, n := range counts {
		out[c] = room[len(room) : len(room) : len(room)+n]
		room = room[:len(room)+n]
	}
	for i := range held {
		for w, word := range held[i] {
			for ; word != 0; word &= word - 1 {
				c := w*64 + bits.TrailingZeros64(word)
				out[c] = append(out[c], int32(i))
			}
		}
	}
	return out
}
