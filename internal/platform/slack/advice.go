package slack

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Slack",
		Where: "your app at api.slack.com, under Event Subscriptions",
		Again: "Slack switches subscriptions off when nearly all deliveries of an hour fail: switch them on again, and reinstall the app if permissions were changed.",
	}
}
