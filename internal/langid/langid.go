// Package langid tells in which language a text is written. It is the model of
// py3langid 0.4.0 (BSD-3-Clause; Lui and Baldwin 2012, "langid.py: An
// Off-the-shelf Language Identification Tool"): naive Bayes over byte n-grams,
// of which models/langid.py writes the file embedded here, for thirty languages.
package langid

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unsafe"

	"golang.org/x/text/unicode/norm"
)

// The file, little endian: "LID1"; states, languages, features as uint32; the
// languages' codes, four bytes each; their priors as float32; for each state of
// the automaton the first of its children (one more at the end), the state to go
// on from where no child fits, and its feature or -1, four bytes each; each
// state's byte; each feature's row of weights, a float16 for each language.
//
//go:embed langid.bin
var model string

// names are the languages' names in English.
var names = map[string]string{"en": "English", "de": "German", "es": "Spanish", "pt": "Portuguese", "fr": "French", "it": "Italian", "nl": "Dutch", "ar": "Arabic", "hi": "Hindi",
	"tr": "Turkish", "pl": "Polish", "ru": "Russian", "uk": "Ukrainian", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "cs": "Czech", "el": "Greek",
	"ro": "Romanian", "hu": "Hungarian", "id": "Indonesian", "vi": "Vietnamese", "th": "Thai", "ja": "Japanese", "ko": "Korean", "zh": "Chinese", "he": "Hebrew", "fa": "Persian", "ca": "Catalan"}

// Name is the English name of a language by its code; of one that is not told
// apart it is the code.
func Name(code string) string {
	if n, ok := names[code]; ok {
		return n
	}
	return code
}

// Undetermined is the language of a text that shows none (BCP 47).
const Undetermined = "und"

// identifier holds views of the embedded file.
type identifier struct {
	languages   []string
	prior       []float32
	first, fail []uint32
	feature     []int32
	label       string
	weight      []uint16
	root        [256]uint32
}

var opened = sync.OnceValue(func() *identifier {
	d, err := open(model)
	if err != nil {
		panic(err) // the file is a part of the program
	}
	return d
})

// view reads n values at the front of *b, without copying where they are aligned.
func view[T any](b *string, n int) []T {
	var z T
	size := n * int(unsafe.Sizeof(z))
	s := (*b)[:size]
	*b = (*b)[size:]
	if n == 0 {
		return nil
	}
	p := unsafe.Pointer(unsafe.StringData(s))
	if uintptr(p)%unsafe.Alignof(z) != 0 {
		c := make([]T, n)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&c[0])), size), s)
		return c
	}
	return unsafe.Slice((*T)(p), n)
}

func open(b string) (*identifier, error) {
	if len(b) < 16 || b[:4] != "LID1" {
		return nil, errors.New("langid.bin is no LID1 file: make it with models/langid.py")
	}
	b = b[4:]
	h := view[uint32](&b, 3)
	states, n, features := int(h[0]), int(h[1]), int(h[2])
	if want := 8*n + 4*(3*states+1) + (states-1+3)/4*4 + 2*n*features; states < 1 || len(b) != want {
		return nil, fmt.Errorf("langid.bin has %d bytes after its head, and should have %d: make it with models/langid.py", len(b), want)
	}
	d := &identifier{}
	for range n {
		d.languages = append(d.languages, strings.TrimRight(b[:4], "\x00"))
		b = b[4:]
	}
	d.prior = view[float32](&b, n)
	d.first = view[uint32](&b, states+1)
	d.fail = view[uint32](&b, states)
	d.feature = view[int32](&b, states)
	d.label, b = b[:states-1], b[(states-1+3)/4*4:]
	d.weight = view[uint16](&b, n*features)
	for s := d.first[0]; s < d.first[1]; s++ {
		d.root[d.label[s-1]] = s
	}
	return d, nil
}

// next is one step of the automaton.
func (d *identifier) next(s uint32, c byte) uint32 {
	for s != 0 {
		low, high := d.first[s], d.first[s+1]
		for low < high { // a state's bytes are in order
			m := (low + high) / 2
			switch l := d.label[m-1]; {
			case l == c:
				return m
			case l < c:
				low = m + 1
			default:
				high = m
			}
		}
		s = d.fail[s]
	}
	return d.root[c]
}

// half is the number that a float16 stands for; the model has no infinities.
func half(h uint16) float32 {
	return math.Float32frombits(uint32(h&0x8000)<<16|uint32(h&0x7fff)<<13) * 0x1p112
}

// Languages lists the languages that are told apart, as ISO 639-1 codes.
func Languages() []string { return slices.Clone(opened().languages) }

// Identify returns the likeliest language of text and how likely it is, from 0
// to 1; Undetermined and 0 where the text shows none. With languages given, it
// is one of these. What is written but for letters should be off the text.
func Identify(text string, among ...string) (language string, p float64) {
	ps := Probabilities(text, among...)
	best := -1
	for k := range ps {
		if ps[k] > 0 && (best < 0 || ps[k] > ps[best]) {
			best = k
		}
	}
	if best < 0 {
		return Undetermined, 0
	}
	return opened().languages[best], ps[best]
}

// Probabilities returns how likely a text is in each of Languages, in their
// order, which sums to 1; all are 0 where the text shows none. With languages
// given, only these are possible.
func Probabilities(text string, among ...string) []float64 {
	d := opened()
	t := prepare(text)
	var seen []int32
	var s uint32
	for i := range len(t) {
		s = d.next(s, t[i])
		if f := d.feature[s]; f >= 0 {
			seen = append(seen, f)
		}
	}
	n := len(d.languages)
	out := make([]float64, n)
	if len(seen) == 0 {
		return out
	}
	slices.Sort(seen)
	score := slices.Clone(d.prior)
	for i := 0; i < len(seen); {
		j := i + 1
		for j < len(seen) && seen[j] == seen[i] {
			j++
		}
		w := float32(math.Log1p(float64(j - i)))
		for k, h := range d.weight[int(seen[i])*n:][:n] {
			score[k] += w * half(h)
		}
		i = j
	}
	for k, l := range d.languages {
		if len(among) > 0 && !slices.Contains(among, l) {
			score[k] = float32(math.Inf(-1))
		}
	}
	best := slices.Max(score)
	if math.IsInf(float64(best), -1) {
		return out
	}
	// Softmax; scores are tempered by the root of the text's length, since n-grams depend on each other.
	temper := 1 / math.Sqrt(float64(len(t)))
	sum := 0.0
	for k, v := range score {
		out[k] = math.Exp(float64(v-best) * temper)
		sum += out[k]
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

// prepare makes small letters of a text that has only capitals, and composes accents.
func prepare(s string) string {
	upper := false
	for _, r := range s {
		switch {
		case unicode.IsLower(r) || unicode.IsTitle(r) || unicode.Is(unicode.Other_Lowercase, r):
			return norm.NFC.String(s)
		case unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r):
			upper = true
		}
	}
	if upper {
		s = strings.ToLower(strings.ReplaceAll(s, "İ", "i\u0307"))
	}
	return norm.NFC.String(s)
}
