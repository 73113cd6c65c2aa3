package quality

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"rapport/internal/identity"
)

// Names measures how well the names of one person in two spellings are seen to
// be one, and those of somebody else not: two accounts of which nothing else
// is known but that both work at one of the larger companies and live in one
// town are to be suggested, and the third, of a namesake or nearly, is not. A
// pair that shares no blocking key counts as not seen.
func Names(file string) ([]Figure, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("open names: %w", err)
	}
	var kinds []string
	var accounts []identity.Account
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 || strings.HasPrefix(line, "#") {
			continue
		}
		n := len(kinds)
		kinds = append(kinds, f[0])
		for i, name := range f[1:] {
			accounts = append(accounts, identity.Account{ID: fmt.Sprintf("acc-%d-%d", n, i), Platform: fmt.Sprintf("list-%d", i), Name: name,
				Company: fmt.Sprintf("company %c", 'a'+n%10), Location: fmt.Sprintf("Town%c", 'a'+n%7)})
		}
	}
	m := identity.Learn(accounts, Seed)
	said := func(a, b identity.Account) bool {
		keys := identity.Keys(a)
		return slices.ContainsFunc(identity.Keys(b), func(k string) bool { return slices.Contains(keys, k) }) && m.Judge(a, b, nil).Outcome >= identity.Suggest
	}
	var out []Figure
	list := slices.Compact(slices.Sorted(slices.Values(kinds)))
	for _, kind := range append(list, "all") {
		var found, wrong []float64
		for n, k := range kinds {
			if kind != "all" && k != kind {
				continue
			}
			a, same, near := accounts[3*n], accounts[3*n+1], accounts[3*n+2]
			found, wrong = append(found, number(said(a, same))), append(wrong, number(said(a, near))+number(said(same, near)))
		}
		precision := func(index []int) float64 { f, w := sum(found, index), sum(wrong, index); return f / max(1, f+w) }
		recall := func(index []int) float64 { return sum(found, index) / float64(len(index)) }
		for _, f := range []struct {
			name string
			of   func([]int) float64
		}{{"precision", precision}, {"recall", recall}} {
			all := make([]int, len(found))
			for i := range all {
				all[i] = i
			}
			low, high := math.NaN(), math.NaN()
			if kind == "all" {
				low, high = Bootstrap(len(found), draws, Seed, f.of)
			}
			out = append(out, Figure{Name: "names_" + kind + "_" + f.name, Value: f.of(all), Low: low, High: high, Unit: "share", N: len(found)})
		}
	}
	return out, nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sum(xs []float64, index []int) (s float64) {
	for _, i := range index {
		s += xs[i]
	}
	return s
}
