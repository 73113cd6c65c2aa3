package hubspot

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "HubSpot",
		Where: "your app in the HubSpot developer account, under Webhooks",
		Again: "Look at its log of webhooks, and switch paused subscriptions on again.",
	}
}
