package encoder

import (
	"errors"
	"fmt"
	"math"
)

// The file of the layers that the project trained: "RTL1", the number of layers
// as uint32; for each layer its matrices q, k, v, out, up, down, each output's
// row as a float32 step and int8 multiples of it; then its vectors q, k, v, out,
// up, down, gain1, shift1, gain2, shift2 as float32. Little endian.
const tunedMark = "RTL1"

// openTuned reads such layers; of an empty file there are none.
func openTuned(b []byte) ([]layer, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 8 || string(b[:4]) != tunedMark {
		return nil, errors.New("the trained layers are no " + tunedMark + " file: make them with make models")
	}
	n := int(le.Uint32(b[4:]))
	b = b[8:]
	const size = 4*Dim*(4+Dim) + inner*(4+Dim) + Dim*(4+inner) + 4*(9*Dim+inner)
	if n > depth || len(b) != n*size {
		return nil, fmt.Errorf("the trained layers have %d bytes, and should have %d", len(b), n*size)
	}
	read := func(in, out, parts int) matrix {
		m := matrix{in, out * parts, make([]float32, in*out*parts)}
		row := make([]float32, in)
		for o := range m.out {
			step := math.Float32frombits(le.Uint32(b))
			for i, q := range b[4 : 4+in] {
				row[i] = float32(int8(q)) * step
			}
			m.set(o, row)
			b = b[4+in:]
		}
		return m
	}
	vector := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
		b = b[4*n:]
		return v
	}
	layers := make([]layer, n)
	for i := range layers {
		l := &layers[i]
		l.qkv, l.out, l.up, l.down = read(Dim, Dim, 3), read(Dim, Dim, 1), read(Dim, inner, 1), read(inner, Dim, 1)
		l.qkvB, l.outB, l.upB, l.downB = vector(3*Dim), vector(Dim), vector(inner), vector(Dim)
		l.gain1, l.shift1, l.gain2, l.shift2 = vector(Dim), vector(Dim), vector(Dim), vector(Dim)
	}
	return layers, nil
}
