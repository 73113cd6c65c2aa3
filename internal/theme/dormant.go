package theme

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"rapport/internal/vector"
)

// Dormant is a theme of an earlier set that nobody spoke of since: an issue
// that returns is the same issue, with its history.
type Dormant struct {
	ID     string    `json:"id"`
	Label  string    `json:"label"`
	Since  time.Time `json:"since,omitzero"` // as of when it was first missing
	Reader string    `json:"reader"`         // whose vectors Dense is made of
	Dense  packed    `json:"dense"`          // as a theme has them,
	Sparse packed    `json:"sparse"`         // with the terms
	Words  []string  `json:"words"`          // themselves in place of their places
}

const (
	maxDormant = 100 // those missing longest are forgotten first
	dormantFor = 365 * 24 * time.Hour

	// Two themes of different weeks are one from these nearnesses on: of their
	// centres, and, where the readers differ, of their words alone. Between the
	// themes of two halves of Banking77's test texts, those of one subject were
	// at least 0.86 near (by words 0.76), those of others at most 0.43 (0.38).
	sameCentre = 0.6
	sameWords  = 0.5
)

// sleep is a theme of s as it is kept once nobody speaks of it.
func (s Set) sleep(t Theme, since time.Time) Dormant {
	d := Dormant{ID: t.ID, Label: t.Label, Since: since.UTC().Truncate(24 * time.Hour), Reader: s.Reader, Dense: t.Dense, Sparse: t.Sparse, Words: []string{}}
	for i := 0; i+1 < len(t.Term); i += 2 {
		word := ""
		if p := int(binary.BigEndian.Uint16(t.Term[i:])); p < len(s.Terms) {
			word = s.Terms[p]
		}
		d.Words = append(d.Words, word)
	}
	return d
}

// near is how near the centres of two themes are, and whether that makes them one.
func (d Dormant) near(o Dormant) (float64, bool) {
	words := map[string]float64{}
	var sparse, dw, ow float64
	for i, x := range d.Sparse.unpack(len(d.Words)) {
		words[d.Words[i]] = float64(x)
		dw += float64(x) * float64(x)
	}
	for i, x := range o.Sparse.unpack(len(o.Words)) {
		sparse += float64(x) * words[o.Words[i]]
		ow += float64(x) * float64(x)
	}
	if d.Reader != o.Reader {
		n := sparse / math.Sqrt(max(dw*ow, 1e-12))
		return n, n >= sameWords
	}
	var dense, dd, od float64
	a, b := d.Dense.unpack(vector.Dim), o.Dense.unpack(vector.Dim)
	for i := range a {
		dense += float64(a[i]) * float64(b[i])
		dd += float64(a[i]) * float64(a[i])
		od += float64(b[i]) * float64(b[i])
	}
	n := (dense + sparse) / math.Sqrt(max((dd+dw)*(od+ow), 1e-12))
	return n, n >= sameCentre
}

// wake gives themes that have inherited no identity that of the dormant theme
// they are one with, the nearest pair first, and keeps the themes that nobody
// speaks of any more.
func (s *Set) wake(previous Set, at time.Time) {
	taken := map[string]bool{}
	for _, t := range s.Themes {
		taken[t.ID] = true
	}
	var past []Dormant
	for _, t := range previous.Themes {
		if !taken[t.ID] {
			past = append(past, previous.sleep(t, at))
		}
	}
	for _, d := range previous.Dormant {
		if at.IsZero() || d.Since.IsZero() || at.Sub(d.Since) < dormantFor {
			past = append(past, d)
		}
	}
	type pair struct {
		theme, past int
		near        float64
	}
	var pairs []pair
	for i, t := range s.Themes {
		if t.ID != "" {
			continue
		}
		now := s.sleep(t, at)
		for j := range past {
			if n, same := past[j].near(now); same {
				pairs = append(pairs, pair{i, j, math.Round(n * 4096)})
			}
		}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return cmp.Compare(y.near, x.near) })
	for _, p := range pairs {
		t := &s.Themes[p.theme]
		if t.ID != "" || taken[past[p.past].ID] {
			continue
		}
		t.ID, t.Label = past[p.past].ID, past[p.past].Label
		taken[t.ID] = true
	}
	past = slices.DeleteFunc(past, func(d Dormant) bool { return taken[d.ID] })
	s.Dormant = past[:min(maxDormant, len(past))] // those that went last stand first
}
