package x

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "X",
		Where: "your app in the X developer portal",
		Again: "X stops when a webhook fails its test: it is tested again by PUT /2/webhooks/{id}, which Rapport asks for by itself where the app's document names webhook_id and its token is set.",
	}
}
