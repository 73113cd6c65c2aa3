package identity

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Bounds of the search for those whom an account is compared with. A new
// account reads at most MaxKeys lists of at most MaxBlock accounts, and is
// compared with at most MaxCandidates, however many there are.
const (
	MaxKeys       = 160 // keys of an account
	MaxBlock      = 40  // accounts of a key; a key that more have says too little, and is passed over
	MaxCandidates = 100
)

// Keys are the blocking keys of an account: two accounts are compared if they
// share one. They depend on the account alone, so that a list of accounts can
// be kept for each key. They hold personal data, and are to be hashed where
// they are stored.
func Keys(a Account) []string { return profileOf(a).keys() }

func (p *profile) keys() []string {
	var out []string
	add := func(parts ...string) { out = append(out, strings.Join(parts, "|")) }
	for _, x := range p.Proofs[:min(len(p.Proofs), maxValues)] {
		add("proof", x)
	}
	for _, m := range p.mails {
		add("mail", m.full)
		add("loose", m.loose)
	}
	for _, n := range p.phones {
		add("phone", n)
	}
	for _, n := range p.suffixes {
		add("suffix", n)
	}
	for _, l := range slices.Concat(p.own, p.links) {
		add("link", l)
	}
	for _, h := range p.handles {
		add("handle", h.core)
		if len(h.stem) > 3 {
			add("handle", h.stem)
		}
	}
	for _, r := range p.name.readings {
		nameKeys(r, add)
	}
	list := p.attrs[:min(len(p.attrs), 12)]
	for i, x := range list {
		if len(x.value) > 2 {
			add("attr", x.field, x.value)
		}
		for _, y := range list[:i] {
			// Without the fields' names: values change places.
			v, w := x.value, y.value
			if v > w {
				v, w = w, v
			}
			add("attrs", v, w)
		}
	}
	seen := make(map[string]bool, len(out))
	out = slices.DeleteFunc(out, func(k string) bool {
		if seen[k] {
			return true
		}
		seen[k] = true
		return false
	})
	return out[:min(len(out), MaxKeys)]
}

// nameKeys are the keys of a name: its words alone, for rare ones, and by twos
// in several coarser forms, for the others.
func nameKeys(words []token, add func(...string)) {
	words = words[:min(len(words), 4)]
	var all, bones strings.Builder
	for i, x := range words {
		all.WriteString(loose(x.fold))
		bones.WriteString(boneOf(x))
		add("word", x.fold)
		for _, y := range words[:i] {
			for _, form := range []func(token) string{
				func(t token) string { return t.fold },
				func(t token) string {
					if g, ok := nicknameOf()[t.text]; ok {
						return "#" + strconv.Itoa(g)
					}
					return t.fold
				},
				func(t token) string { return loose(t.fold[:min(4, len(t.fold))]) },
				func(t token) string { return "." + boneOf(t) },
			} {
				a, b := form(x), form(y)
				if a > b {
					a, b = b, a
				}
				add("words", a, b)
			}
			add("initial", x.fold[:min(1, len(x.fold))], y.fold)
			add("initial", y.fold[:min(1, len(y.fold))], x.fold)
			for _, h := range []string{x.text + y.text, y.text + x.text, x.text[:1] + y.text, y.text[:1] + x.text} {
				add("handle", h)
			}
		}
	}
	add("letters", sorted(all.String()))
	add("consonants", sorted(bones.String()))
}

// lettersOf is the key of a whole name, whatever the order of its words.
func lettersOf(words []token) string {
	var all strings.Builder
	for _, x := range words[:min(len(words), 4)] {
		all.WriteString(loose(x.fold))
	}
	return "letters|" + sorted(all.String())
}

func sorted(letters string) string {
	b := []byte(letters)
	slices.Sort(b)
	return string(b)
}

// candidate is somebody whom an account is compared with.
type candidate[T cmp.Ordered] struct {
	at    T
	share float64 // how much the keys say that both have: the sum of 1/size
}

// Closest are the candidates that lists of accounts give, each a key's, at
// most MaxCandidates: those with the rarest keys in common first.
func Closest(lists [][]string, self string) []string {
	found := closest(lists, self)
	out := make([]string, len(found))
	for i, c := range found {
		out[i] = c.at
	}
	return out
}

func closest[T cmp.Ordered](lists [][]T, self T) []candidate[T] {
	sum := map[T]float64{}
	for _, l := range lists {
		if len(l) > MaxBlock {
			continue
		}
		for _, at := range l {
			if at != self {
				sum[at] += 1 / float64(len(l))
			}
		}
	}
	out := make([]candidate[T], 0, len(sum))
	for at, s := range sum {
		out = append(out, candidate[T]{at, s})
	}
	slices.SortFunc(out, func(a, b candidate[T]) int { return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(a.at, b.at)) })
	return out[:min(len(out), MaxCandidates)]
}

// pair is two accounts by their places, the lesser first.
type pair [2]int

// pairsOf are the pairs of accounts to compare, in order.
func pairsOf(all []*profile) []pair {
	type posting struct {
		key string
		at  int32
	}
	var list []posting
	for i, p := range all {
		for _, k := range p.keys() {
			list = append(list, posting{k, int32(i)})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].key != list[j].key {
			return list[i].key < list[j].key
		}
		return list[i].at < list[j].at
	})
	blocks := make([][][]int32, len(all))
	for from := 0; from < len(list); {
		to := from
		for to < len(list) && list[to].key == list[from].key {
			to++
		}
		if n := to - from; n > 1 && n <= MaxBlock {
			block := make([]int32, n)
			for i := range block {
				block[i] = list[from+i].at
			}
			for _, at := range block {
				blocks[at] = append(blocks[at], block)
			}
		}
		from = to
	}
	seen := map[pair]bool{}
	var out []pair
	for i := range all {
		for _, c := range closest(blocks[i], int32(i)) {
			p := pair{min(i, int(c.at)), max(i, int(c.at))}
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
		blocks[i] = nil
	}
	slices.SortFunc(out, func(a, b pair) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return out
}
