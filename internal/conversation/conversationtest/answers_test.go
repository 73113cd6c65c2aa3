package conversationtest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/conversation"
	"rapport/internal/conversation/conversationtest"
	"rapport/internal/social"
)

// made is a made-up thread: one that the platform names or a tree, private,
// flat, or of which nobody knows. The same seed gives the same.
func made(seed uint64) []conversation.Node {
	r := rand.New(rand.NewPCG(seed, 7))
	kind := r.IntN(4)
	intents := []string{social.IntentQuestion, social.IntentPraise, social.IntentChatter, social.IntentClosing}
	var out []conversation.Node
	for i := range 2 + r.IntN(14) {
		n := ask(fmt.Sprint("m", i), 3*i, by([]string{"ann", "bob", "cyd"}[r.IntN(1+r.IntN(3))]), reads(intents[r.IntN(len(intents))]), seconds(r.IntN(3)*r.IntN(200)-100))
		n.Named, n.Private, n.Flat = kind > 0, kind == 1, kind == 2
		n.Automatic, n.Deleted = r.IntN(9) == 0, r.IntN(9) == 0
		if r.IntN(2) == 0 {
			n.Account, n.Direction, n.Needs = "brand", social.Outbound, 0
			if r.IntN(4) == 0 {
				n.Addressed = []string{"colleague", []string{"ann", "bob"}[r.IntN(2)]}
			}
		}
		if i > 0 && r.IntN(4) > 0 {
			n.InReplyTo = out[r.IntN(1+r.IntN(i))].Message
		}
		if i > 0 && r.IntN(6) == 0 { // at the same second, or the same instant
			n.Occurred = out[i-1].Occurred.Truncate(time.Second).Add(time.Duration(r.IntN(2)*r.IntN(900)) * time.Millisecond)
		}
		out = append(out, n)
	}
	return out
}

// TestAnswers holds the rule by which answers are told to what is meant, in
// threads that are shorter than what it looks at.
func TestAnswers(t *testing.T) {
	answers := map[string]int{}
	for seed := range uint64(5000) {
		nodes := made(seed)
		var stand []conversation.Node
		for _, n := range nodes {
			if !n.Deleted {
				stand = append(stand, n)
			}
		}
		slices.SortFunc(stand, conversation.Order)
		got := map[string][]string{}
		for i, r := range stand {
			if r.Direction != social.Outbound {
				continue
			}
			var named *conversation.Node
			if j := slices.IndexFunc(stand, func(n conversation.Node) bool { return n.Message == r.InReplyTo }); j >= 0 {
				named = &stand[j]
			}
			before := stand[:i]
			if !r.Named {
				before = nil
			}
			for _, m := range conversation.Answers(r, before, named) {
				got[m.Account] = append(got[m.Account], r.Message+" to "+m.Message)
			}
		}
		for _, asker := range []string{"ann", "bob", "cyd"} {
			var want []string
			for _, e := range conversationtest.Of(asker, nodes).Exchanges {
				want = append(want, e.Answer[len("act_"):]+" to "+e.Message)
			}
			slices.Sort(want)
			slices.Sort(got[asker])
			if d := cmp.Diff(want, got[asker]); d != "" {
				for _, n := range stand {
					t.Log(n.Message, n.Account, n.Direction, n.Occurred, "names", n.InReplyTo, n.Named, n.Private, n.Flat, n.Automatic, n.Needs, n.Addressed)
				}
				t.Fatalf("seed %d, %s (-meant +got):\n%s", seed, asker, d)
			}
			answers[asker] += len(want)
		}
	}
	if answers["cyd"] < 500 {
		t.Errorf("hardly any answers are made up: %v", answers)
	}
}
