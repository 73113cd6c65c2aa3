package vector

import "strings"

// index finds the lines of a text. It holds line numbers in an open-addressed table of FNV-1a
// hashes, since building a Go map of the same 30,000 lines costs a cold start
// four times as long.
type index struct {
	text  string
	start []uint32 // where each line begins; one more for the end of the text
	slots []uint16 // line number + 1, 0 where empty; the length is a power of two
}

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// newIndex returns the index of text, which has fewer than 65,535 lines, each
// ended by a line feed. Of two equal lines the first is found.
func newIndex(text string) *index {
	n := strings.Count(text, "\n")
	size := 1
	for size < 2*n {
		size *= 2
	}
	x := &index{text: text, start: make([]uint32, 0, n+1), slots: make([]uint16, size)}
	at := 0
	for line := 0; line < n; line++ {
		x.start = append(x.start, uint32(at))
		h := uint32(fnvOffset)
		for text[at] != '\n' {
			h = (h ^ uint32(text[at])) * fnvPrime
			at++
		}
		at++
		slot := int(h) & (size - 1)
		for x.slots[slot] != 0 {
			slot = (slot + 1) & (size - 1)
		}
		x.slots[slot] = uint16(line + 1)
	}
	x.start = append(x.start, uint32(at))
	return x
}

// find returns the number, from 0, of the line that is prefix followed by key,
// or -1. hash is hashBytes of the two.
func (x *index) find(hash uint32, prefix string, key []byte) int {
	mask := len(x.slots) - 1
	for slot := int(hash) & mask; x.slots[slot] != 0; slot = (slot + 1) & mask {
		line := int(x.slots[slot]) - 1
		l := x.text[x.start[line] : x.start[line+1]-1]
		if len(l) == len(prefix)+len(key) && l[:len(prefix)] == prefix && l[len(prefix):] == string(key) {
			return line
		}
	}
	return -1
}

// hashBytes continues the FNV-1a hash h over b.
func hashBytes[T string | []byte](h uint32, b T) uint32 {
	for i := 0; i < len(b); i++ {
		h = (h ^ uint32(b[i])) * fnvPrime
	}
	return h
}
