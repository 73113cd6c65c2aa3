package typeform

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Typeform",
		Where: "each form, under Connect > Webhooks",
		Again: "Look at its deliveries there, and whether it is switched on.",
	}
}
