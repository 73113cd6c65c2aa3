package zendesk

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Zendesk",
		Where: "Zendesk's admin centre, under Apps and integrations > Webhooks",
		Again: "Look at its activity there, and whether it is active.",
	}
}
