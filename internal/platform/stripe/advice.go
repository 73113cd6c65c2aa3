package stripe

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Stripe",
		Where: "the Stripe dashboard, under Developers > Webhooks",
		Again: "Stripe sends again for three days, and switches off endpoints that fail for days: switch it on again.",
	}
}
