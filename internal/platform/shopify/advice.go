package shopify

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Shopify",
		Where: "your app in Shopify's developer dashboard, or the shop's settings under Notifications > Webhooks",
		Again: "Shopify removes a subscription after 8 failures in a row: make it again.",
	}
}
