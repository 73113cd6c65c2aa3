package quality

import "testing"

func TestTheCommunityHasTenThemesInEachLanguage(t *testing.T) {
	said, err := ReadCommunity("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 7 {
		t.Errorf("%d languages, want 7", len(said))
	}
	for language, texts := range said {
		themes, seen := map[string]int{}, map[string]bool{}
		for _, x := range texts {
			themes[x.Label]++
			if seen[x.Text] {
				t.Errorf("%s: %q stands there twice", language, x.Text)
			}
			seen[x.Text] = true
		}
		for label, n := range themes {
			if n != 20 {
				t.Errorf("%s: %d texts of %q, want 20", language, n, label)
			}
		}
		if len(themes) != 10 {
			t.Errorf("%s: %d themes, want 10", language, len(themes))
		}
	}
}
