package platform_test

import (
	"encoding/json"
	"html"
	"strings"
	"testing"
	"time"
	"unicode"

	"rapport/internal/platform"
)

func TestUnix(t *testing.T) {
	want := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		n    string
		unit time.Duration
		want time.Time // zero: refused
	}{
		{"1793610000", time.Second, want},
		{"1793610000123", time.Millisecond, want.Add(123 * time.Millisecond)},
		{"1793610000123456", time.Microsecond, want.Add(123 * time.Millisecond)},
		{"631152000", time.Second, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"631151999", time.Second, time.Time{}},
		{"1793610000", time.Millisecond, time.Time{}}, // seconds for milliseconds: 1970
		{"1793610000123", time.Second, time.Time{}},   // and the other way: far ahead
		{"9223372036854775807", time.Second, time.Time{}},
		{"9223372036854775808", time.Second, time.Time{}},
		{"0", time.Second, time.Time{}}, {"-1793610000", time.Second, time.Time{}}, {"1793610000.5", time.Second, time.Time{}},
		{"1.7e9", time.Second, time.Time{}}, {"", time.Second, time.Time{}}, {"soon", time.Second, time.Time{}},
	} {
		got, err := platform.Unix(c.n, c.unit)
		if !got.Equal(c.want) || (err != nil) != c.want.IsZero() {
			t.Errorf("%s in %s: got %s, %v; want %s", c.n, c.unit, got, err, c.want)
		}
		if err == nil && got.Location() != time.UTC {
			t.Errorf("%s: not in UTC", c.n)
		}
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 11, 2, 9, 0, 0, 123_000_000, time.UTC)
	for _, c := range []struct {
		s       string
		layouts []string
		ok      bool
	}{
		{"2026-11-02T09:00:00.123Z", nil, true}, {"2026-11-02T10:00:00.123456+01:00", nil, true},
		{"2026-11-02 09:00:00.123 UTC", []string{time.RFC3339, "2006-01-02 15:04:05.999 UTC"}, true},
		{"2026-11-02 09:00:00", nil, false}, {"", nil, false}, {"", []string{time.RFC1123}, false},
	} {
		got, err := platform.Time(c.s, c.layouts...)
		if (err == nil) != c.ok || c.ok && !got.Equal(want) {
			t.Errorf("%q: got %s, %v", c.s, got, err)
		}
	}
	if _, err := platform.Time(strings.Repeat("x", 1000)); err == nil || len(err.Error()) > 200 {
		t.Errorf("a long value is repeated whole: %v", err)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{`"a\u00e9\n"`: "aé\n", `9007199254740993`: "9007199254740993", `-1.50`: "-1.50", `true`: "true", `false`: "false", `null`: "", `""`: "", `"null"`: "null"} {
		var got struct{ V platform.Text }
		if err := json.Unmarshal([]byte(`{"V":`+in+`}`), &got); err != nil || string(got.V) != want {
			t.Errorf("%s: got %q, %v; want %q", in, got.V, err, want)
		}
	}
	for _, in := range []string{`{}`, `[]`, `["a"]`, `{"a":1}`} {
		var got struct{ V platform.Text }
		if err := json.Unmarshal([]byte(`{"V":`+in+`}`), &got); err == nil {
			t.Errorf("%s: read as %q", in, got.V)
		}
	}
}

func TestPlainText(t *testing.T) {
	for in, want := range map[string]string{
		"<p>Hello</p><p>there</p>":                        "Hello\nthere",
		"one<br>two<br/>three":                            "one\ntwo\nthree",
		"a <b>bold</b> word":                              "a bold word",
		"AT&amp;T &lt;3 &#39;x&#39;":                      "AT&T <3 'x'",
		"<ul><li>one</li><li>two</li></ul>":               "one\ntwo",
		"<script>alert(1)</script>said":                   "said",
		"<script/>alert(1)</script>said":                  "said",
		"<style>p{color:red}</style><p>said</p>":          "said",
		"said<script>alert(1)":                            "said",
		"<p onclick=\"evil()\" title='x>y'>said</p>":      "said",
		"<!-- not <p>this</p> --><!DOCTYPE html>said":     "said",
		"  2 < 3 and 5 > 4  ":                             "2 < 3 and 5 > 4",
		"<blockquote>quoted</blockquote>answer":           "quoted\nanswer",
		"<a href=\"https://x.example\">a link</a>":        "a link",
		"line\r\nline":                                    "line\nline",
		"</script></style>said":                           "said",
		"<table><tr><td>a</td></tr><tr>b</tr></table>end": "a\nb\nend",
		"": "",
	} {
		if got := platform.PlainText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// lines is text as PlainText shows it that holds no markup: its lines, without
// white space at their ends and without empty ones.
func lines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	var out []string
	for l := range strings.SplitSeq(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// Whatever text is escaped comes back as it was; whatever markup stands
// around it, what a script holds does not, and no line is blank.
func FuzzPlainText(f *testing.F) {
	for _, s := range []string{"", "a < b & c", "<p>", "&amp;", "&#60;", "x\ny\r\nz", "</script>", "<script", "\x00\xff", "&lt&notit;", "<![CDATA[x]]>", "<textarea><p>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return // HTML has no NUL
		}
		if got, want := platform.PlainText(html.EscapeString(s)), lines(s); got != want {
			t.Errorf("escaped %q comes back as %q", want, got)
		}
		if got := platform.PlainText("<p>" + html.EscapeString(s) + "</p><script>s3cret</script>"); strings.Contains(got, "s3cret") != strings.Contains(s, "s3cret") {
			t.Errorf("with a script behind it: %q", got)
		}
		for l := range strings.SplitSeq(platform.PlainText(s), "\n") {
			if l != strings.TrimFunc(l, unicode.IsSpace) || l == "" && platform.PlainText(s) != "" {
				t.Errorf("%q has the line %q", s, l)
			}
		}
	})
}

func TestPathToken(t *testing.T) {
	base := platform.PathToken("key", "trustpilot", "unit")
	if len(base) != 32 || strings.Trim(base, "0123456789abcdef") != "" {
		t.Errorf("token %q", base)
	}
	for name, other := range map[string]string{
		"another key": platform.PathToken("kez", "trustpilot", "unit"), "another part": platform.PathToken("key", "trustpilot", "unit2"),
		"parts run together": platform.PathToken("key", "trustpilot|unit"), "parts cut elsewhere": platform.PathToken("key", "trustpilo", "tunit"),
		"fewer parts": platform.PathToken("key", "trustpilot"), "no parts": platform.PathToken("key"), "an empty one more": platform.PathToken("key", "trustpilot", "unit", ""),
	} {
		if other == base {
			t.Errorf("%s: the same token", name)
		}
	}
	if base != platform.PathToken("key", "trustpilot", "unit") {
		t.Error("the same parts have two tokens")
	}
	for i, c := range []struct {
		keys []string
		got  string
		want bool
	}{
		{[]string{"key"}, base, true}, {[]string{"new", "key"}, base, true}, {[]string{"", "key"}, base, true},
		{[]string{"new"}, base, false}, {nil, base, false}, {[]string{"key"}, "", false}, {[]string{"key"}, base[:31], false}, {[]string{"key"}, strings.ToUpper(base), false},
		{[]string{""}, platform.PathToken("", "trustpilot", "unit"), false},
	} {
		if got := platform.HasPathToken(c.keys, c.got, "trustpilot", "unit"); got != c.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

func TestNoConfig(t *testing.T) {
	for in, ok := range map[string]bool{"": true, "null": true, "{}": true, `{"a":1}`: false, "[]": false, "1": false} {
		if err := platform.NoConfig(json.RawMessage(in)); (err == nil) != ok {
			t.Errorf("%q: %v", in, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), "config: ") {
			t.Errorf("%q: it is not said of what: %v", in, err)
		}
	}
}
