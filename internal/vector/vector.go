// Package vector turns a text into a vector in which texts of like meaning are
// near each other: the sum of the vectors of its words' pieces. Those of English
// were distilled from all-MiniLM-L6-v2, those of English, German, Spanish,
// French, Italian, Dutch and Portuguese from Google's multilingual Universal
// Sentence Encoder (model/MODEL.md); the former tell English texts better apart.
// A vector costs microseconds. Vectors of different models can't be compared.
package vector

import (
	_ "embed"
	"encoding/binary"
	"math"
	"sync"

	"rapport/internal/plain"
)

// Model makes vectors.
type Model struct {
	version string
	embed   func(dst []float32, text string)
}

// The versions name the models: the first digits of a hash over their files in model/.
var (
	English      = Model{"v1-837586d9d6", func(dst []float32, text string) { embed(dst, Tokens(text)) }}
	Multilingual = Model{"m1-415921ac1f", func(dst []float32, text string) { manyPieces().embed(dst, text) }}
)

// Version is the model's name.
func (m Model) Version() string { return m.version }

// Named returns the model of a version, and whether there is one: the vectors of
// any other are zero.
func Named(version string) (Model, bool) {
	for _, m := range []Model{English, Multilingual} {
		if m.version == version {
			return m, true
		}
	}
	return Model{version, func([]float32, string) {}}, false
}

// vocabulary is BERT's uncased vocabulary, a token a line.
//
//go:embed model/vocab.txt
var vocabulary string

var vocab = sync.OnceValue(func() *index { return newIndex(vocabulary) })

// Of returns the vector of text, without its links and handles: Dim
// components, L2-normalised, or zero where the text has nothing that is known.
func (m Model) Of(text string) []float32 {
	v := make([]float32, Dim)
	m.embed(v, plain.Text(text))
	return v
}

// Tokens returns the ids, for English, of text's WordPiece tokens (BERT uncased, without
// [CLS] and [SEP]), of at most plain.Most runes.
func Tokens(text string) []int32 {
	text = plain.Bound(text)
	return vocab().appendTokens(make([]int32, 0, len(text)/4+4), text)
}

// Dim is the number of components of a text's vector.
const Dim = 256

// static holds the English vectors of the vocabulary, in the layout of model/MODEL.md:
// "SVQ1", uint32 rows, uint32 columns, a float32 scale per row, int8 rows. It
// is read in place, so that a cold start copies nothing.
//
//go:embed model/static_vc256.bin
var static string

const staticHeader = 12

// embed writes the L2-normalised sum of the tokens' rows to dst, which has
// Dim components; zero where no token has a row. The conversions keep the
// compiler from fusing multiply and add, which would make the last bits
// depend on the processor.
func embed(dst []float32, ids []int32) {
	dst = dst[:Dim]
	clear(dst)
	rows := int(binary.LittleEndian.Uint32([]byte(static[4:8])))
	for _, id := range ids {
		if id == unknown {
			continue
		}
		at := staticHeader + 4*int(id)
		scale := math.Float32frombits(uint32(static[at]) | uint32(static[at+1])<<8 | uint32(static[at+2])<<16 | uint32(static[at+3])<<24)
		if scale == 0 {
			continue
		}
		at = staticHeader + 4*rows + Dim*int(id)
		row := static[at : at+Dim]
		for i := range dst {
			dst[i] += float32(scale * float32(int8(row[i])))
		}
	}
	normalise(dst)
}

// normalise divides v by its L2 norm; a zero vector stays.
func normalise(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(float64(x) * float64(x))
	}
	if sum == 0 {
		return
	}
	f := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * f)
	}
}
