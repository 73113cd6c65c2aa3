package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rapport/internal/stats"
)

// scored are cases whose scores have many ties.
func scored(seed uint64, n int, good float64) (positive []bool, score []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for range n {
		p := rng.IntN(3) == 0
		s := rng.NormFloat64()
		if p {
			s += good
		}
		positive, score = append(positive, p), append(score, math.Round(4*s))
	}
	return positive, score
}

// pairwise is the AUC by its definition.
func pairwise(positive []bool, score []float64) float64 {
	wins, pairs := 0.0, 0.0
	for i := range positive {
		for j := range positive {
			if positive[i] && !positive[j] {
				pairs++
				wins += psi(score[i], score[j])
			}
		}
	}
	return wins / pairs
}

func psi(x, y float64) float64 {
	switch {
	case x > y:
		return 1
	case x == y:
		return 0.5
	}
	return 0
}

func TestAUCIsTheShareOfPairs(t *testing.T) {
	for seed := range uint64(20) {
		positive, score := scored(seed, 80, 0.7)
		got, ok := stats.AUC(positive, score)
		if want := pairwise(positive, score); !ok || !near(got, want, 1e-12) {
			t.Fatalf("seed %d: %v, %v, want %v", seed, got, ok, want)
		}
	}
}

func TestAUCKnowsOnlyTheOrder(t *testing.T) {
	for seed := range uint64(20) {
		positive, score := scored(seed, 100, 0.5)
		mapped, turned := make([]float64, len(score)), make([]float64, len(score))
		for i, s := range score {
			mapped[i], turned[i] = math.Atan(s)+7, -s
		}
		a, _ := stats.AUC(positive, score)
		b, _ := stats.AUC(positive, mapped)
		c, _ := stats.AUC(positive, turned)
		if a != b || !near(a+c, 1, 1e-12) {
			t.Fatalf("seed %d: %v, rising map %v, turned round %v", seed, a, b, c)
		}
	}
}

func TestAUCOfWhatCannotBeOrderedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		positive []bool
		score    []float64
	}{
		"nothing":      {nil, nil},
		"one class":    {[]bool{true, true}, []float64{1, 2}},
		"lengths":      {[]bool{true, false}, []float64{1}},
		"not a number": {[]bool{true, false}, []float64{1, math.NaN()}},
	} {
		if a, ok := stats.AUC(c.positive, c.score); ok {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// deLong is the variance of a difference by the formulas (4) to (6) of the paper, as they stand.
func deLong(positive []bool, a, b []float64) (difference, variance float64) {
	components := func(score []float64, of bool) (v []float64) {
		for i := range positive {
			if positive[i] != of {
				continue
			}
			sum, n := 0.0, 0.0
			for j := range positive {
				if positive[j] == of {
					continue
				}
				n++
				if of {
					sum += psi(score[i], score[j])
				} else {
					sum += psi(score[j], score[i])
				}
			}
			v = append(v, sum/n)
		}
		return v
	}
	covariance := func(x, y []float64) float64 {
		mx, my, s := 0.0, 0.0, 0.0
		for i := range x {
			mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
		}
		for i := range x {
			s += (x[i] - mx) * (y[i] - my)
		}
		return s / float64(len(x)-1)
	}
	for _, of := range []bool{true, false} {
		va, vb := components(a, of), components(b, of)
		variance += (covariance(va, va) + covariance(vb, vb) - 2*covariance(va, vb)) / float64(len(va))
	}
	return pairwise(positive, b) - pairwise(positive, a), variance
}

func TestTheDifferenceIsDeLongs(t *testing.T) {
	for seed := range uint64(10) {
		positive, a := scored(seed, 90, 0.5)
		b := make([]float64, len(a))
		rng := rand.New(rand.NewPCG(seed, 1))
		for i := range b {
			b[i] = a[i] + math.Round(3*rng.NormFloat64())
		}
		d, lo, hi, ok := stats.AUCDifference(positive, a, b, nil, 0.95)
		want, variance := deLong(positive, a, b)
		half := 1.959963984540054 * math.Sqrt(variance)
		if !ok || !near(d, want, 1e-12) || !near(lo, want-half, 1e-9) || !near(hi, want+half, 1e-9) {
			t.Fatalf("seed %d: %v [%v, %v], want %v [%v, %v]", seed, d, lo, hi, want, want-half, want+half)
		}
	}
}

// Who says everything three times is no surer than who says it once.
func TestCasesOfOnePersonAreNoMoreThanOne(t *testing.T) {
	positive, a := scored(3, 200, 0.5)
	_, b := scored(4, 200, 0.5)
	_, lo, hi, _ := stats.AUCDifference(positive, a, b, nil, 0.95)
	var unit []int
	for i := range positive {
		unit = append(unit, i)
	}
	_, lo3, hi3, _ := stats.AUCDifference(slices.Concat(positive, positive, positive), slices.Concat(a, a, a), slices.Concat(b, b, b), slices.Concat(unit, unit, unit), 0.95)
	_, lo1, hi1, _ := stats.AUCDifference(slices.Concat(positive, positive, positive), slices.Concat(a, a, a), slices.Concat(b, b, b), nil, 0.95)
	if r := (hi3 - lo3) / (hi - lo); r < 0.98 || r > 1.01 {
		t.Errorf("three times the same people: %v of the width of once", r)
	}
	if r := (hi1 - lo1) / (hi - lo); r > 0.6 {
		t.Errorf("three times as many people: %v of the width", r)
	}
}

func TestIsotonic(t *testing.T) {
	got := stats.Isotonic([]float64{1, 3, 2, 4, 0}, []float64{1, 1, 1, 1, 2})
	if want := []float64{1, 1.8, 1.8, 1.8, 1.8}; !slices.EqualFunc(got, want, func(a, b float64) bool { return near(a, b, 1e-12) }) {
		t.Errorf("%v, want %v", got, want)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		y, w := make([]float64, 12), make([]float64, 12)
		var sy, sf float64
		for i := range y {
			y[i], w[i] = rng.NormFloat64(), rng.Float64()+0.1
		}
		fit := stats.Isotonic(y, w)
		for i := range y {
			sy, sf = sy+w[i]*y[i], sf+w[i]*fit[i]
		}
		if !slices.IsSorted(fit) || !near(sy, sf, 1e-9) {
			t.Fatalf("%v of %v: not rising, or another mean", fit, y)
		}
		// No other rising function is nearer.
		other := make([]float64, len(y))
		for i := range other {
			other[i] = fit[i] + 0.1*rng.NormFloat64()
		}
		slices.Sort(other)
		distance := func(f []float64) (d float64) {
			for i := range y {
				d += w[i] * (y[i] - f[i]) * (y[i] - f[i])
			}
			return d
		}
		if distance(other) < distance(fit) {
			t.Fatalf("%v is nearer to %v than %v", other, y, fit)
		}
	}
}

// Of printed tables of the chi-squared distribution.
func TestChiSquaredAbove(t *testing.T) {
	for _, c := range []struct {
		x    float64
		df   int
		want float64
	}{{3.841, 1, 0.05}, {18.307, 10, 0.05}, {10.828, 1, 0.001}, {5, 0, 1}, {0, 3, 1}} {
		if got := stats.ChiSquaredAbove(c.x, c.df); !near(got, c.want, 5e-5) {
			t.Errorf("above %v with %d: %v, want %v", c.x, c.df, got, c.want)
		}
	}
}

func TestExactAbove(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{{0, 10, 0}, {20, 20, math.Pow(0.025, 1.0/20)}, {1, 10, 1 - math.Pow(0.975, 0.1)}, {8, 10, 0.4439}} { // R: binom.test(8, 10)
		if got, ok := stats.ExactAbove(c.k, c.n, 0.975); !ok || !near(got, c.want, 5e-5) {
			t.Errorf("%d of %d: %v, %v, want %v", c.k, c.n, got, ok, c.want)
		}
	}
	if _, ok := stats.ExactAbove(3, 2, 0.95); ok {
		t.Error("3 of 2 has an answer")
	}
}

func TestPSI(t *testing.T) {
	if got, ok := stats.PSI([]int{50, 30, 20}, []int{500, 300, 200}); !ok || !near(got, 0, 1e-4) {
		t.Errorf("the same shares: %v, %v", got, ok)
	}
	// (.3-.5) ln(.3/.5) + (.7-.5) ln(.7/.5)
	if got, ok := stats.PSI([]int{50_000, 50_000}, []int{30_000, 70_000}); !ok || !near(got, 0.16946, 1e-4) {
		t.Errorf("shifted by a fifth: %v, %v", got, ok)
	}
	if got, ok := stats.PSI([]int{10, 0}, []int{0, 10}); !ok || math.IsInf(got, 0) || got < 1 {
		t.Errorf("nothing in common: %v, %v", got, ok)
	}
	if _, ok := stats.PSI([]int{0, 0}, []int{1, 2}); ok {
		t.Error("nothing before has an answer")
	}
}
