package identity

import (
	"math"
	"strings"
	"testing"
)

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		most int
		want int
	}{{"green", "green", 2, 0}, {"green", "greene", 2, 1}, {"green", "gerne", 3, 2}, {"ab", "ba", 2, 1}, {"ca", "abc", 5, 3}, {"", "abc", 5, 3}, {"white", "black", 2, 3}, {strings.Repeat("a", 100), strings.Repeat("a", 90), 1, 0}} {
		if got := edits(c.a, c.b, c.most); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := edits(c.b, c.a, c.most); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

// The examples of Winkler 1990, as they are usually given.
func TestAlike(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"martha", "marhta", 0.9611}, {"dixon", "dicksonx", 0.8133}, {"dwayne", "duane", 0.84}, {"", "x", 0}, {"abc", "xyz", 0}, {"same", "same", 1}} {
		if got := alike(c.a, c.b); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("alike(%q, %q) = %.4f, want %.4f", c.a, c.b, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"Ana Lindqvist", "LINDQVIST, Ana", nameSame},
		{"Dr. Ana Lindqvist (she/her)", "Ana Lindqvist | Contoso", nameSame},
		{"Jürgen Müller", "Juergen Mueller", nameVariant},
		{"Наталья Щербакова", "Natalya Scherbakova", nameVariant},
		{"王小明", "Xiaoming Wang", nameSame},
		{"Bill Thornbury", "William Thornbury", nameVariant},
		{"Ana Maria Lindqvist", "Ana Lindqvist", nameClose},
		{"A. Lindqvist", "Ana Lindqvist", nameClose},
		{"Ana Lindqvsit", "Ana Lindqvist", nameClose},
		{"Ana", "Ana Lindqvist", namePart},
		{"Eva Lindqvist", "Ana Lindqvist", nameOther},
		{"Ana Berg", "Ana Lindqvist", nameOther},
		{"محمد عبد الله", "Mohammed Abdullah", nameVariant},
		{"田中太郎", "Taro Tanaka", nameSame},
	} {
		if got, _ := compareNames(nameOf(c.a), nameOf(c.b)); got != c.want {
			t.Errorf("%s and %s are %d, want %d", c.a, c.b, got, c.want)
		}
		if got, _ := compareNames(nameOf(c.b), nameOf(c.a)); got != c.want {
			t.Errorf("%s and %s are %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	year := func(v string) string { return attributeOf("born", v).value }
	for _, v := range []string{"19820331", "1982-03-31", "31.3.1982", "3/31/1982", "31/03/1982"} {
		if got := year(v); got != "19820331" {
			t.Errorf("%s is read as %s", v, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"19820331", "1982-03-31", same}, {"1982-03-12", "1982-12-03", near}, {"1982-03-12", "1982-03-13", near}, {"1982-03-12", "1975-09-28", other},
		{"Pridham Street", "pridhamstreet", near}, {"wallaby place", "walaby place", near}, {"lakefront retirement village", "lakefront retrmnt village", close}, {"5304218", "5304281", near}, {"7", "9", other}} {
		if got := compareValues(attributeOf("x", c.a), attributeOf("x", c.b)); got != c.want {
			t.Errorf("%s and %s are %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNamesFileIsWhole(t *testing.T) {
	n := tables()
	if len(n.nick) < 500 || len(n.common) < 200 || len(n.korean) < 30 || len(n.family) < 50 || len(n.given) < 40 || len(n.titles) < 20 {
		t.Errorf("%d nicknames, %d common names, %d Korean, %d and %d Japanese, %d titles", len(n.nick), len(n.common), len(n.korean), len(n.family), len(n.given), len(n.titles))
	}
	for w, f := range n.common {
		if f <= 0 || f > 0.1 {
			t.Errorf("%s is of %g of all people", w, f)
		}
	}
	for w := range n.nick {
		if latin(w) != w {
			t.Errorf("%s can't be met: names are compared as %s", w, latin(w))
		}
	}
}
