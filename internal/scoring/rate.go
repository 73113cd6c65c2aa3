package scoring

import (
	"math/big"
)

// precision is the mantissa of the p-value's arithmetic, in bits. big.Float
// computes with integers, so every machine gives the same digits.
const precision = 192

// tail is the probability of k or more of n under the binomial distribution
// with the success probability part/whole, with 0 < part < whole and
// 1 ≤ k ≤ n. Its relative error is below 2^-128.
func tail(k, n, part, whole int) *big.Float {
	float := func(v int) *big.Float { return new(big.Float).SetPrec(precision).SetInt64(int64(v)) }
	// The probability of exactly k, factor by factor: C(n,k) q^k (1-q)^(n-k).
	one := float(1)
	yes, no := float(part), float(whole-part)
	for i := 1; i <= k; i++ {
		one.Mul(one, float(n-k+i)).Quo(one, float(i)).Mul(one, yes).Quo(one, float(whole))
	}
	rest := no.Quo(no, float(whole)) // 1-q, to the power of n-k by squaring
	for i := n - k; i > 0; i >>= 1 {
		if i&1 != 0 {
			one.Mul(one, rest)
		}
		rest = new(big.Float).SetPrec(precision).Mul(rest, rest)
	}
	no = float(whole - part)
	sum := new(big.Float).SetPrec(precision).Set(one)
	for i := k + 1; i <= n; i++ {
		one.Mul(one, float(n-i+1)).Quo(one, float(i)).Mul(one, yes).Quo(one, no)
		// Past the mean the terms shrink ever faster; those 150 bits below the sum don't matter.
		if sum.MantExp(nil)-one.MantExp(nil) > 150 && i*whole > n*part {
			break
		}
		sum.Add(sum, one)
	}
	return sum
}

// below reports whether p is less than limit millionths.
func below(p *big.Float, limit int64) bool {
	return new(big.Float).Mul(p, new(big.Float).SetInt64(million)).Cmp(new(big.Float).SetInt64(limit)) < 0
}

// writeP writes a p-value with two significant digits.
func writeP(p *big.Float) string {
	if below(p, 100) {
		return "p < 0.0001"
	}
	f, _ := p.Float64()
	return "p = " + new(big.Float).SetFloat64(f).Text('g', 2)
}
