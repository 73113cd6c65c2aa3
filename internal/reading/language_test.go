package reading

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/plain"
)

// The languages of the sentences that the reader was trained on are known, and
// nothing of package langid was made from them.
func TestLanguagesAreTold(t *testing.T) {
	files, err := filepath.Glob("../../models/sentences/*.tsv")
	if err != nil || len(files) < len(Languages) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	right, of, long, ofLong := 0, 0, 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Base(file)[:2]
		for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			text := plain.Text(line[strings.LastIndexByte(line, '\t')+1:])
			if i == 0 || !hasLetter(text) {
				continue
			}
			got, _ := languageOf(text, nil)
			of++
			if got == want {
				right++
			}
			if len(text) < 40 {
				continue
			}
			if ofLong++; got == want {
				long++
			}
		}
	}
	t.Logf("%d of %d are told right, of those of 40 bytes and more %d of %d", right, of, long, ofLong)
	if 100*right < 97*of || 1000*long < 995*ofLong {
		t.Errorf("%d of %d are told right, want 97 %%; of those of 40 bytes and more %d of %d, want 99.5 %%", right, of, long, ofLong)
	}
}

func TestShortTextsAreInExpectedLanguages(t *testing.T) {
	for _, c := range []struct {
		text     string
		expected []string
		want     string
		read     bool
	}{
		{"zero complaints", []string{"de", "en"}, "en", true},
		{"Nicht zufrieden", []string{"de", "en"}, "de", true},
		{"hallo", []string{"nl"}, "nl", true},
		{"hallo", []string{"pl"}, "pl", false}, // one that is told, and not read
		{"Пожалуйста, верните деньги за заказ", []string{"pt", "en", "ru"}, "ru", false},
		{"Ninguém respondeu ao meu pedido de reembolso desde a semana passada.", []string{"de", "en"}, "pt", true},
	} {
		if got, read := languageOf(c.text, c.expected); got != c.want || read != c.read {
			t.Errorf("%q of %v is %s, read %v; want %s, %v", c.text, c.expected, got, read, c.want, c.read)
		}
	}
}
