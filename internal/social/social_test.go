package social_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/social"
)

var keyBytes = regexp.MustCompile(`^[A-Za-z0-9._:@/+=,%~|-]*$`)

// keyParts reads a key back: an escaped part as itself, a hashed one as its hash.
func keyParts(t *testing.T, key string) []string {
	var out []string
	for _, p := range strings.Split(key, "|") {
		if !strings.HasPrefix(p, "~") {
			u, err := url.PathUnescape(p)
			if err != nil {
				t.Fatalf("part %q of %q can't be read back: %v", p, key, err)
			}
			p = u
		}
		out = append(out, p)
	}
	return out
}

// standsFor is what keyParts must give for a part.
func standsFor(p string) string {
	if len(p) <= 128 {
		return p
	}
	sum := sha256.Sum256([]byte(p))
	return "~" + hex.EncodeToString(sum[:])
}

func FuzzKeyCanBeReadBack(f *testing.F) {
	long := strings.Repeat("x", 129)
	sum := sha256.Sum256([]byte(long))
	for _, s := range [][3]string{{"a", "b", "c"}, {"a|b", "", "c"}, {"a", "|", "%7C"}, {"#", "\x00", "w#A#1"},
		{long, "~" + hex.EncodeToString(sum[:]), long[:128]}, {"ä", "\xff", "\n"}, {"", "", ""}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		key := social.Key(a, b, c)
		if !keyBytes.MatchString(key) {
			t.Errorf("Key(%q, %q, %q) = %q holds a byte that keys must not hold", a, b, c, key)
		}
		// A hash begins with "~", which no part that is read back as itself
		// begins with unescaped: so reading back tells the two apart.
		for i, p := range strings.Split(key, "|") {
			if part := []string{a, b, c}[min(i, 2)]; strings.HasPrefix(p, "~") != (len(part) > 128) {
				t.Errorf("part %q of %d bytes stands as %q", part, len(part), p)
			}
		}
		if diff := cmp.Diff([]string{standsFor(a), standsFor(b), standsFor(c)}, keyParts(t, key)); diff != "" {
			t.Errorf("Key(%q, %q, %q) = %q reads back differently (-want +got):\n%s", a, b, c, key, diff)
		}
	})
}

func TestForgedPartsGiveOtherKeys(t *testing.T) {
	long := strings.Repeat("i", 200)
	sum := sha256.Sum256([]byte(long))
	lists := [][]string{
		{"meta", "1", "2"}, {"meta", "1|2"}, {"meta|1", "2"}, {"meta", "1%7C2"}, {"meta", "1", "2", ""}, {"meta", "", "1", "2"},
		{"meta", long}, {"meta", "~" + hex.EncodeToString(sum[:])}, {"meta", long + "i"}, {"meta", "1\x002"}, {"meta", "1#2"}, {"meta", "1%232"},
		{"meta", "É"}, {"meta", "E\u0301"}, {"META", "1", "2"},
	}
	seen := map[string][]string{}
	for _, l := range lists {
		k := social.Key(l...)
		if other, ok := seen[k]; ok {
			t.Errorf("Key of %q and of %q are both %q", l, other, k)
		}
		seen[k] = l
	}
	drill.Show(t, "%d forged ids, %d keys", len(lists), len(seen))
}

func TestActivityKeyIsMadeOfTheEventAlone(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 890_123_456, time.FixedZone("", 3600))
	got := social.ActivityKey("meta", "page#1", social.Reply, "9007199254740993", at)
	if want := "meta|page%231|reply|9007199254740993|2026-03-04T04:06:07.890Z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := social.ActivityKey("meta", "p", social.React, "1", time.Time{}), "meta|p|react|1|-"; got != want {
		t.Errorf("without a time: got %q, want %q", got, want)
	}
}

func TestHashID(t *testing.T) {
	// SHA-256("abc") (FIPS 180-2, appendix B.1) begins ba7816bf 8f01cfea 414140de 5dae2223 b00361a3.
	if got, want := social.HashID("act", "abc"), "act_xj4bnp4pahh6uqkbidpf3lrceoyagynd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if social.HashID("act", "a") == social.HashID("act", "b") {
		t.Error("two keys have the same id")
	}
}

func TestPersonOfAnAccountNamesIt(t *testing.T) {
	a := social.AccountRef{Platform: "meta", Scope: "1", ID: "2"}.AccountID()
	if p := social.PersonID(a); p == a || social.AccountOf(p) != a {
		t.Errorf("account %q, person %q, account of that %q", a, p, social.AccountOf(p))
	}
	for _, other := range []social.AccountRef{{Platform: "x", Scope: "1", ID: "2"}, {Platform: "meta", Scope: "3", ID: "2"}, {Platform: "meta", Scope: "1", ID: "4"}, {Platform: "meta", ID: "1|2"}} {
		if other.AccountID() == a {
			t.Errorf("%+v has the id of another account", other)
		}
	}
}

func FuzzStampsSortAsTime(f *testing.F) {
	f.Add(int64(0), int64(1), int64(999_999), int64(1_000_000))
	f.Add(int64(1_700_000_000), int64(1_700_000_000), int64(100_000_000), int64(10_000_000))
	f.Add(int64(32_503_679_999), int64(0), int64(999_999_999), int64(0))
	f.Fuzz(func(t *testing.T, s1, s2, n1, n2 int64) {
		in := func(s, n int64) time.Time { // within the years 1970 to 2999
			return time.Unix(((s%32_503_680_000)+32_503_680_000)%32_503_680_000, ((n%1e9)+1e9)%1e9)
		}
		a, b := in(s1, n1), in(s2, n2)
		x, y := social.Stamp(a), social.Stamp(b)
		if len(x) != 24 || len(y) != 24 {
			t.Errorf("%q and %q are not 24 bytes wide", x, y)
		}
		if got, want := strings.Compare(x, y), social.Instant(a).Compare(social.Instant(b)); got != want {
			t.Errorf("%q and %q compare as %d, their instants as %d", x, y, got, want)
		}
		back, err := social.ParseStamp(x)
		if err != nil || !back.Equal(social.Instant(a)) {
			t.Errorf("%q reads back as %v, %v", x, back, err)
		}
	})
}

// whole is an activity with every field set.
func whole(t *testing.T) social.Activity {
	a := social.Activity{Type: social.Message, Direction: social.Inbound, Precision: social.ToSecond, Flat: true, Automatic: true, Addressed: []string{"U1", "U2"}, Rating: &social.Rating{Value: 3, Worst: 5, Best: 1, Kind: social.CES, Question: "How hard?"},
		Reading:  social.Reading{Negative: 0.25, Severity: 2, NeedsAnswer: 0.5, NeedsAnswerAfter: 0.75},
		Occurred: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC), Known: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)}
	var fill func(v reflect.Value, name string)
	fill = func(v reflect.Value, name string) {
		for i := range v.NumField() {
			f, n := v.Field(i), name+v.Type().Field(i).Name
			switch {
			case n == "ReadingReader", n == "Own", n == "Read", n == "Correction": // no part of the exchange form
			case f.Kind() == reflect.String && f.String() == "":
				f.SetString("<" + n + "> & ünï\u2028")
			case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
				fill(f, n)
			case n == "Rating": // set above
			case n == "Undated": // only of what is no utterance: it has its own test
			case f.IsZero():
				t.Fatalf("no value for the field %s", n)
			}
		}
	}
	fill(reflect.ValueOf(&a).Elem(), "")
	return a
}

func TestUndatedActivities(t *testing.T) {
	a := whole(t)
	a.Type, a.Undated, a.Occurred = social.React, true, a.Known
	if _, err := a.ToLine().Activity(); err != nil {
		t.Error(err)
	}
	if got, err := a.ToLine().Activity(); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, %v; want %+v", got, err, a)
	}
	a.Occurred, a.Known = time.Time{}, time.Time{} // as an adapter makes it
	if got, err := a.ToLine().Activity(); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, %v; want %+v", got, err, a)
	}
	for _, typ := range []social.Type{social.Post, social.Message, social.Edit, social.Delete} {
		a.Type = typ
		if a.Validate() == nil {
			t.Errorf("an undated %s passes", typ)
		}
	}
	a.Type, a.Undated = social.React, false
	if _, err := a.ToLine().Activity(); err == nil {
		t.Error("a dated one without a time passes")
	}
}

func TestLineRoundTripKeepsEveryField(t *testing.T) {
	full := whole(t)
	bare := social.Activity{Key: "k", Platform: "meta", Type: social.Follow, Actor: social.Actor{ID: "1"}, Occurred: full.Occurred, Direction: social.Outbound}
	for name, a := range map[string]social.Activity{"every field": full, "required fields": bare} {
		b, err := json.Marshal(a.ToLine())
		if err != nil {
			t.Fatal(err)
		}
		l, back, err := social.ParseLine(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(a, back); diff != "" {
			t.Errorf("%s: read back differently (-want +got):\n%s", name, diff)
		}
		if l.Person != "" {
			t.Errorf("%s: got person %q, want none", name, l.Person)
		}
	}
}

func TestLineKeepsMillisecondsInUTC(t *testing.T) {
	l := whole(t).ToLine()
	l.Occurred, l.Known = "2026-01-02T03:04:05.123987+02:00", "2026-01-02T03:04:05Z"
	a, err := l.Activity()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Occurred, time.Date(2026, 1, 2, 1, 4, 5, 123_000_000, time.UTC); got != want {
		t.Errorf("occurred: got %v, want %v", got, want)
	}
}

func TestLinesThatAreNoActivities(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*social.Line)
		want   string
	}{
		"no key":             {func(l *social.Line) { l.Key = "" }, "without a key"},
		"no platform":        {func(l *social.Line) { l.Platform = "" }, "without a platform"},
		"no actor":           {func(l *social.Line) { l.Actor.ID = "" }, "without an actor"},
		"no object":          {func(l *social.Line) { l.Object.ID = "" }, "without an object"},
		"unknown type":       {func(l *social.Line) { l.Type = "poke" }, `unknown type "poke"`},
		"unknown precision":  {func(l *social.Line) { l.Precision = "hour" }, `unknown precision "hour"`},
		"unknown direction":  {func(l *social.Line) { l.Direction = "up" }, `unknown direction "up"`},
		"no time":            {func(l *social.Line) { l.Occurred = "" }, "no RFC 3339 time"},
		"no time of receipt": {func(l *social.Line) { l.Known = "yesterday" }, "no RFC 3339 time"},
		"the year 1989":      {func(l *social.Line) { l.Occurred = "1989-12-31T23:59:59Z" }, "of the year 1989"},
		"the year 3000":      {func(l *social.Line) { l.Occurred = "3000-01-01T00:00:00Z" }, "of the year 3000"},
		"the zero time":      {func(l *social.Line) { l.Occurred = "0001-01-01T00:00:00Z" }, "without a time"},
	} {
		l := whole(t).ToLine()
		c.change(&l)
		if _, err := l.Activity(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := social.ParseLine([]byte(`{"key":1}`)); err == nil {
		t.Error("a key that is a number was read")
	}
}

func TestEveryTypeThatNeedsAnObjectIsHeldToIt(t *testing.T) {
	needs := map[social.Type]bool{social.Edit: true, social.Delete: true, social.React: true, social.Unreact: true, social.Close: true, social.Reopen: true, social.Accept: true}
	for _, typ := range social.Types {
		a := whole(t)
		a.Type, a.Object = typ, social.Object{}
		if err := a.Validate(); (err != nil) != (needs[typ] || typ.Utterance()) {
			t.Errorf("%s without an object: %v", typ, err)
		}
	}
}
