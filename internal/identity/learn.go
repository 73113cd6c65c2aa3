package identity

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Model is what is learned of a workspace's accounts: how often fields agree
// within one person (M) and between people (U), how common each value is, and
// how likely two accounts are one person before anything is compared.
//
// The weight of an agreement is log2(M/U): Fellegi and Sunter, "A theory for
// record linkage", JASA 64(328), 1969. An equal value's U is the value's own
// frequency, so that a rare name says more: Winkler, "Using the EM algorithm
// for weight computation in the Fellegi-Sunter model of record linkage", 2000.
type Model struct {
	Accounts int
	Prior    float64 // log2 of the odds
	Fields   map[string]*Field
	counts   map[string]int
	partial  bool // what has no count was not counted
}

// Field is how often a field's levels are seen in pairs of one person's
// accounts and in pairs of others'.
type Field struct{ M, U []float64 }

// What is assumed before there is data, worth the given number of pairs. The
// figures of profiles are from generated communities and deliberately cautious
// (docs/people.md); those of attributes are the usual starting points of
// linkage programs: a field is right nine times in ten.
var (
	profileFields = map[string]Field{
		fieldName:     {[]float64{0.60, 0.10, 0.12, 0.10, 0.08}, []float64{0.0005, 0.0005, 0.001, 0.02, 0.978}},
		fieldHandle:   {[]float64{0.40, 0.08, 0.04, 0.01, 0.47}, []float64{0.0002, 0.0003, 0.0005, 0.001, 0.998}},
		fieldCompany:  {[]float64{0.72, 0.06, 0.01, 0.01, 0.20}, []float64{0.02, 0.002, 0.001, 0.001, 0.976}},
		fieldLocation: {[]float64{0.58, 0.04, 0.16, 0.01, 0.21}, []float64{0.03, 0.002, 0.12, 0.001, 0.847}},
		fieldLink:     {[]float64{0.30, 0.30, 0.01, 0.01, 0.38}, []float64{0.00002, 0.0005, 0.001, 0.001, 0.9975}},
		fieldMail:     {[]float64{0.30, 0.01, 0.01, 0.01, 0.67}, []float64{0.00002, 0.001, 0.001, 0.001, 0.99698}},
		fieldPhone:    {[]float64{0.30, 0.01, 0.01, 0.01, 0.67}, []float64{0.00002, 0.001, 0.001, 0.001, 0.99698}},
	}
	attributeField = Field{[]float64{0.80, 0.08, 0.05, 0.02, 0.05}, []float64{0.02, 0.01, 0.03, 0.005, 0.935}}
)

const (
	profilePairs   = 200.0 // what the assumptions about profiles are worth, in pairs
	attributePairs = 10.0
	randomPairs    = 50_000  // drawn for U
	learnedPairs   = 150_000 // candidates that M is learned from, at most
	rounds         = 25
	people         = 1000.0 // whom a small workspace's frequencies are mixed with
	overlap        = 0.2    // of so many accounts one more is expected to be of somebody who has one
)

// Learn fits a model to accounts without knowing who is who: U by random
// pairs, nearly all of which are two people's; M by expectation maximisation
// over pairs that share a blocking key (Dempster, Laird and Rubin 1977; Jaro,
// JASA 84(406), 1989). Among these others agree more often than at random, so
// their figures are fitted beside and then left. The same accounts and seed
// give the same model, in any order.
func Learn(accounts []Account, seed uint64) *Model {
	all := profiles(accounts)
	return learn(all, pairsOf(all), seed)
}

func learn(all []*profile, pairs []pair, seed uint64) *Model {
	m := &Model{Accounts: len(all), Fields: map[string]*Field{}, counts: map[string]int{}}
	for _, p := range all {
		p.count(func(key string) { m.counts[key]++ })
		for _, a := range p.attrs {
			if m.Fields["."+a.field] == nil {
				m.Fields["."+a.field] = &Field{slices.Clone(attributeField.M), slices.Clone(attributeField.U)}
			}
		}
	}
	for f, x := range profileFields {
		m.Fields[f] = &Field{slices.Clone(x.M), slices.Clone(x.U)}
	}
	m.Prior = math.Log2(overlap / max(people, float64(len(all))))
	if len(all) < 2 {
		return m
	}
	r := rand.New(rand.NewPCG(seed, 1))
	m.between(all, r)
	m.within(all, pairs, r)
	return m
}

// between counts the levels of random pairs, for U.
func (m *Model) between(all []*profile, r *rand.Rand) {
	n := min(randomPairs, len(all)*(len(all)-1)/2)
	seen := map[string][]float64{}
	for range n {
		i, j := r.IntN(len(all)), r.IntN(len(all)-1)
		if j >= i {
			j++
		}
		for _, g := range compareAttributes(all[i].attrs, all[j].attrs) {
			if seen[g.field] == nil {
				seen[g.field] = make([]float64, levels)
			}
			seen[g.field][g.level]++
		}
	}
	for f, count := range seen {
		mix(m.Fields[f].U, count, attributeField.U, 5)
	}
}

// mix sets to to the shares of counts, to which assumed shares are added as if
// they had been seen in so many pairs.
func mix(to, counts, assumed []float64, pairs float64) {
	sum := pairs
	for _, c := range counts {
		sum += c
	}
	for i := range to {
		to[i] = (counts[i] + pairs*assumed[i]) / sum
	}
}

// within fits M by EM.
func (m *Model) within(all []*profile, pairs []pair, r *rand.Rand) {
	share := 1.0
	if len(pairs) > learnedPairs {
		share = float64(learnedPairs) / float64(len(pairs))
		pairs = slices.Clone(pairs)
		r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		pairs = pairs[:learnedPairs]
	}
	// Each pair as numbers: field, level, and the bits of its rate, which stays.
	type seen struct {
		field, level int
		rate         float64
	}
	index := map[string]int{}
	var fields []string
	list := make([][]seen, len(pairs))
	rows := make([]bool, len(pairs)) // compared by attributes
	sure := make([]bool, len(pairs)) // certain, and so known to be one person
	p := make([]float64, len(pairs))
	for i, x := range pairs {
		a, b := all[x[0]], all[x[1]]
		attributes := 0
		for _, g := range compare(a, b) {
			f, ok := index[g.field]
			if !ok {
				f = len(fields)
				index[g.field], fields = f, append(fields, g.field)
			}
			list[i] = append(list[i], seen{f, g.level, math.Log2(m.rate(g))})
			if g.field[0] == '.' {
				attributes++
			}
		}
		rows[i], sure[i] = attributes > 2, len(proofs(a, b)) > 0
	}
	one, two := make([][levels]float64, len(fields)), make([][levels]float64, len(fields))
	within, beside := make([][levels]float64, len(fields)), make([][levels]float64, len(fields)) // log2
	assumed, worth := make([]Field, len(fields)), make([]float64, len(fields))
	for i, f := range fields {
		assumed[i], worth[i] = attributeField, attributePairs
		if x, ok := profileFields[f]; ok {
			assumed[i], worth[i] = x, profilePairs
		}
		for l := range levels {
			within[i][l] = math.Log2(m.Fields[f].M[l])
		}
	}
	start := m.Prior
	candidates := 0.0
	for round := range rounds {
		matches := 0.0
		clear(one)
		clear(two)
		for i, x := range list {
			// Attributes, which are many and learned, are held against how they
			// agree among the candidates; what profiles say, of which there is
			// less, against its rate.
			w, prior := 0.0, m.Prior
			if rows[i] && round > 0 {
				prior = candidates
			}
			for _, g := range x {
				w += within[g.field][g.level]
				if rows[i] && round > 0 {
					w -= beside[g.field][g.level]
				} else {
					w -= g.rate
				}
			}
			if p[i] = odds(prior + w); sure[i] {
				p[i] = 1
			}
			matches += p[i]
			for _, g := range x {
				one[g.field][g.level] += p[i]
				two[g.field][g.level] += 1 - p[i]
			}
		}
		for i, f := range fields {
			mix(m.Fields[f].M, one[i][:], assumed[i].M, worth[i])
			var u [levels]float64
			mix(u[:], two[i][:], assumed[i].U, 5)
			for l := range levels {
				within[i][l], beside[i][l] = math.Log2(m.Fields[f].M[l]), math.Log2(u[l])
			}
		}
		candidates = math.Log2(max(1, matches) / max(1, float64(len(list))-matches))
		n := float64(len(all))
		m.Prior = math.Log2((matches/share + overlap*people/2) / (n*(n-1)/2 + people*people/2))
		m.Prior = max(start-3, min(start+3, m.Prior))
	}
}

// odds is the probability of odds given as their log2.
func odds(bits float64) float64 { return 1 / (1 + math.Exp2(-bits)) }

// count names all whose frequency matters.
func (p *profile) count(add func(key string)) {
	if p.name.key != "" {
		add("name|" + p.name.key)
		seen := map[string]bool{}
		for _, words := range p.name.readings {
			for _, w := range words {
				if !seen[w.text] {
					seen[w.text] = true
					add("word|" + w.text)
				}
			}
		}
	}
	for _, h := range p.handles {
		add("handle|" + h.core)
		if h.stem != h.core {
			add("handle|" + h.stem)
		}
	}
	for _, c := range p.employers() {
		add("company|" + strings.ReplaceAll(c, " ", ""))
	}
	if len(p.place) > 0 {
		add("location|" + p.place[0])
	}
	for _, l := range p.links {
		add("link|" + l)
	}
	for _, a := range p.attrs {
		add("." + a.field + "|" + a.value)
	}
}

// field is how often a field's levels are seen.
func (m *Model) field(name string) *Field {
	if f := m.Fields[name]; f != nil {
		return f
	}
	return &attributeField
}

// frequency is the share of others who have a value: its count without the
// one account, mixed with an assumed share as if so many more had been seen.
func (m *Model) frequency(key string, assumed, worth float64) float64 {
	n, counted := m.counts[key]
	if m.partial && !counted {
		return assumed
	}
	c := max(0, float64(n)-1)
	return (c + assumed*worth) / (float64(m.Accounts) + worth)
}

// beyond is the share of accounts that have a value, but for two who are
// compared: that these have it is what is to be explained.
func (m *Model) beyond(key string) float64 {
	return max(0, float64(m.counts[key])-2) / (float64(m.Accounts) + people)
}

// rate is how often two people's accounts agree as g says.
func (m *Model) rate(g agreement) float64 {
	u := m.field(g.field).U[g.level]
	switch {
	case g.field == fieldName:
		return m.nameRate(g)
	case g.rate > 0:
		return min(0.5, max(g.rate, m.beyond("handle|"+g.value)))
	case g.field == fieldCompany && g.level == same, g.field == fieldLocation && g.level == same:
		return m.frequency(g.field+"|"+g.value, u, people)
	case g.field == fieldLink && g.level == near:
		return m.frequency("link|"+g.value, u, people)
	case g.field[0] == '.' && g.level == same:
		return m.frequency(g.field+"|"+g.value, u, 50)
	}
	return u
}

// nameRate is how often somebody else has the words that two names share. For
// names that are not just equal it is more, since there are more that would do.
func (m *Model) nameRate(g agreement) float64 {
	field := m.Fields[fieldName]
	if g.level == nameOther {
		return field.U[nameOther]
	}
	words := 1.0
	for _, w := range g.words {
		words *= m.wordRate(w)
	}
	// Given and family names go together within a language, so that a pair of
	// them is commoner than the two are by themselves.
	words = min(0.5, max(words*4, 1.0/200_000))
	rate := words
	if g.level == nameSame {
		rate = max(words, m.beyond("name|"+g.value))
	}
	return min(0.5, rate*[]float64{1, 3, 6, 3}[g.level])
}

// wordRate is how often a word of a name is borne, as the accounts and the
// kept list have it, whichever is more.
func (m *Model) wordRate(w string) float64 {
	if w == initial {
		return 1.0 / 12
	}
	rate, more := 0.0, 1.0
	if strings.HasPrefix(w, slip) {
		w, more = w[len(slip):], 8
	}
	for x := range strings.SplitSeq(w, "/") {
		common := commonShare(x)
		rate = max(rate, common/4, m.frequency("word|"+x, common, people))
	}
	return rate * more
}

// weight is the sum of the bits that agreements say, for (positive) and
// against (negative) that two accounts are one person.
func (m *Model) weight(list []agreement) float64 {
	sum := 0.0
	for _, g := range list {
		sum += m.bits(g)
	}
	return sum
}

// bits is the weight of an agreement in one field, bounded so that none decides alone.
func (m *Model) bits(g agreement) float64 {
	return max(-8, min(17, math.Log2(m.field(g.field).M[g.level]/m.rate(g))))
}
