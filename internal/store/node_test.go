package store_test

import (
	"testing"

	"rapport/internal/conversation"
	"rapport/internal/social"
	"rapport/internal/store"
)

func TestAMarkWithoutWordsWaitsForNothing(t *testing.T) {
	mark := &social.Rating{Value: 1, Worst: 1, Best: 5, Kind: social.Stars}
	for name, c := range map[string]struct {
		rating *social.Rating
		text   string
		intent string
		waits  bool
	}{
		"a mark":                          {mark, "", "", false},
		"a mark and a complaint":          {mark, "It broke.", social.IntentComplaint, true},
		"a mark and what can't be read":   {mark, "", social.IntentUnread, true},
		"a message without words, a file": {nil, "", "", true},
	} {
		n := store.NodeOf(social.Activity{Direction: social.Inbound, Rating: c.rating, Text: c.text, Reading: social.Reading{Intent: c.intent}})
		if got := n.Needs.In(conversation.Position{}); got != c.waits {
			t.Errorf("%s waits: %v", name, got)
		}
	}
}
