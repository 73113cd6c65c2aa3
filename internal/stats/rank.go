package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// AUC returns the chance that a positive was given a higher score than a
// negative, ties counting half: the Mann-Whitney statistic over both counts
// (Hanley and McNeil, Radiology 143, 1982). ok is false where one class is
// missing, the lengths differ or a score is no number.
func AUC(positive []bool, score []float64) (auc float64, ok bool) {
	p, ok := placements(positive, score)
	if !ok {
		return 0, false
	}
	sum, m := 0.0, 0
	for i, pos := range positive {
		if pos {
			sum += p[i]
			m++
		}
	}
	return sum / float64(m), true
}

// AUCDifference returns how much higher b's AUC is than a's on the same
// cases, and the interval of that difference, by DeLong, DeLong and
// Clarke-Pearson, Biometrics 44, 1988. Cases with an equal unit (a person with
// several outcomes) are not independent: their parts are summed before they
// are squared, as in Obuchowski, Biometrics 53, 1997. With a unit for each case, and
// with no units at all, it is DeLong's. ok is false as for AUC, and with fewer
// than two cases of a class.
func AUCDifference(positive []bool, a, b []float64, unit []int, level float64) (difference, lo, hi float64, ok bool) {
	pa, okA := placements(positive, a)
	pb, okB := placements(positive, b)
	if !okA || !okB || !open(level) || unit != nil && len(unit) != len(positive) {
		return 0, 0, 0, false
	}
	var sum [2]float64 // of the negatives, of the positives
	var n [2]float64
	for i, pos := range positive {
		sum[class(pos)] += pb[i] - pa[i]
		n[class(pos)]++
	}
	if n[0] < 2 || n[1] < 2 {
		return 0, 0, 0, false
	}
	difference = sum[1] / n[1]
	parts := map[int]float64{}
	for i, pos := range positive {
		u, c := i, class(pos)
		if unit != nil {
			u = unit[i]
		}
		parts[u] += (pb[i] - pa[i] - difference) / math.Sqrt(n[c]*(n[c]-1))
	}
	squares := make([]float64, 0, len(parts))
	for _, p := range parts {
		squares = append(squares, p*p)
	}
	slices.Sort(squares) // a map's order must not show
	variance := 0.0
	for _, s := range squares {
		variance += s
	}
	half := math.Sqrt2 * math.Erfinv(level) * math.Sqrt(variance)
	return difference, difference - half, difference + half, true
}

func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// placements gives for each positive the share of the negatives below it, and
// for each negative the share of the positives above it, ties counting half.
func placements(positive []bool, score []float64) ([]float64, bool) {
	if len(positive) != len(score) || slices.ContainsFunc(score, math.IsNaN) {
		return nil, false
	}
	order := make([]int, len(score))
	var all [2]float64
	for i := range order {
		order[i] = i
		all[class(positive[i])]++
	}
	if all[0] == 0 || all[1] == 0 {
		return nil, false
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(score[i], score[j]) })
	out := make([]float64, len(score))
	var below [2]float64
	for from := 0; from < len(order); {
		to := from
		var here [2]float64
		for ; to < len(order) && score[order[to]] == score[order[from]]; to++ {
			here[class(positive[order[to]])]++
		}
		for _, i := range order[from:to] {
			if positive[i] {
				out[i] = (below[0] + here[0]/2) / all[0]
			} else {
				out[i] = 1 - (below[1]+here[1]/2)/all[1]
			}
		}
		below[0] += here[0]
		below[1] += here[1]
		from = to
	}
	return out, true
}

// Isotonic returns the rising step function nearest to y by least squares with
// the weights w, all above zero: the pool adjacent violators of Ayer and others, Annals of
// Mathematical Statistics 26, 1955. Equal neighbours are one step.
func Isotonic(y, w []float64) []float64 {
	type block struct {
		mean, weight float64
		n            int
	}
	var blocks []block
	for i := range y {
		blocks = append(blocks, block{y[i], w[i], 1})
		for k := len(blocks) - 1; k > 0 && blocks[k-1].mean >= blocks[k].mean; k-- {
			a, b := blocks[k-1], blocks[k]
			sum := a.weight + b.weight
			blocks = append(blocks[:k-1], block{(a.mean*a.weight + b.mean*b.weight) / sum, sum, a.n + b.n})
		}
	}
	out := make([]float64, 0, len(y))
	for _, b := range blocks {
		for range b.n {
			out = append(out, b.mean)
		}
	}
	return out
}

// ChiSquaredAbove returns the chance that a chi-squared variable with df
// degrees of freedom is above x: 1 where df is not above zero.
func ChiSquaredAbove(x float64, df int) float64 {
	if df <= 0 || x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(float64(df)/2, x/2)
}

// ExactAbove returns the lower limit of the share of which k of n were seen: the
// share is above it with a confidence of at least level, one-sided, however
// small n is. Clopper and Pearson, Biometrika 26, 1934. ok is false unless 0
// <= k <= n and n > 0.
func ExactAbove(k, n int, level float64) (lo float64, ok bool) {
	if n <= 0 || k < 0 || k > n || !open(level) {
		return 0, false
	}
	if k == 0 {
		return 0, true
	}
	return mathext.InvRegIncBeta(float64(k), float64(n-k+1), 1-level), true
}

// PSI is the population stability index of two counts over the same groups,
// sum (q-p) ln(q/p): below 0.1 they are alike, above 0.25 they have shifted
// (Siddiqi, "Credit Risk Scorecards", 2006; Yurdakul, "Statistical Properties
// of Population Stability Index", 2018). Half a case is added to each group, so that an empty
// one gives no infinity. ok is false where there is nothing on a side or the
// lengths differ.
func PSI(before, now []int) (psi float64, ok bool) {
	sum := func(xs []int) (n float64) {
		for _, x := range xs {
			n += float64(x)
		}
		return n
	}
	a, b := sum(before), sum(now)
	if len(before) != len(now) || a <= 0 || b <= 0 {
		return 0, false
	}
	a, b = a+float64(len(before))/2, b+float64(len(now))/2
	for i := range before {
		p, q := (float64(before[i])+0.5)/a, (float64(now[i])+0.5)/b
		psi += (q - p) * math.Log(q/p)
	}
	return psi, true
}
