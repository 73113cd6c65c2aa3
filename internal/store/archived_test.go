package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// A workspace finds its own objects by the day, page by page, and who is named
// is found where it is.
func TestArchivedObjects(t *testing.T) {
	s := storetest.New(t)
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	var want []string
	for i := range 3 {
		object := fmt.Sprintf("2026-11-0%d/x%d", 1+i, i)
		for range 2 { // written again, it is one
			if err := s.PutArchived(t.Context(), []string{"acme", "other"}, object); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, object)
	}
	if err := s.PutArchived(t.Context(), []string{"other"}, "2026-11-02/theirs"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to time.Time
		want     []string
	}{{day.Add(-24 * time.Hour), day.Add(24 * time.Hour), want}, {day.Add(23 * time.Hour), day.Add(23 * time.Hour), want[1:2]}, {day.Add(72 * time.Hour), day.Add(96 * time.Hour), nil}} {
		var got []string
		if err := s.Archived(t.Context(), "acme", c.from, c.to, func(o string) error { got = append(got, o); return nil }); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s to %s (-want +got)\n%s", c.from, c.to, d)
		}
	}

	places := []store.Mention{{Account: "acc_a", Place: "2026-11-01/x0"}, {Account: "acc_a", Place: "2026-11-02/x1"}, {Account: "acc_b", Place: "2026-11-01/x0"}, {Account: "acc_a", Place: "parked/acme/dlv_1"}}
	if err := s.PutNamed(t.Context(), "acme", places); err != nil {
		t.Fatal(err)
	}
	list := func(after string, limit int) []string {
		got, err := s.Named(t.Context(), "acme", "acc_a", after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if d := cmp.Diff([]string{"2026-11-02/x1", "parked/acme/dlv_1"}, list("2026-11-01/x0", 2)); d != "" {
		t.Error(d)
	}
	if err := s.DeleteNamed(t.Context(), "acme", places[0]); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2026-11-02/x1"}, list("", 1)); d != "" {
		t.Error(d)
	}
}
