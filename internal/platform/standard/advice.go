package standard

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Standard webhooks",
		Where: "the sending program's own settings",
		Again: "Switch the endpoint on again there, and have it send again what failed.",
	}
}
