package scoring

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"rapport/internal/social"
)

func TestRoots(t *testing.T) {
	root := new(big.Float).SetPrec(300).SetInt64(1)
	root.Quo(root, big.NewFloat(2))
	for j := range roots {
		root.Sqrt(root) // 2^(-1/2^(j+1))
		want, _ := new(big.Float).SetMantExp(root, 64).Uint64()
		if roots[j] != want {
			t.Errorf("roots[%d] is %#x, want %#x", j, roots[j], want)
		}
	}
}

func TestHalving(t *testing.T) {
	day := days(1)
	for _, tt := range []struct {
		micro, age, halfLife, want int64
	}{
		{5e6, 0, 7 * day, 5e6},
		{5e6, 7 * day, 7 * day, 2.5e6},
		{5e6, 14 * day, 7 * day, 1.25e6},
		{-5e6, 7 * day, 7 * day, -2.5e6},
		{-3, 7 * day, 7 * day, -1},                // -1.5 rounds toward zero
		{1e11, 40 * day, 3650 * day, 99243264434}, // 1e11 · 2^(-4/365) = 99243264422.4: within 2^-31
		{1e11, 63 * day, day, 0},
		{math.MaxInt64, 62 * day, day, 1},         // nearly
		{1e6, 3650 * day / 2, 3650 * day, 707106}, // 1/√2
	} {
		if got := halving(tt.micro, tt.age, tt.halfLife); got != tt.want {
			t.Errorf("halving(%d, %d, %d) is %d, want %d", tt.micro, tt.age, tt.halfLife, got, tt.want)
		}
	}
}

// The product in a few steps gives what the product of all roots gives, also
// for numbers so large that the difference often matters.
func TestPartIsTheProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	differ := 0
	for range 200_000 {
		v, fraction := r.Uint64()>>r.IntN(60), r.Uint32()>>r.IntN(32)
		want, _ := bits.Mul64(v, product(fraction, 0, 32))
		if got := part(v, fraction); got != want {
			t.Fatalf("%d times 2^-(%d/2^32) is %d, want %d", v, fraction, got, want)
		}
		few := tables[0][fraction>>24]
		for i, shift := range []int{16, 8, 0} {
			few, _ = bits.Mul64(few, tables[i+1][fraction>>shift&255])
		}
		if off := int64(few - product(fraction, 0, 32)); off > 40 || off < -40 {
			t.Fatalf("2^-(%d/2^32) is off by %d", fraction, off)
		}
		if got, _ := bits.Mul64(v, few); got != want {
			differ++
		}
	}
	if differ < 100 {
		t.Errorf("only in %d cases it matters", differ)
	}
}

func FuzzDecayNeverGrows(f *testing.F) {
	f.Add(int64(5e6), int64(1), int64(1), uint16(7))
	f.Add(int64(1e11), days(7)-1, int64(1), uint16(7))
	f.Add(int64(1e11), days(1825)-1, int64(1), uint16(3650))
	f.Add(int64(99_999_999_999), days(3)+days(1)/2-1, int64(2), uint16(1))
	f.Fuzz(func(t *testing.T, micro, age, more int64, n uint16) {
		const most = maxPoints * million
		if micro > most || micro < -most || age < 0 || more < 0 || age > days(2*maxDays) || more > days(maxDays) || n == 0 || n > maxDays {
			return
		}
		for _, d := range []*Decay{nil, {HalfLifeDays: int(n)}, {ExpiresDays: int(n)}, {EveryDays: int(n), Factor: 900_001}} {
			young, old := d.value(micro, age), d.value(micro, age+more)
			if magnitude(old) > magnitude(young) || magnitude(young) > magnitude(micro) || young != 0 && (young < 0) != (micro < 0) {
				t.Errorf("%d becomes %d at the age of %d and %d at %d, decay %+v", micro, young, age, old, age+more, d)
			}
			if d != nil && d.HalfLifeDays > 0 {
				want := float64(micro) * math.Exp2(-float64(age)/float64(days(int(n))))
				if off := math.Abs(float64(young) - want); off > 1+math.Abs(want)*1e-9 {
					t.Errorf("half-life %d days, age %d ms: %d micro-points become %d, want about %f", n, age, micro, young, want)
				}
			}
		}
	})
}

func TestTailIsExact(t *testing.T) {
	for _, tt := range []struct{ k, n, part, whole int }{{1, 1, 7, 97}, {4, 5, 7, 97}, {3, 33, 7, 97}, {5, 40, 1, 2}, {40, 40, 1, 31}, {1, 200, 30, 60}, {150, 400, 7, 37}} {
		want, q := new(big.Rat), big.NewRat(int64(tt.part), int64(tt.whole))
		rest := new(big.Rat).Sub(big.NewRat(1, 1), q)
		power := func(r *big.Rat, n int) *big.Rat {
			e := big.NewInt(int64(n))
			return new(big.Rat).SetFrac(new(big.Int).Exp(r.Num(), e, nil), new(big.Int).Exp(r.Denom(), e, nil))
		}
		for i := tt.k; i <= tt.n; i++ {
			term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(tt.n), int64(i)))
			want.Add(want, term.Mul(term, power(q, i)).Mul(term, power(rest, tt.n-i)))
		}
		got, _ := tail(tt.k, tt.n, tt.part, tt.whole).Rat(nil)
		off := new(big.Rat).Quo(new(big.Rat).Sub(got, want), want)
		if off.Abs(off).Cmp(new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 128))) > 0 {
			t.Errorf("tail(%d, %d, %d, %d) is off by %s, relatively", tt.k, tt.n, tt.part, tt.whole, off.FloatString(60))
		}
	}
}

func TestHoldBoundsEveryWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	cuts := 0
	for range 200 {
		type term struct{ micro, at int64 }
		var terms []term
		sign := int64(1 - 2*r.IntN(2))
		for range 1 + r.IntN(40) {
			terms = append(terms, term{sign * 3, r.Int64N(100)})
		}
		slices.SortFunc(terms, func(a, b term) int { return int(a.at - b.at) })
		// Every other time is one that is not among those found.
		var times []int64
		var found []int32
		for i, x := range terms {
			times = append(times, x.at, x.at)
			found = append(found, int32(2*i+1))
		}
		if shares := hold(times, found, sign*3, 10, 15); shares != nil {
			cuts++
			for i := range terms {
				terms[i].micro = shares[i]
			}
		}
		for i, x := range terms {
			var sum int64 // of those within the window that ends with x
			for _, y := range terms[:i+1] {
				if y.at > x.at-15 {
					sum += y.micro * sign
				}
			}
			if x.micro*sign < 3 && sum != 10 {
				t.Fatalf("%d is cut at %d, though only %d of 10 are used: %v", x.micro, x.at, sum, terms)
			}
		}
		for from := int64(-15); from <= 100; from++ {
			var sum int64
			for _, x := range terms {
				if x.at > from && x.at <= from+15 {
					sum += x.micro * sign
				}
			}
			if sum > 10 {
				t.Fatalf("%d within (%d, %d], at most 10 are allowed: %v", sum, from, from+15, terms)
			}
		}
	}
	if cuts == 0 || cuts == 200 {
		t.Errorf("%d of 200 were cut", cuts)
	}
}

// outline is what of a score stays until its NextChange.
func outline(t *testing.T, m Model, facts []social.Activity, at time.Time) string {
	t.Helper()
	s, err := Evaluate(m, facts, at)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(s.Contributions, func(a, b Contribution) int { return slices.Compare([]string{a.Rule}, []string{b.Rule}) })
	out := fmt.Sprint(s.Engagement)
	for _, c := range s.Contributions {
		out += fmt.Sprintf("; %s %v", c.Rule, c.Evidence)
		if c.Rule == "rate" {
			out += Decimal(c.Micro)
		}
	}
	return out
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func parse(t *testing.T, thresholds, rules string) Model {
	t.Helper()
	m, err := ParseModel([]byte(`{"id": "m", "version": 1, "horizon_days": 20, "engagement": [` + thresholds + `], "rules": [` + rules + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	rise = `{"id": "up", "kind": "activity", "label": {"one": "x", "many": "x"}, "when": {"types": ["post"]}, "points": "4", "decay": {"half_life_days": 3}}`
	fall = `{"id": "down", "kind": "activity", "label": {"one": "x", "many": "x"}, "when": {"types": ["visit"]}, "points": "-3", "decay": {"half_life_days": 1}}`
	fade = `{"id": "fade", "kind": "activity", "label": {"one": "x", "many": "x"}, "when": {"types": ["react"]}, "points": "3", "decay": {"expires_days": 6}, "cap": "5"}`
	both = `{"id": "pattern", "kind": "pattern", "within_days": 5, "at_least": 2, "points": "3", "behaviours": [{"label": "a", "when": {"types": ["post"]}}, {"label": "b", "when": {"types": ["visit"]}}]}`
	rate = `{"id": "rate", "kind": "rate", "label": {"one": "x", "many": "x"}, "when": {"types": ["visit", "post"]}, "recent_days": 2, "baseline_days": 9, "at_least": 2, "p_below": "0.2", "points": "4"}`
)

// done is an activity so many days before start.
func done(id string, t social.Type, daysAgo float64) social.Activity {
	return social.Activity{Key: id, Platform: "p", Type: t, Actor: social.Actor{ID: "u"}, Object: social.Object{ID: id},
		Direction: social.Inbound, Occurred: start.Add(-time.Duration(daysAgo * float64(24*time.Hour)))}
}

func TestNextChangeIs(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name              string
		thresholds, rules string
		facts             []social.Activity
		want              time.Duration // after start; 0 is never
	}{
		{"never without facts", "2, 5, 9", rise, nil, 0},
		{"the millisecond after 4 points have become 2", "2, 5, 9", rise, []social.Activity{done("a", social.Post, 0)}, 3*day + time.Millisecond},
		{"the horizon, where decay crosses no threshold", "5, 6, 9", rise, []social.Activity{done("a", social.Post, 1)}, 19 * day},
		{"the older behaviour leaves a pattern", "2, 5, 9", both, []social.Activity{done("a", social.Post, 3), done("b", social.Visit, 1)}, 2 * day},
		{"the person has been known for long enough", "2, 5, 9", rate, []social.Activity{done("a", social.Post, 10.5), done("b", social.Visit, 0.5), done("c", social.Visit, 0.5)}, 12 * time.Hour},
		{"an activity leaves the baseline", "2, 5, 9", rate, []social.Activity{done("z", social.React, 15), done("a", social.Post, 10.5), done("b", social.Visit, 0.5), done("c", social.Visit, 0.5)}, 12 * time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Evaluate(parse(t, tt.thresholds, tt.rules), tt.facts, start)
			if err != nil {
				t.Fatal(err)
			}
			var want time.Time
			if tt.want != 0 {
				want = start.Add(tt.want)
			}
			if !s.NextChange.Equal(want) {
				t.Errorf("got %s, want %s", s.NextChange, want)
			}
		})
	}
}

// The score 4·2^(-t/3) - 3·2^-t rises from 1 to 1.79 and falls to 0: it is
// above 1.7 for a while only, and on neither end of what is searched.
func TestNextChangeSeesARiseBetween(t *testing.T) {
	m := parse(t, "1.7, 5, 9", rise+","+fall)
	facts := []social.Activity{done("a", social.Post, 0), done("b", social.Visit, 0)}
	at := func(i time.Time) int {
		s, err := Evaluate(m, facts, i)
		if err != nil {
			t.Fatal(err)
		}
		return s.Engagement
	}
	s, err := Evaluate(m, facts, start)
	if err != nil {
		t.Fatal(err)
	}
	if next := s.NextChange; at(next) != 3 || at(next.Add(-time.Millisecond)) != 4 || next.Sub(start) > 48*time.Hour {
		t.Errorf("got %s with engagement %d, a millisecond before %d; want the first instant of engagement 3", next, at(next), at(next.Add(-time.Millisecond)))
	}
}

// TestNextChange compares with brute force: time is scanned in steps of ten
// minutes, and at the instant found and a millisecond before.
func TestNextChange(t *testing.T) {
	const usual = "2, 5, 9"
	models := []Model{parse(t, usual, rise), parse(t, usual, rise+","+fall), parse(t, usual, fade+","+fall), parse(t, usual, both+","+rise), parse(t, usual, rise+","+fall+","+fade+","+both), parse(t, usual, rate+","+fall)}
	r := rand.New(rand.NewPCG(7, 8))
	grades, edges, never := 0, 0, 0
	for i := range 240 {
		m := models[i%len(models)]
		var facts []social.Activity
		for j := range r.IntN(6) {
			facts = append(facts, done(fmt.Sprint(j), []social.Type{social.Post, social.Visit, social.React}[r.IntN(3)], float64(r.Int64N(days(12)))/float64(days(1))))
		}
		s, err := Evaluate(m, facts, start)
		if err != nil {
			t.Fatal(err)
		}
		before := outline(t, m, facts, start)
		end := s.NextChange
		if end.IsZero() {
			never++
			end = start.AddDate(0, 0, 40)
		}
		for at := start; at.Before(end); at = at.Add(10 * time.Minute) {
			if got := outline(t, m, facts, at); got != before {
				t.Fatalf("case %d: next change at %s, but already at %s %q is %q", i, s.NextChange, at, before, got)
			}
		}
		if s.NextChange.IsZero() {
			continue
		}
		if got := outline(t, m, facts, end.Add(-time.Millisecond)); got != before {
			t.Fatalf("case %d: a millisecond before the next change %q is %q", i, before, got)
		}
		after, err := Evaluate(m, facts, end)
		if err != nil {
			t.Fatal(err)
		}
		if after.Engagement != s.Engagement {
			grades++
		} else if outline(t, m, facts, end) != before {
			edges++
		} else if i%len(models) != 5 {
			t.Fatalf("case %d: nothing changes at the next change %s", i, end)
		}
	}
	if grades < 30 || edges < 60 || never < 5 {
		t.Errorf("saw %d changes of engagement, %d of windows and %d scores that never change: too few of one", grades, edges, never)
	}
}
