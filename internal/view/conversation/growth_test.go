package conversation_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/conversation"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	conversations "rapport/internal/view/conversation"
)

type item = map[string]types.AttributeValue

// items reads a whole table.
func items(t *testing.T, table storetest.Table) (out []item) {
	t.Helper()
	p := dynamodb.NewScanPaginator(table.DB, &dynamodb.ScanInput{TableName: &table.Name, ConsistentRead: aws.Bool(true)})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Items...)
	}
	return out
}

// copied is an item with other words in place of some.
func copied(it item, words *strings.Replacer) item {
	out := item{}
	for k, v := range it {
		switch x := v.(type) {
		case *types.AttributeValueMemberS:
			v = &types.AttributeValueMemberS{Value: words.Replace(x.Value)}
		case *types.AttributeValueMemberN:
			v = &types.AttributeValueMemberN{Value: words.Replace(x.Value)}
		}
		out[k] = v
	}
	return out
}

// multiply puts n copies of items into the table, changed by words(i).
func multiply(t *testing.T, table storetest.Table, its []item, n int, words func(i int) *strings.Replacer) {
	t.Helper()
	per := 25 / len(its)
	errs := parallel.Each(t.Context(), (n+per-1)/per, 8, func(b int) error {
		var puts []types.WriteRequest
		for i := b * per; i < min(n, (b+1)*per); i++ {
			for _, it := range its {
				puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: copied(it, words(i))}})
			}
		}
		for len(puts) > 0 {
			out, err := table.DB.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table.Name: puts}})
			if err != nil {
				return err
			}
			puts = out.UnprocessedItems[table.Name]
		}
		return nil
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// units views one more activity and returns what it consumed.
func units(t *testing.T, s *store.Store, a social.Activity) (read, write float64) {
	t.Helper()
	if _, err := s.PutActivity(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	lock := make(chan bool, 1)
	s.Consumed = func(r, w float64) { lock <- true; read, write = read+r, write+w; <-lock }
	defer func() { s.Consumed = nil }()
	if err := conversations.New(s, quiet).Keep(t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
		t.Fatal(err)
	}
	return read, write
}

func named(a *social.Activity) { a.Conversation = "named" }

func replying(to string) func(*social.Activity) {
	return func(a *social.Activity) { a.Conversation, a.InReplyTo = "named", to }
}

// TestGrowth: one more message costs as much in a conversation of thousands of
// exchanges as in a new one, and in a thread of thousands of askers.
// GROWTH=50000 sets the number of askers.
func TestGrowth(t *testing.T) {
	type cost struct{ askRead, askWrite, replyRead, replyWrite float64 }
	measure := func(s *store.Store) (c cost) {
		last := 10_000_000
		c.askRead, c.askWrite = units(t, s, said("ann", "last", last, social.Inbound, named))
		c.replyRead, c.replyWrite = units(t, s, said("brand", "reply-to-last", last+1, social.Outbound, replying("last")))
		return c
	}
	grown := func(what string, one, many cost) {
		t.Logf("%s: a message %.1f RRU %.1f WRU, a reply %.1f RRU %.1f WRU", what, many.askRead, many.askWrite, many.replyRead, many.replyWrite)
		for name, x := range map[string][2]float64{"reads of a message": {one.askRead, many.askRead}, "writes of a message": {one.askWrite, many.askWrite},
			"reads of a reply": {one.replyRead, many.replyRead}, "writes of a reply": {one.replyWrite, many.replyWrite}} {
			if x[1] > 1.2*x[0] {
				t.Errorf("%s: %s: %.1f units, and %.1f in a short one", what, name, x[1], x[0])
			}
		}
	}
	ask, reply := said("ann", "1", 0, social.Inbound, named), said("brand", "2", 7, social.Outbound, replying("1"))
	var one cost
	for _, exchanges := range []int{1, 100, 2000} {
		s, table := storetest.NewTable(t)
		keep(t, s, []social.Activity{ask}, 1)
		keep(t, s, []social.Activity{reply}, 1)
		var its []item
		for _, it := range items(t, table) {
			if pk, sk := text(it["PK"]), text(it["SK"]); strings.Contains(pk, "#C#msg_") || strings.HasPrefix(sk, "M#") || strings.HasPrefix(sk, "X#") && strings.Count(pk, "#") > 1 {
				its = append(its, it)
			}
		}
		if len(its) != 7 { // two places, a reply to the message, the message, the exchange, two responses of the day
			t.Fatalf("%d items to copy", len(its))
		}
		multiply(t, table, its, exchanges-1, func(i int) *strings.Replacer {
			at := func(a social.Activity) time.Time { return a.Occurred.Add(time.Duration(i+1) * 20 * time.Minute) }
			id := func(id string, kind string) []string {
				return []string{id, kind + strings.Repeat("0", len(id)-len(kind)-6) + fmt.Sprintf("%06d", i)}
			}
			var words []string
			for _, a := range []social.Activity{ask, reply} {
				words = append(words, social.Stamp(a.Occurred), social.Stamp(at(a)), strconv.FormatInt(a.Occurred.UnixMilli(), 10), strconv.FormatInt(at(a).UnixMilli(), 10))
				words = append(words, id(a.ID(), "act_"+a.Object.ID)...)
				words = append(words, id(store.NodeOf(a).Message, "msg_"+a.Object.ID)...)
			}
			return strings.NewReplacer(words...)
		})
		c := measure(s)
		if exchanges == 1 {
			one = c
		}
		grown(fmt.Sprint(exchanges, " exchanges"), one, c)
		if got, _, err := s.ExchangesOf(t.Context(), w, store.ThreadID("standard", "forum", "named"), ask.Account().AccountID(), "", 5000); err != nil || len(got) != exchanges+1 {
			t.Errorf("%d exchanges, %v; want %d", len(got), err, exchanges+1)
		}
		for k, v := range table.Dump(t) {
			if strings.Contains(v, "Asker:") && len(v) > 1000 {
				t.Errorf("the head %s has %d bytes", k, len(v))
			}
		}
	}

	// One who says in private what nobody asked: once there are as many as are
	// looked at, each costs as much as the one before.
	s0, _ := storetest.NewTable(t)
	private := func(a *social.Activity) { a.Conversation, a.Type = "private", social.Message }
	keep(t, s0, []social.Activity{said("ann", "p", 0, social.Inbound, private)}, 1)
	var told [2]float64
	for i := range 2*conversation.Window + 1 {
		r, wr := units(t, s0, said("brand", fmt.Sprint("told", i), 10+i, social.Outbound, private))
		switch i {
		case conversation.Window:
			told[0] = r + wr
		case 2 * conversation.Window:
			told[1] = r + wr
		}
	}
	if told[1] > 1.2*told[0] {
		t.Errorf("the 51st message in a row that nobody asked for costs %.1f units, the 101st %.1f", told[0], told[1])
	}

	askers := 2000
	if n, err := strconv.Atoi(os.Getenv("GROWTH")); err == nil {
		askers = n
	}
	s := beside(t, ask, askers)
	fresh := func(s *store.Store) (c cost) { // somebody who never asked there
		c.askRead, c.askWrite = units(t, s, said("cyd", "first", 20_000_000, social.Inbound, replying("1")))
		c.replyRead, c.replyWrite = units(t, s, said("brand", "to-first", 20_000_001, social.Outbound, replying("first")))
		return c
	}
	many := fresh(s)
	grown(fmt.Sprint("a new asker beside ", askers), fresh(beside(t, ask, conversation.Window)), many)
}

// beside is a thread in which so many asked, each as the first did.
func beside(t *testing.T, ask social.Activity, askers int) *store.Store {
	t.Helper()
	s, table := storetest.NewTable(t)
	keep(t, s, []social.Activity{ask}, 1)
	var its []item
	for _, it := range items(t, table) {
		if strings.Contains(text(it["PK"]), "#C#") {
			its = append(its, it)
		}
	}
	multiply(t, table, its, askers, func(i int) *strings.Replacer {
		id := func(id string) string { return id[:4] + strings.Repeat("0", len(id)-10) + fmt.Sprintf("%06d", i) }
		n := store.NodeOf(ask)
		return strings.NewReplacer(n.Account, id(n.Account), n.Activity, id(n.Activity), n.Message, id(n.Message))
	})
	return s
}

func text(v types.AttributeValue) string {
	if x, ok := v.(*types.AttributeValueMemberS); ok {
		return x.Value
	}
	return ""
}
