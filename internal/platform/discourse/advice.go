package discourse

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Discourse",
		Where: "the forum's admin pages, under API > Webhooks",
		Again: "Its recent deliveries there show what was answered. Discourse may switch a webhook off: switch it on again.",
	}
}
