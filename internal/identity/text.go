package identity

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/norm"

	"rapport/internal/social"
)

// clip cuts a text to n runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := 0
	for at := range s {
		if i == n {
			return s[:at]
		}
		i++
	}
	return s
}

// latin is a text in lower-case ASCII: compatibility forms unified (NFKC),
// case folded, accents off, other scripts transliterated, and all but letters
// and digits turned to single spaces.
func latin(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if !ascii {
		s = strings.Map(func(r rune) rune {
			if social.Hidden(r) {
				return -1
			}
			return r
		}, norm.NFKC.String(s))
		s = spellings.Replace(s)
		s = unidecode.Unidecode(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '\'' || c == '`':
			continue
		default:
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteByte(c)
	}
	return b.String()
}

// spellings are what people write where the transliteration has an older rule:
// ё is printed as е, and Greek is spelt as it is spoken.
var spellings = strings.NewReplacer("ё", "е", "Ё", "Е", "η", "i", "ή", "i", "Η", "I", "Ή", "I", "χ", "ch", "Χ", "Ch", "γγ", "ng", "γκ", "gk", "υ", "y", "ύ", "y", "ου", "ou", "ού", "ou", "ευ", "ev", "αυ", "av")

// digits are the digits of a text.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// maxCompared bounds the strings that are compared letter by letter, in bytes.
const maxCompared = 64

// edits is the least number of letters to insert, delete, replace or swap with
// their neighbour to make b of a, no part touched twice ("optimal string
// alignment": Damerau, "A technique for computer detection and correction of
// spelling errors", CACM 7(3), 1964). Both are ASCII, and cut to maxCompared.
// It is most+1 where there are more than most.
func edits(a, b string, most int) int {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	if d := len(a) - len(b); d > most || -d > most {
		return most + 1
	}
	var rows [3][maxCompared + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	before, last, now := &rows[2], &rows[0], &rows[1]
	for i := 1; i <= len(a); i++ {
		now[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(last[j-1]+cost, last[j]+1, now[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			now[j], least = d, min(least, d)
		}
		if least > most {
			return most + 1
		}
		before, last, now = last, now, before
	}
	return min(last[len(b)], most+1)
}

// alike is the Jaro–Winkler similarity of two ASCII texts, 0 to 1 (Winkler,
// "String comparator metrics and enhanced decision rules in the
// Fellegi-Sunter model of record linkage", 1990), with the usual 0.1 for each
// of up to four first letters in common.
func alike(a, b string) float64 {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	if a == b {
		return 1
	}
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	window := max(0, max(len(a), len(b))/2-1)
	var inA, inB [maxCompared]bool
	same := 0
	for i := range len(a) {
		for j := max(0, i-window); j < min(len(b), i+window+1); j++ {
			if !inB[j] && a[i] == b[j] {
				inA[i], inB[j] = true, true
				same++
				break
			}
		}
	}
	if same == 0 {
		return 0
	}
	moved, j := 0, 0
	for i := range len(a) {
		if !inA[i] {
			continue
		}
		for !inB[j] {
			j++
		}
		if a[i] != b[j] {
			moved++
		}
		j++
	}
	m := float64(same)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(moved)/2)/m) / 3
	prefix := 0
	for prefix < min(4, len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + float64(prefix)*0.1*(1-jaro)
}

// otherScript reports whether a text has letters outside the Latin script.
func otherScript(s string) bool {
	for _, r := range s {
		if r >= 0x80 && unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return true
		}
	}
	return false
}
