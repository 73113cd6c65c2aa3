package conversationtest

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/social"
)

// Pair is an answer by a human and the message of an asker's that it is to.
type Pair struct {
	Thread, Asker   string
	Message, Answer string    // keys of activities
	Started         time.Time // the asker's first message in the thread
	Asked, Answered time.Time
}

// Seconds is how long the answer took.
func (p Pair) Seconds() float64 { return max(0, p.Answered.Sub(p.Asked).Seconds()) }

// Pairs says who was answered by what in activities as they are exported, of
// which none was edited or deleted. It knows nothing of package conversation:
// it was written from the rule (docs/decisions/0026) to hold that to it.
func Pairs(as []social.Activity) []Pair {
	message := map[string]social.Activity{}
	place := func(a social.Activity, id string) string { return string(a.Platform) + " " + a.Scope + " " + id }
	for _, a := range as {
		if a.Type.Utterance() {
			message[place(a, a.Object.ID)] = a
		}
	}
	threads := map[string][]social.Activity{}
	for _, a := range message {
		thread := a.Conversation
		for root := a; thread == ""; {
			parent, ok := message[place(root, root.InReplyTo)]
			if !ok {
				thread = "tree " + cmp.Or(root.InReplyTo, root.Object.ID)
			}
			root = parent
		}
		threads[place(a, thread)] = append(threads[place(a, thread)], a)
	}
	var out []Pair
	for thread, said := range threads {
		slices.SortFunc(said, func(a, b social.Activity) int { // what the business says follows all of its second
			return cmp.Or(cmp.Compare(a.Occurred.Unix(), b.Occurred.Unix()), cmp.Compare(a.Direction, b.Direction), a.Occurred.Compare(b.Occurred), cmp.Compare(a.ID(), b.ID()))
		})
		started := map[string]time.Time{}
		for _, a := range slices.Backward(said) {
			started[a.Actor.ID] = a.Occurred
		}
		for i, r := range said {
			if r.Direction != social.Outbound || r.Automatic {
				continue
			}
			var to []social.Activity
			if m, ok := message[place(r, r.InReplyTo)]; r.Conversation != "" {
				to = answeredBy(r, said[max(0, i-50):i], m) // m: none, if it names none
			} else if ok && m.Direction == social.Inbound && !m.Occurred.After(r.Occurred.Add(time.Minute)) {
				to = []social.Activity{m}
			}
			for _, m := range to {
				out = append(out, Pair{thread, m.Actor.ID, m.Key, r.Key, started[m.Actor.ID], m.Occurred, r.Occurred})
			}
		}
	}
	return out
}

// answeredBy returns what an answer is to in a thread that the platform names,
// by the 50 messages before it and the one that it names.
func answeredBy(r social.Activity, before []social.Activity, named social.Activity) []social.Activity {
	said, newest, waits := map[string]social.Activity{}, map[string]social.Activity{}, map[string]social.Activity{} // by id; by asker
	answered, heard, spoke := map[string]bool{}, map[string]bool{}, false                                           // message; asker; the business
	names, at := map[string]bool{}, map[string]int{}                                                                // at: which of before a message is
	to := func(r, named social.Activity) (to []social.Activity) {
		_, near := said[named.Object.ID]
		root := !near && names[r.InReplyTo] && named.Occurred.Before(before[0].Occurred) // of long ago, and others name it too
		names[r.InReplyTo] = true
		delete(names, "")
		isNamed := named.Direction == social.Inbound && !named.Occurred.After(r.Occurred.Add(time.Minute))
		switch m, waiting := waits[named.Actor.ID]; {
		case r.Flat || r.Type == social.Message:
		case len(names) > 1 && !isNamed: // a tree
			return nil
		case len(names) > 1, isNamed && !answered[named.Key] && !root:
			return []social.Activity{named}
		case isNamed && waiting && !root:
			return []social.Activity{m}
		}
		for _, id := range r.Addressed {
			if m, ok := newest[id]; ok {
				to = append(to, m)
			}
		}
		if len(to) > 0 {
			return to
		}
		from := newest
		if len(newest) > 1 && len(waits) > 0 {
			from = waits
		}
		for asker := range from {
			if m := newest[asker]; len(to) == 0 || at[m.Key] > at[to[0].Key] {
				to = []social.Activity{m}
			}
		}
		return to
	}
	for i, m := range before {
		asker := m.Actor.ID
		if m.Direction == social.Outbound {
			for _, q := range to(m, said[m.InReplyTo]) {
				if heard[q.Actor.ID] = true; !m.Automatic {
					answered[q.Key] = true
					delete(waits, q.Actor.ID)
				}
			}
			spoke = true
		} else {
			parent, ok := said[m.InReplyTo]
			among := ok && parent.Direction == social.Inbound && parent.Actor.ID != asker
			after := heard[asker] || ok && parent.Direction == social.Outbound || spoke && (m.Flat || m.Type == social.Message)
			if w, waiting := waits[asker]; waiting && thanks(m) {
				for j, o := range before[:i] { // for what somebody else said since, or for what they name
					named := ok && !m.Flat && parent.Actor.ID != asker && !parent.Automatic
					if o.Actor.ID != asker && !o.Automatic && at[w.Key] < j && (!named || o.Key == parent.Key) {
						delete(waits, asker)
					}
				}
			}
			if newest[asker] = m; !m.Automatic && asks(m.Reading, after && !among) {
				waits[asker] = m
			}
		}
		said[m.Object.ID], at[m.Key] = m, i
		names[m.InReplyTo] = true
	}
	return to(r, named)
}

// asks reports whether words need an answer, and thanks whether they are
// thanks, or say that it is done.
func asks(r social.Reading, after bool) bool {
	switch {
	case r.NeedsAnswer == 0 && r.NeedsAnswerAfter == 0:
		return r.Intent != social.IntentSpam && r.Intent != social.IntentPraise && r.Intent != social.IntentClosing && r.Intent != social.IntentChatter
	case after:
		return r.NeedsAnswerAfter >= 0.4
	}
	return r.NeedsAnswer >= 0.4
}

func thanks(a social.Activity) bool {
	return !asks(a.Reading, true) && (a.Intent == social.IntentClosing || a.Intent == social.IntentPraise)
}

// Seconds are the three response times of pairs: of each, of the first to each
// message, and of each asker in a thread from the first message to the first answer.
func Seconds(pairs []Pair) [3][]float64 {
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(a.Answered.Compare(b.Answered), cmp.Compare(a.Answer, b.Answer))
	})
	var out [3][]float64
	message, asker := map[string]bool{}, map[[2]string]bool{}
	for _, p := range pairs {
		out[0] = append(out[0], p.Seconds())
		if !message[p.Message] {
			out[1] = append(out[1], p.Seconds())
		}
		if !asker[[2]string{p.Thread, p.Asker}] {
			out[2] = append(out[2], max(0, p.Answered.Sub(p.Started).Seconds()))
		}
		message[p.Message], asker[[2]string{p.Thread, p.Asker}] = true, true
	}
	return out
}
