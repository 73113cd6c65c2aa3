package reading

import "testing"

// BenchmarkLoad is what a cold start pays: both indexes and both heads.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		newIndex(vocabulary)
		newIndex(lexiconText)
		if _, rest, err := parseHead(heads); err != nil {
			b.Fatal(err)
		} else if _, _, err = parseHead(rest); err != nil {
			b.Fatal(err)
		}
	}
}
