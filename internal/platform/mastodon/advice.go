package mastodon

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Mastodon",
		Where: "the server's administration pages, under Webhooks",
		Again: "Switch the webhook on again, if it is off.",
		Fetch: "Open the hashtag's page at the server in a browser; the server may want a token.",
	}
}
