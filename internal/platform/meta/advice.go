package meta

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Meta",
		Where: "your app in the Meta developer portal, under Webhooks, and the page's list of subscribed apps",
		Again: "Meta may unsubscribe a page after failures: subscribe the page to the app again.",
	}
}
