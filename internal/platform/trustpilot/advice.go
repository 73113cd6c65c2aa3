package trustpilot

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Trustpilot",
		Where: "Trustpilot Business, under Integrations > Webhooks",
		Again: "Press Test there.",
	}
}
