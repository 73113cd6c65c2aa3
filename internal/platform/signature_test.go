package platform_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/platform"
)

// RFC 4231, test case 2 (sha256, sha512), and RFC 2202, test case 2 (sha1).
var published = map[string]string{
	"sha1":   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	"sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	"sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
}

func TestPublishedSumsMatchInBothEncodings(t *testing.T) {
	for algorithm, want := range published {
		raw, err := hex.DecodeString(want)
		if err != nil {
			t.Fatal(err)
		}
		for encoding, want := range map[string]string{"hex": want, "base64": base64.StdEncoding.EncodeToString(raw)} {
			m := platform.MAC{Algorithm: algorithm, Encoding: encoding}
			if err := m.Check(); err != nil {
				t.Errorf("%v: %v", m, err)
			}
			if got := m.Sum("Jefe", []byte("what do ya want "), []byte("for nothing?")); got != want {
				t.Errorf("%v: got %q, want %q", m, got, want)
			}
			if !m.Matches([]string{"other", "Jefe"}, want, []byte("what do ya want for nothing?")) {
				t.Errorf("%v: the published sum does not match under the second key", m)
			}
		}
	}
}

func TestMACRefusesWhatIsNotIts(t *testing.T) {
	for _, m := range []platform.MAC{{"md5", "hex"}, {"", "hex"}, {"sha256", "base32"}, {"sha256", ""}, {"SHA256", "hex"}} {
		if m.Check() == nil {
			t.Errorf("%v passes", m)
		}
	}
}

func TestSumsThatDoNotMatch(t *testing.T) {
	body := []byte("body")
	hexed, b64 := platform.MAC{Algorithm: "sha256", Encoding: "hex"}, platform.MAC{Algorithm: "sha256", Encoding: "base64"}
	sum, sum64 := hexed.Sum("k", body), b64.Sum("k", body)
	if !hexed.Matches([]string{"k"}, sum, body) || !b64.Matches([]string{"k"}, sum64, body) {
		t.Fatal("the sums to be broken don't match to begin with")
	}
	for name, c := range map[string]struct {
		m    platform.MAC
		keys []string
		got  string
	}{
		"no keys":                    {hexed, nil, sum},
		"an empty key":               {hexed, []string{""}, hexed.Sum("", body)},
		"another's key":              {hexed, []string{"other"}, sum},
		"no sum":                     {hexed, []string{"k"}, ""},
		"half a sum":                 {hexed, []string{"k"}, sum[:32]},
		"more than a sum":            {hexed, []string{"k"}, sum + "00"},
		"upper case":                 {hexed, []string{"k"}, strings.ToUpper(sum)},
		"no hex":                     {hexed, []string{"k"}, "z" + sum[1:]},
		"a line break in base64":     {b64, []string{"k"}, sum64[:4] + "\n" + sum64[4:]},
		"a line break after base64":  {b64, []string{"k"}, sum64 + "\r\n"},
		"base64 without its padding": {b64, []string{"k"}, strings.TrimRight(sum64, "=")},
		"hex where base64 is due":    {b64, []string{"k"}, sum},
		"base64 where hex is due":    {hexed, []string{"k"}, sum64},
	} {
		if c.m.Matches(c.keys, c.got, body) {
			t.Errorf("%s: matches", name)
		}
	}
	// The last character before the padding has two bits to spare.
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		if got := sum64[:42] + string(c) + "="; got != sum64 && b64.Matches([]string{"k"}, got, body) {
			t.Errorf("another way to write the sum matches: %q", got)
		}
	}
	if hexed.Matches([]string{"k"}, sum, []byte("bodY")) {
		t.Error("another body matches")
	}
}

func TestSumsInAHeader(t *testing.T) {
	body := []byte(`{"id":7}`)
	m, b64 := platform.MAC{Algorithm: "sha256", Encoding: "hex"}, platform.MAC{Algorithm: "sha512", Encoding: "base64"}
	sum, old, other, long := m.Sum("new", body), m.Sum("old", body), m.Sum("other", body), b64.Sum("new", body)
	keys := []string{"new", "old"}
	for _, c := range []struct {
		m              platform.MAC
		header, prefix string
		want           bool
	}{
		{m, sum, "", true}, {m, strings.ToUpper(sum), "", true}, {m, "sha256=" + strings.ToUpper(sum), "sha256=", true},
		{m, strings.ToUpper(sum[:32]) + sum[32:], "", false},
		{m, "v0=" + other + "," + sum, "v0=", true}, {m, "v0=" + other + ",v0=" + old, "v0=", true}, {m, "v0=" + other + " v0=" + strings.ToUpper(sum), "v0=", true},
		{m, other + ", " + sum, "", true}, {m, "Sig a=" + sum, "Sig a=", true},
		{b64, "v1=x," + long, "v1=", true}, {b64, "v1=" + strings.ToUpper(long), "v1=", false},
		{m, other + "," + other, "", false}, {m, "v1=" + sum, "v0=", false}, {m, "v0=" + other + ",v1=" + sum, "v0=", false}, {m, sum + ",", "v0=", false},
		{m, "", "", false}, {m, ",", "", false}, {m, "v0=", "v0=", false},
		{m, strings.Repeat(other+",", 9) + sum, "", true}, {m, strings.Repeat(other+",", 10) + sum, "", false}, // each costs a sum over the body
	} {
		if got := c.m.AnyMatches(keys, c.header, c.prefix, body); got != c.want {
			t.Errorf("%q after %q: %v", c.header, c.prefix, got)
		}
	}
	if m.AnyMatches([]string{""}, m.Sum("", body), "", body) || m.AnyMatches(nil, sum, "", body) {
		t.Error("an unset secret verifies")
	}
}

// FuzzChangedSumNeverMatches changes one byte of the sum or of the body.
func FuzzChangedSumNeverMatches(f *testing.F) {
	for i := range 44 {
		f.Add([]byte(`{"id":1}`), uint(i), byte(1), i%2 == 0)
		f.Add([]byte(`{"id":1}`), uint(i), byte(0x20), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, at uint, xor byte, encodeHex bool) {
		m := platform.MAC{Algorithm: "sha256", Encoding: "base64"}
		if encodeHex {
			m.Encoding = "hex"
		}
		sum := []byte(m.Sum("secret", body))
		if !m.Matches([]string{"secret"}, string(sum), body) {
			t.Fatal("the true sum does not match")
		}
		if xor == 0 {
			return
		}
		sum[at%uint(len(sum))] ^= xor
		if m.Matches([]string{"secret"}, string(sum), body) {
			t.Errorf("%q matches", sum)
		}
		sum[at%uint(len(sum))] ^= xor
		if len(body) > 0 {
			body[at%uint(len(body))] ^= xor
			if m.Matches([]string{"secret"}, string(sum), body) {
				t.Errorf("%q matches the changed body %q", sum, body)
			}
		}
	})
}

func TestReplayWindowGoesBothWays(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		off  time.Duration
		want string
	}{
		{0, ""}, {-5 * time.Minute, ""}, {5 * time.Minute, ""},
		{-5*time.Minute - time.Second, "signed 5m1s ago, over the 5m0s allowed"},
		{5*time.Minute + time.Second, "signed 5m1s in the future, over the 5m0s allowed"},
		{-5*time.Minute - 1, "signed 5m0s ago"}, {5*time.Minute + 1, "in the future"},
		{-290 * 365 * 24 * time.Hour, "ago"}, {250 * 365 * 24 * time.Hour, "in the future"},
	} {
		err := platform.Within(now.Add(c.off), now, 5*time.Minute)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s from now: got %v, want %q", c.off, err, c.want)
		}
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s from now: kind %s", c.off, fault.KindOf(err))
		}
	}
	// Further off than a Duration can say.
	for _, at := range []time.Time{time.Unix(1<<62, 0), time.Unix(-1<<62, 0)} {
		if platform.Within(at, now, 5*time.Minute) == nil {
			t.Errorf("%d s is within the window", at.Unix())
		}
	}
	drill.Show(t, "signed 5 minutes before or after our clock holds; a second more, or centuries, does not")
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":           "",
		"two values":        `{} {}`,
		"a value cut short": `{"a":`,
		"text after it":     `{}x`,
		"65 deep":           strings.Repeat("[", 65) + strings.Repeat("]", 65),
		"65 deep, mixed":    strings.Repeat(`{"a":[`, 33) + strings.Repeat("]}", 33),
		"a million deep":    strings.Repeat("[", 1_000_000),
	} {
		var v any
		if err := platform.Decode([]byte(body), &v); err == nil {
			t.Errorf("%s: decoded as %v", name, v)
		}
	}
	drill.Show(t, "65 levels and a million levels are refused")
}

// TestByteOrderMark: RFC 8259 lets a reader pass over one before a JSON text,
// which is then taken apart, cut and written without it.
func TestByteOrderMark(t *testing.T) {
	for body, ok := range map[string]bool{"\ufeff{\"a\":1}": true, "\ufeff [1]": true, "\ufeff\ufeff{}": false, " \ufeff{}": false, "{}\ufeff": false, "\ufeff": false} {
		var v any
		if err := platform.Decode([]byte(body), &v); (err == nil) != ok {
			t.Errorf("%q: %v", body, err)
		}
	}
	for body, want := range map[string]string{"\ufeff{\"a\":\"b\"}": `{"a":"c"}`, "\ufeff{\"a\":\"b\"}\n{\"a\":\"d\"}": "{\"a\":\"c\"}\n{\"a\":\"c\"}",
		"\ufeff<a>b</a>": "<a>c</a>", "\ufeffa=b": "a=c", "<?xml version=\"1.0\" encoding=\"latin1\"?><a>\xfc</a>": "<a>c</a>"} {
		b, ok := platform.ParseBody([]byte(body))
		b, _ = b.Change(func(_ string, v any) any {
			if s, is := v.(string); is && (s == "b" || s == "d" || s == "ü") {
				return "c"
			}
			return v
		}, func(string) bool { return false })
		if !ok || string(b.Bytes()) != want {
			t.Errorf("%q: %v, %q", body, ok, b.Bytes())
		}
	}
}

func TestAListIsDue(t *testing.T) {
	var list []json.RawMessage
	if err := platform.Decode([]byte(`{"a":1}`), &list); err == nil || err.Error() != "no list: the JSON is one object, where a list is due" {
		t.Error(err)
	}
}

func TestDecodeTakes(t *testing.T) {
	for name, body := range map[string]string{
		"64 deep":              strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"brackets in text":     `{"a":"` + strings.Repeat("[", 100) + `\"` + strings.Repeat("{", 100) + `\\"}`,
		"100 lists one by one": "[" + strings.Repeat("[],", 100) + "0]",
		"white space around":   " \n{}\n ",
	} {
		var v any
		if err := platform.Decode([]byte(body), &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeKeepsTheDigitsOfNumbers(t *testing.T) {
	var v map[string]any
	if err := platform.Decode([]byte(`{"n":9007199254740993}`), &v); err != nil {
		t.Fatal(err)
	}
	if got, want := v["n"], json.Number("9007199254740993"); got != want {
		t.Errorf("got %v (%T), want %v", got, got, want)
	}
}

func TestIDs(t *testing.T) {
	for in, want := range map[string]platform.ID{
		`"a"`: "a", `""`: "", `"9007199254740993"`: "9007199254740993", `9007199254740993`: "9007199254740993",
		`123456789012345678901234567890`: "123456789012345678901234567890", `-1`: "-1", `null`: "", `"#|\u0000"`: "#|\x00",
	} {
		var got platform.ID
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`true`, `{}`, `["1"]`, `1e999`} {
		var got platform.ID
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s: read as %q", in, got)
		}
	}
}
