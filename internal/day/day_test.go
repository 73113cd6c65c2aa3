package day_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/day"
	"rapport/internal/social"
)

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

func tuple(t testing.TB, n int) day.Tuple {
	t.Helper()
	at := t0.Add(time.Duration(n*7919%3_600_000) * time.Millisecond)
	a := social.Activity{Key: fmt.Sprint("k", n), Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("p", n%40)},
		Object: social.Object{ID: fmt.Sprint(n)}, Text: "x", Occurred: at, Direction: social.Inbound, Reading: social.Reading{Language: "en", Sentiment: []string{"negative", "neutral"}[n%2], Intent: "problem"}}
	if n%10 > 2 {
		a.Type, a.Text, a.Language, a.Sentiment, a.Intent = social.React, "", "", "", ""
	}
	edits, edited := 0, time.Time{}
	if n%50 == 1 {
		edits, edited = n%3+1, at.Add(time.Hour)
	}
	out, err := day.Of(a, edits, edited, n%100 == 1)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func block(t testing.TB, n int) day.Block {
	b := day.Block{Sets: []string{"set_a", "set_b"}, Tags: make([][]day.Tag, 2)}
	for i := range n {
		b.Tuples = append(b.Tuples, tuple(t, i))
		b.Tags[0] = append(b.Tags[0], day.Tag{Theme: "thm_1", Near: int16(i)})
		b.Tags[1] = append(b.Tags[1], day.Tag{})
	}
	return b
}

func TestBlocksAreReadAsTheyWereWritten(t *testing.T) {
	for _, n := range []int{0, 1, 25, 1000} {
		b := block(t, n)
		packed := b.Pack()
		got, err := day.Unpack(packed)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b.Sorted().Tuples, got.Tuples); d != "" {
			t.Errorf("%d tuples (-want +got):\n%s", n, d)
		}
		if n > 0 {
			t.Logf("%d tuples: %.1f bytes each", n, float64(len(packed))/float64(n))
		}
		if n == 1000 && len(packed) > 60*n {
			t.Errorf("%d bytes for %d tuples", len(packed), n)
		}
		// In any order it is the same bytes, and the same name under any theme set.
		r := rand.New(rand.NewPCG(1, uint64(n)))
		mixed := day.Block{Sets: b.Sets, Tags: [][]day.Tag{nil, nil}}
		for _, i := range r.Perm(n) {
			mixed.Tuples = append(mixed.Tuples, b.Tuples[i])
			mixed.Tags[0], mixed.Tags[1] = append(mixed.Tags[0], b.Tags[0][i]), append(mixed.Tags[1], b.Tags[1][i])
		}
		if !bytes.Equal(packed, mixed.Pack()) {
			t.Errorf("%d tuples in another order are other bytes", n)
		}
		if b.Name() != (day.Block{Tuples: mixed.Tuples}).Name() {
			t.Errorf("%d tuples: the name depends on the tags", n)
		}
	}
}

func TestTheOneThatKnowsMoreIsKept(t *testing.T) {
	plain := tuple(t, 0)
	edited, again, deleted, tagged := plain, plain, plain, plain
	edited.Edits, edited.Edited = 1, plain.Occurred+1000
	again.Edits, again.Edited = 2, plain.Occurred+2000
	deleted.Edits, deleted.Edited, deleted.Deleted = 1, plain.Occurred+500, true
	tagged.Tagged, tagged.Theme = true, "thm_1"
	for name, c := range map[string]struct {
		in   []day.Tuple
		want day.Tuple
	}{
		"an edit":                     {[]day.Tuple{plain, edited}, edited},
		"the newest edit":             {[]day.Tuple{again, plain, edited}, again},
		"a deletion before all edits": {[]day.Tuple{again, deleted, edited}, deleted},
		"the tagged one":              {[]day.Tuple{plain, tagged}, tagged},
		"an edit that is not tagged":  {[]day.Tuple{tagged, edited}, edited},
		"one of the same":             {[]day.Tuple{plain, plain, plain}, plain},
	} {
		for range 2 {
			if d := cmp.Diff([]day.Tuple{c.want}, day.Merge(slices.Clone(c.in))); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
			slices.Reverse(c.in)
		}
	}
	// One without a time of its own counts at the earliest instant it was known.
	early, late := plain, plain
	early.Undated, late.Undated = true, true
	late.Occurred += 60_000
	between := tuple(t, 1)
	between.Occurred = plain.Occurred + 1
	if got := day.Merge([]day.Tuple{late, between, early}); len(got) != 2 || got[0] != early {
		t.Errorf("%+v", got)
	}
}

func TestUnder(t *testing.T) {
	b := block(t, 30)
	for set, want := range map[string]bool{"set_a": true, "set_b": true, "set_c": false, "": true} {
		for i, u := range b.Under(set) {
			if u.Tagged != want || (u.Theme != "") != (set == "set_a") || set == "set_a" && u.Near != b.Tags[0][i].Near {
				t.Fatalf("under %q: %+v", set, u)
			}
		}
	}
	left, n := b.Without(func(x day.Tuple) bool { return x.Account == b.Tuples[3].Account })
	if n != 1 || len(left.Tuples) != 29 || left.Tags[0][3].Near != 4 {
		t.Errorf("%d taken, %d left", n, len(left.Tuples))
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(block(f, 0).Pack())
	f.Add(block(f, 60).Pack())
	f.Add([]byte{1, 1, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := day.Unpack(b)
		if err != nil {
			return
		}
		again, err := day.Unpack(got.Pack())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got.Sorted().Tuples, again.Tuples); d != "" {
			t.Errorf("(-first +second):\n%s", d)
		}
	})
}

// done is somebody's activity of a type on an object, some minutes after t0.
func done(t *testing.T, minute int, who string, typ social.Type, object string) day.Tuple {
	t.Helper()
	a := social.Activity{Key: fmt.Sprint(who, typ, object, minute), Platform: "standard", Scope: "forum", Type: typ, Actor: social.Actor{ID: who}, Object: social.Object{ID: object},
		Occurred: t0.Add(time.Duration(minute) * time.Minute), Direction: social.Inbound}
	out, err := day.Of(a, 0, time.Time{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReactionsThatWereTakenBackDoNotStand(t *testing.T) {
	newest := []day.Tuple{done(t, 130, "ann", social.Unreact, "1"), done(t, 140, "ann", social.React, "1")}
	oldest := []day.Tuple{done(t, 1, "ann", social.React, "1"), done(t, 2, "bob", social.React, "1"), done(t, 3, "ann", social.React, "2"),
		done(t, 4, "bob", social.React, "3"), done(t, 4, "bob", social.Unreact, "3"), done(t, 5, "ann", social.Post, "1")}
	var taken day.TakenBack
	var stand []string
	for _, hour := range [][]day.Tuple{newest, oldest} {
		taken.Mark(hour)
		for _, x := range hour {
			if x.Stands() {
				stand = append(stand, fmt.Sprint((x.Occurred-t0.UnixMilli())/60_000))
			}
		}
	}
	// ann took back what she did before, not what she did again, nor what she did to another; bob did both in one instant.
	if want := []string{"140", "2", "3", "5"}; !slices.Equal(stand, want) {
		t.Errorf("minutes of what stands: %v, want %v", stand, want)
	}
	for _, typ := range []social.Type{social.Edit, social.Delete, social.Unreact, social.Close, social.Reopen, social.Accept} {
		if done(t, 1, "ann", typ, "1").Stands() {
			t.Errorf("%s is something of its own", typ)
		}
	}
}

func TestMarksAndDoubtsAreKept(t *testing.T) {
	a := social.Activity{Key: "k", Platform: "typeform", Scope: "f", Type: social.Review, Actor: social.Actor{ID: "ann"}, Object: social.Object{ID: "1"}, Text: "great, broken again", Occurred: t0,
		Direction: social.Inbound, Automatic: true, Rating: &social.Rating{Value: 2.5, Worst: 5, Best: 1, Kind: social.Stars, Question: "How was it?"}, Reading: social.Reading{Language: "en", Negative: 0.25}}
	x, err := day.Of(a, 0, time.Time{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := (day.Mark{Kind: social.Stars, Value: 2.5, Worst: 5, Best: 1}); x.Mark != want || x.Mark.Place() != 0.625 || !x.Doubtful || !x.Automatic {
		t.Errorf("%+v at %v; want the mark %+v at 0.625, doubtful, of a machine", x, x.Mark.Place(), want)
	}
	back, err := day.Unpack(day.Block{Tuples: []day.Tuple{x}}.Pack())
	if err != nil || len(back.Tuples) != 1 || back.Tuples[0] != x {
		t.Errorf("%+v, %v; want %+v", back.Tuples, err, x)
	}
	a.Negative = 0.2499
	for _, r := range []social.Rating{{Value: math.NaN(), Best: 5, Kind: social.Stars}, {Value: 1, Best: 5}, {Value: 1, Best: 5, Kind: "of a kind"}} {
		a.Rating = &r
		if x, err := day.Of(a, 0, time.Time{}, false); err != nil || x.Mark != (day.Mark{}) || x.Doubtful {
			t.Errorf("%+v, %v; want no mark of %+v, and no doubt", x, err, r)
		}
	}
}

// former is a block of the former format: a post, a reaction and its taking back.
const former = "AQoAAmVuBWZvcnVtB2luYm91bmQIcG9zaXRpdmUEcG9zdAZwcmFpc2UFcmVhY3QIc3RhbmRhcmQHdW5yZWFjdAADBQMIAgEEBgIHAwgCAAAAAAkDCAIAAAAAAcVN2c9CibX7ifZKijqND4Ha0msLAwCAoJ2xoWjRpayaAV+sLvezQWc2NVEqFRH0HwABwKkHarnx6499M4j0+dWG9m6Z/VQIDfIAAsCpBwFffmvFrq9INyQInpJSzBO1CVGmAA=="

func TestBlocksOfTheFormerFormatAreRead(t *testing.T) {
	packed, err := base64.StdEncoding.DecodeString(former)
	if err != nil {
		t.Fatal(err)
	}
	b, err := day.Unpack(packed)
	if err != nil || len(b.Tuples) != 3 || b.Tuples[0].Intent != social.IntentPraise || b.Tuples[1].Type != social.React || b.Tuples[2].At() != t0.Add(2*time.Minute) {
		t.Fatalf("%+v, %v", b.Tuples, err)
	}
	// They say less: a reaction without an object is not taken back by another without one.
	var taken day.TakenBack
	if taken.Mark(b.Tuples); !b.Tuples[1].Stands() || b.Tuples[0].Doubtful {
		t.Errorf("%+v", b.Tuples)
	}
	again, err := day.Unpack(b.Pack())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.Tuples, again.Tuples); d != "" {
		t.Errorf("written again (-former +now):\n%s", d)
	}
}
