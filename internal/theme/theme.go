// Package theme finds what many people talk about, and says of a text which
// of the known themes it belongs to.
//
// Discover clusters texts by spherical k-means over the reader's vectors
// beside TF-IDF, merges clusters that say the same, names each cluster by the phrases that tell it from the
// others, and matches it to a theme of the previous set where they hold the
// same texts, so that a theme's id lasts. The result is a Set, a plain value.
// An Assigner is a pure function of a text and a set.
//
// The same texts give the same set, in any order and on any processor. A
// person has one voice: who writes ten messages moves a theme no more than
// who writes one.
package theme

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"rapport/internal/social"
	"rapport/internal/vector"
)

// Doc is a text that themes are found in. Person may be empty: then the
// text's writer is nobody else's. At says where the text is kept, to whoever
// shows it. Language is the text's; empty: it is told by the text.
type Doc struct{ ID, Person, Text, At, Language string }

// Options steer Discover.
type Options struct {
	K        int       // number of clusters; 0 lets the texts decide
	Seed     uint64    // of the starts of k-means
	Previous *Set      // whose identities are to last; may be nil
	At       time.Time // as of when the themes are found: dormant ones are forgotten a year after; zero: never
	Own      string    // the customer's own names, "Larkspoon Larkspoon Square": no word of them names a theme
}

// Set is a published list of themes, with all that is needed to assign texts
// to them. It is a value for JSON, under 150 KB for 100 themes.
type Set struct {
	Version   string   `json:"version"`   // a hash of the rest
	Reader    string   `json:"reader"`    // the version of the vectors it was found with
	Threshold float64  `json:"threshold"` // least similarity of a text to its theme
	Docs      int      `json:"docs"`      // texts it was found in
	People    int      `json:"people"`    // their writers
	Themes    []Theme  `json:"themes"`    // by people, most first
	Terms     []string `json:"terms"`     // word stems, in order
	IDF       []byte   `json:"idf"`       // of each term, in sixteenths
	Mean      packed   `json:"mean"`      // the mean vector of the texts

	Dormant []Dormant `json:"dormant,omitempty"` // themes of earlier sets, whose identity they get who come to speak of them again
}

// Theme is what some people talk about.
type Theme struct {
	ID       string   `json:"id"`       // thm_…; lasts from set to set
	Label    string   `json:"label"`    // a short phrase, different from the other themes'
	Keywords []string `json:"keywords"` // up to 6 phrases that tell it from the others, best first
	Docs     int      `json:"docs"`     // texts assigned when it was found
	People   int      `json:"people"`   // their writers, at least 3
	Quotes   []Quote  `json:"quotes"`   // up to 3 typical texts, of different people
	Dense    packed   `json:"dense"`    // its direction: the part beside the vector,
	Sparse   packed   `json:"sparse"`   // and the weights of its strongest terms,
	Term     []byte   `json:"term"`     // whose places in Terms are here, uint16 each, big endian
}

// Quote refers to a text by the ID and At of its Doc. A set is published
// without Text: whoever shows it reads what is said there by now (Short), which
// an author may have edited or deleted.
type Quote struct {
	ID   string `json:"id"`
	At   string `json:"at,omitempty"`
	Text string `json:"text"`
}

// Assignment says which theme a text belongs to. Similarity is the cosine to
// the nearest theme, -1 to 1, also where OK is false since it is below the
// set's threshold; ThemeID and Label are empty then.
type Assignment struct {
	ThemeID, Label string
	Similarity     float64
	OK             bool
}

// MaxDocs is how many texts themes are found in: those whose ids hash lowest.
const MaxDocs = 20000

const (
	minPeople   = 3    // of a theme
	restarts    = 5    // of k-means for the result
	tryRestarts = 2    // of k-means for groups that are to be merged
	maxK        = 1000 // more themes than anyone can read
	themeTerms  = 40   // weights kept of a theme
	quoteRunes  = 100  // of a quote, and
	quoteBytes  = 140  // which bounds a set in scripts of more bytes a rune
	sameTheme   = 0.3  // least overlap of a theme with its predecessor
	// The threshold is the similarity that one text in twenty falls below,
	// within these bounds; in them lies what separates CLINC150's texts from
	// those out of its scope, according to how wide the themes are. Where the
	// texts decide how many themes there are, it is the upper bound.
	lowThreshold, highThreshold = 0.25, 0.35
)

// Discover finds the themes of docs. It uses at most 20,000 of them, then
// those whose ids hash lowest. A text that is near no theme, or that says
// nothing, belongs to none; a theme that fewer than three people talk about
// is none, nor, where K is 0, of fewer than a quarter of the root of all. An error means that two docs share an id, or that the options make
// no sense; too few docs give a set without themes.
func Discover(docs []Doc, opt Options) (Set, error) {
	if opt.K < 0 || opt.K > maxK {
		return Set{}, fmt.Errorf("find themes: %d clusters, of 0 to %d", opt.K, maxK)
	}
	docs, err := prepare(docs)
	if err != nil {
		return Set{}, fmt.Errorf("find themes: %w", err)
	}
	model := modelFor(docs)
	set := Set{Reader: model.Version(), Threshold: highThreshold, Docs: len(docs), People: people(docs, nil, 0), Themes: []Theme{}, Terms: []string{}, IDF: []byte{}}
	if set.People < minPeople {
		set.Version = set.hash()
		return set, nil
	}
	s, idf, mean := newSpace(model, docs)
	set.Terms, set.IDF, set.Mean = make([]string, len(s.idf)), idf, mean
	for t, i := range s.terms {
		set.Terms[i] = t
	}
	said := docs[:0:0]
	var ps []point
	for _, d := range docs {
		if p, ok := s.point(d.Text); ok {
			said, ps = append(said, d), append(ps, p)
		}
	}
	docs = said
	if people(docs, nil, 0) < minPeople {
		set.Version = set.hash()
		return set, nil
	}
	shareVoices(docs, ps)

	least := minPeople
	var centres []centre
	if opt.K == 0 {
		least = max(least, int(math.Sqrt(float64(set.People))/4))
		centres = gather(docs, ps, len(s.idf), least, opt.Seed)
	} else {
		found := cluster(ps, len(s.idf), min(opt.K, len(ps)), restarts, opt.Seed)
		set.Threshold = threshold(found.near)
		for i := range found.of {
			if float64(found.near[i]) < set.Threshold {
				found.of[i] = -1
			}
		}
		centres = means(ps, found.of, len(found.centres), len(s.idf))
	}
	for _, m := range centres {
		if m.dense != nil {
			set.Themes = append(set.Themes, packTheme(m))
		}
	}
	set.settle(docs, least)
	if opt.Previous != nil {
		set.inherit(docs, *opt.Previous)
		set.wake(*opt.Previous, opt.At)
	}
	set.mint(opt.Previous)
	set.name(docs, opt.Own)
	set.Version = set.hash()
	return set, nil
}

// prepare returns a copy of docs in the order of their ids, thinned to
// MaxDocs by a hash of the id, each with a person.
func prepare(docs []Doc) ([]Doc, error) {
	docs = slices.Clone(docs)
	if len(docs) > MaxDocs {
		slices.SortFunc(docs, func(a, b Doc) int {
			x, y := sha256.Sum256([]byte(a.ID)), sha256.Sum256([]byte(b.ID))
			return cmp.Or(slices.Compare(x[:], y[:]), cmp.Compare(a.ID, b.ID))
		})
		docs = docs[:MaxDocs]
	}
	slices.SortFunc(docs, func(a, b Doc) int { return cmp.Compare(a.ID, b.ID) })
	for i := range docs {
		if i > 0 && docs[i].ID == docs[i-1].ID {
			return nil, fmt.Errorf("two texts with the id %q", docs[i].ID)
		}
		if docs[i].Person == "" {
			docs[i].Person = "\x00" + docs[i].ID
		}
	}
	return docs, nil
}

// modelFor returns the model for docs: English's own where they are in English,
// but for strays whose language was told wrong.
func modelFor(docs []Doc) vector.Model {
	english := 0
	for _, d := range docs {
		if languageOf(d) == "en" {
			english++
		}
	}
	if OneLanguage(english, len(docs)) {
		return vector.English
	}
	return vector.Multilingual
}

// OneLanguage reports whether texts are as good as all in one language: whether
// most, those in the commonest, are at least nine in ten of all.
func OneLanguage(most, all int) bool { return 10*most >= 9*all }

// people counts the writers of the docs in cluster c; of all where of is nil.
func people(docs []Doc, of []int, c int) int {
	seen := map[string]bool{}
	for i, d := range docs {
		if of == nil || of[i] == c {
			seen[d.Person] = true
		}
	}
	return len(seen)
}

// shareVoices weighs each text by one over its writer's texts.
func shareVoices(docs []Doc, ps []point) {
	count := map[string]int{}
	for _, d := range docs {
		count[d.Person]++
	}
	for i, d := range docs {
		ps[i].weight = 1 / float32(count[d.Person])
	}
}

func threshold(near []float32) float64 {
	sorted := slices.Clone(near)
	slices.Sort(sorted)
	t := float64(sorted[len(sorted)/20])
	return math.Round(1000*min(max(t, lowThreshold), highThreshold)) / 1000
}

// packTheme keeps a centre's dense part and its strongest terms.
func packTheme(c centre) Theme {
	var places []int
	for i, x := range c.sparse {
		if x > 0 {
			places = append(places, i)
		}
	}
	sort.SliceStable(places, func(i, j int) bool { return c.sparse[places[i]] > c.sparse[places[j]] })
	places = places[:min(len(places), themeTerms)]
	sort.Ints(places)
	t := Theme{Dense: pack(c.dense), Term: []byte{}}
	var weights []float32
	for _, p := range places {
		t.Term = binary.BigEndian.AppendUint16(t.Term, uint16(p))
		weights = append(weights, c.sparse[p])
	}
	t.Sparse = pack(weights)
	return t
}

// Assigner assigns texts to the themes of one set. It is safe for concurrent
// use.
type Assigner struct {
	set     Set
	space   space
	centres []centre
}

// NewAssigner returns the assigner of a set. Of a set whose packed parts are
// damaged, what is missing counts as zero; so does the vector of each text where
// the set was found with vectors that are no more, and its words alone count.
func NewAssigner(set Set) *Assigner {
	model, _ := vector.Named(set.Reader)
	a := &Assigner{set: set, space: openSpace(model, set.Terms, set.IDF, set.Mean)}
	for _, t := range set.Themes {
		c := centre{dense: t.Dense.unpack(vector.Dim), sparse: make([]float32, len(set.Terms))}
		for i, w := range t.Sparse.unpack(len(t.Term) / 2) {
			if p := int(binary.BigEndian.Uint16(t.Term[2*i:])); p < len(c.sparse) {
				c.sparse[p] = w
			}
		}
		if n := norm(c.dense, c.sparse); n > 0 {
			scale(c.dense, 1/n)
			scale(c.sparse, 1/n)
		}
		a.centres = append(a.centres, c)
	}
	return a
}

// Assign returns the theme nearest to text, of equals the first of the set.
// The similarity is rounded down to 1/4096.
func (a *Assigner) Assign(text string) Assignment {
	i, s := a.nearest(text)
	if i < 0 || s < a.set.Threshold {
		return Assignment{Similarity: s}
	}
	return Assignment{ThemeID: a.set.Themes[i].ID, Label: a.set.Themes[i].Label, Similarity: s, OK: true}
}

// nearest returns the place of the theme nearest to text and the similarity;
// -1 and 0 where there is none or the text says nothing.
func (a *Assigner) nearest(text string) (int, float64) {
	p, ok := a.space.point(text)
	if !ok {
		return -1, 0
	}
	best, near := -1, float32(-2)
	for i := range a.centres {
		if s := similarity(&p, &a.centres[i]); s > near {
			best, near = i, s
		}
	}
	if best < 0 {
		return -1, 0
	}
	return best, math.Floor(float64(near)*4096) / 4096
}

// assign returns the place of each doc's theme, or -1, and the similarity.
func (s Set) assign(docs []Doc) ([]int, []float64) {
	a := NewAssigner(s)
	of, near := make([]int, len(docs)), make([]float64, len(docs))
	for i, d := range docs {
		of[i], near[i] = a.nearest(d.Text)
		if near[i] < s.Threshold {
			of[i] = -1
		}
	}
	return of, near
}

// settle drops the themes that fewer than least people are assigned to, until
// each has enough; counts, quotes and orders the rest, by people and then by the
// id of the most typical text.
func (s *Set) settle(docs []Doc, least int) {
	for {
		of, near := s.assign(docs)
		kept := s.Themes[:0:0]
		for i, t := range s.Themes {
			t.People = people(docs, of, i)
			if t.People < least {
				continue
			}
			t.Docs = 0
			for _, c := range of {
				if c == i {
					t.Docs++
				}
			}
			t.Quotes = quotes(docs, of, near, i)
			kept = append(kept, t)
		}
		done := len(kept) == len(s.Themes)
		s.Themes = kept
		if done {
			break
		}
	}
	slices.SortStableFunc(s.Themes, func(a, b Theme) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Quotes[0].ID, b.Quotes[0].ID))
	})
}

// quotes returns the texts nearest to theme c, by different people, each said
// differently.
func quotes(docs []Doc, of []int, near []float64, c int) []Quote {
	var at []int
	for i := range docs {
		if of[i] == c {
			at = append(at, i)
		}
	}
	sort.SliceStable(at, func(i, j int) bool { return near[at[i]] > near[at[j]] })
	var out []Quote
	seen := map[string]bool{}
	for _, i := range at {
		plain := strings.Join(stems(oneLine(docs[i].Text)), " ")
		if seen[docs[i].Person] || seen["\x01"+plain] {
			continue
		}
		seen[docs[i].Person], seen["\x01"+plain] = true, true
		if out = append(out, Quote{ID: docs[i].ID, At: docs[i].At}); len(out) == 3 {
			break
		}
	}
	return out
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, " ")), " ")
}

// Short returns a text as a theme quotes it: on one line, and cut to about
// 100 characters.
func Short(text string) string {
	text = oneLine(text)
	n := 0
	for i := range text {
		if n++; n == quoteRunes || i > quoteBytes-8 {
			return strings.TrimSpace(text[:i]) + "…"
		}
	}
	return text
}

// inherit gives themes the ids and labels of the previous set's, one to one:
// pairs in the order of their overlap, which is the share of people in both
// among those in either, counted on docs by both sets, each with its own
// vectors. A set whose vectors are no more can't tell: wake knows its themes by their words.
func (s *Set) inherit(docs []Doc, previous Set) {
	if _, ok := vector.Named(previous.Reader); !ok {
		return
	}
	now, _ := s.assign(docs)
	then, _ := previous.assign(docs)
	type pair struct {
		now, then int
		overlap   float64
	}
	groups := func(of []int, n int) []map[string]bool {
		out := make([]map[string]bool, n)
		for i, c := range of {
			if c < 0 {
				continue
			}
			if out[c] == nil {
				out[c] = map[string]bool{}
			}
			out[c][docs[i].Person] = true
		}
		return out
	}
	a, b := groups(now, len(s.Themes)), groups(then, len(previous.Themes))
	var pairs []pair
	for i := range a {
		for j := range b {
			both := 0
			for p := range a[i] {
				if b[j][p] {
					both++
				}
			}
			if o := float64(both) / float64(max(1, len(a[i])+len(b[j])-both)); o >= sameTheme {
				pairs = append(pairs, pair{i, j, o})
			}
		}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return cmp.Compare(y.overlap, x.overlap) })
	taken := make([]bool, len(b))
	for _, p := range pairs {
		if s.Themes[p.now].ID == "" && !taken[p.then] {
			s.Themes[p.now].ID, s.Themes[p.now].Label = previous.Themes[p.then].ID, previous.Themes[p.then].Label
			taken[p.then] = true
		}
	}
}

// mint gives the themes without an id one, made of their most typical text's
// id; an id that the previous set had stays with what it meant.
func (s *Set) mint(previous *Set) {
	used := map[string]bool{}
	for _, t := range s.Themes {
		used[t.ID] = true
	}
	if previous != nil {
		for _, t := range previous.Themes {
			used[t.ID] = true
		}
		for _, d := range previous.Dormant {
			used[d.ID] = true
		}
	}
	for i := range s.Themes {
		for n := 0; s.Themes[i].ID == ""; n++ {
			if id := social.HashID("thm", social.Key(s.Themes[i].Quotes[0].ID, fmt.Sprint(n))); !used[id] {
				s.Themes[i].ID = id
				used[id] = true
			}
		}
	}
}

// hash is a version: the first 80 bits of a hash over the set's other fields,
// but for where the quotes are kept, which an erasure may take away.
func (s Set) hash() string {
	s.Version = ""
	s.Themes = slices.Clone(s.Themes)
	for i := range s.Themes {
		s.Themes[i].Quotes = slices.Clone(s.Themes[i].Quotes)
		for j := range s.Themes[i].Quotes {
			s.Themes[i].Quotes[j] = Quote{ID: s.Themes[i].Quotes[j].ID}
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Errorf("write a theme set: %w", err)) // no field of a set can fail to be written
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("set_%x", sum[:10])
}

// Unquote takes out of the set where the docs with these ids are kept, and
// reports whether it quoted any. The version stays: it does not depend on them.
func (s *Set) Unquote(ids map[string]bool) bool {
	any := false
	for i := range s.Themes {
		for j, q := range s.Themes[i].Quotes {
			if ids[q.ID] && q != (Quote{ID: q.ID}) {
				s.Themes[i].Quotes[j], any = Quote{ID: q.ID}, true
			}
		}
	}
	return any
}

// Parse reads a set from JSON and holds it against its version.
func Parse(b []byte) (Set, error) {
	var s Set
	if err := json.Unmarshal(b, &s); err != nil {
		return Set{}, fmt.Errorf("read a theme set: %w", err)
	}
	if s.Version != s.hash() {
		return Set{}, errors.New("read a theme set: its content does not fit its version")
	}
	return s, nil
}
