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
	n := conversation.Node{Message: id, Activity: "act_" + id, Key: "k" + id, Account: "ann", Direction: social.Inbound, Occurred: at(minute), Needs: question}
	for _, f := range more {
		f(&n)
	}
	return n
}

func reply(id, to string, minute int, more ...func(*conversation.Node)) conversation.Node {
	n := ask(id, minute, more...)
	n.Account, n.Direction, n.InReplyTo, n.Needs = "brand", social.Outbound, to, 0
	return n
}

var question = conversation.NeedsOf(social.Reading{Intent: social.IntentQuestion}, false)

func reads(intent string) func(*conversation.Node) {
	return func(n *conversation.Node) { n.Needs = conversation.NeedsOf(social.Reading{Intent: intent}, false) }
}

func names(message string) func(*conversation.Node) {
	return func(n *conversation.Node) { n.InReplyTo = message }
}
func named(n *conversation.Node)     { n.Named = true }
func flat(n *conversation.Node)      { n.Named, n.Flat = true, true }
func automatic(n *conversation.Node) { n.Automatic = true }
func seconds(s int) func(*conversation.Node) {
	return func(n *conversation.Node) { n.Occurred = n.Occurred.Add(time.Duration(s) * time.Second) }
}
func to(accounts ...string) func(*conversation.Node) {
	return func(n *conversation.Node) { n.Addressed = accounts }
}
func edited(minute int, intent string) func(*conversation.Node) {
	return func(n *conversation.Node) {
		if was := n.Needs; !was.Asks() {
			n.Since = at(minute)
		}
		reads(intent)(n)
	}
}

func by(account string) func(*conversation.Node) {
	return func(n *conversation.Node) { n.Account = account }
}
func gone(n *conversation.Node)    { n.Deleted = true }
func content(n *conversation.Node) { reads(social.IntentPraise)(n) }
func private(n *conversation.Node) { n.Private, n.Named = true, true }

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
		{"a private reply that names nothing, at the instant of the question", []conversation.Node{ask("1", 0, private), ask("2", 5, private), reply("3", "", 5, private)}, -1, 2, []float64{0}, []float64{0}, []float64{5}},
		{"an answer that is dated a second before its question", []conversation.Node{ask("1", 5, seconds(1)), reply("2", "1", 5)}, -1, 1, []float64{0}, []float64{0}, []float64{0}},
		{"one that is dated a minute and more before", []conversation.Node{ask("1", 5, seconds(61)), reply("2", "1", 5)}, 6, 1, nil, nil, nil},
		{"the second answer in a flat thread is to the second question", []conversation.Node{ask("1", 0, flat), reply("2", "1", 5, flat), ask("3", 60, flat, names("1")), reply("4", "1", 62, flat)}, -1, 2, []float64{2, 5}, []float64{2, 5}, []float64{5}},
		{"so it is where nothing says that the thread is flat", []conversation.Node{ask("1", 0, named), reply("2", "1", 5, named), ask("3", 60, named, names("1")), reply("4", "1", 62, named)}, -1, 2, []float64{2, 5}, []float64{2, 5}, []float64{5}},
		{"in a tree it is to what it names", []conversation.Node{ask("1", 0, named), reply("2", "1", 5, named), ask("3", 60, named, names("2")), ask("5", 61, named, names("1")), reply("4", "1", 62, named)}, -1, 3, []float64{5, 62}, []float64{5}, []float64{5}},
		{"in a thread that the business opened, the next answer", []conversation.Node{reply("1", "", 0, named), ask("2", 30, named, names("1")), reply("3", "1", 40, named)}, -1, 1, []float64{10}, []float64{10}, []float64{10}},
		{"a chat that the business opened", []conversation.Node{reply("1", "", 0, private, flat), ask("2", 30, private, flat, names("1")), reply("3", "1", 35, private, flat)}, -1, 1, []float64{5}, []float64{5}, []float64{5}},
		{"an answer that quotes the business's own message", []conversation.Node{ask("1", 0, private), reply("2", "", 5, private), ask("3", 60, private), reply("4", "2", 70, private)}, -1, 2, []float64{5, 10}, []float64{5, 10}, []float64{5}},
		{"with two askers, the one who waits", []conversation.Node{ask("1", 0, flat), ask("9", 1, flat, by("bob")), reply("2", "", 2, flat), reply("3", "", 7, flat)}, -1, 1, []float64{7}, []float64{7}, []float64{7}},
		{"with two askers, whoever of the waiting spoke last", []conversation.Node{ask("1", 0, flat), ask("9", 1, flat, by("bob")), reply("2", "1", 2, flat)}, 0, 1, nil, nil, nil},
		{"with two askers of whom none waits, whoever spoke last", []conversation.Node{ask("9", 0, flat, by("bob")), ask("1", 1, flat, names("9")), reply("2", "9", 3, flat), reply("3", "9", 4, flat), reply("4", "9", 8, flat)}, -1, 1, []float64{2, 7}, []float64{2}, []float64{2}},
		{"with two askers, whom it addresses", []conversation.Node{ask("1", 0, flat), ask("9", 1, flat, by("bob")), reply("2", "1", 2, flat, to("ann"))}, -1, 1, []float64{2}, []float64{2}, []float64{2}},
		{"whom it addresses is nobody who asks", []conversation.Node{ask("1", 0, flat), reply("2", "1", 2, flat, to("colleague"))}, -1, 1, []float64{2}, []float64{2}, []float64{2}},
		{"a machine's answer ends no wait", []conversation.Node{ask("1", 0), reply("2", "1", 1, automatic)}, 0, 1, nil, nil, nil},
		{"a human's answer after a machine's", []conversation.Node{ask("1", 0), reply("2", "1", 1, automatic), reply("3", "1", 9)}, -1, 1, []float64{9}, []float64{9}, []float64{9}},
		{"words that close after a machine's answer end nothing", []conversation.Node{ask("1", 0, private), reply("2", "", 1, private, automatic), ask("3", 2, private, reads(social.IntentClosing))}, 0, 2, nil, nil, nil},
		{"thanks in advance end nothing", []conversation.Node{ask("1", 0, named), ask("2", 1, named, content)}, 0, 2, nil, nil, nil},
		{"thanks for what another customer said", []conversation.Node{ask("1", 0), ask("9", 5, by("bob"), names("1"), reads(social.IntentChatter)), ask("2", 9, names("9"), content)}, -1, 2, nil, nil, nil},
		{"they end what was asked before that alone", []conversation.Node{ask("1", 0), ask("9", 5, by("bob"), names("1"), reads(social.IntentChatter)), ask("3", 7), ask("2", 9, names("9"), content)}, 7, 3, nil, nil, nil},
		{"in a flat thread, thanks are for whoever else spoke last", []conversation.Node{ask("1", 0, flat), ask("9", 5, flat, by("bob"), names("1"), reads(social.IntentChatter)), ask("2", 9, flat, names("1"), content)}, -1, 2, nil, nil, nil},
		{"though they name where it began", []conversation.Node{ask("9", 0, flat, by("bob")), ask("1", 5, flat, names("9")), ask("8", 7, flat, by("cyd"), names("9"), reads(social.IntentChatter)), ask("2", 9, flat, names("9"), content)}, -1, 2, nil, nil, nil},
		{"who helps another waits for nothing", []conversation.Node{ask("9", 0, by("bob")), ask("1", 5, names("9"), reads(social.IntentChatter))}, -1, 1, nil, nil, nil},
		{"who asks another waits", []conversation.Node{ask("9", 0, by("bob")), ask("1", 5, names("9"))}, 5, 1, nil, nil, nil},
		{"praise that became a question", []conversation.Node{ask("1", 0, content, edited(20, social.IntentQuestion)), reply("2", "1", 10)}, 20, 1, []float64{10}, []float64{10}, []float64{10}},
		{"a question that became praise", []conversation.Node{ask("1", 0, edited(20, social.IntentPraise))}, -1, 1, nil, nil, nil},
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

func closing(typ social.Type, minute int, more ...func(*conversationtest.Closing)) conversationtest.Closing {
	c := conversationtest.Closing{Activity: "act_" + string(typ), Type: typ, Occurred: at(minute)}
	for _, f := range more {
		f(&c)
	}
	return c
}

func of(answer, question string) func(*conversationtest.Closing) {
	return func(c *conversationtest.Closing) { c.Message, c.InReplyTo = answer, question }
}

func TestClosings(t *testing.T) {
	asked := []conversation.Node{ask("1", 0, named), ask("9", 5, named, by("bob"), names("1"), reads(social.IntentChatter))}
	for _, tt := range []struct {
		name     string
		nodes    []conversation.Node
		closings []conversationtest.Closing
		waiting  int
		helped   string
		state    conversation.State // at minute 100
	}{
		{"closed", asked, []conversationtest.Closing{closing(social.Close, 10)}, -1, "", conversation.Closed},
		{"closed before it was asked", asked, []conversationtest.Closing{closing(social.Close, -10)}, 0, "", conversation.Waiting},
		{"opened again", asked, []conversationtest.Closing{closing(social.Close, 10), closing(social.Reopen, 20)}, 0, "", conversation.Waiting},
		{"opened again at once", asked, []conversationtest.Closing{closing(social.Reopen, 10), closing(social.Close, 10)}, 0, "", conversation.Waiting},
		{"opened again, and closed", asked, []conversationtest.Closing{closing(social.Close, 10), closing(social.Reopen, 20), closing(social.Close, 30)}, -1, "", conversation.Closed},
		{"opened again, though answered", append(asked[:1:1], reply("2", "1", 5, named)), []conversationtest.Closing{closing(social.Close, 10), closing(social.Reopen, 20)}, -1, "", conversation.Answered},
		{"asked after it was closed", append(asked[:1:1], ask("3", 15, named)), []conversationtest.Closing{closing(social.Close, 10)}, 15, "", conversation.Waiting},
		{"an answer accepted", asked, []conversationtest.Closing{closing(social.Accept, 10, of("9", ""))}, -1, "bob", conversation.Answered},
		{"an answer accepted whose question is said", append(asked[:1:1], ask("9", 5, named, by("bob"))), []conversationtest.Closing{closing(social.Accept, 10, of("9", "1"))}, -1, "bob", conversation.Answered},
		{"an answer accepted to another's question", append(asked[:2:2], ask("8", 6, named, by("bob")), ask("7", 7, named, by("cyd"), names("8"))), []conversationtest.Closing{closing(social.Accept, 10, of("7", ""))}, 0, "", conversation.Waiting},
		{"accepted before it was asked", asked, []conversationtest.Closing{closing(social.Accept, -10, of("9", ""))}, 0, "bob", conversation.Waiting},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := conversationtest.Of("ann", tt.nodes, tt.closings...)
			waiting := -1
			if !c.WaitingSince.IsZero() {
				waiting = int(c.WaitingSince.Sub(t0).Minutes())
			}
			if waiting != tt.waiting || c.HelpedBy != tt.helped || c.At(at(100)) != tt.state {
				t.Errorf("waits since minute %d, helped by %q, %s; want %d, %q, %s", waiting, c.HelpedBy, c.At(at(100)), tt.waiting, tt.helped, tt.state)
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
