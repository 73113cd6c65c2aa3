package identity

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/person"
)

// Match is what is said of one account among others.
type Match struct {
	Account     string
	Person      string
	Evidence    []Evidence // why other accounts are the same person's
	Suggestions []Evidence // whom somebody should look at
	Ignored     []string   // values that are no evidence, and why
}

// Evidence is why an account and another are, or may be, one person's.
type Evidence struct {
	With    string
	Certain bool
	P       float64
	Reasons []string
}

// maxSuggestions bounds the suggestions of an account: the likeliest.
const maxSuggestions = 5

// Bounds of how many may share an e-mail, a phone or an address before it says
// nothing of who they are.
const (
	maxSharing    = 10
	maxOnPlatform = 2
)

// profiles prepares accounts, in order of their ids; of one that is given
// twice the first counts.
func profiles(accounts []Account) []*profile {
	list := slices.SortedStableFunc(slices.Values(accounts), func(a, b Account) int { return strings.Compare(a.ID, b.ID) })
	list = slices.CompactFunc(list, func(a, b Account) bool { return a.ID == b.ID })
	out := make([]*profile, len(list))
	for i, a := range list {
		out[i] = profileOf(a)
	}
	return out
}

// MatchAll learns from accounts, compares them and groups them into persons. It
// returns a Match for each, in order of the accounts' ids. Progress, if given,
// is told what is being done.
func MatchAll(accounts []Account, decisions []person.Decision, seed uint64, progress func(string, ...any)) []Match {
	if progress == nil {
		progress = func(string, ...any) {}
	}
	all := profiles(accounts)
	pairs := pairsOf(all)
	progress("%d accounts, %d pairs to compare", len(all), len(pairs))
	m := learn(all, pairs, seed)
	progress("learned from them; comparing")
	tooMany := sharers(all)

	out := make([]Match, len(all))
	place := make(map[string]int, len(all))
	ids := make([]string, len(all))
	for i, p := range all {
		out[i] = Match{Account: p.ID, Ignored: p.ignored}
		place[p.ID], ids[i] = i, p.ID
	}
	var ties []person.Tie
	type found struct {
		pair
		Verdict
	}
	var kept []found
	for _, x := range pairs {
		v := m.judge(all[x[0]], all[x[1]], tooMany)
		if v.Outcome == Nothing {
			continue
		}
		kept = append(kept, found{x, v})
		if v.Outcome >= Merge {
			ties = append(ties, person.Tie{A: ids[x[0]], B: ids[x[1]], Certain: v.Outcome == Certain, Bits: v.Bits})
		}
	}
	of := person.Persons(ids, ties, decisions, func(a, b string) bool {
		return m.against(all[place[a]], all[place[b]])
	})
	apart := person.KeptApart(decisions)
	for _, f := range kept {
		a, b := f.pair[0], f.pair[1]
		together := of[ids[a]] == of[ids[b]]
		if !together && apart(ids[a], ids[b]) {
			continue // not asked again
		}
		for _, way := range [][2]int{{a, b}, {b, a}} {
			e := Evidence{ids[way[1]], f.Outcome == Certain, f.P, f.For}
			to := &out[way[0]]
			switch {
			case together:
				to.Evidence = append(to.Evidence, e)
			default:
				e.Reasons = append(slices.Clone(f.For), prefixed("but ", f.Against)...)
				to.Suggestions = append(to.Suggestions, e)
			}
		}
	}
	for _, d := range person.InForce(decisions) {
		if d.Verb != person.Same {
			continue
		}
		list := slices.Compact(slices.Sorted(slices.Values(slices.Concat(d.One, d.Other))))
		for _, a := range list {
			for _, b := range list {
				i, known := place[a]
				if _, other := place[b]; known && other && a != b && of[a] == of[b] && !slices.ContainsFunc(out[i].Evidence, func(e Evidence) bool { return e.With == b }) {
					out[i].Evidence = append(out[i].Evidence, Evidence{b, true, 1, []string{"somebody decided it"}})
				}
			}
		}
	}
	for i := range out {
		out[i].Person = of[out[i].Account]
		s := out[i].Suggestions
		slices.SortStableFunc(s, func(x, y Evidence) int {
			return cmp.Or(cmp.Compare(y.P, x.P), strings.Compare(x.With, y.With))
		})
		out[i].Suggestions = s[:min(len(s), maxSuggestions)]
	}
	return out
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = prefix + s
	}
	return out
}

// sharers tells of a value whether too many accounts have it.
func sharers(all []*profile) func(field, value string) bool {
	type holders struct {
		all      int
		platform map[string]int
		most     int
	}
	m := map[string]*holders{}
	for _, p := range all {
		add := func(key string) {
			h := m[key]
			if h == nil {
				h = &holders{platform: map[string]int{}}
				m[key] = h
			}
			h.all++
			h.platform[p.Platform]++
			h.most = max(h.most, h.platform[p.Platform])
		}
		for _, x := range p.mails {
			add("mail|" + x.full)
		}
		for _, x := range p.phones {
			add("phone|" + x)
		}
	}
	return func(field, value string) bool {
		h := m[field+"|"+value]
		return h != nil && TooMany(h.all, h.most)
	}
}
