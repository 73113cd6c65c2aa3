package stats_test

import (
	"math"
	"slices"
	"testing"

	"rapport/internal/stats"
)

func near(a, b, eps float64) bool { return math.Abs(a-b) <= eps }

func oneTo(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = float64(n - i) // descending: order must not matter
	}
	return xs
}

func TestQuantile(t *testing.T) {
	tests := []struct {
		name string
		xs   []float64
		q    float64
		want float64
		ok   bool
	}{
		{"odd median", []float64{9, 1, 5}, 0.5, 5, true},
		{"even median", []float64{4, 1, 3, 2}, 0.5, 2.5, true},
		{"one value", []float64{7}, 0.9, 7, true},
		{"R: quantile(1:10, .9)", oneTo(10), 0.9, 9.1, true},
		{"R: quantile(1:10, .25)", oneTo(10), 0.25, 3.25, true},
		{"minimum", oneTo(10), 0, 1, true},
		{"maximum", oneTo(10), 1, 10, true},
		{"empty", nil, 0.5, 0, false},
		{"not a number in the list", []float64{1, math.NaN()}, 0.5, 0, false},
		{"q above one", oneTo(3), 1.1, 0, false},
		{"q not a number", oneTo(3), math.NaN(), 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := stats.Quantile(tt.xs, tt.q)
			if ok != tt.ok || !near(got, tt.want, 1e-12) {
				t.Errorf("Quantile(%v, %v) = %v, %v, want %v, %v", tt.xs, tt.q, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestMedianLeavesItsInputAsItIs(t *testing.T) {
	xs := []float64{3, 1, 2}
	if m, _ := stats.Median(xs); m != 2 {
		t.Errorf("Median = %v, want 2", m)
	}
	stats.MedianInterval(oneTo(9), 0.95)
	if want := []float64{3, 1, 2}; !slices.Equal(xs, want) {
		t.Errorf("after Median: %v, want %v", xs, want)
	}
}

// The ranks are those of the published tables for the 95 % interval of a
// median, for example in Campbell and Gardner, "Calculating confidence
// intervals for some non-parametric analyses", BMJ 296, 1988.
func TestMedianIntervalHasTheTabulatedRanks(t *testing.T) {
	tests := []struct{ n, r, s int }{
		{6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {12, 3, 10}, {15, 4, 12}, {20, 6, 15},
		{25, 8, 18}, {30, 10, 21}, {50, 18, 33}, {100, 40, 61},
	}
	for _, tt := range tests {
		lo, hi, ok := stats.MedianInterval(oneTo(tt.n), 0.95)
		if !ok || lo != float64(tt.r) || hi != float64(tt.s) {
			t.Errorf("n = %d: ranks %v, %v, %v, want %d, %d", tt.n, lo, hi, ok, tt.r, tt.s)
		}
	}
}

func TestIntervalWithTooFewValuesIsRefused(t *testing.T) {
	for _, tt := range []struct {
		q, level float64
		needs    int
	}{
		{0.5, 0.95, 6}, {0.5, 0.99, 8}, {0.5, 0.5, 2}, {0.9, 0.95, 36}, {0.1, 0.95, 36}, {0.99, 0.95, 368},
	} {
		if got := stats.QuantileNeeds(tt.q, tt.level); got != tt.needs {
			t.Errorf("QuantileNeeds(%v, %v) = %d, want %d", tt.q, tt.level, got, tt.needs)
		}
		if _, _, ok := stats.QuantileInterval(oneTo(tt.needs-1), tt.q, tt.level); ok {
			t.Errorf("q %v, level %v: an interval of %d values", tt.q, tt.level, tt.needs-1)
		}
		if _, _, ok := stats.QuantileInterval(oneTo(tt.needs), tt.q, tt.level); !ok {
			t.Errorf("q %v, level %v: no interval of %d values", tt.q, tt.level, tt.needs)
		}
	}
	if _, _, ok := stats.MedianInterval(nil, 0.95); ok {
		t.Error("an interval of nothing")
	}
	if _, _, ok := stats.MedianInterval(append(oneTo(20), math.NaN()), 0.95); ok {
		t.Error("an interval of values that are not numbers")
	}
}

// The coverage of X(r), X(s) is P(r <= B < s). It is summed here term by term,
// apart from the beta function that the package uses.
func TestQuantileIntervalCoversAtLeastItsLevelAndNoNarrowerPairDoes(t *testing.T) {
	below := func(k, n int, q float64) (p float64) {
		for i := range k {
			lg, _ := math.Lgamma(float64(n + 1))
			l1, _ := math.Lgamma(float64(i + 1))
			l2, _ := math.Lgamma(float64(n - i + 1))
			p += math.Exp(lg - l1 - l2 + float64(i)*math.Log(q) + float64(n-i)*math.Log(1-q))
		}
		return p
	}
	for _, q := range []float64{0.1, 0.5, 0.9} {
		for n := 1; n <= 120; n++ {
			lo, hi, ok := stats.QuantileInterval(oneTo(n), q, 0.95)
			if !ok {
				continue
			}
			r, s := int(lo), int(hi)
			if below(r, n, q) > 0.025+1e-9 || 1-below(s, n, q) > 0.025+1e-9 {
				t.Fatalf("q %v, n %d: ranks %d, %d err too often", q, n, r, s)
			}
			if below(r+1, n, q) <= 0.025-1e-9 || 1-below(s-1, n, q) <= 0.025-1e-9 {
				t.Fatalf("q %v, n %d: ranks %d, %d are wider than need be", q, n, r, s)
			}
		}
	}
}

// Values of Newcombe, "Two-sided confidence intervals for the single
// proportion: comparison of seven methods", Statistics in Medicine 17, 1998,
// table I, method 3.
func TestWilsonGivesNewcombesValues(t *testing.T) {
	for _, tt := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		lo, hi, ok := stats.Wilson(tt.k, tt.n, 0.95)
		if !ok || !near(lo, tt.lo, 5e-5) || !near(hi, tt.hi, 5e-5) {
			t.Errorf("Wilson(%d, %d) = %.4f, %.4f, %v, want %.4f, %.4f", tt.k, tt.n, lo, hi, ok, tt.lo, tt.hi)
		}
	}
}

func TestWilsonStaysWithinZeroAndOne(t *testing.T) {
	for n := 1; n < 60; n++ {
		if lo, _, _ := stats.Wilson(0, n, 0.95); lo != 0 {
			t.Errorf("Wilson(0, %d) begins at %v, want 0", n, lo)
		}
		if _, hi, _ := stats.Wilson(n, n, 0.95); hi != 1 {
			t.Errorf("Wilson(%d, %d) ends at %v, want 1", n, n, hi)
		}
	}
	for _, bad := range [][2]int{{0, 0}, {-1, 5}, {6, 5}, {0, -1}} {
		if _, _, ok := stats.Wilson(bad[0], bad[1], 0.95); ok {
			t.Errorf("Wilson(%d, %d) has an answer", bad[0], bad[1])
		}
	}
	if _, _, ok := stats.Wilson(1, 2, 1); ok {
		t.Error("Wilson at level 1 has an answer")
	}
}

func TestCompareCounts(t *testing.T) {
	for _, tt := range []struct {
		a, b int
		want float64
	}{
		{0, 0, 1}, {7, 7, 1}, {-1, 4, 1},
		{6, 0, 2.0 / 64}, {0, 6, 2.0 / 64}, {5, 0, 2.0 / 32},
		{8, 2, 0.109375}, // R: binom.test(8, 10)$p.value
		{1, 9, 0.021484375},
		{1, 2, 1},
	} {
		if got := stats.CompareCounts(tt.a, tt.b); !near(got, tt.want, 1e-12) {
			t.Errorf("CompareCounts(%d, %d) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
