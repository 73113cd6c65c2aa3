package conversation_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	gocmp "github.com/google/go-cmp/cmp"

	"rapport/internal/conversation"
	"rapport/internal/conversation/conversationtest"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	conversations "rapport/internal/view/conversation"
)

const w = "acme"

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

func quiet(context.Context, string, []view.Stale) error { return nil }

// said makes a message of account at a minute.
func said(account, id string, minute int, dir social.Direction, change func(*social.Activity)) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: account}, Object: social.Object{ID: id},
		Text: "text of " + id, Reading: social.Reading{Intent: social.IntentQuestion}, Occurred: t0.Add(time.Duration(minute) * time.Minute), Known: t0.Add(24 * time.Hour), Direction: dir}
	if change != nil {
		change(&a)
	}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	return a
}

// made is a made-up workspace's talk: a tree of replies, threads that the
// platform names, private and flat ones, where the business names what it
// replies to or does not, with edits, deletions, closings, machines, and clocks
// that differ. The same seed gives the same.
func made(seed uint64, n int, kinds ...int) []social.Activity {
	r := rand.New(rand.NewPCG(seed, 1))
	intents := []string{social.IntentQuestion, social.IntentProblem, social.IntentSpam, social.IntentPraise, social.IntentChatter, social.IntentClosing, social.IntentUnread}
	var out []social.Activity
	for i := range n {
		kind := kinds[r.IntN(len(kinds))]
		id := fmt.Sprintf("k%dm%d", kind, i)
		var of []string
		for _, a := range out {
			if strings.HasPrefix(a.Object.ID, id[:2]) && a.Type.Utterance() {
				of = append(of, a.Object.ID)
			}
		}
		parent := ""
		if r.IntN(5) > 0 && len(of) > 0 {
			parent = of[r.IntN(len(of))]
		}
		account, dir := fmt.Sprintf("asker%d", r.IntN(3)), social.Inbound
		if r.IntN(2) == 0 {
			account, dir = "brand", social.Outbound
		}
		m := said(account, id, 10*i+r.IntN(25), dir, func(a *social.Activity) {
			a.Automatic = r.IntN(8) == 0
			if r.IntN(4) == 0 && len(out) > 0 { // as one before it, or up to two minutes before that
				a.Occurred = out[len(out)-1].Occurred.Add(-time.Duration(r.IntN(4)*r.IntN(40)) * time.Second)
			}
			a.InReplyTo = parent
			a.Intent = intents[r.IntN(len(intents))]
			if r.IntN(3) == 0 {
				a.NeedsAnswer, a.NeedsAnswerAfter = r.Float64(), r.Float64()
			}
			switch kind {
			case 1:
				a.Conversation = "named"
				if r.IntN(3) > 0 && len(of) > 0 {
					a.InReplyTo = of[0]
				}
			case 2:
				a.Conversation, a.Type = "private", social.Message
				if r.IntN(3) > 0 {
					a.InReplyTo = ""
				}
			case 3:
				a.Conversation, a.Flat = "flat", true
				if a.InReplyTo = ""; r.IntN(2) > 0 && len(of) > 0 {
					a.InReplyTo = of[0]
				}
			}
			if dir == social.Outbound && r.IntN(4) == 0 {
				a.Addressed = []string{"colleague", fmt.Sprintf("asker%d", r.IntN(3))}
			}
			if a.InReplyTo != "" && kind != 2 {
				a.Type = social.Reply
			}
		})
		out = append(out, m)
		about := func(typ social.Type) social.Activity {
			return said([]string{account, "moderator"}[r.IntN(2)], id, 10*i+30, social.Inbound, func(a *social.Activity) {
				a.Type, a.Conversation, a.Intent = typ, m.Conversation, intents[r.IntN(len(intents))]
				a.Occurred = a.Occurred.Add(time.Duration(r.IntN(40))*time.Minute + time.Duration(len(out))*time.Millisecond)
			})
		}
		for range []int{0, 0, 0, 1, 1, 3}[r.IntN(6)] {
			out = append(out, about([]social.Type{social.Delete, social.Edit, social.Edit, social.Edit}[r.IntN(4)]))
		}
		if r.IntN(9) == 0 {
			out = append(out, about([]social.Type{social.Close, social.Reopen, social.Accept}[r.IntN(3)]))
		}
	}
	return out
}

// keep stores and views activities, several at once, some of them together.
func keep(t *testing.T, s *store.Store, as []social.Activity, atOnce int) {
	t.Helper()
	v := conversations.New(s, quiet)
	work := make(chan []social.Activity)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for part := range work {
				var facts []view.Fact
				for _, a := range part {
					if _, err := s.PutActivity(t.Context(), w, a); err != nil {
						t.Error(err)
					}
					facts = append(facts, view.FactOf(a))
				}
				if err := v.Keep(t.Context(), w, facts); err != nil {
					t.Errorf("view %s: %v", part[0].Key, err)
				}
			}
		})
	}
	for part := range slices.Chunk(as, 1+len(as)%3) {
		work <- part
	}
	close(work)
	wg.Wait()
}

// meant computes from the facts alone what should be stored: the conversations
// by thread and asker, as package conversationtest has it.
func meant(as []social.Activity) map[[2]string]conversationtest.Conversation {
	nodes := map[string]*store.NodeRef{}
	thread := map[string]string{}
	var order []string
	for _, a := range as {
		if a.Type.Utterance() {
			n := store.NodeOf(a)
			nodes[n.Message] = &n
			order = append(order, n.Message)
			if a.Conversation != "" {
				thread[n.Message] = store.ThreadID(a.Platform, a.Scope, a.Conversation)
			}
		}
	}
	edits := slices.Clone(as)
	slices.SortFunc(edits, func(a, b social.Activity) int {
		return cmp.Or(a.Occurred.Compare(b.Occurred), strings.Compare(a.ID(), b.ID()))
	})
	waited := map[string]bool{} // as it was first said
	for m, n := range nodes {
		waited[m] = n.Needs.Asks()
	}
	closings := map[string][]conversationtest.Closing{}
	for _, a := range edits {
		id := store.MessageID(a.Platform, a.Scope, a.Object.ID)
		m := nodes[id]
		switch {
		case a.Type.Closing():
			c := conversationtest.Closing{Activity: a.ID(), Type: a.Type, Occurred: a.Occurred}
			if a.Type == social.Accept {
				c.Message = id
			}
			if a.Conversation != "" {
				id = store.ThreadID(a.Platform, a.Scope, a.Conversation)
			}
			closings[id] = append(closings[id], c)
		case m == nil:
		case a.Type == social.Delete:
			m.Deleted = true
		case a.Type == social.Edit && m.Direction == social.Inbound:
			m.Needs = conversation.NeedsOf(a.Reading, m.Automatic)
			switch {
			case waited[id] || !m.Needs.Asks():
				m.Since = time.Time{}
			case m.Since.IsZero() && a.Occurred.After(m.Occurred):
				m.Since = a.Occurred
			}
		}
	}
	root := func(m string) string {
		for thread[m] == "" && nodes[m] != nil && nodes[m].InReplyTo != "" {
			m = nodes[m].InReplyTo
		}
		if thread[m] != "" {
			return thread[m]
		}
		return m
	}
	all, askers := map[string][]conversation.Node{}, map[[2]string]bool{}
	for _, m := range order {
		r := root(m)
		all[r] = append(all[r], nodes[m].Node)
		if nodes[m].Direction == social.Inbound {
			askers[[2]string{r, nodes[m].Account}] = true
		}
	}
	out := map[[2]string]conversationtest.Conversation{}
	for k := range askers {
		out[k] = conversationtest.Of(k[1], all[k[0]], closings[k[0]]...)
	}
	return out
}

// check holds what is stored to what is meant.
func check(t *testing.T, s *store.Store, as []social.Activity) {
	t.Helper()
	want := meant(as)
	var cs []conversationtest.Conversation
	for k, c := range want {
		cs = append(cs, c)
		h, err := s.Head(t.Context(), w, k[0], k[1])
		if err != nil {
			t.Errorf("%s: %v", k, err)
			continue
		}
		if d := gocmp.Diff(c.Standing, h.Standing); d != "" {
			t.Errorf("%s (-meant +stored):\n%s", k, d)
		}
		got, _, err := s.ExchangesOf(t.Context(), w, k[0], k[1], "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(got)
		for i := range c.Exchanges {
			e := c.Exchanges[i]
			c.Exchanges[i] = conversation.Exchange{Asked: e.Asked, Answered: e.Asked.Add(conversation.Took(e.Asked, e.Answered)), Answer: e.Answer, Message: e.Message, Automatic: e.Automatic}
		}
		if d := gocmp.Diff(c.Exchanges, got); d != "" && len(c.Exchanges)+len(got) > 0 {
			t.Errorf("%s exchanges (-meant +stored):\n%s", k, d)
		}
	}
	cs = cs[:0]
	for _, c := range meant(as) {
		cs = append(cs, c)
	}
	for _, p := range [][2]time.Time{{t0, t0.Add(1000 * time.Hour)}, {t0.Add(70 * time.Minute), t0.Add(200 * time.Minute)}, {t0.AddDate(-30, 0, 0), t0.AddDate(200, 0, 0)}} {
		got, err := s.Responses(t.Context(), w, p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(conversationtest.Measure(cs, p[0], p[1]), got); d != "" {
			t.Errorf("response times from %s (-meant +stored):\n%s", p[0], d)
		}
	}
}

// withoutPlaces drops from a dump what depends on the order of arrival without
// meaning anything: where a message was first thought to belong, and the
// months in which there ever was a response.
func withoutPlaces(dump map[string]string) map[string]string {
	for k, v := range dump {
		if strings.HasSuffix(k, " | @") && !strings.Contains(v, "Asker:") || strings.HasPrefix(k, w+"#D | ") {
			delete(dump, k)
		}
	}
	return dump
}

// seeds is how many workspaces are made up: SEEDS, or 4.
func seeds() int {
	if n, err := strconv.Atoi(os.Getenv("SEEDS")); err == nil {
		return n
	}
	return 4
}

// TestWhatIsMeant: whatever comes in whatever order and however many at once,
// what is stored is what package conversation says of all the facts, and the
// same bytes.
func TestWhatIsMeant(t *testing.T) {
	for seed := range uint64(seeds()) {
		as := made(seed, 36, 0, 1, 2, 3)
		s1, table1 := storetest.NewTable(t)
		keep(t, s1, as, 1)
		check(t, s1, as)
		want := withoutPlaces(table1.Dump(t))
		shuffled := append(slices.Clone(as), as[:len(as)/3]...)
		rand.New(rand.NewPCG(seed, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		s2, table2 := storetest.NewTable(t)
		keep(t, s2, shuffled, []int{4, 8, 1, 8}[seed%4])
		check(t, s2, as)
		if d := gocmp.Diff(want, withoutPlaces(table2.Dump(t))); d != "" {
			t.Errorf("seed %d, shuffled (-in order +shuffled):\n%.3000s", seed, d)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// killed fails every request from the n-th on, as a process that died does.
type killed struct {
	n, at int
	mu    sync.Mutex
}

func (k *killed) Do(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	k.n++
	dead := k.n >= k.at
	k.mu.Unlock()
	if dead {
		return nil, context.Canceled
	}
	return http.DefaultClient.Do(r)
}

// TestKilledAnywhere ends each view of a message at each of its requests;
// viewed again, everything is as if nothing had happened.
func TestKilledAnywhere(t *testing.T) {
	child := said("ann", "c", 30, social.Inbound, func(a *social.Activity) { a.InReplyTo = "p" })
	answer := said("brand", "b", 40, social.Outbound, func(a *social.Activity) { a.InReplyTo = "c" })
	parent := said("bob", "p", 20, social.Inbound, func(a *social.Activity) { a.InReplyTo = "r" })
	gone := said("moderator", "c", 50, social.Inbound, func(a *social.Activity) { a.Type = social.Delete })
	for name, as := range map[string][]social.Activity{"a parent that is late": {child, answer, parent}, "a reply": {parent, child, answer}, "a deletion": {parent, child, answer, gone}} {
		t.Run(name, func(t *testing.T) {
			s, table := storetest.NewTable(t)
			keep(t, s, as, 1)
			want := withoutPlaces(table.Dump(t))
			last := as[len(as)-1]
			for at := 1; ; at += 3 {
				s, table := storetest.NewTable(t)
				keep(t, s, as[:len(as)-1], 1)
				if _, err := s.PutActivity(t.Context(), w, last); err != nil {
					t.Fatal(err)
				}
				cfg, err := config.LoadDefaultConfig(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				kill := &killed{at: at}
				cfg.HTTPClient, cfg.RetryMaxAttempts = kill, 1
				if err := conversations.New(store.New(cfg, table.Name), quiet).Keep(t.Context(), w, []view.Fact{view.FactOf(last)}); err == nil {
					if kill.n >= at {
						t.Errorf("killed at request %d: no error says so", at)
					}
					break
				}
				keep(t, s, as[len(as)-1:], 1)
				if d := gocmp.Diff(want, withoutPlaces(table.Dump(t))); d != "" {
					t.Fatalf("killed at request %d (-whole +killed):\n%s", at, d)
				}
			}
		})
	}
}

// TestForgotten: nothing is left of what is forgotten, and what others did is
// viewed as if it had never been. In a tree, what hung below a message that is
// forgotten stays in its thread, all the same.
func TestForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		seed  uint64
		who   string
		kinds []int
	}{"an asker": {0, "asker0", []int{1, 2, 3}}, "one of the business": {1, "brand", []int{1, 2, 3}}, "a moderator": {2, "moderator", []int{1, 2, 3}}, "an asker in a tree": {3, "asker0", []int{0}}} {
		t.Run(name, func(t *testing.T) {
			as := made(c.seed, 24, c.kinds...)
			for i := range as {
				as[i].Addressed = nil // an erasure cuts them out of others' facts
			}
			var stay []social.Activity
			var gone []view.Fact
			for _, a := range as {
				if a.Actor.ID == c.who {
					gone = append(gone, view.FactOf(a))
				} else {
					stay = append(stay, a)
				}
			}
			if len(gone) == 0 {
				t.Fatal("nothing is forgotten")
			}
			s, table := storetest.NewTable(t)
			keep(t, s, as, 1)
			v := conversations.New(s, quiet)
			for range 2 { // before the facts went, and after
				if _, err := v.Forget(t.Context(), w, gone); err != nil {
					t.Fatal(err)
				}
				for _, f := range gone {
					k := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: w + "#A#" + f.Ref.Account}, "SK": &types.AttributeValueMemberS{Value: f.Ref.SK}}
					if _, err := table.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table.Name, Key: k}); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := table.Dump(t)
			for k, v := range got {
				if strings.Contains(k+v, gone[0].Ref.Account) {
					t.Errorf("left: %s: %.300s", k, v)
				}
			}
			if c.kinds[0] == 0 {
				return
			}
			s2, table2 := storetest.NewTable(t)
			keep(t, s2, stay, 1)
			if d := gocmp.Diff(withoutPlaces(table2.Dump(t)), withoutPlaces(got)); d != "" {
				t.Errorf("(-never there +forgotten):\n%.4000s", d)
			}
		})
	}
}
