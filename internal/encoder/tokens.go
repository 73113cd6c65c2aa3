package encoder

import (
	"hash/maphash"
	"math"
	"slices"
	"unicode/utf8"
)

// Marks of the vocabulary.
const (
	begin   = 0
	end     = 2
	unknown = 3
)

// vocabulary is a SentencePiece unigram model: pieces with scores, and rules by
// which characters are replaced before.
type vocabulary struct {
	pieces  string   // all of them, one after the other
	at      []uint32 // piece i is pieces[at[i]:at[i+1]]
	score   []float32
	lowest  float32  // of an unknown character
	longest int      // bytes of the longest piece
	table   []uint32 // open addressing by hash: index of a piece plus 1
	seed    maphash.Seed
	replace map[rune]string
}

// index builds the table by which pieces are found; of equal pieces the first is.
func (v *vocabulary) index() {
	v.seed = maphash.MakeSeed()
	size := 1
	for size < 2*len(v.score) {
		size *= 2
	}
	v.table = make([]uint32, size)
	for i, s := range v.score {
		v.lowest = min(v.lowest, s)
		piece := v.pieces[v.at[i]:v.at[i+1]]
		if piece == "" {
			continue
		}
		v.longest = max(v.longest, len(piece))
		if slot, found := v.find(piece); !found {
			v.table[slot] = uint32(i) + 1
		}
	}
	v.lowest -= 10
}

// find returns the slot of a piece, or the one in which it would be.
func (v *vocabulary) find(piece string) (slot int, found bool) {
	mask := len(v.table) - 1
	for slot = int(maphash.String(v.seed, piece)) & mask; v.table[slot] != 0; slot = (slot + 1) & mask {
		i := v.table[slot] - 1
		if v.pieces[v.at[i]:v.at[i+1]] == piece {
			return slot, true
		}
	}
	return slot, false
}

// tokens splits text into the pieces with the highest sum of scores (Kudo 2018,
// "Subword Regularization", section 3.2: Viterbi), between the marks of begin
// and end, at most most tokens in all.
func (v *vocabulary) tokens(text string, most int) []int32 {
	const space = '▁'
	var b []byte
	last := rune(0)
	put := func(c rune) {
		if c == ' ' {
			c = space
			if last == c {
				return
			}
		}
		b, last = utf8.AppendRune(b, c), c
	}
	if len(text) > 0 && text[0] != ' ' {
		put(' ')
	}
	for _, r := range text {
		if s, ok := v.replace[r]; ok {
			for _, c := range s {
				put(c)
			}
			continue
		}
		put(r)
	}
	if len(b) == 0 {
		put(' ')
	}
	type cell struct {
		score    float64
		from, id int32
	}
	best := make([]cell, len(b)+1)
	for i := range best[1:] {
		best[i+1].score = math.Inf(-1)
	}
	s := string(b)
	for i := 0; i < len(s); {
		_, width := utf8.DecodeRuneInString(s[i:])
		for e := i + width; e <= len(s) && e-i <= v.longest; {
			if slot, found := v.find(s[i:e]); found {
				id := v.table[slot] - 1
				if sum := best[i].score + float64(v.score[id]); id != unknown && sum > best[e].score {
					best[e] = cell{sum, int32(i), int32(id)}
				}
			}
			if e == len(s) {
				break
			}
			_, w := utf8.DecodeRuneInString(s[e:])
			e += w
		}
		if sum := best[i].score + float64(v.lowest); sum > best[i+width].score {
			best[i+width] = cell{sum, int32(i), unknown}
		}
		i += width
	}
	out := []int32{end}
	for p := len(s); p > 0; p = int(best[p].from) {
		out = append(out, best[p].id)
	}
	out = append(out, begin)
	slices.Reverse(out)
	if len(out) > most {
		out = append(out[:most-1], end)
	}
	return out
}
