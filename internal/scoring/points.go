package scoring

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// million is the number of micro-points in a point.
const million = 1_000_000

// maxPoints bounds the size of every number of points in a model, in points.
// With at most 100,000 facts and 64 rules every sum stays within an int64.
const maxPoints = 100_000

// Points is a number of points in micro-points. In JSON it is a decimal
// string with up to six decimals.
type Points int64

// MarshalJSON writes p as a decimal string.
func (p Points) MarshalJSON() ([]byte, error) { return json.Marshal(Decimal(int64(p))) }

// Decimal writes micro-points as points: no exponent, no trailing zeros, no
// rounding, for example "12.5" for 12,500,000.
func Decimal(micro int64) string {
	u := magnitude(micro)
	s := strconv.FormatUint(u/million, 10)
	if f := u % million; f != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%06d", f), "0")
	}
	if micro < 0 {
		s = "-" + s
	}
	return s
}

// ParseMicro reads what Decimal writes: an optional minus sign, digits
// without leading zeros, and up to six decimals. It refuses signs of plus,
// exponents and everything outside an int64 of micro-points.
func ParseMicro(s string) (int64, error) {
	bad := func(why string) (int64, error) {
		if len(s) > 40 {
			s = s[:40] + "…"
		}
		return 0, fmt.Errorf("%q is no number of points: %s", s, why)
	}
	rest, minus := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(rest, ".")
	switch {
	case whole == "" || !digits(whole) || !digits(frac):
		return bad("want digits, and a point before decimals")
	case len(whole) > 1 && whole[0] == '0':
		return bad("leading zero")
	case dot && frac == "":
		return bad("no digit after the point")
	case len(frac) > 6:
		return bad("more than six decimals")
	}
	text := whole + frac + "000000"[len(frac):]
	if minus {
		text = "-" + text
	}
	micro, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return bad("out of range")
	}
	return micro, nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// numberMicro reads a JSON number as micro-points, exactly.
func numberMicro(n json.Number) (int64, error) {
	r, ok := rational(n)
	if !ok {
		return 0, fmt.Errorf("%s is out of range", clip(n.String()))
	}
	r.Mul(r, big.NewRat(million, 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%s has more than six decimals", clip(n.String()))
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("%s is out of range", clip(n.String()))
	}
	return r.Num().Int64(), nil
}

// rational is the value of a JSON number whose text and exponent are short
// enough to be worth expanding.
func rational(n json.Number) (*big.Rat, bool) {
	s := n.String()
	if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok {
		if e, err := strconv.Atoi(exp); err != nil || e > 30 || e < -30 {
			return nil, false
		}
	}
	if len(s) > 64 {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

func signed(u uint64, like int64) int64 {
	if like < 0 {
		return -int64(u)
	}
	return int64(u)
}

// magnitude64 is the size of v, which is never the least int64 where points
// are added up.
func magnitude64(v int64) int64 { return max(v, -v) }

// halving is the factor that age / halfLife leaves of micro, both in
// milliseconds: micro · 2^(-age/halfLife), rounded toward zero to whole
// micro-points.
//
// The exponent's whole part is a shift. Its fraction is cut to 32 bits, and
// 2^-fraction is the product, each factor rounded down, of the constants in
// roots for the bits that are set. Only integers are involved, so the result
// is the same on every machine; it never grows with age; and before rounding
// it is within 2^-31 of the true value, relatively.
func halving(micro, age, halfLife int64) int64 {
	whole := uint64(age / halfLife)
	if whole > 62 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(age%halfLife), 1<<32)
	fraction, _ := bits.Div64(hi, lo, uint64(halfLife))
	v := magnitude(micro)
	if fraction != 0 {
		v = part(v, uint32(fraction))
	}
	return signed(v>>whole, micro)
}

// part is v times 2^-fraction, by the product of roots, rounded down.
//
// The product in fewer steps, of four factors from tables, is off by less
// than nearby. Only where that could make a difference to the result, a chance
// of one in many thousands, is it computed in full.
func part(v uint64, fraction uint32) uint64 {
	const nearby = 64 // each of some 40 multiplications rounds by less than 1
	factor := tables[0][fraction>>24]
	factor, _ = bits.Mul64(factor, tables[1][fraction>>16&255])
	factor, _ = bits.Mul64(factor, tables[2][fraction>>8&255])
	factor, _ = bits.Mul64(factor, tables[3][fraction&255])
	hi, lo := bits.Mul64(v, factor)
	if off := v * nearby; v < 1<<56 && lo >= off && lo <= ^off {
		return hi
	}
	hi, _ = bits.Mul64(v, product(fraction, 0, 32))
	return hi
}

// product multiplies the roots from first to before last whose bits are set
// in fraction, whose highest bit is that of the first root.
func product(fraction uint32, first, last int) uint64 {
	factor := ^uint64(0)
	for i := first; i < last; i++ {
		if fraction&(1<<(31-i)) != 0 {
			factor, _ = bits.Mul64(factor, roots[i])
		}
	}
	return factor
}

// tables holds the products of each eight roots.
var tables = func() (t [4][256]uint64) {
	for i := range t {
		for v := range t[i] {
			t[i][v] = product(uint32(v)<<(24-8*i), 8*i, 8*i+8)
		}
	}
	return t
}()

// roots holds ⌊2^64 · 2^(-1/2^j)⌋ for j = 1 … 32. A test computes it anew.
var roots = [32]uint64{
	0xb504f333f9de6484, 0xd744fccad69d6af4, 0xeac0c6e7dd24392e, 0xf5257d152486cc2c,
	0xfa83b2db722a033a, 0xfd3e0c0cf486c174, 0xfe9e115c7b8f884b, 0xff4ecb59511ec8a5,
	0xffa756521c8daed1, 0xffd3a751c0f7e10b, 0xffe9d2b2f7db2755, 0xfff4e91bff1b8c3d,
	0xfffa747ea0040664, 0xfffd3a3b7814eb53, 0xfffe9d1cc60ddab1, 0xffff4e8e25879bfa,
	0xffffa7470363f451, 0xffffd3a37dda0313, 0xffffe9d1bdf703ae, 0xfffff4e8debe025e,
	0xfffffa746f4fa150, 0xfffffd3a37a3f8b0, 0xfffffe9d1bd1065a, 0xffffff4e8de845ad,
	0xffffffa746f41376, 0xffffffd3a37a05e3, 0xffffffe9d1bd01fb, 0xfffffff4e8de80c0,
	0xfffffffa746f4050, 0xfffffffd3a37a024, 0xfffffffe9d1bd011, 0xffffffff4e8de808,
}

// fading is what linear decay leaves of micro: all of it at age 0, nothing
// from the age of span on, rounded toward zero. Both are in milliseconds.
func fading(micro, age, span int64) int64 {
	if age >= span {
		return 0
	}
	return scale(micro, uint64(span-age), uint64(span))
}

// shrinking is what a factor, in millionths, leaves of micro after so many
// periods. What is left after each is rounded toward zero to whole micro-points.
func shrinking(micro, periods int64, factor uint64) int64 {
	for ; periods > 0 && micro != 0; periods-- {
		micro = scale(micro, factor, million)
	}
	return micro
}

// scale is micro · part / whole, rounded toward zero, for part ≤ whole.
func scale(micro int64, part, whole uint64) int64 {
	hi, lo := bits.Mul64(magnitude(micro), part)
	if hi == 0 {
		return signed(lo/whole, micro)
	}
	q, _ := bits.Div64(hi, lo, whole)
	return signed(q, micro)
}
