package scoring

// message is an utterance of the person, or the business's answer to one.
type message struct {
	at      int64
	source  int32 // its position among the facts
	object  int32 // its object's number
	thread  int32 // the number of its conversation, once that is known
	answer  bool
	private bool // said to one person
}

// round is a person's message, the business's answer, and what the person
// said to that, each by its position among the messages.
type round struct {
	asked, answered, again int32
	thread                 int32 // the conversation's number
	depth                  int32 // 1 for the first round of its conversation
}

// maxWeight bounds the weight of one round.
const maxWeight = 10

// conversations sorts messages into conversations. Messages belong to the same
// one if they name it, or if one replies to the other. Objects and
// conversations are numbered, so that what is known of each stands in a slice.
type conversations struct {
	messages []message
	numbers  map[uint64]int32
	parents  []int32 // of each number: another in the same conversation, or itself
}

// newConversations has room for so many messages.
func newConversations(messages int) conversations {
	return conversations{make([]message, 0, messages), make(map[uint64]int32, messages), make([]int32, 0, messages)}
}

func (c *conversations) number(hash uint64) int32 {
	n, ok := c.numbers[hash]
	if !ok {
		n = int32(len(c.parents))
		c.numbers[hash] = n
		c.parents = append(c.parents, n)
	}
	return n
}

// find returns the number that stands for the conversation of n.
func (c *conversations) find(n int32) int32 {
	for c.parents[n] != n {
		c.parents[n] = c.parents[c.parents[n]]
		n = c.parents[n]
	}
	return n
}

func (c *conversations) join(a, b int32) { c.parents[c.find(a)] = c.find(b) }

// add adds an utterance. They come in order of time and id.
func (c *conversations) add(a act, object uint64, inbound, private bool) {
	c.messages = append(c.messages, message{at: a.at, source: a.source, object: c.number(object), answer: !inbound, private: private})
}

// settle leaves out what the business said to others, and finds the
// conversation of each message. What it said is to the person if it replies to
// a message of theirs, or was said in a conversation in which they wrote,
// privately or without naming a message.
func (c *conversations) settle(s source) {
	own := make([]bool, len(c.parents)) // whether a message is the person's
	wrote := map[uint64]bool{}          // the conversations in which the person wrote
	for _, m := range c.messages {
		if !m.answer {
			own[m.object] = true
			wrote[s.conversation(int(m.source))] = true
		}
	}
	kept := c.messages[:0]
	known := make([]bool, len(c.parents)) // whether the object is one of a message that stays
	parents := make([]int32, 0, len(c.messages))
	for _, m := range c.messages {
		parent, r := int32(-1), s.inReplyTo(int(m.source))
		if n, ok := c.numbers[r]; ok && r != 0 {
			parent = n
		}
		if there := s.conversation(int(m.source)); m.answer && !(parent >= 0 && own[parent]) && !(there != 0 && wrote[there] && (r == 0 || m.private)) {
			continue
		}
		known[m.object] = true
		kept, parents = append(kept, m), append(parents, parent)
	}
	c.messages = kept
	for i, m := range kept {
		if conversation := s.conversation(int(m.source)); conversation != 0 {
			c.join(m.object, c.number(conversation))
		}
		if p := parents[i]; p >= 0 && known[p] {
			c.join(m.object, p)
		}
	}
	for i := range kept {
		kept[i].thread = c.find(kept[i].object)
	}
}

// rounds finds the rounds of dialogue, in the order in which they were closed.
// edge is when the first conversation that has any loses a message to a
// horizon that is so many milliseconds away; 0 is never.
func (c *conversations) rounds(horizon int64) (out []round, edge int64) {
	type state struct {
		first           int64 // when the conversation began; 0: it has not
		asked, answered int32 // positions among the messages, -1 is none
		depth           int32
	}
	states := make([]state, len(c.parents))
	answers := 0
	for _, m := range c.messages {
		if m.answer {
			answers++
		}
	}
	out = make([]round, 0, answers) // each round takes one at least
	for i, m := range c.messages {
		s := &states[m.thread]
		if s.first == 0 {
			*s = state{first: m.at, asked: -1, answered: -1}
		}
		switch {
		case m.answer:
			if s.asked >= 0 {
				s.answered = int32(i)
			}
		default:
			if s.answered >= 0 {
				s.depth++
				out = append(out, round{s.asked, s.answered, int32(i), m.thread, s.depth})
				if leaves := s.first + horizon; edge == 0 || leaves < edge {
					edge = leaves
				}
			}
			s.asked, s.answered = int32(i), -1
		}
	}
	return out, edge
}
