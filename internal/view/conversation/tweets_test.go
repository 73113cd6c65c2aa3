package conversation_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"rapport/internal/conversation"
	"rapport/internal/conversation/conversationtest"
	"rapport/internal/needs"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	conversations "rapport/internal/view/conversation"
)

// tweets are 4,999 real ones, with the thread that each is in and the message
// that it really replies to, by the ids of the messages.
func tweets(t *testing.T) (as []social.Activity, parent map[string]string) {
	t.Helper()
	f, err := os.Open(needs.Shared(t, "data/twcs/sample.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	parent = map[string]string{}
	for _, r := range rows[1:] {
		parent[r[0]] = r[6]
	}
	for _, r := range rows[1:] {
		at, err := time.Parse("Mon Jan 02 15:04:05 -0700 2006", r[3])
		if err != nil {
			t.Fatal(err)
		}
		root := r[0]
		for parent[root] != "" {
			root = parent[root]
		}
		a := social.Activity{Platform: "standard", Scope: "twitter", Type: social.Post, Actor: social.Actor{ID: r[1]}, Object: social.Object{ID: r[0]}, Conversation: root,
			Text: r[4], Occurred: at.UTC(), Known: at.UTC(), Direction: social.Outbound, Reading: social.Reading{Intent: looksLike(r[4])}}
		if r[2] == "True" {
			a.Direction = social.Inbound
		}
		if root != r[0] {
			a.Type, a.InReplyTo = social.Reply, root
		}
		for _, m := range mention.FindAllStringSubmatch(r[4], social.MaxAddressed) {
			if !slices.Contains(a.Addressed, m[1]) {
				a.Addressed = append(a.Addressed, m[1])
			}
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
		as = append(as, a)
	}
	return as, parent
}

var mention = regexp.MustCompile(`@(\w+)`)

// looksLike is a reading that costs nothing: what a tweet asks decides little
// here, and is the same for both programs.
func looksLike(text string) string {
	text = strings.ToLower(text)
	switch {
	case strings.Contains(text, "?"):
		return social.IntentQuestion
	case strings.Contains(text, "thank") || strings.Contains(text, "love"):
		return social.IntentPraise
	case len(text) < 60:
		return social.IntentChatter
	}
	return social.IntentProblem
}

// answer is one line of who was answered by what, after how long.
func answer(reply, message string, seconds float64) string {
	return fmt.Sprintf("%s answers %s after %.0f s", reply, message, seconds)
}

// meantPairs is what the independent program says.
func meantPairs(as []social.Activity) (out []string) {
	id := map[string]string{}
	for _, a := range as {
		id[a.Key] = a.Object.ID
	}
	for _, p := range conversationtest.Pairs(as) {
		out = append(out, answer(id[p.Answer], id[p.Message], p.Seconds()))
	}
	slices.Sort(out)
	return out
}

// toldPairs is what package conversation says, asked as the view asks it.
func toldPairs(as []social.Activity) (out []string) {
	id, threads := map[string]string{}, map[string][]conversation.Node{}
	for _, a := range as {
		n := store.NodeOf(a).Node
		id[n.Message] = a.Object.ID
		threads[a.Conversation] = append(threads[a.Conversation], n)
	}
	for _, said := range threads {
		slices.SortFunc(said, conversation.Order)
		for i, r := range said {
			if r.Direction != social.Outbound {
				continue
			}
			var named *conversation.Node
			if j := slices.IndexFunc(said, func(n conversation.Node) bool { return n.Message == r.InReplyTo }); j >= 0 {
				named = &said[j]
			}
			for _, m := range conversation.Answers(r, said[max(0, i-conversation.Window):i], named) {
				out = append(out, answer(id[r.Message], id[m.Message], conversation.Took(m.Occurred, r.Occurred).Seconds()))
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestTweetsAsFlatThreads: real tweets whose replies name the root of their
// tree get the answers that an independent program tells.
func TestTweetsAsFlatThreads(t *testing.T) {
	as, parent := tweets(t)
	really := map[string]bool{}
	inbound := map[string]social.Activity{}
	for _, a := range as {
		if a.Direction == social.Inbound {
			inbound[a.Object.ID] = a
		}
	}
	for _, a := range as {
		if m, ok := inbound[parent[a.Object.ID]]; ok && a.Direction == social.Outbound {
			really[answer(a.Object.ID, m.Object.ID, a.Occurred.Sub(m.Occurred).Seconds())] = true
		}
	}
	for name, change := range map[string]func(*social.Activity){
		"flat":                              func(a *social.Activity) { a.Flat = true },
		"flat, and nobody is addressed":     func(a *social.Activity) { a.Flat, a.Addressed = true, nil },
		"nothing says that they are flat":   func(*social.Activity) {},
		"nothing says so, nobody addressed": func(a *social.Activity) { a.Addressed = nil },
	} {
		t.Run(name, func(t *testing.T) {
			as := slices.Clone(as)
			for i := range as {
				change(&as[i])
			}
			want, got := meantPairs(as), toldPairs(as)
			right := 0
			for _, line := range got {
				if really[line] {
					right++
				}
			}
			t.Logf("%d answers; %d of the %d that the trees tell are among them", len(got), right, len(really))
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("(-independent +ours):\n%.3000s", d)
			}
		})
	}
}

// TestTweetsAsFlatThreadsStored: so they get in the stored views, in whatever
// order the tweets come; held on short threads with several askers, for it takes time.
func TestTweetsAsFlatThreadsStored(t *testing.T) {
	needs.Engine(t, "DYNAMODB")
	all, _ := tweets(t)
	askers, size := map[string]map[string]bool{}, map[string]int{}
	for _, a := range all {
		if askers[a.Conversation] == nil {
			askers[a.Conversation] = map[string]bool{}
		}
		if size[a.Conversation]++; a.Direction == social.Inbound {
			askers[a.Conversation][a.Actor.ID] = true
		}
	}
	as := slices.DeleteFunc(all, func(a social.Activity) bool { return len(askers[a.Conversation]) < 3 || size[a.Conversation] > 12 })
	t.Logf("%d tweets", len(as))
	id := map[string]string{}
	asked := map[[2]string]bool{}
	for i, a := range as {
		as[i].Flat = true
		id[a.ID()], id[store.NodeOf(a).Message] = a.Object.ID, a.Object.ID
		if a.Direction == social.Inbound {
			asked[[2]string{store.ThreadID(a.Platform, a.Scope, a.Conversation), a.Account().AccountID()}] = true
		}
	}
	s := storetest.New(t)
	v := conversations.New(s, quiet)
	shuffled := slices.Clone(as)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for part := range slices.Chunk(shuffled, 100) {
		facts := make([]view.Fact, len(part))
		for i, a := range part {
			facts[i] = view.FactOf(a)
		}
		for _, err := range parallel.Each(t.Context(), len(part), 8, func(i int) error {
			_, err := s.PutActivity(t.Context(), w, part[i])
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Keep(t.Context(), w, facts); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for k := range asked {
		list, _, err := s.ExchangesOf(t.Context(), w, k[0], k[1], "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			got = append(got, answer(id[e.Answer], id[e.Message], conversation.Took(e.Asked, e.Answered).Seconds()))
		}
	}
	slices.Sort(got)
	if d := gocmp.Diff(meantPairs(as), got); d != "" {
		t.Errorf("(-independent +stored):\n%.3000s", d)
	}
	f, err := s.Responses(t.Context(), w, time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	want := conversationtest.Seconds(conversationtest.Pairs(as))
	for i, xs := range [][]float64{f.PerPair, f.PerMessage, f.PerConversation} {
		slices.Sort(want[i])
		if !slices.Equal(want[i], xs) {
			t.Errorf("response time %d: %d answers, by the independent program %d, or others", i, len(xs), len(want[i]))
		}
	}
}
