// Package stats says how sure a number is: exact intervals for medians and
// other quantiles, shares and counts, on top of gonum's special functions.
//
// A level is the confidence of an interval, between 0 and 1 exclusive, for
// example 0.95. Every interval is equal-tailed: each side errs with at most
// (1-level)/2. An ok of false means "not enough data", never a guess.
package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Median returns the middle of xs, or the mean of the two middle values; ok
// is false for an empty list. xs may be in any order and is left as it is.
func Median(xs []float64) (median float64, ok bool) { return Quantile(xs, 0.5) }

// Quantile returns the q-quantile of xs, for q from 0 to 1, by linear
// interpolation between the order statistics around position 1+(n-1)q: type
// 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The
// American Statistician 50(4), 1996, the default of R and NumPy. ok is false
// for an empty list, for a list with a NaN and for a q outside [0, 1]. xs may
// be in any order and is left as it is.
func Quantile(xs []float64, q float64) (quantile float64, ok bool) {
	if len(xs) == 0 || !(q >= 0 && q <= 1) || slices.ContainsFunc(xs, math.IsNaN) {
		return 0, false
	}
	s := slices.Sorted(slices.Values(xs))
	at := float64(len(s)-1) * q
	i := int(at)
	if i == len(s)-1 {
		return s[i], true
	}
	f := at - float64(i)
	return (1-f)*s[i] + f*s[i+1], true
}

// MedianInterval returns an interval that holds the median of the
// distribution xs was drawn from. See QuantileInterval.
func MedianInterval(xs []float64, level float64) (lo, hi float64, ok bool) {
	return QuantileInterval(xs, 0.5, level)
}

// QuantileInterval returns the interval between two order statistics
// X(r), X(s) that holds the q-quantile of the distribution xs was drawn from
// with a probability of at least level, whatever that distribution is, for q
// between 0 and 1 exclusive. With B binomial(n, q), r is the largest with
// P(B < r) <= (1-level)/2 and s the smallest with P(B >= s) <= (1-level)/2:
// David and Nagaraja, "Order Statistics", 3rd ed. 2003, section 7.1; Conover,
// "Practical Nonparametric Statistics", 3rd ed. 1999, section 3.2.
//
// ok is false where no such pair exists, that is for fewer than
// QuantileNeeds(q, level) values, and for a list with a NaN. xs may be in any
// order and is left as it is.
func QuantileInterval(xs []float64, q, level float64) (lo, hi float64, ok bool) {
	n := len(xs)
	if !open(q) || !open(level) || slices.ContainsFunc(xs, math.IsNaN) {
		return 0, 0, false
	}
	tail := (1 - level) / 2
	// Binary search: P(B < r) grows with r, P(B >= s) falls with s.
	r := first(1, n+1, func(r int) bool { return !within(binomialBelow(r, n, q), tail) }) - 1
	s := first(1, n+1, func(s int) bool { return within(1-binomialBelow(s, n, q), tail) })
	if r < 1 || s > n {
		return 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(xs))
	return sorted[r-1], sorted[s-1], true
}

// QuantileNeeds returns the number of values from which QuantileInterval has
// an answer: the smallest n with q^n and (1-q)^n both at most (1-level)/2. It
// is 6 for a median at 0.95. It returns 0 for a q or level outside (0, 1).
func QuantileNeeds(q, level float64) int {
	if !open(q) || !open(level) {
		return 0
	}
	tail := (1 - level) / 2
	p := max(q, 1-q)
	n := max(1, int(math.Log(tail)/math.Log(p))-1)
	for !within(math.Pow(p, float64(n)), tail) {
		n++
	}
	return n
}

// Wilson returns the score interval for a share of which k of n were seen:
// Wilson, "Probable Inference, the Law of Succession, and Statistical
// Inference", JASA 22(158), 1927, without continuity correction:
//
//	(p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n),  p = k/n
//
// Both ends lie in [0, 1]. ok is false unless 0 <= k <= n and n > 0.
func Wilson(k, n int, level float64) (lo, hi float64, ok bool) {
	if n <= 0 || k < 0 || k > n || !open(level) {
		return 0, 0, false
	}
	z := math.Sqrt2 * math.Erfinv(level)
	N := float64(n)
	p := float64(k) / N
	mid := p + z*z/(2*N)
	half := z * math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	lo, hi = (mid-half)/(1+z*z/N), (mid+half)/(1+z*z/N)
	// At the ends the formula gives 0 and 1 exactly; rounding does not.
	if k == 0 {
		lo = 0
	}
	if k == n {
		hi = 1
	}
	return lo, hi, true
}

// CompareCounts returns the two-sided p-value for two Poisson counts over
// equal exposures having the same rate. Given their sum n, a is binomial(n,
// 1/2) then; p is twice the smaller tail, at most 1: Przyborowski and
// Wilenski, "Homogeneity of Results in Testing Samples from Poisson Series",
// Biometrika 31, 1940. It is 1 where both are zero or one is negative.
func CompareCounts(a, b int) float64 {
	if a < 0 || b < 0 || a == b {
		return 1
	}
	return min(1, 2*binomialBelow(min(a, b)+1, a+b, 0.5))
}

// binomialBelow returns P(B < k) for B binomial(n, q), by the regularised
// incomplete beta function.
func binomialBelow(k, n int, q float64) float64 {
	switch {
	case k <= 0:
		return 0
	case k > n:
		return 1
	}
	return mathext.RegIncBeta(float64(n-k+1), float64(k), 1-q)
}

// within is p <= tail up to the rounding of the special functions.
func within(p, tail float64) bool { return p <= tail*(1+1e-9) }

// open reports whether x lies in (0, 1).
func open(x float64) bool { return x > 0 && x < 1 }

// first returns the smallest i in [lo, hi) for which f holds, and hi if there
// is none; f must not turn false again.
func first(lo, hi int, f func(int) bool) int {
	for lo < hi {
		if mid := lo + (hi-lo)/2; f(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
