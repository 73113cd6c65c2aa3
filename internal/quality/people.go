package quality

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rapport/internal/identity"
)

// Known is an account of which it is known whose it is.
type Known struct {
	identity.Account
	Person string
}

// ReadFebrl reads the files of one of Febrl's sets of made-up people. The
// truth is in rec_id, such as rec-12-org and rec-12-dup-0; each other column is
// an attribute, and each file a list of its own.
func ReadFebrl(folder string, files ...string) ([]Known, error) {
	var out []Known
	for _, file := range files {
		f, err := os.Open(filepath.Join(folder, file))
		if err != nil {
			return nil, fmt.Errorf("open febrl: %w", err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.TrimLeadingSpace = true
		header, err := r.Read()
		if err != nil {
			return nil, fmt.Errorf("read febrl: %w", err)
		}
		for {
			row, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("read febrl: %w", err)
			}
			k := Known{Account: identity.Account{ID: row[0], Platform: file, Attributes: map[string]string{}}}
			if parts := strings.Split(row[0], "-"); len(parts) > 1 {
				k.Person = parts[1]
			}
			for i := 1; i < len(row); i++ {
				if v := strings.TrimSpace(row[i]); v != "" {
					k.Attributes[header[i]] = v
				}
			}
			out = append(out, k)
		}
	}
	return out, nil
}

// People measures how well accounts are grouped into persons, over pairs: the
// share of the joined pairs that are one person's (precision), of one person's
// pairs that are joined (recall), and F1. The intervals are over persons.
func People(name string, known []Known) []Figure {
	accounts := make([]identity.Account, len(known))
	truth := map[string]string{}
	for i, k := range known {
		accounts[i], truth[k.ID] = k.Account, k.Person
	}
	of := map[string]string{}
	for _, m := range identity.MatchAll(accounts, nil, Seed, nil) {
		of[m.Account] = m.Person
	}
	return figures(name, truth, of)
}

// figures compares a grouping with the truth.
func figures(name string, truth, of map[string]string) []Figure {
	type sums struct{ both, said, is float64 }
	per := map[string]*sums{}
	add := func(groups map[string]string, f func(a, b string)) {
		members := map[string][]string{}
		for id, g := range groups {
			members[g] = append(members[g], id)
		}
		for _, list := range members {
			for i, a := range list {
				for _, b := range list[:i] {
					f(a, b)
				}
			}
		}
	}
	for _, p := range truth {
		per[p] = &sums{}
	}
	add(truth, func(a, b string) { per[truth[a]].is++ })
	add(of, func(a, b string) {
		// A pair of two persons counts half for each.
		per[truth[a]].said += 0.5
		per[truth[b]].said += 0.5
		if truth[a] == truth[b] {
			per[truth[a]].both++
		}
	})
	var list []sums
	keys := make([]string, 0, len(per))
	for k := range per {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	all := make([]int, len(keys))
	for i, k := range keys {
		list = append(list, *per[k])
		all[i] = i
	}
	total := func(index []int) (s sums) {
		for _, i := range index {
			s.both, s.said, s.is = s.both+list[i].both, s.said+list[i].said, s.is+list[i].is
		}
		return s
	}
	var out []Figure
	for _, f := range []struct {
		name string
		of   func(sums) float64
	}{
		{"precision", func(s sums) float64 { return s.both / max(1, s.said) }},
		{"recall", func(s sums) float64 { return s.both / max(1, s.is) }},
		{"f1", func(s sums) float64 { return 2 * s.both / max(1, s.said+s.is) }},
	} {
		at := func(index []int) float64 { return f.of(total(index)) }
		low, high := Bootstrap(len(list), draws, Seed, at)
		out = append(out, Figure{Name: name + "_" + f.name, Value: at(all), Low: low, High: high, Unit: "share", N: len(truth)})
	}
	return out
}
