package identity

import (
	"math"
	"slices"
)

// Assumed is a model of a workspace whose accounts are not all at hand: what is
// assumed of profiles, with how many accounts there are, and how many of them
// have each of some values, by the names that Counted gives them.
func Assumed(accounts int, counts map[string]int) *Model {
	m := &Model{Accounts: accounts, Prior: math.Log2(overlap / max(people, float64(accounts))), Fields: map[string]*Field{}, counts: counts, partial: true}
	for f, x := range profileFields {
		m.Fields[f] = &Field{slices.Clone(x.M), slices.Clone(x.U)}
	}
	return m
}

// Counted are the values of an account whose frequency matters, each with the
// blocking key that those share who have it: how long that key's list is says
// how many they are. Companies and places have no key.
func Counted(a Account) map[string]string {
	p, out := profileOf(a), map[string]string{}
	for i, words := range p.name.readings {
		if i == 0 {
			out["name|"+p.name.key] = lettersOf(words)
		}
		for _, w := range words {
			out["word|"+w.text] = "word|" + w.fold
		}
	}
	for _, h := range p.handles {
		out["handle|"+h.core] = "handle|" + h.core
		if len(h.stem) > 3 {
			out["handle|"+h.stem] = "handle|" + h.stem
		}
	}
	for _, l := range p.links {
		out["link|"+l] = "link|" + l
	}
	for _, x := range p.mails {
		out["mail|"+x.full] = "mail|" + x.full
	}
	for _, x := range p.phones {
		out["phone|"+x] = "phone|" + x
	}
	return out
}

// TooMany reports whether a certain value says nothing, since so many accounts
// have it, or so many of one platform.
func TooMany(accounts, onPlatform int) bool {
	return accounts > maxSharing || onPlatform > maxOnPlatform
}

// Against reports whether what is likely must not make two accounts one
// person's: they are two of one platform, or differ clearly.
func (m *Model) Against(a, b Account) bool { return m.against(profileOf(a), profileOf(b)) }

func (m *Model) against(a, b *profile) bool {
	if a.Platform == b.Platform && !(a.row() && b.row()) {
		return true
	}
	return m.weight(compare(a, b)) < contradicts
}
