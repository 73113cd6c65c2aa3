package refit_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"rapport/internal/refit"
)

// made are n cases of classes classes: a reader that is sure to a varying
// degree, and labels that come of its probabilities weighed by shift.
func made(seed uint64, n, classes int, shift []float64) []refit.Case {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]refit.Case, n)
	for i := range out {
		p, sum := make([]float64, classes), 0.0
		for k := range p {
			p[k] = math.Exp(2 * rng.NormFloat64())
			sum += p[k]
		}
		for k := range p {
			p[k] /= sum
		}
		out[i] = refit.Case{P: p, Weight: 1, Fold: i % refit.Folds}
		of := p
		if shift != nil {
			of = refit.Adjustment{Slope: 1, Offsets: shift}.Of(p)
		}
		for at := rng.Float64(); out[i].Said < classes-1 && at >= of[out[i].Said]; out[i].Said++ {
			at -= of[out[i].Said]
		}
	}
	return out
}

func TestAShiftIsFound(t *testing.T) {
	want := []float64{0.9, -0.5, -0.4}
	got, err := refit.Fit(made(1, 2000, 3, want))
	if err != nil {
		t.Fatal(err)
	}
	for k := range want {
		if math.Abs(got.Offsets[k]-want[k]) > 0.15 {
			t.Errorf("offsets %v, want about %v", got.Offsets, want)
		}
	}
	if math.Abs(got.Slope-1) > 0.1 {
		t.Errorf("slope %v, want about 1", got.Slope)
	}
	v, err := refit.Judge(made(1, 200, 3, want))
	if err != nil || v.Adjustment == nil || !strings.HasPrefix(v.Why, "better: log loss ") || v.Difference.High >= 0 || v.After.LogLoss >= v.Before.LogLoss || v.Labels != 200 {
		t.Errorf("%+v %v", v, err)
	}
	if !v.Adjustment.Fits(3) || v.Adjustment.Fits(4) {
		t.Errorf("%+v", v.Adjustment)
	}
}

func TestWhatIsDrawnMoreOftenWeighsLess(t *testing.T) {
	// Half of the cases are of a stream with a shift, and were drawn three times as often as the others.
	shifted, others := made(3, 1000, 3, []float64{1, -0.5, -0.5}), made(4, 1000, 3, nil)
	for i := range others {
		others[i].Weight = 3
	}
	even, err := refit.Fit(append(made(3, 1000, 3, []float64{1, -0.5, -0.5}), made(4, 1000, 3, nil)...))
	if err != nil {
		t.Fatal(err)
	}
	weighed, err := refit.Fit(append(shifted, others...))
	if err != nil || weighed.Offsets[0] > even.Offsets[0]-0.1 {
		t.Errorf("%v, want less than %v (%v)", weighed.Offsets, even.Offsets, err)
	}
	// One that was drawn as by a miracle does not decide alone.
	odd := made(5, 300, 3, []float64{0.9, -0.5, -0.4})
	plain, _ := refit.Fit(odd)
	odd[0].Weight = 1e9
	if got, err := refit.Fit(odd); err != nil || math.Abs(got.Offsets[0]-plain.Offsets[0]) > 0.1 {
		t.Errorf("%v, want about %v (%v)", got.Offsets, plain.Offsets, err)
	}
}

func TestAdjustmentsAreBounded(t *testing.T) {
	cases := made(2, 2000, 3, nil)
	for i := range cases {
		cases[i].Said = 2
	}
	got, err := refit.Fit(cases)
	if err != nil || !got.Fits(3) || got.Offsets[2] != refit.MostOffset {
		t.Errorf("%+v %v", got, err)
	}
	for _, a := range []refit.Adjustment{{Slope: 1, Offsets: []float64{0, 0, 1.51}}, {Slope: 2.01, Offsets: []float64{0, 0, 0}}, {Slope: 0.49, Offsets: []float64{0, 0, 0}}, {Slope: math.NaN(), Offsets: []float64{0, 0, 0}}, {Slope: 1, Offsets: []float64{0, 0, math.NaN()}}} {
		if a.Fits(3) {
			t.Errorf("%+v is taken", a)
		}
	}
}

func TestFewLabelsAreRefused(t *testing.T) {
	for n, want := range map[int]string{0: "not enough data: 0 drawn labels, 100 are needed", 1: "not enough data: 1 drawn label, 100 are needed", 99: "not enough data: 99 drawn labels, 100 are needed"} {
		v, err := refit.Judge(made(1, n, 3, []float64{1, -1, 0}))
		if err != nil || v.Adjustment != nil || v.Why != want || v.Before != nil || v.Labels != n {
			t.Errorf("%+v %v", v, err)
		}
	}
}

// TestAReaderThatIsRightStays: where people say what the reader does, as often
// as it says how probable it is, hardly ever is a head adjusted.
func TestAReaderThatIsRightStays(t *testing.T) {
	for _, classes := range []int{2, 3, 11} {
		adopted := 0
		const seeds = 200
		for seed := range uint64(seeds) {
			v, err := refit.Judge(made(100+seed, 120, classes, nil))
			if err != nil {
				t.Fatal(err)
			}
			if v.Adjustment != nil {
				adopted++
			} else if !strings.HasPrefix(v.Why, "no better: log loss ") {
				t.Errorf("%+v", v)
			}
		}
		t.Logf("%d classes: %d of %d", classes, adopted, seeds)
		if adopted > seeds*5/100 {
			t.Errorf("of %d classes %d of %d were adjusted for nothing", classes, adopted, seeds)
		}
	}
}

func TestTheSameIsTheSame(t *testing.T) {
	a, err := refit.Fit(made(9, 300, 4, []float64{0.5, 0, 0, -0.5}))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := refit.Fit(made(9, 300, 4, []float64{0.5, 0, 0, -0.5}))
	d, e := refit.Document{Reader: "r1", Heads: map[refit.Head]refit.Adjustment{refit.Severity: a}}, refit.Document{Reader: "r1", Heads: map[refit.Head]refit.Adjustment{refit.Severity: b}}
	if d.ID() != e.ID() || len(d.ID()) != 8 {
		t.Errorf("%q and %q", d.ID(), e.ID())
	}
	e.Reader = "r2"
	if d.ID() == e.ID() {
		t.Error("two readers, one id")
	}
	b.Offsets[1] += 0.01
	e.Reader = "r1"
	if d.ID() == e.ID() {
		t.Error("two adjustments, one id")
	}
}
