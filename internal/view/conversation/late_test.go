package conversation_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	conversations "rapport/internal/view/conversation"
)

// held stops a client before one of its requests, and then before another,
// while something else happens.
type held struct {
	n        atomic.Int64
	at       [2]int64
	meantime [2]func()
}

func (h *held) Do(r *http.Request) (*http.Response, error) {
	n := h.n.Add(1)
	for i := range h.at {
		if n == h.at[i] {
			h.meantime[i]()
		}
	}
	return http.DefaultClient.Do(r)
}

// A reply is among the asker's exchanges, also if the messages above the
// asker's arrive while it is written, and what stands below them moves up.
func TestParentsArriveWhileAReplyIsWritten(t *testing.T) {
	top := said("asker0", "top", 0, social.Inbound, nil)
	under := func(id, parent string, minute int, dir social.Direction) social.Activity {
		who := map[social.Direction]string{social.Inbound: "asker1", social.Outbound: "brand"}[dir]
		return said(who, id, minute, dir, func(a *social.Activity) { a.Type, a.InReplyTo = social.Reply, parent })
	}
	second, third := under("second", "top", 10, social.Inbound), under("third", "second", 20, social.Inbound)
	asked, reply := under("asked", "third", 30, social.Inbound), under("reply", "asked", 40, social.Outbound)
	all := []social.Activity{top, second, third, asked, reply}

	table := func() (*store.Store, storetest.Table) {
		s, table := storetest.NewTable(t)
		for _, a := range all {
			if _, err := s.PutActivity(t.Context(), w, a, "test"); err != nil {
				t.Fatal(err)
			}
		}
		return s, table
	}
	view1 := func(s *store.Store, as ...social.Activity) {
		for _, a := range as {
			if err := conversations.New(s, quiet).Keep(t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	dump := func(table storetest.Table) map[string]string {
		return table.DumpBut(t, func(pk, sk string) []string {
			return (*conversations.View)(nil).Arrival(pk[len(w)+1:], sk)
		})
	}
	s, clean := table()
	view1(s, all...)
	want := dump(clean)

	found := 0
	for _, parents := range [][2][]social.Activity{{{third, second, top}}, {{third}, {second, top}}} {
		for first := int64(1); ; first++ {
			done := false
			for second := first; ; second += 12 {
				s, late := table()
				view1(s, asked)
				cfg, err := config.LoadDefaultConfig(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				h := &held{at: [2]int64{first, second}}
				for i, part := range parents {
					h.meantime[i] = func() { view1(s, part...) }
				}
				cfg.HTTPClient = h
				view1(store.New(cfg, late.Name), reply)
				last := h.n.Load() < second || len(parents[1]) == 0
				if h.n.Load() < first {
					done = true
					break
				}
				if h.n.Load() < second {
					view1(s, parents[1]...)
				}
				if d := cmp.Diff(want, dump(late)); d != "" {
					t.Errorf("parents %s, before requests %d and %d (-want +got):\n%s", fmt.Sprint(len(parents[0])), first, second, d)
					if found++; found > 2 {
						t.FailNow()
					}
				}
				if last {
					break
				}
			}
			if done {
				break
			}
		}
	}
}
