package langid

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// What py3langid 0.4.0 itself says, restricted to the same languages.
func TestAgreesWithPy3langid(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Text, Language string
		P              float64
	}
	if err := json.Unmarshal(b, &want); err != nil || len(want) < 80 {
		t.Fatalf("%d texts, %v", len(want), err)
	}
	for _, w := range want {
		language, p := Identify(w.Text)
		if language != w.Language || math.Abs(p-w.P) > 1e-3 {
			t.Errorf("%q: %s %.5f, want %s %.5f", w.Text, language, p, w.Language, w.P)
		}
	}
}

func TestAmong(t *testing.T) {
	for _, c := range []struct {
		among []string
		want  string
	}{{nil, "de"}, {[]string{"en", "nl"}, "nl"}, {[]string{"de"}, "de"}, {[]string{"xx"}, Undetermined}} {
		if got, _ := Identify("Das Paket ist schon wieder zu spät", c.among...); got != c.want {
			t.Errorf("among %v: %s, want %s", c.among, got, c.want)
		}
	}
	for _, l := range Languages() {
		if Name(l) == l {
			t.Errorf("%s has no name", l)
		}
	}
}

func TestBrokenFile(t *testing.T) {
	for name, b := range map[string]string{"empty": "", "another": "RIFF" + strings.Repeat("x", 100), "cut": model[:len(model)-1], "longer": model + "x", "head alone": model[:16]} {
		if _, err := open(b); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if d, err := open(("x" + model)[1:]); err != nil || len(d.languages) != 30 { // not aligned
		t.Errorf("%v", err)
	}
}

func FuzzIdentify(f *testing.F) {
	for _, s := range []string{"", "a", "\xff\x00", "日本語", strings.Repeat("ab ", 10000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if language, p := Identify(s); !(p >= 0 && p <= 1) || (language == Undetermined) != (p == 0) {
			t.Errorf("%s %v", language, p)
		}
	})
}
