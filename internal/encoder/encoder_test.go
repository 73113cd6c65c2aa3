package encoder

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"rapport/internal/needs"
)

func open(t testing.TB) *Encoder {
	t.Helper()
	e, err := Open(needs.Weights(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The values were computed with numpy and JAX by models/e5.py, of the same weights.
func TestAgreesWithTheReference(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Text   string
		Tokens []int32
		Vector []float64 // its first eight numbers
		Length float64
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	e := open(t)
	for _, w := range want {
		if got := e.tokens(prefix+w.Text, tokensMost); !slices.Equal(got, w.Tokens) {
			t.Errorf("%.40q: tokens %v, want %v", w.Text, got, w.Tokens)
		}
		v, length := e.Encode(w.Text), 0.0
		for _, x := range v {
			length += float64(x) * float64(x)
		}
		if math.Abs(math.Sqrt(length)-w.Length) > 2e-4 {
			t.Errorf("%.40q: length %v, want %v", w.Text, math.Sqrt(length), w.Length)
		}
		for i, x := range w.Vector {
			if math.Abs(float64(v[i])-x) > 2e-4 {
				t.Errorf("%.40q: number %d is %v, want %v", w.Text, i, v[i], x)
			}
		}
	}
}

// The kernels in assembly agree with the plain one, and both with a sum of float64.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, k := range []int{1, 2, 7, 384, 1536} {
		b := make([]float32, 16*k)
		for i := range b {
			b[i] = r.Float32() - .5
		}
		var a [6]*float32
		var rows [6][]float32
		for i := range a {
			rows[i] = make([]float32, k)
			for j := range rows[i] {
				rows[i][j] = r.Float32() - .5
			}
			a[i] = &rows[i][0]
		}
		var x, y [6][16]float32
		fastest()(k, &a, &b[0], &x)
		linesGo(k, &a, &b[0], &y)
		for i := range x {
			for o := range x[i] {
				var s float64
				for j := range k {
					s += float64(rows[i][j]) * float64(b[16*j+o])
				}
				if math.Abs(s-float64(x[i][o])) > 1e-4 || math.Abs(s-float64(y[i][o])) > 1e-4 {
					t.Fatalf("%d inputs, row %d, output %d: %v and %v, want %v", k, i, o, x[i][o], y[i][o], s)
				}
			}
		}
	}
}

func TestWeightsThatAreNone(t *testing.T) {
	whole := needs.Weights(t)
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte(strings.Repeat("no weights ", 100)), "a half": whole[:len(whole)/2]} {
		if _, err := Open(b, nil); err == nil || !strings.Contains(err.Error(), "can't be read") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string]string{"another file": "RIFF....", "cut": tunedMark + "\x01\x00\x00\x00abc", "too many": tunedMark + "\xff\x00\x00\x00"} {
		if _, err := openTuned([]byte(b)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "a", "\xff\x00", "日本語のテキスト", strings.Repeat("long ", 500), "\u202eright to left", "👩‍👩‍👧"} {
		f.Add(s)
	}
	e := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		ids := e.tokens(text, tokensMost)
		if len(ids) < 2 || len(ids) > tokensMost || ids[0] != begin || ids[len(ids)-1] != end {
			t.Errorf("tokens %v", ids)
		}
		for _, x := range e.Encode(text) {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatal("no number")
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e := open(b)
	for b.Loop() {
		e.Encode("My parcel is three days late again and nobody answers, when will it be here, please?")
	}
}

func BenchmarkOpen(b *testing.B) {
	w := needs.Weights(b)
	for b.Loop() {
		if _, err := Open(w, nil); err != nil {
			b.Fatal(err)
		}
	}
}
