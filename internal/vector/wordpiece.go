package vector

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	unknown     = 100 // the id of [UNK]
	maxWord     = 100 // runes; a longer word is unknown, as in the reference
	maxPiece    = 64  // bytes; no token of the vocabulary is longer
	continuing  = "##"
	hashUnknown = -1
)

// appendTokens appends the WordPiece ids of s to dst, as BERT uncased has
// them, without [CLS] and [SEP].
func (v *index) appendTokens(dst []int32, s string) []int32 {
	var arr [256]byte
	buf := arr[:0]
	flush := func() {
		if len(buf) > 0 {
			dst = v.appendWord(dst, buf)
			buf = buf[:0]
		}
	}
	if isASCII(s) {
		for i := 0; i < len(s); i++ {
			c := s[i]
			switch {
			case c == ' ' || c == '\t' || c == '\n' || c == '\r':
				flush()
			case c < 32 || c == 127:
			case c >= 'A' && c <= 'Z':
				buf = append(buf, c+32)
			case isPunct(rune(c)):
				flush()
				buf = append(buf, c)
				flush()
			default:
				buf = append(buf, c)
			}
		}
		flush()
		return dst
	}
	// The reference's order: drop controls, set CJK apart, decompose and drop
	// accents, lower the case, split at space and punctuation.
	clean := make([]byte, 0, len(s)+16)
	for _, r := range s {
		switch {
		case r == 0 || r == utf8.RuneError || isControl(r):
		case unicode.IsSpace(r):
			clean = append(clean, ' ')
		case isCJK(r):
			clean = append(clean, ' ')
			clean = utf8.AppendRune(clean, r)
			clean = append(clean, ' ')
		default:
			clean = utf8.AppendRune(clean, r)
		}
	}
	for _, r := range string(norm.NFD.Bytes(clean)) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case r == 0x130: // Unicode's lower case of İ is two runes, the second an accent
			buf = utf8.AppendRune(append(buf, 'i'), 0x307)
			continue
		}
		r = unicode.ToLower(r)
		switch {
		case unicode.IsSpace(r):
			flush()
		case isPunct(r):
			flush()
			buf = utf8.AppendRune(buf, r)
			flush()
		default:
			buf = utf8.AppendRune(buf, r)
		}
	}
	flush()
	return dst
}

// appendWord appends the longest-match-first pieces of a word, or one unknown.
func (v *index) appendWord(dst []int32, w []byte) []int32 {
	if utf8.RuneCount(w) > maxWord {
		return append(dst, unknown)
	}
	n := len(dst)
	prefix := ""
	var hashes [maxPiece]uint32
	for len(w) > 0 {
		h := hashBytes(fnvOffset, prefix)
		end := min(len(w), maxPiece)
		for i := 0; i < end; i++ {
			h = (h ^ uint32(w[i])) * fnvPrime
			hashes[i] = h
		}
		id := hashUnknown
		for ; end > 0; end-- {
			if end < len(w) && !utf8.RuneStart(w[end]) {
				continue
			}
			if id = v.find(hashes[end-1], prefix, w[:end]); id >= 0 {
				break
			}
		}
		if id < 0 {
			return append(dst[:n], unknown)
		}
		dst = append(dst, int32(id))
		w = w[end:]
		prefix = continuing
	}
	return dst
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isPunct(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 33 && r <= 47 || r >= 58 && r <= 64 || r >= 91 && r <= 96 || r >= 123 && r <= 126
	}
	return unicode.Is(unicode.P, r)
}

func isCJK(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x2A6DF ||
		r >= 0x2A700 && r <= 0x2B73F || r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// isControl leaves out unicode.C itself: since Go 1.25 that includes what is
// unassigned, which the reference keeps.
func isControl(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	if r < utf8.RuneSelf {
		return r < 32 || r == 127
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}
