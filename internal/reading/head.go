package reading

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// heads holds the two models, sentiment then intent, as AppendHead writes
// them; made by cmd/train.
//
//go:embed model/heads.bin
var heads string

// Head is a multinomial logistic model over Features: the score of class c is
// Bias[c] + Dense[c]·dense + Scale[c] × Σ value × Sparse[bucket][c], and the
// probabilities are their softmax.
type Head struct {
	Classes int
	Bias    []float32 // by class
	Dense   []float32 // class by class, DenseDim each
	Scale   []float32 // by class
	Sparse  string    // int8, Buckets × Classes
}

// AppendHead appends h's stored form: uint32 classes and dense features, then
// little-endian float32 Bias, Scale and Dense, then Sparse.
func AppendHead(b []byte, h Head) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Classes))
	b = binary.LittleEndian.AppendUint32(b, uint32(DenseDim))
	for _, list := range [][]float32{h.Bias, h.Scale, h.Dense} {
		for _, x := range list {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return append(b, h.Sparse...)
}

// parseHead reads the head at the beginning of s and returns the rest.
func parseHead(s string) (h Head, rest string, err error) {
	if len(s) < 8 {
		return h, "", fmt.Errorf("head of %d bytes", len(s))
	}
	h.Classes = int(binary.LittleEndian.Uint32([]byte(s[:4])))
	dense := int(binary.LittleEndian.Uint32([]byte(s[4:8])))
	if dense != DenseDim {
		return h, "", fmt.Errorf("head over %d dense features, of %d", dense, DenseDim)
	}
	s = s[8:]
	need := 4*h.Classes*(2+dense) + Buckets*h.Classes
	if h.Classes < 2 || h.Classes > 64 || len(s) < need {
		return h, "", fmt.Errorf("head of %d classes in %d bytes", h.Classes, len(s))
	}
	floats := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(s[4*i : 4*i+4])))
		}
		s = s[4*n:]
		return out
	}
	h.Bias, h.Scale, h.Dense = floats(h.Classes), floats(h.Classes), floats(h.Classes*dense)
	h.Sparse = s[:Buckets*h.Classes]
	return h, s[Buckets*h.Classes:], nil
}

// bothHeads parses the embedded models at the first reading. They are part of
// the binary, so a fault in them is a fault of the build, which a test finds.
var bothHeads = sync.OnceValue(func() [2]Head {
	sentiment, rest, err := parseHead(heads)
	if err != nil {
		panic(fmt.Errorf("sentiment: %w", err))
	}
	intent, _, err := parseHead(rest)
	if err != nil {
		panic(fmt.Errorf("intent: %w", err))
	}
	return [2]Head{sentiment, intent}
})

func sentimentHead() Head { return bothHeads()[0] }
func intentHead() Head    { return bothHeads()[1] }

// probabilities returns the probability of each class; they sum to 1 up to
// rounding.
func (h Head) probabilities(f Features) []float64 {
	p := h.Scores(f)
	top := p[argmax(p)]
	sum := 0.0
	for c := range p {
		p[c] = math.Exp(p[c] - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

// Scores returns the score of each class. Products are converted before they
// are added, which keeps the compiler from fusing the two.
func (h Head) Scores(f Features) []float64 {
	p := make([]float64, h.Classes)
	for i, b := range f.Bucket {
		row := h.Sparse[int(b)*h.Classes : (int(b)+1)*h.Classes]
		x := float64(f.Value[i])
		for c := range p {
			p[c] += float64(x * float64(int8(row[c])))
		}
	}
	for c := range p {
		p[c] = float64(p[c]*float64(h.Scale[c])) + float64(h.Bias[c])
		w := h.Dense[c*DenseDim : (c+1)*DenseDim]
		sum := float32(0)
		for i, x := range f.Dense {
			sum += float32(x * w[i])
		}
		p[c] += float64(sum)
	}
	return p
}
