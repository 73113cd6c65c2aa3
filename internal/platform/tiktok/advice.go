package tiktok

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "TikTok",
		Where: "your app in the TikTok developer portal, or the Business API's list of webhooks",
		Again: "See that the type of event is still registered with this address. TikTok sends again for 72 hours.",
	}
}
