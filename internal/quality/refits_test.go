package quality_test

import (
	"math/rand/v2"
	"testing"

	"rapport/internal/quality"
	"rapport/internal/refit"
)

// A refit is worth something where the reader is wrong about how frequent the
// classes are, and changes nothing where it is right.
func TestRefitsAreMeasured(t *testing.T) {
	told := func(shift []float64) (out []quality.Told) {
		rng := rand.New(rand.NewPCG(3, 4))
		for range 400 {
			p, sum := make([]float64, 3), 0.0
			for k := range p {
				p[k] = rng.Float64()
				p[k] *= p[k]
				sum += p[k]
			}
			for k := range p {
				p[k] /= sum
			}
			said, at := 0, rng.Float64()
			for q := (refit.Adjustment{Slope: 1, Offsets: shift}).Of(p); said < 2 && at >= q[said]; said++ {
				at -= q[said]
			}
			out = append(out, quality.Told{P: p, Said: said})
		}
		return out
	}
	figures := func(of []quality.Told, n int) map[string]float64 {
		t.Helper()
		list, err := quality.Refits("made", of, n)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for _, f := range list {
			out[f.Name] = f.Value
		}
		return out
	}
	if f := figures(told([]float64{1.2, -0.6, -0.6}), 200); f["refit_made_200_adopted"] < 0.95 || f["refit_made_200_gain"] < 0.03 {
		t.Errorf("with a shift: %v", f)
	}
	if f := figures(told([]float64{0, 0, 0}), 200); f["refit_made_200_adopted"] > 0.05 {
		t.Errorf("with none: %v", f)
	}
	if f := figures(told([]float64{0, 0, 0}), 351); len(f) != 0 {
		t.Errorf("of 49 texts that are left: %v", f)
	}
}
