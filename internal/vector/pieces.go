package vector

import (
	_ "embed"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/plain"
)

const (
	beginning = "▁" // of a word, as SentencePiece writes it
	wordMost  = 40  // runes; a longer word says nothing
	nothing   = -1
)

// tokens returns the numbers of the pieces that text's words are made of, of at
// most plain.Most runes. A word is letters, in lower case; a letter that no
// piece holds is left out.
func (m *pieces) tokens(text string) []int32 {
	text = strings.ToLower(norm.NFC.String(plain.Bound(text)))
	ids := make([]int32, 0, len(text)/4+4)
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if utf8.RuneCountInString(w) <= wordMost {
			ids = m.appendWord(ids, w)
		}
	}
	return ids
}

// appendWord appends the pieces of a word with the highest sum of scores (Kudo
// 2018, "Subword Regularization", section 3.2: Viterbi).
func (m *pieces) appendWord(dst []int32, word string) []int32 {
	type cell struct{ score, from, id int32 }
	s := []byte(beginning + word)
	var room [2*wordMost + 4]cell
	best := append(room[:0], make([]cell, len(s)+1)...)
	for i := range best[1:] {
		best[i+1].score = math.MinInt32
	}
	for i := 0; i < len(s); {
		first := 0 // bytes of the first rune
		h := uint32(fnvOffset)
		for e := i; e < len(s); {
			_, width := utf8.DecodeRune(s[e:])
			h = hashBytes(h, s[e:e+width])
			if e += width; first == 0 {
				first = width
			}
			if e-i > longest {
				break
			}
			if id := m.find(h, "", s[i:e]); id >= 0 {
				if sum := best[i].score + m.score(id); sum > best[e].score {
					best[e] = cell{sum, int32(i), int32(id)}
				}
			}
		}
		if sum := best[i].score - unlikely; sum > best[i+first].score {
			best[i+first] = cell{sum, int32(i), nothing}
		}
		i += first
	}
	n := len(dst)
	for p := int32(len(s)); p > 0; p = best[p].from {
		if best[p].id != nothing {
			dst = append(dst, best[p].id)
		}
	}
	slices.Reverse(dst[n:])
	return dst
}

const (
	longest  = 64     // bytes; no piece is longer
	unlikely = 30_000 // what a letter that no piece holds takes off a score, in thousandths
)

// pieces are what words are made of, with a score and a row each.
type pieces struct {
	*index
	file string
	rows int
}

// multilingual holds the pieces, in the layout of model/MODEL.md: "SVP1", uint32
// rows, uint32 columns, a float32 step per row, a uint16 score per row, int8
// rows, then the pieces, a line each. It is read in place.
//
//go:embed model/pieces.bin
var multilingual string

// columns is how many components the rows have; the others of a vector stay 0.
const columns = 96

var manyPieces = sync.OnceValue(func() *pieces {
	rows := int(binary.LittleEndian.Uint32([]byte(multilingual[4:8])))
	return &pieces{newIndex(multilingual[staticHeader+(6+columns)*rows:]), multilingual, rows}
})

// score is the logarithm of a piece's probability, in thousandths.
func (m *pieces) score(id int) int32 {
	at := staticHeader + 4*m.rows + 2*id
	return -int32(uint16(m.file[at]) | uint16(m.file[at+1])<<8)
}

// embed writes the L2-normalised sum of the rows of text's pieces to dst; zero
// where there are none.
func (m *pieces) embed(dst []float32, text string) {
	for _, id := range m.tokens(text) {
		at := staticHeader + 4*int(id)
		step := math.Float32frombits(binary.LittleEndian.Uint32([]byte(m.file[at : at+4])))
		at = staticHeader + 6*m.rows + columns*int(id)
		row := m.file[at : at+columns]
		for i := range row {
			dst[i] += float32(step * float32(int8(row[i])))
		}
	}
	normalise(dst)
}
