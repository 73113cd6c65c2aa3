package consent_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/consent"
	"rapport/internal/fault"
)

var now = time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC)

func key(t testing.TB, secret string) consent.Key {
	t.Helper()
	k, err := consent.New([]byte(strings.Repeat(secret, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func link(k consent.Key, does string) consent.Link {
	return consent.Link{Does: does, Workspace: "acme", Report: "weekly", Address: k.Hash("ann@example.com"), Until: now.Add(consent.Lasts)}
}

func TestALinkDoesWhatItWasMadeFor(t *testing.T) {
	k := key(t, "k")
	l := link(k, consent.Confirm)
	token := k.Token(l)
	if got, err := k.Open(consent.Confirm, token, now); err != nil || got != l {
		t.Fatalf("%+v, %v; want %+v", got, err, l)
	}
	if url := k.URL("https://api.example.com/", l); url != "https://api.example.com/mail/confirm/"+token {
		t.Errorf("the URL is %s", url)
	}
	if _, err := k.Open(consent.Unsubscribe, token, now); !fault.Is(err, fault.NotFound) {
		t.Errorf("to unsubscribe with it: %v", err)
	}
	if _, err := key(t, "l").Open(consent.Confirm, token, now); !fault.Is(err, fault.NotFound) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := k.Open(consent.Confirm, token, now.Add(consent.Lasts-time.Second)); err != nil {
		t.Errorf("in its last second: %v", err)
	}
	if _, err := k.Open(consent.Confirm, token, now.Add(consent.Lasts)); !errors.Is(err, consent.ErrExpired) {
		t.Errorf("after seven days: %v", err)
	}
	l = consent.Link{Does: consent.Unsubscribe, Workspace: "acme", Report: "weekly", Address: l.Address}
	if got, err := k.Open(consent.Unsubscribe, k.Token(l), now.AddDate(20, 0, 0)); err != nil || got != l {
		t.Errorf("to unsubscribe after twenty years: %+v, %v", got, err)
	}
}

// FuzzLinksAreOurs: whatever else is given than what was written, is not ours.
func FuzzLinksAreOurs(f *testing.F) {
	k := key(f, "k")
	token := k.Token(link(k, consent.Confirm))
	for i := range token {
		f.Add(token[:i] + "A" + token[i+1:])
		f.Add(token[:i])
	}
	f.Add(token + "\n")
	f.Add(token + "=")
	f.Add(strings.Replace(token, "acme", "acmf", 1))
	f.Fuzz(func(t *testing.T, other string) {
		if _, err := k.Open(consent.Confirm, other, now); other != token && err == nil {
			t.Errorf("%q was taken for a link of ours", other)
		}
	})
}

func TestAddressesAreHashedWithTheKey(t *testing.T) {
	k := key(t, "k")
	if k.Hash("Ann@Example.com") != k.Hash("ann@example.com") {
		t.Error("another way to write it is another address")
	}
	if k.Hash("ann@example.com") == k.Hash("bob@example.com") || k.Hash("ann@example.com") == key(t, "l").Hash("ann@example.com") {
		t.Error("two addresses, or keys, have one hash")
	}
	if _, err := consent.New([]byte("short")); err == nil {
		t.Error("a short secret is taken")
	}
}

func FuzzNamesCantLie(f *testing.F) {
	for _, s := range []string{"Acme Inc.", `a" b`, "“q” «r»", "x\u202egnp.exe", "a\r\nBcc: b@example.com", strings.Repeat("e\u0301\u0301\u0301\u0301\u0301\u0301", 90), "\xff", "pay at evil.example", "\u2066a\u2069", "\U000e0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, s := range []string{consent.Quoted(name), consent.Unlinked(name)} {
			in := s[1 : len(s)-1]
			if s[0] != '"' || s[len(s)-1] != '"' || utf8.RuneCountInString(in) > 60 || !utf8.ValidString(s) || strings.TrimSpace(in) != in {
				t.Errorf("%q became %q", name, s)
			}
			if strings.ContainsFunc(in, func(r rune) bool {
				return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Quotation_Mark) && r != '\'' && r != '’'
			}) {
				t.Errorf("%q became %q", name, s)
			}
		}
		if strings.ContainsAny(consent.Unlinked(name), ".:/@") {
			t.Errorf("%q became %q, which may become a link", name, consent.Unlinked(name))
		}
	})
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"Larkspoon's Men’s": {`"Larkspoon's Men’s"`, `"Larkspoon's Men’s"`},
		"Acme Inc.":         {`"Acme Inc."`, `"Acme Inc"`},
		"Your invoice is overdue: pay at evil.example": {`"Your invoice is overdue: pay at evil.example"`, `"Your invoice is overdue pay at evil example"`},
		`Acme", from your bank: "`:                     {`"Acme , from your bank:"`, `"Acme from your bank"`},
		strings.Repeat("w", 61):                        {`"` + strings.Repeat("w", 59) + `…"`, `"` + strings.Repeat("w", 59) + `…"`},
		"a\u202eb\r\nc":                                {`"ab c"`, `"a b c"`},
		"日本":                                           {`"日本"`, `"日本"`},
	} {
		if got := [2]string{consent.Quoted(name), consent.Unlinked(name)}; got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}
