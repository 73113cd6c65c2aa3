package reading

import (
	"encoding/binary"
	"errors"
	"math"

	"rapport/internal/encoder"
)

// The heads, in the order in which they stand in the file.
const (
	sentiment   = iota // one of social.Sentiments
	intent             // one of social.Intents
	severity           // 0 to 3
	answer             // needs an answer, as somebody's first message
	answerAfter        // needs one, after what the business said
	heads
)

// outputs is how many numbers each head has; of one it is a probability of yes or no.
var outputs = [heads]int{3, 11, 4, 1, 1}

// head is a linear model over the encoder's vector: a row of weights and a shift for each output.
type head struct {
	rows  [][]float32
	shift []float32
}

// headsMark begins the file of the heads. Then follow, for each head, its rows
// of encoder.Dim float32 each, then its shifts, little endian. Temperatures are
// in them already.
const headsMark = "RTH1"

func openHeads(b []byte) (h [heads]head, err error) {
	size := len(headsMark)
	for _, n := range outputs {
		size += 4 * n * (encoder.Dim + 1)
	}
	if len(b) != size || string(b[:len(headsMark)]) != headsMark {
		return h, errors.New("the heads of the reader are no " + headsMark + " file of the right length: make them with make models")
	}
	b = b[len(headsMark):]
	floats := func(n int) []float32 {
		f := make([]float32, n)
		for i := range f {
			f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		b = b[4*n:]
		return f
	}
	for i, n := range outputs {
		for range n {
			h[i].rows = append(h[i].rows, floats(encoder.Dim))
		}
		h[i].shift = floats(n)
	}
	return h, nil
}

// probabilities are the softmax of the outputs, or of a single one the logistic function.
func (h head) probabilities(v []float32) []float64 {
	p := make([]float64, len(h.rows))
	for i, row := range h.rows {
		p[i] = float64(h.shift[i])
		for k, w := range row {
			p[i] += float64(w) * float64(v[k])
		}
	}
	if len(p) == 1 {
		p[0] = 1 / (1 + math.Exp(-p[0]))
		return p
	}
	most, sum := p[argmax(p)], 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - most)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
