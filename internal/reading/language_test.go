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
			got, _ := languageOf(text)
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
