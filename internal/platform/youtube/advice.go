package youtube

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "YouTube",
		Start: "Nothing to do but to wait: Rapport subscribes at YouTube's hub by itself.",
		Again: "Some channels fall silent in YouTube's hub itself; Rapport goes on asking it.",
		Fetch: "Look at the key's quota, and whether comments are open.",
	}
}
