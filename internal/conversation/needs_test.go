package conversation_test

import (
	"testing"

	"rapport/internal/conversation"
	"rapport/internal/social"
)

func TestWantsReply(t *testing.T) {
	for _, tt := range []struct {
		name         string
		r            social.Reading
		first, after bool
	}{
		{"nothing was read", social.Reading{}, true, true},
		{"a language that is not read", social.Reading{Intent: social.IntentUnread}, true, true},
		{"a question", social.Reading{Intent: social.IntentQuestion}, true, true},
		{"spam", social.Reading{Intent: social.IntentSpam}, false, false},
		{"praise", social.Reading{Intent: social.IntentPraise}, false, false},
		{"words that close", social.Reading{Intent: social.IntentClosing}, false, false},
		{"chatter", social.Reading{Intent: social.IntentChatter}, false, false},
		{"praise that asks, by its probability", social.Reading{Intent: social.IntentPraise, NeedsAnswer: 0.7, NeedsAnswerAfter: 0.4}, true, true},
		{"a question that needs none", social.Reading{Intent: social.IntentQuestion, NeedsAnswer: 0.1, NeedsAnswerAfter: 0.39}, false, false},
		{"one that needs one as the first", social.Reading{Intent: social.IntentChatter, NeedsAnswer: 0.5}, true, false},
		{"one that needs one after an answer", social.Reading{Intent: social.IntentChatter, NeedsAnswerAfter: 0.9}, false, true},
	} {
		if first, after := conversation.WantsReply(tt.r, false), conversation.WantsReply(tt.r, true); first != tt.first || after != tt.after {
			t.Errorf("%s: %v and %v, want %v and %v", tt.name, first, after, tt.first, tt.after)
		}
	}
}

func TestWhatAMachineSaysWaitsForNothing(t *testing.T) {
	question := social.Reading{Intent: social.IntentQuestion, NeedsAnswer: 1, NeedsAnswerAfter: 1}
	if n := conversation.NeedsOf(question, true); n != 0 {
		t.Errorf("%b", n)
	}
	if n := conversation.NeedsOf(question, false); n.Depends() || !n.In(conversation.Position{}) || !n.In(conversation.Position{After: true}) || !n.In(conversation.Position{Among: true}) {
		t.Errorf("%b", n)
	}
}

// One customer's words to another wait if they ask.
func TestAmongCustomers(t *testing.T) {
	for intent, want := range map[string]bool{social.IntentChatter: false, social.IntentRecommendation: false, social.IntentPraise: false, social.IntentClosing: false,
		social.IntentQuestion: true, social.IntentProblem: true, social.IntentWish: true, social.IntentUnread: true} {
		if got := conversation.NeedsOf(social.Reading{Intent: intent}, false).In(conversation.Position{Among: true}); got != want {
			t.Errorf("%s: %v", intent, got)
		}
	}
}
