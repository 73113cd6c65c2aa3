package quality

import (
	"math"
	"math/rand/v2"
	"sort"
)

// NMI is the normalised mutual information of two labellings of the same
// things, 2 I(a;b) / (H(a) + H(b)): 1 where they agree up to names, 0 where
// they are independent. It is 1 where both have a single label.
func NMI(a, b []string) float64 {
	n := float64(len(a))
	ca, cb, cab := map[string]float64{}, map[string]float64{}, map[[2]string]float64{}
	for i := range a {
		ca[a[i]]++
		cb[b[i]]++
		cab[[2]string{a[i], b[i]}]++
	}
	entropy := func(m map[string]float64) float64 {
		var terms []float64
		for _, c := range m {
			terms = append(terms, -c/n*math.Log(c/n))
		}
		return ordered(terms)
	}
	var terms []float64
	for k, c := range cab {
		terms = append(terms, c/n*math.Log(c*n/(ca[k[0]]*cb[k[1]])))
	}
	h := entropy(ca) + entropy(cb)
	if h == 0 {
		return 1
	}
	return 2 * ordered(terms) / h
}

// ordered sums after sorting, so that a map's order does not show.
func ordered(xs []float64) float64 {
	sort.Float64s(xs)
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum
}

// F1 is the harmonic mean of precision and recall of one label; 0 where it is
// neither there nor predicted.
func F1(want, got []string, label string) float64 {
	var both, wanted, given float64
	for i := range want {
		if want[i] == label {
			wanted++
		}
		if got[i] == label {
			given++
			if want[i] == label {
				both++
			}
		}
	}
	if wanted+given == 0 {
		return 0
	}
	return 2 * both / (wanted + given)
}

// MacroF1 is the mean of F1 over labels.
func MacroF1(want, got, labels []string) float64 {
	sum := 0.0
	for _, l := range labels {
		sum += F1(want, got, l)
	}
	return sum / float64(len(labels))
}

// Bootstrap returns the 2.5th and 97.5th percentile of a measure of n things
// over draws resamples with replacement. measure gets the indices drawn.
func Bootstrap(n, draws int, seed uint64, measure func(index []int) float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	index := make([]int, n)
	values := make([]float64, draws)
	for d := range draws {
		for i := range index {
			index[i] = rng.IntN(n)
		}
		values[d] = measure(index)
	}
	sort.Float64s(values)
	return values[int(0.025*float64(draws))], values[min(draws-1, int(0.975*float64(draws)))]
}

// Pick returns the elements of xs at the indices.
func Pick(xs []string, index []int) []string {
	out := make([]string, len(index))
	for i, j := range index {
		out[i] = xs[j]
	}
	return out
}
