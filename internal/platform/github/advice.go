package github

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "GitHub",
		Where: "the settings of the repository, organisation or app, under Webhooks",
		Again: "GitHub does not send again by itself: redeliver there what failed.",
	}
}
