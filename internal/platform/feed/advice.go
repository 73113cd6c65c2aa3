package feed

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Feed",
		Fetch: "Open the feed's address in a browser: it must answer with a feed.",
	}
}
