package intercom

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Intercom",
		Where: "your app in the Intercom developer hub, under Webhooks",
		Again: "Intercom suspends a webhook that fails for days: switch it on again.",
	}
}
