package theme

import (
	"math"

	"rapport/internal/vector"
)

// Chosen on subsets of the training texts of CLINC150 and Banking77: 12 to 20
// subjects of uneven size in 400 or 800 texts, two fifths of which belong to
// none of them.
const (
	perGroup   = 8    // texts per group before groups are merged
	maxGroups  = 150  // before they are merged
	sameMatter = 0.55 // two groups are one from this nearness on
	coherent   = 0.12 // least nearness of a theme's texts to each other
	firm       = 0.3  // the same, of a group whose merger does not hold together
	settling   = 3    // rounds in which the themes that are left take up texts
)

// group is a set of points as sums, from which the mean similarity of its
// points to each other and to another group's follows without their pairs.
type group struct {
	sum            []float64 // of the weighted points, the dense part before the sparse
	weight, square float64   // sums of the weights and of their squares
	points         []int
}

// nearness is the weighted mean similarity of the points of g to those of h.
func (g *group) nearness(h *group) float64 {
	return dot(g.sum, h.sum) / (g.weight * h.weight)
}

// coherence is the weighted mean similarity of the different points of g; 0
// where there is one.
func (g *group) coherence() float64 {
	pairs := float64(g.weight*g.weight) - g.square
	if pairs < 1e-9 {
		return 0
	}
	return (dot(g.sum, g.sum) - g.square) / pairs
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x * b[i])
	}
	return sum
}

// gather finds the centres of as many themes as the texts hold: k-means into
// more groups than there can be themes, then merging of the two nearest groups
// (average linkage, relative to the coherence of the looser of the two) until
// none are near. What then does not hold together, or has fewer than least
// people, is no theme: of what went into it, a group that is firm and of twice
// as many people is one, and the other texts go to themes they are near to.
func gather(docs []Doc, ps []point, terms, least int, seed uint64) []centre {
	k := min(max(2, len(ps)/perGroup), maxGroups, len(ps))
	found := cluster(ps, terms, k, tryRestarts, seed)
	groups := make([]*group, len(found.centres))
	for i, c := range found.of {
		if groups[c] == nil {
			groups[c] = &group{sum: make([]float64, vector.Dim+terms)}
		}
		groups[c].add(i, &ps[i])
	}
	stands := make([]bool, len(groups)) // on its own
	for c, g := range groups {
		stands[c] = g != nil && g.coherence() >= firm && voices(docs, g.points) >= 2*least
	}
	of := make([]int, len(ps))
	for i := range of {
		of[i] = -1
	}
	themes := 0
	for _, g := range merge(groups) {
		if g.coherence() < coherent || voices(docs, g.points) < least {
			continue
		}
		for _, i := range g.points {
			of[i] = themes
		}
		themes++
	}
	for c := range stands {
		if !stands[c] {
			continue
		}
		free := false
		for i := range ps {
			if found.of[i] == c && of[i] < 0 {
				of[i], free = themes, true
			}
		}
		if free {
			themes++
		}
	}
	cs := means(ps, of, themes, terms)
	for range settling {
		for i := range ps {
			near := float32(highThreshold)
			of[i] = -1
			for c := range cs {
				if s := similarity(&ps[i], &cs[c]); s > near {
					of[i], near = c, s
				}
			}
		}
		for c, m := range means(ps, of, themes, terms) {
			if m.dense != nil {
				cs[c] = m
			}
		}
	}
	return cs
}

func (g *group) add(i int, p *point) {
	w := float64(p.weight)
	for j, x := range p.dense {
		g.sum[j] += float64(w * float64(x))
	}
	for j, t := range p.term {
		g.sum[vector.Dim+int(t)] += float64(w * float64(p.value[j]))
	}
	g.weight += w
	g.square += float64(w * w)
	g.points = append(g.points, i)
}

// merge joins the two groups that are nearest, of equals the first, until no
// two are sameMatter; it returns what is left, in order. A nil group is none.
func merge(groups []*group) []*group {
	var gs []*group
	for _, g := range groups {
		if g != nil {
			gs = append(gs, g)
		}
	}
	own := make([]float64, len(gs))
	near := make([][]float64, len(gs)) // of i to each j before it
	relative := func(i, j int) float64 {
		return gs[i].nearness(gs[j]) / max(0.05, min(own[i], own[j]))
	}
	for i := range gs {
		own[i] = gs[i].coherence()
		near[i] = make([]float64, i)
		for j := range i {
			near[i][j] = relative(i, j)
		}
	}
	for {
		from, to, best := -1, -1, math.Nextafter(sameMatter, 0)
		for i := range gs {
			for j := range near[i] {
				if gs[i] != nil && gs[j] != nil && near[i][j] > best {
					from, to, best = i, j, near[i][j]
				}
			}
		}
		if from < 0 {
			break
		}
		a, b := gs[to], gs[from]
		for i, x := range b.sum {
			a.sum[i] += x
		}
		a.weight += b.weight
		a.square += b.square
		a.points = append(a.points, b.points...)
		gs[from] = nil
		own[to] = a.coherence()
		for i := range gs {
			switch {
			case gs[i] == nil || i == to:
			case i < to:
				near[to][i] = relative(to, i)
			default:
				near[i][to] = relative(i, to)
			}
		}
	}
	left := gs[:0]
	for _, g := range gs {
		if g != nil {
			left = append(left, g)
		}
	}
	return left
}

// voices counts the writers of some docs.
func voices(docs []Doc, some []int) int {
	seen := map[string]bool{}
	for _, i := range some {
		seen[docs[i].Person] = true
	}
	return len(seen)
}
