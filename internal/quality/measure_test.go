package quality

import (
	"math"
	"testing"
)

func TestNMI(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b []string
		want float64
	}{
		{"the same up to names", []string{"x", "x", "y", "y"}, []string{"1", "1", "2", "2"}, 1},
		{"independent", []string{"x", "x", "y", "y"}, []string{"1", "2", "1", "2"}, 0},
		{"one label each", []string{"x", "x"}, []string{"1", "1"}, 1},
		// H(a) = ln 2, H(b) = 1.0397, I = 0.6931: 2 I / (H(a) + H(b)) = 0.8.
		{"finer", []string{"x", "x", "y", "y"}, []string{"1", "1", "2", "3"}, 0.8},
	} {
		if got := NMI(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMacroF1(t *testing.T) {
	want, got := []string{"a", "a", "b", "b"}, []string{"a", "b", "b", "b"}
	// F1 of a: 2·1/(2+1) = 2/3; of b: 2·2/(2+3) = 4/5.
	if f := MacroF1(want, got, []string{"a", "b"}); math.Abs(f-(2.0/3+4.0/5)/2) > 1e-12 {
		t.Errorf("got %v", f)
	}
	if f := F1(want, got, "c"); f != 0 {
		t.Errorf("a label that is nowhere has the F1 %v", f)
	}
}

func TestBootstrapHoldsTheMeanAndIsSeeded(t *testing.T) {
	mean := func(index []int) float64 {
		s := 0.0
		for _, i := range index {
			s += float64(i % 2)
		}
		return s / float64(len(index))
	}
	low, high := Bootstrap(400, 500, 1, mean)
	// The standard error of a share of one half in 400 is 0.025.
	if low < 0.43 || low > 0.47 || high < 0.53 || high > 0.57 {
		t.Errorf("interval [%v, %v]", low, high)
	}
	if l, h := Bootstrap(400, 500, 1, mean); l != low || h != high {
		t.Errorf("again [%v, %v], before [%v, %v]", l, h, low, high)
	}
}

func TestHeldOutIsAFifthAndBlindToStyle(t *testing.T) {
	if HeldOut("Great day!") != HeldOut("great... DAY") {
		t.Error("two copies of a text stand on different sides")
	}
	n := 0
	for i := range 1000 {
		if HeldOut(string(rune('a'+i%26)) + string(rune('a'+i/26))) {
			n++
		}
	}
	if n < 150 || n > 250 {
		t.Errorf("%d of 1000 held out", n)
	}
}
