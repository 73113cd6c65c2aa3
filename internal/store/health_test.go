package store_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

const minute = time.Minute

func TestHeardSlotsAreASet(t *testing.T) {
	s, table := storetest.NewTable(t)
	if at, err := s.LastHeard(t.Context(), "w1", "src"); err != nil || !at.IsZero() {
		t.Errorf("never heard: %s, %v", at, err)
	}
	at := []time.Time{t0, t0.Add(4*minute + 59*time.Second), t0.Add(5 * minute), t0.Add(59 * minute), t0.Add(60 * minute), t0.Add(26 * time.Hour), t0.Add(60 * minute)}
	want := []time.Time{t0, t0.Add(5 * minute), t0.Add(55 * minute), t0.Add(60 * minute), t0.Add(26 * time.Hour)}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
	var wg sync.WaitGroup
	for _, x := range at {
		wg.Go(func() {
			for range 2 {
				if err := s.PutHeard(t.Context(), "w1", "src", x); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, x := range []struct {
		what     string
		from, to time.Time
		want     []time.Time
	}{
		{"all", t0, t0.Add(27 * time.Hour), want},
		{"from is included, to is not", t0.Add(5 * minute), t0.Add(60 * minute), want[1:3]},
		{"nothing there", t0.Add(2 * time.Hour), t0.Add(3 * time.Hour), nil},
	} {
		got, err := s.Heard(t.Context(), "w1", "src", x.from, x.to)
		if err != nil || !slices.EqualFunc(got, x.want, time.Time.Equal) {
			t.Errorf("%s: %s, %v; want %s", x.what, got, err, x.want)
		}
	}
	if last, err := s.LastHeard(t.Context(), "w1", "src"); err != nil || !last.Equal(t0.Add(26*time.Hour)) {
		t.Errorf("last heard %s, %v", last, err)
	}
	for _, other := range [][2]string{{"w2", "src"}, {"w1", "src2"}} {
		if got, err := s.Heard(t.Context(), other[0], other[1], t0, t0.Add(48*time.Hour)); err != nil || got != nil {
			t.Errorf("%v: heard %s, %v", other, got, err)
		}
	}
	// The hours expire after 70 days; when it was heard last stays.
	out, err := table.DB.Query(t.Context(), &dynamodb.QueryInput{TableName: &table.Name, KeyConditionExpression: aws.String("PK = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "w1#H#src"}}})
	if err != nil || len(out.Items) != 3 {
		t.Fatalf("%d hours, %v", len(out.Items), err)
	}
	for _, it := range out.Items {
		if it["SK"].(*types.AttributeValueMemberS).Value == "2026-10-05T08" && it["ttl"].(*types.AttributeValueMemberN).Value != "1797235200" { // 14 December 2026, 8:00
			t.Errorf("expires at %s", it["ttl"].(*types.AttributeValueMemberN).Value)
		}
		if _, err := table.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table.Name, Key: map[string]types.AttributeValue{"PK": it["PK"], "SK": it["SK"]}}); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := s.LastHeard(t.Context(), "w1", "src"); err != nil || !last.Equal(t0.Add(26*time.Hour)) {
		t.Errorf("once the hours have expired: last heard %s, %v", last, err)
	}
}

func TestNotesInAnyOrder(t *testing.T) {
	notes := []store.Note{
		{App: "app", Instance: "a", Slot: t0, Refused: 3, Reason: "no signature"},
		{App: "app", Instance: "a", Slot: t0, Refused: 9, Reason: "the signature does not hold"},
		{App: "app", Instance: "a", Slot: t0, Refused: 9, Reason: "a later word"},
		{App: "app", Instance: "a", Slot: t0, Refused: 9},
		{App: "app", Instance: "b#c", Slot: t0, Refused: 1, Reason: "no signature"},
		{App: "app", Instance: "a", Slot: t0.Add(5 * minute), Refused: 2, Reason: "no signature", Handshake: t0.Add(6 * minute)},
		{App: "app", Instance: "b#c", Slot: t0, Handshake: t0.Add(2 * minute)},
		{App: "other", Instance: "a", Slot: t0, Refused: 70, Reason: "no signature"},
	}
	want := []store.Note{{App: "app", Instance: "a", Slot: t0, Refused: 9, Reason: "the signature does not hold"}, notes[4],
		{App: "app", Instance: "a", Slot: t0.Add(5 * minute), Refused: 2, Reason: "no signature"}}
	for seed := range uint64(6) {
		s := storetest.New(t)
		if at, err := s.LastHandshake(t.Context(), "app"); err != nil || !at.IsZero() {
			t.Errorf("no handshake yet: %s, %v", at, err)
		}
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(notes), func(i, j int) { notes[i], notes[j] = notes[j], notes[i] })
		for range 2 {
			for _, n := range notes {
				if err := s.PutNote(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := s.Notes(t.Context(), "app", t0, t0.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
		if at, err := s.LastHandshake(t.Context(), "app"); err != nil || !at.Equal(t0.Add(6*minute)) {
			t.Errorf("seed %d: handshake %s, %v", seed, at, err)
		}
		if early, err := s.Notes(t.Context(), "app", t0, t0.Add(5*minute)); err != nil || len(early) != 2 {
			t.Errorf("before the second slot: %+v, %v", early, err)
		}
		if late, err := s.Notes(t.Context(), "app", t0.Add(5*minute), t0.Add(time.Hour)); err != nil || len(late) != 1 {
			t.Errorf("from the second slot on: %+v, %v", late, err)
		}
	}
}

func TestLeaseAndSilenceAreReplaced(t *testing.T) {
	s := storetest.New(t)
	if _, err := s.Lease(t.Context(), "w1", "src"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no lease: %v", err)
	}
	if _, err := s.Silence(t.Context(), "w1", "src"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no silence: %v", err)
	}
	for _, l := range []store.Lease{{Asked: t0, Error: "503"}, {Asked: t0.Add(minute), Until: t0.Add(time.Hour)}, {Asked: t0.Add(2 * minute), Until: t0.Add(time.Hour), Error: "no"}} {
		if err := s.PutLease(t.Context(), "w1", "src", l); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Lease(t.Context(), "w1", "src"); err != nil || got != l {
			t.Errorf("lease %+v, %v; want %+v", got, err, l)
		}
	}
	for _, q := range []store.Silence{{LastHeard: t0}, {LastHeard: t0, Over: true}, {LastHeard: t0.Add(minute)}} {
		if err := s.PutSilence(t.Context(), "w1", "src", q); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Silence(t.Context(), "w1", "src"); err != nil || got != q {
			t.Errorf("silence %+v, %v; want %+v", got, err, q)
		}
	}
	if list, err := s.Sources(t.Context(), "w1"); err != nil || len(list) != 0 {
		t.Errorf("they pose as sources: %+v, %v", list, err)
	}
}

func TestTheLatestRevocationIsKeptUntilSomethingIsHeard(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		s := storetest.New(t)
		if _, err := s.Revoked(t.Context(), "w1", "src"); !fault.Is(err, fault.NotFound) {
			t.Errorf("none: %v", err)
		}
		all := []store.Revocation{{At: t0, Reason: "the app was removed"}, {At: t0.Add(time.Hour), Reason: "a"}, {At: t0.Add(time.Hour), Reason: "the token was revoked"}}
		for _, i := range order {
			if err := s.PutRevoked(t.Context(), "w1", "src", all[i].At, all[i].Reason); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Revoked(t.Context(), "w1", "src"); err != nil || got != all[2] {
			t.Errorf("order %v: %+v, %v", order, got, err)
		}
	}
	r := store.Revocation{At: t0.Add(2 * minute)}
	if !r.Holds(time.Time{}) || !r.Holds(t0) || !r.Holds(r.At) || r.Holds(t0.Add(5*minute)) {
		t.Error("only a later slot ends a revocation")
	}
}

func TestAnAnnouncementIsMadeOnce(t *testing.T) {
	s := storetest.New(t)
	a := store.Announcement{ID: "ann_1", Kind: "silent", Source: "src", At: t0, Text: "Silent.", Evidence: map[string]string{"last_heard": "then"}}
	var fresh atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			isNew, err := s.Announce(t.Context(), "w1", a)
			if err != nil {
				t.Error(err)
			}
			if isNew {
				fresh.Add(1)
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 {
		t.Errorf("%d of 6 were new, want 1", fresh.Load())
	}
	later := a
	later.At, later.Text = t0.Add(time.Hour), "Still silent."
	if isNew, err := s.Announce(t.Context(), "w1", later); err != nil || isNew {
		t.Errorf("again: new %t, %v", isNew, err)
	}
	got, err := s.Announcement(t.Context(), "w1", a.ID)
	if d := cmp.Diff(a, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if _, err := s.Announcement(t.Context(), "w2", a.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("in another workspace: %v", err)
	}
}

func TestAnnouncementsNewestFirstByPages(t *testing.T) {
	s := storetest.New(t)
	var want []string
	for i := range 11 {
		id := "ann_" + strings.Repeat("x", i%4) + string(rune('a'+i))
		// Two at each instant.
		if _, err := s.Announce(t.Context(), "w1", store.Announcement{ID: id, Kind: "silent", At: t0.Add(time.Duration(i/2) * minute), Text: "Silent."}); err != nil {
			t.Fatal(err)
		}
		want = append(want, t0.Add(time.Duration(i/2)*minute).Format(time.RFC3339)+" "+id)
	}
	slices.Sort(want)
	slices.Reverse(want)
	if _, err := s.Announce(t.Context(), "w2", store.Announcement{ID: "ann_other", Kind: "silent", At: t0}); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 3, 4, 11, 50} {
		var got []string
		after := ""
		for range 20 {
			page, last, err := s.Announcements(t.Context(), "w1", after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				got = append(got, a.At.Format(time.RFC3339)+" "+a.ID)
			}
			if len(page) < limit {
				break
			}
			after = last
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("by %d: %s", limit, d)
		}
	}
}
