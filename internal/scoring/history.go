package scoring

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// maxFacts is how many facts of a person Evaluate reads within the horizon.
const maxFacts = 100_000

// source is what the facts of a score come from: activities or records. Each
// fact is named by its position.
type source interface {
	len() int
	check(i int) error // why the fact can't be read
	at(i int) int64    // milliseconds
	typ(i int) social.Type
	inbound(i int) bool
	automatic(i int) bool

	id(i int) uint64 // the hashes of the fact's record
	object(i int) uint64
	inReplyTo(i int) uint64
	conversation(i int) uint64
	actor(i int) uint64

	compare(i, j int) int       // orders facts that share time and id
	shape(i, reading int) shape // what conditions see of it, with the reading of another fact
	subject(i int) string       // what its text is about
	rest(i, reading int) Rest   // the texts that conditions see
	name(i int) string          // how evidence names it
}

// act is one fact on its way through an evaluation.
type act struct {
	at      int64  // milliseconds
	id      uint64 // the record's
	source  int32  // its position
	reading int32  // the position of the fact that has its text as it reads now: its own, or that of its latest edit
}

// history is what one person did within the horizon, in order of time and
// id, with edits, deletions and taken-back reactions applied.
type history struct {
	own   []act
	first int64 // when the person did the first thing that still stands, be it before the horizon

	// Where a rule asks for dialogue:
	talk    []message // what the person and the business said to one another
	rounds  []round   // in the order in which they were closed
	numbers int       // conversations have numbers below this

	// edge is the first instant, in milliseconds, at which a conversation with
	// rounds loses a message to the horizon; 0 is never.
	edge int64
}

type reaction struct{ object, actor uint64 }

// settle applies the facts up to now to one another; the horizon begins after
// since, and both are in milliseconds. Neither the order nor repetitions of
// facts matter. It fails for facts that are invalid or over a bound.
//
// A deletion removes the utterance whenever it came. The latest edit gives
// the text and its reading. An unreact takes back the account's reactions to
// the object up to its own instant.
func settle(s source, since, now int64, dialogue bool) (history, error) {
	all := make([]act, 0, s.len())
	young, sorted := 0, true
	for i := range s.len() {
		if err := s.check(i); err != nil {
			return history{}, err
		}
		a := act{at: s.at(i), source: int32(i), reading: int32(i)}
		if a.at > now {
			continue
		}
		if a.at > since {
			young++
		}
		a.id = s.id(i)
		if n := len(all); n > 0 {
			sorted = sorted && (all[n-1].at < a.at || all[n-1].at == a.at && all[n-1].id < a.id)
		}
		all = append(all, a)
	}
	if young > maxFacts {
		return history{}, fault.New(fault.TooLarge, "%d facts of one person within the horizon, at most %d are read", young, maxFacts)
	}
	if !sorted {
		slices.SortFunc(all, func(a, b act) int {
			if c := cmp.Compare(a.at, b.at); c != 0 {
				return c
			}
			if c := cmp.Compare(a.id, b.id); c != 0 {
				return c
			}
			return s.compare(int(a.source), int(b.source))
		})
	}

	seen := make(map[uint64]struct{}, len(all))
	once := all[:0]
	utterances := 0
	deleted, edits, unreacts := map[uint64]bool{}, map[uint64]int32{}, map[reaction]int64{}
	for _, a := range all {
		before := len(seen)
		if seen[a.id] = struct{}{}; len(seen) == before {
			continue
		}
		i := int(a.source)
		switch typ := s.typ(i); typ {
		case social.Delete:
			deleted[s.object(i)] = true
		case social.Edit:
			edits[s.object(i)] = a.source
		case social.Unreact:
			unreacts[reaction{s.object(i), s.actor(i)}] = a.at
		case social.Close, social.Reopen, social.Accept:
			// Nobody's engagement.
		default:
			if s.inbound(i) && s.automatic(i) {
				continue // nor is what no human did
			}
			once = append(once, a)
			if typ.Utterance() && a.at > since {
				utterances++
			}
		}
	}

	h := history{own: once[:0]}
	var c conversations
	if dialogue {
		c = newConversations(utterances)
	}
	for _, a := range once {
		i := int(a.source)
		typ, inbound := s.typ(i), s.inbound(i)
		switch {
		case typ.Utterance():
			var object uint64
			if dialogue || len(deleted) > 0 || len(edits) > 0 {
				object = s.object(i)
			}
			if deleted[object] {
				continue
			}
			if e, ok := edits[object]; ok {
				a.reading = e
			}
			if dialogue && a.at > since {
				c.add(a, object, inbound, typ == social.Message)
			}
		case typ == social.React && len(unreacts) > 0:
			if until, ok := unreacts[reaction{s.object(i), s.actor(i)}]; ok && a.at <= until {
				continue
			}
		}
		if !inbound {
			continue
		}
		if h.first == 0 {
			h.first = a.at
		}
		if a.at > since {
			h.own = append(h.own, a)
		}
	}
	if dialogue {
		c.settle(s)
		h.talk, h.numbers = c.messages, len(c.parents)
		h.rounds, h.edge = c.rounds(now - since)
	}
	return h, nil
}

func days(n int) int64 { return int64(n) * (24 * time.Hour).Milliseconds() }
