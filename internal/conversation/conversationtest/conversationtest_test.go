package conversationtest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/conversation"
	"rapport/internal/conversation/conversationtest"
	"rapport/internal/social"
)

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

func at(minute int) time.Time { return t0.Add(time.Duration(minute) * time.Minute) }

func ask(id string, minute int, more ...func(*conversation.Node)) conversation.Node {
	n := conversation.Node{Message: id, Activity: "act_" + id, Key: "k" + id, Account: "ann", Direction: social.Inbound, Occurred: at(minute)}
	for _, f := range more {
		f(&n)
	}
	return n
}

func reply(id, to string, minute int, more ...func(*conversation.Node)) conversation.Node {
	n := ask(id, minute, more...)
	n.Account, n.Direction, n.InReplyTo = "brand", social.Outbound, to
	return n
}

func by(account string) func(*conversation.Node) {
	return func(n *conversation.Node) { n.Account = account }
}
func gone(n *conversation.Node)    { n.Deleted = true }
func content(n *conversation.Node) { n.NoReplyWanted = true }
func private(n *conversation.Node) { n.Private = true }

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name     string
		nodes    []conversation.Node
		waiting  int // minute; -1: nobody waits
		messages int
		pair     []float64 // minutes
		message  []float64
		whole    []float64
	}{
		{"never answered", []conversation.Node{ask("1", 0), ask("2", 30)}, 0, 2, nil, nil, nil},
		{"answered once", []conversation.Node{ask("1", 0), reply("2", "1", 12)}, -1, 1, []float64{12}, []float64{12}, []float64{12}},
		{"answered twice: the message counts by the first", []conversation.Node{ask("1", 0), reply("2", "1", 12), reply("3", "1", 20)}, -1, 1, []float64{12, 20}, []float64{12}, []float64{12}},
		{"only the second message answered: the conversation counts from the first", []conversation.Node{ask("1", 0), ask("2", 10), reply("3", "2", 15)}, -1, 2, []float64{5}, []float64{5}, []float64{15}},
		{"asked again after the answer", []conversation.Node{ask("1", 0), reply("2", "1", 10), ask("3", 40), ask("4", 50)}, 40, 3, []float64{10}, []float64{10}, []float64{10}},
		{"thanks wait for nothing", []conversation.Node{ask("1", 0), reply("2", "1", 10), ask("3", 40, content)}, -1, 2, []float64{10}, []float64{10}, []float64{10}},
		{"a reply to somebody else is none to this asker", []conversation.Node{ask("1", 0), ask("9", 1, by("bob")), reply("2", "9", 10)}, 0, 1, nil, nil, nil},
		{"a reply that names nothing, in public", []conversation.Node{ask("1", 0), reply("2", "", 10)}, 0, 1, nil, nil, nil},
		{"a reply that names nothing, in private", []conversation.Node{ask("1", 0, private), ask("2", 5, private), reply("3", "", 10, private)}, -1, 2, []float64{5}, []float64{5}, []float64{10}},
		{"a deleted message is not there", []conversation.Node{ask("1", 0, gone), reply("2", "1", 10), ask("3", 20)}, 20, 1, nil, nil, nil},
		{"a deleted reply is not there", []conversation.Node{ask("1", 0), reply("2", "1", 10, gone)}, 0, 1, nil, nil, nil},
		{"a reply dated before its message", []conversation.Node{ask("1", 20), reply("2", "1", 10)}, 20, 1, nil, nil, nil},
		{"a reply dated before its message, and one after it", []conversation.Node{ask("1", 20), reply("2", "1", 10), reply("3", "1", 30)}, -1, 1, []float64{10}, []float64{10}, []float64{10}},
		{"a private reply that names nothing, before anything was asked", []conversation.Node{reply("1", "", 0, private), ask("2", 5, private)}, 5, 1, nil, nil, nil},
		{"a private reply that names nothing, at the instant of the question", []conversation.Node{ask("1", 0, private), ask("2", 5, private), reply("3", "", 5, private)}, -1, 2, []float64{5}, []float64{5}, []float64{5}},
		{"nothing of this asker", []conversation.Node{ask("1", 0, by("bob"))}, -1, 0, nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := conversationtest.Of("ann", tt.nodes)
			waiting := -1
			if !c.WaitingSince.IsZero() {
				waiting = int(c.WaitingSince.Sub(t0).Minutes())
			}
			if waiting != tt.waiting || c.Messages != tt.messages {
				t.Errorf("waits since minute %d with %d messages, want %d and %d", waiting, c.Messages, tt.waiting, tt.messages)
			}
			f := conversationtest.Measure([]conversationtest.Conversation{c}, t0, at(10_000))
			minutes := func(xs []float64) (out []float64) {
				for _, x := range xs {
					out = append(out, x/60)
				}
				return out
			}
			if d := cmp.Diff([][]float64{tt.pair, tt.message, tt.whole}, [][]float64{minutes(f.PerPair), minutes(f.PerMessage), minutes(f.PerConversation)}); d != "" {
				t.Errorf("per pair, message, conversation (-want +got):\n%s", d)
			}
			shuffled := append([]conversation.Node{}, tt.nodes...)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if d := cmp.Diff(c, conversationtest.Of("ann", shuffled)); d != "" {
				t.Errorf("the order of nodes matters:\n%s", d)
			}
		})
	}
}

func TestMeasureTakesThePeriodOfTheAnswer(t *testing.T) {
	c := conversationtest.Of("ann", []conversation.Node{ask("1", 0), reply("2", "1", 10), ask("3", 20), reply("4", "3", 30)})
	for _, tt := range []struct{ from, to, pairs, conversations int }{{0, 30, 1, 1}, {10, 11, 1, 1}, {11, 31, 1, 0}, {0, 31, 2, 1}, {31, 60, 0, 0}} {
		f := conversationtest.Measure([]conversationtest.Conversation{c}, at(tt.from), at(tt.to))
		if len(f.PerPair) != tt.pairs || len(f.PerConversation) != tt.conversations {
			t.Errorf("minutes %d to %d: %d pairs, %d conversations; want %d and %d", tt.from, tt.to, len(f.PerPair), len(f.PerConversation), tt.pairs, tt.conversations)
		}
	}
}
