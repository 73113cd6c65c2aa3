// Package vector turns a text into a vector in which English texts of like
// meaning are near each other: the sum of its tokens' vectors, which were
// distilled from all-MiniLM-L6-v2 (model/MODEL.md). It costs microseconds; in
// other languages it says little.
package vector

import (
	_ "embed"
	"encoding/binary"
	"math"
	"sync"

	"rapport/internal/plain"
)

// Version names the vectors: the first digits of a hash over the files of model/.
const Version = "v1-837586d9d6"

// vocabulary is BERT's uncased vocabulary, a token a line.
//
//go:embed model/vocab.txt
var vocabulary string

var vocab = sync.OnceValue(func() *index { return newIndex(vocabulary) })

// Of returns the vector of text, without its links and handles: Dim
// components, L2-normalised, or zero where the text has no known token.
func Of(text string) []float32 {
	v := make([]float32, Dim)
	embed(v, Tokens(plain.Text(text)))
	return v
}

// Tokens returns the ids of text's WordPiece tokens (BERT uncased, without
// [CLS] and [SEP]), of at most plain.Most runes.
func Tokens(text string) []int32 {
	text = plain.Bound(text)
	return vocab().appendTokens(make([]int32, 0, len(text)/4+4), text)
}

// Dim is the number of components of a text's vector.
const Dim = 256

// static holds the vectors of the vocabulary, in the layout of model/MODEL.md:
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
