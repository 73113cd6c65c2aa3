package encoder

import "unsafe"

// matrix is a linear map of in values to out, stored in panels of 16 outputs:
// a panel holds, for each input, its 16 weights.
type matrix struct {
	in, out int
	w       []float32
}

// lines computes six rows times one panel: c[r][o] is the sum of a[r][i]·b[16i+o] over i < k.
type lines func(k int, a *[6]*float32, b *float32, c *[6][16]float32)

// times sets dst, of n rows, to the n rows of src times m, plus bias.
func (m *matrix) times(f lines, n int, src, bias, dst []float32) {
	var c [6][16]float32
	var a [6]*float32
	for o := 0; o < m.out; o += 16 { // panels outside: one stays in the first-level cache
		panel, shift := &m.w[o*m.in], (*[16]float32)(bias[o:])
		for i := 0; i < n; i += 6 {
			for j := range a {
				a[j] = &src[min(i+j, n-1)*m.in]
			}
			f(m.in, &a, panel, &c)
			for j := 0; j < 6 && i+j < n; j++ {
				d := (*[16]float32)(dst[(i+j)*m.out+o:])
				for k, v := range c[j] {
					d[k] = v + shift[k]
				}
			}
		}
	}
}

// linesGo is the kernel for processors without one of their own.
func linesGo(k int, a *[6]*float32, b *float32, c *[6][16]float32) {
	w := unsafe.Slice((*[16]float32)(unsafe.Pointer(b)), k)
	for r := range a {
		if r > 0 && a[r] == a[r-1] {
			return // rows past the end repeat the last one
		}
		x := unsafe.Slice(a[r], k)[:len(w)]
		for o := 0; o < 16; o += 8 {
			var s [8]float32
			for i := range w {
				p := (*[8]float32)(w[i][o:])
				for q := range s {
					s[q] += x[i] * p[q]
				}
			}
			copy(c[r][o:], s[:])
		}
	}
}
