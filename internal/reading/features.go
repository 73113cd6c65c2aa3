package reading

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Buckets is the number of hashed n-grams a head has weights for.
const Buckets = 1 << 15

// Measures is the number of lexicon and punctuation figures in Features.
const measures = 16

// DenseDim is the number of dense features: measures, one per group of cues,
// and the vector.
var DenseDim = measures + len(cues) + Dim

// vectorScale brings a vector's components to the size of the other features,
// so that one penalty suits all of them.
const vectorScale = 6

// Features is what the heads see of a text.
type Features struct {
	Dense  []float32
	Bucket []uint32  // hashed n-grams, each once, in order of occurrence
	Value  []float32 // their values: word n-grams and character n-grams each have the L2 norm 1
}

// Features returns the features of text, for cmd/train.
func (r *Reader) Features(text string) Features {
	plain := Plain(text)
	return r.features(plain, r.lexicon().score(plain))
}

func (r *Reader) features(plain string, v valence) Features {
	tokens := r.vocab().appendTokens(make([]int32, 0, len(plain)/4+4), plain)
	f := Features{Dense: make([]float32, DenseDim)}
	total := float64(v.neutral) + v.positive + v.negative + 1
	n := float64(len(tokens))
	for i, x := range [measures]float64{
		2 * v.compound, v.positive / total * 2, v.negative / total * 2,
		math.Sqrt(v.positive) / 2, math.Sqrt(v.negative) / 2, v.strongest / 3, v.last / 3,
		min(float64(v.negated), 3) / 2, min(float64(v.capitals), 4) / 4,
		min(float64(v.exclaim), 4) / 4, min(float64(v.asks), 3) / 2,
		math.Sqrt(n) / 5, flag(strings.HasSuffix(plain, "?")), flag(strings.Contains(plain, "..") || strings.Contains(plain, "…")),
		flag(v.positive > 0 && v.negative > 0), flag(v.positive == 0 && v.negative == 0),
	} {
		f.Dense[i] = float32(x)
	}
	ws := tokenise(plain)
	joined := " " + strings.ReplaceAll(strings.Join(ws, " "), "'", "") + " "
	for i, group := range cues {
		hits := 0
		for _, c := range group {
			if strings.Contains(joined, c) {
				hits++
			}
		}
		f.Dense[measures+i] = float32(math.Sqrt(float64(min(hits, 4))))
	}
	vec := f.Dense[measures+len(cues):]
	embed(vec, tokens)
	for i := range vec {
		vec[i] *= vectorScale
	}
	f.ngrams(ws)
	return f
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ngrams adds word unigrams and bigrams, and character 3- to 5-grams within
// words, hashed.
func (f *Features) ngrams(ws []string) {
	var seen [Buckets / 64]uint64
	from := 0
	add := func(h uint32) {
		b := (h ^ h>>15) & (Buckets - 1)
		if seen[b/64]&(1<<(b%64)) == 0 {
			seen[b/64] |= 1 << (b % 64)
			f.Bucket = append(f.Bucket, b)
		}
	}
	close := func() {
		if n := len(f.Bucket) - from; n > 0 {
			x := float32(1 / math.Sqrt(float64(n)))
			for range n {
				f.Value = append(f.Value, x)
			}
		}
		from = len(f.Bucket)
	}
	f.Bucket = make([]uint32, 0, 16*len(ws))
	f.Value = make([]float32, 0, 16*len(ws))
	before := "^"
	for _, w := range ws {
		h := hashBytes(fnvOffset, w)
		add(h)
		add(hashBytes(hashBytes(hashBytes(fnvOffset, before), "\x01"), w))
		before = w
	}
	if len(ws) > 0 {
		add(hashBytes(hashBytes(fnvOffset, before), "\x01$"))
	}
	close()
	for _, w := range ws {
		w = "<" + w + ">"
		for i := range w {
			h := hashBytes(fnvOffset, "\x02")
			end, n := i, 0
			for n < 5 && end < len(w) {
				_, size := utf8.DecodeRuneInString(w[end:])
				h = hashBytes(h, w[end:end+size])
				end += size
				if n++; n >= 3 {
					add(h)
				}
			}
		}
	}
	close()
}

// tokenise cuts a plain text into lower-case words (letters with their
// apostrophes), "0" for a run of digits, runs of ! and ?, and emoji; other
// signs are left out.
func tokenise(plain string) []string {
	s := strings.ToLower(strings.ReplaceAll(plain, "’", "'"))
	ws := make([]string, 0, len(s)/5+1)
	kind, from := ' ', 0
	flush := func(to int) {
		switch kind {
		case 'a', '!':
			if w := strings.Trim(s[from:to], "'"); w != "" {
				ws = append(ws, w)
			}
		case '0':
			ws = append(ws, "0")
		}
		from = to
	}
	for i, r := range s {
		k := ' '
		switch {
		case unicode.IsLetter(r) || r == '\'' || unicode.Is(unicode.M, r):
			k = 'a'
		case r >= '0' && r <= '9':
			k = '0'
		case r == '!' || r == '?':
			k = '!'
		case r > 0x2190 && unicode.Is(unicode.So, r):
			flush(i)
			ws = append(ws, string(r))
			from, kind = i+utf8.RuneLen(r), ' '
			continue
		}
		if k != kind {
			flush(i)
			kind = k
		}
	}
	flush(len(s))
	return ws
}

func hasLetter(s string) bool {
	return strings.IndexFunc(s, unicode.IsLetter) >= 0
}
