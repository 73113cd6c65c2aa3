package vector_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/plain"
	"rapport/internal/vector"
)

func TestTokensAreThoseOfBERT(t *testing.T) {
	// The ids are those of the reference tokenizer of bert-base-uncased.
	for _, c := range []struct {
		name, text string
		want       []int32
	}{
		{"words and punctuation", "Hello, World!", []int32{7592, 1010, 2088, 999}},
		{"pieces", "embeddings", []int32{7861, 8270, 4667, 2015}},
		{"accents go", "Café NAÏVE", []int32{7668, 15743}},
		{"unknown sign", "𐎀", []int32{100}},
		{"a word over 100 runes is unknown", strings.Repeat("a", 101), []int32{100}},
		{"controls go", "he\x00ll\u200do", []int32{7592}},
		{"invalid UTF-8 parts words", "hello\xffworld", []int32{7592, 2088}},
		{"nothing", " \t\n", []int32{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, vector.Tokens(c.text)); diff != "" {
				t.Errorf("tokens of %q (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func squared(v []float32) (sum float64) {
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum
}

func TestVectorIsOfUnitLengthOrZero(t *testing.T) {
	if s := squared(vector.Of("my parcel never arrived")); math.Abs(s-1) > 1e-6 {
		t.Errorf("squared length %v, want 1", s)
	}
	if s := squared(vector.Of("@acme")); s != 0 {
		t.Errorf("the vector of nothing has the squared length %v", s)
	}
	if diff := cmp.Diff(vector.Of("late again"), vector.Of("@acme late again http://x.example")); diff != "" {
		t.Errorf("a handle or a link is in the vector:\n%s", diff)
	}
}

func TestLikeTextsHaveNearVectors(t *testing.T) {
	cos := func(a, b string) (s float64) {
		for i, x := range vector.Of(a) {
			s += float64(x) * float64(vector.Of(b)[i])
		}
		return s
	}
	near, far := cos("my parcel never arrived", "package was not delivered"), cos("my parcel never arrived", "what a lovely concert")
	if near < far+0.2 {
		t.Errorf("like %v, unlike %v", near, far)
	}
}

func TestOnlyTheBeginningOfALongTextIsRead(t *testing.T) {
	long := strings.Repeat("word ", plain.Most/5)
	if got, want := len(vector.Tokens(long+" extra")), len(vector.Tokens(long)); got != want {
		t.Errorf("%d tokens, want %d", got, want)
	}
}

func TestVersionNamesTheModelFiles(t *testing.T) {
	h := sha256.New()
	for _, name := range []string{"static_vc256.bin", "vocab.txt"} {
		b, err := os.ReadFile(filepath.Join("model", name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	if want := fmt.Sprintf("-%x", h.Sum(nil)[:5]); !strings.HasSuffix(vector.Version, want) {
		t.Errorf("version %q does not end with %q", vector.Version, want)
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{"", "Thanks!!", "İıẞ ﷽ \xff\xfe", "@a #b http://c", "❤️😡", strings.Repeat("?!", 200), "&amp;&#0;&#x110000;", "שלום 日本語 텍스트"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s := squared(vector.Of(text)); s != 0 && math.Abs(s-1) > 1e-5 {
			t.Errorf("a vector of squared length %v", s)
		}
		for _, id := range vector.Tokens(text) {
			if id < 0 || id >= 30522 {
				t.Errorf("token %d", id)
			}
		}
	})
}

func BenchmarkOf(b *testing.B) {
	for b.Loop() {
		vector.Of("Still waiting for my refund after three weeks, your support keeps telling me it's on the way. Really disappointed, I might cancel!")
	}
}
