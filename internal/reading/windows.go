package reading

import (
	"strings"
	"unicode/utf8"
)

const (
	// window is how much of a text is read at once, in bytes: about what the encoder takes in.
	window = 400
	// most bounds the windows of a text, and so what reading it costs.
	most = 4
)

// windows parts a text that is too long to be read at once: its beginning, its
// end, and parts spread between. They begin and end between words.
func windows(text string) []string {
	if len(text) <= window {
		return []string{text}
	}
	n := min(most, (len(text)+window-1)/window)
	out := make([]string, 0, n)
	for i := range n {
		at := (len(text) - window) * i / (n - 1)
		for !utf8.RuneStart(text[at]) {
			at++
		}
		end := min(len(text), at+window)
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end--
		}
		part := text[at:end]
		if i > 0 {
			if k := strings.IndexByte(part, ' '); k >= 0 && k < len(part)/2 {
				part = part[k+1:]
			}
		}
		if i < n-1 {
			if k := strings.LastIndexByte(part, ' '); k > len(part)/2 {
				part = part[:k]
			}
		}
		out = append(out, part)
	}
	return out
}
