package bluesky

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Bluesky",
		Start: "Run rapport jetstream for these accounts, with the source's hook address.",
		Again: "Look whether rapport jetstream runs, and what it says: it can go back about a day.",
	}
}
