package plain_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"rapport/internal/plain"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"links, handles, entities, hashtags", "@united: thanks &amp; see https://love.example/great #Delayed", "thanks & see Delayed"},
		{"a heart is no tag", "I <3 it, 2 < 3 > 1", "I <3 it, 2 < 3 > 1"},
		{"tags", "<p>I do <b>not</b> like it.</p><p>At all<br/>really</p>", "I do not like it. At all really"},
		{"entities are resolved once", "&lt;b&gt; is a tag", "<b> is a tag"},
		{"a quotation is somebody else's", "<blockquote>We love it, great!</blockquote><p>It never worked.</p>", "It never worked."},
		{"a quotation that is not ended", "<p>It never worked.</p><blockquote>We love it", "It never worked."},
		{"nothing but a quotation", "<blockquote>It never worked.</blockquote>", "It never worked."},
		{"code", "<p>Fails with</p><pre>panic: great()</pre>", "Fails with"},
		{"what a mail program quotes", `<div>Still broken.</div><div class="gmail_quote">On Mon, Jo wrote: thanks a lot</div>`, "Still broken."},
		{"quoted lines", "> We love it, great!\n> Really\nIt never worked.", "It never worked."},
		{"nothing but quoted lines", "> It never worked.", "> It never worked."},
		{"an attribution", "Still broken.\n\nOn Tue, 3 Mar 2026 at 10:12, Jo Doe <jo@example.com> wrote:\n> Thanks for writing!", "Still broken."},
		{"an attribution in German", "Geht nicht.\n\nAm 3. März 2026 um 10:12 schrieb Jo Doe <jo@example.com>:\n> Vielen Dank!", "Geht nicht."},
		{"an attribution in Spanish", "No funciona.\n\nEl mar, 3 mar 2026 a las 10:12, Jo escribió:\n> ¡Gracias!", "No funciona."},
		{"an answered mail", "Ça ne marche pas.\n-----Message d'origine-----\nMerci beaucoup", "Ça ne marche pas."},
		{"a forwarded head", "See below, it is broken.\nFrom: Jo\nSent: Monday\nTo: Support\nSubject: great\nThanks a lot", "See below, it is broken."},
		{"one line that looks like a head", "To: be honest I am lost.\nPlease help.", "To: be honest I am lost. Please help."},
		{"a signature", "No answer yet?\n-- \nJo Doe\nHead of Great Things", "No answer yet?"},
		{"a telephone's signature", "Wo bleibt mein Paket?\n\nVon meinem iPhone gesendet", "Wo bleibt mein Paket?"},
		{"what somebody wrote", "He wrote: great\nshe wrote nothing", "He wrote: great she wrote nothing"},
		{"nothing", "", ""},
	} {
		if got := plain.Text(c.text); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "<b", "<blockquote><p>", strings.Repeat("<div>", 50), "> > a\n-- \nb", "&amp;lt;b&amp;gt;", "\xff<p>\xfe", "On x wrote:\n", "From: a\nTo: b\nDate: c\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := plain.Text(text)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t") || strings.Contains(got, "  ") {
			t.Errorf("%q becomes %q", text, got)
		}
		if n := utf8.RuneCountInString(got); n > 8*plain.Most {
			t.Errorf("%d runes become %d", utf8.RuneCountInString(text), n)
		}
		if strings.TrimSpace(text) == "" && got != "" {
			t.Errorf("nothing becomes %q", got)
		}
	})
}
