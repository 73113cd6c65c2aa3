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
	if s := squared(vector.English.Of("my parcel never arrived")); math.Abs(s-1) > 1e-6 {
		t.Errorf("squared length %v, want 1", s)
	}
	if s := squared(vector.English.Of("@acme")); s != 0 {
		t.Errorf("the vector of nothing has the squared length %v", s)
	}
	if diff := cmp.Diff(vector.English.Of("late again"), vector.English.Of("@acme late again http://x.example")); diff != "" {
		t.Errorf("a handle or a link is in the vector:\n%s", diff)
	}
}

func TestLikeTextsHaveNearVectors(t *testing.T) {
	cos := func(a, b string) (s float64) {
		for i, x := range vector.English.Of(a) {
			s += float64(x) * float64(vector.English.Of(b)[i])
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

func TestVersionsNameTheModelFiles(t *testing.T) {
	for _, c := range []struct {
		version string
		files   []string
	}{
		{vector.English.Version(), []string{"static_vc256.bin", "vocab.txt"}},
		{vector.Multilingual.Version(), []string{"pieces.bin"}},
	} {
		h := sha256.New()
		for _, name := range c.files {
			b, err := os.ReadFile(filepath.Join("model", name))
			if err != nil {
				t.Fatal(err)
			}
			h.Write(b)
		}
		if want := fmt.Sprintf("-%x", h.Sum(nil)[:5]); !strings.HasSuffix(c.version, want) {
			t.Errorf("version %q does not end with %q", c.version, want)
		}
	}
}

func TestVectorsOfAnUnknownVersionAreZero(t *testing.T) {
	if m, ok := vector.Named("v0-gone"); ok || squared(m.Of("late again")) != 0 {
		t.Error("a version that is no more has vectors")
	}
	if m, ok := vector.Named(vector.Multilingual.Version()); !ok || squared(m.Of("wieder zu spät")) == 0 {
		t.Error("the multilingual vectors are not found by their version")
	}
}

// Like texts of any language are nearer to each other than to others, in one
// language as across two.
func TestLikeTextsHaveNearVectorsInEachLanguage(t *testing.T) {
	late := []string{"my parcel has not arrived", "mein Paket ist nicht angekommen", "mi paquete no ha llegado", "mon colis n'est pas arrivé", "il mio pacco non è arrivato", "mijn pakket is niet aangekomen", "minha encomenda não chegou"}
	concert := []string{"what a lovely concert", "was für ein schönes Konzert", "qué concierto tan bonito", "quel beau concert", "che bel concerto", "wat een mooi concert", "que concerto lindo"}
	for i, a := range late {
		for j := range late {
			near, far := 0.0, 0.0
			x, y, z := vector.Multilingual.Of(a), vector.Multilingual.Of(late[j]), vector.Multilingual.Of(concert[j])
			for k := range x {
				near += float64(x[k]) * float64(y[k])
				far += float64(x[k]) * float64(z[k])
			}
			if near < far+0.2 {
				t.Errorf("%q: %.2f near to %q, %.2f to %q", late[i], near, late[j], far, concert[j])
			}
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{"", "Thanks!!", "İıẞ ﷽ \xff\xfe", "@a #b http://c", "❤️😡", strings.Repeat("?!", 200), "&amp;&#0;&#x110000;", "שלום 日本語 텍스트"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range []vector.Model{vector.English, vector.Multilingual} {
			if s := squared(m.Of(text)); s != 0 && math.Abs(s-1) > 1e-5 {
				t.Errorf("a vector of squared length %v", s)
			}
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
		vector.English.Of("Still waiting for my refund after three weeks, your support keeps telling me it's on the way. Really disappointed, I might cancel!")
	}
}

func BenchmarkMultilingual(b *testing.B) {
	for b.Loop() {
		vector.Multilingual.Of("Seit drei Wochen warte ich auf mein Geld, der Support sagt immer nur, es sei unterwegs. Wirklich enttäuscht, vielleicht kündige ich!")
	}
}
