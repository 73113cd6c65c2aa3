package theme

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"rapport/internal/vector"
)

// point is a text as the clustering sees it: a unit vector made of a dense
// part and a sparse one.
type point struct {
	dense  []float32 // vector.Dim components
	term   []int32   // ascending
	value  []float32 // of the same length as term
	weight float32   // how much the text counts: a person's texts share one voice
}

// centre is the direction of a cluster, of unit length.
type centre struct {
	dense, sparse []float32
}

// similarity is the cosine of p and c. Each product is converted before it is
// added, here as everywhere in this package: the compiler then may not fuse
// the two, and the sum has the same bits on every processor.
func similarity(p *point, c *centre) float32 {
	sum := dotDense(p.dense, c.dense)
	for i, t := range p.term {
		sum += float32(p.value[i] * c.sparse[t])
	}
	return sum
}

func dotDense(a, b []float32) float32 {
	a, b = a[:vector.Dim], b[:vector.Dim]
	var s0, s1, s2, s3 float32
	for i := 0; i < vector.Dim; i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	return (s0 + s1) + (s2 + s3)
}

// clustering is one result of k-means.
type clustering struct {
	centres []centre
	of      []int     // the centre nearest to each point
	near    []float32 // the similarity to it
	fit     float64   // the weighted mean of near
}

// cluster runs spherical k-means from restarts k-means++ starts and returns
// the best fit, of equals the earliest. Each start has a generator of its own,
// so the result does not depend on how many run at once.
func cluster(ps []point, terms, k, restarts int, seed uint64) clustering {
	results := make([]clustering, restarts)
	var wait sync.WaitGroup
	gate := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range restarts {
		wait.Go(func() {
			gate <- struct{}{}
			results[i] = lloyd(ps, terms, start(ps, terms, k, rand.New(rand.NewPCG(seed, uint64(i)))))
			<-gate
		})
	}
	wait.Wait()
	best := results[0]
	for _, r := range results[1:] {
		if r.fit > best.fit {
			best = r
		}
	}
	return best
}

// start picks k points by greedy k-means++ (Arthur and Vassilvitskii 2007):
// each the best of a few drawn in proportion to the squared distance to the
// nearest one so far, which for unit vectors is 2 - 2 cos.
func start(ps []point, terms, k int, rng *rand.Rand) []centre {
	tries := 2 + int(math.Log(float64(k)))
	far := make([]float64, len(ps))
	total := 0.0
	for i := range far {
		far[i] = float64(ps[i].weight)
		total += far[i]
	}
	var out []centre
	trial, best := make([]float64, len(ps)), make([]float64, len(ps))
	for len(out) < k {
		bestTotal, chosen := math.Inf(1), -1
		for range tries {
			at := rng.Float64() * total
			i := 0
			for ; i < len(ps)-1; i++ {
				if at -= far[i]; at < 0 {
					break
				}
			}
			c := alone(&ps[i], terms)
			sum := 0.0
			for j := range ps {
				d := float64(ps[j].weight) * max(0, 2-2*float64(similarity(&ps[j], &c)))
				if len(out) > 0 {
					d = min(d, far[j])
				}
				trial[j] = d
				sum += d
			}
			if sum < bestTotal {
				bestTotal, chosen = sum, i
				trial, best = best, trial
			}
		}
		out = append(out, alone(&ps[chosen], terms))
		copy(far, best)
		total = bestTotal
		if total <= 0 {
			break // fewer different points than k
		}
	}
	return out
}

func alone(p *point, terms int) centre {
	c := centre{dense: append([]float32(nil), p.dense...), sparse: make([]float32, terms)}
	for i, t := range p.term {
		c.sparse[t] = p.value[i]
	}
	return c
}

const maxRounds = 40

// lloyd moves the centres until no point changes its centre, at most
// maxRounds times. A centre that loses all its points stays where it is.
func lloyd(ps []point, terms int, cs []centre) clustering {
	r := clustering{centres: cs, of: make([]int, len(ps)), near: make([]float32, len(ps))}
	for i := range r.of {
		r.of[i] = -1
	}
	for range maxRounds {
		changed := false
		sum, weight := 0.0, 0.0
		for i := range ps {
			best, near := 0, float32(-2)
			for c := range cs {
				if s := similarity(&ps[i], &cs[c]); s > near {
					best, near = c, s
				}
			}
			changed = changed || r.of[i] != best
			r.of[i], r.near[i] = best, near
			sum += float64(ps[i].weight) * float64(near)
			weight += float64(ps[i].weight)
		}
		r.fit = sum / weight
		if !changed {
			break
		}
		for c, m := range means(ps, r.of, len(cs), terms) {
			if m.dense != nil {
				cs[c] = m
			}
		}
	}
	return r
}

// means returns the direction of each cluster's weighted mean; one without
// points, or whose points cancel out, has no dense part. A point of cluster
// -1 counts for none.
func means(ps []point, of []int, k, terms int) []centre {
	out := make([]centre, k)
	for i := range ps {
		if of[i] < 0 {
			continue
		}
		c := &out[of[i]]
		if c.dense == nil {
			*c = centre{dense: make([]float32, vector.Dim), sparse: make([]float32, terms)}
		}
		w := ps[i].weight
		for j, x := range ps[i].dense {
			c.dense[j] += float32(w * x)
		}
		for j, t := range ps[i].term {
			c.sparse[t] += float32(w * ps[i].value[j])
		}
	}
	for i := range out {
		if out[i].dense == nil {
			continue
		}
		n := norm(out[i].dense, out[i].sparse)
		if n == 0 {
			out[i] = centre{}
			continue
		}
		scale(out[i].dense, 1/n)
		scale(out[i].sparse, 1/n)
	}
	return out
}

// norm is the length of the vector made of both parts.
func norm(a, b []float32) float64 {
	sum := 0.0
	for _, part := range [][]float32{a, b} {
		for _, x := range part {
			sum += float64(float64(x) * float64(x))
		}
	}
	return math.Sqrt(sum)
}

func scale(v []float32, f float64) {
	for i := range v {
		v[i] = float32(float64(v[i]) * f)
	}
}
