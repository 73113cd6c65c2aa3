package discord

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Discord",
		Where: "the Discord developer portal, under your application's Webhooks",
		Again: "Discord stops after too many failures: see that events are on there, and save.",
	}
}
