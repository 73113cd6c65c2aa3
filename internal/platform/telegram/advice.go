package telegram

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Telegram",
		Where: "the bot's webhook: getWebhookInfo shows its address and last error",
		Again: "Call setWebhook again with this source's address and secret. Telegram keeps updates for 24 hours.",
	}
}
