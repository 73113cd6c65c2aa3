package conversation

import (
	"slices"

	"rapport/internal/social"
)

// Needs says whether a message of an asker's waits for an answer. That depends
// on what was said before it, which may come later, so all that can be told of
// the message alone is kept with it.
type Needs uint8

const (
	Wants      Needs = 1 << iota // as the first message to the business
	WantsAfter                   // as one that follows what the business said
	WantsAmong                   // as one to another customer: it asks something itself
	Thanks                       // says thanks, or that it is done: whoever asked is helped
)

const waitsAnyway = Wants | WantsAfter | WantsAmong

// Depends reports whether what was said before the message decides whether it
// waits, or whether it ends a wait.
func (n Needs) Depends() bool { return n != 0 && n != waitsAnyway }

// Asks reports whether the message may wait for an answer.
func (n Needs) Asks() bool { return n&waitsAnyway != 0 }

// In reports whether a message waits where it stands.
func (n Needs) In(p Position) bool {
	switch {
	case p.Among:
		return n&WantsAmong != 0
	case p.After:
		return n&WantsAfter != 0
	}
	return n&Wants != 0
}

// Position is where a message stands in its conversation.
type Position struct {
	After bool // the business said something to the asker before
	Among bool // it replies to another customer
}

// threshold is the probability from which on a text needs an answer. It is
// below a half, since whoever is missed costs more than a look at one who needs
// nothing: in the demo it finds 6 of 100 more and is wrong in 1 of 100 more.
const threshold = 0.4

// WantsReply reports whether a text waits for a reply, of whose author the
// business has heard nothing yet or to whom it said something before. The
// reader's probability decides; of a reading without one, which is old or of a
// text that can't be read, the intent does. What the reader did not understand
// waits: nobody is ignored.
func WantsReply(r social.Reading, after bool) bool {
	switch p := r.NeedsAnswer; {
	case !probable(r):
		return !slices.Contains([]string{social.IntentSpam, social.IntentPraise, social.IntentClosing, social.IntentChatter}, r.Intent)
	case after:
		return r.NeedsAnswerAfter >= threshold
	default:
		return p >= threshold
	}
}

func probable(r social.Reading) bool { return r.NeedsAnswer != 0 || r.NeedsAnswerAfter != 0 }

// asks reports whether a text that replies to another customer asks something.
// Advice, which reads like an order ("use the left one"), does not.
func asks(r social.Reading) bool {
	return WantsReply(r, false) && r.Intent != social.IntentRecommendation && r.Intent != social.IntentChatter
}

// NeedsOf says whether a message waits for an answer.
func NeedsOf(r social.Reading, automatic bool) (n Needs) {
	if automatic {
		return 0
	}
	if WantsReply(r, false) {
		n |= Wants
	}
	if WantsReply(r, true) {
		n |= WantsAfter
	}
	if asks(r) {
		n |= WantsAmong
	}
	if n&WantsAfter == 0 && (r.Intent == social.IntentClosing || r.Intent == social.IntentPraise) {
		n |= Thanks
	}
	return n
}
