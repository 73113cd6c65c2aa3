package theme

import (
	"math"
	"sort"

	"rapport/internal/vector"
)

// space is how a text becomes a point: a model's vector without what all
// texts of the set share (the mean, drawn towards 0 where they are few), beside the TF-IDF of the set's terms.
type space struct {
	model vector.Model
	terms map[string]int32 // a term's place
	idf   []float32        // by place, above 0
	mean  []float32        // the mean vector; vector.Dim components
}

const (
	// sparseWeight is the weight of TF-IDF beside the vector, chosen on
	// Banking77's training texts and CLINC150's validation texts, where it
	// lies on a flat top from 0.5 to 0.7. There, too, leaving stop words among
	// the terms was better than leaving them out, by half a point of NMI.
	sparseWeight = 0.6
	maxTerms     = 1500 // of a set
	idfStep      = 16   // an IDF is a multiple of 1/16, at most 255/16
	// unshared is how many texts that share nothing are thought beside a set's
	// when its mean is taken: else the one matter that a small community speaks
	// of would be what all texts share, and no theme (decision 41).
	unshared = 100
)

// newSpace finds the terms that at least two of docs use, at most maxTerms of
// them, the most frequent first, and their weights, 1 + log(docs / docs with
// the term). Mean and weights are rounded as a Set keeps them, so that finding
// themes and assigning texts to them see the same points.
func newSpace(model vector.Model, docs []Doc) (space, []byte, packed) {
	count := map[string]int{}
	sum := make([]float64, vector.Dim)
	for _, d := range docs {
		for _, t := range unique(stems(d.Text)) {
			count[t]++
		}
		for i, x := range model.Of(d.Text) {
			sum[i] += float64(x)
		}
	}
	mean := make([]float32, vector.Dim)
	for i, x := range sum {
		mean[i] = float32(x / float64(len(docs)+unshared))
	}
	var list []string
	for t, n := range count {
		if n > 1 {
			list = append(list, t)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		if count[list[i]] != count[list[j]] {
			return count[list[i]] > count[list[j]]
		}
		return list[i] < list[j]
	})
	list = list[:min(len(list), maxTerms)]
	sort.Strings(list)
	idf := make([]byte, len(list))
	for i, t := range list {
		idf[i] = byte(min(255, math.Round(idfStep*(1+math.Log(float64(len(docs))/float64(count[t]))))))
	}
	m := pack(mean)
	return openSpace(model, list, idf, m), idf, m
}

// openSpace is the space of a set's terms, weights and mean.
func openSpace(model vector.Model, list []string, idf []byte, mean packed) space {
	s := space{model: model, terms: make(map[string]int32, len(list)), idf: make([]float32, len(list)), mean: mean.unpack(vector.Dim)}
	for i, t := range list {
		s.terms[t] = int32(i)
		if i < len(idf) {
			s.idf[i] = float32(idf[i]) / idfStep
		}
	}
	return s
}

// point returns text's place in s, and false where the text says nothing.
func (s space) point(text string) (point, bool) {
	p := point{dense: s.model.Of(text), weight: 1}
	if norm(p.dense, nil) > 0 {
		for i := range p.dense {
			p.dense[i] -= s.mean[i]
		}
		if n := norm(p.dense, nil); n > 0 {
			scale(p.dense, 1/n)
		}
	}
	count := map[int32]int{}
	for _, t := range stems(text) {
		if i, ok := s.terms[t]; ok {
			if count[i] == 0 {
				p.term = append(p.term, i)
			}
			count[i]++
		}
	}
	sort.Slice(p.term, func(i, j int) bool { return p.term[i] < p.term[j] })
	for _, t := range p.term {
		p.value = append(p.value, float32(float64(s.idf[t])*math.Sqrt(float64(count[t]))))
	}
	if n := norm(p.value, nil); n > 0 {
		scale(p.value, sparseWeight/n)
	}
	n := norm(p.dense, p.value)
	if n == 0 {
		return p, false
	}
	scale(p.dense, 1/n)
	scale(p.value, 1/n)
	return p, true
}

// unique returns the different strings of list, in order of occurrence.
func unique(list []string) []string {
	seen := make(map[string]bool, len(list))
	out := list[:0:0]
	for _, x := range list {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}

// packed is a vector as a set keeps it: Scale times an int8 per component.
type packed struct {
	Scale float32 `json:"scale"`
	Int8  []byte  `json:"int8"`
}

// pack rounds v to 127 steps up and down.
func pack(v []float32) packed {
	var top float32
	for _, x := range v {
		top = max(top, x, -x)
	}
	p := packed{Scale: top / 127, Int8: make([]byte, len(v))}
	if top == 0 {
		return p
	}
	for i, x := range v {
		p.Int8[i] = byte(int8(math.Round(float64(x) / float64(top) * 127)))
	}
	return p
}

// unpack returns n components; those that p lacks are 0.
func (p packed) unpack(n int) []float32 {
	v := make([]float32, n)
	for i := range min(n, len(p.Int8)) {
		v[i] = p.Scale * float32(int8(p.Int8[i]))
	}
	return v
}
