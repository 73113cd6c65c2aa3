package identity

import (
	_ "embed"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mozillazg/go-unidecode"

	"rapport/internal/social"
)

//go:embed names.txt
var namesFile string

// nameTables are the kept lists of names.txt.
type nameTables struct {
	nick     map[string][]int   // a given name's groups of nicknames
	common   map[string]float64 // a name's share of people
	korean   map[string][]string
	family   map[string][]string // Japanese, by their signs
	given    map[string][]string
	titles   map[string]bool
	byFamily map[string]bool // the readings of family, to see that a pair of words is Japanese
}

var tables = sync.OnceValue(func() nameTables {
	t := nameTables{map[string][]int{}, map[string]float64{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string]bool{}, map[string]bool{}}
	section, group := "", 0
	for line := range strings.Lines(namesFile) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		if f[0][0] == '[' {
			section = strings.Trim(f[0], "[]")
			continue
		}
		switch section {
		case "nicknames":
			group++
			for _, n := range f {
				t.nick[n] = append(t.nick[n], group)
			}
		case "common":
			for i := 0; i+1 < len(f); i += 2 {
				n, _ := strconv.ParseFloat(f[i+1], 64) // a test reads the file
				t.common[f[i]] = n / 10_000
			}
		case "korean":
			t.korean[f[0]] = f[1:]
		case "japanese":
			t.family[f[0]] = f[1:]
		case "japanese-given":
			t.given[f[0]] = f[1:]
		case "titles":
			for _, n := range f {
				t.titles[n] = true
			}
		}
	}
	return t
})

// Bounds of a name, so that no name costs more than another.
const (
	maxName     = 120 // runes
	maxTokens   = 6
	maxReadings = 4
)

// token is one word of a name as it is compared.
type token struct {
	text string // ASCII, lower case
	fold string // with the usual spellings of one sound in other scripts unified
	bone string // the consonants alone, where the script writes no vowels; else empty
}

// name is a name as it is compared.
type name struct {
	shown    string
	readings [][]token // how it can be read: most names have one reading
	other    bool      // written in another script than Latin
	key      string    // the words of the first reading in order: equal for equal names
}

// nameOf reads a display name. It is the zero name where the text names nobody
// or holds no letters.
func nameOf(s string) name {
	s = clip(s, maxName)
	if nothing(s) {
		return name{}
	}
	s = norm.NFKC.String(s)
	for _, sep := range []string{"|", "(", "[", "•", "·", " - ", " – ", " — ", " @ ", "/", " at ", " from "} {
		if head, _, ok := strings.Cut(s, sep); ok && strings.IndexFunc(head, unicode.IsLetter) >= 0 {
			s = head
		}
	}
	s, _, _ = cutTitle(s)
	n := name{shown: social.Shown(strings.TrimSpace(s)), other: otherScript(s)}
	if low := strings.ToLower(strings.TrimSpace(n.shown)); values()["unnamed"][strings.ReplaceAll(low, " ", "-")] {
		return name{}
	}
	n.readings = readingsOf(s)
	if len(n.readings) == 0 {
		return name{}
	}
	n.key = keyOf(n.readings[0])
	return n
}

// cutTitle takes what follows a comma away where it is a title.
func cutTitle(s string) (head, tail string, ok bool) {
	head, tail, ok = strings.Cut(s, ",")
	if ok && tables().titles[strings.ReplaceAll(latin(tail), " ", "")] {
		return head, tail, true
	}
	return s, "", false
}

// keyOf is a name whatever the order of its words.
func keyOf(words []token) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// readingsOf are the ways to read a name in Latin letters. Chinese signs can be
// Chinese or Japanese.
func readingsOf(s string) [][]token {
	words := wordsOf(s)
	if len(words) > maxTokens {
		words = words[:maxTokens]
	}
	ways := [][]token{nil}
	add := func(options ...[]token) {
		var next [][]token
		for _, w := range ways {
			for _, o := range options {
				if len(next) < maxReadings {
					next = append(next, append(slices.Clone(w), o...))
				}
			}
		}
		ways = next
	}
	for i, w := range words {
		first, _ := utf8.DecodeRuneInString(w)
		switch {
		case unicode.Is(unicode.Han, first):
			add(signs(w, i, len(words))...)
		case unicode.Is(unicode.Hangul, first):
			add(hangul(w, len(words))...)
		default:
			if t := tokenOf(w); t.text != "" && !tables().titles[t.text] && !(len(words) > 2 && (t.text == "al" || t.text == "el")) {
				add([]token{t})
			}
		}
	}
	return slices.DeleteFunc(ways, func(w []token) bool { return len(w) == 0 })
}

// wordsOf cuts a name where it has spaces, hyphens and dots, and where a small
// letter is followed by a capital.
func wordsOf(s string) []string {
	var out []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	last := rune(' ')
	for _, r := range s {
		switch {
		case r == '\'' || r == '’' || r == '`' || r == 'ʼ' || r == '\u200c' || social.Hidden(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Mc):
			b.WriteRune(r)
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			last = ' '
			continue
		case unicode.IsUpper(r) && unicode.IsLower(last) && b.Len() > 5:
			end()
		}
		b.WriteRune(r)
		last = r
	}
	end()
	return slices.DeleteFunc(out, isDigits)
}

// bones are the scripts that mostly write no vowels.
var bones = []*unicode.RangeTable{unicode.Arabic, unicode.Hebrew}

func tokenOf(w string) token {
	r, _ := utf8.DecodeRuneInString(w)
	if unicode.In(r, bones...) {
		if article := strings.TrimPrefix(w, "ال"); utf8.RuneCountInString(article) > 2 {
			w = article
		}
		t := strings.ReplaceAll(boneless(w), " ", "")
		return token{text: t, fold: fold(t), bone: bone(t)}
	}
	t := strings.ReplaceAll(latin(w), " ", "")
	return token{text: t, fold: fold(t)}
}

// consonants are the letters of Arabic and Hebrew in the Latin letters that
// their names are mostly written with.
var consonants = strings.NewReplacer("ا", "a", "أ", "a", "إ", "i", "آ", "a", "ب", "b", "ت", "t", "ث", "th", "ج", "j", "ح", "h", "خ", "kh", "د", "d", "ذ", "d", "ر", "r", "ز", "z",
	"س", "s", "ش", "sh", "ص", "s", "ض", "d", "ط", "t", "ظ", "z", "ع", "a", "غ", "gh", "ف", "f", "ق", "q", "ك", "k", "ک", "k", "ل", "l", "م", "m", "ن", "n", "ه", "h", "و", "w", "ي", "y", "ی", "y", "ى", "a", "ة", "a", "ئ", "", "ء", "", "ؤ", "w", "پ", "p", "چ", "ch", "ژ", "zh", "گ", "g",
	"א", "a", "ב", "b", "ג", "g", "ד", "d", "ה", "h", "ו", "w", "ז", "z", "ח", "h", "ט", "t", "י", "y", "כ", "k", "ך", "k", "ל", "l", "מ", "m", "ם", "m", "נ", "n", "ן", "n", "ס", "s", "ע", "a", "פ", "p", "ף", "f", "צ", "ts", "ץ", "ts", "ק", "k", "ר", "r", "ש", "sh", "ת", "t")

func boneless(w string) string { return latin(consonants.Replace(w)) }

var digraphs = strings.NewReplacer("kh", "h", "gh", "g", "th", "t", "dh", "d", "ch", "h", "ph", "f", "ou", "", "ts", "s")

// bone is a word without vowels and half-vowels, one letter where there are
// two of a kind.
func bone(s string) string {
	s = digraphs.Replace(strings.TrimSuffix(s, "h")) // which is mute at the end
	var b []byte
	for i := range len(s) {
		c := s[i]
		switch {
		case strings.IndexByte("aeiouyw", c) >= 0:
			continue
		case c == 'q' || c == 'c':
			c = 'k'
		case c == 'v':
			c = 'b'
		case c == 'p':
			c = 'f'
		}
		if len(b) == 0 || b[len(b)-1] != c {
			b = append(b, c)
		}
	}
	return string(b)
}

var folds = strings.NewReplacer(
	"shch", "s", "sch", "s", "tch", "c", "tsch", "c", "zh", "z", "kh", "h", "ph", "f", "th", "t", "sh", "s", "ch", "c", "ck", "k", "cz", "c", "sz", "s", "gh", "g",
	"jue", "u", "ya", "a", "ia", "a", "ja", "a", "yu", "u", "iu", "u", "ju", "u", "ye", "e", "ie", "e", "yo", "e", "io", "o", "jo", "e",
	"ou", "u", "oo", "u", "ee", "i", "ae", "a", "oe", "o", "ue", "u", "ei", "e", "ey", "e", "iy", "i", "yi", "i", "ii", "i", "ij", "i", "yy", "i", "uu", "u",
	"mp", "b", "nt", "d", "gk", "g", "ts", "c", "tz", "c", "ks", "x", "y", "i", "j", "i", "w", "v", "q", "k", "eo", "o", "eu", "u")

// fold unifies the spellings that one word has in several transliterations:
// Shcherbakova and Scherbakova, Giorgos and Yiorgos, Müller and Mueller.
func fold(s string) string {
	s = folds.Replace(s)
	var b []byte
	for i := range len(s) {
		if len(b) == 0 || b[len(b)-1] != s[i] {
			b = append(b, s[i])
		}
	}
	return string(b)
}

// compounds are the Chinese family names of two signs.
var compounds = []string{"欧阳", "歐陽", "司马", "司馬", "诸葛", "諸葛", "上官", "司徒", "夏侯", "皇甫", "尉迟", "慕容", "令狐", "东方"}

// signs reads a word of Chinese signs: as Japanese where the kept list has it,
// and as Chinese, the family name first where it stands alone.
func signs(w string, at, of int) [][]token {
	var out [][]token
	t := tables()
	if of == 1 {
		runes := []rune(w)
		for n := 1; n < len(runes) && n <= 3; n++ {
			for _, f := range t.family[string(runes[:n])] {
				for _, g := range t.given[string(runes[n:])] {
					out = append(out, []token{tokenOf(f), tokenOf(g)})
				}
			}
		}
	} else {
		for _, r := range slices.Concat(t.family[w], t.given[w]) {
			out = append(out, []token{tokenOf(r)})
		}
	}
	head, rest := "", w
	if of == 1 {
		for _, c := range compounds {
			if strings.HasPrefix(w, c) && len(w) > len(c) {
				head, rest = c, w[len(c):]
			}
		}
		if head == "" && utf8.RuneCountInString(w) > 1 {
			_, n := utf8.DecodeRuneInString(w)
			head, rest = w[:n], w[n:]
		}
	}
	var chinese []token
	for _, part := range []string{head, rest} {
		if part != "" {
			chinese = append(chinese, tokenOf(unidecode.Unidecode(part)))
		}
	}
	return append(out, chinese)
}

// hangul reads a word of Korean: the family name is the first syllable where
// the name is one word.
func hangul(w string, of int) [][]token {
	head, rest := "", w
	if n := utf8.RuneCountInString(w); of == 1 && n > 1 {
		_, size := utf8.DecodeRuneInString(w)
		head, rest = w[:size], w[size:]
	} else if n == 1 {
		head, rest = w, ""
	}
	families := []string{""}
	if head != "" {
		h := latin(head)
		families = append([]string{h}, tables().korean[h]...)
		if len(families) > 1 {
			families = families[1:]
		}
	}
	var out [][]token
	for _, f := range families {
		var way []token
		if f != "" {
			way = append(way, tokenOf(f))
		}
		if rest != "" {
			t := tokenOf(latin(rest))
			t.bone = bone(t.text) // its vowels are spelt in too many ways
			way = append(way, t)
		}
		out = append(out, way)
	}
	return out
}

// How two names agree, the best first.
const (
	nameSame    = iota // the same words, in any order
	nameVariant        // the same but for nicknames, or another script's spelling
	nameClose          // the same but for a letter, an initial or a middle name
	namePart           // a word in common, and nothing against it
	nameOther          // others
	nameLevels
)

// Agreement of two words of names.
const (
	wordOther = iota
	wordClose
	wordInitial
	wordVariant
	wordSame
)

func compareWords(a, b token, scripts bool) int {
	switch {
	case a.text == b.text:
		return wordSame
	case len(a.text) == 1 || len(b.text) == 1:
		if a.text[0] == b.text[0] {
			return wordInitial
		}
		return wordOther
	case nicknames(a.text, b.text):
		return wordVariant
	case a.bone != "" || b.bone != "":
		switch x, y := boneOf(a), boneOf(b); {
		case len(x) > 1 && x == y, len(x) > 4 && edits(x, y, 1) <= 1:
			return wordVariant
		case x == y && len(a.text) > 2 && len(b.text) > 2:
			return wordClose
		}
		return wordOther
	case a.fold == b.fold && len(a.fold) > 2:
		return wordVariant
	case scripts && len(a.fold) > 2 && loose(a.fold) == loose(b.fold):
		return wordVariant
	}
	n := min(len(a.text), len(b.text))
	switch {
	case n >= 5 && edits(a.text, b.text, 1) <= 1, n >= 4 && a.text[0] == b.text[0] && edits(a.text, b.text, 1) <= 1 && len(a.text) == len(b.text) && sameLetters(a.text, b.text):
		return wordClose
	case scripts && n >= 6 && (alike(a.fold, b.fold) >= 0.93 || edits(a.fold, b.fold, 1) <= 1):
		return wordClose
	case n >= 7 && alike(a.text, b.text) >= 0.94:
		return wordClose
	}
	return wordOther
}

// loose unifies what Korean and Greek transliterations disagree on.
func loose(s string) string { return looser.Replace(s) }

var looser = strings.NewReplacer("g", "k", "d", "t", "b", "p", "r", "l", "u", "o", "h", "")

func boneOf(t token) string {
	if t.bone != "" {
		return t.bone
	}
	return bone(t.text)
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

func nicknames(a, b string) bool {
	groups := tables().nick
	for _, g := range groups[a] {
		if slices.Contains(groups[b], g) {
			return true
		}
	}
	return false
}

// initial stands for a word of which one name has the first letter alone.
const initial = "."

// slip begins a word that differs by a letter: there are several such names to
// most, and few people write their own wrong.
const slip = "~"

// compareNames says how two names agree, and by which words: one that is not
// the same in both stands as "alex/alexander".
func compareNames(a, b name) (level int, shared []string) {
	level = nameOther
	if a.key == b.key && a.key != "" {
		return nameSame, strings.Fields(a.key)
	}
	for _, x := range a.readings {
		for _, y := range b.readings {
			if l, s := compareReadings(x, y, a.other || b.other); l < level || l == level && len(s) > len(shared) {
				level, shared = l, s
			}
		}
	}
	return level, shared
}

func compareReadings(x, y []token, scripts bool) (level int, shared []string) {
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) != len(y) { // Xiao Ming and Xiaoming, Jean Luc and Jeanluc
		if j, ok := joined(y, x, scripts); ok {
			y = j
			if len(x) > len(y) {
				x, y = y, x
			}
		}
	}
	used := make([]bool, len(y))
	var count [wordSame + 1]int
	var left []token
	for want := wordSame; want > wordOther; want-- {
		var rest []token
		for _, w := range x {
			at := -1
			for j, v := range y {
				if !used[j] && compareWords(w, v, scripts) == want {
					at = j
					break
				}
			}
			if at < 0 {
				rest = append(rest, w)
				continue
			}
			used[at] = true
			count[want]++
			switch v := y[at].text; {
			case want == wordInitial:
				shared = append(shared, initial)
			case w.text == v:
				shared = append(shared, v)
			case want == wordClose:
				shared = append(shared, slip+min(w.text, v)+"/"+max(w.text, v))
			default:
				shared = append(shared, min(w.text, v)+"/"+max(w.text, v))
			}
		}
		x = rest
	}
	left = x
	var more []token // of y, without a counterpart
	for j, v := range y {
		if !used[j] {
			more = append(more, v)
		}
	}
	strong := count[wordSame] + count[wordVariant]
	all := strong + count[wordInitial] + count[wordClose]
	switch {
	case all == 0:
		return nameOther, nil
	case len(left) == 0 && len(more) == 0:
		switch {
		case strong == all && all == count[wordSame]:
			return nameSame, shared
		case strong == all && (all > 1 || count[wordVariant] == 1):
			return nameVariant, shared
		case all == 1: // a single word, nearly
			return namePart, shared
		case strong > 0:
			return nameClose, shared
		case count[wordClose] == all && scripts:
			return nameClose, shared
		}
		return namePart, shared
	case len(left) == 0 && all >= 2 && strong > 0 && count[wordClose] == 0:
		return nameClose, shared // a middle name more
	case len(left) == 0:
		return namePart, shared
	}
	return nameOther, nil // a word against a word: Ana Lindqvist and Ana Berg
}

// joined writes neighbours of y as one word where x has them as one.
func joined(y, x []token, scripts bool) ([]token, bool) {
	known := func(t token) bool { // has its counterpart already
		return slices.ContainsFunc(x, func(w token) bool { return compareWords(w, t, scripts) == wordSame })
	}
	for i := 0; i+1 < len(y); i++ {
		if known(y[i]) || known(y[i+1]) {
			continue
		}
		for _, pair := range [][2]token{{y[i], y[i+1]}, {y[i+1], y[i]}} {
			t := pair[0].text + pair[1].text
			one := token{text: t, fold: fold(t), bone: ""}
			if pair[0].bone != "" {
				one.bone = bone(t)
			}
			for _, w := range x {
				if c := compareWords(w, one, scripts); c == wordSame || c == wordVariant || scripts && c == wordClose && len(w.text) > 5 {
					out := slices.Clone(y[:i])
					return append(append(out, one), y[i+2:]...), true
				}
			}
		}
	}
	return y, false
}

// commonShare is a name's share of people as the kept list has it, the default where it doesn't.
func commonShare(word string) float64 {
	if f, ok := tables().common[word]; ok {
		return f
	}
	return 1.0 / 2000
}

// nicknameOf are the words that a blocking key has in place of a given name:
// the name of its first group.
var nicknameOf = sync.OnceValue(func() map[string]int {
	m := map[string]int{}
	for _, n := range slices.Sorted(maps.Keys(tables().nick)) {
		m[n] = tables().nick[n][0]
	}
	return m
})
