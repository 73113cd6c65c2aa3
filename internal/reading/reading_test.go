package reading_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/reading"
	"rapport/internal/social"
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
			if diff := cmp.Diff(c.want, reading.New().Tokens(c.text)); diff != "" {
				t.Errorf("tokens of %q (-want +got):\n%s", c.text, diff)
			}
		})
	}
}

func TestReadSaysWhatIsMeant(t *testing.T) {
	for _, c := range []struct{ text, language, sentiment, intent string }{
		{"The new dashboard is wonderful, thank you so much!", "en", reading.Positive, reading.Praise},
		{"Your app crashes every time I open the camera, fix this", "en", reading.Negative, reading.Problem},
		{"@united my bag is still missing and nobody answers", "en", reading.Negative, reading.Problem},
		{"How do I change my password?", "en", reading.Neutral, reading.Question},
		{"It would be great if you could add a night mode", "en", reading.Neutral, reading.Wish},
		{"I am cancelling my contract and moving to another network", "en", reading.Negative, reading.Churn},
		{"How much is the enterprise plan for 50 seats? We want to buy", "en", reading.Neutral, reading.Purchase},
		{"Earn $500 a day from home, click the link in my bio", "en", reading.Neutral, reading.Spam},
		{"Can anyone recommend a good hosting company?", "en", reading.Positive, reading.Recommendation},
		{"Das Internet ist seit gestern wieder weg und ich warte immer noch", "de", social.SentimentUnread, social.IntentUnread},
		{"La aplicación no funciona desde ayer y nadie contesta", "es", social.SentimentUnread, social.IntentUnread},
		{"アカウントが凍結されました", "ja", social.SentimentUnread, social.IntentUnread},
		{"help", "en", "", ""}, {"broken", "en", "", ""}, {"so slow", "en", "", ""}, {"error", "en", "", ""}, {"Hi", "en", "", ""},
		{"danke schön", "de", "", ""}, {"geht nicht", "de", "", ""}, {"muchas gracias", "es", "", ""}, {"niet leuk", "nl", "", ""}, {"ça marche pas", "fr", "", ""},
		{"❤️❤️", "und", reading.Positive, reading.Praise},
		{"", "und", reading.Neutral, reading.Other},
	} {
		got := reading.New().Read(c.text)
		want := [3]string{c.language, c.sentiment, c.intent}
		if c.intent == "" { // of so little only the language is asked
			want[1], want[2] = got.Sentiment.Label, got.Intent.Label
		}
		if g := [3]string{got.Language, got.Sentiment.Label, got.Intent.Label}; g != want {
			t.Errorf("%q: got %v, want %v (%+v)", c.text, g, want, got)
		}
	}
}

func TestNegationTurnsTheSentiment(t *testing.T) {
	r := reading.New()
	plain, negated := r.Read("The support was good"), r.Read("The support was not good")
	if plain.Sentiment.Positive <= negated.Sentiment.Positive {
		t.Errorf("positive: %v, negated %v", plain.Sentiment.Positive, negated.Sentiment.Positive)
	}
}

func TestHandlesAndLinksAreNotRead(t *testing.T) {
	got := reading.Plain("@united: thanks &amp; see https://love.example/great #Delayed")
	if want := "thanks & see Delayed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := reading.New()
	if diff := cmp.Diff(r.Vector("late again"), r.Vector("@acme late again http://x.example")); diff != "" {
		t.Errorf("vectors differ:\n%s", diff)
	}
}

func TestVectorIsOfUnitLengthOrZero(t *testing.T) {
	r := reading.New()
	sum := 0.0
	for _, x := range r.Vector("my parcel never arrived") {
		sum += float64(x) * float64(x)
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("squared length %v, want 1", sum)
	}
	for _, x := range r.Vector("@acme") {
		if x != 0 {
			t.Fatalf("vector of nothing holds %v", x)
		}
	}
}

func TestLikeTextsHaveNearVectors(t *testing.T) {
	r := reading.New()
	cos := func(a, b string) (s float64) {
		for i, x := range r.Vector(a) {
			s += float64(x) * float64(r.Vector(b)[i])
		}
		return s
	}
	near, far := cos("my parcel never arrived", "package was not delivered"), cos("my parcel never arrived", "what a lovely concert")
	if near < far+0.2 {
		t.Errorf("like %v, unlike %v", near, far)
	}
}

func TestOnlyTheBeginningOfALongTextIsRead(t *testing.T) {
	long := strings.Repeat("word ", reading.MaxRunes/5)
	if got, want := len(reading.New().Tokens(long+" extra")), len(reading.New().Tokens(long)); got != want {
		t.Errorf("%d tokens, want %d", got, want)
	}
}

func TestVersionNamesTheModelFiles(t *testing.T) {
	h := sha256.New()
	for _, name := range []string{"static_vc256.bin", "vocab.txt", "lexicon.txt", "heads.bin"} {
		b, err := os.ReadFile(filepath.Join("model", name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	if want := fmt.Sprintf("-%x", h.Sum(nil)[:5]); !strings.HasSuffix(reading.Version, want) {
		t.Errorf("version %q does not end with %q: run cmd/train", reading.Version, want)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "Thanks!!", "İıẞ ﷽ \xff\xfe", "@a #b http://c", "❤️😡", "no no no but least kind of", strings.Repeat("?!", 200), "&amp;&#0;&#x110000;", "שלום 日本語 텍스트"} {
		f.Add(s)
	}
	r := reading.New()
	f.Fuzz(func(t *testing.T, text string) {
		got := r.Read(text)
		s := got.Sentiment
		unread := s.Label == social.SentimentUnread
		if sum := s.Negative + s.Neutral + s.Positive; unread && sum != 0 || !unread && sum != 1 {
			t.Errorf("%s: probabilities sum to %v", s.Label, sum)
		}
		if s.Negative < 0 || s.Neutral < 0 || s.Positive < 0 {
			t.Errorf("a probability below 0: %+v", s)
		}
		if unread != (got.Intent == reading.Intent{Label: social.IntentUnread}) || !unread && !(got.Intent.P > 0 && got.Intent.P <= 1) {
			t.Errorf("intent %s with probability %v", got.Intent.Label, got.Intent.P)
		}
		if again := r.Read(text); again != got {
			t.Errorf("read again: %+v, before %+v", again, got)
		}
		sum := 0.0
		for _, x := range r.Vector(text) {
			sum += float64(x) * float64(x)
		}
		if sum != 0 && math.Abs(sum-1) > 1e-5 {
			t.Errorf("vector of squared length %v", sum)
		}
		for _, id := range r.Tokens(text) {
			if id < 0 || id >= 30522 {
				t.Errorf("token %d", id)
			}
		}
		if plain := reading.Plain(text); reading.Plain(plain) != plain && !strings.ContainsAny(plain, "&#@") {
			t.Errorf("plain text %q becomes %q", plain, reading.Plain(plain))
		}
	})
}

const message = "Still waiting for my refund after three weeks, your support keeps telling me it's on the way. Really disappointed, I might cancel!"

func BenchmarkRead(b *testing.B) {
	r := reading.New()
	r.Read(message)
	for b.Loop() {
		r.Read(message)
	}
}

func BenchmarkVector(b *testing.B) {
	r := reading.New()
	for b.Loop() {
		r.Vector(message)
	}
}
